//! Who writes which files, and until when he may (`LeaseManager`).
//!
//! That a file is open, and by whom, is part of the tree and its log. When a holder was last heard
//! of is not: it starts anew with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use loxodon_wire::ids::{InodeId, Milliseconds};

/// The holder to whom the NameNode takes over files whose writer is gone; the clock's time is
/// appended, so that each take-over is told from the last (`HdfsServerConstants.NAMENODE_LEASE_HOLDER`).
pub const NAMENODE_LEASE_HOLDER: &str = "HDFS_NameNode";

/// One holder's open files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// When the holder was last heard of.
    pub last_renewed: Milliseconds,
    /// What he writes.
    pub files: BTreeSet<InodeId>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    table: Arc<Table>,
}

#[derive(Clone, Debug, Default)]
struct Table {
    holders: BTreeMap<Arc<str>, Lease>,
    by_file: BTreeMap<InodeId, Arc<str>>,
}

impl Leases {
    pub(crate) fn of(&self, holder: &str) -> Option<&Lease> {
        self.table.holders.get(holder)
    }

    pub(crate) fn holder(&self, file: InodeId) -> Option<&Arc<str>> {
        self.table.by_file.get(&file)
    }

    pub(crate) fn add(&mut self, holder: &Arc<str>, file: InodeId, now: Milliseconds) {
        self.remove(file);
        let table = Arc::make_mut(&mut self.table);
        table.by_file.insert(file, Arc::clone(holder));
        let lease = table.holders.entry(Arc::clone(holder)).or_default();
        lease.files.insert(file);
        lease.last_renewed = lease.last_renewed.max(now);
    }

    pub(crate) fn remove(&mut self, file: InodeId) {
        if !self.table.by_file.contains_key(&file) {
            return;
        }
        let table = Arc::make_mut(&mut self.table);
        let Some(holder) = table.by_file.remove(&file) else {
            return;
        };
        if let Some(lease) = table.holders.get_mut(&holder) {
            lease.files.remove(&file);
            if lease.files.is_empty() {
                table.holders.remove(&holder);
            }
        }
    }

    /// True if the holder has open files.
    pub(crate) fn renew(&mut self, holder: &str, now: Milliseconds) -> bool {
        match self.of(holder) {
            None => false,
            Some(lease) if lease.last_renewed == now => true,
            Some(_) => {
                if let Some(lease) = Arc::make_mut(&mut self.table).holders.get_mut(holder) {
                    lease.last_renewed = now;
                }
                true
            }
        }
    }

    pub(crate) fn renew_all(&mut self, now: Milliseconds) {
        for lease in Arc::make_mut(&mut self.table).holders.values_mut() {
            lease.last_renewed = now;
        }
    }

    /// Every open file, from `after` on, with its holder.
    pub(crate) fn files_after(
        &self,
        after: Option<InodeId>,
    ) -> impl Iterator<Item = (InodeId, &Arc<str>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        self.table.by_file.range((start, Unbounded)).map(|(id, holder)| (*id, holder))
    }

    pub(crate) fn holders(&self) -> impl Iterator<Item = (&Arc<str>, &Lease)> {
        self.table.holders.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.holders.len()
    }

    pub(crate) fn open_files(&self) -> usize {
        self.table.by_file.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_holder() {
        let mut leases = Leases::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        leases.add(&a, InodeId(1), Milliseconds(5));
        leases.add(&a, InodeId(2), Milliseconds(6));
        leases.add(&b, InodeId(1), Milliseconds(7));
        assert_eq!(leases.of("a").map(|l| l.files.len()), Some(1));
        assert_eq!(leases.holder(InodeId(1)), Some(&b));
        leases.remove(InodeId(1));
        assert_eq!(leases.of("b"), None);
        assert!(leases.renew("a", Milliseconds(9)) && !leases.renew("b", Milliseconds(9)));
        assert_eq!(leases.files_after(Some(InodeId(1))).count(), 1);
    }
}
