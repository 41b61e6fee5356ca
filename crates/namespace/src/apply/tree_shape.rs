//! Edits that change which inodes there are and where: directories, links, removal, renames.

use std::sync::Arc;

use loxodon_wire::ids::{InodeId, Milliseconds};

use super::Place;
use crate::acl;
use crate::context::{Applied, BlockChange};
use crate::edit::{AclEntry, Mkdir, Permissions, RenameOption, Symlink, XAttr};
use crate::error::ApplyError;
use crate::inode::Inode;
use crate::status::FileKind;
use crate::tree::{Namespace, ROOT};

/// A new inode, as edits of all kinds bring it.
pub(super) struct NewInode<'a> {
    pub(super) kind: FileKind,
    pub(super) id: InodeId,
    pub(super) permissions: &'a Permissions,
    pub(super) acl: &'a [AclEntry],
    pub(super) xattrs: &'a [XAttr],
    pub(super) mtime: Milliseconds,
    pub(super) atime: Milliseconds,
}

impl Namespace {
    pub(super) fn create(
        &mut self,
        edit: &'static str,
        path: &str,
        place: &Place<'_>,
        new: &NewInode<'_>,
    ) -> Result<u32, ApplyError> {
        let refuse = |reason: &str| Err(ApplyError::new(edit, path, reason));
        if place.inode.is_some() {
            return refuse("is there already");
        }
        if !self.inode(place.parent).is_some_and(Inode::is_directory) {
            return refuse("the parent is not a directory");
        }
        // Very old logs have no inode numbers: they are given out again in the same order.
        let id = if new.id == InodeId::GRANDFATHER {
            InodeId(self.counters.last_inode.0.saturating_add(1))
        } else {
            new.id
        };
        let permission = self.permission(new.permissions);
        let Ok(index) = self.new_inode(new.kind, id, place.name.as_bytes(), permission) else {
            return refuse("its inode number is taken, or there is no room for it");
        };
        let record = self.inodes.get_mut(index);
        record.set_mtime(new.mtime);
        record.set_atime(new.atime);
        if !self.link(place.parent, index) {
            self.free_inode(index);
            return refuse("is there already");
        }
        self.set_new_attributes(index, new);
        self.touch_directory(place.parent, new.mtime);
        Ok(index)
    }

    fn set_new_attributes(&mut self, index: u32, new: &NewInode<'_>) {
        if !new.acl.is_empty() {
            self.set_logical_acl(index, new.acl);
        }
        if !new.xattrs.is_empty() {
            self.update_beside(index, |beside| beside.xattrs = new.xattrs.to_vec());
        }
    }

    /// A whole list: what the mode says goes there, the rest is kept.
    pub(super) fn set_logical_acl(&mut self, index: u32, entries: &[AclEntry]) {
        let Some(mut word) = self.inode(index).map(|inode| self.permission_word(inode)) else {
            return;
        };
        if let Some((mode, kept)) = acl::kept(entries, word.mode) {
            word.mode = mode;
            self.set_permission_word(index, word);
            self.update_beside(index, |beside| beside.acl = kept);
        }
    }

    pub(super) fn apply_mkdir(
        &mut self,
        mkdir: &Mkdir,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_MKDIR";
        let place = self.place(KIND, &mkdir.path)?;
        let new = NewInode {
            kind: FileKind::Directory,
            id: mkdir.inode,
            permissions: &mkdir.permissions,
            acl: &mkdir.acl,
            xattrs: &mkdir.xattrs,
            mtime: mkdir.timestamp,
            atime: Milliseconds(0),
        };
        let index = self.create(KIND, &mkdir.path, &place, &new)?;
        self.account(place.parent, &self.own_usage(index, 0));
        applied.inode = self.inode(index).map(Inode::id);
        Ok(())
    }

    pub(super) fn apply_symlink(
        &mut self,
        symlink: &Symlink,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_SYMLINK";
        let place = self.place(KIND, &symlink.path)?;
        let new = NewInode {
            kind: FileKind::Symlink,
            id: symlink.inode,
            permissions: &symlink.permissions,
            acl: &[],
            xattrs: &[],
            mtime: symlink.mtime,
            atime: symlink.atime,
        };
        let index = self.create(KIND, &symlink.path, &place, &new)?;
        self.update_beside(index, |beside| {
            beside.symlink = Some(symlink.target.as_str().into());
        });
        self.account(place.parent, &self.own_usage(index, 0));
        applied.inode = self.inode(index).map(Inode::id);
        Ok(())
    }

    /// Removing what is not there is no fault: Java's log may hold it twice.
    pub(super) fn apply_delete(
        &mut self,
        path: &str,
        time: Milliseconds,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        match self.place("OP_DELETE", path)?.inode {
            Some(index) if index != ROOT => self.remove_tree(index, time, applied),
            _ => {}
        }
        Ok(())
    }

    /// Concatenated files: their blocks go to the target, they themselves go.
    pub(super) fn apply_concat(
        &mut self,
        target: &str,
        sources: &[String],
        time: Milliseconds,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_CONCAT_DELETE";
        let index = self.existing_file(KIND, target)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        let mut parts = Vec::with_capacity(sources.len());
        for source in sources {
            let part = self.existing_file(KIND, source)?;
            let parent = self.inode(part).map(|inode| inode.parent);
            if part == index || parts.contains(&part) || parent != Some(inode.parent) {
                return Err(ApplyError::new(KIND, source, "cannot be part of the target"));
            }
            parts.push(part);
        }
        let before = parts.iter().fold(self.file_usage(index), |mut sum, &part| {
            sum.add(&self.file_usage(part));
            sum
        });
        let mut blocks: Vec<_> = self.blocks(index).iter().collect();
        let old = blocks.len();
        for &part in &parts {
            blocks.extend(self.blocks(part).iter());
        }
        for part in parts {
            self.set_blocks(part, &[]);
            self.unlink(part);
            self.discard(part, &mut Vec::new());
        }
        let moved = blocks.iter().skip(old).map(|b| b.id).collect();
        self.set_blocks(index, &blocks);
        self.inodes.get_mut(index).set_mtime(time);
        self.touch_directory(inode.parent, time);
        let mut delta = self.file_usage(index);
        delta.add(&before.negated());
        self.account(inode.parent, &delta);
        applied.blocks.push(BlockChange::Moved {
            file: inode.id(),
            blocks: moved,
            replication: self.layout(&inode).replication,
        });
        Ok(())
    }

    /// A rename that fails where the destination is there; into a directory that is there, it goes
    /// under its own name.
    pub(super) fn apply_rename_old(
        &mut self,
        source: &str,
        destination: &str,
        time: Milliseconds,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_RENAME_OLD";
        let index = self.existing(KIND, source)?;
        let mut to = self.place(KIND, destination)?;
        let own_name = source.rsplit('/').next().unwrap_or("");
        if let Some(directory) =
            to.inode.filter(|&i| self.inode(i).is_some_and(Inode::is_directory))
        {
            if directory == index {
                return Ok(());
            }
            to = Place {
                parent: directory,
                name: own_name,
                inode: self.child(directory, own_name.as_bytes()),
            };
        }
        // Java logs a rename to itself, and passes over one whose destination is there.
        if to.inode.is_some() {
            return Ok(());
        }
        self.move_inode(KIND, source, index, &to, time, applied)
    }

    pub(super) fn apply_rename(
        &mut self,
        source: &str,
        destination: &str,
        time: Milliseconds,
        options: &[RenameOption],
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_RENAME";
        let index = self.existing(KIND, source)?;
        let mut to = self.place(KIND, destination)?;
        if let Some(old) = to.inode {
            if !options.contains(&RenameOption::Overwrite) {
                return Err(ApplyError::new(KIND, destination, "is there already"));
            }
            if old == index || self.children_count(old) > 0 || old == ROOT {
                return Err(ApplyError::new(KIND, destination, "cannot be replaced"));
            }
            self.check_move(KIND, source, index, to.parent)?;
            self.remove_tree(old, time, applied);
            to.inode = None;
        }
        self.move_inode(KIND, source, index, &to, time, applied)
    }

    /// A tree cannot go below itself, and the root stays.
    fn check_move(
        &self,
        kind: &'static str,
        source: &str,
        index: u32,
        into: u32,
    ) -> Result<(), ApplyError> {
        if index == ROOT || self.lineage(into).contains(&index) {
            return Err(ApplyError::new(kind, source, "cannot be moved below itself"));
        }
        if !self.inode(into).is_some_and(Inode::is_directory) {
            return Err(ApplyError::new(
                kind,
                source,
                "the destination's parent is not a directory",
            ));
        }
        Ok(())
    }

    fn move_inode(
        &mut self,
        kind: &'static str,
        source: &str,
        index: u32,
        to: &Place<'_>,
        time: Milliseconds,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        self.check_move(kind, source, index, to.parent)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        let from = inode.parent;
        let (old_policy, new_policy) =
            (self.effective_policy(from), self.effective_policy(to.parent));
        // Only the directories that one of the two ways has and the other has not see a change.
        let recount =
            from != to.parent && self.crosses_limits(from, to.parent) || old_policy != new_policy;
        if recount {
            let used = self.tree_usage(index, old_policy);
            self.account(from, &used.negated());
        }
        self.unlink(index);
        let renamed = self.name(index) == to.name.as_bytes()
            || self.rename_inode(index, to.name.as_bytes()).is_ok();
        let target = if renamed { to.parent } else { from };
        if !self.link(target, index) {
            self.link(from, index);
        }
        if recount {
            let parent = self.inode(index).map_or(ROOT, |inode| inode.parent);
            let policy = self.effective_policy(parent);
            let used = self.tree_usage(index, policy);
            self.account(parent, &used);
        }
        if !renamed {
            return Err(ApplyError::new(kind, source, "there is no room for its name"));
        }
        self.touch_directory(from, time);
        self.touch_directory(to.parent, time);
        let inode = inode.id();
        applied.blocks.push(match old_policy == new_policy {
            true => BlockChange::Renamed { inode },
            false => BlockChange::StoragePolicy { inode },
        });
        Ok(())
    }

    /// Is there a directory with limits above one of two directories that is not above the other?
    pub(crate) fn crosses_limits(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.lineage(a), self.lineage(b));
        let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
        a.iter()
            .skip(common)
            .chain(b.iter().skip(common))
            .any(|&at| self.inode(at).is_some_and(Inode::counts_usage))
    }

    pub(super) fn lease_holder(&mut self, name: &str) -> Arc<str> {
        let number = self.owner(name);
        self.users.get(number).map_or_else(|| Arc::from(name), Arc::clone)
    }
}
