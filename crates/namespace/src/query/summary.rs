//! What trees hold: content summaries and quota usage.

use crate::access::{Checks, READ_EXECUTE};
use crate::context::{Caller, OpContext};
use crate::error::FsError;
use crate::path::{Purpose, Resolved};
use crate::policy::UNSPECIFIED;
use crate::status::{ContentSummary, FileKind, Quota, QuotaUsage, Usage};
use crate::tree::{Namespace, ROOT};
use crate::usage::{copies, space};

impl Namespace {
    /// `getContentSummary`. It walks the whole tree: ask a frozen view where that may be large.
    ///
    /// # Errors
    /// Nothing there, or a directory in it that the caller may not list.
    pub fn content_summary(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
    ) -> Result<ContentSummary, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::ReadLink)?;
        let Some(index) = resolved.last() else {
            return Err(FsError::FileNotFound(format!("File does not exist: {}", resolved.path())));
        };
        self.summary_of(ctx.caller, &resolved, index)
    }

    fn summary_of(
        &self,
        caller: &Caller,
        resolved: &Resolved<'_>,
        root: u32,
    ) -> Result<ContentSummary, FsError> {
        let checked = self.settings.permissions_enabled && !caller.superuser;
        if checked && self.settings.content_summary_sub_access {
            let checks = Checks { tree: Some(READ_EXECUTE), ..Checks::default() };
            self.check_permission(caller, resolved, checks)?;
        }
        let limits = self.quota(root).map(|q| q.limits);
        let mut summary = ContentSummary {
            quota: limits.unwrap_or(Quota::NONE),
            erasure_coding_policy: self.coding_policy_told(root),
            ..ContentSummary::default()
        };
        let parent = self.inode(root).map_or(ROOT, |inode| inode.parent);
        let mut pending = vec![(root, self.effective_policy(parent))];
        while let Some((at, above)) = pending.pop() {
            let Some(inode) = self.inode(at) else {
                continue;
            };
            let own = self.own_policy(at, inode);
            let policy = if own == UNSPECIFIED { above } else { own };
            match inode.kind() {
                FileKind::Symlink => summary.files += 1,
                FileKind::File => self.add_file(at, policy, &mut summary),
                FileKind::Directory => {
                    if checked && !self.may(caller, at, READ_EXECUTE) {
                        return Err(self.denied(caller, at, &self.path(at), READ_EXECUTE));
                    }
                    summary.directories += 1;
                    let children = self.nodes.iter(inode.tree());
                    pending.extend(children.map(|child| (child, policy)));
                }
            }
        }
        Ok(summary)
    }

    fn add_file(&self, index: u32, policy: u8, summary: &mut ContentSummary) {
        let Some(inode) = self.inode(index) else {
            return;
        };
        let layout = self.layout(inode);
        let length = self.blocks(index).length();
        let bytes = self.counted_bytes(index, &layout);
        let copies = copies(&layout);
        summary.files += 1;
        summary.length = summary.length.saturating_add(length);
        let used = bytes.saturating_mul(u64::from(copies));
        summary.space_consumed = summary.space_consumed.saturating_add(used);
        let by_type = space(length, copies, policy).by_type;
        for (sum, more) in summary.by_type.iter_mut().zip(by_type) {
            *sum = sum.saturating_add(more);
        }
    }

    /// `getQuotaUsage`: what a directory with limits counts; for others it is counted now.
    ///
    /// # Errors
    /// As for a content summary.
    pub fn quota_usage(&self, ctx: &OpContext<'_>, path: &str) -> Result<QuotaUsage, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::ReadLink)?;
        let checks = Checks { tree: Some(READ_EXECUTE), ..Checks::default() };
        self.check_permission(ctx.caller, &resolved, checks)?;
        let Some(index) = resolved.last() else {
            return Err(FsError::FileNotFound(format!(
                "File/Directory does not exist: {}",
                resolved.path()
            )));
        };
        if let Some(quota) = self.quota(index) {
            return Ok(usage(quota.used, quota.limits));
        }
        let summary = self.summary_of(ctx.caller, &resolved, index)?;
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Ok(QuotaUsage {
            inodes: signed(summary.files.saturating_add(summary.directories)),
            space_consumed: signed(summary.space_consumed),
            by_type: summary.by_type,
            quota: Quota::NONE,
        })
    }
}

const fn usage(used: Usage, quota: Quota) -> QuotaUsage {
    QuotaUsage {
        inodes: used.namespace,
        space_consumed: used.storage,
        by_type: used.by_type,
        quota,
    }
}
