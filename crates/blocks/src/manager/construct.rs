//! Blocks that are being written: begun, committed, re-opened, moved to another pipeline.

use loxodon_wire::ids::{BlockId, GenerationStamp, Milliseconds};
use smallvec::SmallVec;

use super::BlockManager;
use crate::{Block, BlockError, BlockInfo, BlockState, NewBlock, ReplicaState, Target};

/// A replica that a writer was told to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) target: Target,
    pub(super) stamp: GenerationStamp,
    pub(super) state: ReplicaState,
    pub(super) tried_as_primary: bool,
}

/// What is known about a block beyond its record while it is not final.
#[derive(Clone, Debug, Default)]
pub(super) struct Construction {
    pub(super) expected: SmallVec<[Expected; 3]>,
    pub(super) recovery_stamp: GenerationStamp,
    pub(super) next_attempt: Milliseconds,
    pub(super) truncate: Option<Block>,
}

impl Construction {
    pub(super) fn set_targets(&mut self, targets: &[Target], stamp: GenerationStamp) {
        let expect = |target: &Target| Expected {
            target: *target,
            stamp,
            state: ReplicaState::BeingWritten,
            tried_as_primary: false,
        };
        self.expected = targets.iter().map(expect).collect();
    }

    /// A node says that it has (or makes) a replica (`addReplicaIfNotPresent`).
    pub(super) fn note(&mut self, target: Target, stamp: GenerationStamp, state: ReplicaState) {
        if let Some(known) = self.expected.iter_mut().find(|e| e.target.node == target.node) {
            known.target = target;
            known.stamp = stamp;
            known.state = state;
            return;
        }
        self.expected.push(Expected { target, stamp, state, tried_as_primary: false });
    }
}

impl BlockManager {
    /// A client begins a block; its replicas are expected on `targets`.
    ///
    /// # Errors
    /// If the id is taken.
    pub fn begin_block(&mut self, new: NewBlock, targets: &[Target]) -> Result<(), BlockError> {
        let new = NewBlock { state: BlockState::UnderConstruction, ..new };
        self.insert_block(new)?;
        if let Some(construction) = self.constructions.get_mut(&new.block.id) {
            construction.set_targets(targets, new.block.stamp);
        }
        for target in targets {
            self.cluster.schedule(*target);
        }
        Ok(())
    }

    fn under_construction(&self, id: BlockId) -> Result<BlockInfo, BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        if info.is_under_construction() {
            Ok(info)
        } else {
            Err(BlockError::NotUnderConstruction(info.block))
        }
    }

    /// The client says the block's final length. `true` if enough replicas are reported, so that
    /// it is complete; else [`crate::Event::BlockCompleted`] follows. Saying the same again is fine.
    ///
    /// # Errors
    /// Unknown block, another stamp than the block has, or a shorter length than it had.
    pub fn commit_block(
        &mut self,
        id: BlockId,
        length: u64,
        stamp: GenerationStamp,
    ) -> Result<bool, BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        match info.state {
            BlockState::Complete => return Ok(true),
            BlockState::Committed => return Ok(self.complete_if_reported(id)),
            BlockState::UnderConstruction | BlockState::UnderRecovery => {}
        }
        if stamp != info.block.stamp {
            let given = Block { id, length, stamp };
            return Err(BlockError::StampMismatch { known: info.block, given });
        }
        if let Some(newer) = self.taken_over(id, stamp) {
            let known = Block { stamp: newer, ..info.block };
            return Err(BlockError::StampMismatch { known, given: Block { id, length, stamp } });
        }
        if length < info.block.length {
            return Err(BlockError::Shrunk { given: length, known: info.block.length });
        }
        self.map.set_length_and_stamp(id, length, stamp);
        self.map.set_state(id, BlockState::Committed);
        self.drop_old_replicas(id, stamp);
        Ok(self.complete_if_reported(id))
    }

    /// The stamp that a recovery gave to all replicas, if one did whose end was never told to us
    /// (or was forgotten with a crash): under its old stamp nobody could report the block any more.
    fn taken_over(&self, id: BlockId, stamp: GenerationStamp) -> Option<GenerationStamp> {
        let expected = &self.constructions.get(&id)?.expected;
        expected.iter().map(|replica| replica.stamp).min().filter(|oldest| *oldest > stamp)
    }

    /// Replicas of earlier generations do not count for the committed block: those of nodes that left the
    /// pipeline, and those that were too many when it was opened again. Damaged ones count in no case.
    fn drop_old_replicas(&mut self, id: BlockId, stamp: GenerationStamp) {
        let Some(construction) = self.constructions.get(&id) else { return };
        let expected = |node| construction.expected.iter().find(move |e| e.target.node == node);
        let is_old = |storage: &crate::StorageIndex| {
            let node = self.cluster.storage(*storage).map(|it| it.node);
            node.is_some_and(|node| match expected(node) {
                Some(replica) => replica.stamp != stamp,
                None => !self.corrupt.contains(id, node),
            })
        };
        let replicas = self.map.replicas(id);
        let old: SmallVec<[_; 4]> = replicas.into_iter().filter(is_old).collect();
        for storage in old {
            self.remove_replica(id, storage);
        }
    }

    pub(super) fn complete_if_reported(&mut self, id: BlockId) -> bool {
        let Some(info) = self.map.get(id) else { return false };
        if info.state == BlockState::Committed
            && self.count_replicas(id).usable() >= self.settings.min_replication
        {
            self.complete(id, &info);
        }
        self.is_complete(id)
    }

    /// The block is final, however many replicas are reported: the edit log says so.
    ///
    /// # Errors
    /// If there is no such block.
    pub fn force_complete(&mut self, id: BlockId) -> Result<(), BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        if !info.is_complete() {
            self.complete(id, &info);
        }
        Ok(())
    }

    /// The edit log gives the block another length and stamp.
    ///
    /// # Errors
    /// If there is no such block.
    pub fn set_length(
        &mut self,
        id: BlockId,
        length: u64,
        stamp: GenerationStamp,
    ) -> Result<(), BlockError> {
        if !self.map.contains(id) {
            return Err(BlockError::UnknownBlock(id));
        }
        self.map.set_length_and_stamp(id, length, stamp);
        Ok(())
    }

    /// A final block is appended to: its replicas become the pipeline, and with them those that its writer's pipeline
    /// made and that are not reported yet. Hadoop leaves these out; a client that goes on under the old generation
    /// stamp (hdfs-native, colinmarc/hdfs) then leaves a shorter replica behind that nothing tells from the others.
    ///
    /// # Errors
    /// If there is no such block.
    pub fn append_block(&mut self, id: BlockId) -> Result<Vec<Target>, BlockError> {
        let mut targets = self.good_replicas(id);
        for target in self.pending.written(id) {
            let serves = self.cluster.node(target.node).is_some_and(|node| node.is_alive)
                && self.cluster.storage(target.storage).is_some_and(|at| at.node == target.node);
            if serves && !targets.iter().any(|known| known.node == target.node) {
                targets.push(*target);
            }
        }
        self.reopen_on(id, targets)
    }

    /// A final block is cut: its replicas become the pipeline.
    ///
    /// # Errors
    /// If there is no such block.
    pub fn reopen_block(&mut self, id: BlockId) -> Result<Vec<Target>, BlockError> {
        let targets = self.good_replicas(id);
        self.reopen_on(id, targets)
    }

    fn reopen_on(&mut self, id: BlockId, targets: Vec<Target>) -> Result<Vec<Target>, BlockError> {
        let info = self.map.get(id).ok_or(BlockError::UnknownBlock(id))?;
        if info.is_complete() {
            self.complete_blocks -= 1;
            if self.safe_mode.is_startup() {
                let seen = self.seen(id);
                self.safe_mode.block_removed(seen);
            }
        }
        self.map.set_state(id, BlockState::UnderConstruction);
        let construction = self.constructions.entry(id).or_default();
        construction.set_targets(&targets, info.block.stamp);
        for expected in &mut construction.expected {
            expected.state = ReplicaState::Finalized;
        }
        self.low.remove(id);
        for target in self.pending.remove(id) {
            self.cluster.unschedule(target);
        }
        for target in &targets {
            if let Some(node) = self.cluster.node_mut(target.node) {
                node.invalidations.remove(&id);
                node.excess.remove(&id);
            }
        }
        Ok(targets)
    }

    fn good_replicas(&self, id: BlockId) -> Vec<Target> {
        use super::replica::ReplicaStanding::{Corrupt, Excess};
        let good = |storage: &crate::StorageIndex| {
            !matches!(self.standing(id, *storage), None | Some(Corrupt | Excess))
        };
        let replicas = self.map.replicas(id);
        replicas.into_iter().filter(good).filter_map(|at| self.cluster.target(at)).collect()
    }

    /// The writer goes on with another pipeline (`updatePipeline`), each node by uuid and storage.
    ///
    /// # Errors
    /// If the block is not being written, or the stamp or length go back.
    pub fn update_pipeline(
        &mut self,
        id: BlockId,
        stamp: GenerationStamp,
        length: u64,
        nodes: &[(&str, &str)],
    ) -> Result<(), BlockError> {
        let info = self.under_construction(id)?;
        if stamp <= info.block.stamp || length < info.block.length {
            let given = Block { id, length, stamp };
            return Err(BlockError::StalePipeline { known: info.block, given });
        }
        let targets = self.resolve_targets(nodes)?;
        self.map.set_length_and_stamp(id, length, stamp);
        // Nodes that are not in the pipeline any more keep what they had, and it does not count.
        self.drop_old_replicas(id, stamp);
        self.constructions.entry(id).or_default().set_targets(&targets, stamp);
        Ok(())
    }

    /// Nodes by uuid and storage id, as calls name them. An unknown storage is left to the
    /// node's first one; a node without uuid and storage is skipped.
    pub(super) fn resolve_targets(
        &self,
        nodes: &[(&str, &str)],
    ) -> Result<Vec<Target>, BlockError> {
        let mut targets = Vec::with_capacity(nodes.len().min(64));
        for (uuid, storage) in nodes {
            if uuid.is_empty() {
                continue;
            }
            let node = self
                .cluster
                .by_uuid(uuid)
                .ok_or_else(|| BlockError::UnknownDatanode((*uuid).to_owned()))?;
            let storage = self
                .cluster
                .storage_by_id(node, storage)
                .or_else(|| self.cluster.node(node)?.storages.first().copied())
                .ok_or_else(|| BlockError::UnknownStorage((*storage).to_owned()))?;
            targets.push(Target { node, storage });
        }
        Ok(targets)
    }

    /// Where replicas of a block that is being written are expected.
    #[must_use]
    pub fn expected_locations(&self, id: BlockId) -> Vec<Target> {
        let construction = self.constructions.get(&id);
        construction.map_or_else(Vec::new, |c| c.expected.iter().map(|e| e.target).collect())
    }

    /// How many nodes have told that they have or make a replica of the block's present version.
    #[must_use]
    pub fn expected_count(&self, id: BlockId) -> usize {
        self.constructions.get(&id).map_or(0, |c| c.expected.len())
    }
}
