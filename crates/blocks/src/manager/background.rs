//! Work that takes long, done a slice at a time.

use loxodon_wire::ids::{BlockId, Milliseconds};

use super::BlockManager;
use crate::{NodeIndex, StorageIndex, StorageState};

/// Something to be gone through in slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Replicas of a storage that is lost are given up.
    Empty { storage: StorageIndex, even_if_alive: bool },
    /// Storages of a node that is gone for good are dropped.
    Forget(NodeIndex),
    /// One block is looked at.
    Check(BlockId),
    /// Every block is looked at: queues were just opened, or there is a second rack now.
    ScanAll { from: u64 },
    /// Every block of a storage is looked at: its node changed what it is good for.
    Rescan { storage: StorageIndex, from: u64 },
}

impl BlockManager {
    /// What was well placed while there was one rack is not where there are more
    /// (`BlockManager.checkIfClusterIsNowMultiRack`; Hadoop looks once, not when racks come back).
    fn notice_second_rack(&mut self) {
        let has_racks = self.cluster.topology.rack_count() > 1;
        let had_racks = std::mem::replace(&mut self.has_racks, has_racks);
        if has_racks && !had_racks && self.queues_open {
            self.tasks.push_back(Task::ScanAll { from: 0 });
        }
    }

    /// Goes on with what is to be gone through, about `budget` blocks; `true` once nothing is
    /// left. A thousand blocks take well under a millisecond.
    pub fn background(&mut self, now: Milliseconds, budget: usize) -> bool {
        self.notice_second_rack();
        let mut left = budget.max(1);
        while left > 0 {
            let Some(task) = self.tasks.pop_front() else { break };
            let done = match task {
                Task::Empty { storage, even_if_alive } => {
                    self.empty_slice(storage, even_if_alive, left)
                }
                Task::Forget(node) => {
                    self.forget_node(node);
                    Some(1)
                }
                Task::Check(id) => {
                    self.process_extra(now, id, None, None);
                    Some(1)
                }
                Task::ScanAll { from } => self.scan_slice(now, from, left),
                Task::Rescan { storage, from } => self.rescan_slice(now, storage, from, left),
            };
            match done {
                Some(cost) => left = left.saturating_sub(cost.max(1)),
                None => left = 0,
            }
        }
        if left > 0 {
            self.retry_postponed(now, left);
        }
        self.tasks.is_empty()
    }

    /// `None` if the slice was used up and the task went back into the line.
    fn empty_slice(
        &mut self,
        at: StorageIndex,
        even_if_alive: bool,
        limit: usize,
    ) -> Option<usize> {
        let Some(storage) = self.cluster.storage(at) else { return Some(1) };
        let node = storage.node;
        let is_back = if even_if_alive {
            storage.state != StorageState::Failed
        } else {
            self.cluster.node(node).is_some_and(|n| n.is_alive)
        };
        if is_back {
            // What is left counts again, and may by now be one too many.
            self.tasks.push_back(Task::Rescan { storage: at, from: 0 });
            return Some(1);
        }
        let ids: Vec<BlockId> = storage.blocks().take(limit).collect();
        let count = ids.len();
        for id in ids {
            self.remove_replica(id, at);
        }
        if count == limit {
            self.tasks.push_front(Task::Empty { storage: at, even_if_alive });
            return None;
        }
        if let Some(storage) = self.cluster.storage_mut(at) {
            storage.open_report = None;
            storage.content_stale = true;
            storage.reports = 0;
        }
        if even_if_alive && !self.is_expected_anywhere(at) {
            self.cluster.remove_storage(at);
        }
        Some(count)
    }

    /// Whether some pipeline, order or pending copy still names the storage.
    fn is_expected_anywhere(&self, at: StorageIndex) -> bool {
        self.constructions.values().any(|c| c.expected.iter().any(|e| e.target.storage == at))
            || self.pending.iter().any(|(_, _, targets)| targets.iter().any(|t| t.storage == at))
            || self.cluster.nodes().any(|(_, node)| {
                node.transfers.iter().any(|work| work.targets.iter().any(|t| t.storage == at))
            })
    }

    fn forget_node(&mut self, index: NodeIndex) {
        self.distrusted.remove_node(index);
        let storages = self.cluster.node(index).map(|node| node.storages.clone());
        for at in storages.into_iter().flatten() {
            let is_empty = self.cluster.storage(at).is_some_and(|s| s.count == 0);
            if is_empty && !self.is_expected_anywhere(at) {
                self.cluster.remove_storage(at);
            }
        }
    }

    fn scan_slice(&mut self, now: Milliseconds, from: u64, limit: usize) -> Option<usize> {
        let ids = self.map.ids_from(from, limit);
        let count = ids.len();
        let next = ids.last().and_then(|id| (id.0 as u64).checked_add(1));
        for id in ids {
            self.look_at(now, id);
        }
        match next {
            Some(from) if count == limit => {
                self.tasks.push_front(Task::ScanAll { from });
                None
            }
            _ => Some(count),
        }
    }

    fn rescan_slice(
        &mut self,
        now: Milliseconds,
        storage: StorageIndex,
        from: u64,
        limit: usize,
    ) -> Option<usize> {
        let ids = self.blocks_from(storage, from, limit);
        let count = ids.len();
        let next = ids.last().and_then(|id| (id.0 as u64).checked_add(1));
        for id in ids {
            self.look_at(now, id);
        }
        match next {
            Some(from) if count == limit => {
                self.tasks.push_front(Task::Rescan { storage, from });
                None
            }
            _ => Some(count),
        }
    }

    /// Up to `limit` blocks of a storage from the id `from` on.
    pub(super) fn blocks_from(
        &self,
        storage: StorageIndex,
        from: u64,
        limit: usize,
    ) -> Vec<BlockId> {
        let Some(storage) = self.cluster.storage(storage) else { return Vec::new() };
        let mut iter = storage.blocks.iter();
        iter.advance_to(from);
        iter.take(limit).map(|id| BlockId(id as i64)).collect()
    }

    /// Decisions that waited for full reports are made where those came.
    fn retry_postponed(&mut self, now: Milliseconds, limit: usize) {
        if self.postponed.is_empty() || !self.queues_open {
            return;
        }
        let from = self.postponed_from;
        let ids: Vec<BlockId> = self.postponed.range(from..).copied().take(limit).collect();
        let next = ids.last().filter(|_| ids.len() == limit).and_then(|id| id.0.checked_add(1));
        self.postponed_from = BlockId(next.unwrap_or(i64::MIN));
        for id in ids {
            if self.count_replicas(id).stale > 0 {
                continue;
            }
            self.postponed.remove(&id);
            self.look_at(now, id);
        }
    }

    /// Enough to be complete, too few, too many, or damaged ones beside enough good ones: whatever
    /// it is, it is seen to.
    pub(super) fn look_at(&mut self, now: Milliseconds, id: BlockId) {
        self.complete_if_reported(id);
        self.refresh(id);
        self.process_extra(now, id, None, None);
        let enough = self.map.has_corrupt(id)
            && self.map.get(id).is_some_and(|info| {
                let counts = self.count_replicas(id);
                counts.corrupt > 0 && counts.live >= info.replication
            });
        if enough {
            self.invalidate_corrupt(id);
        }
    }
}
