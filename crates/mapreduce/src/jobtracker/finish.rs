//! Attempts end, and what that means for their tasks.

use std::sync::Arc;

use super::attempt::add_diagnostics;
use super::job::{AttemptRef, Stage, TaskRef};
use super::report::{CompletionEvent, Milliseconds};
use super::{JobTracker, journal};
use crate::job::{AttemptId, CompletionStatus, JobState, Phase, TaskKind, TaskState, TipStatus};

impl JobTracker {
    /// An attempt is done. The first of its task wins.
    pub(super) fn succeeded(&mut self, now: Milliseconds, attempt: AttemptRef) {
        let task = attempt.task;
        let Some(state) = self.job(task.job).and_then(|job| job.task(task.kind, task.number))
        else {
            return;
        };
        if state.end.is_some() {
            // Another attempt was faster, or the job ends.
            self.ended(now, attempt, TaskState::Killed, false);
            return;
        }
        self.settle(now, attempt, TaskState::Succeeded);
        let Some(job) = self.job_mut(task.job) else { return };
        let Some(state) = job.task_mut(task.kind, task.number) else { return };
        state.success = Some(attempt.number);
        state.end = Some(TipStatus::Complete);
        state.finished = now;
        state.complaints = 0;
        let was_pending = std::mem::take(&mut state.pending);
        let others: Vec<u32> = state.running().map(|other| other.number).collect();
        let started = state.attempt(attempt.number).map_or(now, |a| a.started);
        if let Some(stats) = job.stats(task.kind) {
            stats.tasks_done += 1;
            stats.pending -= u32::from(was_pending);
        }
        if let Some(statistics) = job.statistics(task.kind) {
            statistics.add((now - started).max(0) as f64);
        }
        self.completion(now, attempt, CompletionStatus::Succeeded);
        let winner = self.job(task.job).map(|job| job.attempt_id(attempt));
        for other in others {
            let reason = winner.as_ref().map_or_else(String::new, |winner| {
                format!("Speculation: {winner} succeeded first!")
            });
            self.request_kill(task.attempt(other), &reason, false);
        }
        match task.kind {
            TaskKind::Map | TaskKind::Reduce => {
                self.journal_attempt(attempt, journal::attempt_finished);
                self.journal_of(task, journal::task_finished);
                self.limit_counters(now, task.job);
                self.check_done(now, task.job);
            }
            TaskKind::JobSetup => self.set_up(now, task.job),
            TaskKind::JobCleanup => self.cleaned_up(now, task.job),
            TaskKind::TaskCleanup => {}
        }
        self.drained(now, task.job);
        self.refresh(task.job);
        if task.kind == TaskKind::Map {
            self.wake_for(task.job);
        }
    }

    /// An attempt failed or was killed.
    pub(super) fn ended(
        &mut self,
        now: Milliseconds,
        attempt: AttemptRef,
        state: TaskState,
        fast_fail: bool,
    ) {
        // Whoever ordered the end says whether it counts.
        let ordered = self.attempt(attempt).and_then(|a| a.kill.as_ref().map(|(_, fail)| *fail));
        let failed = ordered.unwrap_or(state.is_failure());
        let unclean = matches!(state, TaskState::FailedUnclean | TaskState::KilledUnclean);
        let settled = if failed { TaskState::Failed } else { TaskState::Killed };
        let task = attempt.task;
        let over = self
            .job(task.job)
            .and_then(|job| job.task(task.kind, task.number))
            .is_none_or(|task| task.end.is_some());
        self.settle(now, attempt, settled);
        if unclean {
            self.clean_up_after(attempt);
        }
        let Some(job) = self.job_mut(task.job) else { return };
        if let Some(stats) = job.stats(task.kind) {
            if failed {
                stats.failed += 1;
            } else {
                stats.killed += 1;
            }
        }
        if failed {
            self.blame(now, attempt);
        }
        let gives_up = failed && !over && self.count_failure(attempt, fast_fail);
        let event = match (failed, gives_up) {
            (true, true) => CompletionStatus::TipFailed,
            (true, false) => CompletionStatus::Failed,
            (false, _) => CompletionStatus::Killed,
        };
        self.completion(now, attempt, event);
        if matches!(task.kind, TaskKind::Map | TaskKind::Reduce) {
            self.journal_attempt(attempt, journal::attempt_unsuccessful);
        }
        if gives_up {
            self.task_failed(now, attempt);
        } else if !over {
            self.retry(now, task);
        }
        self.drained(now, task.job);
        self.refresh(task.job);
    }

    /// Takes an attempt out of what runs.
    fn settle(&mut self, now: Milliseconds, attempt: AttemptRef, end: TaskState) {
        let task = attempt.task;
        let Some(job) = self.job_mut(task.job) else { return };
        let size = job.submission.conf.demand(task.kind).size;
        let Some(state) = job.task_mut(task.kind, task.number) else { return };
        if state.commit == Some(attempt.number) && end != TaskState::Succeeded {
            state.commit = None;
        }
        let Some(one) = state.attempt_mut(attempt.number) else { return };
        one.state = end;
        one.finished = now;
        if end == TaskState::Succeeded {
            one.progress = 1.0;
            one.complete = true;
        }
        one.unheard = false;
        let (on, ran) = (one.tracker, (now - one.started).max(0));
        job.used = job.used.minus(size);
        if let Some(stats) = job.stats(task.kind) {
            stats.running = stats.running.saturating_sub(1);
            stats.millis = stats.millis.saturating_add(ran);
            let times = |amount: i64| ran.saturating_mul(amount);
            let memory = i64::try_from(size.memory_mb).unwrap_or(i64::MAX);
            stats.megabyte_millis = stats.megabyte_millis.saturating_add(times(memory));
            stats.core_millis = stats.core_millis.saturating_add(times(size.cores.into()));
        }
        self.vacate(on, attempt, false);
    }

    fn clean_up_after(&mut self, attempt: AttemptRef) {
        if let Some(job) = self.job_mut(attempt.task.job)
            && job.stage == Stage::Running
            && job.submission.conf.task_cleanup
            && matches!(attempt.task.kind, TaskKind::Map | TaskKind::Reduce)
        {
            job.unclean.push(attempt);
        }
    }

    /// Counts a failure against its task; whether the task is given up.
    fn count_failure(&mut self, attempt: AttemptRef, fast_fail: bool) -> bool {
        let task = attempt.task;
        let Some(job) = self.job_mut(task.job) else { return false };
        let most = job.submission.conf.demand(task.kind).max_attempts;
        let Some(state) = job.task_mut(task.kind, task.number) else { return false };
        state.failures = state.failures.saturating_add(1);
        if let Some(on) = state.attempt(attempt.number).map(|a| a.tracker)
            && !state.failed_on.contains(&on)
        {
            state.failed_on.push(on);
        }
        fast_fail || state.failures >= most
    }

    /// Lets a task wait for another attempt, unless one runs.
    fn retry(&mut self, now: Milliseconds, task: TaskRef) {
        let Some(job) = self.job(task.job) else { return };
        let wanted = match job.stage {
            Stage::Setup => task.kind == TaskKind::JobSetup,
            Stage::Running => matches!(task.kind, TaskKind::Map | TaskKind::Reduce),
            Stage::Cleanup(_) => task.kind == TaskKind::JobCleanup,
            Stage::Ending(_) | Stage::Over => false,
        };
        let Some(state) = job.task(task.kind, task.number) else { return };
        if wanted && state.running().next().is_none() {
            if task.kind == TaskKind::Map
                && job.map.pending == 0
                && let Some(job) = self.job_mut(task.job)
            {
                job.local_since = now;
            }
            self.make_pending(task);
            self.refresh(task.job);
            self.wake_for(task.job);
        }
    }

    /// A task is given up; perhaps its job with it.
    fn task_failed(&mut self, now: Milliseconds, attempt: AttemptRef) {
        let task = attempt.task;
        let Some(job) = self.job_mut(task.job) else { return };
        let id = job.attempt_id(attempt);
        let Some(state) = job.task_mut(task.kind, task.number) else { return };
        state.end = Some(TipStatus::Failed);
        state.finished = now;
        let was_pending = std::mem::take(&mut state.pending);
        let others: Vec<u32> = state.running().map(|other| other.number).collect();
        let text = state.attempt(attempt.number).map(|a| a.diagnostics.clone()).unwrap_or_default();
        let on = state.attempt(attempt.number).map(|a| a.tracker).unwrap_or_default();
        if let Some(stats) = job.stats(task.kind) {
            stats.tasks_failed += 1;
            stats.pending -= u32::from(was_pending);
        }
        let where_ = self.tracker(on).map_or_else(String::new, |t| t.name.to_string());
        let log = self.tracker(on).map_or_else(String::new, |t| {
            let (host, port) = (&t.node.host, t.node.http_port);
            format!("Its log: http://{host}:{port}/tasklog?attemptid={id}")
        });
        let Some(job) = self.job_mut(task.job) else { return };
        job.diagnose(format!("Task failed {}", id.task));
        job.diagnose(format!("{id} failed on {where_}: {text}"));
        job.diagnose(log);
        for other in others {
            self.request_kill(task.attempt(other), "Task has failed. Killing attempt!", false);
        }
        match task.kind {
            TaskKind::JobSetup => {
                self.end_job(now, task.job, JobState::Failed, "Job setup failed");
            }
            TaskKind::JobCleanup => self.clean_up_failed(now, task.job),
            _ => {
                self.journal_of(task, journal::task_failed);
                let Some(job) = self.job(task.job) else { return };
                let conf = job.submission.conf.demand(task.kind);
                let (stats, count) = match task.kind {
                    TaskKind::Map => (job.map, job.maps.len()),
                    _ => (job.reduce, job.reduces.len()),
                };
                let allowed = u64::from(conf.max_failures_percent) * count as u64;
                if u64::from(stats.tasks_failed) * 100 > allowed {
                    let text = format!(
                        "Job failed as tasks failed. failedMaps:{} failedReduces:{} killedMaps:{} \
                         killedReduces: {}",
                        job.map.tasks_failed,
                        job.reduce.tasks_failed,
                        job.map.tasks_killed,
                        job.reduce.tasks_killed
                    );
                    self.end_job(now, task.job, JobState::Failed, &text);
                } else {
                    self.check_done(now, task.job);
                }
            }
        }
    }

    /// A reduce could not fetch the output of that map attempt.
    pub(super) fn complain(&mut self, now: Milliseconds, map: &AttemptId) {
        let Some(attempt) = self.resolve_id(map).filter(|a| a.task.kind == TaskKind::Map) else {
            return;
        };
        let Some(job) = self.job_mut(attempt.task.job) else { return };
        let shuffling = job
            .reduces
            .iter()
            .filter(|reduce| {
                reduce.running().any(|a| matches!(a.phase, Phase::Starting | Phase::Shuffle))
            })
            .count();
        let conf = &job.submission.conf;
        let (most, fraction) = (conf.max_fetch_failures, conf.max_fetch_failures_fraction);
        let Some(state) = job.maps.get_mut(attempt.task.number as usize) else { return };
        if state.success != Some(attempt.number) {
            return;
        }
        state.complaints = state.complaints.saturating_add(1);
        let rate =
            if shuffling == 0 { 1.0 } else { f64::from(state.complaints) / shuffling as f64 };
        if state.complaints >= most && rate >= fraction {
            self.output_lost(now, attempt, "Too many fetch failures. Failing the attempt", true);
        }
    }

    /// The output of a completed map is gone: the map runs again if anybody still needs it.
    pub(super) fn output_lost(
        &mut self,
        now: Milliseconds,
        attempt: AttemptRef,
        reason: &str,
        fail: bool,
    ) {
        let task = attempt.task;
        let Some(job) = self.job_mut(task.job) else { return };
        let needed = job.stage == Stage::Running
            && !job.reduces.is_empty()
            && job.reduces.iter().any(|reduce| reduce.end.is_none());
        let Some(state) = job.maps.get_mut(task.number as usize) else { return };
        if !needed || state.success != Some(attempt.number) || task.kind != TaskKind::Map {
            return;
        }
        state.success = None;
        state.end = None;
        state.finished = 0;
        state.complaints = 0;
        if let Some(one) = state.attempt_mut(attempt.number) {
            one.state = if fail { TaskState::Failed } else { TaskState::Killed };
            one.finished = now;
            add_diagnostics(&mut one.diagnostics, reason);
        }
        job.map.tasks_done = job.map.tasks_done.saturating_sub(1);
        let id = job.attempt_id(attempt);
        for events in [&mut job.events, &mut job.map_events] {
            for event in events.iter_mut().filter(|e| e.attempt == id) {
                event.status = CompletionStatus::Obsolete;
            }
        }
        if fail {
            job.map.failed += 1;
            self.blame(now, attempt);
        } else {
            job.map.killed += 1;
        }
        let gives_up = fail && self.count_failure(attempt, false);
        let event = match (fail, gives_up) {
            (true, true) => CompletionStatus::TipFailed,
            (true, false) => CompletionStatus::Failed,
            (false, _) => CompletionStatus::Killed,
        };
        self.completion(now, attempt, event);
        self.journal_attempt(attempt, journal::attempt_unsuccessful);
        if gives_up {
            self.task_failed(now, attempt);
        } else {
            self.retry(now, task);
        }
        self.refresh(task.job);
    }

    /// Adds a completion event; trackers that run reduces of the job want to know of maps.
    pub(super) fn completion(
        &mut self,
        now: Milliseconds,
        attempt: AttemptRef,
        status: CompletionStatus,
    ) {
        let task = attempt.task;
        let Some((on, started)) = self.attempt(attempt).map(|a| (a.tracker, a.started)) else {
            return;
        };
        let tracker_http = self.tracker(on).map_or_else(|| Arc::from(""), |t| t.shuffle.clone());
        let Some(job) = self.job_mut(task.job) else { return };
        let event = CompletionEvent {
            attempt: job.attempt_id(attempt),
            status,
            tracker_http,
            run_time: (now - started).max(0),
        };
        if task.kind == TaskKind::Map && !job.reduces.is_empty() {
            job.map_events.push(event.clone());
            self.tell_reduces(task.job);
        }
        if let Some(job) = self.job_mut(task.job) {
            job.events.push(event);
        }
    }

    fn tell_reduces(&mut self, index: u32) {
        let Some(job) = self.job(index) else { return };
        let mut trackers: Vec<u32> = job
            .reduces
            .iter()
            .flat_map(|reduce| reduce.running())
            .filter(|a| matches!(a.phase, Phase::Starting | Phase::Shuffle))
            .map(|a| a.tracker)
            .collect();
        trackers.sort_unstable();
        trackers.dedup();
        trackers.into_iter().for_each(|tracker| self.wake(tracker, false));
    }

    fn limit_counters(&mut self, now: Milliseconds, index: u32) {
        let most = self.settings.max_counters;
        let Some(own) = self.job(index).map(|job| job.names.own()) else { return };
        if own > most {
            let text = format!("Too many counters: {own} max={most}");
            self.end_job(now, index, JobState::Failed, &text);
        }
    }
}
