//! What REST tells of a finished job, field for field as Hadoop's history server does (`HsWebServices` and its `dao`).

use std::collections::BTreeSet;

use loxodon_conf::{AccessControlList, Configuration};
use loxodon_mapreduce::history::{
    AttemptRecord, DoneName, JobRecord, TaskRecord, counter_rows, value_of,
};
use loxodon_mapreduce::job::{JobAcl, JobId, JobState, TaskKind};
use loxodon_mapreduce::protocol::CountersMessage;
use serde_json::{Map, Value, json};

/// What stands for a value that a job wants hidden (`MRJobConfUtil`).
const HIDDEN: &str = "*********(redacted)";
/// Parts of a job's configuration that nobody is shown, whatever the job wants.
const SECRET: [&str; 3] = ["password", "secret", "credential"];
/// Of histories that do not say how something ended, Hadoop tells that it was killed.
const UNTOLD: &str = "KILLED";
/// The container that stands for none in histories of a JobTracker.
const NO_CONTAINER: &str = "container_-1_";

/// How a job in the list ended.
pub(super) fn state_of(name: &DoneName) -> &str {
    JobState::from_name(&name.status).map_or(UNTOLD, |_| name.status.as_str())
}

/// A job in the list: what its file's name tells.
pub(super) fn listed(name: &DoneName) -> Value {
    json!({
        "submitTime": name.submit_time,
        "startTime": name.start_time,
        "finishTime": name.finish_time,
        "id": name.job.to_string(),
        "name": name.job_name,
        "queue": name.queue,
        "user": name.user,
        "state": state_of(name),
        "mapsTotal": name.maps,
        "mapsCompleted": name.maps,
        "reducesTotal": name.reduces,
        "reducesCompleted": name.reduces,
    })
}

/// A job by itself.
pub(super) fn job(id: &JobId, record: &JobRecord) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("submitTime", record.submitted.into());
    put("startTime", record.launched.into());
    put("finishTime", record.finished.into());
    put("id", id.to_string().into());
    put("name", record.name.as_str().into());
    put("queue", record.queue.as_str().into());
    put("user", record.user.as_str().into());
    put("state", record.status.as_deref().unwrap_or(UNTOLD).into());
    put("mapsTotal", record.maps.into());
    put("mapsCompleted", record.ended_maps.into());
    put("reducesTotal", record.reduces.into());
    put("reducesCompleted", record.ended_reduces.into());
    put("uberized", record.uberized.into());
    put("diagnostics", record.diagnostics.as_str().into());
    let (maps, reduces) = (succeeded(record, TaskKind::Map), succeeded(record, TaskKind::Reduce));
    put("avgMapTime", mean(&maps, |a| (a.started, a.finished)));
    put("avgReduceTime", mean(&reduces, |a| (a.sorted, a.finished)));
    put("avgShuffleTime", mean(&reduces, |a| (a.started, a.shuffled)));
    put("avgMergeTime", mean(&reduces, |a| (a.shuffled, a.sorted)));
    for (kind, name) in [(TaskKind::Reduce, "Reduce"), (TaskKind::Map, "Map")] {
        for (word, state) in
            [("failed", "FAILED"), ("killed", "KILLED"), ("successful", "SUCCEEDED")]
        {
            let count = attempts(record, kind).filter(|a| ended(a) == state).count();
            put(&format!("{word}{name}Attempts"), count.into());
        }
    }
    let acls = [JobAcl::View, JobAcl::Modify].into_iter().filter_map(|acl| {
        let text = AccessControlList::parse(record.acls.get(acl.key())?).text();
        Some(json!({"name": acl.key(), "value": text}))
    });
    put("acls", acls.collect());
    json!({"job": fields})
}

fn attempts(record: &JobRecord, kind: TaskKind) -> impl Iterator<Item = &AttemptRecord> {
    let tasks = record.tasks().into_iter().filter(move |task| task.id.kind == kind);
    tasks.flat_map(TaskRecord::attempts)
}

fn succeeded(record: &JobRecord, kind: TaskKind) -> Vec<&AttemptRecord> {
    attempts(record, kind).filter(|attempt| ended(attempt) == "SUCCEEDED").collect()
}

/// What a span of attempts takes on average; 0 where there are none.
fn mean(attempts: &[&AttemptRecord], span: impl Fn(&AttemptRecord) -> (i64, i64)) -> Value {
    let sum = attempts.iter().fold(0i64, |sum, attempt| {
        let (from, to) = span(attempt);
        sum.saturating_add(to.saturating_sub(from))
    });
    let count = i64::try_from(attempts.len()).unwrap_or(i64::MAX).max(1);
    sum.checked_div(count).into()
}

fn ended(attempt: &AttemptRecord) -> &str {
    attempt.status.as_deref().unwrap_or(UNTOLD)
}

/// 0 where one of both was not told (`Times.elapsed`).
fn elapsed(from: i64, to: i64) -> i64 {
    if from > 0 && to > 0 { to.saturating_sub(from).max(0) } else { 0 }
}

/// The starts of a job's application master, or of the JobTrackers that ran it. There is no link to logs: what YARN
/// gathers of them is not served here.
pub(super) fn job_attempts(record: &JobRecord) -> Value {
    let starts = record.starts.iter().map(|start| {
        let number = start.application_attempt_id.rsplit('_').next().unwrap_or_default();
        let host = &start.node_manager_host;
        json!({
            "nodeHttpAddress": format!("{host}:{}", start.node_manager_http_port),
            "nodeId": format!("{host}:{}", start.node_manager_port),
            "id": number.parse::<u64>().unwrap_or_default(),
            "startTime": start.start_time,
            "containerId": start.container_id,
            "logsLink": "",
        })
    });
    json!({"jobAttempts": {"jobAttempt": starts.collect::<Vec<_>>()}})
}

/// A job's counters: of maps, of reduces, of both. Those of a job that did not succeed are its tasks'.
pub(super) fn job_counters(id: &JobId, record: &JobRecord) -> Value {
    let (map, reduce) = (record.counters_of(TaskKind::Map), record.counters_of(TaskKind::Reduce));
    let total = match &record.counters {
        Some([total, ..]) => total.clone(),
        None => record.counters_in_all(),
    };
    let groups = counter_rows(&total).into_iter().map(|group| {
        let counters = group.counters.iter().map(|counter| {
            json!({
                "name": counter.name,
                "totalCounterValue": counter.value,
                "mapCounterValue": value_of(&map, &group.name, &counter.name),
                "reduceCounterValue": value_of(&reduce, &group.name, &counter.name),
            })
        });
        json!({"counterGroupName": group.name, "counter": counters.collect::<Vec<_>>()})
    });
    json!({"jobCounters": {"id": id.to_string(), "counterGroup": groups.collect::<Vec<_>>()}})
}

/// What a task counted.
pub(super) fn task_counters(task: &TaskRecord) -> Value {
    let groups = groups(task.counters.as_ref());
    json!({"jobTaskCounters": {"id": task.id.to_string(), "taskCounterGroup": groups}})
}

/// What an attempt counted.
pub(super) fn attempt_counters(attempt: &AttemptRecord) -> Value {
    let groups = groups(attempt.counters.as_ref());
    let id = attempt.id.to_string();
    json!({"jobTaskAttemptCounters": {"id": id, "taskAttemptCounterGroup": groups}})
}

fn groups(counters: Option<&CountersMessage>) -> Vec<Value> {
    let groups = counters.map(counter_rows).unwrap_or_default().into_iter().map(|group| {
        let counters = group.counters.iter();
        let counters = counters.map(|one| json!({"name": one.name, "value": one.value}));
        json!({"counterGroupName": group.name, "counter": counters.collect::<Vec<_>>()})
    });
    groups.collect()
}

/// A task.
pub(super) fn task(task: &TaskRecord) -> Value {
    let attempts = task.attempts();
    let began = attempts.iter().map(|attempt| attempt.started).min().unwrap_or(-1);
    let success = attempts.iter().find(|attempt| ended(attempt) == "SUCCEEDED");
    json!({
        "startTime": began,
        "finishTime": task.finished,
        "elapsedTime": elapsed(began, task.finished),
        "progress": 100.0,
        "id": task.id.to_string(),
        "state": task.status.unwrap_or(UNTOLD),
        "type": task.id.kind.name(),
        "successfulAttempt": success.map_or_else(String::new, |attempt| attempt.id.to_string()),
    })
}

/// An attempt. Its task, its log, its place and whether it was speculative are ours.
pub(super) fn attempt(attempt: &AttemptRecord) -> Value {
    let unfinished = "Attmpt state missing from History : marked as KILLED";
    let diagnostics = match &attempt.status {
        Some(_) => attempt.error.clone(),
        None => format!("{}, {unfinished}", attempt.error),
    };
    let container = &attempt.container;
    let mut value = json!({
        "startTime": attempt.started,
        "finishTime": attempt.finished,
        "elapsedTime": elapsed(attempt.started, attempt.finished),
        "progress": 100.0,
        "id": attempt.id.to_string(),
        "rack": attempt.rack,
        "state": ended(attempt),
        "status": attempt.said,
        "nodeHttpAddress": attempt.tracker_page().unwrap_or_default(),
        "diagnostics": diagnostics,
        "type": attempt.id.kind().name(),
        "assignedContainerId": if container.starts_with(NO_CONTAINER) { "" } else { container },
        "taskId": attempt.id.task.to_string(),
        "speculative": attempt.is_speculative,
        "locality": attempt.locality.as_deref().unwrap_or_default(),
        "logsLink": attempt.log_url().unwrap_or_default(),
    });
    if let Some(fields) = value.as_object_mut().filter(|_| attempt.id.kind() == TaskKind::Reduce) {
        let (shuffled, sorted) = (attempt.shuffled, attempt.sorted);
        for (name, time) in [
            ("shuffleFinishTime", shuffled),
            ("mergeFinishTime", sorted),
            ("elapsedShuffleTime", elapsed(attempt.started, shuffled)),
            ("elapsedMergeTime", elapsed(shuffled, sorted)),
            ("elapsedReduceTime", elapsed(sorted, attempt.finished)),
        ] {
            fields.insert(name.to_owned(), time.into());
        }
    }
    value
}

/// A job's configuration, without what it wants hidden (`mapreduce.job.redacted-properties`); what has no value is
/// not set, as in Hadoop.
pub(super) fn conf(path: &str, conf: &Configuration) -> Value {
    let hidden = conf.entries().find(|(name, _)| *name == "mapreduce.job.redacted-properties");
    let hidden = hidden.map_or("", |(_, entry)| &entry.value);
    let hidden: BTreeSet<&str> =
        hidden.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let shown =
        conf.entries().filter(|(name, entry)| !entry.value.is_empty() && !hidden.contains(name));
    let shown = shown.map(|(name, entry)| {
        let is_secret = SECRET.iter().any(|end| name.ends_with(end));
        let value = if is_secret { HIDDEN } else { entry.value.as_str() };
        let sources = entry.earlier.iter().map(String::as_str).chain([path]);
        json!({"name": name, "value": value, "source": sources.collect::<Vec<_>>()})
    });
    let hidden = hidden
        .iter()
        .map(|name| json!({"name": name, "value": HIDDEN, "source": ["programmatically"]}));
    json!({"conf": {"path": path, "property": shown.chain(hidden).collect::<Vec<_>>()}})
}

#[cfg(test)]
mod tests {
    use loxodon_mapreduce::history::{
        JobSubmitted, ReduceAttemptFinished, TaskAttemptStarted, TaskStarted,
    };

    use super::*;

    fn reduce() -> JobRecord {
        let (task, attempt) = ("task_1_0001_r_000000", "attempt_1_0001_r_000000_0");
        let acls = [("mapreduce.job.acl-view-job".to_owned(), "ann staff".to_owned())];
        let mut record = JobRecord::default();
        for event in [
            JobSubmitted { acls: acls.into(), ..Default::default() }.into(),
            TaskStarted { task_id: task.into(), task_type: "REDUCE".into(), ..Default::default() }
                .into(),
            TaskAttemptStarted {
                task_id: task.into(),
                attempt_id: attempt.into(),
                start_time: 100,
                tracker_name: "tracker_h:50060".into(),
                http_port: 50_060,
                ..Default::default()
            }
            .into(),
        ] {
            record.take(&event);
        }
        record
    }

    #[test]
    fn what_no_event_tells_was_killed() {
        let record = reduce();
        let one = attempt(record.tasks()[0].attempts()[0]);
        assert_eq!((&one["state"], &one["elapsedTime"]), (&"KILLED".into(), &0.into()));
        assert_eq!(one["diagnostics"], ", Attmpt state missing from History : marked as KILLED");
        assert_eq!(
            (&one["mergeFinishTime"], &one["nodeHttpAddress"]),
            (&(-1).into(), &"h:50060".into())
        );
        let value = job(&"job_1_0001".parse().unwrap(), &record);
        assert_eq!(
            value["job"]["acls"],
            json!([{"name": "mapreduce.job.acl-view-job", "value": "ann staff"}])
        );
        assert_eq!(value["job"]["killedReduceAttempts"], 1);
    }

    #[test]
    fn reduces_tell_their_phases() {
        let mut record = reduce();
        let end = ReduceAttemptFinished {
            task_id: "task_1_0001_r_000000".into(),
            attempt_id: "attempt_1_0001_r_000000_0".into(),
            task_status: "SUCCEEDED".into(),
            shuffle_finish_time: 150,
            sort_finish_time: 160,
            finish_time: 300,
            ..Default::default()
        };
        record.take(&end.into());
        let one = attempt(record.tasks()[0].attempts()[0]);
        assert_eq!(
            (&one["elapsedShuffleTime"], &one["elapsedReduceTime"]),
            (&50.into(), &140.into())
        );
        let value = job(&"job_1_0001".parse().unwrap(), &record);
        assert_eq!(
            (&value["job"]["avgMergeTime"], &value["job"]["avgMapTime"]),
            (&10.into(), &0.into())
        );
    }

    #[test]
    fn what_a_job_wants_hidden_is() {
        let mut given = Configuration::new();
        given.set("mapreduce.job.redacted-properties", "a, b", "test");
        given.set("b", "1", "test");
        given.set("my.password", "2", "test");
        let text = conf("/x/job_conf.xml", &given).to_string();
        assert_eq!(text.matches(HIDDEN).count(), 3, "{text}");
    }
}
