//! Compares what is remembered with what lies on disk: Hadoop's `DirectoryScanner`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::{info, warn};

use super::control::ScanControl;
use crate::dataset::{Difference, OnVolume, Pool, Volume};
use crate::node::Node;

/// Compares once in every `interval`, the first time at a random moment of the first one.
pub(super) fn repeat(node: &Weak<Node>, control: &ScanControl, interval: Duration) {
    let mut wait = interval.mul_f64(node.upgrade().map_or(0.0, |node| node.random_fraction()));
    while control.sleep(wait) {
        let Some(node) = node.upgrade() else { return };
        for pool in node.dataset.pools() {
            compare(&node, &pool);
        }
        wait = interval;
    }
}

fn compare(node: &Arc<Node>, pool: &Arc<Pool>) {
    let mut differences = 0;
    for volume in node.dataset.volumes() {
        let suspicious = match node.dataset.differences(pool, &volume) {
            Ok(suspicious) => suspicious,
            Err(error) => {
                warn!(volume = %volume.root().display(), %error, "a volume cannot be compared");
                node.disk_failed(&error);
                continue;
            }
        };
        for found in suspicious {
            differences += u64::from(settle(node, pool, &volume, found));
        }
    }
    node.metrics.compared_at.set();
    info!(pool = %pool.id, differences, "compared memory with the disks");
}

/// Makes memory and disk agree on one block; whether they did not.
fn settle(node: &Arc<Node>, pool: &Pool, volume: &Arc<Volume>, found: OnVolume) -> bool {
    match node.dataset.reconcile(pool, volume, found) {
        Ok(Difference::None) => return false,
        Ok(Difference::Missing(block)) => {
            warn!(%block, "removed from memory: its file is not on the disk");
            node.deleted(&block, volume);
        }
        Ok(Difference::Found(block)) => {
            warn!(%block, "added to memory: it was found on the disk");
            node.received(&block, volume, None);
        }
        Ok(Difference::Damaged(block)) => {
            warn!(%block, "another length or kind of file on the disk");
            node.report_bad_local(&block);
        }
        Ok(Difference::Settled) => {}
        Err(error) => {
            warn!(block = %found.id, %error, "a replica cannot be compared");
            return false;
        }
    }
    true
}
