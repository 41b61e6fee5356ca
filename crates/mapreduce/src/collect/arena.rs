//! Memory of collected records: chunks that records are serialized into, and one 16-byte entry for each record.
//!
//! Chunks come from a pool and go back to it when their records are on disk, so that the sort buffer's memory is
//! touched once. A record lies in one chunk whole, in the form it has in a segment.

use crate::ifile::{Record, vint};

/// A record's partition, the prefix of its key and where it lies, such that sorting the numbers sorts by the first
/// two and leaves the order of arrival among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry(u128);

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = size_of::<Entry>();

impl Entry {
    #[inline]
    pub(crate) fn new(partition: u32, prefix: u64, place: u32) -> Self {
        Self(u128::from(partition) << 96 | u128::from(prefix) << 32 | u128::from(place))
    }

    #[inline]
    pub(crate) fn partition(self) -> u32 {
        (self.0 >> 96) as u32
    }

    /// Partition and prefix.
    #[inline]
    pub(crate) fn group(self) -> u128 {
        self.0 >> 32
    }

    #[inline]
    pub(crate) fn place(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn with_prefix(self, prefix: u64) -> Self {
        Self::new(self.partition(), prefix, self.place())
    }
}

/// How places are divided into chunk and offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    bits: u32,
}

impl Shape {
    /// Chunks for a buffer of this size: a sixty-fourth of it, from 16 KiB to 1 MiB.
    pub(crate) fn of_buffer(bytes: usize) -> Self {
        Self { bits: (bytes / 64).max(1).ilog2().clamp(14, 20) }
    }

    /// One chunk for everything.
    pub(crate) fn undivided() -> Self {
        Self { bits: 31 }
    }

    pub(crate) fn chunk_bytes(self) -> usize {
        1 << self.bits
    }

    #[inline]
    pub(crate) fn place(self, chunk: usize, offset: usize) -> u32 {
        (chunk << self.bits | offset) as u32
    }

    #[inline]
    fn split(self, place: u32) -> (usize, usize) {
        ((place >> self.bits) as usize, place as usize & (self.chunk_bytes() - 1))
    }
}

/// Records that are sorted and written together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) shape: Shape,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) entries: Vec<Entry>,
}

impl Batch {
    /// From the place on to the end of its chunk.
    #[inline]
    fn at(&self, entry: Entry) -> &[u8] {
        let (chunk, offset) = self.shape.split(entry.place());
        self.chunks.get(chunk).and_then(|c| c.get(offset..)).unwrap_or_default()
    }

    /// Sizes of a record's lengths, key and value.
    #[inline]
    fn measure(bytes: &[u8]) -> (usize, usize, usize) {
        if let Some([key, value]) = bytes.first_chunk::<2>()
            && *key < 128
            && *value < 128
        {
            return (2, usize::from(*key), usize::from(*value));
        }
        let (key, first) = vint::read(bytes).unwrap_or((0, 0));
        let (value, second) = vint::read(bytes.get(first..).unwrap_or_default()).unwrap_or((0, 0));
        (first + second, key as usize, value as usize)
    }

    /// The record of an entry.
    #[inline]
    pub(crate) fn record(&self, entry: Entry) -> Record<'_> {
        let bytes = self.at(entry);
        let (header, key, value) = Self::measure(bytes);
        Record {
            key: bytes.get(header..header + key).unwrap_or_default(),
            value: bytes.get(header + key..header + key + value).unwrap_or_default(),
            whole: bytes.get(..header + key + value).unwrap_or_default(),
        }
    }

    /// The key of an entry.
    #[inline]
    pub(crate) fn key(&self, entry: Entry) -> &[u8] {
        Self::key_in(self.at(entry))
    }

    /// The key of the record that bytes begin with.
    #[inline]
    pub(crate) fn key_in(bytes: &[u8]) -> &[u8] {
        let (header, key, _) = Self::measure(bytes);
        bytes.get(header..header + key).unwrap_or_default()
    }
}
