//! Whole jobs on an embedded cluster: NameNode, DataNode, JobTracker and TaskTrackers in this process, tasks
//! in processes of their own, which are this binary again. Arguments are names of tests to run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::ExitCode;
use std::time::Duration;

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::fs::{CreateOptions, FileSystems};
use loxodon_mapreduce::local::{JobResult, Progress};
use loxodon_mapreduce::program::{
    IntSum, IntWritable, Job, LongWritable, Mapper, Output, Program, Result, Text, cluster, run,
};
use loxodon_runtime::daemon::jobtracker::{RunningJobTracker, StartError};
use loxodon_runtime::daemon::tasktracker::RunningTaskTracker;
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};
use loxodon_runtime::web::client::{HttpTarget, get};
use tokio::runtime::Runtime;

#[derive(Default)]
struct Words;

impl Mapper for Words {
    type KeyIn = LongWritable;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = IntWritable;

    fn map(&mut self, _: i64, line: &[u8], out: &mut Output<Text, IntWritable>) -> Result<()> {
        if let Some(gate) = std::str::from_utf8(line).ok().and_then(|l| l.strip_prefix("wait for "))
        {
            // Held up by the test until a file is there.
            while !std::path::Path::new(gate).exists() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.into_iter().try_for_each(|word| out.write(word, 1))
    }
}

fn define(job: &mut Job, args: &[String]) -> Result<()> {
    if let [input, output] = args {
        job.input(input).output(output);
    }
    job.name("word count").mapper::<Words>().combiner::<IntSum>().reducer::<IntSum>();
    Ok(())
}

/// Says nothing.
struct Quiet;

impl Progress for Quiet {
    fn line(&mut self, line: &str) {
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{line}");
        }
    }

    fn percent(&mut self, _: u32, _: u32) {}
}

/// Everything that a job needs.
struct Cluster {
    runtime: Runtime,
    hdfs: Option<MiniCluster>,
    jobtracker: Option<RunningJobTracker>,
    trackers: Vec<RunningTaskTracker>,
    conf: Configuration,
    local: tempfile::TempDir,
}

impl Cluster {
    fn start(trackers: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let hdfs = runtime.block_on(MiniCluster::start(MiniClusterOptions::default())).unwrap();
        let mut conf = hdfs.conf().clone();
        let local = tempfile::tempdir().unwrap();
        for (name, value) in [
            ("mapreduce.jobtracker.address", "127.0.0.1:0"),
            ("mapreduce.jobtracker.http.address", "127.0.0.1:0"),
            ("mapreduce.framework.name", "classic"),
            ("mapreduce.tasktracker.http.address", "127.0.0.1:0"),
            ("mapreduce.tasktracker.host.name", "127.0.0.1"),
            ("mapreduce.shuffle.port", "0"),
            ("yarn.nodemanager.resource.memory-mb", "4096"),
            ("yarn.nodemanager.resource.cpu-vcores", "2"),
            ("hadoop.log.dir", &local.path().join("logs").display().to_string()),
            ("loxodon.job.program", "loxodon"),
            // Attempts are counted, and some held up.
            ("mapreduce.map.speculative", "false"),
            ("mapreduce.reduce.speculative", "false"),
        ] {
            conf.set(name, value, "test");
        }
        let jobtracker = runtime.block_on(RunningJobTracker::start(conf.clone())).unwrap();
        // The same address after a restart.
        conf.set("mapreduce.jobtracker.address", &jobtracker.address().to_string(), "test");
        let mut cluster = Self {
            runtime,
            hdfs: Some(hdfs),
            jobtracker: Some(jobtracker),
            trackers: Vec::new(),
            conf,
            local,
        };
        (0..trackers).for_each(|_| cluster.add_tracker());
        cluster
    }

    fn add_tracker(&mut self) {
        let mut conf = self.conf.clone();
        let directory = self.local.path().join(format!("tracker{}", self.trackers.len()));
        conf.set("mapreduce.cluster.local.dir", &directory.display().to_string(), "test");
        let started = self.runtime.block_on(RunningTaskTracker::start(conf));
        self.trackers.push(started.unwrap());
    }

    /// Takes the JobTracker away without warning, and starts another.
    fn restart_jobtracker(&mut self) {
        drop(self.jobtracker.take());
        // Its port is free as soon as its tasks have seen that it is gone.
        until(|| {
            let started = self.runtime.block_on(RunningJobTracker::start(self.conf.clone()));
            let port = |error: &StartError| {
                matches!(error, StartError::Rpc(_) | StartError::Address { .. })
            };
            assert!(started.as_ref().map_or_else(port, |_| true), "{started:?}");
            self.jobtracker = started.ok();
            self.jobtracker.is_some()
        });
    }

    fn files(&self) -> FileSystems {
        let user = loxodon_runtime::daemon::process_user();
        FileSystems::new(&self.conf, UserIdentity::new(user)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let files = self.files();
        let path = files.path(path).unwrap();
        files
            .get(&path)
            .unwrap()
            .write_all(&path, text.as_bytes(), CreateOptions::overwriting())
            .unwrap();
    }

    fn read(&self, path: &str) -> String {
        let files = self.files();
        let path = files.path(path).unwrap();
        let bytes = files.get(&path).unwrap().read_all(&path, 1 << 20).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn job(&self, input: &str, output: &str) -> (Configuration, Program) {
        let mut job = Job::new(self.conf.clone());
        define(&mut job, &[input.to_owned(), output.to_owned()]).unwrap();
        job.into_parts()
    }

    fn submit(&self, input: &str, output: &str) -> cluster::Submitted {
        let (conf, program) = self.job(input, output);
        cluster::submit(&conf, &program, &mut Quiet).unwrap()
    }

    fn run(&self, input: &str, output: &str) -> JobResult {
        self.submit(input, output).follow(&mut Quiet).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _within = self.runtime.enter();
        self.trackers.clear();
        drop(self.jobtracker.take());
        drop(self.hdfs.take());
    }
}

fn counter(result: &JobResult, name: &str) -> i64 {
    let groups =
        ["org.apache.hadoop.mapreduce.TaskCounter", "org.apache.hadoop.mapreduce.JobCounter"];
    groups.iter().map(|group| result.counters.get(group, name)).sum()
}

fn words_are_counted() {
    let cluster = Cluster::start(1);
    cluster.write("/in/a", "to be or not\nto be\n");
    cluster.write("/in/b", "be\n");
    let began = std::time::Instant::now();
    let result = cluster.run("/in", "/out");
    eprintln!("{} ms", began.elapsed().as_millis());
    assert!(result.succeeded, "{:?}", result.diagnostics);
    assert_eq!(cluster.read("/out/part-r-00000"), "be\t3\nnot\t1\nor\t1\nto\t2\n");
    assert_eq!(cluster.read("/out/_SUCCESS"), "");
    assert_eq!(counter(&result, "MAP_INPUT_RECORDS"), 3);
    assert_eq!(counter(&result, "REDUCE_OUTPUT_RECORDS"), 4);
    assert_eq!(counter(&result, "TOTAL_LAUNCHED_MAPS"), 2);
    cluster.pages_tell_of(&result.job.to_string());
    let again = cluster.job("/in", "/out");
    let error = cluster::submit(&again.0, &again.1, &mut Quiet).err().unwrap();
    assert!(error.message().contains("already exists"), "{error}");
}

fn a_job_goes_on_after_the_jobtracker_was_killed() {
    let mut cluster = Cluster::start(1);
    let gate = cluster.local.path().join("gate");
    cluster.write("/in/a", "a b\n");
    cluster.write("/in/b", &format!("wait for {}\n", gate.display()));
    let submitted = cluster.submit("/in", "/out");
    let caller = cluster.caller();
    until(|| cluster.status(&caller, &submitted.job.to_string()).finished_maps == 1);
    cluster.restart_jobtracker();
    std::fs::write(&gate, "").unwrap();
    let result = submitted.follow(&mut Quiet).unwrap();
    assert!(result.succeeded, "{:?}", result.diagnostics);
    assert!(cluster.read("/out/part-r-00000").starts_with("/"));
    assert!(cluster.read("/out/part-r-00000").contains("a\t1\nb\t1\n"));
    // What was complete was not run again, and what ran was not started again.
    assert_eq!(counter(&result, "TOTAL_LAUNCHED_MAPS"), 2);
}

impl Cluster {
    fn caller(&self) -> loxodon_mapreduce::protocol::BlockingCaller {
        let address = self.conf.get("mapreduce.jobtracker.address").unwrap().unwrap();
        let protocol = &loxodon_mapreduce::protocol::JOB_CLIENT;
        loxodon_mapreduce::protocol::BlockingCaller::new(
            &address,
            loxodon_client::UserIdentity::new(loxodon_runtime::daemon::process_user()),
            protocol,
        )
        .unwrap()
    }

    fn status(
        &self,
        caller: &loxodon_mapreduce::protocol::BlockingCaller,
        job: &str,
    ) -> loxodon_mapreduce::protocol::JobStatusMessage {
        let request = loxodon_mapreduce::protocol::JobRequest { job_id: job.to_owned() };
        let answer: loxodon_mapreduce::protocol::MaybeJobStatus =
            caller.call("getJobStatus", &request).unwrap();
        answer.status.unwrap()
    }
}

impl Cluster {
    fn json(&self, path: &str) -> serde_json::Value {
        let address = self.jobtracker.as_ref().unwrap().http_address();
        let target = HttpTarget::new(address.ip().to_string(), address.port());
        let text = self.runtime.block_on(async {
            get(&target, path, &[]).await.unwrap().text(1 << 20).await.unwrap()
        });
        serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
    }

    /// What the pages say of a word count with two maps and a reduce that is over.
    fn pages_tell_of(&self, id: &str) {
        let job = format!("/ws/v1/mapreduce/jobs/{id}");
        assert_eq!(self.json(&job)["job"]["state"], "SUCCEEDED");
        assert_eq!(self.json(&job)["job"]["successfulMapAttempts"], 2);
        assert_eq!(self.json("/ws/v1/mapreduce/jobs")["jobs"]["job"][0]["id"], id);
        let attempts = self.json(&format!("{job}/attempts"));
        assert_eq!(attempts["taskAttempts"]["taskAttempt"].as_array().unwrap().len(), 3);
        let reduces = self.json(&format!("{job}/tasks?type=r"));
        let task = reduces["tasks"]["task"][0]["id"].as_str().unwrap();
        let counters = self.json(&format!("{job}/tasks/{task}/counters"));
        assert!(counters["jobTaskCounters"]["taskCounterGroup"].is_array());
        let groups = self.json(&format!("{job}/counters"));
        let groups = groups["jobCounters"]["counterGroup"].as_array().unwrap();
        let framework = "org.apache.hadoop.mapreduce.TaskCounter";
        let group = groups.iter().find(|group| group["counterGroupName"] == framework).unwrap();
        let counters = group["counter"].as_array().unwrap();
        let counter = counters.iter().find(|c| c["name"] == "MAP_INPUT_RECORDS").unwrap();
        assert_eq!(counter["mapCounterValue"], 3);
        assert_eq!(self.json("/ws/v1/cluster/metrics")["clusterMetrics"]["activeNodes"], 1);
        let conf = self.json(&format!("{job}/conf"));
        assert!(conf["conf"]["property"].as_array().unwrap().len() > 5);
        let missing = self.json("/ws/v1/mapreduce/jobs/job_1_0001");
        assert_eq!(missing["RemoteException"]["exception"], "NotFoundException");
        assert!(self.json("/").as_str().unwrap().contains("JobTracker"));
    }
}

fn the_history_tells_of_jobs_of_an_earlier_start() {
    let mut cluster = Cluster::start(1);
    cluster.write("/in/a", "to be or not\nto be\n");
    cluster.write("/in/b", "be\n");
    let result = cluster.run("/in", "/out");
    assert!(result.succeeded, "{:?}", result.diagnostics);
    let id = result.job.to_string();
    // It is moved after the client was told.
    let caller = cluster.caller();
    until(|| !cluster.status(&caller, &id).history_file.is_empty());
    drop(cluster.trackers.drain(..));
    cluster.restart_jobtracker();
    cluster.add_tracker();
    until(|| cluster.jobtracker.as_ref().unwrap().trackers() == 1);
    cluster.pages_tell_of(&id);
    let caller = cluster.caller();
    let status = cluster.status(&caller, &id);
    assert!(status.retired);
    assert_eq!((status.maps, status.reduces, status.finished_maps), (2, 1, 2));
}

fn a_job_that_is_killed_leaves_nothing() {
    let cluster = Cluster::start(1);
    let gate = cluster.local.path().join("gate");
    cluster.write("/in/a", &format!("wait for {}\n", gate.display()));
    let submitted = cluster.submit("/in", "/out");
    let id = submitted.job.to_string();
    let caller = cluster.caller();
    until(|| cluster.status(&caller, &id).used_slots > 0);
    let request = loxodon_mapreduce::protocol::JobRequest { job_id: id.clone() };
    let _: loxodon_mapreduce::protocol::Empty = caller.call("killJob", &request).unwrap();
    let result = submitted.follow(&mut Quiet).unwrap();
    assert!(!result.succeeded);
    assert!(result.diagnostics[0].contains("Kill job"), "{:?}", result.diagnostics);
    until(|| !cluster.status(&caller, &id).history_file.is_empty());
    let files = cluster.files();
    let exists = |path: &str| {
        let path = files.path(path).unwrap();
        files.get(&path).unwrap().exists(&path).unwrap()
    };
    assert!(!exists("/out/_SUCCESS") && !exists("/out/_temporary"));
    until(|| !exists(&format!("/mapred/system/{id}")));
    until(|| cluster.trackers[0].running().is_empty());
}

fn malformed_splits_are_refused_or_fail_their_job() {
    use loxodon_mapreduce::input::{FileSplit, InputSplit, split_file};
    use loxodon_mapreduce::protocol::{Empty, JobStatusMessage, SubmitRequest, Text};
    let cluster = Cluster::start(1);
    cluster.write("/in/a", "a b\n");
    let caller = cluster.caller();
    let files = cluster.files();
    let area: Text = caller.call("getStagingAreaDir", &Empty {}).unwrap();
    let submit = |split: &[u8], meta: &[u8]| {
        let id: Text = caller.call("getNewJobID", &Empty {}).unwrap();
        let directory = files.path(&format!("{}/{}", area.value, id.value)).unwrap();
        let (mut conf, _) = cluster.job("/in", &format!("/out-{}", id.value));
        conf.set("mapreduce.map.maxattempts", "1", "test");
        let xml = cluster::job_xml(&conf);
        for (name, bytes) in
            [("job.xml", xml.as_bytes()), ("job.split", split), ("job.splitmetainfo", meta)]
        {
            let options = CreateOptions::overwriting();
            let path = directory.child(name);
            files.get(&path).unwrap().write_all(&path, bytes, options).unwrap();
        }
        let request = SubmitRequest {
            job_id: id.value.clone(),
            submit_dir: directory.to_string(),
            credentials: Vec::new(),
        };
        let answer: Result<JobStatusMessage> = caller.call("submitJob", &request);
        answer.map(|_| id.value)
    };
    let path = files.path("/in/a").unwrap();
    let split = InputSplit::File(FileSplit { path, start: 0, length: 4, hosts: Vec::new() });
    let (good, meta) = split_file::write(&[split], 10);
    for (meta, why) in [
        (&b"nothing of the kind"[..], "Invalid header on split file"),
        (&b"META-SPL\x01\x05"[..], ""),
        (&[&meta[..], b"more"].concat()[..], "4 bytes behind its last split"),
    ] {
        let error = submit(&good, meta).unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
    for bad in [b"nothing".to_vec(), good[..good.len() / 2].to_vec(), good[..7].to_vec()] {
        let id = submit(&bad, &meta).unwrap();
        let failed = loxodon_mapreduce::job::JobState::Failed.number();
        until(|| cluster.status(&caller, &id).state == failed);
        let why = cluster.status(&caller, &id).failure_info;
        for word in ["_m_000000_0 failed on tracker_", "/tasklog?attemptid=attempt_"] {
            assert!(why.contains(word), "{why}");
        }
    }
}

fn parts_of_the_embedded_cluster_are_exchanged_at_once() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let options = MiniClusterOptions { tasktrackers: 1, ..MiniClusterOptions::default() };
        let mut cluster = MiniCluster::start(options).await.unwrap();
        let limit = LIMIT;
        for _ in 0..3 {
            cluster.kill_jobtracker();
            cluster.start_jobtracker().await.unwrap();
            cluster.kill_namenode().await;
            cluster.start_namenode().await.unwrap();
            cluster.kill_datanode(0).unwrap();
            cluster.start_datanode(0).await.unwrap();
            cluster.wait_until_serving(limit).await.unwrap();
            cluster.wait_until_tracking(limit).await.unwrap();
        }
        cluster.stop().await;
    });
}

/// Nothing here takes longer, however slow the machine, unless something is wrong.
const LIMIT: Duration = Duration::from_secs(300);

/// Waits for something that is to come.
fn until(mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + LIMIT;
    while !holds() {
        assert!(std::time::Instant::now() < end, "it did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const TESTS: &[(&str, fn())] = &[
    ("words_are_counted", words_are_counted),
    (
        "a_job_goes_on_after_the_jobtracker_was_killed",
        a_job_goes_on_after_the_jobtracker_was_killed,
    ),
    (
        "the_history_tells_of_jobs_of_an_earlier_start",
        the_history_tells_of_jobs_of_an_earlier_start,
    ),
    ("a_job_that_is_killed_leaves_nothing", a_job_that_is_killed_leaves_nothing),
    (
        "malformed_splits_are_refused_or_fail_their_job",
        malformed_splits_are_refused_or_fail_their_job,
    ),
    (
        "parts_of_the_embedded_cluster_are_exchanged_at_once",
        parts_of_the_embedded_cluster_are_exchanged_at_once,
    ),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--loxodon-task") {
        return run(define);
    }
    if args.iter().any(|arg| arg == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("SHOW").is_some() {
        let level = tracing_subscriber::filter::LevelFilter::INFO;
        loxodon_runtime::daemon::log::start(level).unwrap();
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let ok = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        failed += usize::from(!ok);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
