//! What a journal brings back is what the JobTracker knew that wrote it.

use loxodon_mapreduce::history::HistoryReader;
use loxodon_mapreduce::job::{JobId, JobState, TaskKind, TaskState, TipStatus};
use loxodon_mapreduce::jobtracker::{JobTracker, Recovered, Submission};

/// What must survive of a task: how it ended, by which attempt, and how its other attempts ended.
type Known = (String, i32, String, Vec<(String, i32)>);

fn tasks(jt: &JobTracker, id: &JobId) -> Vec<Known> {
    let mut all = Vec::new();
    for kind in [TaskKind::Map, TaskKind::Reduce] {
        for task in jt.task_reports(id, kind, true).expect("a job") {
            let over = |state: i32| TaskState::from_number(state).is_some_and(TaskState::is_over);
            let clean = |state: i32| match TaskState::from_number(state) {
                Some(TaskState::FailedUnclean) => TaskState::Failed.number(),
                Some(TaskState::KilledUnclean) => TaskState::Killed.number(),
                _ => state,
            };
            let attempts = task.attempts.iter().filter(|a| over(a.state));
            let mut attempts: Vec<(String, i32)> =
                attempts.map(|a| (a.attempt_id.clone(), clean(a.state))).collect();
            attempts.sort();
            let ended = [TipStatus::Complete, TipStatus::Failed];
            let ended = ended.iter().any(|status| status.number() == task.status);
            let status = if ended { task.status } else { TipStatus::Pending.number() };
            all.push((task.task_id, status, task.successful_attempt, attempts));
        }
    }
    all
}

fn counted(jt: &JobTracker, id: &JobId) -> i64 {
    let counters = jt.counters(id).expect("a job").map.expect("counters of maps");
    let group = counters.groups.iter().find(|group| group.name == "Sim");
    group.and_then(|group| group.counters.first()).map_or(0, |counter| counter.value)
}

/// Reads a job's whole journal into a JobTracker that knows nothing, and compares.
pub(crate) fn check(
    now: i64,
    live: &JobTracker,
    mut fresh: JobTracker,
    job: &Submission,
    journal: &[u8],
) {
    let id = &job.job;
    let running = live.job_status(id).is_some_and(|s| s.state == JobState::Running.number());
    if !running || journal.is_empty() {
        return;
    }
    let mut reader = HistoryReader::new(journal).expect("a journal");
    let events = reader.by_ref().collect::<Result<Vec<_>, _>>().expect("its events");
    let recovered = fresh.recover(now, job.clone(), &events).expect("a recovery");
    assert_eq!(recovered, Recovered::Continues, "{id} runs");
    assert_eq!(tasks(live, id), tasks(&fresh, id), "at {now}");
    assert_eq!(counted(live, id), counted(&fresh, id), "the counters of {id} at {now}");
    let priority = |jt: &JobTracker| jt.job_status(id).map(|status| status.priority);
    assert_eq!(priority(live), priority(&fresh), "the priority of {id} at {now}");
}
