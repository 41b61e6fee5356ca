//! One block pool and its NameNodes: Hadoop's `BPOfferService`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loxodon_rpc::client::{CallOptions, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::datanode::DatanodeRegistrationProto;
use loxodon_wire::proto::hdfs::nnha_status_heartbeat_proto::State;
use loxodon_wire::rpc::protocol::DATANODE;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::time::Instant;

use super::bad::{BadReplica, BadReplicas};
use super::incremental::{Change, Changes};
use crate::block::Block;
use crate::dataset::Volume;
use crate::error::{DataNodeError, Result};
use crate::settings::{NameNodePlace, NameService};
use crate::storage::PoolIdentity;

/// A NameNode, as the service knows it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: ServerAddress,
    pub(super) lifelines: Option<ServerAddress>,
    /// When the next heartbeat leaves, or should have left.
    pub(super) heartbeat_due: Mutex<Instant>,
    pub(crate) changes: Changes,
    pub(super) bad: BadReplicas,
    /// Set when a full report is wanted at once.
    pub(crate) report_now: tokio::sync::Notify,
    pub(crate) registration: RwLock<Option<DatanodeRegistrationProto>>,
    pub(crate) told: Mutex<Told>,
}

/// When a NameNode was told what, and what it said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) heartbeat: Option<Instant>,
    pub(crate) answer: Option<Instant>,
    pub(crate) report: Option<Instant>,
    /// Bytes of the largest message of a full report.
    pub(crate) largest_report: usize,
    pub(crate) state: Option<State>,
}

/// A block pool.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) peers: Vec<Arc<Peer>>,
    pub(crate) client: RpcClient,
    identity: Mutex<Option<PoolIdentity>>,
    /// The active NameNode, and the transaction at which it said so.
    active: Mutex<Option<(usize, u64)>>,
    slow: AtomicBool,
    ended: watch::Sender<bool>,
}

impl Service {
    pub(crate) fn new(name: String, namenodes: &[NameNodePlace], client: RpcClient) -> Self {
        let peer = |place: &NameNodePlace| {
            Arc::new(Peer {
                address: place.calls.clone(),
                lifelines: place.lifelines.clone(),
                heartbeat_due: Mutex::new(Instant::now()),
                changes: Changes::default(),
                bad: BadReplicas::default(),
                report_now: tokio::sync::Notify::new(),
                registration: RwLock::default(),
                told: Mutex::default(),
            })
        };
        Self {
            name,
            peers: namenodes.iter().map(peer).collect(),
            client,
            identity: Mutex::default(),
            active: Mutex::default(),
            slow: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        }
    }

    /// Whether this is the service of these NameNodes.
    pub(crate) fn is_as(&self, wanted: &NameService) -> bool {
        let ours = self.peers.iter().map(|peer| (&peer.address, &peer.lifelines));
        let theirs = wanted.namenodes.iter().map(|place| (&place.calls, &place.lifelines));
        self.name == wanted.name && ours.eq(theirs)
    }

    /// Ends the conversations with its NameNodes.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Ends when the service does.
    pub(super) async fn ended(&self) {
        // The sender lives as long as this service.
        drop(self.ended.subscribe().wait_for(|ended| *ended).await);
    }

    /// Whether the NameNode finds this DataNode slow.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    pub(super) fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::Relaxed);
    }

    pub(crate) fn identity(&self) -> Option<PoolIdentity> {
        self.identity.lock().clone()
    }

    pub(crate) fn is_pool(&self, pool: &str) -> bool {
        self.identity.lock().as_ref().is_some_and(|identity| identity.pool == pool)
    }

    /// Takes the first NameNode's word, and refuses another one's that differs.
    pub(super) fn set_identity(&self, identity: &PoolIdentity) -> Result<()> {
        let mut known = self.identity.lock();
        match &*known {
            Some(known) if known != identity => Err(DataNodeError::Refused(format!(
                "NameNodes of one name service differ: blockpoolID {} and {}",
                known.pool, identity.pool
            ))),
            Some(_) => Ok(()),
            None => {
                *known = Some(identity.clone());
                Ok(())
            }
        }
    }

    /// Hears that NameNode `peer` claims to be active or not, as of `txid`.
    pub(super) fn claim(&self, peer: usize, is_active: bool, txid: u64) {
        let mut active = self.active.lock();
        match (*active, is_active) {
            (Some((known, _)), false) if known == peer => *active = None,
            (Some((known, at)), true) if known != peer && txid < at => {
                tracing::warn!(
                    known,
                    peer,
                    txid,
                    "a NameNode claims to be active with an older transaction"
                );
            }
            (_, true) => *active = Some((peer, txid)),
            (_, false) => {}
        }
    }

    pub(super) fn is_active(&self, peer: usize) -> bool {
        self.active.lock().is_some_and(|(known, _)| known == peer)
    }

    pub(super) fn active_peer(&self) -> Option<Arc<Peer>> {
        let at = self.active.lock().map_or(0, |(peer, _)| peer);
        self.peers.get(at).cloned()
    }

    pub(crate) fn registration(&self) -> Option<DatanodeRegistrationProto> {
        self.peers.iter().find_map(|peer| peer.registration.read().clone())
    }

    /// Tells every NameNode of a change, in time.
    pub(crate) fn changed(&self, block: &Block, volume: &Volume, change: &Change) {
        for peer in &self.peers {
            peer.changes.add(block, volume, change);
        }
    }

    /// Tells every NameNode of a damaged replica, in time.
    pub(crate) fn report_bad(&self, bad: &BadReplica) {
        for peer in &self.peers {
            peer.bad.add(bad);
            peer.changes.wake.notify_one();
        }
    }

    /// Asks the active NameNode.
    pub(crate) async fn call<Req, Resp>(&self, method: &str, request: &Req) -> Result<Resp>
    where
        Req: prost::Message,
        Resp: prost::Message + Default,
    {
        let peer = self
            .active_peer()
            .ok_or_else(|| DataNodeError::NameNode(format!("no NameNode of {}", self.name)))?;
        let answer = self
            .client
            .call(&peer.address, &DATANODE, method, request, CallOptions::default())
            .await;
        answer.map_err(|error| {
            DataNodeError::NameNode(format!("{method} at {}: {error}", peer.address))
        })
    }
}
