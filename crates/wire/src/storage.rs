//! What storage is made of, what operators intend with a DataNode, and the policies that say on which
//! kind of storage a file's replicas belong: words that every part of HDFS shares.

use smallvec::SmallVec;

use crate::proto::hdfs::StorageTypeProto;
use crate::proto::hdfs::datanode_info_proto::AdminState as AdminStateProto;

/// The medium of a storage (`org.apache.hadoop.fs.StorageType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageType {
    /// Memory; what lies there is lost at a restart.
    RamDisk,
    /// Flash.
    Ssd,
    /// Spinning disk, and whatever nobody said anything about.
    #[default]
    Disk,
    /// Dense and slow.
    Archive,
    /// Blocks that live in another store.
    Provided,
    /// Memory that keeps its contents.
    Nvdimm,
}

impl StorageType {
    /// Every type, in the order of Hadoop's enum, which is the number in images and edits.
    pub const ALL: [Self; 6] =
        [Self::RamDisk, Self::Ssd, Self::Disk, Self::Archive, Self::Provided, Self::Nvdimm];

    /// The name in configuration, commands and reports.
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

    /// The type of that name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Whether contents are lost with the power.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RamDisk)
    }

    /// Whether balancer and mover may take blocks from there.
    #[must_use]
    pub const fn is_movable(self) -> bool {
        !matches!(self, Self::RamDisk | Self::Provided)
    }

    /// Whether space on it can be limited (`supportTypeQuota`).
    #[must_use]
    pub const fn supports_quota(self) -> bool {
        !matches!(self, Self::RamDisk)
    }

    /// Position in [`StorageType::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The type with this number in an image or an edit.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The type with this number in a message, if there is one.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        Some(match StorageTypeProto::try_from(number).ok()? {
            StorageTypeProto::Disk => Self::Disk,
            StorageTypeProto::Ssd => Self::Ssd,
            StorageTypeProto::Archive => Self::Archive,
            StorageTypeProto::RamDisk => Self::RamDisk,
            StorageTypeProto::Provided => Self::Provided,
            StorageTypeProto::Nvdimm => Self::Nvdimm,
        })
    }

    /// Its number in messages.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        (match self {
            Self::Disk => StorageTypeProto::Disk,
            Self::Ssd => StorageTypeProto::Ssd,
            Self::Archive => StorageTypeProto::Archive,
            Self::RamDisk => StorageTypeProto::RamDisk,
            Self::Provided => StorageTypeProto::Provided,
            Self::Nvdimm => StorageTypeProto::Nvdimm,
        }) as i32
    }
}

/// What operators intend with a DataNode (`DatanodeInfo.AdminStates`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AdminState {
    /// In service.
    #[default]
    Normal,
    /// Its blocks are being copied elsewhere.
    DecommissionInProgress,
    /// Everything it holds is elsewhere as well.
    Decommissioned,
    /// Will be down for a while; its blocks are being brought to the minimum elsewhere.
    EnteringMaintenance,
    /// May go down without anything being re-replicated.
    InMaintenance,
}

impl AdminState {
    /// The text in reports and web pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "In Service",
            Self::DecommissionInProgress => "Decommission In Progress",
            Self::Decommissioned => "Decommissioned",
            Self::EnteringMaintenance => "Entering Maintenance",
            Self::InMaintenance => "In Maintenance",
        }
    }

    /// The state with this number in a message; in service where it has none that is known.
    #[must_use]
    pub fn from_wire(number: Option<i32>) -> Self {
        match number.map(AdminStateProto::try_from) {
            Some(Ok(AdminStateProto::DecommissionInprogress)) => Self::DecommissionInProgress,
            Some(Ok(AdminStateProto::Decommissioned)) => Self::Decommissioned,
            Some(Ok(AdminStateProto::EnteringMaintenance)) => Self::EnteringMaintenance,
            Some(Ok(AdminStateProto::InMaintenance)) => Self::InMaintenance,
            Some(Ok(AdminStateProto::Normal) | Err(_)) | None => Self::Normal,
        }
    }

    /// Its number in messages.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        (match self {
            Self::Normal => AdminStateProto::Normal,
            Self::DecommissionInProgress => AdminStateProto::DecommissionInprogress,
            Self::Decommissioned => AdminStateProto::Decommissioned,
            Self::EnteringMaintenance => AdminStateProto::EnteringMaintenance,
            Self::InMaintenance => AdminStateProto::InMaintenance,
        }) as i32
    }

    /// Neither decommissioned nor in maintenance, nor on the way there.
    #[must_use]
    pub const fn is_in_service(self) -> bool {
        matches!(self, Self::Normal)
    }

    /// On the way to, or in, decommissioning.
    #[must_use]
    pub const fn is_decommission(self) -> bool {
        matches!(self, Self::DecommissionInProgress | Self::Decommissioned)
    }

    /// On the way to, or in, maintenance.
    #[must_use]
    pub const fn is_maintenance(self) -> bool {
        matches!(self, Self::EnteringMaintenance | Self::InMaintenance)
    }
}

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

use StorageType::{Archive, Disk, Nvdimm, Provided, RamDisk, Ssd};

/// Where the replicas of a file shall lie (`BlockStoragePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    /// Its number.
    pub id: PolicyId,
    /// Its name.
    pub name: &'static str,
    /// Type of the first, second, ... replica; the last one holds for all further.
    pub storage_types: &'static [StorageType],
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
    storage_types: &'static [StorageType],
    creation_fallbacks: &'static [StorageType],
    replication_fallbacks: &'static [StorageType],
) -> StoragePolicy {
    let copy_on_create = id == PolicyId::LAZY_PERSIST.0;
    StoragePolicy {
        id: PolicyId(id),
        name,
        storage_types,
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
    policy(14, "ALL_NVDIMM", &[Nvdimm], &[Disk], &[Disk]),
    policy(15, "LAZY_PERSIST", &[RamDisk, Disk], &[Disk], &[Disk]),
];

const HOT: StoragePolicy = STORAGE_POLICIES[3];

impl StoragePolicy {
    /// The policy of that number; HOT for "not said".
    #[must_use]
    pub fn by_id(id: PolicyId) -> Option<&'static Self> {
        let id = if id == PolicyId::UNSPECIFIED { PolicyId::HOT } else { id };
        STORAGE_POLICIES.iter().find(|policy| policy.id == id)
    }

    /// The policy of that number; HOT also for numbers nobody has.
    #[must_use]
    pub fn of(id: PolicyId) -> &'static Self {
        Self::by_id(id).unwrap_or(&HOT)
    }

    /// The policy of that name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        STORAGE_POLICIES.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))
    }

    /// The types for `replication` replicas; memory is left out, as its use is not known well.
    #[must_use]
    pub fn choose(&self, replication: u16) -> TypeList {
        let lasting = self.storage_types.iter().copied().filter(|kind| !kind.is_transient());
        let mut list: TypeList = lasting.take(usize::from(replication)).collect();
        if let Some(last) = self.storage_types.last().copied().filter(|kind| !kind.is_transient()) {
            list.resize(usize::from(replication), last);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_types_are_found_by_name_and_number() {
        for kind in StorageType::ALL {
            assert_eq!(StorageType::from_name(&kind.name().to_lowercase()), Some(kind));
            assert_eq!(StorageType::from_wire(kind.to_wire()), Some(kind));
            assert_eq!(
                u8::try_from(kind.index()).ok().and_then(StorageType::from_number),
                Some(kind)
            );
        }
        assert_eq!(StorageType::from_name("FLOPPY"), None);
        assert_eq!(StorageType::from_wire(0), None);
        assert_eq!(StorageType::from_number(6), None);
    }

    #[test]
    fn types_follow_the_policy() {
        let list = |name: &str, n| {
            let types = StoragePolicy::by_name(name).map_or_else(TypeList::new, |p| p.choose(n));
            types.into_iter().map(StorageType::name).collect::<Vec<_>>()
        };
        assert_eq!(list("hot", 3), ["DISK", "DISK", "DISK"]);
        assert_eq!(list("WARM", 3), ["DISK", "ARCHIVE", "ARCHIVE"]);
        assert_eq!(list("ONE_SSD", 3), ["SSD", "DISK", "DISK"]);
        assert_eq!(list("LAZY_PERSIST", 2), ["DISK", "DISK"]);
        assert_eq!(list("ONE_SSD", 0), [""; 0]);
        assert_eq!(StoragePolicy::of(PolicyId(0)).name, "HOT");
        assert_eq!(StoragePolicy::by_id(PolicyId(3)), None);
    }
}
