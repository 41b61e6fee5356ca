//! A job as its history tells it, in the form in which a running job is told.

use std::collections::BTreeMap;

use super::HistoryEvent;
use crate::job::{
    AttemptId, JobPriority, JobState, Locality, Phase, TaskId, TaskKind, TaskState, TipStatus,
};
use crate::protocol::{AttemptReport, JobCounters, JobStatusMessage, TaskReportMessage};

/// Everything that is told of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// How it is, or how it ended.
    pub status: JobStatusMessage,
    /// What it counted.
    pub counters: JobCounters,
    /// Its maps with their attempts, by number.
    pub maps: Vec<TaskReportMessage>,
    /// Its reduces with their attempts, by number.
    pub reduces: Vec<TaskReportMessage>,
}

#[derive(Default)]
struct Reading {
    story: Story,
    tasks: BTreeMap<TaskId, TaskReportMessage>,
}

impl Story {
    /// Reads the events of a file. Events of tasks whose ids are none are passed over.
    #[must_use]
    pub fn read(events: &[HistoryEvent]) -> Self {
        let mut reading = Reading::default();
        events.iter().for_each(|event| reading.take(event));
        let Reading { mut story, tasks } = reading;
        for (id, mut task) in tasks {
            task.attempts.sort_by_key(|a| a.attempt_id.parse::<AttemptId>().ok());
            match id.kind {
                TaskKind::Map => story.maps.push(task),
                TaskKind::Reduce => story.reduces.push(task),
                _ => {}
            }
        }
        let status = &mut story.status;
        let is_done = status.state == JobState::Succeeded.number();
        let part = |tasks: &[TaskReportMessage]| match tasks.len() {
            0 => f32::from(u8::from(is_done)),
            all => tasks.iter().map(|task| task.progress).sum::<f32>() / all as f32,
        };
        status.map_progress = part(&story.maps);
        status.reduce_progress = part(&story.reduces);
        story
    }

    /// The job's maps or reduces.
    #[must_use]
    pub fn tasks(&self, kind: TaskKind) -> &[TaskReportMessage] {
        match kind {
            TaskKind::Map => &self.maps,
            TaskKind::Reduce => &self.reduces,
            _ => &[],
        }
    }
}

impl Reading {
    fn take(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::JobSubmitted(_)
            | HistoryEvent::JobInited(_)
            | HistoryEvent::JobInfoChange(_)
            | HistoryEvent::JobStatusChanged(_)
            | HistoryEvent::JobPriorityChange(_)
            | HistoryEvent::JobQueueChange(_) => self.take_job(event),
            HistoryEvent::JobFinished(_) | HistoryEvent::JobUnsuccessfulCompletion(_) => {
                self.take_end(event);
            }
            HistoryEvent::TaskStarted(_)
            | HistoryEvent::TaskUpdated(_)
            | HistoryEvent::TaskFinished(_)
            | HistoryEvent::TaskFailed(_) => self.take_task(event),
            _ => self.take_attempt(event),
        }
    }

    fn take_job(&mut self, event: &HistoryEvent) {
        let status = &mut self.story.status;
        match event {
            HistoryEvent::JobSubmitted(e) => {
                status.job_id.clone_from(&e.job_id);
                status.job_name.clone_from(&e.job_name);
                status.user.clone_from(&e.user_name);
                status.queue.clone_from(&e.job_queue_name);
                status.start_time = e.submit_time;
                status.job_file.clone_from(&e.job_conf_path);
                status.state = JobState::Prep.number();
                status.scheduling_info = "NA".into();
                let acl = |name: &str| e.acls.get(name).cloned().unwrap_or_default();
                status.view_acl = acl("mapreduce.job.acl-view-job");
                status.modify_acl = acl("mapreduce.job.acl-modify-job");
            }
            HistoryEvent::JobInited(e) => {
                status.maps = count(e.total_maps);
                status.reduces = count(e.total_reduces);
            }
            HistoryEvent::JobInfoChange(e) => {
                status.launch_time = e.launch_time;
                status.setup_progress = 1.0;
            }
            HistoryEvent::JobStatusChanged(e) => {
                if let Some(state) = JobState::from_name(&e.job_status) {
                    status.state = state.number();
                }
            }
            HistoryEvent::JobPriorityChange(e) => {
                if let Some(priority) = JobPriority::parse(&e.priority) {
                    status.priority = priority.number();
                }
            }
            HistoryEvent::JobQueueChange(e) => status.queue.clone_from(&e.job_queue_name),
            _ => {}
        }
    }

    fn take_end(&mut self, event: &HistoryEvent) {
        let Story { status, counters, .. } = &mut self.story;
        status.cleanup_progress = 1.0;
        match event {
            HistoryEvent::JobFinished(e) => {
                status.state = JobState::Succeeded.number();
                status.finish_time = e.finish_time;
                status.finished_maps = count(e.finished_maps);
                status.finished_reduces = count(e.finished_reduces);
                counters.total = Some(e.total_counters.counters.clone());
                counters.map = Some(e.map_counters.counters.clone());
                counters.reduce = Some(e.reduce_counters.counters.clone());
            }
            HistoryEvent::JobUnsuccessfulCompletion(e) => {
                let state = JobState::from_name(&e.job_status).unwrap_or(JobState::Failed);
                status.state = state.number();
                status.finish_time = e.finish_time;
                status.finished_maps = count(e.finished_maps);
                status.finished_reduces = count(e.finished_reduces);
                status.failure_info = e.diagnostics.clone().unwrap_or_default();
            }
            _ => {}
        }
    }

    fn task(&mut self, id: &str) -> Option<&mut TaskReportMessage> {
        let parsed: TaskId = id.parse().ok()?;
        Some(self.tasks.entry(parsed).or_insert_with(|| TaskReportMessage {
            task_id: id.to_owned(),
            status: TipStatus::Pending.number(),
            ..TaskReportMessage::default()
        }))
    }

    fn take_task(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TaskStarted(e) => {
                if let Some(task) = self.task(&e.task_id) {
                    task.start_time = e.start_time;
                    task.status = TipStatus::Running.number();
                }
            }
            HistoryEvent::TaskUpdated(e) => {
                if let Some(task) = self.task(&e.task_id) {
                    task.finish_time = e.finish_time;
                }
            }
            HistoryEvent::TaskFinished(e) => {
                if let Some(task) = self.task(&e.task_id) {
                    task.finish_time = e.finish_time;
                    task.status = TipStatus::Complete.number();
                    task.progress = 1.0;
                    task.counters = Some(e.counters.counters.clone());
                    task.successful_attempt = e.successful_attempt_id.clone().unwrap_or_default();
                }
            }
            HistoryEvent::TaskFailed(e) => {
                if let Some(task) = self.task(&e.task_id) {
                    task.finish_time = e.finish_time;
                    let is_killed = e.status == "KILLED";
                    let status = if is_killed { TipStatus::Killed } else { TipStatus::Failed };
                    task.status = status.number();
                    if !e.error.is_empty() {
                        task.diagnostics.push(e.error.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn attempt(&mut self, task: &str, id: &str) -> Option<&mut AttemptReport> {
        let attempts = &mut self.task(task)?.attempts;
        if let Some(position) = attempts.iter().position(|a| a.attempt_id == id) {
            return attempts.get_mut(position);
        }
        attempts.push(AttemptReport { attempt_id: id.to_owned(), ..AttemptReport::default() });
        attempts.last_mut()
    }

    fn take_attempt(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TaskAttemptStarted(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                attempt.state = TaskState::Running.number();
                attempt.phase = Phase::Starting.number();
                attempt.start_time = e.start_time;
                attempt.tracker.clone_from(&e.tracker_name);
                attempt.tracker_http = format!("{}:{}", host_of(&e.tracker_name), e.http_port);
                attempt.locality = e.locality.clone().unwrap_or_default();
                attempt.speculative = e.avataar.as_deref() == Some("SPECULATIVE");
                if Locality::from_name(&attempt.locality).is_none() {
                    attempt.locality.clear();
                }
            }
            HistoryEvent::MapAttemptFinished(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                succeed(attempt, e.finish_time, &e.rackname, &e.state);
                attempt.map_finish_time = e.map_finish_time;
            }
            HistoryEvent::ReduceAttemptFinished(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                succeed(attempt, e.finish_time, &e.rackname, &e.state);
                attempt.shuffle_finish_time = e.shuffle_finish_time;
                attempt.sort_finish_time = e.sort_finish_time;
            }
            HistoryEvent::TaskAttemptUnsuccessfulCompletion(e) => {
                let Some(attempt) = self.attempt(&e.task_id, &e.attempt_id) else { return };
                let is_failed = e.status == "FAILED";
                let state = if is_failed { TaskState::Failed } else { TaskState::Killed };
                attempt.state = state.number();
                attempt.finish_time = e.finish_time;
                attempt.rack.clone_from(&e.rackname);
                attempt.diagnostics.clone_from(&e.error);
            }
            _ => {}
        }
    }
}

fn succeed(attempt: &mut AttemptReport, finished: i64, rack: &str, said: &str) {
    attempt.state = TaskState::Succeeded.number();
    attempt.progress = 1.0;
    attempt.finish_time = finished;
    attempt.rack = rack.to_owned();
    attempt.state_string = said.to_owned();
}

/// The machine of `tracker_<host>:<port>`.
fn host_of(tracker: &str) -> &str {
    let place = tracker.strip_prefix("tracker_").unwrap_or(tracker);
    place.rsplit_once(':').map_or(place, |(host, _)| host)
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        JobFinished, JobInited, JobSubmitted, MapAttemptFinished, TaskAttemptStarted, TaskFinished,
        TaskStarted,
    };

    #[test]
    fn a_job_is_told_from_its_events() {
        let (task, attempt) = ("task_1_0001_m_000000", "attempt_1_0001_m_000000_0");
        let events: Vec<HistoryEvent> = vec![
            JobSubmitted { job_id: "job_1_0001".into(), submit_time: 5, ..Default::default() }
                .into(),
            JobInited { total_maps: 1, ..Default::default() }.into(),
            TaskStarted { task_id: task.into(), start_time: 7, ..Default::default() }.into(),
            TaskAttemptStarted {
                task_id: task.into(),
                attempt_id: attempt.into(),
                tracker_name: "tracker_h:50060".into(),
                http_port: 50_060,
                locality: Some("NODE_LOCAL".into()),
                ..Default::default()
            }
            .into(),
            MapAttemptFinished {
                task_id: task.into(),
                attempt_id: attempt.into(),
                finish_time: 9,
                ..Default::default()
            }
            .into(),
            TaskFinished { task_id: task.into(), finish_time: 9, ..Default::default() }.into(),
            JobFinished { finish_time: 10, finished_maps: 1, ..Default::default() }.into(),
        ];
        let story = Story::read(&events);
        assert_eq!(story.status.state, JobState::Succeeded.number());
        assert_eq!((story.status.start_time, story.status.finish_time), (5, 10));
        assert!((story.status.map_progress - 1.0).abs() < f32::EPSILON);
        let [map] = story.maps.as_slice() else { panic!("one map") };
        assert_eq!(map.status, TipStatus::Complete.number());
        assert_eq!(map.attempts[0].tracker_http, "h:50060");
        assert_eq!(map.attempts[0].state, TaskState::Succeeded.number());
        assert!(story.tasks(TaskKind::Reduce).is_empty());
    }
}
