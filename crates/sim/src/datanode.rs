//! A model of a DataNode: replicas that survive its crash, reports, commands, recoveries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use loxodon_blocks::Block;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs::datanode::{
    BlockReportResponseProto, DatanodeCommandProto, HeartbeatResponseProto,
    RegisterDatanodeRequestProto, block_command_proto, datanode_command_proto::Type,
    received_deleted_block_info_proto::BlockStatus,
};
use loxodon_wire::proto::hdfs::{BlockProto, DatanodeIdProto};
use prost::Message as _;

use crate::checks::Check;
use crate::message::{Answer, Call, Chunk, DATANODE, Message, Stage, length, prefix, push};
use crate::namenode::ip;
use crate::network::Address;
use crate::recovery::Recovery;
use crate::scene::{Alarm, Scene};

/// How far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Final,
    Open,
    /// Open when the DataNode crashed.
    Left,
}

/// A replica on a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) stamp: GenerationStamp,
    pub(crate) state: State,
    pub(crate) content: Vec<Chunk>,
    /// The recovery that stopped its writer.
    pub(crate) recovery: Option<GenerationStamp>,
    pub(crate) volume: usize,
    /// Its bytes are not what was written.
    pub(crate) is_damaged: bool,
    /// The DataNode has noticed that, and remembers it on its disk.
    pub(crate) is_known: bool,
}

/// A change that the NameNode has to know: on which volume, and what.
pub(crate) type Told = (usize, Block, BlockStatus);

impl Replica {
    const fn new(stamp: GenerationStamp, state: State, content: Vec<Chunk>, volume: usize) -> Self {
        Self { stamp, state, content, recovery: None, volume, is_damaged: false, is_known: false }
    }

    pub(crate) fn block(&self, id: BlockId) -> Block {
        Block { id, length: length(&self.content), stamp: self.stamp }
    }
}

/// A call that is not answered yet.
#[derive(Debug)]
enum Asked {
    Register,
    Heartbeat,
    Changes(Vec<Told>),
    Damaged,
    Report,
}

/// Milliseconds between two full reports.
const REPORT: u64 = 60_000;
const HEARTBEAT: u64 = 3_000;
const PATIENCE: u64 = 5_000;

/// A disk of a DataNode.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Volume {
    pub(crate) is_failed: bool,
    /// There is no room on it until then.
    pub(crate) full_until: u64,
}

/// Volumes of each DataNode.
pub(crate) const VOLUMES: usize = 2;

/// A host and its volumes.
#[derive(Debug)]
pub(crate) struct DataNode {
    pub(crate) index: usize,
    pub(crate) volumes: [Volume; VOLUMES],
    pub(crate) life: u64,
    pub(crate) is_up: bool,
    pub(crate) replicas: BTreeMap<BlockId, Replica>,
    pub(crate) recoveries: BTreeMap<BlockId, Recovery>,
    changes: Vec<Told>,
    asked: Option<(u64, Asked)>,
    is_registered: bool,
    /// The NameNode has to hear what is damaged, before anything else.
    pub(crate) names_damaged: bool,
    pub(crate) lease: u64,
    next_heartbeat: u64,
    next_report: u64,
}

impl DataNode {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            volumes: [Volume::default(); VOLUMES],
            life: 0,
            is_up: false,
            replicas: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            changes: Vec::new(),
            asked: None,
            is_registered: false,
            names_damaged: false,
            lease: 0,
            next_heartbeat: 0,
            next_report: 0,
        }
    }

    pub(crate) const fn address(&self) -> Address {
        Address::DataNode(self.index)
    }

    /// What the storage on a volume is called.
    pub(crate) fn storage(&self, volume: usize) -> String {
        storage(self.index, volume)
    }

    pub(crate) fn good_volumes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..VOLUMES).filter(|at| self.volumes.get(*at).is_some_and(|volume| !volume.is_failed))
    }

    /// A volume with room for a new replica.
    fn room(&self, scene: &mut Scene) -> Option<usize> {
        let has_room =
            |at: &usize| self.volumes.get(*at).is_some_and(|volume| scene.now >= volume.full_until);
        let mut usable: Vec<usize> = self.good_volumes().filter(has_room).collect();
        if usable.is_empty() {
            return None;
        }
        let at = scene.rng.usize(..usable.len());
        Some(usable.swap_remove(at))
    }

    /// There is no room on any volume until then.
    pub(crate) fn fill(&mut self, until: u64) {
        self.volumes.iter_mut().for_each(|volume| volume.full_until = until);
    }

    /// A volume breaks: what was on it is gone, and the DataNode goes on without it.
    pub(crate) fn lose_volume(&mut self, scene: &mut Scene, volume: usize) {
        if let Some(volume) = self.volumes.get_mut(volume) {
            volume.is_failed = true;
        }
        let lost = self.replicas.iter().filter(|(_, replica)| replica.volume == volume);
        let lost: Vec<Block> = lost.map(|(id, replica)| replica.block(*id)).collect();
        self.replicas.retain(|_, replica| replica.volume != volume);
        if self.is_up && scene.rng.bool() {
            self.changes
                .extend(lost.into_iter().map(|block| (volume, block, BlockStatus::Deleted)));
            self.speak(scene);
        }
    }

    /// A replica that was lost is there again, on a volume that is whole.
    pub(crate) fn take_back(&mut self, scene: &mut Scene, block: BlockId, replica: Replica) {
        let good: Vec<usize> = self.good_volumes().collect();
        let own = good.iter().find(|at| **at == replica.volume);
        let volume = own.or(good.first()).copied().unwrap_or(0);
        let told = replica.block(block);
        self.replicas.insert(block, Replica { volume, ..replica });
        if self.is_up {
            self.tell(scene, volume, told, BlockStatus::Received);
        }
    }

    /// The process dies; its files stay.
    pub(crate) fn crash(&mut self) {
        let mut fresh = Self::new(self.index);
        fresh.life = self.life + 1;
        fresh.volumes = self.volumes;
        fresh.replicas = std::mem::take(&mut self.replicas);
        for replica in fresh.replicas.values_mut() {
            replica.recovery = None;
            if replica.state == State::Open {
                replica.state = State::Left;
            }
        }
        *self = fresh;
    }

    pub(crate) fn start(&mut self, scene: &mut Scene) {
        self.is_up = true;
        let delay = scene.rng.u64(1..300);
        scene.alarm(delay, self.address(), self.life, Alarm::Turn);
    }

    pub(crate) fn alarm(&mut self, scene: &mut Scene, alarm: Alarm) {
        match alarm {
            Alarm::Turn => {
                self.speak(scene);
                if scene.chance(50) {
                    self.scan(scene);
                }
                scene.alarm(1_000, self.address(), self.life, Alarm::Turn);
            }
            Alarm::Unanswered(number) => self.give_up(number),
            Alarm::Resume(block) => self.conclude(scene, BlockId(block.cast_signed())),
            Alarm::Synced | Alarm::Hold(_) => {}
        }
    }

    fn give_up(&mut self, number: u64) {
        let Some((_, asked)) = self.asked.take_if(|(waiting, _)| *waiting == number) else {
            return;
        };
        if let Asked::Changes(mut changes) = asked {
            changes.append(&mut self.changes);
            self.changes = changes;
        }
    }

    /// The next thing that the NameNode has to know, one at a time.
    pub(crate) fn speak(&mut self, scene: &mut Scene) {
        if self.asked.is_some() {
            return;
        }
        if !self.is_registered {
            let body = RegisterDatanodeRequestProto { registration: self.registration() };
            self.ask(scene, "registerDatanode", body.encode_to_vec(), Asked::Register);
        } else if let Some(body) = self.damaged() {
            self.ask(scene, "reportBadBlocks", body.encode_to_vec(), Asked::Damaged);
        } else if scene.now >= self.next_heartbeat {
            self.next_heartbeat = scene.now + HEARTBEAT;
            let wants_report = scene.now >= self.next_report && self.lease == 0;
            let body = self.heartbeat(scene.now, wants_report);
            self.ask(scene, "sendHeartbeat", body.encode_to_vec(), Asked::Heartbeat);
        } else if !self.changes.is_empty() {
            let changes = std::mem::take(&mut self.changes);
            let body = self.changes(&changes).encode_to_vec();
            self.ask(scene, "blockReceivedAndDeleted", body, Asked::Changes(changes));
        } else if self.lease != 0 && scene.now >= self.next_report {
            let body = self.report();
            self.ask(scene, "blockReport", body.encode_to_vec(), Asked::Report);
        }
    }

    fn ask(&mut self, scene: &mut Scene, method: &'static str, body: Vec<u8>, asked: Asked) {
        let number = self.call(scene, method, body);
        self.asked = Some((number, asked));
        scene.alarm(PATIENCE, self.address(), self.life, Alarm::Unanswered(number));
    }

    /// Calls the NameNode; the number of the call.
    pub(crate) fn call(&self, scene: &mut Scene, method: &'static str, body: Vec<u8>) -> u64 {
        let number = scene.number();
        let mut client_id = [0xD0; 16];
        client_id[15] = u8::try_from(self.index % 256).unwrap_or(0);
        client_id[14] = u8::try_from(self.life % 256).unwrap_or(0);
        let call_id = i32::try_from(number % 1_000_000_007).unwrap_or(0);
        let body = Bytes::from(body);
        let from = self.address();
        let call = Call { from, number, protocol: DATANODE, method, client_id, call_id, body };
        scene.send(from, Address::NameNode, Message::Call(call));
        number
    }

    pub(crate) fn answered(&mut self, scene: &mut Scene, number: u64, answer: Answer) -> Check {
        let Some((_, asked)) = self.asked.take_if(|(waiting, _)| *waiting == number) else {
            return Ok(());
        };
        match (asked, answer) {
            (_, Err(refusal)) if refusal.is("UnregisteredNodeException") => {
                return Err(format!("DataNode {} is sent away: {}", self.index, refusal.message));
            }
            (Asked::Register, Ok(_)) => {
                (self.is_registered, self.names_damaged) = (true, true);
                self.changes.clear();
                (self.next_heartbeat, self.next_report, self.lease) = (0, 0, 0);
            }
            (Asked::Heartbeat, Ok(body)) => {
                let reply = HeartbeatResponseProto::decode(body).map_err(|e| e.to_string())?;
                self.lease = reply.full_block_report_lease_id.unwrap_or(0).max(self.lease);
                for command in reply.cmds {
                    self.obey(scene, command)?;
                }
            }
            (Asked::Changes(mut changes), Err(_)) => {
                changes.append(&mut self.changes);
                self.changes = changes;
                return Ok(());
            }
            (Asked::Damaged, _) => self.names_damaged = false,
            (Asked::Report, Ok(body)) => {
                (self.lease, self.names_damaged) = (0, true);
                self.next_report = scene.now + REPORT;
                let reply = BlockReportResponseProto::decode(body).map_err(|e| e.to_string())?;
                if let Some(command) = reply.cmd {
                    self.obey(scene, command)?;
                }
            }
            (Asked::Report, Err(_)) => self.lease = 0,
            (Asked::Changes(_), Ok(_)) | (_, Err(_)) => {}
        }
        self.speak(scene);
        Ok(())
    }

    fn obey(&mut self, scene: &mut Scene, command: DatanodeCommandProto) -> Check {
        scene.note(&format!("DataNode {} is told {:?}", self.index, brief(&command)));
        match command.cmd_type() {
            Type::RegisterCommand => {
                self.is_registered = false;
            }
            Type::BlockCommand => {
                let command = command.blk_cmd.ok_or("a block command without blocks")?;
                let invalidate = command.action() == block_command_proto::Action::Invalidate;
                for (index, block) in command.blocks.iter().enumerate() {
                    let block = from_proto(block);
                    if invalidate {
                        self.delete(scene, block);
                        continue;
                    }
                    let targets = command.targets.get(index).ok_or("a copy without targets")?;
                    for target in &targets.datanodes {
                        self.copy(scene, block, node_of(&target.id)?);
                    }
                }
            }
            Type::BlockRecoveryCommand => {
                let command = command.recovery_cmd.ok_or("a recovery command without blocks")?;
                for one in command.blocks {
                    self.begin_recovery(scene, &one)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn delete(&mut self, scene: &mut Scene, block: Block) {
        // Another version of it is not what was meant.
        let Some(have) = self.replicas.get(&block.id).filter(|have| have.stamp == block.stamp)
        else {
            return;
        };
        let volume = have.volume;
        self.replicas.remove(&block.id);
        self.tell(scene, volume, block, BlockStatus::Deleted);
    }

    fn copy(&self, scene: &mut Scene, block: Block, to: usize) {
        let Some(replica) = self.replicas.get(&block.id) else { return };
        if replica.state == State::Final
            && replica.stamp == block.stamp
            && replica.recovery.is_none()
            // The other end would notice, and take none of it.
            && !replica.is_damaged
        {
            let content = replica.content.clone();
            let message = Message::Copy { block, content };
            scene.send(self.address(), Address::DataNode(to), message);
        }
    }

    /// Notes a change for the NameNode, and tells it soon.
    pub(crate) fn tell(
        &mut self,
        scene: &mut Scene,
        volume: usize,
        block: Block,
        change: BlockStatus,
    ) {
        self.changes.push((volume, block, change));
        self.speak(scene);
    }

    /// A message of the data path.
    pub(crate) fn receive(&mut self, scene: &mut Scene, from: Address, message: Message) -> Check {
        match message {
            Message::Write { number, block, stage, rest, back } => {
                self.write(scene, number, block, stage, rest, back);
            }
            Message::Written { number, block, stage, refused, back } => {
                if refused.is_none() && !self.finish(scene, block, &stage) {
                    return Ok(());
                }
                pass_back(scene, self.address(), number, block, stage, refused, back);
            }
            Message::Copy { block, content } => {
                let volume = self.room(scene);
                if let (Entry::Vacant(place), Some(volume)) =
                    (self.replicas.entry(block.id), volume)
                {
                    place.insert(Replica::new(block.stamp, State::Final, content, volume));
                    self.tell(scene, volume, block, BlockStatus::Received);
                }
            }
            Message::Examine { block, recovery } => self.examine(scene, from, block, recovery),
            Message::Examined { block, recovery, found } => {
                self.examined(scene, from, block, recovery, found);
            }
            Message::Settle { block, recovery } => self.settle(scene, from, block, recovery),
            Message::Settled { block, recovery, volume } => {
                self.settled(scene, from, block, recovery, volume);
            }
            Message::Call(_) | Message::Answer { .. } => {}
        }
        Ok(())
    }

    fn write(
        &mut self,
        scene: &mut Scene,
        number: u64,
        block: Block,
        stage: Stage,
        mut rest: Vec<usize>,
        mut back: Vec<Address>,
    ) {
        let took = match &stage {
            Stage::Create => self.create(scene, block),
            Stage::Recover { acknowledged } => self.reopen(scene, block, *acknowledged),
            Stage::Data { offset, bytes, .. } => self.take(block, *offset, *bytes),
        };
        if !took {
            let refused = Some(self.index);
            pass_back(scene, self.address(), number, block, stage, refused, back);
        } else if rest.is_empty() {
            if self.finish(scene, block, &stage) {
                pass_back(scene, self.address(), number, block, stage, None, back);
            }
        } else {
            let next = Address::DataNode(rest.remove(0));
            back.push(self.address());
            scene.send(self.address(), next, Message::Write { number, block, stage, rest, back });
        }
    }

    fn create(&mut self, scene: &mut Scene, block: Block) -> bool {
        if self.replicas.contains_key(&block.id) {
            return false;
        }
        let Some(volume) = self.room(scene) else { return false };
        let replica = Replica::new(block.stamp, State::Open, Vec::new(), volume);
        self.replicas.insert(block.id, replica);
        self.tell(scene, volume, Block { length: 0, ..block }, BlockStatus::Receiving);
        true
    }

    fn reopen(&mut self, scene: &mut Scene, block: Block, acknowledged: u64) -> bool {
        let Some(replica) = self.replicas.get_mut(&block.id) else { return false };
        let usable = replica.recovery.is_none()
            && !replica.is_damaged
            && replica.state != State::Left
            && replica.stamp <= block.stamp
            && length(&replica.content) >= acknowledged;
        if !usable {
            return false;
        }
        let was_final = replica.state == State::Final;
        replica.stamp = block.stamp;
        replica.state = State::Open;
        replica.content = prefix(&replica.content, acknowledged);
        let volume = replica.volume;
        if was_final {
            let block = Block { length: acknowledged, ..block };
            self.tell(scene, volume, block, BlockStatus::Receiving);
        }
        true
    }

    fn take(&mut self, block: Block, offset: u64, bytes: Chunk) -> bool {
        let Some(replica) = self.replicas.get_mut(&block.id) else { return false };
        let usable = replica.recovery.is_none()
            && replica.state == State::Open
            && replica.stamp == block.stamp
            && length(&replica.content) >= offset;
        if usable {
            let mut content = prefix(&replica.content, offset);
            push(&mut content, bytes);
            replica.content = content;
        }
        usable
    }

    /// Everybody downstream has it: the replica is final, if these were its last bytes. False
    /// where it is not this DataNode's to finish any more.
    fn finish(&mut self, scene: &mut Scene, block: Block, stage: &Stage) -> bool {
        let Stage::Data { offset, bytes, last } = stage else { return true };
        let Some(replica) = self.replicas.get_mut(&block.id) else { return false };
        let written = offset + bytes.length;
        if replica.stamp != block.stamp
            || replica.state != State::Open
            || replica.recovery.is_some()
            || length(&replica.content) != written
        {
            return false;
        }
        let volume = replica.volume;
        if *last {
            replica.state = State::Final;
            self.tell(scene, volume, Block { length: written, ..block }, BlockStatus::Received);
        }
        true
    }
}

/// Sends a pipeline's answer one step up.
fn pass_back(
    scene: &mut Scene,
    from: Address,
    number: u64,
    block: Block,
    stage: Stage,
    refused: Option<usize>,
    mut back: Vec<Address>,
) {
    if let Some(to) = back.pop() {
        scene.send(from, to, Message::Written { number, block, stage, refused, back });
    }
}

fn brief(command: &DatanodeCommandProto) -> String {
    let blocks = command.blk_cmd.iter().flat_map(|it| &it.blocks);
    let recovered = command.recovery_cmd.iter().flat_map(|it| &it.blocks);
    let names: Vec<String> = blocks
        .map(|block| format!("blk_{}_{}", block.block_id, block.gen_stamp))
        .chain(recovered.map(|it| format!("blk_{}->{}", it.block.b.block_id, it.new_gen_stamp)))
        .collect();
    format!("{:?} {}", command.cmd_type(), names.join(" "))
}

/// What a DataNode is called.
pub(crate) fn node_id(index: usize) -> DatanodeIdProto {
    DatanodeIdProto {
        ip_addr: ip(Address::DataNode(index)).to_string(),
        host_name: format!("dn{index}"),
        datanode_uuid: format!("uuid-{index}"),
        xfer_port: 9866,
        info_port: 9864,
        ipc_port: 9867,
        info_secure_port: None,
    }
}

/// What the storage on a DataNode's volume is called.
pub(crate) fn storage(node: usize, volume: usize) -> String {
    format!("DS-{node}-{volume}")
}

/// Which DataNode is called so.
pub(crate) fn node_of(id: &DatanodeIdProto) -> Result<usize, String> {
    let index = id.datanode_uuid.strip_prefix("uuid-").and_then(|number| number.parse().ok());
    index.ok_or_else(|| format!("no DataNode is called {}", id.datanode_uuid))
}

pub(crate) fn from_proto(block: &BlockProto) -> Block {
    Block {
        id: BlockId(block.block_id.cast_signed()),
        length: block.num_bytes.unwrap_or(0),
        stamp: GenerationStamp(block.gen_stamp),
    }
}
