//! The block manager's part of `dfsadmin -metasave`.

use std::fmt::Write as _;

use loxodon_wire::ids::{BlockId, Milliseconds};

use super::BlockManager;
use super::replica::ReplicaStanding;
use crate::{Priority, ReportKind};

impl BlockManager {
    /// Blocks that wait, are being copied, or are to be deleted, as text.
    #[must_use]
    pub fn meta_save(&self, now: Milliseconds) -> String {
        let mut out = String::new();
        let live = self.datanodes(ReportKind::Live).len();
        let dead = self.datanodes(ReportKind::Dead).len();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "Live Datanodes: {live}\nDead Datanodes: {dead}");
        let _ =
            writeln!(out, "Metasave: Blocks waiting for reconstruction: {}", self.low.reparable());
        for priority in
            [Priority::Highest, Priority::VeryLow, Priority::Low, Priority::BadlyDistributed]
        {
            self.low.queue(priority).for_each(|id| self.write_block(&mut out, id));
        }
        let missing = self.low.len_at(Priority::Corrupt);
        let _ = writeln!(out, "Metasave: Blocks currently missing: {missing}");
        self.low.queue(Priority::Corrupt).for_each(|id| self.write_block(&mut out, id));
        let _ = writeln!(out, "Mis-replicated blocks that have been postponed:");
        self.postponed.iter().for_each(|id| self.write_block(&mut out, *id));
        let _ = writeln!(out, "Metasave: Blocks being reconstructed: {}", self.pending.len());
        for (id, since, targets) in self.pending.iter() {
            let (seconds, count) = (now.since(since).0 / 1000, targets.len());
            let _ = writeln!(
                out,
                "blk_{id} StartTime: {seconds}s ago NumReconstructInProgress: {count}"
            );
        }
        let waiting = self.pending_deletions();
        let nodes = self.cluster.nodes().map(|(_, node)| node);
        let nodes: Vec<_> = nodes.filter(|node| !node.invalidations.is_empty()).collect();
        let count = nodes.len();
        let _ =
            writeln!(out, "Metasave: Blocks {waiting} waiting deletion from {count} datanodes.");
        for node in nodes {
            let blocks: Vec<String> =
                node.invalidations.values().map(ToString::to_string).collect();
            let _ = writeln!(out, "{}", node.id);
            let _ = writeln!(out, "{}", blocks.join(", "));
        }
        self.write_corrupt(&mut out);
        out
    }

    fn write_corrupt(&self, out: &mut String) {
        let _ = writeln!(out, "Corrupt Blocks:");
        for id in self.corrupt.ids() {
            for (node, reason) in self.corrupt.nodes(id) {
                let name = self.cluster.node(*node).map_or_else(String::new, |n| n.id.to_string());
                let _ = writeln!(out, "Block=blk_{id}\tNode={name}\tReason={}", reason.name());
            }
        }
    }

    fn write_block(&self, out: &mut String, id: BlockId) {
        let Some(info) = self.map.get(id) else { return };
        let counts = self.count_replicas(id);
        let usable = counts.live + counts.decommissioning;
        let word = if usable > 0 { "" } else { " MISSING" };
        let _ = write!(
            out,
            "{}{word} (replicas: live: {} decommissioning and decommissioned: {} corrupt: {} in excess: {} maintenance mode: {}) ",
            info.block,
            counts.live,
            counts.decommission(),
            counts.corrupt,
            counts.excess,
            counts.maintenance()
        );
        for storage in self.map.replicas(id) {
            let Some(entry) = self.cluster.storage(storage) else { continue };
            let Some(node) = self.cluster.node(entry.node) else { continue };
            let state = match self.standing(id, storage) {
                Some(ReplicaStanding::Corrupt) => "(corrupt) ",
                Some(ReplicaStanding::Decommissioned | ReplicaStanding::Decommissioning) => {
                    "(decommissioned) "
                }
                Some(ReplicaStanding::EnteringMaintenance | ReplicaStanding::InMaintenance) => {
                    "(maintenance) "
                }
                _ => "",
            };
            let stale =
                if entry.content_stale { " (block deletions maybe out of date)" } else { "" };
            let _ = write!(out, " {}{state}{stale} : ", node.id);
        }
        out.push('\n');
    }
}
