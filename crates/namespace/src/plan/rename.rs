//! Renames, old and new (`FSDirRenameOp`).

use crate::access::{ALL, Checks, WRITE};
use crate::context::{OpContext, Plan};
use crate::edit::{Edit, RenameOption};
use crate::error::FsError;
use crate::inode::Inode;
use crate::path::{Purpose, Resolved, is_reserved_root};
use crate::policy::UNSPECIFIED;
use crate::status::{FileKind, Usage};
use crate::tree::Namespace;

impl Namespace {
    /// `rename` without options: false, without a reason, where source or destination do not fit;
    /// into a directory that is there it goes under its own name.
    ///
    /// # Errors
    /// No permission, a path that is no path, limits.
    pub fn plan_rename_old(
        &self,
        ctx: &OpContext<'_>,
        source: &str,
        destination: &str,
    ) -> Result<Plan<bool>, FsError> {
        let from = self.resolve(Some(ctx.caller), source, Purpose::WriteLink)?;
        let given = self.resolve(Some(ctx.caller), destination, Purpose::CreateLink)?;
        let into_directory =
            given.last().filter(|&index| self.inode(index).is_some_and(Inode::is_directory));
        let to = into_directory.map_or_else(
            || given.clone(),
            |directory| given.join(from.name(), self.child(directory, from.name().as_bytes())),
        );
        self.check_rename_permissions(ctx, &from, &to, false)?;
        let Some(index) = from.last() else {
            return Ok(Plan::unchanged(false));
        };
        if from.is_root() {
            return Ok(Plan::unchanged(false));
        }
        if from.path() == to.path() {
            return self.rename_old_edit(ctx, &from, &to);
        }
        match self.check_destination(&from, &to, index) {
            // No `IOException` in Java, so not among those that only mean "no".
            Err(error @ FsError::InvalidPath(_)) => return Err(error),
            Err(_) => return Ok(Plan::unchanged(false)),
            Ok(()) if to.last().is_some() => return Ok(Plan::unchanged(false)),
            Ok(()) => {}
        }
        let Some(parent) = to.parent() else {
            return Ok(Plan::unchanged(false));
        };
        self.check_rename_limits(&from, &to, index, parent)?;
        self.rename_old_edit(ctx, &from, &to)
    }

    fn rename_old_edit(
        &self,
        ctx: &OpContext<'_>,
        from: &Resolved<'_>,
        to: &Resolved<'_>,
    ) -> Result<Plan<bool>, FsError> {
        if from.path() == to.path() {
            return Ok(Plan::unchanged(true));
        }
        let edit = Edit::RenameOld {
            source: from.path().to_owned(),
            destination: to.path().to_owned(),
            timestamp: ctx.now,
            rpc: ctx.rpc,
        };
        Ok(Plan::one(edit, true))
    }

    /// `rename2`: says why where it cannot be.
    ///
    /// # Errors
    /// As `FSDirRenameOp.unprotectedRenameTo` throws.
    pub fn plan_rename(
        &self,
        ctx: &OpContext<'_>,
        source: &str,
        destination: &str,
        options: &[RenameOption],
    ) -> Result<Plan<()>, FsError> {
        let from = self.resolve(Some(ctx.caller), source, Purpose::WriteLink)?;
        let to = self.resolve(Some(ctx.caller), destination, Purpose::CreateLink)?;
        let to_trash = options.contains(&RenameOption::ToTrash);
        self.check_rename_permissions(ctx, &from, &to, to_trash)?;
        let Some(index) = from.last() else {
            return Err(FsError::FileNotFound(format!(
                "rename source {} is not found.",
                from.path()
            )));
        };
        if from.is_root() {
            return Err(FsError::Io("rename source cannot be the root".to_owned()));
        }
        if from.path() == to.path() {
            return Err(FsError::FileAlreadyExists(format!(
                "The source {} and destination {} are the same",
                from.path(),
                to.path()
            )));
        }
        self.check_destination(&from, &to, index)?;
        if to.is_root() {
            return Err(FsError::Io("rename destination cannot be the root".to_owned()));
        }
        let overwrite = options.contains(&RenameOption::Overwrite);
        if let Some(old) = to.last() {
            self.check_overwrite(&from, &to, overwrite, index, old)?;
        }
        let parent = self.rename_parent(&to)?;
        self.check_rename_limits(&from, &to, index, parent)?;
        let edit = Edit::Rename {
            source: from.into_path(),
            destination: to.into_path(),
            timestamp: ctx.now,
            options: options.to_vec(),
            rpc: ctx.rpc,
        };
        Ok(Plan::one(edit, ()))
    }

    fn check_rename_permissions(
        &self,
        ctx: &OpContext<'_>,
        from: &Resolved<'_>,
        to: &Resolved<'_>,
        to_trash: bool,
    ) -> Result<(), FsError> {
        if from.last().is_some_and(|index| self.children_count(index) > 0) {
            self.check_protected(from)?;
        }
        // What goes to the trash must be what its owner could delete.
        let source = Checks {
            parent: Some(WRITE),
            tree: to_trash.then_some(ALL),
            ignore_empty: to_trash,
            ..Checks::default()
        };
        self.check_permission(ctx.caller, from, source)?;
        self.check_ancestor_write(ctx.caller, to)
    }

    /// `validateDestination`.
    fn check_destination(
        &self,
        from: &Resolved<'_>,
        to: &Resolved<'_>,
        index: u32,
    ) -> Result<(), FsError> {
        let (source, destination) = (from.path(), to.path());
        let target = self.beside(index).and_then(|b| b.symlink.as_deref());
        if target == Some(destination) {
            return Err(FsError::FileAlreadyExists(format!(
                "Cannot rename symlink {source} to its target {destination}"
            )));
        }
        if destination.strip_prefix(source).is_some_and(|rest| rest.starts_with('/')) {
            return Err(FsError::Io(format!(
                "Rename destination {destination} is a directory or file under source {source}"
            )));
        }
        if is_reserved_root(source) || is_reserved_root(destination) {
            return Err(FsError::invalid_path("Cannot rename to or from /.reserved"));
        }
        Ok(())
    }

    /// `validateOverwrite`.
    fn check_overwrite(
        &self,
        from: &Resolved<'_>,
        to: &Resolved<'_>,
        overwrite: bool,
        source: u32,
        old: u32,
    ) -> Result<(), FsError> {
        let is_directory = |index| self.inode(index).is_some_and(Inode::is_directory);
        if is_directory(source) != is_directory(old) {
            return Err(FsError::Io(format!(
                "Source {} and destination {} must both be directories",
                from.path(),
                to.path()
            )));
        }
        if !overwrite {
            return Err(FsError::FileAlreadyExists(format!(
                "rename destination {} already exists",
                to.path()
            )));
        }
        if self.children_count(old) > 0 {
            return Err(FsError::Io(format!(
                "rename destination directory is not empty: {}",
                to.path()
            )));
        }
        Ok(())
    }

    fn rename_parent(&self, to: &Resolved<'_>) -> Result<u32, FsError> {
        let found = to.parent().and_then(|i| self.inode(i).map(|inode| (i, inode)));
        match found {
            None => Err(FsError::FileNotFound(format!(
                "rename destination parent {} not found.",
                to.path()
            ))),
            Some((_, inode)) if !inode.is_directory() => Err(FsError::ParentNotDirectory(format!(
                "rename destination parent {} is a file.",
                to.path()
            ))),
            Some((index, _)) => Ok(index),
        }
    }

    /// Names, directory sizes, and quotas of the destination as far as it is not the source's.
    fn check_rename_limits(
        &self,
        from: &Resolved<'_>,
        to: &Resolved<'_>,
        index: u32,
        parent: u32,
    ) -> Result<(), FsError> {
        self.check_component(to.name(), to.parent_path())?;
        if from.parent() != Some(parent) {
            self.check_directory_items(parent, to.parent_path())?;
        }
        if to.name() == crate::path::DOT_SNAPSHOT {
            return Err(FsError::HadoopIllegalArgument(
                "\".snapshot\" is a reserved name.".to_owned(),
            ));
        }
        if to.len() == 2 && to.name() == ".reserved" {
            return Err(FsError::invalid_path("Cannot rename to or from /.reserved"));
        }
        let common =
            from.inodes.iter().zip(&to.inodes).take_while(|(a, b)| a == b).last().map(|(a, _)| *a);
        if !self.crosses_limits(from.parent().unwrap_or_default(), parent) {
            return Ok(());
        }
        let own = self.inode(index).map_or(UNSPECIFIED, |i| self.own_policy(index, i));
        let policy = if own == UNSPECIFIED { self.effective_policy(parent) } else { own };
        let mut more: Usage = self.tree_usage(index, policy);
        if let Some(old) = to.last() {
            more.add(&self.tree_usage(old, self.effective_policy(parent)).negated());
        }
        self.verify_quota(parent, &more, common)
    }

    /// Is it a symbolic link?
    pub(crate) fn is_link(&self, index: u32) -> bool {
        self.inode(index).map(Inode::kind) == Some(FileKind::Symlink)
    }
}
