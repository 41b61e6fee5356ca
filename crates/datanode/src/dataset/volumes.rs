//! Volumes that fail.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::replica::{Replica, ReplicaState};
use super::volume::Volume;
use super::{Dataset, scan};
use crate::block::Block;
use crate::error::{DataNodeError, Result};

/// The volumes that failed since the start, or could not be used at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct VolumeFailures {
    /// Volumes in the settings.
    pub(crate) configured: usize,
    /// The places that failed.
    pub(crate) locations: Vec<String>,
    /// When the last one did, in milliseconds since the epoch.
    pub(crate) last: u64,
    /// Bytes that they had.
    pub(crate) lost_capacity: u64,
}

impl VolumeFailures {
    pub(crate) fn add(&mut self, location: String, capacity: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last = now.as_millis() as u64;
        self.lost_capacity = self.lost_capacity.saturating_add(capacity);
        self.locations.push(location);
    }
}

impl Dataset {
    pub(crate) fn failures(&self) -> VolumeFailures {
        self.failures.lock().clone()
    }

    /// Drops a volume and its replicas.
    pub(crate) fn fail_volume(&self, volume: &Arc<Volume>, reason: &DataNodeError) {
        if !volume.fail() {
            return;
        }
        tracing::error!(volume = %volume.root().display(), %reason, "volume failed");
        let capacity = volume.usage().map_or(0, |usage| usage.capacity);
        self.failures.lock().add(volume.root().display().to_string(), capacity);
        self.volumes.write().retain(|other| other.index != volume.index);
        for pool in self.pools() {
            pool.replicas.write().retain(|_, replica| replica.volume != volume.index);
        }
    }

    /// Adds a volume that is prepared for `pools`, with what is stored on it.
    pub(crate) fn add_volume(&self, volume: &Arc<Volume>) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let mut found = Vec::new();
        for pool in self.pools() {
            let replicas = scan::find_replicas(volume, &pool.id, self.settings.ages, threads)?;
            found.push((pool, replicas));
        }
        self.volumes.write().push(Arc::clone(volume));
        for (pool, replicas) in found {
            self.take_found(&pool, volume, replicas);
        }
        self.forgive(volume.root());
        Ok(())
    }

    /// An index that no volume ever had.
    pub(crate) fn next_index(&self) -> Result<u16> {
        let last = self.last_index.fetch_add(1, Ordering::Relaxed);
        u16::try_from(last + 1).map_err(|_| DataNodeError::Refused("too many volumes".to_owned()))
    }

    /// Takes a volume out of use; its replicas stay where they are and are forgotten. Writers there end first.
    pub(crate) fn remove_volume(&self, volume: &Arc<Volume>) -> Vec<Block> {
        // Nothing new goes there from now on.
        self.volumes.write().retain(|other| other.index != volume.index);
        let mut forgotten = Vec::new();
        for pool in self.pools() {
            let here = |replica: &Replica| replica.volume == volume.index;
            let writers: Vec<_> = {
                let replicas = pool.replicas.read();
                let here = replicas.values().filter(|replica| here(replica));
                here.filter_map(|replica| match &replica.state {
                    ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) => {
                        Some(Arc::clone(writing))
                    }
                    _ => None,
                })
                .collect()
            };
            for writing in writers {
                if !writing.stop_writer(self.settings.stop_patience) {
                    tracing::warn!(volume = %volume.root().display(), "a writer did not stop");
                }
            }
            pool.replicas.write().retain(|id, replica| {
                if here(replica) {
                    let (stamp, length) = (replica.stamp, replica.disk_length());
                    forgotten.push(Block { pool: Arc::clone(&pool.id), id: *id, stamp, length });
                }
                !here(replica)
            });
        }
        forgotten
    }

    /// Forgets that the volume at `root` failed: it is used again, or not wanted any more.
    pub(crate) fn forgive(&self, root: &Path) {
        let root = root.display().to_string();
        self.failures.lock().locations.retain(|failed| *failed != root);
    }

    /// How many volumes are configured now.
    pub(crate) fn set_configured(&self, volumes: usize) {
        self.failures.lock().configured = volumes;
    }

    /// Looks at the volume that `path` lies on, unless it was found good within `gap`, and drops it if it
    /// fails; how many failed. All volumes are meant where it lies on none.
    pub(crate) fn check_volumes(&self, path: Option<&Path>, gap: Duration) -> usize {
        let mut failed = 0;
        let volumes = self.volumes();
        let is_meant = |volume: &Volume| path.is_some_and(|path| path.starts_with(volume.root()));
        let all = volumes.iter().all(|volume| !is_meant(volume));
        for volume in volumes.into_iter().filter(|volume| all || is_meant(volume)) {
            if let Err(error) = volume.check(gap) {
                self.fail_volume(&volume, &error);
                failed += 1;
            }
        }
        failed
    }

    /// Whether enough volumes are left (`dfs.datanode.failed.volumes.tolerated`).
    pub(crate) fn check_failures(&self) -> Result<()> {
        let left = self.volumes.read().len();
        let failures = self.failures.lock();
        let tolerated = self.settings.failed_volumes_tolerated;
        let enough = if tolerated < 0 {
            left > 0
        } else {
            left > 0 && failures.locations.len() as i64 <= tolerated
        };
        if enough {
            return Ok(());
        }
        Err(DataNodeError::VolumesFailed(format!(
            "Too many failed volumes - current valid volumes: {left}, volumes configured: {}, volumes failed: {}, volume failures tolerated: {tolerated}",
            failures.configured,
            failures.locations.len()
        )))
    }
}
