//! What the NameNode says about a path.

use bytes::Bytes;
use loxodon_wire::ids::{InodeId, Milliseconds};
use loxodon_wire::proto::hdfs;
use loxodon_wire::proto::hdfs::hdfs_file_status_proto::{FileType, Flags};

use super::block::{LocatedBlocks, erasure_coding_name};
use crate::error::{Error, Result};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
}

/// A file, directory or link (`HdfsFileStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// What it is.
    pub kind: FileKind,
    /// Name within the listed directory; empty when the path itself was asked for.
    pub name: String,
    /// Length in bytes, of a file being written as far as its blocks are complete.
    pub length: u64,
    /// Permission bits, with the sticky bit (`0o1777`).
    pub permission: u16,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Last change.
    pub modification_time: Milliseconds,
    /// Last read, as exactly as the NameNode keeps it.
    pub access_time: Milliseconds,
    /// Target of a link.
    pub symlink: Option<String>,
    /// Wanted number of replicas; 0 for a directory.
    pub replication: u16,
    /// Block size in bytes; 0 for a directory.
    pub block_size: u64,
    /// Number of its inode.
    pub file_id: InodeId,
    /// Number of children of a directory, where the NameNode says.
    pub children: Option<u32>,
    /// Id of its own storage policy, 0 if none is set.
    pub storage_policy: u8,
    /// Has an access control list.
    pub has_acl: bool,
    /// Lies in an encryption zone.
    pub encrypted: bool,
    /// Is erasure-coded.
    pub erasure_coded: bool,
    /// Snapshots may be taken of it.
    pub snapshot_enabled: bool,
    /// Name of its erasure coding policy.
    pub erasure_coding_policy: Option<String>,
    /// The nameservice that answered, where several are behind one address (router).
    pub namespace: Option<String>,
    /// Its blocks, where they were asked for.
    pub blocks: Option<LocatedBlocks>,
    /// The name's bytes as they came: where the next page of a listing begins.
    pub(crate) raw_name: Bytes,
}

impl FileStatus {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }

    pub(crate) fn from_proto(proto: hdfs::HdfsFileStatusProto) -> Result<Self> {
        let refuse = |what: String| Error::Protocol { peer: "NameNode".into(), message: what };
        let kind = match FileType::try_from(proto.file_type) {
            Ok(FileType::IsDir) => FileKind::Directory,
            Ok(FileType::IsFile) => FileKind::File,
            Ok(FileType::IsSymlink) => FileKind::Symlink,
            Err(_) => return Err(refuse(format!("unknown file type {}", proto.file_type))),
        };
        let flags = proto.flags.unwrap_or(0);
        let has = |flag: Flags| flags & flag as u32 != 0;
        let permission = proto.permission.perm & 0o1777;
        Ok(Self {
            kind,
            name: String::from_utf8_lossy(&proto.path).into_owned(),
            raw_name: proto.path,
            length: proto.length,
            permission: u16::try_from(permission).unwrap_or(0),
            owner: proto.owner,
            group: proto.group,
            modification_time: Milliseconds(proto.modification_time),
            access_time: Milliseconds(proto.access_time),
            symlink: proto
                .symlink
                .filter(|target| !target.is_empty())
                .map(|target| String::from_utf8_lossy(&target).into_owned()),
            replication: u16::try_from(proto.block_replication.unwrap_or(0)).map_err(|_| {
                refuse(format!("replication {:?} is out of range", proto.block_replication))
            })?,
            block_size: proto.blocksize.unwrap_or(0),
            file_id: InodeId(proto.file_id.unwrap_or(0)),
            children: proto.children_num.and_then(|count| u32::try_from(count).ok()),
            storage_policy: u8::try_from(proto.storage_policy.unwrap_or(0)).unwrap_or(0),
            has_acl: has(Flags::HasAcl),
            encrypted: has(Flags::HasCrypt) || proto.file_encryption_info.is_some(),
            erasure_coded: has(Flags::HasEc) || proto.ec_policy.is_some(),
            snapshot_enabled: has(Flags::SnapshotEnabled),
            erasure_coding_policy: proto.ec_policy.map(erasure_coding_name),
            namespace: proto.namespace,
            blocks: proto.locations.map(LocatedBlocks::from_proto).transpose()?,
        })
    }
}

/// One page of a directory's children (`DirectoryListing`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingPage {
    /// Children, by name.
    pub entries: Vec<FileStatus>,
    /// How many more there are after this page.
    pub remaining: u32,
}

impl ListingPage {
    pub(crate) fn from_proto(proto: hdfs::DirectoryListingProto) -> Result<Self> {
        Ok(Self {
            entries: proto
                .partial_listing
                .into_iter()
                .map(FileStatus::from_proto)
                .collect::<Result<_>>()?,
            remaining: proto.remaining_entries,
        })
    }
}

/// The part of one directory that a batched listing returned.
#[derive(Clone, Debug)]
pub struct BatchedListing {
    /// Which of the asked paths this is about.
    pub path_index: usize,
    /// Its children, or why there are none.
    pub entries: std::result::Result<Vec<FileStatus>, RemoteFailure>,
}

/// A page of a batched listing.
#[derive(Clone, Debug, Default)]
pub struct BatchedListingPage {
    /// Parts of the asked directories.
    pub listings: Vec<BatchedListing>,
    /// Whether to ask again, with `cursor`.
    pub has_more: bool,
    /// Opaque position for the next page.
    pub cursor: Bytes,
}

/// An exception that the NameNode put into an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFailure {
    /// Java class of the exception.
    pub class: String,
    /// Its message.
    pub message: String,
}

impl BatchedListingPage {
    pub(crate) fn from_proto(proto: hdfs::GetBatchedListingResponseProto) -> Result<Self> {
        let listings = proto
            .listings
            .into_iter()
            .map(|listing| {
                let entries = match listing.exception {
                    Some(exception) => Err(RemoteFailure {
                        class: exception.class_name,
                        message: exception.message.unwrap_or_default(),
                    }),
                    None => Ok(listing
                        .partial_listing
                        .into_iter()
                        .map(FileStatus::from_proto)
                        .collect::<Result<_>>()?),
                };
                Ok(BatchedListing {
                    path_index: usize::try_from(listing.parent_idx).unwrap_or(usize::MAX),
                    entries,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { listings, has_more: proto.has_more, cursor: proto.start_after })
    }
}

/// Sums over a tree (`ContentSummary`). A quota of `None` means none is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentSummary {
    /// Bytes in files, each counted once.
    pub length: u64,
    /// Files and links.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Limit on names.
    pub quota: Option<u64>,
    /// Bytes with all replicas.
    pub space_consumed: u64,
    /// Limit on bytes with all replicas.
    pub space_quota: Option<u64>,
    /// Use and limit by storage type, where limits exist.
    pub types: Vec<TypeQuota>,
    /// `length` within snapshots only.
    pub snapshot_length: u64,
    /// `files` within snapshots only.
    pub snapshot_files: u64,
    /// `directories` within snapshots only.
    pub snapshot_directories: u64,
    /// `space_consumed` within snapshots only.
    pub snapshot_space_consumed: u64,
    /// Erasure coding policy of the path, empty for none.
    pub erasure_coding_policy: String,
}

/// Use of one storage type and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeQuota {
    /// The storage type.
    pub storage_type: super::block::StorageType,
    /// Limit in bytes.
    pub quota: Option<u64>,
    /// Bytes used.
    pub consumed: u64,
}

/// Quotas travel as a signed number in an unsigned field: negative is "not set".
fn quota(wire: u64) -> Option<u64> {
    u64::try_from(wire.cast_signed()).ok()
}

fn type_quotas(proto: Option<hdfs::StorageTypeQuotaInfosProto>) -> Vec<TypeQuota> {
    let infos = proto.map(|infos| infos.type_quota_info).unwrap_or_default();
    infos
        .into_iter()
        .map(|info| TypeQuota {
            storage_type: super::block::storage_type(info.r#type.unwrap_or(1)),
            quota: quota(info.quota),
            consumed: info.consumed,
        })
        .collect()
}

impl ContentSummary {
    pub(crate) fn from_proto(proto: hdfs::ContentSummaryProto) -> Self {
        Self {
            length: proto.length,
            files: proto.file_count,
            directories: proto.directory_count,
            quota: quota(proto.quota),
            space_consumed: proto.space_consumed,
            space_quota: quota(proto.space_quota),
            types: type_quotas(proto.type_quota_infos),
            snapshot_length: proto.snapshot_length.unwrap_or(0),
            snapshot_files: proto.snapshot_file_count.unwrap_or(0),
            snapshot_directories: proto.snapshot_directory_count.unwrap_or(0),
            snapshot_space_consumed: proto.snapshot_space_consumed.unwrap_or(0),
            erasure_coding_policy: proto.erasure_coding_policy.unwrap_or_default(),
        }
    }
}

/// Use and limits of a directory (`QuotaUsage`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Names in the tree.
    pub files_and_directories: u64,
    /// Limit on names.
    pub quota: Option<u64>,
    /// Bytes with all replicas.
    pub space_consumed: u64,
    /// Limit on bytes with all replicas.
    pub space_quota: Option<u64>,
    /// Use and limit by storage type.
    pub types: Vec<TypeQuota>,
}

impl QuotaUsage {
    pub(crate) fn from_proto(proto: hdfs::QuotaUsageProto) -> Self {
        Self {
            files_and_directories: proto.file_and_directory_count,
            quota: quota(proto.quota),
            space_consumed: proto.space_consumed,
            space_quota: quota(proto.space_quota),
            types: type_quotas(proto.type_quota_infos),
        }
    }
}
