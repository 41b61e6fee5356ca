//! Reading (`SequenceFile.Reader`).

use super::header::{Header, read_length};
use super::{Compression, ESCAPE, MARK, MARK_WITH_ESCAPE, MOST};
use crate::error::{Error, Result};
use crate::fs::InputStream;
use crate::io::BufferedInput;
use crate::io::codec::Packer;
use crate::io::writable::vint;

/// Where the current key or value lies.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    start: usize,
    length: usize,
}

impl Range {
    fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..).and_then(|rest| rest.get(..self.length)).unwrap_or_default()
    }

    fn after(self) -> usize {
        self.start.saturating_add(self.length)
    }
}

/// A block of records, decompressed: lengths and bytes of keys, then of values.
#[derive(Debug, Default)]
struct Block {
    buffers: [Vec<u8>; 4],
    /// Bytes read of the two buffers of lengths.
    read: [usize; 2],
    left: usize,
}

/// Reads records one by one. Keys and values are borrowed, serialised, from the read buffer.
#[derive(Debug)]
pub struct Reader {
    input: BufferedInput,
    header: Header,
    header_end: u64,
    packer: Option<Packer>,
    /// Bytes of the current record that still stand at the front of the read buffer.
    pending: usize,
    key: Range,
    value: Range,
    plain: Vec<u8>,
    block: Block,
    mark_seen: bool,
}

impl Reader {
    /// Reads the header. Errors call the file `name`.
    ///
    /// # Errors
    /// What is no sequence file; a version or codec that is not known.
    pub fn open(stream: Box<dyn InputStream>, name: impl Into<String>) -> Result<Self> {
        let mut input = BufferedInput::new(stream, name);
        let header = Header::read(&mut input)?;
        Ok(Self {
            header_end: input.position(),
            packer: header.codec.map(Packer::new),
            input,
            header,
            pending: 0,
            key: Range::default(),
            value: Range::default(),
            plain: Vec::new(),
            block: Block::default(),
            mark_seen: false,
        })
    }

    /// What the file says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Position behind the last record or block that was read.
    pub fn position(&self) -> u64 {
        self.input.position().saturating_add(self.pending as u64)
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.input.length()
    }

    /// Whether a mark stood before the last record.
    pub fn sync_seen(&self) -> bool {
        self.mark_seen
    }

    /// The current key, serialised.
    pub fn key(&self) -> &[u8] {
        match self.header.compression {
            Compression::Block => self.block.buffers.get(1).map_or(&[], |keys| self.key.of(keys)),
            _ => self.key.of(self.input.buffered()),
        }
    }

    /// The current value, serialised and decompressed.
    pub fn value(&self) -> &[u8] {
        match self.header.compression {
            Compression::Block => {
                self.block.buffers.get(3).map_or(&[], |values| self.value.of(values))
            }
            Compression::Record => &self.plain,
            Compression::None => self.value.of(self.input.buffered()),
        }
    }

    /// Moves to the next record; `false` at the end of the file.
    ///
    /// # Errors
    /// A damaged file, with where.
    pub fn advance(&mut self) -> Result<bool> {
        self.input.consume(self.pending);
        self.pending = 0;
        match self.header.compression {
            Compression::Block => self.next_of_block(),
            _ => self.next_record(),
        }
    }

    fn check_mark(&mut self) -> Result<()> {
        let mark: [u8; MARK] = self.input.take()?;
        if self.header.mark != Some(mark) {
            return Err(self.input.damaged("File is corrupt! a wrong synchronisation mark"));
        }
        self.mark_seen = true;
        Ok(())
    }

    fn next_record(&mut self) -> Result<bool> {
        self.mark_seen = false;
        if self.input.is_at_end()? {
            return Ok(false);
        }
        let mut length = u32::from_be_bytes(self.input.take()?);
        if length == ESCAPE && self.header.mark.is_some() {
            self.check_mark()?;
            if self.input.is_at_end()? {
                return Ok(false);
            }
            length = u32::from_be_bytes(self.input.take()?);
        }
        let key_length = u32::from_be_bytes(self.input.take()?);
        if length > i32::MAX.cast_unsigned() || key_length > length {
            let message = format!("File is corrupt! a key of {key_length} in {length} bytes");
            return Err(self.input.damaged(message));
        }
        let (length, key_length) = (length as usize, key_length as usize);
        self.input.need(length)?;
        self.key = Range { start: 0, length: key_length };
        self.value = Range { start: key_length, length: length.saturating_sub(key_length) };
        if let Some(packer) = &mut self.packer {
            self.plain.clear();
            let packed = self.value.of(self.input.buffered());
            packer
                .unpack(packed, &mut self.plain, MOST)
                .map_err(|error| self.input.damaged(error))?;
        }
        self.pending = length;
        Ok(true)
    }

    fn next_of_block(&mut self) -> Result<bool> {
        self.mark_seen = false;
        while self.block.left == 0 {
            if self.input.is_at_end()? {
                return Ok(false);
            }
            self.read_block()?;
        }
        self.block.left = self.block.left.saturating_sub(1);
        let [key_lengths, keys, value_lengths, values] = &self.block.buffers;
        let [key_at, value_at] = &mut self.block.read;
        let next = |lengths: &[u8], at: &mut usize, bytes: &[u8], previous: Range| {
            let mut rest = lengths.get(*at..).unwrap_or_default();
            let before = rest.len();
            let length = vint::read_length(&mut rest)?;
            *at = at.saturating_add(before.saturating_sub(rest.len()));
            let range = Range { start: previous.after(), length };
            if range.after() > bytes.len() {
                return Err(Error::io("a length exceeds its buffer"));
            }
            Ok(range)
        };
        let damaged = |error: Error| {
            self.input.damaged(format!("File is corrupt! in the block before: {error}"))
        };
        self.key = next(key_lengths, key_at, keys, self.key).map_err(damaged)?;
        self.value = next(value_lengths, value_at, values, self.value).map_err(damaged)?;
        Ok(true)
    }

    fn read_block(&mut self) -> Result<()> {
        let escape = u32::from_be_bytes(self.input.take()?);
        if escape != ESCAPE {
            return Err(self.input.damaged("File is corrupt! a block does not begin with a mark"));
        }
        self.check_mark()?;
        let count = read_length(&mut self.input)?;
        for buffer in &mut self.block.buffers {
            let length = read_length(&mut self.input)?;
            self.input.need(length)?;
            buffer.clear();
            if let Some(packer) = &mut self.packer {
                packer
                    .unpack(self.input.peek(length), buffer, MOST)
                    .map_err(|error| self.input.damaged(error))?;
            }
            self.input.consume(length);
        }
        self.block.left = count;
        self.block.read = [0, 0];
        (self.key, self.value) = (Range::default(), Range::default());
        Ok(())
    }

    /// Moves to a position where a record or block begins, with or without a mark.
    ///
    /// # Errors
    /// Beyond the end.
    pub fn seek(&mut self, position: u64) -> Result<()> {
        self.pending = 0;
        self.block.left = 0;
        self.input.seek(position)
    }

    /// Moves to the first mark at or behind a position, or to the end where there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sync(&mut self, position: u64) -> Result<()> {
        let end = self.length();
        if position.saturating_add(MARK_WITH_ESCAPE) >= end {
            return self.seek(end);
        }
        if position < self.header_end {
            self.seek(self.header_end)?;
            self.mark_seen = true;
            return Ok(());
        }
        let Some(mark) = self.header.mark else { return self.seek(end) };
        // The escape before it need not be looked at.
        self.seek(position.saturating_add(4))?;
        let finder = memchr::memmem::Finder::new(&mark);
        loop {
            if self.input.position().saturating_add(MARK as u64) > end {
                return self.seek(end);
            }
            self.input.need(MARK)?;
            if let Some(at) = finder.find(self.input.buffered()) {
                self.input.consume(at);
                return self.seek(self.input.position().saturating_sub(4));
            }
            let seen = self.input.buffered().len();
            self.input.consume(seen.saturating_sub(MARK - 1));
        }
    }
}
