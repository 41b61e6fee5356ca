//! What keeps the storage in order: room on the disk, long segments rolled, checkpoints.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_journal::resources::should_roll;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::clock::wall;
use super::directories::checked_volumes;
use super::door::Door;
use crate::disk::ResourceChecker;

/// How often, and when.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    resource_interval: Duration,
    reserved: u64,
    minimum: usize,
    checked: Vec<PathBuf>,
    roll_interval: Duration,
    roll_share: f32,
    checkpoint_interval: Duration,
    checkpoint_period: Duration,
    checkpoint_transactions: u64,
}

impl Settings {
    /// As the configuration has it.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        Ok(Self {
            resource_interval: conf.time(&keys::RESOURCE_CHECK_INTERVAL)?,
            reserved: conf.bytes(&keys::RESOURCE_RESERVED)?,
            minimum: conf.count(&keys::RESOURCE_MINIMUM)?,
            checked: checked_volumes(conf)?,
            roll_interval: conf.time(&keys::AUTOROLL_CHECK_INTERVAL)?,
            roll_share: conf.float(&keys::AUTOROLL_MULTIPLIER)? as f32,
            checkpoint_interval: conf.time(&keys::CHECKPOINT_CHECK_PERIOD)?,
            checkpoint_period: conf.time(&keys::CHECKPOINT_PERIOD)?,
            checkpoint_transactions: conf.count(&keys::CHECKPOINT_TXNS)? as u64,
        })
    }
}

/// Looks after the storage for as long as the NameNode lives.
pub(crate) async fn run(door: Arc<Door>, settings: Settings) {
    let mut resources = ticks(settings.resource_interval);
    let mut rolls = ticks(settings.roll_interval);
    let mut checkpoints = ticks(settings.checkpoint_interval);
    loop {
        let work: fn(&Arc<Door>, &Settings) = tokio::select! {
            _ = resources.tick() => look_for_room,
            _ = rolls.tick() => roll_long_segment,
            _ = checkpoints.tick() => checkpoint_where_due,
        };
        let (door, settings) = (Arc::clone(&door), settings.clone());
        // A panic there has been printed; the next round tries again.
        let _ = tokio::task::spawn_blocking(move || work(&door, &settings)).await;
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset_at(Instant::now() + every);
    ticks
}

/// Enters safe mode where the disks of the edits are nearly full.
fn look_for_room(door: &Arc<Door>, settings: &Settings) {
    let edits = door.store.storage.status().into_iter();
    let edits = edits
        .filter(|directory| directory.active && directory.settings.edits)
        .map(|directory| (directory.settings.root, directory.settings.required));
    let directories =
        edits.chain(settings.checked.iter().map(|path| (path.clone(), true))).collect();
    let checker =
        ResourceChecker { directories, reserved: settings.reserved, minimum: settings.minimum };
    let began = Instant::now();
    let has_room = checker.has_room();
    door.counters.resource_checks.record(began.elapsed());
    if has_room {
        return;
    }
    let mut machine = door.machine.write();
    if !machine.blocks.safe_mode().is_low_on_resources() {
        tracing::warn!("NameNode low on available disk space. Entering safe mode.");
        machine.set_low_on_resources();
    }
}

fn roll_long_segment(door: &Arc<Door>, settings: &Settings) {
    let open = door.journal.last_written().0.saturating_sub(door.journal.segment().0);
    if should_roll(open, settings.checkpoint_transactions, settings.roll_share) {
        tracing::info!(
            "NameNode rolling its own edit log because number of edits in open segment \
            exceeds threshold"
        );
        if let Err(error) = door.roll() {
            tracing::error!("{error}");
        }
    }
}

fn checkpoint_where_due(door: &Arc<Door>, settings: &Settings) {
    let last = *door.store.checkpoint.lock();
    let transactions = door.journal.last_written().0.saturating_sub(last.txid.0);
    let age = Duration::from_millis(wall().0.saturating_sub(last.saved));
    // Two transactions open and close a segment; they are no reason for an image.
    let by_time = age >= settings.checkpoint_period && transactions > 2;
    if !by_time && transactions < settings.checkpoint_transactions {
        return;
    }
    if let Err(error) = door.checkpoint() {
        tracing::error!("checkpoint failed: {error}");
    }
}
