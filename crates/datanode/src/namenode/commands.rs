//! What a NameNode tells a DataNode to do: Hadoop's `processCommandFromActive`.

use std::sync::Arc;

use loxodon_wire::proto::hdfs::datanode::datanode_command_proto::Type;
use loxodon_wire::proto::hdfs::datanode::{
    BlockCommandProto, DatanodeCommandProto, block_command_proto::Action,
};
use tracing::{info, warn};

use crate::block::Block;
use crate::node::Node;
use crate::recovery;
use crate::transfer::{CopyTargets, copy_block};

/// Begins what is commanded; what takes time goes on by itself.
pub(super) fn obey(node: &Arc<Node>, pool: &str, command: DatanodeCommandProto) {
    match Type::try_from(command.cmd_type) {
        Ok(Type::BalancerBandwidthCommand) => {
            let bandwidth = command.balancer_cmd.map_or(0, |command| command.bandwidth);
            if bandwidth > 0 {
                info!(bandwidth, "balancing bandwidth changes");
                node.throttles.balance.set_bandwidth(bandwidth);
            }
        }
        Ok(Type::BlockCommand) => {
            if let Some(blocks) = command.blk_cmd {
                block_command(node, &blocks);
            }
        }
        Ok(Type::BlockRecoveryCommand) => {
            let blocks = command.recovery_cmd.map(|command| command.blocks).unwrap_or_default();
            let worker = Arc::clone(node);
            drop(node.in_background("recovery", move || recovery::recover_all(&worker, blocks)));
        }
        Ok(Type::FinalizeCommand) => {
            info!(pool, "upgrade finalized: there is nothing of a previous layout here");
        }
        // There are no block tokens, so there are no keys to change.
        Ok(Type::KeyUpdateCommand | Type::NullDatanodeCommand | Type::RegisterCommand) => {}
        Ok(Type::BlockIdCommand) => warn!(
            "asked to cache blocks: this DataNode has no cache (dfs.datanode.max.locked.memory is 0)"
        ),
        Ok(Type::BlockEcReconstructionCommand) => {
            warn!("asked to reconstruct erasure coded blocks, which is not supported");
        }
        Ok(Type::UnusedUpgradeCommand) | Err(_) => {
            warn!(kind = command.cmd_type, "an unknown command");
        }
    }
}

fn block_command(node: &Arc<Node>, command: &BlockCommandProto) {
    match Action::try_from(command.action) {
        Ok(Action::Transfer) => transfer(node, command),
        Ok(Action::Invalidate) => {
            let pool: Arc<str> = command.block_pool_id.as_str().into();
            let blocks: Vec<Block> =
                command.blocks.iter().map(|block| Block::in_pool(&pool, block)).collect();
            let worker = Arc::clone(node);
            drop(node.in_background("invalidate", move || worker.invalidate(&pool, &blocks)));
        }
        Ok(Action::Shutdown) => warn!("Received unimplemented DNA_SHUTDOWN"),
        Err(_) => warn!(action = command.action, "an unknown command for blocks"),
    }
}

fn transfer(node: &Arc<Node>, command: &BlockCommandProto) {
    let pool: Arc<str> = command.block_pool_id.as_str().into();
    for (at, block) in command.blocks.iter().enumerate() {
        let block = Block::in_pool(&pool, block);
        let targets = CopyTargets {
            datanodes: command
                .targets
                .get(at)
                .map(|targets| targets.datanodes.clone())
                .unwrap_or_default(),
            kinds: command
                .target_storage_types
                .get(at)
                .map(|kinds| kinds.storage_types.clone())
                .unwrap_or_default(),
            storages: command
                .target_storage_uuids
                .get(at)
                .map(|ids| ids.storage_uuids.clone())
                .unwrap_or_default(),
            client: String::new(),
        };
        let worker = Arc::clone(node);
        drop(node.in_background("copy", move || match copy_block(&worker, &block, targets) {
            Ok(()) => worker.metrics.blocks_replicated.add(1),
            Err(error) => {
                warn!(%block, %error, "a transfer failed");
                worker.suspect(&block, &error);
            }
        }));
    }
}
