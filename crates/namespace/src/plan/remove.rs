//! Files and trees that go: delete and concat (`FSDirDeleteOp`, `FSDirConcatOp`).

use loxodon_wire::ids::InodeId;

use crate::access::{ALL, Checks, READ, WRITE};
use crate::context::{OpContext, Plan};
use crate::edit::Edit;
use crate::error::FsError;
use crate::inode::Inode;
use crate::path::{Purpose, is_reserved_inodes, is_reserved_raw, is_reserved_root};
use crate::tree::Namespace;
use crate::xattr;

/// How far a tree is looked at for the right to delete it.
#[derive(Clone, Copy, Debug)]
pub enum TreeCheck<'a> {
    /// Every directory.
    Whole,
    /// Every directory, if there are no more than these.
    AtMost(usize),
    /// It was found that all of the tree of `root` may be deleted; only what changed since is looked at.
    Changed {
        /// The tree's root then. Is it another one now, all of it is looked at.
        root: InodeId,
        /// What changed, in order.
        since: &'a [TreeChange],
    },
}

/// An inode that came, or whose permissions or owner changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// Which.
    pub inode: InodeId,
    /// It came from elsewhere, with all that is below it.
    pub moved: bool,
}

impl TreeChange {
    /// What an edit that was applied to `namespace` means for the right to delete the trees around it.
    #[must_use]
    pub fn of(edit: &Edit, namespace: &Namespace) -> Option<Self> {
        let stays = |inode| Some(Self { inode, moved: false });
        match edit {
            Edit::Add(file) => stays(file.inode),
            Edit::Mkdir(directory) => stays(directory.inode),
            Edit::Symlink(link) => stays(link.inode),
            Edit::SetPermissions { path, .. }
            | Edit::SetOwner { path, .. }
            | Edit::SetAcl { path, .. } => stays(namespace.inode_at_path(path)?),
            Edit::RenameOld { destination, .. } | Edit::Rename { destination, .. } => {
                Some(Self { inode: namespace.inode_at_path(destination)?, moved: true })
            }
            _ => None,
        }
    }
}

impl Namespace {
    /// Removes a file or directory. False if there was nothing to remove.
    ///
    /// # Errors
    /// As `FSDirDeleteOp.delete` throws.
    pub fn plan_delete(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        recursive: bool,
    ) -> Result<Plan<bool>, FsError> {
        self.plan_delete_checking(ctx, path, recursive, TreeCheck::Whole)
    }

    /// The same, where every directory of the tree need not be looked at now.
    ///
    /// # Errors
    /// As `FSDirDeleteOp.delete` throws; [`FsError::TreeTooLarge`] where there are more directories than
    /// [`TreeCheck::AtMost`] allows.
    pub fn plan_delete_checking(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        recursive: bool,
        tree: TreeCheck<'_>,
    ) -> Result<Plan<bool>, FsError> {
        if is_reserved_root(path) {
            return Err(FsError::invalid_path(path));
        }
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::WriteLink)?;
        let checked_before = match tree {
            TreeCheck::Changed { root, .. } => {
                resolved.last().and_then(|at| self.inode(at)).map(Inode::id) == Some(root)
            }
            TreeCheck::Whole | TreeCheck::AtMost(_) => false,
        };
        let checks = Checks {
            parent: Some(WRITE),
            tree: (!checked_before).then_some(ALL),
            most_directories: match tree {
                TreeCheck::AtMost(most) => Some(most),
                TreeCheck::Whole | TreeCheck::Changed { .. } => None,
            },
            ignore_empty: true,
            ..Checks::default()
        };
        self.check_permission(ctx.caller, &resolved, checks)?;
        if let (TreeCheck::Changed { since, .. }, Some(root), true) =
            (tree, resolved.last(), checked_before)
        {
            self.check_changed(ctx, root, since)?;
        }
        let Some(index) = resolved.last() else {
            return Ok(Plan::unchanged(false));
        };
        if self.children_count(index) > 0 {
            if !recursive {
                return Err(FsError::PathIsNotEmptyDirectory(format!(
                    "{} is non empty",
                    resolved.path()
                )));
            }
            self.check_protected(&resolved)?;
        }
        // The root stays, without a word.
        if resolved.is_root() {
            return Ok(Plan::unchanged(false));
        }
        let edit = Edit::Delete { path: resolved.into_path(), timestamp: ctx.now, rpc: ctx.rpc };
        Ok(Plan::one(edit, true))
    }

    /// Of a tree that may be deleted, what came or changed since that was found.
    fn check_changed(
        &self,
        ctx: &OpContext<'_>,
        root: u32,
        since: &[TreeChange],
    ) -> Result<(), FsError> {
        if ctx.caller.superuser || !self.settings.permissions_enabled {
            return Ok(());
        }
        let checks = Checks { ignore_empty: true, ..Checks::default() };
        for change in since {
            let Some(index) = self.index_of(change.inode).filter(|at| self.is_below(*at, root))
            else {
                continue;
            };
            // A directory that was empty needed no permission, and one with the sticky bit asks who
            // owns what is in it.
            if let Some(parent) = self.inode(index).map(|inode| inode.parent)
                && index != root
            {
                self.check_tree_directory(ctx.caller, parent, ALL, true)?;
            }
            if change.moved {
                self.check_tree(ctx.caller, index, ALL, checks)?;
            } else {
                self.check_tree_directory(ctx.caller, index, ALL, true)?;
            }
        }
        Ok(())
    }

    /// Whether an inode is `root` or lies below it.
    fn is_below(&self, mut index: u32, root: u32) -> bool {
        loop {
            if index == root {
                return true;
            }
            match self.inode(index) {
                Some(inode) if inode.parent != index => index = inode.parent,
                _ => return false,
            }
        }
    }

    /// Appends whole files of a directory to one of them (`ClientProtocol.concat`).
    ///
    /// # Errors
    /// As `FSDirConcatOp.concat` throws.
    pub fn plan_concat(
        &self,
        ctx: &OpContext<'_>,
        target: &str,
        sources: &[String],
    ) -> Result<Plan<()>, FsError> {
        if target.is_empty() {
            return Err(FsError::IllegalArgument("Target file name is empty".to_owned()));
        }
        if sources.is_empty() {
            return Err(FsError::IllegalArgument("No sources given".to_owned()));
        }
        for path in std::iter::once(target).chain(sources.iter().map(String::as_str)) {
            if is_reserved_raw(path) || is_reserved_inodes(path) {
                return Err(FsError::Io(format!(
                    "Concat operation doesn't support .reserved relative path : {path}"
                )));
            }
        }
        let resolved = self.resolve(Some(ctx.caller), target, Purpose::Write)?;
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        let (index, inode) = self.file_at(resolved.last(), target)?;
        if self.is_encrypted(index) {
            return Err(FsError::HadoopIllegalArgument(
                "concat can not be called for files in an encryption zone.".to_owned(),
            ));
        }
        if inode.is_open() {
            return Err(FsError::HadoopIllegalArgument(format!(
                "concat: target file {target} is under construction"
            )));
        }
        let mut seen = Vec::with_capacity(sources.len());
        let mut logged = Vec::with_capacity(sources.len());
        for source in sources {
            let (part, path) = self.check_concat_source(ctx, source, index, resolved.path())?;
            if seen.contains(&part) {
                return Err(FsError::HadoopIllegalArgument(
                    "concat: at least two of the source files are the same".to_owned(),
                ));
            }
            seen.push(part);
            logged.push(path);
        }
        self.check_concat_quota(index, inode, &seen)?;
        let edit = Edit::ConcatDelete {
            target: resolved.into_path(),
            sources: logged,
            timestamp: ctx.now,
            rpc: ctx.rpc,
        };
        Ok(Plan::one(edit, ()))
    }

    fn check_concat_source(
        &self,
        ctx: &OpContext<'_>,
        source: &str,
        target: u32,
        target_path: &str,
    ) -> Result<(u32, String), FsError> {
        let refuse = |message: String| Err(FsError::HadoopIllegalArgument(message));
        let resolved = self.resolve(Some(ctx.caller), source, Purpose::Write)?;
        self.check_path_access(ctx.caller, &resolved, READ)?;
        let parent_write = Checks { parent: Some(WRITE), ..Checks::default() };
        self.check_permission(ctx.caller, &resolved, parent_write)?;
        let (index, inode) = self.file_at(resolved.last(), source)?;
        let into = self.inode(target).copied().unwrap_or_default();
        if inode.parent != into.parent {
            return refuse(format!(
                "Source file {source} is not in the same directory with the target {target_path}"
            ));
        }
        if index == target {
            return refuse(format!(
                "concat: the src file {source} is the same with the target file {target_path}"
            ));
        }
        if inode.is_open() || self.blocks(index).is_empty() {
            return refuse(format!(
                "concat: source file {source} is invalid or empty or underConstruction"
            ));
        }
        let (from, to) = (self.layout(inode), self.layout(&into));
        if from.block_size > to.block_size {
            return refuse(format!(
                "concat: source file {source} has preferred block size {} which is greater than the target file's preferred block size {}",
                from.block_size, to.block_size
            ));
        }
        if from.erasure_coding_policy != to.erasure_coding_policy {
            return refuse(format!(
                "Source file {source} and target file {target_path} have different erasure coding policy"
            ));
        }
        Ok((index, resolved.into_path()))
    }

    /// More copies of what comes from files with fewer.
    fn check_concat_quota(&self, target: u32, inode: &Inode, parts: &[u32]) -> Result<(), FsError> {
        let copies = crate::usage::copies(&self.layout(inode));
        let mut more = crate::status::Usage::default();
        for &part in parts {
            let bytes = self.blocks(part).length();
            more.add(&crate::usage::space(bytes, copies, self.effective_policy(target)));
            more.add(&self.file_usage(part).negated());
        }
        self.verify_quota(inode.parent, &more, None)
    }

    /// In an encryption zone?
    pub(crate) fn is_encrypted(&self, index: u32) -> bool {
        self.nearest_attribute(index, xattr::is_encryption_zone).is_some()
    }

    /// The attribute of this kind that is set on an inode, or on the nearest directory above it that has one.
    pub(crate) fn nearest_attribute(
        &self,
        index: u32,
        matches: fn(&crate::edit::XAttr) -> bool,
    ) -> Option<&crate::edit::XAttr> {
        let mut at = index;
        while let Some(inode) = self.inode(at) {
            let beside = inode.beside().and_then(|_| self.beside(at));
            if let Some(found) = beside.and_then(|b| b.xattrs.iter().find(|x| matches(x))) {
                return Some(found);
            }
            at = inode.parent;
        }
        None
    }
}
