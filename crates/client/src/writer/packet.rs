//! Cuts what is written into packets, with their checksums (`DFSOutputStream`,
//! `FSOutputSummer`, `DFSPacket`). Pure.

use bytes::{Bytes, BytesMut};
use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::transfer::MAX_HEADER;

/// A part of a block on its way to the DataNodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Its number within the file.
    pub(crate) seqno: i64,
    /// Where in the block its data begins.
    pub(crate) offset: u64,
    /// Its data.
    pub(crate) data: Bytes,
    /// Checksums of the data's chunks.
    pub(crate) checksums: Bytes,
    /// Nothing follows in this block; has no data.
    pub(crate) last: bool,
    /// The block is to be synced to disk.
    pub(crate) sync: bool,
}

impl Packet {
    /// Length of the block with this packet.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(self.data.len() as u64)
    }
}

/// Cuts a file's bytes.
#[derive(Debug)]
pub(crate) struct Packetizer {
    checksum: DataChecksum,
    /// Most data in a packet: whole chunks.
    packet_data: usize,
    block_size: u64,
    sync_block: bool,
    next_seqno: i64,
    /// Where in the block `pending` begins.
    offset: u64,
    /// Bytes not in a packet yet, and before them those of a chunk that a flush sent
    /// unfinished: such a chunk is sent again, whole.
    pending: BytesMut,
    /// How many of `pending` a flush has sent.
    flushed: usize,
    /// The first packet of an append only fills the chunk that the block ends in.
    first_chunk: usize,
}

impl Packetizer {
    pub(crate) fn new(
        checksum: DataChecksum,
        packet_size: usize,
        block_size: u64,
        sync_block: bool,
    ) -> Self {
        let chunk = checksum.bytes_per_chunk().max(1);
        let with_checksum = chunk.saturating_add(checksum.checksum_size());
        let chunks = (packet_size.saturating_sub(MAX_HEADER) / with_checksum).max(1);
        Self {
            checksum,
            packet_data: chunks.saturating_mul(chunk),
            block_size,
            sync_block,
            next_seqno: 0,
            offset: 0,
            pending: BytesMut::new(),
            flushed: 0,
            first_chunk: 0,
        }
    }

    /// Goes on in a block that has `length` bytes.
    pub(crate) fn resume(&mut self, length: u64) {
        let chunk = self.checksum.bytes_per_chunk().max(1);
        self.offset = length;
        // Less than a chunk, so it fits.
        let partial = (length % chunk as u64) as usize;
        self.first_chunk = if partial == 0 { 0 } else { chunk.saturating_sub(partial) };
    }

    /// Bytes of the current block, those in packets and those pending.
    pub(crate) fn block_length(&self) -> u64 {
        self.offset.saturating_add(self.pending.len() as u64)
    }

    /// Number of the last packet that was cut, -1 before the first.
    pub(crate) fn last_seqno(&self) -> i64 {
        self.next_seqno.saturating_sub(1)
    }

    /// How much the packet being filled takes.
    fn limit(&self) -> usize {
        let left = self.block_size.saturating_sub(self.offset);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let packet = if self.first_chunk > 0 { self.first_chunk } else { self.packet_data };
        packet.min(left)
    }

    /// Takes bytes from the front of `data`; gives a packet when one is full. Call it until
    /// `data` is empty, and [`Packetizer::block_end`] after each packet.
    pub(crate) fn push(&mut self, data: &mut &[u8]) -> Option<Packet> {
        let limit = self.limit();
        let take = limit.saturating_sub(self.pending.len()).min(data.len());
        if self.pending.capacity() == 0 {
            self.pending.reserve(limit);
        }
        if let Some((front, rest)) = data.split_at_checked(take) {
            self.pending.extend_from_slice(front);
            *data = rest;
        }
        (self.pending.len() >= limit).then(|| self.cut(false))
    }

    /// As [`Packetizer::push`], but a packet that `data` fills alone shares its memory.
    pub(crate) fn push_shared(&mut self, data: &mut Bytes) -> Option<Packet> {
        let limit = self.limit();
        if self.pending.is_empty() && data.len() >= limit {
            return Some(self.packet(data.split_to(limit), false));
        }
        let mut front: &[u8] = data;
        let before = front.len();
        let packet = self.push(&mut front);
        let taken = before.saturating_sub(front.len());
        drop(data.split_to(taken.min(data.len())));
        packet
    }

    /// The packet that ends the block, if the block is full.
    pub(crate) fn block_end(&mut self) -> Option<Packet> {
        (self.offset >= self.block_size).then(|| self.end_block())
    }

    /// What is pending, cut for a flush. With `sync`, a packet comes even without data.
    pub(crate) fn flush(&mut self, sync: bool) -> Option<Packet> {
        if self.pending.len() > self.flushed {
            return Some(self.cut_flushed(sync));
        }
        if sync && self.block_length() > 0 {
            let mut packet = self.packet(Bytes::new(), true);
            packet.offset = self.block_length();
            return Some(packet);
        }
        None
    }

    /// What is pending, cut because the block ends here.
    pub(crate) fn flush_for_end(&mut self) -> Option<Packet> {
        (self.pending.len() > self.flushed).then(|| self.cut(false))
    }

    /// The packet that ends the block, however full.
    pub(crate) fn end_block(&mut self) -> Packet {
        let length = self.block_length();
        let packet = Packet {
            seqno: self.take_seqno(),
            offset: length,
            data: Bytes::new(),
            checksums: Bytes::new(),
            last: true,
            sync: self.sync_block,
        };
        self.offset = 0;
        self.first_chunk = 0;
        self.pending.clear();
        self.flushed = 0;
        packet
    }

    fn cut(&mut self, sync: bool) -> Packet {
        let data = self.pending.split().freeze();
        self.flushed = 0;
        // The next packet will want as much again.
        self.packet(data, sync)
    }

    /// Cuts, and keeps the unfinished chunk at the end to be sent again with what follows.
    fn cut_flushed(&mut self, sync: bool) -> Packet {
        let chunk = self.checksum.bytes_per_chunk().max(1);
        let data = self.pending.split().freeze();
        let kept = if self.first_chunk > 0 {
            if data.len() >= self.first_chunk { 0 } else { data.len() }
        } else {
            data.len() % chunk
        };
        let tail = data.slice(data.len().saturating_sub(kept)..);
        let remaining_first = if kept > 0 { self.first_chunk } else { 0 };
        let packet = self.packet(data, sync);
        self.first_chunk = remaining_first;
        self.offset = self.offset.saturating_sub(kept as u64);
        self.pending.extend_from_slice(&tail);
        self.flushed = kept;
        packet
    }

    fn packet(&mut self, data: Bytes, sync: bool) -> Packet {
        let length = self.checksum.checksums_len(data.len() as u64);
        let mut checksums = vec![0; usize::try_from(length).unwrap_or(0)];
        if let Err(error) = self.checksum.compute(&data, &mut checksums) {
            // The length was just asked for; were it wrong, the DataNode would refuse the packet.
            tracing::error!(%error, "checksums of a packet");
        }
        let offset = self.offset;
        self.offset = self.offset.saturating_add(data.len() as u64);
        if !data.is_empty() {
            self.first_chunk = 0;
        }
        Packet {
            seqno: self.take_seqno(),
            offset,
            data,
            checksums: checksums.into(),
            last: false,
            sync,
        }
    }

    fn take_seqno(&mut self) -> i64 {
        let seqno = self.next_seqno;
        self.next_seqno = self.next_seqno.saturating_add(1);
        seqno
    }
}

#[cfg(test)]
mod tests {
    use loxodon_wire::checksum::ChecksumType;
    use proptest::prelude::*;

    use super::*;

    const CHUNK: u32 = 8;

    fn cutter(packet_size: usize, block_size: u64) -> Packetizer {
        let checksum = DataChecksum::new(ChecksumType::Crc32c, CHUNK).unwrap();
        Packetizer::new(checksum, packet_size, block_size, false)
    }

    #[test]
    fn a_block_that_is_to_be_synced_is_synced_at_its_end() {
        for sync in [false, true] {
            let checksum = DataChecksum::new(ChecksumType::Crc32c, CHUNK).unwrap();
            let mut cutter = Packetizer::new(checksum, 1000, 16, sync);
            let data = cutter.push(&mut &[1; 16][..]).unwrap();
            let end = cutter.block_end().unwrap();
            assert!(!data.sync && !data.last, "what comes before is not worth a sync of its own");
            assert_eq!((end.last, end.sync), (true, sync));
        }
    }

    /// What DataNodes hold of the blocks after some packets.
    struct Blocks {
        done: Vec<Vec<u8>>,
        current: Vec<u8>,
        /// Length that the current block began with.
        resumed: usize,
        seqno: i64,
    }

    impl Blocks {
        fn receive(&mut self, packet: &Packet) {
            assert_eq!(packet.seqno, self.seqno);
            self.seqno += 1;
            let offset = packet.offset as usize;
            if packet.last {
                assert!(packet.data.is_empty());
                assert_eq!(offset, self.current.len());
                self.done.push(std::mem::take(&mut self.current));
                self.resumed = 0;
                return;
            }
            assert!(offset <= self.current.len(), "a hole before {offset}");
            if packet.data.is_empty() {
                return;
            }
            let chunk = CHUNK as usize;
            let filling = offset == self.resumed && !offset.is_multiple_of(chunk);
            if filling {
                assert!(packet.data.len() <= chunk - offset % chunk, "more than the partial chunk");
            } else {
                assert!(offset.is_multiple_of(chunk), "{offset} is within a chunk");
            }
            let checksum = DataChecksum::new(ChecksumType::Crc32c, CHUNK).unwrap();
            checksum.verify(&packet.data, &packet.checksums).unwrap();
            self.current.truncate(offset);
            self.current.extend_from_slice(&packet.data);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize),
        Share(usize),
        Flush(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..60).prop_map(Step::Write),
            (0_usize..60).prop_map(Step::Share),
            any::<bool>().prop_map(Step::Flush),
        ]
    }

    proptest! {
        /// Whatever is written and flushed, the DataNodes end up with exactly that.
        #[test]
        fn packets_make_up_what_was_written(
            steps in proptest::collection::vec(step(), 0..40),
            packet_size in 30_usize..120,
            block_chunks in 1_u64..12,
            resumed in 0_usize..8,
        ) {
            let block_size = block_chunks * u64::from(CHUNK);
            let resumed = resumed.min(block_size as usize);
            let mut cutter = cutter(packet_size, block_size);
            let mut blocks =
                Blocks { done: Vec::new(), current: vec![0; resumed], resumed, seqno: 0 };
            let mut written = vec![0; resumed];
            if resumed > 0 {
                cutter.resume(resumed as u64);
            }
            for step in steps {
                let start = written.len();
                match step {
                    Step::Write(length) | Step::Share(length) => {
                        written.extend((0..length).map(|at| (start + at) as u8));
                        let mut copied = written.get(start..).unwrap_or_default();
                        let mut shared = Bytes::copy_from_slice(copied);
                        loop {
                            let packet = if matches!(step, Step::Write(_)) {
                                if copied.is_empty() { break }
                                cutter.push(&mut copied)
                            } else {
                                if shared.is_empty() { break }
                                cutter.push_shared(&mut shared)
                            };
                            if let Some(packet) = packet {
                                blocks.receive(&packet);
                                if let Some(end) = cutter.block_end() {
                                    blocks.receive(&end);
                                }
                            }
                        }
                    }
                    Step::Flush(sync) => {
                        if let Some(packet) = cutter.flush(sync) {
                            blocks.receive(&packet);
                        }
                        prop_assert_eq!(blocks.current.len() as u64, cutter.block_length());
                    }
                }
            }
            if let Some(packet) = cutter.flush_for_end() {
                blocks.receive(&packet);
            }
            if cutter.block_length() > 0 {
                let end = cutter.end_block();
                blocks.receive(&end);
            }
            prop_assert!(blocks.done.iter().rev().skip(1).all(|b| b.len() as u64 == block_size));
            prop_assert_eq!(blocks.done.concat(), written);
        }
    }

    #[test]
    fn default_packets_are_as_large_as_hadoops() {
        let checksum = DataChecksum::new(ChecksumType::Crc32c, 512).unwrap();
        let mut cutter = Packetizer::new(checksum, 65536, 128 << 20, false);
        let data = vec![7; 70_000];
        let packet = cutter.push(&mut data.as_slice()).unwrap();
        assert_eq!(packet.data.len(), 126 * 512);
        assert_eq!(packet.checksums.len(), 126 * 4);
    }
}
