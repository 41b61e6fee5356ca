//! Which blocks are copied from where to where: planned first, then ordered.

use std::collections::BTreeMap;

use fastrand::Rng;
use loxodon_wire::ids::{BlockId, Milliseconds};
use smallvec::SmallVec;

use super::BlockManager;
use super::replica::ReplicaStanding;
use crate::datanode::TransferWork;
use crate::placement::{self, Origin, Placer};
use crate::{BlockInfo, NodeIndex, Priority, StoragePolicy, Target};

/// One copy that should be made; nothing has been changed for it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CopyPlan {
    block: BlockId,
    source: NodeIndex,
    targets: SmallVec<[Target; 3]>,
}

impl BlockManager {
    /// Orders copies and deletions, as many as the live nodes can do until the next call; to be
    /// called every `dfs.namenode.redundancy.interval.seconds`. At most `most` blocks are looked
    /// at. Returns how many copies and deletions were ordered.
    pub fn plan_work(&mut self, now: Milliseconds, most: usize) -> usize {
        if self.safe_mode.is_on() || !self.queues_open {
            return 0;
        }
        self.give_up_late_copies(now, most);
        let live = self.cluster.live_count();
        let blocks = live.saturating_mul(self.settings.work_multiplier as usize).min(most);
        let chosen = self.low.choose(blocks);
        let mut rng = self.rng.fork();
        let plans = self.plan_copies(&mut rng, &chosen);
        let copies = plans.len();
        self.not_ordered += chosen.len().saturating_sub(copies) as u64;
        for plan in plans {
            self.order_copy(now, plan);
        }
        // What has no need any more leaves the queue here.
        for (id, _) in chosen {
            self.refresh(id);
            if self.map.has_corrupt(id) && self.pending.count(id) == 0 {
                self.drop_surplus_corrupt(id);
            }
        }
        copies + self.release_invalidations(now)
    }

    fn give_up_late_copies(&mut self, now: Milliseconds, most: usize) {
        for id in self.pending.take_timed_out(now, self.settings.pending_timeout, most) {
            self.refresh(id);
        }
    }

    fn plan_copies(&self, rng: &mut Rng, chosen: &[(BlockId, Priority)]) -> Vec<CopyPlan> {
        let mut planned: BTreeMap<NodeIndex, u32> = BTreeMap::new();
        let mut plans = Vec::new();
        for (id, priority) in chosen {
            if let Some(plan) = self.plan_copy(rng, *id, *priority, &planned) {
                *planned.entry(plan.source).or_default() += 1;
                plans.push(plan);
            }
        }
        plans
    }

    fn plan_copy(
        &self,
        rng: &mut Rng,
        id: BlockId,
        priority: Priority,
        planned: &BTreeMap<NodeIndex, u32>,
    ) -> Option<CopyPlan> {
        let info = self.map.get(id).filter(BlockInfo::is_complete)?;
        let counts = self.count_replicas(id);
        let pending = self.pending.count(id);
        if self.has_enough(&info, &counts, pending) {
            return None;
        }
        let required = self.required(&info, &counts);
        // Enough, but on too few racks: one more elsewhere, and the excess goes then.
        let additional = required.saturating_sub(counts.live + pending).max(1);
        let source = self.choose_source(rng, id, priority, planned)?;
        let policy = StoragePolicy::of(info.policy);
        let options = self.placer_options(info.block.length, policy, false);
        let rule = placement::policy(self.settings.placement);
        let mut placer = Placer::new(&self.cluster, rng, options);
        for storage in self.map.replicas(id) {
            let Some(target) = self.cluster.target(storage) else { continue };
            placer.excluded.push(target.node);
            if self.standing(id, storage) == Some(ReplicaStanding::Live) {
                placer.results.push(target);
            }
        }
        for target in self.pending.targets(id) {
            placer.excluded.push(target.node);
            placer.results.push(*target);
        }
        let before = placer.results.len();
        let origin = Origin { node: None, rack: self.cluster.rack_of(source) };
        placer.place(rule, origin, usize::from(additional));
        let targets: SmallVec<[Target; 3]> = placer.results.iter().skip(before).copied().collect();
        if targets.is_empty() || (counts.live >= required && !self.adds_rack(id, &targets)) {
            return None;
        }
        Some(CopyPlan { block: id, source, targets })
    }

    /// Whether one of the targets is on a rack that no replica is on.
    fn adds_rack(&self, id: BlockId, targets: &[Target]) -> bool {
        let replicas = self.map.replicas(id);
        let racks: SmallVec<[_; 4]> = replicas
            .into_iter()
            .filter(|at| self.standing(id, *at) == Some(ReplicaStanding::Live))
            .filter_map(|at| self.cluster.rack_of(self.cluster.storage(at)?.node))
            .collect();
        targets
            .iter()
            .any(|t| self.cluster.rack_of(t.node).is_some_and(|rack| !racks.contains(&rack)))
    }

    /// A node that has a good replica and streams free; those that are leaving first, as they
    /// serve no writers.
    fn choose_source(
        &self,
        rng: &mut Rng,
        id: BlockId,
        priority: Priority,
        planned: &BTreeMap<NodeIndex, u32>,
    ) -> Option<NodeIndex> {
        use ReplicaStanding::{
            Decommissioned, Decommissioning, EnteringMaintenance, Live, ReadOnly,
        };
        let mut chosen: Option<(u8, NodeIndex)> = None;
        let mut tied = 0;
        for storage in self.map.replicas(id) {
            let Some(standing) = self.standing(id, storage) else { continue };
            let Some(index) = self.cluster.storage(storage).map(|s| s.node) else { continue };
            let Some(node) = self.cluster.node(index).filter(|node| node.is_alive) else {
                continue;
            };
            let leaving = matches!(standing, Decommissioning | EnteringMaintenance);
            let rank = match standing {
                Decommissioning | EnteringMaintenance => 0,
                Live | ReadOnly => 1,
                Decommissioned => 2,
                _ => continue,
            };
            let queued = node.transfers.len() as u32 + planned.get(&index).copied().unwrap_or(0);
            if queued >= self.settings.max_streams_hard
                || (priority != Priority::Highest
                    && !leaving
                    && queued >= self.settings.max_streams)
            {
                continue;
            }
            match chosen {
                Some((best, _)) if rank > best => continue,
                Some((best, _)) if rank == best => tied += 1,
                _ => tied = 1,
            }
            if tied == 1 || rng.u32(..tied) == 0 {
                chosen = Some((rank, index));
            }
        }
        chosen.map(|(_, index)| index)
    }

    fn order_copy(&mut self, now: Milliseconds, plan: CopyPlan) {
        for target in &plan.targets {
            self.cluster.schedule(*target);
        }
        self.pending.add(now, plan.block, &plan.targets);
        if let Some(node) = self.cluster.node_mut(plan.source) {
            node.transfers.push_back(TransferWork { block: plan.block, targets: plan.targets });
        }
    }
}
