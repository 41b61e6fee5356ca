//! `/ws/v1`: the cluster, running jobs and finished ones, as JSON.

use std::sync::Arc;

use loxodon_mapreduce::error::Error;
use loxodon_mapreduce::history::Story;
use loxodon_mapreduce::job::{AccessControlList, Caller, JobAcl, JobId, JobState, TaskKind};
use loxodon_mapreduce::protocol::{JobStatusMessage, QueueMessage, TrackerMessage};
use serde_json::{Value, json};

use super::hub::Hub;
use super::{json, submit};
use crate::web::{Request, Response, StatusCode};

/// Who asks without saying who he is (`hadoop.http.staticuser.user`).
const ANYBODY: &str = "dr.who";

/// Why there is no answer.
enum Refusal {
    NotFound(String),
    Denied(String),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Answer = Result<Value, Refusal>;

/// Answers a request below `/ws/v1`. Blocks.
pub(super) fn answer(hub: &Arc<Hub>, request: &Request) -> Response {
    let path = request.path.strip_prefix("/ws/v1").unwrap_or(&request.path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts.as_slice() {
        ["cluster", rest @ ..] => cluster(hub, rest),
        ["history"] => Ok(info(hub, "historyInfo")),
        ["history", "info"] => Ok(info(hub, "historyInfo")),
        ["history", "mapreduce", "jobs", rest @ ..] => jobs(hub, request, rest, true),
        ["mapreduce"] | ["mapreduce", "info"] => Ok(info(hub, "info")),
        ["mapreduce", "jobs", rest @ ..] => jobs(hub, request, rest, false),
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    };
    let (status, class, message) = match found {
        Ok(value) => return body(StatusCode::OK, &value),
        Err(Refusal::NotFound(text)) => {
            let class = "org.apache.hadoop.yarn.webapp.NotFoundException";
            (StatusCode::NOT_FOUND, class.to_owned(), format!("java.lang.Exception: {text}"))
        }
        Err(Refusal::Denied(text)) => {
            let class = "org.apache.hadoop.security.AccessControlException";
            (StatusCode::FORBIDDEN, class.to_owned(), text)
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
    body(status, &value)
}

fn body(status: StatusCode, value: &Value) -> Response {
    Response::new(status, value.to_string())
        .header("Content-Type", "application/json;charset=utf-8")
}

fn info(hub: &Hub, name: &str) -> Value {
    json!({name: {
        "startedOn": hub.started(),
        "elapsedTime": hub.now().saturating_sub(hub.started()),
        "hadoopVersion": "3.5.0",
        "loxodonVersion": env!("CARGO_PKG_VERSION"),
    }})
}

fn cluster(hub: &Arc<Hub>, parts: &[&str]) -> Answer {
    match parts {
        [] | ["info"] => Ok(json!({"clusterInfo": {
            "id": hub.started(),
            "startedOn": hub.started(),
            "state": "STARTED",
            "hadoopVersion": "3.5.0",
            "loxodonVersion": env!("CARGO_PKG_VERSION"),
        }})),
        ["metrics"] => Ok(metrics(hub)),
        ["nodes"] => Ok(nodes(hub)),
        ["scheduler"] => {
            let queues = hub.with(|machine| machine.queues());
            let mut flat = Vec::new();
            queues.iter().for_each(|queue| describe(queue, "", &mut flat));
            let queues = json!({"queue": flat});
            Ok(json!({"scheduler": {"schedulerInfo": {"queues": queues}}}))
        }
        _ => Err(Refusal::NotFound(format!("cluster/{} is not found", parts.join("/")))),
    }
}

fn metrics(hub: &Arc<Hub>) -> Value {
    let (metrics, jobs, lost) =
        hub.with(|machine| (machine.metrics(), machine.all_jobs(), machine.lost_trackers().len()));
    let count = |state: JobState| jobs.iter().filter(|job| job.state == state.number()).count();
    let blacklisted = metrics.blacklisted_trackers;
    json!({"clusterMetrics": {
        "appsSubmitted": metrics.submissions,
        "appsPending": count(JobState::Prep),
        "appsRunning": count(JobState::Running),
        "appsCompleted": count(JobState::Succeeded),
        "appsFailed": count(JobState::Failed),
        "appsKilled": count(JobState::Killed),
        "totalMB": metrics.memory_mb,
        "allocatedMB": metrics.used_memory_mb,
        "availableMB": metrics.memory_mb.saturating_sub(metrics.used_memory_mb),
        "totalVirtualCores": metrics.cores,
        "allocatedVirtualCores": metrics.used_cores,
        "availableVirtualCores": metrics.cores.saturating_sub(metrics.used_cores),
        "containersAllocated": metrics.running_maps.saturating_add(metrics.running_reduces),
        "containersReserved": 0,
        "containersPending": 0,
        "totalNodes": lost.saturating_add(metrics.trackers as usize),
        "activeNodes": metrics.trackers.saturating_sub(blacklisted),
        "lostNodes": lost,
        "unhealthyNodes": blacklisted,
        "decommissionedNodes": metrics.decommissioned_trackers,
        "rebootedNodes": 0,
    }})
}

fn nodes(hub: &Arc<Hub>) -> Value {
    let (active, blacklisted, lost) = hub.with(|machine| {
        (machine.active_trackers(), machine.blacklisted_trackers(), machine.lost_trackers())
    });
    let node = |tracker: &TrackerMessage, state: &str| {
        let reports = [&tracker.blacklist_reason, &tracker.health_report];
        let report: Vec<&str> =
            reports.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        json!({
            "rack": tracker.rack,
            "state": state,
            "id": tracker.name,
            "nodeHostName": tracker.host,
            "nodeHTTPAddress": tracker.http,
            "lastHealthUpdate": tracker.last_seen,
            "healthReport": report.join("; "),
            "numContainers": tracker.running,
            "usedMemoryMB": tracker.used_memory_mb,
            "availMemoryMB": tracker.memory_mb.saturating_sub(tracker.used_memory_mb),
            "usedVirtualCores": tracker.used_cores,
            "availableVirtualCores": tracker.cores.saturating_sub(tracker.used_cores),
        })
    };
    let all = active.iter().map(|tracker| node(tracker, "RUNNING"));
    let all = all.chain(blacklisted.iter().map(|tracker| node(tracker, "UNHEALTHY")));
    let all = all.chain(lost.iter().map(|tracker| node(tracker, "LOST")));
    json!({"nodes": {"node": all.collect::<Vec<_>>()}})
}

fn describe(queue: &QueueMessage, above: &str, flat: &mut Vec<Value>) {
    let path =
        if above.is_empty() { queue.name.clone() } else { format!("{above}.{}", queue.name) };
    let waiting = queue.jobs.iter().filter(|job| job.used_slots == 0).count();
    flat.push(json!({
        "queueName": queue.name,
        "queuePath": path,
        "state": queue.state.to_uppercase(),
        "schedulingInfo": queue.scheduling_info,
        "numApplications": queue.jobs.len(),
        "numActiveApplications": queue.jobs.len().saturating_sub(waiting),
        "numPendingApplications": waiting,
    }));
    queue.children.iter().for_each(|child| describe(child, &path, flat));
}

/// Running and finished jobs; only the finished ones below `/history`.
fn all_jobs(hub: &Arc<Hub>, finished: bool) -> Result<Vec<JobStatusMessage>, Refusal> {
    let mut all: Vec<JobStatusMessage> = hub.done.all()?.iter().map(|done| done.status()).collect();
    let here = hub.with(|machine| machine.all_jobs());
    let is_over =
        |job: &JobStatusMessage| JobState::from_number(job.state).is_some_and(JobState::is_over);
    all.retain(|old| !here.iter().any(|job| job.job_id == old.job_id));
    all.extend(here.into_iter().filter(|job| !finished || is_over(job)));
    Ok(all)
}

fn jobs(hub: &Arc<Hub>, request: &Request, parts: &[&str], finished: bool) -> Answer {
    let now = hub.now();
    let Some((id, rest)) = parts.split_first() else {
        let jobs = all_jobs(hub, finished)?;
        let wanted = |name: &str, value: &str| {
            request.parameter(name).is_none_or(|want| want.eq_ignore_ascii_case(value))
        };
        let chosen =
            jobs.iter().filter(|job| wanted("user", &job.user) && wanted("queue", &job.queue));
        let list: Vec<Value> = chosen.map(|status| json::job(status, now)).collect();
        let state = request.parameter("state");
        let list: Vec<Value> = list
            .into_iter()
            .filter(|job| state.is_none_or(|state| job.get("state").is_some_and(|s| s == state)))
            .collect();
        return Ok(json!({"jobs": {"job": list}}));
    };
    let not_found = || Refusal::NotFound(format!("job, {id}, is not found"));
    let job: JobId = id.parse().map_err(|_| not_found())?;
    check_access(hub, request, &job)?;
    let story = story(hub, &job)?.ok_or_else(not_found)?;
    if story.status.retired {
        let caller = hub.caller(request.parameter("user.name").unwrap_or(ANYBODY));
        if !may_view(hub, &caller, &story.status) {
            let text = format!("User {} cannot perform operation VIEW_JOB on {id}. ", caller.user);
            return Err(Refusal::Denied(text));
        }
    }
    match rest {
        [] => Ok(json!({"job": json::whole_job(&story, now)})),
        ["counters"] => Ok(json::job_counters(id, &story.counters)),
        ["conf"] => conf(hub, &story, &job),
        ["jobattempts"] => Ok(job_attempts(hub, &story)),
        ["attempts"] => {
            let of = |kind: TaskKind| {
                let tasks = story.tasks(kind).iter();
                tasks.flat_map(move |task| json::attempts_of(task, kind, now)).collect::<Vec<_>>()
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
                _ => of(TaskKind::Map).chain(of(TaskKind::Reduce)).collect(),
            };
            Ok(json!({"tasks": {"task": tasks}}))
        }
        ["tasks", task, rest @ ..] => of_task(&story, task, rest, now),
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    }
}

fn of_task(story: &Story, id: &str, rest: &[&str], now: i64) -> Answer {
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
            let attempts = json::attempts_of(task, kind, now);
            Ok(json!({"taskAttempts": {"taskAttempt": attempts}}))
        }
        ["attempts", attempt, rest @ ..] => {
            let missing =
                || Refusal::NotFound(format!("Error getting info on task attempt id {attempt}"));
            let report = task.attempts.iter().find(|one| one.attempt_id == *attempt);
            let report = report.ok_or_else(missing)?;
            match rest {
                [] => Ok(json!({"taskAttempt": json::attempt(report, kind, now)})),
                ["counters"] => {
                    // Those of a task are its best attempt's.
                    let is_best = task.successful_attempt == *attempt || task.attempts.len() == 1;
                    let counters = task.counters.as_ref().filter(|_| is_best);
                    let groups = json::plain_counters(counters);
                    Ok(
                        json!({"jobTaskAttemptCounters": {"id": attempt, "taskAttemptCounterGroup": groups}}),
                    )
                }
                _ => Err(missing()),
            }
        }
        _ => Err(missing()),
    }
}

fn check_access(hub: &Arc<Hub>, request: &Request, job: &JobId) -> Result<(), Refusal> {
    if !hub.settings.acls {
        return Ok(());
    }
    let caller = hub.caller(request.parameter("user.name").unwrap_or(ANYBODY));
    match hub.with(|machine| machine.check_access(&caller, job, JobAcl::View)) {
        Ok(()) | Err(loxodon_mapreduce::jobtracker::JobTrackerError::UnknownJob(_)) => Ok(()),
        Err(error) => Err(Refusal::Denied(error.to_string())),
    }
}

/// Everything that is told of a job: by the machine while it has it whole, then by its history. Blocks.
pub(super) fn story(hub: &Arc<Hub>, job: &JobId) -> Result<Option<Story>, Error> {
    let here = hub.with(|machine| {
        let tasks = |kind| machine.task_reports(job, kind, true).ok();
        Some(Story {
            status: machine.job_status(job)?,
            counters: machine.counters(job)?,
            maps: tasks(TaskKind::Map)?,
            reduces: tasks(TaskKind::Reduce)?,
        })
    });
    if here.is_some() {
        return Ok(here);
    }
    let Some(done) = hub.done.find(job)? else { return Ok(None) };
    let mut story = Story::read(&hub.done.events(&done)?);
    story.status.history_file = done.path.to_string();
    story.status.retired = true;
    Ok(Some(story))
}

/// Whether somebody may see the details of a job that only the history knows.
pub(super) fn may_view(hub: &Arc<Hub>, caller: &Caller, status: &JobStatusMessage) -> bool {
    !hub.settings.acls
        || caller.user == status.user
        || caller.user == crate::daemon::process_user()
        || AccessControlList::parse(&status.view_acl).allows(caller)
        || hub.with(|machine| machine.settings().administrators.allows(caller))
}

fn conf(hub: &Arc<Hub>, story: &Story, job: &JobId) -> Answer {
    let most = hub.settings.largest_conf;
    let (path, bytes) = match hub.done.find(job)? {
        Some(done) => (done.path.to_string(), hub.done.conf(&done, most)?),
        None => {
            let files = hub.files_of(&story.status.user)?;
            let path = files.path(&story.status.job_file)?;
            (path.to_string(), files.get(&path)?.read_all(&path, most)?)
        }
    };
    let conf = submit::parse_conf(&bytes)?;
    let properties = conf.entries().map(|(name, entry)| {
        let is_secret = ["password", "secret", "credential"].iter().any(|end| name.ends_with(end));
        let value = if is_secret { "******" } else { entry.value.as_str() };
        json!({"name": name, "value": value, "source": [entry.source.to_string()]})
    });
    Ok(json!({"conf": {"path": path, "property": properties.collect::<Vec<_>>()}}))
}

fn job_attempts(hub: &Hub, story: &Story) -> Value {
    let host = crate::daemon::host_name();
    json!({"jobAttempts": {"jobAttempt": [{
        "id": 1,
        "startTime": story.status.start_time,
        "nodeId": host,
        "nodeHttpAddress": format!("{host}:{}", hub.http_port()),
        "containerId": "",
        "logsLink": "",
    }]}})
}
