//! What queries answer: borrowed from the namespace, so that a listing allocates nothing per entry.

use loxodon_wire::ids::{InodeId, Milliseconds};

use crate::edit::Block;
use crate::file_blocks::Blocks;
use crate::policy::STORAGE_TYPES;

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
}

/// `HdfsFileStatus`, without locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus<'a> {
    /// What it is.
    pub kind: FileKind,
    /// The name in its directory; empty where the status is of the path that was asked.
    pub name: &'a [u8],
    /// Its number.
    pub inode: InodeId,
    /// Bytes in it; 0 for directories.
    pub length: u64,
    /// Permission bits with sticky bit.
    pub mode: u16,
    /// Owner.
    pub owner: &'a str,
    /// Group.
    pub group: &'a str,
    /// Last change.
    pub mtime: Milliseconds,
    /// Last access; 0 for directories.
    pub atime: Milliseconds,
    /// Copies of each block; 0 for directories and erasure-coded files.
    pub replication: u16,
    /// Preferred block size in bytes; 0 for directories.
    pub block_size: u64,
    /// Children of a directory.
    pub children: u32,
    /// The effective storage policy, 0 where none is set.
    pub storage_policy: u8,
    /// The erasure coding policy in effect here, if any.
    pub erasure_coding_policy: Option<u8>,
    /// Where a symbolic link points.
    pub symlink: Option<&'a str>,
    /// It has an ACL beyond the permission bits.
    pub has_acl: bool,
    /// In an encryption zone.
    pub encrypted: bool,
    /// Being written.
    pub under_construction: bool,
    /// Its last block is being written.
    pub last_block_open: bool,
    /// The blocks, for callers that add locations; empty for directories.
    pub blocks: Blocks<'a>,
}

impl FileStatus<'_> {
    /// Is it a directory?
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Bytes without the last block if that is being written: where its locations take over
    /// (`computeFileSizeNotIncludingLastUcBlock`).
    #[must_use]
    pub fn settled_length(&self) -> u64 {
        let last =
            if self.last_block_open { self.blocks.last().map_or(0, |b| b.length) } else { 0 };
        self.length.saturating_sub(last)
    }
}

/// One page of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryListing<'a> {
    /// In byte order of names.
    pub entries: Vec<FileStatus<'a>>,
    /// Children after the last of these.
    pub remaining: u32,
}

/// What one path of a batched listing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialListing<'a> {
    /// Which of the paths asked for.
    pub path_index: usize,
    /// Its page, or why there is none.
    pub result: Result<Vec<FileStatus<'a>>, crate::error::FsError>,
}

/// `BatchedDirectoryListing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchedListing<'a> {
    /// Page by page.
    pub listings: Vec<PartialListing<'a>>,
    /// There is more to come.
    pub has_more: bool,
    /// Where the next call goes on: index of the path and the last name given (empty: it was a
    /// file, go on with the next path).
    pub next: Option<(usize, Vec<u8>)>,
}

/// Limits and use of a directory (`QuotaCounts`). Limits are -1 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Names allowed.
    pub namespace: i64,
    /// Bytes allowed, replicas counted.
    pub storage: i64,
    /// Bytes allowed per storage type, by the type's number.
    pub by_type: [i64; STORAGE_TYPES],
}

impl Quota {
    /// No limits.
    pub const NONE: Self = Self { namespace: -1, storage: -1, by_type: [-1; STORAGE_TYPES] };

    /// Is any limit set?
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::NONE
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self::NONE
    }
}

/// What a tree uses (`QuotaCounts`): names, and bytes with replicas counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Inodes.
    pub namespace: i64,
    /// Bytes times copies.
    pub storage: i64,
    /// Bytes per storage type, by the type's number.
    pub by_type: [i64; STORAGE_TYPES],
}

impl Usage {
    /// Adds the other's counts, saturating.
    pub fn add(&mut self, other: &Self) {
        self.namespace = self.namespace.saturating_add(other.namespace);
        self.storage = self.storage.saturating_add(other.storage);
        for (mine, theirs) in self.by_type.iter_mut().zip(other.by_type) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The same with every sign turned.
    #[must_use]
    pub fn negated(&self) -> Self {
        let mut turned = *self;
        turned.namespace = self.namespace.saturating_neg();
        turned.storage = self.storage.saturating_neg();
        for value in &mut turned.by_type {
            *value = value.saturating_neg();
        }
        turned
    }
}

/// `ContentSummary`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentSummary {
    /// Bytes in files.
    pub length: u64,
    /// Files (symbolic links count as files, as in Java).
    pub files: u64,
    /// Directories, the one asked for included.
    pub directories: u64,
    /// Bytes times copies.
    pub space_consumed: u64,
    /// Bytes per storage type.
    pub by_type: [i64; STORAGE_TYPES],
    /// The limits of the directory asked for.
    pub quota: Quota,
    /// The erasure coding policy of what was asked for, in `ContentSummary`'s words: `Replicated`, a policy's name, or
    /// nothing.
    pub erasure_coding_policy: String,
}

/// `QuotaUsage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Inodes in the tree, the directory included.
    pub inodes: i64,
    /// Bytes times copies.
    pub space_consumed: i64,
    /// Bytes per storage type.
    pub by_type: [i64; STORAGE_TYPES],
    /// The limits.
    pub quota: Quota,
}

/// A file's blocks that overlap a range (`LocatedBlocks` without locations).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// The file's number.
    pub inode: InodeId,
    /// Bytes, without a last block that is being written.
    pub length: u64,
    /// Being written.
    pub under_construction: bool,
    /// Its last block is being written.
    pub last_block_open: bool,
    /// The blocks that overlap, each with the offset where it begins.
    pub blocks: Vec<(u64, Block)>,
    /// The file's last block and its offset, in the range or not.
    pub last: Option<(u64, Block)>,
    /// Copies wanted.
    pub replication: u16,
    /// Preferred block size.
    pub block_size: u64,
    /// Effective storage policy.
    pub storage_policy: u8,
    /// The erasure coding policy of the file.
    pub erasure_coding_policy: Option<u8>,
    /// The access time is out of date: log a `Times` (see `plan_touch_access_time`).
    pub access_time_due: bool,
}

/// A file being written (`OpenFileEntry`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// Its number.
    pub inode: InodeId,
    /// Its path.
    pub path: String,
    /// The lease holder.
    pub client_name: String,
    /// The lease holder's host.
    pub client_machine: String,
}

/// A file as block management must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileBlocks<'a> {
    /// The file.
    pub file: InodeId,
    /// Copies wanted.
    pub replication: u16,
    /// The storage policy in effect, 0 for none.
    pub storage_policy: u8,
    /// Its blocks.
    pub blocks: Blocks<'a>,
    /// Being written.
    pub under_construction: bool,
    /// Its last block is being written.
    pub last_block_open: bool,
}
