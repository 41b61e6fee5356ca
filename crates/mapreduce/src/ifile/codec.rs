//! What compresses segments.

use std::io::{self, Read, Write};

use crate::error::Result;

/// A stream that compresses what is written to it.
pub trait CompressStream: Write + Send {
    /// Writes whatever is left and the end of the compressed data.
    ///
    /// # Errors
    /// The stream below cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Compresses and decompresses segments (`mapreduce.map.output.compress.codec`).
pub trait SegmentCodec: Send + Sync {
    /// A stream that writes compressed data to another.
    ///
    /// # Errors
    /// The codec cannot be set up.
    fn compress(&self, to: Box<dyn Write + Send>) -> Result<Box<dyn CompressStream>>;

    /// A stream that reads compressed data from another.
    ///
    /// # Errors
    /// The codec cannot be set up.
    fn decompress(&self, from: Box<dyn Read + Send>) -> Result<Box<dyn Read + Send>>;
}
