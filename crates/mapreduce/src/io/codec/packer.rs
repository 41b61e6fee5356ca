//! Whole buffers compressed and decompressed, with the state kept between them.

use std::io::{Read, Write};

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Codec, Levels};
use crate::error::{Error, Result};

/// Bytes of room that are added at once.
const STEP: usize = 1 << 16;

/// Compresses and decompresses one buffer after the other.
#[derive(Debug)]
pub struct Packer {
    codec: Codec,
    levels: Levels,
    compress: Option<Compress>,
    decompress: Option<Decompress>,
}

impl Packer {
    /// For a codec.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self::at(codec, Levels::default())
    }

    /// For a codec at these levels.
    #[must_use]
    pub fn at(codec: Codec, levels: Levels) -> Self {
        Self { codec, levels, compress: None, decompress: None }
    }

    /// The codec.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends `plain`, compressed as a stream of its own.
    ///
    /// # Errors
    /// The compressor fails.
    pub fn pack(&mut self, plain: &[u8], to: &mut Vec<u8>) -> Result<()> {
        if self.codec == Codec::Zlib {
            return self.deflate(plain, to);
        }
        let failed = |error: std::io::Error| Error::io(format!("cannot compress: {error}"));
        let mut encoder = self.codec.encoder_at(&self.levels, to).map_err(failed)?;
        encoder.write_all(plain).map_err(failed)?;
        encoder.finish().map(drop).map_err(failed)
    }

    fn deflate(&mut self, mut plain: &[u8], to: &mut Vec<u8>) -> Result<()> {
        let level = flate2::Compression::new(self.levels.zlib);
        let state = self.compress.get_or_insert_with(|| Compress::new(level, true));
        state.reset();
        loop {
            to.reserve((plain.len() / 2).clamp(64, STEP));
            let before = state.total_in();
            let status = state
                .compress_vec(plain, to, FlushCompress::Finish)
                .map_err(|error| Error::io(format!("cannot compress: {error}")))?;
            let taken = usize::try_from(state.total_in().saturating_sub(before)).unwrap_or(0);
            plain = plain.get(taken..).unwrap_or_default();
            if status == Status::StreamEnd {
                return Ok(());
            }
        }
    }

    /// Appends what `packed` stands for, at most `limit` bytes.
    ///
    /// # Errors
    /// Damaged data; more than `limit` bytes.
    pub fn unpack(&mut self, packed: &[u8], to: &mut Vec<u8>, limit: usize) -> Result<()> {
        if self.codec == Codec::Zlib {
            return self.inflate(packed, to, limit);
        }
        let failed = |error: std::io::Error| Error::io(format!("cannot decompress: {error}"));
        let start = to.len();
        let decoder = self.codec.decoder(packed).map_err(failed)?;
        let most = (limit as u64).saturating_add(1);
        decoder.take(most).read_to_end(to).map_err(failed)?;
        if to.len().saturating_sub(start) > limit {
            return Err(too_long(limit));
        }
        Ok(())
    }

    fn inflate(&mut self, mut packed: &[u8], to: &mut Vec<u8>, limit: usize) -> Result<()> {
        let state = self.decompress.get_or_insert_with(|| Decompress::new(true));
        state.reset(true);
        let start = to.len();
        loop {
            to.reserve(packed.len().saturating_mul(2).clamp(64, STEP));
            let (taken_before, made_before) = (state.total_in(), state.total_out());
            let status = state
                .decompress_vec(packed, to, FlushDecompress::None)
                .map_err(|error| Error::io(format!("cannot decompress: {error}")))?;
            let taken = usize::try_from(state.total_in().saturating_sub(taken_before)).unwrap_or(0);
            packed = packed.get(taken..).unwrap_or_default();
            if to.len().saturating_sub(start) > limit {
                return Err(too_long(limit));
            }
            match status {
                Status::StreamEnd => return Ok(()),
                _ if taken == 0 && state.total_out() == made_before => {
                    return Err(Error::io("cannot decompress: it ends early"));
                }
                _ => {}
            }
        }
    }
}

fn too_long(limit: usize) -> Error {
    Error::io(format!("cannot decompress: more than {limit} bytes come of it"))
}
