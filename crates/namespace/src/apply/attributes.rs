//! Edits that change what is said about an inode: permissions, times, limits, policies, lists.

use crate::acl;
use crate::context::{Applied, BlockChange};
use crate::edit::{AclEntry, Edit, StorageType};
use crate::error::ApplyError;
use crate::inode::{Inode, QuotaFeature};
use crate::status::Quota;
use crate::tree::{Namespace, ROOT};
use crate::xattr;
use loxodon_wire::ids::Milliseconds;

/// `HdfsConstants.QUOTA_DONT_SET`: leave as it is.
pub(crate) const DONT_SET: i64 = i64::MAX;
/// `HdfsConstants.QUOTA_RESET`: no limit.
pub(crate) const RESET: i64 = -1;

impl Namespace {
    /// Applies an edit of this kind. False if it is of another.
    pub(super) fn apply_attribute(
        &mut self,
        edit: &Edit,
        applied: &mut Applied,
    ) -> Result<bool, ApplyError> {
        match edit {
            Edit::SetReplication { path, replication } => {
                self.apply_replication(path, *replication, applied)?;
            }
            Edit::SetPermissions { path, mode } => {
                let index = self.existing("OP_SET_PERMISSIONS", path)?;
                self.change_permission(index, |_, word| word.mode = *mode);
            }
            Edit::SetOwner { path, owner, group } => {
                let index = self.existing("OP_SET_OWNER", path)?;
                self.change_permission(index, |ns, word| {
                    if let Some(owner) = owner {
                        word.owner = ns.owner(owner);
                    }
                    if let Some(group) = group {
                        word.group = ns.owner(group);
                    }
                });
            }
            Edit::Times { path, mtime, atime } => {
                let index = self.existing("OP_TIMES", path)?;
                let record = self.inodes.get_mut(index);
                if let Ok(time) = u64::try_from(*mtime) {
                    record.set_mtime(Milliseconds(time));
                }
                if let Ok(time) = u64::try_from(*atime) {
                    record.set_atime(Milliseconds(time));
                }
            }
            Edit::SetStoragePolicy { path, policy } => {
                self.apply_storage_policy(path, *policy, applied)?;
            }
            Edit::SetAcl { path, entries } => self.apply_acl(path, entries)?,
            Edit::SetXAttr { path, xattrs, .. } => {
                let index = self.existing("OP_SET_XATTR", path)?;
                self.update_beside(index, |beside| xattr::set(&mut beside.xattrs, xattrs));
            }
            Edit::RemoveXAttr { path, xattrs, .. } => {
                let index = self.existing("OP_REMOVE_XATTR", path)?;
                self.update_beside(index, |beside| {
                    xattr::remove(&mut beside.xattrs, xattrs);
                });
            }
            _ => return self.apply_quota_edit(edit),
        }
        Ok(true)
    }

    fn apply_quota_edit(&mut self, edit: &Edit) -> Result<bool, ApplyError> {
        match edit {
            Edit::SetNsQuota { path, namespace_quota } => {
                self.apply_quota("OP_SET_NS_QUOTA", path, *namespace_quota, DONT_SET, None)?;
            }
            Edit::ClearNsQuota { path } => {
                self.apply_quota("OP_CLEAR_NS_QUOTA", path, RESET, DONT_SET, None)?;
            }
            Edit::SetQuota { path, namespace_quota, storage_quota } => {
                self.apply_quota("OP_SET_QUOTA", path, *namespace_quota, *storage_quota, None)?;
            }
            Edit::SetQuotaByStorageType { path, storage_type, storage_quota } => {
                const KIND: &str = "OP_SET_QUOTA_BY_STORAGETYPE";
                self.apply_quota(KIND, path, DONT_SET, *storage_quota, Some(*storage_type))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn change_permission(
        &mut self,
        index: u32,
        change: impl FnOnce(&mut Self, &mut crate::inode::PermissionWord),
    ) {
        let Some(mut word) = self.inode(index).map(|inode| self.permission_word(inode)) else {
            return;
        };
        change(self, &mut word);
        self.set_permission_word(index, word);
    }

    fn apply_replication(
        &mut self,
        path: &str,
        replication: u16,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        let index = self.existing_file("OP_SET_REPLICATION", path)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        let mut layout = self.layout(&inode);
        // Limits may have been changed since it was logged (`BlockManager.adjustReplication`).
        let (min, max) = (self.settings.min_replication, self.settings.max_replication);
        let replication = replication.min(max).max(min);
        let old = std::mem::replace(&mut layout.replication, replication);
        self.accounting(index, |ns| ns.set_layout(index, layout));
        applied.blocks.push(BlockChange::Replication { file: inode.id(), old, new: replication });
        Ok(())
    }

    fn apply_storage_policy(
        &mut self,
        path: &str,
        policy: u8,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_SET_STORAGE_POLICY";
        let index = self.existing(KIND, path)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        if inode.is_file() {
            let mut layout = self.layout(&inode);
            layout.storage_policy = policy;
            self.accounting(index, |ns| ns.set_layout(index, layout));
        } else if inode.is_directory() {
            let inherited = self.effective_policy(inode.parent);
            let before = self.tree_usage_by_type(index, inherited);
            let attribute = xattr::storage_policy(policy);
            self.update_beside(index, |beside| {
                if policy == crate::policy::UNSPECIFIED {
                    xattr::remove(&mut beside.xattrs, &[attribute]);
                } else {
                    xattr::set(&mut beside.xattrs, &[attribute]);
                }
            });
            if let Some(before) = before {
                let mut delta = self.tree_usage(index, inherited);
                delta.add(&before.negated());
                self.account(index, &delta);
            }
        } else {
            return Err(ApplyError::new(KIND, path, "is neither file nor directory"));
        }
        applied.blocks.push(BlockChange::StoragePolicy { inode: inode.id() });
        Ok(())
    }

    /// What a tree uses, if it is worth counting: files below change the type they count on.
    fn tree_usage_by_type(&self, index: u32, inherited: u8) -> Option<crate::status::Usage> {
        (self.children_count(index) > 0).then(|| self.tree_usage(index, inherited))
    }

    fn apply_acl(&mut self, path: &str, entries: &[AclEntry]) -> Result<(), ApplyError> {
        let index = self.existing("OP_SET_ACL", path)?;
        if entries.is_empty() {
            let kept = self.beside(index).map(|b| b.acl.clone()).unwrap_or_default();
            self.change_permission(index, |_, word| {
                word.mode = acl::mode_without(word.mode, &kept);
            });
            self.update_beside(index, |beside| beside.acl.clear());
        } else {
            self.set_logical_acl(index, entries);
        }
        Ok(())
    }

    fn apply_quota(
        &mut self,
        kind: &'static str,
        path: &str,
        namespace: i64,
        storage: i64,
        of_type: Option<StorageType>,
    ) -> Result<(), ApplyError> {
        let index = self.existing(kind, path)?;
        if !self.inode(index).is_some_and(Inode::is_directory) {
            return Err(ApplyError::new(kind, path, "is not a directory"));
        }
        let old = self.quota(index).map_or(Quota::NONE, |q| q.limits);
        let limits = changed_limits(old, index == ROOT, namespace, storage, of_type);
        if index == ROOT {
            self.root_quota.limits = limits;
            return Ok(());
        }
        if !limits.is_set() {
            self.update_beside(index, |beside| beside.quota = None);
            return Ok(());
        }
        let used = match self.quota(index) {
            Some(quota) => quota.used,
            None => {
                let parent = self.inode(index).map_or(ROOT, |inode| inode.parent);
                self.tree_usage(index, self.effective_policy(parent))
            }
        };
        self.update_beside(index, |beside| {
            beside.quota = Some(Box::new(QuotaFeature { limits, used }));
        });
        Ok(())
    }
}

/// `FSDirAttrOp.unprotectedSetQuota`: the root cannot be without a name quota.
pub(crate) fn changed_limits(
    old: Quota,
    root: bool,
    namespace: i64,
    storage: i64,
    of_type: Option<StorageType>,
) -> Quota {
    let mut limits = old;
    if let Some(kind) = of_type {
        if let Some(slot) = limits.by_type.get_mut(kind.index()) {
            *slot = storage;
        }
        return limits;
    }
    if root && namespace == RESET {
        limits.namespace = DONT_SET;
    } else if namespace != DONT_SET {
        limits.namespace = namespace;
    }
    if storage != DONT_SET {
        limits.storage = storage;
    }
    limits
}
