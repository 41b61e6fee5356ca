//! Blocks sent to other DataNodes: `TRANSFER_BLOCK`, the NameNode's transfers, and `REPLACE_BLOCK`.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{Operation, PacketReader, Status, WriteStage};

use super::link::Link;
use super::mirror;
use super::receiver::{Receiver, count};
use super::request::Requests;
use super::sender::{Range, SendOptions, Sender};
use super::server::{Session, respond_error, respond_with};
use crate::block::Block;
use crate::dataset::WriteTarget;
use crate::dataset::replica::ReplicaState;
use crate::error::{DataNodeError, NetworkContext, Result};
use crate::node::Node;
use crate::storage::StorageType;

/// To whom a block is copied, and on whose behalf.
#[derive(Clone, Debug)]
pub(crate) struct CopyTargets {
    pub(crate) datanodes: Vec<proto::DatanodeInfoProto>,
    pub(crate) kinds: Vec<i32>,
    pub(crate) storages: Vec<String>,
    /// Empty where the NameNode asked.
    pub(crate) client: String,
}

/// Sends a replica to other DataNodes. For a client, its state decides the stage, and it is waited until they have it.
pub(crate) fn copy_block(node: &Arc<Node>, block: &Block, targets: CopyTargets) -> Result<()> {
    let _counted = node.transfers.begin_copy();
    let (_, replica) = node.dataset.find(block)?;
    let for_client = !targets.client.is_empty();
    let stage = match &replica.state {
        _ if !for_client => WriteStage::SetupCreate,
        ReplicaState::Rbw(_) => WriteStage::TransferRbw,
        _ => WriteStage::TransferFinalized,
    };
    let length = replica.visible_length().unwrap_or(0);
    // A client may have sent more than has come: what is there is what a joining DataNode gets
    // (`transferReplicaForPipelineRecovery`), the client sends the rest again.
    let has_enough = match &replica.state {
        ReplicaState::Rbw(_) | ReplicaState::Finalized if for_client => true,
        _ => length >= block.length,
    };
    if replica.stamp < block.stamp || !has_enough {
        return Err(DataNodeError::Refused(format!(
            "cannot transfer {block} of {} bytes: replica={replica}",
            block.length
        )));
    }
    let block = Block { stamp: replica.stamp, length, ..block.clone() };
    let options = SendOptions {
        with_checksums: true,
        drop_behind: false,
        readahead: node.settings.readahead,
        sendfile: node.settings.sendfile,
    };
    let sender =
        Sender::open(&node.dataset, &block, Range { offset: 0, length: Some(length) }, options)?;
    let mut rest = targets;
    if rest.datanodes.is_empty() {
        return Err(DataNodeError::Refused(format!("no targets to transfer {block} to")));
    }
    let target = rest.datanodes.remove(0);
    let request = proto::OpWriteBlockProto {
        header: proto::ClientOperationHeaderProto {
            base_header: base_header(&block),
            client_name: rest.client.clone(),
        },
        storage_type: first(&mut rest.kinds),
        storage_id: first(&mut rest.storages),
        target_storage_types: rest.kinds,
        target_storage_ids: rest.storages,
        targets: rest.datanodes,
        source: node.datanode_info(&block.pool),
        stage: stage.to_proto(),
        requested_checksum: checksum_proto(&sender.checksum),
        ..Default::default()
    };
    let behind = request.targets.len();
    let address = mirror::transfer_address(&target.id, node.settings.connect_by_name);
    let mut link = mirror::request(
        &node.settings,
        &target.id,
        behind + 1,
        &Operation::WriteBlock(Box::new(request)),
    )?;
    sender.send(&mut link, &address, &node.throttles.transfer)?;
    if for_client {
        let answer = mirror::response(&mut link, &address)?;
        if answer.status != Status::Success as i32 {
            return Err(DataNodeError::Refused(format!(
                "Bad connect ack, targets={address}: {}",
                answer.message.unwrap_or_default()
            )));
        }
    }
    tracing::info!(%block, to = address, "transferred");
    Ok(())
}

fn first<T>(list: &mut Vec<T>) -> Option<T> {
    if list.is_empty() { None } else { Some(list.remove(0)) }
}

fn base_header(block: &Block) -> proto::BaseHeaderProto {
    proto::BaseHeaderProto { block: block.to_proto(), ..Default::default() }
}

fn checksum_proto(checksum: &DataChecksum) -> proto::ChecksumProto {
    proto::ChecksumProto {
        r#type: checksum.kind().to_proto() as i32,
        bytes_per_checksum: checksum.bytes_per_chunk() as u32,
    }
}

/// Serves `TRANSFER_BLOCK`: a client lets a DataNode of its pipeline fill one that joins it.
pub(super) fn transfer_block(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &proto::OpTransferBlockProto,
) -> Result<()> {
    let block = Block::from_proto(&request.header.base_header.block);
    let targets = CopyTargets {
        datanodes: request.targets.clone(),
        kinds: request.target_storage_types.clone(),
        storages: request.target_storage_ids.clone(),
        client: request.header.client_name.clone(),
    };
    let done = copy_block(&session.node, &block, targets);
    answer(requests, "opTransferBlock", &block, done)
}

/// Tells whoever asked how it went.
fn answer(
    requests: &mut Requests<TcpStream>,
    operation: &str,
    block: &Block,
    done: Result<()>,
) -> Result<()> {
    let Err(error) = done else {
        let status = Status::Success as i32;
        let success = proto::BlockOpResponseProto { status, ..Default::default() };
        return respond_with(&mut requests.link, &success);
    };
    let message = format!("{operation} {block} received exception {error}");
    respond_error(&mut requests.link, message)?;
    Err(error)
}

/// Serves `REPLACE_BLOCK`: the balancer lets this DataNode fetch a block from another.
pub(super) fn replace_block(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &proto::OpReplaceBlockProto,
) -> Result<()> {
    let node = &session.node;
    let block = Block::from_proto(&request.header.block);
    let Some(_permit) = node.transfers.begin_balancing(node.live.get().balance_moves) else {
        let message = format!(
            "Not able to receive block {} from {} because threads quota is exceeded.",
            block.id, session.peer
        );
        respond_error(&mut requests.link, message.clone())?;
        return Err(DataNodeError::Refused(message));
    };
    let done = if request.source.id.datanode_uuid == node.uuid() {
        relocate(node, &block, request)
    } else {
        fetch(session, &mut requests.link, &block, request)
    };
    answer(requests, "opReplaceBlock", &block, done)
}

/// Moves a block to another storage of this DataNode, as the mover asks.
fn relocate(node: &Node, block: &Block, request: &proto::OpReplaceBlockProto) -> Result<()> {
    let moved = node.dataset.relocate(block, &write_target(request))?;
    // Told before the old files go: a report of the old storage must not make the block a lost one.
    node.received(&moved.block, &moved.volume, None);
    moved.old.remove_files();
    Ok(())
}

fn write_target(request: &proto::OpReplaceBlockProto) -> WriteTarget {
    WriteTarget {
        kind: request.storage_type.and_then(StorageType::from_wire).unwrap_or_default(),
        storage: request.storage_id.clone(),
    }
}

fn fetch(
    session: &Session,
    waiting: &mut TcpStream,
    block: &Block,
    request: &proto::OpReplaceBlockProto,
) -> Result<()> {
    let node = &session.node;
    let address = mirror::transfer_address(&request.source.id, node.settings.connect_by_name);
    let operation = Operation::CopyBlock(proto::OpCopyBlockProto { header: base_header(block) });
    let mut link = mirror::request(&node.settings, &request.source.id, 0, &operation)?;
    let answer = mirror::response(&mut link, &address)?;
    let Some(info) =
        answer.read_op_checksum_info.filter(|_| answer.status == Status::Success as i32)
    else {
        let reason = answer.message.unwrap_or_default();
        return Err(DataNodeError::Refused(format!(
            "copy block {block} from {address} failed: {reason}"
        )));
    };
    let checksum = DataChecksum::from_proto(info.checksum.r#type, info.checksum.bytes_per_checksum)
        .map_err(|error| DataNodeError::Refused(error.to_string()))?;
    let handle = node.dataset.create_temporary(block, &write_target(request))?;
    let interrupt = link.duplicate().network("cannot duplicate the connection of", &address)?;
    handle.writing.set_interrupt(Box::new(move || interrupt.close()));
    let files = handle.open(checksum)?;
    let mut receiver: Receiver<'_, TcpStream> = Receiver {
        measured: None,
        handle: &handle,
        files: &files,
        checksum,
        verify: true,
        packets: PacketReader::new(node.settings.max_packet),
        peer: &address,
        seqno: loxodon_wire::transfer::PipelineAck::UNKNOWN_SEQNO,
        mirror: None,
        throttle: &node.throttles.balance,
        drop_behind: true,
        sync_on_close: node.settings.sync_on_close,
        sync_behind: node.settings.sync_behind_writes,
        managed: 0,
        directory_synced: false,
        sums: Vec::new(),
        done: Vec::new(),
    };
    // The balancer waits as long as it hears of progress.
    let (every, mut said) = (node.settings.read_timeout / 2, Instant::now());
    let mut receive = || loop {
        let batch = receiver.packets(&mut link)?;
        count(batch.done, &node.metrics);
        if batch.done.iter().any(|received| received.header.last_in_block) {
            return node.dataset.finalize(&handle, node.settings.sync_on_close);
        }
        if said.elapsed() > every {
            said = Instant::now();
            let status = Status::InProgress as i32;
            respond_with(waiting, &proto::BlockOpResponseProto { status, ..Default::default() })?;
        }
    };
    match receive() {
        Ok(block) => {
            node.received(&block, &handle.volume, Some(request.del_hint.clone()));
            Ok(())
        }
        Err(error) => {
            node.dataset.abandon_temporary(&handle);
            Err(error)
        }
    }
}
