//! The conversation with one NameNode: Hadoop's `BPServiceActor`.

use std::sync::Arc;
use std::time::Duration;

use loxodon_rpc::client::{CallOptions, RpcError};
use loxodon_wire::proto::hdfs::datanode as proto;
use loxodon_wire::proto::hdfs::nnha_status_heartbeat_proto::State;
use loxodon_wire::proto::hdfs::{VersionRequestProto, VersionResponseProto};
use loxodon_wire::rpc::protocol::{DATANODE, NAMENODE};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::bad::BadReplica;
use super::service::{Peer, Service};
use super::{commands, heartbeat, lifeline, registration, report};
use crate::error::{DataNodeError, Result};
use crate::node::Node;

/// Between attempts to reach a NameNode.
const RETRY: Duration = Duration::from_secs(1);
/// Damaged replicas in one message.
const BAD_AT_ONCE: usize = 1000;

/// Exceptions after which a NameNode does not want us: `shouldServiceRun = false`.
const FINAL: [&str; 3] =
    ["UnregisteredNodeException", "DisallowedDatanodeException", "IncorrectVersionException"];

struct Actor {
    node: Arc<Node>,
    service: Arc<Service>,
    at: usize,
    peer: Arc<Peer>,
    pool: String,
    registration: proto::DatanodeRegistrationProto,
    next_report: Instant,
    /// When slow DataNodes are named next.
    next_outliers: Instant,
}

/// Serves NameNode `at` of `service` until the DataNode stops or the NameNode refuses it.
pub(crate) async fn run(node: Arc<Node>, service: Arc<Service>, at: usize) {
    let Some(peer) = service.peers.get(at).cloned() else { return };
    let result = serve(&node, service, at, &peer).await;
    if let Err(reason) = result
        && !node.is_stopping()
    {
        error!(namenode = %peer.address, %reason, "this NameNode is not served any more");
        node.service_ended(&reason);
    }
}

async fn serve(node: &Arc<Node>, service: Arc<Service>, at: usize, peer: &Arc<Peer>) -> Result<()> {
    let (ending, stopping) = (Arc::clone(&service), Arc::clone(node));
    let stopped = async move {
        tokio::select! {
            () = stopping.stopped() => {}
            () = ending.ended() => {}
        }
    };
    tokio::pin!(stopped);
    let setup = handshake(node, service, at, Arc::clone(peer));
    let mut actor = tokio::select! {
        actor = setup => actor?,
        () = &mut stopped => return Ok(()),
    };
    let pool = actor.pool.clone();
    let service = Arc::clone(&actor.service);
    tokio::select! {
        result = actor.offer() => result,
        () = lifeline::watch(node, &service, peer, &pool) => Ok(()),
        () = &mut stopped => Ok(()),
    }
}

/// Asks for the cluster's identity until there is an answer, opens the volumes for it, and registers.
async fn handshake(
    node: &Arc<Node>,
    service: Arc<Service>,
    at: usize,
    peer: Arc<Peer>,
) -> Result<Actor> {
    let identity = loop {
        let call = service.client.call::<_, VersionResponseProto>(
            &peer.address,
            &NAMENODE,
            "versionRequest",
            &VersionRequestProto {},
            CallOptions::default(),
        );
        match call.await {
            Ok(answer) => {
                break registration::identity(&answer.info, &node.settings.least_namenode_version)?;
            }
            Err(error) => {
                warn!(namenode = %peer.address, %error, "problem connecting to the NameNode");
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    service.set_identity(&identity)?;
    let (opening, pool) = (Arc::clone(node), identity.clone());
    let opened = tokio::task::spawn_blocking(move || opening.open_pool(&pool)).await;
    opened.map_err(|error| {
        DataNodeError::Refused(format!("opening the volumes ended early: {error}"))
    })??;
    let registration = registration::registration(node, &identity);
    let now = Instant::now();
    let delay = node.live.get().report_delay.mul_f64(node.random_fraction());
    let mut actor = Actor {
        node: Arc::clone(node),
        service,
        at,
        peer,
        pool: identity.pool,
        registration,
        next_report: now + delay,
        next_outliers: now,
    };
    actor.register().await?;
    Ok(actor)
}

impl Actor {
    async fn call<Req: prost::Message, Resp: prost::Message + Default>(
        &self,
        method: &str,
        request: &Req,
    ) -> Result<Resp, RpcError> {
        self.service
            .client
            .call(&self.peer.address, &DATANODE, method, request, CallOptions::default())
            .await
    }

    async fn register(&mut self) -> Result<()> {
        loop {
            let request =
                proto::RegisterDatanodeRequestProto { registration: self.registration.clone() };
            match self
                .call::<_, proto::RegisterDatanodeResponseProto>("registerDatanode", &request)
                .await
            {
                Ok(answer) => {
                    self.registration = answer.registration;
                    break;
                }
                Err(error) if is_final(&error) => {
                    return Err(DataNodeError::NameNode(error.to_string()));
                }
                Err(error) => {
                    warn!(namenode = %self.peer.address, %error, "problem registering");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        info!(namenode = %self.peer.address, pool = self.pool, "registered");
        *self.peer.registration.write() = Some(self.registration.clone());
        // The full report that follows says all but what is damaged, which must be known before it.
        self.peer.changes.clear();
        self.name_known_bad().await?;
        self.heartbeat_at(Instant::now());
        self.next_report = self.next_report.min(Instant::now());
        self.node.registered();
        Ok(())
    }

    fn heartbeat_at(&self, due: Instant) {
        *self.peer.heartbeat_due.lock() = due;
    }

    /// Heartbeats and reports, as they are due.
    async fn offer(&mut self) -> Result<()> {
        let peer = Arc::clone(&self.peer);
        loop {
            let due = *peer.heartbeat_due.lock();
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = peer.changes.wake.notified() => {
                    tokio::time::sleep(self.node.settings.incremental_interval).await;
                    // In this order: that a damaged replica was deleted comes after that it was damaged.
                    self.send_bad().await?;
                    self.send_changes().await?;
                }
                () = peer.report_now.notified() => {
                    self.next_report = Instant::now();
                    self.heartbeat_at(self.next_report);
                }
            }
            if Instant::now() >= *peer.heartbeat_due.lock() {
                self.heartbeat().await?;
            }
        }
    }

    async fn heartbeat(&mut self) -> Result<()> {
        self.heartbeat_at(Instant::now() + self.node.settings.heartbeat);
        let wants_lease = Instant::now() >= self.next_report;
        let with_outliers = Instant::now() >= self.next_outliers;
        if with_outliers {
            self.next_outliers = Instant::now() + self.node.live.get().outliers.interval;
        }
        let (node, pool, registration) =
            (Arc::clone(&self.node), self.pool.clone(), self.registration.clone());
        let built = tokio::task::spawn_blocking(move || {
            heartbeat::heartbeat(&node, &pool, registration, wants_lease, with_outliers)
        })
        .await;
        let request = built.map_err(|error| {
            DataNodeError::Refused(format!("the heartbeat ended early: {error}"))
        })?;
        let began = Instant::now();
        self.peer.told.lock().heartbeat = Some(began);
        let answer: proto::HeartbeatResponseProto = match self.call("sendHeartbeat", &request).await
        {
            Ok(answer) => answer,
            Err(error) => return self.failed("sendHeartbeat", &error),
        };
        self.node.metrics.heartbeats.record(began.elapsed());
        {
            let mut told = self.peer.told.lock();
            told.answer = Some(Instant::now());
            told.state = State::try_from(answer.ha_status.state).ok();
        }
        self.send_bad().await?;
        self.service.claim(
            self.at,
            answer.ha_status.state == State::Active as i32,
            answer.ha_status.txid,
        );
        self.service.set_slow(answer.is_slownode.unwrap_or(false));
        let lease = answer.full_block_report_lease_id.unwrap_or(0);
        self.obey(answer.cmds).await?;
        if wants_lease && lease != 0 {
            self.send_changes().await?;
            self.full_report(lease).await?;
        }
        Ok(())
    }

    /// Commands count from the active NameNode alone; but whoever does not know us may say so.
    async fn obey(&mut self, commands: Vec<proto::DatanodeCommandProto>) -> Result<()> {
        for command in commands {
            if command.cmd_type == proto::datanode_command_proto::Type::RegisterCommand as i32 {
                info!(namenode = %self.peer.address, "asked to register again");
                self.register().await?;
            } else if self.service.is_active(self.at) {
                commands::obey(&self.node, &self.pool, command);
            } else {
                info!(namenode = %self.peer.address, kind = command.cmd_type, "a command of a standby is ignored");
            }
        }
        Ok(())
    }

    /// An error that ends the service, or one that passes.
    fn failed(&self, method: &str, error: &RpcError) -> Result<()> {
        if is_final(error) {
            return Err(DataNodeError::NameNode(error.to_string()));
        }
        warn!(namenode = %self.peer.address, %error, method, "the NameNode did not take a message");
        Ok(())
    }

    async fn send_changes(&mut self) -> Result<()> {
        let began = Instant::now();
        let blocks = self.peer.changes.take();
        if blocks.is_empty() {
            return Ok(());
        }
        let mut request = proto::BlockReceivedAndDeletedRequestProto {
            registration: self.registration.clone(),
            block_pool_id: self.pool.clone(),
            blocks,
        };
        match self
            .call::<_, proto::BlockReceivedAndDeletedResponseProto>(
                "blockReceivedAndDeleted",
                &request,
            )
            .await
        {
            Ok(_) => {
                self.node.metrics.incremental_reports.record(began.elapsed());
                Ok(())
            }
            Err(error) => {
                self.peer.changes.restore(std::mem::take(&mut request.blocks));
                // Tried again with the next heartbeat, not at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.peer.changes.wake.notify_one();
                self.failed("blockReceivedAndDeleted", &error)
            }
        }
    }

    /// Names damaged replicas; those that were not heard of are named again with the next heartbeat.
    async fn send_bad(&mut self) -> Result<()> {
        let bad = self.peer.bad.take();
        if bad.is_empty() {
            return Ok(());
        }
        match self.name_bad(&bad).await {
            Ok(()) => Ok(()),
            Err(error) => {
                // A standby refuses it, and the active NameNode hears of it by itself.
                if error.remote().is_none() {
                    self.peer.bad.restore(&bad);
                }
                self.failed("reportBadBlocks", &error)
            }
        }
    }

    /// Names every replica that is known to be damaged, until the NameNode has heard or refused it.
    async fn name_known_bad(&self) -> Result<()> {
        let (node, pool) = (Arc::clone(&self.node), self.pool.clone());
        let found = tokio::task::spawn_blocking(move || node.known_damaged(&pool)).await;
        let bad = found.map_err(|error| {
            DataNodeError::Refused(format!("the look at damaged replicas ended early: {error}"))
        })?;
        for some in bad.chunks(BAD_AT_ONCE) {
            while let Err(error) = self.name_bad(some).await {
                self.failed("reportBadBlocks", &error)?;
                if error.remote().is_some() {
                    break;
                }
                tokio::time::sleep(RETRY).await;
            }
        }
        Ok(())
    }

    async fn name_bad(&self, bad: &[BadReplica]) -> Result<(), RpcError> {
        let own = &self.registration.datanode_id;
        let blocks = bad.iter().map(|bad| bad.to_proto(own)).collect();
        let request = proto::ReportBadBlocksRequestProto { blocks };
        self.call::<_, proto::ReportBadBlocksResponseProto>("reportBadBlocks", &request)
            .await
            .map(|_| ())
    }

    async fn full_report(&mut self, lease: u64) -> Result<()> {
        let (node, pool, registration) =
            (Arc::clone(&self.node), self.pool.clone(), self.registration.clone());
        let (id, began) = (self.node.random_id(), Instant::now());
        let built = tokio::task::spawn_blocking(move || {
            report::full_report(&node, &pool, &registration, id, lease)
        })
        .await;
        let messages = built.map_err(|error| {
            DataNodeError::Refused(format!("the report ended early: {error}"))
        })??;
        // An order to register again asks for another one at once.
        let due = self.next_report;
        self.next_report = Instant::now() + self.node.live.get().report_interval;
        for message in &messages {
            match self.call::<_, proto::BlockReportResponseProto>("blockReport", message).await {
                Ok(answer) => self.obey(answer.cmd.into_iter().collect()).await?,
                // Due again with the next heartbeat.
                Err(error) => {
                    self.next_report = due;
                    return self.failed("blockReport", &error);
                }
            }
        }
        // Hadoop's NameNode passes over what it hears before it knows the storages.
        self.name_known_bad().await?;
        self.node.metrics.block_reports.record(began.elapsed());
        let largest = messages.iter().map(prost::Message::encoded_len).max().unwrap_or(0);
        {
            let mut told = self.peer.told.lock();
            told.report = Some(Instant::now());
            told.largest_report = told.largest_report.max(largest);
        }
        info!(namenode = %self.peer.address, messages = messages.len(), "sent a full block report");
        Ok(())
    }
}

fn is_final(error: &RpcError) -> bool {
    error.remote().is_some_and(|remote| FINAL.iter().any(|class| remote.class.ends_with(class)))
}
