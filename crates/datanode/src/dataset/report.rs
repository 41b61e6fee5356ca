//! What is told of the replicas.

use std::time::SystemTime;

use super::block_list::{BlockList, Listed};
use super::pool::Pool;
use super::replica::{Replica, ReplicaState, VolumeIndex};
use super::{Dataset, scan};

/// Replicas that are looked at under one hold of the lock.
const SLICE: usize = 8192;

impl Dataset {
    /// A pool's replicas, one list per volume. Writers go on between slices of the map: what they change
    /// meanwhile is reported incrementally.
    pub(crate) fn block_lists(&self, pool: &Pool) -> Vec<(VolumeIndex, BlockList)> {
        let mut lists: Vec<(VolumeIndex, BlockList)> =
            self.volumes().iter().map(|volume| (volume.index, BlockList::default())).collect();
        let ids: Vec<_> = pool.replicas.read().keys().copied().collect();
        for slice in ids.chunks(SLICE) {
            let replicas = pool.replicas.read();
            for id in slice {
                let Some(replica) = replicas.get(id) else { continue };
                let Some(listed) = listed(*id, replica) else { continue };
                if let Some((_, list)) =
                    lists.iter_mut().find(|(index, _)| *index == replica.volume)
                {
                    list.push(listed);
                }
            }
        }
        lists
    }

    /// Saves lists and used bytes, so that the next start need not scan.
    pub(crate) fn save_caches(&self, now: SystemTime) {
        for pool in self.pools() {
            for (index, list) in self.block_lists(&pool) {
                if let Ok(volume) = self.volume(index) {
                    scan::save(&volume, &pool.id, &list, now);
                }
            }
        }
    }
}

/// A replica in a report; temporary ones are not reported.
fn listed(id: loxodon_wire::ids::BlockId, replica: &Replica) -> Option<Listed> {
    let original = match &replica.state {
        ReplicaState::Temporary(_) => return None,
        ReplicaState::Rur(recovery) => &recovery.original,
        _ => replica,
    };
    Some(Listed {
        id,
        length: original.disk_length(),
        stamp: original.stamp,
        state: original.state.number(),
    })
}
