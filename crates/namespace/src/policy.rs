//! Storage policies (`BlockStoragePolicySuite`): which types of storage a file's replicas count on.

use smallvec::SmallVec;

use crate::edit::StorageType;

/// How many storage types there are; arrays by type are this long.
pub const STORAGE_TYPES: usize = 6;

/// The system attribute that holds a directory's policy, without its name space.
pub const STORAGE_POLICY_XATTR: &str = "hsm.block.storage.policy.id";

/// A policy's number that says "none set here".
pub const UNSPECIFIED: u8 = 0;

/// The number of LAZY_PERSIST.
pub const LAZY_PERSIST: u8 = 15;

/// The number of HOT, the default.
pub const HOT: u8 = 7;

/// One policy (`BlockStoragePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    /// Its number, 1 to 15.
    pub id: u8,
    /// Its name, upper case.
    pub name: &'static str,
    /// The type of each replica; the last one goes on.
    pub storage_types: &'static [StorageType],
    /// Where a replica is created if its type has no room.
    pub creation_fallbacks: &'static [StorageType],
    /// Where it is replicated to if its type has no room.
    pub replication_fallbacks: &'static [StorageType],
    /// Copied to files when they are created, and fixed then.
    pub copy_on_create: bool,
}

const fn policy(
    id: u8,
    name: &'static str,
    storage_types: &'static [StorageType],
    creation_fallbacks: &'static [StorageType],
    replication_fallbacks: &'static [StorageType],
) -> StoragePolicy {
    StoragePolicy {
        id,
        name,
        storage_types,
        creation_fallbacks,
        replication_fallbacks,
        copy_on_create: id == LAZY_PERSIST,
    }
}

use StorageType::{Archive, Disk, Nvdimm, Provided, RamDisk, Ssd};

/// Every policy, in the order of their numbers, as `getStoragePolicies` lists them.
pub const POLICIES: [StoragePolicy; 8] = [
    policy(1, "PROVIDED", &[Provided, Disk], &[Provided, Disk], &[Provided, Disk]),
    policy(2, "COLD", &[Archive], &[], &[]),
    policy(5, "WARM", &[Disk, Archive], &[Disk, Archive], &[Disk, Archive]),
    policy(HOT, "HOT", &[Disk], &[], &[Archive]),
    policy(10, "ONE_SSD", &[Ssd, Disk], &[Ssd, Disk], &[Ssd, Disk]),
    policy(12, "ALL_SSD", &[Ssd], &[Disk], &[Disk]),
    policy(14, "ALL_NVDIMM", &[Nvdimm], &[Disk], &[Disk]),
    policy(LAZY_PERSIST, "LAZY_PERSIST", &[RamDisk, Disk], &[Disk], &[Disk]),
];

impl StoragePolicy {
    /// The policy with this number; 0 is the default, HOT.
    #[must_use]
    pub fn by_id(id: u8) -> Option<&'static Self> {
        let id = if id == UNSPECIFIED { HOT } else { id };
        POLICIES.iter().find(|p| p.id == id)
    }

    /// The policy of this name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|p| p.name.eq_ignore_ascii_case(name))
    }

    /// The types that `replication` copies are meant to be on, memory left out
    /// (`chooseStorageTypes`).
    pub fn types(&self, replication: u16) -> SmallVec<[StorageType; 4]> {
        let mut chosen = SmallVec::new();
        let mut left = usize::from(replication);
        for &kind in self.storage_types {
            if left > 0 && kind != RamDisk {
                chosen.push(kind);
                left -= 1;
            }
        }
        if let Some(&last) = self.storage_types.last()
            && last != RamDisk
        {
            chosen.extend(std::iter::repeat_n(last, left));
        }
        chosen
    }
}

impl StorageType {
    /// Every type, by number.
    pub const ALL: [Self; STORAGE_TYPES] = [RamDisk, Ssd, Disk, Archive, Provided, Nvdimm];

    /// As Java's enum is named.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RamDisk => "RAM_DISK",
            Self::Ssd => "SSD",
            Self::Disk => "DISK",
            Self::Archive => "ARCHIVE",
            Self::Provided => "PROVIDED",
            Self::Nvdimm => "NVDIMM",
        }
    }

    /// Space on it can be limited (`supportTypeQuota`): not in memory.
    #[must_use]
    pub const fn supports_quota(self) -> bool {
        !matches!(self, Self::RamDisk)
    }

    /// Index into arrays by type.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_replicas() {
        let types = |name, n| StoragePolicy::by_name(name).map(|p| p.types(n).to_vec());
        assert_eq!(types("one_ssd", 3), Some(vec![Ssd, Disk, Disk]));
        assert_eq!(types("LAZY_PERSIST", 2), Some(vec![Disk, Disk]));
        assert_eq!(types("WARM", 1), Some(vec![Disk]));
        assert_eq!(types("LUKEWARM", 1), None);
        assert_eq!(StoragePolicy::by_id(0).map(|p| p.name), Some("HOT"));
        assert_eq!(StoragePolicy::by_id(3), None);
    }
}
