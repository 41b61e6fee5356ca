//! Permissions, owners, times, replication, limits and policies (`FSDirAttrOp`).

use loxodon_wire::ids::{InodeId, Milliseconds};

use crate::access::Checks;
use crate::access::WRITE;
use crate::apply::{DONT_SET, RESET, changed_limits};
use crate::context::{OpContext, Plan};
use crate::edit::{Edit, StorageType};
use crate::error::FsError;
use crate::inode::Inode;
use crate::path::{Purpose, Resolved, is_reserved_root};
use crate::policy::{StoragePolicy, UNSPECIFIED, policy_of};
use crate::status::Quota;
use crate::tree::Namespace;

impl Namespace {
    /// Resolves a path whose inode the caller must own.
    pub(crate) fn resolve_owned<'a>(
        &self,
        ctx: &OpContext<'_>,
        path: &'a str,
    ) -> Result<Resolved<'a>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        if resolved.last().is_none() {
            return Err(FsError::FileNotFound(format!(
                "Directory/File does not exist {}",
                resolved.path()
            )));
        }
        let owner = Checks { owner: true, ..Checks::default() };
        self.check_permission(ctx.caller, &resolved, owner)?;
        Ok(resolved)
    }

    /// Sets the mode of a file or directory.
    ///
    /// # Errors
    /// Not there, or not the caller's.
    pub fn plan_set_permission(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        mode: u16,
    ) -> Result<Plan<()>, FsError> {
        if is_reserved_root(path) {
            return Err(FsError::invalid_path(path));
        }
        let resolved = self.resolve_owned(ctx, path)?;
        let (_, inode) = self.last_at(&resolved)?;
        let mode = mode & 0o1777;
        if self.permission_word(inode).mode == mode {
            return Ok(Plan::unchanged(()));
        }
        let path = resolved.into_path();
        Ok(Plan::one(Edit::SetPermissions { path, mode }, ()))
    }

    /// Sets owner, group or both. Only a superuser gives a file away.
    ///
    /// # Errors
    /// Not there, not the caller's, or not his to give.
    pub fn plan_set_owner(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<Plan<()>, FsError> {
        if is_reserved_root(path) {
            return Err(FsError::invalid_path(path));
        }
        let resolved = self.resolve_owned(ctx, path)?;
        let caller = ctx.caller;
        if !caller.superuser {
            if owner.is_some_and(|owner| owner != caller.user) {
                return Err(FsError::AccessControl(format!(
                    "User {} is not a super user (non-super user cannot change owner).",
                    caller.user
                )));
            }
            if let Some(group) = group.filter(|group| !caller.member_of(group)) {
                return Err(FsError::AccessControl(format!(
                    "User {} does not belong to {group}",
                    caller.user
                )));
            }
        }
        let (_, inode) = self.last_at(&resolved)?;
        let word = self.permission_word(inode);
        let same = owner.is_none_or(|o| o == self.user(word.owner))
            && group.is_none_or(|g| g == self.user(word.group));
        if same {
            return Ok(Plan::unchanged(()));
        }
        let edit = Edit::SetOwner {
            path: resolved.into_path(),
            owner: owner.map(str::to_owned),
            group: group.map(str::to_owned),
        };
        Ok(Plan::one(edit, ()))
    }

    /// Sets times; -1 leaves one as it is.
    ///
    /// # Errors
    /// Not there, or not the caller's to write.
    pub fn plan_set_times(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        mtime: i64,
        atime: i64,
    ) -> Result<Plan<()>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        if resolved.last().is_none() {
            return Err(FsError::FileNotFound(format!(
                "File/Directory {} does not exist.",
                resolved.path()
            )));
        }
        if mtime < 0 && atime < 0 {
            return Ok(Plan::unchanged(()));
        }
        let path = resolved.into_path();
        Ok(Plan::one(Edit::Times { path, mtime, atime }, ()))
    }

    /// A file was read: its access time, where the last one is older than the precision.
    #[must_use]
    pub fn plan_touch_access_time(&self, file: InodeId, now: Milliseconds) -> Plan<()> {
        let due = self.index_of(file).filter(|&index| self.access_time_due(index, now));
        let Some(index) = due else {
            return Plan::unchanged(());
        };
        let edit = Edit::Times {
            path: self.path(index),
            mtime: -1,
            atime: i64::try_from(now.0).unwrap_or(i64::MAX),
        };
        Plan::one(edit, ())
    }

    pub(crate) fn access_time_due(&self, index: u32, now: Milliseconds) -> bool {
        let precision = self.settings.access_time_precision_ms;
        let last = self.inode(index).map_or(0, |inode| inode.atime().0);
        precision > 0 && now.0 > last.saturating_add(precision)
    }

    /// Sets how many copies of a file's blocks there are to be. False for what is no file.
    ///
    /// # Errors
    /// Out of range, not the caller's to write, or beyond a quota.
    pub fn plan_set_replication(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        replication: u16,
    ) -> Result<Plan<bool>, FsError> {
        self.verify_replication(path, replication, None)?;
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        let file = resolved
            .last()
            .and_then(|index| self.inode(index).map(|inode| (index, inode)))
            .filter(|(_, inode)| inode.is_file() && self.layout(inode).erasure_coding_policy == 0);
        let Some((index, inode)) = file else {
            return Ok(Plan::unchanged(false));
        };
        let layout = self.layout(inode);
        if layout.replication < replication {
            let bytes = self.counted_bytes(index, &layout);
            let policy = self.effective_policy(index);
            let mut more = crate::usage::space(bytes, replication, policy);
            more.add(&crate::usage::space(bytes, layout.replication, policy).negated());
            self.verify_quota(inode.parent, &more, None)?;
        }
        let path = resolved.into_path();
        Ok(Plan::one(Edit::SetReplication { path, replication }, true))
    }

    /// Sets limits of a directory: of names and space, or of space on one storage type.
    /// `i64::MAX` leaves a limit as it is, -1 takes it away.
    ///
    /// # Errors
    /// Not a superuser, not a directory, or a limit that is none.
    pub fn plan_set_quota(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        namespace: i64,
        storage: i64,
        of_type: Option<StorageType>,
    ) -> Result<Plan<()>, FsError> {
        if !self.settings.owner_sets_quota {
            self.check_superuser(ctx.caller)?;
        }
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        if self.settings.owner_sets_quota {
            self.check_parent_owner(ctx.caller, &resolved)?;
        }
        if namespace < RESET || storage < RESET {
            return Err(FsError::IllegalArgument(format!(
                "Illegal value for nsQuota or ssQuota : {namespace} and {storage}"
            )));
        }
        let enabled = self.settings.quota_by_storage_type;
        if of_type.is_some() && (!enabled || namespace != DONT_SET) {
            return Err(FsError::UnsupportedAction(format!(
                "Failed to set quota by storage type because eitherdfs.quota.by.storage.type.enabled is set to {enabled} or nsQuota value is illegal {namespace}"
            )));
        }
        let index = self.directory_at(&resolved)?;
        let old = self.quota(index).map_or(Quota::NONE, |q| q.limits);
        let new = changed_limits(old, resolved.is_root(), namespace, storage, of_type);
        if old == new {
            return Ok(Plan::unchanged(()));
        }
        let to_default = resolved.is_root() && namespace == RESET;
        let path = resolved.into_path();
        let edit = match of_type {
            Some(storage_type) => {
                Edit::SetQuotaByStorageType { path, storage_type, storage_quota: storage }
            }
            None => {
                // What the root gets back reads, in an edit, as "not set": the wish is logged.
                let namespace_quota = if to_default { RESET } else { new.namespace };
                Edit::SetQuota { path, namespace_quota, storage_quota: new.storage }
            }
        };
        Ok(Plan::one(edit, ()))
    }

    /// `INodeDirectory.valueOf`.
    pub(crate) fn directory_at(&self, resolved: &Resolved<'_>) -> Result<u32, FsError> {
        match resolved.last() {
            None => {
                Err(FsError::FileNotFound(format!("Directory does not exist: {}", resolved.path())))
            }
            Some(index) if !self.inode(index).is_some_and(Inode::is_directory) => Err(
                FsError::PathIsNotDirectory(format!("`{}': Is not a directory", resolved.path())),
            ),
            Some(index) => Ok(index),
        }
    }

    /// Sets where a file's or directory's blocks are to be, by the policy's name.
    ///
    /// # Errors
    /// No such policy, one that cannot be set, or not the caller's to write.
    pub fn plan_set_storage_policy(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        policy: &str,
    ) -> Result<Plan<()>, FsError> {
        self.check_policies_enabled("setStoragePolicy")?;
        let Some(policy) = StoragePolicy::by_name(policy) else {
            return Err(FsError::HadoopIllegalArgument(format!(
                "Cannot find a block policy with the name {policy}"
            )));
        };
        self.plan_policy(ctx, path, policy.id.0)
    }

    /// Takes a file's or directory's policy away: the nearest above is in force again.
    ///
    /// # Errors
    /// As for setting one.
    pub fn plan_unset_storage_policy(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
    ) -> Result<Plan<()>, FsError> {
        self.check_policies_enabled("unsetStoragePolicy")?;
        self.plan_policy(ctx, path, UNSPECIFIED)
    }

    fn check_policies_enabled(&self, operation: &str) -> Result<(), FsError> {
        if self.settings.storage_policies_enabled {
            return Ok(());
        }
        Err(FsError::Io(format!(
            "Failed to {operation} since dfs.storage.policy.enabled is set to false."
        )))
    }

    fn plan_policy(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        policy: u8,
    ) -> Result<Plan<()>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        let Some(index) = resolved.last() else {
            return Err(FsError::FileNotFound(format!(
                "File/Directory does not exist: {}",
                resolved.path()
            )));
        };
        if self.is_link(index) {
            return Err(FsError::FileNotFound(format!(
                "{} is not a file or directory",
                resolved.path()
            )));
        }
        if let Some(inode) = self.inode(index).filter(|inode| inode.is_file()) {
            let fixed = |id: u8| {
                (id != UNSPECIFIED).then(|| policy_of(id)).flatten().filter(|p| p.copy_on_create)
            };
            if let Some(new) = fixed(policy) {
                return Err(FsError::HadoopIllegalArgument(format!(
                    "Policy {} cannot be set after file creation.",
                    policy_text(new)
                )));
            }
            if let Some(old) = fixed(self.own_policy(index, inode)) {
                return Err(FsError::HadoopIllegalArgument(format!(
                    "Existing policy {} cannot be changed after file creation.",
                    old.name
                )));
            }
        }
        let path = resolved.into_path();
        Ok(Plan::one(Edit::SetStoragePolicy { path, policy }, ()))
    }
}

/// `BlockStoragePolicy.toString`.
fn policy_text(policy: &StoragePolicy) -> String {
    let list = |types: &[StorageType]| {
        let names: Vec<&str> = types.iter().map(|t| t.name()).collect();
        format!("[{}]", names.join(", "))
    };
    format!(
        "BlockStoragePolicy{{{}:{}, storageTypes={}, creationFallbacks={}, replicationFallbacks={}}}",
        policy.name,
        policy.id.0,
        list(policy.storage_types),
        list(policy.creation_fallbacks),
        list(policy.replication_fallbacks)
    )
}
