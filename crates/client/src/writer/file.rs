//! A file open for writing (`DFSOutputStream`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use loxodon_wire::checksum::DataChecksum;
use tokio::sync::{mpsc, watch};

use super::packet::{Packet, Packetizer};
use super::streamer::{Progress, Streamer, Target};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{ExtendedBlock, FileStatus, LocatedBlock};

/// Packets between the writer and its streamer, beyond those that are in flight.
const QUEUED_PACKETS: usize = 16;

/// What a writer needs to know beyond the file's status.
#[derive(Clone, Debug)]
pub(crate) struct WriterOptions {
    pub(crate) bytes_per_checksum: u32,
    pub(crate) checksum_type: i32,
    pub(crate) sync_block: bool,
    pub(crate) no_local_write: bool,
    pub(crate) ignore_client_locality: bool,
    pub(crate) favored_nodes: Vec<String>,
    pub(crate) lazy_persist: bool,
}

/// What a sync does beyond syncing (`SyncFlag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncOptions {
    /// Tell the NameNode the new length.
    pub update_length: bool,
    /// End the block here; what follows goes into a new one.
    pub end_block: bool,
}

/// A file open for writing. Finish it with [`FileWriter::close`]: a writer that is only
/// dropped leaves the file open until its lease is recovered, holding what was flushed.
#[derive(Debug)]
pub struct FileWriter {
    client: Client,
    path: Arc<str>,
    file_id: u64,
    cutter: Packetizer,
    /// Bytes of the file up to the current block.
    block_start: u64,
    block_size: u64,
    packets: Option<mpsc::Sender<Packet>>,
    progress: watch::Receiver<Progress>,
    /// The first flush of a block makes its existence durable at the NameNode.
    persisted: bool,
    flushed: Arc<AtomicBool>,
    closed: bool,
}

impl FileWriter {
    pub(crate) fn create(
        client: Client,
        path: &str,
        status: &FileStatus,
        options: WriterOptions,
    ) -> Result<Self> {
        Self::start(client, path, status, None, false, options)
    }

    pub(crate) fn append(
        client: Client,
        path: &str,
        status: &FileStatus,
        last: Option<LocatedBlock>,
        new_block: bool,
        options: WriterOptions,
    ) -> Result<Self> {
        Self::start(client, path, status, last, new_block, options)
    }

    fn start(
        client: Client,
        path: &str,
        status: &FileStatus,
        last: Option<LocatedBlock>,
        new_block: bool,
        options: WriterOptions,
    ) -> Result<Self> {
        if status.erasure_coded {
            return Err(Error::Unsupported(format!(
                "{path} is erasure-coded; this client writes replicated files only"
            )));
        }
        let checksum = DataChecksum::from_proto(options.checksum_type, options.bytes_per_checksum)
            .map_err(|error| Error::IllegalArgument(error.to_string()))?;
        let settings = client.settings();
        let mut cutter =
            Packetizer::new(checksum, settings.packet_size, status.block_size, options.sync_block);
        let mut block_start = status.length;
        if let Some(last) = last.as_ref().filter(|_| !new_block) {
            if last.block.length > status.block_size {
                return Err(Error::Protocol {
                    peer: "NameNode".into(),
                    message: format!(
                        "last block {} of {path} is longer than its block size",
                        last.block
                    ),
                });
            }
            cutter.resume(last.block.length);
            block_start = block_start.saturating_sub(last.block.length);
        }
        let (packets, queue) = mpsc::channel(QUEUED_PACKETS);
        let (report, progress) = watch::channel(Progress::new());
        let path: Arc<str> = path.into();
        let flushed = Arc::new(AtomicBool::new(false));
        let target = Target {
            path: Arc::clone(&path),
            file_id: status.file_id.0,
            block_size: status.block_size,
            replication: status.replication.into(),
            checksum,
            options,
            flushed: Arc::clone(&flushed),
        };
        client.lease_renewer().opened(status.file_id.0, status.namespace.clone());
        tokio::spawn(Streamer::new(client.clone(), target, last, new_block, queue, report).run());
        Ok(Self {
            client,
            path,
            file_id: status.file_id.0,
            cutter,
            block_start,
            block_size: status.block_size,
            packets: Some(packets),
            progress,
            persisted: false,
            flushed,
            closed: false,
        })
    }

    /// Bytes of the file so far, those of before an append included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.block_start.saturating_add(self.cutter.block_length())
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Writes all of `data`; it is on its way when this returns, not yet safe.
    ///
    /// # Errors
    /// What stopped the streamer, which may come from bytes written before.
    pub async fn write_all(&mut self, mut data: &[u8]) -> Result<()> {
        self.check_open()?;
        while !data.is_empty() {
            if let Some(packet) = self.cutter.push(&mut data) {
                self.send(packet).await?;
                self.end_full_block().await?;
            }
        }
        Ok(())
    }

    /// As [`FileWriter::write_all`], without copying what fills whole packets.
    ///
    /// # Errors
    /// As [`FileWriter::write_all`].
    pub async fn write_bytes(&mut self, mut data: Bytes) -> Result<()> {
        self.check_open()?;
        while !data.is_empty() {
            if let Some(packet) = self.cutter.push_shared(&mut data) {
                self.send(packet).await?;
                self.end_full_block().await?;
            }
        }
        Ok(())
    }

    /// Waits until every DataNode of the pipeline has what was written, so that readers
    /// can see it. It need not be on disk.
    ///
    /// # Errors
    /// What stopped the streamer.
    pub async fn hflush(&mut self) -> Result<()> {
        self.flush(false, SyncOptions::default()).await
    }

    /// As [`FileWriter::hflush`], and every DataNode has it on disk.
    ///
    /// # Errors
    /// What stopped the streamer.
    pub async fn hsync(&mut self, options: SyncOptions) -> Result<()> {
        self.flush(true, options).await
    }

    async fn flush(&mut self, sync: bool, options: SyncOptions) -> Result<()> {
        self.check_open()?;
        self.flushed.store(true, Ordering::Relaxed);
        let length = self.cutter.block_length();
        if options.end_block && length > 0 {
            if let Some(mut packet) = self.cutter.flush_for_end() {
                packet.sync = sync;
                self.send(packet).await?;
            }
            let end = self.cutter.end_block();
            self.block_start = self.block_start.saturating_add(length);
            self.send(end).await?;
        } else if let Some(packet) = self.cutter.flush(sync) {
            self.send(packet).await?;
        }
        self.wait_for(self.cutter.last_seqno()).await?;
        if !self.persisted || options.update_length {
            let last = options.update_length.then_some(if options.end_block { 0 } else { length });
            self.client
                .sync_length(&self.path, self.file_id, last.filter(|length| *length > 0))
                .await?;
            self.persisted = true;
        }
        Ok(())
    }

    /// Ends the file: waits until all of it is with the DataNodes and the NameNode has
    /// closed it.
    ///
    /// # Errors
    /// What stopped the streamer, or kept the NameNode from closing the file.
    pub async fn close(&mut self) -> Result<()> {
        if self.closed {
            return self.failure().map_or(Ok(()), Err);
        }
        let outcome = self.finish().await;
        self.closed = true;
        self.packets = None;
        self.client.lease_renewer().closed(self.file_id);
        if let Err(error) = &outcome
            && self.client.settings().recover_lease_on_close
        {
            tracing::warn!(path = %self.path, %error, "recovering the lease of a file that cannot be closed");
            if let Err(error) = self.client.recover_lease(&self.path).await {
                tracing::warn!(path = %self.path, %error, "the lease is not recovered");
            }
        }
        outcome
    }

    async fn finish(&mut self) -> Result<()> {
        if let Some(packet) = self.cutter.flush_for_end() {
            self.send(packet).await?;
        }
        if self.cutter.block_length() > 0 {
            let length = self.cutter.block_length();
            let end = self.cutter.end_block();
            self.block_start = self.block_start.saturating_add(length);
            self.send(end).await?;
        }
        self.wait_for(self.cutter.last_seqno()).await?;
        let last = self.progress.borrow().block.clone();
        self.complete(last.as_ref()).await
    }

    /// `DFSOutputStream.completeFile`: asks again while the last block is not reported.
    async fn complete(&self, last: Option<&ExtendedBlock>) -> Result<()> {
        let settings = self.client.settings();
        let mut pause = settings.locate_delay;
        let mut left = settings.locate_retries;
        while !self.client.complete(&self.path, self.file_id, last).await? {
            if left == 0 {
                return Err(Error::Pipeline(format!(
                    "Unable to close file because the last block {} does not have enough number of replicas.",
                    last.map(ToString::to_string).unwrap_or_default()
                )));
            }
            left = left.saturating_sub(1);
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(settings.locate_delay_max);
        }
        Ok(())
    }

    /// Stops writing without closing the file: it stays open for lease recovery.
    pub fn abort(&mut self) {
        self.closed = true;
        self.packets = None;
        self.client.lease_renewer().closed(self.file_id);
    }

    async fn end_full_block(&mut self) -> Result<()> {
        if let Some(end) = self.cutter.block_end() {
            self.block_start = self.block_start.saturating_add(self.block_size);
            self.persisted = false;
            self.send(end).await?;
        }
        Ok(())
    }

    async fn send(&mut self, packet: Packet) -> Result<()> {
        let sent = match &self.packets {
            Some(packets) => packets.send(packet).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.stopped()) }
    }

    async fn wait_for(&mut self, seqno: i64) -> Result<()> {
        let outcome = self
            .progress
            .wait_for(|progress| progress.acknowledged >= seqno || progress.failure.is_some())
            .await
            .map(|progress| progress.failure.clone());
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(self.stopped()),
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.closed {
            return Err(Error::Closed(format!("{} is closed", self.path)));
        }
        self.failure().map_or(Ok(()), Err)
    }

    fn failure(&self) -> Option<Error> {
        self.progress.borrow().failure.clone()
    }

    fn stopped(&self) -> Error {
        self.failure()
            .unwrap_or_else(|| Error::Closed(format!("the writer of {} has ended", self.path)))
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if !self.closed {
            tracing::warn!(path = %self.path, "a file was dropped without being closed");
            self.abort();
        }
    }
}
