//! `loxodon demo`, to its end: what it shows is so, and it leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are not marked as tests

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

/// Three blocks of the demonstration's size, so that there are maps to lose.
const LENGTH: usize = 9 << 20;
const BLOCKS: usize = 3;

/// A text of some words, in which `common` comes most often.
fn text() -> String {
    let mut text = String::with_capacity(LENGTH + 64);
    for at in 0_u64.. {
        let end = if at % 9 == 0 { '\n' } else { ' ' };
        let word = if at % 3 == 0 { "common".to_owned() } else { format!("w{}", at * at % 997) };
        text.push_str(&format!("{word}{end}"));
        if text.len() >= LENGTH {
            break;
        }
    }
    text
}

/// Processes that were started with something of `place` in their environment, or run below it.
fn processes(place: &Path) -> Vec<String> {
    let place = place.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| {
            let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let directory = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        if directory.starts_with(place) || line.contains(place) || environment.contains(place) {
            found.push(line);
        }
    }
    found
}

#[test]
fn it_shows_what_it_says_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (file, place) = (root.path().join("words.txt"), root.path().join("tmp"));
    let text = text();
    fs::write(&file, &text).unwrap();
    fs::create_dir(&place).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loxodon"))
        .env("TMPDIR", &place)
        .arg("demo")
        .arg(&file)
        .output()
        .unwrap();
    let (shown, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}\n{errors}");

    let digest: String = Md5::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0_u64) += 1;
    }
    let (words, different) = (counts.values().sum::<u64>(), counts.len());
    // In this order, each once behind the one before.
    let mut rest: &str = &shown;
    for wanted in [
        "1. A NameNode, 3 DataNodes on two racks, a JobTracker and 3 TaskTrackers serve after ",
        &format!("2. put {} as /demo/file\n", file.display()),
        &format!("md5 {digest}\n"),
        &format!("3. {BLOCKS} blocks, 2 replicas each, on both racks:\n"),
        "4. DataNode 127.0.0.1:",
        " is gone without a word; the file is read all the same.\n",
        &format!("md5 {digest}: the same\n"),
        "5. The NameNode notices, and has the lost replicas made again:\n",
        &format!(" 2 DataNodes live, {BLOCKS} of {BLOCKS} blocks with 2 replicas\n"),
        "6. The NameNode was killed, started again from its disk, and serves after ",
        &format!("md5 {digest}: the same\n"),
        "7. Its words are counted where its blocks are:\n",
        "   tracker_",
        " is gone without a word\n",
        ": succeeded in ",
        &format!("   {words} words, {different} different: common {}, ", counts["common"]),
        "Nothing was lost.\n",
    ] {
        let Some(at) = rest.find(wanted) else {
            panic!("not there, or not in its place: {wanted:?}\n{shown}\n{errors}");
        };
        rest = &rest[at + wanted.len()..];
    }
    let blocks = shown.lines().filter(|line| line.starts_with("   blk_"));
    let racks =
        blocks.map(|line| ["/rack-a/127.0.0.1:", "/rack-b/127.0.0.1:"].map(|r| line.contains(r)));
    assert_eq!(racks.collect::<Vec<_>>(), [[true, true]; BLOCKS], "{shown}");

    let left: Vec<_> = fs::read_dir(&place).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "on disk: {left:?}");
    // What was killed with its parent is gone a moment later.
    let end = Instant::now() + Duration::from_secs(30);
    let mut running = processes(root.path());
    while !running.is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
        running = processes(root.path());
    }
    assert!(running.is_empty(), "still running: {running:?}");
}
