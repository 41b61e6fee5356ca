//! The length of a block whose writer is gone: who leads, who takes part, what comes out.

use loxodon_wire::ids::{BlockId, GenerationStamp, Milliseconds};
use smallvec::SmallVec;

use super::BlockManager;
use super::construct::Expected;
use crate::{Block, BlockError, BlockInfo, BlockState, CorruptReason, NodeIndex, Recovery, Target};

impl BlockManager {
    /// Begins a recovery under `stamp`; the primary is told with its next heartbeat. `false`
    /// while an earlier attempt may still be running. For a truncation, `truncate` is what the
    /// block becomes (same id), or the old block that is copied from (another id).
    ///
    /// # Errors
    /// Unknown or final block.
    pub fn begin_recovery(
        &mut self,
        now: Milliseconds,
        id: BlockId,
        stamp: GenerationStamp,
        truncate: Option<Block>,
    ) -> Result<bool, BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        if info.is_complete() {
            return Err(BlockError::NotUnderConstruction(info.block));
        }
        let interval = self.settings.recovery_interval;
        let construction = self.constructions.entry(id).or_default();
        if now < construction.next_attempt {
            return Ok(false);
        }
        construction.next_attempt = Milliseconds(now.0.saturating_add(interval.0));
        construction.recovery_stamp = stamp;
        construction.truncate = truncate.or(construction.truncate);
        // A committed one as well: were it completed by a late report, its replicas would get
        // the new stamp all the same.
        self.map.set_state(id, BlockState::UnderRecovery);
        if let Some(primary) = self.choose_primary(id)
            && let Some(node) = self.cluster.node_mut(primary)
            && !node.recoveries.contains(&id)
        {
            node.recoveries.push_back(id);
        }
        Ok(true)
    }

    /// Whether [`BlockManager::begin_recovery`] would begin one: no attempt is running.
    #[must_use]
    pub fn may_begin_recovery(&self, now: Milliseconds, id: BlockId) -> bool {
        self.constructions.get(&id).is_none_or(|construction| now >= construction.next_attempt)
    }

    /// The live node heard last that did not lead an attempt yet; once all have, all may again.
    fn choose_primary(&mut self, id: BlockId) -> Option<NodeIndex> {
        let cluster = &self.cluster;
        let alive = |node| cluster.node(node).is_some_and(|n| n.is_alive);
        let construction = self.constructions.get_mut(&id)?;
        let all_tried = construction
            .expected
            .iter()
            .filter(|e| alive(e.target.node))
            .all(|e| e.tried_as_primary);
        if all_tried {
            construction.expected.iter_mut().for_each(|e| e.tried_as_primary = false);
        }
        let heard = |node| cluster.node(node).map_or(Milliseconds(0), |n| n.last_heard);
        let candidates = construction.expected.iter_mut();
        let candidates = candidates.filter(|e| alive(e.target.node) && !e.tried_as_primary);
        let chosen = candidates.max_by_key(|e| heard(e.target.node))?;
        chosen.tried_as_primary = true;
        Some(chosen.target.node)
    }

    /// The stamp of the recovery that goes on, zero if none was begun.
    #[must_use]
    pub fn recovery_stamp(&self, id: BlockId) -> Option<GenerationStamp> {
        self.constructions.get(&id).map(|c| c.recovery_stamp)
    }

    /// What a truncation makes of the block.
    #[must_use]
    pub fn truncation(&self, id: BlockId) -> Option<Block> {
        self.constructions.get(&id)?.truncate
    }

    /// Orders for a primary, taken off its queue.
    pub(super) fn take_recoveries(&mut self, node: NodeIndex) -> Vec<Recovery> {
        let ids = match self.cluster.node_mut(node) {
            Some(node) => std::mem::take(&mut node.recoveries),
            None => return Vec::new(),
        };
        ids.into_iter().filter_map(|id| self.recovery_order(id)).collect()
    }

    fn recovery_order(&self, id: BlockId) -> Option<Recovery> {
        let info = self.map.get(id).filter(|info| !info.is_complete())?;
        let construction = self.constructions.get(&id)?;
        let fresh = |target: &Target| {
            self.cluster.node(target.node).is_some_and(|n| n.is_alive && !n.is_stale)
        };
        // What left the pipeline before would be refused, and must not stand in for what did not.
        let is_current = |e: &&Expected| e.stamp >= info.block.stamp;
        let mut all: SmallVec<[Target; 3]> =
            construction.expected.iter().filter(is_current).map(|e| e.target).collect();
        if all.is_empty() {
            all = construction.expected.iter().map(|e| e.target).collect();
        }
        let mut locations: SmallVec<[Target; 3]> = all.iter().copied().filter(fresh).collect();
        // With one or none that is fresh, silent ones are asked as well.
        if locations.len() <= 1 {
            locations = all;
        }
        let new_stamp = construction.recovery_stamp;
        let order = |block, truncate_to| Recovery { block, new_stamp, locations, truncate_to };
        Some(match construction.truncate {
            None => order(info.block, None),
            Some(truncate) if truncate.id == id => order(info.block, Some(truncate)),
            // Copied: the old block is read, the new one comes out.
            Some(source) => order(source, Some(info.block)),
        })
    }

    /// What the primary agreed upon (`commitBlockSynchronization`): the block gets this stamp and
    /// length, and lies on these nodes, each by uuid and storage. With `close`, it is committed,
    /// and complete as soon as enough of them count.
    ///
    /// # Errors
    /// Unknown or final block, unknown nodes.
    pub fn finish_recovery(
        &mut self,
        id: BlockId,
        stamp: GenerationStamp,
        length: u64,
        nodes: &[(&str, &str)],
        close: bool,
    ) -> Result<BlockInfo, BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        if info.is_complete() {
            return Err(BlockError::NotUnderConstruction(info.block));
        }
        // A node that is unknown by now has no replica that could count.
        let known: Vec<(&str, &str)> = nodes
            .iter()
            .copied()
            .filter(|(uuid, _)| self.cluster.by_uuid(uuid).is_some())
            .collect();
        let targets = self.resolve_targets(&known)?;
        self.map.set_length_and_stamp(id, length, stamp);
        for storage in self.map.replicas(id) {
            let node = self.cluster.storage(storage).map(|s| s.node);
            if !targets.iter().any(|target| Some(target.node) == node) {
                self.remove_replica(id, storage);
            }
        }
        let construction = self.constructions.entry(id).or_default();
        construction.set_targets(&targets, stamp);
        construction.truncate = None;
        construction.next_attempt = Milliseconds(0);
        self.map.set_state(id, BlockState::UnderConstruction);
        for target in &targets {
            self.take_recovered(id, *target, stamp);
        }
        if close {
            self.map.set_state(id, BlockState::Committed);
            self.complete_if_reported(id);
        }
        self.map.get(id).ok_or(BlockError::UnknownBlock(id))
    }

    /// A replica is as the recovery made it. One that is out of reach just now (its node counts as
    /// dead, or its volume as failed) is there when it is reported: taken for known, its report
    /// would change nothing, and the block would neither be complete nor copied.
    fn take_recovered(&mut self, id: BlockId, target: Target, stamp: GenerationStamp) {
        let is_distrusted = self.distrusted.remove(id, target.node);
        if !self.counts(target.storage) {
            if is_distrusted {
                self.distrusted.add(id, target.node, stamp);
            }
            return;
        }
        self.unlink_other_storages(id, target.node, target.storage);
        self.link(id, target.storage);
        self.forgive_recovered(id, target.node);
        if is_distrusted {
            self.corrupt.add(id, target.node, CorruptReason::Reported);
            self.map.set_corrupt(id, true);
        }
    }
}
