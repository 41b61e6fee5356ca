//! Finished jobs: what the JobTracker tells of those that it has retired, and what a history server tells.

use std::fs;

use loxodon_runtime::held_port::HeldPort;
use serde_json::Value;

use crate::browser::load;
use crate::site::{Site, all, wait};
use crate::web::{ask, json};

/// A job of two maps, the first of which fails once.
fn job(site: &Site, output: &str, settings: &[&str]) -> String {
    let script = "case \"$mapreduce_task_attempt_id\" in *_m_000000_0) echo bad luck >&2; exit 7;; esac; \
                  echo reporter:counter:mine,seen,5 >&2; cat";
    let mapper = format!("sh -c '{script}'");
    let options = ["-input", "/in", "-output", output, "-mapper", &mapper, "-reducer", "uniq -c"];
    let mut own = vec!["mapreduce.job.maps=2", "mapreduce.map.maxattempts=3"];
    own.extend(settings);
    let done = site.stream(&own, &options);
    let text = all(&done);
    assert!(done.status.success(), "{text}");
    let id = text.split_whitespace().find(|word| word.starts_with("job_")).expect("an id");
    id.trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The first attempt of the first map, which failed.
fn failed_attempt(job: &str) -> String {
    format!("{}_m_000000_0", job.replace("job_", "attempt_"))
}

#[test]
fn retired_jobs_are_told_of_from_their_history() {
    // No finished job is kept whole, so that each retires within a second.
    let site = Site::start(
        1,
        &[
            ("mapreduce.jobtracker.completeuserjobs.maximum", "0"),
            ("mapreduce.cluster.acls.enabled", "true"),
            ("mapreduce.cluster.administrators", "boss"),
        ],
    );
    site.put("/in", "a\nb\na\n");
    let id = job(&site, "/out", &["mapreduce.job.acl-view-job=friend"]);
    let retired = || site.text(&["mapred", "job", "-status", &id]).contains("retired: true");
    wait("the job retires", retired);
    let status = site.text(&["mapred", "job", "-status", &id]);
    for part in ["Job state: SUCCEEDED", "Failed map tasks=1", "seen=10", "Number of maps: 2"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let counter = site.text(&["mapred", "job", "-counter", &id, "mine", "seen"]);
    assert_eq!(counter, "10\n");
    let events = site.text(&["mapred", "job", "-events", &id, "0", "100"]);
    assert!(events.contains("Number of events (from 0) are: 4"), "{events}");
    assert!(events.contains(&format!("FAILED {} http://", failed_attempt(&id))), "{events}");
    let ids = site.text(&["mapred", "job", "-list-attempt-ids", &id, "map", "completed"]);
    assert!(ids.contains("_m_000000_1") && ids.contains("_m_000001_0"), "{ids}");
    let log = site.text(&["mapred", "job", "-logs", &id, &failed_attempt(&id)]);
    assert!(log.contains("bad luck"), "{log}");
    let history = site.text(&["mapred", "job", "-history", &id]);
    assert!(history.contains("FAILED task attempts by nodes"), "{history}");
    let conf = site.path("conf-of-job");
    site.text(&["mapred", "job", "-config", &id, &conf.display().to_string()]);
    assert!(fs::read_to_string(&conf).expect("a file").contains("mapreduce.job.acl-view-job"));

    // Whoever may not see it sees nothing of it.
    for (user, may) in [("friend", true), ("boss", true), ("eve", false)] {
        let refused = format!("User {user} cannot perform operation VIEW_JOB on {id}. ");
        for words in [
            vec!["-counter", &id, "mine", "seen"],
            vec!["-events", &id, "0", "1"],
            vec!["-list-attempt-ids", &id, "MAP", "completed"],
            vec!["-logs", &id, &failed_attempt(&id)],
        ] {
            let words = [vec!["mapred", "job"], words].concat();
            let done = site.run_as(user, &words);
            assert_eq!(done.status.success(), may, "{user} {words:?}: {}", all(&done));
            assert_eq!(all(&done).contains(&refused), !may, "{user} {words:?}: {}", all(&done));
        }
        let path = format!("/ws/v1/mapreduce/jobs/{id}/counters?user.name={user}");
        let (status, body) = ask(site.page_address(), &path, "*/*").expect("an answer");
        assert_eq!(status.contains(" 200 "), may, "{user}: {status} {body}");
        assert_eq!(status.contains(" 401 "), !may, "{user}: {status} {body}");
    }
}

#[test]
fn a_history_server_tells_of_jobs_and_puts_away_what_others_leave() {
    let held = [(); 3].map(|()| HeldPort::any().expect("a port"));
    let [rpc, web, admin] = &held.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
    let settings = [
        ("mapreduce.jobhistory.done-dir", "/history/done"),
        ("mapreduce.jobhistory.intermediate-done-dir", "/history/intermediate"),
        ("mapreduce.jobhistory.move.interval-ms", "200"),
        ("mapreduce.jobhistory.cleaner.interval-ms", "1000"),
        ("mapreduce.jobhistory.address", rpc),
        ("mapreduce.jobhistory.webapp.address", web),
        ("mapreduce.jobhistory.admin.address", admin),
    ];
    let site = Site::start(1, &settings);
    site.put("/in", "a\nb\na\n");
    let id = job(&site, "/out", &[]);
    let server = site.start_daemon("historyserver");
    wait("the history server", || {
        ask(web, "/ws/v1/history/info", "*/*").is_some_and(|(status, _)| status.contains(" 200 "))
    });
    let jobs = "/ws/v1/history/mapreduce/jobs";
    wait("the job is listed", || list(&json(web, jobs)["jobs"]["job"]).len() == 1);
    tells(web, &id);
    let found = |query: &str| list(&json(web, &format!("{jobs}?{query}"))["jobs"]["job"]).len();
    assert_eq!((found("state=SUCCEEDED"), found("state=FAILED")), (1, 0));
    assert_eq!((found("user=nobody"), found("limit=1&queue=default")), (0, 1));
    let (status, body) = ask(web, &format!("{jobs}?limit=0"), "*/*").expect("an answer");
    assert!(status.contains(" 400 ") && body.contains("limit value must be"), "{status} {body}");
    let (status, _) = ask(web, &format!("{jobs}/job_1_0001"), "*/*").expect("an answer");
    assert!(status.contains(" 404 "), "{status}");
    let (_, body) = ask(web, jobs, "application/xml").expect("an answer");
    assert!(body.contains(&format!("<id>{id}</id>")), "{body}");
    let page = load(&format!("http://{web}/"), 1500);
    page.has(&["<title>JobHistory</title>", "Finished jobs", &id, "SUCCEEDED"]);
    assert!(page.console.is_empty(), "{:?}", page.console);
    let page = load(&format!("http://{web}/#/job/{id}/attempts"), 1500);
    page.has(&["attempts failed", "m_000000_0", "m_000000_1"]);
    assert!(page.console.is_empty(), "{:?}", page.console);

    // Another's job, as an application master leaves it.
    let other = "job_1700000000000_0007";
    leave(&site, &id, other);
    wait("it is put away", || found("") == 2);
    tells(web, other);
    let left = site.text(&["hdfs", "dfs", "-ls", "-R", "/history/intermediate"]);
    assert!(!left.contains(other), "{left}");
    let done = site.text(&["hdfs", "dfs", "-ls", "-R", "/history/done"]);
    assert!(done.contains("/000000/job_1700000000000_0007-"), "{done}");
    assert!(done.contains("/000000/job_1700000000000_0007_conf.xml"), "{done}");

    // Operators: histories are kept no longer.
    let said = site.text(&["mapred", "hsadmin", "-getGroups", "root"]);
    assert!(said.starts_with("root :"), "{said}");
    let mapred = site.path("conf/mapred-site.xml");
    let text = fs::read_to_string(&mapred).expect("a file");
    let age = "<property><name>mapreduce.jobhistory.max-age-ms</name><value>1</value></property>";
    fs::write(&mapred, text.replace("</configuration>", &format!("{age}</configuration>")))
        .expect("a file");
    site.text(&["mapred", "hsadmin", "-refreshJobRetentionSettings"]);
    wait("histories go", || found("") == 0);
    let refused = site.run(&["mapred", "hsadmin", "-refreshLogRetentionSettings"]);
    assert!(all(&refused).contains("UnsupportedOperationException"), "{}", all(&refused));
    server.kill();
}

/// What the history server tells of a job of [`job`]'s.
fn tells(web: &str, id: &str) {
    let base = format!("/ws/v1/history/mapreduce/jobs/{id}");
    let job = &json(web, &base)["job"];
    assert_eq!((&job["state"], &job["id"]), (&"SUCCEEDED".into(), &id.into()), "{job}");
    assert_eq!((&job["failedMapAttempts"], &job["mapsCompleted"]), (&1.into(), &2.into()), "{job}");
    let counters = json(web, &format!("{base}/counters")).to_string();
    assert!(counters.contains("\"counterGroupName\":\"mine\""), "{counters}");
    let conf = json(web, &format!("{base}/conf")).to_string();
    assert!(conf.contains("mapreduce.map.maxattempts"), "{conf}");
    assert_eq!(
        list(&json(web, &format!("{base}/jobattempts"))["jobAttempts"]["jobAttempt"]).len(),
        1
    );
    let tasks = list(&json(web, &format!("{base}/tasks"))["tasks"]["task"]);
    assert_eq!(tasks.len(), 3, "{tasks:?}");
    assert_eq!(list(&json(web, &format!("{base}/tasks?type=r"))["tasks"]["task"]).len(), 1);
    let task = format!("{base}/tasks/{}_m_000000", id.replace("job_", "task_"));
    assert_eq!(json(web, &task)["task"]["state"], "SUCCEEDED");
    let attempts = list(&json(web, &format!("{task}/attempts"))["taskAttempts"]["taskAttempt"]);
    let states: Vec<&str> = attempts.iter().filter_map(|a| a["state"].as_str()).collect();
    assert_eq!(states, ["FAILED", "SUCCEEDED"]);
    // Each attempt has counters of its own.
    for (attempt, seen) in [(0, false), (1, true)] {
        let name = format!("{}_{attempt}", id.replace("job_", "attempt_") + "_m_000000");
        let path = format!("{task}/attempts/{name}");
        assert_eq!(json(web, &path)["taskAttempt"]["id"], name.as_str());
        let counters = json(web, &format!("{path}/counters"));
        let groups = list(&counters["jobTaskAttemptCounters"]["taskAttemptCounterGroup"]);
        let has = groups.iter().any(|group| group["counterGroupName"] == "mine");
        assert_eq!(has, seen, "{counters}");
    }
}

/// Leaves the history of one job in the intermediate directory as that of another.
fn leave(site: &Site, job: &str, other: &str) {
    let listed = site.text(&["hdfs", "dfs", "-ls", "-R", "/history/done"]);
    let numbers = |job: &str| job.trim_start_matches("job_").to_owned();
    let user = site.text(&["hdfs", "dfs", "-mkdir", "-p", "/history/intermediate/ann"]);
    assert_eq!(user, "");
    let mut lines: Vec<&str> = listed.lines().filter(|line| line.contains(job)).collect();
    // Configuration first: the history makes it a job.
    lines.sort_by_key(|line| !line.ends_with("_conf.xml"));
    for line in lines {
        let path = line.split_whitespace().last().expect("a path");
        let text = site.text(&["hdfs", "dfs", "-cat", path]);
        let name = path.rsplit('/').next().expect("a name").replace(job, other);
        let to = format!("/history/intermediate/ann/{name}");
        site.put(&to, text.replace(&numbers(job), &numbers(other)));
    }
}

#[test]
fn a_jobtracker_waits_for_hdfs_in_safe_mode() {
    let mut site = Site::hdfs(1);
    site.write_settings(&[]);
    site.text(&["hdfs", "dfsadmin", "-safemode", "enter"]);
    site.start_jobtracker();
    let log = || fs::read_to_string(site.path("jobtracker.log")).unwrap_or_default();
    wait("it says what it waits for", || {
        log().contains("waiting for the file system") && log().contains("safe mode")
    });
    let (status, body) = ask(site.page_address(), "/ws/v1/cluster/info", "*/*").expect("a page");
    assert!(status.contains(" 503 ") && body.contains("waits for its file system"), "{body}");
    site.text(&["hdfs", "dfsadmin", "-safemode", "leave"]);
    site.start_tracker(0);
    wait("it serves", || site.live_trackers() == 1);
    site.put("/in", "a\nb\n");
    job(&site, "/out", &[]);
    wait("nothing is left", || site.left().is_empty());
}
