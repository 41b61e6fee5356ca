//! Hadoop's compression codecs, each section a stream of its own.

use super::error::ImageError;
use bzip2::write::BzEncoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::{self, Read, Write};

/// How sections are compressed (`dfs.image.compression.codec`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all (`dfs.image.compress` = false).
    #[default]
    None,
    /// `DefaultCodec`: zlib.
    Default,
    /// `DeflateCodec`: zlib.
    Deflate,
    /// `GzipCodec`.
    Gzip,
    /// `BZip2Codec`.
    Bzip2,
    /// `SnappyCodec`: blocks with their lengths.
    Snappy,
    /// `Lz4Codec`: blocks with their lengths.
    Lz4,
    /// `ZStandardCodec`.
    Zstandard,
}

const PACKAGE: &str = "org.apache.hadoop.io.compress.";
/// Bytes that are compressed together by Snappy and LZ4, less what they may grow by
/// (`io.compression.codec.snappy.buffersize`).
const BLOCK: usize = 256 * 1024 - 256 * 1024 / 6 - 32;
/// No codec makes more of a byte than this.
const MAX_GROWTH: u64 = 1 << 16;

impl Compression {
    const NAMED: [(Self, &'static str); 7] = [
        (Self::Default, "DefaultCodec"),
        (Self::Deflate, "DeflateCodec"),
        (Self::Gzip, "GzipCodec"),
        (Self::Bzip2, "BZip2Codec"),
        (Self::Snappy, "SnappyCodec"),
        (Self::Lz4, "Lz4Codec"),
        (Self::Zstandard, "ZStandardCodec"),
    ];

    /// The codec of this class name; an empty name is none.
    ///
    /// # Errors
    /// [`ImageError::Codec`] for a codec that is not known here.
    pub fn from_class(name: &str) -> Result<Self, ImageError> {
        if name.is_empty() {
            return Ok(Self::None);
        }
        let short = name.strip_prefix(PACKAGE);
        Self::NAMED
            .iter()
            .find(|(_, known)| short == Some(*known))
            .map(|(codec, _)| *codec)
            .ok_or_else(|| ImageError::Codec(name.to_owned()))
    }

    /// Its class name, none for no compression.
    #[must_use]
    pub fn class(self) -> Option<String> {
        Self::NAMED
            .iter()
            .find(|(codec, _)| *codec == self)
            .map(|(_, name)| format!("{PACKAGE}{name}"))
    }

    /// All of a stream.
    pub(super) fn decompress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let limit = (bytes.len() as u64).saturating_mul(MAX_GROWTH);
        let read = |source: &mut dyn Read| {
            let mut out = Vec::new();
            source.take(limit).read_to_end(&mut out)?;
            Ok(out)
        };
        match self {
            Self::None => Ok(bytes.to_vec()),
            Self::Default | Self::Deflate => read(&mut flate2::bufread::ZlibDecoder::new(bytes)),
            Self::Gzip => read(&mut flate2::bufread::MultiGzDecoder::new(bytes)),
            Self::Bzip2 => read(&mut bzip2::bufread::MultiBzDecoder::new(bytes)),
            Self::Zstandard => read(&mut zstd::stream::read::Decoder::with_buffer(bytes)?),
            Self::Snappy => unblock(bytes, |block, limit| {
                if snap::raw::decompress_len(block).is_ok_and(|length| length > limit) {
                    return Err(io::Error::other("a block is longer than it says"));
                }
                snap::raw::Decoder::new().decompress_vec(block).map_err(io::Error::other)
            }),
            Self::Lz4 => unblock(bytes, |block, limit| {
                // A block cannot grow by more than this, whatever its length claims.
                let limit = limit.min(block.len().saturating_mul(256));
                lz4_flex::block::decompress(block, limit).map_err(io::Error::other)
            }),
        }
    }
}

/// `BlockDecompressorStream`: length of a group, then blocks until it is reached.
fn unblock(
    mut bytes: &[u8],
    decompress: impl Fn(&[u8], usize) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let number = |bytes: &mut &[u8]| {
        let (field, rest) = bytes.split_first_chunk::<4>().ok_or(io::ErrorKind::UnexpectedEof)?;
        *bytes = rest;
        Ok::<_, io::Error>(u32::from_be_bytes(*field) as usize)
    };
    while !bytes.is_empty() {
        let mut left = number(&mut bytes)?;
        while left > 0 {
            let length = number(&mut bytes)?;
            let (block, rest) =
                bytes.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
            bytes = rest;
            let plain = decompress(block, left)?;
            if plain.is_empty() || plain.len() > left {
                return Err(io::Error::other("a block is not as long as it says"));
            }
            left -= plain.len();
            out.extend_from_slice(&plain);
        }
    }
    Ok(out)
}

/// A section that is being written.
pub(super) enum Compressor<W: Write> {
    None(W),
    Zlib(ZlibEncoder<W>),
    Gzip(GzEncoder<W>),
    Bzip2(BzEncoder<W>),
    Zstandard(zstd::stream::write::Encoder<'static, W>),
    Blocks(W, Compression, Vec<u8>),
}

impl<W: Write> Compressor<W> {
    pub(super) fn new(sink: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(sink),
            Compression::Default | Compression::Deflate => {
                Self::Zlib(ZlibEncoder::new(sink, flate2::Compression::default()))
            }
            Compression::Gzip => Self::Gzip(GzEncoder::new(sink, flate2::Compression::default())),
            Compression::Bzip2 => Self::Bzip2(BzEncoder::new(sink, bzip2::Compression::best())),
            Compression::Zstandard => Self::Zstandard(zstd::stream::write::Encoder::new(sink, 3)?),
            Compression::Snappy | Compression::Lz4 => Self::Blocks(sink, compression, Vec::new()),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None(sink) => sink.write_all(bytes),
            Self::Zlib(encoder) => encoder.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Bzip2(encoder) => encoder.write_all(bytes),
            Self::Zstandard(encoder) => encoder.write_all(bytes),
            Self::Blocks(sink, compression, held) => {
                held.extend_from_slice(bytes);
                while held.len() >= BLOCK {
                    let rest = held.split_off(BLOCK);
                    write_block(sink, *compression, held)?;
                    *held = rest;
                }
                Ok(())
            }
        }
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(sink) => Ok(sink),
            Self::Zlib(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Bzip2(encoder) => encoder.finish(),
            Self::Zstandard(encoder) => encoder.finish(),
            Self::Blocks(mut sink, compression, held) => {
                if !held.is_empty() {
                    write_block(&mut sink, compression, &held)?;
                }
                Ok(sink)
            }
        }
    }
}

fn write_block(sink: &mut impl Write, compression: Compression, plain: &[u8]) -> io::Result<()> {
    let block = if compression == Compression::Snappy {
        snap::raw::Encoder::new().compress_vec(plain).map_err(io::Error::other)?
    } else {
        lz4_flex::block::compress(plain)
    };
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    sink.write_all(&length(plain)?.to_be_bytes())?;
    sink.write_all(&length(&block)?.to_be_bytes())?;
    sink.write_all(&block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> impl Iterator<Item = Compression> {
        std::iter::once(Compression::None).chain(Compression::NAMED.iter().map(|(codec, _)| *codec))
    }

    #[test]
    fn names() {
        for codec in all() {
            let name = codec.class().unwrap_or_default();
            assert_eq!(Compression::from_class(&name).unwrap(), codec);
        }
        assert!(Compression::from_class("LzoCodec").is_err());
    }

    #[test]
    fn round_trip_of_much() {
        let plain: Vec<u8> = (0..1_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for codec in all() {
            let mut compressor = Compressor::new(Vec::new(), codec).unwrap();
            for part in plain.chunks(100_000) {
                compressor.write(part).unwrap();
            }
            let bytes = compressor.finish().unwrap();
            assert!(codec.decompress(&bytes).unwrap() == plain, "{codec:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            for codec in all() {
                let _ = codec.decompress(&bytes);
            }
        }
    }
}
