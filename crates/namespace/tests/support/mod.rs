//! What the tests of whole operations share: a namespace with its log, and blocks whose states are
//! told.

use std::cell::RefCell;
use std::collections::HashMap;

use loxodon_namespace::Namespace;
use loxodon_namespace::context::{Applied, BlockState, BlockStates, Caller, OpContext, Plan};
use loxodon_namespace::edit::{Block, Edit, RpcIds};
use loxodon_namespace::settings::Settings;
use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};

/// Blocks are complete unless the test says otherwise.
#[derive(Default)]
pub(crate) struct States {
    pub(crate) told: RefCell<HashMap<BlockId, BlockState>>,
    /// How long blocks became that are committed, and of which the namespace has not heard.
    pub(crate) committed: RefCell<HashMap<BlockId, u64>>,
    pub(crate) locations: usize,
}

impl BlockStates for States {
    fn as_committed(&self, block: Block) -> Block {
        let length = self.committed.borrow().get(&block.id).copied();
        Block { length: length.unwrap_or(block.length), ..block }
    }
    fn state(&self, block: BlockId) -> BlockState {
        let told = self.told.borrow().get(&block).copied();
        told.unwrap_or(BlockState::Complete)
    }
    fn has_min_replication(&self, block: BlockId) -> bool {
        self.state(block) == BlockState::Complete
    }
    fn expected_locations(&self, _: BlockId) -> usize {
        self.locations
    }
    fn may_start_recovery(&self, _: BlockId) -> bool {
        true
    }
}

/// A namespace and every edit that made it.
pub(crate) struct World {
    pub(crate) ns: Namespace,
    pub(crate) log: Vec<Edit>,
    pub(crate) states: States,
    pub(crate) now: Milliseconds,
    /// What block management was told by the last call.
    pub(crate) applied: Vec<Applied>,
}

pub(crate) fn settings() -> Settings {
    Settings { fs_owner: "hdfs".to_owned(), min_block_size: 1, ..Settings::default() }
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            ns: Namespace::new(settings),
            log: Vec::new(),
            states: States { locations: 3, ..States::default() },
            now: Milliseconds(1_000_000),
            applied: Vec::new(),
        }
    }

    pub(crate) fn caller(&self, user: &str) -> Caller {
        let groups = match user {
            "hdfs" => vec!["supergroup".to_owned()],
            "alice" | "bob" => vec!["staff".to_owned()],
            _ => Vec::new(),
        };
        let groups = groups.into_iter().filter(|_| user != "hdfs").collect();
        Caller::new(user.to_owned(), groups, self.ns.settings())
    }

    pub(crate) fn context<'a>(&self, caller: &'a Caller) -> OpContext<'a> {
        OpContext { caller, now: self.now, monotonic: self.now, rpc: RpcIds::NONE }
    }

    /// Applies and logs a plan.
    pub(crate) fn run<T>(&mut self, plan: Plan<T>) -> T {
        self.ns.tick(self.now);
        self.applied.clear();
        for edit in plan.edits {
            let applied = self.ns.apply(&edit).unwrap_or_else(|e| panic!("{edit:?}: {e}"));
            self.applied.push(applied);
            self.log.push(edit);
        }
        while !self.ns.reclaim(10).done {}
        plan.value
    }
}

/// Everything that can be seen of a namespace, as text that can be compared.
pub(crate) fn picture(ns: &Namespace) -> Vec<String> {
    let mut lines = vec![format!("{:?} {:?}", ns.counters(), ns.totals())];
    let mut pending = vec![InodeId::ROOT];
    while let Some(id) = pending.pop() {
        lines.push(format!("{:?} {:?}", ns.inode_view(id), ns.path_of(id)));
        pending.extend(ns.child_ids(id));
    }
    let root = Caller::new("hdfs".to_owned(), Vec::new(), ns.settings());
    let now = Milliseconds(0);
    let ctx = OpContext { caller: &root, now, monotonic: now, rpc: RpcIds::NONE };
    let mut directories: Vec<String> =
        ns.inode_views().filter_map(|inode| ns.path_of(inode.id)).collect();
    directories.sort();
    for path in directories {
        lines.push(format!("{path} {:?}", ns.quota_usage(&ctx, &path)));
    }
    for (id, path, writer) in ns.open_file_views() {
        let holder = ns.lease_holder_of(id);
        lines.push(format!("{id} {path} {writer:?} {holder:?}"));
    }
    lines
}
