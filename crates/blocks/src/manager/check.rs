//! What must hold at all times, for tests and simulations.

use std::collections::BTreeMap;

use super::BlockManager;
use crate::{BlockState, Priority};

impl BlockManager {
    /// Checks that both sides of every replica know each other and that all counts are right;
    /// takes as long as there are replicas.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.check_replicas()?;
        self.check_blocks()?;
        self.check_side_tables()
    }

    fn check_replicas(&self) -> Result<(), String> {
        let mut held = 0;
        for (index, storage) in self.cluster.storages() {
            if storage.count != storage.blocks.len() {
                return Err(format!(
                    "{} counts {} blocks, holds {}",
                    storage.id,
                    storage.count,
                    storage.blocks.len()
                ));
            }
            held += storage.count;
            let stray = storage.blocks().find(|id| !self.map.has_replica(*id, index));
            if let Some(id) = stray {
                return Err(format!("{} holds blk_{id}, which does not know it", storage.id));
            }
            let node = self.cluster.node(storage.node).ok_or("a storage without its node")?;
            if !node.storages.contains(&index) {
                return Err(format!("{} is not among its node's storages", storage.id));
            }
        }
        let named: u64 = self
            .map
            .ids_from(0, usize::MAX)
            .into_iter()
            .map(|id| self.map.replicas(id).len() as u64)
            .sum();
        if held == named {
            Ok(())
        } else {
            Err(format!("storages hold {held} replicas, blocks name {named}"))
        }
    }

    fn check_blocks(&self) -> Result<(), String> {
        let ids = self.map.ids_from(0, usize::MAX);
        if ids.len() != self.map.len() {
            return Err(format!("{} blocks counted, {} found", self.map.len(), ids.len()));
        }
        let mut complete = 0;
        for id in ids {
            let info = self.map.get(id).ok_or("a listed block is not found")?;
            complete += u64::from(info.state == BlockState::Complete);
            if info.is_complete() == self.constructions.contains_key(&id) {
                return Err(format!(
                    "blk_{id} is {:?}, and its side entry says otherwise",
                    info.state
                ));
            }
            let mut nodes = BTreeMap::new();
            for storage in self.map.replicas(id) {
                let node = self
                    .cluster
                    .storage(storage)
                    .map(|s| s.node)
                    .ok_or("a replica without storage")?;
                if nodes.insert(node, storage).is_some() {
                    return Err(format!("blk_{id} is twice on one node"));
                }
            }
            if self.map.has_corrupt(id) == self.corrupt.nodes(id).is_empty() {
                return Err(format!("blk_{id}'s mark of damage is wrong"));
            }
        }
        if complete == self.complete_blocks {
            Ok(())
        } else {
            Err(format!("{} complete blocks counted, {complete} found", self.complete_blocks))
        }
    }

    fn check_side_tables(&self) -> Result<(), String> {
        if let Some(id) = self.constructions.keys().find(|id| !self.map.contains(**id)) {
            return Err(format!("blk_{id} is under construction and unknown"));
        }
        for id in self.corrupt.ids() {
            let mut marked = self.corrupt.nodes(id).iter();
            if let Some((node, _)) = marked.find(|(node, _)| self.storage_on(id, *node).is_none()) {
                return Err(format!("blk_{id} is damaged on {node:?}, which does not have it"));
            }
        }
        for (id, node) in self.distrusted.keys() {
            if !self.map.contains(id) || self.storage_on(id, node).is_some() {
                return Err(format!("blk_{id} is on {node:?} or unknown, and not trusted"));
            }
        }
        for (id, _, targets) in self.pending.iter() {
            if !self.map.contains(id) || targets.is_empty() {
                return Err(format!("blk_{id} waits for copies in vain"));
            }
        }
        let levels = [
            Priority::Highest,
            Priority::VeryLow,
            Priority::Low,
            Priority::BadlyDistributed,
            Priority::Corrupt,
        ];
        for id in levels.into_iter().flat_map(|level| self.low.queue(level)) {
            if !self.is_complete(id) {
                return Err(format!("blk_{id} is queued for copying and not final"));
            }
        }
        for (_, node) in self.cluster.nodes() {
            if let Some(id) = node.excess.iter().find(|id| !self.map.contains(**id)) {
                return Err(format!("blk_{id} is too many on {} and unknown", node.id));
            }
        }
        Ok(())
    }
}
