//! Who may do what (`FSPermissionChecker`): permission bits, ACLs, sticky bits, owners, superusers.

use crate::context::Caller;
use crate::edit::{AclKind, AclScope};
use crate::error::FsError;
use crate::inode::{Inode, PermissionWord};
use crate::path::Resolved;
use crate::tree::Namespace;

/// Bits of an access (`FsAction`).
pub(crate) const READ: u8 = 4;
pub(crate) const WRITE: u8 = 2;
pub(crate) const EXECUTE: u8 = 1;
pub(crate) const READ_EXECUTE: u8 = READ | EXECUTE;
pub(crate) const ALL: u8 = 7;
/// The sticky bit of a mode.
pub(crate) const STICKY: u16 = 0o1000;

/// `FsAction`'s name, as it stands in messages.
pub(crate) const fn action_name(access: u8) -> &'static str {
    match access & 7 {
        0 => "NONE",
        1 => "EXECUTE",
        2 => "WRITE",
        3 => "WRITE_EXECUTE",
        4 => "READ",
        5 => "READ_EXECUTE",
        6 => "READ_WRITE",
        _ => "ALL",
    }
}

/// `FsPermission.toString`: `rwxr-xr-t`.
#[must_use]
pub fn mode_string(mode: u16) -> String {
    let mut text: Vec<u8> = b"rwxrwxrwx".to_vec();
    for (at, letter) in text.iter_mut().enumerate() {
        if mode & (0o400 >> at) == 0 {
            *letter = b'-';
        }
    }
    if mode & STICKY != 0
        && let Some(last) = text.last_mut()
    {
        *last = if *last == b'x' { b't' } else { b'T' };
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Which checks an operation asks for; each is left out where it is `None`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Checks {
    /// The caller owns the inode.
    pub(crate) owner: bool,
    /// On the deepest directory that exists above the path.
    pub(crate) ancestor: Option<u8>,
    /// On the parent; for writing, its sticky bit too.
    pub(crate) parent: Option<u8>,
    /// On the inode itself.
    pub(crate) access: Option<u8>,
    /// On every directory of the tree.
    pub(crate) tree: Option<u8>,
    /// Directories of the tree that are looked at; with more, the check is given up.
    pub(crate) most_directories: Option<usize>,
    /// Empty directories need no permission (delete).
    pub(crate) ignore_empty: bool,
}

const fn implies(granted: u8, access: u8) -> bool {
    granted & access == access
}

const fn user_bits(mode: u16) -> u8 {
    ((mode >> 6) & 7) as u8
}

const fn group_bits(mode: u16) -> u8 {
    ((mode >> 3) & 7) as u8
}

const fn other_bits(mode: u16) -> u8 {
    (mode & 7) as u8
}

impl Namespace {
    pub(crate) fn check_superuser(&self, caller: &Caller) -> Result<(), FsError> {
        if caller.superuser {
            return Ok(());
        }
        Err(FsError::AccessControl(format!(
            "Access denied for user {}. Superuser privilege is required",
            caller.user
        )))
    }

    /// `FSDirectory.checkPermission`; nothing where permissions are off.
    pub(crate) fn check_permission(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
        checks: Checks,
    ) -> Result<(), FsError> {
        if caller.superuser || !(self.settings.permissions_enabled || checks.owner) {
            return Ok(());
        }
        let existing = resolved.inodes.len();
        let ancestor = (existing - 1).min(resolved.len().saturating_sub(2));
        for depth in 0..=ancestor {
            if resolved.len() > 1 {
                self.check_access(caller, resolved, depth, EXECUTE)?;
            }
        }
        let last = resolved.len() - 1;
        if checks.parent.is_some_and(|access| access & WRITE != 0)
            && last > 0
            && existing == resolved.len()
        {
            self.check_sticky(caller, resolved, last)?;
        }
        if let (Some(access), true) = (checks.ancestor, last > 0) {
            self.check_access(caller, resolved, ancestor, access)?;
        }
        if let (Some(access), true) = (checks.parent, last > 0) {
            self.check_access(caller, resolved, last - 1, access)?;
        }
        if let Some(access) = checks.access {
            self.check_access(caller, resolved, last, access)?;
        }
        if let (Some(access), Some(index)) = (checks.tree, resolved.last()) {
            self.check_tree(caller, index, access, checks)?;
        }
        if checks.owner {
            self.check_owner(caller, resolved)?;
        }
        Ok(())
    }

    pub(crate) fn check_path_access(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
        access: u8,
    ) -> Result<(), FsError> {
        let checks = Checks { access: Some(access), ..Checks::default() };
        self.check_permission(caller, resolved, checks)
    }

    pub(crate) fn check_ancestor_write(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
    ) -> Result<(), FsError> {
        let checks = Checks { ancestor: Some(WRITE), ..Checks::default() };
        self.check_permission(caller, resolved, checks)
    }

    fn check_owner(&self, caller: &Caller, resolved: &Resolved<'_>) -> Result<(), FsError> {
        let inode = resolved.last().and_then(|index| self.inode(index));
        let owner = inode.map(|inode| self.user(self.permission_word(inode).owner));
        if owner == Some(caller.user.as_str()) {
            return Ok(());
        }
        Err(FsError::AccessControl(format!(
            "Permission denied. user={} is not the owner of inode={}",
            caller.user,
            resolved.path()
        )))
    }

    /// Is the caller a superuser or the owner of the directory above (`FSDirAttrOp.setQuota`)?
    pub(crate) fn check_parent_owner(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
    ) -> Result<(), FsError> {
        if caller.superuser || !self.settings.permissions_enabled {
            return Ok(());
        }
        let parent = resolved.len().checked_sub(2);
        let may_pass = |parent| {
            (0..parent).all(|depth| self.check_access(caller, resolved, depth, EXECUTE).is_ok())
        };
        let inode = parent
            .filter(|parent| may_pass(*parent))
            .and_then(|parent| self.inode(*resolved.inodes.get(parent)?));
        let owner = inode.map(|inode| self.user(self.permission_word(inode).owner));
        if owner == Some(caller.user.as_str()) {
            return Ok(());
        }
        Err(FsError::AccessControl(format!(
            "Access denied for user {}. Superuser or owner of parent folder privilege is required",
            caller.user
        )))
    }

    /// May the caller access the inode at `depth` of a path? Where there is none, he may.
    pub(crate) fn check_access(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
        depth: usize,
        access: u8,
    ) -> Result<(), FsError> {
        let Some(&index) = resolved.inodes.get(depth) else {
            return Ok(());
        };
        if self.may(caller, index, access) {
            return Ok(());
        }
        Err(self.denied(caller, index, resolved.prefix(depth), access))
    }

    pub(crate) fn denied(&self, caller: &Caller, index: u32, path: &str, access: u8) -> FsError {
        FsError::AccessControl(format!(
            "Permission denied: user={}, access={}, inode=\"{path}\":{}",
            caller.user,
            action_name(access),
            self.describe(index)
        ))
    }

    /// `owner:group:drwxr-xr-x`.
    fn describe(&self, index: u32) -> String {
        let Some(inode) = self.inode(index) else {
            return String::new();
        };
        let word = self.permission_word(inode);
        format!(
            "{}:{}:{}{}",
            self.user(word.owner),
            self.user(word.group),
            if inode.is_directory() { 'd' } else { '-' },
            mode_string(word.mode)
        )
    }

    /// `FSPermissionChecker.hasPermission`, superusers included.
    pub(crate) fn may(&self, caller: &Caller, index: u32, access: u8) -> bool {
        if caller.superuser {
            return true;
        }
        let Some(inode) = self.inode(index) else {
            return true;
        };
        let word = self.permission_word(inode);
        if inode.has_acl()
            && let Some(allowed) = self.may_by_acl(caller, index, word, access)
        {
            return allowed;
        }
        let granted = if self.user(word.owner) == caller.user {
            user_bits(word.mode)
        } else if caller.member_of(self.user(word.group)) {
            group_bits(word.mode)
        } else {
            other_bits(word.mode)
        };
        implies(granted, access)
    }

    /// Named entries, each masked by the group bits, before the others' bits. `None` where there
    /// are only defaults.
    fn may_by_acl(
        &self,
        caller: &Caller,
        index: u32,
        word: PermissionWord,
        access: u8,
    ) -> Option<bool> {
        let entries = self.beside(index)?.access_acl()?;
        if self.user(word.owner) == caller.user {
            return Some(implies(user_bits(word.mode), access));
        }
        let mask = group_bits(word.mode);
        let mut matched = false;
        for entry in entries.iter().filter(|e| e.scope == AclScope::Access) {
            let name = entry.name.as_deref();
            let matches = match entry.kind {
                AclKind::User => name == Some(&caller.user),
                AclKind::Group => caller.member_of(name.unwrap_or_else(|| self.user(word.group))),
                AclKind::Mask | AclKind::Other => false,
            };
            if !matches {
                continue;
            }
            if implies(entry.permission & mask, access) {
                return Some(true);
            }
            matched = true;
            if entry.kind == AclKind::User {
                break;
            }
        }
        Some(!matched && implies(other_bits(word.mode), access))
    }

    fn owns(&self, caller: &Caller, inode: &Inode) -> bool {
        self.user(self.permission_word(inode).owner) == caller.user
    }

    /// In a directory with the sticky bit only owners remove or rename.
    fn check_sticky(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
        last: usize,
    ) -> Result<(), FsError> {
        let (Some(&parent), Some(&child)) =
            (resolved.inodes.get(last - 1), resolved.inodes.get(last))
        else {
            return Ok(());
        };
        if !self.sticky_violated(caller, parent, child) {
            return Ok(());
        }
        Err(self.sticky_error(
            caller,
            (child, resolved.path()),
            (parent, resolved.prefix(last - 1)),
        ))
    }

    fn sticky_violated(&self, caller: &Caller, parent: u32, child: u32) -> bool {
        let (Some(parent), Some(child)) = (self.inode(parent), self.inode(child)) else {
            return false;
        };
        self.permission_word(parent).mode & STICKY != 0
            && !self.owns(caller, parent)
            && !self.owns(caller, child)
    }

    fn sticky_error(&self, caller: &Caller, child: (u32, &str), parent: (u32, &str)) -> FsError {
        FsError::AccessControl(format!(
            "Permission denied by sticky bit: user={}, path=\"{}\":{}, parent=\"{}\":{}",
            caller.user,
            child.1,
            self.describe(child.0),
            parent.1,
            self.describe(parent.0)
        ))
    }

    /// Every directory of a tree, as deleting it needs (`checkSubAccess`).
    pub(crate) fn check_tree(
        &self,
        caller: &Caller,
        root: u32,
        access: u8,
        checks: Checks,
    ) -> Result<(), FsError> {
        let mut pending = vec![root];
        let mut left = checks.most_directories.unwrap_or(usize::MAX);
        while let Some(index) = pending.pop() {
            let Some(inode) = self.inode(index).filter(|inode| inode.is_directory()) else {
                continue;
            };
            left = left.checked_sub(1).ok_or_else(|| {
                FsError::TreeTooLarge(format!("{} has too many directories", self.path(root)))
            })?;
            self.check_tree_directory(caller, index, access, checks.ignore_empty)?;
            if inode.subdirectories() == 0 {
                continue;
            }
            let directories = self
                .nodes
                .iter(inode.tree())
                .filter(|&child| self.inode(child).is_some_and(Inode::is_directory));
            pending.extend(directories);
        }
        Ok(())
    }

    /// One directory of such a tree.
    pub(crate) fn check_tree_directory(
        &self,
        caller: &Caller,
        index: u32,
        access: u8,
        ignore_empty: bool,
    ) -> Result<(), FsError> {
        let Some(inode) = self.inode(index).filter(|inode| inode.is_directory()) else {
            return Ok(());
        };
        if ignore_empty && self.children_count(index) == 0 {
            return Ok(());
        }
        if !self.may(caller, index, access) {
            return Err(self.denied(caller, index, &self.path(index), access));
        }
        let sticky = self.permission_word(inode).mode & STICKY != 0;
        if sticky && !self.owns(caller, inode) {
            for child in self.nodes.iter(inode.tree()) {
                if self.sticky_violated(caller, index, child) {
                    let (path, parent) = (self.path(child), self.path(index));
                    return Err(self.sticky_error(caller, (child, &path), (index, &parent)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_in_ls() {
        assert_eq!(mode_string(0o755), "rwxr-xr-x");
        assert_eq!(mode_string(0o1777), "rwxrwxrwt");
        assert_eq!(mode_string(0o1640), "rw-r----T");
        assert_eq!(action_name(READ_EXECUTE), "READ_EXECUTE");
        assert_eq!(action_name(ALL), "ALL");
    }
}
