//! Which map outputs are to be fetched from where, and what to do about failures (Hadoop's `ShuffleSchedulerImpl`).
//!
//! Pure: time comes in as milliseconds, and what is to be done about a failure comes back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::job::{AttemptId, CompletionStatus};
use crate::task::{MapEvent, MapSource};

/// Maps asked for in one request.
const MAPS_AT_ONCE: usize = 20;
/// Milliseconds that a host is left alone after its first failure, before growth.
const INITIAL_PENALTY: f64 = 10_000.0;
/// How penalties grow with each failure of a map.
const PENALTY_GROWTH: f64 = 1.3;

/// Limits of failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureLimits {
    /// Failures of a map after which the reduce gives up.
    pub abort: u32,
    /// Failures of a map after which the tracker is told (`mapreduce.reduce.shuffle.maxfetchfailures`).
    pub report: u32,
    /// Whether a broken transfer is told at once (`mapreduce.reduce.shuffle.notify.readerror`).
    pub report_read_errors: bool,
    /// Longest penalty in milliseconds (`mapreduce.reduce.shuffle.retry-delay.max.ms`).
    pub max_penalty: i64,
    /// Failures of a host after which each is told (`mapreduce.reduce.shuffle.max-host-failures`).
    pub host: u32,
}

impl FailureLimits {
    /// Hadoop's for so many maps.
    pub fn of_maps(maps: u32) -> Self {
        Self {
            abort: (maps / 10).max(30),
            report: 10,
            report_read_errors: true,
            max_penalty: 60_000,
            host: 5,
        }
    }
}

/// What a failure was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect,
    /// A connection or an answer that ended, before any segment.
    Request,
    /// A segment that broke off or was damaged.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostState {
    Free,
    Busy,
    Penalized(i64),
}

#[derive(Debug)]
struct Host {
    source: MapSource,
    known: Vec<AttemptId>,
    state: HostState,
    failures: u32,
}

/// A host's maps, handed to a fetcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The host, as [`Scheduler::free`] takes it.
    pub host: String,
    /// Where to fetch.
    pub source: MapSource,
    /// What to fetch.
    pub maps: Vec<AttemptId>,
}

/// What is to be done after a failed copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consequence {
    /// The tracker is to be told that the map's output cannot be had.
    pub report: bool,
    /// The reduce is to fail, with this sentence.
    pub abort: Option<String>,
}

/// What a fetcher that asks for work is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Fetch this.
    Fetch(Batch),
    /// Nothing now; a penalty ends at that time, if there is one.
    Wait(Option<i64>),
    /// Every map is here.
    Done,
}

/// State of a reduce's copies.
#[derive(Debug)]
pub struct Scheduler {
    finished: Vec<bool>,
    remaining: usize,
    hosts: BTreeMap<String, Host>,
    obsolete: HashSet<AttemptId>,
    failures: HashMap<AttemptId, u32>,
    failed_copies: u32,
    limits: FailureLimits,
    start: i64,
    last_progress: i64,
    longest_map: i64,
    /// The host that had the last turn.
    turn: String,
}

impl Scheduler {
    /// Nothing known yet of so many maps.
    pub fn new(maps: u32, limits: FailureLimits, now: i64) -> Self {
        Self {
            finished: vec![false; maps as usize],
            remaining: maps as usize,
            hosts: BTreeMap::new(),
            obsolete: HashSet::new(),
            failures: HashMap::new(),
            failed_copies: 0,
            limits,
            start: now,
            last_progress: now,
            longest_map: 0,
            turn: String::new(),
        }
    }

    /// Maps that are not here yet.
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Maps in all.
    pub fn total(&self) -> usize {
        self.finished.len()
    }

    /// Takes an event of the job's maps in.
    pub fn resolve(&mut self, event: MapEvent) {
        match event.status {
            CompletionStatus::Succeeded => {
                self.longest_map = self.longest_map.max(event.run_time);
                let key = match &event.source {
                    MapSource::Http(url) => url.trim_end_matches('/').to_owned(),
                    MapSource::Files { .. } => event.attempt.to_string(),
                };
                let host = self.hosts.entry(key).or_insert_with(|| Host {
                    source: event.source,
                    known: Vec::new(),
                    state: HostState::Free,
                    failures: 0,
                });
                if !host.known.contains(&event.attempt) {
                    host.known.push(event.attempt);
                }
            }
            CompletionStatus::TipFailed => self.give_up(&event.attempt),
            CompletionStatus::Failed | CompletionStatus::Killed | CompletionStatus::Obsolete => {
                self.obsolete.insert(event.attempt);
            }
        }
    }

    /// A map that failed for good, in a job that allows it: nothing will come.
    fn give_up(&mut self, map: &AttemptId) {
        if let Some(finished) = self.finished.get_mut(map.task.number as usize)
            && !std::mem::replace(finished, true)
        {
            self.remaining -= 1;
        }
    }

    /// Forgets where outputs are: the events begin again.
    pub fn reset(&mut self) {
        self.obsolete.clear();
        for host in self.hosts.values_mut() {
            host.known.clear();
        }
    }

    /// Work for a fetcher. Hosts take turns.
    pub fn next(&mut self, now: i64) -> Next {
        if self.remaining == 0 {
            return Next::Done;
        }
        let (finished, obsolete) = (&self.finished, &self.obsolete);
        let wanted = |map: &AttemptId| {
            !obsolete.contains(map) && finished.get(map.task.number as usize) == Some(&false)
        };
        let is_ready = |host: &Host| match host.state {
            HostState::Busy => false,
            HostState::Penalized(until) if until > now => false,
            HostState::Penalized(_) | HostState::Free => host.known.iter().any(wanted),
        };
        // Once around, from behind the one that had its turn.
        let behind = self.hosts.range::<str, _>((Excluded(self.turn.as_str()), Unbounded));
        let before = self.hosts.range::<str, _>((Unbounded, Included(self.turn.as_str())));
        let found = behind.chain(before).find(|(_, host)| is_ready(host));
        let Some(key) = found.map(|(key, _)| key.clone()) else {
            return Next::Wait(self.wake(now));
        };
        let Some(host) = self.hosts.get_mut(&key) else { return Next::Wait(None) };
        host.known.retain(wanted);
        let maps = host.known.drain(..host.known.len().min(MAPS_AT_ONCE)).collect();
        host.state = HostState::Busy;
        let source = host.source.clone();
        self.turn.clone_from(&key);
        Next::Fetch(Batch { host: key, source, maps })
    }

    /// When the first of the penalties ends of hosts that have something.
    fn wake(&self, now: i64) -> Option<i64> {
        let ends = self.hosts.values().filter_map(|host| match host.state {
            HostState::Penalized(until) if until > now && !host.known.is_empty() => Some(until),
            _ => None,
        });
        ends.min()
    }

    /// A fetcher is done with a host; these maps it did not fetch, and nobody is to blame.
    pub fn free(&mut self, host: &str, left: Vec<AttemptId>) {
        let Some(state) = self.hosts.get_mut(host) else { return };
        state.known.extend(left);
        if state.state == HostState::Busy {
            state.state = HostState::Free;
        }
        // A file is a place of its own, which has nothing more; a job in one process has as many as maps.
        let is_file = matches!(state.source, MapSource::Files { .. });
        if is_file && state.known.is_empty() && state.state == HostState::Free {
            self.hosts.remove(host);
        }
    }

    /// A map's output is here. `false` where it was here already.
    pub fn succeeded(&mut self, map: &AttemptId, host: &str, now: i64) -> bool {
        self.failures.remove(map);
        if let Some(host) = self.hosts.get_mut(host) {
            host.failures = 0;
        }
        let Some(finished) = self.finished.get_mut(map.task.number as usize) else { return false };
        if std::mem::replace(finished, true) {
            return false;
        }
        self.remaining -= 1;
        self.last_progress = now;
        true
    }

    /// The host asks to be left alone for a while.
    pub fn penalize(&mut self, host: &str, delay: i64, now: i64) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.state = HostState::Penalized(now.saturating_add(delay));
        }
    }

    /// A map could not be copied. It is tried again unless the reduce is to fail.
    pub fn failed(&mut self, map: &AttemptId, host: &str, how: Failure, now: i64) -> Consequence {
        self.failed_copies += 1;
        let failures = self.failures.entry(map.clone()).or_insert(0);
        *failures += 1;
        let failures = *failures;
        let mut host_fails = false;
        if let Some(host) = self.hosts.get_mut(host) {
            host.failures += 1;
            host_fails = host.failures > self.limits.host;
            host.known.push(map.clone());
        }
        let delay = INITIAL_PENALTY * PENALTY_GROWTH.powi(failures.min(100) as i32);
        self.penalize(host, (delay as i64).min(self.limits.max_penalty), now);
        let report = how == Failure::Connect
            || (self.limits.report_read_errors && how == Failure::Read)
            || failures.is_multiple_of(self.limits.report.max(1))
            || host_fails;
        let abort = if failures >= self.limits.abort {
            Some(format!("{failures} failures downloading {map}"))
        } else {
            self.is_hopeless(now)
                .then(|| "Exceeded MAX_FAILED_UNIQUE_FETCHES; bailing-out.".to_owned())
        };
        Consequence { report, abort }
    }

    /// Whether the reduce itself is what is wrong (`checkReducerHealth`).
    fn is_hopeless(&self, now: i64) -> bool {
        let done = self.total() - self.remaining;
        let failed = f64::from(self.failed_copies);
        let healthy = failed / (failed + done as f64) < 0.5;
        let enough = done as f64 / self.total().max(1) as f64 >= 0.5;
        let run = (self.last_progress - self.start).max(self.longest_map);
        let stalled = (now - self.last_progress) as f64 / run.max(1) as f64 >= 0.5;
        let unique = self.failures.len();
        (unique >= self.total().min(5) || unique == self.remaining)
            && !healthy
            && (!enough || stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, TaskKind};

    fn map(number: u32, attempt: u32) -> AttemptId {
        JobId::new("1", 1).task(TaskKind::Map, number).attempt(attempt)
    }

    fn event(number: u32, host: &str, status: CompletionStatus) -> MapEvent {
        let source = MapSource::Http(format!("http://{host}:13562"));
        MapEvent { attempt: map(number, 0), status, source, run_time: 1000 }
    }

    fn fetch(scheduler: &mut Scheduler, now: i64) -> Batch {
        match scheduler.next(now) {
            Next::Fetch(batch) => batch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_host_serves_one_fetcher_at_a_time_and_hosts_take_turns() {
        let mut scheduler = Scheduler::new(3, FailureLimits::of_maps(3), 0);
        assert_eq!(scheduler.next(0), Next::Wait(None));
        for (number, host) in [(0, "a"), (1, "a"), (2, "b")] {
            scheduler.resolve(event(number, host, CompletionStatus::Succeeded));
        }
        let first = fetch(&mut scheduler, 0);
        let second = fetch(&mut scheduler, 0);
        assert_ne!(first.host, second.host);
        assert_eq!(scheduler.next(0), Next::Wait(None));
        for batch in [first, second] {
            for map in &batch.maps {
                assert!(scheduler.succeeded(map, &batch.host, 5));
                assert!(!scheduler.succeeded(map, &batch.host, 5));
            }
            scheduler.free(&batch.host, Vec::new());
        }
        assert_eq!(scheduler.next(5), Next::Done);
    }

    #[test]
    fn obsolete_outputs_are_not_fetched_and_failed_tasks_not_awaited() {
        let mut scheduler = Scheduler::new(2, FailureLimits::of_maps(2), 0);
        scheduler.resolve(event(0, "a", CompletionStatus::Succeeded));
        scheduler.resolve(event(0, "a", CompletionStatus::Obsolete));
        assert_eq!(scheduler.next(0), Next::Wait(None));
        scheduler.resolve(event(1, "a", CompletionStatus::TipFailed));
        assert_eq!(scheduler.remaining(), 1);
        let again = MapEvent { attempt: map(0, 1), ..event(0, "b", CompletionStatus::Succeeded) };
        scheduler.resolve(again);
        assert_eq!(fetch(&mut scheduler, 0).maps, [map(0, 1)]);
    }

    #[test]
    fn a_failing_host_is_left_alone_longer_each_time_and_told_of() {
        let limits = FailureLimits { abort: 4, ..FailureLimits::of_maps(100) };
        let mut scheduler = Scheduler::new(100, limits, 0);
        scheduler.resolve(event(0, "a", CompletionStatus::Succeeded));
        let mut now = 0;
        let mut last = 0;
        for failure in 1..=4 {
            let batch = fetch(&mut scheduler, now);
            let after = scheduler.failed(&map(0, 0), &batch.host, Failure::Connect, now);
            scheduler.free(&batch.host, Vec::new());
            assert!(after.report);
            assert_eq!(after.abort.is_some(), failure == 4, "{failure}");
            let Next::Wait(Some(until)) = scheduler.next(now) else { panic!("no penalty") };
            assert!(until - now > last && until - now <= limits.max_penalty);
            last = until - now;
            now = until;
        }
    }

    #[test]
    fn what_was_put_back_is_fetched_again() {
        let mut scheduler = Scheduler::new(1, FailureLimits::of_maps(1), 0);
        scheduler.resolve(event(0, "a", CompletionStatus::Succeeded));
        let batch = fetch(&mut scheduler, 0);
        scheduler.free(&batch.host, batch.maps.clone());
        assert_eq!(fetch(&mut scheduler, 0), batch);
    }
}
