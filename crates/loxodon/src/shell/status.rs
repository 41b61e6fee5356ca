//! What a file system says about a path, whichever file system it is.

use loxodon_client::{FileKind, FileStatus};

/// A file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// What it is.
    pub(crate) kind: FileKind,
    /// Bytes.
    pub(crate) length: u64,
    /// Permission bits with the sticky bit.
    pub(crate) permission: u16,
    /// Owner.
    pub(crate) owner: String,
    /// Group.
    pub(crate) group: String,
    /// Last change, milliseconds since the epoch.
    pub(crate) modified: u64,
    /// Last read, milliseconds since the epoch.
    pub(crate) accessed: u64,
    /// Wanted replicas; 0 for a directory.
    pub(crate) replication: u16,
    /// Bytes of a block.
    pub(crate) block_size: u64,
    /// Has an access control list.
    pub(crate) has_acl: bool,
    /// Is erasure-coded.
    pub(crate) erasure_coded: bool,
}

impl Status {
    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Whether it is a file.
    pub(crate) fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }
}

impl From<FileStatus> for Status {
    fn from(status: FileStatus) -> Self {
        Self {
            kind: status.kind,
            length: status.length,
            permission: status.permission,
            owner: status.owner,
            group: status.group,
            modified: status.modification_time.0,
            accessed: status.access_time.0,
            replication: status.replication,
            block_size: status.block_size,
            has_acl: status.has_acl,
            erasure_coded: status.erasure_coded,
        }
    }
}
