//! A model of a DataNode: replicas that survive its crash, reports, commands, recoveries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use loxodon_blocks::Block;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs::datanode::{
    BlockReceivedAndDeletedRequestProto, BlockReportContextProto, BlockReportRequestProto,
    BlockReportResponseProto, DatanodeCommandProto, DatanodeRegistrationProto,
    HeartbeatRequestProto, HeartbeatResponseProto, ReceivedDeletedBlockInfoProto,
    RegisterDatanodeRequestProto, StorageBlockReportProto, StorageReceivedDeletedBlocksProto,
    block_command_proto, datanode_command_proto::Type,
    received_deleted_block_info_proto::BlockStatus,
};
use loxodon_wire::proto::hdfs::{
    BlockKeyProto, BlockProto, DatanodeIdProto, DatanodeStorageProto, ExportedBlockKeysProto,
    StorageInfoProto, StorageReportProto,
};
use prost::Message as _;

use crate::checks::Check;
use crate::message::{Answer, Call, Chunk, DATANODE, Message, Stage, length, prefix, push};
use crate::namenode::{CLUSTER, POOL, ip};
use crate::network::Address;
use crate::recovery::Recovery;
use crate::scene::{Alarm, Scene};
use crate::store;

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
}

/// A call that is not answered yet.
#[derive(Debug)]
enum Asked {
    Register,
    Heartbeat,
    Changes(Vec<(Block, BlockStatus)>),
    Report,
}

/// Milliseconds between two full reports.
const REPORT: u64 = 60_000;
const HEARTBEAT: u64 = 3_000;
const PATIENCE: u64 = 5_000;
const GIB: u64 = 1 << 30;

/// A host with one volume.
#[derive(Debug)]
pub(crate) struct DataNode {
    pub(crate) index: usize,
    pub(crate) life: u64,
    pub(crate) is_up: bool,
    pub(crate) replicas: BTreeMap<BlockId, Replica>,
    pub(crate) recoveries: BTreeMap<BlockId, Recovery>,
    changes: Vec<(Block, BlockStatus)>,
    asked: Option<(u64, Asked)>,
    is_registered: bool,
    lease: u64,
    next_heartbeat: u64,
    next_report: u64,
}

impl DataNode {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            life: 0,
            is_up: false,
            replicas: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            changes: Vec::new(),
            asked: None,
            is_registered: false,
            lease: 0,
            next_heartbeat: 0,
            next_report: 0,
        }
    }

    pub(crate) const fn address(&self) -> Address {
        Address::DataNode(self.index)
    }

    pub(crate) fn storage(&self) -> String {
        format!("DS-{}", self.index)
    }

    /// The process dies; its files stay.
    pub(crate) fn crash(&mut self) {
        let mut fresh = Self::new(self.index);
        fresh.life = self.life + 1;
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
    fn speak(&mut self, scene: &mut Scene) {
        if self.asked.is_some() {
            return;
        }
        if !self.is_registered {
            let body = RegisterDatanodeRequestProto { registration: self.registration() };
            self.ask(scene, "registerDatanode", body.encode_to_vec(), Asked::Register);
        } else if scene.now >= self.next_heartbeat {
            self.next_heartbeat = scene.now + HEARTBEAT;
            let wants_report = scene.now >= self.next_report && self.lease == 0;
            let body = self.heartbeat(wants_report);
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
                self.is_registered = true;
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
            (Asked::Report, Ok(body)) => {
                self.lease = 0;
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
        if self.replicas.get(&block.id).is_some_and(|have| have.stamp == block.stamp) {
            self.replicas.remove(&block.id);
            self.tell(scene, block, BlockStatus::Deleted);
        }
    }

    fn copy(&self, scene: &mut Scene, block: Block, to: usize) {
        let Some(replica) = self.replicas.get(&block.id) else { return };
        if replica.state == State::Final
            && replica.stamp == block.stamp
            && replica.recovery.is_none()
        {
            let content = replica.content.clone();
            let message = Message::Copy { block, content };
            scene.send(self.address(), Address::DataNode(to), message);
        }
    }

    /// Notes a change for the NameNode, and tells it soon.
    pub(crate) fn tell(&mut self, scene: &mut Scene, block: Block, change: BlockStatus) {
        self.changes.push((block, change));
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
                if let Entry::Vacant(place) = self.replicas.entry(block.id) {
                    let (stamp, state) = (block.stamp, State::Final);
                    place.insert(Replica { stamp, state, content, recovery: None });
                    self.tell(scene, block, BlockStatus::Received);
                }
            }
            Message::Examine { block, recovery } => self.examine(scene, from, block, recovery),
            Message::Examined { block, recovery, found } => {
                self.examined(scene, from, block, recovery, found);
            }
            Message::Settle { block, recovery } => self.settle(scene, from, block, recovery),
            Message::Settled { block, recovery, done } => {
                self.settled(scene, from, block, recovery, done);
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
        let (stamp, state) = (block.stamp, State::Open);
        let replica = Replica { stamp, state, content: Vec::new(), recovery: None };
        self.replicas.insert(block.id, replica);
        self.tell(scene, Block { length: 0, ..block }, BlockStatus::Receiving);
        true
    }

    fn reopen(&mut self, scene: &mut Scene, block: Block, acknowledged: u64) -> bool {
        let Some(replica) = self.replicas.get_mut(&block.id) else { return false };
        let usable = replica.recovery.is_none()
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
        if was_final {
            self.tell(scene, Block { length: acknowledged, ..block }, BlockStatus::Receiving);
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
        if *last {
            replica.state = State::Final;
            self.tell(scene, Block { length: written, ..block }, BlockStatus::Received);
        }
        true
    }

    fn registration(&self) -> DatanodeRegistrationProto {
        DatanodeRegistrationProto {
            datanode_id: node_id(self.index),
            storage_info: StorageInfoProto {
                layout_version: loxodon_namenode::version::DATANODE_LAYOUT.cast_unsigned(),
                namespce_id: store::NAMESPACE_ID.cast_unsigned(),
                cluster_id: CLUSTER.to_owned(),
                c_time: 0,
            },
            keys: ExportedBlockKeysProto {
                is_block_token_enabled: false,
                key_update_interval: 0,
                token_life_time: 0,
                current_key: BlockKeyProto::default(),
                all_keys: Vec::new(),
            },
            software_version: "3.5.0".to_owned(),
        }
    }

    fn volume(&self) -> DatanodeStorageProto {
        DatanodeStorageProto { storage_uuid: self.storage(), state: None, storage_type: None }
    }

    fn heartbeat(&self, wants_report: bool) -> HeartbeatRequestProto {
        #[allow(deprecated)]
        let report = StorageReportProto {
            storage_uuid: self.storage(),
            capacity: Some(10 * GIB),
            remaining: Some(9 * GIB),
            storage: Some(self.volume()),
            ..StorageReportProto::default()
        };
        HeartbeatRequestProto {
            registration: self.registration(),
            reports: vec![report],
            xceiver_count: Some(1),
            request_full_block_report_lease: Some(wants_report),
            ..HeartbeatRequestProto::default()
        }
    }

    fn changes(&self, changes: &[(Block, BlockStatus)]) -> BlockReceivedAndDeletedRequestProto {
        let blocks = changes.iter().map(|(block, status)| ReceivedDeletedBlockInfoProto {
            block: to_proto(*block),
            status: (*status).into(),
            delete_hint: None,
        });
        #[allow(deprecated)]
        let storage = StorageReceivedDeletedBlocksProto {
            storage_uuid: self.storage(),
            blocks: blocks.collect(),
            storage: Some(self.volume()),
        };
        BlockReceivedAndDeletedRequestProto {
            registration: self.registration(),
            block_pool_id: POOL.to_owned(),
            blocks: vec![storage],
        }
    }

    fn report(&self) -> BlockReportRequestProto {
        let mut bytes = Vec::new();
        for (id, replica) in &self.replicas {
            // One that a recovery examines is reported as what it was before.
            let state = match replica.state {
                State::Final => 0,
                State::Open => 1,
                State::Left => 2,
            };
            let zigzag = (id.0.cast_unsigned() << 1) ^ (id.0 >> 63).cast_unsigned();
            for number in [zigzag, length(&replica.content), replica.stamp.0, state] {
                prost::encoding::encode_varint(number, &mut bytes);
            }
        }
        BlockReportRequestProto {
            registration: self.registration(),
            block_pool_id: POOL.to_owned(),
            reports: vec![StorageBlockReportProto {
                storage: self.volume(),
                blocks: Vec::new(),
                number_of_blocks: Some(self.replicas.len() as u64),
                blocks_buffers: vec![Bytes::from(bytes)],
            }],
            context: Some(BlockReportContextProto {
                total_rpcs: 1,
                cur_rpc: 0,
                id: 1,
                lease_id: Some(self.lease),
            }),
        }
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

fn to_proto(block: Block) -> BlockProto {
    BlockProto {
        block_id: block.id.0.cast_unsigned(),
        gen_stamp: block.stamp.0,
        num_bytes: Some(block.length),
    }
}
