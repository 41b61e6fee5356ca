//! What a file says about itself.

use super::{Compression, MARK};
use crate::error::{Error, ErrorKind, Result};
use crate::io::BufferedInput;
use crate::io::codec::Codec;
use crate::io::writable::vint;

/// The first version with marks, with compression, with blocks, with a codec's name, with metadata.
const WITH_MARKS: u8 = 2;
const WITH_COMPRESSION: u8 = 3;
const WITH_BLOCKS: u8 = 4;
const WITH_CODEC: u8 = 5;
const WITH_METADATA: u8 = 6;
/// The version that Hadoop writes.
pub(super) const NEWEST: u8 = 6;
/// Most bytes of a name or of a piece of metadata.
const LONGEST_TEXT: usize = 1 << 24;

/// A file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version, 1 to 6.
    pub version: u8,
    /// Java class of the keys.
    pub key_class: String,
    /// Java class of the values.
    pub value_class: String,
    /// What is compressed.
    pub compression: Compression,
    /// The codec, where something is.
    pub codec: Option<Codec>,
    /// Names and values that the writer added, as they lie in the file.
    pub metadata: Vec<(String, String)>,
    /// The file's mark; none in version 1.
    pub mark: Option<[u8; MARK]>,
}

impl Header {
    pub(super) fn read(input: &mut BufferedInput) -> Result<Self> {
        let version = read_version(input)?;
        let (key_class, value_class) = if version < WITH_BLOCKS {
            (read_utf8(input)?, read_utf8(input)?)
        } else {
            (read_text(input)?, read_text(input)?)
        };
        let packed = version >= WITH_COMPRESSION && input.take::<1>()? != [0];
        let in_blocks = version >= WITH_BLOCKS && input.take::<1>()? != [0];
        let codec = match packed {
            false => None,
            true if version < WITH_CODEC => Some(Codec::Zlib),
            true => {
                let class = read_text(input)?;
                Some(Codec::of_class(&class).ok_or_else(|| {
                    Error::argument(format!("{}: Unknown codec: {class}", input.name()))
                })?)
            }
        };
        let metadata = if version >= WITH_METADATA { read_metadata(input)? } else { Vec::new() };
        let mark = if version >= WITH_MARKS { Some(input.take()?) } else { None };
        let compression = match (packed, in_blocks) {
            (true, true) => Compression::Block,
            (true, false) => Compression::Record,
            (false, false) => Compression::None,
            (false, true) => {
                return Err(input.damaged("blocks that are not compressed"));
            }
        };
        Ok(Self { version, key_class, value_class, compression, codec, metadata, mark })
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(b"SEQ");
        to.push(self.version);
        write_text(&self.key_class, to);
        write_text(&self.value_class, to);
        to.push(u8::from(self.compression != Compression::None));
        to.push(u8::from(self.compression == Compression::Block));
        if let Some(codec) = self.codec {
            write_text(&codec.class(), to);
        }
        let count = i32::try_from(self.metadata.len()).unwrap_or(i32::MAX);
        to.extend_from_slice(&count.to_be_bytes());
        for (name, value) in &self.metadata {
            write_text(name, to);
            write_text(value, to);
        }
        to.extend_from_slice(&self.mark.unwrap_or_default());
    }
}

fn read_version(input: &mut BufferedInput) -> Result<u8> {
    let start = input.take::<4>().map_err(|error| match error.kind() {
        ErrorKind::Eof => {
            Error::new(ErrorKind::Eof, format!("{} not a SequenceFile", input.name()))
        }
        _ => error,
    })?;
    match start {
        [b'S', b'E', b'Q', version] if version <= NEWEST => Ok(version),
        [b'S', b'E', b'Q', version] => Err(Error::new(
            ErrorKind::Remote("org.apache.hadoop.io.VersionMismatchException".into()),
            format!(
                "{}: A record version mismatch occurred. Expecting v{NEWEST}, found v{version}",
                input.name()
            ),
        )),
        _ => Err(Error::io(format!("{} not a SequenceFile", input.name()))),
    }
}

pub(super) fn read_vlong(input: &mut BufferedInput) -> Result<i64> {
    input.need(1)?;
    let (count, _) = vint::tail(input.peek(1).first().copied().unwrap_or(0));
    let length = count.saturating_add(1);
    input.need(length)?;
    let value = vint::read(&mut input.peek(length))?;
    input.consume(length);
    Ok(value)
}

pub(super) fn read_length(input: &mut BufferedInput) -> Result<usize> {
    let value = read_vlong(input)?;
    let length = i32::try_from(value).ok().and_then(|v| usize::try_from(v).ok());
    length.ok_or_else(|| input.damaged(format!("File is corrupt! {value} is no length")))
}

fn read_string(input: &mut BufferedInput, length: usize) -> Result<String> {
    if length > LONGEST_TEXT {
        return Err(input.damaged(format!("File is corrupt! a name of {length} bytes")));
    }
    input.need(length)?;
    let text = String::from_utf8_lossy(input.peek(length)).into_owned();
    input.consume(length);
    Ok(text)
}

fn read_text(input: &mut BufferedInput) -> Result<String> {
    let length = read_length(input)?;
    read_string(input, length)
}

/// `UTF8`: two bytes of length.
fn read_utf8(input: &mut BufferedInput) -> Result<String> {
    let length = u16::from_be_bytes(input.take()?);
    read_string(input, length.into())
}

fn read_metadata(input: &mut BufferedInput) -> Result<Vec<(String, String)>> {
    let count = i32::from_be_bytes(input.take()?);
    if count < 0 {
        return Err(input.damaged(format!("Invalid size: {count} for file metadata object")));
    }
    let mut metadata = Vec::new();
    for _ in 0..count {
        metadata.push((read_text(input)?, read_text(input)?));
    }
    Ok(metadata)
}

fn write_text(text: &str, to: &mut Vec<u8>) {
    vint::write_length(text.len(), to);
    to.extend_from_slice(text.as_bytes());
}
