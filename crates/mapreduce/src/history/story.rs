//! A job as its history tells it, in the form in which a running job is told.

use std::collections::BTreeMap;

use super::{AmStarted, HistoryEvent};
use crate::counters::TASK_GROUP;
use crate::job::{
    AttemptId, CompletionStatus, JobPriority, JobState, Locality, Phase, TaskId, TaskKind,
    TaskState, TipStatus,
};
use crate::protocol::{
    AttemptReport, CompletionEventMessage, CountersMessage, JobCounters, JobStatusMessage,
    LogParams, TaskReportMessage,
};

/// The container that stands for none in histories of a JobTracker.
const NO_CONTAINER: &str = "container_-1_";

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
    /// What is told of attempts beyond their reports, by id.
    pub attempts: BTreeMap<String, AttemptStory>,
    /// The starts of its application master, or of the JobTrackers that ran it.
    pub starts: Vec<AmStarted>,
    /// Maps that ended, however they did.
    pub ended_maps: u32,
    /// Reduces that ended, however they did.
    pub ended_reduces: u32,
}

/// What a history tells of an attempt beyond its report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttemptStory {
    /// YARN's container; empty where a TaskTracker ran it.
    pub container: String,
    /// What it counted.
    pub counters: Option<CountersMessage>,
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
        story.sum_counters();
        if story.ended_maps == 0 && story.ended_reduces == 0 {
            story.count_ended();
        }
        story
    }

    /// Jobs that did not succeed have no sums in their history; those of their tasks stand for them.
    fn sum_counters(&mut self) {
        if self.counters.total.is_some() {
            return;
        }
        let map = sum(self.maps.iter().filter_map(|task| task.counters.as_ref()));
        let reduce = sum(self.reduces.iter().filter_map(|task| task.counters.as_ref()));
        self.counters.total = Some(sum([&map, &reduce].into_iter()));
        self.counters.map = Some(map);
        self.counters.reduce = Some(reduce);
    }

    /// Counts the tasks that ended, however they did.
    pub fn count_ended(&mut self) {
        let ended = |tasks: &[TaskReportMessage]| {
            let ended = tasks.iter().filter(|task| {
                !matches!(
                    TipStatus::from_number(task.status),
                    None | Some(TipStatus::Pending | TipStatus::Running)
                )
            });
            u32::try_from(ended.count()).unwrap_or(u32::MAX)
        };
        self.ended_maps = ended(&self.maps);
        self.ended_reduces = ended(&self.reduces);
    }

    /// The end of each attempt, in the order in which they came.
    #[must_use]
    pub fn completion_events(&self) -> Vec<CompletionEventMessage> {
        let all = self.maps.iter().chain(&self.reduces).flat_map(|task| &task.attempts);
        let mut ended: Vec<(&AttemptReport, AttemptId, CompletionStatus)> = all
            .filter_map(|attempt| {
                let status = match TaskState::from_number(attempt.state)? {
                    TaskState::Succeeded => CompletionStatus::Succeeded,
                    TaskState::Failed => CompletionStatus::Failed,
                    TaskState::Killed => CompletionStatus::Killed,
                    _ => return None,
                };
                Some((attempt, attempt.attempt_id.parse().ok()?, status))
            })
            .collect();
        ended.sort_by_key(|(attempt, ..)| attempt.finish_time);
        let event = |(event_id, (attempt, id, status)): (u32, (&AttemptReport, AttemptId, _))| {
            let status: CompletionStatus = status;
            CompletionEventMessage {
                event_id,
                attempt_id: attempt.attempt_id.clone(),
                id_within_job: id.task.number,
                is_map: id.kind() == TaskKind::Map,
                status: status.number(),
                tracker_http: format!("http://{}", attempt.tracker_http),
                run_time: attempt.finish_time.saturating_sub(attempt.start_time),
            }
        };
        (0u32..).zip(ended).map(event).collect()
    }

    /// An attempt's report.
    #[must_use]
    pub fn attempt(&self, id: &AttemptId) -> Option<&AttemptReport> {
        let task = id.task.to_string();
        let task = self.tasks(id.kind()).iter().find(|report| report.task_id == task)?;
        let text = id.to_string();
        task.attempts.iter().find(|report| report.attempt_id == text)
    }

    /// Where an attempt's logs are.
    #[must_use]
    pub fn log_params(&self, id: &AttemptId) -> Option<LogParams> {
        let attempt = self.attempt(id).filter(|attempt| !attempt.tracker_http.is_empty())?;
        Some(LogParams {
            attempt_id: attempt.attempt_id.clone(),
            tracker: attempt.tracker.clone(),
            tracker_http: attempt.tracker_http.clone(),
            owner: self.status.user.clone(),
        })
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
            | HistoryEvent::JobQueueChange(_)
            | HistoryEvent::AmStarted(_) => self.take_job(event),
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
            HistoryEvent::AmStarted(e) => self.story.starts.push(e.clone()),
            _ => {}
        }
    }

    fn take_end(&mut self, event: &HistoryEvent) {
        let Story { status, counters, ended_maps, ended_reduces, .. } = &mut self.story;
        status.cleanup_progress = 1.0;
        let ended = |counts: [i32; 3]| counts.map(count).into_iter().fold(0, u32::saturating_add);
        match event {
            HistoryEvent::JobFinished(e) => {
                status.state = JobState::Succeeded.number();
                status.finish_time = e.finish_time;
                status.finished_maps = count(e.finished_maps);
                status.finished_reduces = count(e.finished_reduces);
                *ended_maps = ended([e.finished_maps, e.failed_maps, e.killed_maps]);
                *ended_reduces = ended([e.finished_reduces, e.failed_reduces, e.killed_reduces]);
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
                *ended_maps = ended([e.finished_maps, e.failed_maps, e.killed_maps]);
                *ended_reduces = ended([e.finished_reduces, e.failed_reduces, e.killed_reduces]);
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
        self.take_extra(event);
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

impl Reading {
    fn take_extra(&mut self, event: &HistoryEvent) {
        let all = &mut self.story.attempts;
        match event {
            HistoryEvent::TaskAttemptStarted(e) if !e.container_id.starts_with(NO_CONTAINER) => {
                all.entry(e.attempt_id.clone()).or_default().container.clone_from(&e.container_id);
            }
            HistoryEvent::MapAttemptFinished(e) => {
                all.entry(e.attempt_id.clone()).or_default().counters =
                    Some(e.counters.counters.clone());
            }
            HistoryEvent::ReduceAttemptFinished(e) => {
                all.entry(e.attempt_id.clone()).or_default().counters =
                    Some(e.counters.counters.clone());
            }
            HistoryEvent::TaskAttemptUnsuccessfulCompletion(e) => {
                let counters = e.counters.as_ref().map(|named| named.counters.clone());
                all.entry(e.attempt_id.clone()).or_default().counters = counters;
            }
            _ => {}
        }
    }
}

/// Adds counters up; of the task counters' maxima the largest stays.
pub(super) fn sum<'a>(all: impl Iterator<Item = &'a CountersMessage>) -> CountersMessage {
    let mut sum = CountersMessage::default();
    for group in all.flat_map(|counters| &counters.groups) {
        let Some(into) = sum.groups.iter_mut().find(|known| known.name == group.name) else {
            sum.groups.push(group.clone());
            continue;
        };
        for counter in &group.counters {
            let is_maximum = group.name == TASK_GROUP && counter.name.ends_with("_MAX");
            match into.counters.iter_mut().find(|known| known.name == counter.name) {
                Some(known) if is_maximum => known.value = known.value.max(counter.value),
                Some(known) => known.value = known.value.saturating_add(counter.value),
                None => into.counters.push(counter.clone()),
            }
        }
    }
    sum.groups.sort_by(|a, b| a.name.cmp(&b.name));
    sum
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
        JobFinished, JobInited, JobSubmitted, JobUnsuccessfulCompletion, MapAttemptFinished,
        NamedCounters, TaskAttemptStarted, TaskFinished, TaskStarted,
    };

    #[test]
    fn a_job_that_failed_counts_what_its_tasks_counted() {
        let counters = |value| {
            let groups = [
                ("mine", "Mine", vec![("X", "x", value)]),
                (TASK_GROUP, "Map-Reduce Framework", vec![("A_MAX", "a", value)]),
            ];
            NamedCounters::plain(crate::protocol::counters_of(groups))
        };
        let finished = |number: u32, value| {
            let task = format!("task_1_0001_m_{number:06}");
            [
                TaskStarted { task_id: task.clone(), ..Default::default() }.into(),
                TaskFinished { task_id: task, counters: counters(value), ..Default::default() }
                    .into(),
            ]
        };
        let end = JobUnsuccessfulCompletion { job_status: "FAILED".into(), ..Default::default() };
        let events: Vec<HistoryEvent> =
            [finished(0, 3), finished(1, 4)].into_iter().flatten().chain([end.into()]).collect();
        let story = Story::read(&events);
        let total = story.counters.total.unwrap();
        let values: Vec<_> = total
            .groups
            .iter()
            .flat_map(|group| group.counters.iter().map(|one| (one.name.as_str(), one.value)))
            .collect();
        assert_eq!(values, [("X", 7), ("A_MAX", 4)]);
        assert_eq!(story.ended_maps, 2);
    }

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
        assert_eq!((story.ended_maps, story.ended_reduces), (1, 0));
        let [event] = story.completion_events().try_into().unwrap();
        assert_eq!((event.event_id, event.is_map), (0, true));
        assert_eq!(event.status, CompletionStatus::Succeeded.number());
        let log = story.log_params(&attempt.parse().unwrap()).unwrap();
        assert_eq!(log.tracker_http, "h:50060");
        assert!(story.log_params(&"attempt_1_0001_m_000000_1".parse().unwrap()).is_none());
    }
}
