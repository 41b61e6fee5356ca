//! Replicas that were lost by themselves: their bytes changed, or their volume broke.
//!
//! Until the NameNode knows of it, it may have good replicas deleted and count on the lost one,
//! here as in Hadoop; a DataNode may also still obey an order from before. Where that costs the
//! last good one, the loss did not happen. Once the NameNode knows, it must keep the good ones.

use loxodon_blocks::{BlockManager, StorageState};
use loxodon_wire::ids::BlockId;

use crate::datanode::{DataNode, Replica, storage};
use crate::namenode::Host;
use crate::scene::Scene;

/// Orders that were given before the NameNode knew have arrived by then.
const ORDERS: u64 = 20_000;

#[derive(Debug)]
struct Loss {
    node: usize,
    block: BlockId,
    /// As it was.
    replica: Replica,
    known_since: Option<u64>,
    /// Its volume is gone, with everything on it.
    is_gone: bool,
}

/// What was lost and may yet have to be taken back.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    losses: Vec<Loss>,
}

impl Losses {
    pub(crate) fn damaged(&mut self, node: usize, block: BlockId, replica: &Replica) {
        let replica = Replica { is_damaged: false, ..replica.clone() };
        self.losses.push(Loss { node, block, replica, known_since: None, is_gone: false });
    }

    pub(crate) fn volume(&mut self, node: &DataNode, volume: usize) {
        for (block, replica) in node.replicas.iter().filter(|(_, it)| it.volume == volume) {
            if !replica.is_damaged {
                self.losses.push(Loss {
                    node: node.index,
                    block: *block,
                    replica: replica.clone(),
                    known_since: None,
                    is_gone: true,
                });
            }
        }
    }

    /// Undoes losses that the NameNode could not know of and that would be the last straw.
    pub(crate) fn take_back(&mut self, scene: &mut Scene, nodes: &mut [DataNode], host: &Host) {
        self.losses.retain_mut(|loss| {
            let blocks = host.running.as_ref().map(|running| &running.machine.blocks);
            if loss.known_since.is_none() && blocks.is_some_and(|blocks| loss.is_known(blocks)) {
                loss.known_since = Some(scene.now);
            }
            let is_over = loss.known_since.is_some_and(|since| scene.now > since + ORDERS);
            let is_wanted = blocks.is_none_or(|blocks| blocks.block(loss.block).is_some());
            if is_over || !is_wanted || loss.is_past(nodes) {
                return false;
            }
            let is_good = |other: &Replica| !other.is_damaged && other.stamp >= loss.replica.stamp;
            if nodes.iter().filter_map(|node| node.replicas.get(&loss.block)).any(is_good) {
                return true;
            }
            if let Some(node) = nodes.get_mut(loss.node) {
                scene.count("a loss is taken back");
                scene.note(&format!("blk_{} on DataNode {} is back", loss.block, loss.node));
                node.take_back(scene, loss.block, loss.replica.clone());
            }
            false
        });
    }
}

impl Loss {
    fn is_known(&self, blocks: &BlockManager) -> bool {
        let uuid = format!("uuid-{}", self.node);
        if !self.is_gone {
            let node = blocks.node_by_uuid(&uuid);
            return blocks.corrupt_replicas(self.block).iter().any(|(at, _)| Some(*at) == node);
        }
        let target = blocks.target(&uuid, &storage(self.node, self.replica.volume));
        let place = target.and_then(|target| blocks.storage(target.storage));
        place.is_none_or(|place| place.state() == StorageState::Failed)
    }

    /// The damaged replica was deleted, or written anew.
    fn is_past(&self, nodes: &[DataNode]) -> bool {
        let there = nodes.get(self.node).and_then(|node| node.replicas.get(&self.block));
        !self.is_gone && there.is_none_or(|replica| !replica.is_damaged)
    }
}
