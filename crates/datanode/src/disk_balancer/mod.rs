//! Blocks moved between the volumes of one DataNode, as a plan of `hdfs diskbalancer` says: Hadoop's `DiskBalancer`.
//! One plan is carried out at a time, by a thread of its own.

mod plan;
mod work;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_wire::proto::hdfs as proto;
use parking_lot::{Condvar, Mutex};
use tracing::{error, info};

use self::plan::{NamedVolume, Plan, Step, refused};
use self::work::{Defaults, Work};
use crate::block::Block;
use crate::dataset::Volume;
use crate::dataset::replica::ReplicaState;
use crate::error::{DataNodeError, Result};
use crate::node::Node;

/// What holds for all plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskBalancerSettings {
    /// Whether plans are taken (`dfs.disk.balancer.enabled`).
    pub enabled: bool,
    /// MiB a second where a plan does not say (`dfs.disk.balancer.max.disk.throughputInMBperSec`).
    pub bandwidth: i64,
    /// Per cent that may be missing where a plan does not say (`dfs.disk.balancer.block.tolerance.percent`).
    pub tolerance: i64,
    /// Blocks that may fail where a plan does not say (`dfs.disk.balancer.max.disk.errors`).
    pub max_errors: i64,
    /// How old a plan may be (`dfs.disk.balancer.plan.valid.interval`).
    pub plan_validity: Duration,
    /// The same as it was written.
    pub plan_validity_text: String,
}

impl Default for DiskBalancerSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bandwidth: 10,
            tolerance: 10,
            max_errors: 5,
            plan_validity: Duration::from_secs(24 * 60 * 60),
            plan_validity_text: "1d".to_owned(),
        }
    }
}

impl DiskBalancerSettings {
    /// Reads them; numbers that make no sense are Hadoop's defaults, as in Hadoop.
    ///
    /// # Errors
    /// A value of another kind.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let default = Self::default();
        let positive = |number: i64, default: i64| if number > 0 { number } else { default };
        let errors = conf.int(&keys::DISK_BALANCER_ERRORS)?;
        Ok(Self {
            enabled: conf.bool(&keys::DISK_BALANCER)?,
            bandwidth: positive(conf.int(&keys::DISK_BALANCER_BANDWIDTH)?, default.bandwidth),
            tolerance: positive(conf.int(&keys::DISK_BALANCER_TOLERANCE)?, default.tolerance),
            max_errors: if errors < 0 { default.max_errors } else { errors },
            plan_validity: conf.time(&keys::DISK_BALANCER_PLAN_VALIDITY)?,
            plan_validity_text: conf.text(&keys::DISK_BALANCER_PLAN_VALIDITY)?.unwrap_or_default(),
        })
    }

    fn defaults(&self) -> Defaults {
        let Self { max_errors, tolerance, bandwidth, .. } = *self;
        Defaults { max_errors, tolerance, bandwidth }
    }
}

/// `DiskBalancerWorkStatus.Result`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    NoPlan = 0,
    UnderProgress = 1,
    Done = 2,
    Cancelled = 3,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::NoPlan => "NO_PLAN",
            Self::UnderProgress => "PLAN_UNDER_PROGRESS",
            Self::Done => "PLAN_DONE",
            Self::Cancelled => "PLAN_CANCELLED",
        }
    }
}

/// The plan that is carried out, or was last.
#[derive(Debug, Default)]
struct State {
    outcome: Outcome,
    plan: String,
    file: String,
    work: Vec<Work>,
    runs: bool,
    stops: bool,
    thread: Option<JoinHandle<()>>,
}

/// Carries out plans.
#[derive(Debug)]
pub(crate) struct DiskBalancer {
    settings: Mutex<DiskBalancerSettings>,
    state: Mutex<State>,
    stopped: Condvar,
}

impl DiskBalancer {
    pub(crate) fn new(settings: DiskBalancerSettings) -> Self {
        Self { settings: settings.into(), state: Mutex::default(), stopped: Condvar::new() }
    }

    /// Whether plans are taken from now on.
    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.settings.lock().enabled = enabled;
    }

    /// How old a plan may be from now on, and how that was written.
    pub(crate) fn set_plan_validity(&self, validity: Duration, text: String) {
        let mut settings = self.settings.lock();
        settings.plan_validity = validity;
        settings.plan_validity_text = text;
    }

    fn enabled(&self) -> Result<DiskBalancerSettings> {
        let settings = self.settings.lock().clone();
        if settings.enabled { Ok(settings) } else { Err(refused("Disk Balancer is not enabled.")) }
    }

    /// `cancelDiskBalancerPlan`: the plan has stopped when this returns.
    pub(crate) fn cancel(&self, plan: &str) -> Result<()> {
        self.enabled()?;
        let mut state = self.state.lock();
        if state.plan.is_empty() || state.plan != plan {
            return Err(refused("No such plan."));
        }
        if state.runs {
            state.outcome = Outcome::Cancelled;
        }
        drop(state);
        self.stop();
        Ok(())
    }

    /// Ends the thread: a block that is being copied is copied to its end.
    pub(crate) fn stop(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.stops = true;
            self.stopped.notify_all();
            state.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            error!("the disk balancer's thread ended badly");
        }
    }

    /// `queryDiskBalancerPlan`.
    pub(crate) fn query(&self) -> Result<proto::QueryPlanStatusResponseProto> {
        self.enabled()?;
        let state = self.state.lock();
        Ok(proto::QueryPlanStatusResponseProto {
            result: Some(state.outcome as u32),
            plan_id: Some(state.plan.clone()),
            current_status: Some(work::pretty(&state.work)),
            plan_file: Some(state.file.clone()),
        })
    }

    /// The same for the DataNode's bean; empty where plans are not taken.
    pub(crate) fn status(&self) -> String {
        if self.enabled().is_err() {
            return String::new();
        }
        let state = self.state.lock();
        format!(
            "{{\"currentState\":{},\"result\":\"{}\",\"planID\":{},\"planFile\":{}}}",
            work::compact(&state.work),
            state.outcome.name(),
            work::quoted(&state.plan),
            work::quoted(&state.file)
        )
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Work)) {
        if let Some(work) = self.state.lock().work.get_mut(index) {
            change(work);
        }
    }

    /// Waits, unless it is to stop; whether it is.
    fn pause(&self, millis: u64) -> bool {
        let mut state = self.state.lock();
        let until = Instant::now().checked_add(Duration::from_millis(millis));
        while !state.stops {
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return false };
            self.stopped.wait_until(&mut state, until);
        }
        true
    }
}

impl Node {
    /// `submitDiskBalancerPlan`.
    pub(crate) fn submit_plan(
        self: &Arc<Self>,
        request: &proto::SubmitDiskBalancerPlanRequestProto,
    ) -> Result<()> {
        let settings = self.disk_balancer.enabled()?;
        let mut state = self.disk_balancer.state.lock();
        if state.runs {
            return Err(refused("Executing another plan"));
        }
        let plan = Plan::parse(&request.plan_id, request.plan_version.unwrap_or(1), &request.plan)?;
        let always = request.ignore_date_check.unwrap_or(false);
        let validity = (settings.plan_validity, settings.plan_validity_text.as_str());
        plan.check(&self.uuid, now(), (!always).then_some(validity))?;
        let work = self.work_of(&plan.steps)?;
        if self.is_stopping() {
            return Err(refused("Disk Balancer is not enabled."));
        }
        let (count, defaults, node) = (work.len(), settings.defaults(), Arc::clone(self));
        *state = State {
            outcome: Outcome::UnderProgress,
            plan: request.plan_id.clone(),
            file: request.plan_file.clone(),
            work,
            runs: true,
            ..State::default()
        };
        info!(plan = state.plan, file = state.file, "Executing Disk balancer plan");
        // It waits for this lock before it ends.
        state.thread =
            self.in_background("disk-balancer", move || node.carry_out(count, &defaults));
        if state.thread.is_none() {
            *state = State::default();
            return Err(refused("Internal error"));
        }
        Ok(())
    }

    /// What is to be moved between each two volumes.
    fn work_of(&self, steps: &[Step]) -> Result<Vec<Work>> {
        let mut all: Vec<Work> = Vec::new();
        for step in steps {
            let named = |which: &str, volume: &NamedVolume| {
                let known = self.volume_of(&volume.storage).ok_or_else(|| {
                    let path = &volume.path;
                    refused(&format!(
                        "Disk Balancer - Unable to find {which} volume: {path}. SubmitPlan failed."
                    ))
                })?;
                Ok::<_, DataNodeError>(NamedVolume { path: path_of(&known), ..volume.clone() })
            };
            let source = named("source", &step.source)?;
            let destination = named("dest", &step.destination)?;
            if source.storage == destination.storage {
                let id = &source.storage;
                let text = format!("Disk Balancer - Source and destination volumes are same: {id}");
                return Err(refused(&text));
            }
            let mut work = Work::new(&Step { source, destination, ..step.clone() });
            let same = |other: &Work| {
                (&other.source, &other.destination) == (&work.source, &work.destination)
            };
            match all.iter().position(same).and_then(|at| all.get_mut(at)) {
                Some(other) => {
                    work.to_copy = work.to_copy.saturating_add(other.to_copy);
                    *other = work;
                }
                None => all.push(work),
            }
        }
        Ok(all)
    }

    /// `getDiskBalancerSetting`.
    pub(crate) fn disk_balancer_setting(&self, key: &str) -> Result<String> {
        match key {
            "DiskBalancerVolumeName" => {
                self.disk_balancer.enabled()?;
                let volumes = self.dataset.volumes();
                let names = volumes.iter().map(|volume| {
                    (volume.storage.clone(), serde_json::Value::from(path_of(volume)))
                });
                Ok(serde_json::Value::Object(names.collect()).to_string())
            }
            "DiskBalancerBandwidth" => Ok(self.disk_balancer.enabled()?.bandwidth.to_string()),
            _ => Err(refused("Unknown key")),
        }
    }

    fn volume_of(&self, storage: &str) -> Option<Arc<Volume>> {
        self.dataset.volumes().iter().find(|volume| volume.storage == storage).cloned()
    }

    fn carry_out(&self, count: usize, defaults: &Defaults) {
        let balancer = &self.disk_balancer;
        for index in 0..count {
            if let Err(message) = self.move_blocks(index, defaults) {
                error!("{message}");
                balancer.change(index, |work| work.message = Some(message));
            }
        }
        let mut state = balancer.state.lock();
        state.runs = false;
        if state.outcome == Outcome::UnderProgress {
            state.outcome = Outcome::Done;
        }
        info!(plan = state.plan, outcome = state.outcome.name(), "a disk balancer plan ended");
    }

    /// Moves blocks until enough is moved; a reason where there is nothing more to move.
    fn move_blocks(&self, index: usize, defaults: &Defaults) -> Result<(), String> {
        let balancer = &self.disk_balancer;
        let look = || balancer.state.lock().work.get(index).cloned();
        let Some(work) = look() else { return Ok(()) };
        let named = |which: &str, volume: &NamedVolume| {
            let unknown =
                || format!("Disk Balancer - Unable to find {which} volume: {}", volume.path);
            self.volume_of(&volume.storage).ok_or_else(unknown)
        };
        let source = named("source", &work.source)?;
        let destination = named("dest", &work.destination)?;
        if source.kind().is_transient() || destination.kind().is_transient() {
            return Err("Disk Balancer - Unable to support transient storage type.".to_owned());
        }
        let began = Instant::now();
        balancer.change(index, |work| work.started = now());
        let mut blocks = self.movable_blocks(&source).into_iter();
        while let Some(work) = look().filter(|_| !balancer.pause(0)) {
            if work.has_failed(defaults) {
                return Err("Error count exceeded.".to_owned());
            }
            if work.is_close_enough(defaults) {
                break;
            }
            let Some(block) = blocks.find(|block| work.has_room_for(block.length, defaults)) else {
                return Err("No source blocks found to move.".to_owned());
            };
            let room = destination.usage().map_err(|error| error.to_string())?.remaining;
            if i64::try_from(room).unwrap_or(i64::MAX) <= work.to_copy {
                let volume = &work.destination.path;
                return Err(format!(
                    "Disk Balancer - {volume} has no room for what is to be moved"
                ));
            }
            match self.move_block(&block, &destination) {
                Ok(millis) => {
                    balancer.pause(work.delay(block.length, millis, defaults));
                    balancer.change(index, |work| {
                        work.copied = work.copied.saturating_add_unsigned(block.length);
                        work.blocks += 1;
                        work.seconds = began.elapsed().as_secs().cast_signed();
                    });
                }
                Err(error) => {
                    error!(%block, %error, "a block was not moved");
                    balancer.change(index, |work| work.errors += 1);
                }
            }
        }
        Ok(())
    }

    /// Complete replicas of a volume now, in the order of their ids.
    fn movable_blocks(&self, volume: &Volume) -> Vec<Block> {
        let mut blocks = Vec::new();
        for pool in self.dataset.pools() {
            let replicas = pool.replicas.read();
            let here = replicas.iter().filter(|(_, replica)| {
                replica.volume == volume.index && matches!(replica.state, ReplicaState::Finalized)
            });
            blocks.extend(here.map(|(id, replica)| Block {
                pool: Arc::clone(&pool.id),
                id: *id,
                stamp: replica.stamp,
                length: replica.length,
            }));
        }
        blocks.sort_unstable_by_key(|block| block.id);
        blocks
    }

    /// How many milliseconds it took.
    fn move_block(&self, block: &Block, destination: &Arc<Volume>) -> Result<u64> {
        let began = Instant::now();
        let moved = self.dataset.relocate_to(block, destination)?;
        // Told before the old files go: a report of the old storage must not make the block a lost one.
        self.received(&moved.block, &moved.volume, None);
        moved.old.remove_files();
        Ok(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// As Java writes the URI of a directory.
fn path_of(volume: &Volume) -> String {
    format!("{}/", volume.root().display())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
