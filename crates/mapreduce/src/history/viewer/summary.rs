//! Sums over a job's attempts (`HistoryViewer.SummarizedJob`, `AnalyzedJob`, `FilteredJob`).

use std::collections::BTreeSet;

use loxodon_wire::java_hash;

use crate::history::record::{AttemptRecord, JobRecord};
use crate::job::{TaskId, TaskKind};

/// Attempts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) total: u32,
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    pub(super) killed: u32,
    pub(super) started: i64,
    pub(super) finished: i64,
}

/// The sums of set-up, maps, reduces and clean-up.
pub(super) struct Summary {
    pub(super) setup: Sum,
    pub(super) map: Sum,
    pub(super) reduce: Sum,
    pub(super) cleanup: Sum,
}

impl Summary {
    pub(super) fn of(record: &JobRecord) -> Self {
        let none = Sum::default();
        let mut summary = Self { setup: none, map: none, reduce: none, cleanup: none };
        for task in record.tasks() {
            for attempt in task.attempts() {
                let sum = match attempt.kind {
                    Some(TaskKind::Map) => &mut summary.map,
                    Some(TaskKind::Reduce) => &mut summary.reduce,
                    Some(TaskKind::JobSetup) => &mut summary.setup,
                    Some(TaskKind::JobCleanup) => &mut summary.cleanup,
                    _ => continue,
                };
                sum.add(attempt);
            }
        }
        // Of maps and reduces the job itself says how many succeeded.
        summary.map.succeeded = u32::try_from(record.succeeded_maps).unwrap_or(0);
        summary.reduce.succeeded = u32::try_from(record.succeeded_reduces).unwrap_or(0);
        summary
    }
}

impl Sum {
    fn add(&mut self, attempt: &AttemptRecord) {
        self.total = self.total.saturating_add(1);
        if self.started == 0 || self.started > attempt.started {
            self.started = attempt.started;
        }
        self.finished = self.finished.max(attempt.finished);
        let count = match attempt.status.as_deref() {
            Some("SUCCEEDED") => &mut self.succeeded,
            Some("FAILED") => &mut self.failed,
            Some("KILLED") => &mut self.killed,
            _ => return,
        };
        *count = count.saturating_add(1);
    }
}

/// The attempts that made maps and reduces succeed, and what they took on average.
pub(super) struct Analysis<'a> {
    pub(super) maps: Vec<&'a AttemptRecord>,
    pub(super) reduces: Vec<&'a AttemptRecord>,
    pub(super) map_time: i64,
    pub(super) shuffle_time: i64,
    pub(super) reduce_time: i64,
}

impl<'a> Analysis<'a> {
    pub(super) fn of(record: &'a JobRecord) -> Self {
        let mut analysis =
            Self { maps: vec![], reduces: vec![], map_time: 0, shuffle_time: 0, reduce_time: 0 };
        for task in record.tasks() {
            let is_success = |a: &&AttemptRecord| a.status.as_deref() == Some("SUCCEEDED");
            let Some(attempt) = task.attempts().into_iter().find(is_success) else { continue };
            match attempt.kind {
                Some(TaskKind::Map) => analysis.maps.push(attempt),
                Some(TaskKind::Reduce) => analysis.reduces.push(attempt),
                _ => {}
            }
        }
        let mean = |all: &[&AttemptRecord], time: fn(&AttemptRecord) -> i64, count: i32| {
            let sum = all.iter().fold(0i64, |sum, attempt| sum.wrapping_add(time(attempt)));
            if count > 0 { sum / i64::from(count) } else { sum }
        };
        let reduces = record.succeeded_reduces;
        analysis.map_time = mean(&analysis.maps, took, record.succeeded_maps);
        analysis.shuffle_time = mean(&analysis.reduces, shuffle, reduces);
        analysis.reduce_time = mean(&analysis.reduces, reduce, reduces);
        analysis
    }
}

/// From an attempt's start to its end.
pub(super) const fn took(attempt: &AttemptRecord) -> i64 {
    attempt.finished.wrapping_sub(attempt.started)
}

/// From a reduce's start to the end of its shuffle.
pub(super) const fn shuffle(attempt: &AttemptRecord) -> i64 {
    attempt.shuffled.wrapping_sub(attempt.started)
}

/// From the end of a reduce's shuffle to its end.
pub(super) const fn reduce(attempt: &AttemptRecord) -> i64 {
    attempt.finished.wrapping_sub(attempt.shuffled)
}

/// Machines on which attempts ended like that, with their tasks.
pub(super) fn by_machine(record: &JobRecord, status: &str) -> Vec<(String, BTreeSet<TaskId>)> {
    let mut machines: Vec<(String, BTreeSet<TaskId>)> = Vec::new();
    for task in record.tasks() {
        let attempts = task.attempts().into_iter();
        for attempt in attempts.filter(|attempt| attempt.status.as_deref() == Some(status)) {
            let id = attempt.id.task.clone();
            match machines.iter_mut().find(|(host, _)| *host == attempt.host) {
                Some((_, tasks)) => drop(tasks.insert(id)),
                None => machines.push((attempt.host.clone(), BTreeSet::from([id]))),
            }
        }
    }
    java_hash::walk(&mut machines, java_hash::BUCKETS, |(host, _)| java_hash::string_hash(host));
    machines
}
