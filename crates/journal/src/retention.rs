//! Which images and segments are no longer needed (`NNStorageRetentionManager`).

use crate::inspect::Segment;
use loxodon_wire::ids::TxId;

/// How much is kept beyond what a start needs.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// `dfs.namenode.num.checkpoints.retained`.
    pub images: usize,
    /// `dfs.namenode.num.extra.edits.retained`, transactions before the oldest kept image.
    pub extra_edits: u64,
    /// `dfs.namenode.max.extra.edits.segments.retained`.
    pub extra_segments: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { images: 2, extra_edits: 1_000_000, extra_segments: 10_000 }
    }
}

/// What may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Images before this transaction.
    pub images_before: TxId,
    /// Segments that end before this transaction.
    pub edits_before: TxId,
}

impl Retention {
    /// Decides, given every image and every finished segment of all directories.
    #[must_use]
    pub fn purge(&self, images: &[TxId], segments: &[Segment]) -> Purge {
        let mut distinct = images.to_vec();
        distinct.sort_unstable_by(|a, b| b.cmp(a));
        distinct.dedup();
        let kept = self.images.max(1).min(distinct.len());
        let oldest =
            kept.checked_sub(1).and_then(|index| distinct.get(index)).copied().unwrap_or_default();
        let required = oldest.next();
        let mut from = TxId(required.0.saturating_sub(self.extra_edits));
        let mut extra: Vec<Segment> = segments
            .iter()
            .filter(|segment| segment.last >= from && segment.first < required)
            .copied()
            .collect();
        extra.sort_unstable_by_key(|segment| (segment.first, segment.last));
        extra.dedup();
        let excess = extra.len().saturating_sub(self.extra_segments);
        if let Some(segment) = excess.checked_sub(1).and_then(|index| extra.get(index)) {
            from = segment.last.next().min(required);
        }
        Purge { images_before: oldest, edits_before: from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(count: u64) -> Vec<Segment> {
        (0..count).map(|n| Segment { first: TxId(n * 10 + 1), last: TxId(n * 10 + 10) }).collect()
    }

    #[test]
    fn two_images_and_a_million_edits_stay() {
        let images = [TxId(0), TxId(3_000_000), TxId(2_000_000), TxId(2_000_000)];
        let purge = Retention::default().purge(&images, &[]);
        assert_eq!(purge.images_before, TxId(2_000_000));
        assert_eq!(purge.edits_before, TxId(1_000_001));
    }

    #[test]
    fn few_images_keep_everything() {
        let purge = Retention::default().purge(&[TxId(500)], &segments(10));
        assert_eq!((purge.images_before, purge.edits_before), (TxId(500), TxId(0)));
        assert_eq!(Retention::default().purge(&[], &[]).images_before, TxId(0));
    }

    #[test]
    fn too_many_segments_go_but_never_those_that_are_needed() {
        let retention = Retention { images: 1, extra_edits: 1_000, extra_segments: 3 };
        let purge = retention.purge(&[TxId(100)], &segments(20));
        // 10 segments end by 100; 3 of them stay.
        assert_eq!(purge.edits_before, TxId(71));
        let none = Retention { images: 1, extra_edits: 0, extra_segments: 0 };
        assert_eq!(none.purge(&[TxId(95)], &segments(20)).edits_before, TxId(96));
    }
}
