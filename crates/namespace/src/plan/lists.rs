//! Access control lists and extended attributes (`FSDirAclOp`, `FSDirXAttrOp`).

use crate::access::{READ, WRITE};
use crate::acl;
use crate::context::{OpContext, Plan};
use crate::edit::{AclEntry, Edit, XAttr, XAttrNamespace};
use crate::error::FsError;
use crate::path::{Purpose, Resolved, is_reserved_raw};
use crate::tree::Namespace;
use crate::xattr;

/// `AclStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclStatus<'a> {
    /// Owner.
    pub owner: &'a str,
    /// Group.
    pub group: &'a str,
    /// Mode, with sticky bit.
    pub mode: u16,
    /// Entries that the mode does not say.
    pub entries: &'a [AclEntry],
}

impl Namespace {
    fn check_acls_enabled(&self) -> Result<(), FsError> {
        if self.settings.acls_enabled {
            return Ok(());
        }
        Err(FsError::Acl(
            "The ACL operation has been rejected.  Support for ACLs has been disabled by setting dfs.namenode.acls.enabled to false.".to_owned(),
        ))
    }

    /// Changes a list by `change`, which gets the whole old one and gives the whole new one.
    fn plan_acl(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        change: impl FnOnce(&[AclEntry]) -> Result<Vec<AclEntry>, FsError>,
    ) -> Result<Plan<()>, FsError> {
        self.check_acls_enabled()?;
        let resolved = self.resolve_owned(ctx, path)?;
        let (index, inode) = self.last_at(&resolved)?;
        let kept = self.beside(index).map_or(&[][..], |b| &b.acl);
        let old = acl::logical(self.permission_word(inode).mode, kept);
        let located = |error: FsError| match error {
            FsError::Acl(message) => FsError::Acl(format!("{message} Path: {}", resolved.path())),
            other => other,
        };
        let entries = change(&old).map_err(located)?;
        let has_defaults = !Self::passes_on_list(&entries).is_empty();
        if has_defaults && !inode.is_directory() {
            return Err(FsError::Acl(format!(
                "Invalid ACL: only directories may have a default ACL. Path: {} Path: {}",
                resolved.path(),
                resolved.path()
            )));
        }
        let path = resolved.into_path();
        Ok(Plan::one(Edit::SetAcl { path, entries }, ()))
    }

    /// Adds and replaces entries.
    ///
    /// # Errors
    /// Not the caller's, or the list would not hold together.
    pub fn plan_modify_acl(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        spec: &[AclEntry],
    ) -> Result<Plan<()>, FsError> {
        self.plan_acl(ctx, path, |old| acl::merge(old, spec))
    }

    /// Removes entries.
    ///
    /// # Errors
    /// As for adding them.
    pub fn plan_remove_acl_entries(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        spec: &[AclEntry],
    ) -> Result<Plan<()>, FsError> {
        self.plan_acl(ctx, path, |old| acl::without(old, spec))
    }

    /// Removes the defaults.
    ///
    /// # Errors
    /// As for adding entries.
    pub fn plan_remove_default_acl(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
    ) -> Result<Plan<()>, FsError> {
        self.plan_acl(ctx, path, acl::without_defaults)
    }

    /// Removes all that the mode does not say.
    ///
    /// # Errors
    /// Not there, or not the caller's.
    pub fn plan_remove_acl(&self, ctx: &OpContext<'_>, path: &str) -> Result<Plan<()>, FsError> {
        self.plan_acl(ctx, path, |_| Ok(Vec::new()))
    }

    /// Replaces the list, scope by scope.
    ///
    /// # Errors
    /// As for adding entries.
    pub fn plan_set_acl(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        spec: &[AclEntry],
    ) -> Result<Plan<()>, FsError> {
        self.plan_acl(ctx, path, |old| {
            if spec.is_empty() { Ok(Vec::new()) } else { acl::replace(old, spec) }
        })
    }

    /// A file's or directory's list.
    ///
    /// # Errors
    /// Not there, or the way there is not the caller's to go.
    pub fn acl_status(&self, ctx: &OpContext<'_>, path: &str) -> Result<AclStatus<'_>, FsError> {
        self.check_acls_enabled()?;
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        let (index, inode) = self.last_at(&resolved)?;
        let word = self.permission_word(inode);
        Ok(AclStatus {
            owner: self.user(word.owner),
            group: self.user(word.group),
            mode: word.mode,
            entries: self.beside(index).map_or(&[], |b| &b.acl),
        })
    }

    fn check_xattrs_enabled(&self) -> Result<(), FsError> {
        if self.settings.xattrs_enabled {
            return Ok(());
        }
        Err(FsError::Io(
            "The XAttr operation has been rejected.  Support for XAttrs has been disabled by setting dfs.namenode.xattrs.enabled to false.".to_owned(),
        ))
    }

    /// Who may change an attribute of this inode (`checkXAttrChangeAccess`).
    fn check_xattr_change(
        &self,
        ctx: &OpContext<'_>,
        resolved: &Resolved<'_>,
        attribute: &XAttr,
    ) -> Result<(), FsError> {
        if attribute.namespace != XAttrNamespace::User || !self.settings.permissions_enabled {
            return Ok(());
        }
        let sticky = resolved.last().and_then(|index| self.inode(index)).is_some_and(|inode| {
            inode.is_directory() && self.permission_word(inode).mode & crate::access::STICKY != 0
        });
        if sticky && !ctx.caller.superuser {
            return self.resolve_owned(ctx, resolved.path()).map(|_| ());
        }
        self.check_path_access(ctx.caller, resolved, WRITE)
    }

    /// Sets an attribute. `flags` say whether it may be new, there already, or both
    /// ([`xattr::CREATE`], [`xattr::REPLACE`]).
    ///
    /// # Errors
    /// As `FSDirXAttrOp.setXAttr` throws.
    pub fn plan_set_xattr(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        attribute: &XAttr,
        flags: u8,
    ) -> Result<Plan<()>, FsError> {
        self.check_xattrs_enabled()?;
        let size = attribute.name.len() + attribute.value.as_ref().map_or(0, bytes::Bytes::len);
        let limit = self.settings.max_xattr_size;
        if size > limit {
            return Err(FsError::HadoopIllegalArgument(format!(
                "The XAttr is too big. The maximum combined size of the name and value is {limit}, but the total size is {size}"
            )));
        }
        xattr::check_api(ctx.caller, attribute, is_reserved_raw(path))?;
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        self.check_xattr_change(ctx, &resolved, attribute)?;
        let (index, inode) = self.last_at(&resolved)?;
        let existing = self.beside(index).map_or(&[][..], |b| &b.xattrs);
        let exists = existing.iter().any(|x| xattr::same(x, attribute));
        xattr::check_flags(&attribute.name, exists, flags)?;
        let visible = existing.iter().filter(|x| xattr::user_visible(x)).count();
        let more = usize::from(!exists && xattr::user_visible(attribute));
        let limit = self.settings.max_xattrs_per_inode;
        if visible + more > limit {
            return Err(FsError::Io(format!(
                "Cannot add additional XAttr to inode, would exceed limit of {limit}"
            )));
        }
        if xattr::is_unreadable_by_superuser(attribute) && !inode.is_file() {
            return Err(FsError::Io(
                "Can only set 'security.hdfs.unreadable.by.superuser' on a file.".to_owned(),
            ));
        }
        let edit = Edit::SetXAttr {
            path: resolved.into_path(),
            xattrs: vec![attribute.clone()],
            rpc: ctx.rpc,
        };
        Ok(Plan::one(edit, ()))
    }

    /// Removes an attribute.
    ///
    /// # Errors
    /// As `FSDirXAttrOp.removeXAttr` throws.
    pub fn plan_remove_xattr(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        attribute: &XAttr,
    ) -> Result<Plan<()>, FsError> {
        self.check_xattrs_enabled()?;
        xattr::check_api(ctx.caller, attribute, is_reserved_raw(path))?;
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        self.check_xattr_change(ctx, &resolved, attribute)?;
        let (index, _) = self.last_at(&resolved)?;
        let existing = self.beside(index).map_or(&[][..], |b| &b.xattrs);
        if xattr::is_unreadable_by_superuser(attribute) && !existing.is_empty() {
            return Err(FsError::AccessControl(
                "The xattr 'security.hdfs.unreadable.by.superuser' can not be deleted.".to_owned(),
            ));
        }
        if xattr::is_encryption_zone(attribute) && !existing.is_empty() {
            return Err(FsError::IllegalArgument(
                "The encryption zone xattr should never be deleted.".to_owned(),
            ));
        }
        if !existing.iter().any(|x| xattr::same(x, attribute)) {
            return Err(FsError::Io(
                "No matching attributes found for remove operation".to_owned(),
            ));
        }
        let edit = Edit::RemoveXAttr {
            path: resolved.into_path(),
            xattrs: vec![attribute.clone()],
            rpc: ctx.rpc,
        };
        Ok(Plan::one(edit, ()))
    }

    /// The attributes asked for, or all that the caller may see where he names none.
    ///
    /// # Errors
    /// Not the caller's to read, or one that he named is not there.
    pub fn xattrs(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        asked: &[XAttr],
    ) -> Result<Vec<XAttr>, FsError> {
        self.check_xattrs_enabled()?;
        let raw = is_reserved_raw(path);
        for attribute in asked {
            xattr::check_api(ctx.caller, attribute, raw)?;
        }
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Read)?;
        self.check_path_access(ctx.caller, &resolved, READ)?;
        let (index, _) = self.last_at(&resolved)?;
        let all = self.beside(index).map_or(&[][..], |b| &b.xattrs);
        let mut seen = all.iter().filter(|x| xattr::visible(ctx.caller, x, raw));
        if asked.is_empty() {
            return Ok(seen.cloned().collect());
        }
        let seen: Vec<&XAttr> = seen.by_ref().collect();
        asked
            .iter()
            .map(|wanted| {
                seen.iter().find(|x| xattr::same(x, wanted)).map(|x| (*x).clone()).ok_or_else(
                    || {
                        FsError::XAttrNotFound(
                            "At least one of the attributes provided was not found.".to_owned(),
                        )
                    },
                )
            })
            .collect()
    }
}
