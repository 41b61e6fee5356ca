//! A task in a process of its own: it asks its TaskTracker what to run, and reports to it.

use std::path::Path;
use std::sync::Arc;

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;

use super::umbilical::{Answer, MapEvent, MapEvents, MapSource, TaskStatus, Umbilical};
use super::{Classes, TaskDescription, Work, run as run_task};
use crate::counters::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{FileSystems, wait_for_hdfs};
use crate::input::InputSplit;
use crate::input::split_file::{self, SplitMeta};
use crate::job::{AttemptId, CompletionStatus, JobState, TaskKind, TaskState};
use crate::protocol::{
    AttemptRequest, BlockingCaller, CommitAnswer, CompletionEventMessage, CompletionEvents,
    CountersMessage, Empty, GetTaskAnswer, LaunchMessage, MapEventsRequest, StatusAnswer,
    StatusUpdate, TASK_UMBILICAL, TaskFailure, TaskSpec, TaskStatusMessage, counters_of,
};

/// Longest split file that is read.
const MAX_SPLIT_FILE: u64 = 1 << 30;

/// What makes a job's classes from its configuration.
pub type MakeClasses<'a> = dyn Fn(&Configuration) -> Result<Arc<dyn Classes>> + 'a;

/// Runs one attempt for the TaskTracker at an address. Says whether it ended well; one that was killed did not.
///
/// # Errors
/// The tracker cannot be reached, or the attempt failed, which the tracker knows then.
pub fn run(address: &str, attempt: &str, classes: &MakeClasses<'_>) -> Result<bool> {
    let attempt: AttemptId =
        attempt.parse().map_err(|e: crate::job::IdError| Error::argument(e.to_string()))?;
    let user = UserIdentity::new(crate::user::process_user());
    let caller = BlockingCaller::new(address, user, &TASK_UMBILICAL)?;
    let request = AttemptRequest { attempt_id: attempt.to_string() };
    let answer: GetTaskAnswer = caller.call("getTask", &request)?;
    let Some(spec) = answer.task else { return Ok(false) };
    let tracker = Arc::new(Tracker { caller, attempt: attempt.clone() });
    let described = describe(attempt, spec).and_then(|description| {
        let classes = classes(&description.conf)?;
        Ok((description, classes))
    });
    let (description, classes) = match described {
        Ok(found) => found,
        Err(error) => {
            let text = format!("Error: {}: {error}", error.java_class());
            tracker.failed(&text, *error.kind() == ErrorKind::ClassNotFound)?;
            return Err(error);
        }
    };
    match run_task(description, &*classes, tracker) {
        Ok(_) => Ok(true),
        Err(error) if *error.kind() == ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

fn describe(attempt: AttemptId, spec: TaskSpec) -> Result<TaskDescription> {
    let mut conf = Configuration::new();
    conf.load_file(Path::new(&spec.job_xml))?;
    wait_for_hdfs(&mut conf);
    let launch =
        spec.launch.ok_or_else(|| Error::io(format!("the tracker sent no order for {attempt}")))?;
    let work = work(&attempt, &launch, &conf)?;
    let job_attempt =
        crate::settings::Settings::get_int(&conf, "mapreduce.job.application.attempt.id", 0)?;
    Ok(TaskDescription {
        attempt,
        work,
        conf,
        local_dirs: spec.local_dirs.into_iter().map(Into::into).collect(),
        shuffle_key: launch.job_token,
        user: launch.user,
        job_attempt: u32::try_from(job_attempt).unwrap_or(0),
    })
}

fn work(attempt: &AttemptId, launch: &LaunchMessage, conf: &Configuration) -> Result<Work> {
    if launch.is_cleanup {
        return Ok(Work::TaskCleanup);
    }
    Ok(match attempt.kind() {
        TaskKind::Map => Work::Map { split: Box::new(read_split(launch, conf)?) },
        TaskKind::Reduce => Work::Reduce { maps: launch.maps },
        TaskKind::JobSetup => Work::JobSetup,
        TaskKind::JobCleanup => Work::JobCleanup {
            end: JobState::from_number(launch.job_end).unwrap_or(JobState::Failed),
        },
        TaskKind::TaskCleanup => Work::TaskCleanup,
    })
}

fn read_split(launch: &LaunchMessage, conf: &Configuration) -> Result<InputSplit> {
    let files = FileSystems::new(conf, UserIdentity::new(&launch.user))?;
    let path = files.path(&launch.split_file)?;
    let mut stream = files.get(&path)?.open(&path, None)?;
    if stream.length() > MAX_SPLIT_FILE {
        return Err(Error::io(format!("{path}: too long for a split file")));
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut bytes)
        .map_err(|e| Error::system(format_args!("reading {path}"), &e))?;
    let meta = SplitMeta { hosts: Vec::new(), offset: launch.split_offset, length: 0 };
    split_file::read_split(&bytes, &meta)
}

/// The line to the TaskTracker.
struct Tracker {
    caller: BlockingCaller,
    attempt: AttemptId,
}

/// Counters as a message.
pub fn counters_message(counters: &Counters) -> CountersMessage {
    let groups: Vec<_> = counters.groups().map(|group| (group, group.counters())).collect();
    counters_of(groups.iter().map(|(group, counters)| {
        let each = counters.iter().map(|(name, shown, value)| (*name, shown.as_str(), *value));
        (group.name, group.shown(), each)
    }))
}

impl Tracker {
    fn update(&self, status: &TaskStatus, state: TaskState) -> StatusUpdate {
        let idle = !status.moved;
        let status = TaskStatusMessage {
            attempt_id: self.attempt.to_string(),
            state: state.number(),
            phase: status.phase.number(),
            progress: status.progress,
            state_string: status.state.clone(),
            counters: Some(counters_message(&status.counters)),
            shuffle_finish_time: status.shuffle_finished,
            sort_finish_time: status.sort_finished,
            map_finish_time: status.map_finished,
            fetch_failures: status.fetch_failures.iter().map(ToString::to_string).collect(),
            ..TaskStatusMessage::default()
        };
        StatusUpdate { status: Some(status), idle }
    }

    fn request(&self) -> AttemptRequest {
        AttemptRequest { attempt_id: self.attempt.to_string() }
    }
}

impl Umbilical for Tracker {
    fn report(&self, status: &TaskStatus) -> Result<Answer> {
        let update = self.update(status, TaskState::Running);
        let answer: StatusAnswer = self.caller.call("statusUpdate", &update)?;
        Ok(if answer.kill || !answer.known { Answer::Die } else { Answer::Continue })
    }

    fn commit_pending(&self, status: &TaskStatus) -> Result<Answer> {
        let update = self.update(status, TaskState::CommitPending);
        let _: Empty = self.caller.call("commitPending", &update)?;
        Ok(Answer::Continue)
    }

    fn can_commit(&self) -> Result<bool> {
        let answer: CommitAnswer = self.caller.call("canCommit", &self.request())?;
        if !answer.known {
            let text = format!("{}: the tracker does not know it any more", self.attempt);
            return Err(Error::new(ErrorKind::Interrupted, text));
        }
        Ok(answer.granted)
    }

    fn done(&self, status: &TaskStatus) -> Result<()> {
        let update = self.update(status, TaskState::Succeeded);
        let _: Empty = self.caller.call("done", &update)?;
        Ok(())
    }

    fn failed(&self, message: &str, for_all: bool) -> Result<()> {
        let failure = TaskFailure {
            attempt_id: self.attempt.to_string(),
            message: message.to_owned(),
            fast_fail: for_all,
        };
        let _: Empty = self.caller.call("fatalError", &failure)?;
        Ok(())
    }

    fn map_events(&self, from: usize, most: usize) -> Result<MapEvents> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let request = MapEventsRequest {
            attempt_id: self.attempt.to_string(),
            from: number(from),
            max: number(most),
        };
        let answer: CompletionEvents = self.caller.call("getMapCompletionEvents", &request)?;
        let events = answer.events.into_iter().map(event).collect::<Result<_>>()?;
        Ok(MapEvents { events, reset: answer.reset })
    }
}

fn event(message: CompletionEventMessage) -> Result<MapEvent> {
    let attempt = message.attempt_id.parse();
    let attempt = attempt.map_err(|e: crate::job::IdError| Error::io(e.to_string()))?;
    let status = CompletionStatus::from_number(message.status)
        .ok_or_else(|| Error::io(format!("{} is no status of an event", message.status)))?;
    let source = MapSource::Http(message.tracker_http);
    Ok(MapEvent { attempt, status, source, run_time: message.run_time })
}
