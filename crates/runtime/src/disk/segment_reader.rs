//! A segment of the edit log, read from its beginning.

use super::error::{About, DiskError};
use loxodon_journal::segment::{Tail, classify_tail, next_transaction};
use loxodon_namespace::edit::Transaction;
use loxodon_namespace::edit_codec::{CodecError, decode_body, read_header};
use loxodon_wire::editlog::{Frame, HEADER_LENGTH, Step, read_frame};
use loxodon_wire::ids::TxId;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const CHUNK: usize = 1024 * 1024;

/// Reads a segment from its beginning, a piece at a time. More may be written to it meanwhile.
#[derive(Debug)]
pub struct SegmentReader {
    path: PathBuf,
    file: File,
    layout_version: i32,
    max_op_size: usize,
    buffer: Vec<u8>,
    consumed: usize,
    /// Offset in the file of the buffer's beginning.
    base: u64,
    last: TxId,
    /// Transactions need not follow each other.
    lenient: bool,
}

impl SegmentReader {
    /// Opens a segment and reads its header.
    ///
    /// # Errors
    /// If it cannot be opened, or has no header that is understood.
    pub fn open(path: &Path, max_op_size: usize) -> Result<Self, DiskError> {
        let file = File::open(path).about("open", path)?;
        let mut reader = Self {
            path: path.to_owned(),
            file,
            layout_version: 0,
            max_op_size,
            buffer: Vec::new(),
            consumed: 0,
            base: 0,
            last: TxId(0),
            lenient: false,
        };
        reader.fill(HEADER_LENGTH)?;
        reader.layout_version = read_header(&reader.buffer)
            .map_err(|source| DiskError::Header { path: path.to_owned(), source })?;
        reader.consumed = HEADER_LENGTH;
        Ok(reader)
    }

    /// Takes transactions in whatever order they come.
    pub(super) const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// After an error or the end: goes to the next whole transaction with a later number, if
    /// there is one.
    pub(super) fn resync(&mut self) -> Result<bool, DiskError> {
        self.file.read_to_end(&mut self.buffer).about("read", &self.path)?;
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        let Some(skipped) = next_transaction(rest, self.last, self.max_op_size) else {
            return Ok(false);
        };
        self.consumed += skipped;
        Ok(true)
    }

    /// The layout it was written with.
    #[must_use]
    pub const fn layout_version(&self) -> i32 {
        self.layout_version
    }

    /// Where the next transaction begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.base + self.consumed as u64
    }

    /// The last transaction that was read.
    #[must_use]
    pub const fn last(&self) -> TxId {
        self.last
    }

    /// The next transaction. `None` at the end: of the file, at preallocated space, or at a
    /// transaction that is not whole (yet).
    ///
    /// # Errors
    /// If it is damaged, or out of order.
    pub fn next_transaction(&mut self) -> Result<Option<Transaction>, DiskError> {
        let layout = self.layout_version;
        self.next_with(|frame| {
            Ok(Transaction {
                txid: frame.txid,
                edit: decode_body(frame.opcode, frame.body, layout)?,
            })
        })
    }

    /// As [`Self::next_transaction`], without looking into it.
    pub(super) fn next_id(&mut self) -> Result<Option<TxId>, DiskError> {
        self.next_with(|frame| Ok(frame.txid))
    }

    fn next_with<T>(
        &mut self,
        read: impl FnOnce(&Frame<'_>) -> Result<T, CodecError>,
    ) -> Result<Option<T>, DiskError> {
        loop {
            let rest = self.buffer.get(self.consumed..).unwrap_or_default();
            let needed = match read_frame(rest, self.max_op_size) {
                Ok(Step::Frame(frame)) => {
                    let (txid, length) = (frame.txid, frame.bytes.len());
                    let expected = self.last.next();
                    if !self.lenient && self.last.0 != 0 && txid != expected {
                        return Err(DiskError::OutOfOrder {
                            path: self.path.clone(),
                            offset: self.offset(),
                            expected,
                            found: txid,
                        });
                    }
                    let value = read(&frame).map_err(|source| DiskError::Transaction {
                        path: self.path.clone(),
                        offset: self.base + self.consumed as u64,
                        source,
                    })?;
                    self.consumed += length;
                    self.last = txid;
                    return Ok(Some(value));
                }
                Ok(Step::End) => 1,
                Ok(Step::Filler) => return Ok(None),
                Ok(Step::Incomplete { needed }) => needed,
                Err(error) => {
                    return Err(DiskError::Transaction {
                        path: self.path.clone(),
                        offset: self.offset(),
                        source: error.into(),
                    });
                }
            };
            if !self.fill(needed)? {
                return Ok(None);
            }
        }
    }

    /// After an error or the end: what the rest of the file is.
    ///
    /// # Errors
    /// [`DiskError::Damaged`], if acknowledged transactions follow.
    pub(super) fn tail(&mut self) -> Result<Tail, DiskError> {
        self.reserve(u64::MAX);
        self.file.read_to_end(&mut self.buffer).about("read", &self.path)?;
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        classify_tail(rest, self.offset(), self.last, self.max_op_size)
            .map_err(|source| DiskError::Damaged { path: self.path.clone(), source })
    }

    /// Makes room for what will be read, at most the rest of the file: growing by doubling would leave a start with
    /// twice the memory.
    fn reserve(&mut self, wanted: u64) {
        let read = self.base + self.buffer.len() as u64;
        let rest = self.file.metadata().map_or(0, |about| about.len().saturating_sub(read));
        // One more byte, by which its end is found.
        let room = usize::try_from(rest.min(wanted)).unwrap_or(0).saturating_add(1);
        // Where there is no room, reading says so.
        let _ = self.buffer.try_reserve_exact(room);
    }

    /// Has `needed` bytes in the buffer after what was consumed, if the file has them.
    fn fill(&mut self, needed: usize) -> Result<bool, DiskError> {
        self.buffer.drain(..self.consumed);
        self.base += self.consumed as u64;
        self.consumed = 0;
        let before = self.buffer.len();
        let wanted = needed.max(CHUNK).saturating_sub(before) as u64;
        self.reserve(wanted);
        (&self.file).take(wanted).read_to_end(&mut self.buffer).about("read", &self.path)?;
        Ok(self.buffer.len() >= needed)
    }
}
