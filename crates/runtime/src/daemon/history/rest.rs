//! `/ws/v1/…/jobs`: jobs, tasks, attempts and counters, as Hadoop's application master and history server tell of them.

use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::history::{AmStarted, Story};
use loxodon_mapreduce::job::{AttemptId, JobId, JobState, TaskKind};
use loxodon_mapreduce::protocol::{CountersMessage, JobStatusMessage, TaskReportMessage};
use serde_json::{Value, json};

use super::{json, xml};
use crate::web::{Request, Response, StatusCode};

/// Who asks without saying who he is (`hadoop.http.staticuser.user`).
const ANYBODY: &str = "dr.who";
/// Parts of a job's configuration that nobody is shown.
const SECRET: [&str; 3] = ["password", "secret", "credential"];

/// Who knows of jobs. All of it may wait for disks.
pub(in crate::daemon) trait JobSource {
    /// Milliseconds since 1970.
    fn now(&self) -> i64;

    /// All jobs, or those that are over.
    ///
    /// # Errors
    /// Histories cannot be read.
    fn jobs(&self, finished: bool) -> Result<Vec<JobStatusMessage>>;

    /// Everything that is told of a job.
    ///
    /// # Errors
    /// Its history cannot be read.
    fn story(&self, job: &JobId) -> Result<Option<Arc<Story>>>;

    /// Whether somebody may see a job's details.
    fn may_view(&self, user: &str, job: &JobId, story: &Story) -> bool;

    /// Where a job's configuration is, and the configuration.
    ///
    /// # Errors
    /// It cannot be read.
    fn conf(&self, job: &JobId, story: &Story) -> Result<(String, Configuration)>;

    /// What an attempt counted, where that is known.
    fn attempt_counters(&self, story: &Story, attempt: &AttemptId) -> Option<CountersMessage>;

    /// The starts of a job's application master, or of the JobTrackers that ran it.
    fn starts(&self, story: &Story) -> Vec<AmStarted>;
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::daemon) enum Refusal {
    NotFound(String),
    Wrong(String),
    Denied(String),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(in crate::daemon) type Answer = std::result::Result<Value, Refusal>;

/// An answer as the request wants it: JSON, or XML where only that is accepted.
pub(in crate::daemon) fn respond(request: &Request, found: Answer) -> Response {
    let (status, class, message) = match found {
        Ok(value) => return body(request, StatusCode::OK, &value),
        Err(Refusal::NotFound(text)) => {
            let class = "org.apache.hadoop.yarn.webapp.NotFoundException";
            (StatusCode::NOT_FOUND, class.to_owned(), format!("java.lang.Exception: {text}"))
        }
        Err(Refusal::Wrong(text)) => {
            let class = "org.apache.hadoop.yarn.webapp.BadRequestException";
            (StatusCode::BAD_REQUEST, class.to_owned(), format!("java.lang.Exception: {text}"))
        }
        Err(Refusal::Denied(text)) => {
            let class = "org.apache.hadoop.security.AccessControlException";
            (StatusCode::UNAUTHORIZED, class.to_owned(), text)
        }
        Err(Refusal::Failed(error)) => {
            let class = error.java_class().to_owned();
            (StatusCode::INTERNAL_SERVER_ERROR, class, error.to_string())
        }
    };
    let exception = class.rsplit('.').next().unwrap_or_default();
    let value = json!({"RemoteException": {
        "exception": exception,
        "message": message,
        "javaClassName": class,
    }});
    body(request, status, &value)
}

fn body(request: &Request, status: StatusCode, value: &Value) -> Response {
    let accepted = request.header("Accept").unwrap_or_default();
    if accepted.contains("application/xml") && !accepted.contains("application/json") {
        return Response::new(status, xml::document(value))
            .header("Content-Type", "application/xml;charset=utf-8");
    }
    Response::new(status, value.to_string())
        .header("Content-Type", "application/json;charset=utf-8")
}

/// Answers what is asked below `…/jobs`; of finished jobs only, and in the history server's words, where `finished`.
pub(in crate::daemon) fn answer_jobs(
    source: &dyn JobSource,
    request: &Request,
    parts: &[&str],
    finished: bool,
) -> Answer {
    let now = source.now();
    let Some((id, rest)) = parts.split_first() else {
        return list(source, request, finished);
    };
    let not_found = || Refusal::NotFound(format!("job, {id}, is not found"));
    let job: JobId = id.parse().map_err(|_| not_found())?;
    let story = source.story(&job)?.ok_or_else(not_found)?;
    let is_over = JobState::from_number(story.status.state).is_some_and(JobState::is_over);
    if finished && !is_over {
        return Err(not_found());
    }
    let user = request.parameter("user.name").unwrap_or(ANYBODY);
    if !source.may_view(user, &job, &story) {
        let text = format!("User {user} cannot perform operation VIEW_JOB on {id}. ");
        return Err(Refusal::Denied(text));
    }
    match rest {
        [] if finished => Ok(json!({"job": json::whole_done_job(&story)})),
        [] => Ok(json!({"job": json::whole_job(&story, now)})),
        ["counters"] => Ok(json::job_counters(id, &story.counters)),
        ["conf"] => conf(source, &job, &story),
        ["jobattempts"] => Ok(json::job_attempts(&source.starts(&story))),
        ["attempts"] => {
            let of = |kind: TaskKind| {
                let tasks = story.tasks(kind).iter();
                tasks
                    .flat_map(|task| json::attempts_of(&story, task, kind, now))
                    .collect::<Vec<_>>()
            };
            let mut all = of(TaskKind::Map);
            all.extend(of(TaskKind::Reduce));
            Ok(json!({"taskAttempts": {"taskAttempt": all}}))
        }
        ["tasks"] => {
            let of =
                |kind: TaskKind| story.tasks(kind).iter().map(move |t| json::task(t, kind, now));
            let tasks: Vec<Value> = match request.parameter("type") {
                Some("m") => of(TaskKind::Map).collect(),
                Some("r") => of(TaskKind::Reduce).collect(),
                None | Some("") => of(TaskKind::Map).chain(of(TaskKind::Reduce)).collect(),
                Some(_) => {
                    return Err(Refusal::Wrong("tasktype must be either m or r".to_owned()));
                }
            };
            Ok(json!({"tasks": {"task": tasks}}))
        }
        ["tasks", task, rest @ ..] => of_task(source, &story, task, rest),
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    }
}

/// What a list is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter<'a> {
    user: Option<&'a str>,
    queue: Option<&'a str>,
    state: Option<&'a str>,
    most: Option<usize>,
    /// From and to.
    started: (Option<i64>, Option<i64>),
    finished: (Option<i64>, Option<i64>),
}

/// What `state` may be (`JobState`).
const STATES: [&str; 7] = ["NEW", "INITED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED", "ERROR"];

impl<'a> Filter<'a> {
    fn read(request: &'a Request) -> std::result::Result<Self, Refusal> {
        let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let wrong = |text: String| Refusal::Wrong(text);
        let most = match given("limit") {
            None => None,
            Some(text) => {
                let number = text.parse::<i64>();
                let number = number.map_err(|_| wrong(format!("For input string: \"{text}\"")))?;
                if number <= 0 {
                    return Err(wrong("limit value must be greater then 0".to_owned()));
                }
                usize::try_from(number).ok()
            }
        };
        let time = |name: &str| -> std::result::Result<Option<i64>, Refusal> {
            let Some(text) = given(name) else { return Ok(None) };
            let number = text.parse::<i64>().map_err(|_| {
                wrong(format!("Invalid number format: For input string: \"{text}\""))
            })?;
            if number < 0 {
                return Err(wrong(format!("{name} must be greater than 0")));
            }
            Ok(Some(number))
        };
        let started = (time("startedTimeBegin")?, time("startedTimeEnd")?);
        if matches!(started, (Some(from), Some(to)) if from > to) {
            return Err(wrong("startedTimeEnd must be greater than startTimeBegin".to_owned()));
        }
        let finished = (time("finishedTimeBegin")?, time("finishedTimeEnd")?);
        if matches!(finished, (Some(from), Some(to)) if from > to) {
            return Err(wrong("finishedTimeEnd must be greater than finishedTimeBegin".to_owned()));
        }
        let state = request.parameter("state");
        if let Some(state) = state.filter(|state| !STATES.contains(state)) {
            let class = "org.apache.hadoop.mapreduce.v2.api.records.JobState";
            return Err(wrong(format!("No enum constant {class}.{state}")));
        }
        Ok(Self { user: given("user"), queue: given("queue"), state, most, started, finished })
    }

    fn takes(&self, status: &JobStatusMessage) -> bool {
        let is_in = |time: i64, (from, to): (Option<i64>, Option<i64>)| {
            from.is_none_or(|from| time >= from) && to.is_none_or(|to| time <= to)
        };
        self.user.is_none_or(|user| user == status.user)
            && self.queue.is_none_or(|queue| queue == status.queue)
            && self.state.is_none_or(|state| state == json::job_state(status.state))
            && is_in(json::start_of(status), self.started)
            && is_in(status.finish_time, self.finished)
    }
}

fn list(source: &dyn JobSource, request: &Request, finished: bool) -> Answer {
    let filter = Filter::read(request)?;
    let now = source.now();
    let jobs = source.jobs(finished)?;
    let chosen = jobs.iter().filter(|job| filter.takes(job));
    let chosen = chosen.take(filter.most.unwrap_or(usize::MAX));
    let list: Vec<Value> = chosen
        .map(|status| if finished { json::done_job(status) } else { json::job(status, now) })
        .collect();
    Ok(json!({"jobs": {"job": list}}))
}

fn of_task(source: &dyn JobSource, story: &Story, id: &str, rest: &[&str]) -> Answer {
    let now = source.now();
    let missing = || Refusal::NotFound(format!("task not found with id {id}"));
    let kind = json::kind_of(id).ok_or_else(missing)?;
    let task = story.tasks(kind).iter().find(|task| task.task_id == id).ok_or_else(missing)?;
    match rest {
        [] => Ok(json!({"task": json::task(task, kind, now)})),
        ["counters"] => {
            let groups = json::plain_counters(task.counters.as_ref());
            Ok(json!({"jobTaskCounters": {"id": id, "taskCounterGroup": groups}}))
        }
        ["attempts"] => {
            let attempts = json::attempts_of(story, task, kind, now);
            Ok(json!({"taskAttempts": {"taskAttempt": attempts}}))
        }
        ["attempts", attempt, rest @ ..] => of_attempt(source, story, (task, kind), attempt, rest),
        _ => Err(missing()),
    }
}

fn of_attempt(
    source: &dyn JobSource,
    story: &Story,
    (task, kind): (&TaskReportMessage, TaskKind),
    id: &str,
    rest: &[&str],
) -> Answer {
    let missing = || Refusal::NotFound(format!("Error getting info on task attempt id {id}"));
    let report = task.attempts.iter().find(|one| one.attempt_id == id).ok_or_else(missing)?;
    let parsed: AttemptId = id.parse().map_err(|_| missing())?;
    match rest {
        [] => Ok(json!({"taskAttempt": json::attempt(story, report, kind, source.now())})),
        ["counters"] => {
            let counters = source.attempt_counters(story, &parsed);
            let groups = json::plain_counters(counters.as_ref());
            Ok(json!({"jobTaskAttemptCounters": {"id": id, "taskAttemptCounterGroup": groups}}))
        }
        _ => Err(missing()),
    }
}

fn conf(source: &dyn JobSource, job: &JobId, story: &Story) -> Answer {
    let (path, conf) = source
        .conf(job, story)
        .map_err(|_| Refusal::NotFound(format!("unable to load configuration for job: {job}")))?;
    let properties = conf.entries().map(|(name, entry)| {
        let is_secret = SECRET.iter().any(|end| name.ends_with(end));
        let value = if is_secret { "******" } else { entry.value.as_str() };
        json!({"name": name, "value": value, "source": [entry.source.to_string()]})
    });
    Ok(json!({"conf": {"path": path, "property": properties.collect::<Vec<_>>()}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filtered_as_hadoop_filters_them() {
        let read = |query: &str| {
            let request = Request::get("/jobs", query);
            Filter::read(&request).map(|filter| {
                let status = JobStatusMessage {
                    user: "ann".into(),
                    queue: "default".into(),
                    state: JobState::Succeeded.number(),
                    launch_time: 10,
                    finish_time: 20,
                    ..JobStatusMessage::default()
                };
                filter.takes(&status)
            })
        };
        for taken in [
            "",
            "user=ann&queue=default&state=SUCCEEDED",
            "startedTimeBegin=10&startedTimeEnd=10&limit=1",
            "finishedTimeBegin=20&user=",
        ] {
            assert!(matches!(read(taken), Ok(true)), "{taken}");
        }
        for left in
            ["user=Ann", "queue=x", "state=FAILED", "startedTimeBegin=11", "finishedTimeEnd=19"]
        {
            assert!(matches!(read(left), Ok(false)), "{left}");
        }
        for wrong in [
            "limit=0",
            "limit=x",
            "state=DONE",
            "startedTimeBegin=-1",
            "finishedTimeEnd=soon",
            "startedTimeBegin=2&startedTimeEnd=1",
        ] {
            assert!(matches!(read(wrong), Err(Refusal::Wrong(_))), "{wrong}");
        }
    }
}
