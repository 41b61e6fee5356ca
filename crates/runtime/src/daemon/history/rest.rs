//! `/ws/v1/mapreduce/jobs`: jobs, tasks, attempts and counters, as Hadoop's application master tells of them.

use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::history::{AmStarted, Story};
use loxodon_mapreduce::job::{AttemptId, IdError, JobId, TaskId, TaskKind};
use loxodon_mapreduce::protocol::{CountersMessage, JobStatusMessage, TaskReportMessage};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::filter::{Filter, Listed};
use super::{json, told};
use crate::web::Request;

/// Who asks without saying who he is (`hadoop.http.staticuser.user`).
pub(super) const ANYBODY: &str = "dr.who";

/// Who knows of jobs. All of it may wait for disks.
pub(in crate::daemon) trait JobSource {
    /// Milliseconds since 1970.
    fn now(&self) -> i64;

    /// All jobs.
    ///
    /// # Errors
    /// Histories cannot be read.
    fn jobs(&self) -> Result<Vec<JobStatusMessage>>;

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

/// Answers what is asked below `…/jobs`.
pub(in crate::daemon) fn answer_jobs(
    source: &dyn JobSource,
    request: &Request,
    parts: &[&str],
) -> Answer {
    let now = source.now();
    let Some((id, rest)) = parts.split_first() else {
        return list(source, request);
    };
    let not_found = || Refusal::NotFound(format!("job, {id}, is not found"));
    let job: JobId = id.parse().map_err(bad_id)?;
    let story = source.story(&job)?.ok_or_else(not_found)?;
    let user = request.parameter("user.name").unwrap_or(ANYBODY);
    if !source.may_view(user, &job, &story) {
        let text = format!("User {user} cannot perform operation VIEW_JOB on {id}. ");
        return Err(Refusal::Denied(text));
    }
    match rest {
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

pub(super) fn bad_id(error: IdError) -> Refusal {
    Refusal::NotFound(error.to_string())
}

fn list(source: &dyn JobSource, request: &Request) -> Answer {
    let filter = Filter::read(request)?;
    let now = source.now();
    let jobs = source.jobs()?;
    let chosen = jobs.iter().filter(|job| {
        filter.takes(&Listed {
            user: &job.user,
            queue: &job.queue,
            state: json::job_state(job.state),
            started: json::start_of(job),
            finished: job.finish_time,
        })
    });
    let list: Vec<Value> = chosen.take(filter.most()).map(|job| json::job(job, now)).collect();
    Ok(json!({"jobs": {"job": list}}))
}

fn of_task(source: &dyn JobSource, story: &Story, id: &str, rest: &[&str]) -> Answer {
    let now = source.now();
    let missing = || Refusal::NotFound(format!("task not found with id {id}"));
    let kind = id.parse::<TaskId>().map_err(bad_id)?.kind;
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
    let parsed: AttemptId = id.parse().map_err(bad_id)?;
    let report = task.attempts.iter().find(|one| one.attempt_id == id).ok_or_else(missing)?;
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
    let text = format!("unable to load configuration for job: {job}");
    let (path, conf) = source.conf(job, story).map_err(|error| {
        tracing::warn!("{text}: {error}");
        Refusal::NotFound(text)
    })?;
    Ok(told::conf(&path, &conf))
}
