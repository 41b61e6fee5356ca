//! Which types of storage a block still needs, and of which it has too many, under its policy.

use loxodon_wire::storage::{StoragePolicy, StorageType, TypeList};

/// A set of storage types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeSet(u8);

impl TypeSet {
    /// Adds one.
    pub fn insert(&mut self, kind: StorageType) {
        self.0 |= 1 << kind.index();
    }

    /// Whether it is in.
    #[must_use]
    pub const fn contains(self, kind: StorageType) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// The types still wanted, where replicas on `chosen` exist and some types are not to be had.
#[must_use]
pub(crate) fn remaining_types(
    policy: &StoragePolicy,
    replication: u16,
    chosen: &[StorageType],
    unavailable: TypeSet,
    is_new_block: bool,
) -> TypeList {
    let mut wanted = policy.choose(replication);
    let excess = subtract(&mut wanted, chosen);
    let fallbacks =
        if is_new_block { policy.creation_fallbacks } else { policy.replication_fallbacks };
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
pub(crate) fn excess_types(
    policy: &StoragePolicy,
    replication: u16,
    chosen: &[StorageType],
) -> TypeList {
    subtract(&mut policy.choose(replication), chosen)
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
    use loxodon_wire::storage::PolicyId;
    use loxodon_wire::storage::StorageType::{Archive, Disk, Ssd};

    use super::*;

    fn names(list: &[StorageType]) -> Vec<&'static str> {
        list.iter().map(|kind| kind.name()).collect()
    }

    #[test]
    fn fallbacks_replace_what_is_not_to_be_had() {
        let mut no_disk = TypeSet::default();
        no_disk.insert(Disk);
        let hot = StoragePolicy::of(PolicyId::HOT);
        assert_eq!(names(&remaining_types(hot, 3, &[], no_disk, true)), [""; 0]);
        assert_eq!(names(&remaining_types(hot, 3, &[Disk], no_disk, false)), ["ARCHIVE"; 2]);
        let mut no_ssd = TypeSet::default();
        no_ssd.insert(Ssd);
        let one_ssd = StoragePolicy::of(PolicyId(10));
        assert_eq!(names(&remaining_types(one_ssd, 3, &[Disk, Disk], no_ssd, true)), ["DISK"]);
    }

    #[test]
    fn excess_is_what_the_policy_does_not_want() {
        let warm = StoragePolicy::of(PolicyId(5));
        assert_eq!(names(&excess_types(warm, 2, &[Disk, Disk, Archive])), ["DISK"]);
    }
}
