//! Places for new replicas.

use loxodon_wire::ids::Milliseconds;

use super::BlockManager;
use crate::placement::{self, Origin, Placer, PlacerOptions, TargetRequest};
use crate::{BlockError, NodeIndex, Reader, StoragePolicy, Target};

impl BlockManager {
    /// Places for a new block or for further replicas of one, in the order of the pipeline:
    /// from the writer on, always the nearest next.
    ///
    /// # Errors
    /// If fewer than the minimal replication were found (for a new block), or none.
    pub fn choose_targets(
        &mut self,
        _now: Milliseconds,
        request: &TargetRequest,
    ) -> Result<Vec<Target>, BlockError> {
        let mut rng = self.rng.fork();
        let origin = self.origin_of(&request.writer, |n| rng.usize(..n));
        let excluded: Vec<NodeIndex> = request
            .excluded
            .iter()
            .filter_map(|uuid| self.cluster.by_uuid(uuid))
            .chain(request.existing.iter().map(|target| target.node))
            .collect();
        let avoid_local = origin.node.filter(|_| request.no_local_write);
        let mut targets = self.attempt(request, origin, &excluded, avoid_local);
        if avoid_local.is_some() && targets.len() < usize::from(request.replicas) {
            targets = self.attempt(request, origin, &excluded, None);
        }
        let needed = if request.existing.is_empty() { self.settings.min_replication } else { 0 };
        if targets.len() < usize::from(needed) {
            return Err(self.not_enough(targets.len(), needed, &excluded));
        }
        Ok(if request.existing.is_empty() {
            self.in_pipeline_order(origin, targets)
        } else {
            targets
        })
    }

    /// Every node that was tried counts as excluded in Hadoop's text: that is all there are.
    fn not_enough(&self, chosen: usize, needed: u16, excluded: &[NodeIndex]) -> BlockError {
        let members = self.cluster.topology.members();
        let gone = excluded.iter().filter(|node| !members.contains(&node.0)).count();
        let live = members.len();
        BlockError::NotEnoughTargets { chosen, needed, live, excluded: live.saturating_add(gone) }
    }

    fn attempt(
        &mut self,
        request: &TargetRequest,
        origin: Origin,
        excluded: &[NodeIndex],
        avoided: Option<NodeIndex>,
    ) -> Vec<Target> {
        let options =
            self.placer_options(request.block_size, StoragePolicy::of(request.policy), true);
        let favored: Vec<NodeIndex> =
            request.favored.iter().filter_map(|name| self.cluster.by_name(name)).collect();
        let policy = placement::policy(self.settings.placement);
        let mut placer = Placer::new(&self.cluster, &mut self.rng, options);
        placer.results.extend(request.existing.iter().copied());
        placer.excluded.extend(excluded.iter().copied());
        placer.excluded.extend(avoided);
        let goal = request.existing.len() + usize::from(request.replicas);
        if !favored.is_empty() && avoided.is_none() {
            placer.want(&StoragePolicy::of(request.policy).choose(request.replicas));
            for node in favored {
                if placer.results.len() < goal {
                    placer.choose_named(node, goal);
                }
            }
        }
        let missing = goal.saturating_sub(placer.results.len());
        placer.place(policy, origin, missing);
        placer.results.iter().skip(request.existing.len()).copied().collect()
    }

    pub(super) fn placer_options(
        &self,
        block_size: u64,
        policy: &'static StoragePolicy,
        is_new_block: bool,
    ) -> PlacerOptions {
        PlacerOptions {
            block_size,
            policy,
            is_new_block,
            consider_load: self.settings.consider_load,
            load_factor: self.settings.load_factor,
            prefer_local_node: self.settings.prefer_local_node,
            avoid_stale: self.settings.avoid_stale_for_write && self.few_are_stale(),
        }
    }

    /// Where too many nodes are stale, leaving them out would overload the others.
    fn few_are_stale(&self) -> bool {
        let alive = self.cluster.live_count();
        let stale = self.cluster.nodes().filter(|(_, node)| node.is_alive && node.is_stale).count();
        (stale as f32) <= alive as f32 * self.settings.stale_write_ratio
    }

    pub(super) fn origin_of(&self, reader: &Reader, pick: impl FnOnce(usize) -> usize) -> Origin {
        let node = self.cluster.on_machine(&reader.ip, pick);
        let rack = match (node, &reader.rack) {
            (Some(node), _) => self.cluster.rack_of(node),
            (None, Some(path)) => self.cluster.topology.rack_by_path(path),
            (None, None) => None,
        };
        Origin { node, rack }
    }

    fn in_pipeline_order(&self, origin: Origin, mut targets: Vec<Target>) -> Vec<Target> {
        let topology = &self.cluster.topology;
        let mut ordered = Vec::with_capacity(targets.len());
        let mut from = origin.node;
        while !targets.is_empty() {
            let near =
                |target: &Target| match (from, origin.rack, self.cluster.rack_of(target.node)) {
                    (Some(node), _, _) => topology.distance(node.0, target.node.0),
                    (None, Some(rack), Some(other)) => topology.rack_distance(rack, other),
                    _ => 0,
                };
            let Some(at) = (0..targets.len()).min_by_key(|at| targets.get(*at).map(near)) else {
                break;
            };
            let next = targets.remove(at);
            from = Some(next.node);
            ordered.push(next);
        }
        ordered
    }
}
