//! What goes wrong in a DataNode.

use std::io;
use std::path::PathBuf;

use loxodon_wire::rpc::RemoteError;
use loxodon_wire::transfer::TransferError;

/// An error of the DataNode; each knows the exception that Hadoop throws for it.
#[derive(Debug, thiserror::Error)]
pub enum DataNodeError {
    /// A volume's file could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The other side of a connection failed.
    #[error("{doing} {peer}: {source}")]
    Network {
        /// What was tried.
        doing: &'static str,
        /// Who is there.
        peer: String,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that are no request, packet or acknowledgement.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// Data that differs from its checksum.
    #[error("{0}")]
    Checksum(String),
    /// No replica, or none in the state that is needed.
    #[error("{0}")]
    ReplicaNotFound(String),
    /// A replica that should not be there.
    #[error("{0}")]
    ReplicaAlreadyExists(String),
    /// No volume has room.
    #[error("{0}")]
    OutOfSpace(String),
    /// Another recovery with a higher number has begun.
    #[error("{0}")]
    RecoveryInProgress(String),
    /// A storage directory that cannot be used as it is.
    #[error("Directory {} is in an inconsistent state: {reason}", path.display())]
    Inconsistent {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A storage directory of a layout that this version does not know.
    #[error("{0}")]
    Layout(String),
    /// Too many volumes failed.
    #[error("{0}")]
    VolumesFailed(String),
    /// A setting that makes no sense.
    #[error("{0}")]
    Settings(String),
    /// The NameNode does not answer, or refuses.
    #[error("{0}")]
    NameNode(String),
    /// Who asks may not.
    #[error("{0}")]
    AccessDenied(String),
    /// Known in Hadoop, not here.
    #[error("{0}")]
    Unsupported(String),
    /// A plan of the disk balancer that cannot be carried out.
    #[error("{0}")]
    DiskBalancer(String),
    /// Anything else that Hadoop calls `IOException`.
    #[error("{0}")]
    Refused(String),
}

/// What operations of the DataNode return.
pub type Result<T, E = DataNodeError> = std::result::Result<T, E>;

impl DataNodeError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::ReplicaNotFound(_) => {
                "org.apache.hadoop.hdfs.server.datanode.ReplicaNotFoundException"
            }
            Self::ReplicaAlreadyExists(_) => {
                "org.apache.hadoop.hdfs.server.datanode.ReplicaAlreadyExistsException"
            }
            Self::OutOfSpace(_) => "org.apache.hadoop.util.DiskChecker$DiskOutOfSpaceException",
            Self::RecoveryInProgress(_) => {
                "org.apache.hadoop.hdfs.protocol.RecoveryInProgressException"
            }
            Self::Inconsistent { .. } => {
                "org.apache.hadoop.hdfs.server.common.InconsistentFSStateException"
            }
            Self::Layout(_) => "org.apache.hadoop.hdfs.server.common.IncorrectVersionException",
            Self::VolumesFailed(_) => "org.apache.hadoop.util.DiskChecker$DiskErrorException",
            Self::Checksum(_) => "org.apache.hadoop.fs.ChecksumException",
            Self::Settings(_) => "org.apache.hadoop.HadoopIllegalArgumentException",
            Self::AccessDenied(_) => "org.apache.hadoop.security.AccessControlException",
            Self::Unsupported(_) => "java.lang.UnsupportedOperationException",
            Self::DiskBalancer(_) => {
                "org.apache.hadoop.hdfs.server.diskbalancer.DiskBalancerException"
            }
            Self::Disk { .. }
            | Self::Network { .. }
            | Self::Transfer(_)
            | Self::NameNode(_)
            | Self::Refused(_) => "java.io.IOException",
        }
    }

    /// The error as an answer to a call.
    #[must_use]
    pub fn to_remote(&self) -> RemoteError {
        RemoteError::new(self.java_class(), self.to_string())
    }

    /// Whether the other side closed the connection or waits no more.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        use io::ErrorKind as Kind;
        matches!(self, Self::Network { source, .. } if matches!(source.kind(),
            Kind::BrokenPipe | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof))
    }
}

/// Says what was done to which file.
pub(crate) trait DiskContext<T> {
    fn disk(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T, E: Into<io::Error>> DiskContext<T> for std::result::Result<T, E> {
    fn disk(self, doing: &'static str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| DataNodeError::Disk {
            doing,
            path: path.into(),
            source: source.into(),
        })
    }
}

/// Says what was done to which peer.
pub(crate) trait NetworkContext<T> {
    fn network(self, doing: &'static str, peer: &dyn std::fmt::Display) -> Result<T>;
}

impl<T> NetworkContext<T> for io::Result<T> {
    fn network(self, doing: &'static str, peer: &dyn std::fmt::Display) -> Result<T> {
        self.map_err(|source| DataNodeError::Network { doing, peer: peer.to_string(), source })
    }
}
