//! A history for people (`HumanReadableHistoryViewerPrinter`).

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::summary::{Analysis, Sum, Summary, by_machine, reduce, shuffle, took};
use crate::history::counters::{counter_rows, value_of};
use crate::history::record::{AttemptRecord, JobRecord, TaskRecord};
use crate::job::{JobId, TaskKind};

/// Attempts in a list of the slowest.
const SLOWEST: usize = 10;
/// Kinds of tasks, in the order in which they are listed.
const KINDS: [TaskKind; 4] =
    [TaskKind::JobSetup, TaskKind::Map, TaskKind::Reduce, TaskKind::JobCleanup];
const RULE: &str = "\n====================================================\n";

struct Printer<'a> {
    record: &'a JobRecord,
    job: &'a JobId,
    zone: &'a TimeZone,
    text: String,
}

pub(super) fn print(record: &JobRecord, job: &JobId, all: bool, zone: &TimeZone) -> String {
    let mut printer = Printer { record, job, zone, text: String::new() };
    printer.details();
    printer.summary();
    printer.analysis();
    for kind in KINDS {
        printer.tasks(kind, "FAILED");
        printer.tasks(kind, "KILLED");
    }
    if all {
        KINDS.into_iter().for_each(|kind| printer.tasks(kind, "SUCCEEDED"));
        KINDS.into_iter().for_each(|kind| printer.attempts(kind));
    }
    printer.machines("FAILED");
    printer.machines("KILLED");
    printer.text
}

/// `2hrs, 3mins, 4sec` (`StringUtils.formatTime`).
fn span(milliseconds: i64) -> String {
    let (hours, rest) = (milliseconds / 3_600_000, milliseconds % 3_600_000);
    let (minutes, seconds) = (rest / 60_000, rest % 60_000 / 1000);
    let mut text = String::new();
    if hours != 0 {
        let _ = write!(text, "{hours}hrs, ");
    }
    if minutes != 0 {
        let _ = write!(text, "{minutes}mins, ");
    }
    let _ = write!(text, "{seconds}sec");
    text
}

/// `1,234,567`, as Java's `DecimalFormat` without a pattern.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time of an attempt.
type Time = fn(&AttemptRecord) -> i64;

impl Printer<'_> {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A time, and how long after another it was; nothing for 0 (`getFormattedTimeWithDiff`).
    fn time(&self, time: i64, since: i64) -> String {
        if time == 0 {
            return String::new();
        }
        let at = Timestamp::from_millisecond(time).unwrap_or_default();
        let mut text = at.to_zoned(self.zone.clone()).strftime("%-d-%b-%Y %H:%M:%S").to_string();
        if since != 0 {
            let _ = write!(text, " ({})", span(time.wrapping_sub(since)));
        }
        text
    }

    fn details(&mut self) {
        let job = self.record;
        let text = format!(
            "\nHadoop job: {}\n=====================================\nUser: {}\nJobName: {}\n\
             JobConf: {}\nSubmitted At: {}\nLaunched At: {}\nFinished At: {}\nStatus: {}",
            self.job,
            job.user,
            job.name,
            job.conf_path,
            self.time(job.submitted, 0),
            self.time(job.launched, job.submitted),
            self.time(job.finished, job.launched),
            job.status.as_deref().unwrap_or("Incomplete"),
        );
        self.add(&text);
        self.counters();
        self.add("\n\n=====================================\n");
    }

    fn counters(&mut self) {
        let Some([total, map, reduce]) = &self.record.counters else { return };
        let mut text = format!(
            "\nCounters: \n\n|{:<30}|{:<30}|{:<10}|{:<10}|{:<10}|\n{}",
            "Group Name",
            "Counter name",
            "Map Value",
            "Reduce Value",
            "Total Value",
            "-".repeat(87),
        );
        for group in counter_rows(total) {
            for counter in group.counters {
                let of = |counters| grouped(value_of(counters, &group.name, &counter.name));
                let _ = write!(
                    text,
                    "\n|{:<30}|{:<30}|{:<10}|{:<10}|{:<10}",
                    group.shown,
                    counter.shown,
                    of(map),
                    of(reduce),
                    grouped(counter.value),
                );
            }
        }
        self.add(&text);
    }

    fn summary(&mut self) {
        let sums = Summary::of(self.record);
        let rows = [
            ("Setup", sums.setup),
            ("Map", sums.map),
            ("Reduce", sums.reduce),
            ("Cleanup", sums.cleanup),
        ];
        self.add(
            "\nTask Summary\n============================\n\
             Kind\tTotal\tSuccessful\tFailed\tKilled\tStartTime\tFinishTime\n",
        );
        for (name, sum) in rows {
            let Sum { total, succeeded, failed, killed, started, finished } = sum;
            let (from, to) = (self.time(started, 0), self.time(finished, started));
            self.add(&format!(
                "\n{name}\t{total}\t{succeeded}\t\t{failed}\t{killed}\t{from}\t{to}"
            ));
        }
        self.add("\n============================\n\n");
    }

    fn analysis(&mut self) {
        if self.record.status.as_deref() != Some("SUCCEEDED") {
            self.add("No Analysis available as job did not finish\n");
            return;
        }
        let Analysis { mut maps, mut reduces, map_time, shuffle_time, reduce_time } =
            Analysis::of(self.record);
        self.add("\nAnalysis\n=========\n");
        let finished: Time = |attempt| attempt.finished;
        if !maps.is_empty() {
            self.slowest(&mut maps, "map", took, map_time);
            self.last(&mut maps, "map", finished);
        }
        if !reduces.is_empty() {
            self.slowest(&mut reduces, "shuffle", shuffle, shuffle_time);
            self.last(&mut reduces, "shuffle", |attempt| attempt.shuffled);
            self.slowest(&mut reduces, "reduce", reduce, reduce_time);
            self.last(&mut reduces, "reduce", finished);
        }
        self.add("=========\n");
    }

    fn slowest(&mut self, all: &mut [&AttemptRecord], kind: &str, time: Time, mean: i64) {
        all.sort_by_key(|attempt| std::cmp::Reverse(time(attempt)));
        let Some(best) = all.last() else { return };
        self.add(&format!(
            "\nTime taken by best performing {kind} task {}: {}\nAverage time taken by {kind} tasks: {}\n\
             Worse performing {kind} tasks: \nTaskId\t\tTimetaken\n",
            best.id.task,
            span(time(best)),
            span(mean),
        ));
        for attempt in all.iter().take(SLOWEST) {
            self.add(&format!("{} {}\n", attempt.id.task, span(time(attempt))));
        }
    }

    fn last(&mut self, all: &mut [&AttemptRecord], kind: &str, time: Time) {
        // The last of the shuffles too is that of the attempt that ended last.
        all.sort_by_key(|attempt| std::cmp::Reverse(attempt.finished));
        let Some(last) = all.first() else { return };
        let at = self.time(time(last), self.record.launched);
        self.add(&format!(
            "The last {kind} task {} finished at (relative to the Job launch time): {at}\n",
            last.id.task
        ));
    }

    fn tasks(&mut self, kind: TaskKind, status: &str) {
        let is_map = kind == TaskKind::Map;
        let wanted = |task: &&TaskRecord| task.kind == Some(kind) && task.status == Some(status);
        for task in self.record.tasks().into_iter().filter(wanted) {
            let splits = if is_map { "\tInputSplits" } else { "" };
            self.add(&format!(
                "\n{status} {} task list for {}\nTaskId\t\tStartTime\tFinishTime\tError{splits}{RULE}",
                kind.name(),
                self.job
            ));
            let (from, to) = (self.time(task.started, 0), self.time(task.finished, task.started));
            self.add(&format!("{}\t{from}\t{to}\t{}", task.id, task.error));
            if is_map {
                self.add(&format!("\t{}", task.splits));
            }
            self.add("\n");
        }
    }

    fn attempts(&mut self, kind: TaskKind) {
        let is_reduce = kind == TaskKind::Reduce;
        let phases = if is_reduce { "\tShuffleFinished\tSortFinished" } else { "" };
        self.add(&format!(
            "\n{} task list for {}\nTaskId\t\tStartTime{phases}\tFinishTime\tHostName\tError\tTaskLogs{RULE}",
            kind.name(),
            self.job
        ));
        for task in self.record.tasks().into_iter().filter(|task| task.kind == Some(kind)) {
            for attempt in task.attempts() {
                self.add(&format!("{}\t{}\t", attempt.id, self.time(attempt.started, 0)));
                if is_reduce {
                    let shuffled = self.time(attempt.shuffled, attempt.started);
                    let sorted = self.time(attempt.sorted, attempt.shuffled);
                    self.add(&format!("{shuffled}\t{sorted}"));
                }
                let ended = self.time(attempt.finished, attempt.started);
                let log = attempt.log_url().unwrap_or_else(|| "n/a".to_owned());
                self.add(&format!("{ended}\t{}\t{}{log}\n", attempt.host, attempt.error));
            }
        }
    }

    fn machines(&mut self, status: &str) {
        let machines = by_machine(self.record, status);
        if machines.is_empty() {
            return;
        }
        self.add(&format!(
            "\n{status} task attempts by nodes\nHostname\tFailedTasks\n===============================\n"
        ));
        for (host, tasks) in machines {
            let tasks: String = tasks.iter().map(|task| format!("{task}, ")).collect();
            self.add(&format!("{host}\t{tasks}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_written_as_in_java() {
        assert_eq!(span(0), "0sec");
        assert_eq!(span(7_384_000), "2hrs, 3mins, 4sec");
        assert_eq!(span(-61_000), "-1mins, -1sec");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(-1_234), "-1,234");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn a_job_that_runs_is_incomplete() {
        let mut record = JobRecord::default();
        record.job = "job_1_0001".parse().ok();
        record.submitted = 1000;
        let job = record.job.clone().unwrap();
        let text = print(&record, &job, true, &TimeZone::UTC);
        assert!(text.contains("Submitted At: 1-Jan-1970 00:00:01\n"), "{text}");
        assert!(text.contains("Status: Incomplete\n"), "{text}");
        assert!(text.contains("No Analysis available as job did not finish\n"), "{text}");
    }
}
