//! Jobs of an earlier JobTracker go on: their journals are read, complete tasks stay complete, and
//! attempts that run are waited for until their trackers register.

use std::sync::Arc;

use super::job::{Attempt, AttemptRef, Job, Stage, TaskRef};
use super::report::Milliseconds;
use super::submit::{Submission, check_reduces};
use super::tally::Tally;
use super::tracker::{Occupant, Tracker, TrackerIndex};
use super::{JobTracker, JobTrackerError, journal};
use crate::history::{HistoryEvent, NamedCounters};
use crate::job::{
    AttemptId, CompletionStatus, JobId, JobPriority, JobState, Locality, Phase, TaskId, TaskKind,
    TaskPhaseTimes, TaskState, TipStatus,
};

/// Attempt numbers that one start of a JobTracker may use (`NUM_ATTEMPTS_PER_RESTART`).
const ATTEMPTS_PER_START: u32 = 1000;

/// What became of a job's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The job goes on.
    Continues,
    /// It was over already; only its history remains to be moved.
    WasOver(JobState),
}

impl JobTracker {
    /// Takes up a job of an earlier JobTracker. `events` are its journal's; none is well too, and
    /// then it begins anew. All jobs must be recovered before the first tracker is heard.
    ///
    /// # Errors
    /// A journal that names tasks which the job does not have; more reduces than a job can have.
    pub fn recover(
        &mut self,
        now: Milliseconds,
        submission: Submission,
        events: &[HistoryEvent],
    ) -> Result<Recovered, JobTrackerError> {
        let id = submission.job.clone();
        if self.by_id.contains_key(&id) {
            return Err(JobTrackerError::BadId(id));
        }
        if id.identifier == self.identifier {
            self.next_job = self.next_job.max(id.number.saturating_add(1));
        }
        if let Some(end) = events.iter().find_map(over) {
            return Ok(Recovered::WasOver(end));
        }
        check_reduces(&submission)?;
        let starts = events.iter().filter_map(start_of).max().unwrap_or(0).max(1);
        let base = starts.saturating_mul(ATTEMPTS_PER_START);
        let queue: Arc<str> = events
            .iter()
            .rev()
            .find_map(|event| match event {
                HistoryEvent::JobSubmitted(e) => Some(e.job_queue_name.as_str().into()),
                HistoryEvent::JobQueueChange(e) => Some(e.job_queue_name.as_str().into()),
                _ => None,
            })
            .unwrap_or_else(|| submission.conf.queue.as_str().into());
        let index = self.add_job(now, queue, submission, base);
        self.submissions = self.submissions.saturating_add(1);
        for event in events {
            if let Err(reason) = self.replay(now, index, event) {
                self.by_id.remove(&id);
                if let Some(slot) = self.jobs.get_mut(index as usize) {
                    *slot = None;
                }
                return Err(JobTrackerError::Journal { job: id, reason });
            }
        }
        self.resume(now, index, starts.saturating_add(1), events.is_empty());
        Ok(Recovered::Continues)
    }

    /// What an event says of a task or an attempt, or of the job as a whole.
    fn replay(
        &mut self,
        now: Milliseconds,
        index: u32,
        event: &HistoryEvent,
    ) -> Result<(), String> {
        match event {
            HistoryEvent::TaskStarted(e) => {
                let task = self.task_of(index, &e.task_id)?;
                if let Some(state) = self.task_mut(task) {
                    state.started = e.start_time;
                }
            }
            HistoryEvent::TaskAttemptStarted(e) => {
                let attempt = self.attempt_of(index, &e.attempt_id)?;
                let ports = (e.http_port, e.shuffle_port);
                let on = self.remember_tracker(now, &e.tracker_name, ports);
                self.replay_start(
                    attempt,
                    on,
                    e.start_time,
                    e.locality.as_deref(),
                    e.avataar.as_deref(),
                );
            }
            HistoryEvent::MapAttemptFinished(e) => {
                let times =
                    TaskPhaseTimes { map_finished: e.map_finish_time, ..Default::default() };
                self.replay_success(
                    index,
                    &e.attempt_id,
                    e.finish_time,
                    times,
                    &e.counters,
                    &e.state,
                )?;
            }
            HistoryEvent::ReduceAttemptFinished(e) => {
                let times = TaskPhaseTimes {
                    shuffle_finished: e.shuffle_finish_time,
                    sort_finished: e.sort_finish_time,
                    map_finished: 0,
                };
                self.replay_success(
                    index,
                    &e.attempt_id,
                    e.finish_time,
                    times,
                    &e.counters,
                    &e.state,
                )?;
            }
            HistoryEvent::TaskAttemptUnsuccessfulCompletion(e) => {
                let attempt = self.attempt_of(index, &e.attempt_id)?;
                self.replay_failure(attempt, e.finish_time, e.status == "FAILED", &e.error);
            }
            HistoryEvent::TaskFailed(e) => {
                let task = self.task_of(index, &e.task_id)?;
                self.replay_task_failed(task, e.finish_time);
            }
            _ => {
                if let Some(job) = self.job_mut(index) {
                    replay_of_job(job, event);
                }
            }
        }
        Ok(())
    }

    fn task_of(&self, index: u32, text: &str) -> Result<TaskRef, String> {
        let id: TaskId = text.parse().map_err(|e: crate::job::IdError| e.to_string())?;
        let job = self.job(index).filter(|job| job.submission.job == id.job);
        let known = job.and_then(|job| job.task(id.kind, id.number)).is_some();
        let task = TaskRef { job: index, kind: id.kind, number: id.number };
        known.then_some(task).ok_or_else(|| format!("it names {text}"))
    }

    fn attempt_of(&self, index: u32, text: &str) -> Result<AttemptRef, String> {
        let id: AttemptId = text.parse().map_err(|e: crate::job::IdError| e.to_string())?;
        Ok(self.task_of(index, &id.task.to_string())?.attempt(id.number))
    }

    fn task_mut(&mut self, task: TaskRef) -> Option<&mut super::job::Task> {
        self.job_mut(task.job)?.task_mut(task.kind, task.number)
    }

    /// A tracker of the journal: alive, silent since now, without room, until it registers.
    fn remember_tracker(
        &mut self,
        now: Milliseconds,
        name: &str,
        (http, shuffle): (i32, i32),
    ) -> TrackerIndex {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        // `tracker_<host>:<port>`
        let host = name.strip_prefix("tracker_").unwrap_or(name);
        let host = host.split(':').next().unwrap_or(host).to_owned();
        let machine = self.host(&host);
        let index = self.trackers.len() as u32;
        let mut tracker = Tracker::new(name.into(), machine);
        tracker.alive = true;
        tracker.last_seen = now;
        tracker.node.host = host.as_str().into();
        tracker.node.http_port = u16::try_from(http).unwrap_or(0);
        tracker.node.shuffle_port = u16::try_from(shuffle).unwrap_or(0);
        tracker.shuffle = format!("http://{host}:{shuffle}").into();
        self.trackers.push(tracker);
        self.by_name.insert(name.into(), index);
        self.on_host.entry(machine).or_default().push(index);
        index
    }

    fn replay_start(
        &mut self,
        attempt: AttemptRef,
        on: TrackerIndex,
        started: Milliseconds,
        locality: Option<&str>,
        avataar: Option<&str>,
    ) {
        let locality = locality.and_then(Locality::from_name);
        let Some(job) = self.job_mut(attempt.task.job) else { return };
        let size = job.submission.conf.demand(attempt.task.kind).size;
        let Some(state) = job.task_mut(attempt.task.kind, attempt.task.number) else { return };
        if state.attempt(attempt.number).is_some() {
            return;
        }
        state.attempts.push(running_attempt(attempt.number, on, started));
        if let Some(one) = state.attempt_mut(attempt.number) {
            one.locality = locality;
            one.speculative = avataar == Some("SPECULATIVE");
        }
        job.used = job.used.plus(size);
        if let Some(count) = locality.and_then(|l| job.local.get_mut(l as usize)) {
            *count += 1;
        }
        if let Some(stats) = job.stats(attempt.task.kind) {
            stats.launched += 1;
            stats.running += 1;
        }
        if let Some(tracker) = self.tracker_mut(on) {
            let occupant = Occupant { attempt, size, is_cleanup: false, ordered_in: i64::MAX };
            tracker.occupy(occupant);
        }
    }

    /// Takes an attempt out of what runs, without a word to the journal.
    fn replay_end(&mut self, attempt: AttemptRef, finished: Milliseconds, end: TaskState) -> bool {
        let Some(job) = self.job_mut(attempt.task.job) else { return false };
        let size = job.submission.conf.demand(attempt.task.kind).size;
        let Some(state) = job.task_mut(attempt.task.kind, attempt.task.number) else {
            return false;
        };
        let Some(one) = state.attempt_mut(attempt.number) else { return false };
        let ran = !one.is_over();
        let on = one.tracker;
        let millis = (finished - one.started).max(0);
        one.state = end;
        one.finished = finished;
        one.unheard = false;
        if ran {
            job.used = job.used.minus(size);
            if let Some(stats) = job.stats(attempt.task.kind) {
                stats.running = stats.running.saturating_sub(1);
                stats.millis = stats.millis.saturating_add(millis);
            }
            if let Some(tracker) = self.tracker_mut(on) {
                tracker.vacate(attempt, false);
            }
        }
        true
    }

    fn replay_success(
        &mut self,
        index: u32,
        text: &str,
        finished: Milliseconds,
        times: TaskPhaseTimes,
        counters: &NamedCounters,
        said: &str,
    ) -> Result<(), String> {
        let attempt = self.attempt_of(index, text)?;
        if !self.replay_end(attempt, finished, TaskState::Succeeded) {
            return Ok(());
        }
        let Some(job) = self.job_mut(index) else { return Ok(()) };
        let tally = job.names.tally(&counters.counters);
        let Some(state) = job.task_mut(attempt.task.kind, attempt.task.number) else {
            return Ok(());
        };
        let first = state.end.is_none();
        let mut took = 0;
        if let Some(one) = state.attempt_mut(attempt.number) {
            one.counters = tally;
            one.complete = true;
            one.times = times;
            one.progress = 1.0;
            one.state_string = said.into();
            took = (finished - one.started).max(0);
        }
        if first {
            state.end = Some(TipStatus::Complete);
            state.success = Some(attempt.number);
            state.finished = finished;
            if let Some(stats) = job.stats(attempt.task.kind) {
                stats.tasks_done += 1;
            }
            if let Some(statistics) = job.statistics(attempt.task.kind) {
                statistics.add(took as f64);
            }
            self.completion(finished, attempt, CompletionStatus::Succeeded);
        }
        Ok(())
    }

    fn replay_failure(
        &mut self,
        attempt: AttemptRef,
        finished: Milliseconds,
        failed: bool,
        error: &str,
    ) {
        let end = if failed { TaskState::Failed } else { TaskState::Killed };
        if !self.replay_end(attempt, finished, end) {
            return;
        }
        let Some(job) = self.job_mut(attempt.task.job) else { return };
        let id = job.attempt_id(attempt);
        let Some(state) = job.task_mut(attempt.task.kind, attempt.task.number) else { return };
        // The attempt that made the task complete lost its output later.
        let undone = state.success == Some(attempt.number);
        if undone {
            state.success = None;
            state.end = None;
            state.finished = 0;
        }
        let mut on = None;
        if let Some(one) = state.attempt_mut(attempt.number) {
            error.clone_into(&mut one.diagnostics);
            on = Some(one.tracker);
        }
        if failed {
            state.failures += 1;
            state.failed_on.extend(on);
        }
        if let Some(stats) = job.stats(attempt.task.kind) {
            stats.tasks_done -= u32::from(undone && stats.tasks_done > 0);
            *(if failed { &mut stats.failed } else { &mut stats.killed }) += 1;
        }
        if let Some(on) = on.filter(|_| failed) {
            *job.faults.entry(on).or_default() += 1;
        }
        if undone {
            for events in [&mut job.events, &mut job.map_events] {
                for event in events.iter_mut().filter(|e| e.attempt == id) {
                    event.status = CompletionStatus::Obsolete;
                }
            }
        }
        let status = if failed { CompletionStatus::Failed } else { CompletionStatus::Killed };
        self.completion(finished, attempt, status);
    }

    fn replay_task_failed(&mut self, task: TaskRef, finished: Milliseconds) {
        let Some(state) = self.task_mut(task).filter(|state| state.end.is_none()) else { return };
        state.end = Some(TipStatus::Failed);
        state.finished = finished;
        if let Some(stats) = self.job_mut(task.job).and_then(|job| job.stats(task.kind)) {
            stats.tasks_failed += 1;
        }
    }

    /// Lets the job go on from where its journal ends.
    fn resume(&mut self, now: Milliseconds, index: u32, start: u32, is_new: bool) {
        self.activate(index);
        if let Some(job) = self.job(index) {
            let start = self.start(now, start);
            let events = if is_new {
                journal::submitted(job, start)
            } else {
                vec![journal::started(job, start)]
            };
            events.into_iter().for_each(|event| self.journal(index, event));
        }
        let Some(job) = self.job_mut(index) else { return };
        job.local_since = now;
        job.next_speculation = now;
        if job.stage != Stage::Running {
            self.begin(now, index);
            return;
        }
        let waiting: Vec<TaskRef> = job
            .tasks()
            .filter(|(kind, _, task)| {
                let works = matches!(kind, TaskKind::Map | TaskKind::Reduce);
                works && task.end.is_none() && task.running().next().is_none()
            })
            .map(|(kind, number, _)| TaskRef { job: index, kind, number })
            .collect();
        waiting.into_iter().rev().for_each(|task| self.make_pending(task));
        self.refresh(index);
        let failed = |job: &super::Job| {
            let beyond = |failed: u32, count: usize, percent: u32| {
                u64::from(failed) * 100 > u64::from(percent) * count as u64
            };
            let conf = &job.submission.conf;
            beyond(job.map.tasks_failed, job.maps.len(), conf.map.max_failures_percent)
                || beyond(
                    job.reduce.tasks_failed,
                    job.reduces.len(),
                    conf.reduce.max_failures_percent,
                )
        };
        if self.job(index).is_some_and(failed) {
            self.end_job(now, index, JobState::Failed, "Job failed as tasks failed.");
        } else {
            self.check_done(now, index);
        }
    }

    /// A tracker that registers runs an attempt which this JobTracker may not know: the journal's
    /// end was lost, or the attempt counts as lost and is not replaced yet.
    pub(super) fn adopt(&mut self, now: Milliseconds, from: TrackerIndex, attempt: AttemptRef) {
        let known = self.attempt(attempt).is_some();
        let Some(job) = self.job(attempt.task.job).filter(|job| !known && !job.state.is_over())
        else {
            return;
        };
        let works = matches!(attempt.task.kind, TaskKind::Map | TaskKind::Reduce);
        let stage_fits = match attempt.task.kind {
            TaskKind::Map | TaskKind::Reduce => job.stage == Stage::Running,
            TaskKind::JobSetup => job.stage == Stage::Setup,
            TaskKind::JobCleanup | TaskKind::TaskCleanup => false,
        };
        let open = job
            .task(attempt.task.kind, attempt.task.number)
            .is_some_and(|t| t.end.is_none() && t.running().count() < 2);
        if !stage_fits || !open || attempt.number >= job.attempt_base {
            return;
        }
        let size = job.submission.conf.demand(attempt.task.kind).size;
        let Some(state) = self.task_mut(attempt.task) else { return };
        let was_pending = std::mem::take(&mut state.pending);
        let first = state.started == 0;
        if first {
            state.started = now;
        }
        state.attempts.push(running_attempt(attempt.number, from, now));
        if let Some(job) = self.job_mut(attempt.task.job) {
            job.used = job.used.plus(size);
            if let Some(stats) = job.stats(attempt.task.kind) {
                stats.launched += 1;
                stats.running += 1;
                stats.pending -= u32::from(was_pending);
            }
        }
        if let Some(tracker) = self.tracker_mut(from) {
            tracker.occupy(Occupant { attempt, size, is_cleanup: false, ordered_in: i64::MAX });
        }
        if works {
            if first {
                self.journal_of(attempt.task, journal::task_started);
            }
            self.journal_attempt(attempt, journal::attempt_started);
        }
        self.refresh(attempt.task.job);
    }

    /// Jobs that were taken up and are not over.
    #[must_use]
    pub fn knows(&self, id: &JobId) -> bool {
        self.by_id.contains_key(id)
    }
}

/// What an event says of the job as a whole.
fn replay_of_job(job: &mut Job, event: &HistoryEvent) {
    match event {
        HistoryEvent::JobSubmitted(e) => job.submitted = e.submit_time,
        HistoryEvent::JobInfoChange(e) => job.launched = e.launch_time,
        HistoryEvent::JobStatusChanged(e) if e.job_status == JobState::Running.name() => {
            job.state = JobState::Running;
            job.stage = Stage::Running;
            job.setup.end = Some(TipStatus::Complete);
        }
        HistoryEvent::JobPriorityChange(e) => {
            job.priority = JobPriority::parse(&e.priority).unwrap_or(job.priority);
        }
        _ => {}
    }
}

fn running_attempt(number: u32, on: TrackerIndex, started: Milliseconds) -> Attempt {
    Attempt {
        number,
        tracker: on,
        state: TaskState::Running,
        phase: Phase::Starting,
        progress: 0.0,
        started,
        finished: 0,
        times: TaskPhaseTimes::default(),
        state_string: "".into(),
        diagnostics: String::new(),
        counters: Tally::default(),
        speculative: false,
        locality: None,
        kill: None,
        complete: false,
        unheard: true,
    }
}

/// Which JobTracker's start an event tells of. Counting them would not do: an earlier one's journal may be lost as
/// a whole, and its attempts run still.
fn start_of(event: &HistoryEvent) -> Option<u32> {
    let HistoryEvent::AmStarted(e) = event else { return None };
    e.application_attempt_id.rsplit('_').next()?.parse().ok()
}

fn over(event: &HistoryEvent) -> Option<JobState> {
    match event {
        HistoryEvent::JobFinished(_) => Some(JobState::Succeeded),
        HistoryEvent::JobUnsuccessfulCompletion(e) => {
            Some(JobState::from_name(&e.job_status).unwrap_or(JobState::Failed))
        }
        _ => None,
    }
}
