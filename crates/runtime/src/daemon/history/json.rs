//! Jobs, tasks, attempts and counters as Hadoop's application master and history server have them in JSON.

use loxodon_mapreduce::history::{AmStarted, Story};
use loxodon_mapreduce::job::{AttemptId, JobState, TaskKind, TaskState, TipStatus};
use loxodon_mapreduce::protocol::{
    AttemptReport, CounterGroupMessage, CountersMessage, JobCounters, JobStatusMessage,
    TaskReportMessage,
};
use serde_json::{Map, Value, json};

/// What the REST interface calls the state of a job.
pub(super) fn job_state(number: i32) -> &'static str {
    match JobState::from_number(number) {
        Some(JobState::Prep) => "INITED",
        Some(state) => state.name(),
        None => "ERROR",
    }
}

fn task_state(number: i32) -> &'static str {
    match TipStatus::from_number(number) {
        Some(TipStatus::Pending) | None => "SCHEDULED",
        Some(TipStatus::Running) => "RUNNING",
        Some(TipStatus::Complete) => "SUCCEEDED",
        Some(TipStatus::Failed) => "FAILED",
        Some(TipStatus::Killed) => "KILLED",
    }
}

fn attempt_state(number: i32) -> &'static str {
    match TaskState::from_number(number) {
        Some(TaskState::Unassigned) | None => "STARTING",
        Some(TaskState::FailedUnclean) => "FAILED",
        Some(TaskState::KilledUnclean) => "KILLED",
        Some(state) => state.name(),
    }
}

fn kind_name(kind: TaskKind) -> &'static str {
    if kind == TaskKind::Reduce { "REDUCE" } else { "MAP" }
}

fn elapsed(start: i64, finish: i64, now: i64) -> i64 {
    if start <= 0 {
        return 0;
    }
    (if finish > 0 { finish } else { now }).saturating_sub(start).max(0)
}

/// When a job's tasks began; until they do, when it was submitted.
pub(super) const fn start_of(status: &JobStatusMessage) -> i64 {
    if status.launch_time > 0 { status.launch_time } else { status.start_time }
}

/// A job in a list.
pub(super) fn job(status: &JobStatusMessage, now: i64) -> Value {
    let diagnostics = if status.failure_info == "NA" { "" } else { &status.failure_info };
    let start = start_of(status);
    json!({
        "submitTime": status.start_time,
        "startTime": start,
        "finishTime": status.finish_time,
        "elapsedTime": elapsed(start, status.finish_time, now),
        "id": status.job_id,
        "name": status.job_name,
        "queue": status.queue,
        "user": status.user,
        "state": job_state(status.state),
        "mapsTotal": status.maps,
        "mapsCompleted": status.finished_maps,
        "reducesTotal": status.reduces,
        "reducesCompleted": status.finished_reduces,
        "mapProgress": status.map_progress * 100.0,
        "reduceProgress": status.reduce_progress * 100.0,
        "uberized": false,
        "diagnostics": diagnostics,
    })
}

/// A job by itself, with what its attempts add up to.
pub(super) fn whole_job(story: &Story, now: i64) -> Value {
    let mut value = job(&story.status, now);
    if let Some(fields) = value.as_object_mut() {
        add_sums(story, fields);
    }
    value
}

/// What a job's attempts add up to, and who may see it.
fn add_sums(story: &Story, fields: &mut Map<String, Value>) {
    for (kind, name) in [(TaskKind::Map, "Map"), (TaskKind::Reduce, "Reduce")] {
        let attempts = || story.tasks(kind).iter().flat_map(|task| &task.attempts);
        let count = |state: &str| attempts().filter(|a| attempt_state(a.state) == state).count();
        for (word, state) in
            [("failed", "FAILED"), ("killed", "KILLED"), ("successful", "SUCCEEDED")]
        {
            fields.insert(format!("{word}{name}Attempts"), json!(count(state)));
        }
        let running = count("RUNNING") + count("COMMIT_PENDING");
        fields.insert(format!("running{name}Attempts"), json!(running));
        fields.insert(format!("new{name}Attempts"), json!(count("STARTING")));
        let mean = |from: fn(&AttemptReport) -> i64, to: fn(&AttemptReport) -> i64| {
            let done = attempts().filter(|a| attempt_state(a.state) == "SUCCEEDED");
            let spans: Vec<i64> = done.map(|a| to(a).saturating_sub(from(a)).max(0)).collect();
            let count = i64::try_from(spans.len()).unwrap_or(1).max(1);
            json!(spans.iter().fold(0i64, |sum, span| sum.saturating_add(*span)) / count)
        };
        if kind == TaskKind::Map {
            fields.insert("avgMapTime".into(), mean(|a| a.start_time, |a| a.finish_time));
        } else {
            let shuffle = mean(|a| a.start_time, |a| a.shuffle_finish_time);
            fields.insert("avgShuffleTime".into(), shuffle);
            let merge = mean(|a| a.shuffle_finish_time, |a| a.sort_finish_time);
            fields.insert("avgMergeTime".into(), merge);
            fields.insert("avgReduceTime".into(), mean(|a| a.sort_finish_time, |a| a.finish_time));
        }
    }
    let acl = |name: &str, value: &str| json!({"name": name, "value": value});
    let acls = [
        acl("mapreduce.job.acl-view-job", &story.status.view_acl),
        acl("mapreduce.job.acl-modify-job", &story.status.modify_acl),
    ];
    fields.insert("acls".into(), json!(acls));
}

/// The starts of a job: of application masters, or of JobTrackers that went on with it.
pub(super) fn job_attempts(starts: &[AmStarted]) -> Value {
    let start = |(place, start): (usize, &AmStarted)| {
        let number = start.application_attempt_id.rsplit('_').next();
        let number = number.and_then(|number| number.parse::<u64>().ok());
        let host = &start.node_manager_host;
        json!({
            "nodeHttpAddress": format!("{host}:{}", start.node_manager_http_port),
            "nodeId": format!("{host}:{}", start.node_manager_port),
            "id": number.unwrap_or(place as u64 + 1),
            "startTime": start.start_time,
            "containerId": start.container_id,
            "logsLink": "",
        })
    };
    let all: Vec<Value> = starts.iter().enumerate().map(start).collect();
    json!({"jobAttempts": {"jobAttempt": all}})
}

/// A task.
pub(super) fn task(report: &TaskReportMessage, kind: TaskKind, now: i64) -> Value {
    json!({
        "startTime": report.start_time,
        "finishTime": report.finish_time,
        "elapsedTime": elapsed(report.start_time, report.finish_time, now),
        "progress": report.progress * 100.0,
        "id": report.task_id,
        "state": task_state(report.status),
        "type": kind_name(kind),
        "successfulAttempt": report.successful_attempt,
        "status": report.state,
    })
}

/// An attempt, with what our page draws of it besides.
pub(super) fn attempt(story: &Story, report: &AttemptReport, kind: TaskKind, now: i64) -> Value {
    let extra = story.attempts.get(&report.attempt_id);
    let task = report.attempt_id.parse::<AttemptId>().map(|id| id.task.to_string());
    let log = format!("http://{}/tasklog?attemptid={}", report.tracker_http, report.attempt_id);
    let mut value = json!({
        "startTime": report.start_time,
        "finishTime": report.finish_time,
        "elapsedTime": elapsed(report.start_time, report.finish_time, now),
        "progress": report.progress * 100.0,
        "id": report.attempt_id,
        "taskId": task.unwrap_or_default(),
        "rack": report.rack,
        "state": attempt_state(report.state),
        "status": report.state_string,
        "nodeHttpAddress": report.tracker_http,
        "diagnostics": report.diagnostics,
        "type": kind_name(kind),
        "assignedContainerId": extra.map_or("", |extra| &extra.container),
        "speculative": report.speculative,
        "locality": report.locality,
        "logsLink": if report.tracker_http.is_empty() { String::new() } else { log },
    });
    if let Some(fields) = value.as_object_mut().filter(|_| kind == TaskKind::Reduce) {
        let (shuffled, merged) = (report.shuffle_finish_time, report.sort_finish_time);
        let since = |from: i64, to: i64| if to > 0 { elapsed(from, to, now) } else { 0 };
        fields.insert("shuffleFinishTime".into(), json!(shuffled));
        fields.insert("mergeFinishTime".into(), json!(merged));
        fields.insert("elapsedShuffleTime".into(), json!(since(report.start_time, shuffled)));
        fields.insert("elapsedMergeTime".into(), json!(since(shuffled, merged)));
        fields.insert("elapsedReduceTime".into(), json!(since(merged, report.finish_time)));
    }
    value
}

/// The attempts of one task.
pub(super) fn attempts_of(
    story: &Story,
    report: &TaskReportMessage,
    kind: TaskKind,
    now: i64,
) -> Vec<Value> {
    report.attempts.iter().map(|one| attempt(story, one, kind, now)).collect()
}

fn value_in(counters: Option<&CountersMessage>, group: &str, name: &str) -> i64 {
    let groups = counters.map(|counters| counters.groups.as_slice()).unwrap_or_default();
    let group = groups.iter().find(|one| one.name == group);
    let counter = group.and_then(|group| group.counters.iter().find(|one| one.name == name));
    counter.map_or(0, |counter| counter.value)
}

/// A job's counters: of maps, of reduces, of both.
pub(super) fn job_counters(id: &str, counters: &JobCounters) -> Value {
    let (map, reduce) = (counters.map.as_ref(), counters.reduce.as_ref());
    let groups = counters.total.iter().flat_map(|total| &total.groups);
    let groups = groups.map(|group: &CounterGroupMessage| {
        let counters = group.counters.iter().map(|counter| {
            json!({
                "name": counter.name,
                "totalCounterValue": counter.value,
                "mapCounterValue": value_in(map, &group.name, &counter.name),
                "reduceCounterValue": value_in(reduce, &group.name, &counter.name),
            })
        });
        json!({"counterGroupName": group.name, "counter": counters.collect::<Vec<_>>()})
    });
    json!({"jobCounters": {"id": id, "counterGroup": groups.collect::<Vec<_>>()}})
}

/// The counters of a task or an attempt.
pub(super) fn plain_counters(counters: Option<&CountersMessage>) -> Vec<Value> {
    let groups = counters.map(|counters| counters.groups.as_slice()).unwrap_or_default();
    let group = |group: &CounterGroupMessage| {
        let counters =
            group.counters.iter().map(|one| json!({"name": one.name, "value": one.value}));
        json!({"counterGroupName": group.name, "counter": counters.collect::<Vec<_>>()})
    };
    groups.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_names_of_the_rest_interface() {
        assert_eq!(job_state(JobState::Prep.number()), "INITED");
        assert_eq!(task_state(TipStatus::Complete.number()), "SUCCEEDED");
        assert_eq!(attempt_state(TaskState::FailedUnclean.number()), "FAILED");
        assert_eq!(attempt_state(TaskState::CommitPending.number()), "COMMIT_PENDING");
    }

    #[test]
    fn reduces_tell_their_phases() {
        let report = AttemptReport {
            attempt_id: "attempt_1_0001_r_000002_1".into(),
            start_time: 100,
            shuffle_finish_time: 150,
            sort_finish_time: 0,
            ..AttemptReport::default()
        };
        let story = Story::default();
        let value = attempt(&story, &report, TaskKind::Reduce, 300);
        assert_eq!(value["taskId"], "task_1_0001_r_000002");
        assert_eq!(value["elapsedShuffleTime"], 50);
        assert_eq!(value["elapsedMergeTime"], 0);
        assert_eq!(value["elapsedTime"], 200);
        assert!(attempt(&story, &report, TaskKind::Map, 300).get("shuffleFinishTime").is_none());
    }
}
