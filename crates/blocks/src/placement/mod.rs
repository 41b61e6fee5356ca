//! Where replicas go, and which of too many go away.

mod default;
mod delete;
mod placer;
mod spread;

use loxodon_cluster::StorageType;

pub(crate) use default::DefaultPlacement;
pub(crate) use delete::{Deletion, choose_excess};
pub(crate) use placer::{Placer, PlacerOptions};
pub(crate) use spread::RackFaultTolerantPlacement;

use crate::settings::PlacementKind;
use crate::{NodeIndex, PolicyId, Target, TypeList};

/// A client, as far as it matters where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// Its address, by which a DataNode on the same machine is found.
    pub ip: String,
    /// Its rack, where the caller resolved it and no DataNode runs there.
    pub rack: Option<String>,
}

/// What a new block (or one more replica of it) needs.
#[derive(Clone, Debug, Default)]
pub struct TargetRequest {
    /// Who writes.
    pub writer: Reader,
    /// How many places.
    pub replicas: u16,
    /// Places that are taken already and count (`getAdditionalDatanode`).
    pub existing: Vec<Target>,
    /// Uuids of DataNodes that must not be taken.
    pub excluded: Vec<String>,
    /// `ip:port` or `host:port` of nodes that should be taken.
    pub favored: Vec<String>,
    /// The file's block size: as much room is needed.
    pub block_size: u64,
    /// The file's storage policy.
    pub policy: PolicyId,
    /// `AddBlockFlag.NO_LOCAL_WRITE`: not on the writer's machine.
    pub no_local_write: bool,
}

/// Where a writer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// A DataNode runs there.
    pub(crate) node: Option<NodeIndex>,
    /// Its rack.
    pub(crate) rack: Option<loxodon_cluster::RackIndex>,
}

/// A rule by which replicas are spread over racks.
pub(crate) trait PlacementPolicy {
    /// Replicas that one rack may have of `total` on `racks` racks.
    fn max_per_rack(&self, total: usize, racks: usize) -> usize;

    /// Chooses `wanted` further places; what could not be found is missing in the results.
    fn choose(&self, placer: &mut Placer<'_>, origin: Origin, wanted: usize, max_per_rack: usize);

    /// Racks that `replicas` replicas have to be on, if there are so many.
    fn required_racks(&self, replicas: usize) -> usize;
}

/// The policy that is configured.
pub(crate) fn policy(kind: PlacementKind) -> &'static dyn PlacementPolicy {
    match kind {
        PlacementKind::Default => &DefaultPlacement,
        PlacementKind::RackFaultTolerant => &RackFaultTolerantPlacement,
    }
}

/// Counts each type of the list down as places of that type are found.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedTypes([u16; 6]);

impl WantedTypes {
    pub(crate) fn new(list: &TypeList) -> Self {
        let mut wanted = Self::default();
        for kind in list {
            if let Some(count) = wanted.0.get_mut(kind.index()) {
                *count += 1;
            }
        }
        wanted
    }

    pub(crate) fn wants(&self, kind: StorageType) -> bool {
        self.0.get(kind.index()).is_some_and(|count| *count > 0)
    }

    pub(crate) fn take(&mut self, kind: StorageType) {
        if let Some(count) = self.0.get_mut(kind.index()) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = StorageType> + '_ {
        StorageType::ALL.into_iter().filter(|kind| self.wants(*kind))
    }
}
