//! Streaming and the examples as a user runs them, in one process over local files.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(directory: &Path, words: &[&str]) -> Output {
    fs::create_dir_all(directory.join("conf")).expect("a directory");
    let temporary = format!("-Dhadoop.tmp.dir={}", directory.join("tmp").display());
    let (head, tail) = words.split_at(if words[0] == "jar" { 3 } else { 1 });
    Command::new(env!("CARGO_BIN_EXE_loxodon"))
        .arg(if words[0] == "jar" { "hadoop" } else { "mapred" })
        .args(head)
        .arg(temporary)
        .args(tail)
        .env("HADOOP_CONF_DIR", directory.join("conf"))
        .current_dir(directory)
        .output()
        .expect("the program")
}

fn part(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_default()
}

const EXAMPLES: &str = "/not/there/hadoop-mapreduce-examples-3.4.2.jar";

#[test]
fn a_streaming_job_with_a_script_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(dir.join("in.txt"), "to be or\r\nnot to be").unwrap();
    fs::create_dir(dir.join("away")).unwrap();
    let script = "#!/bin/sh\necho reporter:counter:mine,lines,3 >&2\n\
                  test \"$mapreduce_job_reduces\" = 1 && test \"$X\" = y || exit 9\n\
                  tr ' ' '\\n'\n";
    fs::write(dir.join("away/words.sh"), script).unwrap();
    let words = ["streaming", "-files", "away/words.sh", "-input", "in.txt", "-output", "out"];
    let more = ["-mapper", "words.sh", "-reducer", "uniq -c", "-cmdenv", "X=y"];
    let done = run(dir, &[&words[..], &more[..]].concat());
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{told}");
    assert!(told.contains("lines=9"), "three maps: {told}");
    let lines: Vec<String> =
        part(dir, "out/part-00000").lines().map(|l| l.trim().to_owned()).collect();
    assert_eq!(lines, ["2 be", "1 not", "1 or", "2 to"]);
    assert!(!dir.join("words.sh").exists(), "its link is gone");

    let again = run(dir, &[&words[..], &more[..]].concat());
    assert_eq!(again.status.code(), Some(5), "the output is there");
    let wrong = run(dir, &["streaming", "-input", "in.txt", "-output", "bad", "-mapper", "false"]);
    assert_eq!(wrong.status.code(), Some(1));
    let told = String::from_utf8_lossy(&wrong.stderr);
    assert!(told.contains("subprocess failed with code 1"), "{told}");
}

#[test]
fn rows_are_generated_sorted_and_validated() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let example = |words: &[&str]| {
        let done = run(dir, &[&["jar", EXAMPLES], words].concat());
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    };
    example(&["teragen", "10k", "rows"]);
    example(&["terasort", "-Dmapreduce.job.reduces=3", "rows", "sorted"]);
    example(&["teravalidate", "sorted", "report"]);
    // What Hadoop's own TeraGen and TeraValidate say of 10,000 rows.
    assert_eq!(part(dir, "report/part-r-00000"), "checksum\t139abefd74b2\n");
    assert!(fs::metadata(dir.join("sorted/part-r-00002")).unwrap().len() > 300_000);
}

#[test]
fn other_archives_and_examples_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (words, named) in [
        (["jar", "my.jar", "Main"], "my.jar"),
        (["jar", EXAMPLES, "sudoku"], "sudoku"),
        (["jar", EXAMPLES, "nothing"], "nothing"),
    ] {
        let done = run(dir.path(), &words);
        assert_eq!(done.status.code(), Some(255));
        let told = [done.stdout, done.stderr].concat();
        assert!(String::from_utf8_lossy(&told).contains(named));
    }
}
