//! Erasure coding policies of directories (`FSDirErasureCodingOp`). Blocks are replicated here, so the one policy
//! that can be set is replication, as jobs do for what they stage; those that an image brought along are kept.

use crate::access::WRITE;
use crate::carried::PolicyState;
use crate::context::{OpContext, Plan};
use crate::edit::Edit;
use crate::error::FsError;
use crate::image::carried::BUILT_IN;
use crate::path::{Purpose, Resolved};
use crate::status::FileKind;
use crate::tree::Namespace;
use crate::xattr;

/// `ErasureCodeConstants.REPLICATION_POLICY_NAME`
pub(crate) const REPLICATION: &str = "replication";
/// What a content summary says of a replicated file (`ContentSummaryComputationContext.REPLICATED`).
const REPLICATED: &str = "Replicated";

/// The policy that Hadoop enables by itself (`dfs.namenode.ec.system.default.policy`).
const DEFAULT: &str = "RS-6-3-1024k";

/// Whether that is the policy of replicating (`ErasureCodingPolicy.isReplicationPolicy`).
pub(crate) fn is_replication(policy: &str) -> bool {
    policy.eq_ignore_ascii_case(REPLICATION)
}

impl Namespace {
    /// Sets a directory's policy.
    ///
    /// # Errors
    /// No such policy, or one that codes; not there, not a directory, not the caller's to write.
    pub fn plan_set_coding_policy(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        policy: &str,
    ) -> Result<Plan<()>, FsError> {
        self.check_enabled(policy)?;
        let resolved =
            self.resolve_coded(ctx, path, "Attempt to set an erasure coding policy for")?;
        if !is_replication(policy) {
            return Err(FsError::UnsupportedOperation(format!(
                "Erasure coding is not supported by this NameNode: cannot set policy {policy} on {path}"
            )));
        }
        let xattrs = vec![xattr::erasure_coding_policy(REPLICATION)];
        let path = resolved.into_path();
        Ok(Plan::one(Edit::SetXAttr { path, xattrs, rpc: ctx.rpc }, ()))
    }

    /// Takes away what was set on a directory itself.
    ///
    /// # Errors
    /// Nothing was; not there, not a directory, not the caller's to write.
    pub fn plan_unset_coding_policy(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
    ) -> Result<Plan<()>, FsError> {
        let resolved = self.resolve_coded(ctx, path, "Cannot unset an erasure coding policy on")?;
        let (index, _) = self.last_at(&resolved)?;
        let set = self.xattrs_at(index).iter().find(|x| xattr::is_erasure_coding_policy(x));
        let Some(set) = set else {
            return Err(FsError::NoErasureCodingPolicySet(format!(
                "No erasure coding policy explicitly set on {}",
                resolved.path()
            )));
        };
        let xattrs = vec![set.clone()];
        let path = resolved.into_path();
        Ok(Plan::one(Edit::RemoveXAttr { path, xattrs, rpc: ctx.rpc }, ()))
    }

    fn check_enabled(&self, policy: &str) -> Result<(), FsError> {
        let states = &self.carried.policy_states;
        if policy == DEFAULT {
            return Ok(());
        }
        let enabled = || states.iter().filter(|(_, state)| **state == PolicyState::Enabled);
        if is_replication(policy) || enabled().any(|(name, _)| name == policy) {
            return Ok(());
        }
        let names: Vec<&str> = enabled().map(|(name, _)| name.as_str()).collect();
        Err(FsError::HadoopIllegalArgument(format!(
            "Policy '{policy}' does not match any enabled erasure coding policies: [{}]. An erasure coding policy can be enabled by enableErasureCodingPolicy API.",
            names.join(", ")
        )))
    }

    /// A directory that the caller may write to.
    fn resolve_coded<'a>(
        &self,
        ctx: &OpContext<'_>,
        path: &'a str,
        refused: &str,
    ) -> Result<Resolved<'a>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::WriteLink)?;
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        let inode = resolved.last().and_then(|index| self.inode(index));
        match inode {
            None => Err(FsError::FileNotFound(format!("Path not found: {}", resolved.path()))),
            Some(inode) if !inode.is_directory() => {
                Err(FsError::Io(format!("{refused} a file {}", resolved.path())))
            }
            Some(_) => Ok(resolved),
        }
    }

    /// Are new files of a directory coded, by its own policy or by one above it?
    pub(crate) fn directory_is_coded(&self, index: u32) -> bool {
        let nearest = self.nearest_attribute(index, xattr::is_erasure_coding_policy);
        nearest.is_some_and(|set| !xattr::coding_policy_name(set).is_some_and(is_replication))
    }

    /// What a content summary tells of an inode (`ContentSummaryComputationContext.getErasureCodingPolicyName`).
    pub(crate) fn coding_policy_told(&self, index: u32) -> String {
        let mut at = index;
        while let Some(inode) = self.inode(at) {
            match inode.kind() {
                FileKind::File => return self.coding_policy_of_file(inode),
                FileKind::Symlink => return String::new(),
                FileKind::Directory => {}
            }
            let own = self.xattrs_at(at);
            if !own.is_empty() {
                let set = own.iter().find(|x| xattr::is_erasure_coding_policy(x));
                return set.and_then(xattr::coding_policy_name).unwrap_or_default().to_owned();
            }
            at = inode.parent;
        }
        String::new()
    }

    fn coding_policy_of_file(&self, inode: &crate::inode::Inode) -> String {
        let policy = self.layout(inode).erasure_coding_policy;
        match usize::from(policy).checked_sub(1) {
            None => REPLICATED.to_owned(),
            Some(at) => BUILT_IN.get(at).map_or("", |policy| policy.name).to_owned(),
        }
    }

    fn xattrs_at(&self, index: u32) -> &[crate::edit::XAttr] {
        self.beside(index).map_or(&[], |beside| &beside.xattrs)
    }
}
