//! One DataNode, as the NameNode knows it: addresses, state, load, and work waiting for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use loxodon_cluster::{AdminState, DatanodeId, StorageType};
use loxodon_wire::ids::{BlockId, Milliseconds};
use smallvec::SmallVec;

use crate::StorageIndex;
use crate::command::Target;

/// Names a DataNode inside this process; the same uuid keeps its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub u32);

/// What a DataNode says of itself when it registers, with what the caller resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Names and addresses; `ip` and `host` as the connection's peer has them.
    pub id: DatanodeId,
    /// Rack from the topology script or table (`/default-rack` where nothing is known).
    pub rack: Arc<str>,
    /// Hadoop version it runs.
    pub software_version: Arc<str>,
}

/// Volumes that broke (`VolumeFailureSummary`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeFailures {
    /// Where they were.
    pub locations: Vec<String>,
    /// When the last one broke, wall clock.
    pub last: Milliseconds,
    /// Bytes lost for storing.
    pub capacity_lost: u64,
}

/// What a heartbeat says besides the storages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLoad {
    /// Transfer threads in use.
    pub xceivers: u32,
    /// Replications and reconstructions going on.
    pub transfers: u32,
    /// Bytes that may be cached.
    pub cache_capacity: u64,
    /// Bytes that are cached.
    pub cache_used: u64,
    /// Volumes that broke.
    pub failed_volumes: u32,
    /// More about them.
    pub volume_failures: Option<VolumeFailures>,
}

/// A copy that a DataNode shall make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransferWork {
    pub(crate) block: BlockId,
    pub(crate) targets: SmallVec<[Target; 3]>,
}

/// Blocks that were directed to a node and are not reported yet, by storage type. Counted in two
/// ten-minute windows, so that what never arrives is forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scheduled {
    current: [u32; 6],
    previous: [u32; 6],
    rolled: Milliseconds,
}

const SCHEDULED_WINDOW: Milliseconds = Milliseconds(600_000);

impl Scheduled {
    pub(crate) fn add(&mut self, kind: StorageType) {
        if let Some(count) = self.current.get_mut(kind.index()) {
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn remove(&mut self, kind: StorageType) {
        let windows = [&mut self.previous, &mut self.current];
        for window in windows {
            if let Some(count) = window.get_mut(kind.index()).filter(|count| **count > 0) {
                *count -= 1;
                return;
            }
        }
    }

    pub(crate) fn of(&self, kind: StorageType) -> u64 {
        let at = |window: &[u32; 6]| u64::from(window.get(kind.index()).copied().unwrap_or(0));
        at(&self.current) + at(&self.previous)
    }

    pub(crate) fn total(&self) -> u64 {
        StorageType::ALL.into_iter().map(|kind| self.of(kind)).sum()
    }

    pub(crate) fn roll(&mut self, now: Milliseconds) {
        if now.since(self.rolled) > SCHEDULED_WINDOW {
            self.previous = std::mem::take(&mut self.current);
            self.rolled = now;
        }
    }
}

/// A DataNode.
#[derive(Clone, Debug)]
pub struct Datanode {
    pub(crate) id: DatanodeId,
    pub(crate) rack: Arc<str>,
    pub(crate) software_version: Arc<str>,
    pub(crate) upgrade_domain: Option<Arc<str>>,
    pub(crate) storages: SmallVec<[StorageIndex; 4]>,
    pub(crate) admin: AdminState,
    pub(crate) maintenance_expires: Option<Milliseconds>,
    pub(crate) admin_since: Milliseconds,
    pub(crate) is_alive: bool,
    pub(crate) is_registered: bool,
    pub(crate) is_disallowed: bool,
    pub(crate) is_stale: bool,
    pub(crate) last_heard: Milliseconds,
    pub(crate) last_report: Option<Milliseconds>,
    pub(crate) load: NodeLoad,
    pub(crate) scheduled: Scheduled,
    pub(crate) transfers: VecDeque<TransferWork>,
    pub(crate) invalidations: BTreeMap<BlockId, crate::Block>,
    pub(crate) released: VecDeque<crate::Block>,
    pub(crate) recoveries: VecDeque<BlockId>,
    pub(crate) excess: BTreeSet<BlockId>,
    pub(crate) bandwidth: Option<u64>,
}

impl Datanode {
    pub(crate) fn new(registration: Registration, now: Milliseconds) -> Self {
        Self {
            id: registration.id,
            rack: registration.rack,
            software_version: registration.software_version,
            upgrade_domain: None,
            storages: SmallVec::new(),
            admin: AdminState::Normal,
            maintenance_expires: None,
            admin_since: now,
            is_alive: false,
            is_registered: false,
            is_disallowed: false,
            is_stale: false,
            last_heard: now,
            last_report: None,
            load: NodeLoad::default(),
            scheduled: Scheduled::default(),
            transfers: VecDeque::new(),
            invalidations: BTreeMap::new(),
            released: VecDeque::new(),
            recoveries: VecDeque::new(),
            excess: BTreeSet::new(),
            bandwidth: None,
        }
    }

    /// Names and addresses.
    #[must_use]
    pub const fn id(&self) -> &DatanodeId {
        &self.id
    }

    /// Rack path.
    #[must_use]
    pub const fn rack(&self) -> &Arc<str> {
        &self.rack
    }

    /// Hadoop version it runs.
    #[must_use]
    pub const fn software_version(&self) -> &Arc<str> {
        &self.software_version
    }

    /// Upgrade domain, where the host file says one.
    #[must_use]
    pub const fn upgrade_domain(&self) -> Option<&Arc<str>> {
        self.upgrade_domain.as_ref()
    }

    /// Its storages.
    #[must_use]
    pub fn storages(&self) -> &[StorageIndex] {
        &self.storages
    }

    /// What operators intend with it.
    #[must_use]
    pub const fn admin(&self) -> AdminState {
        self.admin
    }

    /// Whether it was heard recently enough, and its replicas count.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.is_alive
    }

    /// Whether it is not admitted any more.
    #[must_use]
    pub const fn is_disallowed(&self) -> bool {
        self.is_disallowed
    }

    /// Whether it was stale when heartbeats were last looked at.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// When it was last heard.
    #[must_use]
    pub const fn last_heard(&self) -> Milliseconds {
        self.last_heard
    }

    /// When its last full report was read to the end.
    #[must_use]
    pub const fn last_report(&self) -> Option<Milliseconds> {
        self.last_report
    }

    /// What the last heartbeat said.
    #[must_use]
    pub const fn load(&self) -> &NodeLoad {
        &self.load
    }

    /// Blocks on their way to it (`getBlocksScheduled`).
    #[must_use]
    pub fn blocks_scheduled(&self) -> u64 {
        self.scheduled.total()
    }

    /// When its present administrative state began.
    #[must_use]
    pub const fn admin_since(&self) -> Milliseconds {
        self.admin_since
    }
}
