//! Compression codecs as Hadoop names and frames them.

use std::io::{self, BufRead, Read};

/// Most bytes of a compressed chunk, so that a damaged length does not fill the memory.
const MAX_CHUNK: u32 = 1 << 28;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Gzip,
    Zlib,
    Bzip2,
    Zstd,
    Snappy,
    Lz4,
}

impl Codec {
    /// By the Java class that a sequence file names.
    pub(crate) fn of_class(class: &str) -> Option<Self> {
        Some(match class.strip_prefix("org.apache.hadoop.io.compress.")? {
            "DefaultCodec" | "DeflateCodec" => Self::Zlib,
            "GzipCodec" => Self::Gzip,
            "BZip2Codec" => Self::Bzip2,
            "ZStandardCodec" => Self::Zstd,
            "SnappyCodec" => Self::Snappy,
            "Lz4Codec" => Self::Lz4,
            _ => return None,
        })
    }

    /// By the ending of a file's name (`CompressionCodecFactory`).
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Some(match name.rsplit_once('.')?.1 {
            "deflate" => Self::Zlib,
            "gz" => Self::Gzip,
            "bz2" => Self::Bzip2,
            "zst" => Self::Zstd,
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4,
            _ => return None,
        })
    }

    /// What reads the plain bytes.
    ///
    /// # Errors
    /// Where the decompressor cannot be made.
    pub(crate) fn decoder<'a>(self, from: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
            Self::Zlib => Box::new(flate2::bufread::ZlibDecoder::new(from)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(from)?),
            Self::Snappy => Box::new(Framed::new(from, snappy)),
            Self::Lz4 => Box::new(Framed::new(from, lz4)),
        })
    }
}

/// Decompresses a chunk of which at most so many bytes come.
type Decompress = fn(&[u8], usize) -> io::Result<Vec<u8>>;

/// `BlockDecompressorStream`: the length of a block, then chunks with their lengths until it is reached.
struct Framed<R> {
    from: R,
    decompress: Decompress,
    left_in_block: usize,
    chunk: Vec<u8>,
    at: usize,
}

impl<R: Read> Framed<R> {
    fn new(from: R, decompress: Decompress) -> Self {
        Self { from, decompress, left_in_block: 0, chunk: Vec::new(), at: 0 }
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
        let mut packed = Vec::new();
        self.from.by_ref().take(u64::from(length)).read_to_end(&mut packed)?;
        if packed.len() != length as usize {
            return Err(damaged("it ends in a chunk"));
        }
        self.chunk = (self.decompress)(&packed, self.left_in_block)?;
        self.at = 0;
        if self.chunk.is_empty() {
            return Err(damaged("an empty chunk"));
        }
        self.left_in_block = self
            .left_in_block
            .checked_sub(self.chunk.len())
            .ok_or_else(|| damaged("a chunk is longer than its block"))?;
        Ok(true)
    }
}

impl<R: Read> Read for Framed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() && !self.refill()? {
            return Ok(0);
        }
        let mut rest = self.chunk.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at += length;
        Ok(length)
    }
}

/// A length of four bytes; `None` at the end.
fn read_length(from: &mut impl Read) -> io::Result<Option<u32>> {
    let mut bytes = Vec::with_capacity(4);
    from.take(4).read_to_end(&mut bytes)?;
    match <[u8; 4]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(u32::from_be_bytes(bytes))),
        Err(bytes) if bytes.is_empty() => Ok(None),
        Err(_) => Err(damaged("it ends in a length")),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("compressed data is damaged: {what}"))
}

fn snappy(packed: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let wrong = |error: snap::Error| damaged(&error.to_string());
    if snap::raw::decompress_len(packed).map_err(wrong)? > most {
        return Err(damaged("a chunk is longer than its block"));
    }
    snap::raw::Decoder::new().decompress_vec(packed).map_err(wrong)
}

fn lz4(packed: &[u8], most: usize) -> io::Result<Vec<u8>> {
    // A byte stands for at most 255.
    let most = most.min(packed.len().saturating_mul(255).saturating_add(64));
    let mut plain = vec![0; most];
    let length = lz4_flex::block::decompress_into(packed, &mut plain)
        .map_err(|error| damaged(&error.to_string()))?;
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(blocks: &[&[&[u8]]], pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for block in blocks {
            let length: usize = block.iter().map(|chunk| chunk.len()).sum();
            bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
            for chunk in *block {
                let packed = pack(chunk);
                bytes.extend(u32::try_from(packed.len()).unwrap().to_be_bytes());
                bytes.extend(packed);
            }
        }
        bytes
    }

    fn plain(codec: Codec, bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        codec.decoder(bytes)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn frames() {
        let blocks: &[&[&[u8]]] = &[&[b"one ", b"two "], &[b"three"]];
        let snappy = framed(blocks, |c| snap::raw::Encoder::new().compress_vec(c).unwrap());
        let lz4 = framed(blocks, lz4_flex::block::compress);
        for (codec, bytes) in [(Codec::Snappy, snappy), (Codec::Lz4, lz4)] {
            assert_eq!(plain(codec, &bytes).unwrap(), "one two three");
            for end in 1..bytes.len() {
                // Either an error, or whole blocks.
                if let Ok(text) = plain(codec, &bytes[..end]) {
                    assert_eq!(text, "one two ", "cut at {end}");
                }
            }
            let mut long = bytes.clone();
            long[..4].copy_from_slice(&[0, 0, 0, 1]);
            assert!(plain(codec, &long).is_err());
            long[4..8].copy_from_slice(&[0xff; 4]);
            assert!(plain(codec, &long).is_err());
        }
    }
}
