//! Saying that we live while heartbeats are held up: Hadoop's `LifelineSender`.

use std::sync::Arc;

use loxodon_rpc::client::{CallOptions, ServerAddress};
use loxodon_wire::proto::hdfs::datanodelifeline::LifelineResponseProto;
use loxodon_wire::rpc::protocol::DATANODE_LIFELINE;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::heartbeat;
use super::service::{Peer, Service};
use crate::error::{DataNodeError, Result};
use crate::node::Node;

/// Watches the heartbeats to `peer`, and sends a lifeline where one is late. Ends only when it is dropped.
pub(super) async fn watch(node: &Arc<Node>, service: &Service, peer: &Peer, pool: &str) {
    let Some(address) = &peer.lifelines else { return std::future::pending().await };
    let interval = node.settings.lifeline;
    let mut sent: Option<Instant> = None;
    loop {
        let now = Instant::now();
        // A heartbeat that left puts the lifeline off, and so does a lifeline.
        let from_heartbeat = *peer.heartbeat_due.lock() + interval;
        let due = sent.map_or(from_heartbeat, |sent| from_heartbeat.max(sent + interval));
        if due > now {
            tokio::time::sleep_until(due).await;
            continue;
        }
        if let Err(error) = send(node, service, peer, address, pool).await {
            warn!(namenode = %address, %error, "a lifeline was not taken");
        }
        sent = Some(Instant::now());
    }
}

async fn send(
    node: &Arc<Node>,
    service: &Service,
    peer: &Peer,
    address: &ServerAddress,
    pool: &str,
) -> Result<()> {
    let Some(registration) = peer.registration.read().clone() else { return Ok(()) };
    let (asked, pool) = (Arc::clone(node), pool.to_owned());
    let built = tokio::task::spawn_blocking(move || {
        heartbeat::heartbeat(&asked, &pool, registration, false, false)
    })
    .await;
    let message = built
        .map_err(|error| DataNodeError::Refused(format!("the lifeline ended early: {error}")))?;
    let began = Instant::now();
    let call = service.client.call::<_, LifelineResponseProto>(
        address,
        &DATANODE_LIFELINE,
        "sendLifeline",
        &message,
        CallOptions::default(),
    );
    call.await.map_err(|error| DataNodeError::NameNode(error.to_string()))?;
    node.metrics.lifelines.record(began.elapsed());
    debug!(namenode = %address, "sent a lifeline");
    Ok(())
}
