//! What operators, queues and jobs set: who may do what, how much runs at once, which machines are avoided, how
//! long is waited and kept.

use loxodon_conf::Configuration;
use loxodon_mapreduce::job::{
    AccessControlList, AttemptId, Caller, JobAcl, JobState, Phase, TaskKind, TaskState,
};
use loxodon_mapreduce::jobtracker::{
    AttemptStatus, Effect, JobTracker, JobTrackerSettings, Submission,
};
use loxodon_mapreduce::scheduler::{SchedulerFiles, from_configuration};

use crate::cluster::{Script, killed, launched, submission};

/// Failures are not cleaned up after, and one is enough to avoid a tracker.
const TOUCHY: [(&str, &str); 2] = [
    ("mapreduce.job.maxtaskfailures.per.tracker", "1"),
    ("mapreduce.job.committer.task.cleanup.needed", "false"),
];

/// A JobTracker with these settings and the scheduler that these keys name.
fn jobtracker(
    settings: JobTrackerSettings,
    keys: &[(&str, &str)],
    allocations: Option<&str>,
) -> JobTracker {
    let mut conf = Configuration::new();
    for (key, value) in keys {
        conf.set(key, value, "test");
    }
    JobTracker::new(
        settings,
        from_configuration(&conf, SchedulerFiles { allocations, ..Default::default() }).unwrap(),
        "1",
    )
}

#[test]
fn a_job_avoids_a_tracker_and_others_do_not() {
    let mut script = Script::new(&[1, 1, 1, 1]);
    let first = script.run(8, 0, &TOUCHY);
    assert_eq!(first.len(), 1);
    assert!(launched(&script.end(0, &first, TaskState::Failed)).is_empty());
    script.now += 10_000;
    assert!(launched(&script.beat(0, vec![])).is_empty(), "for all the input that is there");
    assert_eq!(launched(&script.beat(1, vec![])).len(), 1);
    script.submit(1, 0, &[]);
    let other = launched(&script.beat(0, vec![]));
    assert_eq!(other.first().map(|id| id.job().number), Some(2));
}

#[test]
fn a_map_gets_room_on_the_only_tracker_that_it_may_still_go_to() {
    let mut script = Script::new(&[1, 1]);
    let eager = [("mapreduce.job.reduce.slowstart.completedmaps", "0.0")];
    let map = script.run(1, 2, &eager);
    let reduce = launched(&script.beat(1, vec![]));
    assert_eq!(reduce.first().map(AttemptId::kind), Some(TaskKind::Reduce));
    let mut shuffling = AttemptStatus::new(reduce[0].clone(), TaskState::Running);
    shuffling.phase = Phase::Shuffle;
    script.beat(1, vec![shuffling.clone()]);
    // Its own tracker has room, but the map has failed there; the other's is the reduce's.
    script.end(0, &map, TaskState::Failed);
    let mut ended = Vec::new();
    for _ in 0..100 {
        script.now += 1_000;
        script.jt.tick(script.now);
        script.beat(0, vec![]);
        ended = killed(&script.beat(1, vec![shuffling.clone()]));
        if !ended.is_empty() {
            break;
        }
    }
    assert_eq!(ended, reduce);
    let next = launched(&script.end(1, &reduce, TaskState::Killed));
    assert_eq!(next, [map[0].task.attempt(1)]);
}

#[test]
fn the_cluster_avoids_a_tracker_that_jobs_found_fault_with_until_that_is_long_ago() {
    let settings = JobTrackerSettings { max_blacklists: 2, ..JobTrackerSettings::default() };
    let mut script = Script::of(jobtracker(settings, &[], None), &[1, 1, 1, 1]);
    for job in 1..=2 {
        assert!(script.jt.blacklisted_trackers().is_empty(), "one job is not enough");
        let first = script.run(4, 0, &TOUCHY);
        script.end(0, &first, TaskState::Failed);
        script.work();
        assert_eq!(script.state(job), JobState::Succeeded);
    }
    let names = |script: &Script| -> Vec<String> {
        script.jt.blacklisted_trackers().into_iter().map(|tracker| tracker.name).collect()
    };
    assert_eq!(names(&script), ["tracker_h0:1"]);
    script.submit(4, 0, &[]);
    assert!(launched(&script.beat(0, vec![])).is_empty());
    script.now += JobTrackerSettings::default().fault_window;
    for tracker in 0..4 {
        script.beat(tracker, vec![]);
    }
    script.jt.tick(script.now);
    assert!(names(&script).is_empty());
}

#[test]
fn a_job_runs_as_many_at_once_as_it_wants() {
    let mut script = Script::new(&[8]);
    let maps = script.run(5, 0, &[("mapreduce.job.running.map.limit", "2")]);
    assert_eq!(maps.len(), 2);
    assert_eq!(launched(&script.end(0, &maps[..1], TaskState::Succeeded)).len(), 1);
    assert!(launched(&script.beat(0, vec![])).is_empty());
    script.work();
    assert_eq!(script.state(1), JobState::Succeeded);
    let maps = script.run(1, 5, &[("mapreduce.job.running.reduce.limit", "3")]);
    let reduces = launched(&script.end(0, &maps, TaskState::Succeeded));
    assert_eq!(reduces.len(), 3);
    assert!(reduces.iter().all(|id| id.kind() == TaskKind::Reduce));
}

#[test]
fn lists_say_who_sees_and_changes_a_job() {
    let administrators = AccessControlList::parse("root");
    let settings = JobTrackerSettings { acls: true, administrators, ..Default::default() };
    let keys = [
        ("mapreduce.cluster.acls.enabled", "true"),
        ("mapred.queue.default.acl-submit-job", "ann"),
        ("mapred.queue.default.acl-administer-jobs", "quinn"),
    ];
    let mut script = Script::of(jobtracker(settings, &keys, None), &[1]);
    let id = script.submit(
        1,
        0,
        &[("mapreduce.job.acl-view-job", "bob"), ("mapreduce.job.acl-modify-job", " staff")],
    );
    let carl = Caller { user: "carl".into(), groups: vec!["staff".into()] };
    for (caller, sees, changes) in [
        (Caller::named("ann"), true, true),
        (Caller::named("root"), true, true),
        (Caller::named("quinn"), true, true),
        (Caller::named("bob"), true, false),
        (carl, false, true),
        (Caller::named("eve"), false, false),
    ] {
        let may = |acl| script.jt.check_access(&caller, &id, acl).is_ok();
        assert_eq!((may(JobAcl::View), may(JobAcl::Modify)), (sees, changes), "{}", caller.user);
    }
    let eve = Caller::named("eve");
    let next = script.jt.new_job_id();
    assert!(script.jt.check_submission(&eve, &next, "default", None).is_err());
    assert!(script.jt.set_priority(&eve, &id, "HIGH").is_err());
    let refused = script.jt.kill_job(script.now, &eve, &id).unwrap_err().to_string();
    assert_eq!(refused, "User eve cannot perform operation MODIFY_JOB on job_1_0001. ");
    assert_eq!(script.state(1), JobState::Prep);
    script.jt.kill_job(script.now, &Caller::named("quinn"), &id).unwrap();
    script.work();
    assert_eq!(script.state(1), JobState::Killed);
}

#[test]
fn what_would_fail_everywhere_is_not_tried_again() {
    let mut script = Script::new(&[1, 1]);
    let maps = script.run(1, 0, &[]);
    let mut report = AttemptStatus::new(maps[0].clone(), TaskState::Failed);
    report.fast_fail = true;
    report.diagnostics = "the split is malformed".into();
    script.beat(0, vec![report]);
    script.finish();
    assert_eq!(script.state(1), JobState::Failed);
    let status = script.jt.all_jobs().remove(0);
    assert!(status.failure_info.contains("the split is malformed"), "{}", status.failure_info);
}

#[test]
fn of_old_jobs_a_summary_stays_and_then_nothing() {
    let settings = JobTrackerSettings {
        user_jobs_kept: 1,
        retired_kept: 1,
        retire_after: 3_600_000,
        ..JobTrackerSettings::default()
    };
    let mut script = Script::of(jobtracker(settings, &[], None), &[1]);
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let id = script.submit(0, 0, &[]);
            script.work();
            id
        })
        .collect();
    let retired = |script: &mut Script| -> Vec<_> {
        script.jt.tick(script.now);
        let effects = script.jt.take_effects().into_iter();
        effects
            .filter_map(|e| if let Effect::Retired { job } = e { Some(job) } else { None })
            .collect()
    };
    assert_eq!(retired(&mut script), [], "nothing could tell of them yet");
    assert!(script.jt.counters(&ids[0]).is_some());
    ids.iter().for_each(|id| script.jt.set_put_away(id));
    assert_eq!(retired(&mut script), ids[..1], "one of a user is kept");
    assert_eq!(script.jt.job_status(&ids[0]).map(|status| status.retired), Some(true));
    assert!(script.jt.counters(&ids[0]).is_none() && script.jt.counters(&ids[1]).is_some());
    script.now += 3_600_001;
    assert_eq!(retired(&mut script), ids[1..], "an hour is over");
    assert!(script.jt.job_status(&ids[0]).is_none(), "one summary is kept");
    assert_eq!(script.state(2), JobState::Succeeded);
}

#[test]
fn a_job_that_is_kept_keeps_no_others() {
    let settings = JobTrackerSettings {
        user_jobs_kept: 1,
        acls: true,
        administrators: AccessControlList::parse("boss"),
        ..JobTrackerSettings::default()
    };
    let acls = [("mapreduce.cluster.acls.enabled", "true")];
    let mut script = Script::of(jobtracker(settings, &acls, None), &[1]);
    let ids: Vec<_> = ["ann", "bob", "bob"]
        .into_iter()
        .map(|user| {
            let id = script.jt.new_job_id();
            let conf = [("mapreduce.job.acl-view-job", "friend")];
            let job = Submission { user: user.into(), ..submission(id.clone(), 0, 0, 1, &conf) };
            script.jt.submit(script.now, &Caller::named(user), job).expect("a submission");
            script.work();
            id
        })
        .collect();
    ids.iter().for_each(|id| script.jt.set_put_away(id));
    script.jt.tick(script.now);
    let is_retired = |id| script.jt.job_status(id).is_some_and(|status| status.retired);
    assert_eq!(ids.iter().map(is_retired).collect::<Vec<_>>(), [false, true, false]);
    let sees = |user| script.jt.check_access(&Caller::named(user), &ids[1], JobAcl::View).is_ok();
    assert_eq!(["bob", "friend", "boss", "eve"].map(sees), [true, true, true, false]);
}

#[test]
fn a_held_heartbeat_is_answered_when_there_is_something_to_say() {
    let mut script = Script::new(&[2, 2]);
    let (one, two) = ("tracker_h0:1", "tracker_h1:1");
    assert_eq!(script.jt.collect(script.now, one, &[]), None);
    assert_eq!(script.jt.collect(script.now, "a stranger", &[]), None);
    drop(script.jt.take_effects());
    let maps = script.run(1, 1, &[]);
    let effects = script.jt.take_effects();
    let woken = |name: &str| {
        effects.iter().any(|e| matches!(e, Effect::Wake { tracker, .. } if **tracker == *name))
    };
    assert!(woken(one) || woken(two), "{effects:?}");
    script.end(0, &maps, TaskState::Succeeded);
    let job = maps[0].job().clone();
    let cursors = [(job, 0)];
    let answer = script.jt.collect(script.now, two, &cursors).expect("news");
    assert_eq!(answer.events.len(), 1);
    assert_eq!(answer.events[0].events[0].attempt, maps[0]);
    let often = vec![cursors[0].clone(); 1000];
    let answer = script.jt.collect(script.now, two, &often).expect("news");
    assert_eq!(answer.events.len(), 1, "however often it is asked for");
    let seen = [(cursors[0].0.clone(), 1)];
    let rest = script.jt.collect(script.now, two, &seen);
    assert!(rest.is_none_or(|answer| answer.events.is_empty()), "each is told once");
}

#[test]
fn an_attempt_that_never_begins_is_given_to_another_tracker() {
    let mut script = Script::new(&[1, 1]);
    let maps = script.run(1, 0, &[]);
    let waits = |id: &AttemptId| vec![AttemptStatus::new(id.clone(), TaskState::Unassigned)];
    let limit = JobTrackerSettings::default().expiry;
    for pause in [limit / 2, limit / 2] {
        script.now += pause;
        script.beat(0, waits(&maps[0]));
        assert!(launched(&script.beat(1, vec![])).is_empty());
        script.jt.tick(script.now);
    }
    script.now += 1;
    script.jt.tick(script.now);
    assert_eq!(killed(&script.beat(0, waits(&maps[0]))).first(), Some(&maps[0]));
    script.now += 10_000;
    let again = launched(&script.beat(1, vec![]));
    assert_eq!(
        again.first().map(ToString::to_string).as_deref(),
        Some("attempt_1_0001_m_000000_1")
    );
    let why = script.jt.diagnostics(&maps[0]).unwrap().join(" ");
    assert!(why.contains("Error launching task"), "{why}");
    // One that is heard goes on, however long it takes.
    script.now += limit;
    script.beat(0, vec![]);
    script.beat(1, vec![]);
    script.now += limit;
    script.beat(1, vec![]);
    script.jt.tick(script.now);
    assert!(killed(&script.beat(1, vec![])).is_empty());
}

#[test]
fn a_pool_below_its_share_gets_room_from_the_others() {
    let keys = [
        ("mapreduce.jobtracker.taskscheduler", "FairScheduler"),
        ("mapred.fairscheduler.preemption", "true"),
    ];
    let file =
        "<allocations><fairSharePreemptionTimeout>30</fairSharePreemptionTimeout></allocations>";
    let jt = jobtracker(JobTrackerSettings::default(), &keys, Some(file));
    let mut script = Script::of(jt, &[4]);
    let greedy = script.run(8, 0, &[("mapred.fairscheduler.pool", "a")]);
    assert_eq!(greedy.len(), 4);
    script.submit(4, 0, &[("mapred.fairscheduler.pool", "b")]);
    let mut ended = Vec::new();
    for _ in 0..4 {
        assert!(ended.is_empty(), "not before its time");
        script.now += 15_000;
        script.jt.tick(script.now);
        ended = killed(&script.beat(0, vec![]));
        if script.now > 1_000_000 + 30_000 && !ended.is_empty() {
            break;
        }
    }
    assert!(!ended.is_empty() && ended.len() < 4, "{ended:?}");
    assert!(ended.iter().all(|id| greedy.contains(id)));
    let next = launched(&script.end(0, &ended, TaskState::Killed));
    assert_eq!(next.first().map(|id| id.job().number), Some(2));
}

#[test]
fn nobody_can_have_the_process_make_more_reduces_than_there_can_be() {
    let mut script = Script::new(&[1]);
    let id = script.jt.new_job_id();
    let ann = Caller::named("ann");
    let asked = |reduces| submission(id.clone(), 1, reduces, 1, &[]);
    let error = script.jt.submit(script.now, &ann, asked(i32::MAX as u32)).unwrap_err();
    let text = "asks for 2147483647 reduces, of which a job has at most 1048576";
    assert!(error.to_string().contains(text), "{error}");
    // Nor can one that an earlier JobTracker took.
    let error = script.jt.recover(script.now, asked(i32::MAX as u32), &[]).unwrap_err();
    assert!(error.to_string().contains(text), "{error}");
    assert!(script.jt.job_status(&id).is_none());
    script.jt.submit(script.now, &ann, asked(3)).unwrap();
}
