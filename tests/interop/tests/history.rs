//! `mapred job -history`, and what else `mapred` prints where it is used wrongly, against Hadoop's own classes.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests are not marked as tests

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::tz::TimeZone;
use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, Outcome, whoami};
use loxodon_interop::loxodon;
use loxodon_mapreduce::history::{
    AmStarted, HistoryEvent, JobFinished, JobInfoChange, JobInited, JobRecord, JobSubmitted,
    JobUnsuccessfulCompletion, MapAttemptFinished, NamedCounters, ReduceAttemptFinished,
    TaskAttemptStarted, TaskAttemptUnsuccessfulCompletion, TaskFailed, TaskFinished, TaskStarted,
    ViewFormat, file_header, view, write_event,
};
use loxodon_mapreduce::protocol::counters_of;

/// When the jobs were submitted.
const THEN: i64 = 1_763_730_000_123;

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

fn counters(factor: i64) -> NamedCounters {
    NamedCounters::plain(counters_of([
        (
            "org.apache.hadoop.mapreduce.TaskCounter",
            "Map-Reduce Framework",
            vec![
                ("SPILLED_RECORDS", "Spilled Records", 4 * factor),
                ("MAP_INPUT_RECORDS", "Map input records", 1_234_567 * factor),
                ("MAP_PHYSICAL_MEMORY_BYTES_MAX", "Peak", 7),
            ],
        ),
        ("Shuffle Errors", "Shuffle Errors", vec![("BAD_ID", "BAD_ID", 0), ("IO_ERROR", "IO", 1)]),
        (
            "org.apache.hadoop.mapreduce.FileSystemCounter",
            "File System Counters",
            vec![
                ("HDFS_READ_OPS", "HDFS: Number of read operations", factor),
                ("FILE_LARGE_READ_OPS", "FILE: Number of large read operations", 0),
                ("FILE_BYTES_READ", "FILE: Number of bytes read", -5 * factor),
            ],
        ),
        ("org.example.Ours", "What is \"ours\"", vec![("Z", "last / of them", 2), ("A", "a", 1)]),
        (
            "org.apache.hadoop.mapreduce.lib.input.FileInputFormatCounter",
            "File Input Format Counters ",
            vec![("BYTES_READ", "Bytes Read", 99 * factor)],
        ),
    ]))
}

/// A job of so many maps and reduces, some attempts of which fail or are killed.
struct Story {
    maps: u32,
    reduces: u32,
    /// How it ends.
    status: &'static str,
}

impl Story {
    fn job(&self) -> &'static str {
        "job_1763730000000_0042"
    }

    fn task(&self, kind: char, number: u32) -> String {
        format!("task_1763730000000_0042_{kind}_{number:06}")
    }

    fn host(number: u32) -> String {
        format!("host{}.example.org", number % 7)
    }

    fn started(&self, task: &str, kind: &str, number: u32, attempt: u32) -> HistoryEvent {
        let tracker = Self::host(number + attempt);
        // As a JobTracker names them, and as YARN does.
        let tracker = if number.is_multiple_of(2) {
            format!("tracker_{tracker}:50060")
        } else {
            format!("tracker_{tracker}")
        };
        TaskAttemptStarted {
            task_id: task.to_owned(),
            task_type: kind.into(),
            attempt_id: format!("{}_{attempt}", task.replace("task_", "attempt_")),
            start_time: THEN + 5000 + i64::from(number) * 777,
            tracker_name: tracker,
            http_port: if number == 3 { -1 } else { 50_060 },
            shuffle_port: 13_562,
            container_id: "container_1763730000000_0042_01_000002".into(),
            locality: Some("NODE_LOCAL".into()),
            avataar: Some("VIRGIN".into()),
        }
        .into()
    }

    fn unsuccessful(
        task: &str,
        kind: &str,
        number: u32,
        attempt: u32,
        status: &str,
    ) -> HistoryEvent {
        TaskAttemptUnsuccessfulCompletion {
            task_id: task.to_owned(),
            task_type: kind.into(),
            attempt_id: format!("{}_{attempt}", task.replace("task_", "attempt_")),
            finish_time: THEN + 9000 + i64::from(number) * 3333,
            hostname: Self::host(number + attempt),
            port: 50_060,
            rackname: "/default-rack".into(),
            status: status.into(),
            error: format!("Error: \"bad\" luck of {number}\n\tat a/b line 2 \u{e4}"),
            counters: Some(counters(1)),
            ..Default::default()
        }
        .into()
    }

    fn tasks(&self, events: &mut Vec<HistoryEvent>) {
        let all = (0..self.maps).map(|n| ('m', n)).chain((0..self.reduces).map(|n| ('r', n)));
        for (letter, number) in all {
            let kind = if letter == 'm' { "MAP" } else { "REDUCE" };
            let task = self.task(letter, number);
            let splits = if letter == 'm' { "a.example.org,b.example.org" } else { "" };
            events.push(
                TaskStarted {
                    task_id: task.clone(),
                    task_type: kind.into(),
                    start_time: THEN + 4000 + i64::from(number),
                    split_locations: splits.into(),
                }
                .into(),
            );
            let mut attempt = 0;
            for (each, status) in [(5, "FAILED"), (4, "KILLED")] {
                if number % each == each - 1 {
                    events.push(self.started(&task, kind, number, attempt));
                    events.push(Self::unsuccessful(&task, kind, number, attempt, status));
                    attempt += 1;
                }
            }
            events.push(self.started(&task, kind, number, attempt));
            if self.status != "SUCCEEDED" && number + 1 == self.maps && letter == 'm' {
                events.push(Self::unsuccessful(&task, kind, number, attempt, "FAILED"));
                events.push(
                    TaskFailed {
                        task_id: task,
                        task_type: kind.into(),
                        finish_time: THEN + 99_000,
                        error: ", failed for the last time".into(),
                        status: "FAILED".into(),
                        ..Default::default()
                    }
                    .into(),
                );
                continue;
            }
            self.finished(events, letter, number, attempt);
        }
    }

    fn finished(&self, events: &mut Vec<HistoryEvent>, letter: char, number: u32, attempt: u32) {
        let task = self.task(letter, number);
        let attempt_id = format!("{}_{attempt}", task.replace("task_", "attempt_"));
        let finish_time = THEN + 20_000 + i64::from(number * 7919 % 90_000);
        let hostname = Self::host(number + attempt);
        let (task_id, state) = (task.clone(), "well".to_owned());
        let rackname = "/default-rack".to_owned();
        let task_status = "SUCCEEDED".to_owned();
        events.push(if letter == 'm' {
            MapAttemptFinished {
                task_id,
                attempt_id: attempt_id.clone(),
                task_type: "MAP".into(),
                task_status,
                map_finish_time: finish_time,
                finish_time,
                hostname,
                port: 1,
                rackname,
                state,
                counters: counters(2),
                ..Default::default()
            }
            .into()
        } else {
            ReduceAttemptFinished {
                task_id,
                attempt_id: attempt_id.clone(),
                task_type: "REDUCE".into(),
                task_status,
                shuffle_finish_time: finish_time - 7000,
                sort_finish_time: finish_time - 5000,
                finish_time,
                hostname,
                port: 1,
                rackname,
                state,
                counters: counters(3),
                ..Default::default()
            }
            .into()
        });
        events.push(
            TaskFinished {
                task_id: task,
                task_type: if letter == 'm' { "MAP" } else { "REDUCE" }.into(),
                finish_time,
                status: "SUCCEEDED".into(),
                counters: counters(2),
                successful_attempt_id: Some(attempt_id),
            }
            .into(),
        );
    }

    fn events(&self) -> Vec<HistoryEvent> {
        let job_id = self.job().to_owned();
        let (launch_time, submit_time) = (THEN + 3_661_000, THEN);
        let mut events: Vec<HistoryEvent> = vec![
            AmStarted {
                application_attempt_id: "appattempt_1763730000000_0042_000001".into(),
                start_time: THEN,
                container_id: "container_1763730000000_0042_01_000001".into(),
                node_manager_host: "h".into(),
                ..Default::default()
            }
            .into(),
            JobSubmitted {
                job_id: job_id.clone(),
                job_name: "a job / of \"ours\"".into(),
                user_name: "ann".into(),
                submit_time,
                job_conf_path: "hdfs://h:8020/staging/job.xml".into(),
                job_queue_name: "default".into(),
                ..Default::default()
            }
            .into(),
            JobInfoChange { job_id: job_id.clone(), submit_time, launch_time }.into(),
            JobInited {
                job_id: job_id.clone(),
                launch_time,
                total_maps: self.maps as i32,
                total_reduces: self.reduces as i32,
                job_status: "INITED".into(),
                uberized: false,
            }
            .into(),
        ];
        self.tasks(&mut events);
        let finish_time = launch_time + 7_384_000;
        let named = |name, factor| NamedCounters { name, ..counters(factor) };
        events.push(if self.status == "SUCCEEDED" {
            JobFinished {
                job_id,
                finish_time,
                finished_maps: self.maps as i32,
                finished_reduces: self.reduces as i32,
                total_counters: named("TOTAL_COUNTERS", 5),
                map_counters: named("MAP_COUNTERS", 2),
                reduce_counters: named("REDUCE_COUNTERS", 3),
                ..Default::default()
            }
            .into()
        } else {
            JobUnsuccessfulCompletion {
                job_id,
                finish_time,
                finished_maps: self.maps as i32 - 1,
                finished_reduces: self.reduces as i32,
                job_status: self.status.into(),
                diagnostics: Some("Task failed".into()),
                ..Default::default()
            }
            .into()
        });
        events
    }
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
        for story in [
            Story { maps: 3, reduces: 1, status: "SUCCEEDED" },
            Story { maps: 60, reduces: 13, status: "SUCCEEDED" },
            Story { maps: 9, reduces: 0, status: "SUCCEEDED" },
            Story { maps: 30, reduces: 2, status: "FAILED" },
        ] {
            let mut bytes = file_header().into_bytes();
            story.events().iter().for_each(|event| write_event(&mut bytes, event));
            fs::write(&file, &bytes)?;
            for (format, ours) in [("human", ViewFormat::Human), ("json", ViewFormat::Json)] {
                for all in ["all", "some"] {
                    let theirs =
                        java(root, "mapred", &["view", &name, all, format])?.succeeded()?;
                    let record = JobRecord::read(&bytes).map_err(io::Error::other)?;
                    let ours = view(&record, all == "all", ours, &TimeZone::system());
                    let what = format!("{} maps, {}, {format}, {all}", story.maps, story.status);
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
