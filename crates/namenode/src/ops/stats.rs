//! Calls about the cluster as a whole: capacity, DataNodes, open and corrupt files, policies.

use std::collections::BTreeSet;

use loxodon_blocks::ReportKind;
use loxodon_namespace::error::FsError;
use loxodon_namespace::status::OpenFile;
use loxodon_wire::ids::InodeId;
use loxodon_wire::proto::common::HaServiceStateProto;
use loxodon_wire::proto::hdfs::{
    BlockStoragePolicyProto, CorruptFileBlocksProto, DatanodeInfoProto, DatanodeReportTypeProto,
    DatanodeStorageReportProto, FsServerDefaultsProto, GetCurrentEditLogTxidRequestProto,
    GetCurrentEditLogTxidResponseProto, GetDatanodeReportRequestProto,
    GetDatanodeReportResponseProto, GetDatanodeStorageReportRequestProto,
    GetDatanodeStorageReportResponseProto, GetFsEcBlockGroupStatsRequestProto,
    GetFsEcBlockGroupStatsResponseProto, GetFsReplicatedBlockStatsRequestProto,
    GetFsReplicatedBlockStatsResponseProto, GetFsStatsResponseProto, GetFsStatusRequestProto,
    GetServerDefaultsRequestProto, GetServerDefaultsResponseProto,
    GetSlowDatanodeReportRequestProto, GetSlowDatanodeReportResponseProto,
    GetStoragePoliciesRequestProto, GetStoragePoliciesResponseProto, GetStoragePolicyRequestProto,
    GetStoragePolicyResponseProto, HaServiceStateRequestProto, HaServiceStateResponseProto,
    ListCorruptFileBlocksRequestProto, ListCorruptFileBlocksResponseProto,
    ListOpenFilesRequestProto, ListOpenFilesResponseProto, MsyncRequestProto, MsyncResponseProto,
    OpenFilesBatchResponseProto, OpenFilesTypeProto, StorageTypesProto, UpgradeStatusRequestProto,
    UpgradeStatusResponseProto,
};
use loxodon_wire::storage::{STORAGE_POLICIES, StoragePolicy, StorageType};

use crate::audit::AuditEvent;
use crate::convert::datanode;
use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::request::Request;

/// `getServerDefaults`.
pub(crate) fn server_defaults(
    machine: &NameNode,
    _: &mut Request<'_>,
    _: GetServerDefaultsRequestProto,
) -> Result<GetServerDefaultsResponseProto> {
    let defaults = &machine.settings.server_defaults;
    Ok(GetServerDefaultsResponseProto {
        server_defaults: FsServerDefaultsProto {
            block_size: defaults.block_size,
            bytes_per_checksum: defaults.bytes_per_checksum,
            write_packet_size: defaults.packet_size,
            replication: u32::from(defaults.replication),
            file_buffer_size: defaults.file_buffer_size,
            encrypt_data_transfer: Some(false),
            trash_interval: Some(defaults.trash_interval),
            checksum_type: Some(defaults.checksum as i32),
            key_provider_uri: Some(String::new()),
            policy_id: Some(u32::from(machine.settings.default_policy.0)),
            snapshot_trash_root_enabled: Some(false),
        },
    })
}

/// `getFsStats`.
pub(crate) fn fs_stats(
    machine: &NameNode,
    _: &mut Request<'_>,
    _: GetFsStatusRequestProto,
) -> Result<GetFsStatsResponseProto> {
    let stats = machine.blocks.stats();
    Ok(GetFsStatsResponseProto {
        capacity: stats.bytes.capacity,
        used: stats.bytes.dfs_used,
        remaining: stats.bytes.remaining,
        under_replicated: stats.low_redundancy,
        corrupt_blocks: stats.corrupt_replicas,
        missing_blocks: stats.missing,
        missing_repl_one_blocks: Some(stats.missing_single),
        blocks_in_future: Some(machine.blocks.safe_mode().future_bytes()),
        pending_deletion_blocks: Some(stats.pending_deletions),
    })
}

/// `getFsReplicatedBlockStats`.
pub(crate) fn replicated_block_stats(
    machine: &NameNode,
    _: &mut Request<'_>,
    _: GetFsReplicatedBlockStatsRequestProto,
) -> Result<GetFsReplicatedBlockStatsResponseProto> {
    let stats = machine.blocks.stats();
    Ok(GetFsReplicatedBlockStatsResponseProto {
        low_redundancy: stats.low_redundancy,
        corrupt_blocks: stats.corrupt_replicas,
        missing_blocks: stats.missing,
        missing_repl_one_blocks: stats.missing_single,
        blocks_in_future: machine.blocks.safe_mode().future_bytes(),
        pending_deletion_blocks: stats.pending_deletions,
        highest_prio_low_redundancy_blocks: Some(stats.highest_priority),
        badly_distributed_blocks: Some(stats.badly_distributed),
    })
}

/// `getFsECBlockGroupStats`: there are no block groups.
pub(crate) fn block_group_stats(
    _: &NameNode,
    _: &mut Request<'_>,
    _: GetFsEcBlockGroupStatsRequestProto,
) -> Result<GetFsEcBlockGroupStatsResponseProto> {
    Ok(GetFsEcBlockGroupStatsResponseProto {
        highest_prio_low_redundancy_blocks: Some(0),
        badly_distributed_blocks: Some(0),
        ..GetFsEcBlockGroupStatsResponseProto::default()
    })
}

fn report_kind(number: i32) -> Result<ReportKind> {
    match DatanodeReportTypeProto::try_from(number) {
        Ok(DatanodeReportTypeProto::All) => Ok(ReportKind::All),
        Ok(DatanodeReportTypeProto::Live) => Ok(ReportKind::Live),
        Ok(DatanodeReportTypeProto::Dead) => Ok(ReportKind::Dead),
        Ok(DatanodeReportTypeProto::Decommissioning) => Ok(ReportKind::Decommissioning),
        Ok(DatanodeReportTypeProto::EnteringMaintenance) => Ok(ReportKind::EnteringMaintenance),
        Ok(DatanodeReportTypeProto::InMaintenance) => Ok(ReportKind::InMaintenance),
        Err(_) => Err(NameNodeError::IllegalArgument(format!("no DataNode report type {number}"))),
    }
}

/// `getDatanodeReport`.
pub(crate) fn datanode_report(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetDatanodeReportRequestProto,
) -> Result<GetDatanodeReportResponseProto> {
    request.require_superuser("datanodeReport")?;
    let kind = report_kind(asked.r#type)?;
    let nodes = machine.blocks.datanodes(kind);
    let di = nodes.into_iter().filter_map(|index| {
        let node = machine.blocks.datanode(index)?;
        Some(datanode::location(&machine.blocks, index, node, request.now))
    });
    let di = di.chain(unheard(machine, kind)).collect();
    request.effects.audit.push(AuditEvent::plain(true, "datanodeReport"));
    Ok(GetDatanodeReportResponseProto { di })
}

/// Hosts that never came, where the dead are asked for.
fn unheard(machine: &NameNode, kind: ReportKind) -> Vec<DatanodeInfoProto> {
    let hosts = match kind {
        ReportKind::All | ReportKind::Dead => machine.blocks.unheard_hosts(),
        _ => Vec::new(),
    };
    hosts.into_iter().map(|entry| datanode::unheard(&machine.blocks, entry)).collect()
}

/// `getDatanodeStorageReport`.
pub(crate) fn datanode_storage_report(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetDatanodeStorageReportRequestProto,
) -> Result<GetDatanodeStorageReportResponseProto> {
    request.require_superuser("getDatanodeStorageReport")?;
    let kind = report_kind(asked.r#type)?;
    let nodes = machine.blocks.datanodes(kind);
    let reports = nodes.into_iter().filter_map(|index| {
        let node = machine.blocks.datanode(index)?;
        let storages = node.storages().iter().filter_map(|at| machine.blocks.storage(*at));
        Some(DatanodeStorageReportProto {
            datanode_info: datanode::location(&machine.blocks, index, node, request.now),
            storage_reports: storages
                .map(|storage| datanode::storage_report_proto(&storage.report()))
                .collect(),
        })
    });
    let unheard = unheard(machine, kind).into_iter().map(|datanode_info| {
        DatanodeStorageReportProto { datanode_info, storage_reports: Vec::new() }
    });
    let datanode_storage_reports = reports.chain(unheard).collect();
    request.effects.audit.push(AuditEvent::plain(true, "getDatanodeStorageReport"));
    Ok(GetDatanodeStorageReportResponseProto { datanode_storage_reports })
}

/// `getSlowDatanodeReport`: those that others find slow.
pub(crate) fn slow_datanode_report(
    machine: &NameNode,
    request: &mut Request<'_>,
    _: GetSlowDatanodeReportRequestProto,
) -> Result<GetSlowDatanodeReportResponseProto> {
    request.require_superuser("slowDataNodesReport")?;
    let slow = machine.slow_peers.all(request.now.monotonic);
    let is_slow = |node: &loxodon_blocks::Datanode| {
        let address = format!("{}:{}", node.id().ip, node.id().info_port);
        slow.iter().any(|slow| slow.address == address)
    };
    let nodes = machine.blocks.datanodes(ReportKind::All).into_iter().filter_map(|index| {
        let node = machine.blocks.datanode(index).filter(|node| is_slow(node))?;
        Some(datanode::location(&machine.blocks, index, node, request.now))
    });
    let datanode_info_proto = nodes.collect();
    request.effects.audit.push(AuditEvent::plain(true, "slowDataNodesReport"));
    Ok(GetSlowDatanodeReportResponseProto { datanode_info_proto })
}

/// `listOpenFiles`.
pub(crate) fn open_files(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: ListOpenFilesRequestProto,
) -> Result<ListOpenFilesResponseProto> {
    let previous = InodeId(asked.id.cast_unsigned());
    let path = asked.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    request.require_superuser_for("listOpenFiles", path)?;
    if !path.starts_with('/') {
        let text = format!("Absolute path required, but got '{path}'");
        return Err(FsError::Assertion(text).into());
    }
    let blocking = i32::from(OpenFilesTypeProto::BlockingDecommission);
    let all = i32::from(OpenFilesTypeProto::AllOpenFiles);
    let keeping = (asked.types.contains(&blocking) && !asked.types.contains(&all))
        .then(|| files_keeping_nodes(machine));
    let is_wanted = |file| keeping.as_ref().is_none_or(|files| files.contains(&file));
    let (files, has_more) =
        machine.namespace.open_files(&request.op(), previous, path, is_wanted)?;
    request.effects.audit.push(AuditEvent::plain(true, "listOpenFiles"));
    Ok(ListOpenFilesResponseProto {
        entries: files.into_iter().map(open_file).collect(),
        has_more,
        types: asked.types,
    })
}

/// Files with blocks that keep DataNodes from being decommissioned or going into maintenance
/// (`FSNamesystem.getFilesBlockingDecom`).
fn files_keeping_nodes(machine: &NameNode) -> BTreeSet<InodeId> {
    [ReportKind::Decommissioning, ReportKind::EnteringMaintenance]
        .into_iter()
        .flat_map(|kind| machine.blocks.datanodes(kind))
        .flat_map(|node| machine.blocks.blocks_keeping(node))
        .filter_map(|block| machine.owner_of(block))
        .collect()
}

fn open_file(file: OpenFile) -> OpenFilesBatchResponseProto {
    OpenFilesBatchResponseProto {
        id: file.inode.0.cast_signed(),
        path: file.path,
        client_name: file.client_name,
        client_machine: file.client_machine,
    }
}

/// `listCorruptFileBlocks`: the cookie counts what was given before.
pub(crate) fn corrupt_file_blocks(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: ListCorruptFileBlocksRequestProto,
) -> Result<ListCorruptFileBlocksResponseProto> {
    request.require_superuser("listCorruptFileBlocks")?;
    let skip = match asked.cookie.as_deref() {
        None | Some("") => 0,
        Some(cookie) => cookie
            .parse::<usize>()
            .map_err(|_| NameNodeError::Io(format!("the cookie {cookie} is not a number")))?,
    };
    let (corrupt, next) = machine.corrupt_files(&asked.path, skip);
    request.effects.audit.push(AuditEvent::of(true, "listCorruptFileBlocks", &asked.path));
    Ok(ListCorruptFileBlocksResponseProto {
        corrupt: CorruptFileBlocksProto {
            files: corrupt.into_iter().map(|(_, path)| path).collect(),
            cookie: next.to_string(),
        },
    })
}

impl NameNode {
    /// Blocks below `path` that have no good replica, each with its file, after the first
    /// `skip`; and how many have been looked at.
    #[must_use]
    pub fn corrupt_files(
        &self,
        path: &str,
        skip: usize,
    ) -> (Vec<(loxodon_wire::ids::BlockId, String)>, usize) {
        let limit = self.settings.corrupt_files_page;
        let below = path.trim_end_matches('/');
        let mut found = Vec::new();
        let mut seen = skip;
        for (block, owner) in self.blocks.unreadable_blocks().skip(skip) {
            if found.len() >= limit {
                break;
            }
            seen = seen.saturating_add(1);
            let Some(file) = self.namespace.path_of(owner) else { continue };
            let inside = file
                .strip_prefix(below)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if inside {
                found.push((block, file));
            }
        }
        (found, seen)
    }
}

/// `getStoragePolicies`.
pub(crate) fn storage_policies(
    _: &NameNode,
    _: &mut Request<'_>,
    _: GetStoragePoliciesRequestProto,
) -> Result<GetStoragePoliciesResponseProto> {
    let policies = STORAGE_POLICIES.iter().map(policy_proto).collect();
    Ok(GetStoragePoliciesResponseProto { policies })
}

/// `getStoragePolicy`.
pub(crate) fn storage_policy(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: GetStoragePolicyRequestProto,
) -> Result<GetStoragePolicyResponseProto> {
    let result = machine.namespace.storage_policy(&request.op(), &asked.path).map_err(Into::into);
    machine.note(request, "getStoragePolicy", &asked.path, None, None, &result);
    let policy = StoragePolicy::of(machine.settings.policy_in_force(result?));
    Ok(GetStoragePolicyResponseProto { storage_policy: policy_proto(policy) })
}

fn policy_proto(policy: &StoragePolicy) -> BlockStoragePolicyProto {
    let types = |kinds: &[StorageType]| StorageTypesProto {
        storage_types: kinds.iter().map(|kind| kind.to_wire()).collect(),
    };
    let unless_empty = |kinds: &[StorageType]| (!kinds.is_empty()).then(|| types(kinds));
    BlockStoragePolicyProto {
        policy_id: u32::from(policy.id.0),
        name: policy.name.to_owned(),
        creation_policy: types(policy.storage_types),
        creation_fallback_policy: unless_empty(policy.creation_fallbacks),
        replication_fallback_policy: unless_empty(policy.replication_fallbacks),
    }
}

/// `getHAServiceState`: a NameNode alone is the active one.
pub(crate) fn ha_service_state(
    _: &NameNode,
    _: &mut Request<'_>,
    _: HaServiceStateRequestProto,
) -> Result<HaServiceStateResponseProto> {
    Ok(HaServiceStateResponseProto { state: HaServiceStateProto::Active.into() })
}

/// `msync`: whoever reads here reads the newest already.
pub(crate) fn msync(
    _: &NameNode,
    _: &mut Request<'_>,
    _: MsyncRequestProto,
) -> Result<MsyncResponseProto> {
    Ok(MsyncResponseProto {})
}

/// `upgradeStatus`: no upgrade is ever pending.
pub(crate) fn upgrade_status(
    _: &NameNode,
    request: &mut Request<'_>,
    _: UpgradeStatusRequestProto,
) -> Result<UpgradeStatusResponseProto> {
    request.require_superuser("upgradeStatus")?;
    Ok(UpgradeStatusResponseProto { upgrade_finalized: true })
}

/// `getCurrentEditLogTxid`.
pub(crate) fn current_edit_log_txid(
    machine: &NameNode,
    request: &mut Request<'_>,
    _: GetCurrentEditLogTxidRequestProto,
) -> Result<GetCurrentEditLogTxidResponseProto> {
    request.require_superuser("getCurrentEditLogTxid")?;
    Ok(GetCurrentEditLogTxidResponseProto { txid: machine.last_txid.0.cast_signed() })
}
