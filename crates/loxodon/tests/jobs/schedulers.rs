//! The Fair and the Capacity scheduler, by their files, on a cluster.

use std::fs;
use std::process::Child;

use serde_json::Value;

use crate::site::{LIMIT, Site, all, comes, wait};
use crate::web::json;

const FAIR: &str = "<allocations>
  <pool name=\"big\"><weight>3</weight></pool>
  <pool name=\"small\"><weight>1</weight><maxRunningJobs>1</maxRunningJobs></pool>
  <pool name=\"sure\"><minMaps>2</minMaps><minSharePreemptionTimeout>1</minSharePreemptionTimeout></pool>
</allocations>";

/// A job of many maps that wait for a file of its own.
fn job(site: &Site, name: &str, settings: &[&str]) -> Child {
    let gate = site.path(name).display().to_string();
    let mapper = format!("sh -c 'while [ ! -e {gate} ]; do sleep 0.1; done; cat'");
    let name_of_job = format!("mapreduce.job.name={name}");
    let mut all = vec![
        name_of_job.as_str(),
        "mapreduce.job.maps=8",
        "mapreduce.job.reduces=0",
        "mapreduce.map.speculative=false",
    ];
    all.extend(settings);
    let output = format!("/{name}-out");
    let options = ["-input", "/in", "-output", &output, "-mapper", &mapper];
    site.streaming(&all, &options).spawn().expect("the program starts")
}

fn open_gate(site: &Site, name: &str) {
    fs::write(site.path(name), "").expect("a file");
}

fn ends_well(job: Child) {
    let done = job.wait_with_output().expect("its end");
    assert!(done.status.success(), "{}", all(&done));
}

/// What the list of jobs tells of one; nothing as long as it is not there.
fn listed(site: &Site, name: &str) -> Value {
    let jobs = json(site.page_address(), "/ws/v1/mapreduce/jobs");
    let jobs = jobs["jobs"]["job"].as_array().cloned().unwrap_or_default();
    jobs.into_iter().find(|job| job["name"] == name).unwrap_or_default()
}

/// Maps of a job that run.
fn running(site: &Site, name: &str) -> u64 {
    let job = listed(site, name);
    let Some(id) = job["id"].as_str() else { return 0 };
    let whole = json(site.page_address(), &format!("/ws/v1/mapreduce/jobs/{id}"));
    whole["job"]["runningMapAttempts"].as_u64().unwrap_or(0)
}

fn queue(site: &Site, name: &str) -> Value {
    let told = json(site.page_address(), "/ws/v1/cluster/scheduler");
    let queues = &told["scheduler"]["schedulerInfo"]["queues"]["queue"];
    let queues = queues.as_array().cloned().unwrap_or_default();
    queues.into_iter().find(|queue| queue["queueName"] == name).unwrap_or_default()
}

fn words() -> String {
    (0..64).map(|n| format!("word{n}\n")).collect()
}

#[test]
fn pools_have_their_shares_and_take_back_what_they_are_sure_of() {
    let settings = [
        ("mapreduce.jobtracker.taskscheduler", "org.apache.hadoop.mapred.FairScheduler"),
        ("mapred.fairscheduler.allocation.file", "{conf}/fair-scheduler.xml"),
        ("mapred.fairscheduler.preemption", "true"),
        ("mapred.fairscheduler.preemption.interval", "200"),
        ("yarn.nodemanager.resource.cpu-vcores", "4"),
        ("yarn.nodemanager.resource.memory-mb", "65536"),
    ];
    let site = Site::start_with(1, &settings, &[("fair-scheduler.xml", FAIR)]);
    site.put("/in", words());
    let big = job(&site, "big", &["mapred.fairscheduler.pool=big"]);
    wait("one pool has everything", || running(&site, "big") == 4);
    // A pool that is sure of two takes them back from whoever has them.
    let sure = job(&site, "sure", &["mapred.fairscheduler.pool=sure"]);
    wait("another has what it is sure of", || {
        running(&site, "sure") == 2 && running(&site, "big") == 2
    });
    let killed = json(site.page_address(), "/ws/v1/mapreduce/jobs");
    assert_eq!(killed["jobs"]["job"].as_array().map(Vec::len), Some(2), "{killed}");
    open_gate(&site, "sure");
    ends_well(sure);
    // One job at a time in a pool that says so; of four places its weight gives it one.
    let small = job(&site, "small", &["mapred.fairscheduler.pool=small"]);
    wait("the first is there", || queue(&site, "small")["numApplications"] == 1);
    let second = job(&site, "second", &["mapred.fairscheduler.pool=small"]);
    wait("both jobs are there", || queue(&site, "small")["numApplications"] == 2);
    open_gate(&site, "big");
    ends_well(big);
    wait("the first of the pool has all places", || running(&site, "small") == 4);
    assert_eq!(running(&site, "second"), 0);
    open_gate(&site, "small");
    ends_well(small);
    wait("then the second", || running(&site, "second") == 4);
    open_gate(&site, "second");
    ends_well(second);
}

#[test]
fn weights_share_what_becomes_free() {
    let settings = [
        ("mapreduce.jobtracker.taskscheduler", "FairScheduler"),
        ("mapred.fairscheduler.allocation.file", "{conf}/fair-scheduler.xml"),
        ("yarn.nodemanager.resource.cpu-vcores", "4"),
        ("yarn.nodemanager.resource.memory-mb", "65536"),
    ];
    let site = Site::start_with(1, &settings, &[("fair-scheduler.xml", FAIR)]);
    site.put("/in", words());
    // Somebody else has all places until both wait.
    let first = job(&site, "first", &["mapred.fairscheduler.pool=x", "mapreduce.job.maps=4"]);
    wait("it has all places", || running(&site, "first") == 4);
    // Their maps wait from the start: whose set-up ends first would have what the other has to wait for.
    let without = "mapreduce.job.committer.setup.cleanup.needed=false";
    let big = job(&site, "big", &["mapred.fairscheduler.pool=big", without]);
    let small = job(&site, "small", &["mapred.fairscheduler.pool=small", without]);
    wait("both wait", || {
        listed(&site, "big")["state"] == "RUNNING" && listed(&site, "small")["state"] == "RUNNING"
    });
    open_gate(&site, "first");
    ends_well(first);
    let shared = || (running(&site, "big"), running(&site, "small"));
    let comes = comes(LIMIT, || shared() == (3, 1));
    assert!(comes, "{:?} instead of three to one\n{}", shared(), site.logs());
    for (name, job) in [("big", big), ("small", small)] {
        open_gate(&site, name);
        ends_well(job);
    }
}

const CAPACITY: &str = "<configuration>
  <property><name>yarn.scheduler.capacity.root.queues</name><value>prod,dev</value></property>
  <property><name>yarn.scheduler.capacity.root.prod.capacity</name><value>75</value></property>
  <property><name>yarn.scheduler.capacity.root.prod.user-limit-factor</name><value>2</value></property>
  <property><name>yarn.scheduler.capacity.root.dev.capacity</name><value>25</value></property>
  <property><name>yarn.scheduler.capacity.root.dev.maximum-capacity</name><value>50</value></property>
  <property><name>yarn.scheduler.capacity.root.dev.user-limit-factor</name><value>4</value></property>
  <property><name>yarn.scheduler.capacity.root.dev.maximum-applications</name><value>1</value></property>
  <property><name>yarn.scheduler.capacity.resource-calculator</name><value>x</value></property>
</configuration>";

#[test]
fn queues_have_their_capacities_and_limits() {
    let settings = [
        ("mapreduce.jobtracker.taskscheduler", "org.apache.hadoop.mapred.CapacityTaskScheduler"),
        ("yarn.nodemanager.resource.cpu-vcores", "4"),
        ("yarn.nodemanager.resource.memory-mb", "65536"),
    ];
    let site = Site::start_with(1, &settings, &[("capacity-scheduler.xml", CAPACITY)]);
    site.put("/in", words());
    // Alone in the cluster a queue has no more than its maximum.
    let dev = job(&site, "dev", &["mapreduce.job.queuename=dev"]);
    wait("half of the cluster", || running(&site, "dev") == 2);
    let full = job(&site, "full", &["mapreduce.job.queuename=dev"]);
    let refused = all(&full.wait_with_output().expect("its end"));
    let text = "Queue \"dev\" already has 1 applications, cannot accept submission";
    assert!(refused.contains(text), "{refused}");
    let prod = job(&site, "prod", &["mapreduce.job.queuename=prod"]);
    wait("the rest", || running(&site, "prod") == 2);
    assert_eq!(running(&site, "dev"), 2);
    let info = site.text(&["mapred", "queue", "-info", "dev", "-showJobs"]);
    assert!(info.contains("Capacity: 25.0, MaximumCapacity: 50.0"), "{info}");
    assert!(info.contains("Total jobs:1"), "{info}");
    for (name, job) in [("dev", dev), ("prod", prod)] {
        open_gate(&site, name);
        ends_well(job);
    }
    // A file with a mistake changes nothing and is named.
    site.write_conf("capacity-scheduler.xml", &CAPACITY.replace("dev.maximum-cap", "dev.most-cap"));
    let wrong = all(&site.run(&["mapred", "mradmin", "-refreshQueues"]));
    assert!(wrong.contains("root.dev.most-capacity"), "{wrong}");
    assert!(site.text(&["mapred", "queue", "-info", "dev"]).contains("MaximumCapacity: 50.0"));
}

#[test]
fn a_jobtracker_with_a_wrong_file_says_what_is_wrong() {
    let site = Site::hdfs(0);
    for (class, file, text, named) in [
        (
            "FairScheduler",
            "fair-scheduler.xml",
            FAIR.replace("weight", "wait"),
            "<wait> in <pool> is not known",
        ),
        (
            "CapacityTaskScheduler",
            "capacity-scheduler.xml",
            CAPACITY.replace("root.prod.capacity", "root.prud.capacity"),
            "there is no queue prud",
        ),
    ] {
        site.write_settings(&[
            ("mapreduce.jobtracker.taskscheduler", class),
            ("mapred.fairscheduler.allocation.file", "{conf}/fair-scheduler.xml"),
        ]);
        site.write_conf(file, &text);
        let done = site.run(&["mapred", "jobtracker"]);
        assert_eq!(done.status.code(), Some(1), "{}", all(&done));
        assert!(all(&done).contains(named), "{}", all(&done));
    }
}
