//! A NameNode's machine without its shell, which any call can be made to.

use bytes::Bytes;
use loxodon_blocks::Settings as BlockSettings;
use loxodon_namenode::dispatch::{self, Run, ShellCall};
use loxodon_namenode::load::Loaded;
use loxodon_namenode::settings::Settings;
use loxodon_namenode::{Due, Identity, NameNode, Now, Request, StorageIdentity, full_report};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_namespace::edit_codec::{Read, encode_transaction, read_transaction};
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::editlog::MAX_OP_SIZE;
use loxodon_wire::ids::{Milliseconds, TxId};
use loxodon_wire::proto::hdfs::datanode::{
    BlockReportRequestProto, DatanodeRegistrationProto, RegisterDatanodeRequestProto,
};
use loxodon_wire::proto::hdfs::{DatanodeIdProto, ExportedBlockKeysProto, StorageInfoProto};
use loxodon_wire::rpc::check_shape;
use loxodon_wire::rpc::protocol::{
    CLIENT_NAMENODE, DATANODE, DATANODE_LIFELINE, GET_USER_MAPPINGS, HA_SERVICE, NAMENODE, Protocol,
};
use prost::Message;

/// Whose calls are made: a call's number is its place among all of theirs.
pub const PROTOCOLS: [&Protocol; 6] =
    [&CLIENT_NAMENODE, &DATANODE, &NAMENODE, &DATANODE_LIFELINE, &HA_SERVICE, &GET_USER_MAPPINGS];
/// Instead of a call, time passes: the first byte says how much.
pub const TIME: u16 = 999;

/// A call's number and this one: somebody makes it who may not do everything.
pub const ALICE: u16 = 1000;

const LAYOUT: i32 = -67;
const START: u64 = 1_000_000_000_000;
const USERS: [&str; 2] = ["hdfs", "alice"];

fn settings() -> NamespaceSettings {
    NamespaceSettings { fs_owner: "hdfs".into(), ..NamespaceSettings::default() }
}

/// The number of a call.
///
/// # Panics
/// There is none of that name.
#[must_use]
pub fn number(protocol: &Protocol, method: &str) -> u16 {
    let mut before = 0;
    for known in PROTOCOLS {
        if known.name == protocol.name {
            return before + u16::try_from(known.find(method).expect("a call")).expect("few");
        }
        before += u16::try_from(known.calls.len()).expect("few");
    }
    panic!("{} is not called", protocol.name);
}

/// The machine, what it logged, and the time.
pub struct World {
    machine: NameNode,
    users: [Identity; 2],
    now: u64,
    calls: i32,
    edits: Vec<Edit>,
}

impl World {
    /// An empty file system.
    ///
    /// # Panics
    /// Its settings do not fit each other.
    #[must_use]
    pub fn new() -> Self {
        let storage = StorageIdentity {
            namespace_id: 7,
            cluster_id: "CID-1".into(),
            block_pool_id: "BP-1".into(),
            creation_time: 0,
            layout_version: LAYOUT,
        };
        let namespace = Namespace::new(settings());
        let loaded = Loaded { namespace, storage, last_txid: TxId(0) };
        let clocks = Now { wall: Milliseconds(START), monotonic: Milliseconds(START) };
        let machine =
            NameNode::new(loaded, Settings::default(), BlockSettings::default(), 1, clocks);
        let users = USERS.map(|name| Identity {
            caller: Caller::new(name.into(), vec!["users".into()], &settings()),
            real_user: None,
        });
        let machine = machine.expect("settings that fit");
        Self { machine, users, now: START, calls: 0, edits: Vec::new() }
    }

    /// What a DataNode of this file system says of itself.
    #[must_use]
    pub fn registration(&self) -> DatanodeRegistrationProto {
        DatanodeRegistrationProto {
            datanode_id: DatanodeIdProto {
                ip_addr: "127.0.0.1".into(),
                host_name: "node1".into(),
                datanode_uuid: "uuid-1".into(),
                xfer_port: 9866,
                info_port: 9864,
                ipc_port: 9867,
                info_secure_port: None,
            },
            storage_info: StorageInfoProto {
                layout_version: (-57_i32).cast_unsigned(),
                ..self.machine.storage_info()
            },
            keys: ExportedBlockKeysProto::default(),
            software_version: "3.5.0".into(),
        }
    }

    /// Makes the call of that number, or lets time pass; the answer, if it was not refused.
    pub fn call(&mut self, number: u16, body: &[u8]) -> Option<Bytes> {
        if number == TIME {
            self.wait(body.first().copied().unwrap_or(0));
            return None;
        }
        let user = usize::from(number >= ALICE);
        let mut number = usize::from(number % ALICE);
        for protocol in PROTOCOLS {
            if let Some(call) = protocol.calls.get(number) {
                // A server refuses what lacks required fields before anybody sees it.
                check_shape(call.request_shape()?, body).ok()?;
                let run = dispatch::find(protocol.name, call.name)?.run;
                return self.run(run, user, &Bytes::copy_from_slice(body));
            }
            number -= protocol.calls.len();
        }
        None
    }

    fn run(&mut self, run: Run, user: usize, body: &Bytes) -> Option<Bytes> {
        self.calls += 1;
        let now = Now { wall: Milliseconds(self.now), monotonic: Milliseconds(self.now) };
        let user = self.users[user].clone();
        let mut request = Request::new(now, &user, RpcIds::new([1; 16], self.calls));
        request.address = Some([127, 0, 0, 1].into());
        let machine = &mut self.machine;
        let result = match run {
            Run::Query(run) => run(machine, &mut request, body),
            Run::Walk(run) => run(&machine.namespace, &mut request, body),
            Run::Update(run) | Run::Once(run) => run(machine, &mut request, body),
            Run::Shell(call) => return self.shell(call, body, now),
        };
        let mut effects = request.effects;
        self.edits.append(&mut effects.edits);
        result.ok()
    }

    fn shell(&mut self, call: ShellCall, body: &Bytes, now: Now) -> Option<Bytes> {
        let user = self.users[0].clone();
        let mut request = Request::new(now, &user, RpcIds::NONE);
        request.address = Some([127, 0, 0, 1].into());
        match call {
            ShellCall::RegisterDatanode => {
                let asked = RegisterDatanodeRequestProto::decode(body.clone()).ok()?;
                let rack = "/default-rack".into();
                let answer = self.machine.register_datanode(&mut request, asked, rack).ok()?;
                Some(answer.encode_to_vec().into())
            }
            ShellCall::BlockReport => {
                let asked = BlockReportRequestProto::decode(body.clone()).ok()?;
                let machine = &mut self.machine;
                let answer =
                    full_report(&asked, 3, &mut |work| work(machine, &mut request)).ok()?;
                Some(answer.encode_to_vec().into())
            }
            _ => None,
        }
    }

    /// Seconds, minutes or hours, with what comes round by itself.
    fn wait(&mut self, step: u8) {
        self.now += 1000 * (u64::from(step) + 1) * if step % 16 == 15 { 100 } else { 1 };
        let now = Now { wall: Milliseconds(self.now), monotonic: Milliseconds(self.now) };
        let user = self.users[0].clone();
        let mut request = Request::new(now, &user, RpcIds::NONE);
        let due = Due { heartbeats: true, redundancy: true, administration: true };
        self.machine.tick(&mut request, due, 100);
        self.machine.reclaim(100);
        self.edits.append(&mut request.effects.edits);
    }

    /// What must hold whatever was called: the block map agrees with itself, and a start that reads what was logged
    /// has the same tree.
    ///
    /// # Panics
    /// It does not.
    pub fn check(&self) {
        self.machine.blocks.check().expect("a block map that agrees with itself");
        let mut again = Namespace::new(settings());
        for edit in &self.edits {
            let mut bytes = Vec::new();
            encode_transaction(TxId(1), edit, LAYOUT, &mut bytes)
                .unwrap_or_else(|e| panic!("{edit:?} ends the NameNode: {e}"));
            let Ok(Read::Transaction(read, _)) = read_transaction(&bytes, LAYOUT, MAX_OP_SIZE)
            else {
                panic!("{edit:?} cannot be read again");
            };
            again.apply(&read.edit).unwrap_or_else(|e| panic!("{edit:?} is not replayed: {e}"));
        }
        let (ours, theirs) = (self.machine.namespace.totals(), again.totals());
        assert_eq!(ours.inodes(), theirs.inodes(), "inodes after a replay");
        assert_eq!(self.machine.namespace.counters(), again.counters(), "after a replay");
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
