//! A block's packets, from the socket to the disk and to the next DataNode: Hadoop's `BlockReceiver`.

use std::io::{ErrorKind, IoSlice, Read};
use std::time::Instant;

use loxodon_wire::checksum::{BlockMetadataHeader, DataChecksum};
use loxodon_wire::transfer::{HEARTBEAT_SEQNO, Packet, PacketHeader, PacketReader};

use super::link::Link;
use super::throttle::Throttle;
use crate::dataset::replica::OnDisk;
use crate::dataset::{ReplicaFiles, ReplicaHandle, sync_directory};
use crate::error::{DataNodeError, NetworkContext, Result};
use crate::metrics::DataNodeMetrics;
use crate::peers::PeerStats;

/// The page cache is looked after in steps of this many bytes (`CACHE_DROP_LAG_BYTES`).
const CACHE_LAG: u64 = 8 << 20;

/// Most packets that are written at once.
const TOGETHER: usize = 16;

/// What is done with each packet.
pub(super) struct Receiver<'a, L> {
    pub(super) handle: &'a ReplicaHandle,
    pub(super) files: &'a ReplicaFiles,
    /// How the sender summed the data.
    pub(super) checksum: DataChecksum,
    /// Whether the data is compared with its checksums here, or by someone behind.
    pub(super) verify: bool,
    pub(super) packets: PacketReader,
    pub(super) peer: &'a str,
    /// Number of the packet that was looked at last: a failure is that packet's.
    pub(super) seqno: i64,
    pub(super) mirror: Option<L>,
    /// Whose speed is measured: the mirror's, where it is the last of the pipeline.
    pub(super) measured: Option<(&'a PeerStats, String)>,
    pub(super) throttle: &'a Throttle,
    pub(super) drop_behind: bool,
    pub(super) sync_on_close: bool,
    /// Whether written data is handed to the disk soon.
    pub(super) sync_behind: bool,
    /// Up to where the page cache was looked after.
    pub(super) managed: u64,
    pub(super) directory_synced: bool,
    /// Checksums on their way to the file, kept for their memory.
    pub(super) sums: Vec<u8>,
    /// What the last turn dealt with, kept for its memory.
    pub(super) done: Vec<Received>,
}

/// Packets that were dealt with in one turn.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) done: &'a [Received],
    /// Whether the next packet has come already.
    pub(super) more: bool,
}

/// A packet that was dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) header: PacketHeader,
    /// The length of the block with it.
    pub(super) end: u64,
    /// Whether all of the block up to it was put on the disk.
    pub(super) synced: bool,
}

/// Counts packets that were dealt with.
pub(super) fn count(done: &[Received], metrics: &DataNodeMetrics) {
    let packets = done.iter().filter(|received| received.header.seqno != HEARTBEAT_SEQNO).count();
    metrics.packets_received.add(packets as u64);
    let syncs = done.iter().filter(|received| received.synced).count();
    if syncs > 0 {
        metrics.syncs.add(syncs as u64);
    }
}

/// Reads more of what `peer` sends.
pub(super) fn fill(
    packets: &mut PacketReader,
    upstream: &mut impl Read,
    peer: &impl std::fmt::Display,
) -> Result<()> {
    loop {
        match upstream.read(packets.space()?) {
            Ok(0) => {
                return Err(ErrorKind::UnexpectedEof.into())
                    .network("Premature EOF: cannot read packets of", peer);
            }
            Ok(count) => {
                packets.filled(count);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).network("cannot read packets of", peer),
        }
    }
}

impl<L: Link> Receiver<'_, L> {
    /// Reads packets, passes them on and writes them: one, or those of one piece that came together.
    pub(super) fn packets(&mut self, upstream: &mut L) -> Result<Batch<'_>> {
        self.done.clear();
        while self.packets.packet()?.is_none() {
            fill(&mut self.packets, upstream, &self.peer)?;
        }
        // The buffer is taken out for the time, so that packets may be looked at while fields change.
        let packets = std::mem::replace(&mut self.packets, PacketReader::new(0));
        let taken = self.take_first(&packets);
        self.packets = packets;
        for _ in 0..taken? {
            self.packets.consume();
        }
        Ok(Batch { done: &self.done, more: matches!(self.packets.packet(), Ok(Some(_))) })
    }

    /// Deals with the packets that can be dealt with at once; how many they are.
    fn take_first(&mut self, packets: &PacketReader) -> Result<usize> {
        let run = self.run(packets);
        if !run.is_empty() {
            self.take_run(packets.unread(), &run)?;
            return Ok(run.len());
        }
        let first = packets.packet()?;
        let first = first
            .ok_or_else(|| DataNodeError::Refused("a packet that was there is gone".to_owned()))?;
        let received = self.take(&first)?;
        self.done.push(received);
        Ok(1)
    }

    /// The packets from the first on that continue the file with whole chunks as they are. What is not so,
    /// or damaged, comes first in the next turn, alone.
    fn run<'p>(&self, packets: &'p PacketReader) -> Vec<Packet<'p>> {
        let sum = self.files.checksum;
        let (chunk, mut end) = (sum.bytes_per_chunk() as u64, self.handle.writing.on_disk().length);
        if sum != self.checksum || sum.checksum_size() == 0 || !end.is_multiple_of(chunk) {
            return Vec::new();
        }
        let mut run = Vec::new();
        for packet in packets.packets().map_while(Result::ok).take(TOGETHER) {
            let (header, length) = (packet.header, packet.data.len() as u64);
            let plain = !header.last_in_block
                && !header.sync_block
                && header.offset_in_block == end
                && length > 0
                && length.is_multiple_of(chunk)
                && packet.checksums.len() as u64 == sum.checksums_len(length);
            if !plain || (self.verify && sum.verify(packet.data, packet.checksums).is_err()) {
                break;
            }
            end += length;
            run.push(packet);
        }
        run
    }

    /// Passes on and writes packets that follow each other, in `bytes` as in the file.
    fn take_run(&mut self, bytes: &[u8], run: &[Packet<'_>]) -> Result<()> {
        let (files, writing) = (self.files, &self.handle.writing);
        let start = writing.on_disk().length;
        let total = run.iter().map(|packet| packet.bytes.len()).sum();
        let mut end = start;
        self.sums.clear();
        for packet in run {
            self.seqno = packet.header.seqno;
            end += packet.data.len() as u64;
            self.sums.extend_from_slice(packet.checksums);
            self.done.push(Received { header: packet.header, end, synced: false });
        }
        writing.set_received(end);
        self.forward(bytes.get(..total).unwrap_or_default(), run.len() as u64);
        let at = BlockMetadataHeader::position_of(&files.checksum, start);
        files.write_meta(&self.sums, at)?;
        let mut parts: Vec<IoSlice<'_>> = run.iter().map(|p| IoSlice::new(p.data)).collect();
        files.write_data(&mut parts, start)?;
        self.handle.wrote(end - start);
        let last = self.sums.last_chunk::<4>().copied();
        self.handle.writing.set_on_disk(OnDisk { length: end, last_checksum: last });
        self.manage_cache(end);
        self.throttle.pass(end - start);
        Ok(())
    }

    fn take(&mut self, packet: &Packet<'_>) -> Result<Received> {
        let header = packet.header;
        self.seqno = header.seqno;
        let writing = &self.handle.writing;
        if header.offset_in_block > writing.received() {
            return Err(DataNodeError::Refused(format!(
                "Received an out-of-sequence packet for {} from {} at offset {}. Expecting packet starting at {}",
                self.handle.block,
                self.peer,
                header.offset_in_block,
                writing.received()
            )));
        }
        let end = header.offset_in_block.saturating_add(packet.data.len() as u64);
        writing.set_received(end);
        self.forward(packet.bytes, 1);
        if !packet.data.is_empty() && !header.last_in_block {
            self.verify(packet)?;
            self.write(packet, end)?;
        }
        let synced = header.sync_block || (header.last_in_block && self.sync_on_close);
        if synced {
            self.sync()?;
        }
        self.throttle.pass(packet.data.len() as u64);
        Ok(Received { header, end, synced })
    }

    /// Passes packets on as they came. A mirror that fails is the responder's to report.
    fn forward(&mut self, bytes: &[u8], packets: u64) {
        let Some(mirror) = &mut self.mirror else { return };
        let began = self.measured.is_some().then(Instant::now);
        let sent = mirror.write_all(bytes);
        if let (Some(began), Some((stats, peer))) = (began, &self.measured) {
            let now = Instant::now();
            stats.add(peer, now - began, packets, now);
        }
        if let Err(error) = sent {
            tracing::info!(block = %self.handle.block, %error, "writing to the mirror failed");
            mirror.close();
            self.mirror = None;
        }
    }

    fn verify(&self, packet: &Packet<'_>) -> Result<()> {
        if packet.checksums.is_empty() {
            return Ok(());
        }
        let expected = self.checksum.checksums_len(packet.data.len() as u64);
        if packet.checksums.len() as u64 != expected {
            return Err(DataNodeError::Refused(format!(
                "Invalid checksum length: received length is {} but expected length is {expected}",
                packet.checksums.len()
            )));
        }
        if !self.verify {
            return Ok(());
        }
        self.checksum.verify(packet.data, packet.checksums).map_err(|error| {
            DataNodeError::Checksum(format!(
                "Unexpected checksum mismatch while writing {} from {}: packet at {}: {error}",
                self.handle.block, self.peer, packet.header.offset_in_block
            ))
        })
    }

    /// Writes what of the packet is not on disk yet. A client sends the last, partial chunk again from its
    /// start when it goes on after a flush; after an append it sends what fills the chunk, alone.
    fn write(&mut self, packet: &Packet<'_>, end: u64) -> Result<()> {
        let disk = self.handle.writing.on_disk();
        if disk.length >= end {
            return Ok(());
        }
        let (first, files, sum) = (packet.header.offset_in_block, self.files, self.files.checksum);
        let chunk = sum.bytes_per_chunk() as u64;
        let boundary = disk.length - disk.length % chunk;
        if !first.is_multiple_of(chunk) && packet.data.len() as u64 > chunk {
            return Err(DataNodeError::Refused(format!(
                "Unexpected packet data length for {} from {}: a partial chunk must be  sent in an individual packet (data length = {} > bytesPerChecksum = {chunk})",
                self.handle.block,
                self.peer,
                packet.data.len()
            )));
        }
        // What was received is not always on disk: a packet that was refused left a hole.
        let known = disk.length.checked_sub(first).ok_or_else(|| {
            DataNodeError::Refused(format!(
                "a packet for {} begins at {first}, with {} bytes on disk",
                self.handle.block, disk.length
            ))
        })?;
        let fresh = packet.data.get(known as usize..).unwrap_or_default();
        let last = self.write_checksums(packet, disk, boundary, fresh)?;
        files.write_data(&mut [IoSlice::new(fresh)], disk.length)?;
        self.handle.wrote(fresh.len() as u64);
        self.handle.writing.set_on_disk(OnDisk { length: end, last_checksum: last });
        self.manage_cache(end);
        Ok(())
    }

    /// Writes the checksums of the chunks that `fresh` lies in; the last one.
    fn write_checksums(
        &mut self,
        packet: &Packet<'_>,
        disk: OnDisk,
        boundary: u64,
        fresh: &[u8],
    ) -> Result<Option<[u8; 4]>> {
        let (files, sum) = (self.files, self.files.checksum);
        let size = sum.checksum_size();
        if size == 0 {
            return Ok(None);
        }
        let first = packet.header.offset_in_block;
        let chunk = sum.bytes_per_chunk() as u64;
        let same = sum == self.checksum && !packet.checksums.is_empty();
        let recompute = disk.length != boundary && boundary != first;
        self.sums.clear();
        let mut skip = boundary.saturating_sub(first).div_ceil(chunk) as usize;
        if recompute {
            let known = files.partial_chunk(disk.length)?.unwrap_or(0);
            let room = (chunk - disk.length % chunk) as usize;
            let fill = fresh.get(..room.min(fresh.len())).unwrap_or_default();
            self.sums.extend_from_slice(&sum.kind().append(known, fill).to_be_bytes());
            skip += 1;
        }
        if same {
            self.sums.extend_from_slice(packet.checksums.get(skip * size..).unwrap_or_default());
        } else {
            let start = (skip as u64 * chunk).saturating_sub(first % chunk) as usize;
            let rest = packet.data.get(start..).unwrap_or_default();
            let from = self.sums.len();
            self.sums.resize(from + sum.checksums_len(rest.len() as u64) as usize, 0);
            sum.compute(rest, self.sums.get_mut(from..).unwrap_or_default())
                .map_err(|error| DataNodeError::Checksum(error.to_string()))?;
        }
        let at = BlockMetadataHeader::position_of(&sum, boundary);
        files.write_meta(&self.sums, at)?;
        Ok(self.sums.last_chunk::<4>().copied())
    }

    fn sync(&mut self) -> Result<()> {
        self.files.sync()?;
        if self.directory_synced {
            return Ok(());
        }
        self.directory_synced = true;
        let Some(directory) = self.files.data_path.parent() else { return Ok(()) };
        sync_directory(directory)
    }

    /// Every [`CACHE_LAG`] bytes: what came since the last time goes to the disk, and what was before that
    /// leaves memory (`manageWriterOsCache`).
    fn manage_cache(&mut self, end: u64) {
        if !(self.drop_behind || self.sync_behind) || end <= self.managed + CACHE_LAG {
            return;
        }
        if self.sync_behind {
            sync_range(&self.files.data, self.managed, end - self.managed);
        }
        let until = self.managed.saturating_sub(CACHE_LAG);
        if self.drop_behind && until > 0 {
            let length = std::num::NonZeroU64::new(until);
            // Only a hint.
            let _ = rustix::fs::fadvise(&self.files.data, 0, length, rustix::fs::Advice::DontNeed);
        }
        self.managed = end;
    }
}

/// Has a part of a file written soon, and does not wait for it: Linux begins to write what is dirty of a range
/// that it is told to forget, and keeps it in memory until it is written.
fn sync_range(file: &std::fs::File, offset: u64, length: u64) {
    // Only a hint.
    let length = std::num::NonZeroU64::new(length);
    let _ = rustix::fs::fadvise(file, offset, length, rustix::fs::Advice::DontNeed);
}
