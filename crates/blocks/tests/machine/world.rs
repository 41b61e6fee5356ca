//! DataNodes that hold replicas, obey commands and report, on a clock that tests move.

use std::collections::BTreeMap;
use std::sync::Arc;

use loxodon_blocks::*;
use loxodon_cluster::{DatanodeId, StorageType};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};

pub(crate) const FIRST: i64 = 1_073_741_825;
pub(crate) const LENGTH: u64 = 1000;
pub(crate) const GIB: u64 = 1 << 30;

pub(crate) struct Node {
    pub(crate) id: DatanodeId,
    pub(crate) rack: Arc<str>,
    pub(crate) kind: StorageType,
    pub(crate) replicas: BTreeMap<BlockId, (Block, ReplicaState)>,
    pub(crate) remaining: u64,
    pub(crate) xceivers: u32,
    pub(crate) is_up: bool,
}

impl Node {
    pub(crate) fn storage(&self) -> ReportedStorage {
        ReportedStorage {
            id: format!("DS-{}", self.id.uuid).into(),
            kind: self.kind,
            state: StorageState::Normal,
        }
    }

    fn report(&self) -> StorageReport {
        let storage = self.storage();
        let usage = StorageUsage {
            capacity: 10 * GIB,
            remaining: self.remaining,
            ..StorageUsage::default()
        };
        StorageReport {
            id: storage.id,
            kind: storage.kind,
            state: storage.state,
            failed: false,
            usage,
            mount: None,
        }
    }
}

pub(crate) struct World {
    pub(crate) m: BlockManager,
    pub(crate) now: Milliseconds,
    pub(crate) nodes: Vec<Node>,
    pub(crate) next_id: i64,
    pub(crate) events: Vec<Event>,
    pub(crate) sent: Vec<(usize, DatanodeCommand)>,
}

pub(crate) fn datanode_id(n: usize) -> DatanodeId {
    DatanodeId {
        ip: format!("10.0.0.{n}").into(),
        host: format!("dn{n}").into(),
        uuid: format!("uuid-{n}").into(),
        transfer_port: 9866,
        info_port: 9864,
        info_secure_port: 0,
        ipc_port: 9867,
    }
}

pub(crate) fn reader(n: usize) -> Reader {
    Reader { ip: format!("10.0.0.{n}"), rack: None }
}

impl World {
    /// Nodes on the given racks, registered, empty and reported; queues open.
    pub(crate) fn new(racks: &[&str]) -> Self {
        Self::with(Settings::default(), racks)
    }

    pub(crate) fn with(settings: Settings, racks: &[&str]) -> Self {
        let now = Milliseconds(1_000_000);
        let mut world = Self {
            m: BlockManager::new(settings, 7, now),
            now,
            nodes: Vec::new(),
            next_id: FIRST,
            events: Vec::new(),
            sent: Vec::new(),
        };
        world.m.start(now, false);
        for rack in racks {
            world.add_node(rack);
        }
        world
    }

    pub(crate) fn add_node(&mut self, rack: &str) -> usize {
        let n = self.nodes.len();
        self.nodes.push(Node {
            id: datanode_id(n),
            rack: rack.into(),
            kind: StorageType::Disk,
            replicas: BTreeMap::new(),
            remaining: 5 * GIB,
            xceivers: 1,
            is_up: true,
        });
        self.register(n);
        n
    }

    pub(crate) fn register(&mut self, n: usize) {
        self.register_only(n);
        self.heartbeat(n);
        self.full_report(n);
    }

    /// A registration, without the heartbeat and the report that follow.
    pub(crate) fn register_only(&mut self, n: usize) {
        let node = &self.nodes[n];
        let registration = Registration {
            id: node.id.clone(),
            rack: node.rack.clone(),
            software_version: "3.5.0".into(),
        };
        self.m.register(self.now, registration).unwrap();
    }

    /// The NameNode starts anew with these blocks, in safe mode; it knows no node yet.
    pub(crate) fn restart(&mut self, blocks: &[(Block, u16)]) {
        self.m = BlockManager::new(self.m.settings().clone(), 8, self.now);
        for (block, replication) in blocks {
            let new = NewBlock { block: *block, ..self.new_block(*replication, PolicyId::HOT) };
            self.m.insert_block(NewBlock { state: BlockState::Complete, ..new }).unwrap();
        }
        self.m.start(self.now, true);
    }

    pub(crate) fn index(&self, n: usize) -> NodeIndex {
        self.m.node_by_uuid(&format!("uuid-{n}")).unwrap()
    }

    pub(crate) fn number(&self, index: NodeIndex) -> usize {
        let uuid = self.m.datanode(index).unwrap().id().uuid.clone();
        uuid.trim_start_matches("uuid-").parse().unwrap()
    }

    pub(crate) fn numbers(&self, targets: &[Target]) -> Vec<usize> {
        targets.iter().map(|target| self.number(target.node)).collect()
    }

    pub(crate) fn target(&self, n: usize) -> Target {
        self.m.target(&format!("uuid-{n}"), &format!("DS-uuid-{n}")).unwrap()
    }

    /// A heartbeat, without doing what the answer says.
    pub(crate) fn commands(&mut self, n: usize) -> Vec<DatanodeCommand> {
        let node = &self.nodes[n];
        let load = NodeLoad { xceivers: node.xceivers, ..NodeLoad::default() };
        let reply = self.m.heartbeat(self.now, &node.id, &[node.report()], load, false).unwrap();
        reply.commands
    }

    pub(crate) fn heartbeat(&mut self, n: usize) {
        for command in self.commands(n) {
            self.sent.push((n, command.clone()));
            self.obey(n, command);
        }
    }

    fn obey(&mut self, n: usize, command: DatanodeCommand) {
        match command {
            DatanodeCommand::Register => self.register(n),
            DatanodeCommand::Transfer(transfers) => {
                for transfer in transfers {
                    if !self.nodes[n].replicas.contains_key(&transfer.block.id) {
                        continue;
                    }
                    for target in transfer.targets {
                        let to = self.number(target.node);
                        // A DataNode refuses what it has.
                        let has = self.nodes[to].replicas.contains_key(&transfer.block.id);
                        if self.nodes[to].is_up && !has {
                            self.received(to, transfer.block);
                        }
                    }
                }
            }
            DatanodeCommand::Invalidate(blocks) => {
                for block in blocks {
                    // Another version of it is not what was meant.
                    let have = self.nodes[n].replicas.get(&block.id);
                    if have.is_some_and(|(have, _)| have.stamp == block.stamp) {
                        self.deleted(n, block);
                    }
                }
            }
            DatanodeCommand::Recover(recoveries) => {
                for recovery in recoveries {
                    self.recover(&recovery);
                }
            }
            DatanodeCommand::BalancerBandwidth(_) => {}
        }
    }

    fn recover(&mut self, recovery: &Recovery) {
        let id = recovery.block.id;
        let have: Vec<usize> = self
            .numbers(&recovery.locations)
            .into_iter()
            .filter(|n| self.nodes[*n].is_up && self.nodes[*n].replicas.contains_key(&id))
            .collect();
        let length = have.iter().map(|n| self.nodes[*n].replicas[&id].0.length).min().unwrap_or(0);
        let block = Block { id, length, stamp: recovery.new_stamp };
        for n in &have {
            self.nodes[*n].replicas.insert(id, (block, ReplicaState::Finalized));
        }
        let names: Vec<(String, String)> =
            have.iter().map(|n| (format!("uuid-{n}"), format!("DS-uuid-{n}"))).collect();
        let names: Vec<(&str, &str)> = names.iter().map(|(a, b)| (&**a, &**b)).collect();
        self.m.finish_recovery(id, block.stamp, length, &names, true).unwrap();
    }

    fn tell(&mut self, n: usize, block: Block, change: BlockChange) {
        let (id, storage) = (self.nodes[n].id.clone(), self.nodes[n].storage());
        self.m.received_deleted(self.now, &id, &storage, &[(block, change)]).unwrap();
        self.events.extend(self.m.take_events());
    }

    pub(crate) fn receiving(&mut self, n: usize, block: Block) {
        self.nodes[n].replicas.insert(block.id, (block, ReplicaState::BeingWritten));
        self.tell(n, block, BlockChange::Receiving);
    }

    pub(crate) fn received(&mut self, n: usize, block: Block) {
        self.nodes[n].replicas.insert(block.id, (block, ReplicaState::Finalized));
        self.tell(n, block, BlockChange::Received { delete_hint: None });
    }

    pub(crate) fn deleted(&mut self, n: usize, block: Block) {
        if self.nodes[n].replicas.remove(&block.id).is_some() {
            self.tell(n, block, BlockChange::Deleted);
        }
    }

    /// A full report, three replicas a slice.
    pub(crate) fn full_report(&mut self, n: usize) {
        let node = &self.nodes[n];
        let Ok(Some(mut scan)) = self.m.begin_report(self.now, &node.id, &node.storage(), 0) else {
            return;
        };
        let list: Vec<_> = node.replicas.values().copied().collect();
        let mut replicas =
            list.into_iter().map(|(block, state)| Ok(ReportedReplica { block, state }));
        while !self.m.report_slice(self.now, &mut scan, &mut replicas, 3).unwrap() {}
        while !self.m.finish_report(self.now, &mut scan, 3) {}
        self.m.end_report(&self.nodes[n].id);
    }

    pub(crate) fn new_block(&mut self, replication: u16, policy: PolicyId) -> NewBlock {
        let id = BlockId(self.next_id);
        self.next_id += 1;
        NewBlock {
            block: Block { id, length: 0, stamp: GenerationStamp(1001) },
            owner: InodeId(16386),
            replication,
            policy,
            state: BlockState::UnderConstruction,
        }
    }

    /// A file's block written to the named nodes and closed.
    pub(crate) fn write_on(&mut self, replication: u16, nodes: &[usize]) -> Block {
        let new = self.new_block(replication, PolicyId::HOT);
        let targets: Vec<Target> = nodes.iter().map(|n| self.target(*n)).collect();
        self.m.begin_block(new, &targets).unwrap();
        let block = Block { length: LENGTH, ..new.block };
        for n in nodes {
            self.received(*n, block);
        }
        assert!(self.m.commit_block(block.id, LENGTH, block.stamp).unwrap());
        block
    }

    pub(crate) fn request(&self, writer: usize, replicas: u16) -> TargetRequest {
        TargetRequest {
            writer: reader(writer),
            replicas,
            block_size: LENGTH,
            policy: PolicyId::HOT,
            ..TargetRequest::default()
        }
    }

    /// Time goes on by one heartbeat: everyone who is up is heard, and timers ring.
    pub(crate) fn tick(&mut self) {
        self.now = Milliseconds(self.now.0 + 3_000);
        for n in 0..self.nodes.len() {
            if self.nodes[n].is_up {
                self.heartbeat(n);
            }
        }
        self.m.check_heartbeats(self.now);
        self.m.check_safe_mode(self.now);
        while !self.m.background(self.now, 5) {}
        self.m.plan_work(self.now, usize::MAX);
        self.m.check_admin(self.now);
        self.events.extend(self.m.take_events());
        self.m.check().unwrap();
    }

    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.tick();
        }
    }

    /// Nodes that hold a replica of the block.
    pub(crate) fn holders(&self, id: BlockId) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|n| self.nodes[*n].is_up && self.nodes[*n].replicas.contains_key(&id))
            .collect()
    }

    pub(crate) fn known_on(&self, id: BlockId) -> Vec<usize> {
        let mut list = self.numbers(&self.m.replicas(id));
        list.sort_unstable();
        list
    }
}
