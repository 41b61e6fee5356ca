//! bzip2 from the middle of a file (`SplittableCompressionCodec`, as `BZip2Codec` is).
//!
//! A bzip2 file is a run of blocks that begin at any bit with a mark of 48 bits. A block belongs to the split in
//! which its mark begins. Each is put behind a header and in front of an end of its own, at whole bytes, so that
//! an ordinary decompressor takes it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fs::InputStream;

/// What a block begins with: the digits of pi.
const BLOCK: u64 = 0x3141_5926_5359;
/// What the end of a stream begins with: the digits of its root.
const END: u64 = 0x1772_4538_5090;
const MARK: u64 = 0xffff_ffff_ffff;
/// Bits of a mark, and of a checksum.
const MARK_BITS: usize = 48;
const CRC_BITS: usize = 32;
/// Most compressed bytes of a block: 900 KB that cannot be compressed, and tables.
const LONGEST: usize = 2 << 20;
/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// The plain bytes of the blocks from one position of a bzip2 file on.
pub struct Bzip2Blocks {
    from: Box<dyn InputStream>,
    /// Compressed bytes from `base` on.
    window: Vec<u8>,
    /// Position in the file of the window's first byte.
    base: u64,
    /// The bit of the window where the next block's mark is looked for.
    bit: usize,
    at_end: bool,
    /// Where the split ends in the file.
    end: u64,
    plain: Vec<u8>,
    at: usize,
    /// Plain bytes handed out so far.
    given: u64,
    /// How many of them belong to the split, once that is known.
    split_length: Option<u64>,
    position: Arc<AtomicU64>,
}

impl std::fmt::Debug for Bzip2Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bzip2Blocks").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Looks for a mark from a bit on: where it is, and whether it is a block's.
fn find(window: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut bits: u64 = 0;
    let first = from / 8;
    for (at, byte) in window.iter().enumerate().skip(first) {
        bits = bits << 8 | u64::from(*byte);
        // Marks that end within this byte, the earliest first.
        let seen = at.saturating_sub(first).saturating_add(1).saturating_mul(8);
        if seen < MARK_BITS {
            continue;
        }
        for shift in (0..8).rev() {
            let start = at.saturating_add(1).saturating_mul(8).checked_sub(MARK_BITS + shift);
            let Some(start) = start.filter(|start| *start >= from) else { continue };
            let mark = bits >> shift & MARK;
            if mark == BLOCK || mark == END {
                return Some((start, mark == BLOCK));
            }
        }
    }
    None
}

/// Bits put one after the other.
struct BitWriter {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: u64, bits: u32) {
        for bit in (0..bits).rev() {
            self.held = self.held << 1 | (value >> bit & 1);
            self.count = self.count.saturating_add(1);
            if self.count == 8 {
                self.bytes.push((self.held & 0xff) as u8);
                (self.held, self.count) = (0, 0);
            }
        }
    }

    /// All bits of `window` from one to another.
    fn copy(&mut self, window: &[u8], from: usize, to: usize) {
        let shift = (from % 8) as u32;
        let mut bit = from;
        // Whole bytes first: the writer stands at a whole byte.
        while bit.saturating_add(8) <= to && self.count == 0 {
            let at = bit / 8;
            let high = u16::from(window.get(at).copied().unwrap_or(0)) << 8;
            let low = u16::from(window.get(at.saturating_add(1)).copied().unwrap_or(0));
            self.bytes.push(((high | low) << shift >> 8) as u8);
            bit = bit.saturating_add(8);
        }
        while bit < to {
            let byte = window.get(bit / 8).copied().unwrap_or(0);
            self.put(u64::from(byte >> (7 - bit % 8) & 1), 1);
            bit = bit.saturating_add(1);
        }
    }
}

/// A stream of one block, from its mark to `to`.
fn alone(window: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut writer = BitWriter { bytes: b"BZh9".to_vec(), held: 0, count: 0 };
    writer.copy(window, from, to);
    writer.put(END, 48);
    // The sum over one block is the block's own, which stands behind its mark.
    let mut crc = 0;
    for bit in from.saturating_add(MARK_BITS)..from.saturating_add(MARK_BITS + CRC_BITS) {
        let byte = window.get(bit / 8).copied().unwrap_or(0);
        crc = crc << 1 | u64::from(byte >> (7 - bit % 8) & 1);
    }
    writer.put(crc, 32);
    let padding = (8 - writer.count) % 8;
    writer.put(0, padding);
    writer.bytes
}

impl Bzip2Blocks {
    /// The blocks whose marks begin from `start` to before `end`, and those that follow.
    ///
    /// # Errors
    /// The file cannot be read there.
    pub fn new(mut from: Box<dyn InputStream>, start: u64, end: u64) -> io::Result<Self> {
        from.seek(start)?;
        Ok(Self {
            from,
            window: Vec::new(),
            base: start,
            bit: 0,
            at_end: false,
            end,
            plain: Vec::new(),
            at: 0,
            given: 0,
            split_length: None,
            position: Arc::new(AtomicU64::new(start)),
        })
    }

    /// How many plain bytes belong to the split, once its last block has been handed out.
    pub fn split_length(&self) -> Option<u64> {
        self.split_length
    }

    /// The position in the file of what is being read, shared.
    pub fn position(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        let filled = self.window.len();
        self.window.resize(filled.saturating_add(CHUNK), 0);
        let room = self.window.get_mut(filled..).unwrap_or_default();
        let count = loop {
            match self.from.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.window.truncate(filled.saturating_add(*count.as_ref().unwrap_or(&0)));
        self.at_end = count? == 0;
        Ok(!self.at_end)
    }

    /// Forgets what lies before a bit, which becomes one of the window's first eight.
    fn forget(&mut self, bit: usize) {
        let bytes = (bit / 8).min(self.window.len());
        self.window.drain(..bytes);
        self.base = self.base.saturating_add(bytes as u64);
        self.bit = bit.saturating_sub(bytes.saturating_mul(8));
    }

    /// The next mark at or behind a bit, reading as far as needed.
    fn mark(&mut self, from: usize) -> io::Result<Option<(usize, bool)>> {
        let mut searched = from;
        loop {
            if let Some(found) = find(&self.window, searched) {
                return Ok(Some(found));
            }
            let end = self.window.len().saturating_mul(8);
            searched = searched.max(end.saturating_sub(MARK_BITS));
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Looks for the next block's mark and puts it at the front of the window.
    fn next_mark(&mut self) -> io::Result<bool> {
        loop {
            // Between streams there may be much that is no block: it is not kept.
            if let Some((at, is_block)) = find(&self.window, self.bit) {
                let bit = if is_block { at } else { at.saturating_add(MARK_BITS) };
                self.forget(bit);
                if is_block {
                    return Ok(true);
                }
                continue;
            }
            let end = self.window.len().saturating_mul(8);
            let keep = self.bit.max(end.saturating_sub(MARK_BITS));
            self.forget(keep);
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Decompresses the next block; `false` at the end of the file.
    fn block(&mut self) -> io::Result<bool> {
        if !self.next_mark()? {
            self.split_length.get_or_insert(self.given);
            return Ok(false);
        }
        let mark_at = self.base.saturating_add((self.bit / 8) as u64);
        if mark_at >= self.end {
            self.split_length.get_or_insert(self.given);
        }
        self.position.store(mark_at, Ordering::Relaxed);
        let start = self.bit;
        let mut after = start.saturating_add(MARK_BITS);
        loop {
            let found = self.mark(after)?;
            let end = found.map_or(self.window.len().saturating_mul(8), |(at, _)| at);
            let stream = alone(&self.window, start, end);
            self.plain.clear();
            let result = bzip2::read::BzDecoder::new(&*stream).read_to_end(&mut self.plain);
            match (result, found) {
                (Ok(_), _) => {
                    self.bit = end;
                    self.at = 0;
                    return Ok(true);
                }
                // A mark within a block is possible, if not likely: the block may be longer.
                (Err(_), Some((at, _))) if at.saturating_sub(start) / 8 < LONGEST => {
                    after = at.saturating_add(1);
                }
                (Err(error), _) => {
                    let message = format!("the bzip2 block at offset {mark_at}: {error}");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            }
        }
    }
}

impl Read for Bzip2Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.plain.len() {
            if !self.block()? {
                return Ok(0);
            }
        }
        let mut rest = self.plain.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at = self.at.saturating_add(length);
        self.given = self.given.saturating_add(length as u64);
        Ok(length)
    }
}
