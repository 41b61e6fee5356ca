//! DataNodes, storages and reports as messages, both ways.

use std::sync::Arc;

use loxodon_blocks::{
    BlockManager, Datanode, NodeIndex, NodeLoad, NodeUsage, ReportedStorage, StorageReport,
    StorageState, StorageUsage, VolumeFailures,
};
use loxodon_cluster::{AdminState, DatanodeId, HostEntry, StorageType};
use loxodon_wire::ids::Milliseconds;
use loxodon_wire::proto::hdfs::datanode::HeartbeatRequestProto;
use loxodon_wire::proto::hdfs::datanode_storage_proto::StorageState as StorageStateProto;
use loxodon_wire::proto::hdfs::{
    DatanodeIdProto, DatanodeInfoProto, DatanodeStorageProto, StorageReportProto,
};

use crate::request::Now;

/// A DataNode's names and addresses.
pub(crate) fn id_proto(id: &DatanodeId) -> DatanodeIdProto {
    DatanodeIdProto {
        ip_addr: id.ip.to_string(),
        host_name: id.host.to_string(),
        datanode_uuid: id.uuid.to_string(),
        xfer_port: u32::from(id.transfer_port),
        info_port: u32::from(id.info_port),
        ipc_port: u32::from(id.ipc_port),
        info_secure_port: Some(u32::from(id.info_secure_port)),
    }
}

/// What a DataNode says that it is called; ports out of range become 0.
pub(crate) fn id(proto: &DatanodeIdProto) -> DatanodeId {
    let port = |number: u32| u16::try_from(number).unwrap_or_default();
    DatanodeId {
        ip: Arc::from(proto.ip_addr.as_str()),
        host: Arc::from(proto.host_name.as_str()),
        uuid: Arc::from(proto.datanode_uuid.as_str()),
        transfer_port: port(proto.xfer_port),
        info_port: port(proto.info_port),
        ipc_port: port(proto.ipc_port),
        info_secure_port: port(proto.info_secure_port.unwrap_or(0)),
    }
}

/// `DatanodeInfo` of a replica's place.
pub(crate) fn location(
    blocks: &BlockManager,
    index: NodeIndex,
    node: &Datanode,
    now: Now,
) -> DatanodeInfoProto {
    let NodeUsage { bytes: usage, blocks: num_blocks } = blocks.usage_of(index);
    let wall = |monotonic: Milliseconds| {
        now.wall.0.saturating_sub(now.monotonic.0.saturating_sub(monotonic.0))
    };
    DatanodeInfoProto {
        id: id_proto(node.id()),
        capacity: Some(usage.capacity),
        dfs_used: Some(usage.dfs_used),
        remaining: Some(usage.remaining),
        block_pool_used: Some(usage.block_pool_used),
        last_update: Some(wall(node.last_heard())),
        xceiver_count: Some(node.load().xceivers),
        location: Some(node.rack().to_string()),
        non_dfs_used: Some(usage.non_dfs_used),
        admin_state: Some(node.admin().to_wire()),
        cache_capacity: Some(node.load().cache_capacity),
        cache_used: Some(node.load().cache_used),
        last_update_monotonic: Some(node.last_heard().0),
        upgrade_domain: node.upgrade_domain().map(ToString::to_string),
        last_block_report_time: Some(node.last_report().map_or(0, wall)),
        last_block_report_monotonic: Some(node.last_report().map_or(0, |at| at.0)),
        num_blocks: Some(u32::try_from(num_blocks).unwrap_or(u32::MAX)),
        software_version: Some(node.software_version().to_string()),
    }
}

/// `DatanodeInfo` of a host that the include list names and that never came: dead, with the ports that
/// DataNodes have where nothing else is said.
pub(crate) fn unheard(blocks: &BlockManager, entry: HostEntry) -> DatanodeInfoProto {
    let id = DatanodeId {
        ip: Arc::from(entry.host.as_str()),
        host: Arc::from(entry.host),
        uuid: Arc::from(""),
        transfer_port: if entry.port == 0 { 9866 } else { entry.port },
        info_port: 9864,
        info_secure_port: 9865,
        ipc_port: 9867,
    };
    let admin = match blocks.hosts().is_excluded(&id) {
        true => AdminState::Decommissioned,
        false => AdminState::Normal,
    };
    DatanodeInfoProto {
        id: id_proto(&id),
        location: Some("/default-rack".to_owned()),
        admin_state: Some(admin.to_wire()),
        ..DatanodeInfoProto::default()
    }
}

/// The storage type of a number on the wire; a disk where the number is not known.
pub(crate) fn storage_type(number: i32) -> StorageType {
    StorageType::from_wire(number).unwrap_or_default()
}

/// A storage that a DataNode names.
pub(crate) fn storage(proto: &DatanodeStorageProto) -> ReportedStorage {
    let state = match proto.state() {
        StorageStateProto::Normal => StorageState::Normal,
        StorageStateProto::ReadOnlyShared => StorageState::ReadOnlyShared,
    };
    let kind = proto.storage_type.map_or(StorageType::Disk, storage_type);
    ReportedStorage { id: Arc::from(proto.storage_uuid.as_str()), kind, state }
}

/// A storage of which a DataNode says only the name, as old ones do.
pub(crate) fn unnamed_storage(id: &str) -> ReportedStorage {
    ReportedStorage { id: Arc::from(id), kind: StorageType::Disk, state: StorageState::Normal }
}

/// One line of a heartbeat.
pub(crate) fn storage_report(proto: &StorageReportProto) -> StorageReport {
    #[allow(deprecated)]
    let ReportedStorage { id, kind, state } = match &proto.storage {
        Some(named) => storage(named),
        None => unnamed_storage(&proto.storage_uuid),
    };
    let capacity = proto.capacity.unwrap_or(0);
    let dfs_used = proto.dfs_used.unwrap_or(0);
    let remaining = proto.remaining.unwrap_or(0);
    StorageReport {
        id,
        kind,
        state,
        failed: proto.failed.unwrap_or(false),
        usage: StorageUsage {
            capacity,
            dfs_used,
            non_dfs_used: proto
                .non_dfs_used
                .unwrap_or_else(|| capacity.saturating_sub(dfs_used).saturating_sub(remaining)),
            remaining,
            block_pool_used: proto.block_pool_used.unwrap_or(0),
        },
        mount: proto.mount.as_deref().map(Arc::from),
    }
}

/// A line of a heartbeat, given on to who asks for a storage report.
pub(crate) fn storage_report_proto(report: &StorageReport) -> StorageReportProto {
    let state = match report.state {
        StorageState::Normal | StorageState::Failed => StorageStateProto::Normal,
        StorageState::ReadOnlyShared => StorageStateProto::ReadOnlyShared,
    };
    #[allow(deprecated)]
    StorageReportProto {
        storage_uuid: report.id.to_string(),
        failed: Some(report.failed),
        capacity: Some(report.usage.capacity),
        dfs_used: Some(report.usage.dfs_used),
        remaining: Some(report.usage.remaining),
        block_pool_used: Some(report.usage.block_pool_used),
        storage: Some(DatanodeStorageProto {
            storage_uuid: report.id.to_string(),
            state: Some(state.into()),
            storage_type: Some(report.kind.to_wire()),
        }),
        non_dfs_used: Some(report.usage.non_dfs_used),
        mount: report.mount.as_ref().map(ToString::to_string),
    }
}

/// What a heartbeat says besides its storages.
pub(crate) fn load(heartbeat: &HeartbeatRequestProto) -> NodeLoad {
    NodeLoad {
        xceivers: heartbeat.xceiver_count.unwrap_or(0),
        transfers: heartbeat.xmits_in_progress.unwrap_or(0),
        cache_capacity: heartbeat.cache_capacity.unwrap_or(0),
        cache_used: heartbeat.cache_used.unwrap_or(0),
        failed_volumes: heartbeat.failed_volumes.unwrap_or(0),
        volume_failures: heartbeat.volume_failure_summary.as_ref().map(|summary| VolumeFailures {
            locations: summary.failed_storage_locations.clone(),
            last: Milliseconds(summary.last_volume_failure_date),
            capacity_lost: summary.estimated_capacity_lost_total,
        }),
    }
}
