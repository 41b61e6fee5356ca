//! Packets of data with their checksums: Hadoop's `PacketHeader` and `PacketReceiver`.

use super::TransferError;
use crate::rpc::{Fields, Value};

/// Bytes of the two lengths that a packet begins with.
pub const PREFIX: usize = 6;
/// The most bytes that a header which we write takes, lengths included (`PKT_MAX_HEADER_LEN`).
pub const MAX_HEADER: usize = PREFIX + 27;
/// `dfs.data.transfer.max.packet.size`: the default of the largest packet that is accepted.
pub const DEFAULT_MAX_PACKET: usize = 16 * 1024 * 1024;
/// The number of packets that only show that the writer lives.
pub const HEARTBEAT_SEQNO: i64 = -1;

/// A packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// Where in the block the data begins.
    pub offset_in_block: u64,
    /// The packet's number, from 0; [`HEARTBEAT_SEQNO`] for heartbeats.
    pub seqno: i64,
    /// Whether the block ends here. Such a packet has no data.
    pub last_in_block: bool,
    /// Bytes of data.
    pub data_len: u32,
    /// Whether the data is to be on the disk before it is acknowledged.
    pub sync_block: bool,
}

impl PacketHeader {
    /// Writes lengths and header into `out`'s front, for a packet with `checksums_len` bytes of checksums;
    /// returns the bytes written.
    #[must_use]
    pub fn encode(&self, checksums_len: usize, out: &mut [u8; MAX_HEADER]) -> usize {
        let header_len = if self.sync_block { 27 } else { 25 };
        let payload = (4 + checksums_len as u64 + u64::from(self.data_len)) as u32;
        let [offset, seqno] = [self.offset_in_block.to_le_bytes(), self.seqno.to_le_bytes()];
        out[..4].copy_from_slice(&payload.to_be_bytes());
        out[4..6].copy_from_slice(&(header_len as u16).to_be_bytes());
        out[6] = 0x09;
        out[7..15].copy_from_slice(&offset);
        out[15] = 0x11;
        out[16..24].copy_from_slice(&seqno);
        out[24..26].copy_from_slice(&[0x18, u8::from(self.last_in_block)]);
        out[26] = 0x25;
        out[27..31].copy_from_slice(&self.data_len.to_le_bytes());
        out[31..33].copy_from_slice(&[0x28, 1]);
        PREFIX + header_len
    }

    /// Reads a header without its lengths.
    ///
    /// # Errors
    /// If the bytes are no header, or the data's offset or length is negative.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransferError> {
        let malformed =
            |reason: String| TransferError::Message { message: "PacketHeaderProto", reason };
        let mut fields = Fields::new(bytes);
        let (mut offset, mut seqno, mut last, mut data_len, mut sync_block) =
            (None, None, None, None, false);
        while let Some(field) = fields.read().map_err(|error| malformed(error.to_string()))? {
            match field {
                (1, Value::Fixed64(value)) => offset = Some(value as i64),
                (2, Value::Fixed64(value)) => seqno = Some(value as i64),
                (3, Value::Varint(value)) => last = Some(value != 0),
                (4, Value::Fixed32(value)) => data_len = Some(value as i32),
                (5, Value::Varint(value)) => sync_block = value != 0,
                _ => {}
            }
        }
        let (Some(offset), Some(seqno), Some(last_in_block), Some(data_len)) =
            (offset, seqno, last, data_len)
        else {
            return Err(malformed("a required field is missing".to_owned()));
        };
        let offset_in_block = u64::try_from(offset).map_err(|_| TransferError::Offset(offset))?;
        let data_len = u32::try_from(data_len)
            .map_err(|_| TransferError::DataLength { data: data_len, received: 0 })?;
        Ok(Self { offset_in_block, seqno, last_in_block, data_len, sync_block })
    }
}

/// The two lengths that a packet begins with, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketLengths {
    /// Bytes of the header.
    pub header: usize,
    /// Bytes of checksums and data.
    pub body: usize,
}

impl PacketLengths {
    /// Reads the lengths.
    ///
    /// # Errors
    /// If one is negative, or the packet longer than `max_packet`.
    pub fn decode(prefix: [u8; PREFIX], max_packet: usize) -> Result<Self, TransferError> {
        let [a, b, c, d, e, f] = prefix;
        let (payload, header) = (i32::from_be_bytes([a, b, c, d]), i16::from_be_bytes([e, f]));
        let body = usize::try_from(payload).ok().and_then(|payload| payload.checked_sub(4));
        let body = body.ok_or(TransferError::PayloadLength(payload))?;
        let header = usize::try_from(header).map_err(|_| TransferError::HeaderLength(header))?;
        if body.saturating_add(4).saturating_add(header) > max_packet {
            return Err(TransferError::PacketTooLong(payload));
        }
        Ok(Self { header, body })
    }

    /// Bytes of the whole packet, lengths included.
    #[must_use]
    pub const fn total(&self) -> usize {
        PREFIX + self.header + self.body
    }
}

/// A packet in the buffer it was received in.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its header.
    pub header: PacketHeader,
    /// All of its bytes, as they are passed on.
    pub bytes: &'a [u8],
    /// The checksums.
    pub checksums: &'a [u8],
    /// The data.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a whole packet.
    ///
    /// # Errors
    /// If its parts do not fit together.
    pub fn decode(bytes: &'a [u8], lengths: PacketLengths) -> Result<Self, TransferError> {
        let header =
            PacketHeader::decode(bytes.get(PREFIX..PREFIX + lengths.header).unwrap_or_default())?;
        let too_long =
            TransferError::DataLength { data: header.data_len as i32, received: lengths.body };
        let checksums_len =
            lengths.body.checked_sub(header.data_len as usize).ok_or_else(|| too_long.clone())?;
        let body = bytes.get(PREFIX + lengths.header..lengths.total()).unwrap_or_default();
        let (checksums, data) = body.split_at_checked(checksums_len).ok_or(too_long)?;
        Ok(Self { header, bytes, checksums, data })
    }
}

/// Packets longer than this are read ahead of.
const LARGE: usize = 32 * 1024;

/// A buffer that a stream's bytes are read into, and packets are looked at in.
///
/// Fill [`Self::space`] from the stream, say how much came with [`Self::filled`], look with
/// [`Self::packet`], drop the packet with [`Self::consume`]. The space is as long as the last packet,
/// since most are alike: so a packet is read whole and the next one is not begun, unless
/// [`Self::set_read_ahead`] says otherwise.
#[derive(Debug)]
pub struct PacketReader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    expected: usize,
    max_packet: usize,
    read_ahead: usize,
}

impl PacketReader {
    /// Packets of up to `max_packet` bytes.
    #[must_use]
    pub const fn new(max_packet: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, end: 0, expected: 4096, max_packet, read_ahead: 0 }
    }

    /// Offers room for `bytes` once packets are large, so that several that have come are read at once.
    pub const fn set_read_ahead(&mut self, bytes: usize) {
        self.read_ahead = bytes;
    }

    /// Goes on with bytes that were read too much before the packets began.
    pub fn preload(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        if let Some(space) = self.buffer.get_mut(self.end..self.end + bytes.len()) {
            space.copy_from_slice(bytes);
            self.end += bytes.len();
        }
    }

    /// The lengths of the packet that the buffer begins with, if they are there.
    ///
    /// # Errors
    /// If they make no sense.
    fn lengths(&self) -> Result<Option<PacketLengths>, TransferError> {
        let Some(prefix) = self.unread().first_chunk::<PREFIX>() else { return Ok(None) };
        PacketLengths::decode(*prefix, self.max_packet).map(Some)
    }

    /// Where the stream's next bytes go. Never empty.
    ///
    /// # Errors
    /// If the next packet's lengths make no sense.
    pub fn space(&mut self) -> Result<&mut [u8], TransferError> {
        let have = self.end - self.start;
        let whole = self.lengths()?.map_or(self.expected, |lengths| lengths.total());
        // Streams of small packets keep their small buffer.
        let ahead = if self.expected > LARGE { self.read_ahead } else { 0 };
        let missing = whole.max(MAX_HEADER).max(ahead).saturating_sub(have).max(1);
        self.make_room(missing);
        Ok(self.buffer.get_mut(self.end..self.end + missing).unwrap_or_default())
    }

    /// Takes note that `count` bytes were put at the front of [`Self::space`].
    pub fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
    }

    /// The packet that the buffer begins with, if it is there wholly.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn packet(&self) -> Result<Option<Packet<'_>>, TransferError> {
        let Some(lengths) = self.lengths()? else { return Ok(None) };
        match self.unread().get(..lengths.total()) {
            Some(bytes) => Packet::decode(bytes, lengths).map(Some),
            None => Ok(None),
        }
    }

    /// The packets that are there wholly, from the first on; an error ends them.
    pub fn packets(&self) -> impl Iterator<Item = Result<Packet<'_>, TransferError>> {
        let (mut rest, max_packet) = (self.unread(), self.max_packet);
        std::iter::from_fn(move || {
            let lengths = match PacketLengths::decode(*rest.first_chunk::<PREFIX>()?, max_packet) {
                Ok(lengths) => lengths,
                Err(error) => {
                    rest = &[];
                    return Some(Err(error));
                }
            };
            let (bytes, after) = rest.split_at_checked(lengths.total())?;
            rest = after;
            Some(Packet::decode(bytes, lengths))
        })
    }

    /// Drops the packet that the buffer begins with.
    pub fn consume(&mut self) {
        let Ok(Some(lengths)) = self.lengths() else { return };
        self.start = self.start.saturating_add(lengths.total()).min(self.end);
        self.expected = lengths.total();
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Bytes that were read and belong to no consumed packet.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn make_room(&mut self, missing: usize) {
        if self.end.saturating_add(missing) <= self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end.saturating_add(missing) > self.buffer.len() {
            self.buffer.resize(self.end.saturating_add(missing), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hdfs::PacketHeaderProto;
    use prost::Message;

    fn packet(header: PacketHeader, checksums: &[u8], data: &[u8]) -> Vec<u8> {
        let mut front = [0; MAX_HEADER];
        let length = header.encode(checksums.len(), &mut front);
        [&front[..length], checksums, data].concat()
    }

    fn header(seqno: i64, data: &[u8]) -> PacketHeader {
        let data_len = data.len() as u32;
        PacketHeader {
            offset_in_block: 1,
            seqno,
            last_in_block: false,
            data_len,
            sync_block: false,
        }
    }

    proptest::proptest! {
        #[test]
        fn headers_are_protobuf(offset in 0..=i64::MAX as u64, seqno: i64, last_in_block: bool, data_len in 0..=i32::MAX as u32, sync_block: bool) {
            let header = PacketHeader { offset_in_block: offset, seqno, last_in_block, data_len, sync_block };
            let mut bytes = [0; MAX_HEADER];
            let length = header.encode(0, &mut bytes);
            assert_eq!(PacketHeader::decode(&bytes[PREFIX..length]), Ok(header));
            let message = PacketHeaderProto {
                offset_in_block: offset as i64, seqno, last_packet_in_block: last_in_block,
                data_len: data_len as i32, sync_block: sync_block.then_some(true),
            };
            assert_eq!(message.encode_to_vec(), &bytes[PREFIX..length]);
        }

        #[test]
        fn any_split_gives_the_same_packets(sizes in proptest::collection::vec(0_usize..50_000, 1..8), mut step in 1_usize..100_000, ahead in 0_usize..200_000) {
            let bodies: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![size as u8; size]).collect();
            let mut stream = Vec::new();
            for (seqno, body) in bodies.iter().enumerate() {
                stream.extend(packet(header(seqno as i64, body), b"sums", body));
            }
            let (mut reader, mut seen, mut rest) = (PacketReader::new(1 << 20), Vec::new(), &stream[..]);
            reader.set_read_ahead(ahead);
            loop {
                let together: Vec<i64> = reader.packets().map(|packet| packet.unwrap().header.seqno).collect();
                assert_eq!(together.len(), reader.packets().count());
                assert!(together.iter().copied().eq((seen.len() as i64..).take(together.len())));
                while let Some(packet) = reader.packet().unwrap() {
                    assert_eq!((packet.checksums, packet.header.seqno), (b"sums".as_slice(), seen.len() as i64));
                    seen.push(packet.data.to_vec());
                    reader.consume();
                }
                if rest.is_empty() {
                    break;
                }
                let space = reader.space().unwrap();
                let count = step.min(space.len()).min(rest.len());
                space[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                reader.filled(count);
                step = step % 99_999 + 1;
            }
            assert_eq!(seen, bodies);
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let mut reader = PacketReader::new(1 << 16);
            reader.preload(&bytes);
            let _ = reader.packet();
            let _ = reader.packets().count();
            let _ = reader.space().map(|space| space.len());
        }
    }

    #[test]
    fn refusals() {
        let decode = |prefix| PacketLengths::decode(prefix, 1000);
        assert_eq!(decode([0, 0, 0, 3, 0, 0]), Err(TransferError::PayloadLength(3)));
        assert_eq!(decode([0xff, 0xff, 0xff, 0xff, 0, 0]), Err(TransferError::PayloadLength(-1)));
        assert_eq!(decode([0, 0, 0, 4, 0x80, 0]), Err(TransferError::HeaderLength(-32768)));
        assert_eq!(
            decode([0x7f, 0xff, 0xff, 0xff, 0, 1]),
            Err(TransferError::PacketTooLong(i32::MAX))
        );
        let mut bytes = packet(header(0, b"data"), b"", b"data");
        bytes[27] = 5;
        let lengths = decode(*bytes.first_chunk().unwrap()).unwrap();
        let error = TransferError::DataLength { data: 5, received: 4 };
        assert_eq!(Packet::decode(&bytes, lengths).unwrap_err(), error);
    }
}
