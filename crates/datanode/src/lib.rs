//! One storage daemon: volumes, replicas, transfers and recovery; what Hadoop calls a DataNode.

mod block;
mod calls;
mod damaged;
mod datanode;
mod dataset;
mod disk_balancer;
mod disks;
mod error;
mod host;
mod live;
mod load;
mod metrics;
mod namenode;
mod node;
mod outliers;
#[cfg(feature = "fuzzing")]
pub mod parsers;
mod peers;
mod reconfigure;
mod recovery;
mod scanner;
mod settings;
mod status;
mod storage;
mod transfer;

pub use datanode::{DataNode, DataNodeObserver};
pub use dataset::{ReservedRule, ReservedSpace, VolumeChoice, VolumeUsage};
pub use disk_balancer::DiskBalancerSettings;
pub use error::{DataNodeError, Result};
pub use metrics::{Counter, DataNodeMetrics, Moment};
pub use settings::{DataNodeSettings, GroupLookup, NameNodePlace, NameService, OutlierSettings};
pub use status::{DataNodeStatus, NameNodeStatus, VolumeStatus};
pub use storage::{StorageLocation, StorageType};
