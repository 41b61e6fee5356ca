//! The JobTracker as a pure machine: what a caller asks and trackers report goes in, answers and
//! [`Effect`]s come out. No file, socket, clock, thread or chance; time is an argument.
//!
//! | file | is |
//! | --- | --- |
//! | `submit`, `recover` | a job comes in, from a client or from the journal of an earlier start |
//! | `beat` | a tracker registers, reports, is answered |
//! | `assign` | who gets the room: scheduler's order, locality, limits |
//! | `attempt`, `finish` | attempts begin and end; what that means for their tasks |
//! | `lifecycle` | set-up, running, clean-up, the end of a job |
//! | `timers` | what comes round by itself: silence, slow attempts, starved maps, retirement |
//! | `control`, `query` | what clients ask for |
//! | `journal` | the events of the history file |

mod assign;
mod attempt;
mod beat;
mod control;
mod error;
mod finish;
mod job;
mod journal;
mod lifecycle;
mod pending;
mod query;
mod query_cluster;
mod recover;
mod report;
mod settings;
mod speculate;
mod submit;
mod tally;
mod timers;
mod tracker;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use loxodon_cluster::Topology;

pub use error::JobTrackerError;
pub use recover::Recovered;
pub use report::{
    Action, AttemptStatus, CompletionEvent, EventSlice, Heartbeat, HeartbeatAnswer, Launch,
    Milliseconds, TrackerNode,
};
pub use settings::JobTrackerSettings;
pub use submit::{Split, Submission};

use crate::history::HistoryEvent;
use crate::job::{JobId, JobState, Resources};
use crate::protocol::JobStatusMessage;
use crate::scheduler::{JobShare, Scheduler};
use job::{Job, Stage, TaskRef};
use tracker::{Tracker, TrackerIndex};

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Append to the job's history file. Events of one job keep their order; what is lost in a
    /// crash is done again.
    Journal {
        /// Whose.
        job: JobId,
        /// What.
        event: Box<HistoryEvent>,
    },
    /// Answer a heartbeat of this tracker that is being held, or be ready for its next.
    Wake {
        /// Which.
        tracker: Arc<str>,
        /// Whether somebody waits; else a moment's delay collects more news.
        urgent: bool,
    },
    /// The job ended: close its history, move it to the finished ones, remove its staging
    /// directory, call whoever wants to be told.
    JobOver(Box<FinishedJob>),
    /// Only a summary is left of the job here.
    Retired {
        /// Which.
        job: JobId,
    },
}

/// A job that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedJob {
    /// Which.
    pub job: JobId,
    /// How.
    pub state: JobState,
    /// Its owner.
    pub user: Arc<str>,
    /// Its name.
    pub name: String,
    /// Its queue.
    pub queue: Arc<str>,
    /// Its directory.
    pub job_dir: Arc<str>,
    /// When it was submitted.
    pub submit_time: Milliseconds,
    /// When its tasks began; 0 if they did not.
    pub launch_time: Milliseconds,
    /// When it ended.
    pub finish_time: Milliseconds,
    /// Maps that are complete.
    pub maps: u32,
    /// Reduces that are complete.
    pub reduces: u32,
    /// Called when the job is over.
    pub notification_url: Option<String>,
}

/// The machine.
#[derive(Debug)]
pub struct JobTracker {
    settings: JobTrackerSettings,
    scheduler: Box<dyn Scheduler>,
    identifier: Arc<str>,
    next_job: u32,
    jobs: Vec<Option<Box<Job>>>,
    by_id: BTreeMap<JobId, u32>,
    /// Jobs that are not over, and what the scheduler sees of them, position by position.
    active: Vec<u32>,
    shares: Vec<JobShare>,
    /// Jobs that are over, oldest first.
    finished: VecDeque<u32>,
    retired: VecDeque<JobStatusMessage>,
    trackers: Vec<Tracker>,
    by_name: BTreeMap<Arc<str>, TrackerIndex>,
    /// Trackers by machine.
    on_host: BTreeMap<u32, Vec<TrackerIndex>>,
    hosts: BTreeMap<Arc<str>, u32>,
    topology: Topology,
    /// Trackers that have room and nothing to do.
    idle: BTreeSet<TrackerIndex>,
    capacity: Resources,
    usable: usize,
    submissions: u32,
    effects: Vec<Effect>,
    next_preemption: Milliseconds,
    locality_wakes: BTreeSet<(Milliseconds, u32)>,
}

impl JobTracker {
    /// An empty one. `identifier` is in the ids of its jobs: its start as `yyyyMMddHHmm`.
    #[must_use]
    pub fn new(
        settings: JobTrackerSettings,
        scheduler: Box<dyn Scheduler>,
        identifier: &str,
    ) -> Self {
        Self {
            settings,
            scheduler,
            identifier: identifier.into(),
            next_job: 1,
            jobs: Vec::new(),
            by_id: BTreeMap::new(),
            active: Vec::new(),
            shares: Vec::new(),
            finished: VecDeque::new(),
            retired: VecDeque::new(),
            trackers: Vec::new(),
            by_name: BTreeMap::new(),
            on_host: BTreeMap::new(),
            hosts: BTreeMap::new(),
            topology: Topology::new(),
            idle: BTreeSet::new(),
            capacity: Resources::default(),
            usable: 0,
            submissions: 0,
            effects: Vec::new(),
            next_preemption: 0,
            locality_wakes: BTreeSet::new(),
        }
    }

    /// What is to be done outside since the last time that it was asked for, in order.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &JobTrackerSettings {
        &self.settings
    }

    /// Another scheduler, after its files were read again (`mapred mradmin -refreshQueues`); jobs
    /// stay in their queues.
    pub fn set_scheduler(&mut self, scheduler: Box<dyn Scheduler>) {
        self.scheduler = scheduler;
    }

    fn job(&self, index: u32) -> Option<&Job> {
        self.jobs.get(index as usize)?.as_deref()
    }

    fn job_mut(&mut self, index: u32) -> Option<&mut Job> {
        self.jobs.get_mut(index as usize)?.as_deref_mut()
    }

    fn tracker(&self, index: TrackerIndex) -> Option<&Tracker> {
        self.trackers.get(index as usize)
    }

    fn tracker_mut(&mut self, index: TrackerIndex) -> Option<&mut Tracker> {
        self.trackers.get_mut(index as usize)
    }

    /// The job and its index, while it is kept whole.
    fn find(&self, id: &JobId) -> Option<(u32, &Job)> {
        let index = *self.by_id.get(id)?;
        Some((index, self.job(index)?))
    }

    fn host(&mut self, name: &str) -> u32 {
        if let Some(found) = self.hosts.get(name) {
            return *found;
        }
        let index = self.hosts.len() as u32;
        self.hosts.insert(name.into(), index);
        index
    }

    fn wake(&mut self, tracker: TrackerIndex, urgent: bool) {
        if let Some(tracker) = self.trackers.get(tracker as usize).filter(|t| t.alive) {
            let tracker = tracker.name.clone();
            let known = |effect: &Effect| {
                matches!(effect, Effect::Wake { tracker: t, urgent: u }
                    if *t == tracker && (*u || !urgent))
            };
            // What was ordered just now is ordered once.
            if !self.effects.iter().rev().take(8).any(known) {
                self.effects.push(Effect::Wake { tracker, urgent });
            }
        }
    }

    fn journal(&mut self, job: u32, event: impl Into<HistoryEvent>) {
        if let Some(job) = self.job(job) {
            let job = job.submission.job.clone();
            self.effects.push(Effect::Journal { job, event: Box::new(event.into()) });
        }
    }

    /// Brings what the scheduler sees of a job up to date.
    fn refresh(&mut self, index: u32) {
        let Some(position) = self.active.iter().position(|job| *job == index) else { return };
        let Some(job) = self.job(index) else { return };
        let conf = &job.submission.conf;
        let (map, reduce) = (conf.map.size, conf.reduce.size);
        let (wants, next) = job.next_need();
        let pending = map.times(job.map.pending as usize);
        let pending = pending.plus(reduce.times(job.reduce.pending as usize));
        // A set-up that waits is a need too: without it no pool would ever be told to make room.
        let ends = if wants && job.stage != Stage::Running { next } else { Resources::default() };
        let share = JobShare {
            job: index,
            queue: job.queue.clone(),
            user: job.submission.user.clone(),
            priority: job.priority.rank(),
            submitted: job.submitted,
            used: job.used,
            demand: job.used.plus(pending).plus(ends),
            running_maps: job.map.running,
            running_reduces: job.reduce.running,
            wants,
            next,
        };
        if let Some(slot) = self.shares.get_mut(position) {
            *slot = share;
        }
    }

    fn activate(&mut self, index: u32) {
        let Some(job) = self.job(index) else { return };
        let share = JobShare {
            job: index,
            queue: job.queue.clone(),
            user: job.submission.user.clone(),
            priority: 0,
            submitted: 0,
            used: Resources::default(),
            demand: Resources::default(),
            running_maps: 0,
            running_reduces: 0,
            wants: false,
            next: Resources::default(),
        };
        self.active.push(index);
        self.shares.push(share);
        self.refresh(index);
    }

    fn deactivate(&mut self, index: u32) {
        if let Some(position) = self.active.iter().position(|job| *job == index) {
            self.active.swap_remove(position);
            self.shares.swap_remove(position);
        }
    }

    /// Marks a task as waiting, and tells trackers that could take it.
    fn make_pending(&mut self, task: TaskRef) {
        let Self { jobs, topology, .. } = self;
        let Some(job) = jobs.get_mut(task.job as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        let hosts = match task.kind {
            crate::job::TaskKind::Map => job.hosts.get(task.number as usize).cloned(),
            _ => None,
        }
        .unwrap_or_default();
        let Some(state) = job.task_mut(task.kind, task.number) else { return };
        if state.pending || state.end.is_some() {
            return;
        }
        state.pending = true;
        if let Some(stats) = job.stats(task.kind) {
            stats.pending += 1;
        }
        let racks = hosts.iter().filter_map(|host| topology.rack_of(*host));
        match task.kind {
            crate::job::TaskKind::Map => job.pending_maps.push(task.number, &hosts, racks),
            crate::job::TaskKind::Reduce => {
                job.pending_reduces.push(task.number, &[], std::iter::empty());
            }
            _ => {}
        }
    }
}

impl Job {
    /// Whether a task could start, and what it would need.
    fn next_need(&self) -> (bool, Resources) {
        let conf = &self.submission.conf;
        let limited = |running: u32, limit: u32| limit > 0 && running >= limit;
        let ends = (self.stage == Stage::Setup && self.setup.pending)
            || (matches!(self.stage, Stage::Cleanup(_)) && self.cleanup.pending);
        if ends {
            return (true, conf.map.size);
        }
        if self.stage != Stage::Running {
            return (false, conf.map.size);
        }
        if self.map.pending > 0 && !limited(self.map.running, conf.map.running_limit) {
            return (true, conf.map.size);
        }
        if self.reduce.pending > 0
            && self.reduces_may_start()
            && !limited(self.reduce.running, conf.reduce.running_limit)
        {
            return (true, conf.reduce.size);
        }
        match self.slow.first() {
            Some(task) => (true, conf.demand(task.kind).size),
            None => (!self.unclean.is_empty(), conf.map.size),
        }
    }
}
