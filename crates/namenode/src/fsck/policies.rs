//! `fsck -storagepolicies`: on which kinds of storage blocks lie, and whether that is what the files'
//! policies say (`StoragePolicySummary`).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use loxodon_blocks::BlockManager;
use loxodon_wire::ids::BlockId;
use loxodon_wire::storage::{PolicyId, STORAGE_POLICIES, StoragePolicy, StorageType};

/// Blocks by what their policy says and where their replicas lie.
#[derive(Debug)]
pub(super) struct PolicySummary {
    /// That of files which have none of their own.
    default: PolicyId,
    counts: BTreeMap<(u8, Vec<StorageType>), u64>,
    total: u64,
}

impl PolicySummary {
    pub(super) const fn new(default: PolicyId) -> Self {
        Self { default, counts: BTreeMap::new(), total: 0 }
    }

    /// Counts a block of a file with that policy, which may be newer than what its replicas follow.
    pub(super) fn add(&mut self, blocks: &BlockManager, block: BlockId, policy: PolicyId) {
        let replicas = blocks.replicas(block).into_iter();
        let kind = |at: loxodon_blocks::Target| blocks.storage(at.storage).map(|at| at.kind());
        let mut kinds: Vec<StorageType> = replicas.filter_map(kind).collect();
        kinds.sort_unstable();
        self.note(policy, kinds);
    }

    fn note(&mut self, policy: PolicyId, kinds: Vec<StorageType>) {
        let said = if policy == PolicyId::UNSPECIFIED { self.default } else { policy };
        let specified = StoragePolicy::of(said).id.0;
        *self.counts.entry((specified, kinds)).or_default() += 1;
        self.total += 1;
    }

    fn share(&self, count: u64) -> String {
        format!("{:.4}%", count as f64 * 100.0 / self.total.max(1) as f64)
    }
}

/// The first policy whose types these are, the last one as often as is left (`getStoragePolicy`).
fn policy_of(kinds: &[StorageType]) -> Option<&'static StoragePolicy> {
    STORAGE_POLICIES.iter().find(|policy| {
        let mut types = policy.storage_types.to_vec();
        types.sort_unstable();
        let Some(rest) = kinds.strip_prefix(types.as_slice()) else { return false };
        rest.iter().all(|kind| Some(kind) == types.last())
    })
}

/// `DISK:2,ARCHIVE:1`
fn described(kinds: &[StorageType]) -> String {
    let groups = kinds.chunk_by(PartialEq::eq);
    let groups =
        groups.filter_map(|group| Some(format!("{}:{}", group.first()?.name(), group.len())));
    groups.collect::<Vec<_>>().join(",")
}

impl fmt::Display for PolicySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.counts.iter().collect();
        rows.sort_by_key(|(_, count)| Reverse(**count));
        let mut others = String::new();
        f.write_str("\nBlocks satisfying the specified storage policy:\n")?;
        f.write_str("Storage Policy                  # of blocks       % of blocks\n")?;
        for ((specified, kinds), &count) in rows {
            let actual = policy_of(kinds);
            let mut text = described(kinds);
            if let Some(actual) = actual {
                text += &format!("({})", actual.name);
            }
            let share = self.share(count);
            if actual.is_some_and(|actual| actual.id.0 == *specified) {
                writeln!(f, "{text:<25} {count:>10}  {share:>20}")?;
            } else {
                let named = StoragePolicy::of(PolicyId(*specified)).name;
                others += &format!("{text:<35} {named:<20} {count:>10}  {share:>20}\n");
            }
        }
        if others.is_empty() {
            return f.write_str("\nAll blocks satisfy specified storage policy.\n");
        }
        f.write_str("\nBlocks NOT satisfying the specified storage policy:\n")?;
        f.write_str("Storage Policy                  ")?;
        f.write_str("Specified Storage Policy      # of blocks       % of blocks\n")?;
        f.write_str(&others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StorageType::{Archive, Disk, Ssd};

    #[test]
    fn kinds_are_put_to_policies() {
        let name = |kinds: &[StorageType]| policy_of(kinds).map(|policy| policy.name);
        assert_eq!(name(&[Disk, Disk, Disk]), Some("HOT"));
        assert_eq!(name(&[Disk, Archive, Archive]), Some("WARM"));
        assert_eq!(name(&[Ssd, Disk]), Some("ONE_SSD"));
        assert_eq!(name(&[Disk, Disk, Archive]), None);
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn the_table_is_hadoops() {
        let mut summary = PolicySummary::new(PolicyId::HOT);
        summary.note(PolicyId::UNSPECIFIED, vec![Disk, Disk]);
        summary.note(PolicyId(7), vec![Disk, Disk]);
        summary.note(PolicyId(2), vec![Disk]);
        let text = "\nBlocks satisfying the specified storage policy:\n\
            Storage Policy                  # of blocks       % of blocks\n\
            DISK:2(HOT)                        2              66.6667%\n\
            \nBlocks NOT satisfying the specified storage policy:\n\
            Storage Policy                  Specified Storage Policy      \
            # of blocks       % of blocks\n\
            DISK:1(HOT)                         COLD                          1              33.3333%\n";
        assert_eq!(summary.to_string(), text);
    }
}
