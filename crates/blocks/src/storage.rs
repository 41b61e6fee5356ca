//! One storage (volume) of a DataNode, and what it holds.

use std::sync::Arc;

use loxodon_cluster::StorageType;
use loxodon_wire::ids::BlockId;
use roaring::RoaringTreemap;

use crate::NodeIndex;

/// Names a storage inside this process; given again once everything that lay there is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageIndex(pub u32);

/// What a storage may be used for (`DatanodeStorage.State`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageState {
    /// For everything.
    #[default]
    Normal,
    /// Reached by several DataNodes, for reading only.
    ReadOnlyShared,
    /// Broken.
    Failed,
}

/// Bytes of a storage, as its DataNode says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageUsage {
    /// Size of the volume, without what is reserved.
    pub capacity: u64,
    /// Used by HDFS.
    pub dfs_used: u64,
    /// Used by others.
    pub non_dfs_used: u64,
    /// Free for HDFS.
    pub remaining: u64,
    /// Used by this block pool.
    pub block_pool_used: u64,
}

/// One storage's line in a heartbeat (`StorageReport`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageReport {
    /// `DS-...`
    pub id: Arc<str>,
    /// Medium.
    pub kind: StorageType,
    /// What it may be used for.
    pub state: StorageState,
    /// Whether it broke.
    pub failed: bool,
    /// Sizes.
    pub usage: StorageUsage,
    /// Mount point, where one was said.
    pub mount: Option<Arc<str>>,
}

/// A full report that is being read in slices.
#[derive(Clone, Debug)]
pub(crate) struct OpenReport {
    /// Which report, so that a forgotten slice of an older one does no harm.
    pub(crate) serial: u64,
    /// Whether the storage held anything when it was begun, so that something may be missing.
    pub(crate) is_tracking: bool,
    /// Replicas that the report named, or that came since it was begun.
    pub(crate) seen: RoaringTreemap,
    /// Replicas that were told to be gone since it was begun.
    pub(crate) gone: RoaringTreemap,
}

/// A storage, as the NameNode knows it.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(crate) id: Arc<str>,
    pub(crate) node: NodeIndex,
    pub(crate) kind: StorageType,
    pub(crate) state: StorageState,
    pub(crate) usage: StorageUsage,
    pub(crate) mount: Option<Arc<str>>,
    pub(crate) blocks: RoaringTreemap,
    pub(crate) count: u64,
    pub(crate) reports: u32,
    pub(crate) content_stale: bool,
    pub(crate) heartbeat_seen: bool,
    pub(crate) open_report: Option<Box<OpenReport>>,
}

impl Storage {
    pub(crate) fn new(
        id: Arc<str>,
        node: NodeIndex,
        kind: StorageType,
        state: StorageState,
    ) -> Self {
        Self {
            id,
            node,
            kind,
            state,
            usage: StorageUsage::default(),
            mount: None,
            blocks: RoaringTreemap::new(),
            count: 0,
            reports: 0,
            content_stale: true,
            heartbeat_seen: false,
            open_report: None,
        }
    }

    pub(crate) fn add(&mut self, id: BlockId) -> bool {
        let key = id.0 as u64;
        if let Some(open) = self.open_report.as_mut() {
            if open.is_tracking {
                open.seen.insert(key);
            }
            open.gone.remove(key);
        }
        let fresh = self.blocks.insert(key);
        self.count += u64::from(fresh);
        fresh
    }

    pub(crate) fn remove(&mut self, id: BlockId) -> bool {
        let key = id.0 as u64;
        let was = self.blocks.remove(key);
        self.count -= u64::from(was);
        was
    }

    /// `DS-...`
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The DataNode it is part of.
    #[must_use]
    pub const fn node(&self) -> NodeIndex {
        self.node
    }

    /// Medium.
    #[must_use]
    pub const fn kind(&self) -> StorageType {
        self.kind
    }

    /// What it may be used for.
    #[must_use]
    pub const fn state(&self) -> StorageState {
        self.state
    }

    /// Sizes as of the last heartbeat.
    #[must_use]
    pub const fn usage(&self) -> &StorageUsage {
        &self.usage
    }

    /// Mount point, where one was said.
    #[must_use]
    pub const fn mount(&self) -> Option<&Arc<str>> {
        self.mount.as_ref()
    }

    /// How many blocks it holds.
    #[must_use]
    pub const fn block_count(&self) -> u64 {
        self.count
    }

    /// Full reports read since the node registered.
    #[must_use]
    pub const fn report_count(&self) -> u32 {
        self.reports
    }

    /// Whether its contents are not known for sure: no full report since this NameNode started
    /// (or took over). Decisions to delete replicas wait for it.
    #[must_use]
    pub const fn is_content_stale(&self) -> bool {
        self.content_stale
    }

    /// Ids of the blocks it holds.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + '_ {
        self.blocks.iter().map(|id| BlockId(id as i64))
    }

    /// The storage, as the lines of a heartbeat have it.
    #[must_use]
    pub fn report(&self) -> StorageReport {
        StorageReport {
            id: self.id.clone(),
            kind: self.kind,
            state: self.state,
            failed: self.state == StorageState::Failed,
            usage: self.usage,
            mount: self.mount.clone(),
        }
    }
}
