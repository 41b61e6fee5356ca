//! What was read and written on the file systems of a scheme (`FileSystem.Statistics`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Running sums of one scheme; the source of Hadoop's `FileSystemCounter` group.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    sums: Arc<[AtomicU64; 5]>,
}

/// The sums at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatisticsSnapshot {
    /// `BYTES_READ`
    pub bytes_read: u64,
    /// `BYTES_WRITTEN`
    pub bytes_written: u64,
    /// `READ_OPS`
    pub read_ops: u64,
    /// `LARGE_READ_OPS`
    pub large_read_ops: u64,
    /// `WRITE_OPS`
    pub write_ops: u64,
}

impl Statistics {
    fn add(&self, which: usize, count: u64) {
        if let Some(sum) = self.sums.get(which) {
            sum.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, bytes: usize) {
        self.add(0, bytes as u64);
    }

    pub(super) fn written(&self, bytes: usize) {
        self.add(1, bytes as u64);
    }

    pub(super) fn read_op(&self) {
        self.add(2, 1);
    }

    pub(super) fn large_read_op(&self) {
        self.add(3, 1);
    }

    pub(super) fn write_op(&self) {
        self.add(4, 1);
    }

    /// The sums now.
    pub fn snapshot(&self) -> StatisticsSnapshot {
        let [bytes_read, bytes_written, read_ops, large_read_ops, write_ops] = &*self.sums;
        let now = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        StatisticsSnapshot {
            bytes_read: now(bytes_read),
            bytes_written: now(bytes_written),
            read_ops: now(read_ops),
            large_read_ops: now(large_read_ops),
            write_ops: now(write_ops),
        }
    }
}
