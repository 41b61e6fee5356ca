//! Jobs, tasks and attempts, as the machine keeps them.

use std::sync::Arc;

use super::pending::Pending;
use super::report::{CompletionEvent, Milliseconds};
use super::speculate::Statistics;
use super::submit::Submission;
use super::tally::{CounterNames, Sum, Tally};
use super::tracker::TrackerIndex;
use crate::job::{
    AttemptId, JobPriority, JobState, Locality, Phase, Resources, TaskId, TaskKind, TaskPhaseTimes,
    TaskState, TipStatus,
};

/// A task of a job of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TaskRef {
    pub(super) job: u32,
    pub(super) kind: TaskKind,
    pub(super) number: u32,
}

/// An attempt of a job of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AttemptRef {
    pub(super) task: TaskRef,
    pub(super) number: u32,
}

impl TaskRef {
    pub(super) const fn attempt(self, number: u32) -> AttemptRef {
        AttemptRef { task: self, number }
    }
}

/// What a job does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its set-up task waits or runs.
    Setup,
    /// Its maps and reduces wait or run.
    Running,
    /// It ends so; attempts are being killed.
    Ending(JobState),
    /// It ends so; its clean-up task waits or runs.
    Cleanup(JobState),
    /// It ended.
    Over,
}

/// One try at a task.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) tracker: TrackerIndex,
    pub(super) state: TaskState,
    pub(super) phase: Phase,
    pub(super) progress: f32,
    pub(super) started: Milliseconds,
    pub(super) finished: Milliseconds,
    pub(super) times: TaskPhaseTimes,
    pub(super) state_string: Box<str>,
    pub(super) diagnostics: String,
    pub(super) counters: Tally,
    pub(super) speculative: bool,
    pub(super) locality: Option<Locality>,
    /// Somebody wants it ended: why, and whether that counts as a failure.
    pub(super) kill: Option<(Arc<str>, bool)>,
    /// It succeeded, though its output may have been lost since.
    pub(super) complete: bool,
    /// Known from the journal of an earlier JobTracker, and not heard of since.
    pub(super) unheard: bool,
}

impl Attempt {
    pub(super) const fn is_over(&self) -> bool {
        self.state.is_over()
    }
}

/// One task.
#[derive(Debug, Default)]
pub(super) struct Task {
    pub(super) attempts: Vec<Attempt>,
    pub(super) next_attempt: u32,
    pub(super) failures: u32,
    /// The attempt that succeeded.
    pub(super) success: Option<u32>,
    /// The attempt that may commit.
    pub(super) commit: Option<u32>,
    pub(super) end: Option<TipStatus>,
    pub(super) started: Milliseconds,
    pub(super) finished: Milliseconds,
    /// Waits for an attempt.
    pub(super) pending: bool,
    /// Waits for a second attempt beside a slow one, or had one.
    pub(super) speculated: bool,
    /// Trackers on which it failed.
    pub(super) failed_on: Vec<TrackerIndex>,
    /// Reduces that could not fetch the output of the attempt that succeeded.
    pub(super) complaints: u32,
}

impl Task {
    pub(super) fn status(&self) -> TipStatus {
        match self.end {
            Some(end) => end,
            None if self.running().next().is_some() => TipStatus::Running,
            None => TipStatus::Pending,
        }
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| !attempt.is_over())
    }

    pub(super) fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    /// The attempt that stands for the task: the one that succeeded, else the furthest.
    pub(super) fn best(&self) -> Option<&Attempt> {
        if let Some(success) = self.success {
            return self.attempt(success);
        }
        self.running().max_by(|a, b| a.progress.total_cmp(&b.progress))
    }

    /// The attempt whose counters count: that of a map which was complete keeps counting while,
    /// and if, the map runs again only to replace a lost output.
    pub(super) fn counted(&self) -> Option<&Attempt> {
        let complete = || self.attempts.iter().rev().find(|attempt| attempt.complete);
        match self.success {
            Some(_) => self.best(),
            None => complete().or_else(|| self.best()),
        }
    }

    pub(super) fn progress(&self) -> f32 {
        match self.end {
            Some(_) => 1.0,
            None => self.best().map_or(0.0, |attempt| attempt.progress),
        }
    }
}

/// What a job counts of itself (`JobCounter`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KindStats {
    pub(super) launched: u32,
    pub(super) failed: u32,
    pub(super) killed: u32,
    pub(super) millis: i64,
    pub(super) megabyte_millis: i64,
    pub(super) core_millis: i64,
    /// Tasks that are complete, failed for good, killed with the job.
    pub(super) tasks_done: u32,
    pub(super) tasks_failed: u32,
    pub(super) tasks_killed: u32,
    /// Attempts that run, and tasks that wait.
    pub(super) running: u32,
    pub(super) pending: u32,
}

/// One job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) submission: Submission,
    pub(super) queue: Arc<str>,
    pub(super) priority: JobPriority,
    pub(super) state: JobState,
    pub(super) stage: Stage,
    pub(super) submitted: Milliseconds,
    pub(super) launched: Milliseconds,
    pub(super) finished: Milliseconds,
    pub(super) maps: Vec<Task>,
    pub(super) reduces: Vec<Task>,
    pub(super) setup: Task,
    pub(super) cleanup: Task,
    /// Hosts that hold each map's input.
    pub(super) hosts: Vec<Box<[u32]>>,
    pub(super) pending_maps: Pending,
    pub(super) pending_reduces: Pending,
    /// Slow tasks that should get company.
    pub(super) slow: Vec<TaskRef>,
    /// Attempts to clean up after.
    pub(super) unclean: Vec<AttemptRef>,
    pub(super) used: Resources,
    pub(super) map: KindStats,
    pub(super) reduce: KindStats,
    /// Maps launched at each locality.
    pub(super) local: [u32; 3],
    pub(super) names: CounterNames,
    pub(super) events: Vec<CompletionEvent>,
    pub(super) map_events: Vec<CompletionEvent>,
    pub(super) diagnostics: Vec<String>,
    /// Failures by tracker.
    pub(super) faults: std::collections::BTreeMap<TrackerIndex, u32>,
    /// When a map last started where its input is, or began to wait.
    pub(super) local_since: Milliseconds,
    /// Since when maps wait while reduces occupy room.
    pub(super) starved_since: Option<Milliseconds>,
    pub(super) speculation: [Statistics; 2],
    pub(super) next_speculation: Milliseconds,
    /// First attempt number of this JobTracker's start; 0 where the job is its own.
    pub(super) attempt_base: u32,
    pub(super) history_file: String,
    /// Whether its history is where it is told from once the job is forgotten.
    pub(super) put_away: bool,
}

impl Job {
    /// Whether an earlier JobTracker had it, so that more may have happened to it than the journal tells.
    pub(super) const fn is_recovered(&self) -> bool {
        self.attempt_base > 0
    }

    pub(super) fn task(&self, kind: TaskKind, number: u32) -> Option<&Task> {
        match kind {
            TaskKind::Map => self.maps.get(number as usize),
            TaskKind::Reduce => self.reduces.get(number as usize),
            TaskKind::JobSetup => (number == 0).then_some(&self.setup),
            TaskKind::JobCleanup => (number == 0).then_some(&self.cleanup),
            TaskKind::TaskCleanup => None,
        }
    }

    pub(super) fn task_mut(&mut self, kind: TaskKind, number: u32) -> Option<&mut Task> {
        match kind {
            TaskKind::Map => self.maps.get_mut(number as usize),
            TaskKind::Reduce => self.reduces.get_mut(number as usize),
            TaskKind::JobSetup => (number == 0).then_some(&mut self.setup),
            TaskKind::JobCleanup => (number == 0).then_some(&mut self.cleanup),
            TaskKind::TaskCleanup => None,
        }
    }

    pub(super) fn stats(&mut self, kind: TaskKind) -> Option<&mut KindStats> {
        match kind {
            TaskKind::Map => Some(&mut self.map),
            TaskKind::Reduce => Some(&mut self.reduce),
            _ => None,
        }
    }

    /// Every task with its kind and number.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (TaskKind, u32, &Task)> {
        let number = |kind| move |(number, task): (u32, _)| (kind, number, task);
        let maps = (0u32..).zip(&self.maps).map(number(TaskKind::Map));
        let reduces = (0u32..).zip(&self.reduces).map(number(TaskKind::Reduce));
        let ends = [(TaskKind::JobSetup, 0, &self.setup), (TaskKind::JobCleanup, 0, &self.cleanup)];
        maps.chain(reduces).chain(ends)
    }

    pub(super) fn task_id(&self, kind: TaskKind, number: u32) -> TaskId {
        self.submission.job.task(kind, number)
    }

    pub(super) fn attempt_id(&self, attempt: AttemptRef) -> AttemptId {
        self.task_id(attempt.task.kind, attempt.task.number).attempt(attempt.number)
    }

    /// Whether enough maps are complete for reduces to start.
    pub(super) fn reduces_may_start(&self) -> bool {
        let wanted = (self.submission.conf.slowstart * self.maps.len() as f64).ceil() as u32;
        self.stage == Stage::Running && self.map.tasks_done + self.map.tasks_failed >= wanted
    }

    /// Whether all maps and reduces ended.
    pub(super) fn is_done(&self) -> bool {
        let ended = |stats: &KindStats| stats.tasks_done + stats.tasks_failed;
        let maps = ended(&self.map) as usize >= self.maps.len();
        let reduces = ended(&self.reduce) as usize >= self.reduces.len();
        // Without a map that runs again the job may end, unless its counters were never heard.
        let early = || {
            let heard =
                |task: &Task| task.end.is_some() || task.attempts.iter().any(|a| a.complete);
            self.submission.conf.finish_when_reducers_done
                && !self.reduces.is_empty()
                && self.maps.iter().all(heard)
        };
        reduces && (maps || early())
    }

    /// Counters of one kind, each task's once.
    pub(super) fn sum(&self, kind: TaskKind) -> Sum {
        let tasks = if kind == TaskKind::Map { &self.maps } else { &self.reduces };
        let mut sum = Sum::default();
        for attempt in tasks.iter().filter_map(Task::counted) {
            self.names.add(&mut sum, &attempt.counters);
        }
        sum
    }

    pub(super) fn diagnose(&mut self, text: String) {
        const MOST: usize = 100;
        if self.diagnostics.len() < MOST {
            self.diagnostics.push(text);
        }
    }
}
