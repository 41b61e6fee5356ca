//! Where to read a block.

use fastrand::Rng;
use loxodon_cluster::AdminState;
use loxodon_wire::ids::{BlockId, Milliseconds};
use smallvec::SmallVec;

use super::BlockManager;
use super::replica::ReplicaStanding;
use crate::{Block, BlockState, Reader, Target};

/// A block and where it may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Which, how long, which generation.
    pub block: Block,
    /// How far it is.
    pub state: BlockState,
    /// Replicas, nearest to the reader first.
    pub replicas: SmallVec<[Target; 4]>,
    /// Whether every replica is damaged: they are listed all the same.
    pub is_corrupt: bool,
}

impl BlockManager {
    /// Where the block may be read by someone at `reader`. A block that is being written is where
    /// its pipeline is. `None` if there is no such block.
    #[must_use]
    pub fn locate(&self, now: Milliseconds, id: BlockId, reader: &Reader) -> Option<Located> {
        let info = self.map.get(id)?;
        let mut located = Located {
            block: info.block,
            state: info.state,
            replicas: SmallVec::new(),
            is_corrupt: false,
        };
        if info.is_complete() {
            self.readable(id, &mut located);
        } else {
            located.replicas.extend(self.expected_locations(id));
        }
        self.sort_for(now, reader, &mut located);
        Some(located)
    }

    /// Whether this replica is more than the block needs and waits to be deleted.
    #[must_use]
    pub fn is_excess(&self, id: BlockId, replica: Target) -> bool {
        self.standing(id, replica.storage) == Some(ReplicaStanding::Excess)
    }

    fn readable(&self, id: BlockId, located: &mut Located) {
        let mut damaged: SmallVec<[Target; 4]> = SmallVec::new();
        for storage in self.map.replicas(id) {
            let Some(target) = self.cluster.target(storage) else { continue };
            match self.standing(id, storage) {
                None | Some(ReplicaStanding::InMaintenance) => {}
                Some(ReplicaStanding::Corrupt) => damaged.push(target),
                Some(_) => located.replicas.push(target),
            }
        }
        if located.replicas.is_empty() && !damaged.is_empty() {
            located.is_corrupt = true;
            located.replicas = damaged;
        }
    }

    /// Out of service last, stale before those (where readers shall avoid them), else by
    /// distance; equally near ones in random order, which spreads the load.
    fn sort_for(&self, now: Milliseconds, reader: &Reader, located: &mut Located) {
        if located.replicas.len() < 2 {
            return;
        }
        let mut rng = Rng::with_seed(now.0 ^ (located.block.id.0 as u64).rotate_left(32));
        rng.shuffle(&mut located.replicas);
        let origin = self.origin_of(reader, |n| rng.usize(..n));
        let topology = &self.cluster.topology;
        let avoid_stale = self.settings.avoid_stale_for_read;
        located.replicas.sort_by_key(|target| {
            let Some(node) = self.cluster.node(target.node) else { return (3, false, u32::MAX) };
            let service = match node.admin {
                AdminState::Normal | AdminState::DecommissionInProgress => 0,
                AdminState::EnteringMaintenance => 1,
                AdminState::Decommissioned | AdminState::InMaintenance => 2,
            };
            let distance = match (origin.node, origin.rack, self.cluster.rack_of(target.node)) {
                (Some(from), _, _) => topology.distance(from.0, target.node.0),
                (None, Some(rack), Some(other)) => topology.rack_distance(rack, other),
                _ => 0,
            };
            (service, avoid_stale && node.is_stale, distance)
        });
    }
}
