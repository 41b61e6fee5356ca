//! How records are written to a command and read back (`-io`): text, raw bytes, typed bytes, keys alone.

use std::io::{BufReader, Read, Write};

use loxodon_conf::Configuration;
use memchr::memmem::Finder;

use super::typed_bytes::{self, append, read_some};
use crate::error::{Error, ErrorKind, Result};
use crate::input::LineReader;
use crate::io::writable::{BytesWritable, Datum, Kind, Text, Writable};

/// What `-io` names (`IdentifierResolver`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Key, separator and value in a line.
    Text,
    /// A length of four bytes, then the bytes.
    RawBytes,
    /// A type, then the value.
    TypedBytes,
    /// The key in a line.
    KeyOnlyText,
}

const PACKAGE: &str = "org.apache.hadoop.streaming.io.";

impl Form {
    /// By identifier, in upper or lower case; anything else is text.
    pub fn of_identifier(identifier: &str) -> Self {
        match identifier.to_ascii_lowercase().as_str() {
            "rawbytes" => Self::RawBytes,
            "typedbytes" => Self::TypedBytes,
            "keyonlytext" => Self::KeyOnlyText,
            _ => Self::Text,
        }
    }

    fn stem(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::RawBytes => "RawBytes",
            Self::TypedBytes => "TypedBytes",
            Self::KeyOnlyText => "KeyOnlyText",
        }
    }

    /// The class that writes to a command.
    pub fn writer_class(self) -> String {
        format!("{PACKAGE}{}InputWriter", self.stem())
    }

    /// The class that reads from a command.
    pub fn reader_class(self) -> String {
        format!("{PACKAGE}{}OutputReader", self.stem())
    }

    /// By the class that a job's key names; text where it is not set.
    ///
    /// # Errors
    /// The class is none of these.
    pub fn of_job(conf: &Configuration, key: &str) -> Result<Self> {
        use crate::settings::Settings as _;
        let Some(class) = conf.get_text(key)? else { return Ok(Self::Text) };
        let all = [Self::Text, Self::RawBytes, Self::TypedBytes, Self::KeyOnlyText];
        let found =
            all.into_iter().find(|f| f.writer_class() == class || f.reader_class() == class);
        found.ok_or_else(|| {
            Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found ({key})"))
        })
    }

    /// Classes of the keys and values that are read.
    pub fn output_classes(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => (Kind::Text.class(), Kind::Text.class()),
            Self::RawBytes => (Kind::Bytes.class(), Kind::Bytes.class()),
            Self::TypedBytes => (Kind::TypedBytes.class(), Kind::TypedBytes.class()),
            Self::KeyOnlyText => (Kind::Text.class(), Kind::Null.class()),
        }
    }
}

/// Puts records into the form that a command reads.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    pub(super) form: Form,
    pub(super) separator: Vec<u8>,
    /// Whether keys are left out.
    pub(super) ignore_key: bool,
    /// What serialised keys and values are.
    pub(super) kinds: (Option<Kind>, Option<Kind>),
}

impl Encoder {
    #[inline]
    pub(super) fn record(&self, key: Datum<'_>, value: Datum<'_>, to: &mut Vec<u8>) -> Result<()> {
        let (key_kind, value_kind) = self.kinds;
        match self.form {
            Form::Text => {
                if !self.ignore_key {
                    show(key, key_kind, to)?;
                    to.extend_from_slice(&self.separator);
                }
                show(value, value_kind, to)?;
                to.push(b'\n');
            }
            Form::KeyOnlyText => {
                show(key, key_kind, to)?;
                to.push(b'\n');
            }
            Form::RawBytes => {
                raw(key, key_kind, to);
                raw(value, value_kind, to);
            }
            Form::TypedBytes => {
                typed_bytes::write(key, key_kind, to)?;
                typed_bytes::write(value, value_kind, to)?;
            }
        }
        Ok(())
    }
}

/// What a value is in text; the bytes of `Text` and `BytesWritable` as they are.
#[inline]
fn show(datum: Datum<'_>, kind: Option<Kind>, to: &mut Vec<u8>) -> Result<()> {
    match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => to.extend_from_slice(bytes),
        Datum::Long(value) => write!(to, "{value}")?,
        Datum::Int(value) => write!(to, "{value}")?,
        Datum::Null => Kind::Null.show(&mut [].as_slice(), to)?,
        Datum::Serialized(mut bytes) => match kind {
            Some(Kind::Text) => to.extend_from_slice(Text::read(&mut bytes)?),
            Some(Kind::Bytes) => to.extend_from_slice(BytesWritable::read(&mut bytes)?),
            Some(kind) => kind.show(&mut bytes, to)?,
            None => return Err(Error::io("values whose class is not known cannot be shown")),
        },
    }
    Ok(())
}

fn raw(datum: Datum<'_>, kind: Option<Kind>, to: &mut Vec<u8>) {
    match (datum, kind) {
        (Datum::Bytes(bytes), _) => BytesWritable::write(bytes, to),
        // Serialised bytes have their length in front already.
        (Datum::Serialized(bytes), Some(Kind::Bytes | Kind::TypedBytes)) => {
            to.extend_from_slice(bytes);
        }
        (other, _) => {
            let length = u32::try_from(other.serialized_length()).unwrap_or(u32::MAX);
            to.extend_from_slice(&length.to_be_bytes());
            other.write_to(to);
        }
    }
}

/// Reads the records that a command writes.
pub(super) enum Decoder<R> {
    Text {
        lines: LineReader<R>,
        separator: Box<Finder<'static>>,
        fields: usize,
        cut: (usize, usize),
    },
    KeyOnly {
        lines: LineReader<R>,
    },
    Raw {
        from: BufReader<R>,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Typed {
        from: BufReader<R>,
        key: Vec<u8>,
        value: Vec<u8>,
    },
}

/// Bytes read from a command at once.
const BUFFER: usize = 1 << 17;

impl<R: Read> Decoder<R> {
    pub(super) fn new(form: Form, from: R, separator: &[u8], fields: usize) -> Result<Self> {
        let buffered = |from| BufReader::with_capacity(BUFFER, from);
        Ok(match form {
            Form::Text => Self::Text {
                lines: LineReader::new(from, None)?,
                separator: Box::new(Finder::new(separator).into_owned()),
                fields,
                cut: (0, 0),
            },
            Form::KeyOnlyText => Self::KeyOnly { lines: LineReader::new(from, None)? },
            Form::RawBytes => {
                Self::Raw { from: buffered(from), key: Vec::new(), value: Vec::new() }
            }
            Form::TypedBytes => {
                Self::Typed { from: buffered(from), key: Vec::new(), value: Vec::new() }
            }
        })
    }

    /// Moves to the next record; `false` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool> {
        match self {
            Self::Text { lines, separator, fields, cut } => {
                if lines.advance(usize::MAX, u64::MAX)?.consumed == 0 {
                    return Ok(false);
                }
                *cut = split(lines.text(), separator, *fields);
                Ok(true)
            }
            Self::KeyOnly { lines } => Ok(lines.advance(usize::MAX, u64::MAX)?.consumed > 0),
            Self::Raw { from, key, value } => {
                key.clear();
                value.clear();
                let Some(length) = raw_length(from)? else { return Ok(false) };
                append(from, length, key)?;
                let length = raw_length(from)?.ok_or_else(|| {
                    Error::new(ErrorKind::Eof, "the command's output ends behind a key")
                })?;
                append(from, length, value)?;
                Ok(true)
            }
            Self::Typed { from, key, value } => {
                if !read_typed(from, key)? {
                    return Ok(false);
                }
                if !read_typed(from, value)? {
                    let text = "the command's output ends behind a key";
                    return Err(Error::new(ErrorKind::Eof, text));
                }
                Ok(true)
            }
        }
    }

    #[inline]
    pub(super) fn key(&self) -> Datum<'_> {
        match self {
            Self::Text { lines, cut, .. } => {
                Datum::Text(lines.text().get(..cut.0).unwrap_or_default())
            }
            Self::KeyOnly { lines } => Datum::Text(lines.text()),
            Self::Raw { key, .. } => Datum::Bytes(key),
            Self::Typed { key, .. } => Datum::Serialized(key),
        }
    }

    #[inline]
    pub(super) fn value(&self) -> Datum<'_> {
        match self {
            Self::Text { lines, cut, .. } => {
                Datum::Text(lines.text().get(cut.1..).unwrap_or_default())
            }
            Self::KeyOnly { .. } => Datum::Null,
            Self::Raw { value, .. } => Datum::Bytes(value),
            Self::Typed { value, .. } => Datum::Serialized(value),
        }
    }
}

/// Where the key ends and where the value begins: at the separator behind so many fields.
#[inline]
fn split(line: &[u8], separator: &Finder<'_>, fields: usize) -> (usize, usize) {
    let needle = separator.needle();
    let find = |from: usize| {
        let rest = line.get(from..)?;
        let at = match needle {
            [byte] => memchr::memchr(*byte, rest),
            _ => separator.find(rest),
        };
        at.map(|at| from.saturating_add(at))
    };
    let mut at = find(0);
    for _ in 1..fields {
        at = at.and_then(|at| find(at.saturating_add(needle.len())));
    }
    match at {
        Some(at) => (at, at.saturating_add(needle.len())),
        None => (line.len(), line.len()),
    }
}

/// `None` at the end.
fn raw_length(from: &mut impl Read) -> Result<Option<usize>> {
    let mut bytes = [0; 4];
    if read_some(from, &mut bytes)? < bytes.len() {
        return Ok(None);
    }
    let length = i32::from_be_bytes(bytes);
    let length = usize::try_from(length).map_err(|_| {
        Error::io(format!("the command wrote a length of {length} where raw bytes were expected"))
    })?;
    Ok(Some(length))
}

/// A value with the length that `TypedBytesWritable` puts in front of it.
fn read_typed(from: &mut impl Read, to: &mut Vec<u8>) -> Result<bool> {
    to.clear();
    to.extend_from_slice(&[0; 4]);
    if !typed_bytes::read_raw(from, to)? {
        return Ok(false);
    }
    let length = u32::try_from(to.len().saturating_sub(4)).unwrap_or(u32::MAX).to_be_bytes();
    for (to, from) in to.iter_mut().zip(length) {
        *to = from;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(form: Form, bytes: &[u8], separator: &str, fields: usize) -> Vec<(String, String)> {
        let mut decoder = Decoder::new(form, bytes, separator.as_bytes(), fields).unwrap();
        let mut all = Vec::new();
        let text = |datum: Datum<'_>| {
            let mut to = Vec::new();
            if let Datum::Text(bytes) | Datum::Bytes(bytes) = datum {
                to.extend_from_slice(bytes);
            }
            String::from_utf8(to).unwrap()
        };
        while decoder.advance().unwrap() {
            all.push((text(decoder.key()), text(decoder.value())));
        }
        all
    }

    #[test]
    fn lines_are_split_behind_so_many_fields() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let of = |line: &str, separator, fields| {
            records(Form::Text, line.as_bytes(), separator, fields).remove(0)
        };
        assert_eq!(of("a\tb\tc", "\t", 1), pair("a", "b\tc"));
        assert_eq!(of("a\tb\tc\n", "\t", 2), pair("a\tb", "c"));
        assert_eq!(of("a\tb\tc\n", "\t", 3), pair("a\tb\tc", ""));
        assert_eq!(of("a.b.c\r\n", ".", 2), pair("a.b", "c"));
        assert_eq!(of("a::b::c", "::", 2), pair("a::b", "c"));
        assert_eq!(of("abc", "\t", 1), pair("abc", ""));
        assert_eq!(of("\n", "\t", 1), pair("", ""));
        assert!(records(Form::Text, b"", "\t", 1).is_empty());
        assert_eq!(records(Form::KeyOnlyText, b"a\tb\n", "\t", 1), [pair("a\tb", "")]);
    }

    #[test]
    fn raw_and_typed_bytes_go_there_and_back() {
        let mut encoder = Encoder {
            form: Form::RawBytes,
            separator: b"\t".to_vec(),
            ignore_key: false,
            kinds: (Some(Kind::Text), None),
        };
        let mut bytes = Vec::new();
        encoder.record(Datum::Bytes(b"k"), Datum::Bytes(b"\n\t"), &mut bytes).unwrap();
        assert_eq!(bytes, b"\0\0\0\x01k\0\0\0\x02\n\t");
        assert_eq!(records(Form::RawBytes, &bytes, "", 1), [("k".into(), "\n\t".into())]);
        let mut decoder = Decoder::new(Form::RawBytes, &bytes[..6], b"", 1).unwrap();
        assert!(decoder.advance().is_err());

        encoder.form = Form::TypedBytes;
        bytes.clear();
        encoder.record(Datum::Serialized(b"\x01k"), Datum::Int(5), &mut bytes).unwrap();
        let mut decoder = Decoder::new(Form::TypedBytes, bytes.as_slice(), b"", 1).unwrap();
        assert!(decoder.advance().unwrap());
        assert_eq!(decoder.key(), Datum::Serialized(b"\0\0\0\x06\x07\0\0\0\x01k"));
        assert_eq!(decoder.value(), Datum::Serialized(b"\0\0\0\x05\x03\0\0\0\x05"));
        assert!(!decoder.advance().unwrap());
    }

    #[test]
    fn text_shows_what_java_shows() {
        let encoder = Encoder {
            form: Form::Text,
            separator: b"=".to_vec(),
            ignore_key: false,
            kinds: (Some(Kind::Double), Some(Kind::Bytes)),
        };
        let mut bytes = Vec::new();
        let one = 1.0_f64.to_be_bytes();
        encoder
            .record(Datum::Serialized(&one), Datum::Serialized(b"\0\0\0\x02\xff!"), &mut bytes)
            .unwrap();
        encoder.record(Datum::Long(-7), Datum::Null, &mut bytes).unwrap();
        assert_eq!(bytes, b"1.0=\xff!\n-7=(null)\n");
    }
}
