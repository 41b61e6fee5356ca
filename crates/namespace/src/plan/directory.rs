//! Directories and symbolic links (`FSDirMkdirOp`, `FSDirSymlinkOp`).

use loxodon_wire::ids::InodeId;
use smallvec::SmallVec;

use super::{CreateMode, Heritage};
use crate::context::{OpContext, Plan};
use crate::edit::{Edit, Mkdir, Permissions, Symlink};
use crate::error::FsError;
use crate::path::{Purpose, Resolved, is_reserved, is_reserved_root, is_valid_name};
use crate::status::Usage;
use crate::tree::Namespace;

/// Inodes that a plan creates, one number after another.
pub(crate) struct NewIds(u64);

impl NewIds {
    pub(crate) const fn after(last: InodeId) -> Self {
        Self(last.0)
    }

    pub(crate) fn next(&mut self) -> InodeId {
        self.0 = self.0.saturating_add(1);
        InodeId(self.0)
    }
}

/// `FSDirMkdirOp.addImplicitUwx`: who makes directories on the way can go through them.
const fn on_the_way(mode: CreateMode) -> CreateMode {
    CreateMode { masked: (mode.masked & 0o777) | 0o300, unmasked: mode.unmasked }
}

impl Namespace {
    /// Makes a directory, and those on the way where `create_parent` says so. True, always: one
    /// that is there already is as good.
    ///
    /// # Errors
    /// As `FSDirMkdirOp.mkdirs` throws.
    pub fn plan_mkdirs(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        mode: CreateMode,
        create_parent: bool,
    ) -> Result<Plan<bool>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Create)?;
        if let Some(inode) = resolved.last().and_then(|index| self.inode(index)) {
            if inode.is_file() {
                return Err(FsError::FileAlreadyExists(format!("Path is not a directory: {path}")));
            }
            return Ok(Plan::unchanged(true));
        }
        self.check_ancestor_write(ctx.caller, &resolved)?;
        if !create_parent {
            self.verify_parent(&resolved)?;
        }
        self.check_object_limit()?;
        let mut ids = NewIds::after(self.counters.last_inode);
        let missing = resolved.len() - resolved.inodes.len();
        self.check_new(&resolved, &names(missing))?;
        let mut edits = SmallVec::new();
        let parent = self.make_ancestors(ctx, &resolved, on_the_way(mode), &mut ids, &mut edits);
        let last = resolved.len() - 1;
        self.make_directory(ctx, &parent, resolved.prefix(last), mode, ids.next(), &mut edits);
        Ok(Plan { edits, value: true })
    }

    /// Edits for the directories that are missing above a path's last component; what the last of
    /// them passes on.
    pub(crate) fn make_ancestors(
        &self,
        ctx: &OpContext<'_>,
        resolved: &Resolved<'_>,
        mode: CreateMode,
        ids: &mut NewIds,
        edits: &mut SmallVec<[Edit; 1]>,
    ) -> Heritage {
        let mut parent = self.heritage(resolved.deepest());
        for depth in resolved.inodes.len()..resolved.len() - 1 {
            parent =
                self.make_directory(ctx, &parent, resolved.prefix(depth), mode, ids.next(), edits);
        }
        parent
    }

    fn make_directory(
        &self,
        ctx: &OpContext<'_>,
        parent: &Heritage,
        path: &str,
        mode: CreateMode,
        inode: InodeId,
        edits: &mut SmallVec<[Edit; 1]>,
    ) -> Heritage {
        let (permissions, acl) = self.inherit(parent, &ctx.caller.user, mode, true);
        let passed_on =
            Heritage { group: permissions.group.clone(), acl: Self::passes_on_list(&acl) };
        edits.push(Edit::Mkdir(Box::new(Mkdir {
            inode,
            path: path.to_owned(),
            timestamp: ctx.now,
            permissions,
            acl,
            xattrs: Vec::new(),
        })));
        passed_on
    }

    /// The mode of directories made on the way to a file: the last existing directory's, and the
    /// caller can go through them.
    pub(crate) fn ancestors_mode(&self, resolved: &Resolved<'_>) -> CreateMode {
        let mode =
            self.inode(resolved.deepest()).map_or(0o755, |inode| self.permission_word(inode).mode);
        on_the_way(CreateMode::plain(mode))
    }

    /// Makes a symbolic link; gives its number.
    ///
    /// # Errors
    /// As `FSDirSymlinkOp.createSymlinkInt` throws; unsupported where links are switched off.
    pub fn plan_symlink(
        &self,
        ctx: &OpContext<'_>,
        target: &str,
        link: &str,
        create_parent: bool,
    ) -> Result<Plan<InodeId>, FsError> {
        if !self.settings.symlinks_enabled {
            return Err(FsError::UnsupportedOperation("Symlinks not supported".to_owned()));
        }
        if !is_valid_name(link) {
            return Err(FsError::invalid_path(format_args!("Invalid link name: {link}")));
        }
        if target.is_empty() || is_reserved(target) || is_reserved_root(target) {
            return Err(FsError::invalid_path(format_args!("Invalid target name: {target}")));
        }
        let resolved = self.resolve(Some(ctx.caller), link, Purpose::WriteLink)?;
        if !create_parent {
            self.verify_parent(&resolved)?;
        }
        if resolved.last().is_some() || link.ends_with('/') {
            return Err(FsError::Io(format!(
                "failed to create link {} either because the filename is invalid or the file exists",
                resolved.path()
            )));
        }
        self.check_ancestor_write(ctx.caller, &resolved)?;
        self.check_object_limit()?;
        self.check_new(&resolved, &names(resolved.len() - resolved.inodes.len()))?;
        let mut ids = NewIds::after(self.counters.last_inode);
        let mut edits = SmallVec::new();
        let mode = self.ancestors_mode(&resolved);
        let parent = self.make_ancestors(ctx, &resolved, mode, &mut ids, &mut edits);
        let inode = ids.next();
        edits.push(Edit::Symlink(Box::new(Symlink {
            inode,
            path: resolved.path().to_owned(),
            target: target.to_owned(),
            mtime: ctx.now,
            atime: ctx.now,
            permissions: Permissions {
                owner: ctx.caller.user.clone(),
                group: parent.group,
                mode: 0o777,
            },
            rpc: ctx.rpc,
        })));
        Ok(Plan { edits, value: inode })
    }
}

/// So many names more.
pub(crate) fn names(count: usize) -> Usage {
    Usage { namespace: i64::try_from(count).unwrap_or(i64::MAX), ..Usage::default() }
}
