//! Compression codecs as Hadoop names and frames them (`org.apache.hadoop.io.compress`).

mod blocks;
mod framed;
mod levels;
mod packer;

use std::io::{self, BufRead, BufReader, Read, Write};

pub use blocks::Bzip2Blocks;
pub use framed::{FramedDecoder, FramedEncoder, Framing};
pub use levels::Levels;
pub use packer::Packer;

use crate::error::{Error, ErrorKind, Result};

/// Bytes read from a compressed file at once.
const BUFFER: usize = 1 << 16;
/// The package of all of them.
const PACKAGE: &str = "org.apache.hadoop.io.compress.";
/// Block size of bzip2, in 100,000 bytes.
const BZIP2_LEVEL: u32 = 9;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `DefaultCodec`, `DeflateCodec`: zlib's format, `.deflate`.
    Zlib,
    /// `GzipCodec`, `.gz`.
    Gzip,
    /// `BZip2Codec`, `.bz2`; the only one whose files can be split.
    Bzip2,
    /// `SnappyCodec`: raw snappy in Hadoop's frames, `.snappy`.
    Snappy,
    /// `Lz4Codec`: raw LZ4 blocks in Hadoop's frames, `.lz4`.
    Lz4,
    /// `ZStandardCodec`, `.zst`.
    Zstd,
    /// `PassthroughCodec`: nothing is compressed.
    Passthrough,
}

/// All of them: class name, file ending.
const CODECS: &[(Codec, &str, &str)] = &[
    (Codec::Zlib, "DefaultCodec", ".deflate"),
    (Codec::Zlib, "DeflateCodec", ".deflate"),
    (Codec::Gzip, "GzipCodec", ".gz"),
    (Codec::Bzip2, "BZip2Codec", ".bz2"),
    (Codec::Snappy, "SnappyCodec", ".snappy"),
    (Codec::Lz4, "Lz4Codec", ".lz4"),
    (Codec::Zstd, "ZStandardCodec", ".zst"),
    (Codec::Passthrough, "PassthroughCodec", ".passthrough"),
];

impl Codec {
    /// By the Java class that a file or a job names.
    #[must_use]
    pub fn of_class(class: &str) -> Option<Self> {
        let short = class.trim().strip_prefix(PACKAGE)?;
        CODECS.iter().find(|(_, name, _)| *name == short).map(|(codec, ..)| *codec)
    }

    /// By the Java class that a job names.
    ///
    /// # Errors
    /// A class that is none of ours, in Hadoop's words.
    pub fn required(class: &str) -> Result<Self> {
        Self::of_class(class).ok_or_else(|| {
            let message = format!("Compression codec {class} was not found.");
            Error::new(ErrorKind::IllegalArgument, message)
        })
    }

    /// By the ending of a file's name, in any case (`CompressionCodecFactory.getCodec`).
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        // The pass-through codec is found by its ending only where it is configured.
        let known = CODECS.iter().filter(|(codec, ..)| *codec != Self::Passthrough);
        known.into_iter().find(|(.., ending)| name.ends_with(ending)).map(|(codec, ..)| *codec)
    }

    /// The Java class.
    #[must_use]
    pub fn class(self) -> String {
        let name = CODECS.iter().find(|(codec, ..)| *codec == self).map_or("", |(_, name, _)| name);
        format!("{PACKAGE}{name}")
    }

    /// The ending of its files' names, with its dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        CODECS.iter().find(|(codec, ..)| *codec == self).map_or("", |(_, _, ending)| ending)
    }

    /// Whether a file can be read from its middle.
    #[must_use]
    pub fn is_splittable(self) -> bool {
        self == Self::Bzip2
    }

    /// What reads the plain bytes.
    ///
    /// # Errors
    /// The decompressor cannot be made.
    pub fn decoder<'a>(
        self,
        from: impl BufRead + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
            Self::Zlib => Box::new(flate2::bufread::ZlibDecoder::new(from)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(from)?),
            Self::Snappy => Box::new(FramedDecoder::new(from, Framing::Snappy)),
            Self::Lz4 => Box::new(FramedDecoder::new(from, Framing::Lz4)),
            Self::Passthrough => Box::new(from),
        })
    }

    /// As [`Codec::decoder`], of what is not buffered.
    ///
    /// # Errors
    /// The decompressor cannot be made.
    pub fn decompress<'a>(
        self,
        from: impl Read + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        self.decoder(BufReader::with_capacity(BUFFER, from))
    }

    /// What compresses into `to`; finish it with [`Encoder::finish`].
    ///
    /// # Errors
    /// The compressor cannot be made.
    pub fn encoder<W: Write>(self, to: W) -> io::Result<Encoder<W>> {
        self.encoder_at(&Levels::default(), to)
    }

    /// The same, at these levels.
    ///
    /// # Errors
    /// The compressor cannot be made.
    pub fn encoder_at<W: Write>(self, levels: &Levels, to: W) -> io::Result<Encoder<W>> {
        let zlib = flate2::Compression::new(levels.zlib);
        let framed =
            |to, framing, buffer| Encoder::Framed(FramedEncoder::with_buffer(to, framing, buffer));
        Ok(match self {
            Self::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(to, zlib)),
            Self::Zlib => Encoder::Zlib(flate2::write::ZlibEncoder::new(to, zlib)),
            Self::Bzip2 => {
                let level = bzip2::Compression::new(BZIP2_LEVEL);
                Encoder::Bzip2(bzip2::write::BzEncoder::new(to, level))
            }
            Self::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(to, levels.zstd)?),
            Self::Snappy => framed(to, Framing::Snappy, levels.snappy_buffer),
            Self::Lz4 => framed(to, Framing::Lz4, levels.lz4_buffer),
            Self::Passthrough => Encoder::Plain(to),
        })
    }
}

/// By the Java class that a job names; `None` for one that is none of ours.
#[must_use]
pub fn by_class(class: &str) -> Option<Codec> {
    Codec::of_class(class)
}

/// Compresses what is written to it.
pub enum Encoder<W: Write> {
    /// zlib.
    Zlib(flate2::write::ZlibEncoder<W>),
    /// gzip.
    Gzip(flate2::write::GzEncoder<W>),
    /// bzip2.
    Bzip2(bzip2::write::BzEncoder<W>),
    /// zstd.
    Zstd(zstd::stream::write::Encoder<'static, W>),
    /// snappy or LZ4 in Hadoop's frames.
    Framed(FramedEncoder<W>),
    /// Nothing.
    Plain(W),
}

impl<W: Write> Encoder<W> {
    /// Writes what is left and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Zlib(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Bzip2(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Framed(encoder) => encoder.finish(),
            Self::Plain(to) => Ok(to),
        }
    }

    /// What was written to, for its position.
    pub fn get_ref(&self) -> &W {
        match self {
            Self::Zlib(encoder) => encoder.get_ref(),
            Self::Gzip(encoder) => encoder.get_ref(),
            Self::Bzip2(encoder) => encoder.get_ref(),
            Self::Zstd(encoder) => encoder.get_ref(),
            Self::Framed(encoder) => encoder.get_ref(),
            Self::Plain(to) => to,
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zlib(encoder) => encoder.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Bzip2(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Framed(encoder) => encoder.write(bytes),
            Self::Plain(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zlib(encoder) => encoder.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Bzip2(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
            Self::Framed(encoder) => encoder.flush(),
            Self::Plain(to) => to.flush(),
        }
    }
}

#[cfg(test)]
mod tests;
