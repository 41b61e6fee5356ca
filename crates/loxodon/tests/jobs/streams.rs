//! Options of streaming that mean something on a cluster only, or something else than in one process.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Site, all, wait};

#[test]
fn what_comes_with_a_job_is_in_the_working_directory_of_its_tasks() {
    let site = Site::start(1, &[]);
    site.put("/in", "line\n");
    site.put("/stored.txt", "stored\n");
    fs::write(site.path("side.txt"), "side\n").expect("a file");
    fs::write(site.path("lib.jar"), "jar\n").expect("a file");
    fs::create_dir(site.path("tree")).expect("a directory");
    fs::write(site.path("tree/leaf.txt"), "leaf\n").expect("a file");
    let directory = site.path("");
    let tar =
        Command::new("tar").args(["-czf", "tree.tgz", "tree"]).current_dir(&directory).status();
    assert!(tar.expect("tar").success());
    fs::write(
        site.path("own.sh"),
        "#!/bin/sh\ncat side.txt lib.jar unpacked/tree/leaf.txt cached; cat\n",
    )
    .expect("a file");
    let output = site
        .streaming(&["mapreduce.job.maps=1"], &[])
        .args(["-files", "side.txt", "-archives", "tree.tgz#unpacked", "-libjars", "lib.jar"])
        .args(["-input", "/in", "-output", "/out", "-numReduceTasks", "0"])
        .args(["-file", "own.sh", "-mapper", "own.sh", "-cacheFile", "/stored.txt#cached"])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", all(&output));
    let lines: Vec<String> =
        site.output("/out").iter().map(|line| line.trim().to_owned()).collect();
    assert_eq!(lines, ["jar", "leaf", "line", "side", "stored"], "{}", all(&output));
}

#[test]
fn a_job_in_the_background_goes_on_by_itself() {
    let site = Site::start(1, &[]);
    site.put("/in", "b\na\n");
    let gate = site.path("gate");
    let mapper = format!("sh -c 'while [ ! -e {} ]; do sleep 0.05; done; cat'", gate.display());
    let options =
        ["-background", "-input", "/in", "-output", "/out", "-mapper", &mapper, "-reducer", "cat"];
    let output = site.stream(&[], &options);
    let text = all(&output);
    assert!(output.status.success() && text.contains("is running in background"), "{text}");
    let is_over = || site.text(&["mapred", "job", "-list", "all"]).contains("SUCCEEDED");
    assert!(!is_over(), "its maps wait");
    fs::write(&gate, "").expect("a file");
    wait("the job's end", is_over);
    let lines: Vec<String> =
        site.output("/out").iter().map(|line| line.trim().to_owned()).collect();
    assert_eq!(lines, ["a", "b"]);
}

/// Whether a process has a handler for a signal.
fn catches(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn ctrl_c_ends_the_command_and_not_its_job() {
    let site = Site::start(1, &[]);
    site.put("/in", "a\n");
    let options = ["-input", "/in", "-output", "/out", "-mapper", "sleep 600", "-reducer", "NONE"];
    let command = site.streaming(&[], &options).spawn().expect("the program starts");
    wait("its map runs", || site.tasks() > 0);
    wait("the command listens to signals", || catches(command.id(), Signal::INT));
    kill_process(Pid::from_child(&command), Signal::INT).expect("a process that runs");
    let output = command.wait_with_output().expect("its end");
    let text = all(&output);
    assert_eq!(output.status.code(), Some(6), "{text}");
    let (_, order) = text.split_once("mapred job -kill ").expect("how to kill it");
    let id = order.lines().next().expect("an id");
    assert!(text.contains(&format!("{id} goes on")), "{text}");
    assert!(site.text(&["mapred", "job", "-list"]).contains(id));
    site.text(&["mapred", "job", "-kill", id]);
    site.nothing_left();
}

#[test]
fn a_script_looks_at_a_failed_map() {
    let site = Site::start(1, &[]);
    site.put("/in", "line\n");
    let script = "#!/bin/sh\ntest -s \"$4\" && echo looked at: $(cat \"$2\") >&2\n";
    fs::write(site.path("look.sh"), script).expect("a file");
    let output = site
        .streaming(&["mapreduce.job.maps=1", "mapreduce.map.maxattempts=1"], &[])
        .args(["-files", "look.sh", "-input", "/in", "-output", "/out", "-mapdebug", "look.sh"])
        .args(["-mapper", "sh -c 'echo my last words >&2; exit 3'", "-numReduceTasks", "0"])
        .output()
        .expect("the program starts");
    let text = all(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("looked at: my last words"), "{text}");
}
