//! Where calls come in: looks up who calls and what answers, runs it under the lock, writes its
//! edits, and lets the answer go when they are on disk.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use loxodon_conf::Configuration;
use loxodon_namenode::audit::AuditSettings;
use loxodon_namenode::dispatch::{self, Run, Update};
use loxodon_namenode::proxy_users::ProxyUsers;
use loxodon_namenode::retry_cache::Answered;
use loxodon_namenode::top_users::TopUsers;
use loxodon_namenode::users::{GroupSource, Users};
use loxodon_namenode::{Effects, Identity, NameNode, NameNodeError, Request, TreeWalk};
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_rpc::server::{Call, Handler, Reconfiguration, Responder, ServiceAccess};
use loxodon_wire::ids::{BlockId, InodeId, TxId};
use loxodon_wire::rpc::protocol::{self, Protocol};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use super::clock::Clock;
use super::counters::Counters;
use super::progress::Progress;
use super::racks::Racks;
use super::reconfigure::NAMES;
use super::store::Store;
use super::tasks::encoded;
use crate::daemon::log::AUDIT;
use crate::disk::EditLog;

/// How long `complete` may wait for the last block to be reported. A client that is told "not
/// yet" sleeps for 400 ms and doubles that each time; a report takes a millisecond.
const HOLD: Duration = Duration::from_millis(500);

/// What the threads of a NameNode share.
pub(crate) struct Door {
    pub(crate) machine: RwLock<NameNode>,
    pub(crate) journal: EditLog,
    pub(crate) store: Store,
    pub(crate) racks: Racks,
    pub(crate) clock: Clock,
    pub(crate) users: RwLock<Users>,
    pub(crate) groups: Arc<dyn GroupSource>,
    /// Replaced whole: nobody holds the lock while groups are looked up.
    pub(crate) proxy_users: RwLock<Arc<ProxyUsers>>,
    /// Who may speak which protocol, if that is checked.
    pub(crate) services: Option<ServiceAccess>,
    pub(crate) conf: Configuration,
    pub(crate) audit: RwLock<AuditSettings>,
    pub(crate) reconfiguration: Arc<Reconfiguration>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) progress: Arc<Progress>,
    pub(crate) counters: Counters,
    /// Who asks most, if that is counted.
    pub(crate) top_users: Option<Mutex<TopUsers>>,
    held: Mutex<HashMap<BlockId, Vec<Held>>>,
    myself: Weak<Self>,
}

/// What a door is made of.
pub(crate) struct Parts {
    pub(crate) machine: NameNode,
    pub(crate) journal: EditLog,
    pub(crate) store: Store,
    pub(crate) racks: Racks,
    pub(crate) users: Users,
    pub(crate) groups: Arc<dyn GroupSource>,
    pub(crate) proxy_users: ProxyUsers,
    pub(crate) services: Option<ServiceAccess>,
    pub(crate) conf: Configuration,
    pub(crate) audit: AuditSettings,
    pub(crate) clock: Clock,
    pub(crate) progress: Arc<Progress>,
    pub(crate) top_users: Option<TopUsers>,
}

/// A call that waits for a block to be complete.
struct Held {
    call: Call,
    identity: Arc<Identity>,
    update: Update,
    reply: Responder,
}

/// An answer on its way.
type Outcome = Result<Bytes, RemoteError>;

impl Door {
    /// A door to what `parts` are.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            machine,
            journal,
            store,
            racks,
            users,
            groups,
            proxy_users,
            services,
            conf,
            audit,
            clock,
            progress,
            top_users,
        } = parts;
        Arc::new_cyclic(|myself| Self {
            machine: RwLock::new(machine),
            journal,
            store,
            racks,
            clock,
            users: RwLock::new(users),
            groups,
            proxy_users: RwLock::new(Arc::new(proxy_users)),
            services,
            reconfiguration: Reconfiguration::new(conf.clone(), NAMES.as_slice()),
            conf,
            audit: RwLock::new(audit),
            runtime: tokio::runtime::Handle::current(),
            progress,
            counters: Counters::default(),
            top_users: top_users.map(Mutex::new),
            held: Mutex::new(HashMap::new()),
            myself: Weak::clone(myself),
        })
    }

    /// The NameNode itself, as the caller of what comes round by itself.
    pub(crate) fn own_identity(&self) -> Identity {
        let machine = self.machine.read();
        let settings = machine.namespace.settings();
        let caller = Caller::new(settings.fs_owner.clone(), Vec::new(), settings);
        Identity { caller, real_user: None }
    }

    /// A user whose groups are at hand; `None` where they must be looked up.
    fn identity(&self, user: &UserIdentity) -> Option<Arc<Identity>> {
        let now = self.clock.now().monotonic;
        let known = self.users.read().known(&user.effective, now).cloned()?;
        Some(with_real_user(known, user))
    }

    /// Looks a user's groups up, which may take as long as the operating system's sources do.
    pub(crate) fn look_up(&self, user: &UserIdentity) -> Arc<Identity> {
        let mapped = self.users.read().mapped(&user.effective).map(<[String]>::to_vec);
        let began = Instant::now();
        let groups = mapped.unwrap_or_else(|| self.groups.groups_of(&user.effective));
        self.counters.group_lookups.record(began.elapsed());
        let now = self.clock.now().monotonic;
        let machine = self.machine.read();
        let settings = machine.namespace.settings();
        let known = self.users.write().remember(&user.effective, groups, settings, now);
        with_real_user(known, user)
    }

    fn run(self: &Arc<Self>, call: Call, identity: Arc<Identity>, reply: Responder) {
        let Some(method) = dispatch::find(call.protocol.name, call.method.name) else {
            reply.fail(&RemoteError::from(&dispatch::unsupported(call.method.name)));
            return;
        };
        match method.run {
            // Not on the connection's thread, where others wait behind.
            Run::Walk(walk) => {
                let door = Arc::clone(self);
                self.runtime.spawn_blocking(move || {
                    let mut request = door.request(&call, &identity);
                    let view = door.machine.read().namespace.clone();
                    let result = walk(&view, &mut request, &call.body);
                    door.settle(request, result, None, reply);
                });
            }
            Run::Query(query) => {
                let mut request = self.request(&call, &identity);
                let result = query(&self.machine.read(), &mut request, &call.body);
                self.settle(request, result, None, reply);
            }
            Run::Update(_) | Run::Once(_) if self.is_overloaded() => {
                let message = "the edit log's disk does not keep up; try again";
                reply.fail(&RemoteError::new(exception::RETRIABLE, message));
            }
            Run::Update(update) => self.update(&call, &identity, update, reply, true),
            Run::Once(update) => self.once(&call, &identity, update, reply),
            Run::Shell(task) => {
                let door = Arc::clone(self);
                self.runtime.spawn(async move {
                    door.perform(task, call, identity, reply).await;
                });
            }
        }
    }

    pub(crate) fn request<'a>(&self, call: &'a Call, identity: &'a Identity) -> Request<'a> {
        let rpc = RpcIds { client_id: call.client_id.map(|id| id.0), call_id: call.call_id.0 };
        let mut request = Request::new(self.clock.now(), identity, rpc);
        request.address = Some(call.peer.ip().to_canonical());
        request.port = Some(call.peer.port());
        request.context = call.caller_context.as_ref();
        request.audited = tracing::enabled!(target: AUDIT, tracing::Level::INFO);
        request
    }

    fn update(
        self: &Arc<Self>,
        call: &Call,
        identity: &Arc<Identity>,
        update: Update,
        reply: Responder,
        may_wait: bool,
    ) {
        let mut request = self.request(call, identity);
        request.may_wait = may_wait;
        let mut machine = self.machine.write();
        let result = update(&mut machine, &mut request, &call.body);
        let txid = self.append(&mut machine, &mut request.effects);
        if let (Some(block), Ok(_)) = (request.effects.hold_for, &result) {
            // Still under the lock: the block cannot become complete before the call is held.
            self.hold(
                block,
                Held { call: call.clone(), identity: Arc::clone(identity), update, reply },
            );
            drop(machine);
            self.after(request);
            return;
        }
        drop(machine);
        self.settle(request, result, txid, reply);
    }

    fn once(
        self: &Arc<Self>,
        call: &Call,
        identity: &Arc<Identity>,
        update: Update,
        reply: Responder,
    ) {
        let mut request = self.request(call, identity);
        let now = request.now.monotonic;
        let mut machine = self.machine.write();
        if let Some(answered) = machine.retries.answered(request.rpc, now) {
            let (response, txid) = (answered.response.clone(), answered.txid);
            self.counters.retries_known.fetch_add(1, Relaxed);
            drop(machine);
            self.settle(request, Ok(response), txid, reply);
            return;
        }
        let result = update(&mut machine, &mut request, &call.body);
        if let Some(walk) = request.effects.tree_walk.take() {
            drop(machine);
            let (door, call, identity) = (Arc::clone(self), call.clone(), Arc::clone(identity));
            self.runtime.spawn_blocking(move || door.walk_tree(&call, &identity, walk, reply));
            return;
        }
        self.conclude(machine, request, result, reply);
    }

    /// Writes a call's edits, keeps its answer for those that ask again, and lets it go.
    fn conclude(
        self: &Arc<Self>,
        mut machine: RwLockWriteGuard<'_, NameNode>,
        mut request: Request<'_>,
        result: Result<Bytes, NameNodeError>,
        reply: Responder,
    ) {
        let txid = self.append(&mut machine, &mut request.effects);
        if let Ok(response) = &result {
            let answered = Answered { response: response.clone(), txid };
            machine.retries.insert(request.rpc, answered, request.now.monotonic);
        }
        drop(machine);
        self.settle(request, result, txid, reply);
    }

    /// Looks at a large tree without the lock, and then deletes it.
    fn walk_tree(
        self: &Arc<Self>,
        call: &Call,
        identity: &Identity,
        mut walk: TreeWalk,
        reply: Responder,
    ) {
        loop {
            walk.look(&self.request(call, identity));
            if !self.machine.read().continue_tree_walk(&mut walk) {
                break;
            }
        }
        let mut request = self.request(call, identity);
        let now = request.now.monotonic;
        let mut machine = self.machine.write();
        if let Some(answered) = machine.retries.answered(request.rpc, now) {
            let (response, txid) = (answered.response.clone(), answered.txid);
            machine.abandon_tree_walk();
            drop(machine);
            return self.settle(request, Ok(response), txid, reply);
        }
        let result = machine.finish_tree_walk(&mut request, walk).map(|answer| encoded(&answer));
        self.conclude(machine, request, result, reply);
    }

    /// Numbers the edits of a call, while the machine is locked; the transaction that its answer
    /// waits for.
    pub(crate) fn append(&self, machine: &mut NameNode, effects: &mut Effects) -> Option<TxId> {
        let mut last = None;
        for edit in effects.edits.drain(..) {
            if matches!(edit, Edit::Add(_) | Edit::Mkdir(_)) {
                self.counters.created.fetch_add(1, Relaxed);
            }
            match self.journal.append(&edit) {
                Ok(txid) => last = Some(txid),
                // What is in memory now can never be on disk: going on would be lying.
                Err(error) => self.store.give_up(&format!("cannot encode an edit: {error}")),
            }
        }
        if let Some(last) = last {
            machine.last_txid = last;
        }
        last.or_else(|| effects.after_all.then_some(machine.last_txid))
    }

    /// After the lock is given back: lines to log, calls to wake, and the answer when its last
    /// edit is on disk.
    pub(crate) fn settle(
        self: &Arc<Self>,
        request: Request<'_>,
        result: Result<Bytes, NameNodeError>,
        txid: Option<TxId>,
        reply: Responder,
    ) {
        let mut request = request;
        if let Some((name, text)) = request.effects.report.take() {
            let door = Arc::clone(self);
            self.runtime.spawn_blocking(move || match door.store.write_report(&name, &text) {
                Ok(()) => answer(reply, &result.map_err(|error| RemoteError::from(&error))),
                Err(error) => reply.fail(&error),
            });
            self.after(request);
            return;
        }
        self.after(request);
        let outcome = result.map_err(|error| RemoteError::from(&error));
        match txid {
            None => answer(reply, &outcome),
            Some(txid) => self.journal.when_durable(
                txid,
                Box::new(move |durable| match durable {
                    Ok(()) => answer(reply, &outcome),
                    Err(failed) => {
                        reply.fail(&RemoteError::new(exception::IO, failed.to_string()));
                    }
                }),
            ),
        }
    }

    /// Everything but the answer.
    pub(crate) fn after(self: &Arc<Self>, mut request: Request<'_>) {
        let effects = std::mem::take(&mut request.effects);
        let audited = tracing::enabled!(target: AUDIT, tracing::Level::INFO);
        if audited
            && !effects.audit.is_empty()
            && let Some(top_users) = &self.top_users
        {
            let (now, user) = (request.now.monotonic, &request.identity.caller.user);
            let mut top_users = top_users.lock();
            for event in &effects.audit {
                top_users.record(now, &event.command, user);
            }
        }
        for event in effects.audit.iter().filter(|_| audited) {
            if let Some(line) = event.line(&request, &self.audit.read()) {
                tracing::info!(target: AUDIT, "{line}");
            }
        }
        if effects.listed > 0 {
            self.counters.listed.fetch_add(effects.listed as u64, Relaxed);
        }
        if effects.removed > 0 {
            self.counters.removed.fetch_add(effects.removed, Relaxed);
        }
        for block in effects.completed {
            self.wake(block);
        }
        if let Some(file) = effects.touched {
            self.touch(file);
        }
        if effects.reclaim {
            let door = Arc::clone(self);
            self.runtime.spawn(async move { door.reclaim().await });
        }
    }

    /// Notes that a file was read. Nobody waits for that to be on disk.
    fn touch(&self, file: InodeId) {
        let identity = self.own_identity();
        let mut request = Request::new(self.clock.now(), &identity, RpcIds::NONE);
        let mut machine = self.machine.write();
        let result = machine.touch(&mut request, file);
        self.append(&mut machine, &mut request.effects);
        drop(machine);
        if let Err(error) = result {
            tracing::error!(%error, "an access time cannot be noted");
        }
    }

    /// Whether a call that changes something must come back later: the disk does not keep up.
    fn is_overloaded(&self) -> bool {
        self.journal.is_full()
    }

    fn hold(self: &Arc<Self>, block: BlockId, held: Held) {
        self.held.lock().entry(block).or_default().push(held);
        let door = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(HOLD).await;
            door.wake(block);
        });
    }

    /// Runs the calls that were held for `block`, once more and for the last time.
    fn wake(self: &Arc<Self>, block: BlockId) {
        let Some(held) = self.held.lock().remove(&block) else { return };
        for Held { call, identity, update, reply } in held {
            self.update(&call, &identity, update, reply, false);
        }
    }

    /// One turn of the lock; true when nothing is left.
    fn reclaim_some(&self, inodes: usize) -> bool {
        let mut machine = self.machine.write();
        let before = machine.namespace.totals().inodes();
        let done = machine.reclaim(inodes);
        let removed = before.saturating_sub(machine.namespace.totals().inodes());
        self.counters.removed.fetch_add(removed, Relaxed);
        done
    }

    async fn reclaim(&self) {
        // Each may have many blocks, whose replicas are to be invalidated.
        const INODES: usize = 200;
        loop {
            if self.reclaim_some(INODES) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn answer(reply: Responder, outcome: &Outcome) {
    match outcome {
        Ok(bytes) => reply.reply_encoded(bytes),
        Err(error) => reply.fail(error),
    }
}

fn with_real_user(known: Arc<Identity>, user: &UserIdentity) -> Arc<Identity> {
    match &user.real {
        None => known,
        Some(real) => {
            Arc::new(Identity { caller: known.caller.clone(), real_user: Some(real.clone()) })
        }
    }
}

static PROTOCOLS: [&Protocol; 10] = [
    &protocol::CLIENT_NAMENODE,
    &protocol::DATANODE,
    &protocol::NAMENODE,
    &protocol::HA_SERVICE,
    &protocol::GET_USER_MAPPINGS,
    &protocol::REFRESH_USER_MAPPINGS,
    &protocol::REFRESH_AUTHORIZATION_POLICY,
    &protocol::REFRESH_CALL_QUEUE,
    &protocol::GENERIC_REFRESH,
    &protocol::RECONFIGURATION,
];

impl Handler for Door {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        // The server holds a handler for as long as it lives.
        let Some(door) = self.myself.upgrade() else { return };
        match door.identity(&call.user) {
            Some(identity) => door.run(call, identity, reply),
            None => {
                let runtime = door.runtime.clone();
                runtime.spawn_blocking(move || {
                    let identity = door.look_up(&call.user);
                    door.run(call, identity, reply);
                });
            }
        }
    }

    fn authorize(
        &self,
        user: &UserIdentity,
        _protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), RemoteError> {
        // Only a user who speaks for another is looked up, where his right hangs on groups.
        let groups = || self.groups_of(&user.effective);
        let proxy_users = Arc::clone(&self.proxy_users.read());
        proxy_users.authorize(user, groups, peer.ip().to_canonical())
    }

    fn services(&self) -> Option<&ServiceAccess> {
        self.services.as_ref()
    }

    fn groups_of(&self, user: &str) -> Vec<String> {
        let user = UserIdentity::new(user);
        let known = self.identity(&user).unwrap_or_else(|| self.look_up(&user));
        known.caller.groups.clone()
    }
}
