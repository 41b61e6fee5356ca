//! Replicas known to be damaged, and why (`CorruptReplicasMap`).

use std::collections::BTreeMap;

use loxodon_wire::ids::{BlockId, GenerationStamp};
use smallvec::SmallVec;

use crate::NodeIndex;

/// Why a replica counts as damaged (`CorruptReplicasMap.Reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorruptReason {
    /// Nobody said why.
    Unspecified,
    /// Of an older (or newer) generation than the block.
    StampMismatch,
    /// Of another length than the block.
    SizeMismatch,
    /// In a state that it cannot be in.
    InvalidState,
    /// A reader or scanner found its checksum wrong.
    Reported,
}

impl CorruptReason {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "NONE",
            Self::StampMismatch => "GENSTAMP_MISMATCH",
            Self::SizeMismatch => "SIZE_MISMATCH",
            Self::InvalidState => "INVALID_STATE",
            Self::Reported => "CORRUPTION_REPORTED",
        }
    }
}

/// Damaged replicas by block and node.
#[derive(Clone, Debug, Default)]
pub(crate) struct CorruptReplicas {
    blocks: BTreeMap<BlockId, SmallVec<[(NodeIndex, CorruptReason); 2]>>,
    /// Stamps of damaged replicas that are of another generation than their block: a DataNode
    /// deletes only the generation it has.
    stamps: BTreeMap<(BlockId, NodeIndex), GenerationStamp>,
}

impl CorruptReplicas {
    /// `false` if the node's replica was known to be damaged already. It is taken to be of the
    /// block's own generation, until [`Self::set_stamp`] says otherwise.
    pub(crate) fn add(&mut self, id: BlockId, node: NodeIndex, reason: CorruptReason) -> bool {
        self.stamps.remove(&(id, node));
        let list = self.blocks.entry(id).or_default();
        match list.iter_mut().find(|(known, _)| *known == node) {
            Some(entry) => {
                entry.1 = reason;
                false
            }
            None => {
                list.push((node, reason));
                true
            }
        }
    }

    /// The damaged replica is of this generation, not of the block's own.
    pub(crate) fn set_stamp(&mut self, id: BlockId, node: NodeIndex, stamp: GenerationStamp) {
        self.stamps.insert((id, node), stamp);
    }

    /// The damaged replica's generation, where it is not the block's own.
    pub(crate) fn stamp(&self, id: BlockId, node: NodeIndex) -> Option<GenerationStamp> {
        self.stamps.get(&(id, node)).copied()
    }

    pub(crate) fn contains(&self, id: BlockId, node: NodeIndex) -> bool {
        self.reason(id, node).is_some()
    }

    pub(crate) fn reason(&self, id: BlockId, node: NodeIndex) -> Option<CorruptReason> {
        self.nodes(id).iter().find(|(known, _)| *known == node).map(|(_, reason)| *reason)
    }

    pub(crate) fn nodes(&self, id: BlockId) -> &[(NodeIndex, CorruptReason)] {
        self.blocks.get(&id).map_or(&[], |list| list)
    }

    /// Forgets one; returns whether any damaged replica of the block remains, and if it was there.
    pub(crate) fn remove(&mut self, id: BlockId, node: NodeIndex) -> (bool, bool) {
        self.stamps.remove(&(id, node));
        let Some(list) = self.blocks.get_mut(&id) else { return (false, false) };
        let before = list.len();
        list.retain(|(known, _)| *known != node);
        let was = list.len() < before;
        if list.is_empty() {
            self.blocks.remove(&id);
            return (false, was);
        }
        (true, was)
    }

    pub(crate) fn remove_block(&mut self, id: BlockId) {
        for (node, _) in self.blocks.remove(&id).unwrap_or_default() {
            self.stamps.remove(&(id, node));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = BlockId> + '_ {
        self.blocks.keys().copied()
    }
}

/// Replicas that were found damaged and do not count among their block's at present: not reported
/// yet, their node is lost, or their deletion was ordered. Were they forgotten, the next report
/// would have them taken for good, and good ones deleted in their stead. Hadoop forgets them.
#[derive(Clone, Debug, Default)]
pub(crate) struct DistrustedReplicas(BTreeMap<(BlockId, NodeIndex), GenerationStamp>);

impl DistrustedReplicas {
    pub(crate) fn add(&mut self, id: BlockId, node: NodeIndex, stamp: GenerationStamp) {
        self.0.insert((id, node), stamp);
    }

    /// Whether the node's replica of this generation is one of them.
    pub(crate) fn contains(&self, id: BlockId, node: NodeIndex, stamp: GenerationStamp) -> bool {
        self.0.get(&(id, node)) == Some(&stamp)
    }

    /// Whether it was one of them.
    pub(crate) fn remove(&mut self, id: BlockId, node: NodeIndex) -> bool {
        self.0.remove(&(id, node)).is_some()
    }

    pub(crate) fn remove_block(&mut self, id: BlockId) {
        let all = (id, NodeIndex(0))..=(id, NodeIndex(u32::MAX));
        let keys: SmallVec<[_; 4]> = self.0.range(all).map(|(key, _)| *key).collect();
        for key in keys {
            self.0.remove(&key);
        }
    }

    pub(crate) fn remove_node(&mut self, node: NodeIndex) {
        self.0.retain(|(_, at), _| *at != node);
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = (BlockId, NodeIndex)> + '_ {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distrusted_replica_is_of_one_generation() {
        let (id, stamp) = (BlockId(7), GenerationStamp(3));
        let mut distrusted = DistrustedReplicas::default();
        for node in [NodeIndex(0), NodeIndex(1), NodeIndex(u32::MAX)] {
            distrusted.add(id, node, stamp);
        }
        distrusted.add(BlockId(8), NodeIndex(1), stamp);
        assert!(distrusted.contains(id, NodeIndex(1), stamp));
        assert!(!distrusted.contains(id, NodeIndex(1), GenerationStamp(4)));
        distrusted.remove_block(id);
        assert_eq!(distrusted.keys().collect::<Vec<_>>(), [(BlockId(8), NodeIndex(1))]);
        distrusted.remove_node(NodeIndex(1));
        assert_eq!(distrusted.keys().count(), 0);
    }

    #[test]
    fn stamps_go_with_their_replicas() {
        let (id, node) = (BlockId(7), NodeIndex(1));
        let mut corrupt = CorruptReplicas::default();
        corrupt.add(id, node, CorruptReason::StampMismatch);
        corrupt.set_stamp(id, node, GenerationStamp(3));
        assert_eq!(corrupt.stamp(id, node), Some(GenerationStamp(3)));
        corrupt.remove(id, node);
        assert_eq!(corrupt.stamp(id, node), None);
    }

    #[test]
    fn a_replica_marked_again_is_of_the_blocks_own_generation() {
        let (id, node) = (BlockId(7), NodeIndex(1));
        let mut corrupt = CorruptReplicas::default();
        corrupt.add(id, node, CorruptReason::StampMismatch);
        corrupt.set_stamp(id, node, GenerationStamp(3));
        corrupt.add(id, node, CorruptReason::Reported);
        assert_eq!(corrupt.stamp(id, node), None);
    }
}
