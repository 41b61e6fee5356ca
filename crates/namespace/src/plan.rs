//! Operations judged: each either is refused or gives the edits that do it. Nothing changes here.

mod append;
mod attributes;
mod blocks;
mod coding;
mod create;
mod directory;
mod lists;
mod recovery;
mod remove;
mod rename;

pub use append::Append;
pub use blocks::{AddBlock, AddBlockTarget, CommitBlock, Complete};
pub use create::{CreateFile, CreateFlags};
pub use lists::AclStatus;
pub use recovery::{LeaseRelease, Opened};
pub use remove::{TreeChange, TreeCheck};

use crate::acl;
use crate::edit::{AclEntry, AclScope, Permissions};
use crate::error::FsError;
use crate::inode::Inode;
use crate::path::{DOT_SNAPSHOT, Resolved};
use crate::status::Usage;
use crate::tree::{Namespace, ROOT};

/// A mode as a client asks for it: with its umask applied, and as it was before
/// (`FsCreateModes`), which default ACLs work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateMode {
    /// With the client's umask applied.
    pub masked: u16,
    /// Before; none from clients that do not tell.
    pub unmasked: Option<u16>,
}

impl CreateMode {
    /// A mode whose umask is not known.
    #[must_use]
    pub const fn plain(mode: u16) -> Self {
        Self { masked: mode, unmasked: None }
    }
}

/// What a new inode gets from its parent.
pub(crate) struct Heritage {
    group: String,
    acl: Vec<AclEntry>,
}

impl Namespace {
    /// What the directory at `index` passes on.
    pub(crate) fn heritage(&self, index: u32) -> Heritage {
        let word = self.inode(index).map(|inode| self.permission_word(inode));
        Heritage {
            group: word.map_or(String::new(), |word| self.user(word.group).to_owned()),
            acl: self
                .inode(index)
                .filter(|inode| inode.has_acl())
                .and_then(|_| self.beside(index))
                .map(|b| b.acl.clone())
                .unwrap_or_default(),
        }
    }

    /// Mode, group and list of a child (`FSDirectory.copyINodeDefaultAcl`), the list as the log
    /// has it.
    pub(crate) fn inherit(
        &self,
        parent: &Heritage,
        owner: &str,
        mode: CreateMode,
        directory: bool,
    ) -> (Permissions, Vec<AclEntry>) {
        let start =
            mode.unmasked.filter(|_| self.settings.posix_acl_inheritance).unwrap_or(mode.masked);
        let (mode, kept) =
            acl::inherited(&parent.acl, start, directory).unwrap_or((mode.masked, Vec::new()));
        let list = if kept.is_empty() { kept } else { acl::logical(mode, &kept) };
        let permissions = Permissions {
            owner: owner.to_owned(),
            group: parent.group.clone(),
            mode: mode & 0o1777,
        };
        (permissions, list)
    }

    /// May the missing components of a path be made? Limits of names and directories
    /// (`FSDirectory.addLastINode`), then quotas for so much more.
    pub(crate) fn check_new(&self, resolved: &Resolved<'_>, more: &Usage) -> Result<(), FsError> {
        let existing = resolved.inodes.len();
        for depth in existing..resolved.len() {
            let name = resolved.component(depth);
            if depth == 1 && name == ".reserved" {
                return Err(FsError::HadoopIllegalArgument(
                    "File name \".reserved\" is reserved and cannot be created. If this is during upgrade change the name of the existing file or directory to another name before upgrading to the new release.".to_owned(),
                ));
            }
            self.check_component(name, resolved.prefix(depth - 1))?;
            if depth == existing {
                self.check_directory_items(resolved.deepest(), resolved.prefix(depth - 1))?;
            }
            if name == DOT_SNAPSHOT {
                return Err(FsError::HadoopIllegalArgument(
                    "\".snapshot\" is a reserved name.".to_owned(),
                ));
            }
        }
        self.verify_quota(resolved.deepest(), more, None)
    }

    pub(crate) fn check_component(&self, name: &str, parent: &str) -> Result<(), FsError> {
        let configured = self.settings.max_component_length;
        let limit = if configured == 0 {
            crate::names::MAX_NAME
        } else {
            configured.min(crate::names::MAX_NAME)
        };
        if name.len() > limit {
            return Err(FsError::PathComponentTooLong(format!(
                "The maximum path component name limit of {name} in directory {parent} is exceeded: limit={limit} length={}",
                name.len()
            )));
        }
        Ok(())
    }

    pub(crate) fn check_directory_items(&self, directory: u32, path: &str) -> Result<(), FsError> {
        let (limit, count) = (self.settings.max_directory_items, self.children_count(directory));
        if count >= limit {
            return Err(FsError::MaxDirectoryItemsExceeded(format!(
                "The directory item limit of {path} is exceeded: limit={limit} items={count}"
            )));
        }
        Ok(())
    }

    /// `FSNamesystem.checkFsObjectLimit`.
    pub(crate) fn check_object_limit(&self) -> Result<(), FsError> {
        let limit = self.settings.max_objects;
        if limit != 0 && limit <= self.totals.inodes() + self.totals.blocks {
            return Err(FsError::Io(format!(
                "Exceeded the configured number of objects {limit} in the filesystem."
            )));
        }
        Ok(())
    }

    /// `FSDirectory.verifyParentDir`.
    pub(crate) fn verify_parent(&self, resolved: &Resolved<'_>) -> Result<(), FsError> {
        if resolved.len() <= 2 {
            return Ok(());
        }
        let path = resolved.parent_path();
        match resolved.parent().and_then(|index| self.inode(index)) {
            None => Err(FsError::FileNotFound(format!("Parent directory doesn't exist: {path}"))),
            Some(parent) if !parent.is_directory() => {
                Err(FsError::ParentNotDirectory(format!("Parent path is not a directory: {path}")))
            }
            Some(_) => Ok(()),
        }
    }

    /// The file at a path (`INodeFile.valueOf`).
    pub(crate) fn file_at(&self, last: Option<u32>, path: &str) -> Result<(u32, &Inode), FsError> {
        let found = last.and_then(|index| self.inode(index).map(|inode| (index, inode)));
        match found {
            None => Err(FsError::FileNotFound(format!("File does not exist: {path}"))),
            Some((_, inode)) if !inode.is_file() => {
                Err(FsError::FileNotFound(format!("Path is not a file: {path}")))
            }
            Some(found) => Ok(found),
        }
    }

    /// `FSDirectory.resolveLastINode`.
    pub(crate) fn last_at(&self, resolved: &Resolved<'_>) -> Result<(u32, &Inode), FsError> {
        resolved
            .last()
            .and_then(|index| self.inode(index).map(|inode| (index, inode)))
            .ok_or_else(|| FsError::FileNotFound(format!("cannot find {}", resolved.path())))
    }

    pub(crate) fn permissions_of(&self, inode: &Inode) -> Permissions {
        let word = self.permission_word(inode);
        Permissions {
            owner: self.user(word.owner).to_owned(),
            group: self.user(word.group).to_owned(),
            mode: word.mode,
        }
    }

    /// The defaults that a directory passes on to children, if it has any.
    pub(crate) fn passes_on_list(list: &[AclEntry]) -> Vec<AclEntry> {
        list.iter().filter(|e| e.scope == AclScope::Default).cloned().collect()
    }

    /// `DFSUtil.checkProtectedDescendants`: configured directories that hold something stay.
    pub(crate) fn check_protected(&self, resolved: &Resolved<'_>) -> Result<(), FsError> {
        let path = resolved.path();
        let below = |directory: &str, of: &str| {
            directory.strip_prefix(of).is_some_and(|rest| rest.starts_with('/') || of == "/")
        };
        for protected in &self.settings.protected_directories {
            let affected = protected == path || below(protected, path);
            let within = self.settings.protect_subdirectories && below(path, protected);
            if affected && self.holds_something(protected) {
                return Err(FsError::AccessControl(format!(
                    "Cannot delete/rename non-empty protected directory {protected}"
                )));
            }
            if within {
                return Err(FsError::AccessControl(format!(
                    "Cannot delete/rename subdirectory under protected subdirectory {protected}"
                )));
            }
        }
        Ok(())
    }

    fn holds_something(&self, path: &str) -> bool {
        let mut at = ROOT;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match self.child(at, part.as_bytes()) {
                Some(child) => at = child,
                None => return false,
            }
        }
        self.children_count(at) > 0
    }
}
