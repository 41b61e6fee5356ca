//! What a heartbeat says.

use std::time::Instant;

use loxodon_wire::proto::hdfs::StorageReportProto;
use loxodon_wire::proto::hdfs::datanode::{
    DatanodeRegistrationProto, HeartbeatRequestProto, SlowPeerReportProto,
    VolumeFailureSummaryProto,
};

use super::incremental::storage_proto;
use crate::dataset::Volume;
use crate::disks;
use crate::node::Node;

/// The state of the DataNode now. Asks the file systems: not for the runtime's own threads.
pub(super) fn heartbeat(
    node: &Node,
    pool: &str,
    registration: DatanodeRegistrationProto,
    wants_lease: bool,
    with_outliers: bool,
) -> HeartbeatRequestProto {
    let failures = node.dataset.failures();
    let (outliers, now) = (node.live.get().outliers, Instant::now());
    let slow = with_outliers.then(|| node.peers.slow(&outliers, now));
    let slow_peers = slow.into_iter().flatten().map(|slow| SlowPeerReportProto {
        data_node_id: Some(slow.name),
        aggregate_latency: Some(slow.latency),
        median: Some(slow.median),
        mad: Some(slow.mad),
        upper_limit_latency: Some(slow.limit),
    });
    let slow_peers = slow_peers.collect();
    let volumes = node.dataset.volumes();
    let slow_disks =
        with_outliers.then(|| disks::slow(volumes.iter().map(|v| &**v), &outliers, now));
    let slow_disks = slow_disks.unwrap_or_default();
    let summary = (!failures.locations.is_empty()).then(|| VolumeFailureSummaryProto {
        failed_storage_locations: failures.locations.clone(),
        last_volume_failure_date: failures.last,
        estimated_capacity_lost_total: failures.lost_capacity,
    });
    HeartbeatRequestProto {
        registration,
        reports: volumes.iter().filter_map(|volume| storage_report(volume, pool)).collect(),
        xmits_in_progress: Some(node.transfers.copies() as u32),
        xceiver_count: Some(node.transfers.count() as u32 + 1),
        failed_volumes: Some(failures.locations.len() as u32),
        cache_capacity: Some(0),
        cache_used: Some(0),
        volume_failure_summary: summary,
        request_full_block_report_lease: Some(wants_lease),
        slow_peers,
        slow_disks,
    }
}

/// A volume's space; `None` if it cannot be asked, which the next check deals with.
#[expect(deprecated, reason = "the plain id is a required field")]
pub(super) fn storage_report(volume: &Volume, pool: &str) -> Option<StorageReportProto> {
    let usage = volume.usage().ok()?;
    Some(StorageReportProto {
        storage_uuid: volume.storage.clone(),
        failed: Some(false),
        capacity: Some(usage.capacity),
        dfs_used: Some(usage.dfs_used),
        remaining: Some(usage.remaining),
        block_pool_used: Some(volume.pool_used(pool)),
        storage: Some(storage_proto(volume)),
        non_dfs_used: Some(usage.non_dfs_used),
        mount: None,
    })
}
