//! What a block is, seen from where its replicas are.

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId};

use crate::PolicyId;

/// A block in one version: which, how long, and of which generation (`protocol.Block`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Which block.
    pub id: BlockId,
    /// Bytes in it.
    pub length: u64,
    /// Version of its contents.
    pub stamp: GenerationStamp,
}

impl std::fmt::Display for Block {
    /// `blk_<id>_<stamp>`, as Hadoop names blocks everywhere.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "blk_{}_{}", self.id, self.stamp)
    }
}

/// How far a block is on its way to being final (`HdfsServerConstants.BlockUCState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockState {
    /// The client said its length, and enough DataNodes confirmed it.
    Complete,
    /// Being written.
    UnderConstruction,
    /// Its writer is gone; DataNodes are agreeing about its length.
    UnderRecovery,
    /// The client said its length; DataNodes did not confirm yet.
    Committed,
}

/// What a DataNode says about its replica (`HdfsServerConstants.ReplicaState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplicaState {
    /// Closed.
    Finalized,
    /// Being written.
    BeingWritten,
    /// Was being written when the DataNode restarted.
    WaitingToBeRecovered,
    /// Recovery is going on.
    UnderRecovery,
    /// Being copied there.
    Temporary,
}

impl ReplicaState {
    /// The number in reports and in `rbw` metadata.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Finalized => 0,
            Self::BeingWritten => 1,
            Self::WaitingToBeRecovered => 2,
            Self::UnderRecovery => 3,
            Self::Temporary => 4,
        }
    }

    /// The state of that number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Finalized),
            1 => Some(Self::BeingWritten),
            2 => Some(Self::WaitingToBeRecovered),
            3 => Some(Self::UnderRecovery),
            4 => Some(Self::Temporary),
            _ => None,
        }
    }

    /// Hadoop's short name, as `metaSave` and logs have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finalized => "FINALIZED",
            Self::BeingWritten => "RBW",
            Self::WaitingToBeRecovered => "RWR",
            Self::UnderRecovery => "RUR",
            Self::Temporary => "TEMPORARY",
        }
    }
}

/// One replica as a DataNode reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportedReplica {
    /// Which block, as the DataNode has it.
    pub block: Block,
    /// How far its replica is.
    pub state: ReplicaState,
}

/// A block as the namespace knows it, on its way into the block map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewBlock {
    /// Which, how long, which generation.
    pub block: Block,
    /// The file it belongs to.
    pub owner: InodeId,
    /// How many replicas there shall be.
    pub replication: u16,
    /// The file's storage policy.
    pub policy: PolicyId,
    /// How far it is.
    pub state: BlockState,
}

/// A block as the block map has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Which, how long, which generation.
    pub block: Block,
    /// The file it belongs to.
    pub owner: InodeId,
    /// How many replicas there shall be.
    pub replication: u16,
    /// The file's storage policy.
    pub policy: PolicyId,
    /// How far it is.
    pub state: BlockState,
}

impl BlockInfo {
    /// Whether its contents are final.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == BlockState::Complete
    }

    /// Whether it is still being written or recovered (`BlockInfo.isUnderConstruction`).
    #[must_use]
    pub fn is_under_construction(&self) -> bool {
        matches!(self.state, BlockState::UnderConstruction | BlockState::UnderRecovery)
    }
}

/// How many replicas of a block there are, by what can be expected of them (`NumberReplicas`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaCounts {
    /// Good, on nodes in service.
    pub live: u16,
    /// On storages or nodes that only serve reading.
    pub read_only: u16,
    /// On nodes being decommissioned.
    pub decommissioning: u16,
    /// On nodes decommissioned, or dead while being so.
    pub decommissioned: u16,
    /// On live nodes entering maintenance.
    pub entering_maintenance: u16,
    /// On nodes in maintenance, reachable or not.
    pub in_maintenance: u16,
    /// Known to be damaged.
    pub corrupt: u16,
    /// More than wanted; chosen to be deleted.
    pub excess: u16,
    /// On storages whose contents are not known for sure since a restart or failover.
    pub stale: u16,
}

impl ReplicaCounts {
    /// Replicas on nodes in or on the way to decommissioning.
    #[must_use]
    pub const fn decommission(&self) -> u16 {
        self.decommissioning + self.decommissioned
    }

    /// Replicas on nodes in or on the way to maintenance.
    #[must_use]
    pub const fn maintenance(&self) -> u16 {
        self.entering_maintenance + self.in_maintenance
    }

    /// Replicas that count towards the wanted number while maintenance lasts.
    #[must_use]
    pub const fn usable(&self) -> u16 {
        self.live + self.decommissioning + self.maintenance()
    }
}
