//! One attempt to find places: what may be taken, and what was.

use fastrand::Rng;
use loxodon_cluster::{RackIndex, RackScope, StorageType};
use smallvec::SmallVec;

use super::{Origin, PlacementPolicy, WantedTypes};
use crate::cluster_state::ClusterState;
use crate::policy::remaining_types;
use crate::{Datanode, NodeIndex, StoragePolicy, StorageState, Target, TypeSet};

/// What holds for every attempt of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacerOptions {
    pub(crate) block_size: u64,
    pub(crate) policy: &'static StoragePolicy,
    pub(crate) is_new_block: bool,
    pub(crate) consider_load: bool,
    pub(crate) load_factor: f64,
    pub(crate) prefer_local_node: bool,
    pub(crate) avoid_stale: bool,
}

/// The places found so far, and the rules for the next.
pub(crate) struct Placer<'a> {
    pub(crate) cluster: &'a ClusterState,
    pub(crate) rng: &'a mut Rng,
    pub(crate) options: PlacerOptions,
    pub(crate) results: SmallVec<[Target; 8]>,
    pub(crate) excluded: SmallVec<[NodeIndex; 8]>,
    wanted: WantedTypes,
    max_load: f64,
}

impl<'a> Placer<'a> {
    pub(crate) fn new(cluster: &'a ClusterState, rng: &'a mut Rng, options: PlacerOptions) -> Self {
        let max_load = cluster.average_load() * options.load_factor;
        Self {
            cluster,
            rng,
            options,
            results: SmallVec::new(),
            excluded: SmallVec::new(),
            wanted: WantedTypes::default(),
            max_load,
        }
    }

    /// Finds `wanted` places besides those in `results`, giving way where it must: stale nodes
    /// are taken when fresh ones do not suffice, and other storage types as the policy allows.
    pub(crate) fn place(&mut self, policy: &dyn PlacementPolicy, origin: Origin, wanted: usize) {
        let nodes = self.cluster.topology.members().len();
        let total = (self.results.len() + wanted).min(nodes);
        let racks = self.cluster.topology.rack_count();
        let max_per_rack = policy.max_per_rack(total, racks);
        let mut unavailable = TypeSet::default();
        while self.results.len() < total {
            let chosen: SmallVec<[StorageType; 8]> =
                self.results.iter().filter_map(|target| self.cluster.kind_of(*target)).collect();
            let replication = total.min(usize::from(u16::MAX)) as u16;
            let is_new = self.options.is_new_block;
            let types =
                remaining_types(self.options.policy, replication, &chosen, unavailable, is_new);
            if types.is_empty() {
                return;
            }
            self.wanted = WantedTypes::new(&types);
            let count = types.len().min(total - self.results.len());
            policy.choose(self, origin, count, max_per_rack);
            if self.results.len() >= total {
                return;
            }
            if self.options.avoid_stale {
                self.options.avoid_stale = false;
                continue;
            }
            let mut gave_way = false;
            for kind in types {
                gave_way |= !unavailable.contains(kind);
                unavailable.insert(kind);
            }
            if !gave_way {
                return;
            }
        }
    }

    /// The local node if it will do, else its rack.
    pub(crate) fn choose_local(&mut self, origin: Origin, max_per_rack: usize) -> bool {
        if let Some(node) = origin.node.filter(|_| self.options.prefer_local_node)
            && !self.excluded.contains(&node)
        {
            if self.is_good_node(node, max_per_rack, false) && self.take_storage(node) {
                return true;
            }
            self.excluded.push(node);
        }
        self.choose_on_rack_of(origin, max_per_rack)
    }

    /// A node on the origin's rack, else on the rack of another chosen one, else anywhere.
    pub(crate) fn choose_on_rack_of(&mut self, origin: Origin, max_per_rack: usize) -> bool {
        if let Some(rack) = origin.rack {
            if self.choose_in(RackScope::On(rack), max_per_rack) {
                return true;
            }
            let other = self
                .results
                .iter()
                .find_map(|target| self.rack_of(target.node).filter(|r| *r != rack));
            if let Some(other) = other
                && self.choose_in(RackScope::On(other), max_per_rack)
            {
                return true;
            }
        }
        self.choose_in(RackScope::All, max_per_rack)
    }

    /// A node on another rack than `node`, else on its own.
    pub(crate) fn choose_remote(&mut self, node: NodeIndex, max_per_rack: usize) -> bool {
        let Some(rack) = self.rack_of(node) else {
            return self.choose_in(RackScope::All, max_per_rack);
        };
        self.choose_in(RackScope::NotOn(rack), max_per_rack)
            || self.choose_in(RackScope::On(rack), max_per_rack)
    }

    /// Any good node of the scope.
    pub(crate) fn choose_in(&mut self, scope: RackScope, max_per_rack: usize) -> bool {
        let mut rng = self.rng.clone();
        let found = self.cluster.topology.choose(
            scope,
            |n| rng.usize(..n),
            |member| {
                let node = NodeIndex(member);
                !self.excluded.contains(&node)
                    && self.is_good_node(node, max_per_rack, self.options.consider_load)
                    && self.storage_on(node).is_some()
            },
        );
        *self.rng = rng;
        found.is_some_and(|member| self.take_storage(NodeIndex(member)))
    }

    /// Takes a named node, if it will do.
    pub(crate) fn choose_named(&mut self, node: NodeIndex, max_per_rack: usize) -> bool {
        !self.excluded.contains(&node)
            && self.is_good_node(node, max_per_rack, false)
            && self.take_storage(node)
    }

    pub(crate) fn rack_of(&self, node: NodeIndex) -> Option<RackIndex> {
        self.cluster.topology.rack_of(node.0)
    }

    /// Sets which types are looked for, outside of [`Placer::place`].
    pub(crate) fn want(&mut self, types: &crate::TypeList) {
        self.wanted = WantedTypes::new(types);
    }

    fn is_good_node(&self, index: NodeIndex, max_per_rack: usize, consider_load: bool) -> bool {
        let Some(node) = self.cluster.node(index) else { return false };
        if !node.is_alive || !node.admin.is_in_service() || node.is_disallowed {
            return false;
        }
        if self.options.avoid_stale && node.is_stale {
            return false;
        }
        if consider_load && self.max_load > 0.0 && f64::from(node.load.xceivers) > self.max_load {
            return false;
        }
        let rack = self.rack_of(index);
        let here = self.results.iter().filter(|target| self.rack_of(target.node) == rack).count();
        here < max_per_rack
    }

    /// A storage with room and of a wanted type; which one is a matter of chance.
    fn storage_on(&self, index: NodeIndex) -> Option<(crate::StorageIndex, StorageType)> {
        let node = self.cluster.node(index)?;
        self.wanted.kinds().find_map(|kind| {
            let storage = self.pick_storage(node, kind)?;
            Some((storage, kind))
        })
    }

    fn pick_storage(&self, node: &Datanode, kind: StorageType) -> Option<crate::StorageIndex> {
        let needed = self.options.block_size;
        let scheduled = needed.saturating_mul(node.scheduled.of(kind));
        let mut room = 0u64;
        let mut best = None;
        let start = (self.rng.clone().u32(..)) as usize;
        let count = node.storages.len();
        for step in 0..count {
            let at = (start.wrapping_add(step)) % count;
            let Some(index) = node.storages.get(at).copied() else { continue };
            let Some(storage) = self.cluster.storage(index) else { continue };
            if storage.kind != kind || storage.state != StorageState::Normal {
                continue;
            }
            if storage.usage.remaining >= needed {
                room = room.saturating_add(storage.usage.remaining);
                best = best.or(Some(index));
            }
        }
        best.filter(|_| needed <= room.saturating_sub(scheduled))
    }

    fn take_storage(&mut self, node: NodeIndex) -> bool {
        let Some((storage, kind)) = self.storage_on(node) else { return false };
        self.rng.u32(..);
        self.wanted.take(kind);
        self.results.push(Target { node, storage });
        self.excluded.push(node);
        true
    }
}
