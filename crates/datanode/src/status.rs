//! What a DataNode shows of itself: the data of the beans `FSDatasetState` and `DataNodeInfo`.

use std::time::Duration;

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
    /// Its state, as it says.
    pub state: Option<&'static str>,
    /// Seconds since the last heartbeat to it, since its last answer, and since the last full report that it
    /// took; none where there was none.
    pub seconds_since: [Option<u64>; 3],
    /// Bytes of the largest message of a full report.
    pub largest_report: usize,
    /// Whether it finds this DataNode slow.
    pub finds_us_slow: bool,
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
    /// This machine's name, as NameNodes hear it.
    pub host: String,
    /// Ports of transfers, calls and pages.
    pub ports: [u16; 3],
    /// How long it runs.
    pub uptime: Duration,
    /// How many milliseconds each packet takes to other DataNodes, by their address, where that is measured.
    pub peer_milliseconds: Option<Vec<(String, f64)>>,
    /// Directories of volumes whose disks are slower than the others', where that is measured.
    pub slow_disks: Option<Vec<String>>,
    /// The disk balancer's plan and how far it is, as JSON (`DataNode.getDiskBalancerStatus`).
    pub disk_balancer: String,
    /// The longest message that a NameNode takes, as far as this DataNode knows (`ipc.maximum.data.length`).
    pub max_message: usize,
}
