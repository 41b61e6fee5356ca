//! Storage policies as the tree keeps them: numbers, in attributes and layouts
//! (`BlockStoragePolicySuite`).

use loxodon_wire::storage::PolicyId;
pub use loxodon_wire::storage::{StoragePolicy, StorageType};

/// How many storage types there are; arrays by type are this long.
pub const STORAGE_TYPES: usize = StorageType::ALL.len();

/// The system attribute that holds a directory's policy, without its name space.
pub const STORAGE_POLICY_XATTR: &str = "hsm.block.storage.policy.id";

/// A policy's number that says "none set here".
pub const UNSPECIFIED: u8 = PolicyId::UNSPECIFIED.0;

/// The number of LAZY_PERSIST.
pub const LAZY_PERSIST: u8 = PolicyId::LAZY_PERSIST.0;

/// The policy with this number, if there is one; HOT where none is set.
#[must_use]
pub fn policy_of(id: u8) -> Option<&'static StoragePolicy> {
    StoragePolicy::by_id(PolicyId(id))
}
