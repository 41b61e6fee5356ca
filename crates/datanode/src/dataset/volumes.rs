//! Volumes that fail.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Dataset;
use super::volume::Volume;
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
