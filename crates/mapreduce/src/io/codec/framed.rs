//! Hadoop's frames around codecs that have none of their own (`BlockCompressorStream`): the length of a block of
//! plain bytes, then compressed chunks with their lengths until it is reached.

use std::io::{self, Read, Write};

/// `io.compression.codec.{snappy,lz4}.buffersize`
pub(super) const BUFFER: usize = 256 << 10;
/// Most bytes of a compressed chunk, so that a damaged length does not fill the memory.
const MAX_CHUNK: u32 = 1 << 28;

/// What is within the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Raw snappy.
    Snappy,
    /// A raw LZ4 block.
    Lz4,
}

impl Framing {
    /// Plain bytes that a block gathers, so that they fit the codec's buffer when they cannot be compressed.
    fn most(self, buffer: usize) -> usize {
        match self {
            Self::Snappy => buffer.saturating_sub(buffer / 6 + 32),
            Self::Lz4 => buffer.saturating_sub(buffer / 255 + 16),
        }
    }

    fn pack(self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        packed.clear();
        match self {
            Self::Snappy => {
                packed.resize(snap::raw::max_compress_len(plain.len()), 0);
                let length = snap::raw::Encoder::new()
                    .compress(plain, packed)
                    .map_err(|error| damaged(&error.to_string()))?;
                packed.truncate(length);
            }
            Self::Lz4 => {
                packed.resize(lz4_flex::block::get_maximum_output_size(plain.len()), 0);
                let length = lz4_flex::block::compress_into(plain, packed)
                    .map_err(|error| damaged(&error.to_string()))?;
                packed.truncate(length);
            }
        }
        Ok(())
    }

    /// At most `most` plain bytes.
    fn unpack(self, packed: &[u8], most: usize, plain: &mut Vec<u8>) -> io::Result<()> {
        plain.clear();
        let length = match self {
            Self::Snappy => {
                let wrong = |error: snap::Error| damaged(&error.to_string());
                let length = snap::raw::decompress_len(packed).map_err(wrong)?;
                // Two bytes of copy stand for at most 64.
                if length > most || length > packed.len().saturating_mul(64) {
                    return Err(damaged("a chunk is longer than its block"));
                }
                plain.resize(length, 0);
                snap::raw::Decoder::new().decompress(packed, plain).map_err(wrong)?
            }
            Self::Lz4 => {
                // A byte stands for at most 255.
                plain.resize(most.min(packed.len().saturating_mul(255).saturating_add(64)), 0);
                lz4_flex::block::decompress_into(packed, plain)
                    .map_err(|error| damaged(&error.to_string()))?
            }
        };
        plain.truncate(length);
        Ok(())
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("compressed data is damaged: {what}"))
}

/// Writes frames.
#[derive(Debug)]
pub struct FramedEncoder<W> {
    to: W,
    framing: Framing,
    most: usize,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl<W: Write> FramedEncoder<W> {
    /// Frames written to `to`.
    pub fn new(to: W, framing: Framing) -> Self {
        Self::with_buffer(to, framing, BUFFER)
    }

    /// The same, of blocks that fit a buffer of so many bytes.
    pub fn with_buffer(to: W, framing: Framing, buffer: usize) -> Self {
        Self { to, framing, most: framing.most(buffer), plain: Vec::new(), packed: Vec::new() }
    }

    /// What was written to.
    pub fn get_ref(&self) -> &W {
        &self.to
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        let length = u32::try_from(length).map_err(|_| damaged("a block of more than 4 GiB"))?;
        self.to.write_all(&length.to_be_bytes())
    }

    fn chunk(&mut self, plain: &[u8]) -> io::Result<()> {
        self.framing.pack(plain, &mut self.packed)?;
        self.length(self.packed.len())?;
        self.to.write_all(&self.packed)
    }

    /// Writes what was gathered as a block of one chunk; nothing gathered is a block of length 0.
    fn block(&mut self) -> io::Result<()> {
        self.length(self.plain.len())?;
        if !self.plain.is_empty() {
            let plain = std::mem::take(&mut self.plain);
            let written = self.chunk(&plain);
            self.plain = plain;
            self.plain.clear();
            written?;
        }
        Ok(())
    }

    /// Writes what is left and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.block()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for FramedEncoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = self.most;
        // More than Java's `int` cannot be one block.
        let bytes = bytes.get(..bytes.len().min(1 << 30)).unwrap_or_default();
        if !self.plain.is_empty() && self.plain.len().saturating_add(bytes.len()) > most {
            self.block()?;
        }
        if bytes.len() > most {
            self.length(bytes.len())?;
            for chunk in bytes.chunks(most.max(1)) {
                self.chunk(chunk)?;
            }
        } else {
            self.plain.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    /// A block ends only when it is full: what is gathered stays.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Reads frames.
#[derive(Debug)]
pub struct FramedDecoder<R> {
    from: R,
    framing: Framing,
    left_in_block: usize,
    packed: Vec<u8>,
    plain: Vec<u8>,
    at: usize,
}

impl<R: Read> FramedDecoder<R> {
    /// Frames read from `from`.
    pub fn new(from: R, framing: Framing) -> Self {
        Self { from, framing, left_in_block: 0, packed: Vec::new(), plain: Vec::new(), at: 0 }
    }

    /// Fetches the next chunk; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        while self.left_in_block == 0 {
            match read_length(&mut self.from)? {
                Some(length) => self.left_in_block = length as usize,
                None => return Ok(false),
            }
        }
        let length = read_length(&mut self.from)?.ok_or_else(|| damaged("it ends in a block"))?;
        if length > MAX_CHUNK {
            return Err(damaged(&format!("a chunk of {length} bytes")));
        }
        self.packed.clear();
        self.from.by_ref().take(u64::from(length)).read_to_end(&mut self.packed)?;
        if self.packed.len() != length as usize {
            return Err(damaged("it ends in a chunk"));
        }
        self.at = 0;
        self.framing.unpack(&self.packed, self.left_in_block, &mut self.plain)?;
        if self.plain.is_empty() {
            return Err(damaged("an empty chunk"));
        }
        self.left_in_block = self
            .left_in_block
            .checked_sub(self.plain.len())
            .ok_or_else(|| damaged("a chunk is longer than its block"))?;
        Ok(true)
    }
}

impl<R: Read> Read for FramedDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.plain.len() && !self.refill()? {
            return Ok(0);
        }
        let mut rest = self.plain.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at = self.at.saturating_add(length);
        Ok(length)
    }
}

/// A length of four bytes; `None` at the end.
fn read_length(from: &mut impl Read) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    let mut filled = 0;
    while filled < bytes.len() {
        let room = bytes.get_mut(filled..).unwrap_or_default();
        match from.read(room) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(damaged("it ends in a length")),
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(u32::from_be_bytes(bytes)))
}
