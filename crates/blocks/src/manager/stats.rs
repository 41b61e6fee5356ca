//! Sums over nodes and blocks, for reports and metrics.

use loxodon_cluster::AdminState;
use loxodon_wire::ids::{BlockId, InodeId};

use super::BlockManager;
use crate::{Datanode, NodeIndex, Priority, StorageState, StorageUsage};

/// Which DataNodes a report lists (`DatanodeReportType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// Every node.
    All,
    /// Heard recently.
    Live,
    /// Not heard for too long.
    Dead,
    /// Being decommissioned.
    Decommissioning,
    /// On the way into maintenance.
    EnteringMaintenance,
    /// In maintenance.
    InMaintenance,
}

/// A node's storages summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeUsage {
    /// Bytes.
    pub bytes: StorageUsage,
    /// Replicas.
    pub blocks: u64,
}

/// The cluster summed up (`getFsStats`, `FSNamesystemState`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClusterStats {
    /// Bytes on live nodes that are not decommissioned.
    pub bytes: StorageUsage,
    /// Blocks in the map.
    pub blocks: u64,
    /// Blocks with too few replicas, including those with none (`LowRedundancyBlocks`).
    pub low_redundancy: u64,
    /// Blocks with at least one damaged replica.
    pub corrupt_replicas: u64,
    /// Blocks without a good replica (`MissingBlocks`).
    pub missing: u64,
    /// Those of them that were only wanted once (`MissingReplOneBlocks`).
    pub missing_single: u64,
    /// Blocks that are on their last replica.
    pub highest_priority: u64,
    /// Blocks on too few racks.
    pub badly_distributed: u64,
    /// Blocks that copies are ordered of.
    pub pending_copies: u64,
    /// Blocks waiting for a copy to be ordered.
    pub scheduled_copies: u64,
    /// Replicas that are to be deleted.
    pub pending_deletions: u64,
    /// Replicas that are too many.
    pub excess: u64,
    /// Blocks whose decisions wait for full reports.
    pub postponed: u64,
    /// Copies that did not arrive in time.
    pub timed_out_copies: u64,
    /// Copies that did arrive.
    pub arrived_copies: u64,
    /// How often no copy could be ordered for a block that needs one.
    pub copies_not_ordered: u64,
    /// How often a node was declared dead.
    pub expired_nodes: u64,
    /// Blocks being written or recovered.
    pub under_construction: u64,
    /// Transfer threads on live nodes.
    pub load: u64,
    /// Live nodes.
    pub live_nodes: u64,
    /// Dead nodes.
    pub dead_nodes: u64,
    /// Live nodes that were not heard lately.
    pub stale_nodes: u64,
    /// Nodes being decommissioned, live or dead.
    pub decommissioning_nodes: u64,
    /// Live nodes that are decommissioned.
    pub live_decommissioned_nodes: u64,
    /// Dead nodes that are decommissioned.
    pub dead_decommissioned_nodes: u64,
    /// Nodes on the way into maintenance, live or dead.
    pub entering_maintenance_nodes: u64,
    /// Live nodes in maintenance.
    pub live_maintenance_nodes: u64,
    /// Dead nodes in maintenance.
    pub dead_maintenance_nodes: u64,
    /// Volumes that broke on live nodes.
    pub failed_volumes: u64,
    /// What these could hold, in bytes, as their nodes estimate it.
    pub lost_capacity: u64,
    /// Storages whose contents are not known for sure.
    pub stale_storages: u64,
    /// Nodes in service.
    pub in_service_nodes: u64,
}

fn sum(into: &mut StorageUsage, usage: &StorageUsage) {
    into.capacity = into.capacity.saturating_add(usage.capacity);
    into.dfs_used = into.dfs_used.saturating_add(usage.dfs_used);
    into.non_dfs_used = into.non_dfs_used.saturating_add(usage.non_dfs_used);
    into.remaining = into.remaining.saturating_add(usage.remaining);
    into.block_pool_used = into.block_pool_used.saturating_add(usage.block_pool_used);
}

impl BlockManager {
    /// Nodes of one kind. Nodes that were replaced are not among them.
    #[must_use]
    pub fn datanodes(&self, kind: ReportKind) -> Vec<NodeIndex> {
        // A node that the include list does not name any more is told of nowhere.
        let shown = |node: &Datanode| node.is_registered && self.hosts().is_included(&node.id);
        let nodes = self.cluster.nodes().filter(|(_, node)| shown(node));
        let fits = nodes.filter(|(_, node)| match kind {
            ReportKind::All => true,
            ReportKind::Live => node.is_alive,
            ReportKind::Dead => !node.is_alive,
            ReportKind::Decommissioning => {
                node.is_alive && node.admin == AdminState::DecommissionInProgress
            }
            ReportKind::EnteringMaintenance => {
                node.is_alive && node.admin == AdminState::EnteringMaintenance
            }
            ReportKind::InMaintenance => node.admin == AdminState::InMaintenance,
        });
        fits.map(|(index, _)| index).collect()
    }

    /// A node's storages summed up.
    #[must_use]
    pub fn usage_of(&self, index: NodeIndex) -> NodeUsage {
        let mut usage = NodeUsage::default();
        let storages = self.cluster.node(index).into_iter().flat_map(|node| &node.storages);
        for storage in storages.filter_map(|at| self.cluster.storage(*at)) {
            if storage.state != StorageState::Failed {
                sum(&mut usage.bytes, &storage.usage);
            }
            usage.blocks += storage.count;
        }
        usage
    }

    /// The cluster summed up.
    #[must_use]
    pub fn stats(&self) -> ClusterStats {
        let mut stats = ClusterStats {
            blocks: self.map.len() as u64,
            low_redundancy: self.low.len() as u64,
            corrupt_replicas: self.corrupt.len() as u64,
            missing: self.low.len_at(Priority::Corrupt) as u64,
            missing_single: self.low.corrupt_single() as u64,
            highest_priority: self.low.len_at(Priority::Highest) as u64,
            badly_distributed: self.low.len_at(Priority::BadlyDistributed) as u64,
            pending_copies: self.pending.len() as u64,
            scheduled_copies: self.low.reparable() as u64,
            pending_deletions: self.pending_deletions(),
            postponed: self.postponed.len() as u64,
            timed_out_copies: self.pending.timed_out(),
            arrived_copies: self.copied,
            copies_not_ordered: self.not_ordered,
            expired_nodes: self.expired,
            under_construction: self.constructions.len() as u64,
            ..ClusterStats::default()
        };
        for (index, _) in self.cluster.nodes() {
            self.add_node(index, &mut stats);
        }
        stats
    }

    fn add_node(&self, index: NodeIndex, stats: &mut ClusterStats) {
        let Some(node) = self.cluster.node(index).filter(|node| node.is_registered) else { return };
        stats.excess += node.excess.len() as u64;
        let alive = u64::from(node.is_alive);
        let dead = 1 - alive;
        stats.live_nodes += alive;
        stats.dead_nodes += dead;
        stats.stale_nodes += u64::from(node.is_alive && node.is_stale);
        match node.admin {
            AdminState::Normal => stats.in_service_nodes += alive,
            AdminState::DecommissionInProgress => stats.decommissioning_nodes += 1,
            AdminState::Decommissioned => {
                stats.live_decommissioned_nodes += alive;
                stats.dead_decommissioned_nodes += dead;
            }
            AdminState::EnteringMaintenance => stats.entering_maintenance_nodes += 1,
            AdminState::InMaintenance => {
                stats.live_maintenance_nodes += alive;
                stats.dead_maintenance_nodes += dead;
            }
        }
        if node.is_alive {
            stats.load += u64::from(node.load.xceivers);
            stats.failed_volumes += u64::from(node.load.failed_volumes);
            let lost = node.load.volume_failures.as_ref().map_or(0, |lost| lost.capacity_lost);
            stats.lost_capacity = stats.lost_capacity.saturating_add(lost);
            let mut usage = self.usage_of(index).bytes;
            if !node.admin.is_in_service() {
                // Nothing new goes there: only what is used counts.
                usage.capacity = usage.dfs_used;
                usage.remaining = 0;
                usage.non_dfs_used = 0;
            }
            sum(&mut stats.bytes, &usage);
            let storages = node.storages.iter().filter_map(|at| self.cluster.storage(*at));
            stats.stale_storages += storages.filter(|s| s.content_stale).count() as u64;
        }
    }

    /// Blocks without a good replica, and whose they are, from the `skip`-th on
    /// (`listCorruptFileBlocks`).
    #[must_use]
    pub fn corrupt_files(&self, skip: usize, most: usize) -> Vec<(BlockId, InodeId)> {
        let ids = self.low.queue(Priority::Corrupt).skip(skip).take(most);
        ids.filter_map(|id| Some((id, self.map.get(id)?.owner))).collect()
    }

    /// Blocks without a good replica, with their owners.
    pub fn unreadable_blocks(&self) -> impl Iterator<Item = (BlockId, InodeId)> + '_ {
        let ids = self.low.queue(Priority::Corrupt);
        ids.filter_map(|id| Some((id, self.map.get(id)?.owner)))
    }

    /// How many nodes are alive.
    #[must_use]
    pub fn live_datanodes(&self) -> usize {
        self.cluster.live_count()
    }

    /// Blocks with too few replicas of one urgency, at most `most` of them.
    #[must_use]
    pub fn low_redundancy(&self, priority: Priority, most: usize) -> Vec<BlockId> {
        self.low.queue(priority).take(most).collect()
    }

    /// The nodes whose replicas of the block are damaged, and why.
    #[must_use]
    pub fn corrupt_replicas(&self, id: BlockId) -> Vec<(NodeIndex, crate::CorruptReason)> {
        self.corrupt.nodes(id).to_vec()
    }

    /// Blocks with a damaged replica.
    #[must_use]
    pub fn blocks_with_corrupt_replicas(&self, most: usize) -> Vec<BlockId> {
        self.corrupt.ids().take(most).collect()
    }

    /// Bytes on the heap that grow with blocks: the map and each storage's list of what it holds.
    #[must_use]
    pub fn block_heap_bytes(&self) -> usize {
        let held = |storage: &crate::Storage| treemap_bytes(&storage.blocks);
        self.map.heap_bytes() + self.cluster.storages().map(|(_, s)| held(s)).sum::<usize>()
    }
}

/// What a bitmap takes. Its own statistics count an array's entries as four bytes, which are two,
/// and a bitset's bits as bytes.
fn treemap_bytes(map: &roaring::RoaringTreemap) -> usize {
    const CONTAINER: u64 = 40;
    const BITSET: u64 = 8192;
    let bytes = |bitmap: &roaring::RoaringBitmap| {
        let s = bitmap.statistics();
        let payload = s.n_bytes_array_containers / 2 + s.n_bytes_run_containers;
        payload + u64::from(s.n_bitset_containers) * BITSET + u64::from(s.n_containers) * CONTAINER
    };
    let each = |bitmap| bytes(bitmap) as usize + size_of::<roaring::RoaringBitmap>();
    map.bitmaps().map(|(_, bitmap)| each(bitmap)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, BlockState, NewBlock, PolicyId, Settings, Storage};
    use loxodon_cluster::StorageType;
    use loxodon_wire::ids::{GenerationStamp, Milliseconds};

    /// Bytes per block with three replicas each on one of `storages`, everything counted.
    fn bytes_per_block(blocks: u32, storages: u32) -> usize {
        let mut manager = BlockManager::new(Settings::default(), 0, Milliseconds(0));
        for n in 0..storages {
            let name = format!("DS-{n}").into();
            let storage = Storage::new(name, NodeIndex(n), StorageType::Disk, StorageState::Normal);
            manager.cluster.insert_storage(storage).unwrap();
        }
        let mut rng = fastrand::Rng::with_seed(3);
        for n in 0..blocks {
            let id = BlockId(1_073_741_825 + i64::from(n));
            let stamp = GenerationStamp(1001 + u64::from(n));
            manager
                .insert_block(NewBlock {
                    block: Block { id, length: 128 << 20, stamp },
                    owner: InodeId(16386 + u64::from(n)),
                    replication: 3,
                    policy: PolicyId::HOT,
                    state: BlockState::Complete,
                })
                .unwrap();
            let first = rng.u32(..storages);
            for step in 0..3 {
                let at = (first + step * storages / 3) % storages;
                assert!(manager.link(id, crate::StorageIndex(at)));
            }
        }
        manager.block_heap_bytes().div_ceil(blocks as usize)
    }

    #[test]
    fn a_block_with_three_replicas_takes_at_most_forty_bytes() {
        for storages in [3, 30, 300] {
            let bytes = bytes_per_block(200_000, storages);
            assert!(bytes <= 40, "{bytes} bytes on {storages} storages");
        }
    }
}
