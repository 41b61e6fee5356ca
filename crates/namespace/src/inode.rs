//! One inode in 52 bytes, and what few inodes have kept beside it.

use std::sync::Arc;

use loxodon_wire::ids::{InodeId, Milliseconds};

use crate::arena::NONE;
use crate::edit::{AclEntry, AclScope, Block, XAttr};
use crate::names::NameRef;
use crate::status::{FileKind, Quota, Usage};

const KIND: u16 = 0b11;
const FREE: u16 = 0;
const DIRECTORY: u16 = 1;
const FILE: u16 = 2;
const SYMLINK: u16 = 3;
/// A file's one block is in the record.
const INLINE_BLOCK: u16 = 1 << 2;
/// What a file or symlink carries is beside the record.
const BESIDE: u16 = 1 << 3;
/// A directory has limits: changes below it are counted.
const QUOTA: u16 = 1 << 4;
/// Being written.
const OPEN: u16 = 1 << 5;
/// Has a storage policy of its own, in an attribute (directories).
const POLICY: u16 = 1 << 6;
/// Has an ACL.
const ACL: u16 = 1 << 7;
/// Taken out of the tree, waiting to be taken apart.
const DETACHED: u16 = 1 << 8;

/// The record. Numbers of 48 bits are split so that it needs no padding.
#[derive(Clone, Copy)]
pub(crate) struct Inode {
    id_low: u32,
    /// The directory's index; `NONE` for the root.
    pub(crate) parent: u32,
    /// Where the name is.
    pub(crate) name: NameRef,
    /// Number of owner, group and mode.
    pub(crate) permission: u32,
    /// Number of replication, block size and policies (files).
    pub(crate) layout: u32,
    mtime_low: u32,
    atime_low: u32,
    /// File: the block, or `[beside, ..]`. Directory:
    /// `[tree root, beside, directories in it, -]`. Symlink: `[beside, ..]`.
    payload: [u32; 4],
    id_high: u16,
    mtime_high: u16,
    atime_high: u16,
    flags: u16,
}

const _: () = assert!(size_of::<Inode>() == 52);

impl Default for Inode {
    fn default() -> Self {
        Self {
            id_low: 0,
            parent: NONE,
            name: NONE,
            permission: 0,
            layout: 0,
            mtime_low: 0,
            atime_low: 0,
            payload: [NONE; 4],
            id_high: 0,
            mtime_high: 0,
            atime_high: 0,
            flags: FREE,
        }
    }
}

const fn low(value: u64) -> u32 {
    value as u32
}

/// Bits 32 to 47; times beyond the year 10889 are held at that.
const fn high(value: u64) -> u16 {
    (value >> 32) as u16
}

const fn joined(high: u16, low: u32) -> u64 {
    ((high as u64) << 32) | low as u64
}

const MAX_TIME: u64 = (1 << 48) - 1;

impl Inode {
    /// A new inode without a parent. The id has been checked to fit 48 bits.
    pub(crate) fn new(kind: FileKind, id: InodeId, name: NameRef, permission: u32) -> Self {
        let flags = match kind {
            FileKind::Directory => DIRECTORY,
            FileKind::File => FILE,
            FileKind::Symlink => SYMLINK,
        };
        Self { id_low: low(id.0), id_high: high(id.0), name, permission, flags, ..Self::default() }
    }

    pub(crate) const fn id(&self) -> InodeId {
        InodeId(joined(self.id_high, self.id_low))
    }

    pub(crate) const fn is_free(&self) -> bool {
        self.flags & KIND == FREE
    }

    pub(crate) const fn kind(&self) -> FileKind {
        match self.flags & KIND {
            FILE => FileKind::File,
            SYMLINK => FileKind::Symlink,
            _ => FileKind::Directory,
        }
    }

    pub(crate) const fn is_directory(&self) -> bool {
        self.flags & KIND == DIRECTORY
    }

    pub(crate) const fn is_file(&self) -> bool {
        self.flags & KIND == FILE
    }

    pub(crate) const fn mtime(&self) -> Milliseconds {
        Milliseconds(joined(self.mtime_high, self.mtime_low))
    }

    pub(crate) const fn atime(&self) -> Milliseconds {
        Milliseconds(joined(self.atime_high, self.atime_low))
    }

    pub(crate) fn set_mtime(&mut self, time: Milliseconds) {
        let time = time.0.min(MAX_TIME);
        self.mtime_low = low(time);
        self.mtime_high = high(time);
    }

    pub(crate) fn set_atime(&mut self, time: Milliseconds) {
        let time = time.0.min(MAX_TIME);
        self.atime_low = low(time);
        self.atime_high = high(time);
    }

    const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u16, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// The block in the record, if it is there.
    pub(crate) const fn inline_block(&self) -> Option<[u32; 4]> {
        if self.has(INLINE_BLOCK) { Some(self.payload) } else { None }
    }

    pub(crate) fn set_inline_block(&mut self, block: Option<[u32; 4]>) {
        self.set(BESIDE, false);
        self.set(INLINE_BLOCK, block.is_some());
        self.payload = block.unwrap_or([NONE; 4]);
    }

    /// Slot of what is kept beside the record.
    pub(crate) const fn beside(&self) -> Option<u32> {
        let slot = if self.is_directory() {
            self.payload[1]
        } else if self.has(BESIDE) {
            self.payload[0]
        } else {
            NONE
        };
        if slot == NONE { None } else { Some(slot) }
    }

    pub(crate) fn set_beside(&mut self, slot: Option<u32>) {
        if self.is_directory() {
            self.payload[1] = slot.unwrap_or(NONE);
        } else {
            self.set(INLINE_BLOCK, false);
            self.set(BESIDE, slot.is_some());
            self.payload = [slot.unwrap_or(NONE), NONE, NONE, NONE];
        }
    }

    /// Root of the tree of children.
    pub(crate) const fn tree(&self) -> u32 {
        if self.is_directory() { self.payload[0] } else { NONE }
    }

    pub(crate) fn set_tree(&mut self, root: u32) {
        if self.is_directory() {
            self.payload[0] = root;
        }
    }

    /// How many of a directory's children are directories: a walk over directories alone need not
    /// look at millions of files.
    pub(crate) const fn subdirectories(&self) -> u32 {
        if self.is_directory() { self.payload[2] } else { 0 }
    }

    pub(crate) fn set_subdirectories(&mut self, count: u32) {
        if self.is_directory() {
            self.payload[2] = count;
        }
    }

    /// What the flags repeat of what is beside, so that the common paths need not look there.
    pub(crate) fn note(&mut self, beside: Option<&Beside>) {
        self.set(QUOTA, beside.is_some_and(|b| b.quota.is_some()));
        self.set(OPEN, beside.is_some_and(|b| b.writer.is_some()));
        self.set(ACL, beside.is_some_and(|b| !b.acl.is_empty()));
        self.set(POLICY, beside.is_some_and(|b| b.storage_policy().is_some()));
    }

    pub(crate) const fn counts_usage(&self) -> bool {
        self.has(QUOTA)
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.has(OPEN)
    }

    pub(crate) const fn has_acl(&self) -> bool {
        self.has(ACL)
    }

    pub(crate) const fn has_policy_attribute(&self) -> bool {
        self.has(POLICY)
    }

    pub(crate) const fn is_detached(&self) -> bool {
        self.has(DETACHED)
    }

    pub(crate) fn detach(&mut self) {
        self.set(DETACHED, true);
    }
}

/// Owner, group and mode.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PermissionWord {
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) mode: u16,
}

impl From<&Self> for PermissionWord {
    fn from(value: &Self) -> Self {
        *value
    }
}

/// How a file's blocks are made: few combinations for any number of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FileLayout {
    pub(crate) block_size: u64,
    pub(crate) replication: u16,
    /// Policy set on the file itself, 0 for none.
    pub(crate) storage_policy: u8,
    /// 0 for replication.
    pub(crate) erasure_coding_policy: u8,
}

impl From<&Self> for FileLayout {
    fn from(value: &Self) -> Self {
        *value
    }
}

/// Who writes a file (`FileUnderConstructionFeature`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The lease holder.
    pub client_name: Arc<str>,
    /// The lease holder's host.
    pub client_machine: Arc<str>,
    /// The last block is being written: for quotas it counts as full, and its length is not
    /// final. False where an append will begin a new block.
    pub last_block_open: bool,
    /// What recovery is to make of the last block (truncate).
    pub truncate: Option<Block>,
}

/// Limits of a directory and what is used below it, itself included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaFeature {
    pub(crate) limits: Quota,
    pub(crate) used: Usage,
}

/// What most inodes do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// A file's blocks, where there is more than the record holds.
    pub(crate) blocks: Vec<Block>,
    pub(crate) writer: Option<Box<Writer>>,
    pub(crate) quota: Option<Box<QuotaFeature>>,
    /// Named entries and defaults, sorted, as Java's `AclFeature` keeps them.
    pub(crate) acl: Vec<AclEntry>,
    pub(crate) xattrs: Vec<XAttr>,
    /// A symbolic link's target.
    pub(crate) symlink: Option<Box<str>>,
}

impl Beside {
    /// Nothing that the record could not hold?
    pub(crate) fn is_superfluous(&self) -> bool {
        self.writer.is_none()
            && self.quota.is_none()
            && self.acl.is_empty()
            && self.xattrs.is_empty()
            && self.symlink.is_none()
            && match self.blocks.as_slice() {
                [] => true,
                [block] => crate::file_blocks::pack(*block).is_some(),
                _ => false,
            }
    }

    /// The policy set on a directory.
    pub(crate) fn storage_policy(&self) -> Option<u8> {
        let xattr = self.xattrs.iter().find(|x| crate::xattr::is_storage_policy(x))?;
        xattr.value.as_ref()?.first().copied()
    }

    /// Has it entries that are checked on access (not defaults alone)?
    pub(crate) fn access_acl(&self) -> Option<&[AclEntry]> {
        let first = self.acl.first()?;
        (first.scope == AclScope::Access).then_some(&self.acl[..])
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>()
            + self.writer.as_ref().map_or(0, |_| size_of::<Writer>() + 64)
            + self.quota.as_ref().map_or(0, |_| size_of::<QuotaFeature>())
            + self.acl.capacity() * size_of::<AclEntry>()
            + self.xattrs.capacity() * size_of::<XAttr>()
            + self.symlink.as_ref().map_or(0, |s| s.len())
    }
}

/// A slot of what is kept beside inodes, or the link to the next free one.
#[derive(Clone)]
pub(crate) enum BesideSlot {
    Free(u32),
    Used(Arc<Beside>),
}

impl Default for BesideSlot {
    fn default() -> Self {
        Self::Free(NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_numbers_survive_the_record() {
        let id = InodeId((1 << 48) - 1);
        let mut inode = Inode::new(FileKind::File, id, 3, 4);
        inode.set_mtime(Milliseconds(1_764_000_000_123));
        inode.set_atime(Milliseconds(u64::MAX));
        assert_eq!(inode.id(), id);
        assert_eq!(inode.mtime(), Milliseconds(1_764_000_000_123));
        assert_eq!(inode.atime(), Milliseconds(MAX_TIME));
        assert!(inode.is_file() && !inode.is_open() && inode.beside().is_none());
        inode.set_beside(Some(9));
        assert_eq!(inode.beside(), Some(9));
        inode.set_inline_block(Some([1, 2, 3, 4]));
        assert_eq!((inode.beside(), inode.inline_block()), (None, Some([1, 2, 3, 4])));
    }
}
