//! What can be asked without changing anything (`FSDirStatAndListingOp`).

mod listing;
mod summary;

use loxodon_wire::ids::{InodeId, Milliseconds};

use crate::access::READ;
use crate::arena::NONE;
use crate::context::{Caller, OpContext};
use crate::error::FsError;
use crate::file_blocks::Blocks;
use crate::inode::Inode;
use crate::path::{Purpose, Resolved};
use crate::policy::UNSPECIFIED;
use crate::status::{FileBlocks, FileKind, FileRange, FileStatus, OpenFile};
use crate::tree::{Namespace, ROOT};
use crate::xattr;

/// The directory `/.reserved`, which is nowhere in the tree (`FSDirectory.DOT_RESERVED_STATUS`).
pub(crate) const RESERVED_STATUS: FileStatus<'static> = FileStatus {
    kind: FileKind::Directory,
    name: b"",
    inode: InodeId(0),
    length: 0,
    mode: 0o770,
    owner: "",
    group: "",
    mtime: Milliseconds(0),
    atime: Milliseconds(0),
    replication: 0,
    block_size: 0,
    children: 0,
    storage_policy: UNSPECIFIED,
    erasure_coding_policy: None,
    symlink: None,
    has_acl: false,
    encrypted: false,
    under_construction: false,
    last_block_open: false,
    blocks: Blocks::EMPTY,
};

/// What every child of a directory has in common, looked up once for a listing.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings {
    policy: u8,
    encrypted: bool,
}

impl Namespace {
    pub(crate) fn surroundings(&self, directory: u32) -> Surroundings {
        Surroundings {
            policy: self.effective_policy(directory),
            encrypted: self.is_encrypted(directory),
        }
    }

    /// The status of an inode, with its name where it stands in a listing.
    pub(crate) fn status<'a>(
        &'a self,
        index: u32,
        name: &'a [u8],
        around: Surroundings,
    ) -> Option<FileStatus<'a>> {
        let inode = self.inode(index)?;
        let word = self.permission_word(inode);
        let kind = inode.kind();
        let beside = inode.beside().and_then(|_| self.beside(index));
        let blocks = self.blocks_of(inode, beside);
        let own =
            if kind == FileKind::Symlink { UNSPECIFIED } else { self.own_policy(index, inode) };
        let mut status = FileStatus {
            kind,
            name,
            inode: inode.id(),
            length: blocks.length(),
            mode: word.mode,
            owner: self.user(word.owner),
            group: self.user(word.group),
            mtime: inode.mtime(),
            atime: inode.atime(),
            children: if kind == FileKind::Directory { self.nodes.count(inode.tree()) } else { 0 },
            storage_policy: if own == UNSPECIFIED { around.policy } else { own },
            has_acl: inode.has_acl(),
            encrypted: around.encrypted,
            under_construction: inode.is_open(),
            blocks,
            ..RESERVED_STATUS
        };
        if kind == FileKind::File {
            let layout = self.layout(inode);
            status.replication = layout.replication;
            status.block_size = layout.block_size;
            if layout.erasure_coding_policy != 0 {
                status.erasure_coding_policy = Some(layout.erasure_coding_policy);
                status.replication = 0;
            }
        }
        if let Some(beside) = beside {
            status.symlink = beside.symlink.as_deref();
            status.last_block_open = beside.writer.as_ref().is_some_and(|w| w.last_block_open);
            if kind == FileKind::Directory {
                status.encrypted |= beside.xattrs.iter().any(xattr::is_encryption_zone);
            }
        }
        Some(status)
    }

    fn blocks_of<'a>(&self, inode: &Inode, beside: Option<&'a crate::inode::Beside>) -> Blocks<'a> {
        match (inode.inline_block(), beside) {
            (Some(words), _) => Blocks::Inline(Some(crate::file_blocks::unpack(words))),
            (None, Some(beside)) => Blocks::List(&beside.blocks),
            (None, None) => Blocks::EMPTY,
        }
    }

    /// The status of an inode, wherever it is.
    #[must_use]
    pub fn status_of(&self, id: InodeId) -> Option<FileStatus<'_>> {
        let index = self.index_of(id)?;
        self.status_at(index)
    }

    pub(crate) fn status_at(&self, index: u32) -> Option<FileStatus<'_>> {
        let parent = self.inode(index)?.parent;
        let parent = if parent == crate::arena::NONE { ROOT } else { parent };
        let around = self.surroundings(parent);
        self.status(index, &[], around)
    }

    /// The status of what is at a path, for callers inside the NameNode: no permission is checked.
    #[must_use]
    pub fn status_at_path(&self, path: &str) -> Option<FileStatus<'_>> {
        let resolved = self.resolve(None, path, Purpose::ReadLink).ok()?;
        self.status_at(resolved.last()?)
    }

    /// The number of what is at a path, for callers inside the NameNode.
    #[must_use]
    pub fn inode_at_path(&self, path: &str) -> Option<InodeId> {
        let resolved = self.resolve(None, path, Purpose::ReadLink).ok()?;
        self.inode(resolved.last()?).map(Inode::id)
    }

    /// An inode's path.
    #[must_use]
    pub fn path_of(&self, id: InodeId) -> Option<String> {
        self.index_of(id).map(|index| self.path(index))
    }

    /// A file's blocks.
    #[must_use]
    pub fn file_blocks(&self, id: InodeId) -> Option<Blocks<'_>> {
        let index = self.index_of(id)?;
        self.inode(index).filter(|inode| inode.is_file()).map(|_| self.blocks(index))
    }

    /// Every file of the tree with its blocks: what block management is filled from after a load.
    pub fn files(&self) -> impl Iterator<Item = FileBlocks<'_>> {
        // Neighbours mostly have the same parent.
        let mut recent = (NONE, UNSPECIFIED);
        self.indices().filter_map(move |index| {
            let inode = self.inode(index).filter(|inode| inode.is_file())?;
            // Files of a tree that is being taken apart belong to nobody any more.
            if !self.is_attached(index) {
                return None;
            }
            if recent.0 != inode.parent {
                recent = (inode.parent, self.effective_policy(inode.parent));
            }
            let layout = self.layout(inode);
            let own = layout.storage_policy;
            Some(FileBlocks {
                file: inode.id(),
                replication: layout.replication,
                storage_policy: if own == UNSPECIFIED { recent.1 } else { own },
                blocks: self.blocks(index),
                under_construction: inode.is_open(),
                last_block_open: self.writer(index).is_some_and(|w| w.last_block_open),
            })
        })
    }

    /// Who writes a file.
    #[must_use]
    pub fn writer_of(&self, id: InodeId) -> Option<&crate::inode::Writer> {
        self.writer(self.index_of(id)?)
    }

    /// `getFileInfo` (and `getFileLinkInfo`, where links are not followed): nothing where nothing
    /// is.
    ///
    /// # Errors
    /// The way there is not the caller's to go.
    pub fn file_info(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        follow_link: bool,
    ) -> Result<Option<FileStatus<'_>>, FsError> {
        let purpose = if follow_link { Purpose::Read } else { Purpose::ReadLink };
        let resolved = match self.resolve(Some(ctx.caller), path, purpose) {
            // What hides behind a file is nothing, for a superuser: Java's callers rely on it.
            Err(FsError::AccessControl(_)) if ctx.caller.superuser => return Ok(None),
            other => other?,
        };
        if is_reserved_directory(&resolved) {
            return Ok(Some(RESERVED_STATUS));
        }
        Ok(resolved.last().and_then(|index| self.status_at(index)))
    }

    /// `isFileClosed`.
    ///
    /// # Errors
    /// No such file.
    pub fn is_file_closed(&self, ctx: &OpContext<'_>, path: &str) -> Result<bool, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        let (_, inode) = self.file_at(resolved.last(), path)?;
        Ok(!inode.is_open())
    }

    /// `getPreferredBlockSize`.
    ///
    /// # Errors
    /// No such file.
    pub fn preferred_block_size(&self, ctx: &OpContext<'_>, path: &str) -> Result<u64, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::ReadLink)?;
        let (_, inode) = self.file_at(resolved.last(), resolved.path())?;
        Ok(self.layout(inode).block_size)
    }

    /// `checkAccess`: bits as in `FsAction`, read 4, write 2, execute 1.
    ///
    /// # Errors
    /// Not there, or not allowed.
    pub fn check_path(&self, ctx: &OpContext<'_>, path: &str, access: u8) -> Result<(), FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        if resolved.last().is_none() {
            return Err(FsError::FileNotFound(format!("Path not found: {}", resolved.path())));
        }
        self.check_path_access(ctx.caller, &resolved, access & 7)
    }

    /// `getStoragePolicy`: the policy in force.
    ///
    /// # Errors
    /// Not there, or not the caller's to read.
    pub fn storage_policy(&self, ctx: &OpContext<'_>, path: &str) -> Result<u8, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::ReadLink)?;
        self.check_path_access(ctx.caller, &resolved, READ)?;
        let Some(index) = resolved.last() else {
            return Err(FsError::FileNotFound(format!(
                "File/Directory does not exist: {}",
                resolved.path()
            )));
        };
        Ok(self.effective_policy(index))
    }

    /// `getBlockLocations` without the locations: the blocks that overlap a range.
    ///
    /// # Errors
    /// No such file, or not the caller's to read.
    pub fn block_range(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        offset: u64,
        length: u64,
    ) -> Result<FileRange, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        let (index, inode) = self.file_at(resolved.last(), resolved.path())?;
        self.check_unreadable(ctx.caller, index)?;
        self.check_path_access(ctx.caller, &resolved, READ)?;
        let layout = self.layout(inode);
        let all = self.blocks(index);
        let open = self.writer(index).is_some_and(|w| w.last_block_open);
        let last_length = all.last().map_or(0, |b| b.length);
        let total = all.length();
        let end = offset.saturating_add(length);
        let mut at: u64 = 0;
        let mut blocks = Vec::new();
        // A block to which nothing was synced yet has no bytes; a file's only one is told all the same
        // (`BlockManager.createLocatedBlockList`).
        let begins_empty = all.iter().next().is_some_and(|block| block.length == 0);
        for block in all.iter() {
            let next = at.saturating_add(block.length);
            let is_wanted =
                if blocks.is_empty() { begins_empty || next > offset } else { at < end };
            if is_wanted {
                blocks.push((at, block));
            }
            at = next;
        }
        Ok(FileRange {
            inode: inode.id(),
            length: if open { total - last_length } else { total },
            under_construction: inode.is_open(),
            last_block_open: open,
            blocks,
            last: all.last().map(|last| (total - last_length, last)),
            replication: layout.replication,
            block_size: layout.block_size,
            storage_policy: self.effective_policy(index),
            erasure_coding_policy: (layout.erasure_coding_policy != 0)
                .then_some(layout.erasure_coding_policy),
            access_time_due: self.access_time_due(index, ctx.now),
        })
    }

    /// Some files are not for superusers (`FSDirectory.checkUnreadableBySuperuser`).
    fn check_unreadable(&self, caller: &Caller, index: u32) -> Result<(), FsError> {
        let marked = caller.superuser
            && self
                .beside(index)
                .is_some_and(|b| b.xattrs.iter().any(xattr::is_unreadable_by_superuser));
        if !marked {
            return Ok(());
        }
        Err(FsError::AccessControl(format!(
            "Access is denied for {} since the superuser is not allowed to perform this operation.",
            caller.user
        )))
    }

    /// `listOpenFiles`: files being written below a path, in order of their numbers, after one.
    /// True if there are more.
    ///
    /// # Errors
    /// Not a superuser.
    pub fn open_files(
        &self,
        ctx: &OpContext<'_>,
        after: InodeId,
        path: &str,
        is_wanted: impl Fn(InodeId) -> bool,
    ) -> Result<(Vec<OpenFile>, bool), FsError> {
        self.check_superuser(ctx.caller)?;
        let limit = self.settings.open_files_per_answer;
        let below = path.trim_end_matches('/');
        let mut found = Vec::new();
        for (inode, _) in self.leases.files_after(Some(after)) {
            let Some(index) = self.index_of(inode).filter(|_| is_wanted(inode)) else {
                continue;
            };
            let Some(writer) = self.writer(index) else {
                continue;
            };
            let path = self.path(index);
            let within = path
                .strip_prefix(below)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if !within {
                continue;
            }
            if found.len() == limit {
                return Ok((found, true));
            }
            found.push(OpenFile {
                inode,
                path,
                client_name: writer.client_name.to_string(),
                client_machine: writer.client_machine.to_string(),
            });
        }
        Ok((found, false))
    }
}

/// Is it `/.reserved` itself?
pub(crate) fn is_reserved_directory(resolved: &Resolved<'_>) -> bool {
    resolved.len() == 2 && resolved.component(1) == ".reserved"
}
