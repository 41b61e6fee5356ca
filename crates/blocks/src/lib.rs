//! Where each block's replicas are, where they should be, and how they get there.
//!
//! [`BlockManager`] is the machine: DataNodes register, send heartbeats and report blocks; the
//! NameNode begins, commits, recovers and removes blocks; timers let plans be made. The clock is
//! an argument (`now`, milliseconds of one clock that does not go back), chance comes from a seed.
//! Nothing here does I/O, waits, or runs longer than its budget says.

mod block;
mod cluster_state;
mod command;
mod datanode;
mod error;
mod manager;
mod map;
mod placement;
mod policy;
mod record;
mod redundancy;
mod safemode;
mod settings;
mod storage;

pub use block::{
    Block, BlockInfo, BlockState, NewBlock, ReplicaCounts, ReplicaState, ReportedReplica,
};
pub use command::{DatanodeCommand, Event, Recovery, Target, Transfer};
pub use datanode::{Datanode, NodeIndex, NodeLoad, Registration, VolumeFailures};
pub use error::BlockError;
pub use loxodon_wire::storage::{PolicyId, StoragePolicy, TypeList};
pub use manager::{
    BalancerBlock, BlockChange, BlockManager, ClusterStats, EncodedReport, HeartbeatReply,
    LegacyReport, Located, NodeUsage, ReportKind, ReportScan, ReportedStorage,
};
pub use placement::{Reader, TargetRequest};
pub use policy::TypeSet;
pub use redundancy::{CorruptReason, PRIORITY_LEVELS, Priority};
pub use safemode::{SafeMode, SafeModeCause, SafeModeSettings};
pub use settings::{PlacementKind, Settings};
pub use storage::{Storage, StorageIndex, StorageReport, StorageState, StorageUsage};
