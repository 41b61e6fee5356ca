use super::*;
use crate::job::{JobId, Resources};
use crate::jobtracker::{Action, Launch};

fn attempt(kind: TaskKind, number: u32) -> AttemptId {
    JobId::new("1", 1).task(kind, number).attempt(0)
}

fn launch(id: &AttemptId) -> Action {
    Action::Launch(Box::new(Launch {
        attempt: id.clone(),
        user: "ann".into(),
        job_name: "job".into(),
        job_dir: "/job".into(),
        split: None,
        input_length: 0,
        locations: Vec::new(),
        maps: 1,
        reduces: 1,
        size: Resources::new(1024, 1),
        job_end: None,
        is_cleanup: false,
        job_token: Vec::new().into(),
    }))
}

fn answer(response_id: i64, actions: Vec<Action>) -> HeartbeatAnswer {
    HeartbeatAnswer { response_id, interval: 3000, actions, events: Vec::new(), expiry: 1000 }
}

fn tracker() -> TaskTracker {
    TaskTracker::new("tracker_h:1", TrackerNode::default(), 1)
}

#[test]
fn an_end_is_repeated_until_it_was_heard() {
    let mut tracker = tracker();
    let map = attempt(TaskKind::Map, 0);
    let (sent, beat) = tracker.beat(0);
    assert!(beat.initial_contact && beat.response_id == -1);
    let orders = tracker.answered(0, sent, answer(1, vec![launch(&map)]));
    assert!(matches!(orders.as_slice(), [Order::Start(_)]));
    assert!(tracker.answered(0, sent, answer(1, vec![launch(&map)])).is_empty(), "once");
    let (early, _) = tracker.beat(0);
    tracker.done(5, AttemptStatus::new(map.clone(), TaskState::Running));
    assert!(tracker.take_urgent() && tracker.holds_output(&map));
    tracker.exited(&map, false, &Ending::Code(0));
    for _ in 0..2 {
        let (_, beat) = tracker.beat(0);
        assert_eq!(beat.statuses[0].state, TaskState::Succeeded);
    }
    tracker.answered(6, early, answer(2, vec![]));
    let (late, beat) = tracker.beat(0);
    assert_eq!(beat.statuses.len(), 1, "the answered message did not have it");
    tracker.answered(7, late, answer(3, vec![]));
    let (_, beat) = tracker.beat(0);
    assert!(beat.statuses.is_empty() && beat.held_outputs.is_empty());
    let (_, beat) = {
        tracker.answered(
            8,
            late,
            HeartbeatAnswer { response_id: -1, ..answer(0, vec![Action::Register]) },
        );
        tracker.beat(0)
    };
    assert_eq!((beat.initial_contact, &beat.held_outputs), (true, &vec![map.clone()]));
    assert_eq!(beat.held_jobs, [map.job().clone()]);
}

#[test]
fn a_job_is_held_until_it_is_purged() {
    let mut tracker = tracker();
    let reduce = attempt(TaskKind::Reduce, 0);
    let (sent, beat) = tracker.beat(0);
    assert!(beat.held_jobs.is_empty());
    tracker.answered(0, sent, answer(1, vec![launch(&reduce)]));
    tracker.exited(&reduce, false, &Ending::Signal(9));
    let again = HeartbeatAnswer { response_id: -1, ..answer(0, vec![Action::Register]) };
    tracker.answered(1, sent, again);
    let (sent, beat) = tracker.beat(2);
    assert_eq!(beat.held_jobs, [reduce.job().clone()], "its files are here, whatever became of it");
    tracker.answered(2, sent, answer(1, vec![Action::PurgeJob(reduce.job().clone())]));
    let again = HeartbeatAnswer { response_id: -1, ..answer(0, vec![Action::Register]) };
    tracker.answered(3, sent, again);
    assert!(tracker.beat(4).1.held_jobs.is_empty());
}

#[test]
fn how_a_process_ends_says_what_became_of_it() {
    let mut tracker = tracker();
    let ids: Vec<_> = (0..4).map(|n| attempt(TaskKind::Reduce, n)).collect();
    let (sent, _) = tracker.beat(0);
    tracker.answered(0, sent, answer(1, ids.iter().map(launch).collect()));
    let kill =
        |id: &AttemptId, fail| Action::Kill { attempt: id.clone(), reason: "so".into(), fail };
    let orders =
        tracker.answered(0, sent, answer(2, vec![kill(&ids[0], false), kill(&ids[1], true)]));
    assert_eq!(orders.len(), 2);
    tracker.exited(&ids[0], false, &Ending::Signal(9));
    tracker.exited(&ids[1], false, &Ending::Signal(9));
    tracker.exited(&ids[2], false, &Ending::Code(3));
    tracker.exited(&ids[3], false, &Ending::Code(0));
    let (_, beat) = tracker.beat(0);
    let states: Vec<_> = beat.statuses.iter().map(|s| s.state).collect();
    use TaskState::{FailedUnclean, KilledUnclean};
    assert_eq!(states, [KilledUnclean, FailedUnclean, FailedUnclean, FailedUnclean]);
    assert_eq!(beat.statuses[2].diagnostics, "Task process exit with nonzero status of 3.");
}

#[test]
fn silence_counts_against_an_attempt() {
    let mut tracker = tracker();
    let map = attempt(TaskKind::Map, 0);
    let (sent, _) = tracker.beat(0);
    tracker.answered(100, sent, answer(1, vec![launch(&map)]));
    assert!(tracker.silent(100_000, |_| 0).is_empty());
    assert!(tracker.silent(600_100, |_| 600_000).is_empty());
    assert_eq!(tracker.silent(600_101, |_| 600_000).len(), 1);
    assert!(tracker.silent(700_000, |_| 600_000).is_empty(), "told once");
    let report = AttemptStatus::new(map.clone(), TaskState::Running);
    assert_eq!(tracker.status_update(700_000, report), StatusReply::End);
    tracker.exited(&map, false, &Ending::Signal(15));
    let (_, beat) = tracker.beat(0);
    assert_eq!(beat.statuses[0].state, TaskState::FailedUnclean);
    assert!(beat.statuses[0].diagnostics.contains("Timed out after 600 secs"));
}

#[test]
fn a_grant_is_good_while_the_jobtracker_is_heard() {
    let mut tracker = tracker();
    let reduce = attempt(TaskKind::Reduce, 0);
    let (sent, _) = tracker.beat(0);
    tracker.answered(0, sent, answer(1, vec![launch(&reduce)]));
    tracker.status_update(0, AttemptStatus::new(reduce.clone(), TaskState::CommitPending));
    assert!(tracker.take_urgent() && !tracker.may_commit(0, &reduce));
    let (sent, beat) = tracker.beat(10);
    assert_eq!(beat.statuses[0].state, TaskState::CommitPending);
    let orders = tracker.answered(10, sent, answer(2, vec![Action::Commit(reduce.clone())]));
    assert_eq!(orders, [Order::CommitGranted(reduce.clone())]);
    assert!(tracker.may_commit(10, &reduce) && tracker.may_commit(509, &reduce));
    assert!(!tracker.may_commit(510, &reduce), "the expiry is 1000, and half of it is over");
}

#[test]
fn a_lost_tracker_begins_anew() {
    let mut tracker = tracker();
    let map = attempt(TaskKind::Map, 0);
    let (old, _) = tracker.beat(0);
    tracker.answered(0, old, answer(1, vec![launch(&map)]));
    let (sent, _) = tracker.beat(0);
    let told = HeartbeatAnswer { response_id: -1, ..answer(0, vec![Action::Reinitialize]) };
    assert_eq!(tracker.answered(5, sent, told), [Order::Reset]);
    assert!(tracker.answered(6, sent, answer(2, vec![launch(&map)])).is_empty(), "of another life");
    let (_, beat) = tracker.beat(0);
    assert!(beat.initial_contact && beat.incarnation == 2 && beat.statuses.is_empty());
}

#[test]
fn a_job_that_is_over_leaves_nothing() {
    let mut tracker = tracker();
    let map = attempt(TaskKind::Map, 0);
    let reduce = attempt(TaskKind::Reduce, 0);
    let (sent, _) = tracker.beat(0);
    tracker.answered(0, sent, answer(1, vec![launch(&map), launch(&reduce)]));
    tracker.done(1, AttemptStatus::new(map.clone(), TaskState::Running));
    tracker.exited(&map, false, &Ending::Code(0));
    assert_eq!(tracker.cursors().len(), 1);
    let job = map.job().clone();
    let orders = tracker.answered(2, sent, answer(2, vec![Action::PurgeJob(job.clone())]));
    assert!(orders.contains(&Order::RemoveJob(job)) && orders.len() == 2);
    assert!(!tracker.holds_output(&map) && tracker.cursors().is_empty());
    assert_eq!(tracker.running().count(), 1, "its process must be seen to go");
}

#[test]
fn a_late_answer_of_a_former_jobtracker_acknowledges_nothing() {
    let mut tracker = tracker();
    let (sent, _) = tracker.beat(0);
    tracker.answered(0, sent, answer(76, vec![]));
    let (late, _) = tracker.beat(1);
    let (sent, _) = tracker.beat(2);
    let register = HeartbeatAnswer { response_id: -1, ..answer(0, vec![Action::Register]) };
    tracker.answered(2, sent, register.clone());
    let (sent, beat) = tracker.beat(3);
    assert!(beat.initial_contact);
    tracker.answered(3, late, answer(77, vec![launch(&attempt(TaskKind::Map, 0))]));
    let (_, beat) = tracker.beat(4);
    assert!(beat.initial_contact && beat.statuses.is_empty(), "it is not registered by that");
    tracker.answered(5, sent, answer(1, vec![]));
    tracker.answered(6, late, answer(77, vec![]));
    tracker.answered(6, late, register);
    let (_, beat) = tracker.beat(7);
    assert_eq!((beat.initial_contact, beat.response_id), (false, 1));
}
