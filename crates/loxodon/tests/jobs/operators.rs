//! What operators and users order: attempts, trackers, queues, rights.

use std::process::Child;

use crate::site::{Site, all, wait};
use crate::web::json;

/// A job whose maps wait for a file, not yet over.
fn waiting_job(site: &Site, output: &str, maps: usize, settings: &[&str]) -> Child {
    let gate = site.path("gate").display().to_string();
    let mapper = format!("sh -c 'while [ ! -e {gate} ]; do sleep 0.1; done; cat'");
    let maps = format!("mapreduce.job.maps={maps}");
    let mut all = vec![maps.as_str()];
    all.extend(settings);
    let options = ["-input", "/in", "-output", output, "-mapper", &mapper, "-reducer", "cat"];
    site.streaming(&all, &options).spawn().expect("the program starts")
}

fn open_gate(site: &Site) {
    std::fs::write(site.path("gate"), "").expect("a file");
}

fn running_job(site: &Site) -> Option<String> {
    let listed = site.text(&["mapred", "job", "-list"]);
    let row = listed.lines().find(|line| line.trim_start().starts_with("job_"))?;
    Some(row.split('\t').next()?.trim().to_owned())
}

fn running_attempts(site: &Site, job: &str) -> Vec<String> {
    let text = site.text(&["mapred", "job", "-list-attempt-ids", job, "MAP", "running"]);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn attempts_are_killed_and_failed_by_their_ids() {
    let site = Site::start(1, &[]);
    site.put("/in", "a\nb\n");
    let job = waiting_job(&site, "/out", 2, &["mapreduce.map.maxattempts=2"]);
    wait("both maps run", || {
        running_job(&site).is_some_and(|job| running_attempts(&site, &job).len() == 2)
    });
    let id = running_job(&site).expect("a job");
    let attempts = running_attempts(&site, &id);
    let (first, second) = (attempts[0].as_str(), attempts[1].as_str());
    let told = site.text(&["mapred", "job", "-fail-task", first]);
    assert_eq!(told, format!("Killed task {first} by failing it\n"));
    let told = site.text(&["mapred", "job", "-kill-task", second]);
    assert_eq!(told, format!("Killed task {second}\n"));
    wait("others run instead", || {
        let now = running_attempts(&site, &id);
        now.len() == 2 && now.iter().all(|attempt| !attempts.contains(attempt))
    });
    for (option, word) in [("-kill-task", "kill"), ("-fail-task", "fail")] {
        let again = site.run(&["mapred", "job", option, first]);
        assert_eq!(again.status.code(), Some(255));
        assert!(all(&again).contains(&format!("Could not {word} task {first}")), "{}", all(&again));
    }
    let told = site.text(&["mapred", "job", "-set-priority", &id, "HIGH"]);
    assert_eq!(told, "Changed job priority.\n");
    assert!(site.text(&["mapred", "job", "-list"]).contains("\t      HIGH\t"));
    open_gate(&site);
    let done = job.wait_with_output().expect("its end");
    assert!(done.status.success(), "{}", all(&done));
    let status = site.text(&["mapred", "job", "-status", &id]);
    for part in ["Failed map tasks=1", "Killed map tasks=1"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    // Each attempt has counters of its own, and says why it ended.
    let base = format!("/ws/v1/mapreduce/jobs/{id}/tasks");
    let task = first.rsplit_once('_').expect("a number").0.replace("attempt_", "task_");
    let told = json(site.page_address(), &format!("{base}/{task}/attempts/{first}"));
    let why = told["taskAttempt"]["diagnostics"].as_str().unwrap_or_default();
    assert!(why.contains("Task has been FAILED by the user"), "{told}");
    let last = first.rsplit_once('_').expect("a number").0.to_owned() + "_1";
    let counters = json(site.page_address(), &format!("{base}/{task}/attempts/{last}/counters"));
    assert!(counters.to_string().contains("MAP_INPUT_RECORDS"), "{counters}");
    let again = site.run(&["mapred", "job", "-kill", &id]);
    assert!(all(&again).contains("it has already succeeded"), "{}", all(&again));
    let missing = site.run(&["mapred", "job", "-status", "job_1_0001"]);
    assert_eq!(missing.status.code(), Some(255));
    assert!(all(&missing).contains("Could not find job job_1_0001\n"), "{}", all(&missing));
}

#[test]
fn a_tracker_that_spoils_jobs_is_blacklisted() {
    let site = Site::start(
        2,
        &[
            ("mapreduce.jobtracker.tasktracker.maxblacklists", "1"),
            ("yarn.nodemanager.resource.cpu-vcores", "1"),
        ],
    );
    assert_eq!(site.text(&["mapred", "job", "-list-blacklisted-trackers"]), "");
    site.put("/in", "a\nb\n");
    // What runs elsewhere waits until the first tracker has spoilt something.
    let spoilt = site.path("spoilt").display().to_string();
    let mapper = format!(
        "sh -c 'case \"$PWD\" in */tracker0/*) touch {spoilt}; exit 1;; esac; \
         while [ ! -e {spoilt} ]; do sleep 0.1; done; cat'"
    );
    let settings = ["mapreduce.job.maps=4", "mapreduce.job.maxtaskfailures.per.tracker=1"];
    let options = ["-input", "/in", "-output", "/out", "-mapper", &mapper, "-reducer", "cat"];
    let done = site.stream(&settings, &options);
    assert!(done.status.success(), "{}", all(&done));
    wait("it is blacklisted", || site.live_trackers() == 1);
    let listed = site.text(&["mapred", "job", "-list-blacklisted-trackers"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert_eq!(lines[0], "BlackListedNode \t Reason");
    assert!(
        lines[1].starts_with("tracker_") && lines[1].contains("\tToo many failures"),
        "{listed}"
    );
}

#[test]
fn trackers_of_excluded_machines_go_and_come_back() {
    let mut site = Site::hdfs(2);
    site.write_conf("excluded", "");
    site.write_conf("included", "127.0.0.1\nlocalhost # both\n");
    site.write_settings(&[
        ("mapreduce.jobtracker.hosts.filename", "{conf}/included"),
        ("mapreduce.jobtracker.hosts.exclude.filename", "{conf}/excluded"),
    ]);
    site.start_jobtracker();
    site.start_tracker_with(0, &[("mapreduce.tasktracker.host.name", "127.0.0.1")]);
    site.start_tracker_with(1, &[("mapreduce.tasktracker.host.name", "localhost")]);
    wait("both trackers", || site.live_trackers() == 2);
    site.put("/in", "a\nb\n");
    let job = waiting_job(&site, "/out", 4, &[]);
    wait("maps run", || {
        running_job(&site).is_some_and(|job| running_attempts(&site, &job).len() == 4)
    });
    site.write_conf("excluded", "localhost\n");
    assert_eq!(site.live_trackers(), 2, "nothing changes by itself");
    site.text(&["mapred", "mradmin", "-refreshNodes"]);
    assert_eq!(site.live_trackers(), 1);
    let nodes = json(site.page_address(), "/ws/v1/cluster/metrics");
    assert_eq!(nodes["clusterMetrics"]["decommissionedNodes"], 1, "{nodes}");
    // One that is on no list is turned away, too.
    site.write_conf("included", "127.0.0.1\n");
    site.write_conf("excluded", "");
    site.text(&["mapred", "mradmin", "-refreshNodes"]);
    assert_eq!(site.live_trackers(), 1);
    open_gate(&site);
    let done = job.wait_with_output().expect("its end");
    assert!(done.status.success(), "{}", all(&done));
    site.write_conf("included", "");
    site.text(&["mapred", "mradmin", "-refreshNodes"]);
    wait("it comes back", || site.live_trackers() == 2);
}

const QUEUES: &str = "<queues>
  <queue><name>open</name><acl-submit-job>*</acl-submit-job>
    <acl-administer-jobs>chief</acl-administer-jobs></queue>
  <queue><name>lab</name>
    <queue><name>day</name><acl-submit-job>ann</acl-submit-job></queue>
    <queue><name>night</name><state>stopped</state></queue></queue>
</queues>";

const POLICY: &str = "<configuration><property>
  <name>security.job.client.protocol.acl.blocked</name><value>mallory</value></property></configuration>";

/// Whoever may not speak the protocol is sent away, until the list is read again.
fn services_are_for_those_who_are_listed(site: &Site) {
    let list = || site.run_as("mallory", &["mapred", "job", "-list"]);
    let denied = "User mallory (auth:SIMPLE) is not authorized for protocol interface \
                  loxodon.mapreduce.ClientProtocol: denied by configured ACL";
    let told = list();
    assert!(all(&told).contains(denied) && !told.status.success(), "{}", all(&told));
    site.write_conf("hadoop-policy.xml", "<configuration/>");
    assert!(!list().status.success());
    site.text(&["mapred", "mradmin", "-refreshServiceAcl"]);
    assert!(list().status.success());
}

#[test]
fn queues_and_rights_are_those_of_their_files() {
    let settings = [
        ("mapreduce.cluster.acls.enabled", "true"),
        ("mapreduce.cluster.administrators", "boss"),
        ("hadoop.security.authorization", "true"),
    ];
    let files = [("mapred-queues.xml", QUEUES), ("hadoop-policy.xml", POLICY)];
    let site = Site::start_with(1, &settings, &files);
    site.put("/in", "a\n");
    for user in ["ann", "eve"] {
        site.text(&["hdfs", "dfs", "-mkdir", "-p", &format!("/user/{user}")]);
        site.text(&["hdfs", "dfs", "-chown", user, &format!("/user/{user}")]);
    }
    let list = site.text(&["mapred", "queue", "-list"]);
    for part in [
        "======================\nQueue Name : lab \nQueue State : running \n",
        "    ======================\n    Queue Name : lab:night \n    Queue State : stopped \n",
    ] {
        assert!(list.contains(part), "{list}");
    }
    let info = site.text(&["mapred", "queue", "-info", "lab:day", "-showJobs"]);
    assert!(info.contains("Queue Name : lab:day ") && info.contains("Total jobs:0"), "{info}");
    let info = site.text(&["mapred", "queue", "-info", "nowhere"]);
    assert_eq!(info, "Queue \"nowhere\" does not exist.\n");
    services_are_for_those_who_are_listed(&site);
    let acls = all(&site.run_as("ann", &["mapred", "queue", "-showacls"]));
    assert!(acls.contains("Queue acls for user :  ann\n"), "{acls}");
    assert!(acls.contains("lab:day  SUBMIT_APPLICATIONS\n"), "{acls}");
    assert!(!acls.contains("ADMINISTER_QUEUE"), "{acls}");

    let submit = |user: &str, queue: &str, output: &str| {
        let queue = format!("mapreduce.job.queuename={queue}");
        let mut command = site.streaming(
            &[&queue],
            &["-input", "/in", "-output", output, "-mapper", "cat", "-reducer", "cat"],
        );
        all(&command.env("HADOOP_USER_NAME", user).output().expect("the program starts"))
    };
    let text = submit("eve", "lab:day", "/user/eve/out");
    let denied = "User eve cannot perform operation SUBMIT_APPLICATIONS on queue lab:day.";
    assert!(text.contains(denied), "{text}");
    assert!(submit("ann", "lab:night", "/user/ann/no").contains("\"lab:night\" is not running"));
    assert!(submit("ann", "lab", "/user/ann/no").contains("\"lab\" is not a leaf queue"));
    assert!(submit("ann", "x", "/user/ann/no").contains("Queue \"x\" does not exist"));
    let text = submit("ann", "lab:day", "/user/ann/out");
    assert!(text.contains("completed successfully"), "{text}");

    // Jobs of others: not for everybody, but for the queue's and the cluster's administrators.
    let job = waiting_job(
        &site,
        "/out",
        1,
        &["mapreduce.job.queuename=open", "mapreduce.job.acl-modify-job=friend"],
    );
    wait("it runs", || {
        running_job(&site).is_some_and(|job| !running_attempts(&site, &job).is_empty())
    });
    let id = running_job(&site).expect("a job");
    let denied = site.run_as("eve", &["mapred", "job", "-kill", &id]);
    let text = format!("User eve cannot perform operation MODIFY_JOB on {id}. ");
    assert!(all(&denied).contains(&text) && denied.status.code() == Some(255), "{}", all(&denied));
    for (user, priority) in [("friend", "LOW"), ("chief", "HIGH"), ("boss", "NORMAL")] {
        let done = site.run_as(user, &["mapred", "job", "-set-priority", &id, priority]);
        assert!(done.status.success(), "{user}: {}", all(&done));
    }
    // Orders to the JobTracker itself.
    let denied = site.run_as("eve", &["mapred", "mradmin", "-refreshQueues"]);
    assert!(all(&denied).contains("User eve is not an administrator"), "{}", all(&denied));
    site.write_conf("mapred-queues.xml", &QUEUES.replace("<state>stopped</state>", ""));
    assert!(site.run_as("boss", &["mapred", "mradmin", "-refreshQueues"]).status.success());
    let list = site.text(&["mapred", "queue", "-info", "lab:night"]);
    assert!(list.contains("Queue State : running"), "{list}");
    site.write_conf("mapred-queues.xml", "<queues><queue><name>a</name><pace/></queue></queues>");
    let wrong = site.run(&["mapred", "mradmin", "-refreshQueues"]);
    assert!(all(&wrong).contains("<pace> in <queue> is not known"), "{}", all(&wrong));
    for order in ["-refreshUserToGroupsMappings", "-refreshSuperUserGroupsConfiguration"] {
        site.text(&["mapred", "mradmin", order]);
    }
    let groups = site.text(&["mapred", "mradmin", "-getGroups", "root", "nobody-at-all"]);
    assert!(groups.starts_with("root :") && groups.ends_with("nobody-at-all :\n"), "{groups}");
    // Another administrator: the old one gives no orders any more.
    let mapred = site.path("conf/mapred-site.xml");
    let text = std::fs::read_to_string(&mapred).expect("a file");
    std::fs::write(&mapred, text.replace("<value>boss<", "<value>head<")).expect("a file");
    assert!(site.run_as("boss", &["mapred", "mradmin", "-refreshAdminAcls"]).status.success());
    assert!(!site.run_as("boss", &["mapred", "mradmin", "-refreshNodes"]).status.success());
    assert!(site.run_as("head", &["mapred", "mradmin", "-refreshNodes"]).status.success());
    let done = site.run_as("head", &["mapred", "job", "-kill", &id]);
    assert!(all(&done).contains(&format!("Killed job {id}")), "{}", all(&done));
    let ended = job.wait_with_output().expect("its end");
    assert!(!ended.status.success(), "{}", all(&ended));
}

#[test]
fn queues_of_the_old_files_have_their_rights() {
    let list = |name: &str, value: &str| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let acls = format!(
        "<configuration>{}{}</configuration>",
        list("mapred.queue.default.acl-submit-job", "ann"),
        list("mapred.queue.slow.acl-submit-job", "*"),
    );
    let settings =
        [("mapred.queue.names", "default,slow"), ("mapreduce.cluster.acls.enabled", "true")];
    let site = Site::start_with(1, &settings, &[("mapred-queue-acls.xml", &acls)]);
    let shown = |user: &str| all(&site.run_as(user, &["mapred", "queue", "-showacls"]));
    assert!(shown("ann").contains("default  SUBMIT_APPLICATIONS\n"), "{}", shown("ann"));
    assert!(shown("eve").contains("default  \n"), "{}", shown("eve"));
    assert!(shown("eve").contains("slow  SUBMIT_APPLICATIONS\n"), "{}", shown("eve"));
}
