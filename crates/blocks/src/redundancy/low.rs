//! Blocks with too few replicas, by urgency (`LowRedundancyBlocks`).

use std::collections::BTreeSet;
use std::ops::Bound;

use loxodon_wire::ids::BlockId;

use crate::ReplicaCounts;

/// How urgent a block is; the first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// One replica left, or only on nodes that leave.
    Highest,
    /// Less than a third of what it should have.
    VeryLow,
    /// Fewer than it should have.
    Low,
    /// Enough, but on too few racks.
    BadlyDistributed,
    /// None that is good.
    Corrupt,
}

/// How many priorities there are.
pub const PRIORITY_LEVELS: usize = 5;

const ALL: [Priority; PRIORITY_LEVELS] = [
    Priority::Highest,
    Priority::VeryLow,
    Priority::Low,
    Priority::BadlyDistributed,
    Priority::Corrupt,
];

impl Priority {
    /// The urgency of a complete block with such replicas.
    #[must_use]
    pub const fn of(counts: &ReplicaCounts, expected: u16) -> Self {
        let out_of_service = counts.decommission() + counts.maintenance();
        if counts.live >= expected {
            Self::BadlyDistributed
        } else if counts.live == 0 {
            if out_of_service > 0 || counts.read_only > 0 { Self::Highest } else { Self::Corrupt }
        } else if counts.live == 1 {
            Self::Highest
        } else if counts.live as u32 * 3 < expected as u32 {
            Self::VeryLow
        } else {
            Self::Low
        }
    }

    /// Its number, 0 to 4.
    #[must_use]
    pub const fn level(self) -> usize {
        self as usize
    }
}

/// The queues, each with a bookmark so that a round starts where the last one ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct LowRedundancy {
    queues: [BTreeSet<BlockId>; PRIORITY_LEVELS],
    bookmarks: [Option<BlockId>; PRIORITY_LEVELS],
    corrupt_single: BTreeSet<BlockId>,
}

impl LowRedundancy {
    /// Queues the block at this urgency, whichever it had before.
    pub(crate) fn put(&mut self, id: BlockId, priority: Priority, expected: u16) {
        for (level, queue) in self.queues.iter_mut().enumerate() {
            if level == priority.level() {
                queue.insert(id);
            } else {
                queue.remove(&id);
            }
        }
        if priority == Priority::Corrupt && expected == 1 {
            self.corrupt_single.insert(id);
        } else {
            self.corrupt_single.remove(&id);
        }
    }

    pub(crate) fn remove(&mut self, id: BlockId) -> bool {
        self.corrupt_single.remove(&id);
        // It is in one queue at most.
        self.queues.iter_mut().any(|queue| queue.remove(&id))
    }

    pub(crate) fn priority(&self, id: BlockId) -> Option<Priority> {
        let hit = |(priority, queue): (Priority, &BTreeSet<BlockId>)| {
            queue.contains(&id).then_some(priority)
        };
        ALL.into_iter().zip(&self.queues).find_map(hit)
    }

    pub(crate) fn queue(&self, priority: Priority) -> impl Iterator<Item = BlockId> + '_ {
        self.queues.get(priority.level()).into_iter().flatten().copied()
    }

    pub(crate) fn len_at(&self, priority: Priority) -> usize {
        self.queues.get(priority.level()).map_or(0, BTreeSet::len)
    }

    /// Blocks that have too few, leaving out those that have none at all.
    pub(crate) fn reparable(&self) -> usize {
        ALL.iter().take(4).map(|priority| self.len_at(*priority)).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.iter().map(BTreeSet::len).sum()
    }

    /// Corrupt blocks that were only wanted once: lost for good, and not alarming.
    pub(crate) fn corrupt_single(&self) -> usize {
        self.corrupt_single.len()
    }

    /// Up to `limit` blocks, most urgent first, going on where the last call ended. Once every
    /// queue was seen to its end, all start over.
    pub(crate) fn choose(&mut self, limit: usize) -> Vec<(BlockId, Priority)> {
        let mut chosen = Vec::new();
        let mut all_ended = true;
        for priority in ALL.into_iter().take(4) {
            let level = priority.level();
            let (Some(queue), Some(bookmark)) =
                (self.queues.get(level), self.bookmarks.get_mut(level))
            else {
                continue;
            };
            let start = bookmark.map_or(Bound::Unbounded, Bound::Excluded);
            let room = limit - chosen.len();
            let before = chosen.len();
            chosen.extend(
                queue.range((start, Bound::Unbounded)).take(room).map(|id| (*id, priority)),
            );
            if let Some((last, _)) = chosen.get(before..).and_then(<[_]>::last) {
                *bookmark = Some(*last);
            }
            let ended = bookmark.is_none_or(|mark| {
                queue.range((Bound::Excluded(mark), Bound::Unbounded)).next().is_none()
            });
            all_ended &= ended || queue.is_empty();
        }
        if all_ended {
            self.bookmarks = [None; PRIORITY_LEVELS];
        }
        chosen
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(live: u16, decommissioning: u16) -> ReplicaCounts {
        ReplicaCounts { live, decommissioning, ..ReplicaCounts::default() }
    }

    #[test]
    fn urgency_follows_the_number_of_good_replicas() {
        assert_eq!(Priority::of(&counts(0, 0), 3), Priority::Corrupt);
        assert_eq!(Priority::of(&counts(0, 1), 3), Priority::Highest);
        assert_eq!(Priority::of(&counts(1, 0), 3), Priority::Highest);
        assert_eq!(Priority::of(&counts(2, 0), 3), Priority::Low);
        assert_eq!(Priority::of(&counts(2, 0), 7), Priority::VeryLow);
        assert_eq!(Priority::of(&counts(3, 0), 3), Priority::BadlyDistributed);
    }

    #[test]
    fn rounds_go_on_where_they_ended_and_start_over() {
        let mut low = LowRedundancy::default();
        for id in 0..5 {
            low.put(BlockId(id), Priority::Low, 3);
        }
        low.put(BlockId(9), Priority::Highest, 3);
        low.put(BlockId(8), Priority::Corrupt, 1);
        let ids =
            |list: Vec<(BlockId, Priority)>| list.iter().map(|(id, _)| id.0).collect::<Vec<_>>();
        assert_eq!(ids(low.choose(3)), [9, 0, 1]);
        assert_eq!(ids(low.choose(3)), [2, 3, 4]);
        assert_eq!(ids(low.choose(9)), [9, 0, 1, 2, 3, 4]);
        assert_eq!(low.corrupt_single(), 1);
        low.put(BlockId(0), Priority::Highest, 3);
        assert_eq!((low.len(), low.reparable(), low.len_at(Priority::Low)), (7, 6, 4));
        assert!(low.remove(BlockId(0)));
        assert!(!low.remove(BlockId(0)));
    }
}
