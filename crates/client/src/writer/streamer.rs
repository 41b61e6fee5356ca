//! The task that sends a file's packets (`DataStreamer`).

mod connection;
mod recovery;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::{HEARTBEAT_SEQNO, PipelineAck, WriteStage};
use tokio::sync::{mpsc, watch};

use self::connection::{Connection, PACKETS_PER_WRITE, check_ack, head, heartbeat, write_some};
use super::file::WriterOptions;
use super::packet::Packet;
use super::pipeline::{Fault, Pipeline};
use super::setup::{SetupFailure, SetupRequest, answer_timeout, open_pipeline};
use super::window::Window;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{BlockToken, ExtendedBlock, LocatedBlock};

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
        self.window.end_block();
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
