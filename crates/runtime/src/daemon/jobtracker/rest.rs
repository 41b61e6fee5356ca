//! `/ws/v1`: the cluster, running jobs and finished ones, as JSON.

use std::collections::HashSet;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::history::{AmStarted, DoneName, JobRecord, Story};
use loxodon_mapreduce::job::{
    AccessControlList, AttemptId, Caller, JobAcl, JobId, JobState, TaskKind,
};
use loxodon_mapreduce::jobtracker::JobTrackerError;
use loxodon_mapreduce::protocol::{
    CountersMessage, JobStatusMessage, QueueMessage, TrackerMessage,
};
use loxodon_wire::version;
use serde_json::{Value, json};

use super::hub::Hub;
use super::submit;
use crate::daemon::history::{
    Answer, HistorySource, JobSource, Refusal, answer_history, answer_jobs, respond,
};
use crate::web::{Request, Response};

/// Answers a request below `/ws/v1`. Blocks.
pub(super) fn answer(hub: &Arc<Hub>, request: &Request) -> Response {
    let path = request.path.strip_prefix("/ws/v1").unwrap_or(&request.path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts.as_slice() {
        ["cluster", rest @ ..] => cluster(hub, rest),
        ["history"] => Ok(info(hub, "historyInfo")),
        ["history", "info"] => Ok(info(hub, "historyInfo")),
        ["history", below @ ..] => answer_history(hub, request, below),
        ["mapreduce"] | ["mapreduce", "info"] => Ok(info(hub, "info")),
        ["mapreduce", "jobs", rest @ ..] => answer_jobs(hub, request, rest),
        _ => Err(Refusal::NotFound(format!("{} is not found", request.path))),
    };
    respond(request, found)
}

fn info(hub: &Hub, name: &str) -> Value {
    json!({name: {
        "startedOn": hub.started(),
        "elapsedTime": hub.now().saturating_sub(hub.started()),
        "hadoopVersion": version::HADOOP,
        "loxodonVersion": env!("CARGO_PKG_VERSION"),
    }})
}

fn cluster(hub: &Arc<Hub>, parts: &[&str]) -> Answer {
    match parts {
        [] | ["info"] => Ok(json!({"clusterInfo": {
            "id": hub.started(),
            "startedOn": hub.started(),
            "state": "STARTED",
            "hadoopVersion": version::HADOOP,
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

impl JobSource for Arc<Hub> {
    fn now(&self) -> i64 {
        Hub::now(self)
    }

    fn jobs(&self) -> Result<Vec<JobStatusMessage>> {
        let mut all: Vec<JobStatusMessage> =
            self.done.all()?.iter().map(|done| done.status()).collect();
        let here = self.with(|machine| machine.all_jobs());
        let known: HashSet<&str> = here.iter().map(|job| job.job_id.as_str()).collect();
        all.retain(|old| !known.contains(old.job_id.as_str()));
        all.extend(here);
        Ok(all)
    }

    fn story(&self, job: &JobId) -> Result<Option<Arc<Story>>> {
        Ok(story(self, job)?.map(Arc::new))
    }

    fn may_view(&self, user: &str, job: &JobId, story: &Story) -> bool {
        if !self.settings.acls {
            return true;
        }
        let caller = self.caller(user);
        match self.with(|machine| machine.check_access(&caller, job, JobAcl::View)) {
            Ok(()) => true,
            // Retired: its history says who may.
            Err(JobTrackerError::UnknownJob(_)) => may_view_done(self, &caller, &story.status),
            Err(_) => false,
        }
    }

    fn conf(&self, job: &JobId, story: &Story) -> Result<(String, Configuration)> {
        let most = self.settings.largest_conf;
        let (path, bytes) = match self.done.find(job)? {
            Some(done) => (done.conf_path()?.to_string(), self.done.conf(&done, most)?),
            None => {
                let files = self.files_of(&story.status.user)?;
                let path = files.path(&story.status.job_file)?;
                (path.to_string(), files.get(&path)?.read_all(&path, most)?)
            }
        };
        Ok((path, submit::parse_conf(&bytes)?))
    }

    fn attempt_counters(&self, story: &Story, attempt: &AttemptId) -> Option<CountersMessage> {
        let here = self.with(|machine| machine.attempt_counters(attempt));
        here.or_else(|| story.attempts.get(&attempt.to_string())?.counters.clone())
    }

    fn starts(&self, story: &Story) -> Vec<AmStarted> {
        let port = |address: &str| address.rsplit(':').next().and_then(|port| port.parse().ok());
        let first = AmStarted { start_time: story.status.start_time, ..AmStarted::default() };
        let mut starts = story.starts.clone();
        if starts.is_empty() {
            starts.push(first);
        }
        // Journals do not say where the JobTracker was: it is here.
        for start in starts.iter_mut().filter(|start| start.node_manager_http_port == 0) {
            start.node_manager_host = crate::daemon::host_name();
            start.node_manager_port = port(&self.settings.address).unwrap_or(0);
            start.node_manager_http_port = self.http_port().parse().unwrap_or(0);
        }
        starts
    }
}

impl HistorySource for Arc<Hub> {
    fn finished(&self) -> Result<Vec<DoneName>> {
        Ok(self.done.all()?.into_iter().map(|done| done.name).collect())
    }

    fn record(&self, job: &JobId) -> Result<Option<Arc<JobRecord>>> {
        let Some(done) = self.done.find(job)? else { return Ok(None) };
        Ok(Some(Arc::new(self.done.record(&done)?)))
    }

    fn may_view(&self, user: &str, record: &JobRecord) -> bool {
        let (owner, queue) = (&record.user, &record.queue);
        !self.settings.acls || may_view(self, &self.caller(user), owner, queue, &record.view_acl())
    }

    fn conf(&self, job: &JobId) -> Result<(String, Configuration)> {
        let done = self.done.find(job)?;
        let done = done.ok_or_else(|| Error::io(format!("{job} is not there any more")))?;
        let bytes = self.done.conf(&done, self.settings.largest_conf)?;
        Ok((done.conf_path()?.to_string(), submit::parse_conf(&bytes)?))
    }
}

/// Everything that is told of a job: by the machine while it has it whole, then by its history. Blocks.
pub(super) fn story(hub: &Arc<Hub>, job: &JobId) -> Result<Option<Story>> {
    let here = hub.with(|machine| {
        let tasks = |kind| machine.task_reports(job, kind, true).ok();
        Some(Story {
            status: machine.job_status(job)?,
            counters: machine.counters(job)?,
            maps: tasks(TaskKind::Map)?,
            reduces: tasks(TaskKind::Reduce)?,
            ..Story::default()
        })
    });
    if let Some(mut here) = here {
        here.count_ended();
        return Ok(Some(here));
    }
    let Some(done) = hub.done.find(job)? else { return Ok(None) };
    Ok(Some(hub.done.story(&done)?))
}

/// Whether somebody may see the details of a job that only the history knows.
pub(super) fn may_view_done(hub: &Arc<Hub>, caller: &Caller, status: &JobStatusMessage) -> bool {
    let list = AccessControlList::parse(&status.view_acl);
    may_view(hub, caller, &status.user, &status.queue, &list)
}

fn may_view(
    hub: &Arc<Hub>,
    caller: &Caller,
    owner: &str,
    queue: &str,
    list: &AccessControlList,
) -> bool {
    !hub.settings.acls
        || caller.user == owner
        || caller.user == crate::daemon::process_user()
        || caller.is_on(list)
        || hub.with(|machine| {
            caller.is_on(&machine.settings().administrators) || machine.administers(caller, queue)
        })
}
