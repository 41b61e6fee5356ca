//! A JobTracker with many trackers whose attempts report at every heartbeat: what a heartbeat
//! costs. `cargo run --release -p loxodon-mapreduce --example jobtracker_scale -- [trackers]
//! [tasks per tracker] [virtual seconds]`

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_conf::Configuration;
use loxodon_mapreduce::job::{
    AttemptId, Caller, JobConfView, JobId, Phase, Resources, TaskKind, TaskState,
};
use loxodon_mapreduce::jobtracker::{
    Action, AttemptStatus, Heartbeat, JobTracker, JobTrackerSettings, Split, Submission,
    TrackerNode,
};
use loxodon_mapreduce::protocol::{CountersMessage, counters_of};
use loxodon_mapreduce::scheduler::{FairScheduler, FairSettings};

const INTERVAL: i64 = 3_000;
const TASK_TAKES: i64 = 60_000;
const JOBS: u32 = 100;

struct Tracker {
    beat: Heartbeat,
    running: BTreeMap<AttemptId, i64>,
    ended: Vec<AttemptStatus>,
}

fn node(number: u32, slots: u32) -> TrackerNode {
    TrackerNode {
        host: format!("h{number}").into(),
        rack: format!("/r{}", number / 40).into(),
        http_port: 50060,
        shuffle_port: 13562,
        capacity: Resources::new(u64::from(slots) * 1024, slots),
        map_slots: None,
        reduce_slots: None,
    }
}

fn submission(job: JobId, maps: u32, trackers: u32, dice: &mut fastrand::Rng) -> Submission {
    let mut conf = Configuration::new();
    conf.set("mapreduce.job.reduces", &(maps / 20).to_string(), "scale");
    let mut locations = || (0..3).map(|_| format!("h{}", dice.u32(0..trackers)).into()).collect();
    let splits = (0..maps).map(|n| Split {
        offset: u64::from(n),
        length: 128 << 20,
        locations: locations(),
    });
    Submission {
        user: format!("user{}", job.number % 10).into(),
        job,
        conf: JobConfView::read(&conf)
            .unwrap_or_else(|error| unreachable!("defaults are a configuration: {error}")),
        job_dir: "/staging".into(),
        job_file: "/staging/job.xml".into(),
        split_file: "/staging/job.split".into(),
        splits: splits.collect(),
        racks: BTreeMap::new(),
        token: Arc::from(&b"token"[..]),
    }
}

/// As many counters as a map has.
fn counters() -> CountersMessage {
    let names: Vec<String> = (0..30).map(|n| format!("COUNTER_{n}")).collect();
    let rows = names.iter().map(|name| (name.as_str(), name.as_str(), 12_345_678));
    counters_of([("org.apache.hadoop.mapreduce.TaskCounter", "Map-Reduce Framework", rows)])
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u32>().unwrap_or(0));
    let trackers = arguments.next().filter(|n| *n > 0).unwrap_or(2_000);
    let slots = arguments.next().filter(|n| *n > 0).unwrap_or(20);
    let seconds = i64::from(arguments.next().filter(|n| *n > 0).unwrap_or(120));
    let mut dice = fastrand::Rng::with_seed(1);
    let scheduler = Box::new(FairScheduler::new(FairSettings::default()));
    let mut jt = JobTracker::new(JobTrackerSettings::default(), scheduler, "1");
    let per_job = trackers * slots * 4 / JOBS;
    for _ in 0..JOBS {
        let id = jt.new_job_id();
        let job = submission(id, per_job, trackers, &mut dice);
        let caller = Caller::named(&job.user);
        if let Err(error) = jt.submit(1_000, &caller, job) {
            println!("{error}");
        }
    }
    let mut machines: Vec<Tracker> = (0..trackers).map(|n| machine(n, slots)).collect();
    let counters = counters();
    let (mut took, mut ticks, mut beats, mut launched) = (Vec::new(), Vec::new(), 0u64, 0u64);
    let mut running_most = 0;
    let steady = 2 * TASK_TAKES;
    let mut now = 1_000;
    let end = now + steady + seconds * 1_000;
    let mut at: Vec<i64> =
        (0..trackers).map(|n| now + i64::from(n) * INTERVAL / i64::from(trackers)).collect();
    while now < end {
        let before = Instant::now();
        jt.tick(now);
        drop(jt.take_effects());
        if now > steady {
            ticks.push(before.elapsed());
        }
        for (machine, at) in machines.iter_mut().zip(&mut at) {
            if *at > now + 1_000 {
                continue;
            }
            let beat = machine.next(*at, &counters);
            let before = Instant::now();
            let answer = jt.heartbeat(*at, beat);
            drop(jt.take_effects());
            let spent = before.elapsed();
            if now > steady {
                took.push(spent);
                beats += 1;
            }
            launched += machine.obey(*at, &answer.actions, &mut dice);
            machine.beat.response_id = answer.response_id;
            *at += INTERVAL;
        }
        running_most = running_most.max(machines.iter().map(|m| m.running.len()).sum());
        now += 1_000;
    }
    took.sort_unstable();
    let of = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default();
    let total: Duration = took.iter().sum::<Duration>() + ticks.iter().sum::<Duration>();
    println!(
        "{trackers} trackers, {running_most} attempts at once, {JOBS} jobs, {launched} started"
    );
    println!(
        "{beats} heartbeats in {seconds} virtual seconds took {total:?} with {} ticks",
        ticks.len()
    );
    println!("one core: {:.1} %", total.as_secs_f64() * 100.0 / seconds as f64);
    println!("heartbeat p50 {:?} p99 {:?} most {:?}", of(0.5), of(0.99), of(0.999_999));
    println!("tick most {:?}", ticks.iter().max().copied().unwrap_or_default());
}

fn machine(number: u32, slots: u32) -> Tracker {
    let beat = Heartbeat {
        tracker: format!("tracker_h{number}:1").into(),
        incarnation: 1,
        initial_contact: true,
        sequence: 0,
        response_id: -1,
        node: node(number, slots),
        accepts_tasks: true,
        health_report: String::new(),
        statuses: Vec::new(),
        held_outputs: Vec::new(),
        held_jobs: Vec::new(),
        cursors: Vec::new(),
    };
    Tracker { beat, running: BTreeMap::new(), ended: Vec::new() }
}

impl Tracker {
    fn next(&mut self, now: i64, counters: &CountersMessage) -> Heartbeat {
        let mut beat = self.beat.clone();
        self.beat.sequence += 1;
        beat.sequence = self.beat.sequence;
        self.beat.initial_contact = false;
        beat.statuses = std::mem::take(&mut self.ended);
        self.running.retain(|id, until| {
            let over = now >= *until;
            let state = if over { TaskState::Succeeded } else { TaskState::Running };
            let mut status = AttemptStatus::new(id.clone(), state);
            status.progress = 1.0 - ((*until - now).max(0) as f32 / TASK_TAKES as f32).min(1.0);
            status.phase = Phase::Map;
            if over || (now / INTERVAL) % 20 == i64::from(id.task.number % 20) {
                status.counters = Some(counters.clone());
            }
            beat.statuses.push(status);
            !over
        });
        beat
    }

    fn obey(&mut self, now: i64, actions: &[Action], dice: &mut fastrand::Rng) -> u64 {
        let mut launched = 0;
        for action in actions {
            match action {
                Action::Launch(launch) => {
                    let takes = match launch.attempt.kind() {
                        TaskKind::Map | TaskKind::Reduce => {
                            dice.i64(TASK_TAKES / 2..TASK_TAKES * 3 / 2)
                        }
                        _ => 100,
                    };
                    self.running.insert(launch.attempt.clone(), now + takes);
                    launched += 1;
                }
                Action::Kill { attempt, .. } if self.running.remove(attempt).is_some() => {
                    self.ended.push(AttemptStatus::new(attempt.clone(), TaskState::Killed));
                }
                _ => {}
            }
        }
        launched
    }
}
