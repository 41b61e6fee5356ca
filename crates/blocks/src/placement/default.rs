//! `BlockPlacementPolicyDefault`: the writer's node, another rack, that rack again, then anywhere.

use loxodon_cluster::RackScope;

use super::{Origin, PlacementPolicy, Placer};

/// The policy HDFS has by default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DefaultPlacement;

impl PlacementPolicy for DefaultPlacement {
    fn max_per_rack(&self, total: usize, racks: usize) -> usize {
        if racks <= 1 || total <= 1 {
            return total;
        }
        let max = (total - 1) / racks + 2;
        // Never all replicas on one rack while there is another.
        if max == total { max - 1 } else { max }
    }

    fn choose(&self, placer: &mut Placer<'_>, origin: Origin, wanted: usize, max_per_rack: usize) {
        let goal = placer.results.len() + wanted;
        if placer.results.is_empty() && goal > 0 && !placer.choose_local(origin, max_per_rack) {
            return;
        }
        if placer.results.len() == 1 && goal > 1 {
            let Some(first) = placer.results.first().copied() else { return };
            if !placer.choose_remote(first.node, max_per_rack) {
                return;
            }
        }
        if placer.results.len() == 2 && goal > 2 {
            let [first, second] = [placer.results.first().copied(), placer.results.get(1).copied()];
            let (Some(first), Some(second)) = (first, second) else { return };
            let of = |node| Origin { node: Some(node), rack: placer.rack_of(node) };
            let found = if placer.rack_of(first.node) == placer.rack_of(second.node) {
                placer.choose_remote(first.node, max_per_rack)
            } else if placer.options.is_new_block {
                let near = of(second.node);
                placer.choose_on_rack_of(near, max_per_rack)
            } else {
                placer.choose_on_rack_of(origin, max_per_rack)
            };
            if !found {
                return;
            }
        }
        while placer.results.len() < goal {
            if !placer.choose_in(RackScope::All, max_per_rack) {
                return;
            }
        }
    }

    fn required_racks(&self, replicas: usize) -> usize {
        replicas.min(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rack_never_gets_everything_while_there_is_another() {
        let max = |total, racks| DefaultPlacement.max_per_rack(total, racks);
        assert_eq!(max(3, 1), 3);
        assert_eq!(max(3, 2), 2, "two of three, where the plain formula says three");
        assert_eq!(max(2, 2), 1);
        assert_eq!(max(3, 10), 2);
        assert_eq!(max(10, 3), 5);
    }
}
