//! `mapred job -history`, and what else `mapred` prints where it is used wrongly, against Hadoop's own classes.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::tz::TimeZone;
use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, Outcome, whoami};
use loxodon_interop::loxodon;
use loxodon_mapreduce::history::{JobRecord, ViewFormat, view};

use super::story::{OF_YARN, Story};

/// One JVM serves all tests of this file; it ends with its standard input.
fn java(conf: &Path, command: &str, args: &[&str]) -> io::Result<Outcome> {
    static JAVA: OnceLock<Mutex<Option<JavaHost>>> = OnceLock::new();
    let mut host = JAVA.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if host.is_none() {
        let log = std::env::temp_dir().join(format!("interop-history-{}.log", std::process::id()));
        *host = Some(JavaHost::start(&log)?);
    }
    let Some(host) = host.as_mut() else { return Err(io::Error::other("no JVM")) };
    host.run(conf, &whoami(), command, args)
}

/// The first line that differs is what the error shows.
fn same(what: &str, wanted: &str, found: &str) -> io::Result<()> {
    if wanted == found {
        return Ok(());
    }
    let at = wanted.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let from = at.saturating_sub(60);
        String::from_utf8_lossy(
            text.as_bytes().get(from..(at + 60).min(text.len())).unwrap_or_default(),
        )
        .into_owned()
    };
    Err(io::Error::other(format!(
        "{what}: byte {at}\nJava: {:?}\nours: {:?}",
        around(wanted),
        around(found)
    )))
}

#[test]
fn histories_are_printed_as_java_prints_them() {
    in_fresh_directory(|root| {
        let file = root.join("job_1763730000000_0042-1-ann-x.jhist");
        let name = file.display().to_string();
        let stories = [
            Story::new(42, 3, 1, "SUCCEEDED"),
            Story::new(42, 60, 13, "SUCCEEDED"),
            Story::new(42, 9, 0, "SUCCEEDED"),
            Story::new(42, 30, 2, "FAILED"),
        ];
        let told =
            stories.map(|story| (format!("{} maps, {}", story.maps, story.status), story.file()));
        for (what, bytes) in [("YARN's".to_owned(), OF_YARN.to_vec())].into_iter().chain(told) {
            fs::write(&file, &bytes)?;
            for (format, ours) in [("human", ViewFormat::Human), ("json", ViewFormat::Json)] {
                for all in ["all", "some"] {
                    let theirs =
                        java(root, "mapred", &["view", &name, all, format])?.succeeded()?;
                    // Hadoop takes eight letters off YARN's names of machines too.
                    let theirs = theirs.replace("/t:", "/localhost:");
                    let record = JobRecord::read(&bytes).map_err(io::Error::other)?;
                    let ours = view(&record, all == "all", ours, &TimeZone::system());
                    let what = format!("{what}, {format}, {all}");
                    same(&what, &theirs, &ours.expect("a job"))?;
                }
            }
        }
        // The command itself, and to a file.
        let theirs = java(root, "mapred", &["view", &name, "all", "human"])?.succeeded()?;
        let user = whoami();
        let words = ["mapred", "job", "-history", "all", &name];
        same("the command", &theirs, &loxodon::run(root, &user, &words)?.succeeded()?)?;
        let out = root.join("out").display().to_string();
        let words = ["mapred", "job", "-history", "all", &name, "-outfile", &out];
        same("nothing is printed", "", &loxodon::run(root, &user, &words)?.succeeded()?)?;
        same("the file", &theirs, &fs::read_to_string(&out)?)
    });
}

#[test]
fn wrong_commands_are_answered_as_java_answers_them() {
    in_fresh_directory(|root| {
        let mut differences = Vec::new();
        for line in [
            "job",
            "job -dance",
            "job -submit",
            "job -status",
            "job -status a b",
            "job -counter job_1_0001 g",
            "job -kill",
            "job -set-priority job_1_0001",
            "job -set-priority job_1_0001 urgent",
            "job -events job_1_0001 1",
            "job -history",
            "job -history all",
            "job -history f.jhist -outfile",
            "job -history f.jhist -format json -outfile o",
            "job -list some",
            "job -list-active-trackers x",
            "job -list-blacklisted-trackers x",
            "job -list-attempt-ids job_1_0001 MAP",
            "job -list-attempt-ids job_1_0001 SETUP running",
            "job -list-attempt-ids job_1_0001 map lost",
            "job -kill-task",
            "job -fail-task a b",
            "job -logs",
            "job -logs a b c",
            "job -config job_1_0001",
            "queue",
            "queue -dance",
            "queue -info",
            "queue -info -showJobs",
            "queue -info default x",
            "hsadmin",
            "hsadmin -dance",
            "hsadmin -refreshAdminAcls x",
            "hsadmin -help",
            "hsadmin -help refreshAdminAcls",
            "hsadmin -help getGroups",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let mut theirs = java(root, "mapred", &words)?;
            let all: Vec<&str> = ["mapred"].into_iter().chain(words).collect();
            let ours = loxodon::run(root, &whoami(), &all)?;
            // -1 is what the shell sees as 255; Java's log goes to standard error too.
            theirs.exit &= 255;
            if theirs != ours {
                differences.push(format!("{line}\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
            }
        }
        match differences.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(differences.join("\n"))),
        }
    });
}
