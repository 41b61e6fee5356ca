//! `namenode -recover`: what is asked, and what is left.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::daemon::{NameNode, Site, files};

const NAMES: u32 = 20;

async fn make(namenode: &NameNode, names: std::ops::Range<u32>) {
    let client = namenode.client();
    for name in names {
        assert!(client.mkdirs(&format!("/d{name:04}"), 0o755, false).await.expect("mkdirs"));
    }
}

async fn names(namenode: &NameNode) -> Vec<String> {
    let client = namenode.client();
    let mut listing = client.list("/");
    let mut names = Vec::new();
    while let Some(status) = listing.next().await.expect("a listing") {
        names.push(status.name);
    }
    names
}

/// A site whose NameNode was killed, and of whose open segment a byte in the middle is damaged.
async fn damaged() -> Site {
    let site = Site::formatted();
    let mut namenode = site.start();
    make(&namenode, 0..NAMES).await;
    namenode.kill();
    let path = site.file("edits_inprogress_");
    let mut bytes = fs::read(&path).expect("the segment");
    let end = bytes.iter().rposition(|&byte| byte != 0xff).expect("edits");
    bytes[end / 2] ^= 0x10;
    fs::write(&path, bytes).expect("the segment");
    site
}

fn recover(site: &Site, args: &[&str], answers: &str) -> Output {
    let mut command = site.command();
    command.arg("-recover").args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("standard input");
    // It may have decided before it has read everything.
    let _ = input.write_all(answers.as_bytes());
    drop(input);
    child.wait_with_output().expect("wait")
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let read =
        |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).expect("it"));
    files(directory, "").into_iter().map(read).collect()
}

#[tokio::test]
async fn forced_it_passes_over_what_is_damaged() {
    let site = damaged().await;
    site.refused(&["corrupt"]);
    let output = recover(&site, &["-force"], "y\n");
    let said = text(&output);
    assert!(said.contains("Are you ready to proceed? (Y/N)"), "{said}");
    assert!(said.contains("We failed to read txId"), "{said}");
    assert!(said.contains("There appears to be a gap in the edit log."), "{said}");
    assert!(said.contains("(c/s/q/a)"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("automatically choosing c"));
    assert_eq!(files(&site.current(), "edits_inprogress_").len(), 1, "it is put aside");
    let namenode = site.start();
    let found = names(&namenode).await;
    assert_eq!(found.len(), NAMES as usize - 1, "{found:?}");
    assert!(found.contains(&format!("d{:04}", NAMES - 1)), "{found:?}");
    // What is written after that is found again.
    make(&namenode, 100..105).await;
    namenode.stop();
    assert_eq!(names(&site.start()).await.len(), NAMES as usize + 4);
}

#[tokio::test]
async fn it_stops_where_it_is_told_to() {
    let site = damaged().await;
    text(&recover(&site, &[], "Y\nperhaps\ns\n"));
    let namenode = site.start();
    let found = names(&namenode).await;
    let half = NAMES as usize / 2;
    assert!((half - 3..=half + 3).contains(&found.len()), "{found:?}");
    make(&namenode, 100..105).await;
    namenode.stop();
    assert_eq!(names(&site.start()).await.len(), found.len() + 5);
}

#[tokio::test]
async fn nothing_is_changed_unless_that_is_wanted() {
    let site = damaged().await;
    let before = contents(&site.current());
    for (answers, said) in [
        ("N\n", "Recovery aborted at user request."),
        ("", "Recovery aborted at user request."),
        ("Y\nq\n", "Exiting on user request."),
        ("Y\n", "no answer: nothing is changed"),
    ] {
        let found = text(&recover(&site, &[], answers));
        assert!(found.contains(said), "{answers:?}: {found}");
        assert_eq!(contents(&site.current()), before, "{answers:?}");
    }
    let running = Site::formatted();
    let namenode = running.start();
    let output = recover(&running, &["-force"], "Y\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("already locked"));
    namenode.stop();
}

#[tokio::test]
async fn segments_that_are_missing_are_gone_on_without() {
    let site = Site::formatted();
    let namenode = site.start();
    for part in 0..3 {
        make(&namenode, part * 5..part * 5 + 5).await;
        namenode.client().roll_edits().await.expect("rollEdits");
    }
    namenode.stop();
    fs::remove_file(files(&site.current(), "edits_0").remove(1)).expect("a segment");
    site.refused(&["Gap in transactions"]);
    let said = text(&recover(&site, &[], "Y\nc\n"));
    assert!(
        said.contains("There appears to be a gap in the edit log.  We expected txid"),
        "{said}"
    );
    let found = names(&site.start()).await;
    assert_eq!(found.len(), 10, "{found:?}");
    // The newest edits are known to be missing.
    fs::write(site.current().join("seen_txid"), "700\n").expect("seen_txid");
    site.refused(&["Gap in transactions"]);
    text(&recover(&site, &[], "Y\n"));
    assert_eq!(names(&site.start()).await.len(), 10);
}
