//! A tracker with its processes, and what they compute: a map gives its number to each reduce, a
//! reduce adds up what all maps gave.

use std::collections::{BTreeMap, BTreeSet};

use loxodon_mapreduce::job::{AttemptId, CompletionStatus, JobState, Phase, TaskKind, TaskState};
use loxodon_mapreduce::jobtracker::{AttemptStatus, Launch};
use loxodon_mapreduce::protocol::counters_of;
use loxodon_mapreduce::tasktracker::{Ending, Order, TaskTracker};

use crate::cluster::node;

/// The file system, as far as it matters.
#[derive(Default)]
pub(crate) struct Store {
    /// What attempts of tasks committed: the last one's value.
    pub(crate) committed: BTreeMap<String, (AttemptId, i64)>,
    /// Jobs whose output was put in place.
    pub(crate) published: BTreeMap<String, i64>,
}

/// What one process is at.
pub(crate) struct Process {
    launch: Launch,
    ready_at: i64,
    started: i64,
    fate: Fate,
    /// What a reduce has of each map.
    fetched: BTreeMap<u32, i64>,
    seen: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Works,
    Fails,
    Hangs,
}

pub(crate) struct Machine {
    pub(crate) number: u32,
    pub(crate) tracker: TaskTracker,
    pub(crate) processes: BTreeMap<(AttemptId, bool), Process>,
    pub(crate) up: bool,
    /// Reads of map outputs that this machine serves.
    pub(crate) outputs: BTreeMap<AttemptId, i64>,
    /// Those that cannot be read.
    pub(crate) damaged: BTreeSet<AttemptId>,
    /// How many times longer its tasks take.
    pub(crate) slowness: i64,
}

impl Machine {
    pub(crate) fn new(number: u32, now: i64) -> Self {
        let name = format!("tracker_h{number}:1");
        let tracker = TaskTracker::new(&name, node(number, 3), now as u64);
        let (processes, outputs, damaged) = Default::default();
        Self { number, tracker, processes, up: true, outputs, damaged, slowness: 1 }
    }

    pub(crate) fn obey(
        &mut self,
        now: i64,
        orders: Vec<Order>,
        dice: &mut fastrand::Rng,
        faults: bool,
    ) {
        for order in orders {
            match order {
                Order::Start(launch) => {
                    let fate = match dice.u32(0..100) {
                        0..6 if faults => Fate::Fails,
                        6..8 if faults => Fate::Hangs,
                        _ => Fate::Works,
                    };
                    let key = (launch.attempt.clone(), launch.is_cleanup);
                    let took = dice.i64(50..4_000) * self.slowness;
                    let process = Process {
                        launch: *launch,
                        ready_at: now + took,
                        started: now,
                        fate,
                        fetched: BTreeMap::new(),
                        seen: 0,
                    };
                    assert!(self.processes.insert(key, process).is_none(), "started twice");
                }
                Order::Kill { attempt, is_cleanup, .. } => {
                    self.processes.remove(&(attempt.clone(), is_cleanup));
                    let more = self.tracker.exited(&attempt, is_cleanup, &Ending::Signal(9));
                    self.obey(now, more, dice, faults);
                }
                Order::RemoveAttempt(attempt) => {
                    self.outputs.remove(&attempt);
                }
                Order::RemoveJob(job) => self.outputs.retain(|id, _| *id.job() != job),
                Order::CommitGranted(_) => {}
                Order::Reset => {
                    self.processes.clear();
                    self.outputs.clear();
                }
            }
        }
    }

    /// One step of every process; `read` fetches a map's output from wherever it is.
    pub(crate) fn step(
        &mut self,
        now: i64,
        store: &mut Store,
        read: &dyn Fn(&AttemptId) -> Option<i64>,
        may_commit: &dyn Fn(&AttemptId) -> usize,
        dice: &mut fastrand::Rng,
        faults: bool,
    ) {
        let keys: Vec<_> = self.processes.keys().cloned().collect();
        for key in keys {
            let Some(mut process) = self.processes.remove(&key) else { continue };
            let over =
                process.step(now, &mut self.tracker, &mut self.outputs, store, read, may_commit);
            match over {
                None => {
                    self.processes.insert(key, process);
                }
                Some(ending) => {
                    let orders = self.tracker.exited(&key.0, key.1, &ending);
                    self.obey(now, orders, dice, faults);
                }
            }
        }
        let late = self.tracker.silent(now, |_| 20_000);
        self.obey(now, late, dice, faults);
    }
}

impl Process {
    fn report(&self, now: i64, state: TaskState) -> AttemptStatus {
        let mut report = AttemptStatus::new(self.launch.attempt.clone(), state);
        report.is_cleanup = self.launch.is_cleanup;
        let length = (self.ready_at - self.started).max(1);
        report.progress = ((now - self.started) as f32 / length as f32).clamp(0.0, 0.99);
        report.phase = match self.launch.attempt.kind() {
            TaskKind::Reduce => Phase::Shuffle,
            _ => Phase::Map,
        };
        report
    }

    fn step(
        &mut self,
        now: i64,
        tracker: &mut TaskTracker,
        outputs: &mut BTreeMap<AttemptId, i64>,
        store: &mut Store,
        read: &dyn Fn(&AttemptId) -> Option<i64>,
        may_commit: &dyn Fn(&AttemptId) -> usize,
    ) -> Option<Ending> {
        if self.fate == Fate::Hangs && now >= self.started + 30 {
            return None;
        }
        let id = self.launch.attempt.clone();
        let mut report = self.report(now, TaskState::Running);
        if !self.launch.is_cleanup && id.kind() == TaskKind::Reduce {
            self.fetch(tracker, read, &mut report);
        }
        tracker.status_update(now, report);
        if now < self.ready_at {
            return None;
        }
        if self.fate == Fate::Fails {
            tracker.failed(&id, self.launch.is_cleanup, "java.io.IOException: no luck", false);
            return Some(Ending::Code(1));
        }
        let waits = id.kind() == TaskKind::Reduce && self.fetched.len() < self.launch.maps as usize;
        if waits && !self.launch.is_cleanup {
            return None;
        }
        let needs_commit = match id.kind() {
            TaskKind::Map => self.launch.reduces == 0,
            TaskKind::Reduce => true,
            _ => false,
        };
        if needs_commit && !self.launch.is_cleanup {
            if !tracker.may_commit(now, &id) {
                tracker.status_update(now, self.report(now, TaskState::CommitPending));
                return None;
            }
            assert_eq!(may_commit(&id), 0, "two attempts of {} may commit at {now}", id.task);
            let value = match id.kind() {
                TaskKind::Map => i64::from(id.task.number) + 1,
                _ => self.fetched.values().sum(),
            };
            store.committed.insert(id.task.to_string(), (id.clone(), value));
        }
        self.finish(now, tracker, outputs, store);
        Some(Ending::Code(0))
    }

    fn finish(
        &self,
        now: i64,
        tracker: &mut TaskTracker,
        outputs: &mut BTreeMap<AttemptId, i64>,
        store: &mut Store,
    ) {
        let id = &self.launch.attempt;
        let mut report = self.report(now, TaskState::Running);
        if id.kind() == TaskKind::Map && !self.launch.is_cleanup {
            let value = i64::from(id.task.number) + 1;
            outputs.insert(id.clone(), value);
            report.counters = Some(counters_of([("Sim", "Sim", [("VALUE", "value", value)])]));
        }
        if id.kind() == TaskKind::JobCleanup && self.launch.job_end == Some(JobState::Succeeded) {
            let prefix = id.job().to_string().replacen("job", "task", 1);
            let of_job = |task: &&String| task.starts_with(&format!("{prefix}_"));
            let tasks: Vec<String> = store.committed.keys().filter(of_job).cloned().collect();
            let wanted =
                if self.launch.reduces > 0 { self.launch.reduces } else { self.launch.maps };
            assert_eq!(tasks.len(), wanted as usize, "{id} commits an incomplete job");
            let sum = tasks.iter().map(|task| store.committed[task].1).sum();
            store.published.insert(id.job().to_string(), sum);
        }
        tracker.done(now, report);
    }

    fn fetch(
        &mut self,
        tracker: &TaskTracker,
        read: &dyn Fn(&AttemptId) -> Option<i64>,
        report: &mut AttemptStatus,
    ) {
        let slice = tracker.map_events(self.launch.attempt.job(), 0, u32::MAX);
        self.seen = slice.events.len() as u32;
        for event in slice.events.iter().filter(|e| e.status == CompletionStatus::Succeeded) {
            let map = event.attempt.task.number;
            if self.fetched.contains_key(&map) {
                continue;
            }
            match read(&event.attempt) {
                Some(value) => {
                    self.fetched.insert(map, value);
                }
                None => report.fetch_failures.push(event.attempt.clone()),
            }
        }
    }
}
