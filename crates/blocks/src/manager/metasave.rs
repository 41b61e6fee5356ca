//! The block manager's part of `dfsadmin -metasave`.

use std::fmt::Write as _;

use loxodon_cluster::AdminState;
use loxodon_wire::ids::{BlockId, InodeId, Milliseconds};

use super::BlockManager;
use super::replica::ReplicaStanding;
use crate::{Datanode, NodeIndex, Priority, ReportKind, StorageState};

/// Where nodes stand whose rack nobody knows (`NetworkTopology.DEFAULT_RACK`).
const DEFAULT_RACK: &str = "/default-rack";

/// The time of day (`java.sql.Time`, in UTC).
fn clock(at: Milliseconds) -> String {
    let seconds = at.0 / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `Sat Nov 21 13:20:40 UTC 2026` (`java.util.Date`).
fn date(wall: Milliseconds) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = wall.0 / 86_400_000;
    // Years begin in March here, so that a leap day is a year's last; eras have 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month_of_year = (month + 2) % 12;
    let year = year + era * 400 + u64::from(month_of_year < 2);
    let name = |names: &[&'static str], at: u64| names.get(at as usize).copied().unwrap_or("");
    let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month_of_year));
    format!("{weekday} {month} {day:02} {} UTC {year}", clock(wall))
}

/// `10 GB`, `1.50 KB`, `7 B` (`StringUtils.byteDesc`).
fn bytes(n: u64) -> String {
    const SYMBOLS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    let mut text = format!("{n} B");
    // 1023.999 is 1.00 of the next unit.
    let mut rounds_up = false;
    for (index, symbol) in SYMBOLS.into_iter().enumerate() {
        let one = 1_u64 << (10 * (index + 1));
        if n < one && !rounds_up {
            break;
        }
        let hundredths = (u128::from(n) * 100 + u128::from(one / 2)) / u128::from(one);
        text = match n % one {
            0 => format!("{} {symbol}B", n / one),
            _ => format!("{}.{:02} {symbol}B", hundredths / 100, hundredths % 100),
        };
        rounds_up = hundredths == 102_400;
    }
    text
}

/// A share in percent; all of nothing (`DFSUtilClient.getPercentUsed`).
fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{share:.2}%")
}

impl BlockManager {
    /// Blocks that wait, are being copied, or are to be deleted, and all DataNodes, as text;
    /// `path_of` names files, and `wall` is the wall clock of a moment.
    #[must_use]
    pub fn meta_save(
        &self,
        path_of: &dyn Fn(InodeId) -> Option<String>,
        wall: &dyn Fn(Milliseconds) -> Milliseconds,
    ) -> String {
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
        let mut nodes: Vec<&Datanode> = self
            .datanodes(ReportKind::All)
            .into_iter()
            .filter_map(|index| self.cluster.node(index))
            .collect();
        nodes.sort_by(|a, b| a.id.uuid.cmp(&b.id.uuid));
        let _ = writeln!(out, "Metasave: Number of datanodes: {}", nodes.len());
        nodes.into_iter().for_each(|node| self.write_node(&mut out, node, wall));
        out
    }

    /// `DatanodeDescriptor.dumpDatanode`.
    fn write_node(
        &self,
        out: &mut String,
        node: &Datanode,
        wall: &dyn Fn(Milliseconds) -> Milliseconds,
    ) {
        let _ = write!(out, "{}", node.id);
        if &*node.rack != DEFAULT_RACK {
            let _ = write!(out, " {}", node.rack);
        }
        if let Some(domain) = &node.upgrade_domain {
            let _ = write!(out, " {domain}");
        }
        let state = match node.admin {
            AdminState::Decommissioned => "DD",
            AdminState::DecommissionInProgress => "DP",
            AdminState::InMaintenance => "IM",
            AdminState::EnteringMaintenance => "EM",
            AdminState::Normal => "IN",
        };
        let known = self.cluster.by_uuid(&node.id.uuid);
        let usage = known.map(|index| self.usage_of(index).bytes).unwrap_or_default();
        let (cache, cached) = (node.load.cache_capacity, node.load.cache_used);
        let sized = |n: u64| format!("{n}({})", bytes(n));
        let fields = [
            state.to_owned(),
            sized(usage.capacity),
            sized(usage.dfs_used),
            percent(usage.dfs_used, usage.capacity),
            sized(usage.remaining),
            sized(cache),
            sized(cached),
            percent(cached, cache),
            sized(cache.saturating_sub(cached)),
            date(wall(node.last_heard)),
        ];
        let _ = write!(out, " {}", fields.join(" "));
        let waiting = [
            (node.transfers.len(), "replicated"),
            (node.released.len(), "invalidated"),
            (node.recoveries.len(), "recovered"),
        ];
        for (count, what) in waiting.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(out, " {count} blocks to be {what};");
        }
        out.push('\n');
    }

    fn write_corrupt(&self, out: &mut String) {
        let _ = writeln!(out, "Corrupt Blocks:");
        for id in self.corrupt.ids() {
            let Some(info) = self.map.get(id) else { continue };
            let replicas = self.map.replicas(id);
            let total = replicas.len();
            for storage in replicas.iter().filter_map(|at| self.cluster.storage(*at)) {
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
            let found = |node: NodeIndex| {
                replicas.iter().any(|at| self.cluster.storage(*at).is_some_and(|s| s.node == node))
            };
            let marked = self.corrupt.nodes(id).iter().map(|(node, _)| *node);
            let hosts: Vec<&str> = marked
                .clone()
                .filter_map(|node| Some(&*self.cluster.node(node)?.id.host))
                .collect();
            if !marked.into_iter().all(found) {
                // The space is missing in Hadoop's line as well.
                let _ = writeln!(
                    out,
                    "{id} corrupt on {} but not all nodes arefound in its block locations",
                    hosts.join(",")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_sizes_are_javas() {
        let day = 86_400_000;
        assert_eq!(date(Milliseconds(0)), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(date(Milliseconds(951_782_400_000)), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(date(Milliseconds(951_782_400_000 + day)), "Wed Mar 01 00:00:00 UTC 2000");
        assert_eq!(date(Milliseconds(1_795_267_240_999)), "Sat Nov 21 13:20:40 UTC 2026");
        let sizes = [(0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (1152, "1.13 KB")];
        let large = [(10 << 30, "10 GB"), ((1 << 20) - 1, "1.00 MB"), (6_000_000_000, "5.59 GB")];
        for (n, text) in sizes.into_iter().chain(large) {
            assert_eq!(bytes(n), text);
        }
        assert_eq!((percent(1, 3), percent(0, 0)), ("33.33%".to_owned(), "100.00%".to_owned()));
    }
}
