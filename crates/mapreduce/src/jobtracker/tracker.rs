//! A TaskTracker, as the JobTracker knows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::job::AttemptRef;
use super::report::{Action, Milliseconds, TrackerNode};
use crate::job::{Resources, TaskKind};

/// Names a tracker for as long as the JobTracker runs.
pub(super) type TrackerIndex = u32;

/// An attempt that occupies room.
#[derive(Clone, Debug)]
pub(super) struct Occupant {
    pub(super) attempt: AttemptRef,
    pub(super) size: Resources,
    /// Whether it is the clean-up after the attempt.
    pub(super) is_cleanup: bool,
    /// The answer that ordered it.
    pub(super) ordered_in: i64,
}

impl Occupant {
    /// Whether it takes a reduce slot, where slots are counted.
    pub(super) fn is_reduce(&self) -> bool {
        self.attempt.task.kind == TaskKind::Reduce && !self.is_cleanup
    }
}

/// One tracker.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) name: Arc<str>,
    pub(super) incarnation: u64,
    pub(super) sequence: u64,
    /// Whether it is heard; one that is not has nothing and gets nothing.
    pub(super) alive: bool,
    pub(super) node: TrackerNode,
    pub(super) host: u32,
    pub(super) last_seen: Milliseconds,
    pub(super) accepts: bool,
    pub(super) health: String,
    /// Taken out by the operator.
    pub(super) excluded: bool,
    pub(super) running: Vec<Occupant>,
    pub(super) used: Resources,
    /// Not yet sent.
    pub(super) outbox: Vec<Action>,
    /// Sent and perhaps lost: the answer's number and what it held.
    pub(super) unacknowledged: Vec<(i64, Vec<Action>)>,
    pub(super) answers: i64,
    /// Jobs of which it has something.
    pub(super) jobs: BTreeSet<u32>,
    /// When successful jobs found fault with it.
    pub(super) faults: Vec<Milliseconds>,
    pub(super) blacklisted: bool,
    /// `http://host:port` where it serves map outputs.
    pub(super) shuffle: Arc<str>,
}

impl Tracker {
    pub(super) fn new(name: Arc<str>, host: u32) -> Self {
        Self {
            name,
            incarnation: 0,
            sequence: 0,
            alive: false,
            node: TrackerNode::default(),
            host,
            last_seen: 0,
            accepts: false,
            health: String::new(),
            excluded: false,
            running: Vec::new(),
            used: Resources::default(),
            outbox: Vec::new(),
            unacknowledged: Vec::new(),
            answers: 0,
            jobs: BTreeSet::new(),
            faults: Vec::new(),
            blacklisted: false,
            shuffle: Arc::from(""),
        }
    }

    /// Whether it may get attempts at all.
    pub(super) fn is_usable(&self) -> bool {
        self.alive && self.accepts && !self.blacklisted && !self.excluded && self.health.is_empty()
    }

    /// Whether it is known from a journal alone, and has not registered yet.
    pub(super) const fn is_remembered(&self) -> bool {
        self.incarnation == 0
    }

    /// Room that is left.
    pub(super) fn free(&self) -> Resources {
        self.node.capacity.minus(self.used)
    }

    /// Whether an attempt of that kind and size fits now.
    pub(super) fn fits(&self, kind: TaskKind, size: Resources) -> bool {
        let is_reduce = kind == TaskKind::Reduce;
        let slots = if is_reduce { self.node.reduce_slots } else { self.node.map_slots };
        self.free().fits(&size)
            && slots.is_none_or(|slots| {
                let taken = self.running.iter().filter(|o| o.is_reduce() == is_reduce).count();
                taken < slots as usize
            })
    }

    pub(super) fn occupy(&mut self, occupant: Occupant) {
        self.used = self.used.plus(occupant.size);
        self.jobs.insert(occupant.attempt.task.job);
        self.running.push(occupant);
    }

    /// Whether there was such an occupant.
    pub(super) fn vacate(&mut self, attempt: AttemptRef, is_cleanup: bool) -> bool {
        let found =
            self.running.iter().position(|o| o.attempt == attempt && o.is_cleanup == is_cleanup);
        if let Some(position) = found {
            let gone = self.running.swap_remove(position);
            self.used = self.used.minus(gone.size);
        }
        found.is_some()
    }

    /// `host:port` of its pages.
    pub(super) fn http(&self) -> String {
        format!("{}:{}", self.node.host, self.node.http_port)
    }
}
