//! What a DataNode counts, for whoever publishes it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of the bean `DataNodeActivity`.
#[derive(Debug, Default)]
pub struct DataNodeMetrics {
    /// `BytesWritten`
    pub bytes_written: Counter,
    /// `BytesRead`
    pub bytes_read: Counter,
    /// `BlocksWritten`
    pub blocks_written: Counter,
    /// `BlocksRead`
    pub blocks_read: Counter,
    /// `BlocksReplicated`
    pub blocks_replicated: Counter,
    /// `BlocksRemoved`
    pub blocks_removed: Counter,
    /// `BlocksVerified`
    pub blocks_verified: Counter,
    /// `BlockVerificationFailures`
    pub verification_failures: Counter,
    /// `VolumeFailures`
    pub volume_failures: Counter,
    /// `DatanodeNetworkErrors`
    pub network_errors: Counter,
    /// `HeartbeatsNumOps`
    pub heartbeats: Counter,
    /// `LifelinesNumOps`
    pub lifelines: Counter,
    /// `BlockReportsNumOps`
    pub block_reports: Counter,
    /// `IncrementalBlockReportsNumOps`
    pub incremental_reports: Counter,
}
