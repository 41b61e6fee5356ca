//! Which of too many replicas to delete: keep racks, then free the fullest node.

use loxodon_cluster::StorageType;
use loxodon_wire::ids::Milliseconds;
use smallvec::SmallVec;

use crate::cluster_state::ClusterState;
use crate::{NodeIndex, Target, TypeList};

/// Heartbeats a node may be late before its replica goes first.
const LATE_HEARTBEATS: u64 = 4;

/// A choice to be made.
pub(crate) struct Deletion<'a> {
    pub(crate) now: Milliseconds,
    pub(crate) heartbeat: Milliseconds,
    /// Replicas that count towards the number wanted.
    pub(crate) candidates: &'a [Target],
    /// How many shall be left of them.
    pub(crate) keep: usize,
    /// Types of which there are too many.
    pub(crate) excess_types: TypeList,
    /// The replica that just came.
    pub(crate) added: Option<NodeIndex>,
    /// The node that the one who copied wants to be relieved (`balancer`, `mover`).
    pub(crate) hint: Option<NodeIndex>,
}

type List = SmallVec<[Target; 8]>;

/// The replicas to delete.
pub(crate) fn choose_excess(cluster: &ClusterState, mut deletion: Deletion<'_>) -> List {
    let mut left: List = deletion.candidates.iter().copied().collect();
    let mut chosen = List::new();
    let mut is_first = true;
    while left.len() > deletion.keep {
        let (shared, alone) = split_by_rack(cluster, &left);
        let hinted =
            if is_first { hint_target(cluster, &deletion, &left, &shared, &alone) } else { None };
        is_first = false;
        let pick = hinted.or_else(|| pick(cluster, &deletion, &shared, &alone));
        let Some(pick) = pick else { break };
        if let Some(kind) = cluster.kind_of(pick)
            && let Some(at) = deletion.excess_types.iter().position(|excess| *excess == kind)
        {
            deletion.excess_types.remove(at);
        }
        left.retain(|target| *target != pick);
        chosen.push(pick);
    }
    chosen
}

/// Replicas that share their rack with others, and those that are alone on theirs.
fn split_by_rack(cluster: &ClusterState, list: &[Target]) -> (List, List) {
    let rack = |target: &Target| cluster.topology.rack_of(target.node.0);
    list.iter()
        .copied()
        .partition(|target| list.iter().filter(|other| rack(other) == rack(target)).count() > 1)
}

/// The hinted replica, where deleting it does not leave fewer racks.
fn hint_target(
    cluster: &ClusterState,
    deletion: &Deletion<'_>,
    left: &[Target],
    shared: &[Target],
    alone: &[Target],
) -> Option<Target> {
    let hint = left.iter().copied().find(|target| Some(target.node) == deletion.hint)?;
    let kind = cluster.kind_of(hint)?;
    if !deletion.excess_types.contains(&kind) {
        return None;
    }
    if shared.contains(&hint) {
        return Some(hint);
    }
    // Alone on its rack: fine if the new replica is alone on its own, so that racks stay as many.
    let replaced =
        deletion.added.is_none_or(|added| alone.iter().any(|target| target.node == added));
    (replaced && deletion.added.is_some()).then_some(hint)
}

fn pick(
    cluster: &ClusterState,
    deletion: &Deletion<'_>,
    shared: &[Target],
    alone: &[Target],
) -> Option<Target> {
    let fits = |target: &&Target| {
        cluster
            .kind_of(**target)
            .is_some_and(|kind: StorageType| deletion.excess_types.contains(&kind))
    };
    let from = |list: &[Target]| -> List { list.iter().filter(fits).copied().collect() };
    let mut pool = from(shared);
    if pool.is_empty() {
        pool = from(alone);
    }
    if pool.is_empty() {
        pool = if shared.is_empty() { alone.into() } else { shared.into() };
    }
    let heard =
        |target: &Target| cluster.node(target.node).map_or(Milliseconds(0), |n| n.last_heard);
    let oldest = pool.iter().min_by_key(|target| heard(target)).copied()?;
    let late = Milliseconds(deletion.heartbeat.0.saturating_mul(LATE_HEARTBEATS));
    if deletion.now.since(heard(&oldest)) > late {
        return Some(oldest);
    }
    pool.iter().min_by_key(|target| cluster.remaining_of(target.node)).copied()
}
