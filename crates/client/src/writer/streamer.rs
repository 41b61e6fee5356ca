//! The task that sends a file's packets (`DataStreamer`).

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::{
    HEARTBEAT_SEQNO, MAX_HEADER, PacketHeader, PipelineAck, Slow, Status, WriteStage,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use super::file::WriterOptions;
use super::packet::Packet;
use super::pipeline::{Fault, GiveUp, Next, Pipeline};
use super::setup::{SetupFailure, SetupRequest, answer_timeout, copy_replica, open_pipeline};
use super::window::Window;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::transfer::Incoming;
use crate::types::{BlockToken, ExtendedBlock, LocatedBlock, Location};

/// Packets that one `writev` carries at most.
const PACKETS_PER_WRITE: usize = 8;
/// Attempts to add a node to a pipeline (`addDatanode2ExistingPipeline`).
const ADDITION_ATTEMPTS: u32 = 3;

/// How far the file has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Last packet that every DataNode has, -1 at first.
    pub(crate) acknowledged: i64,
    /// The current or last block, with its acknowledged length.
    pub(crate) block: Option<ExtendedBlock>,
    /// What ended the stream.
    pub(crate) failure: Option<Error>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { acknowledged: -1, block: None, failure: None }
    }
}

/// The file that is written.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) path: Arc<str>,
    pub(crate) file_id: u64,
    pub(crate) block_size: u64,
    pub(crate) replication: usize,
    pub(crate) checksum: DataChecksum,
    pub(crate) options: WriterOptions,
    /// Readers may have seen data, so that it must not get fewer replicas than wanted.
    pub(crate) flushed: Arc<AtomicBool>,
}

/// An open pipeline.
#[derive(Debug)]
struct Connection {
    acks: Incoming<OwnedReadHalf>,
    out: OwnedWriteHalf,
    /// Header with checksums, and data, of what is being sent.
    outgoing: std::collections::VecDeque<(Bytes, Bytes)>,
    last_heard: Instant,
    last_sent: Instant,
    heartbeats_out: usize,
    /// How often in a row each node was called slow.
    slow: Vec<u32>,
}

/// How a turn of sending ended.
enum Turn {
    /// The block's last packet is acknowledged.
    BlockDone,
    /// Nobody writes any more.
    Abandoned,
}

/// Sends one file.
pub(crate) struct Streamer {
    client: Client,
    target: Target,
    queue: mpsc::Receiver<Packet>,
    report: watch::Sender<Progress>,
    window: Window,
    block: Option<ExtendedBlock>,
    token: BlockToken,
    pipeline: Pipeline,
    connection: Option<Connection>,
    stage: WriteStage,
    /// The file was there before this writer.
    appending: bool,
    acknowledged: i64,
    queue_closed: bool,
}

impl Streamer {
    pub(crate) fn new(
        client: Client,
        target: Target,
        last: Option<LocatedBlock>,
        new_block: bool,
        queue: mpsc::Receiver<Packet>,
        report: watch::Sender<Progress>,
    ) -> Self {
        let appending = last.is_some();
        let stage =
            if appending && !new_block { WriteStage::SetupAppend } else { WriteStage::SetupCreate };
        let (block, token, nodes) = match last {
            Some(last) => (Some(last.block), last.token, last.locations),
            None => (None, BlockToken::default(), Vec::new()),
        };
        if appending {
            let block = block.clone();
            report.send_modify(|progress| progress.block = block);
        }
        Self {
            client,
            target,
            queue,
            report,
            window: Window::default(),
            block,
            token,
            pipeline: Pipeline::new(nodes),
            connection: None,
            stage,
            appending,
            acknowledged: -1,
            queue_closed: false,
        }
    }

    /// Runs until the writer is gone or cannot go on.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.stream().await {
            tracing::warn!(path = %self.target.path, %error, "writing stops");
            self.report.send_modify(|progress| progress.failure = Some(error));
        }
    }

    async fn stream(&mut self) -> Result<()> {
        loop {
            if self.connection.is_none() {
                if self.window.is_empty() && !self.receive().await {
                    return Ok(());
                }
                match self.stage {
                    WriteStage::SetupCreate => self.create_block().await?,
                    _ => self.recover(false).await?,
                }
            }
            match self.pump().await {
                Ok(Turn::BlockDone) => self.end_block(),
                Ok(Turn::Abandoned) => return Ok(()),
                Err((fault, error)) => {
                    tracing::warn!(path = %self.target.path, ?fault, %error, "a pipeline broke");
                    self.connection = None;
                    self.window.rewind();
                    self.blame(fault);
                    if self.only_end_is_missing() {
                        self.stage = WriteStage::Close;
                    }
                    self.recover(true).await.map_err(|recovery| prefer(recovery, &error))?;
                    if self.stage == WriteStage::Close {
                        // The nodes that finished the block again have all of it.
                        if let Some(end) = self.window.pop_front() {
                            self.acknowledge(&end);
                        }
                        self.end_block();
                    }
                }
            }
        }
    }

    /// Takes the next packet from the writer; `false` if there will be none.
    async fn receive(&mut self) -> bool {
        match self.queue.recv().await {
            Some(packet) => {
                self.window.push(packet);
                true
            }
            None => false,
        }
    }

    /// Whether the block's end was sent and all data before it is acknowledged.
    fn only_end_is_missing(&self) -> bool {
        self.stage == WriteStage::Close && self.window.front().is_some_and(|front| front.last)
    }

    /// Sends and hears until the block is done or something fails.
    async fn pump(&mut self) -> std::result::Result<Turn, (Fault, Error)> {
        let settings = self.client.settings();
        let timeout = answer_timeout(settings.socket_timeout, self.pipeline.nodes.len());
        let heartbeat_after = settings.socket_timeout / 2;
        let slow_threshold = settings.slow_node_threshold;
        let max_packets = settings.max_packets;
        // A failure with one node ends the block anyway, so its end need not wait for the data.
        let eager_end = self.pipeline.nodes.len() == 1;
        let mut tick = tokio::time::interval(tick_period(heartbeat_after));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let Self { connection, window, queue, stage, queue_closed, .. } = self;
        let Some(connection) = connection.as_mut() else {
            return Err((Fault::Unknown, Error::Pipeline("no pipeline is open".into())));
        };
        loop {
            while connection.outgoing.len() < PACKETS_PER_WRITE
                && let Some(packet) = window.next_to_send(eager_end)
            {
                if packet.last {
                    *stage = WriteStage::Close;
                }
                connection.outgoing.push_back((head(packet), packet.data.clone()));
                window.mark_sent();
            }
            tokio::select! {
                biased;
                ack = connection.acks.next_bytes() => {
                    let ack = ack.map_err(|error| lost("reading an acknowledgement", error))?;
                    let ack = PipelineAck::decode(&ack)
                        .map_err(|error| (Fault::Unknown, Error::Pipeline(error.to_string())))?;
                    connection.last_heard = Instant::now();
                    check_ack(&ack, connection, slow_threshold)?;
                    if ack.seqno == HEARTBEAT_SEQNO {
                        connection.heartbeats_out = connection.heartbeats_out.saturating_sub(1);
                        continue;
                    }
                    let packet = window.acknowledge(ack.seqno).map_err(|error| {
                        (Fault::Unknown, Error::Pipeline(format!("{error:?} in an acknowledgement")))
                    })?;
                    acknowledge(&packet, &mut self.block, &mut self.acknowledged, &self.report);
                    if packet.last {
                        return Ok(Turn::BlockDone);
                    }
                }
                sent = write_some(&mut connection.out, &mut connection.outgoing),
                    if !connection.outgoing.is_empty() =>
                {
                    sent.map_err(|error| lost("sending a packet", error))?;
                    connection.last_sent = Instant::now();
                }
                packet = queue.recv(), if window.len() < max_packets && !*queue_closed => {
                    match packet {
                        Some(packet) => window.push(packet),
                        None => *queue_closed = true,
                    }
                    if *queue_closed && window.is_empty() {
                        return Ok(Turn::Abandoned);
                    }
                }
                _ = tick.tick() => {
                    let waiting = window.unacknowledged() > 0 || connection.heartbeats_out > 0;
                    if waiting && !timeout.is_zero() && connection.last_heard.elapsed() > timeout
                        && connection.last_sent.elapsed() > timeout
                    {
                        return Err((Fault::Unknown, Error::timed_out("waiting for an acknowledgement")));
                    }
                    if !heartbeat_after.is_zero()
                        && connection.last_sent.elapsed() > heartbeat_after
                        && connection.outgoing.is_empty()
                    {
                        connection.outgoing.push_back((heartbeat(), Bytes::new()));
                        connection.heartbeats_out = connection.heartbeats_out.saturating_add(1);
                    }
                }
            }
            if *queue_closed && window.is_empty() {
                return Ok(Turn::Abandoned);
            }
        }
    }

    fn acknowledge(&mut self, packet: &Packet) {
        acknowledge(packet, &mut self.block, &mut self.acknowledged, &self.report);
    }

    fn end_block(&mut self) {
        self.connection = None;
        self.stage = WriteStage::SetupCreate;
        self.pipeline = Pipeline::default();
    }

    /// Asks for a new block and opens its pipeline (`setupPipelineForCreate`).
    async fn create_block(&mut self) -> Result<()> {
        let mut left = self.client.settings().block_write_retries;
        loop {
            let located = self.locate_next_block().await?;
            self.token = located.token.clone();
            self.pipeline = Pipeline::new(located.locations);
            let mut block = located.block;
            block.length = 0;
            match self.open(&block, WriteStage::SetupCreate, block.generation_stamp.0).await {
                Ok(()) => {
                    self.publish(block);
                    return Ok(());
                }
                Err(SetupFailure { fault, error }) => {
                    tracing::warn!(%block, ?fault, %error, "a block's pipeline could not be set up");
                    self.client
                        .abandon_block(&block, &self.target.path, self.target.file_id)
                        .await?;
                    let (Fault::Node(place) | Fault::Restarting(place)) = fault else {
                        return Err(error);
                    };
                    if let Some(node) = self.pipeline.nodes.get(place) {
                        self.client.excluded_nodes().add(node.clone());
                    }
                    if left == 0 {
                        return Err(Error::Pipeline(format!(
                            "Unable to create new block. {error}"
                        )));
                    }
                    left = left.saturating_sub(1);
                }
            }
        }
    }

    /// `DFSOutputStream.addBlock`: waits while the previous block is not reported enough.
    async fn locate_next_block(&self) -> Result<LocatedBlock> {
        let settings = self.client.settings();
        let excluded = self.client.excluded_nodes().current();
        let options = &self.target.options;
        let mut flags = Vec::new();
        if options.no_local_write {
            flags.push(hdfs::AddBlockFlagProto::NoLocalWrite as i32);
        }
        if options.ignore_client_locality {
            flags.push(hdfs::AddBlockFlagProto::IgnoreClientLocality as i32);
        }
        let request = hdfs::AddBlockRequestProto {
            src: self.target.path.as_ref().to_owned(),
            client_name: self.client.client_name().to_owned(),
            previous: self.block.as_ref().map(ExtendedBlock::to_proto),
            exclude_nodes: excluded.iter().map(|node| node.datanode.to_proto()).collect(),
            file_id: Some(self.target.file_id),
            favored_nodes: options.favored_nodes.clone(),
            flags,
        };
        let mut pause = settings.locate_delay;
        let mut left = settings.locate_retries;
        loop {
            match self.client.add_block(&request).await {
                Err(error) if left > 0 && error.is("NotReplicatedYetException") => {
                    left = left.saturating_sub(1);
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(settings.locate_delay_max);
                }
                outcome => return outcome,
            }
        }
    }

    async fn open(
        &mut self,
        block: &ExtendedBlock,
        stage: WriteStage,
        generation_stamp: u64,
    ) -> std::result::Result<(), SetupFailure> {
        let request = SetupRequest {
            block,
            block_size: self.target.block_size,
            token: &self.token,
            stage,
            generation_stamp,
            bytes_acknowledged: block.length,
            bytes_sent: self.window.sent_end().max(block.length),
            checksum: self.target.checksum,
            lazy_persist: self.target.options.lazy_persist,
            favored: &self.target.options.favored_nodes,
        };
        let incoming = open_pipeline(&self.client, &self.pipeline, &request).await?;
        self.connection = Some(Connection::new(incoming, self.pipeline.nodes.len()));
        Ok(())
    }

    fn publish(&mut self, block: ExtendedBlock) {
        self.report.send_modify(|progress| progress.block = Some(block.clone()));
        self.block = Some(block);
        if self.stage != WriteStage::Close {
            self.stage = WriteStage::DataStreaming;
        }
    }

    fn blame(&mut self, fault: Fault) {
        let local = match fault {
            Fault::Restarting(place) => {
                self.pipeline.nodes.get(place).is_some_and(|at| is_local(&at.datanode.ip))
            }
            Fault::Node(_) | Fault::Unknown => false,
        };
        let timeout = self.client.settings().restart_timeout;
        self.pipeline.blame(fault, local, timeout, Instant::now());
    }

    /// Sets the pipeline up again with the nodes that are left (`setupPipelineForAppendOrRecovery`);
    /// not `broken` when it is set up for the first time, to append.
    async fn recover(&mut self, mut broken: bool) -> Result<()> {
        let settings = self.client.settings().clone();
        let Some(old) = self.block.clone() else {
            return Err(Error::Pipeline(format!(
                "Could not get block locations. Source file \"{}\" - Aborting...",
                self.target.path
            )));
        };
        loop {
            if broken {
                self.pipeline
                    .begin_recovery(self.acknowledged, settings.recovery_retries)
                    .and_then(|()| self.pipeline.prepare(settings.restart_timeout, Instant::now()))
                    .map(|next| match next {
                        Next::Connect => Duration::ZERO,
                        Next::Wait(pause) => pause,
                    })
                    .map_err(|why| self.give_up(why))
                    .map(tokio::time::sleep)?
                    .await;
            }
            self.replace_lost(&old, &settings).await?;
            let (updated, token) = self.client.update_block_for_pipeline(&old).await?;
            self.token = token;
            let stage = if broken { self.stage.recovery() } else { self.stage };
            match self.open(&old, stage, updated.generation_stamp.0).await {
                Ok(()) => {
                    self.pipeline.recovered();
                    let new =
                        ExtendedBlock { generation_stamp: updated.generation_stamp, ..old.clone() };
                    self.client.update_pipeline(&old, &new, &self.pipeline.nodes).await?;
                    self.publish(new);
                    return Ok(());
                }
                Err(SetupFailure { fault, error }) => {
                    tracing::warn!(block = %old, ?fault, %error, "a pipeline could not be set up again");
                    self.blame(fault);
                    broken = true;
                }
            }
        }
    }

    fn give_up(&self, why: GiveUp) -> Error {
        Error::Pipeline(match why {
            GiveUp::AllBad => {
                let nodes: Vec<_> = self.pipeline.nodes.iter().map(describe).collect();
                format!("All datanodes [{}] are bad. Aborting...", nodes.join(", "))
            }
            GiveUp::TooOften => format!(
                "Error recovering pipeline for writing {}. Already retried {} times for the same packet.",
                self.block.as_ref().map(ToString::to_string).unwrap_or_default(),
                self.client.settings().recovery_retries
            ),
        })
    }

    /// Adds a node where the policy wants one (`handleDatanodeReplacement`).
    async fn replace_lost(
        &mut self,
        block: &ExtendedBlock,
        settings: &crate::settings::Settings,
    ) -> Result<()> {
        let wanted = self.pipeline.wants_replacement(
            settings.replace_policy,
            self.target.replication,
            self.appending,
            self.target.flushed.load(Ordering::Relaxed),
        );
        // Whoever closes has all data on the nodes that are left.
        if !wanted || self.stage == WriteStage::Close {
            return Ok(());
        }
        match self.add_node(block).await {
            Ok(()) => Ok(()),
            Err(error)
                if settings.replace_best_effort
                    || self.pipeline.nodes.len() >= settings.replace_min_replication.max(1)
                        && settings.replace_min_replication > 0 =>
            {
                tracing::warn!(%block, %error, "writing on with fewer DataNodes");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn add_node(&mut self, block: &ExtendedBlock) -> Result<()> {
        let mut excluded = self.pipeline.failed.clone();
        let mut last_error = None;
        for _ in 0..ADDITION_ATTEMPTS {
            let located = self
                .client
                .additional_datanode(
                    &self.target.path,
                    self.target.file_id,
                    block,
                    &self.pipeline.nodes,
                    &excluded,
                )
                .await?;
            let old = std::mem::take(&mut self.pipeline.nodes);
            let added = located
                .locations
                .iter()
                .position(|new| !old.iter().any(|at| at.datanode.uuid == new.datanode.uuid));
            let Some(added) = added else {
                let names: Vec<_> = old.iter().map(describe).collect();
                self.pipeline.nodes = old;
                return Err(Error::Pipeline(format!(
                    "Failed to replace a bad datanode on the existing pipeline due to no more good datanodes being available to try. (Nodes: current=[{}])",
                    names.join(", ")
                )));
            };
            self.pipeline.nodes = located.locations;
            let copied =
                match (self.pipeline.transfer_source(added), self.pipeline.nodes.get(added)) {
                    (Some(source), Some(target)) => {
                        copy_replica(&self.client, block, &located.token, source, target).await
                    }
                    _ => Ok(()),
                };
            match copied {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%block, %error, "a replica could not be copied to a new DataNode");
                    excluded.push(self.pipeline.nodes.remove(added));
                    last_error = Some(error);
                }
            }
        }
        Err(last_error.unwrap_or_else(|| Error::Pipeline("no DataNode was added".into())))
    }
}

impl Connection {
    fn new(incoming: Incoming<TcpStream>, nodes: usize) -> Self {
        let (stream, buffer) = incoming.into_parts();
        let (read, out) = stream.into_split();
        let now = Instant::now();
        Self {
            acks: Incoming::with_buffer(read, buffer),
            out,
            outgoing: std::collections::VecDeque::with_capacity(PACKETS_PER_WRITE),
            last_heard: now,
            last_sent: now,
            heartbeats_out: 0,
            slow: vec![0; nodes],
        }
    }
}

/// Notes that every node has a packet.
fn acknowledge(
    packet: &Packet,
    block: &mut Option<ExtendedBlock>,
    acknowledged: &mut i64,
    report: &watch::Sender<Progress>,
) {
    *acknowledged = packet.seqno;
    if let Some(block) = block {
        block.length = block.length.max(packet.end());
    }
    report.send_modify(|progress| {
        progress.acknowledged = packet.seqno;
        if let Some(block) = &mut progress.block {
            block.length = block.length.max(packet.end());
        }
    });
}

/// Looks for the node that failed, restarts or is slow.
fn check_ack(
    ack: &PipelineAck,
    connection: &mut Connection,
    slow_threshold: u32,
) -> std::result::Result<(), (Fault, Error)> {
    if ack.flags.len() > connection.slow.len() {
        return Err((
            Fault::Unknown,
            Error::Pipeline(format!(
                "{} replies from {} DataNodes",
                ack.flags.len(),
                connection.slow.len()
            )),
        ));
    }
    // The farthest node that complains is the one that failed; those before it only pass it on.
    for (place, flag) in ack.flags.iter().enumerate().rev() {
        let fault = match flag.status() {
            Status::Success => continue,
            Status::OobRestart => Fault::Restarting(place),
            _ => Fault::Node(place),
        };
        return Err((
            fault,
            Error::Pipeline(format!(
                "bad response {} from DataNode {place} of the pipeline",
                flag.status().as_str_name()
            )),
        ));
    }
    if slow_threshold > 0 {
        for (place, (flag, count)) in ack.flags.iter().zip(&mut connection.slow).enumerate() {
            *count = if flag.slow() == Slow::Slow { count.saturating_add(1) } else { 0 };
            if *count >= slow_threshold {
                return Err((
                    Fault::Node(place),
                    Error::Pipeline(format!("DataNode {place} of the pipeline is slow")),
                ));
            }
        }
    }
    Ok(())
}

fn lost(doing: &str, error: std::io::Error) -> (Fault, Error) {
    (Fault::Unknown, Error::io(doing, error))
}

/// Of a failure and the failure to recover from it, what the user should hear.
fn prefer(recovery: Error, first: &Error) -> Error {
    match recovery {
        Error::Pipeline(message) => Error::Pipeline(format!("{message} ({first})")),
        other => other,
    }
}

fn tick_period(heartbeat_after: Duration) -> Duration {
    let quarter = heartbeat_after / 4;
    quarter.clamp(Duration::from_millis(20), Duration::from_secs(1))
}

fn describe(at: &Location) -> String {
    format!(
        "DatanodeInfoWithStorage[{},{},{}]",
        at.datanode.transfer_address(),
        at.storage_id,
        at.storage_type.name()
    )
}

/// Whether an address is this machine's, as far as binding to it tells (`NetUtils.isLocalAddress`).
fn is_local(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>()
        .is_ok_and(|ip| ip.is_loopback() || std::net::UdpSocket::bind((ip, 0)).is_ok())
}

/// A packet's header and checksums.
fn head(packet: &Packet) -> Bytes {
    let header = PacketHeader {
        offset_in_block: packet.offset,
        seqno: packet.seqno,
        last_in_block: packet.last,
        data_len: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
        sync_block: packet.sync,
    };
    let mut front = [0_u8; MAX_HEADER];
    let length = header.encode(packet.checksums.len(), &mut front);
    let mut bytes = Vec::with_capacity(length.saturating_add(packet.checksums.len()));
    bytes.extend_from_slice(front.get(..length).unwrap_or(&front));
    bytes.extend_from_slice(&packet.checksums);
    bytes.into()
}

fn heartbeat() -> Bytes {
    head(&Packet {
        seqno: HEARTBEAT_SEQNO,
        offset: 0,
        data: Bytes::new(),
        checksums: Bytes::new(),
        last: false,
        sync: false,
    })
}

/// Writes once from the front of `outgoing`. Nothing is lost if it is dropped while it waits.
async fn write_some(
    out: &mut OwnedWriteHalf,
    outgoing: &mut std::collections::VecDeque<(Bytes, Bytes)>,
) -> std::io::Result<()> {
    let empty: &[u8] = &[];
    let mut slices = [IoSlice::new(empty); 2 * PACKETS_PER_WRITE];
    let parts = outgoing.iter().flat_map(|(head, data)| [head, data]);
    let mut used = 0_usize;
    for (slice, part) in slices.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
        *slice = IoSlice::new(part);
        used = used.saturating_add(1);
    }
    let mut written = out.write_vectored(slices.get(..used).unwrap_or_default()).await?;
    if written == 0 {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    while let Some((head, data)) = outgoing.front_mut() {
        let from_head = written.min(head.len());
        head.advance(from_head);
        let from_data = written.saturating_sub(from_head).min(data.len());
        data.advance(from_data);
        written = written.saturating_sub(from_head).saturating_sub(from_data);
        if !head.is_empty() || !data.is_empty() {
            break;
        }
        outgoing.pop_front();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use loxodon_wire::transfer::{Congestion, HeaderFlag};

    use super::*;

    async fn connection(nodes: usize) -> Connection {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        Connection::new(Incoming::new(stream), nodes)
    }

    fn ack(replies: &[(Status, Slow)]) -> PipelineAck {
        let flag =
            |(status, slow): &(Status, Slow)| HeaderFlag::new(*status, Congestion::Disabled, *slow);
        PipelineAck { seqno: 0, flags: replies.iter().map(flag).collect(), downstream_nanos: 0 }
    }

    #[tokio::test]
    async fn farthest_complaint_is_the_cause() {
        let mut connection = connection(3).await;
        let good = (Status::Success, Slow::Disabled);
        let bad = (Status::Error, Slow::Disabled);
        let fault = |ack: PipelineAck, connection: &mut Connection| {
            check_ack(&ack, connection, 10).err().map(|(fault, _)| fault)
        };
        assert_eq!(fault(ack(&[good, good, good]), &mut connection), None);
        assert_eq!(fault(ack(&[good, bad, bad]), &mut connection), Some(Fault::Node(2)));
        let restart = (Status::OobRestart, Slow::Disabled);
        assert_eq!(fault(ack(&[good, restart]), &mut connection), Some(Fault::Restarting(1)));
        assert_eq!(fault(ack(&[good; 4]), &mut connection), Some(Fault::Unknown));
    }

    #[tokio::test]
    async fn node_that_stays_slow_is_replaced() {
        let mut connection = connection(2).await;
        let replies = [(Status::Success, Slow::Normal), (Status::Success, Slow::Slow)];
        assert!(check_ack(&ack(&replies), &mut connection, 2).is_ok());
        let outcome = check_ack(&ack(&replies), &mut connection, 2);
        assert!(matches!(outcome, Err((Fault::Node(1), _))));
    }
}
