//! Writes a file of segments.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::frame::Frame;
use super::{END_MARKER, IndexEntry, SpillIndex, vint};
use crate::error::{Error, Result};
use crate::io::codec::{Codec, Encoder};

/// Record bytes gathered before they are summed and written.
const BUFFER_BYTES: usize = 128 << 10;

/// A file of segments being written (`IFile.Writer`, once for each partition).
pub struct IFileWriter {
    path: PathBuf,
    codec: Option<Codec>,
    out: Out,
    buffer: Vec<u8>,
    /// Bytes of this segment's records that have left the buffer.
    passed: u64,
    segment: Option<u64>,
    records: u64,
    index: SpillIndex,
}

enum Out {
    /// Between segments, and within those that are not compressed.
    Plain(SummedFile),
    /// Within a compressed segment.
    Packed(Box<Encoder<SummedFile>>),
    /// After an error.
    Broken,
}

/// A file that knows its length and the checksum of the segment in work; small segments are gathered.
struct SummedFile {
    file: File,
    pending: Vec<u8>,
    sum: crc32fast::Hasher,
    position: u64,
}

impl SummedFile {
    fn end_segment(&mut self) -> io::Result<u64> {
        let sum = std::mem::take(&mut self.sum).finalize();
        self.put(&sum.to_be_bytes())?;
        Ok(self.position)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        if self.pending.len() + bytes.len() <= BUFFER_BYTES {
            self.pending.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_pending()?;
        if bytes.len() < BUFFER_BYTES / 2 {
            self.pending.extend_from_slice(bytes);
            return Ok(());
        }
        self.file.write_all(bytes)
    }

    fn write_pending(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

impl Write for SummedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sum.update(bytes);
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl IFileWriter {
    /// Creates a file; whatever was there is gone.
    ///
    /// # Errors
    /// The disk refuses it; the error names the file.
    pub fn create(path: PathBuf, codec: Option<Codec>) -> Result<Self> {
        let file = File::create(&path)
            .map_err(|e| Error::system(format_args!("creating {}", path.display()), &e))?;
        let sum = crc32fast::Hasher::new();
        let out = Out::Plain(SummedFile { file, pending: Vec::new(), sum, position: 0 });
        let buffer = Vec::new();
        let index = SpillIndex::default();
        Ok(Self { path, codec, out, buffer, passed: 0, segment: None, records: 0, index })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records written to all segments.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Starts the next segment.
    ///
    /// # Errors
    /// The codec cannot be set up.
    pub fn begin_segment(&mut self) -> Result<()> {
        self.passed = 0;
        let Out::Plain(file) = std::mem::replace(&mut self.out, Out::Broken) else {
            return Err(Error::io(format!("{}: a segment is open", self.path.display())));
        };
        self.segment = Some(file.position);
        self.out = match self.codec {
            None => Out::Plain(file),
            Some(codec) => Out::Packed(Box::new(codec.encoder(file).map_err(|e| self.failed(&e))?)),
        };
        Ok(())
    }

    /// Appends a record.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn append(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        vint::write(key.len() as i64, &mut self.buffer);
        vint::write(value.len() as i64, &mut self.buffer);
        self.buffer.extend_from_slice(key);
        self.buffer.extend_from_slice(value);
        self.appended()
    }

    /// Appends a record that has its lengths in front already.
    ///
    /// # Errors
    /// The disk refuses it.
    #[inline]
    pub fn append_record(&mut self, record: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(record);
        self.appended()
    }

    /// Appends a record that serializes itself: first its key, then its value.
    ///
    /// # Errors
    /// The disk refuses it.
    #[inline]
    pub fn append_with(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut frame = Frame::begin(&mut self.buffer);
        key(&mut self.buffer);
        frame.key_ends(&self.buffer);
        value(&mut self.buffer);
        frame.end(&mut self.buffer);
        self.appended()
    }

    #[inline]
    fn appended(&mut self) -> Result<()> {
        self.records += 1;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let written = match &mut self.out {
            Out::Plain(file) => file.write_all(&self.buffer),
            Out::Packed(encoder) => encoder.write_all(&self.buffer),
            Out::Broken => Err(io::Error::other("an earlier write failed")),
        };
        written.map_err(|e| self.failed(&e))?;
        self.passed += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(2 * BUFFER_BYTES);
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::system(format_args!("writing {}", self.path.display()), error)
    }

    /// Ends the segment: its end marker and its checksum. Says where it lies.
    ///
    /// # Errors
    /// The disk refuses it, or no segment was begun.
    pub fn end_segment(&mut self) -> Result<IndexEntry> {
        let Some(start) = self.segment.take() else {
            return Err(Error::io(format!("{}: no segment was begun", self.path.display())));
        };
        self.buffer.extend_from_slice(&END_MARKER);
        self.flush()?;
        let ended = match std::mem::replace(&mut self.out, Out::Broken) {
            Out::Plain(file) => Ok(file),
            Out::Packed(encoder) => encoder.finish(),
            Out::Broken => Err(io::Error::other("an earlier write failed")),
        };
        let mut file = ended.map_err(|e| self.failed(&e))?;
        let end = file.end_segment().map_err(|e| self.failed(&e))?;
        self.out = Out::Plain(file);
        let entry = IndexEntry { start, raw_length: self.passed, part_length: end - start };
        self.index.entries.push(entry);
        Ok(entry)
    }

    /// Closes the file after its last segment. Says where the segments are.
    ///
    /// # Errors
    /// The disk refuses the last bytes.
    pub fn finish(mut self) -> Result<SpillIndex> {
        let written = match &mut self.out {
            Out::Plain(file) => file.write_pending(),
            _ => Err(io::Error::other("its last segment was not ended")),
        };
        written.map_err(|e| self.failed(&e))?;
        Ok(self.index)
    }
}
