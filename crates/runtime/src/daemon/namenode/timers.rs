//! What comes round by itself: heartbeats looked at, replication planned, leases taken back.

use std::sync::Arc;
use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_namenode::{Due, Identity, Request};
use loxodon_namespace::edit::RpcIds;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::door::Door;

/// How often each task is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intervals {
    heartbeats: Duration,
    redundancy: Duration,
    administration: Duration,
    leases: Duration,
}

/// Blocks looked at while the lock is held once: well below a millisecond.
const BUDGET: usize = 2000;
/// Between two looks at everything that has no interval of its own.
const TICK: Duration = Duration::from_secs(1);
/// `HeartbeatManager` looks at each node this often at least, to notice stale ones.
const HEARTBEAT_LOOK: Duration = Duration::from_secs(5);

impl Intervals {
    /// As the configuration has it.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let recheck = conf.time(&keys::HEARTBEAT_RECHECK_INTERVAL)?;
        Ok(Self {
            heartbeats: recheck.min(HEARTBEAT_LOOK),
            redundancy: conf.time(&keys::REDUNDANCY_INTERVAL)?,
            administration: conf.time(&keys::DECOMMISSION_INTERVAL)?,
            leases: conf.time(&keys::LEASE_RECHECK_INTERVAL)?,
        })
    }
}

/// One task's turn.
struct Turn {
    every: Duration,
    next: Instant,
}

impl Turn {
    fn new(every: Duration) -> Self {
        Self { every, next: Instant::now() + every }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.every;
        }
        due
    }
}

/// Runs the tasks for as long as the NameNode lives.
pub(crate) async fn run(door: Arc<Door>, intervals: Intervals) {
    let shortest = [intervals.heartbeats, intervals.redundancy, intervals.leases, TICK];
    let pace = shortest.into_iter().min().unwrap_or(TICK).max(Duration::from_millis(10));
    let mut clock = interval(pace);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heartbeats = Turn::new(intervals.heartbeats);
    let mut redundancy = Turn::new(intervals.redundancy);
    let mut administration = Turn::new(intervals.administration);
    let mut leases = Turn::new(intervals.leases);
    let identity = door.own_identity();
    loop {
        let now = clock.tick().await;
        let due = Due {
            heartbeats: heartbeats.is_due(now),
            redundancy: redundancy.is_due(now),
            administration: administration.is_due(now),
        };
        look_after_blocks(&door, &identity, due).await;
        door.progress.safe_mode(door.machine.read().blocks.safe_mode());
        if leases.is_due(now) {
            take_leases_back(&door, &identity).await;
        }
    }
}

async fn look_after_blocks(door: &Arc<Door>, identity: &Identity, mut due: Due) {
    loop {
        let mut request = Request::new(door.clock.now(), identity, RpcIds::NONE);
        let more = door.machine.write().tick(&mut request, due, BUDGET);
        door.after(request);
        if !more {
            return;
        }
        due = Due::default();
        tokio::task::yield_now().await;
    }
}

async fn take_leases_back(door: &Arc<Door>, identity: &Identity) {
    while take_some_leases_back(door, identity) {
        tokio::task::yield_now().await;
    }
}

/// One turn of the lock; true where more leases are waiting.
fn take_some_leases_back(door: &Arc<Door>, identity: &Identity) -> bool {
    let mut request = Request::new(door.clock.now(), identity, RpcIds::NONE);
    let mut machine = door.machine.write();
    let more = machine.check_leases(&mut request);
    door.append(&mut machine, &mut request.effects);
    drop(machine);
    door.after(request);
    more.unwrap_or_else(|error| {
        tracing::error!(%error, "leases cannot be taken back");
        false
    })
}
