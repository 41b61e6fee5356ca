//! The events of the history file, from what the machine knows.

use super::JobTracker;
use super::job::{AttemptRef, Job, Task, TaskRef};
use super::report::Milliseconds;
use super::tally::CounterNames;
use super::tracker::Tracker;
use crate::history::{
    AmStarted, HistoryEvent, JobFinished, JobInfoChange, JobInited, JobPriorityChange,
    JobStatusChanged, JobSubmitted, JobUnsuccessfulCompletion, MapAttemptFinished, NamedCounters,
    ReduceAttemptFinished, TaskAttemptStarted, TaskAttemptUnsuccessfulCompletion, TaskFailed,
    TaskFinished, TaskStarted,
};
use crate::job::{JobAcl, JobState, TaskKind, TaskState};
use crate::protocol::CountersMessage;

/// Hadoop's readers want a container for every attempt; this is the one that stands for none.
const NO_CONTAINER: &str = "container_-1_-1_-1_-1";

/// What is known of one attempt, for its events.
pub(super) struct View<'a> {
    job: &'a Job,
    task_ref: TaskRef,
    task: &'a Task,
    attempt: &'a super::job::Attempt,
    tracker: Option<&'a Tracker>,
}

impl JobTracker {
    pub(super) fn journal_attempt(
        &mut self,
        attempt: AttemptRef,
        event: impl Fn(&View<'_>) -> HistoryEvent,
    ) {
        let task_ref = attempt.task;
        let event = self.job(task_ref.job).and_then(|job| {
            let task = job.task(task_ref.kind, task_ref.number)?;
            let attempt = task.attempt(attempt.number)?;
            let tracker = self.tracker(attempt.tracker);
            Some(event(&View { job, task_ref, task, attempt, tracker }))
        });
        if let Some(event) = event {
            self.journal(task_ref.job, event);
        }
    }

    pub(super) fn journal_of(
        &mut self,
        task: TaskRef,
        event: impl Fn(&Job, TaskRef, &Task) -> HistoryEvent,
    ) {
        let event = self
            .job(task.job)
            .and_then(|job| Some(event(job, task, job.task(task.kind, task.number)?)));
        if let Some(event) = event {
            self.journal(task.job, event);
        }
    }
}

/// Which JobTracker has a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    /// What tells JobTrackers apart.
    pub(super) identifier: &'a str,
    /// It is the job's so many-th.
    pub(super) number: u32,
    /// When it took the job.
    pub(super) time: Milliseconds,
    /// Where its pages are.
    pub(super) http_address: &'a str,
}

/// The job came in, and this JobTracker has it.
pub(super) fn submitted(job: &Job, start: Start<'_>) -> Vec<HistoryEvent> {
    let submission = &job.submission;
    let id = submission.job.to_string();
    let acls =
        [(JobAcl::View, &submission.conf.view_acl), (JobAcl::Modify, &submission.conf.modify_acl)];
    let event = JobSubmitted {
        job_id: id.clone(),
        job_name: submission.conf.name.clone(),
        user_name: submission.user.to_string(),
        submit_time: job.submitted,
        job_conf_path: submission.job_file.to_string(),
        acls: acls.into_iter().map(|(acl, list)| (acl.key().to_owned(), list.text())).collect(),
        job_queue_name: job.queue.to_string(),
        workflow_id: Some(String::new()),
        workflow_name: Some(String::new()),
        workflow_node_name: Some(String::new()),
        workflow_adjacencies: Some(String::new()),
        workflow_tags: Some(String::new()),
    };
    let inited = JobInited {
        job_id: id,
        launch_time: job.launched,
        total_maps: int(job.maps.len()),
        total_reduces: int(job.reduces.len()),
        job_status: JobState::Prep.name().to_owned(),
        uberized: false,
    };
    vec![started(job, start), event.into(), inited.into()]
}

/// This JobTracker has the job.
pub(super) fn started(job: &Job, start: Start<'_>) -> HistoryEvent {
    // Readers want a number where ids have the JobTracker's start.
    let digits: String = start.identifier.chars().filter(char::is_ascii_digit).take(15).collect();
    let cluster = if digits.is_empty() { "0" } else { &digits };
    let (number, attempt) = (job.submission.job.number, start.number);
    let (host, port) = start.http_address.rsplit_once(':').unwrap_or(("jobtracker", ""));
    AmStarted {
        application_attempt_id: format!("appattempt_{cluster}_{number:04}_{attempt:06}"),
        start_time: start.time,
        container_id: format!("container_{cluster}_{number:04}_{attempt:02}_000001"),
        node_manager_host: host.to_owned(),
        node_manager_port: 0,
        node_manager_http_port: port.parse().unwrap_or(0),
    }
    .into()
}

/// Its set-up is over.
pub(super) fn running(job: &Job) -> Vec<HistoryEvent> {
    let id = job.submission.job.to_string();
    let (submit_time, launch_time) = (job.submitted, job.launched);
    let change = JobInfoChange { job_id: id.clone(), submit_time, launch_time };
    let status = JobStatusChanged { job_id: id, job_status: JobState::Running.name().to_owned() };
    vec![change.into(), status.into()]
}

pub(super) fn priority(job: &Job) -> HistoryEvent {
    let priority = job.priority.name().to_owned();
    JobPriorityChange { job_id: job.submission.job.to_string(), priority }.into()
}

/// The job ended.
pub(super) fn finished(job: &Job) -> HistoryEvent {
    let job_id = job.submission.job.to_string();
    let number = |count: u32| int(count as usize);
    if job.state == JobState::Succeeded {
        let named = |name, counters| NamedCounters { name, counters };
        let (map, reduce) = (job.sum(TaskKind::Map), job.sum(TaskKind::Reduce));
        return JobFinished {
            job_id,
            finish_time: job.finished,
            finished_maps: number(job.map.tasks_done),
            finished_reduces: number(job.reduce.tasks_done),
            failed_maps: number(job.map.tasks_failed),
            failed_reduces: number(job.reduce.tasks_failed),
            killed_maps: number(job.map.tasks_killed),
            killed_reduces: number(job.reduce.tasks_killed),
            total_counters: named("TOTAL_COUNTERS", job.total_counters()),
            map_counters: named("MAP_COUNTERS", job.names.sum_message(&map)),
            reduce_counters: named("REDUCE_COUNTERS", job.names.sum_message(&reduce)),
        }
        .into();
    }
    JobUnsuccessfulCompletion {
        job_id,
        finish_time: job.finished,
        finished_maps: number(job.map.tasks_done),
        finished_reduces: number(job.reduce.tasks_done),
        job_status: job.state.name().to_owned(),
        diagnostics: Some(job.diagnostics.join("\n")),
        failed_maps: number(job.map.tasks_failed),
        failed_reduces: number(job.reduce.tasks_failed),
        killed_maps: number(job.map.tasks_killed),
        killed_reduces: number(job.reduce.tasks_killed),
    }
    .into()
}

pub(super) fn task_started(job: &Job, at: TaskRef, task: &Task) -> HistoryEvent {
    let split = job.submission.splits.get(at.number as usize);
    let split = split.filter(|_| at.kind == TaskKind::Map);
    let locations = split.map_or_else(String::new, |split| split.locations.join(","));
    TaskStarted {
        task_id: job.task_id(at.kind, at.number).to_string(),
        task_type: at.kind.name().to_owned(),
        start_time: task.started,
        split_locations: locations,
    }
    .into()
}

pub(super) fn task_finished(job: &Job, at: TaskRef, task: &Task) -> HistoryEvent {
    let id = job.task_id(at.kind, at.number);
    TaskFinished {
        task_type: at.kind.name().to_owned(),
        finish_time: task.finished,
        status: TaskState::Succeeded.name().to_owned(),
        counters: counters(&job.names, task.best()),
        successful_attempt_id: task.success.map(|number| id.attempt(number).to_string()),
        task_id: id.to_string(),
    }
    .into()
}

pub(super) fn task_failed(job: &Job, at: TaskRef, task: &Task) -> HistoryEvent {
    let id = job.task_id(at.kind, at.number);
    let last = task.attempts.iter().rfind(|a| a.state == TaskState::Failed);
    TaskFailed {
        task_type: at.kind.name().to_owned(),
        finish_time: task.finished,
        error: last.map_or_else(String::new, |attempt| attempt.diagnostics.clone()),
        failed_due_to_attempt: last.map(|attempt| id.attempt(attempt.number).to_string()),
        status: TaskState::Failed.name().to_owned(),
        counters: last.map(|attempt| counters(&job.names, Some(attempt))),
        task_id: id.to_string(),
    }
    .into()
}

pub(super) fn attempt_started(view: &View<'_>) -> HistoryEvent {
    let node = view.tracker.map(|tracker| &tracker.node);
    let (task_id, attempt_id) = view.ids();
    TaskAttemptStarted {
        task_id,
        task_type: view.task_ref.kind.name().to_owned(),
        attempt_id,
        start_time: view.attempt.started,
        tracker_name: view.tracker_name(),
        http_port: node.map_or(-1, |node| node.http_port.into()),
        shuffle_port: node.map_or(-1, |node| node.shuffle_port.into()),
        container_id: NO_CONTAINER.into(),
        locality: view.attempt.locality.map(|locality| locality.name().to_owned()),
        avataar: Some(if view.attempt.speculative { "SPECULATIVE" } else { "VIRGIN" }.to_owned()),
    }
    .into()
}

pub(super) fn attempt_finished(view: &View<'_>) -> HistoryEvent {
    let (task_id, attempt_id) = view.ids();
    let attempt = view.attempt;
    let task_type = view.task_ref.kind.name().to_owned();
    let task_status = TaskState::Succeeded.name().to_owned();
    let at_end = |time: i64| if time > 0 { time } else { attempt.finished };
    let (hostname, port, rackname) = view.place();
    let counters = counters(&view.job.names, Some(attempt));
    let state = attempt.state_string.to_string();
    let finish_time = attempt.finished;
    if view.task_ref.kind == TaskKind::Map {
        return MapAttemptFinished {
            task_id,
            attempt_id,
            task_type,
            task_status,
            map_finish_time: at_end(attempt.times.map_finished),
            finish_time,
            hostname,
            port,
            rackname,
            state,
            counters,
            ..Default::default()
        }
        .into();
    }
    ReduceAttemptFinished {
        task_id,
        attempt_id,
        task_type,
        task_status,
        shuffle_finish_time: at_end(attempt.times.shuffle_finished),
        sort_finish_time: at_end(attempt.times.sort_finished),
        finish_time,
        hostname,
        port,
        rackname,
        state,
        counters,
        ..Default::default()
    }
    .into()
}

pub(super) fn attempt_unsuccessful(view: &View<'_>) -> HistoryEvent {
    let (task_id, attempt_id) = view.ids();
    let (hostname, port, rackname) = view.place();
    TaskAttemptUnsuccessfulCompletion {
        task_id,
        task_type: view.task_ref.kind.name().to_owned(),
        attempt_id,
        finish_time: view.attempt.finished,
        hostname,
        port,
        rackname,
        status: view.attempt.state.name().to_owned(),
        error: view.attempt.diagnostics.clone(),
        counters: Some(counters(&view.job.names, Some(view.attempt))),
        ..Default::default()
    }
    .into()
}

impl View<'_> {
    fn ids(&self) -> (String, String) {
        let task = self.job.task_id(self.task_ref.kind, self.task_ref.number);
        debug_assert!(self.task.attempt(self.attempt.number).is_some());
        (task.to_string(), task.attempt(self.attempt.number).to_string())
    }

    fn tracker_name(&self) -> String {
        self.tracker.map_or_else(String::new, |tracker| tracker.name.to_string())
    }

    /// Host, port and rack of the attempt's tracker.
    fn place(&self) -> (String, i32, String) {
        match self.tracker.map(|tracker| &tracker.node) {
            Some(node) => (node.host.to_string(), node.http_port.into(), node.rack.to_string()),
            None => (String::new(), -1, String::new()),
        }
    }
}

fn counters(names: &CounterNames, attempt: Option<&super::job::Attempt>) -> NamedCounters {
    NamedCounters::plain(match attempt {
        Some(attempt) => names.message(&attempt.counters),
        None => CountersMessage::default(),
    })
}

fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
