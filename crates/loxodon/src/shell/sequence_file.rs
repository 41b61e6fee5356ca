//! Sequence files as text: a line of key, tab and value for each record (`SequenceFile.Reader`).

use std::io::{self, BufRead, Read};

use super::codec::Codec;
use super::failure::{Failure, Result};

/// Most bytes of a record or a buffer of records, plain.
const MAX_BUFFER: u64 = 1 << 30;
/// Oldest version with class names as `Text`.
const OLDEST: u8 = 4;
/// The version that Hadoop writes.
const NEWEST: u8 = 6;
/// Stands before a synchronisation mark where a length is expected.
const MARK: u32 = u32::MAX;

/// What a key or value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writable {
    Text,
    Bytes,
    Null,
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    VInt,
}

impl Writable {
    fn of_class(class: &str) -> Result<Self> {
        Ok(match class.strip_prefix("org.apache.hadoop.io.").unwrap_or_default() {
            "Text" => Self::Text,
            "BytesWritable" => Self::Bytes,
            "NullWritable" => Self::Null,
            "BooleanWritable" => Self::Boolean,
            "ByteWritable" => Self::Byte,
            "ShortWritable" => Self::Short,
            "IntWritable" => Self::Int,
            "LongWritable" => Self::Long,
            "VIntWritable" | "VLongWritable" => Self::VInt,
            _ => {
                return Err(Failure::unsupported(format!(
                    "sequence files of {class} are not shown as text"
                )));
            }
        })
    }

    /// Reads one and appends what its `toString` says.
    fn show(self, from: &mut &[u8], text: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Text => {
                let length = read_length(from)?;
                let bytes = take(from, length)?;
                text.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes());
            }
            Self::Bytes => {
                let length = usize::try_from(read_int(from)?).map_err(|_| damaged("a length"))?;
                for (at, byte) in take(from, length)?.iter().enumerate() {
                    let blank = if at == 0 { "" } else { " " };
                    text.extend_from_slice(format!("{blank}{byte:02x}").as_bytes());
                }
            }
            Self::Null => text.extend_from_slice(b"(null)"),
            Self::Boolean => {
                let word = if read_big_endian::<1>(from)? == [0] { "false" } else { "true" };
                text.extend_from_slice(word.as_bytes());
            }
            Self::Byte => number(text, i64::from(i8::from_be_bytes(read_big_endian(from)?))),
            Self::Short => number(text, i64::from(i16::from_be_bytes(read_big_endian(from)?))),
            Self::Int => number(text, i64::from(i32::from_be_bytes(read_big_endian(from)?))),
            Self::Long => number(text, i64::from_be_bytes(read_big_endian(from)?)),
            Self::VInt => number(text, read_vlong(from)?),
        }
        Ok(())
    }
}

fn number(text: &mut Vec<u8>, value: i64) {
    text.extend_from_slice(value.to_string().as_bytes());
}

/// A sequence file's records as text.
pub(crate) struct Records<R> {
    from: R,
    key: Writable,
    value: Writable,
    codec: Option<Codec>,
    in_blocks: bool,
    mark: [u8; 16],
    text: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Records<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// What is no sequence file; a class or codec that is not known here.
    pub(crate) fn open(mut from: R) -> Result<Self> {
        let failed = |e: io::Error| Failure::io(e.to_string());
        let [_, _, _, version] = read_big_endian(&mut from).map_err(failed)?;
        if !(OLDEST..=NEWEST).contains(&version) {
            return Err(Failure::io(format!(
                "A record version mismatch occurred. Expecting v{NEWEST}, found v{version}"
            )));
        }
        let key = read_text(&mut from).map_err(failed)?;
        let value = read_text(&mut from).map_err(failed)?;
        let [packed, in_blocks] = read_big_endian(&mut from).map_err(failed)?;
        let codec = match packed != 0 {
            false => None,
            true => Some(read_codec(&mut from, version)?),
        };
        if version >= NEWEST {
            skip_metadata(&mut from).map_err(failed)?;
        }
        let mark = read_big_endian(&mut from).map_err(failed)?;
        Ok(Self {
            key: Writable::of_class(&key)?,
            value: Writable::of_class(&value)?,
            codec,
            in_blocks: in_blocks != 0,
            mark,
            from,
            text: Vec::new(),
            at: 0,
        })
    }

    /// Shows the next record or block of records; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.at = 0;
        loop {
            if self.from.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let length = u32::from_be_bytes(read_big_endian(&mut self.from)?);
            if length == MARK {
                if read_big_endian::<16>(&mut self.from)? != self.mark {
                    return Err(damaged("a wrong synchronisation mark"));
                }
                if self.in_blocks {
                    return self.block().map(|()| true);
                }
            } else if self.in_blocks {
                return Err(damaged("a block does not begin with a mark"));
            } else {
                return self.record(length).map(|()| true);
            }
        }
    }

    fn record(&mut self, length: u32) -> io::Result<()> {
        let key_length = u32::from_be_bytes(read_big_endian(&mut self.from)?);
        let value_length =
            length.checked_sub(key_length).ok_or_else(|| damaged("a key exceeds its record"))?;
        let key = read_bytes(&mut self.from, u64::from(key_length))?;
        let value = read_bytes(&mut self.from, u64::from(value_length))?;
        let value = unpacked(self.codec, value)?;
        self.show(&mut &*key, &mut &*value)
    }

    fn show(&mut self, key: &mut &[u8], value: &mut &[u8]) -> io::Result<()> {
        self.key.show(key, &mut self.text)?;
        self.text.push(b'\t');
        self.value.show(value, &mut self.text)?;
        self.text.push(b'\n');
        Ok(())
    }

    fn block(&mut self) -> io::Result<()> {
        let count = read_length(&mut self.from)?;
        let mut buffers: [Vec<u8>; 4] = Default::default();
        for buffer in &mut buffers {
            let length = read_length(&mut self.from)?;
            *buffer = unpacked(self.codec, read_bytes(&mut self.from, length as u64)?)?;
        }
        let [key_lengths, keys, value_lengths, values] = &buffers;
        let (mut key_lengths, mut value_lengths) =
            (key_lengths.as_slice(), value_lengths.as_slice());
        let (mut keys, mut values) = (keys.as_slice(), values.as_slice());
        for _ in 0..count {
            let length = read_length(&mut key_lengths)?;
            let mut key = take(&mut keys, length)?;
            let length = read_length(&mut value_lengths)?;
            let mut value = take(&mut values, length)?;
            self.show(&mut key, &mut value)?;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Records<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.text.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let mut rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at += length;
        Ok(length)
    }
}

fn read_codec(from: &mut impl Read, version: u8) -> Result<Codec> {
    if version == OLDEST {
        return Ok(Codec::Zlib);
    }
    let class = read_text(from).map_err(|e| Failure::io(e.to_string()))?;
    Codec::of_class(&class).ok_or_else(|| Failure::Illegal(format!("Unknown codec: {class}")))
}

fn skip_metadata(from: &mut impl Read) -> io::Result<()> {
    let count = read_int(from)?;
    if count < 0 {
        return Err(damaged(&format!("Invalid size: {count} for file metadata object")));
    }
    for _ in 0..count.saturating_mul(2) {
        read_text(from)?;
    }
    Ok(())
}

fn unpacked(codec: Option<Codec>, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(codec) = codec else { return Ok(bytes) };
    let mut plain = Vec::new();
    codec.decoder(bytes.as_slice())?.take(MAX_BUFFER).read_to_end(&mut plain)?;
    if plain.len() as u64 == MAX_BUFFER {
        return Err(damaged("more than 1 GiB in a record"));
    }
    Ok(plain)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("File is corrupt! {what}"))
}

fn read_big_endian<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_int(from: &mut impl Read) -> io::Result<i32> {
    Ok(i32::from_be_bytes(read_big_endian(from)?))
}

/// `WritableUtils.readVLong`: one byte, or how many follow and with which sign.
fn read_vlong(from: &mut impl Read) -> io::Result<i64> {
    let [first] = read_big_endian::<1>(from)?;
    let first = i64::from(first.cast_signed());
    if first >= -112 {
        return Ok(first);
    }
    let negative = first < -120;
    let count = if negative { -(first + 120) } else { -(first + 112) };
    let mut value: i64 = 0;
    for _ in 0..count {
        let [byte] = read_big_endian::<1>(from)?;
        value = value << 8 | i64::from(byte);
    }
    Ok(if negative { !value } else { value })
}

fn read_length(from: &mut impl Read) -> io::Result<usize> {
    usize::try_from(read_vlong(from)?).map_err(|_| damaged("a negative length"))
}

/// Exactly so many bytes; the memory grows only as they come.
fn read_bytes(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if length > MAX_BUFFER {
        return Err(damaged(&format!("a length of {length} bytes")));
    }
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the sequence file is cut off"));
    }
    Ok(bytes)
}

fn read_text(from: &mut impl Read) -> io::Result<String> {
    let length = read_length(from)?;
    let bytes = read_bytes(from, length as u64)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> io::Result<&'a [u8]> {
    let (taken, rest) =
        from.split_at_checked(length).ok_or_else(|| damaged("a length exceeds its record"))?;
    *from = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_numbers() {
        for (bytes, value) in [
            (&[0x05][..], 5),
            (&[0x90], -112),
            (&[0x8f, 0x80], 128),
            (&[0x87, 0x70], -113),
            (&[0x8e, 0x01, 0x00], 256),
            (&[0x80, 0x80, 0, 0, 0, 0, 0, 0, 0], i64::MAX),
        ] {
            let read = read_vlong(&mut &*bytes);
            match value {
                // Eight bytes with the sign's bit set are a negative number, as in Java.
                i64::MAX => assert!(read.unwrap() > 0),
                _ => assert_eq!(read.unwrap(), value, "{bytes:x?}"),
            }
        }
        assert!(read_vlong(&mut &[0x8e, 0x01][..]).is_err());
    }

    fn header(key: &str, value: &str) -> Vec<u8> {
        let mut bytes = b"SEQ\x06".to_vec();
        for class in [key, value] {
            let class = format!("org.apache.hadoop.io.{class}");
            bytes.push(u8::try_from(class.len()).unwrap());
            bytes.extend(class.bytes());
        }
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes.extend([7; 16]);
        bytes
    }

    #[test]
    fn plain_records_and_their_cuts() {
        let mut bytes = header("IntWritable", "Text");
        bytes.extend([0, 0, 0, 8, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe, 3]);
        bytes.extend(b"abc");
        bytes.extend([0xff; 4]);
        bytes.extend([7; 16]);
        bytes.extend([0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 9, 0]);
        let text = |bytes: &[u8]| -> Result<String> {
            let mut text = String::new();
            let mut records = Records::open(bytes)?;
            records.read_to_string(&mut text).map_err(|e| Failure::io(e.to_string()))?;
            Ok(text)
        };
        assert_eq!(text(&bytes).unwrap(), "-2\tabc\n9\t\n");
        for end in 0..bytes.len() {
            if let Ok(shown) = text(&bytes[..end]) {
                assert!("-2\tabc\n9\t\n".starts_with(&shown), "{shown}");
            }
        }
        let at = bytes.len() - 20;
        bytes[at] = 8;
        assert!(text(&bytes).unwrap_err().to_string().contains("corrupt"));
        let error = text(&header("Text", "MyWritable")).map(drop).unwrap_err();
        assert!(error.to_string().contains("MyWritable"), "{error}");
    }
}
