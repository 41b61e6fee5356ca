//! Why an operation is refused, each reason with the Java exception that clients act on.

use loxodon_wire::ids::{InodeId, TxId};

macro_rules! fs_errors {
    ($($(#[$doc:meta])* $variant:ident => $class:literal;)+) => {
        /// A refused operation. The variant is the Java exception class, the text its message:
        /// clients and scripts parse both.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum FsError {
            $($(#[$doc])* #[error("{0}")] $variant(String),)+
        }

        impl FsError {
            /// The class that goes over the wire.
            #[must_use]
            pub const fn java_class(&self) -> &'static str {
                match self { $(Self::$variant(_) => $class,)+ }
            }

            /// The message, as `getMessage()` gives it.
            #[must_use]
            pub fn message(&self) -> &str {
                match self { $(Self::$variant(message) => message,)+ }
            }
        }
    };
}

impl FsError {
    /// A path that cannot be, or what is wrong with it, in Hadoop's words.
    pub(crate) fn invalid_path(what: impl std::fmt::Display) -> Self {
        Self::InvalidPath(format!("Invalid path name {what}"))
    }
}

fs_errors! {
    /// Permissions forbid it.
    AccessControl => "org.apache.hadoop.security.AccessControlException";
    /// An ACL does not hold together.
    Acl => "org.apache.hadoop.hdfs.protocol.AclException";
    /// Something that no client of Hadoop's sends.
    Assertion => "java.lang.AssertionError";
    /// Somebody else writes the file.
    AlreadyBeingCreated => "org.apache.hadoop.hdfs.protocol.AlreadyBeingCreatedException";
    /// Space quota.
    DsQuotaExceeded => "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException";
    /// The listing's continuation point is gone.
    ListingStartAfterNotFound => "org.apache.hadoop.fs.DirectoryListingStartAfterNotFoundException";
    /// Something is there already.
    FileAlreadyExists => "org.apache.hadoop.fs.FileAlreadyExistsException";
    /// Nothing is there.
    FileNotFound => "java.io.FileNotFoundException";
    /// A bad argument (Hadoop's own class).
    HadoopIllegalArgument => "org.apache.hadoop.HadoopIllegalArgumentException";
    /// A bad argument (Java's class).
    IllegalArgument => "java.lang.IllegalArgumentException";
    /// The path itself is wrong.
    InvalidPath => "org.apache.hadoop.fs.InvalidPathException";
    /// Anything without a class of its own.
    Io => "java.io.IOException";
    /// The caller's lease is gone.
    LeaseExpired => "org.apache.hadoop.hdfs.server.namenode.LeaseExpiredException";
    /// Too many children.
    MaxDirectoryItemsExceeded => "org.apache.hadoop.hdfs.protocol.FSLimitException$MaxDirectoryItemsExceededException";
    /// A directory has no erasure coding policy of its own.
    NoErasureCodingPolicySet => "org.apache.hadoop.hdfs.protocol.NoECPolicySetException";
    /// The last block but one is not replicated yet.
    NotReplicatedYet => "org.apache.hadoop.hdfs.server.namenode.NotReplicatedYetException";
    /// Name quota.
    NsQuotaExceeded => "org.apache.hadoop.hdfs.protocol.NSQuotaExceededException";
    /// A file where a directory was expected on the way.
    ParentNotDirectory => "org.apache.hadoop.fs.ParentNotDirectoryException";
    /// A name is too long.
    PathComponentTooLong => "org.apache.hadoop.hdfs.protocol.FSLimitException$PathComponentTooLongException";
    /// Not a directory.
    PathIsNotDirectory => "org.apache.hadoop.fs.PathIsNotDirectoryException";
    /// A directory with children.
    PathIsNotEmptyDirectory => "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException";
    /// Quota of one storage type.
    QuotaByStorageTypeExceeded => "org.apache.hadoop.hdfs.protocol.QuotaByStorageTypeExceededException";
    /// A recovery runs already.
    RecoveryInProgress => "org.apache.hadoop.hdfs.protocol.RecoveryInProgressException";
    /// Try again, nothing is wrong.
    Retriable => "org.apache.hadoop.ipc.RetriableException";
    /// Snapshots are not served.
    Snapshot => "org.apache.hadoop.hdfs.protocol.SnapshotException";
    /// A path inside a snapshot cannot be changed.
    SnapshotAccessControl => "org.apache.hadoop.hdfs.protocol.SnapshotAccessControlException";
    /// A tree has more directories than may be looked at while others wait.
    TreeTooLarge => "org.apache.hadoop.ipc.RetriableException";
    /// The path leads over a symbolic link; the client resolves it.
    UnresolvedPath => "org.apache.hadoop.hdfs.protocol.UnresolvedPathException";
    /// Switched off by configuration.
    UnsupportedAction => "org.apache.hadoop.hdfs.server.namenode.UnsupportedActionException";
    /// Not there in this version.
    UnsupportedOperation => "java.lang.UnsupportedOperationException";
    /// An attribute with this name is not there.
    XAttrNotFound => "org.apache.hadoop.hdfs.protocol.XAttrNotFoundException";
}

/// An edit that cannot have followed what was applied before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} of {path}: {reason}")]
pub struct ApplyError {
    /// The operation, as its opcode is named.
    pub kind: &'static str,
    /// The path or name it is about.
    pub path: String,
    /// Why it cannot have happened here.
    pub reason: String,
}

impl ApplyError {
    pub(crate) fn new(kind: &'static str, path: &str, reason: impl Into<String>) -> Self {
        Self { kind, path: path.to_owned(), reason: reason.into() }
    }

    /// The same with the transaction that it was, for the message that stops a start.
    #[must_use]
    pub const fn at(self, txid: TxId) -> ReplayError {
        ReplayError { txid, cause: self }
    }
}

/// The same, with the transaction that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {txid} cannot be applied")]
pub struct ReplayError {
    /// Which one.
    pub txid: TxId,
    /// Why.
    #[source]
    pub cause: ApplyError,
}

/// An image that does not describe a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Two inodes with one number.
    #[error("inode {0} is there twice")]
    DuplicateInode(InodeId),
    /// A child, parent or lease that names an inode that is not there.
    #[error("inode {0} is referred to but not there")]
    UnknownInode(InodeId),
    /// A child of something that is not a directory.
    #[error("inode {0} has children but is not a directory")]
    NotDirectory(InodeId),
    /// Two children of the same name.
    #[error("directory {directory} has two children named {name}")]
    DuplicateName {
        /// The directory.
        directory: InodeId,
        /// The name.
        name: String,
    },
    /// An inode that has two parents.
    #[error("inode {0} has two parents")]
    TwoParents(InodeId),
    /// A number beyond what the tree can hold.
    #[error("inode {inode}: {what} is out of range")]
    OutOfRange {
        /// The inode.
        inode: InodeId,
        /// Which of its fields.
        what: &'static str,
    },
    /// No root directory.
    #[error("the image has no root directory")]
    NoRoot,
}
