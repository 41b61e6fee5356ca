//! Between messages and the machines' values.

use std::sync::Arc;

use loxodon_wire::rpc::{RemoteError, exception};
use thiserror::Error;

use super::{
    ActionMessage, AttemptRequest, CompletionEventMessage, CompletionEvents, CounterGroupMessage,
    CounterMessage, CountersMessage, Empty, EventCursor, HeartbeatRequest, HeartbeatResponse,
    JobEvents, JobRequest, KillMessage, LaunchMessage, TaskStatusMessage,
    action_message::Action as Wire,
};
use crate::job::{
    AttemptId, CompletionStatus, IdError, JobState, Phase, Resources, TaskPhaseTimes, TaskState,
};
use crate::jobtracker::{
    Action, AttemptStatus, CompletionEvent, EventSlice, Heartbeat, HeartbeatAnswer, Launch,
    TrackerNode,
};

/// Attempts, jobs and outputs that one heartbeat can name of each kind.
const MOST_NAMED: usize = 1 << 20;
/// Attempts whose state one heartbeat can tell.
const MOST_STATUSES: usize = 100_000;

/// A message that says nothing we understand.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// A text that is no identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A number that names nothing.
    #[error("{what}: {number} names nothing")]
    Number {
        /// The field.
        what: &'static str,
        /// Its value.
        number: i64,
    },
    /// More of something than a message may have.
    #[error("{what}: {count} are more than the {most} that are taken")]
    TooMany {
        /// The field.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl From<MessageError> for RemoteError {
    fn from(error: MessageError) -> Self {
        Self::new(exception::ILLEGAL_ARGUMENT, error.to_string())
    }
}

fn number<T>(what: &'static str, number: i32, found: Option<T>) -> Result<T, MessageError> {
    found.ok_or(MessageError::Number { what, number: i64::from(number) })
}

fn at_most(what: &'static str, count: usize, most: usize) -> Result<(), MessageError> {
    if count > most { Err(MessageError::TooMany { what, count, most }) } else { Ok(()) }
}

fn port(what: &'static str, port: u32) -> Result<u16, MessageError> {
    u16::try_from(port).map_err(|_| MessageError::Number { what, number: i64::from(port) })
}

fn attempts(texts: &[String]) -> Result<Vec<AttemptId>, MessageError> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// A message of counters from groups of `(name, display name, counters)`.
#[must_use]
pub fn counters_of<'a, C>(
    groups: impl IntoIterator<Item = (&'a str, &'a str, C)>,
) -> CountersMessage
where
    C: IntoIterator<Item = (&'a str, &'a str, i64)>,
{
    let counter = |(name, display, value): (&str, &str, i64)| CounterMessage {
        name: name.to_owned(),
        display_name: display.to_owned(),
        value,
    };
    let groups = groups.into_iter().map(|(name, display, counters)| CounterGroupMessage {
        name: name.to_owned(),
        display_name: display.to_owned(),
        counters: counters.into_iter().map(counter).collect(),
    });
    CountersMessage { groups: groups.collect() }
}

impl TryFrom<TaskStatusMessage> for AttemptStatus {
    type Error = MessageError;

    fn try_from(message: TaskStatusMessage) -> Result<Self, MessageError> {
        Ok(Self {
            attempt: message.attempt_id.parse::<AttemptId>()?,
            state: number("task state", message.state, TaskState::from_number(message.state))?,
            phase: number("phase", message.phase, Phase::from_number(message.phase))?,
            progress: if message.progress.is_finite() {
                message.progress.clamp(0.0, 1.0)
            } else {
                0.0
            },
            state_string: message.state_string,
            diagnostics: message.diagnostics,
            counters: message.counters,
            times: TaskPhaseTimes {
                shuffle_finished: message.shuffle_finish_time,
                sort_finished: message.sort_finish_time,
                map_finished: message.map_finish_time,
            },
            fetch_failures: attempts(&message.fetch_failures)?,
            commit_granted: message.commit_granted,
            fast_fail: message.fast_fail,
            is_cleanup: message.is_cleanup,
        })
    }
}

impl From<AttemptStatus> for TaskStatusMessage {
    fn from(status: AttemptStatus) -> Self {
        Self {
            attempt_id: status.attempt.to_string(),
            state: status.state.number(),
            phase: status.phase.number(),
            progress: status.progress,
            state_string: status.state_string,
            diagnostics: status.diagnostics,
            counters: status.counters,
            start_time: 0,
            finish_time: 0,
            shuffle_finish_time: status.times.shuffle_finished,
            sort_finish_time: status.times.sort_finished,
            map_finish_time: status.times.map_finished,
            fetch_failures: status.fetch_failures.iter().map(ToString::to_string).collect(),
            commit_granted: status.commit_granted,
            fast_fail: status.fast_fail,
            is_cleanup: status.is_cleanup,
        }
    }
}

impl TryFrom<HeartbeatRequest> for Heartbeat {
    type Error = MessageError;

    fn try_from(message: HeartbeatRequest) -> Result<Self, MessageError> {
        if message.tracker.is_empty() {
            return Err(MessageError::Missing("tracker"));
        }
        at_most("statuses", message.statuses.len(), MOST_STATUSES)?;
        at_most("held outputs", message.held_outputs.len(), MOST_NAMED)?;
        at_most("held jobs", message.held_jobs.len(), MOST_NAMED)?;
        at_most("cursors", message.cursors.len(), MOST_NAMED)?;
        let statuses = message.statuses.into_iter().map(AttemptStatus::try_from);
        let cursors = message.cursors.iter().map(|c| Ok((c.job_id.parse()?, c.from)));
        let held_jobs = message.held_jobs.iter().map(|job| Ok(job.parse()?));
        Ok(Self {
            incarnation: message.incarnation,
            initial_contact: message.initial_contact,
            sequence: message.sequence,
            response_id: message.response_id,
            node: TrackerNode {
                host: message.host.into(),
                rack: message.rack.into(),
                http_port: port("http port", message.http_port)?,
                shuffle_port: port("shuffle port", message.shuffle_port)?,
                capacity: Resources::new(message.memory_mb, message.cores),
                map_slots: message.map_slots,
                reduce_slots: message.reduce_slots,
            },
            accepts_tasks: message.accepts_tasks,
            health_report: message.health_report,
            statuses: statuses.collect::<Result<_, _>>()?,
            held_outputs: attempts(&message.held_outputs)?,
            held_jobs: held_jobs.collect::<Result<_, MessageError>>()?,
            cursors: cursors.collect::<Result<_, MessageError>>()?,
            tracker: message.tracker.into(),
        })
    }
}

impl From<Heartbeat> for HeartbeatRequest {
    fn from(beat: Heartbeat) -> Self {
        let cursor =
            |(job, from): (crate::job::JobId, u32)| EventCursor { job_id: job.to_string(), from };
        Self {
            tracker: beat.tracker.to_string(),
            incarnation: beat.incarnation,
            initial_contact: beat.initial_contact,
            sequence: beat.sequence,
            response_id: beat.response_id,
            host: beat.node.host.to_string(),
            rack: beat.node.rack.to_string(),
            http_port: beat.node.http_port.into(),
            shuffle_port: beat.node.shuffle_port.into(),
            memory_mb: beat.node.capacity.memory_mb,
            cores: beat.node.capacity.cores,
            map_slots: beat.node.map_slots,
            reduce_slots: beat.node.reduce_slots,
            accepts_tasks: beat.accepts_tasks,
            health_report: beat.health_report,
            statuses: beat.statuses.into_iter().map(Into::into).collect(),
            held_outputs: beat.held_outputs.iter().map(ToString::to_string).collect(),
            held_jobs: beat.held_jobs.iter().map(ToString::to_string).collect(),
            cursors: beat.cursors.into_iter().map(cursor).collect(),
            failures: 0,
        }
    }
}

impl From<Launch> for LaunchMessage {
    fn from(launch: Launch) -> Self {
        let (split_file, split_offset) = match launch.split {
            Some((file, offset)) => (file.to_string(), offset),
            None => (String::new(), 0),
        };
        Self {
            attempt_id: launch.attempt.to_string(),
            user: launch.user.to_string(),
            job_dir: launch.job_dir.to_string(),
            split_file,
            split_offset,
            maps: launch.maps,
            reduces: launch.reduces,
            memory_mb: launch.size.memory_mb,
            cores: launch.size.cores,
            job_end: launch.job_end.map_or(0, JobState::number),
            is_cleanup: launch.is_cleanup,
            job_token: launch.job_token.to_vec(),
            input_length: launch.input_length,
            locations: launch.locations.iter().map(ToString::to_string).collect(),
            job_name: launch.job_name.to_string(),
        }
    }
}

impl TryFrom<LaunchMessage> for Launch {
    type Error = MessageError;

    fn try_from(message: LaunchMessage) -> Result<Self, MessageError> {
        let split = (!message.split_file.is_empty())
            .then(|| (Arc::from(message.split_file), message.split_offset));
        let job_end = match message.job_end {
            0 => None,
            state => Some(number("job state", state, JobState::from_number(state))?),
        };
        Ok(Self {
            attempt: message.attempt_id.parse()?,
            user: message.user.into(),
            job_name: message.job_name.into(),
            job_dir: message.job_dir.into(),
            split,
            input_length: message.input_length,
            locations: message.locations.into_iter().map(Into::into).collect(),
            maps: message.maps,
            reduces: message.reduces,
            size: Resources::new(message.memory_mb, message.cores),
            job_end,
            is_cleanup: message.is_cleanup,
            job_token: message.job_token.into(),
        })
    }
}

impl From<Action> for ActionMessage {
    fn from(action: Action) -> Self {
        let wire = match action {
            Action::Launch(launch) => Wire::Launch((*launch).into()),
            Action::Kill { attempt, reason, fail } => Wire::Kill(KillMessage {
                attempt_id: attempt.to_string(),
                reason: reason.to_string(),
                fail,
            }),
            Action::PurgeJob(job) => Wire::PurgeJob(JobRequest { job_id: job.to_string() }),
            Action::Commit(attempt) => {
                Wire::Commit(AttemptRequest { attempt_id: attempt.to_string() })
            }
            Action::Reinitialize => Wire::Reinitialize(Empty {}),
            Action::Register => Wire::Register(Empty {}),
        };
        Self { action: Some(wire) }
    }
}

impl TryFrom<ActionMessage> for Action {
    type Error = MessageError;

    fn try_from(message: ActionMessage) -> Result<Self, MessageError> {
        Ok(match message.action.ok_or(MessageError::Missing("action"))? {
            Wire::Launch(launch) => Self::Launch(Box::new(launch.try_into()?)),
            Wire::Kill(kill) => Self::Kill {
                attempt: kill.attempt_id.parse()?,
                reason: kill.reason.into(),
                fail: kill.fail,
            },
            Wire::PurgeJob(job) => Self::PurgeJob(job.job_id.parse()?),
            Wire::Commit(attempt) => Self::Commit(attempt.attempt_id.parse()?),
            Wire::Reinitialize(_) => Self::Reinitialize,
            Wire::Register(_) => Self::Register,
        })
    }
}

/// Events as a message; `from` is the number of the first.
fn events_message(from: u32, events: Vec<CompletionEvent>, reset: bool) -> CompletionEvents {
    let event = |(event_id, event): (u32, CompletionEvent)| CompletionEventMessage {
        event_id,
        id_within_job: event.attempt.task.number,
        is_map: event.attempt.kind() == crate::job::TaskKind::Map,
        attempt_id: event.attempt.to_string(),
        status: event.status.number(),
        tracker_http: event.tracker_http.to_string(),
        run_time: event.run_time,
    };
    CompletionEvents { events: (from..).zip(events).map(event).collect(), reset }
}

impl From<EventSlice> for CompletionEvents {
    fn from(slice: EventSlice) -> Self {
        events_message(slice.from, slice.events, slice.reset)
    }
}

impl TryFrom<CompletionEventMessage> for CompletionEvent {
    type Error = MessageError;

    fn try_from(message: CompletionEventMessage) -> Result<Self, MessageError> {
        let status = CompletionStatus::from_number(message.status);
        Ok(Self {
            attempt: message.attempt_id.parse()?,
            status: number("completion status", message.status, status)?,
            tracker_http: message.tracker_http.into(),
            run_time: message.run_time,
        })
    }
}

impl From<HeartbeatAnswer> for HeartbeatResponse {
    fn from(answer: HeartbeatAnswer) -> Self {
        let slice = |slice: EventSlice| JobEvents {
            job_id: slice.job.to_string(),
            events: Some(slice.into()),
        };
        Self {
            response_id: answer.response_id,
            interval: answer.interval,
            actions: answer.actions.into_iter().map(Into::into).collect(),
            events: answer.events.into_iter().map(slice).collect(),
            expiry: answer.expiry,
        }
    }
}

impl TryFrom<HeartbeatResponse> for HeartbeatAnswer {
    type Error = MessageError;

    fn try_from(message: HeartbeatResponse) -> Result<Self, MessageError> {
        let slice = |slice: JobEvents| -> Result<EventSlice, MessageError> {
            let events = slice.events.unwrap_or_default();
            Ok(EventSlice {
                job: slice.job_id.parse()?,
                from: events.events.first().map_or(0, |event| event.event_id),
                reset: events.reset,
                events: events
                    .events
                    .into_iter()
                    .map(TryInto::try_into)
                    .collect::<Result<_, _>>()?,
            })
        };
        Ok(Self {
            response_id: message.response_id,
            interval: message.interval,
            expiry: message.expiry,
            actions: message
                .actions
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            events: message.events.into_iter().map(slice).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, TaskKind};
    use prost::Message;

    fn attempt() -> AttemptId {
        JobId::new("1", 2).task(TaskKind::Map, 3).attempt(0)
    }

    #[test]
    fn heartbeats_survive_the_wire() {
        let mut status = AttemptStatus::new(attempt(), TaskState::Running);
        status.progress = 0.5;
        status.counters = Some(counters_of([("g", "G", [("c", "C", 7)])]));
        let beat = Heartbeat {
            tracker: "tracker_h:1".into(),
            incarnation: 9,
            initial_contact: true,
            sequence: 3,
            response_id: -1,
            node: TrackerNode {
                host: "h".into(),
                rack: "/r".into(),
                http_port: 1,
                shuffle_port: 2,
                capacity: Resources::new(2048, 2),
                map_slots: Some(2),
                reduce_slots: None,
            },
            accepts_tasks: true,
            health_report: String::new(),
            statuses: vec![status],
            held_outputs: vec![attempt()],
            held_jobs: vec![JobId::new("1", 3)],
            cursors: vec![(JobId::new("1", 2), 4)],
        };
        let bytes = HeartbeatRequest::from(beat.clone()).encode_to_vec();
        let read = HeartbeatRequest::decode(&bytes[..]).unwrap();
        assert_eq!(Heartbeat::try_from(read), Ok(beat));
    }

    #[test]
    fn answers_survive_the_wire() {
        let launch = Launch {
            attempt: attempt(),
            user: "ann".into(),
            job_name: "count".into(),
            job_dir: "hdfs://n/x".into(),
            split: Some(("hdfs://n/x/job.split".into(), 17)),
            input_length: 5,
            locations: vec!["h".into()],
            maps: 4,
            reduces: 1,
            size: Resources::new(1024, 1),
            job_end: Some(JobState::Succeeded),
            is_cleanup: false,
            job_token: Arc::from(&b"secret"[..]),
        };
        let event = CompletionEvent {
            attempt: attempt(),
            status: CompletionStatus::Succeeded,
            tracker_http: "http://h:2".into(),
            run_time: 10,
        };
        let answer = HeartbeatAnswer {
            response_id: 3,
            interval: 3000,
            expiry: 600_000,
            actions: vec![
                Action::Launch(Box::new(launch)),
                Action::Kill { attempt: attempt(), reason: "why".into(), fail: true },
                Action::PurgeJob(JobId::new("1", 2)),
                Action::Commit(attempt()),
                Action::Reinitialize,
                Action::Register,
            ],
            events: vec![EventSlice {
                job: JobId::new("1", 2),
                from: 6,
                events: vec![event],
                reset: false,
            }],
        };
        let bytes = HeartbeatResponse::from(answer.clone()).encode_to_vec();
        let read = HeartbeatResponse::decode(&bytes[..]).unwrap();
        assert_eq!(HeartbeatAnswer::try_from(read), Ok(answer));
    }

    #[test]
    fn nonsense_is_refused() {
        let status = TaskStatusMessage { attempt_id: "x".into(), ..Default::default() };
        assert!(AttemptStatus::try_from(status).is_err());
        let mut status: TaskStatusMessage =
            AttemptStatus::new(attempt(), TaskState::Running).into();
        status.state = 77;
        assert!(AttemptStatus::try_from(status.clone()).is_err());
        status.state = 0;
        status.progress = f32::NAN;
        assert_eq!(AttemptStatus::try_from(status).map(|s| s.progress), Ok(0.0));
        assert!(Heartbeat::try_from(HeartbeatRequest::default()).is_err());
        let long = HeartbeatRequest {
            tracker: "t".into(),
            statuses: vec![TaskStatusMessage::default(); MOST_STATUSES + 1],
            ..Default::default()
        };
        let error = Heartbeat::try_from(long).unwrap_err().to_string();
        assert_eq!(error, "statuses: 100001 are more than the 100000 that are taken");
        assert!(Action::try_from(ActionMessage { action: None }).is_err());
    }
}
