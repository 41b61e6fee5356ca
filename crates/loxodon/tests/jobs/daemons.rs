//! Daemons that are killed, stopped or cut off under a running job.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;

use crate::held_link::HeldLink;
use crate::site::{LOST_SOON, Site, TaskProcess, all, wait};

/// Lines of the input; every word comes equally often.
const LINES: usize = 4000;
/// Different words.
const WORDS: usize = 40;

/// The counts that every job here must find.
fn input(site: &Site) -> Vec<String> {
    let text: String = (0..LINES).map(|n| format!("word{}\n", n % WORDS)).collect();
    site.put("/in", text);
    fs::create_dir_all(site.path("marks")).expect("a directory");
    let mut counts: Vec<String> =
        (0..WORDS).map(|n| format!("{} word{n}", LINES / WORDS)).collect();
    counts.sort();
    counts
}

/// A job that counts words in some maps and two reduces, with what its scripts do besides.
struct Job {
    output: String,
    child: Child,
}

impl Job {
    fn start(site: &Site, output: &str, settings: &[&str], map: &str, reduce: &str) -> Self {
        let mut all = vec![
            "mapreduce.job.reduces=2",
            "mapreduce.input.fileinputformat.split.maxsize=8000",
            "mapreduce.task.progress-report.interval=200",
            "mapreduce.reduce.shuffle.retry-delay.max.ms=300",
            "mapreduce.reduce.shuffle.connect.timeout=1000",
            "mapreduce.reduce.shuffle.read.timeout=1000",
        ];
        all.extend(settings);
        let (map, reduce) = (format!("sh -c '{map}'"), format!("sh -c '{reduce}'"));
        let options = ["-input", "/in", "-output", output, "-mapper", &map, "-reducer", &reduce];
        let child = site.streaming(&all, &options).spawn().expect("the program starts");
        Self { output: output.to_owned(), child }
    }

    /// It succeeds with the right output.
    fn ends_well(self, site: &Site, expected: &[String]) -> String {
        let output = self.child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{}\n{}", all(&output), site.logs());
        let lines: Vec<String> =
            site.output(&self.output).iter().map(|l| l.trim().to_owned()).collect();
        assert_eq!(lines, expected, "{}", all(&output));
        all(&output)
    }
}

const SLOW: &str = "sleep 0.6; cat";

/// A script that runs `then` once it is let go.
fn held(site: &Site, name: &str, then: &str) -> String {
    let gate = site.path("marks").join(name);
    format!("while [ ! -e {} ]; do sleep 0.1; done; {then}", gate.display())
}

fn let_go(site: &Site, name: &str) {
    fs::write(site.path("marks").join(name), "").expect("a file");
}

/// A process of a task's attempt of that kind, once there is one.
fn running(site: &Site, kind: &str) -> TaskProcess {
    let mut found = None;
    wait(&format!("an attempt of {kind}"), || {
        found = site.processes().into_iter().find(|process| process.attempt.contains(kind));
        found.is_some()
    });
    found.expect("an attempt")
}

#[test]
fn a_tasktracker_is_lost_in_each_phase_and_its_work_done_again() {
    let mut site = Site::start(2, &[LOST_SOON]);
    let expected = input(&site);
    let marks = site.path("marks").display().to_string();

    // While maps run.
    let job = Job::start(&site, "/map", &[], &held(&site, "map", "cat"), "uniq -c");
    let victim = running(&site, "_m_").tracker;
    site.kill_tracker(victim);
    // It is not started again: the job goes on without it.
    let_go(&site, "map");
    job.ends_well(&site, &expected);
    site.start_tracker(victim);
    wait("it is back", || site.live_trackers() == 2);

    // While a reduce waits for the last map.
    let last = held(&site, "last", ":");
    let last = format!("if [ $mapreduce_task_partition = 1 ]; then {last}; fi; cat");
    let early = ["mapreduce.job.reduce.slowstart.completedmaps=0.0"];
    let job = Job::start(&site, "/shuffle", &early, &last, "uniq -c");
    let victim = running(&site, "_r_").tracker;
    site.kill_tracker(victim);
    site.start_tracker(victim);
    let_go(&site, "last");
    job.ends_well(&site, &expected);

    // While a reduce reduces.
    let reduce = format!("touch {marks}/reducing; {}", held(&site, "reduce", "uniq -c"));
    let job = Job::start(&site, "/reduce", &[], "cat", &reduce);
    wait("a reduce", || site.path("marks/reducing").exists());
    let victim = running(&site, "_r_").tracker;
    site.kill_tracker(victim);
    site.start_tracker(victim);
    let_go(&site, "reduce");
    job.ends_well(&site, &expected);

    // While a reduce commits: HDFS stands still between its last line and its output's being in place.
    let reduce = format!("uniq -c; touch {marks}/counted; {}", held(&site, "commit", ":"));
    let job = Job::start(&site, "/commit", &["mapreduce.job.reduces=1"], "cat", &reduce);
    wait("the end of the reduce", || site.path("marks/counted").exists());
    site.pause_namenode(true);
    let_go(&site, "commit");
    let attempt = running(&site, "_r_").attempt;
    let mine = || site.processes().into_iter().filter(|one| one.attempt == attempt).count();
    wait("only the attempt's own process", || mine() == 1);
    let victim = running(&site, "_r_").tracker;
    site.kill_tracker(victim);
    site.pause_namenode(false);
    site.start_tracker(victim);
    job.ends_well(&site, &expected);
    site.nothing_left();
}

#[test]
fn all_tasktrackers_are_lost_and_come_back() {
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    let job = Job::start(&site, "/out", &[], &held(&site, "maps", "cat"), "uniq -c");
    wait("tasks run", || site.tasks() > 2);
    (0..2).for_each(|index| site.kill_tracker(index));
    (0..2).for_each(|index| site.start_tracker(index));
    let_go(&site, "maps");
    job.ends_well(&site, &expected);
    site.nothing_left();
}

#[test]
fn the_jobtracker_is_killed_at_any_point_and_jobs_go_on() {
    let seed: u64 = match std::env::var("LOXODON_SEED") {
        Ok(seed) => seed.parse().expect("LOXODON_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("LOXODON_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    for round in 0..3 {
        let mut job = Job::start(&site, &format!("/out{round}"), &[], SLOW, "sleep 0.3; uniq -c");
        wait("tasks run", || site.tasks() > 0);
        for _ in 0..8 {
            if job.child.try_wait().expect("its state").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(dice.u64(50..1500)));
            site.kill_jobtracker();
            site.start_jobtracker();
        }
        job.ends_well(&site, &expected);
    }
    site.nothing_left();
}

#[test]
fn a_tasktracker_that_nobody_reaches_is_done_without() {
    let site = Site::start(2, &[LOST_SOON]);
    let expected = input(&site);
    // One of two maps is complete when one tracker neither beats nor serves its outputs any more, and accepts
    // connections all the same, as a machine behind a broken switch does. No reduce has begun.
    let late = ["mapreduce.job.reduce.slowstart.completedmaps=1.0", "mapreduce.job.reduces=1"];
    let last = held(&site, "last", ":");
    let map = format!("if [ $mapreduce_task_partition = 0 ]; then {last}; fi; cat");
    let job = Job::start(&site, "/out", &late, &map, "uniq -c");
    wait("a map is complete", || site.completed_maps() == 1);
    site.pause_tracker(0, true);
    let_go(&site, "last");
    job.ends_well(&site, &expected);
    site.pause_tracker(0, false);
    wait("it is back", || site.live_trackers() == 2);
    site.nothing_left();
}

/// Files that each attempt of a reduce writes beside its part.
const SIDES: usize = 20;

/// Two attempts of one reduce, of which the first was let commit, stopped half-way, and goes on when the second is
/// done.
#[test]
fn of_two_attempts_that_think_they_won_the_output_is_there_once() {
    let site = Site::start(2, &[LOST_SOON]);
    let expected = input(&site);
    let program = env!("CARGO_BIN_EXE_loxodon");
    // Of the files beside its part the second is not moved until that is let go.
    let link = HeldLink::new(&site.namenode_address(), "/out/side-0002");
    let reduce = format!(
        "uniq -c; {program} hdfs dfs -mkdir -p $mapreduce_task_output_dir && \
         {program} hdfs dfs -touchz $(seq -f \"$mapreduce_task_output_dir/side-%04g\" {SIDES})"
    );
    let through = format!("fs.defaultFS=hdfs://{}", link.address());
    let settings = ["mapreduce.job.reduces=1", through.as_str()];
    let job = Job::start(&site, "/out", &settings, "cat", &reduce);
    let committed =
        |site: &Site| site.list("/out").iter().filter(|p| p.starts_with("/out/side-")).count();
    let first = running(&site, "_r_");
    wait("the first attempt commits", || link.holds());
    let stopped: Vec<TaskProcess> =
        site.processes().into_iter().filter(|p| p.attempt == first.attempt).collect();
    stopped.iter().for_each(|process| process.send(Signal::STOP));
    site.pause_tracker(first.tracker, true);
    assert_eq!(committed(&site), 1);
    job.ends_well(&site, &expected);
    let listing = site.list("/out");
    assert_eq!(committed(&site), SIDES, "{listing:?}");
    stopped.iter().for_each(|process| process.send(Signal::CONT));
    link.let_go();
    site.pause_tracker(first.tracker, false);
    wait("the first attempt is gone", || site.tasks() == 0);
    wait("its tracker is back", || site.live_trackers() == 2);
    assert_eq!(site.list("/out"), listing);
    let lines: Vec<String> = site.output("/out").iter().map(|l| l.trim().to_owned()).collect();
    assert_eq!(lines, expected);
    site.nothing_left();
}

#[test]
fn a_job_whose_journal_cannot_be_written_fails_and_says_so() {
    let mut site = Site::start(1, &[("loxodon.jobtracker.journal.attempts", "3")]);
    input(&site);
    let job = Job::start(&site, "/out", &[], &held(&site, "maps", "cat"), "uniq -c");
    wait("tasks run", || site.tasks() > 0);
    site.kill_jobtracker();
    site.text(&["hdfs", "dfsadmin", "-setSpaceQuota", "1", "/mapred/system"]);
    site.start_jobtracker();
    let_go(&site, "maps");
    let output = job.child.wait_with_output().expect("its end");
    assert!(!output.status.success());
    assert!(all(&output).contains("cannot be written"), "{}\n{}", all(&output), site.logs());
    assert!(!site.list("/out").iter().any(|name| name.ends_with("_SUCCESS")));
    site.nothing_left();
}

#[test]
fn hdfs_fails_under_a_job_and_the_job_waits() {
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    // With what its maps do once they are let go.
    let start = |site: &Site, name: &str, then: &str| {
        let job = Job::start(site, &format!("/{name}"), &[], &held(site, name, then), "uniq -c");
        wait("tasks run", || site.tasks() > 2);
        job
    };

    let done = site.path("done");
    fs::create_dir(&done).expect("a directory");
    let then = format!("cat; touch {}/$mapreduce_task_partition", done.display());
    let job = start(&site, "safe", &then);
    site.text(&["hdfs", "dfsadmin", "-safemode", "enter"]);
    let_go(&site, "safe");
    // Maps end meanwhile, and then the reduces cannot write.
    wait("maps end", || fs::read_dir(&done).expect("a directory").count() >= 2);
    site.text(&["hdfs", "dfsadmin", "-safemode", "leave"]);
    job.ends_well(&site, &expected);

    let job = start(&site, "namenode", "cat");
    site.kill_namenode();
    let_go(&site, "namenode");
    site.start_namenode();
    job.ends_well(&site, &expected);

    let job = start(&site, "datanode", "cat");
    site.kill_datanode(0);
    let_go(&site, "datanode");
    job.ends_well(&site, &expected);
    site.start_datanode(0);
    site.nothing_left();
}
