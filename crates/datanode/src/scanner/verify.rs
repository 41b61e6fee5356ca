//! Reads all blocks of a volume in time, at a bounded rate, and compares them with their checksums: Hadoop's
//! `VolumeScanner`.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::control::{ScanControl, Wake};
use super::cursor::{Cursor, now};
use crate::block::Block;
use crate::dataset::replica::ReplicaState;
use crate::dataset::{ReplicaFiles, Volume};
use crate::error::{DataNodeError, Result};
use crate::node::Node;
use crate::settings::DataNodeSettings;

/// Bytes read at once.
const STEP: usize = 1 << 20;
/// The rate is that of the past hour.
const MINUTES: usize = 60;
/// How long a volume that was read faster than its rate has rest.
const REST: Duration = Duration::from_secs(30);

/// How volumes are scanned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    period: Duration,
    per_second: u64,
    save_every: Duration,
    skip_recently_read: bool,
}

impl Plan {
    /// `None` where scanning is turned off.
    pub(super) fn of(settings: &DataNodeSettings) -> Option<Self> {
        let period = settings.scan_period?;
        (settings.scan_bandwidth > 0).then_some(Self {
            period,
            per_second: settings.scan_bandwidth,
            save_every: settings.scan_cursor_interval,
            skip_recently_read: settings.scan_skips_recent,
        })
    }
}

/// Bytes read in each minute of the past hour.
#[derive(Debug)]
struct PastHour {
    began: u64,
    minute: u64,
    bytes: [u64; MINUTES],
}

impl PastHour {
    const fn new(minute: u64) -> Self {
        Self { began: minute, minute, bytes: [0; MINUTES] }
    }

    fn pass_to(&mut self, minute: u64) {
        let gone = minute.saturating_sub(self.minute).min(MINUTES as u64);
        for past in 1..=gone {
            self.bytes[(minute.saturating_sub(gone - past) % MINUTES as u64) as usize] = 0;
        }
        self.minute = self.minute.max(minute);
    }

    fn add(&mut self, bytes: u64) {
        self.bytes[(self.minute % MINUTES as u64) as usize] += bytes;
    }

    /// Whether no more than `per_second` was read.
    fn is_below(&self, per_second: u64) -> bool {
        let sum: u64 = self.bytes.iter().sum();
        let minutes = (self.minute - self.began).min(MINUTES as u64);
        let rate = if minutes == 0 { sum } else { sum / (60 * minutes) };
        rate <= per_second
    }
}

/// Looks after one volume.
pub(super) struct VolumeScanner {
    node: Weak<Node>,
    control: Arc<ScanControl>,
    volume: Arc<Volume>,
    plan: Plan,
    cursors: Vec<Cursor>,
    current: usize,
    started: Instant,
    hour: PastHour,
}

impl VolumeScanner {
    pub(super) fn new(node: &Arc<Node>, volume: Arc<Volume>, plan: Plan) -> Self {
        Self {
            node: Arc::downgrade(node),
            control: Arc::clone(&node.scans),
            volume,
            plan,
            cursors: Vec::new(),
            current: 0,
            started: Instant::now(),
            hour: PastHour::new(0),
        }
    }

    /// Scans until the DataNode stops or the volume fails.
    pub(super) fn run(mut self) {
        let (mut patience, mut pools) = (Duration::ZERO, 0);
        loop {
            let suspect = match self.control.wait(self.volume.index, patience, &mut pools) {
                Wake::Stop => break,
                Wake::Suspect(block) => Some(block),
                Wake::Time => None,
            };
            let Some(node) = self.node.upgrade() else { break };
            if node.dataset.volume(self.volume.index).is_err() {
                return;
            }
            patience = self.step(&node, suspect);
        }
        for cursor in &mut self.cursors {
            save(cursor);
        }
    }

    /// Looks at one block; how long to wait for the next.
    fn step(&mut self, node: &Arc<Node>, suspect: Option<Block>) -> Duration {
        self.hour.pass_to(self.started.elapsed().as_secs() / 60);
        if !self.hour.is_below(self.plan.per_second) {
            if let Some(block) = suspect {
                // It keeps its place before all others.
                self.scan(node, &block);
            }
            return REST;
        }
        if let Some(block) = suspect {
            self.scan(node, &block);
            return Duration::ZERO;
        }
        self.learn_pools(node);
        let Some(cursor) = self.cursors.get_mut(self.current).filter(|cursor| !cursor.at_end())
        else {
            return self.choose();
        };
        let next = cursor.advance().unwrap_or_else(|error| {
            warn!(pool = cursor.pool, %error, "blocks cannot be listed");
            None
        });
        let Some(id) = next else {
            info!(pool = cursor.pool, volume = %self.volume.root().display(), "all blocks are scanned");
            save(cursor);
            return Duration::ZERO;
        };
        if u128::from(now().saturating_sub(cursor.saved())) >= self.plan.save_every.as_millis() {
            save(cursor);
        }
        let Ok(pool) = node.dataset.pool(&cursor.pool) else { return Duration::ZERO };
        if let Some(replica) = pool.get(id) {
            let (length, stamp) = (replica.length, replica.stamp);
            self.scan(node, &Block { pool: Arc::clone(&pool.id), id, stamp, length });
        }
        Duration::ZERO
    }

    /// Begins with pools that came, and forgets those that went.
    fn learn_pools(&mut self, node: &Node) {
        let pools = node.dataset.pools();
        self.cursors.retain(|cursor| pools.iter().any(|pool| *pool.id == *cursor.pool));
        for pool in pools {
            if self.cursors.iter().all(|cursor| *cursor.pool != *pool.id) {
                self.cursors.push(Cursor::open(&pool.id, self.volume.pool(&pool.id)));
            }
        }
    }

    /// Takes the next pool that is not done, or done longer than a period ago; else how long that is away.
    fn choose(&mut self) -> Duration {
        let count = self.cursors.len();
        let mut least = Duration::MAX;
        for at in (1..=count).map(|step| (self.current + step) % count) {
            let Some(cursor) = self.cursors.get_mut(at) else { continue };
            let age = Duration::from_millis(now().saturating_sub(cursor.began()));
            let wait = self.plan.period.saturating_sub(age);
            if cursor.at_end() && !wait.is_zero() {
                least = least.min(wait);
                continue;
            }
            if cursor.at_end() {
                cursor.rewind();
            }
            info!(pool = cursor.pool, volume = %self.volume.root().display(), "scanning");
            self.current = at;
            return Duration::ZERO;
        }
        least
    }

    fn scan(&mut self, node: &Arc<Node>, block: &Block) {
        let Some(stored) = self.stored(node, block) else { return };
        if self.plan.skip_recently_read && self.recently_read(&stored) {
            return;
        }
        match self.verify(&stored) {
            Ok(()) => {
                node.metrics.blocks_verified.add(1);
                self.hour.add(stored.length);
            }
            // A replica that changed meanwhile is verified the next time.
            Err(_) if self.stored(node, block).as_ref() != Some(&stored) || node.is_stopping() => {}
            Err(DataNodeError::Disk { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                info!(block = %stored, "not verified: its file is not there, maybe it was just moved");
                node.metrics.verification_failures.add(1);
            }
            Err(error) => {
                warn!(block = %stored, %error, "verification failed");
                node.metrics.verification_failures.add(1);
                node.report_bad_local(&stored);
                if matches!(error, DataNodeError::Disk { .. }) {
                    node.disk_failed(&error);
                }
            }
        }
    }

    /// The finalized replica here, in the version it has now.
    fn stored(&self, node: &Node, block: &Block) -> Option<Block> {
        let replica = node.dataset.pool(&block.pool).ok()?.get(block.id)?;
        let here =
            replica.volume == self.volume.index && matches!(replica.state, ReplicaState::Finalized);
        here.then(|| Block { stamp: replica.stamp, length: replica.length, ..block.clone() })
    }

    fn recently_read(&self, block: &Block) -> bool {
        let place = crate::dataset::replica::Place::Finalized;
        let known = std::fs::metadata(self.volume.data_file(&block.pool, block.id, place));
        known
            .and_then(|known| known.accessed())
            .ok()
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|age| age < self.plan.period)
    }

    /// Reads a whole replica, at the volume's rate, and compares it with its checksums.
    fn verify(&self, block: &Block) -> Result<()> {
        let place = crate::dataset::replica::Place::Finalized;
        let data = self.volume.data_file(&block.pool, block.id, place);
        let meta = self.volume.meta_file(&block.pool, block.id, block.stamp, place);
        let files = ReplicaFiles::open(&self.volume.times, data, meta, false)?;
        let (began, mut read) = (Instant::now(), 0_u64);
        let result = files.verify(block.length, STEP, |bytes| {
            let due = Duration::from_secs_f64(read as f64 / self.plan.per_second as f64);
            read += bytes;
            let early = due.saturating_sub(began.elapsed());
            if early.is_zero() || self.control.sleep(early) {
                return Ok(());
            }
            Err(DataNodeError::Refused("the DataNode stops".to_owned()))
        });
        // What is read here alone need not stay in memory. Only a hint.
        let _ = rustix::fs::fadvise(&files.data, 0, None, rustix::fs::Advice::DontNeed);
        result
    }
}

fn save(cursor: &mut Cursor) {
    if let Err(error) = cursor.save() {
        warn!(pool = cursor.pool, %error, "the place of the scan is not saved");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_past_hour() {
        let mut hour = PastHour::new(0);
        assert!(hour.is_below(1000));
        hour.add(120_000);
        assert!(!hour.is_below(1000), "in the first minute every byte counts");
        hour.pass_to(2);
        assert!(hour.is_below(1000), "1,000 bytes a second over two minutes");
        hour.add(1);
        hour.pass_to(3);
        hour.add(700_000);
        assert!(!hour.is_below(1000));
        hour.pass_to(500);
        assert!(hour.is_below(0), "all is longer ago");
    }
}
