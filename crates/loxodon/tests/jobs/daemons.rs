//! Daemons that are killed under a running job.

use std::process::Child;
use std::time::Duration;

use crate::site::{Site, all, comes, wait};

/// Lines of the input; every one is a word of its own or one that repeats.
const LINES: usize = 4000;

fn input(site: &Site) -> Vec<String> {
    let text: String = (0..LINES).map(|n| format!("word{}\n", n % 40)).collect();
    site.put("/in", &text);
    let mut counts: Vec<String> = (0..40).map(|n| format!("{} word{n}", LINES / 40)).collect();
    counts.sort();
    counts
}

/// A job of eight maps, each of which takes its time.
fn slow_job(site: &Site) -> Child {
    let settings = [
        "mapreduce.job.reduces=2",
        "mapreduce.input.fileinputformat.split.maxsize=5000",
        "mapreduce.job.jvm.numtasks=1",
    ];
    let options = [
        "-input",
        "/in",
        "-output",
        "/out",
        "-mapper",
        "sh -c 'sleep 0.7; cat'",
        "-reducer",
        "uniq -c",
    ];
    site.streaming(&settings, &options).spawn().expect("the program starts")
}

fn ended_well(job: Child, site: &Site, expected: &[String]) {
    let output = job.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", all(&output));
    let lines: Vec<String> = site.output("/out").iter().map(|l| l.trim().to_owned()).collect();
    assert_eq!(lines, expected, "{}", all(&output));
}

fn nothing_left(site: &Site) {
    wait("no process is left", || site.tasks() == 0);
    assert!(comes(Duration::from_secs(20), || site.left().is_empty()), "{:?}", site.left());
}

#[test]
fn a_tasktracker_is_lost_and_its_work_done_again() {
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    let job = slow_job(&site);
    wait("tasks run", || site.tasks() > 2);
    site.kill_tracker(0);
    ended_well(job, &site, &expected);
    // What the dead one had left goes when it is started again.
    site.start_tracker(0);
    wait("it is back", || site.live_trackers() == 2);
    nothing_left(&site);
}

#[test]
fn all_tasktrackers_are_lost_and_come_back() {
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    let job = slow_job(&site);
    wait("tasks run", || site.tasks() > 2);
    for index in 0..2 {
        site.kill_tracker(index);
    }
    for index in 0..2 {
        site.start_tracker(index);
    }
    ended_well(job, &site, &expected);
    nothing_left(&site);
}

#[test]
fn the_jobtracker_is_killed_and_jobs_go_on() {
    let mut site = Site::start(2, &[]);
    let expected = input(&site);
    let job = slow_job(&site);
    wait("tasks run", || site.tasks() > 2);
    std::thread::sleep(Duration::from_millis(700));
    site.kill_jobtracker();
    site.start_jobtracker();
    ended_well(job, &site, &expected);
    nothing_left(&site);
}
