//! The machine that joins block map, DataNodes, placement and redundancy.

mod admin;
mod background;
mod balance;
mod check;
mod construct;
mod heartbeat;
mod invalidate;
mod lease;
mod locate;
mod metasave;
mod plan;
mod recover;
mod register;
mod replica;
mod report;
mod report_codec;
mod stats;
mod target;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use loxodon_cluster::HostLists;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};

pub use balance::BalancerBlock;
pub use heartbeat::HeartbeatReply;
pub use locate::Located;
pub use report::{BlockChange, ReportScan, ReportedStorage};
pub use report_codec::{EncodedReport, LegacyReport};
pub use stats::{ClusterStats, NodeUsage, ReportKind};

use crate::cluster_state::ClusterState;
use crate::map::BlockMap;
use crate::redundancy::{CorruptReplicas, DistrustedReplicas, LowRedundancy, PendingTransfers};
use crate::{
    BlockError, BlockInfo, BlockState, Datanode, Event, NewBlock, NodeIndex, PolicyId, SafeMode,
    SafeModeCause, Settings, Storage, StorageIndex, Target,
};
use admin::Tracked;
use background::Task;
use construct::Construction;
use lease::ReportLeases;

/// Everything known about blocks' replicas; see the crate's text.
#[derive(Clone, Debug)]
pub struct BlockManager {
    settings: Settings,
    rng: Rng,
    map: BlockMap,
    cluster: ClusterState,
    hosts: HostLists,
    constructions: HashMap<BlockId, Construction, FixedState>,
    low: LowRedundancy,
    pending: PendingTransfers,
    corrupt: CorruptReplicas,
    distrusted: DistrustedReplicas,
    postponed: BTreeSet<BlockId>,
    postponed_from: BlockId,
    safe_mode: SafeMode,
    leases: ReportLeases,
    tracked: BTreeMap<NodeIndex, Tracked>,
    tasks: VecDeque<Task>,
    events: Vec<Event>,
    queues_open: bool,
    /// Whether there was more than one rack when it was last looked.
    has_racks: bool,
    complete_blocks: u64,
    /// Nodes that were declared dead, copies that arrived, and blocks for which no copy could be
    /// ordered, since the start.
    expired: u64,
    copied: u64,
    not_ordered: u64,
    highest_stamp: GenerationStamp,
    report_serial: u64,
    started: Milliseconds,
    /// The clock when a DataNode was last heard; for calls that have no clock of their own.
    latest: Milliseconds,
}

impl BlockManager {
    /// A manager without blocks or nodes; safe mode is off until [`BlockManager::start`].
    #[must_use]
    pub fn new(settings: Settings, seed: u64, now: Milliseconds) -> Self {
        Self {
            safe_mode: SafeMode::new(settings.safe_mode),
            leases: ReportLeases::default(),
            settings,
            rng: Rng::with_seed(seed),
            map: BlockMap::default(),
            cluster: ClusterState::default(),
            hosts: HostLists::default(),
            constructions: HashMap::default(),
            low: LowRedundancy::default(),
            pending: PendingTransfers::default(),
            corrupt: CorruptReplicas::default(),
            distrusted: DistrustedReplicas::default(),
            postponed: BTreeSet::new(),
            postponed_from: BlockId(i64::MIN),
            tracked: BTreeMap::new(),
            tasks: VecDeque::new(),
            events: Vec::new(),
            queues_open: false,
            has_racks: false,
            complete_blocks: 0,
            expired: 0,
            copied: 0,
            not_ordered: 0,
            highest_stamp: GenerationStamp(u64::MAX),
            report_serial: 0,
            started: now,
            latest: now,
        }
    }

    /// Changes settings while it runs. What safe mode goes by stays as it was at the start.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// The settings in force.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds a block that the namespace has, from the image, the edits, or (without targets) anew.
    ///
    /// # Errors
    /// If the id is taken.
    pub fn insert_block(&mut self, new: NewBlock) -> Result<(), BlockError> {
        if !self.map.insert(&new) {
            return Err(BlockError::Exists(new.block.id));
        }
        match new.state {
            BlockState::Complete => self.complete_blocks += 1,
            _ => {
                self.constructions.insert(new.block.id, Construction::default());
            }
        }
        Ok(())
    }

    /// All blocks are loaded. With `safe_mode`, waits until DataNodes have reported enough of
    /// them; without, replicas are looked after at once.
    pub fn start(&mut self, now: Milliseconds, safe_mode: bool) {
        self.started = now;
        if safe_mode {
            self.safe_mode.start(now, self.complete_blocks, self.cluster.live_count());
        }
        if !self.safe_mode.is_startup() {
            self.open_queues();
        }
    }

    /// The highest stamp that was given out; replicas beyond it are from a future that this
    /// NameNode does not know, and safe mode does not end by itself.
    pub fn set_highest_stamp(&mut self, stamp: GenerationStamp) {
        self.highest_stamp = stamp;
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The block as it is known.
    #[must_use]
    pub fn block(&self, id: BlockId) -> Option<BlockInfo> {
        self.map.get(id)
    }

    /// Whether the block is known and final.
    #[must_use]
    pub fn is_complete(&self, id: BlockId) -> bool {
        self.map.get(id).is_some_and(|info| info.is_complete())
    }

    /// How many blocks there are.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.map.len()
    }

    /// How many of them are final.
    #[must_use]
    pub const fn complete_block_count(&self) -> u64 {
        self.complete_blocks
    }

    /// Where replicas are known to be, good or not.
    #[must_use]
    pub fn replicas(&self, id: BlockId) -> Vec<Target> {
        self.map.replicas(id).into_iter().filter_map(|at| self.cluster.target(at)).collect()
    }

    /// Whether enough replicas are reported for the block to be complete.
    #[must_use]
    pub fn has_min_replication(&self, id: BlockId) -> bool {
        self.count_replicas(id).usable() >= self.settings.min_replication
    }

    /// A place by the names that calls have for it.
    #[must_use]
    pub fn target(&self, datanode_uuid: &str, storage_id: &str) -> Option<Target> {
        let node = self.cluster.by_uuid(datanode_uuid)?;
        let storage = self.cluster.storage_by_id(node, storage_id)?;
        Some(Target { node, storage })
    }

    /// A DataNode; indexes come from this manager and stay valid.
    #[must_use]
    pub fn datanode(&self, index: NodeIndex) -> Option<&Datanode> {
        self.cluster.node(index)
    }

    /// A storage.
    #[must_use]
    pub fn storage(&self, index: StorageIndex) -> Option<&Storage> {
        self.cluster.storage(index)
    }

    /// The DataNode of that uuid.
    #[must_use]
    pub fn node_by_uuid(&self, uuid: &str) -> Option<NodeIndex> {
        self.cluster.by_uuid(uuid)
    }

    /// The DataNode with that `host:port` or `ip:port` of its data transfer.
    #[must_use]
    pub fn node_by_address(&self, name: &str) -> Option<NodeIndex> {
        self.cluster.by_name(name)
    }

    /// Racks and who stands on them (members are [`NodeIndex`] numbers).
    #[must_use]
    pub const fn topology(&self) -> &loxodon_cluster::Topology {
        &self.cluster.topology
    }

    /// The block belongs to another file now (`concat`).
    pub fn set_owner(&mut self, id: BlockId, owner: InodeId) {
        self.map.set_owner(id, owner);
    }

    /// The file's storage policy changed.
    pub fn set_policy(&mut self, id: BlockId, policy: PolicyId) {
        self.map.set_policy(id, policy);
    }

    /// The wanted number of replicas changed: more are made, or the excess is deleted.
    pub fn set_replication(&mut self, now: Milliseconds, id: BlockId, replication: u16) {
        self.map.set_replication(id, replication);
        self.look_at(now, id);
    }

    /// Safe mode.
    #[must_use]
    pub const fn safe_mode(&self) -> &SafeMode {
        &self.safe_mode
    }

    /// The text after "Safe mode is ON."
    #[must_use]
    pub fn safe_mode_tip(&self, now: Milliseconds) -> String {
        self.safe_mode.tip(now, self.cluster.live_count())
    }

    /// Enters safe mode.
    pub fn enter_safe_mode(&mut self, cause: SafeModeCause) {
        self.safe_mode.enter(cause);
    }

    /// Leaves safe mode of every kind; `false` where that takes force.
    pub fn leave_safe_mode(&mut self, force: bool) -> bool {
        let left = self.safe_mode.leave(force);
        if left {
            self.open_queues();
        }
        left
    }

    /// There is room on the disk again: safe mode for want of it ends by itself.
    pub fn leave_low_resources(&mut self) {
        self.safe_mode.resources_are_back();
    }

    /// Ends the start-up's safe mode where it is time; call every second.
    pub fn check_safe_mode(&mut self, now: Milliseconds) {
        if !self.safe_mode.is_startup() {
            return;
        }
        if self.safe_mode.advance(now, self.cluster.live_count()) {
            self.events.push(Event::SafeModeLeft);
            self.open_queues();
        } else if self.safe_mode.may_fill_queues() {
            self.open_queues();
        }
    }

    /// From here on too few and too many replicas are noticed; what is there is looked through
    /// in the background.
    fn open_queues(&mut self) {
        if !self.queues_open {
            self.queues_open = true;
            self.low.clear();
            self.tasks.push_back(Task::ScanAll { from: 0 });
        }
    }
}
