//! Recovery of blocks whose writer is gone, by the DataNode that the NameNode chose: Hadoop's `BlockRecoveryWorker`.

use std::sync::Arc;

use loxodon_rpc::client::{CallOptions, ServerAddress};
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::proto::hdfs::datanode::{
    CommitBlockSynchronizationRequestProto, CommitBlockSynchronizationResponseProto,
};
use loxodon_wire::rpc::protocol::INTER_DATANODE;
use tracing::{info, warn};

use crate::block::Block;
use crate::dataset::RecoveryInfo;
use crate::error::{DataNodeError, Result};
use crate::node::Node;

/// States that take part: finalized, being written, waiting for recovery.
const LAST_STATE: u8 = 2;

/// A DataNode that has the block.
#[derive(Debug)]
struct Participant {
    id: proto::DatanodeIdProto,
    info: RecoveryInfo,
}

/// Recovers blocks one after another.
pub(crate) fn recover_all(node: &Arc<Node>, blocks: Vec<proto::RecoveringBlockProto>) {
    for request in blocks {
        let block = Block::from_proto(&request.block.b);
        info!(%block, recovery = request.new_gen_stamp, "recovery begins");
        if request.ec_policy.is_some() {
            warn!(%block, "recovery of erasure coded groups is not supported");
        } else if let Err(error) = recover(node, &block, &request) {
            warn!(%block, %error, "recovery failed");
        }
    }
}

fn recover(node: &Node, block: &Block, request: &proto::RecoveringBlockProto) -> Result<()> {
    let recovery = GenerationStamp(request.new_gen_stamp);
    let mut answers = Answers::default();
    for location in &request.block.locs {
        match ask(node, &location.id, block, request) {
            Ok(info) => answers.note(block, &location.id, info),
            Err(error @ DataNodeError::RecoveryInProgress(_)) => return Err(error),
            Err(error) => {
                warn!(%block, datanode = %location.id.ip_addr, %error, "a DataNode takes no part in the recovery");
                answers.failed += 1;
            }
        }
    }
    answers.check(block, request.block.locs.len())?;
    synchronize(node, block, recovery, request, answers.participants)
}

/// What the DataNodes said that were asked for the block.
#[derive(Debug, Default)]
struct Answers {
    participants: Vec<Participant>,
    /// How many have bytes of it, in whatever state.
    candidates: usize,
    /// Some DataNode has the replica, without a byte.
    is_empty_somewhere: bool,
    failed: usize,
}

impl Answers {
    fn note(&mut self, block: &Block, id: &proto::DatanodeIdProto, info: Option<RecoveryInfo>) {
        let Some(info) = info.filter(|info| info.block.stamp >= block.stamp) else { return };
        if info.block.length == 0 {
            self.is_empty_somewhere = true;
            return;
        }
        self.candidates += 1;
        if info.original_state <= LAST_STATE {
            self.participants.push(Participant { id: id.clone(), info });
        }
    }

    /// Whether the recovery goes on. Without participants, it means that the block is deleted.
    fn check(&self, block: &Block, asked: usize) -> Result<()> {
        let Self { failed, candidates, .. } = *self;
        if failed == asked {
            return Err(DataNodeError::Refused(format!("All datanodes failed: block={block}")));
        }
        if !self.participants.is_empty() {
            return Ok(());
        }
        if candidates > 0 {
            return Err(DataNodeError::Refused(format!(
                "Found {candidates} replica(s) for block {block} but none is in RWR or better state."
            )));
        }
        // What is acknowledged is on every DataNode of the pipeline. One that has the replica without
        // bytes proves that nothing was; one that lost it does not speak for those that did not answer.
        if failed > 0 && !self.is_empty_somewhere {
            return Err(DataNodeError::Refused(format!(
                "{failed} of {asked} DataNodes did not answer, and the others have no replica: \
                 block {block} is not deleted"
            )));
        }
        Ok(())
    }
}

/// Chooses the replicas that agree best, and their length: complete ones count more than those being
/// written, and those more than what a restart left; of equals, what all of them have. Complete ones that
/// differ in length are for a person to look at: one of them is wrong.
fn choose(participants: Vec<Participant>) -> Result<(Vec<Participant>, u64)> {
    let best = participants.iter().map(|one| one.info.original_state).min().unwrap_or(LAST_STATE);
    let of_best = || participants.iter().filter(|one| one.info.original_state == best);
    let length = of_best().map(|one| one.info.block.length).min().unwrap_or(0);
    if best == 0
        && let Some(longer) = of_best().find(|one| one.info.block.length != length)
    {
        return Err(DataNodeError::Refused(format!(
            "Inconsistent size of finalized replicas. Replica {} at {} has {} bytes, expected size: {length}",
            longer.info.block, longer.id.ip_addr, longer.info.block.length
        )));
    }
    let fits = |one: &Participant| {
        one.info.original_state == best
            || (best == 0 && one.info.original_state == 1 && one.info.block.length == length)
    };
    Ok((participants.into_iter().filter(fits).collect(), length))
}

fn synchronize(
    node: &Node,
    block: &Block,
    recovery: GenerationStamp,
    request: &proto::RecoveringBlockProto,
    participants: Vec<Participant>,
) -> Result<()> {
    if participants.is_empty() {
        info!(%block, "no DataNode has data of this block: it is deleted");
        return commit(node, block, recovery, 0, true, Vec::new(), Vec::new());
    }
    let (participants, mut length) = choose(participants)?;
    let mut new_id = None;
    if let Some(truncated) = &request.truncate_block {
        length = truncated.num_bytes.unwrap_or(0);
        new_id = Some(BlockId(truncated.block_id as i64));
    }
    let (mut ids, mut storages) = (Vec::new(), Vec::new());
    for participant in &participants {
        match update(node, participant, recovery, new_id, length) {
            Ok(storage) => {
                ids.push(participant.id.clone());
                storages.push(storage);
            }
            Err(error) => {
                warn!(%block, datanode = %participant.id.ip_addr, %error, "a DataNode did not end the recovery");
            }
        }
    }
    if ids.is_empty() {
        return Err(DataNodeError::Refused(format!(
            "Cannot recover {block}, the following datanodes failed: all"
        )));
    }
    commit(node, block, recovery, length, false, ids, storages)
}

fn commit(
    node: &Node,
    block: &Block,
    recovery: GenerationStamp,
    length: u64,
    delete: bool,
    targets: Vec<proto::DatanodeIdProto>,
    storages: Vec<String>,
) -> Result<()> {
    let request = CommitBlockSynchronizationRequestProto {
        block: block.to_proto(),
        new_gen_stamp: recovery.0,
        new_length: length,
        close_file: true,
        delete_block: delete,
        new_taragets: targets,
        new_target_storages: storages,
    };
    let service = node.service(&block.pool)?;
    let call = service
        .call::<_, CommitBlockSynchronizationResponseProto>("commitBlockSynchronization", &request);
    node.runtime.block_on(call)?;
    info!(%block, new_stamp = recovery.0, length, "recovered");
    Ok(())
}

fn is_self(node: &Node, id: &proto::DatanodeIdProto) -> bool {
    id.datanode_uuid == node.uuid()
}

fn ask(
    node: &Node,
    id: &proto::DatanodeIdProto,
    block: &Block,
    request: &proto::RecoveringBlockProto,
) -> Result<Option<RecoveryInfo>> {
    let recovery = GenerationStamp(request.new_gen_stamp);
    if is_self(node, id) {
        return node.dataset.init_recovery(block, recovery);
    }
    let message = proto::InitReplicaRecoveryRequestProto { block: request.clone() };
    let answer: proto::InitReplicaRecoveryResponseProto =
        call(node, id, "initReplicaRecovery", &message)?;
    let Some(found) = answer.block.filter(|_| answer.replica_found) else { return Ok(None) };
    let original_state = u8::try_from(answer.state.unwrap_or(0)).unwrap_or(u8::MAX);
    Ok(Some(RecoveryInfo { block: Block::in_pool(&block.pool, &found), original_state }))
}

fn update(
    node: &Node,
    participant: &Participant,
    recovery: GenerationStamp,
    new_id: Option<BlockId>,
    length: u64,
) -> Result<String> {
    let old = &participant.info.block;
    if is_self(node, &participant.id) {
        return node.update_recovery(old, recovery, new_id, length);
    }
    let message = proto::UpdateReplicaUnderRecoveryRequestProto {
        block: old.to_proto(),
        recovery_id: recovery.0,
        new_length: length,
        new_block_id: Some(new_id.unwrap_or(old.id).0 as u64),
    };
    let answer: proto::UpdateReplicaUnderRecoveryResponseProto =
        call(node, &participant.id, "updateReplicaUnderRecovery", &message)?;
    Ok(answer.storage_uuid.unwrap_or_default())
}

fn call<Req: prost::Message, Resp: prost::Message + Default>(
    node: &Node,
    id: &proto::DatanodeIdProto,
    method: &str,
    request: &Req,
) -> Result<Resp> {
    let host = if node.settings.connect_by_name { &id.host_name } else { &id.ip_addr };
    let port = u16::try_from(id.ipc_port)
        .map_err(|_| DataNodeError::Refused(format!("{host} has no port {}", id.ipc_port)))?;
    let address = ServerAddress::new(host.as_str(), port);
    let options =
        CallOptions { timeout: Some(node.settings.read_timeout), ..CallOptions::default() };
    node.runtime
        .block_on(node.client.call(&address, &INTER_DATANODE, method, request, options))
        .map_err(|error| match error.remote() {
            Some(remote) if remote.class.ends_with("RecoveryInProgressException") => {
                DataNodeError::RecoveryInProgress(remote.message.clone())
            }
            _ => DataNodeError::Refused(format!("{method} at {address}: {error}")),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant(state: u8, length: u64) -> Participant {
        let block =
            Block { pool: "BP-1".into(), id: BlockId(1), stamp: GenerationStamp(1001), length };
        Participant {
            id: proto::DatanodeIdProto::default(),
            info: RecoveryInfo { block, original_state: state },
        }
    }

    fn answers(failed: usize, found: &[Option<(u8, u64)>]) -> Result<usize> {
        let block = participant(0, 0).info.block;
        let mut answers = Answers { failed, ..Answers::default() };
        for one in found {
            let info = one.map(|(state, length)| participant(state, length).info);
            answers.note(&block, &proto::DatanodeIdProto::default(), info);
        }
        answers.check(&block, failed + found.len()).map(|()| answers.participants.len())
    }

    #[test]
    fn a_block_is_deleted_only_where_it_is_sure_that_nothing_was_acknowledged() {
        assert_eq!(answers(0, &[None, None]).unwrap(), 0, "all say that they have nothing");
        assert_eq!(answers(1, &[Some((1, 0)), None]).unwrap(), 0, "one has it without a byte");
        assert_eq!(answers(1, &[Some((1, 5)), None]).unwrap(), 1);
        let error = answers(2, &[None]).unwrap_err().to_string();
        assert!(error.contains("2 of 3 DataNodes did not answer"), "{error}");
        let error = answers(2, &[]).unwrap_err().to_string();
        assert!(error.contains("All datanodes failed"), "{error}");
        let error = answers(1, &[Some((4, 5))]).unwrap_err().to_string();
        assert!(error.contains("Found 1 replica(s)"), "{error}");
    }

    fn chosen(participants: Vec<Participant>) -> (usize, u64) {
        let (chosen, length) = choose(participants).unwrap();
        (chosen.len(), length)
    }

    #[test]
    fn complete_replicas_decide() {
        assert_eq!(
            chosen(vec![
                participant(0, 10),
                participant(1, 10),
                participant(1, 12),
                participant(2, 10)
            ]),
            (2, 10)
        );
    }

    #[test]
    fn complete_replicas_of_unequal_length_are_refused() {
        let error = choose(vec![participant(0, 10), participant(1, 10), participant(0, 7)]);
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("Inconsistent size of finalized replicas."), "{text}");
    }

    #[test]
    fn of_unfinished_ones_the_shortest_decides() {
        assert_eq!(chosen(vec![participant(1, 10), participant(1, 7), participant(2, 3)]), (2, 7));
        assert_eq!(chosen(vec![participant(2, 10), participant(2, 3)]), (2, 3));
    }
}
