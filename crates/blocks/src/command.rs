//! What the block manager asks of others: commands to DataNodes, and events for the NameNode.

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};
use smallvec::SmallVec;

use crate::{Block, NodeIndex, StorageIndex};

/// A place for a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The DataNode.
    pub node: NodeIndex,
    /// Its storage.
    pub storage: StorageIndex,
}

/// A copy to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What to copy.
    pub block: Block,
    /// Where to.
    pub targets: SmallVec<[Target; 3]>,
}

/// A block whose length DataNodes shall agree on (`RecoveringBlock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Which; with the stamp that replicas have now.
    pub block: Block,
    /// The stamp that it gets.
    pub new_stamp: GenerationStamp,
    /// Who may have a replica; the first is the primary, where it was chosen so.
    pub locations: SmallVec<[Target; 3]>,
    /// For a truncation, what the block becomes: its own id when in place, another when copied.
    pub truncate_to: Option<Block>,
}

/// What a DataNode is told in the answer to its heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatanodeCommand {
    /// Register first (`DNA_REGISTER`).
    Register,
    /// Copy blocks (`DNA_TRANSFER`).
    Transfer(Vec<Transfer>),
    /// Delete replicas (`DNA_INVALIDATE`).
    Invalidate(Vec<Block>),
    /// Recover blocks as their primary (`DNA_RECOVERBLOCK`).
    Recover(Vec<Recovery>),
    /// Bytes per second for balancing (`DNA_BALANCERBANDWIDTHUPDATE`).
    BalancerBandwidth(u64),
}

/// Something happened that others may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Enough replicas of a committed block are reported: a held `complete` may be answered.
    BlockCompleted {
        /// Which block.
        block: BlockId,
        /// Whose.
        owner: InodeId,
    },
    /// A node was not heard for too long; its replicas are being given up.
    DatanodeDied(NodeIndex),
    /// A node's blocks are all elsewhere.
    DatanodeDecommissioned(NodeIndex),
    /// A node may go down.
    DatanodeInMaintenance(NodeIndex),
    /// Safe mode ended by itself.
    SafeModeLeft,
}
