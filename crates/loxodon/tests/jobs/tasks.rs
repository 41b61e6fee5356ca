//! Tasks that misbehave in every way we can think of.

use std::fs;

use crate::site::{Site, all};

const WORDS: &str = "a b a\nc a b\n";
const IN_OUT: [&str; 4] = ["-input", "/in", "-output", "/out"];

fn site() -> Site {
    let site = Site::start(1, &[]);
    site.put("/in", WORDS);
    site
}

/// A job whose mapper is that shell script; its reducer passes everything on.
fn map(site: &Site, settings: &[&str], script: &str) -> (bool, String) {
    let mapper = format!("sh -c '{script}'");
    let mut options = IN_OUT.to_vec();
    options.extend(["-mapper", &mapper, "-reducer", "cat"]);
    let output = site.stream(settings, &options);
    (output.status.success(), all(&output))
}

#[test]
fn words_are_counted_and_counters_told() {
    let site = site();
    let script =
        "tr \" \" \"\\n\" ; echo reporter:counter:mine,seen,5 >&2; echo reporter:status:well >&2";
    let mapper = format!("sh -c '{script}'");
    let mut options = IN_OUT.to_vec();
    options.extend(["-mapper", &mapper, "-reducer", "uniq -c"]);
    let output = site.stream(&["mapreduce.job.reduces=2"], &options);
    let text = all(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("seen="), "{text}");
    let lines: Vec<String> = site.output("/out").iter().map(|l| l.trim().to_owned()).collect();
    assert_eq!(lines, ["1 c", "2 b", "3 a"]);
    site.nothing_left();
}

#[test]
fn a_mapper_that_fails_fails_its_job_after_four_attempts() {
    let site = site();
    let (succeeded, text) = map(&site, &["mapreduce.job.maps=1"], "echo it is broken >&2; exit 3");
    assert!(!succeeded, "{text}");
    assert!(text.contains("subprocess failed with code 3"), "{text}");
    assert!(text.contains("The url to track the job: http://"), "{text}");
    // Each attempt's end is told as it comes, and why; with the last one the job says so.
    for attempt in 0..3 {
        let line = format!("_m_000000_{attempt}, Status : FAILED\n");
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.contains("Failed map tasks=4") || text.contains("Failed map tasks=8"), "{text}");
    site.nothing_left();
}

#[test]
fn a_mapper_that_hangs_is_ended() {
    let site = site();
    let settings = [
        "mapreduce.task.timeout=1500",
        "mapreduce.map.maxattempts=1",
        "mapreduce.task.progress-report.interval=200",
    ];
    let (succeeded, text) = map(&site, &settings, "sleep 1000");
    assert!(!succeeded, "{text}");
    assert!(text.contains("Timed out after 1 secs"), "{text}");
    site.nothing_left();
}

#[test]
fn endless_words_on_standard_error_are_cut() {
    let site = site();
    let settings = ["mapreduce.task.userlog.limit.kb=64"];
    let (succeeded, text) =
        map(&site, &settings, "cat; yes this goes on and on | head -c 30000000 >&2");
    assert!(succeeded, "{text}");
    let logs = site.path("tracker0/logs/userlogs");
    let mut longest = 0;
    for job in fs::read_dir(logs).expect("logs").flatten() {
        for attempt in fs::read_dir(job.path()).expect("logs").flatten() {
            let sizes = fs::read_dir(attempt.path()).expect("logs").flatten();
            let sum: u64 = sizes.filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
            longest = longest.max(sum);
        }
    }
    assert!(longest > 10_000 && longest <= 200 << 10, "{longest}");
    site.nothing_left();
}

#[test]
fn a_mapper_that_eats_memory_is_ended() {
    let site = site();
    let settings = ["mapreduce.map.memory.mb=64", "mapreduce.map.maxattempts=1"];
    let eater = "x=$(head -c 300000000 /dev/zero | tr \"\\0\" x); sleep 1000";
    let (succeeded, text) = map(&site, &settings, eater);
    assert!(!succeeded, "{text}");
    assert!(text.contains("beyond physical memory limits"), "{text}");
    site.nothing_left();
}

#[test]
fn what_a_mapper_leaves_running_is_ended() {
    let site = site();
    let (succeeded, text) = map(&site, &[], "setsid sleep 1000 >/dev/null 2>&1 & cat");
    assert!(succeeded, "{text}");
    site.nothing_left();
}

#[test]
fn a_mapper_that_dies_of_a_signal_is_named() {
    let site = site();
    let (succeeded, text) = map(&site, &["mapreduce.map.maxattempts=1"], "kill -9 $$");
    assert!(!succeeded, "{text}");
    assert!(text.contains("subprocess failed with code 137"), "{text}");
    site.nothing_left();
}

#[test]
fn wrong_input_and_output_are_refused_before_anything_runs() {
    let site = site();
    let job = |input: &str, output: &str| {
        let options = ["-input", input, "-output", output, "-mapper", "cat", "-reducer", "cat"];
        let output = site.stream(&[], &options);
        (output.status.code(), all(&output))
    };
    let (code, text) = job("/nothing", "/out");
    assert!(text.contains("Input path does not exist: hdfs://"), "{text}");
    assert_ne!(code, Some(0));
    let (code, text) = job("/in", "/in");
    assert!(text.contains("already exists"), "{text}");
    assert_ne!(code, Some(0));
    let (code, text) = job("/in", "/out");
    assert_eq!(code, Some(0), "{text}");
}
