//! A JobTracker goes on where another one was killed.

use loxodon_mapreduce::history::{HistoryEvent, HistoryReader, file_header, write_event};
use loxodon_mapreduce::job::{AttemptId, JobId, JobState, TaskKind, TaskState};
use loxodon_mapreduce::jobtracker::{
    Action, AttemptStatus, Effect, Heartbeat, JobTracker, Recovered, Submission,
};

use crate::cluster::{Script, jobtracker, launched, node};

/// The journal, through its file, up to and without the first event of that name.
fn journal(script: &mut Script, until: &str) -> Vec<HistoryEvent> {
    let mut file = file_header().into_bytes();
    for effect in script.jt.take_effects() {
        if let Effect::Journal { event, .. } = effect {
            if event.event_type().name() == until {
                break;
            }
            write_event(&mut file, &event);
        }
    }
    HistoryReader::new(&file).unwrap().collect::<Result<_, _>>().unwrap()
}

fn register(statuses: &[(&AttemptId, TaskState)], held: &[AttemptId]) -> Heartbeat {
    Heartbeat {
        tracker: "tracker_h0:1".into(),
        incarnation: 1,
        initial_contact: true,
        sequence: 1_000,
        response_id: -1,
        node: node(0, 4),
        accepts_tasks: true,
        health_report: String::new(),
        statuses: statuses
            .iter()
            .map(|(id, state)| AttemptStatus::new((*id).clone(), *state))
            .collect(),
        held_outputs: held.to_vec(),
        held_jobs: Vec::new(),
        cursors: Vec::new(),
    }
}

/// A job of three maps and a reduce, of which one map is complete and the others run.
fn half_done() -> (Script, Submission, Vec<AttemptId>) {
    let mut script = Script::new(&[4]);
    let maps = script.run(3, 1, &[("mapreduce.job.reduce.slowstart.completedmaps", "1")]);
    script.end(0, &maps[..1], TaskState::Succeeded);
    let submission = script.jt.submission(maps[0].job()).unwrap().clone();
    (script, submission, maps)
}

fn restarted(now: i64, submission: Submission, events: &[HistoryEvent]) -> JobTracker {
    let mut jt = jobtracker("2");
    assert_eq!(jt.recover(now, submission, events), Ok(Recovered::Continues));
    jt
}

#[test]
fn complete_maps_stay_and_running_ones_go_on() {
    let (mut script, submission, maps) = half_done();
    let events = journal(&mut script, "");
    let mut jt = restarted(2_000_000, submission, &events);
    let unknown = Heartbeat { initial_contact: false, ..register(&[], &[]) };
    assert_eq!(jt.heartbeat(2_000_000, unknown).actions, [Action::Register]);
    let running = [(&maps[1], TaskState::Running), (&maps[2], TaskState::Running)];
    let answer = jt.heartbeat(2_000_001, register(&running, &maps[..1]));
    assert!(answer.actions.is_empty(), "{:?}", answer.actions);
    let status = jt.job_status(maps[0].job()).unwrap();
    assert_eq!((status.finished_maps, status.used_slots), (1, 2));
    let mut beat = register(&running, &[]);
    beat.initial_contact = false;
    beat.sequence += 1;
    beat.response_id = answer.response_id;
    beat.statuses.iter_mut().for_each(|s| s.state = TaskState::Succeeded);
    let next = launched(&jt.heartbeat(2_000_002, beat).actions);
    assert_eq!(next[0].to_string(), "attempt_1_0001_r_000000_1000", "numbers go on at a thousand");
    assert_eq!(jt.new_job_id().to_string(), "job_2_0001");
}

#[test]
fn what_the_tracker_lost_meanwhile_runs_again() {
    let (mut script, submission, maps) = half_done();
    let events = journal(&mut script, "");
    let mut jt = restarted(2_000_000, submission, &events);
    let mut fresh = register(&[], &[]);
    fresh.incarnation = 2;
    let again = launched(&jt.heartbeat(2_000_001, fresh).actions);
    let mut tasks: Vec<_> = again.iter().map(|id| id.task.number).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [0, 1, 2]);
    assert!(again.iter().all(|id| id.number >= 1000 && id.kind() == TaskKind::Map));
    assert_eq!(jt.job_status(maps[0].job()).unwrap().finished_maps, 0);
}

#[test]
fn trackers_that_never_come_are_lost_in_their_time() {
    let (mut script, submission, maps) = half_done();
    let events = journal(&mut script, "");
    let mut jt = restarted(2_000_000, submission, &events);
    jt.tick(2_600_000);
    assert_eq!(jt.job_status(maps[0].job()).unwrap().used_slots, 2);
    jt.tick(2_600_001);
    assert_eq!(jt.job_status(maps[0].job()).unwrap().used_slots, 0);
}

#[test]
fn an_attempt_that_the_journal_missed_is_adopted() {
    let (mut script, submission, maps) = half_done();
    let events = journal(&mut script, "TASK_STARTED");
    let mut jt = restarted(2_000_000, submission, &events);
    let running = [(&maps[1], TaskState::Running)];
    let started = launched(&jt.heartbeat(2_000_001, register(&running, &[])).actions);
    let mut tasks: Vec<_> = started.iter().map(|id| id.task.number).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [0, 2], "not the one that runs");
}

#[test]
fn what_a_lost_set_up_may_have_made_is_removed() {
    let (_, submission, maps) = half_done();
    let id = maps[0].job().clone();
    let mut jt = restarted(2_000_000, submission, &[]);
    jt.fail_job(2_000_001, &id, "no reason");
    let started = launched(&jt.heartbeat(2_000_002, register(&[], &[])).actions);
    assert_eq!(started.iter().map(AttemptId::kind).collect::<Vec<_>>(), [TaskKind::JobCleanup]);
}

#[test]
fn a_grant_of_the_time_before_is_kept() {
    let mut script = Script::new(&[4]);
    let maps = script.run(1, 0, &[]);
    let granted = script.end(0, &maps, TaskState::CommitPending);
    assert_eq!(granted, [Action::Commit(maps[0].clone())]);
    let submission = script.jt.submission(maps[0].job()).unwrap().clone();
    let events = journal(&mut script, "");
    let mut jt = restarted(2_000_000, submission, &events);
    let mut beat = register(&[(&maps[0], TaskState::CommitPending)], &[]);
    beat.statuses[0].commit_granted = true;
    let answer = jt.heartbeat(2_000_001, beat);
    assert_eq!(answer.actions, [Action::Commit(maps[0].clone())]);
    assert!(jt.holds_commit(&maps[0]));
}

#[test]
fn files_of_a_job_that_is_unknown_or_over_are_purged() {
    let (mut script, submission, maps) = half_done();
    let events = journal(&mut script, "none");
    let mut jt = restarted(10, submission, &events);
    let (known, unknown) = (maps[0].job().clone(), JobId::new("1", 77));
    let beat = Heartbeat { held_jobs: vec![known.clone(), unknown.clone()], ..register(&[], &[]) };
    let actions = jt.heartbeat(11, beat).actions;
    assert!(actions.contains(&Action::PurgeJob(unknown)));
    assert!(!actions.contains(&Action::PurgeJob(known)));
}

#[test]
fn a_job_that_was_over_stays_over_and_a_foreign_journal_is_refused() {
    let mut script = Script::new(&[1]);
    let cleanup = script.run(0, 0, &[]);
    let submission = script.jt.submission(cleanup[0].job()).unwrap().clone();
    script.end(0, &cleanup, TaskState::Succeeded);
    let events = journal(&mut script, "");
    let mut jt = jobtracker("2");
    let over = jt.recover(1, submission, &events);
    assert_eq!(over, Ok(Recovered::WasOver(JobState::Succeeded)));
    let (mut script, mut submission, _) = half_done();
    let events = journal(&mut script, "");
    submission.splits.truncate(1);
    assert!(jobtracker("2").recover(1, submission, &events).is_err());
}

#[test]
fn numbers_of_attempts_are_new_though_the_first_journal_was_lost_as_a_whole() {
    let (_, submission, _) = half_done();
    let mut events = Vec::new();
    for start in 1..4 {
        let mut script = Script::of(restarted(start, submission.clone(), &events), &[4]);
        // What the first contact ordered is lost with the tracker, and ordered again.
        let setup = launched(&script.register(0, 2));
        assert_eq!(setup[0].number / 1000, start as u32);
        events = journal(&mut script, "nothing");
    }
}
