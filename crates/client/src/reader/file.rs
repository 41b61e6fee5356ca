//! A file open for reading (`DFSInputStream`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::block::BlockStream;
use super::hedge::read_hedged;
use super::layout::Layout;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{LocatedBlock, LocatedBlocks, Location};

/// Blocks whose locations are asked for at once, where the configuration says nothing.
const PREFETCH_BLOCKS: u64 = 10;

/// A file open for reading, up to the length that it had when it was opened.
#[derive(Debug)]
pub struct FileReader {
    client: Client,
    path: String,
    layout: Layout,
    position: u64,
    stream: Option<BlockStream>,
    /// First byte of the file that lies in `stream`'s block.
    stream_block: u64,
    trouble: Trouble,
}

/// Why a read from the open stream gave nothing.
enum Interrupted {
    /// The next block is due.
    BlockEnded,
    /// This replica failed; another may do.
    Replica(Box<Location>, Error),
    /// No replica is left.
    Final(Error),
}

/// What this reader has met: DataNodes that failed, replicas that are damaged.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    dead: BTreeSet<String>,
    corrupt: BTreeMap<i64, (LocatedBlock, Vec<Location>)>,
    failures: u32,
    token_refreshed: bool,
}

impl FileReader {
    pub(crate) async fn open(client: Client, path: &str) -> Result<Self> {
        let (located, visible) = locate(&client, path).await?;
        if located.erasure_coding_policy.is_some() {
            return Err(Error::Unsupported(format!(
                "{path} is erasure-coded; this client reads replicated files only"
            )));
        }
        if located.encrypted {
            return Err(Error::Unsupported(format!(
                "{path} is encrypted; this client has no key provider"
            )));
        }
        Ok(Self {
            client,
            path: path.to_owned(),
            layout: Layout::new(located, visible),
            position: 0,
            stream: None,
            stream_block: 0,
            trouble: Trouble::default(),
        })
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length of the file in bytes, as it was when it was opened.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.layout.length()
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the next sequential read begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves the next sequential read.
    ///
    /// # Errors
    /// `EOFException` beyond the end.
    pub fn seek(&mut self, position: u64) -> Result<()> {
        if position > self.len() {
            return Err(Error::EndOfFile("Cannot seek after EOF".into()));
        }
        if position != self.position {
            let ahead = position.checked_sub(self.position);
            let kept = match (&mut self.stream, ahead) {
                (Some(stream), Some(ahead)) => stream.skip_buffered(ahead),
                _ => false,
            };
            if !kept {
                self.stream = None;
            }
            self.position = position;
        }
        Ok(())
    }

    /// Reads into `buffer`; 0 is the end of the file.
    ///
    /// # Errors
    /// `BlockMissingException` where no replica can be read.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let bytes = self.read_bytes(buffer.len()).await?;
        if let Some(target) = buffer.get_mut(..bytes.len()) {
            target.copy_from_slice(&bytes);
        }
        Ok(bytes.len())
    }

    /// The next bytes, at most `max`, without copying them; none is the end of the file.
    ///
    /// # Errors
    /// As [`FileReader::read`].
    pub async fn read_bytes(&mut self, max: usize) -> Result<Bytes> {
        if self.position >= self.len() || max == 0 {
            return Ok(Bytes::new());
        }
        let mut same_node_again = true;
        loop {
            let (at, error) = match self.read_from_stream(max).await {
                Ok(bytes) => {
                    self.trouble.failures = 0;
                    self.report_corrupt().await;
                    return Ok(bytes);
                }
                Err(Interrupted::BlockEnded) => continue,
                Err(Interrupted::Final(error)) => return Err(error),
                Err(Interrupted::Replica(at, error)) => (at, error),
            };
            self.stream = None;
            let located = self.block_at(self.position).await?;
            // A broken connection is tried once more before its DataNode counts as dead.
            let retry = same_node_again
                && !matches!(error, Error::Checksum { .. } | Error::Protocol { .. });
            same_node_again = false;
            tracing::warn!(path = %self.path, block = %located.block, datanode = %at.datanode.transfer_address(), %error, "reading failed");
            if !retry {
                self.trouble.note(&located, &at, &error);
            }
        }
    }

    /// Reads from the open stream, opening one first.
    async fn read_from_stream(&mut self, max: usize) -> std::result::Result<Bytes, Interrupted> {
        if self.stream.is_none() {
            self.open_stream().await.map_err(Interrupted::Final)?;
        }
        let Some(stream) = &mut self.stream else { return Err(Interrupted::BlockEnded) };
        let outcome = stream.next(max).await;
        let bytes = outcome
            .map_err(|error| Interrupted::Replica(Box::new(stream.location().clone()), error))?;
        self.position = self.stream_block.saturating_add(stream.position());
        if !stream.is_done() {
            return Ok(bytes);
        }
        // The block is read; its connection can serve the next one.
        if let Some(stream) = self.stream.take() {
            stream.finish().await;
        }
        if bytes.is_empty() { Err(Interrupted::BlockEnded) } else { Ok(bytes) }
    }

    async fn open_stream(&mut self) -> Result<()> {
        loop {
            let located = self.block_at(self.position).await?;
            let at = self.choose(&located).await?;
            let Some(at) = at else { continue };
            let start = self.position.saturating_sub(located.offset);
            let end = located.block.length.min(self.len().saturating_sub(located.offset));
            match BlockStream::open(&self.client, &self.path, &located, &at, start, end).await {
                Ok(stream) => {
                    self.stream_block = located.offset;
                    self.stream = Some(stream);
                    return Ok(());
                }
                Err(error) => self.connection_failed(&located, &at, &error).await?,
            }
        }
    }

    async fn connection_failed(
        &mut self,
        located: &LocatedBlock,
        at: &Location,
        error: &Error,
    ) -> Result<()> {
        tracing::warn!(path = %self.path, block = %located.block, datanode = %at.datanode.transfer_address(), %error, "a replica could not be opened");
        if error.is("InvalidBlockTokenException") && !self.trouble.token_refreshed {
            self.trouble.token_refreshed = true;
            return self.refetch(located.offset).await;
        }
        self.trouble.note(located, at, error);
        Ok(())
    }

    /// The first replica that did not fail; with none left, waits and asks the NameNode
    /// again, a few times (`DFSInputStream.chooseDataNode`). `None`: look the block up again.
    async fn choose(&mut self, located: &LocatedBlock) -> Result<Option<Location>> {
        if let Some(at) = self.trouble.best(located, &[], self.client.settings().prefer_cached) {
            return Ok(Some(at.clone()));
        }
        let settings = self.client.settings();
        if self.trouble.failures >= settings.max_block_acquire_failures {
            self.report_corrupt().await;
            return Err(self.trouble.missing(&self.path, located));
        }
        let pause = retry_pause(settings.retry_window, self.trouble.failures, fastrand::f64());
        tracing::warn!(path = %self.path, block = %located.block, ?pause, "no live replica; asking the NameNode again");
        tokio::time::sleep(pause).await;
        self.trouble.dead.clear();
        self.trouble.failures = self.trouble.failures.saturating_add(1);
        self.refetch(located.offset).await?;
        Ok(None)
    }

    async fn refetch(&mut self, offset: u64) -> Result<()> {
        let located = self.client.block_locations(&self.path, offset, 1).await?;
        self.layout.merge(located.blocks);
        if let Some(last) = located.last_block.filter(|last| last.offset == offset) {
            self.layout.merge(vec![last]);
        }
        Ok(())
    }

    async fn block_at(&mut self, offset: u64) -> Result<LocatedBlock> {
        if let Some(block) = self.layout.at(offset) {
            return Ok(block.clone());
        }
        let length = prefetch_length(&self.client);
        let located = self.client.block_locations(&self.path, offset, length).await?;
        self.layout.merge(located.blocks);
        self.layout
            .at(offset)
            .cloned()
            .ok_or_else(|| Error::EndOfFile(format!("{} has no block at {offset}", self.path)))
    }

    /// Fills `buffer` from `position` without moving the sequential read; short only at the
    /// end of the file.
    ///
    /// # Errors
    /// As [`FileReader::read`].
    pub async fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.len().saturating_sub(position)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut filled = 0_usize;
        while filled < wanted {
            let offset = position.saturating_add(filled as u64);
            let target = buffer.get_mut(filled..wanted).unwrap_or_default();
            let count = self.read_range(offset, target).await?;
            filled = filled.saturating_add(count);
        }
        Ok(filled)
    }

    /// As [`FileReader::read_at`], but a short read is an error.
    ///
    /// # Errors
    /// `EOFException` where the file ends first, and as [`FileReader::read`].
    pub async fn read_exact_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<()> {
        let wanted = buffer.len();
        let count = self.read_at(position, buffer).await?;
        if count < wanted {
            return Err(Error::EndOfFile(format!(
                "End of {} reached before {wanted} bytes at {position} were read",
                self.path
            )));
        }
        Ok(())
    }

    /// Reads what lies in one block (`fetchBlockByteRange`).
    async fn read_range(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let located = self.block_at(offset).await?;
            let Some(at) = self.choose(&located).await? else { continue };
            let start = offset.saturating_sub(located.offset);
            let length = located.block.length.saturating_sub(start).min(buffer.len() as u64);
            let count = usize::try_from(length).unwrap_or(usize::MAX);
            let target = buffer.get_mut(..count).unwrap_or_default();
            let range = start..start.saturating_add(length);
            let outcome = if self.client.settings().hedged_reads > 0 {
                read_hedged(&self.client, &self.path, &located, &self.trouble, range, target).await
            } else {
                read_replica(&self.client, &self.path, &located, &at, range, target)
                    .await
                    .map_err(|error| vec![(at, error)])
            };
            match outcome {
                Ok(()) => {
                    self.trouble.failures = 0;
                    self.report_corrupt().await;
                    return Ok(count);
                }
                Err(failures) => {
                    for (at, error) in failures {
                        self.connection_failed(&located, &at, &error).await?;
                    }
                }
            }
        }
    }

    /// Tells the NameNode about damaged replicas, unless all of a block's are: then it is
    /// more likely that the fault lies here (`DFSUtilClient.reportBadBlocks`).
    async fn report_corrupt(&mut self) {
        if self.trouble.corrupt.is_empty() {
            return;
        }
        let corrupt = std::mem::take(&mut self.trouble.corrupt);
        let reports: Vec<LocatedBlock> = corrupt
            .into_values()
            .filter(|(block, bad)| block.locations.len() == 1 || bad.len() < block.locations.len())
            .map(|(block, bad)| LocatedBlock { locations: bad, ..block })
            .collect();
        if reports.is_empty() {
            return;
        }
        if let Err(error) = self.client.report_bad_blocks(&reports).await {
            tracing::warn!(path = %self.path, %error, "damaged replicas could not be reported");
        }
    }
}

impl Trouble {
    /// The first replica that is neither dead nor in `excluded`.
    pub(super) fn best<'a>(
        &self,
        located: &'a LocatedBlock,
        excluded: &[String],
        prefer_cached: bool,
    ) -> Option<&'a Location> {
        let usable = |at: &&Location| {
            let id = node_id(at);
            !self.dead.contains(&id) && !excluded.contains(&id)
        };
        let cached = prefer_cached
            .then(|| located.locations.iter().filter(usable).find(|at| at.cached))
            .flatten();
        cached.or_else(|| located.locations.iter().find(usable))
    }

    fn note(&mut self, located: &LocatedBlock, at: &Location, error: &Error) {
        if matches!(error, Error::Checksum { .. }) {
            let (_, bad) = self
                .corrupt
                .entry(located.block.id.0)
                .or_insert_with(|| (located.clone(), Vec::new()));
            if !bad.contains(at) {
                bad.push(at.clone());
            }
        }
        self.dead.insert(node_id(at));
    }

    fn missing(&self, path: &str, located: &LocatedBlock) -> Error {
        let nodes: Vec<_> =
            located.locations.iter().map(|at| at.datanode.transfer_address()).collect();
        Error::BlockMissing {
            path: path.to_owned(),
            block: located.block.to_string(),
            detail: format!(
                " No live nodes contain current block Block locations: {}",
                nodes.join(" ")
            ),
        }
    }
}

/// What a DataNode is remembered by.
pub(super) fn node_id(at: &Location) -> String {
    if at.datanode.uuid.is_empty() {
        at.datanode.transfer_address()
    } else {
        at.datanode.uuid.clone()
    }
}

/// Reads a stretch of a block from one replica into `target`.
pub(super) async fn read_replica(
    client: &Client,
    path: &str,
    located: &LocatedBlock,
    at: &Location,
    range: std::ops::Range<u64>,
    target: &mut [u8],
) -> Result<()> {
    let mut stream = BlockStream::open(client, path, located, at, range.start, range.end).await?;
    let mut rest = target;
    while !rest.is_empty() {
        let bytes = stream.next(rest.len()).await?;
        let Some((front, after)) = std::mem::take(&mut rest).split_at_mut_checked(bytes.len())
        else {
            break;
        };
        if front.is_empty() {
            return Err(Error::EndOfFile(format!("{} ends early", located.block)));
        }
        front.copy_from_slice(&bytes);
        rest = after;
    }
    stream.finish().await;
    Ok(())
}

/// Pause before the NameNode is asked again: the window grows, and readers spread over it.
fn retry_pause(window: Duration, failures: u32, random: f64) -> Duration {
    let grown = window.saturating_mul(failures);
    grown.saturating_add(window.saturating_mul(failures.saturating_add(1)).mul_f64(random))
}

fn prefetch_length(client: &Client) -> u64 {
    let settings = client.settings();
    settings.prefetch_size.unwrap_or(settings.block_size.saturating_mul(PREFETCH_BLOCKS)).max(1)
}

/// The file's first blocks, and the visible length of its last one where that is being written.
async fn locate(client: &Client, path: &str) -> Result<(LocatedBlocks, Option<u64>)> {
    let settings = client.settings();
    let mut left = settings.last_block_length_retries;
    loop {
        let located = client.block_locations(path, 0, prefetch_length(client)).await?;
        if located.last_block_complete {
            return Ok((located, None));
        }
        let Some(last) = &located.last_block else { return Ok((located, None)) };
        if let Some(visible) = visible_length(client, last).await {
            return Ok((located, Some(visible)));
        }
        if left == 0 {
            return Err(Error::BlockMissing {
                path: path.to_owned(),
                block: last.block.to_string(),
                detail: " Could not obtain the last block locations.".into(),
            });
        }
        left = left.saturating_sub(1);
        tracing::warn!(%path, block = %last.block, "the length of the block being written is not known yet");
        tokio::time::sleep(settings.last_block_length_interval).await;
    }
}

/// `DFSInputStream.readBlockLength`; `None` if no DataNode could say.
async fn visible_length(client: &Client, last: &LocatedBlock) -> Option<u64> {
    let mut unknown_to_all = true;
    for at in &last.locations {
        match client.replica_visible_length(&at.datanode, &last.block).await {
            Ok(length) => return Some(length),
            Err(error) => {
                unknown_to_all &= error.is("ReplicaNotFoundException");
                tracing::debug!(block = %last.block, datanode = %at.datanode.transfer_address(), %error, "no visible length");
            }
        }
    }
    // Nothing has reached any DataNode yet: whatever is readable is empty.
    (unknown_to_all && (!last.locations.is_empty() || last.block.length == 0)).then_some(0)
}
