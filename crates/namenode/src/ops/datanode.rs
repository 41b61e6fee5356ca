//! Calls of DataNodes: registration, heartbeats, reports, recoveries.

use std::sync::Arc;

use loxodon_blocks::{
    self as blk, BlockChange, DatanodeCommand, EncodedReport, LegacyReport, Recovery, Registration,
    Target,
};
use loxodon_cluster::DatanodeId;
use loxodon_namespace::plan::CommitBlock;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs::datanode::{
    BalancerBandwidthCommandProto, BlockCommandProto, BlockReceivedAndDeletedRequestProto,
    BlockReceivedAndDeletedResponseProto, BlockRecoveryCommandProto, BlockReportRequestProto,
    BlockReportResponseProto, CacheReportRequestProto, CacheReportResponseProto,
    CommitBlockSynchronizationRequestProto, CommitBlockSynchronizationResponseProto,
    DatanodeCommandProto, DatanodeRegistrationProto, ErrorReportRequestProto,
    ErrorReportResponseProto, FinalizeCommandProto, HeartbeatRequestProto, HeartbeatResponseProto,
    RegisterCommandProto, RegisterDatanodeRequestProto, RegisterDatanodeResponseProto,
    ReportBadBlocksRequestProto, ReportBadBlocksResponseProto, block_command_proto,
    datanode_command_proto::Type, received_deleted_block_info_proto::BlockStatus,
};
use loxodon_wire::proto::hdfs::datanodelifeline::LifelineResponseProto;
use loxodon_wire::proto::hdfs::{
    BlockProto, DatanodeInfosProto, NamespaceInfoProto, NnhaStatusHeartbeatProto,
    RecoveringBlockProto, StorageInfoProto, StorageTypesProto, StorageUuidsProto,
    VersionRequestProto, VersionResponseProto, nnha_status_heartbeat_proto,
};
use loxodon_wire::version;

use crate::convert::datanode;
use crate::error::{NameNodeError, Result, class};
use crate::machine::{NameNode, States};
use crate::request::Request;
use crate::slow_disks::DiskLatencies;
use crate::slow_peers::Measured;

/// `NamespaceInfo`: the first thing that DataNodes and other NameNodes ask.
pub(crate) fn version_request(
    machine: &NameNode,
    _: &mut Request<'_>,
    _: VersionRequestProto,
) -> Result<VersionResponseProto> {
    Ok(VersionResponseProto {
        info: NamespaceInfoProto {
            build_version: version::REVISION.to_owned(),
            unused: 0,
            block_pool_id: machine.storage.block_pool_id.clone(),
            storage_info: machine.storage_info(),
            software_version: version::HADOOP.to_owned(),
            // NamespaceInfo.Capability.STORAGE_BLOCK_REPORT_BUFFERS.
            capabilities: Some(1),
            state: Some(nnha_status_heartbeat_proto::State::Active.into()),
        },
    })
}

/// `sendHeartbeat`.
pub(crate) fn heartbeat(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: HeartbeatRequestProto,
) -> Result<HeartbeatResponseProto> {
    machine.check_registration(&asked.registration)?;
    let id = datanode::id(&asked.registration.datanode_id);
    let reports: Vec<_> = asked.reports.iter().map(datanode::storage_report).collect();
    let wants_lease = asked.request_full_block_report_lease.unwrap_or(false);
    let load = datanode::load(&asked);
    let now = request.now.monotonic;
    let own = &asked.registration.datanode_id;
    let reporter = format!("{}:{}", own.ip_addr, own.ipc_port);
    for slow in &asked.slow_peers {
        let Some(address) = &slow.data_node_id else { continue };
        let measured = Measured {
            latency: slow.aggregate_latency.unwrap_or_default(),
            median: slow.median.unwrap_or_default(),
            mad: slow.mad.unwrap_or_default(),
            limit: slow.upper_limit_latency.unwrap_or_default(),
        };
        machine.slow_peers.add(now, address, &reporter, measured);
    }
    for slow in &asked.slow_disks {
        let found = DiskLatencies {
            metadata: slow.mean_metadata_op_latency,
            read: slow.mean_read_io_latency,
            write: slow.mean_write_io_latency,
        };
        machine.slow_disks.add(now, &reporter, slow.base_path(), found);
    }
    let address = format!("{}:{}", own.ip_addr, own.info_port);
    let is_slow = machine.slow_peers.is_slow(now, &address);
    let reply = machine.blocks.heartbeat(now, &id, &reports, load, wants_lease)?;
    // A replica is deleted, or gets a new stamp, because of edits that a crash must not undo.
    request.effects.after_all = !reply.commands.is_empty();
    let cmds = reply.commands.into_iter().map(|command| machine.command(request, command));
    Ok(HeartbeatResponseProto {
        cmds: cmds.collect(),
        ha_status: NnhaStatusHeartbeatProto {
            state: nnha_status_heartbeat_proto::State::Active.into(),
            txid: machine.last_txid.0,
        },
        rolling_upgrade_status: None,
        rolling_upgrade_status_v2: None,
        full_block_report_lease_id: Some(reply.report_lease),
        is_slownode: Some(is_slow),
    })
}

/// `sendLifeline`: a sign of life of a DataNode whose heartbeats are late. It is not answered
/// with commands.
pub(crate) fn lifeline(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: HeartbeatRequestProto,
) -> Result<LifelineResponseProto> {
    machine.check_registration(&asked.registration)?;
    let id = datanode::id(&asked.registration.datanode_id);
    let reports: Vec<_> = asked.reports.iter().map(datanode::storage_report).collect();
    machine.blocks.lifeline(request.now.monotonic, &id, &reports, datanode::load(&asked))?;
    Ok(LifelineResponseProto {})
}

/// `blockReceivedAndDeleted`.
pub(crate) fn received_and_deleted(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: BlockReceivedAndDeletedRequestProto,
) -> Result<BlockReceivedAndDeletedResponseProto> {
    machine.check_registration(&asked.registration)?;
    let id = datanode::id(&asked.registration.datanode_id);
    for storage in &asked.blocks {
        #[allow(deprecated)]
        let named = storage
            .storage
            .as_ref()
            .map_or_else(|| datanode::unnamed_storage(&storage.storage_uuid), datanode::storage);
        let changes: Vec<_> = storage
            .blocks
            .iter()
            .map(|change| {
                let event = match change.status() {
                    BlockStatus::Receiving => BlockChange::Receiving,
                    BlockStatus::Received => BlockChange::Received {
                        delete_hint: change
                            .delete_hint
                            .as_deref()
                            .filter(|hint| !hint.is_empty())
                            .map(Arc::from),
                    },
                    BlockStatus::Deleted => BlockChange::Deleted,
                };
                (block(&change.block), event)
            })
            .collect();
        // The answer never says so, as Hadoop's does not: the next heartbeat tells the node what to do.
        if let Err(error) =
            machine.blocks.received_deleted(request.now.monotonic, &id, &named, &changes)
        {
            tracing::warn!(datanode = %id.uuid, %error, "blockReceivedAndDeleted is not heeded");
        }
    }
    machine.take_events(request);
    Ok(BlockReceivedAndDeletedResponseProto {})
}

/// `cacheReport`: nothing is cached on order of this NameNode.
pub(crate) fn cache_report(
    machine: &NameNode,
    _: &mut Request<'_>,
    asked: CacheReportRequestProto,
) -> Result<CacheReportResponseProto> {
    machine.check_registration(&asked.registration)?;
    Ok(CacheReportResponseProto { cmd: None })
}

/// `errorReport`: logged; a fatal disk error costs the node its place.
pub(crate) fn error_report(
    machine: &NameNode,
    _: &mut Request<'_>,
    asked: ErrorReportRequestProto,
) -> Result<ErrorReportResponseProto> {
    machine.check_registration(&asked.registartion)?;
    tracing::warn!(
        datanode = %asked.registartion.datanode_id.datanode_uuid,
        code = asked.error_code,
        message = %asked.msg,
        "a DataNode reports an error"
    );
    Ok(ErrorReportResponseProto {})
}

/// `DatanodeProtocol.reportBadBlocks`: a scanner or a receiver found a checksum wrong.
pub(crate) fn report_bad_blocks(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: ReportBadBlocksRequestProto,
) -> Result<ReportBadBlocksResponseProto> {
    let asked = loxodon_wire::proto::hdfs::ReportBadBlocksRequestProto { blocks: asked.blocks };
    super::write::report_bad_blocks(machine, request, asked)?;
    Ok(ReportBadBlocksResponseProto {})
}

/// `commitBlockSynchronization`: DataNodes agreed about a block whose writer is gone.
pub(crate) fn commit_block_synchronization(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: CommitBlockSynchronizationRequestProto,
) -> Result<CommitBlockSynchronizationResponseProto> {
    machine.check_safe_mode(request.now, || {
        "Cannot commitBlockSynchronization while in safe mode".to_owned()
    })?;
    let old = machine.local(&asked.block)?;
    let info = machine.blocks.block(old.id);
    if info.is_some_and(|info| info.is_complete()) {
        return Ok(CommitBlockSynchronizationResponseProto {});
    }
    let new_stamp = GenerationStamp(asked.new_gen_stamp);
    let recovery = machine.blocks.recovery_stamp(old.id).unwrap_or(GenerationStamp(0));
    let commit = CommitBlock {
        block: old,
        generation_stamp: new_stamp,
        length: asked.new_length,
        close_file: asked.close_file,
        delete_block: asked.delete_block,
    };
    let plan = machine.namespace.plan_commit_block(
        &request.op(),
        info.map(|info| info.owner),
        recovery,
        &commit,
        &States::new(&machine.blocks, request.now),
    )?;
    if !asked.delete_block && info.is_some() {
        let places: Vec<(&str, &str)> = asked
            .new_taragets
            .iter()
            .zip(&asked.new_target_storages)
            .map(|(node, storage)| (node.datanode_uuid.as_str(), storage.as_str()))
            .collect();
        machine.blocks.finish_recovery(
            old.id,
            new_stamp,
            asked.new_length,
            &places,
            asked.close_file,
        )?;
    }
    machine.commit(request, Ok(plan))?;
    machine.take_events(request);
    Ok(CommitBlockSynchronizationResponseProto {})
}

fn register_command() -> DatanodeCommandProto {
    DatanodeCommandProto {
        cmd_type: Type::RegisterCommand.into(),
        register_cmd: Some(RegisterCommandProto {}),
        ..DatanodeCommandProto::default()
    }
}

fn block(proto: &BlockProto) -> blk::Block {
    blk::Block {
        id: BlockId(proto.block_id.cast_signed()),
        length: proto.num_bytes.unwrap_or(0),
        stamp: GenerationStamp(proto.gen_stamp),
    }
}

fn block_proto(block: blk::Block) -> BlockProto {
    BlockProto {
        block_id: block.id.0.cast_unsigned(),
        gen_stamp: block.stamp.0,
        num_bytes: Some(block.length),
    }
}

impl NameNode {
    /// `StorageInfo` of this file system.
    #[must_use]
    pub fn storage_info(&self) -> StorageInfoProto {
        StorageInfoProto {
            layout_version: self.storage.layout_version.cast_unsigned(),
            namespce_id: self.storage.namespace_id,
            cluster_id: self.storage.cluster_id.clone(),
            c_time: self.storage.creation_time,
        }
    }

    /// Refuses a DataNode of another file system (`verifyRequest`).
    pub(crate) fn check_registration(&self, node: &DatanodeRegistrationProto) -> Result<()> {
        let (theirs, ours) = (&node.storage_info, self.storage_info());
        let same = theirs.namespce_id == ours.namespce_id
            && theirs.cluster_id == ours.cluster_id
            && theirs.c_time == ours.c_time;
        if same {
            return Ok(());
        }
        let id = |info: &StorageInfoProto| {
            format!("NS-{}-{}-{}", info.namespce_id, info.cluster_id, info.c_time)
        };
        Err(NameNodeError::other(
            class::UNREGISTERED_NODE,
            format!("Invalid Registration ID. Expected: {}, Found: {}", id(&ours), id(theirs)),
        ))
    }

    /// A DataNode of another release may join where it is not too old and no upgrade lies between
    /// us (`NameNodeRpcServer.verifySoftwareVersion`).
    fn check_release(&self, node: &DatanodeRegistrationProto) -> Result<()> {
        let (theirs, least) = (&node.software_version, &self.settings.least_datanode_version);
        let refused = |text| Err(NameNodeError::other(class::INCORRECT_VERSION, text));
        if version::compare(theirs, least).is_lt() {
            return refused(format!(
                "The reported DataNode version is too low to communicate with this NameNode. \
                 DataNode version: '{theirs}' Minimum DataNode version: '{least}'"
            ));
        }
        let (theirs_since, ours_since) = (node.storage_info.c_time, self.storage_info().c_time);
        if theirs != version::HADOOP && theirs_since != ours_since {
            let id = &node.datanode_id;
            return refused(format!(
                "Reported DataNode version '{theirs}' of DN {}:{}, datanodeUuid={} does not match \
                 NameNode version '{}' and CTime of DN ('{theirs_since}') does not match CTime of NN \
                 ('{ours_since}')",
                id.ip_addr,
                id.xfer_port,
                id.datanode_uuid,
                version::HADOOP
            ));
        }
        Ok(())
    }

    /// `registerDatanode`. The shell gives the rack: finding it may take a script. The layout of its storage is
    /// the DataNode's own affair, as in Hadoop, whose `NNThroughputBenchmark` registers with a NameNode's.
    ///
    /// # Errors
    /// A node of another file system, of a release that is too old, or one that the host lists keep out.
    pub fn register_datanode(
        &mut self,
        request: &mut Request<'_>,
        asked: RegisterDatanodeRequestProto,
        rack: Arc<str>,
    ) -> Result<RegisterDatanodeResponseProto> {
        let mut registration = asked.registration;
        self.check_release(&registration)?;
        self.check_registration(&registration)?;
        if let Some(address) = request.address {
            registration.datanode_id.ip_addr = address.to_string();
        }
        let id = datanode::id(&registration.datanode_id);
        let software_version = Arc::from(registration.software_version.as_str());
        let node = Registration { id, rack, software_version };
        self.blocks.register(request.now.monotonic, node)?;
        Ok(RegisterDatanodeResponseProto { registration })
    }

    fn command(&self, request: &Request<'_>, command: DatanodeCommand) -> DatanodeCommandProto {
        let mut proto = DatanodeCommandProto::default();
        match command {
            DatanodeCommand::Register => return register_command(),
            DatanodeCommand::BalancerBandwidth(bandwidth) => {
                proto.cmd_type = Type::BalancerBandwidthCommand.into();
                proto.balancer_cmd = Some(BalancerBandwidthCommandProto { bandwidth });
            }
            DatanodeCommand::Invalidate(blocks) => {
                proto.cmd_type = Type::BlockCommand.into();
                proto.blk_cmd = Some(BlockCommandProto {
                    action: block_command_proto::Action::Invalidate.into(),
                    block_pool_id: self.storage.block_pool_id.clone(),
                    blocks: blocks.into_iter().map(block_proto).collect(),
                    ..BlockCommandProto::default()
                });
            }
            DatanodeCommand::Transfer(transfers) => {
                let mut transfer = BlockCommandProto {
                    action: block_command_proto::Action::Transfer.into(),
                    block_pool_id: self.storage.block_pool_id.clone(),
                    ..BlockCommandProto::default()
                };
                for one in transfers {
                    transfer.blocks.push(block_proto(one.block));
                    let (nodes, uuids, types) = self.places(request, &one.targets);
                    transfer.targets.push(nodes);
                    transfer.target_storage_uuids.push(uuids);
                    transfer.target_storage_types.push(types);
                }
                proto.cmd_type = Type::BlockCommand.into();
                proto.blk_cmd = Some(transfer);
            }
            DatanodeCommand::Recover(recoveries) => {
                let blocks = recoveries.into_iter().map(|one| self.recovery(request, &one));
                proto.cmd_type = Type::BlockRecoveryCommand.into();
                proto.recovery_cmd = Some(BlockRecoveryCommandProto { blocks: blocks.collect() });
            }
        }
        proto
    }

    fn places(
        &self,
        request: &Request<'_>,
        targets: &[Target],
    ) -> (DatanodeInfosProto, StorageUuidsProto, StorageTypesProto) {
        let mut nodes = DatanodeInfosProto::default();
        let mut uuids = StorageUuidsProto::default();
        let mut types = StorageTypesProto::default();
        for target in targets {
            let node = self.blocks.datanode(target.node);
            let storage = self.blocks.storage(target.storage);
            if let (Some(node), Some(storage)) = (node, storage) {
                let info = datanode::location(&self.blocks, target.node, node, request.now);
                nodes.datanodes.push(info);
                uuids.storage_uuids.push(storage.id().to_string());
                types.storage_types.push(storage.kind().to_wire());
            }
        }
        (nodes, uuids, types)
    }

    fn recovery(&self, request: &Request<'_>, recovery: &Recovery) -> RecoveringBlockProto {
        RecoveringBlockProto {
            new_gen_stamp: recovery.new_stamp.0,
            block: self.located_at(request, recovery.block, u64::MAX, &recovery.locations, false),
            truncate_block: recovery.truncate_to.map(block_proto),
            ec_policy: None,
            block_indices: None,
        }
    }
}

/// Runs a piece of work on the machine while it is locked.
pub type Locked<'a> = dyn FnMut(&mut dyn FnMut(&mut NameNode, &mut Request<'_>)) + 'a;

/// `blockReport`: reads a full report some replicas at a time, so that nobody waits for the lock
/// for long. `locked` takes the lock for each piece of the work.
///
/// # Errors
/// A report of another file system's DataNode, or one that does not parse; what was read before
/// it counts.
pub fn full_report(
    asked: &BlockReportRequestProto,
    replicas: usize,
    locked: &mut Locked<'_>,
) -> Result<BlockReportResponseProto> {
    let id = datanode::id(&asked.registration.datanode_id);
    let lease = asked.context.as_ref().and_then(|context| context.lease_id).unwrap_or(0);
    let is_known = within(locked, |machine, _| {
        machine.check_registration(&asked.registration)?;
        Ok(machine.blocks.node_by_uuid(&id.uuid).is_some())
    })?;
    if !is_known {
        return Ok(BlockReportResponseProto { cmd: Some(register_command()) });
    }
    for storage in &asked.reports {
        let named = datanode::storage(&storage.storage);
        let begun = within(locked, |machine, request| {
            let begun = machine.blocks.begin_report(request.now.monotonic, &id, &named, lease);
            begun.map_err(|error| match error {
                blk::BlockError::InvalidReportLease(_) => {
                    let report = asked.context.as_ref().map_or(0, |context| context.id);
                    NameNodeError::other(
                        error.java_class(),
                        format!("Block report 0x{report:x} was rejected as {error}"),
                    )
                }
                other => other.into(),
            })
        })?;
        let Some(mut scan) = begun else { continue };
        let mut from: Box<dyn Iterator<Item = _>> = match storage.number_of_blocks {
            Some(count) => Box::new(EncodedReport::new(&storage.blocks_buffers, count)),
            None => Box::new(LegacyReport::new(&storage.blocks)),
        };
        while !within(locked, |machine, request| {
            let now = request.now.monotonic;
            let done = machine.blocks.report_slice(now, &mut scan, &mut *from, replicas)?;
            machine.take_events(request);
            Ok(done)
        })? {}
        while !within(locked, |machine, request| {
            Ok(machine.blocks.finish_report(request.now.monotonic, &mut scan, replicas))
        })? {}
    }
    let is_last = asked
        .context
        .as_ref()
        .is_none_or(|context| context.cur_rpc.saturating_add(1) >= context.total_rpcs);
    within(locked, |machine, _| {
        if is_last {
            machine.blocks.end_report(&id);
        }
        Ok(machine.reported(&id))
    })
}

/// One piece of work under the lock.
fn within<T>(
    locked: &mut Locked<'_>,
    mut work: impl FnMut(&mut NameNode, &mut Request<'_>) -> Result<T>,
) -> Result<T> {
    let mut result = None;
    locked(&mut |machine, request| result = Some(work(machine, request)));
    result.unwrap_or_else(|| Err(NameNodeError::Io("the NameNode is going down".into())))
}

impl NameNode {
    /// The answer to a full report: once all storages of the node are known for sure, it may drop
    /// what it kept for a rollback.
    fn reported(&self, id: &DatanodeId) -> BlockReportResponseProto {
        let known = self.blocks.node_by_uuid(&id.uuid);
        let settled = known.and_then(|node| self.blocks.datanode(node)).is_some_and(|node| {
            let mut storages = node.storages().iter();
            storages.all(|at| self.blocks.storage(*at).is_none_or(|it| !it.is_content_stale()))
        });
        let cmd = settled.then(|| DatanodeCommandProto {
            cmd_type: Type::FinalizeCommand.into(),
            finalize_cmd: Some(FinalizeCommandProto {
                block_pool_id: self.storage.block_pool_id.clone(),
            }),
            ..DatanodeCommandProto::default()
        });
        BlockReportResponseProto { cmd }
    }
}
