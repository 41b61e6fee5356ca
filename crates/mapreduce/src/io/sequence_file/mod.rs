//! Hadoop's files of records (`org.apache.hadoop.io.SequenceFile`), versions 1 to 6; version 6 is written.
//!
//! A header names the classes of keys and values, then come records, or blocks of records, with a mark of 16
//! bytes before some of them, by which a reader finds its way from any position.
//!
//! ```
//! use loxodon_mapreduce::fs::memory::MemoryInput;
//! use loxodon_mapreduce::io::codec::Codec;
//! use loxodon_mapreduce::io::sequence_file::{Compression, Options, Reader, Writer};
//! use loxodon_mapreduce::io::writable::{Datum, IntWritable, Text, Writable};
//!
//! let options = Options::new(Text::CLASS, IntWritable::CLASS).compressed(Compression::Block, Codec::Gzip);
//! let mut writer = Writer::new(Vec::new(), options)?;
//! writer.append(Datum::Text(b"one"), Datum::Int(1))?;
//! let bytes = writer.finish()?;
//!
//! let mut reader = Reader::open(Box::new(MemoryInput::new(bytes)), "numbers")?;
//! while reader.advance()? {
//!     assert_eq!(Text::read(&mut reader.key())?, b"one");
//!     assert_eq!(IntWritable::read(&mut reader.value())?, 1);
//! }
//! # Ok::<(), loxodon_mapreduce::error::Error>(())
//! ```

mod header;
mod reader;
mod writer;

pub use header::Header;
pub use reader::Reader;
pub use writer::{Options, Writer};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of a mark.
pub(super) const MARK: usize = 16;
/// Stands before a mark, where a length is expected.
pub(super) const ESCAPE: u32 = u32::MAX;
/// Bytes of escape and mark (`SYNC_SIZE`).
pub(super) const MARK_WITH_ESCAPE: u64 = 20;
/// Bytes between marks (`SYNC_INTERVAL`); also the least that a split has.
pub const SYNC_INTERVAL: u64 = 5 * 1024 * MARK_WITH_ESCAPE;
/// Most plain bytes of a record or of a buffer of records.
pub(super) const MOST: usize = 1 << 30;

/// What is compressed (`SequenceFile.CompressionType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// Each value by itself.
    Record,
    /// Many keys together, and many values.
    Block,
}

impl Compression {
    /// By Hadoop's name.
    ///
    /// # Errors
    /// Another name, in Java's words.
    pub fn of_name(name: &str) -> Result<Self> {
        Ok(match name {
            "NONE" => Self::None,
            "RECORD" => Self::Record,
            "BLOCK" => Self::Block,
            other => {
                let class = "org.apache.hadoop.io.SequenceFile.CompressionType";
                let message = format!("No enum constant {class}.{other}");
                return Err(Error::new(ErrorKind::IllegalArgument, message));
            }
        })
    }
}

#[cfg(test)]
mod tests;
