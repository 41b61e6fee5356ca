//! Avro's data files, as far as they are shown: each datum as JSON (`DataFileReader`, `JsonEncoder`).
//!
//! A file is a header (schema, codec, 16 bytes that end every block) and blocks of data one after the other.

mod schema;
mod show;

use std::io::{self, BufReader, Read};

use crate::error::{Error, Result};
use schema::Schema;

/// How a file begins.
const MAGIC: &[u8; 4] = b"Obj\x01";
/// Bytes that a header's values may have together.
const MAX_HEADER: u64 = 16 << 20;
/// Bytes that a block may have.
const MAX_BLOCK: u64 = 1 << 30;

/// Datums without bytes that a block may have.
const MAX_EMPTY: u64 = 1 << 20;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    None,
    Deflate,
    Snappy,
    Bzip2,
    Zstandard,
}

/// A data file's datums, one after the other, as JSON.
pub struct Reader {
    source: BufReader<Box<dyn Read + Send>>,
    name: String,
    schema: Schema,
    codec: Codec,
    sync: [u8; 16],
    /// The block that is read.
    block: Vec<u8>,
    /// Where its next datum is.
    at: usize,
    /// Datums left in it.
    left: u64,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the header; errors call the file `name`.
    ///
    /// # Errors
    /// What is no data file of Avro; a codec that is not known here.
    pub fn open(source: Box<dyn Read + Send>, name: &str) -> Result<Self> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let broken =
            |error: io::Error| Error::io(format!("{name}: not an Avro data file: {error}"));
        let mut magic = [0; 4];
        source.read_exact(&mut magic).map_err(broken)?;
        if &magic != MAGIC {
            return Err(Error::io(format!("{name}: Not an Avro data file.")));
        }
        let pairs = header(&mut source).map_err(broken)?;
        let mut sync = [0; 16];
        source.read_exact(&mut sync).map_err(broken)?;
        let value = |key: &str| {
            pairs
                .iter()
                .find(|(known, _)| known == key.as_bytes())
                .map(|(_, value)| value.as_slice())
        };
        let schema = Schema::parse(value("avro.schema").unwrap_or_default())
            .map_err(|reason| Error::io(format!("{name}: its schema: {reason}")))?;
        let codec = match value("avro.codec").unwrap_or(b"null") {
            b"null" => Codec::None,
            b"deflate" => Codec::Deflate,
            b"snappy" => Codec::Snappy,
            b"bzip2" => Codec::Bzip2,
            b"zstandard" => Codec::Zstandard,
            other => {
                let codec = String::from_utf8_lossy(other);
                return Err(Error::io(format!("{name}: Unrecognized codec: {codec}")));
            }
        };
        let name = name.to_owned();
        Ok(Self { source, name, schema, codec, sync, block: Vec::new(), at: 0, left: 0 })
    }

    /// Appends the next datum's JSON; false at the end.
    ///
    /// # Errors
    /// A file that is damaged, or ends early.
    pub fn show(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        while self.left == 0 {
            let broken =
                |error: io::Error| Error::io(format!("{}: a block is damaged: {error}", self.name));
            if !next_block(
                &mut self.source,
                self.codec,
                &self.sync,
                &mut self.block,
                &mut self.left,
            )
            .map_err(broken)?
            {
                return Ok(false);
            }
            self.at = 0;
        }
        let mut rest = self.block.get(self.at..).unwrap_or_default();
        show::datum(&self.schema, &mut rest, out)
            .map_err(|reason| Error::io(format!("{}: a datum is damaged: {reason}", self.name)))?;
        self.at = self.block.len() - rest.len();
        self.left -= 1;
        Ok(true)
    }
}

fn wrong(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// A number in Avro's variable length; none where the source ends before it.
fn number(source: &mut impl Read) -> io::Result<Option<i64>> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let mut byte = [0];
        match source.read_exact(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && shift == 0 => {
                return Ok(None);
            }
            done => done?,
        }
        let [byte] = byte;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
        }
    }
    Err(wrong("Invalid long encoding"))
}

fn required(source: &mut impl Read) -> io::Result<i64> {
    number(source)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn bytes(source: &mut impl Read, length: i64, limit: u64) -> io::Result<Vec<u8>> {
    let length = u64::try_from(length).ok().filter(|length| *length <= limit);
    let length = length.ok_or_else(|| wrong("a length is out of range"))?;
    let mut bytes = Vec::new();
    if source.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn header(source: &mut impl Read) -> io::Result<Pairs> {
    let (mut pairs, mut left) = (Vec::new(), MAX_HEADER);
    loop {
        let mut count = required(source)?;
        if count == 0 {
            return Ok(pairs);
        }
        if count < 0 {
            count = count.checked_neg().ok_or_else(|| wrong("a count is out of range"))?;
            required(source)?;
        }
        for _ in 0..count {
            let length = required(source)?;
            let key = bytes(source, length, left)?;
            let length = required(source)?;
            let value = bytes(source, length, left)?;
            let used = (key.len() + value.len()) as u64 + 2;
            left = left.checked_sub(used).ok_or_else(|| wrong("the header is too long"))?;
            pairs.push((key, value));
        }
    }
}

/// Reads a block and how many datums are in it; false at the end of the file.
fn next_block(
    source: &mut impl Read,
    codec: Codec,
    sync: &[u8; 16],
    block: &mut Vec<u8>,
    count: &mut u64,
) -> io::Result<bool> {
    let Some(datums) = number(source)? else { return Ok(false) };
    let datums = u64::try_from(datums).map_err(|_| wrong("a count is out of range"))?;
    let length = required(source)?;
    let packed = bytes(source, length, MAX_BLOCK)?;
    let mut end = [0; 16];
    source.read_exact(&mut end)?;
    if &end != sync {
        return Err(wrong("Invalid sync!"));
    }
    *block = unpacked(codec, packed)?;
    // Most datums have bytes; `null` has none.
    if datums > block.len() as u64 + MAX_EMPTY {
        return Err(wrong("a block has more datums than bytes"));
    }
    *count = datums;
    Ok(true)
}

fn unpacked(codec: Codec, packed: Vec<u8>) -> io::Result<Vec<u8>> {
    let all = |source: &mut dyn Read| {
        let mut plain = Vec::new();
        source.take(MAX_BLOCK + 1).read_to_end(&mut plain)?;
        if plain.len() as u64 > MAX_BLOCK {
            return Err(wrong("a block is too long"));
        }
        Ok(plain)
    };
    match codec {
        Codec::None => Ok(packed),
        Codec::Deflate => all(&mut flate2::bufread::DeflateDecoder::new(packed.as_slice())),
        Codec::Bzip2 => all(&mut bzip2::bufread::MultiBzDecoder::new(packed.as_slice())),
        Codec::Zstandard => all(&mut zstd::stream::read::Decoder::new(packed.as_slice())?),
        Codec::Snappy => {
            let (data, sum) =
                packed.split_last_chunk::<4>().ok_or_else(|| wrong("a block has no checksum"))?;
            let length = snap::raw::decompress_len(data).map_err(io::Error::other)? as u64;
            if length > MAX_BLOCK {
                return Err(wrong("a block is too long"));
            }
            let plain = snap::raw::Decoder::new().decompress_vec(data).map_err(io::Error::other)?;
            if crc32fast::hash(&plain) != u32::from_be_bytes(*sum) {
                return Err(wrong("Checksum failure"));
            }
            Ok(plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(value: i64, out: &mut Vec<u8>) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
        put(bytes.len() as i64, out);
        out.extend_from_slice(bytes);
    }

    /// A file with one block.
    fn file(schema: &str, codec: &str, datums: i64, block: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put(2, &mut out);
        put_bytes(b"avro.schema", &mut out);
        put_bytes(schema.as_bytes(), &mut out);
        put_bytes(b"avro.codec", &mut out);
        put_bytes(codec.as_bytes(), &mut out);
        put(0, &mut out);
        out.extend_from_slice(&[7; 16]);
        put(datums, &mut out);
        put_bytes(block, &mut out);
        out.extend_from_slice(&[7; 16]);
        out
    }

    fn shown(file: Vec<u8>) -> Result<Vec<String>> {
        let mut reader = Reader::open(Box::new(io::Cursor::new(file)), "f")?;
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        while reader.show(&mut line)? {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned());
        }
        Ok(lines)
    }

    #[test]
    fn blocks_of_every_codec() {
        let mut plain = Vec::new();
        put_bytes(b"a\"b", &mut plain);
        put_bytes("é\u{1}".as_bytes(), &mut plain);
        let mut snappy = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        snappy.extend_from_slice(&crc32fast::hash(&plain).to_be_bytes());
        let mut deflated = Vec::new();
        let level = flate2::Compression::default();
        flate2::bufread::DeflateEncoder::new(plain.as_slice(), level)
            .read_to_end(&mut deflated)
            .unwrap();
        let zstandard = zstd::encode_all(plain.as_slice(), 3).unwrap();
        for (codec, block) in [
            ("null", plain.clone()),
            ("snappy", snappy.clone()),
            ("deflate", deflated),
            ("zstandard", zstandard),
        ] {
            let lines = shown(file("\"string\"", codec, 2, &block)).unwrap();
            assert_eq!(lines, ["\"a\\\"b\"", "\"é\\u0001\""], "{codec}");
        }
        *snappy.last_mut().unwrap() ^= 1;
        let error = shown(file("\"string\"", "snappy", 2, &snappy)).unwrap_err();
        assert!(error.to_string().contains("Checksum failure"), "{error}");
        let error = shown(file("\"string\"", "lzo", 2, &plain)).unwrap_err();
        assert!(error.to_string().contains("Unrecognized codec: lzo"), "{error}");
    }

    #[test]
    fn damage_is_told() {
        let mut block = Vec::new();
        put_bytes(b"abc", &mut block);
        let whole = file("\"string\"", "null", 1, &block);
        assert_eq!(shown(whole.clone()).unwrap(), ["\"abc\""]);
        let header = whole.len() - 16 - 4 - 2;
        for cut in (0..whole.len()).filter(|cut| *cut != header) {
            assert!(shown(whole[..cut].to_vec()).is_err(), "{cut}");
        }
        let error = shown(file("\"string\"", "null", 2, &block)).unwrap_err();
        assert!(error.to_string().starts_with("f: a datum is damaged"), "{error}");
        assert!(shown(b"SEQ\x06".to_vec()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, schema in 0..4_usize) {
            let schema = [
                "[\"null\",\"string\",{\"type\":\"array\",\"items\":\"null\"}]",
                "{\"type\":\"map\",\"values\":\"double\"}",
                "{\"type\":\"record\",\"name\":\"l\",\"fields\":[{\"name\":\"n\",\"type\":[\"l\",\"int\"]}]}",
                "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a\"]}",
            ][schema];
            let _ = shown(file(schema, "null", 3, &bytes));
            let _ = shown(bytes);
        }
    }
}
