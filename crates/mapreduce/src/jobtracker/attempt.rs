//! Attempts begin, report, and are told to end.

use std::sync::Arc;

use super::job::{Attempt, AttemptRef, TaskRef};
use super::report::{Action, AttemptStatus, Launch, Milliseconds};
use super::tally::Tally;
use super::tracker::{Occupant, TrackerIndex};
use super::{JobTracker, journal};
use crate::job::{Locality, Phase, TaskKind, TaskPhaseTimes, TaskState};

/// Bytes of diagnostics that are kept of one attempt.
const MOST_DIAGNOSTICS: usize = 16 * 1024;
/// Last orders to a tracker that are looked through for the one to remove a job.
const PURGES: usize = 16;
/// Bytes of what an attempt says it does (`TaskStatus.MAX_STRING_SIZE`).
const MOST_STATE: usize = 1024;

impl JobTracker {
    /// Orders a new attempt at a task that waited, or beside one that is slow.
    pub(super) fn start_attempt(
        &mut self,
        now: Milliseconds,
        task: TaskRef,
        on: TrackerIndex,
        locality: Option<Locality>,
        speculative: bool,
    ) -> Option<Action> {
        let job = self.job_mut(task.job)?;
        let size = job.submission.conf.demand(task.kind).size;
        let state = job.task_mut(task.kind, task.number)?;
        let attempt = task.attempt(state.next_attempt);
        state.next_attempt = state.next_attempt.saturating_add(1);
        let first = state.started == 0;
        if first {
            state.started = now;
        }
        let was_pending = std::mem::take(&mut state.pending);
        state.attempts.push(Attempt {
            number: attempt.number,
            tracker: on,
            state: TaskState::Unassigned,
            phase: Phase::Starting,
            progress: 0.0,
            started: now,
            finished: 0,
            times: TaskPhaseTimes::default(),
            state_string: "".into(),
            diagnostics: String::new(),
            counters: Tally::default(),
            speculative,
            locality,
            kill: None,
            complete: false,
            unheard: false,
        });
        job.used = job.used.plus(size);
        if let Some(stats) = job.stats(task.kind) {
            stats.launched += 1;
            stats.running += 1;
            stats.pending -= u32::from(was_pending);
        }
        if let (TaskKind::Map, Some(locality)) = (task.kind, locality) {
            if let Some(count) = job.local.get_mut(locality as usize) {
                *count += 1;
            }
            if locality == Locality::Node {
                job.local_since = now;
            }
        }
        let launch = self.launch(attempt, false)?;
        self.occupy(on, attempt, false);
        if matches!(task.kind, TaskKind::Map | TaskKind::Reduce) {
            if first {
                self.journal_of(task, journal::task_started);
            }
            self.journal_attempt(attempt, journal::attempt_started);
        }
        self.refresh(task.job);
        Some(launch)
    }

    pub(super) fn occupy(&mut self, on: TrackerIndex, attempt: AttemptRef, is_cleanup: bool) {
        let Some(job) = self.job(attempt.task.job) else { return };
        let kind = if is_cleanup { TaskKind::Map } else { attempt.task.kind };
        let size = job.submission.conf.demand(kind).size;
        if let Some(tracker) = self.tracker_mut(on) {
            let ordered_in = tracker.answers + 1;
            tracker.occupy(Occupant { attempt, size, is_cleanup, ordered_in });
        }
        self.note_room(on);
    }

    /// The order to start an attempt, or to clean up after it.
    pub(super) fn launch(&self, attempt: AttemptRef, is_cleanup: bool) -> Option<Action> {
        let job = self.job(attempt.task.job)?;
        let submission = &job.submission;
        let split = match attempt.task.kind {
            TaskKind::Map => submission.splits.get(attempt.task.number as usize),
            _ => None,
        };
        let job_end = match job.stage {
            super::Stage::Cleanup(end) if attempt.task.kind == TaskKind::JobCleanup => Some(end),
            _ => None,
        };
        let kind = if is_cleanup { TaskKind::Map } else { attempt.task.kind };
        Some(Action::Launch(Box::new(Launch {
            attempt: job.attempt_id(attempt),
            user: submission.user.clone(),
            job_name: submission.conf.name.as_str().into(),
            job_dir: submission.job_dir.clone(),
            split: split.map(|split| (submission.split_file.clone(), split.offset)),
            input_length: split.map_or(0, |split| split.length),
            locations: split.map_or_else(Vec::new, |split| split.locations.clone()),
            maps: job.maps.len() as u32,
            reduces: job.reduces.len() as u32,
            size: submission.conf.demand(kind).size,
            job_end,
            is_cleanup,
            job_token: submission.token.clone(),
        })))
    }

    /// Takes a report of an attempt that this tracker runs.
    pub(super) fn report(
        &mut self,
        now: Milliseconds,
        from: TrackerIndex,
        status: AttemptStatus,
        registering: bool,
    ) {
        let Some(attempt) = self.resolve(&status) else {
            // Jobs of another time: whatever is left of them goes.
            let job = status.attempt.job().clone();
            if let Some(tracker) = self.tracker_mut(from) {
                if !status.state.is_over() {
                    let (attempt, reason) = (status.attempt, "Unknown job".into());
                    tracker.outbox.push(Action::Kill { attempt, reason, fail: false });
                }
                // Attempts of one job come one after the other; twice does no harm.
                let purge = Action::PurgeJob(job);
                if !tracker.outbox.iter().rev().take(PURGES).any(|last| *last == purge) {
                    tracker.outbox.push(purge);
                }
            }
            return;
        };
        if status.is_cleanup {
            if status.state.is_over() {
                self.vacate(from, attempt, true);
            }
            return;
        }
        if registering {
            self.adopt(now, from, attempt);
            self.repeat_kill(from, attempt);
        }
        let known = self.attempt(attempt).map(|a| (a.tracker, a.is_over()));
        match known {
            Some((tracker, false)) if tracker == from => self.update(now, attempt, status),
            Some((tracker, true)) if tracker == from && status.state.is_over() => {
                self.vacate(from, attempt, false);
            }
            _ if status.state.is_over() => {}
            _ => {
                let reason = "The JobTracker does not know this attempt any more".into();
                let attempt = status.attempt;
                if let Some(tracker) = self.tracker_mut(from) {
                    tracker.outbox.push(Action::Kill { attempt, reason, fail: false });
                }
            }
        }
    }

    fn resolve(&self, status: &AttemptStatus) -> Option<AttemptRef> {
        self.resolve_id(&status.attempt)
    }

    pub(super) fn resolve_id(&self, id: &crate::job::AttemptId) -> Option<AttemptRef> {
        let (index, job) = self.find(id.job())?;
        job.task(id.kind(), id.task.number)?;
        let task = TaskRef { job: index, kind: id.kind(), number: id.task.number };
        Some(task.attempt(id.number))
    }

    pub(super) fn attempt(&self, attempt: AttemptRef) -> Option<&Attempt> {
        let AttemptRef { task, number } = attempt;
        self.job(task.job)?.task(task.kind, task.number)?.attempt(number)
    }

    pub(super) fn attempt_mut(&mut self, attempt: AttemptRef) -> Option<&mut Attempt> {
        let AttemptRef { task, number } = attempt;
        self.job_mut(task.job)?.task_mut(task.kind, task.number)?.attempt_mut(number)
    }

    fn update(&mut self, now: Milliseconds, attempt: AttemptRef, mut status: AttemptStatus) {
        let reported = status.state;
        let counters = status.counters.take();
        if let (Some(job), Some(message)) = (self.job_mut(attempt.task.job), counters) {
            let tally = job.names.tally(&message);
            if let Some(state) = self.attempt_mut(attempt) {
                state.counters = tally;
            }
        }
        let Some(state) = self.attempt_mut(attempt) else { return };
        state.unheard = false;
        state.progress = status.progress.max(state.progress);
        state.phase = status.phase;
        if *state.state_string != *status.state_string {
            state.state_string = clip(&status.state_string, MOST_STATE).into();
        }
        add_diagnostics(&mut state.diagnostics, &status.diagnostics);
        let keep = |new: i64, old: i64| if new > 0 { new } else { old };
        state.times = TaskPhaseTimes {
            shuffle_finished: keep(status.times.shuffle_finished, state.times.shuffle_finished),
            sort_finished: keep(status.times.sort_finished, state.times.sort_finished),
            map_finished: keep(status.times.map_finished, state.times.map_finished),
        };
        if !reported.is_over() {
            state.state = reported;
        }
        for map in std::mem::take(&mut status.fetch_failures) {
            self.complain(now, &map);
        }
        match reported {
            TaskState::Running | TaskState::Unassigned => {
                if status.commit_granted {
                    self.remember_grant(attempt);
                }
            }
            TaskState::CommitPending => {
                if status.commit_granted {
                    self.remember_grant(attempt);
                }
                self.arbitrate(attempt);
            }
            TaskState::Succeeded => self.succeeded(now, attempt),
            TaskState::Failed | TaskState::FailedUnclean => {
                self.ended(now, attempt, reported, status.fast_fail);
            }
            TaskState::Killed | TaskState::KilledUnclean => {
                self.ended(now, attempt, reported, false);
            }
        }
    }

    /// An attempt that was granted its commit by an earlier JobTracker keeps it.
    fn remember_grant(&mut self, attempt: AttemptRef) {
        let task = attempt.task;
        if let Some(job) = self.job_mut(task.job)
            && let Some(state) = job.task_mut(task.kind, task.number)
            && state.commit.is_none()
            && state.end.is_none()
        {
            state.commit = Some(attempt.number);
        }
    }

    /// One attempt of a task may commit: the first that asks, until it ends.
    fn arbitrate(&mut self, attempt: AttemptRef) {
        let task = attempt.task;
        let Some(job) = self.job_mut(task.job) else { return };
        let running = job.stage == super::Stage::Running;
        let Some(state) = job.task_mut(task.kind, task.number) else { return };
        // Another that was running when the JobTracker went down may be committing; until its
        // tracker is heard or lost, nobody else may.
        let doubt = state.running().any(|other| other.unheard && other.number != attempt.number);
        let asked_to_end = state.attempt(attempt.number).is_none_or(|a| a.kill.is_some());
        if !running || doubt || asked_to_end || state.end.is_some() {
            return;
        }
        if *state.commit.get_or_insert(attempt.number) == attempt.number {
            let Some(tracker) = state.attempt(attempt.number).map(|a| a.tracker) else { return };
            let id = job.attempt_id(attempt);
            if let Some(tracker) = self.tracker_mut(tracker) {
                tracker.outbox.push(Action::Commit(id));
            }
            self.wake(tracker, true);
        }
    }

    /// Asks an attempt's tracker to end it.
    pub(super) fn request_kill(&mut self, attempt: AttemptRef, reason: &str, fail: bool) {
        let Some(state) = self.attempt_mut(attempt) else { return };
        if state.is_over() || state.kill.is_some() {
            return;
        }
        let reason: Arc<str> = reason.into();
        state.kill = Some((reason.clone(), fail));
        add_diagnostics(&mut state.diagnostics, &reason);
        let on = state.tracker;
        let Some(id) = self.job(attempt.task.job).map(|job| job.attempt_id(attempt)) else {
            return;
        };
        if let Some(tracker) = self.tracker_mut(on) {
            tracker.outbox.push(Action::Kill { attempt: id, reason, fail });
        }
        self.wake(on, true);
    }

    /// A tracker that registers anew has not what was ordered before.
    fn repeat_kill(&mut self, from: TrackerIndex, attempt: AttemptRef) {
        let ordered = self.attempt(attempt).filter(|a| a.tracker == from && !a.is_over());
        let Some((reason, fail)) = ordered.and_then(|a| a.kill.clone()) else { return };
        let Some(id) = self.job(attempt.task.job).map(|job| job.attempt_id(attempt)) else {
            return;
        };
        if let Some(tracker) = self.tracker_mut(from) {
            tracker.outbox.push(Action::Kill { attempt: id, reason, fail });
        }
    }

    pub(super) fn vacate(&mut self, on: TrackerIndex, attempt: AttemptRef, is_cleanup: bool) {
        let vacated = self.tracker_mut(on).is_some_and(|t| t.vacate(attempt, is_cleanup));
        if vacated {
            self.note_room(on);
        }
    }
}

pub(super) fn add_diagnostics(to: &mut String, text: &str) {
    if text.is_empty() || to.len() >= MOST_DIAGNOSTICS || to.ends_with(text) {
        return;
    }
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(clip(text, MOST_DIAGNOSTICS.saturating_sub(to.len())));
}

/// The text's beginning, of whole characters.
fn clip(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
