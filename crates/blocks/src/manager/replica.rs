//! One replica comes, goes, or turns out to be damaged; and what follows for its block.

use loxodon_wire::ids::{BlockId, Milliseconds};
use smallvec::SmallVec;

use super::BlockManager;
use super::background::Task;
use super::report::is_outlived;
use crate::placement::{self, Deletion, choose_excess};
use crate::policy::excess_types;
use crate::{
    Block, BlockInfo, BlockState, CorruptReason, Event, NodeIndex, Priority, ReplicaCounts,
    StorageIndex, StoragePolicy, StorageState, Target,
};

/// What a replica is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplicaStanding {
    Live,
    ReadOnly,
    Corrupt,
    Excess,
    Decommissioning,
    Decommissioned,
    EnteringMaintenance,
    InMaintenance,
}

impl BlockManager {
    /// What this replica is good for; `None` where it does not count at all.
    pub(super) fn standing(&self, id: BlockId, storage: StorageIndex) -> Option<ReplicaStanding> {
        self.standing_among(id, storage, self.map.has_corrupt(id))
    }

    /// As [`BlockManager::standing`], where it is known whether any replica of the block is
    /// damaged: looked up once for all of them.
    fn standing_among(
        &self,
        id: BlockId,
        storage: StorageIndex,
        any_corrupt: bool,
    ) -> Option<ReplicaStanding> {
        use ReplicaStanding::{
            Corrupt, Decommissioned, Decommissioning, EnteringMaintenance, Excess, InMaintenance,
            Live, ReadOnly,
        };
        use loxodon_cluster::AdminState;
        let storage = self.cluster.storage(storage)?;
        let node = self.cluster.node(storage.node)?;
        match storage.state {
            StorageState::Normal => {}
            StorageState::ReadOnlyShared => return node.is_alive.then_some(ReadOnly),
            StorageState::Failed => return None,
        }
        if !node.is_alive && !node.admin.is_maintenance() {
            return None;
        }
        if any_corrupt && self.corrupt.contains(id, storage.node) {
            return Some(Corrupt);
        }
        Some(match node.admin {
            AdminState::DecommissionInProgress => Decommissioning,
            AdminState::Decommissioned => Decommissioned,
            AdminState::EnteringMaintenance if node.is_alive => EnteringMaintenance,
            AdminState::EnteringMaintenance | AdminState::InMaintenance => InMaintenance,
            AdminState::Normal if node.excess.contains(&id) => Excess,
            AdminState::Normal => Live,
        })
    }

    /// How many replicas there are of each standing.
    #[must_use]
    pub fn count_replicas(&self, id: BlockId) -> ReplicaCounts {
        let mut counts = ReplicaCounts::default();
        let any_corrupt = self.map.has_corrupt(id);
        for storage in self.map.replicas(id) {
            let Some(standing) = self.standing_among(id, storage, any_corrupt) else { continue };
            let count = match standing {
                ReplicaStanding::Live => &mut counts.live,
                ReplicaStanding::ReadOnly => &mut counts.read_only,
                ReplicaStanding::Corrupt => &mut counts.corrupt,
                ReplicaStanding::Excess => &mut counts.excess,
                ReplicaStanding::Decommissioning => &mut counts.decommissioning,
                ReplicaStanding::Decommissioned => &mut counts.decommissioned,
                ReplicaStanding::EnteringMaintenance => &mut counts.entering_maintenance,
                ReplicaStanding::InMaintenance => &mut counts.in_maintenance,
            };
            *count += 1;
            if self.cluster.storage(storage).is_some_and(|s| s.content_stale) {
                counts.stale += 1;
            }
        }
        counts
    }

    /// Replicas on nodes in service that the block has to have just now: maintenance lends some.
    pub(super) fn required(&self, info: &BlockInfo, counts: &ReplicaCounts) -> u16 {
        let expected = info.replication;
        if counts.maintenance() == 0 {
            return expected;
        }
        let least = self.settings.maintenance_min_replication.min(expected);
        expected.saturating_sub(counts.maintenance()).max(least)
    }

    /// Whether the replicas are on as many racks as the policy asks for.
    #[must_use]
    pub fn is_placement_satisfied(&self, id: BlockId, info: &BlockInfo) -> bool {
        self.missing_racks(id, info) == 0
    }

    /// How many racks the replicas are on too few.
    #[must_use]
    pub fn missing_racks(&self, id: BlockId, info: &BlockInfo) -> usize {
        let racks_there = self.cluster.topology.rack_count();
        if racks_there <= 1 {
            return 0;
        }
        let mut racks: SmallVec<[u32; 4]> = SmallVec::new();
        let any_corrupt = self.map.has_corrupt(id);
        for storage in self.map.replicas(id) {
            let good = matches!(
                self.standing_among(id, storage, any_corrupt),
                Some(
                    ReplicaStanding::Live
                        | ReplicaStanding::EnteringMaintenance
                        | ReplicaStanding::InMaintenance
                )
            );
            let node = self.cluster.storage(storage).map(|s| s.node);
            if let Some(rack) = node.filter(|_| good).and_then(|node| self.cluster.rack_of(node))
                && !racks.contains(&rack)
            {
                racks.push(rack);
            }
        }
        let policy = placement::policy(self.settings.placement);
        let required = policy.required_racks(usize::from(info.replication));
        required.min(racks_there).saturating_sub(racks.len())
    }

    /// Looks at a block anew (`processMisReplicatedBlock`): whether it has to be copied, or has
    /// too many replicas. False after a start, while nothing is queued yet.
    pub fn recheck(&mut self, now: Milliseconds, id: BlockId) -> bool {
        if !self.queues_open {
            return false;
        }
        self.refresh(id);
        let live = self.count_replicas(id).live;
        if self.map.get(id).is_some_and(|info| info.is_complete() && live > info.replication) {
            self.process_extra(now, id, None, None);
        }
        true
    }

    pub(super) fn has_enough(
        &self,
        info: &BlockInfo,
        counts: &ReplicaCounts,
        pending: u16,
    ) -> bool {
        counts.live + pending >= self.required(info, counts)
            && (pending > 0 || self.is_placement_satisfied(info.block.id, info))
    }

    /// Puts the block into the queue it belongs into, or takes it out.
    pub(super) fn refresh(&mut self, id: BlockId) {
        if !self.queues_open {
            return;
        }
        let Some(info) = self.map.get(id).filter(BlockInfo::is_complete) else {
            self.low.remove(id);
            return;
        };
        let counts = self.count_replicas(id);
        if self.has_enough(&info, &counts, self.pending.count(id)) {
            self.low.remove(id);
        } else {
            let required = self.required(&info, &counts);
            self.low.put(id, Priority::of(&counts, required), info.replication);
        }
    }

    /// A good replica is there (`addStoredBlock`). `hint` is the node that whoever copied it
    /// wants relieved.
    pub(super) fn add_replica(
        &mut self,
        now: Milliseconds,
        id: BlockId,
        storage: StorageIndex,
        hint: Option<NodeIndex>,
    ) {
        let Some(node) = self.cluster.storage(storage).map(|s| s.node) else { return };
        let Some(info) = self.map.get(id) else { return };
        let before = self.seen_at_start(id);
        self.unlink_other_storages(id, node, storage);
        let fresh = self.link(id, storage);
        self.distrusted.remove(id, node);
        if let Some(target) = self.pending.arrived(id, node) {
            self.cluster.unschedule(target);
            self.copied += 1;
        }
        let healed = self.forgive_outlived(id, node, &info);
        if !fresh && !healed {
            return;
        }
        match info.state {
            BlockState::Committed => {
                if self.count_replicas(id).usable() >= self.settings.min_replication {
                    self.complete(id, &info);
                }
            }
            BlockState::Complete => self.count_at_start(id, before),
            BlockState::UnderConstruction | BlockState::UnderRecovery => {}
        }
        if !self.queues_open || !self.is_complete(id) {
            return;
        }
        self.refresh(id);
        let counts = self.count_replicas(id);
        if counts.live > info.replication {
            self.process_extra(now, id, Some(node), hint);
        }
        if counts.corrupt > 0 && counts.live >= info.replication {
            self.invalidate_corrupt(id);
        }
    }

    /// A replica that was told with another stamp or length, and that alone, is good now; whether
    /// it was.
    fn forgive_outlived(&mut self, id: BlockId, node: NodeIndex, info: &BlockInfo) -> bool {
        let was_bad = self.map.has_corrupt(id)
            && self.corrupt.reason(id, node).is_some_and(|reason| is_outlived(reason, info));
        if was_bad {
            let (any_left, _) = self.corrupt.remove(id, node);
            self.map.set_corrupt(id, any_left);
        }
        was_bad
    }

    /// A replica has the stamp and the length that a recovery gave it: that it had others before
    /// is past. Bytes that were found wrong still are.
    pub(super) fn forgive_recovered(&mut self, id: BlockId, node: NodeIndex) {
        let reason = self.corrupt.reason(id, node);
        if reason.is_some_and(|reason| reason != CorruptReason::Reported) {
            let (any_left, _) = self.corrupt.remove(id, node);
            self.map.set_corrupt(id, any_left);
        }
    }

    /// A replica lies on one storage of a node only; another one that named it before lost it.
    pub(super) fn unlink_other_storages(
        &mut self,
        id: BlockId,
        node: NodeIndex,
        storage: StorageIndex,
    ) {
        if self.cluster.node(node).is_none_or(|entry| entry.storages.len() < 2) {
            return;
        }
        for other in self.map.replicas(id) {
            if other != storage && self.cluster.storage(other).is_some_and(|s| s.node == node) {
                self.map.remove_replica(id, other);
                if let Some(entry) = self.cluster.storage_mut(other) {
                    entry.remove(id);
                }
            }
        }
    }

    pub(super) fn link(&mut self, id: BlockId, storage: StorageIndex) -> bool {
        let Some(entry) = self.cluster.storage_mut(storage) else { return false };
        let fresh = self.map.add_replica(id, storage);
        entry.add(id);
        fresh
    }

    /// The block is final: whoever waits may be told. Replicas of its pipeline that were not
    /// reported yet count as on their way, so that nobody copies what is about to be told.
    pub(super) fn complete(&mut self, id: BlockId, info: &BlockInfo) {
        self.map.set_state(id, BlockState::Complete);
        self.complete_blocks += 1;
        if let Some(construction) = self.constructions.remove(&id) {
            let known = self.map.replicas(id);
            let is_due = |target: &Target| {
                let on_node = |at: &StorageIndex| {
                    self.cluster.storage(*at).is_some_and(|s| s.node == target.node)
                };
                let node = self.cluster.node(target.node);
                node.is_some_and(|node| node.is_alive) && !known.iter().any(on_node)
            };
            let expected = construction.expected.iter().map(|expected| expected.target);
            let due: SmallVec<[Target; 3]> = expected.filter(is_due).collect();
            if !due.is_empty() && self.queues_open {
                self.pending.add_written(self.latest, id, &due);
            }
        }
        self.events.push(Event::BlockCompleted { block: id, owner: info.owner });
        self.refresh(id);
        if self.count_replicas(id).live > info.replication {
            self.tasks.push_back(Task::Check(id));
        }
    }

    /// A replica is gone (`removeStoredBlock`).
    pub(super) fn remove_replica(&mut self, id: BlockId, storage: StorageIndex) {
        let Some(node) = self.cluster.storage(storage).map(|s| s.node) else { return };
        let before = self.seen_at_start(id);
        if let Some(entry) = self.cluster.storage_mut(storage) {
            entry.remove(id);
        }
        if !self.map.remove_replica(id, storage) {
            return;
        }
        self.forget_node_of(id, node);
        self.count_at_start(id, before);
        self.keep_excess(id);
        self.refresh(id);
    }

    /// Drops what is noted about the node's replica besides its place.
    fn forget_node_of(&mut self, id: BlockId, node: NodeIndex) {
        if let Some(entry) = self.cluster.node_mut(node) {
            entry.excess.remove(&id);
        }
        if !self.map.has_corrupt(id) {
            return;
        }
        if self.corrupt.reason(id, node) == Some(CorruptReason::Reported)
            && let Some(info) = self.map.get(id)
        {
            let stamp = self.corrupt.stamp(id, node).unwrap_or(info.block.stamp);
            self.distrusted.add(id, node, stamp);
        }
        let (any_left, _) = self.corrupt.remove(id, node);
        self.map.set_corrupt(id, any_left);
    }

    /// Replicas that the start's safe mode counts. One whose bytes are known to be wrong is among
    /// them: else a file that has no other would keep a small cluster from starting.
    pub(super) fn seen(&self, id: BlockId) -> u16 {
        let is_own = |at: &StorageIndex| {
            let storage = self.cluster.storage(*at);
            storage.is_some_and(|storage| storage.state != StorageState::ReadOnlyShared)
        };
        let there = self.map.replicas(id).into_iter().filter(is_own).count();
        let marked = self.corrupt.nodes(id).iter();
        let useless = marked.filter(|(_, reason)| *reason != CorruptReason::Reported).count();
        there.saturating_sub(useless).min(usize::from(u16::MAX)) as u16
    }

    /// [`BlockManager::seen`] during the start; after it nobody asks.
    fn seen_at_start(&self, id: BlockId) -> u16 {
        if self.safe_mode.is_startup() { self.seen(id) } else { 0 }
    }

    /// Tells safe mode of a replica that it counts now and did not before, or the other way.
    fn count_at_start(&mut self, id: BlockId, before: u16) {
        if !self.safe_mode.is_startup() || !self.is_complete(id) {
            return;
        }
        let seen = self.seen(id);
        if seen > before {
            self.safe_mode.replica_added(seen);
        } else if seen < before {
            self.safe_mode.replica_removed(seen);
        }
    }

    /// A replica is damaged (`markBlockAsCorrupt`): noted, and deleted once there are enough good.
    pub(super) fn mark_corrupt(
        &mut self,
        reported: Block,
        node: NodeIndex,
        storage: StorageIndex,
        reason: CorruptReason,
    ) {
        let id = reported.id;
        let Some(info) = self.map.get(id) else {
            self.invalidate(reported, node);
            return;
        };
        // Noted under the node that has it, so that it is found when it is deleted.
        let before = self.seen_at_start(id);
        self.unlink_other_storages(id, node, storage);
        self.link(id, storage);
        self.distrusted.remove(id, node);
        self.corrupt.add(id, node, reason);
        if reason == CorruptReason::Reported
            && let Some(target) = self.pending.arrived(id, node)
        {
            // What the pipeline or a copy left there: no other one is on its way.
            self.cluster.unschedule(target);
        }
        if reported.stamp != info.block.stamp {
            self.corrupt.set_stamp(id, node, reported.stamp);
        }
        self.map.set_corrupt(id, true);
        self.count_at_start(id, before);
        self.keep_excess(id);
        let counts = self.count_replicas(id);
        let enough = counts.live >= info.replication;
        let known_bad = reason == CorruptReason::StampMismatch && reported.stamp < info.block.stamp;
        let over_minimum = counts.live >= self.settings.min_replication && known_bad;
        let over_replicated = counts.live + counts.corrupt > info.replication
            && counts.live >= self.settings.min_replication;
        if enough || over_minimum || over_replicated {
            self.invalidate_one_corrupt(reported, node, &counts);
        }
        self.refresh(id);
    }

    fn invalidate_one_corrupt(
        &mut self,
        replica: Block,
        node: NodeIndex,
        counts: &ReplicaCounts,
    ) -> bool {
        if counts.stale > 0 {
            self.postponed.insert(replica.id);
            return false;
        }
        if counts.live == 0 {
            return false;
        }
        self.invalidate(replica, node);
        for storage in self.map.replicas(replica.id) {
            if self.cluster.storage(storage).is_some_and(|s| s.node == node) {
                self.remove_replica(replica.id, storage);
            }
        }
        true
    }

    /// Damaged replicas beyond the wanted number only take up nodes where good ones could be.
    pub(super) fn drop_surplus_corrupt(&mut self, id: BlockId) {
        let Some(info) = self.map.get(id) else { return };
        let nodes: SmallVec<[NodeIndex; 4]> =
            self.corrupt.nodes(id).iter().map(|(node, _)| *node).collect();
        for node in nodes {
            let counts = self.count_replicas(id);
            let is_surplus = counts.live + counts.corrupt > info.replication;
            if is_surplus && counts.live >= self.settings.min_replication {
                let stamp = self.corrupt.stamp(id, node).unwrap_or(info.block.stamp);
                self.invalidate_one_corrupt(Block { stamp, ..info.block }, node, &counts);
            }
        }
    }

    /// There are enough good replicas: the damaged ones go.
    pub(super) fn invalidate_corrupt(&mut self, id: BlockId) {
        let Some(info) = self.map.get(id) else { return };
        let nodes: SmallVec<[NodeIndex; 4]> =
            self.corrupt.nodes(id).iter().map(|(node, _)| *node).collect();
        for node in nodes {
            let counts = self.count_replicas(id);
            let stamp = self.corrupt.stamp(id, node).unwrap_or(info.block.stamp);
            self.invalidate_one_corrupt(Block { stamp, ..info.block }, node, &counts);
        }
    }

    /// Chooses what to delete where there are too many (`processExtraRedundancyBlock`).
    pub(super) fn process_extra(
        &mut self,
        now: Milliseconds,
        id: BlockId,
        added: Option<NodeIndex>,
        hint: Option<NodeIndex>,
    ) {
        let Some(info) = self.map.get(id).filter(BlockInfo::is_complete) else { return };
        if !self.queues_open {
            return;
        }
        let mut candidates: SmallVec<[Target; 8]> = SmallVec::new();
        let mut kinds: SmallVec<[loxodon_cluster::StorageType; 8]> = SmallVec::new();
        for storage in self.map.replicas(id) {
            if self.standing(id, storage) != Some(ReplicaStanding::Live) {
                continue;
            }
            let Some(entry) = self.cluster.storage(storage) else { continue };
            if entry.content_stale {
                // It may be gone already: deciding now could delete the last good one.
                self.postponed.insert(id);
                return;
            }
            candidates.push(Target { node: entry.node, storage });
            kinds.push(entry.kind);
        }
        let keep = usize::from(info.replication);
        if candidates.len() <= keep {
            return;
        }
        let excess_types = excess_types(StoragePolicy::of(info.policy), info.replication, &kinds);
        let deletion = Deletion {
            now,
            heartbeat: self.settings.liveness.heartbeat,
            candidates: &candidates,
            keep,
            excess_types,
            added,
            hint,
        };
        for target in choose_excess(&self.cluster, deletion) {
            if let Some(node) = self.cluster.node_mut(target.node) {
                node.excess.insert(id);
            }
            self.invalidate(info.block, target.node);
        }
    }

    /// A reader or DataNode found a replica damaged (`reportBadBlocks`).
    ///
    /// # Errors
    /// If the node is not known.
    pub fn report_bad_block(
        &mut self,
        block: Block,
        datanode_uuid: &str,
        storage_id: Option<&str>,
    ) -> Result<(), crate::BlockError> {
        let node = self
            .cluster
            .by_uuid(datanode_uuid)
            .ok_or_else(|| crate::BlockError::UnknownDatanode(datanode_uuid.to_owned()))?;
        let named = storage_id.and_then(|id| self.cluster.storage_by_id(node, id));
        let named = named.filter(|storage| self.counts(*storage));
        let storage = self.storage_on(block.id, node).or(named);
        match storage {
            // A block that nobody has any more needs no note; the next report deletes the replica.
            _ if !self.map.contains(block.id) => {}
            Some(storage) => self.mark_corrupt(block, node, storage, CorruptReason::Reported),
            // The node is away, or has registered and not reported yet.
            None => self.distrusted.add(block.id, node, block.stamp),
        }
        Ok(())
    }

    /// Whether replicas on it count: its node lives, and it has not failed.
    pub(super) fn counts(&self, storage: StorageIndex) -> bool {
        self.cluster.storage(storage).is_some_and(|storage| {
            storage.state != StorageState::Failed
                && self.cluster.node(storage.node).is_some_and(|node| node.is_alive)
        })
    }

    /// Where the node's replica is known to be.
    pub(super) fn storage_on(&self, id: BlockId, node: NodeIndex) -> Option<StorageIndex> {
        let mut known = self.map.replicas(id).into_iter();
        known.find(|at| self.cluster.storage(*at).is_some_and(|storage| storage.node == node))
    }
}
