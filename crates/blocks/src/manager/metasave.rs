//! The block manager's part of `dfsadmin -metasave`.

use std::fmt::Write as _;

use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};

use super::BlockManager;
use super::replica::ReplicaStanding;
use crate::{Priority, ReportKind, StorageState};

/// The time of day (`java.sql.Time`, in UTC).
fn clock(at: Milliseconds) -> String {
    let seconds = at.0 / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

impl BlockManager {
    /// Blocks that wait, are being copied, or are to be deleted, as text; `path_of` names files.
    #[must_use]
    pub fn meta_save(&self, path_of: &dyn Fn(InodeId) -> Option<String>) -> String {
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
            self.low.queue(priority).for_each(|id| self.write_block(&mut out, path_of, id));
        }
        let missing = self.low.len_at(Priority::Corrupt);
        let _ = writeln!(out, "Metasave: Blocks currently missing: {missing}");
        self.low.queue(Priority::Corrupt).for_each(|id| self.write_block(&mut out, path_of, id));
        let _ = writeln!(out, "Mis-replicated blocks that have been postponed:");
        self.postponed.iter().for_each(|id| self.write_block(&mut out, path_of, *id));
        let _ = writeln!(out, "Metasave: Blocks being reconstructed: {}", self.pending.len());
        for (id, since, targets) in self.pending.iter() {
            let Some(info) = self.map.get(id) else { continue };
            let (block, time, count) = (info.block, clock(since), targets.len());
            let _ = writeln!(out, "{block} StartTime: {time} NumReconstructInProgress: {count}");
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
            let Some(info) = self.map.get(id) else { continue };
            let replicas = self.map.replicas(id);
            let total = replicas.len();
            for storage in replicas.into_iter().filter_map(|at| self.cluster.storage(at)) {
                let Some(reason) = self.corrupt.reason(id, storage.node) else { continue };
                let Some(node) = self.cluster.node(storage.node) else { continue };
                let state = match storage.state {
                    StorageState::Normal => "NORMAL",
                    StorageState::ReadOnlyShared => "READ_ONLY_SHARED",
                    StorageState::Failed => "FAILED",
                };
                let (block, reason) = (info.block, reason.name());
                let (size, name, place) = (block.length, &node.id, &storage.id);
                let _ = writeln!(
                    out,
                    "Block={block}\tSize={size}\tNode={name}\tStorageID={place}\tStorageState={state}\tTotalReplicas={total}\tReason={reason}"
                );
            }
        }
    }

    fn write_block(
        &self,
        out: &mut String,
        path_of: &dyn Fn(InodeId) -> Option<String>,
        id: BlockId,
    ) {
        let Some(info) = self.map.get(id) else { return };
        let counts = self.count_replicas(id);
        let usable = counts.live + counts.decommissioning;
        let word = if usable > 0 { "" } else { " MISSING" };
        let path = path_of(info.owner).unwrap_or_else(|| "[orphaned]".to_owned());
        let _ = write!(out, "{path}: ");
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
                Some(ReplicaStanding::Corrupt) => "(corrupt)",
                Some(ReplicaStanding::Decommissioned | ReplicaStanding::Decommissioning) => {
                    "(decommissioned)"
                }
                Some(ReplicaStanding::EnteringMaintenance | ReplicaStanding::InMaintenance) => {
                    "(maintenance)"
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
