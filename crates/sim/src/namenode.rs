//! The NameNode's process: the real machine behind a door that does what the daemon's does, and
//! the journal on a disk that forgets.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use loxodon_blocks::{self as blk, SafeModeSettings};
use loxodon_cluster::LivenessSettings;
use loxodon_journal::commit::{Batch, GroupCommit, Piece};
use loxodon_namenode::dispatch::{self, Run, ShellCall, Update};
use loxodon_namenode::load::Loaded;
use loxodon_namenode::retry_cache::Answered;
use loxodon_namenode::settings::Settings;
use loxodon_namenode::{
    Due, Effects, Identity, NameNode, NameNodeError, Now, ReplayedCalls, Request, StorageIdentity,
    full_report,
};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::{Edit, RpcIds, Transaction};
use loxodon_namespace::edit_codec::encode_transaction;
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::ids::{BlockId, Milliseconds, TxId};
use loxodon_wire::proto::hdfs::datanode::{BlockReportRequestProto, RegisterDatanodeRequestProto};
use prost::Message as _;

use crate::checks::{self, Check};
use crate::message::{Answer, Call, Message, Refusal};
use crate::network::Address;
use crate::scene::{Alarm, Scene};
use crate::store::{self, Store};

/// The block pool.
pub(crate) const POOL: &str = "BP-1-10.0.0.100-1";
/// The cluster.
pub(crate) const CLUSTER: &str = "CID-sim";
/// Everybody's user: permissions are not what this is about.
const USER: &str = "hdfs";
/// After so long without a sign of life, a writer's file is taken from him.
pub(crate) const HARD_LIMIT: u64 = 120_000;
/// As long as the daemon's door.
const HOLD: u64 = 500;
/// Midnight of some day.
const EPOCH: u64 = 1_700_000_000_000;

/// What the namespace is told.
pub(crate) fn namespace_settings() -> NamespaceSettings {
    NamespaceSettings {
        fs_owner: USER.to_owned(),
        min_block_size: 1,
        lease_hard_limit_ms: HARD_LIMIT,
        lease_soft_limit_ms: 20_000,
        ..NamespaceSettings::default()
    }
}

fn block_settings() -> blk::Settings {
    blk::Settings {
        safe_mode: SafeModeSettings {
            extension: Milliseconds(3_000),
            ..SafeModeSettings::default()
        },
        liveness: LivenessSettings {
            recheck: Milliseconds(5_000),
            stale: Milliseconds(10_000),
            ..LivenessSettings::default()
        },
        pending_timeout: Milliseconds(30_000),
        recovery_interval: Milliseconds(10_000),
        ..blk::Settings::default()
    }
}

/// An answer that waits for its transaction.
#[derive(Debug)]
pub(crate) struct Waiter {
    to: Address,
    number: u64,
    answer: Answer,
}

/// The host, its disk, and what is on the disk as a namespace.
pub(crate) struct Host {
    store: Store,
    /// What was durable when it was last synced, applied one by one.
    durable: Namespace,
    durable_txid: TxId,
    pub(crate) life: u64,
    pub(crate) running: Option<Running>,
    /// By how much the wall clock is wrong.
    pub(crate) skew: i64,
}

/// When something happens, and in which of the process's lives.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now: Now,
    life: u64,
}

/// What is in memory.
pub(crate) struct Running {
    pub(crate) machine: NameNode,
    pub(crate) is_reclaiming: bool,
    commit: GroupCommit<Waiter>,
    flying: Option<Batch<Waiter>>,
    segment: Option<TxId>,
    /// Edits that are not durable yet.
    young: VecDeque<(TxId, Vec<u8>)>,
    held: BTreeMap<BlockId, Vec<(Call, Update)>>,
    /// A frozen view, to be saved when the transaction after it is durable.
    frozen: Option<(TxId, Namespace)>,
    /// When each client was last heard, as far as leases go.
    heard: BTreeMap<usize, u64>,
    identity: Identity,
    started: u64,
    turns: u64,
}

impl Host {
    /// A formatted disk, and no process yet.
    pub(crate) fn format() -> Result<Self, String> {
        let mut store = Store::default();
        let durable = Namespace::new(namespace_settings());
        store.save_image(&durable, TxId(0))?;
        store.sync();
        Ok(Self { store, durable, durable_txid: TxId(0), life: 0, running: None, skew: 0 })
    }

    /// The namespace as far as it is durable.
    pub(crate) const fn durable(&self) -> &Namespace {
        &self.durable
    }

    fn moment(&self, scene: &Scene) -> Moment {
        Moment { now: self.clock(scene), life: self.life }
    }

    fn clock(&self, scene: &Scene) -> Now {
        let wall = EPOCH.saturating_add(scene.now).saturating_add_signed(self.skew);
        // A process's own clock begins anywhere.
        let monotonic = scene.now + self.life * 7_000_000;
        Now { wall: Milliseconds(wall), monotonic: Milliseconds(monotonic) }
    }

    /// A storage directory fails.
    pub(crate) fn fail_directory(&mut self, scene: &mut Scene, directory: usize) {
        self.store.fail(directory, &mut scene.rng);
    }

    /// The power goes.
    pub(crate) fn crash(&mut self, scene: &mut Scene) -> Check {
        if self.running.is_some() {
            self.compare()?;
            self.running = None;
            self.store.crash(&mut scene.rng);
        }
        self.life += 1;
        scene.namenode_life = self.life;
        Ok(())
    }

    /// Reads the disk and begins to serve; nothing that was durable may be missing.
    pub(crate) fn start(&mut self, scene: &mut Scene) -> Check {
        self.store.open();
        let plan = self.store.plan()?;
        let mut namespace = self.store.load_image(&plan, namespace_settings())?;
        let mut answered = ReplayedCalls::new(Settings::default().retry_capacity);
        self.store.replay(&plan.before_image(), &mut |transaction: Transaction| {
            answered.note(transaction.txid, &transaction.edit, &namespace);
            Ok(())
        })?;
        let known = self.durable_txid;
        let durable = &mut self.durable;
        let last = self.store.replay(&plan, &mut |transaction: Transaction| {
            apply(&mut namespace, &transaction)?;
            if transaction.txid > known {
                apply(durable, &transaction)?;
            }
            answered.note(transaction.txid, &transaction.edit, &namespace);
            Ok(())
        })?;
        namespace.reclaim(usize::MAX);
        if last < known {
            return Err(format!("durable up to {known:?}, read back up to {last:?}"));
        }
        self.durable_txid = last;
        checks::same_as_loaded(&namespace, &self.durable)?;
        self.durable = namespace.clone();
        self.serve(scene, namespace, last, answered)
    }

    fn serve(
        &mut self,
        scene: &mut Scene,
        namespace: Namespace,
        last: TxId,
        answered: ReplayedCalls,
    ) -> Check {
        let now = self.clock(scene);
        let storage = StorageIdentity {
            namespace_id: store::NAMESPACE_ID.cast_unsigned(),
            cluster_id: CLUSTER.to_owned(),
            block_pool_id: POOL.to_owned(),
            creation_time: 0,
            layout_version: LAYOUT_VERSION,
        };
        let caller = Caller::new(USER.to_owned(), Vec::new(), namespace.settings());
        let loaded = Loaded { namespace, storage, last_txid: last };
        let seed = scene.rng.u64(..);
        let mut machine = NameNode::new(loaded, Settings::default(), block_settings(), seed, now)
            .map_err(|error| format!("the NameNode does not start: {error}"))?;
        machine.remember_calls(answered, now);
        let mut commit = GroupCommit::new(last);
        machine.last_txid = commit.start_segment();
        let mut segment = None;
        if let Some(batch) = commit.take() {
            segment = self.store.write(&batch.pieces, None);
            self.store.sync();
            self.durable_txid = batch.last;
            commit.synced(batch);
        }
        self.running = Some(Running {
            machine,
            is_reclaiming: false,
            commit,
            flying: None,
            segment,
            young: VecDeque::new(),
            held: BTreeMap::new(),
            frozen: None,
            heard: BTreeMap::new(),
            identity: Identity { caller, real_user: None },
            started: scene.now,
            turns: 0,
        });
        scene.alarm(1_000, Address::NameNode, self.life, Alarm::Turn);
        Ok(())
    }

    /// A call arrives.
    pub(crate) fn call(&mut self, scene: &mut Scene, call: Call) -> Check {
        let at = self.moment(scene);
        let Some(running) = &mut self.running else { return Ok(()) };
        running.call(scene, at, call)?;
        self.write_on(scene);
        Ok(())
    }

    /// Something that the process set itself.
    pub(crate) fn alarm(&mut self, scene: &mut Scene, alarm: Alarm) -> Check {
        let at = self.moment(scene);
        let life = self.life;
        let Some(running) = &mut self.running else { return Ok(()) };
        match alarm {
            Alarm::Turn => {
                running.turn(scene, at)?;
                scene.alarm(1_000, Address::NameNode, life, Alarm::Turn);
            }
            Alarm::Hold(block) => running.wake(scene, at, BlockId(block))?,
            Alarm::Synced => self.synced(scene)?,
            Alarm::Unanswered(_) | Alarm::Resume(_) => {}
        }
        self.write_on(scene);
        Ok(())
    }

    /// Whatever has gathered is written, unless a write is on its way.
    fn write_on(&mut self, scene: &mut Scene) {
        let Some(running) = &mut self.running else { return };
        if let Some(batch) = running.commit.take() {
            running.segment = self.store.write(&batch.pieces, running.segment);
            running.flying = Some(batch);
            let slow = scene.chance(20);
            let takes = if slow { scene.rng.u64(50..2_000) } else { scene.rng.u64(1..10) };
            scene.alarm(takes, Address::NameNode, self.life, Alarm::Synced);
        }
    }

    fn synced(&mut self, scene: &mut Scene) -> Check {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Some(batch) = running.flying.take() else { return Ok(()) };
        self.store.sync();
        for piece in &batch.pieces {
            let Piece::Frames(bytes) = piece else { continue };
            for transaction in store::decode(bytes)? {
                if transaction.txid != self.durable_txid.next() {
                    return Err(format!("{:?} after {:?}", transaction.txid, self.durable_txid));
                }
                apply(&mut self.durable, &transaction)?;
                self.durable_txid = transaction.txid;
            }
        }
        running.young.retain(|(txid, _)| *txid > batch.last);
        for waiter in running.commit.synced(batch) {
            answer(scene, waiter);
        }
        if let Some((txid, view)) = running.frozen.take_if(|(txid, _)| *txid < self.durable_txid) {
            self.store.save_image(&view, txid)?;
        }
        Ok(())
    }

    /// What is durable and what is on its way are together what is live.
    pub(crate) fn compare(&self) -> Check {
        let Some(running) = &self.running else { return Ok(()) };
        let mut expected = self.durable.clone();
        for (_, frame) in &running.young {
            for transaction in store::decode(frame)? {
                apply(&mut expected, &transaction)?;
            }
        }
        checks::same("the live namespace and its log", &running.machine.namespace, &expected)
    }
}

/// Applies one transaction, as a standby does.
fn apply(namespace: &mut Namespace, transaction: &Transaction) -> Check {
    namespace
        .apply(&transaction.edit)
        .map_err(|error| format!("cannot replay: {}", error.at(transaction.txid)))?;
    while !namespace.reclaim(100).done {}
    Ok(())
}

fn answer(scene: &mut Scene, waiter: Waiter) {
    let Waiter { to, number, answer } = waiter;
    scene.send(Address::NameNode, to, Message::Answer { number, answer });
}

fn refusal(error: &NameNodeError) -> Refusal {
    Refusal { class: error.java_class(), message: error.to_string() }
}

/// Where an actor's calls come from: a client lives on the host of the DataNode of its number.
pub(crate) fn ip(address: Address) -> IpAddr {
    let host = match address {
        Address::NameNode => 100,
        Address::DataNode(n) | Address::Client(n) => u8::try_from(n % 50).unwrap_or(0) + 1,
    };
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
}

fn request<'a>(now: Now, identity: &'a Identity, call: &Call) -> Request<'a> {
    let rpc = RpcIds { client_id: Some(call.client_id), call_id: call.call_id };
    let mut request = Request::new(now, identity, rpc);
    request.address = Some(ip(call.from));
    request
}

impl Running {
    fn call(&mut self, scene: &mut Scene, at: Moment, call: Call) -> Check {
        let Some(method) = dispatch::find(call.protocol, call.method) else {
            return Err(format!("no call {}", call.method));
        };
        let identity = self.identity.clone();
        match method.run {
            Run::Query(query) => {
                let mut request = request(at.now, &identity, &call);
                let result = query(&self.machine, &mut request, &call.body);
                self.settle(scene, at, request.effects, result, None, &call)
            }
            Run::Walk(walk) => {
                let mut request = request(at.now, &identity, &call);
                let view = self.machine.namespace.clone();
                let result = walk(&view, &mut request, &call.body);
                self.settle(scene, at, request.effects, result, None, &call)
            }
            Run::Update(update) => self.update(scene, at, call, update, true),
            Run::Once(update) => self.once(scene, at, &call, update),
            Run::Shell(task) => {
                let mut request = request(at.now, &identity, &call);
                let result = self.perform(&mut request, task, &call, &identity);
                let result = result.map(Bytes::from);
                self.settle(scene, at, request.effects, result, None, &call)
            }
        }
    }

    fn perform(
        &mut self,
        request: &mut Request<'_>,
        task: ShellCall,
        call: &Call,
        identity: &Identity,
    ) -> Result<Vec<u8>, NameNodeError> {
        let malformed = |error: prost::DecodeError| NameNodeError::Malformed(error.to_string());
        match task {
            ShellCall::RegisterDatanode => {
                let asked = RegisterDatanodeRequestProto::decode(call.body.clone());
                let Address::DataNode(node) = call.from else {
                    return Err(NameNodeError::Io("not a DataNode".to_owned()));
                };
                let rack = Arc::from(format!("/rack{}", node % 3));
                let asked = asked.map_err(malformed)?;
                let answer = self.machine.register_datanode(request, asked, rack)?;
                Ok(answer.encode_to_vec())
            }
            ShellCall::BlockReport => {
                let asked = BlockReportRequestProto::decode(call.body.clone());
                let now = request.now;
                let mut completed = Vec::new();
                let answer = full_report(&asked.map_err(malformed)?, 3, &mut |work| {
                    let mut piece = self::request(now, identity, call);
                    work(&mut self.machine, &mut piece);
                    completed.append(&mut piece.effects.completed);
                });
                request.effects.completed = completed;
                Ok(answer?.encode_to_vec())
            }
            other => Err(NameNodeError::Unsupported(format!("{other:?} is not simulated"))),
        }
    }

    fn update(
        &mut self,
        scene: &mut Scene,
        at: Moment,
        call: Call,
        update: Update,
        may_wait: bool,
    ) -> Check {
        let identity = self.identity.clone();
        let mut request = request(at.now, &identity, &call);
        request.may_wait = may_wait;
        let result = update(&mut self.machine, &mut request, &call.body);
        self.hear(scene, &call, result.is_ok());
        let txid = self.append(&mut request.effects)?;
        if let (Some(block), Ok(_)) = (request.effects.hold_for, &result) {
            self.held.entry(block).or_default().push((call, update));
            scene.alarm(HOLD, Address::NameNode, at.life, Alarm::Hold(block.0));
            return self.after(scene, at, request.effects);
        }
        self.settle(scene, at, request.effects, result, txid, &call)
    }

    fn once(&mut self, scene: &mut Scene, at: Moment, call: &Call, update: Update) -> Check {
        let identity = self.identity.clone();
        let mut request = request(at.now, &identity, call);
        if let Some(answered) = self.machine.retries.answered(request.rpc, at.now.monotonic) {
            let (response, txid) = (answered.response.clone(), answered.txid);
            scene.note(&format!("{:?} again: {} {}", call.from, call.method, call.call_id));
            return self.settle(scene, at, request.effects, Ok(response), txid, call);
        }
        let result = update(&mut self.machine, &mut request, &call.body);
        self.hear(scene, call, result.is_ok());
        let txid = self.append(&mut request.effects)?;
        if let Ok(response) = &result {
            let answered = Answered { response: response.clone(), txid };
            self.machine.retries.insert(request.rpc, answered, at.now.monotonic);
        }
        self.settle(scene, at, request.effects, result, txid, call)
    }

    /// A writer that is heard keeps what he writes.
    fn hear(&mut self, scene: &Scene, call: &Call, worked: bool) {
        if let (Address::Client(client), true) = (call.from, worked)
            && matches!(call.method, "renewLease" | "create" | "append")
        {
            self.heard.insert(client, scene.now);
        }
    }

    fn append(&mut self, effects: &mut Effects) -> Result<Option<TxId>, String> {
        let mut last = None;
        for edit in effects.edits.drain(..) {
            let txid = self.number(&edit)?;
            self.machine.last_txid = txid;
            last = Some(txid);
        }
        Ok(last.or_else(|| effects.after_all.then_some(self.machine.last_txid)))
    }

    fn number(&mut self, edit: &Edit) -> Result<TxId, String> {
        let mut frame = Vec::new();
        let txid = self
            .commit
            .append(|txid, out| {
                encode_transaction(txid, edit, LAYOUT_VERSION, &mut frame)?;
                out.extend_from_slice(&frame);
                Ok::<(), loxodon_namespace::edit_codec::CodecError>(())
            })
            .map_err(|error| format!("cannot encode {edit:?}: {error}"))?;
        self.young.push_back((txid, frame));
        Ok(txid)
    }

    fn settle(
        &mut self,
        scene: &mut Scene,
        at: Moment,
        effects: Effects,
        result: Result<Bytes, NameNodeError>,
        txid: Option<TxId>,
        call: &Call,
    ) -> Check {
        if let Err(NameNodeError::Apply(error)) = &result {
            return Err(format!("{} {:?}: {error}", call.method, call.from));
        }
        let waiter = Waiter {
            to: call.from,
            number: call.number,
            answer: result.map_err(|error| refusal(&error)),
        };
        let waiting = match txid {
            Some(txid) => self.commit.wait(txid, waiter),
            None => Some(waiter),
        };
        if let Some(waiter) = waiting {
            answer(scene, waiter);
        }
        self.after(scene, at, effects)
    }

    fn after(&mut self, scene: &mut Scene, at: Moment, effects: Effects) -> Check {
        self.is_reclaiming |= effects.reclaim;
        for block in effects.completed {
            self.wake(scene, at, block)?;
        }
        Ok(())
    }

    fn wake(&mut self, scene: &mut Scene, at: Moment, block: BlockId) -> Check {
        for (call, update) in self.held.remove(&block).unwrap_or_default() {
            self.update(scene, at, call, update, false)?;
        }
        Ok(())
    }

    /// What comes round by itself.
    fn turn(&mut self, scene: &mut Scene, at: Moment) -> Check {
        self.turns += 1;
        let mut due = Due {
            heartbeats: self.turns.is_multiple_of(5),
            redundancy: self.turns.is_multiple_of(3),
            administration: self.turns.is_multiple_of(30),
        };
        let identity = self.identity.clone();
        loop {
            let mut request = Request::new(at.now, &identity, RpcIds::NONE);
            let more = self.machine.tick(&mut request, due, 5);
            self.after(scene, at, request.effects)?;
            if !more {
                break;
            }
            due = Due::default();
        }
        if self.turns.is_multiple_of(2) {
            self.take_leases_back(scene, at, &identity)?;
        }
        if self.is_reclaiming {
            self.is_reclaiming = !self.machine.reclaim(3);
        }
        if self.frozen.is_none() && scene.chance(10) {
            let first = self.commit.start_segment();
            self.machine.last_txid = first;
            let view = self.machine.namespace.clone();
            self.frozen = Some((TxId(first.0.saturating_sub(1)), view));
        }
        Ok(())
    }

    /// Takes the leases of silent writers back, and those of no others.
    fn take_leases_back(&mut self, scene: &mut Scene, at: Moment, identity: &Identity) -> Check {
        let namespace = &self.machine.namespace;
        let written = namespace.open_file_views();
        let before: Vec<_> = written
            .filter_map(|(file, path, writer)| {
                Some((file, path, client_number(&writer.client_name)?))
            })
            .collect();
        let mut request = Request::new(at.now, identity, RpcIds::NONE);
        let result = self.machine.check_leases(&mut request);
        result.map_err(|error| format!("leases cannot be taken back: {error}"))?;
        self.append(&mut request.effects)?;
        self.after(scene, at, request.effects)?;
        for (file, path, client) in before {
            let writer = self.machine.namespace.writer_of(file);
            if writer.and_then(|writer| client_number(&writer.client_name)) == Some(client) {
                continue;
            }
            let heard = self.heard.get(&client).copied().unwrap_or(self.started);
            scene.note(&format!("{path} is taken from client {client}, heard at {heard}"));
            if scene.now.saturating_sub(heard) < HARD_LIMIT {
                return Err(format!("{path} is taken from client {client}, heard at {heard}"));
            }
        }
        Ok(())
    }
}

/// The number in a client's name.
fn client_number(name: &str) -> Option<usize> {
    name.strip_prefix("client-")?.parse().ok()
}
