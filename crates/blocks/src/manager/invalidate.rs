//! Replicas to be deleted, and blocks that go with their file.

use loxodon_wire::ids::{BlockId, Milliseconds};

use super::BlockManager;
use crate::{Block, BlockState, NodeIndex};

impl BlockManager {
    /// Orders the deletion of a replica.
    pub(super) fn invalidate(&mut self, block: Block, node: NodeIndex) {
        if let Some(node) = self.cluster.node_mut(node) {
            node.invalidations.insert(block.id, block);
        }
    }

    /// A good replica was lost: those that were too many until now, and whose deletion no node was
    /// told of yet, are kept, as many as are needed.
    pub(super) fn keep_excess(&mut self, id: BlockId) {
        let Some(info) = self.map.get(id) else { return };
        for storage in self.map.replicas(id) {
            let counts = self.count_replicas(id);
            if counts.excess == 0 || counts.live >= self.required(&info, &counts) {
                return;
            }
            let Some(node) = self.cluster.storage(storage).map(|storage| storage.node) else {
                continue;
            };
            let Some(entry) = self.cluster.node_mut(node) else { continue };
            let released = entry.released.iter().position(|block| block.id == id);
            let is_untold = entry.invalidations.contains_key(&id) || released.is_some();
            if is_untold && entry.excess.remove(&id) {
                entry.invalidations.remove(&id);
                released.and_then(|at| entry.released.remove(at));
            }
        }
    }

    /// The file (or the block of it) is gone: replicas are deleted. Cheap per block; a caller
    /// with very many pauses in between.
    pub fn remove_block(&mut self, id: BlockId) {
        let live = if self.safe_mode.is_startup() { self.seen(id) } else { 0 };
        let Some((info, replicas)) = self.map.remove(id) else { return };
        for storage in replicas {
            let Some(entry) = self.cluster.storage_mut(storage) else { continue };
            entry.remove(id);
            let node = entry.node;
            if let Some(node) = self.cluster.node_mut(node) {
                node.excess.remove(&id);
                node.invalidations.insert(id, info.block);
            }
        }
        if info.state == BlockState::Complete {
            self.complete_blocks -= 1;
            self.safe_mode.block_removed(live);
        }
        for target in self.pending.remove(id) {
            self.cluster.unschedule(target);
        }
        self.low.remove(id);
        self.corrupt.remove_block(id);
        self.distrusted.remove_block(id);
        self.postponed.remove(&id);
        self.constructions.remove(&id);
    }

    /// Hands part of the ordered deletions to some nodes, to be fetched with their heartbeats.
    pub(super) fn release_invalidations(&mut self, now: Milliseconds) -> usize {
        if now.since(self.started) < self.settings.deletion_delay {
            return 0;
        }
        let mut waiting: Vec<NodeIndex> = self
            .cluster
            .nodes()
            .filter(|(_, node)| node.is_alive && !node.invalidations.is_empty())
            .map(|(index, _)| index)
            .collect();
        let share = self.settings.invalidate_work_share.clamp(0.0, 1.0);
        let live = self.cluster.live_count();
        let turn = ((live as f32 * share).ceil() as usize).max(1);
        self.rng.shuffle(&mut waiting);
        let limit = self.invalidate_limit();
        let mut released = 0;
        for index in waiting.into_iter().take(turn) {
            let Some(node) = self.cluster.node_mut(index) else { continue };
            while node.released.len() < limit
                && let Some((_, block)) = node.invalidations.pop_first()
            {
                node.released.push_back(block);
                released += 1;
            }
        }
        released
    }

    /// Blocks per heartbeat: the setting, but at least twenty for each second between two.
    pub(super) fn invalidate_limit(&self) -> usize {
        let per_beat = (self.settings.liveness.heartbeat.0 / 1000).saturating_mul(20) as usize;
        self.settings.invalidate_limit.max(per_beat)
    }

    /// Replicas ordered to be deleted that no node was told of yet.
    #[must_use]
    pub fn pending_deletions(&self) -> u64 {
        self.cluster.nodes().map(|(_, node)| node.invalidations.len() as u64).sum()
    }
}
