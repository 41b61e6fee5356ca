//! Calls that a DataNode answers: `ClientDatanodeProtocol` and `InterDatanodeProtocol`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loxodon_rpc::server::{Call, Handler, Responder, ServiceAccess};
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::rpc::RemoteError;
use loxodon_wire::rpc::protocol::{CLIENT_DATANODE, INTER_DATANODE, Protocol, RECONFIGURATION};
use loxodon_wire::version;
use prost::Message;

use crate::block::Block;
use crate::error::{DataNodeError, Result};
use crate::node::Node;

/// Between the answer to `shutdownDatanode` and the end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// The same where the DataNode comes back: writers wait for it.
const RESTART_GRACE: Duration = Duration::from_millis(100);

/// Answers calls.
pub(crate) struct Calls(pub(crate) Arc<Node>);

static PROTOCOLS: [&Protocol; 3] = [&CLIENT_DATANODE, &INTER_DATANODE, &RECONFIGURATION];

impl Handler for Calls {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        let node = Arc::clone(&self.0);
        // Most calls look at files or wait for writers: not for the connection's task.
        let runtime = node.runtime.clone();
        runtime.spawn_blocking(move || match answer(&node, &call) {
            Ok(message) => reply.reply_encoded(&message),
            Err(error) => reply.fail(&error),
        });
    }

    fn services(&self) -> Option<&ServiceAccess> {
        self.0.settings.access.as_deref()
    }

    fn groups_of(&self, user: &str) -> Vec<String> {
        self.0.settings.groups_of.of(user)
    }
}

/// Orders, and what only those who may give them may ask.
const PRIVILEGED: [&str; 13] = [
    "refreshNamenodes",
    "deleteBlockPool",
    "shutdownDatanode",
    "evictWriters",
    "startReconfiguration",
    "getReconfigurationStatus",
    "listReconfigurableProperties",
    "triggerBlockReport",
    "submitDiskBalancerPlan",
    "cancelDiskBalancerPlan",
    "queryDiskBalancerPlan",
    "getDiskBalancerSetting",
    "getVolumeReport",
];

/// `checkSuperuserPrivilege`: the DataNode's own user, and the members of the superusers' group.
fn check_privilege(node: &Node, call: &Call) -> Result<()> {
    let (settings, user) = (&node.settings, call.user.effective.as_str());
    let own = !settings.check_permissions
        || user == settings.user
        || !PRIVILEGED.contains(&call.method.name);
    if own || settings.groups_of.of(user).contains(&settings.superuser_group) {
        return Ok(());
    }
    Err(DataNodeError::AccessDenied("Permission denied".to_owned()))
}

fn answer(node: &Arc<Node>, call: &Call) -> Result<Vec<u8>, RemoteError> {
    check_privilege(node, call).map_err(|error| error.to_remote())?;
    let done = match call.method.name {
        "getReplicaVisibleLength" => {
            let request: proto::GetReplicaVisibleLengthRequestProto = call.decode()?;
            let length = node.dataset.visible_length(&Block::from_proto(&request.block));
            length.map(|length| {
                proto::GetReplicaVisibleLengthResponseProto { length }.encode_to_vec()
            })
        }
        "getDatanodeInfo" => Ok(info(node).encode_to_vec()),
        "getVolumeReport" => volume_report(node).map(|report| report.encode_to_vec()),
        "getBalancerBandwidth" => {
            let bandwidth = node.throttles.balance.bandwidth();
            Ok(proto::GetBalancerBandwidthResponseProto { bandwidth }.encode_to_vec())
        }
        "triggerBlockReport" => {
            trigger_report(node, &call.decode()?);
            Ok(Vec::new())
        }
        "shutdownDatanode" => {
            let request: proto::ShutdownDatanodeRequestProto = call.decode()?;
            shut_down(node, request.for_upgrade).map(|()| Vec::new())
        }
        "evictWriters" => {
            node.transfers.evict_writers();
            Ok(Vec::new())
        }
        "deleteBlockPool" => delete_pool(node, &call.decode()?).map(|()| Vec::new()),
        "refreshNamenodes" => node.refresh_namenodes().map(|()| Vec::new()),
        "startReconfiguration" => {
            node.start_reconfiguration()?;
            Ok(Vec::new())
        }
        "getReconfigurationStatus" => Ok(node.reconfiguration.status().encode_to_vec()),
        "listReconfigurableProperties" => Ok(node.reconfiguration.names().encode_to_vec()),
        "submitDiskBalancerPlan" => node.submit_plan(&call.decode()?).map(|()| Vec::new()),
        "cancelDiskBalancerPlan" => {
            let request: proto::CancelPlanRequestProto = call.decode()?;
            node.disk_balancer.cancel(&request.plan_id).map(|()| Vec::new())
        }
        "queryDiskBalancerPlan" => node.disk_balancer.query().map(|plan| plan.encode_to_vec()),
        "getDiskBalancerSetting" => {
            let request: proto::DiskBalancerSettingRequestProto = call.decode()?;
            let value = node.disk_balancer_setting(&request.key);
            value.map(|value| proto::DiskBalancerSettingResponseProto { value }.encode_to_vec())
        }
        "getBlockLocalPathInfo" => local_path(node, call).map(|answer| answer.encode_to_vec()),
        "initReplicaRecovery" => {
            init_recovery(node, &call.decode()?).map(|answer| answer.encode_to_vec())
        }
        "updateReplicaUnderRecovery" => {
            update_recovery(node, &call.decode()?).map(|answer| answer.encode_to_vec())
        }
        name => Err(unsupported(&format!("{name} is not supported by this DataNode"))),
    };
    done.map_err(|error| error.to_remote())
}

fn unsupported(message: &str) -> DataNodeError {
    DataNodeError::Unsupported(message.to_owned())
}

fn info(node: &Node) -> proto::GetDatanodeInfoResponseProto {
    let local_info = proto::DatanodeLocalInfoProto {
        software_version: version::HADOOP.to_owned(),
        config_version: "core-3.0.0,hdfs-1".to_owned(),
        uptime: node.started.elapsed().as_secs(),
    };
    proto::GetDatanodeInfoResponseProto { local_info }
}

/// Where a replica's files are: for the users of `dfs.block.local-path-access.user` alone.
fn local_path(node: &Node, call: &Call) -> Result<proto::GetBlockLocalPathInfoResponseProto> {
    let user = &call.user.effective;
    node.metrics.local_paths_told.add(1);
    if !node.settings.local_path_users.contains(user) {
        return Err(DataNodeError::AccessDenied(format!(
            "Can't continue with getBlockLocalPathInfo() authorization. The user {user} is not configured in dfs.block.local-path-access.user"
        )));
    }
    let request: proto::GetBlockLocalPathInfoRequestProto =
        call.decode().map_err(|error| DataNodeError::Refused(error.message))?;
    let block = Block::from_proto(&request.block);
    let (_, replica) = node.dataset.find(&block)?;
    if replica.stamp < block.stamp {
        return Err(DataNodeError::Refused(format!(
            "Replica generation stamp < block generation stamp, block={block}, replica={replica}"
        )));
    }
    let (volume, place) = (node.dataset.volume(replica.volume)?, replica.place());
    let data = volume.data_file(&block.pool, block.id, place);
    let meta = volume.meta_file(&block.pool, block.id, replica.stamp, place);
    let block = Block { stamp: replica.stamp, ..block };
    Ok(proto::GetBlockLocalPathInfoResponseProto {
        block: block.to_proto(),
        local_path: data.display().to_string(),
        local_meta_path: meta.display().to_string(),
    })
}

fn volume_report(node: &Node) -> Result<proto::GetVolumeReportResponseProto> {
    let report = |volume: &crate::dataset::Volume| -> Result<proto::DatanodeVolumeInfoProto> {
        let usage = volume.usage()?;
        Ok(proto::DatanodeVolumeInfoProto {
            path: volume.directory.current().display().to_string(),
            storage_type: volume.kind().to_wire(),
            used_space: usage.dfs_used,
            free_space: usage.remaining,
            reserved_space: usage.reserved,
            reserved_space_for_replicas: usage.reserved_for_replicas,
            num_blocks: volume.replica_count(),
        })
    };
    let volumes = node.dataset.volumes();
    let volume_info = volumes.iter().map(|volume| report(volume)).collect::<Result<_>>()?;
    Ok(proto::GetVolumeReportResponseProto { volume_info })
}

fn trigger_report(node: &Node, request: &proto::TriggerBlockReportRequestProto) {
    let wanted = |address: &str| request.nn_address.as_deref().is_none_or(|named| named == address);
    let services = node.services();
    let peers = services.iter().flat_map(|service| &service.peers);
    for peer in peers.filter(|peer| wanted(&peer.address.to_string())) {
        if request.incremental {
            peer.changes.wake.notify_one();
        } else {
            peer.report_now.notify_one();
        }
    }
}

fn shut_down(node: &Arc<Node>, for_upgrade: bool) -> Result<()> {
    tracing::info!(for_upgrade, "asked to shut down");
    if node.shutdown_wanted.swap(true, Ordering::AcqRel) {
        return Err(DataNodeError::Refused("Shutdown already in progress.".to_owned()));
    }
    let stopping = Arc::clone(node);
    // The answer leaves before the end.
    drop(node.in_background("shutdown", move || {
        if for_upgrade {
            stopping.restarting.store(true, Ordering::Release);
            stopping.transfers.send_restart();
        }
        std::thread::sleep(if for_upgrade { RESTART_GRACE } else { SHUTDOWN_GRACE });
        stopping.want_shutdown();
    }));
    Ok(())
}

fn delete_pool(node: &Node, request: &proto::DeleteBlockPoolRequestProto) -> Result<()> {
    if node.service(&request.block_pool).is_ok() {
        return Err(DataNodeError::Refused(format!(
            "The block pool is still running. First do a refreshNamenodes to shutdown the block pool service ({})",
            request.block_pool
        )));
    }
    let safe = !request.block_pool.is_empty()
        && request.block_pool.starts_with("BP-")
        && !request.block_pool.contains('/');
    if !safe {
        return Err(DataNodeError::Refused(format!("{} is no block pool", request.block_pool)));
    }
    node.dataset.delete_pool(&request.block_pool, request.force)
}

fn init_recovery(
    node: &Node,
    request: &proto::InitReplicaRecoveryRequestProto,
) -> Result<proto::InitReplicaRecoveryResponseProto> {
    let block = Block::from_proto(&request.block.block.b);
    let found = node.dataset.init_recovery(&block, GenerationStamp(request.block.new_gen_stamp))?;
    Ok(match found {
        None => {
            proto::InitReplicaRecoveryResponseProto { replica_found: false, ..Default::default() }
        }
        Some(info) => proto::InitReplicaRecoveryResponseProto {
            replica_found: true,
            state: Some(info.original_state.into()),
            block: Some(info.block.to_block_proto()),
        },
    })
}

fn update_recovery(
    node: &Node,
    request: &proto::UpdateReplicaUnderRecoveryRequestProto,
) -> Result<proto::UpdateReplicaUnderRecoveryResponseProto> {
    let block = Block::from_proto(&request.block);
    let new_id = request.new_block_id.filter(|id| *id != 0).map(|id| BlockId(id as i64));
    let storage = node.update_recovery(
        &block,
        GenerationStamp(request.recovery_id),
        new_id,
        request.new_length,
    )?;
    Ok(proto::UpdateReplicaUnderRecoveryResponseProto { storage_uuid: Some(storage) })
}
