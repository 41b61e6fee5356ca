//! One storage daemon: volumes, replicas, transfers and recovery; what Hadoop calls a DataNode.

mod block;
mod calls;
mod datanode;
mod dataset;
mod error;
mod host;
mod load;
mod metrics;
mod namenode;
mod node;
mod recovery;
mod scanner;
mod settings;
mod status;
mod storage;
mod transfer;

pub use datanode::{DataNode, DataNodeObserver};
pub use dataset::{ReservedSpace, VolumeChoice, VolumeUsage};
pub use error::{DataNodeError, Result};
pub use metrics::{Counter, DataNodeMetrics};
pub use settings::{DataNodeSettings, NameNodePlace, NameService};
pub use status::{DataNodeStatus, NameNodeStatus, VolumeStatus};
pub use storage::{LAYOUT_VERSION, StorageLocation, StorageType};
