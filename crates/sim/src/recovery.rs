//! A model of block recovery between DataNodes (`BlockRecoveryWorker`).

use std::collections::BTreeMap;

use loxodon_blocks::Block;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs::datanode::{
    CommitBlockSynchronizationRequestProto, received_deleted_block_info_proto::BlockStatus,
};
use loxodon_wire::proto::hdfs::{ExtendedBlockProto, RecoveringBlockProto};
use prost::Message as _;

use crate::checks::Check;
use crate::datanode::{DataNode, State, node_id, node_of, storage};
use crate::message::{Examined, Found, Message, length, prefix};
use crate::namenode::POOL;
use crate::network::Address;
use crate::scene::{Alarm, Scene};

/// How long the primary waits for each step.
const PATIENCE: u64 = 2_000;

/// Which DataNodes have done it, and on which volume; none where one refused.
type Settled = BTreeMap<usize, Option<usize>>;

/// A recovery that this DataNode leads.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// The block as the NameNode has it.
    block: Block,
    stamp: GenerationStamp,
    nodes: Vec<usize>,
    found: BTreeMap<usize, Examined>,
    /// In the second step: the length, who takes part, and who has done it.
    agreed: Option<(u64, Vec<usize>, Settled)>,
    /// The length that the block is cut to.
    truncate: Option<u64>,
}

impl DataNode {
    pub(crate) fn begin_recovery(
        &mut self,
        scene: &mut Scene,
        asked: &RecoveringBlockProto,
    ) -> Check {
        let block = Block {
            id: BlockId(asked.block.b.block_id.cast_signed()),
            length: asked.block.b.num_bytes.unwrap_or(0),
            stamp: GenerationStamp(asked.block.b.generation_stamp),
        };
        let stamp = GenerationStamp(asked.new_gen_stamp);
        let nodes = asked.block.locs.iter().map(|node| node_of(&node.id));
        let nodes = nodes.collect::<Result<Vec<usize>, String>>()?;
        for node in &nodes {
            let message = Message::Examine { block, recovery: stamp };
            scene.send(self.address(), Address::DataNode(*node), message);
        }
        let truncate = asked.truncate_block.as_ref().map(|it| it.num_bytes.unwrap_or(0));
        let found = BTreeMap::new();
        let recovery = Recovery { block, stamp, nodes, found, agreed: None, truncate };
        self.recoveries.insert(block.id, recovery);
        self.wait(scene, block.id);
        Ok(())
    }

    fn wait(&self, scene: &mut Scene, block: BlockId) {
        let alarm = Alarm::Resume(block.0.cast_unsigned());
        scene.alarm(PATIENCE, self.address(), self.life, alarm);
    }

    pub(crate) fn examine(
        &mut self,
        scene: &mut Scene,
        from: Address,
        block: Block,
        recovery: GenerationStamp,
    ) {
        let found = match self.replicas.get_mut(&block.id) {
            None => Examined::Nothing,
            Some(replica)
                if !replica.is_damaged
                    && replica.stamp >= block.stamp
                    && replica.stamp < recovery
                    && replica.recovery.is_none_or(|before| before < recovery) =>
            {
                replica.recovery = Some(recovery);
                let rank = match replica.state {
                    State::Final => 0,
                    State::Open => 1,
                    State::Left => 2,
                };
                Examined::Found(Found { length: length(&replica.content), rank })
            }
            Some(_) => Examined::Refused,
        };
        let message = Message::Examined { block: block.id, recovery, found };
        scene.send(self.address(), from, message);
    }

    pub(crate) fn examined(
        &mut self,
        scene: &mut Scene,
        from: Address,
        block: BlockId,
        stamp: GenerationStamp,
        found: Examined,
    ) {
        let Address::DataNode(from) = from else { return };
        let Some(recovery) = self.recoveries.get_mut(&block) else { return };
        if recovery.stamp == stamp && recovery.agreed.is_none() {
            recovery.found.insert(from, found);
            if recovery.found.len() == recovery.nodes.len() {
                self.agree(scene, block);
            }
        }
    }

    /// Time is up for this step: with what there is.
    pub(crate) fn conclude(&mut self, scene: &mut Scene, block: BlockId) {
        match self.recoveries.get(&block) {
            Some(recovery) if recovery.agreed.is_some() => self.commit(scene, block),
            Some(_) => self.agree(scene, block),
            None => {}
        }
    }

    /// Final replicas decide the length; else the shortest of the best.
    fn agree(&mut self, scene: &mut Scene, block: BlockId) {
        let address = self.address();
        let Some(recovery) = self.recoveries.get_mut(&block) else { return };
        let found = |(node, it): (&usize, &Examined)| match it {
            Examined::Found(found) => Some((*node, *found)),
            Examined::Nothing | Examined::Refused => None,
        };
        let all: Vec<(usize, Found)> = recovery.found.iter().filter_map(found).collect();
        let is_empty_somewhere = all.iter().any(|(_, found)| found.length == 0);
        let nobody_has_it = recovery.found.len() == recovery.nodes.len()
            && recovery.found.values().all(|it| matches!(it, Examined::Nothing));
        let good: Vec<(usize, Found)> =
            all.into_iter().filter(|(_, found)| found.length > 0).collect();
        let Some(best) = good.iter().map(|(_, found)| found.rank).min() else {
            // One that has it without bytes speaks for all, as what is acknowledged is everywhere.
            if is_empty_somewhere || nobody_has_it {
                self.commit(scene, block);
            } else {
                self.recoveries.remove(&block);
            }
            return;
        };
        let lengths = good.iter().filter(|(_, found)| found.rank == best).map(|(_, it)| it.length);
        let shortest = lengths.min().unwrap_or(0);
        let takes_part = |found: &Found| match best {
            0 => found.length == shortest && found.rank <= 1,
            _ => found.rank == best,
        };
        let nodes: Vec<usize> =
            good.iter().filter(|(_, found)| takes_part(found)).map(|(node, _)| *node).collect();
        let length = recovery.truncate.unwrap_or(shortest).min(shortest);
        let agreed = Block { id: block, length, stamp: recovery.stamp };
        for node in &nodes {
            let message = Message::Settle { block: agreed, recovery: recovery.stamp };
            scene.send(address, Address::DataNode(*node), message);
        }
        recovery.agreed = Some((length, nodes, BTreeMap::new()));
        self.wait(scene, block);
    }

    pub(crate) fn settle(
        &mut self,
        scene: &mut Scene,
        from: Address,
        block: Block,
        recovery: GenerationStamp,
    ) {
        let mut volume = None;
        if let Some(replica) = self.replicas.get_mut(&block.id)
            && replica.recovery == Some(recovery)
        {
            replica.recovery = None;
            replica.stamp = recovery;
            replica.state = State::Final;
            replica.content = prefix(&replica.content, block.length);
            volume = Some(replica.volume);
            let at = replica.volume;
            self.tell(scene, at, block, BlockStatus::Received);
        }
        let message = Message::Settled { block: block.id, recovery, volume };
        scene.send(self.address(), from, message);
    }

    pub(crate) fn settled(
        &mut self,
        scene: &mut Scene,
        from: Address,
        block: BlockId,
        stamp: GenerationStamp,
        volume: Option<usize>,
    ) {
        let Address::DataNode(from) = from else { return };
        let Some(recovery) = self.recoveries.get_mut(&block) else { return };
        if recovery.stamp != stamp {
            return;
        }
        let Some((_, nodes, answers)) = &mut recovery.agreed else { return };
        answers.insert(from, volume);
        if answers.len() == nodes.len() {
            self.commit(scene, block);
        }
    }

    fn commit(&mut self, scene: &mut Scene, block: BlockId) {
        let Some(recovery) = self.recoveries.remove(&block) else { return };
        let (new_length, nodes) = match &recovery.agreed {
            Some((length, _, answers)) => {
                let done = answers.iter().filter_map(|(node, volume)| Some((*node, (*volume)?)));
                (*length, done.collect::<Vec<(usize, usize)>>())
            }
            None => (0, Vec::new()),
        };
        if recovery.agreed.is_some() && nodes.is_empty() {
            return;
        }
        let asked = CommitBlockSynchronizationRequestProto {
            block: ExtendedBlockProto {
                pool_id: POOL.to_owned(),
                block_id: block.0.cast_unsigned(),
                generation_stamp: recovery.block.stamp.0,
                num_bytes: Some(recovery.block.length),
            },
            new_gen_stamp: recovery.stamp.0,
            new_length,
            close_file: true,
            delete_block: recovery.agreed.is_none(),
            new_taragets: nodes.iter().map(|(node, _)| node_id(*node)).collect(),
            new_target_storages: nodes.iter().map(|(node, at)| storage(*node, *at)).collect(),
        };
        scene.count(if recovery.truncate.is_some() { "a block is cut" } else { "a recovery" });
        scene.note(&format!("recovery of blk_{block} gives {new_length} on {nodes:?}"));
        self.call(scene, "commitBlockSynchronization", asked.encode_to_vec());
    }
}
