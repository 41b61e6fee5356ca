//! Histories that no job wrote: of any size, with attempts that fail or are killed.

use loxodon_mapreduce::history::{
    AmStarted, DoneName, HistoryEvent, JobFinished, JobInfoChange, JobInited, JobSubmitted,
    JobUnsuccessfulCompletion, MapAttemptFinished, NamedCounters, ReduceAttemptFinished,
    TaskAttemptStarted, TaskAttemptUnsuccessfulCompletion, TaskFailed, TaskFinished, TaskStarted,
    file_header, write_event,
};
use loxodon_mapreduce::protocol::counters_of;

/// When the jobs were submitted.
pub(crate) const THEN: i64 = 1_763_730_000_123;
/// When their tasks began.
pub(crate) const LAUNCHED: i64 = THEN + 3_661_000;
/// How long they took.
const TOOK: i64 = 7_384_000;
const NAME: &str = "a job / of \"ours\"";

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

/// What an application master wrote of a streaming job on YARN, one map of which failed at first, and its name.
pub(crate) const OF_YARN: &[u8] = include_bytes!("yarn.jhist");
pub(crate) const NAME_OF_YARN: &str = "job_1795293409128_0001-1795293422147-root-words+of+YARN-1795293465718-2-1-SUCCEEDED-root.default-1795293437892.jhist";

/// A job of so many maps and reduces, some attempts of which fail or are killed.
pub(crate) struct Story {
    pub(crate) number: u32,
    pub(crate) maps: u32,
    pub(crate) reduces: u32,
    /// How it ends.
    pub(crate) status: &'static str,
    pub(crate) user: &'static str,
    pub(crate) queue: &'static str,
}

impl Story {
    /// Ann's, in the default queue.
    pub(crate) fn new(number: u32, maps: u32, reduces: u32, status: &'static str) -> Self {
        Self { number, maps, reduces, status, user: "ann", queue: "default" }
    }

    pub(crate) fn job(&self) -> String {
        format!("job_1763730000000_{:04}", self.number)
    }

    /// The file as it is in a done directory.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut bytes = file_header().into_bytes();
        self.events().iter().for_each(|event| write_event(&mut bytes, event));
        bytes
    }

    /// What the file is called there.
    pub(crate) fn name(&self) -> DoneName {
        DoneName {
            job: self.job().parse().expect("an id"),
            submit_time: THEN,
            user: self.user.into(),
            job_name: NAME.into(),
            finish_time: LAUNCHED + TOOK,
            maps: i64::from(self.maps),
            reduces: i64::from(self.reduces),
            status: self.status.into(),
            queue: self.queue.into(),
            start_time: LAUNCHED,
        }
    }

    fn task(&self, kind: char, number: u32) -> String {
        format!("task_1763730000000_{:04}_{kind}_{number:06}", self.number)
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
            container_id: format!("container_1763730000000_{:04}_01_000002", self.number),
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
        let job_id = self.job();
        let (launch_time, submit_time) = (LAUNCHED, THEN);
        let mut events: Vec<HistoryEvent> = vec![
            AmStarted {
                application_attempt_id: format!(
                    "appattempt_1763730000000_{:04}_000001",
                    self.number
                ),
                start_time: THEN,
                container_id: format!("container_1763730000000_{:04}_01_000001", self.number),
                node_manager_host: "h".into(),
                ..Default::default()
            }
            .into(),
            JobSubmitted {
                job_id: job_id.clone(),
                job_name: NAME.into(),
                user_name: self.user.into(),
                submit_time,
                acls: [("mapreduce.job.acl-view-job".to_owned(), "bob staff,ops".to_owned())]
                    .into(),
                job_conf_path: "hdfs://h:8020/staging/job.xml".into(),
                job_queue_name: self.queue.into(),
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
        let finish_time = launch_time + TOOK;
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
