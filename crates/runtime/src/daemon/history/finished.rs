//! `/ws/v1/history/mapreduce/jobs`: finished jobs, as Hadoop's history server tells of them (`HsWebServices`).

use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::history::{AttemptRecord, DoneName, JobRecord, TaskRecord};
use loxodon_mapreduce::job::{AttemptId, IdError, JobId, TaskId, TaskKind};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::filter::{Filter, Listed};
use super::rest::{ANYBODY, bad_id};
use super::told;
use crate::web::Request;

/// Who knows of finished jobs. All of it may wait for disks.
pub(in crate::daemon) trait HistorySource {
    /// The jobs of which there is a history, oldest first.
    ///
    /// # Errors
    /// The done directory cannot be read.
    fn finished(&self) -> Result<Vec<DoneName>>;

    /// What a job's history tells.
    ///
    /// # Errors
    /// It cannot be read.
    fn record(&self, job: &JobId) -> Result<Option<Arc<JobRecord>>>;

    /// Whether somebody may see a job's details.
    fn may_view(&self, user: &str, record: &JobRecord) -> bool;

    /// Where a job's configuration is, and the configuration.
    ///
    /// # Errors
    /// It cannot be read.
    fn conf(&self, job: &JobId) -> Result<(String, Configuration)>;
}

/// Answers what is asked below `/ws/v1/history`, but for the server itself.
pub(in crate::daemon) fn answer_history(
    source: &dyn HistorySource,
    request: &Request,
    parts: &[&str],
) -> Answer {
    match parts {
        ["mapreduce", "jobs"] => list(source, request),
        ["mapreduce", "jobs", job, rest @ ..] => of_job(source, request, job, rest),
        [
            "remote-log-dir" | "extended-log-query" | "containerlogs" | "containers"
            | "aggregatedlogs",
            ..,
        ] => {
            let text =
                "logs that YARN gathers are not served: TaskTrackers keep the logs of their tasks";
            Err(Refusal::Unsupported(text.to_owned()))
        }
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    }
}

fn list(source: &dyn HistorySource, request: &Request) -> Answer {
    let filter = Filter::read(request)?;
    let jobs = source.finished()?;
    let chosen = jobs.iter().filter(|name| {
        filter.takes(&Listed {
            user: &name.user,
            queue: &name.queue,
            state: told::state_of(name),
            started: name.start_time,
            finished: name.finish_time,
        })
    });
    let list: Vec<Value> = chosen.take(filter.most()).map(told::listed).collect();
    Ok(json!({"jobs": {"job": list}}))
}

fn of_job(source: &dyn HistorySource, request: &Request, text: &str, rest: &[&str]) -> Answer {
    let id: JobId = text.parse().map_err(bad_id)?;
    let not_found = || Refusal::NotFound(format!("job, {text}, is not found"));
    let record = source.record(&id)?.ok_or_else(not_found)?;
    let user = request.parameter("user.name").unwrap_or(ANYBODY);
    if !source.may_view(user, &record) {
        let text = format!("User {user} cannot perform operation VIEW_JOB on {id}. ");
        return Err(Refusal::Denied(text));
    }
    match rest {
        [] => Ok(told::job(&id, &record)),
        ["counters"] => Ok(told::job_counters(&id, &record)),
        ["conf"] => {
            let text = format!("unable to load configuration for job: {id}");
            let (path, conf) = source.conf(&id).map_err(|error| {
                tracing::warn!("{text}: {error}");
                Refusal::NotFound(text)
            })?;
            Ok(told::conf(&path, &conf))
        }
        ["jobattempts"] => Ok(told::job_attempts(&record)),
        ["attempts"] => {
            let all = by_number(&record).into_iter().flat_map(attempts_of).map(told::attempt);
            Ok(json!({"taskAttempts": {"taskAttempt": all.collect::<Vec<_>>()}}))
        }
        ["tasks"] => tasks(&record, request.parameter("type")),
        ["tasks", task, rest @ ..] => of_task(&record, task, rest),
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    }
}

/// Maps, then reduces, each by number.
fn by_number(record: &JobRecord) -> Vec<&TaskRecord> {
    let mut tasks = record.tasks();
    tasks.sort_by_key(|task| (task.id.kind, task.id.number));
    tasks
}

fn attempts_of(task: &TaskRecord) -> Vec<&AttemptRecord> {
    let mut attempts = task.attempts();
    attempts.sort_by_key(|attempt| attempt.id.number);
    attempts
}

fn tasks(record: &JobRecord, kind: Option<&str>) -> Answer {
    let kind = match kind {
        None | Some("") => None,
        Some("m") => Some(TaskKind::Map),
        Some("r") => Some(TaskKind::Reduce),
        Some(_) => return Err(Refusal::Wrong("tasktype must be either m or r".to_owned())),
    };
    let tasks = by_number(record).into_iter();
    let tasks = tasks.filter(|task| kind.is_none_or(|kind| task.id.kind == kind));
    Ok(json!({"tasks": {"task": tasks.map(told::task).collect::<Vec<_>>()}}))
}

fn of_task(record: &JobRecord, text: &str, rest: &[&str]) -> Answer {
    let missing = || Refusal::NotFound(format!("task not found with id {text}"));
    let is_illegal = |error: IdError| match rest {
        // Hadoop does not catch it here.
        ["counters"] => Refusal::Illegal(error.to_string()),
        _ => bad_id(error),
    };
    let id: TaskId = text.parse().map_err(is_illegal)?;
    let task = record.task_of(&id).ok_or_else(missing)?;
    match rest {
        [] => Ok(json!({"task": told::task(task)})),
        ["counters"] => Ok(told::task_counters(task)),
        ["attempts"] => {
            let attempts = attempts_of(task).into_iter().map(told::attempt);
            Ok(json!({"taskAttempts": {"taskAttempt": attempts.collect::<Vec<_>>()}}))
        }
        ["attempts", attempt, rest @ ..] => of_attempt(task, attempt, rest),
        _ => Err(missing()),
    }
}

fn of_attempt(task: &TaskRecord, text: &str, rest: &[&str]) -> Answer {
    let missing = || Refusal::NotFound(format!("Error getting info on task attempt id {text}"));
    let id: AttemptId = text.parse().map_err(bad_id)?;
    let attempts = task.attempts();
    let attempt = attempts.into_iter().find(|attempt| attempt.id == id).ok_or_else(missing)?;
    match rest {
        [] => Ok(json!({"taskAttempt": told::attempt(attempt)})),
        ["counters"] => Ok(told::attempt_counters(attempt)),
        _ => Err(missing()),
    }
}
