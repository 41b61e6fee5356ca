//! The replicas of one block pool.

use std::sync::Arc;

use hashbrown::HashMap;
use loxodon_wire::ids::BlockId;
use parking_lot::RwLock;

use super::replica::Replica;

/// Replicas by block, each in a few words; files are found by the id.
pub(crate) type ReplicaMap = HashMap<BlockId, Replica, foldhash::fast::RandomState>;

/// One block pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: Arc<str>,
    pub(crate) replicas: RwLock<ReplicaMap>,
}

impl Pool {
    pub(crate) fn new(id: Arc<str>) -> Self {
        Self { id, replicas: RwLock::default() }
    }

    pub(crate) fn get(&self, id: BlockId) -> Option<Replica> {
        self.replicas.read().get(&id).cloned()
    }
}
