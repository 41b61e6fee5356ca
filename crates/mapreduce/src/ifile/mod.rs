//! Intermediate files: sorted records on a local disk, in the bytes of Hadoop's `IFile`.
//!
//! A segment is a run of records (length of key and of value as variable-length integers, then both), an end marker
//! (`-1 -1`) and the CRC32 of all of that as it lies in the file, after compression where there is some. A map's
//! output is one file of segments, one for each reduce, with a [`SpillIndex`] beside it.

mod frame;
mod index;
mod reader;
#[cfg(test)]
mod tests;
pub mod vint;
mod writer;

pub(crate) use frame::Frame;
pub use index::{ENTRY_BYTES, IndexEntry, SpillIndex};
pub use reader::{Record, Segment, SegmentReader};
pub use writer::IFileWriter;

/// The two lengths that end a segment (`IFile.EOF_MARKER`, twice).
pub(crate) const END_MARKER: [u8; 2] = [0xff, 0xff];

/// Bytes of a segment's checksum.
pub(crate) const CHECKSUM_BYTES: u64 = 4;
