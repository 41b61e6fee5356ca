//! Jobs, trackers and heartbeats in few words.

use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::job::{
    AttemptId, Caller, JobConfView, JobId, JobState, Resources, TaskKind, TaskState,
};
use loxodon_mapreduce::jobtracker::{
    Action, AttemptStatus, Effect, Heartbeat, HeartbeatAnswer, JobTracker, JobTrackerSettings,
    Launch, Split, Submission, TrackerNode,
};
use loxodon_mapreduce::scheduler::{FifoScheduler, QueueSettings, QueueTree};

pub(crate) fn jobtracker(identifier: &str) -> JobTracker {
    let queues = QueueTree::new([QueueSettings::open("default")], false);
    let scheduler = Box::new(FifoScheduler::new(queues));
    JobTracker::new(JobTrackerSettings::default(), scheduler, identifier)
}

/// A job whose map `n` reads from `h<n mod hosts>`.
pub(crate) fn submission(
    job: JobId,
    maps: u32,
    reduces: u32,
    hosts: u32,
    conf: &[(&str, &str)],
) -> Submission {
    let mut settings = Configuration::new();
    settings.set("mapreduce.job.name", "a job", "test");
    settings.set("mapreduce.job.reduces", &reduces.to_string(), "test");
    for (key, value) in conf {
        settings.set(key, value, "test");
    }
    let split = |n: u32| Split {
        offset: u64::from(n),
        length: 100,
        locations: vec![format!("h{}", n % hosts.max(1)).into()],
    };
    Submission {
        job,
        user: "ann".into(),
        conf: JobConfView::read(&settings).expect("a configuration"),
        job_dir: "/staging/job".into(),
        job_file: "/staging/job/job.xml".into(),
        split_file: "/staging/job/job.split".into(),
        splits: (0..maps).map(split).collect(),
        racks: (0..hosts).map(|n| (format!("h{n}").into(), rack(n))).collect(),
        token: Arc::from(&b"token"[..]),
    }
}

fn rack(host: u32) -> Arc<str> {
    format!("/r{}", host / 2).into()
}

pub(crate) fn node(host: u32, slots: u32) -> TrackerNode {
    TrackerNode {
        host: format!("h{host}").into(),
        rack: rack(host),
        http_port: 50060,
        shuffle_port: 13562,
        capacity: Resources::new(u64::from(slots) * 1024, slots),
        map_slots: None,
        reduce_slots: None,
    }
}

/// A JobTracker with trackers that are driven by hand.
pub(crate) struct Script {
    pub(crate) jt: JobTracker,
    pub(crate) now: i64,
    sequence: u64,
    acknowledged: Vec<i64>,
    slots: Vec<u32>,
    running: Vec<Vec<AttemptId>>,
}

impl Script {
    /// Trackers of so many slots each, registered, on `h0`, `h1`, …
    pub(crate) fn new(slots: &[u32]) -> Self {
        Self::of(jobtracker("1"), slots)
    }

    /// The same with that JobTracker.
    pub(crate) fn of(jt: JobTracker, slots: &[u32]) -> Self {
        let mut script = Self {
            jt,
            now: 1_000_000,
            sequence: 0,
            acknowledged: vec![-1; slots.len()],
            slots: slots.to_vec(),
            running: vec![Vec::new(); slots.len()],
        };
        for tracker in 0..slots.len() {
            script.register(tracker, 1);
        }
        script
    }

    pub(crate) fn register(&mut self, tracker: usize, incarnation: u64) -> Vec<Action> {
        self.acknowledged[tracker] = -1;
        self.running[tracker].clear();
        let beat = Heartbeat { initial_contact: true, ..self.blank(tracker, incarnation) };
        self.send(tracker, beat)
    }

    fn blank(&mut self, tracker: usize, incarnation: u64) -> Heartbeat {
        self.sequence += 1;
        Heartbeat {
            tracker: format!("tracker_h{tracker}:1").into(),
            incarnation,
            initial_contact: false,
            sequence: self.sequence,
            response_id: self.acknowledged[tracker],
            node: node(tracker as u32, self.slots[tracker]),
            accepts_tasks: true,
            health_report: String::new(),
            statuses: Vec::new(),
            held_outputs: Vec::new(),
            held_jobs: Vec::new(),
            cursors: Vec::new(),
        }
    }

    fn send(&mut self, tracker: usize, beat: Heartbeat) -> Vec<Action> {
        let answer: HeartbeatAnswer = self.jt.heartbeat(self.now, beat);
        self.acknowledged[tracker] = answer.response_id;
        for action in &answer.actions {
            if let Action::Launch(launch) = action
                && !launch.is_cleanup
            {
                self.running[tracker].push(launch.attempt.clone());
            }
        }
        answer.actions
    }

    /// A heartbeat with these reports, and "running" of everything else that was launched there.
    pub(crate) fn beat(&mut self, tracker: usize, reports: Vec<AttemptStatus>) -> Vec<Action> {
        let mut beat = self.blank(tracker, 1);
        let over: Vec<_> =
            reports.iter().filter(|s| s.state.is_over()).map(|s| s.attempt.clone()).collect();
        let told = |id: &AttemptId| reports.iter().any(|s| s.attempt == *id);
        let rest = self.running[tracker].iter().filter(|id| !told(id));
        let rest = rest.map(|id| AttemptStatus::new(id.clone(), TaskState::Running));
        beat.statuses = rest.collect();
        beat.statuses.extend(reports);
        self.running[tracker].retain(|id| !over.contains(id));
        self.send(tracker, beat)
    }

    /// A heartbeat that says that these attempts ended so.
    pub(crate) fn end(&mut self, tracker: usize, ids: &[AttemptId], how: TaskState) -> Vec<Action> {
        let reports = ids.iter().map(|id| AttemptStatus::new(id.clone(), how));
        self.beat(tracker, reports.collect())
    }

    pub(crate) fn submit(&mut self, maps: u32, reduces: u32, conf: &[(&str, &str)]) -> JobId {
        let id = self.jt.new_job_id();
        let hosts = self.slots.len() as u32;
        let submission = submission(id.clone(), maps, reduces, hosts, conf);
        self.jt.submit(self.now, &Caller::named("ann"), submission).expect("a submission");
        id
    }

    /// Submits and does the set-up on tracker 0; what that tracker is to start then.
    pub(crate) fn run(&mut self, maps: u32, reduces: u32, conf: &[(&str, &str)]) -> Vec<AttemptId> {
        self.submit(maps, reduces, conf);
        let setup = launched(&self.beat(0, vec![]));
        assert_eq!(setup.first().map(|id| id.kind()), Some(TaskKind::JobSetup));
        launched(&self.end(0, &setup, TaskState::Succeeded))
    }

    /// Everything that runs, and what follows from it, ends well.
    pub(crate) fn work(&mut self) {
        for _ in 0..20 {
            self.now += 5_000;
            for tracker in 0..self.slots.len() {
                let running = self.running[tracker].clone();
                self.end(tracker, &running, TaskState::Succeeded);
            }
        }
    }

    /// Ends the clean-up task well, wherever it was started.
    pub(crate) fn finish(&mut self) {
        for tracker in 0..self.slots.len() {
            self.beat(tracker, vec![]);
        }
        let found = (0..self.slots.len()).find_map(|tracker| {
            let ends = |id: &&AttemptId| id.kind() == TaskKind::JobCleanup;
            Some((tracker, self.running[tracker].iter().find(ends)?.clone()))
        });
        let (tracker, cleanup) = found.expect("a clean-up task");
        self.end(tracker, &[cleanup], TaskState::Succeeded);
    }

    pub(crate) fn state(&self, job: u32) -> JobState {
        let status = self.jt.job_status(&JobId::new("1", job)).expect("a job");
        JobState::from_number(status.state).expect("a state")
    }

    pub(crate) fn history(&mut self) -> Vec<String> {
        let effects = self.jt.take_effects().into_iter();
        let name = |effect| match effect {
            Effect::Journal { event, .. } => Some(event.event_type().name().to_owned()),
            _ => None,
        };
        effects.filter_map(name).collect()
    }
}

pub(crate) fn launches(actions: &[Action]) -> Vec<&Launch> {
    let mut found = Vec::new();
    for action in actions {
        if let Action::Launch(launch) = action {
            found.push(launch.as_ref());
        }
    }
    found
}

pub(crate) fn launched(actions: &[Action]) -> Vec<AttemptId> {
    let fresh = launches(actions).into_iter().filter(|launch| !launch.is_cleanup);
    fresh.map(|launch| launch.attempt.clone()).collect()
}

pub(crate) fn killed(actions: &[Action]) -> Vec<AttemptId> {
    let kill = |action: &Action| match action {
        Action::Kill { attempt, .. } => Some(attempt.clone()),
        _ => None,
    };
    actions.iter().filter_map(kill).collect()
}
