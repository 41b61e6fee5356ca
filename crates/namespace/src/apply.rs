//! The one way in which the namespace changes: live, in replay, on a standby and in a checkpoint.
//!
//! Applying is total: an edit that does not fit gives an error and leaves the tree whole.

mod attributes;
mod file;
mod tree_shape;

pub(crate) use attributes::{DONT_SET, RESET, changed_limits};

use std::sync::Arc;

use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};
use smallvec::SmallVec;

use crate::context::{Applied, BlockChange};
use crate::edit::Edit;
use crate::error::ApplyError;
use crate::inode::Inode;
use crate::status::Usage;
use crate::tree::{Namespace, ROOT};

/// Inodes of a removed tree that are taken apart at once; the rest in slices.
const RECLAIM_AT_ONCE: usize = 2048;

/// What a slice of taking removed trees apart gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Blocks that belong to no file any more.
    pub blocks: Vec<BlockId>,
    /// Inodes that were freed.
    pub inodes: usize,
    /// Nothing is left to do.
    pub done: bool,
}

/// A tree that was removed and waits to be taken apart.
#[derive(Clone)]
pub(crate) struct Detached {
    index: u32,
    /// The storage policy that was in force above it.
    inherited: u8,
    /// Directories whose counts it still is in.
    accounts: Arc<[InodeId]>,
}

/// Where a path of the log leads.
pub(crate) struct Place<'a> {
    /// The parent directory.
    pub(crate) parent: u32,
    /// The last component.
    pub(crate) name: &'a str,
    /// What is there.
    pub(crate) inode: Option<u32>,
}

impl Namespace {
    /// Applies an edit.
    ///
    /// # Errors
    /// The edit cannot have followed what was applied before.
    pub fn apply(&mut self, edit: &Edit) -> Result<Applied, ApplyError> {
        let mut applied = Applied::default();
        match edit {
            Edit::Add(add) => self.apply_add(add, &mut applied)?,
            Edit::Close(close) => self.apply_close(close, &mut applied)?,
            Edit::Append { path, client_name, client_machine, new_block, .. } => {
                self.apply_append(path, client_name, client_machine, *new_block, &mut applied)?;
            }
            Edit::AddBlock { path, penultimate, last, .. } => {
                self.apply_add_block(path, *penultimate, *last, &mut applied)?;
            }
            Edit::UpdateBlocks { path, blocks, .. } => {
                self.apply_update_blocks(path, blocks, &mut applied)?;
            }
            Edit::Truncate { .. } => self.apply_truncate(edit, &mut applied)?,
            Edit::ReassignLease { path, new_holder, .. } => {
                self.apply_reassign_lease(path, new_holder)?;
            }
            Edit::ConcatDelete { target, sources, timestamp, .. } => {
                self.apply_concat(target, sources, *timestamp, &mut applied)?;
            }
            Edit::Mkdir(mkdir) => self.apply_mkdir(mkdir, &mut applied)?,
            Edit::Symlink(symlink) => self.apply_symlink(symlink, &mut applied)?,
            Edit::Delete { path, timestamp, .. } => {
                self.apply_delete(path, *timestamp, &mut applied)?;
            }
            Edit::RenameOld { source, destination, timestamp, .. } => {
                self.apply_rename_old(source, destination, *timestamp, &mut applied)?;
            }
            Edit::Rename { source, destination, timestamp, options, .. } => {
                self.apply_rename(source, destination, *timestamp, options, &mut applied)?;
            }
            Edit::SetGenstampV1 { generation_stamp } => {
                self.counters.generation_stamp_v1 = *generation_stamp;
            }
            Edit::SetGenstampV2 { generation_stamp } => {
                self.counters.generation_stamp =
                    self.counters.generation_stamp.max(*generation_stamp);
                applied.generation_stamp = Some(*generation_stamp);
            }
            Edit::AllocateBlockId { block } => {
                if block.0 < 0 {
                    self.counters.last_striped_block = *block;
                } else {
                    self.counters.last_block = *block;
                }
            }
            Edit::StartLogSegment | Edit::EndLogSegment => {}
            Edit::CreateSnapshot { .. }
            | Edit::DeleteSnapshot { .. }
            | Edit::RenameSnapshot { .. }
            | Edit::AllowSnapshot { .. }
            | Edit::DisallowSnapshot { .. } => return Err(refused_snapshot(edit)),
            _ => {
                if !self.apply_attribute(edit, &mut applied)? {
                    Arc::make_mut(&mut self.carried).apply(edit)?;
                }
            }
        }
        Ok(applied)
    }

    /// Where a path leads: its parent must be there (`FSDirectory.getINodesInPath` in replay).
    pub(crate) fn place<'a>(
        &self,
        kind: &'static str,
        path: &'a str,
    ) -> Result<Place<'a>, ApplyError> {
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        let mut parent = ROOT;
        let mut place = Place { parent: ROOT, name: "", inode: Some(ROOT) };
        while let Some(part) = parts.next() {
            if !self.inode(parent).is_some_and(Inode::is_directory) {
                return Err(ApplyError::new(kind, path, "a parent is not a directory"));
            }
            let inode = self.child(parent, part.as_bytes());
            if parts.peek().is_none() {
                place = Place { parent, name: part, inode };
                break;
            }
            let Some(inode) = inode else {
                return Err(ApplyError::new(kind, path, "a parent directory is missing"));
            };
            parent = inode;
        }
        Ok(place)
    }

    pub(crate) fn existing(&self, kind: &'static str, path: &str) -> Result<u32, ApplyError> {
        self.place(kind, path)?.inode.ok_or_else(|| ApplyError::new(kind, path, "does not exist"))
    }

    pub(crate) fn existing_file(&self, kind: &'static str, path: &str) -> Result<u32, ApplyError> {
        let index = self.existing(kind, path)?;
        if self.inode(index).is_some_and(Inode::is_file) {
            Ok(index)
        } else {
            Err(ApplyError::new(kind, path, "is not a file"))
        }
    }

    /// Takes a tree out and, if it is small, apart. `Applied` says when slices remain.
    pub(crate) fn remove_tree(&mut self, index: u32, time: Milliseconds, applied: &mut Applied) {
        let Some(parent) = self.inode(index).map(|inode| inode.parent) else {
            return;
        };
        let inherited = self.effective_policy(parent);
        self.unlink(index);
        self.touch_directory(parent, time);
        let mut blocks = Vec::new();
        let mut freed = Usage::default();
        let mut pending: SmallVec<[(u32, u8); 32]> = SmallVec::new();
        pending.push((index, inherited));
        let mut count = 0;
        // A large tree keeps counting in the directories above until its parts are freed.
        if self.larger_than(index, RECLAIM_AT_ONCE) {
            self.inodes.get_mut(index).detach();
            let accounts = self.counting_above(parent).into();
            self.detached.push(Detached { index, inherited, accounts });
            applied.reclaim = true;
            pending.clear();
        }
        while let Some((at, above)) = pending.pop() {
            freed.add(&self.own_usage(at, above));
            if let Some(inode) = self.inode(at).copied() {
                let own = self.own_policy(at, &inode);
                let policy = if own == 0 { above } else { own };
                pending.extend(self.nodes.iter(inode.tree()).map(|child| (child, policy)));
            }
            self.discard(at, &mut blocks);
            count += 1;
        }
        debug_assert!(count <= RECLAIM_AT_ONCE);
        self.account(parent, &freed.negated());
        if !blocks.is_empty() {
            applied.blocks.push(BlockChange::Removed(blocks));
        }
    }

    /// The directories with limits above a tree, itself not; the root always counts.
    fn counting_above(&self, directory: u32) -> Vec<InodeId> {
        let counting = |at: &u32| {
            self.inode(*at).filter(|inode| *at == ROOT || inode.counts_usage()).map(Inode::id)
        };
        self.lineage(directory).iter().filter_map(counting).collect()
    }

    fn larger_than(&self, root: u32, limit: usize) -> bool {
        let mut seen = 1;
        let mut pending: SmallVec<[u32; 32]> = SmallVec::new();
        pending.push(root);
        while let Some(at) = pending.pop() {
            let Some(inode) = self.inode(at) else {
                continue;
            };
            seen += self.nodes.count(inode.tree()) as usize;
            if seen > limit {
                return true;
            }
            pending.extend(self.nodes.iter(inode.tree()));
        }
        false
    }

    /// Frees one inode that is out of the tree; its blocks and lease go with it.
    fn discard(&mut self, index: u32, blocks: &mut Vec<BlockId>) {
        let Some(&inode) = self.inode(index) else {
            return;
        };
        if inode.is_file() {
            blocks.extend(self.blocks(index).iter().map(|b| b.id));
            if inode.is_open() {
                self.leases.remove(inode.id());
            }
        }
        self.free_inode(index);
    }

    /// Takes removed trees apart, about `limit` inodes of them.
    pub fn reclaim(&mut self, limit: usize) -> Reclaimed {
        let mut reclaimed = Reclaimed::default();
        while reclaimed.inodes < limit {
            let Some(top) = self.detached.last().cloned() else {
                break;
            };
            let room = limit - reclaimed.inodes;
            let Some(inode) = self.inode(top.index).copied() else {
                self.detached.pop();
                continue;
            };
            let children: Vec<u32> = self.nodes.iter(inode.tree()).take(room).collect();
            if children.is_empty() {
                self.detached.pop();
                self.discard_detached(&top, &mut reclaimed);
                continue;
            }
            let own = self.own_policy(top.index, &inode);
            for child in children {
                self.unlink(child);
                self.inodes.get_mut(child).detach();
                let part = Detached {
                    index: child,
                    inherited: if own == 0 { top.inherited } else { own },
                    accounts: Arc::clone(&top.accounts),
                };
                if self.children_count(child) > 0 {
                    self.detached.push(part);
                } else {
                    self.discard_detached(&part, &mut reclaimed);
                }
            }
        }
        reclaimed.done = self.detached.is_empty();
        reclaimed
    }

    fn discard_detached(&mut self, part: &Detached, reclaimed: &mut Reclaimed) {
        let freed = self.own_usage(part.index, part.inherited).negated();
        for &id in part.accounts.iter() {
            if id == InodeId::ROOT {
                self.root_quota.used.add(&freed);
            } else if let Some(directory) = self.index_of(id)
                && self.quota(directory).is_some()
            {
                self.update_beside(directory, |beside| {
                    if let Some(quota) = &mut beside.quota {
                        quota.used.add(&freed);
                    }
                });
            }
        }
        self.discard(part.index, &mut reclaimed.blocks);
        reclaimed.inodes += 1;
    }
}

fn refused_snapshot(edit: &Edit) -> ApplyError {
    let (kind, path) = match edit {
        Edit::CreateSnapshot { root, .. } => ("OP_CREATE_SNAPSHOT", root),
        Edit::DeleteSnapshot { root, .. } => ("OP_DELETE_SNAPSHOT", root),
        Edit::RenameSnapshot { root, .. } => ("OP_RENAME_SNAPSHOT", root),
        Edit::DisallowSnapshot { root } => ("OP_DISALLOW_SNAPSHOT", root),
        Edit::AllowSnapshot { root } => ("OP_ALLOW_SNAPSHOT", root),
        _ => return ApplyError::new("OP_INVALID", "", "not an operation on snapshots"),
    };
    ApplyError::new(kind, path, "snapshots are not supported by this version")
}
