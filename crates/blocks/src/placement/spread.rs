//! `BlockPlacementPolicyRackFaultTolerant`: as many racks as there are replicas.

use loxodon_cluster::RackScope;

use super::{Origin, PlacementPolicy, Placer};

/// The policy for which every rack may fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RackFaultTolerantPlacement;

impl PlacementPolicy for RackFaultTolerantPlacement {
    fn max_per_rack(&self, total: usize, racks: usize) -> usize {
        if racks <= 1 || total <= 1 { total } else { total.div_ceil(racks) }
    }

    fn choose(&self, placer: &mut Placer<'_>, origin: Origin, wanted: usize, max_per_rack: usize) {
        let goal = placer.results.len() + wanted;
        if placer.results.is_empty() && goal > 0 {
            placer.choose_local(origin, max_per_rack);
        }
        // Evenly first; where racks are too small, one more each until all are placed.
        let mut max = max_per_rack.max(1);
        while placer.results.len() < goal && max <= goal {
            if !placer.choose_in(RackScope::All, max) {
                max += 1;
            }
        }
    }

    fn required_racks(&self, replicas: usize) -> usize {
        replicas
    }
}
