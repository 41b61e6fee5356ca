//! A block's bytes to a reader or to another DataNode: Hadoop's `BlockSender`.

use std::io::IoSlice;
use std::time::Duration;

use loxodon_wire::checksum::{BlockMetadataHeader, ChecksumType, DataChecksum};
use loxodon_wire::transfer::{MAX_HEADER, PacketHeader};

use super::link::{Link, write_all_vectored};
use super::throttle::Throttle;
use crate::block::Block;
use crate::dataset::replica::{OnDisk, ReplicaState};
use crate::dataset::{Dataset, ReplicaFiles};
use crate::error::{DataNodeError, DiskContext, NetworkContext, Result};

/// Data in one packet: as much as Java's `TRANSFERTO_BUFFER_SIZE`, eight times, so that a `sendfile` pays.
const PACKET_DATA: u64 = 512 * 1024;
/// How long a reader waits for bytes that are acknowledged, but not seen on disk yet.
const PATIENCE: Duration = Duration::from_secs(3);
/// Larger chunks than this are announced as what the block has.
const MAX_CHUNK: u64 = 10 << 20;

/// What part of a block is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) offset: u64,
    /// `None` is to the end.
    pub(super) length: Option<u64>,
}

/// A part of a block, ready to be sent.
#[derive(Debug)]
pub(super) struct Sender {
    files: ReplicaFiles,
    /// How the receiver is to sum the data.
    pub(super) checksum: DataChecksum,
    /// Where the data begins: at a chunk's start.
    pub(super) start: u64,
    end: u64,
    /// Of a replica that is being written: the checksum of its end, which the file may not have yet.
    last: Option<OnDisk>,
    with_checksums: bool,
    drop_behind: bool,
    readahead: u64,
    sendfile: bool,
}

/// How to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendOptions {
    pub(super) with_checksums: bool,
    pub(super) drop_behind: bool,
    pub(super) readahead: u64,
    pub(super) sendfile: bool,
}

impl Sender {
    /// Opens the replica of `block` and finds the chunks that the range lies in.
    pub(super) fn open(
        dataset: &Dataset,
        block: &Block,
        range: Range,
        options: SendOptions,
    ) -> Result<Self> {
        let (pool, replica) = dataset.find(block)?;
        if replica.stamp < block.stamp {
            return Err(DataNodeError::Refused(format!(
                "Replica gen stamp < block genstamp, block={block}, replica={replica}"
            )));
        }
        let Some(visible) = replica.visible_length() else {
            return Err(DataNodeError::Refused(format!(
                "Replica is not readable, block={block}, replica={replica}"
            )));
        };
        let wanted = range.offset.saturating_add(range.length.unwrap_or(visible));
        let last = match &replica.state {
            ReplicaState::Rbw(writing) => Some(writing.wait_for(wanted, PATIENCE)),
            _ => None,
        };
        let volume = dataset.volume(replica.volume)?;
        let place = replica.place();
        let data = volume.data_file(&pool.id, block.id, place);
        let meta = volume.meta_file(&pool.id, block.id, replica.stamp, place);
        let files = ReplicaFiles::open(&volume.times, data, meta, false)?;
        let available = last.map_or_else(|| replica.disk_length(), |last| last.length);
        let checksum = if options.with_checksums {
            readable(files.checksum, visible.max(available))?
        } else {
            none()?
        };
        let length = range.length.unwrap_or_else(|| visible.saturating_sub(range.offset));
        let stop = range.offset.checked_add(length).filter(|stop| *stop <= available);
        let Some(stop) = stop else {
            return Err(DataNodeError::Refused(format!(
                " Offset {} and length {length} don't match block {block} ( blockLen {available} )",
                range.offset
            )));
        };
        let chunk = checksum.bytes_per_chunk() as u64;
        let start = range.offset - range.offset % chunk;
        let end = stop.div_ceil(chunk).saturating_mul(chunk).min(available);
        let stored_chunk = files.checksum.bytes_per_chunk() as u64;
        let last = last.filter(|last| last.length == end && last.length % stored_chunk != 0);
        Ok(Self {
            files,
            checksum,
            start,
            end,
            last,
            with_checksums: options.with_checksums && checksum.kind() != ChecksumType::Null,
            drop_behind: options.drop_behind,
            readahead: options.readahead,
            sendfile: options.sendfile,
        })
    }

    /// Sends packets, and the empty one that ends them; the bytes of data sent.
    pub(super) fn send<L: Link>(
        &self,
        link: &mut L,
        peer: &str,
        throttle: &Throttle,
    ) -> Result<u64> {
        self.advise();
        let chunk = self.checksum.bytes_per_chunk() as u64;
        let step = (PACKET_DATA / chunk).max(1) * chunk;
        let (mut offset, mut seqno, mut sums) = (self.start, 0, Vec::new());
        while offset < self.end {
            let length = step.min(self.end - offset);
            self.checksums(offset, length, &mut sums)?;
            self.packet(link, peer, offset, length, seqno, &sums)?;
            throttle.pass(length);
            offset += length;
            seqno += 1;
        }
        let header = PacketHeader {
            offset_in_block: offset,
            seqno,
            last_in_block: true,
            data_len: 0,
            sync_block: false,
        };
        let mut front = [0; MAX_HEADER];
        let size = header.encode(0, &mut front);
        link.write_all(front.get(..size).unwrap_or_default()).network("cannot send to", &peer)?;
        if self.drop_behind {
            let length = std::num::NonZeroU64::new(self.end - self.start);
            // Only a hint.
            let _ = rustix::fs::fadvise(
                &self.files.data,
                self.start,
                length,
                rustix::fs::Advice::DontNeed,
            );
        }
        Ok(self.end - self.start)
    }

    fn packet<L: Link>(
        &self,
        link: &mut L,
        peer: &str,
        offset: u64,
        length: u64,
        seqno: i64,
        sums: &[u8],
    ) -> Result<()> {
        let header = PacketHeader {
            offset_in_block: offset,
            seqno,
            last_in_block: false,
            data_len: length as u32,
            sync_block: false,
        };
        let mut front = [0; MAX_HEADER];
        let size = header.encode(sums.len(), &mut front);
        let front = front.get(..size).unwrap_or_default();
        if self.sendfile {
            let headed = [front, sums].concat();
            link.write_more(&headed).network("cannot send to", &peer)?;
            return match link.send_file(&self.files.data, offset, length as usize) {
                Err(error) if is_of_disk(&error) => {
                    Err(error).disk("cannot read", &self.files.data_path)
                }
                sent => sent.network("cannot send to", &peer),
            };
        }
        let mut data = vec![0; length as usize];
        self.files.read_data(&mut data, offset)?;
        let mut parts = [IoSlice::new(front), IoSlice::new(sums), IoSlice::new(&data)];
        write_all_vectored(link, &mut parts).network("cannot send to", &peer)
    }

    /// Reads the checksums of a packet. The end of a replica that is being written has its checksum from
    /// memory: the file's may belong to bytes that came since.
    fn checksums(&self, offset: u64, length: u64, sums: &mut Vec<u8>) -> Result<()> {
        sums.clear();
        if !self.with_checksums {
            return Ok(());
        }
        sums.resize(self.checksum.checksums_len(length) as usize, 0);
        let at = BlockMetadataHeader::position_of(&self.checksum, offset);
        self.files.read_meta(sums, at)?;
        if let (Some(OnDisk { length: end, last_checksum: Some(last) }), Some(slot)) =
            (self.last, sums.last_chunk_mut::<4>())
            && offset + length == end
        {
            *slot = last;
        }
        Ok(())
    }

    fn advise(&self) {
        if self.readahead == 0 || self.end - self.start < self.readahead {
            return;
        }
        let length = std::num::NonZeroU64::new(self.end - self.start);
        // Only a hint.
        let _ = rustix::fs::fadvise(
            &self.files.data,
            self.start,
            length,
            rustix::fs::Advice::Sequential,
        );
    }
}

/// Whether an error of `sendfile` comes from the file: its end, or a disk that does not read.
fn is_of_disk(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// A chunk that is longer than what there is of the block is told to the reader as shorter, so that it
/// need not keep room for bytes that never come. Its checksum stays: all of the block is one chunk either way.
fn readable(checksum: DataChecksum, length: u64) -> Result<DataChecksum> {
    let chunk = checksum.bytes_per_chunk() as u64;
    if chunk <= MAX_CHUNK || chunk <= length {
        return Ok(checksum);
    }
    let less = u32::try_from(length.max(MAX_CHUNK)).unwrap_or(checksum.bytes_per_chunk() as u32);
    DataChecksum::new(checksum.kind(), less)
        .map_err(|error| DataNodeError::Refused(error.to_string()))
}

fn none() -> Result<DataChecksum> {
    DataChecksum::new(ChecksumType::Null, 512)
        .map_err(|error| DataNodeError::Refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_longer_than_the_block_is_announced_shorter_but_stays_one() {
        let of = |chunk| DataChecksum::new(ChecksumType::Crc32c, chunk).unwrap();
        let announced =
            |chunk, length| readable(of(chunk), length).unwrap().bytes_per_chunk() as u64;
        assert_eq!(announced(512, 5), 512);
        assert_eq!(announced(64 << 20, 5), MAX_CHUNK);
        assert_eq!(announced(64 << 20, 30 << 20), 30 << 20);
        assert_eq!(announced(64 << 20, 64 << 20), 64 << 20);
        assert_eq!(announced(64 << 20, 200 << 20), 64 << 20);
        let data = vec![9; 11 << 20];
        let (stored, sent) = (of(64 << 20), readable(of(64 << 20), data.len() as u64).unwrap());
        let mut sums = vec![0; stored.checksums_len(data.len() as u64) as usize];
        stored.compute(&data, &mut sums).unwrap();
        sent.verify(&data, &sums).unwrap();
    }
}
