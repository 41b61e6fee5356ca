//! A DataNode's names and addresses, and what kinds of storage it may carry.

use std::fmt;
use std::sync::Arc;

/// How a DataNode is named and reached (`org.apache.hadoop.hdfs.protocol.DatanodeID`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatanodeId {
    /// Address that peers connect to, as text without a port.
    pub ip: Arc<str>,
    /// Host name as the DataNode gives it, or as its address resolves.
    pub host: Arc<str>,
    /// Survives restarts and changes of address; made once when the node is formatted.
    pub uuid: Arc<str>,
    /// Data transfer port.
    pub transfer_port: u16,
    /// HTTP port.
    pub info_port: u16,
    /// HTTPS port, 0 where there is none.
    pub info_secure_port: u16,
    /// Port of the DataNode's own RPC server.
    pub ipc_port: u16,
}

impl DatanodeId {
    /// `ip:port` of the data transfer, by which Hadoop names a node in logs and reports.
    #[must_use]
    pub fn transfer_address(&self) -> String {
        format!("{}:{}", self.ip, self.transfer_port)
    }

    /// `host:port` of the data transfer.
    #[must_use]
    pub fn transfer_host_address(&self) -> String {
        format!("{}:{}", self.host, self.transfer_port)
    }
}

impl fmt::Display for DatanodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip, self.transfer_port)
    }
}
