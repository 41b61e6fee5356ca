//! What a DataNode counts, for whoever publishes it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use loxodon_rpc::metrics::Rate;
use parking_lot::Mutex;

/// Machines whose failed connections are counted one by one.
const MOST_HOSTS: usize = 1000;

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

/// When something happened last.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

impl Moment {
    /// Now.
    pub(crate) fn set(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.0.store(now.as_millis() as u64, Ordering::Relaxed);
    }

    /// Milliseconds since the epoch; 0 where it never did.
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
    /// `TotalReadTime`: of reading and sending, in nanoseconds.
    pub read_nanos: Counter,
    /// `BlocksWritten`
    pub blocks_written: Counter,
    /// `BlocksRead`
    pub blocks_read: Counter,
    /// `BlocksReplicated`
    pub blocks_replicated: Counter,
    /// `BlocksRemoved`
    pub blocks_removed: Counter,
    /// Replicas whose files are to be removed; those that are gone already are in `blocks_removed`.
    pub removals_ordered: Counter,
    /// `LastDirScannerFinishTime`: when memory was last compared with the disks, in milliseconds since the epoch.
    pub compared_at: Moment,
    /// `BlocksVerified`
    pub blocks_verified: Counter,
    /// `BlockVerificationFailures`
    pub verification_failures: Counter,
    /// `ReadsFromLocalClient`
    pub reads_from_here: Counter,
    /// `ReadsFromRemoteClient`
    pub reads_from_elsewhere: Counter,
    /// `RemoteBytesRead`
    pub bytes_read_from_elsewhere: Counter,
    /// `WritesFromLocalClient`
    pub writes_from_here: Counter,
    /// `WritesFromRemoteClient`
    pub writes_from_elsewhere: Counter,
    /// `RemoteBytesWritten`
    pub bytes_written_from_elsewhere: Counter,
    /// `BlocksGetLocalPathInfo`
    pub local_paths_told: Counter,
    /// `PacketsReceived`
    pub packets_received: Counter,
    /// `VolumeFailures`
    pub volume_failures: Counter,
    /// `FsyncCount`: what writers wanted on the disk.
    pub syncs: Counter,
    /// `ReadBlockOp`
    pub read_block: Rate,
    /// `WriteBlockOp`
    pub write_block: Rate,
    /// `BlockChecksumOp`
    pub block_checksum: Rate,
    /// `CopyBlockOp`
    pub copy_block: Rate,
    /// `ReplaceBlockOp`
    pub replace_block: Rate,
    /// `Heartbeats`
    pub heartbeats: Rate,
    /// `Lifelines`
    pub lifelines: Rate,
    /// `BlockReports`
    pub block_reports: Rate,
    /// `IncrementalBlockReports`
    pub incremental_reports: Rate,
    network_errors: Mutex<NetworkErrors>,
}

#[derive(Debug, Default)]
struct NetworkErrors {
    all: u64,
    by_host: BTreeMap<String, u64>,
}

impl DataNodeMetrics {
    /// A connection from `host` broke off.
    pub(crate) fn network_error(&self, host: &str) {
        let mut errors = self.network_errors.lock();
        errors.all += 1;
        if let Some(count) = errors.by_host.get_mut(host) {
            *count += 1;
        } else if errors.by_host.len() < MOST_HOSTS {
            errors.by_host.insert(host.to_owned(), 1);
        }
    }

    /// `DatanodeNetworkErrors`
    #[must_use]
    pub fn network_errors(&self) -> u64 {
        self.network_errors.lock().all
    }

    /// `DatanodeNetworkCounts`: the same for each machine.
    #[must_use]
    pub fn network_errors_by_host(&self) -> BTreeMap<String, u64> {
        self.network_errors.lock().by_host.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_connections_are_counted_by_machine_and_bounded() {
        let metrics = DataNodeMetrics::default();
        for host in 0..MOST_HOSTS + 5 {
            metrics.network_error(&host.to_string());
        }
        metrics.network_error("7");
        let by_host = metrics.network_errors_by_host();
        assert_eq!(
            (metrics.network_errors() as usize, by_host.len()),
            (MOST_HOSTS + 6, MOST_HOSTS)
        );
        assert_eq!((by_host["7"], by_host["8"]), (2, 1));
    }
}
