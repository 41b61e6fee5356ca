//! The eight storage policies that come with HDFS, and how they turn into storage types.

use loxodon_cluster::StorageType::{self, Archive, Disk, NvDimm, Provided, RamDisk, Ssd};
use smallvec::SmallVec;

/// A storage policy's number: 1 to 15, and 0 for "not said" (`BlockStoragePolicySuite`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(pub u8);

impl PolicyId {
    /// Nothing was said: the default policy holds.
    pub const UNSPECIFIED: Self = Self(0);
    /// `HOT`, the default.
    pub const HOT: Self = Self(7);
    /// `LAZY_PERSIST`: memory first.
    pub const LAZY_PERSIST: Self = Self(15);
}

/// Storage types for the replicas of a block, one each.
pub type TypeList = SmallVec<[StorageType; 4]>;

/// A set of storage types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeSet(u8);

impl TypeSet {
    /// Adds one.
    pub fn insert(&mut self, kind: StorageType) {
        self.0 |= 1 << kind.ordinal();
    }

    /// Whether it is in.
    #[must_use]
    pub const fn contains(self, kind: StorageType) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// Where the replicas of a file shall lie (`BlockStoragePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    /// Its number.
    pub id: PolicyId,
    /// Its name.
    pub name: &'static str,
    /// Type of the first, second, ... replica; the last one holds for all further.
    pub types: &'static [StorageType],
    /// What to take while writing, where the type is not to be had.
    pub creation_fallbacks: &'static [StorageType],
    /// What to take while replicating, where the type is not to be had.
    pub replication_fallbacks: &'static [StorageType],
    /// Whether it stays with a file as it was when the file was made.
    pub copy_on_create: bool,
}

const fn policy(
    id: u8,
    name: &'static str,
    types: &'static [StorageType],
    creation_fallbacks: &'static [StorageType],
    replication_fallbacks: &'static [StorageType],
) -> StoragePolicy {
    let copy_on_create = id == PolicyId::LAZY_PERSIST.0;
    StoragePolicy {
        id: PolicyId(id),
        name,
        types,
        creation_fallbacks,
        replication_fallbacks,
        copy_on_create,
    }
}

/// All policies, by number.
pub const STORAGE_POLICIES: [StoragePolicy; 8] = [
    policy(1, "PROVIDED", &[Provided, Disk], &[Provided, Disk], &[Provided, Disk]),
    policy(2, "COLD", &[Archive], &[], &[]),
    policy(5, "WARM", &[Disk, Archive], &[Disk, Archive], &[Disk, Archive]),
    policy(7, "HOT", &[Disk], &[], &[Archive]),
    policy(10, "ONE_SSD", &[Ssd, Disk], &[Ssd, Disk], &[Ssd, Disk]),
    policy(12, "ALL_SSD", &[Ssd], &[Disk], &[Disk]),
    policy(14, "ALL_NVDIMM", &[NvDimm], &[Disk], &[Disk]),
    policy(15, "LAZY_PERSIST", &[RamDisk, Disk], &[Disk], &[Disk]),
];

const HOT: StoragePolicy = STORAGE_POLICIES[3];

impl StoragePolicy {
    /// The policy of that number; HOT for "not said" and for numbers nobody has.
    #[must_use]
    pub fn of(id: PolicyId) -> &'static Self {
        STORAGE_POLICIES.iter().find(|policy| policy.id == id).unwrap_or(&HOT)
    }

    /// The policy of that name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        STORAGE_POLICIES.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))
    }

    /// The types for `replication` replicas; memory is left out, as its use is not known well.
    #[must_use]
    pub fn choose(&self, replication: u16) -> TypeList {
        let lasting = self.types.iter().copied().filter(|kind| !kind.is_transient());
        let mut list: TypeList = lasting.take(usize::from(replication)).collect();
        if let Some(last) = self.types.last().copied().filter(|kind| !kind.is_transient()) {
            list.resize(usize::from(replication), last);
        }
        list
    }

    /// The types still wanted, where replicas on `chosen` exist and some types are not to be had.
    #[must_use]
    pub fn choose_remaining(
        &self,
        replication: u16,
        chosen: &[StorageType],
        unavailable: TypeSet,
        is_new_block: bool,
    ) -> TypeList {
        let mut wanted = self.choose(replication);
        let excess = subtract(&mut wanted, chosen);
        let fallbacks =
            if is_new_block { self.creation_fallbacks } else { self.replication_fallbacks };
        let fallback = fallbacks.iter().copied().find(|kind| !unavailable.contains(*kind));
        let mut list: TypeList = wanted
            .into_iter()
            .filter_map(|kind| if unavailable.contains(kind) { fallback } else { Some(kind) })
            .collect();
        subtract(&mut list, &excess);
        list
    }

    /// The types of which `chosen` has more than wanted.
    #[must_use]
    pub fn choose_excess(&self, replication: u16, chosen: &[StorageType]) -> TypeList {
        subtract(&mut self.choose(replication), chosen)
    }
}

/// Takes each of `other` out of `list` once; what was not in is returned.
fn subtract(list: &mut TypeList, other: &[StorageType]) -> TypeList {
    let mut rest = TypeList::new();
    for kind in other {
        match list.iter().position(|have| have == kind) {
            Some(at) => {
                list.remove(at);
            }
            None => rest.push(*kind),
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[StorageType]) -> Vec<&'static str> {
        list.iter().map(|kind| kind.name()).collect()
    }

    #[test]
    fn types_follow_the_policy() {
        let list = |name: &str, n| {
            names(&StoragePolicy::by_name(name).map_or_else(TypeList::new, |p| p.choose(n)))
        };
        assert_eq!(list("hot", 3), ["DISK", "DISK", "DISK"]);
        assert_eq!(list("WARM", 3), ["DISK", "ARCHIVE", "ARCHIVE"]);
        assert_eq!(list("ONE_SSD", 3), ["SSD", "DISK", "DISK"]);
        assert_eq!(list("LAZY_PERSIST", 2), ["DISK", "DISK"]);
        assert_eq!(list("ONE_SSD", 0), [""; 0]);
        assert_eq!(StoragePolicy::of(PolicyId(0)).name, "HOT");
    }

    #[test]
    fn fallbacks_replace_what_is_not_to_be_had() {
        let mut no_disk = TypeSet::default();
        no_disk.insert(Disk);
        let hot = StoragePolicy::of(PolicyId::HOT);
        assert_eq!(names(&hot.choose_remaining(3, &[], no_disk, true)), [""; 0]);
        assert_eq!(names(&hot.choose_remaining(3, &[Disk], no_disk, false)), ["ARCHIVE"; 2]);
        let mut no_ssd = TypeSet::default();
        no_ssd.insert(Ssd);
        let one_ssd = StoragePolicy::of(PolicyId(10));
        assert_eq!(names(&one_ssd.choose_remaining(3, &[Disk, Disk], no_ssd, true)), ["DISK"]);
    }

    #[test]
    fn excess_is_what_the_policy_does_not_want() {
        let warm = StoragePolicy::of(PolicyId(5));
        assert_eq!(names(&warm.choose_excess(2, &[Disk, Disk, Archive])), ["DISK"]);
    }
}
