//! Replicas that are on their way: copies that were ordered, and what a pipeline wrote, until they are reported
//! (`PendingReconstructionBlocks`).

use std::collections::{BTreeMap, BTreeSet};

use loxodon_wire::ids::{BlockId, Milliseconds};
use smallvec::SmallVec;

use crate::{NodeIndex, Target};

#[derive(Clone, Debug)]
struct Entry {
    since: Milliseconds,
    targets: SmallVec<[Target; 3]>,
    /// Those of `targets` that have the replica: they are of the pipeline that wrote it.
    written: SmallVec<[Target; 3]>,
}

/// Replicas that are not reported yet by block, and by since when they are waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingTransfers {
    by_block: BTreeMap<BlockId, Entry>,
    by_time: BTreeSet<(Milliseconds, BlockId)>,
    timed_out: u64,
}

impl PendingTransfers {
    pub(crate) fn add(&mut self, now: Milliseconds, id: BlockId, targets: &[Target]) {
        let entry = self.by_block.entry(id).or_insert_with(|| Entry {
            since: now,
            targets: SmallVec::new(),
            written: SmallVec::new(),
        });
        self.by_time.remove(&(entry.since, id));
        entry.since = now;
        for target in targets {
            if !entry.targets.contains(target) {
                entry.targets.push(*target);
            }
        }
        self.by_time.insert((now, id));
    }

    /// Nodes of a pipeline that wrote the block to its end, and have not told of it.
    pub(crate) fn add_written(&mut self, now: Milliseconds, id: BlockId, targets: &[Target]) {
        self.add(now, id, targets);
        if let Some(entry) = self.by_block.get_mut(&id) {
            entry.written.extend_from_slice(targets);
        }
    }

    /// What [`Self::add_written`] added, and did not arrive yet.
    pub(crate) fn written(&self, id: BlockId) -> &[Target] {
        self.by_block.get(&id).map_or(&[], |entry| &entry.written)
    }

    /// One of the copies arrived; the target that it was, so that its schedule can be relieved.
    pub(crate) fn arrived(&mut self, id: BlockId, node: NodeIndex) -> Option<Target> {
        let entry = self.by_block.get_mut(&id)?;
        let at = entry.targets.iter().position(|target| target.node == node)?;
        let target = entry.targets.remove(at);
        entry.written.retain(|written| written.node != node);
        if entry.targets.is_empty() {
            self.remove(id);
        }
        Some(target)
    }

    pub(crate) fn remove(&mut self, id: BlockId) -> SmallVec<[Target; 3]> {
        match self.by_block.remove(&id) {
            Some(entry) => {
                self.by_time.remove(&(entry.since, id));
                entry.targets
            }
            None => SmallVec::new(),
        }
    }

    pub(crate) fn count(&self, id: BlockId) -> u16 {
        self.by_block
            .get(&id)
            .map_or(0, |entry| entry.targets.len().min(usize::from(u16::MAX)) as u16)
    }

    pub(crate) fn targets(&self, id: BlockId) -> &[Target] {
        self.by_block.get(&id).map_or(&[], |entry| &entry.targets)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_block.len()
    }

    pub(crate) const fn timed_out(&self) -> u64 {
        self.timed_out
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (BlockId, Milliseconds, &[Target])> {
        self.by_block.iter().map(|(id, entry)| (*id, entry.since, entry.targets.as_slice()))
    }

    /// Takes out what was ordered longer than `timeout` ago.
    pub(crate) fn take_timed_out(
        &mut self,
        now: Milliseconds,
        timeout: Milliseconds,
        limit: usize,
    ) -> Vec<BlockId> {
        let late = self.by_time.iter().take_while(|(since, _)| now.since(*since) > timeout);
        let ids: Vec<BlockId> = late.take(limit).map(|(_, id)| *id).collect();
        for id in &ids {
            self.remove(*id);
        }
        self.timed_out += ids.len() as u64;
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StorageIndex;

    #[test]
    fn what_does_not_arrive_times_out() {
        let target = |n| Target { node: NodeIndex(n), storage: StorageIndex(n) };
        let mut pending = PendingTransfers::default();
        pending.add(Milliseconds(0), BlockId(1), &[target(1), target(2)]);
        pending.add(Milliseconds(10), BlockId(2), &[target(1)]);
        assert_eq!(pending.arrived(BlockId(1), NodeIndex(1)), Some(target(1)));
        assert_eq!(pending.arrived(BlockId(1), NodeIndex(1)), None);
        assert_eq!(pending.count(BlockId(1)), 1);
        let late = pending.take_timed_out(Milliseconds(105), Milliseconds(100), 10);
        assert_eq!(late, [BlockId(1)]);
        assert_eq!((pending.len(), pending.timed_out()), (1, 1));
        pending.arrived(BlockId(2), NodeIndex(1));
        assert_eq!(pending.take_timed_out(Milliseconds(999), Milliseconds(1), 10), []);
    }
}
