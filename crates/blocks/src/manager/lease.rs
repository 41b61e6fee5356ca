//! Leases for full reports, so that not all DataNodes send theirs at once
//! (`BlockReportLeaseManager`).

use std::collections::BTreeMap;

use loxodon_wire::ids::Milliseconds;

use crate::NodeIndex;

/// Leases that are out.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportLeases {
    out: BTreeMap<NodeIndex, (u64, Milliseconds)>,
}

impl ReportLeases {
    /// A lease, where fewer than `most` are out: `id`, which must not be 0.
    pub(super) fn grant(
        &mut self,
        now: Milliseconds,
        node: NodeIndex,
        id: u64,
        most: usize,
        length: Milliseconds,
    ) -> u64 {
        self.out.retain(|_, (_, since)| now.since(*since) < length);
        self.out.remove(&node);
        if self.out.len() >= most {
            return 0;
        }
        self.out.insert(node, (id, now));
        id
    }

    /// Whether the node may report under this lease; 0 means that it was told to by hand.
    pub(super) fn is_valid(
        &self,
        now: Milliseconds,
        node: NodeIndex,
        id: u64,
        length: Milliseconds,
    ) -> bool {
        id == 0
            || self
                .out
                .get(&node)
                .is_some_and(|(known, since)| *known == id && now.since(*since) < length)
    }

    pub(super) fn remove(&mut self, node: NodeIndex) {
        self.out.remove(&node);
    }
}
