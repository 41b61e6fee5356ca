//! Blocks of a node that a balancer may move.

use loxodon_cluster::StorageType;
use loxodon_wire::ids::InodeId;

use super::BlockManager;
use crate::{Block, BlockError, Target};

/// A block that may be moved, and where it is (`BlockWithLocations`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerBlock {
    /// Which.
    pub block: Block,
    /// All its good replicas.
    pub locations: Vec<Target>,
}

impl BlockManager {
    /// Final blocks of a node, `size` bytes of them together, each at least `min_block_size` long;
    /// from a random one on, so that calls give others (`getBlocks`).
    ///
    /// Blocks of files that `is_hot` names come last. What a storage holds is not told before it has reported.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn blocks_for_balancer(
        &mut self,
        datanode_uuid: &str,
        size: u64,
        min_block_size: u64,
        kind: Option<StorageType>,
        is_hot: impl Fn(InodeId) -> bool,
    ) -> Result<Vec<BalancerBlock>, BlockError> {
        let node = self
            .cluster
            .by_uuid(datanode_uuid)
            .ok_or_else(|| BlockError::UnknownDatanode(datanode_uuid.to_owned()))?;
        let storages = self.cluster.node(node).map(|n| n.storages.clone()).unwrap_or_default();
        let (mut chosen, mut hot) = (Vec::new(), Vec::new());
        let mut total = 0u64;
        for at in storages {
            let Some(storage) = self.cluster.storage(at) else { continue };
            if storage.count == 0
                || storage.content_stale
                || kind.is_some_and(|kind| kind != storage.kind)
            {
                continue;
            }
            let skip = self.rng.u64(..storage.count);
            let pivot = storage.blocks.select(skip).unwrap_or(0);
            let (mut upper, mut lower) = (storage.blocks.iter(), storage.blocks.iter());
            upper.advance_to(pivot);
            let around = upper.chain(lower.by_ref().take_while(|id| *id < pivot));
            for id in around {
                if total >= size {
                    return Ok(chosen);
                }
                let id = loxodon_wire::ids::BlockId(id as i64);
                let Some(info) = self.map.get(id).filter(|info| info.is_complete()) else {
                    continue;
                };
                if info.block.length < min_block_size {
                    continue;
                }
                if is_hot(info.owner) {
                    hot.push(info.block);
                    continue;
                }
                let locations = self.live_locations(id);
                if !locations.is_empty() {
                    total = total.saturating_add(info.block.length);
                    chosen.push(BalancerBlock { block: info.block, locations });
                }
            }
        }
        for block in hot {
            if total >= size {
                break;
            }
            let locations = self.live_locations(block.id);
            if !locations.is_empty() {
                total = total.saturating_add(block.length);
                chosen.push(BalancerBlock { block, locations });
            }
        }
        Ok(chosen)
    }

    fn live_locations(&self, id: loxodon_wire::ids::BlockId) -> Vec<Target> {
        use super::replica::ReplicaStanding::{Decommissioning, EnteringMaintenance, Live};
        let good = |at: &crate::StorageIndex| {
            matches!(self.standing(id, *at), Some(Live | Decommissioning | EnteringMaintenance))
        };
        let replicas = self.map.replicas(id).into_iter().filter(good);
        replicas.filter_map(|at| self.cluster.target(at)).collect()
    }
}
