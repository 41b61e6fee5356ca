//! What trees use, and the limits of directories (`DirectoryWithQuotaFeature`, `QuotaCounts`).

use crate::edit::StorageType;
use crate::error::FsError;
use crate::inode::{FileLayout, QuotaFeature};
use crate::policy::{UNSPECIFIED, policy_of};
use crate::status::Usage;
use crate::tree::{Namespace, ROOT};

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What `bytes` of a file use with `replication` copies under `policy`.
pub(crate) fn space(bytes: u64, replication: u16, policy: u8) -> Usage {
    space_delta(signed(bytes), replication, policy)
}

/// The same for a difference of bytes.
pub(crate) fn space_delta(bytes: i64, replication: u16, policy: u8) -> Usage {
    let mut usage =
        Usage { storage: bytes.saturating_mul(i64::from(replication)), ..Usage::default() };
    if policy != UNSPECIFIED
        && let Some(policy) = policy_of(policy)
    {
        for kind in policy.choose(replication) {
            if kind.supports_quota() {
                let slot = &mut usage.by_type[kind.index()];
                *slot = slot.saturating_add(bytes);
            }
        }
    }
    usage
}

impl Namespace {
    /// Bytes of a file that count against quotas: a block being written counts as full.
    pub(crate) fn counted_bytes(&self, index: u32, layout: &FileLayout) -> u64 {
        let blocks = self.blocks(index);
        let open =
            self.beside(index).and_then(|b| b.writer.as_ref()).is_some_and(|w| w.last_block_open);
        match blocks.last() {
            Some(last) if open => blocks
                .length()
                .saturating_sub(last.length)
                .saturating_add(layout.block_size.max(last.length)),
            _ => blocks.length(),
        }
    }

    /// What one inode uses without what is below it, with `inherited` as its parent's policy.
    pub(crate) fn own_usage(&self, index: u32, inherited: u8) -> Usage {
        let Some(inode) = self.inode(index) else {
            return Usage::default();
        };
        let mut usage = Usage::default();
        if inode.is_file() {
            let layout = self.layout(inode);
            let policy = if layout.storage_policy == UNSPECIFIED {
                inherited
            } else {
                layout.storage_policy
            };
            usage = space(self.counted_bytes(index, &layout), copies(&layout), policy);
        }
        usage.namespace = 1;
        usage
    }

    /// What a file uses where it is.
    pub(crate) fn file_usage(&self, index: u32) -> Usage {
        let parent = self.inode(index).map_or(ROOT, |inode| inode.parent);
        let inherited = self.effective_policy(parent);
        self.own_usage(index, inherited)
    }

    /// What a whole tree uses, with `inherited` as the policy above it.
    pub(crate) fn tree_usage(&self, index: u32, inherited: u8) -> Usage {
        let mut total = Usage::default();
        let mut pending = vec![(index, inherited)];
        while let Some((at, above)) = pending.pop() {
            total.add(&self.own_usage(at, above));
            let Some(inode) = self.inode(at) else {
                continue;
            };
            if inode.is_directory() {
                let own = self.own_policy(at, inode);
                let policy = if own == UNSPECIFIED { above } else { own };
                pending.extend(self.nodes.iter(inode.tree()).map(|child| (child, policy)));
            }
        }
        total
    }

    /// Adds to what `directory` and all above it use.
    pub(crate) fn account(&mut self, directory: u32, delta: &Usage) {
        let mut at = directory;
        while let Some(&inode) = self.inode(at) {
            if at == ROOT {
                self.root_quota.used.add(delta);
            } else if inode.counts_usage() {
                self.update_beside(at, |beside| {
                    if let Some(quota) = &mut beside.quota {
                        quota.used.add(delta);
                    }
                });
            }
            at = inode.parent;
        }
    }

    /// Runs `change` on a file and accounts for what it uses more or less after that.
    pub(crate) fn accounting<T>(&mut self, index: u32, change: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.file_usage(index);
        let result = change(self);
        let mut delta = self.file_usage(index);
        delta.add(&before.negated());
        if delta != Usage::default() {
            let parent = self.inode(index).map_or(ROOT, |inode| inode.parent);
            self.account(parent, &delta);
        }
        result
    }

    pub(crate) fn quota(&self, index: u32) -> Option<&QuotaFeature> {
        if index == ROOT {
            return Some(&self.root_quota);
        }
        let inode = self.inode(index)?;
        if !inode.counts_usage() {
            return None;
        }
        self.beside(index)?.quota.as_deref()
    }

    /// May `directory` and all above it, up to `stop`, take on so much more?
    /// (`FSDirectory.verifyQuota`)
    pub(crate) fn verify_quota(
        &self,
        directory: u32,
        delta: &Usage,
        stop: Option<u32>,
    ) -> Result<(), FsError> {
        if delta.namespace <= 0 && delta.storage <= 0 && delta.by_type.iter().all(|&d| d <= 0) {
            return Ok(());
        }
        let mut at = directory;
        while let Some(inode) = self.inode(at) {
            if stop == Some(at) {
                break;
            }
            if (at == ROOT || inode.counts_usage())
                && let Some(quota) = self.quota(at)
            {
                check(quota, delta).map_err(|violation| violation.error(&self.path(at)))?;
            }
            at = inode.parent;
        }
        Ok(())
    }
}

/// Copies that count: an erasure-coded file's bytes count once.
pub(crate) const fn copies(layout: &FileLayout) -> u16 {
    if layout.erasure_coding_policy == 0 { layout.replication } else { 1 }
}

enum Violation {
    Namespace(i64, i64),
    Storage(i64, i64),
    Type(StorageType, i64, i64),
}

/// `Quota.isViolated`.
const fn violated(limit: i64, used: i64, delta: i64) -> bool {
    limit >= 0 && delta > 0 && used > limit.saturating_sub(delta)
}

fn check(quota: &QuotaFeature, delta: &Usage) -> Result<(), Violation> {
    let (limits, used) = (&quota.limits, &quota.used);
    if violated(limits.namespace, used.namespace, delta.namespace) {
        let count = used.namespace.saturating_add(delta.namespace);
        return Err(Violation::Namespace(limits.namespace, count));
    }
    if violated(limits.storage, used.storage, delta.storage) {
        let count = used.storage.saturating_add(delta.storage);
        return Err(Violation::Storage(limits.storage, count));
    }
    for kind in StorageType::ALL {
        let at = kind.index();
        let (limit, used, delta) = (limits.by_type[at], used.by_type[at], delta.by_type[at]);
        if kind.supports_quota() && violated(limit, used, delta) {
            return Err(Violation::Type(kind, limit, used.saturating_add(delta)));
        }
    }
    Ok(())
}

impl Violation {
    fn error(self, path: &str) -> FsError {
        match self {
            Self::Namespace(quota, count) => FsError::NsQuotaExceeded(format!(
                "The NameSpace quota (directories and files) of directory {path} is exceeded: quota={quota} file count={count}"
            )),
            Self::Storage(quota, count) => FsError::DsQuotaExceeded(format!(
                "The DiskSpace quota of {path} is exceeded: quota = {quota} B = {} but diskspace consumed = {count} B = {}",
                binary_prefix(quota),
                binary_prefix(count)
            )),
            Self::Type(kind, quota, count) => FsError::QuotaByStorageTypeExceeded(format!(
                "Quota by storage type : {} on path : {path} is exceeded. quota = {} but space consumed = {}",
                kind.name(),
                binary_prefix(quota),
                binary_prefix(count)
            )),
        }
    }
}

/// `StringUtils.TraditionalBinaryPrefix.long2String(n, "B", 2)`: `1 KB`, `1.50 MB`, `12 B`.
fn binary_prefix(value: i64) -> String {
    let size = value.unsigned_abs();
    let units = [(60, "E"), (50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K")];
    for (shift, symbol) in units {
        let unit = 1u64 << shift;
        if size >= unit {
            if size.is_multiple_of(unit) {
                return format!("{} {symbol}B", value / (1i64 << shift));
            }
            return format!("{:.2} {symbol}B", value as f64 / unit as f64);
        }
    }
    format!("{value} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_java_writes_them() {
        assert_eq!(binary_prefix(1024), "1 KB");
        assert_eq!(binary_prefix(1536), "1.50 KB");
        assert_eq!(binary_prefix(384 * 1024 * 1024), "384 MB");
        assert_eq!(binary_prefix(12), "12 B");
    }

    #[test]
    fn limits_are_reached_exactly() {
        assert!(!violated(5, 4, 1));
        assert!(violated(5, 5, 1));
        assert!(!violated(5, 9, 0) && !violated(-1, 100, 1) && violated(0, 0, 1));
    }

    #[test]
    fn space_by_type_needs_a_policy() {
        assert_eq!(space(10, 3, 0).by_type, [0; 6]);
        let one_ssd = space(10, 3, 10);
        assert_eq!((one_ssd.storage, one_ssd.by_type), (30, [0, 10, 20, 0, 0, 0]));
    }
}
