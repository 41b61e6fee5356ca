//! What a DataNode shows of itself: the data of the beans `FSDatasetState` and `DataNodeInfo`.

use crate::dataset::VolumeUsage;

/// One volume.
#[derive(Clone, Debug)]
pub struct VolumeStatus {
    /// Its directory.
    pub path: String,
    /// Its storage id.
    pub storage: String,
    /// Hadoop's name of what it is made of.
    pub kind: &'static str,
    /// Its space.
    pub usage: VolumeUsage,
    /// Replicas on it.
    pub replicas: u64,
}

/// One NameNode.
#[derive(Clone, Debug)]
pub struct NameNodeStatus {
    /// Its address.
    pub address: String,
    /// The pool that it and we serve, once it is known.
    pub pool: Option<String>,
    /// Whether we are registered.
    pub registered: bool,
}

/// The whole DataNode.
#[derive(Clone, Debug)]
pub struct DataNodeStatus {
    /// The DataNode's id.
    pub uuid: String,
    /// The cluster's id, once it is known.
    pub cluster: Option<String>,
    /// The version of Hadoop it says it is.
    pub version: &'static str,
    /// Volumes that work.
    pub volumes: Vec<VolumeStatus>,
    /// Directories of volumes that failed.
    pub failed_volumes: Vec<String>,
    /// When the last one failed, in milliseconds since the epoch.
    pub last_volume_failure: u64,
    /// Bytes that failed volumes had.
    pub lost_capacity: u64,
    /// NameNodes.
    pub namenodes: Vec<NameNodeStatus>,
    /// Connections of transfers.
    pub transfers: usize,
    /// Blocks sent to other DataNodes now.
    pub copies: usize,
}
