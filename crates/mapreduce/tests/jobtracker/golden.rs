//! Scripts: what happens, and what must follow.

use loxodon_mapreduce::job::{
    AttemptId, Caller, CompletionStatus, JobState, Locality, Phase, TaskKind, TaskState,
};
use loxodon_mapreduce::jobtracker::{Action, AttemptStatus};
use loxodon_mapreduce::protocol::counters_of;

use crate::cluster::{Script, killed, launched, launches};

fn texts(ids: &[AttemptId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn a_job_goes_from_set_up_to_commit() {
    let mut script = Script::new(&[4]);
    script.submit(2, 1, &[]);
    assert_eq!(script.state(1), JobState::Prep);
    let setup = launched(&script.beat(0, vec![]));
    assert_eq!(texts(&setup), ["attempt_1_0001_s_000000_0"]);
    let maps = launched(&script.end(0, &setup, TaskState::Succeeded));
    assert_eq!(texts(&maps), ["attempt_1_0001_m_000000_0", "attempt_1_0001_m_000001_0"]);
    assert_eq!(script.state(1), JobState::Running);
    let reduces = launched(&script.end(0, &maps[..1], TaskState::Succeeded));
    assert_eq!(texts(&reduces), ["attempt_1_0001_r_000000_0"], "slow-start is 5 %");
    assert!(script.end(0, &maps[1..], TaskState::Succeeded).is_empty());
    let granted = script.end(0, &reduces, TaskState::CommitPending);
    assert_eq!(granted, [Action::Commit(reduces[0].clone())]);
    let cleanup = script.end(0, &reduces, TaskState::Succeeded);
    assert_eq!(texts(&launched(&cleanup)), ["attempt_1_0001_c_000000_0"]);
    assert_eq!(launches(&cleanup)[0].job_end, Some(JobState::Succeeded));
    let purge = script.end(0, &launched(&cleanup), TaskState::Succeeded);
    assert!(matches!(purge.as_slice(), [Action::PurgeJob(_)]));
    assert_eq!(script.state(1), JobState::Succeeded);
    assert_eq!(
        script.history(),
        [
            "AM_STARTED",
            "JOB_SUBMITTED",
            "JOB_INITED",
            "JOB_INFO_CHANGED",
            "JOB_STATUS_CHANGED",
            "TASK_STARTED",
            "MAP_ATTEMPT_STARTED",
            "TASK_STARTED",
            "MAP_ATTEMPT_STARTED",
            "MAP_ATTEMPT_FINISHED",
            "TASK_FINISHED",
            "TASK_STARTED",
            "REDUCE_ATTEMPT_STARTED",
            "MAP_ATTEMPT_FINISHED",
            "TASK_FINISHED",
            "REDUCE_ATTEMPT_FINISHED",
            "TASK_FINISHED",
            "JOB_FINISHED",
        ]
    );
}

#[test]
fn a_job_without_tasks_only_prepares_and_commits() {
    let mut script = Script::new(&[1]);
    let cleanup = script.run(0, 0, &[]);
    assert_eq!(cleanup[0].kind(), TaskKind::JobCleanup);
    script.end(0, &cleanup, TaskState::Succeeded);
    assert_eq!(script.state(1), JobState::Succeeded);
    let id = script.submit(0, 0, &[("mapreduce.job.committer.setup.cleanup.needed", "false")]);
    assert_eq!(script.state(id.number), JobState::Succeeded);
}

#[test]
fn a_task_is_tried_four_times_elsewhere() {
    let mut script = Script::new(&[1, 1]);
    let mut next = script.run(1, 0, &[("mapreduce.job.committer.task.cleanup.needed", "false")]);
    let mut tracker = 0;
    for number in 0..4 {
        assert_eq!(next[0].number, number);
        let mut report = AttemptStatus::new(next[0].clone(), TaskState::FailedUnclean);
        report.diagnostics = format!("bad luck {number}");
        let here = launched(&script.beat(tracker, vec![report]));
        script.now += 10_000;
        if number == 3 {
            next = here;
            break;
        }
        if number == 0 {
            assert!(here.is_empty(), "not where it failed while there is another place");
        }
        tracker = usize::from(number == 0);
        next = launched(&script.beat(tracker, vec![]));
        if next.is_empty() {
            next = here;
        }
    }
    let job =
        next.first().map_or_else(|| script.jt.running_jobs()[0].clone(), |id| id.job().clone());
    script.finish();
    assert_eq!(script.state(1), JobState::Failed);
    let status = script.jt.all_jobs().remove(0);
    for part in ["Task failed task_1_0001_m_000000", "tracker_h", "bad luck 3", "failedMaps:1"] {
        assert!(status.failure_info.contains(part), "{}", status.failure_info);
    }
    let events = script.jt.completion_events(&job, 0, 100).events;
    let statuses: Vec<_> = events.iter().map(|e| e.status).collect();
    use CompletionStatus::{Failed, Succeeded, TipFailed};
    assert_eq!(statuses, [Succeeded, Failed, Failed, Failed, TipFailed, Succeeded]);
}

#[test]
fn maps_wait_for_their_input_and_not_for_ever() {
    // h0 and h1 are on a rack, h2 on another.
    let mut script = Script::new(&[1, 4, 4]);
    script.submit(2, 0, &[]);
    let setup = launched(&script.beat(2, vec![]));
    assert!(launched(&script.end(2, &setup, TaskState::Succeeded)).is_empty(), "h2 holds nothing");
    assert_eq!(launched(&script.beat(1, vec![])).len(), 1, "the input of one map is on h1");
    script.now += 4_499;
    assert!(launched(&script.beat(1, vec![])).is_empty());
    script.now += 1;
    assert!(launched(&script.beat(2, vec![])).is_empty(), "a rack first");
    assert_eq!(launched(&script.beat(1, vec![])).len(), 1);
    let counters = script.jt.counters(setup[0].job()).unwrap().total.unwrap();
    let text = format!("{counters:?}");
    assert!(text.contains("DATA_LOCAL_MAPS") && text.contains("RACK_LOCAL_MAPS"), "{text}");
    let reports = script.jt.task_reports(setup[0].job(), TaskKind::Map, true).unwrap();
    assert_eq!(reports[0].attempts[0].locality, Locality::Rack.name());
}

#[test]
fn input_that_no_machine_holds_waits_for_none() {
    let mut script = Script::new(&[1]);
    let id = script.jt.new_job_id();
    let mut job = crate::cluster::submission(id, 1, 0, 1, &[]);
    job.splits[0].locations = vec!["elsewhere".into()];
    script.jt.submit(script.now, &Caller::named("ann"), job).unwrap();
    let setup = launched(&script.beat(0, vec![]));
    assert_eq!(launched(&script.end(0, &setup, TaskState::Succeeded)).len(), 1);
}

#[test]
fn one_attempt_wins_and_the_other_is_killed() {
    let mut script = Script::new(&[4, 4]);
    let conf = [
        ("mapreduce.job.reduce.slowstart.completedmaps", "1"),
        ("mapreduce.job.speculative.slowtaskthreshold", "0"),
    ];
    let maps = script.run(4, 0, &conf);
    let others = launched(&script.beat(1, vec![]));
    assert_eq!((maps.len(), others.len()), (2, 2));
    script.now += 1_000;
    script.end(0, &maps, TaskState::Succeeded);
    script.end(1, &others[..1], TaskState::Succeeded);
    script.now += 30_000;
    script.jt.tick(script.now);
    let company = launched(&script.beat(0, vec![]));
    assert_eq!(company[0].task, others[1].task, "the slow one");
    assert_eq!(company[0].number, 1);
    assert!(launched(&script.beat(0, vec![])).is_empty(), "one at a time");
    let both = [company[0].clone()];
    assert_eq!(
        script.end(0, &both, TaskState::CommitPending),
        [Action::Commit(company[0].clone())]
    );
    assert!(script.end(1, &others[1..], TaskState::CommitPending).is_empty(), "too late");
    script.end(0, &both, TaskState::Succeeded);
    assert_eq!(killed(&script.beat(1, vec![])), others[1..]);
    script.end(1, &others[1..], TaskState::Killed);
    script.finish();
    assert_eq!(script.state(1), JobState::Succeeded);
}

#[test]
fn complete_maps_of_a_lost_tracker_run_again() {
    let mut script = Script::new(&[1, 2]);
    let maps = script.run(1, 1, &[]);
    let reduce = launched(&script.end(0, &maps, TaskState::Succeeded));
    assert_eq!(reduce.len(), 1, "it takes the room that the map left");
    script.now += 600_001;
    script.beat(1, vec![]);
    script.jt.tick(script.now);
    script.now += 10_000;
    let again = launched(&script.beat(1, vec![]));
    let found: Vec<_> = again.iter().map(|id| (id.task.clone(), id.number)).collect();
    assert_eq!(found, [(maps[0].task.clone(), 1)], "the reduce waits for it");
    let events = script.jt.completion_events(maps[0].job(), 0, 9).events;
    let of_map: Vec<_> = events.iter().filter(|e| e.attempt == maps[0]).map(|e| e.status).collect();
    assert_eq!(of_map, [CompletionStatus::Obsolete, CompletionStatus::Killed]);
    let told = script.beat(0, vec![]);
    assert_eq!(told, [Action::Reinitialize], "it was lost, and must begin anew");
    assert!(script.register(0, 2).iter().all(|a| !matches!(a, Action::Reinitialize)));
    let next = launched(&script.end(1, &again, TaskState::Succeeded));
    assert_eq!(next[0].task, reduce[0].task);
    script.end(1, &next, TaskState::Succeeded);
    script.finish();
    assert_eq!(script.state(1), JobState::Succeeded);
}

#[test]
fn reduces_that_cannot_fetch_make_a_map_run_again() {
    let mut script = Script::new(&[1, 4]);
    let maps = script.run(1, 3, &[]);
    let first = launched(&script.end(0, &maps, TaskState::Succeeded));
    let reduces = launched(&script.beat(1, vec![]));
    let complain = |id: &AttemptId| {
        let mut report = AttemptStatus::new(id.clone(), TaskState::Running);
        report.phase = Phase::Shuffle;
        report.fetch_failures = vec![maps[0].clone()];
        report
    };
    assert_eq!((first.len(), reduces.len()), (1, 2));
    script.beat(1, reduces.iter().map(complain).collect());
    let events = |script: &Script| script.jt.completion_events(maps[0].job(), 0, 9).events;
    assert!(events(&script).iter().all(|e| e.status == CompletionStatus::Succeeded));
    script.beat(0, first.iter().map(complain).collect());
    let statuses: Vec<_> = events(&script).iter().map(|e| e.status).collect();
    use CompletionStatus::{Failed, Obsolete, Succeeded};
    assert_eq!(statuses, [Succeeded, Obsolete, Failed]);
}

#[test]
fn counters_are_summed_once() {
    let mut script = Script::new(&[2]);
    let maps = script.run(2, 0, &[]);
    let report = |id: &AttemptId, state| {
        let mut report = AttemptStatus::new(id.clone(), state);
        let groups = [("org.example.Count", "Count", [("WORDS", "Words", 5)])];
        report.counters = Some(counters_of(groups));
        report
    };
    script.beat(0, maps.iter().map(|id| report(id, TaskState::Running)).collect());
    script.beat(0, maps.iter().map(|id| report(id, TaskState::Succeeded)).collect());
    script.beat(0, maps.iter().map(|id| report(id, TaskState::Succeeded)).collect());
    let total = script.jt.counters(maps[0].job()).unwrap().map.unwrap();
    assert_eq!(total.groups[0].counters[0].value, 10);
}

#[test]
fn a_job_is_killed_and_its_output_aborted() {
    let mut script = Script::new(&[2]);
    let maps = script.run(3, 0, &[]);
    let id = maps[0].job().clone();
    script.jt.kill_job(script.now, &Caller::named("ann"), &id).unwrap();
    let actions = script.beat(0, vec![]);
    assert_eq!(killed(&actions), maps);
    let cleanup = script.end(0, &maps, TaskState::KilledUnclean);
    assert_eq!(launches(&cleanup)[0].job_end, Some(JobState::Killed));
    script.end(0, &launched(&cleanup), TaskState::Succeeded);
    assert_eq!(script.state(1), JobState::Killed);
    assert!(script.jt.all_jobs()[0].failure_info.contains("received from ann"));
    // One that waits has nothing to abort.
    let waiting = script.submit(1, 0, &[]);
    script.jt.kill_job(script.now, &Caller::named("ann"), &waiting).unwrap();
    assert_eq!(script.state(2), JobState::Killed);
}

#[test]
fn a_failed_commit_is_aborted() {
    let mut script = Script::new(&[1]);
    let mut next = script.run(0, 0, &[]);
    for _ in 0..4 {
        let actions = script.end(0, &next, TaskState::Failed);
        next = launched(&actions);
    }
    script.end(0, &next, TaskState::Succeeded);
    assert_eq!(script.state(1), JobState::Failed);
    assert!(script.jt.all_jobs()[0].failure_info.contains("Job commit failed"));
}

#[test]
fn what_a_failed_attempt_left_is_cleaned_up_after() {
    let mut script = Script::new(&[2]);
    let maps = script.run(1, 0, &[]);
    let actions = script.end(0, &maps, TaskState::FailedUnclean);
    let found = launches(&actions);
    assert!(found.iter().any(|l| l.is_cleanup && l.attempt == maps[0]));
    assert!(found.iter().any(|l| !l.is_cleanup && l.attempt.number == 1));
}

#[test]
fn users_kill_and_fail_attempts() {
    let mut script = Script::new(&[1]);
    let maps = script.run(1, 0, &[("mapreduce.map.maxattempts", "1")]);
    let ann = Caller::named("ann");
    assert_eq!(script.jt.kill_task(script.now, &ann, &maps[0], false), Ok(true));
    assert_eq!(killed(&script.beat(0, vec![])), maps);
    let again = launched(&script.end(0, &maps, TaskState::KilledUnclean));
    let again: Vec<_> = again.into_iter().filter(|id| id.number == 1).collect();
    let again = if again.is_empty() {
        let mut cleanup = AttemptStatus::new(maps[0].clone(), TaskState::Succeeded);
        cleanup.is_cleanup = true;
        launched(&script.beat(0, vec![cleanup]))
    } else {
        again
    };
    assert_eq!(again[0].number, 1, "a kill does not count");
    assert_eq!(script.jt.kill_task(script.now, &ann, &again[0], true), Ok(true));
    script.end(0, &again, TaskState::KilledUnclean);
    let cleanup = launched(&script.beat(0, vec![]));
    assert!(cleanup.is_empty() || cleanup[0].kind() == TaskKind::JobCleanup);
    assert_eq!(script.jt.task_reports(maps[0].job(), TaskKind::Map, false).unwrap()[0].status, 4);
}

#[test]
fn a_lost_answer_is_repeated_and_an_old_message_passed_over() {
    let mut script = Script::new(&[1]);
    script.submit(1, 0, &[]);
    let first = launched(&script.beat(0, vec![]));
    assert_eq!(first.len(), 1);
    // As if that answer had not arrived: the next message acknowledges what was before it.
    let setup = first;
    let beat = loxodon_mapreduce::jobtracker::Heartbeat {
        tracker: "tracker_h0:1".into(),
        incarnation: 1,
        initial_contact: false,
        sequence: 50,
        response_id: 0,
        node: crate::cluster::node(0, 1),
        accepts_tasks: true,
        health_report: String::new(),
        statuses: Vec::new(),
        held_outputs: Vec::new(),
        held_jobs: Vec::new(),
        cursors: Vec::new(),
    };
    let answer = script.jt.heartbeat(script.now, beat.clone());
    assert_eq!(launched(&answer.actions), setup);
    let mut old = beat;
    old.sequence = 1;
    old.statuses = vec![AttemptStatus::new(setup[0].clone(), TaskState::Failed)];
    assert_eq!(launched(&script.jt.heartbeat(script.now, old).actions), setup);
    assert_eq!(script.state(1), JobState::Prep, "the old report was passed over");
}

#[test]
fn others_may_not_and_queues_refuse() {
    let mut script = Script::new(&[1]);
    let id = script.jt.new_job_id();
    let ann = Caller::named("ann");
    let unknown = script.jt.check_submission(&ann, &id, "nowhere", None);
    assert_eq!(unknown.unwrap_err().to_string(), "Queue \"nowhere\" does not exist");
    let job = crate::cluster::submission(id.clone(), 1, 0, 1, &[]);
    script.jt.submit(0, &ann, job.clone()).unwrap();
    assert!(script.jt.submit(0, &ann, job).is_err(), "an id is used once");
    assert!(script.jt.set_priority(&ann, &id, "SOON").is_err());
    script.jt.set_priority(&ann, &id, "HIGH").unwrap();
    assert_eq!(script.jt.job_status(&id).map(|s| s.priority), Some(4));
}

#[test]
fn reduces_make_room_for_maps_that_run_again() {
    let mut script = Script::new(&[1, 1]);
    let maps = script.run(1, 2, &[]);
    script.end(0, &maps, TaskState::Succeeded);
    let reduce = launched(&script.beat(1, vec![]));
    assert_eq!(reduce.len(), 1);
    // The map's machine is taken out: its output is gone, and no room is left.
    script.jt.exclude(script.now, |host| host == "h0");
    script.now += 1_000;
    script.jt.tick(script.now);
    assert!(killed(&script.beat(1, vec![])).is_empty(), "not at once");
    script.now += 5_000;
    script.jt.tick(script.now);
    assert_eq!(killed(&script.beat(1, vec![])), reduce);
    let again = launched(&script.end(1, &reduce, TaskState::Killed));
    assert_eq!(again.first().map(|id| id.kind()), Some(TaskKind::Map));
}
