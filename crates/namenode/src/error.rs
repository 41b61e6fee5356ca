//! Why a call is refused, with the Java exception that its client expects.

use loxodon_wire::rpc::{RemoteError, exception};

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum NameNodeError {
    /// The namespace said no: paths, permissions, quotas, leases.
    #[error(transparent)]
    Namespace(#[from] loxodon_namespace::error::FsError),
    /// An edit that was planned could not be applied: memory and journal no longer agree.
    #[error("cannot apply an edit that was planned: {0}")]
    Apply(String),
    /// An edit that was planned cannot be written, so nothing was done.
    #[error("The edit log cannot hold what was asked for: {0}")]
    Unwritable(loxodon_namespace::edit_codec::CodecError),
    /// Block management said no.
    #[error(transparent)]
    Blocks(#[from] loxodon_blocks::BlockError),
    /// The name node is in safe mode (`SafeModeException`).
    #[error("{what}. Name node is in safe mode.\n{tip} NamenodeHostName:{host}")]
    SafeMode {
        /// What cannot be done.
        what: String,
        /// Why, and when it will end.
        tip: String,
        /// This NameNode's host.
        host: String,
    },
    /// The superuser alone may do this.
    #[error(
        "Access denied for user {user}. Superuser privilege is required for operation {operation}"
    )]
    SuperuserRequired {
        /// Who asked.
        user: String,
        /// For what.
        operation: &'static str,
    },
    /// Hadoop does this; we do not, or not yet.
    #[error("{0}")]
    Unsupported(String),
    /// The request's bytes do not parse.
    #[error("{0}")]
    Malformed(String),
    /// A value that makes no sense.
    #[error("{0}")]
    IllegalArgument(String),
    /// Any failure that Hadoop reports as a plain `IOException`.
    #[error("{0}")]
    Io(String),
    /// A failure with a Java class of its own.
    #[error("{message}")]
    Other {
        /// The Java exception's class.
        class: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl NameNodeError {
    /// The Java exception that this is for a client.
    #[must_use]
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Namespace(error) => error.java_class(),
            Self::Apply(_) | Self::Unwritable(_) | Self::Io(_) => exception::IO,
            Self::Blocks(error) => error.java_class(),
            Self::Other { class, .. } => class,
            Self::SafeMode { .. } => class::SAFE_MODE,
            Self::SuperuserRequired { .. } => exception::ACCESS_CONTROL,
            Self::Unsupported(_) => exception::UNSUPPORTED_OPERATION,
            Self::Malformed(_) => exception::INVALID_PROTOCOL_BUFFER,
            Self::IllegalArgument(_) => exception::ILLEGAL_ARGUMENT,
        }
    }

    /// A failure with a Java class of its own.
    pub fn other(class: &'static str, message: impl Into<String>) -> Self {
        Self::Other { class, message: message.into() }
    }
}

impl From<&NameNodeError> for RemoteError {
    fn from(error: &NameNodeError) -> Self {
        Self::new(error.java_class(), error.to_string())
    }
}

/// Java classes of exceptions that the NameNode alone throws.
pub mod class {
    /// The name node is in safe mode.
    pub const SAFE_MODE: &str = "org.apache.hadoop.hdfs.server.namenode.SafeModeException";
    /// A DataNode that is not, or no longer, registered.
    pub const UNREGISTERED_NODE: &str = "org.apache.hadoop.hdfs.protocol.UnregisteredNodeException";
    /// A DataNode whose release is too old.
    pub const INCORRECT_VERSION: &str =
        "org.apache.hadoop.hdfs.server.common.IncorrectVersionException";
    /// A DataNode that the include and exclude lists keep out.
    pub const DISALLOWED_DATANODE: &str =
        "org.apache.hadoop.hdfs.server.protocol.DisallowedDatanodeException";
    /// The previous block has too few replicas for the file to go on.
    pub const NOT_REPLICATED_YET: &str =
        "org.apache.hadoop.hdfs.server.namenode.NotReplicatedYetException";
    /// A change of a high-availability state that cannot be.
    pub const SERVICE_FAILED: &str = "org.apache.hadoop.ha.ServiceFailedException";
    /// Somebody else writes the file.
    pub const ALREADY_BEING_CREATED: &str =
        "org.apache.hadoop.hdfs.protocol.AlreadyBeingCreatedException";
    /// The file's lease is being recovered.
    pub const RECOVERY_IN_PROGRESS: &str =
        "org.apache.hadoop.hdfs.protocol.RecoveryInProgressException";
}

/// What a call gives: its value, or why not.
pub type Result<T> = std::result::Result<T, NameNodeError>;
