//! Values that say what they are: one byte for the type, then the value (`org.apache.hadoop.typedbytes`).

use std::io::{self, ErrorKind as IoKind, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::io::writable::{
    BooleanWritable, ByteWritable, BytesWritable, Datum, DoubleWritable, FloatWritable,
    IntWritable, Kind, LongWritable, Text, VIntWritable, VLongWritable, Writable, show_double,
    show_float,
};

const BYTES: u8 = 0;
const BYTE: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const LONG: u8 = 4;
const FLOAT: u8 = 5;
const DOUBLE: u8 = 6;
const STRING: u8 = 7;
const VECTOR: u8 = 8;
const LIST: u8 = 9;
const MAP: u8 = 10;
/// A serialised value of some Java class.
const WRITABLE: u8 = 50;
/// The end of a list.
const MARKER: u8 = 255;

/// Lists within lists beyond this depth are refused.
const DEEPEST: usize = 100;
/// Most bytes of one value.
const MOST: usize = 1 << 30;

fn unknown(code: u8) -> Error {
    Error::new(ErrorKind::Runtime, format!("unknown type {code} in typed bytes"))
}

/// Appends a key or value of a job; `kind` says what serialised ones are (`TypedBytesWritableOutput`).
///
/// # Errors
/// A value of a class that is not known.
pub(crate) fn write(datum: Datum<'_>, kind: Option<Kind>, to: &mut Vec<u8>) -> Result<()> {
    match datum {
        Datum::Text(bytes) => write_text(bytes, to),
        Datum::Bytes(bytes) => write_counted(BYTES, bytes, to),
        Datum::Long(value) => write_fixed(LONG, &value.to_be_bytes(), to),
        Datum::Int(value) => write_fixed(INT, &value.to_be_bytes(), to),
        Datum::Null => return write_serialized(Kind::Null, &[], to),
        Datum::Serialized(bytes) => match kind {
            Some(kind) => return write_serialized(kind, bytes, to),
            None => return Err(Error::io("values whose class is not known are no typed bytes")),
        },
    }
    Ok(())
}

fn write_fixed(code: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(code);
    to.extend_from_slice(bytes);
}

fn write_counted(code: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(code);
    BytesWritable::write(bytes, to);
}

fn write_text(bytes: &[u8], to: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(_) => write_counted(STRING, bytes, to),
        Err(_) => write_counted(STRING, String::from_utf8_lossy(bytes).as_bytes(), to),
    }
}

fn write_serialized(kind: Kind, mut bytes: &[u8], to: &mut Vec<u8>) -> Result<()> {
    let from = &mut bytes;
    match kind {
        Kind::TypedBytes => to.extend_from_slice(BytesWritable::read(from)?),
        Kind::Bytes => write_counted(BYTES, BytesWritable::read(from)?, to),
        Kind::Text => write_text(Text::read(from)?, to),
        Kind::Byte => write_fixed(BYTE, &ByteWritable::read(from)?.to_be_bytes(), to),
        Kind::Boolean => write_fixed(BOOL, &[u8::from(BooleanWritable::read(from)?)], to),
        Kind::Int => write_fixed(INT, &IntWritable::read(from)?.to_be_bytes(), to),
        Kind::VInt => write_fixed(INT, &VIntWritable::read(from)?.to_be_bytes(), to),
        Kind::Long => write_fixed(LONG, &LongWritable::read(from)?.to_be_bytes(), to),
        Kind::VLong => write_fixed(LONG, &VLongWritable::read(from)?.to_be_bytes(), to),
        Kind::Float => write_fixed(FLOAT, &FloatWritable::read(from)?.to_be_bytes(), to),
        Kind::Double => write_fixed(DOUBLE, &DoubleWritable::read(from)?.to_be_bytes(), to),
        Kind::Map | Kind::SortedMap => {
            let class = kind.class();
            return Err(Error::io(format!("{class} is not written as typed bytes here")));
        }
        Kind::Null | Kind::Short | Kind::Md5Hash | Kind::Tuple | Kind::OldTuple => {
            let mut whole = Vec::new();
            Text::write(kind.class().as_bytes(), &mut whole);
            whole.extend_from_slice(bytes);
            write_counted(WRITABLE, &whole, to);
        }
    }
    Ok(())
}

/// Reads one value as it is and appends it (`TypedBytesInput.readRaw`); `false` at the end, or at the mark that
/// ends a list.
///
/// # Errors
/// It cannot be read; it ends within a value; an unknown type.
pub(crate) fn read_raw(from: &mut impl Read, to: &mut Vec<u8>) -> Result<bool> {
    read_nested(from, to, 0)
}

fn read_nested(from: &mut impl Read, to: &mut Vec<u8>, depth: usize) -> Result<bool> {
    if depth > DEEPEST {
        return Err(Error::io("typed bytes: values within values without an end"));
    }
    let mut code = [0];
    if read_some(from, &mut code)? == 0 {
        return Ok(false);
    }
    let [code] = code;
    let below = depth.saturating_add(1);
    if code != MARKER {
        to.push(code);
    }
    match code {
        BYTE | BOOL => append(from, 1, to)?,
        INT | FLOAT => append(from, 4, to)?,
        LONG | DOUBLE => append(from, 8, to)?,
        BYTES | STRING | WRITABLE..=200 => {
            let length = read_length(from, to)?;
            append(from, length, to)?;
        }
        VECTOR | MAP => {
            let length = read_length(from, to)?;
            let count = if code == MAP { length.saturating_mul(2) } else { length };
            for _ in 0..count {
                if !read_nested(from, to, below)? {
                    return Err(eof());
                }
            }
        }
        LIST => {
            while read_nested(from, to, below)? {}
            to.push(MARKER);
        }
        MARKER => return Ok(false),
        other => return Err(unknown(other)),
    }
    Ok(true)
}

fn eof() -> Error {
    Error::new(ErrorKind::Eof, "typed bytes end within a value")
}

fn read_length(from: &mut impl Read, to: &mut Vec<u8>) -> Result<usize> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    to.extend_from_slice(&bytes);
    let length = i32::from_be_bytes(bytes);
    usize::try_from(length).map_err(|_| Error::io(format!("typed bytes of length {length}")))
}

/// Appends so many bytes, a piece at a time: a length that lies takes no memory.
pub(super) fn append(from: &mut impl Read, length: usize, to: &mut Vec<u8>) -> Result<()> {
    if length > MOST {
        return Err(Error::io(format!("a value of {length} bytes is longer than {MOST}")));
    }
    let read = from.by_ref().take(length as u64).read_to_end(to)?;
    if read < length { Err(eof()) } else { Ok(()) }
}

/// Fills as much as there is; fewer bytes only at the end.
pub(super) fn read_some(from: &mut impl Read, to: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = to.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == IoKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Appends what Java's `toString` says of a value.
///
/// # Errors
/// The bytes are no value.
pub(crate) fn show(from: &mut &[u8], text: &mut Vec<u8>) -> Result<()> {
    show_nested(from, text, 0).map(drop)
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length).ok_or_else(eof)?;
    *from = rest;
    Ok(taken)
}

fn show_nested(from: &mut &[u8], text: &mut Vec<u8>, depth: usize) -> Result<bool> {
    if depth > DEEPEST {
        return Err(Error::io("typed bytes: values within values without an end"));
    }
    let Some(code) = take(from, 1)?.first().copied() else { return Err(eof()) };
    let below = depth.saturating_add(1);
    match code {
        BYTE => text.extend(ByteWritable::read(from)?.to_string().bytes()),
        BOOL => text.extend(BooleanWritable::read(from)?.to_string().bytes()),
        INT => text.extend(IntWritable::read(from)?.to_string().bytes()),
        LONG => text.extend(LongWritable::read(from)?.to_string().bytes()),
        FLOAT => text.extend(show_float(FloatWritable::read(from)?).bytes()),
        DOUBLE => text.extend(show_double(DoubleWritable::read(from)?).bytes()),
        STRING => text.extend_from_slice(BytesWritable::read(from)?),
        BYTES | WRITABLE..=200 => {
            for byte in BytesWritable::read(from)? {
                text.extend(format!("{byte:02x}").bytes());
            }
        }
        VECTOR => {
            let count = IntWritable::read(from)?;
            text.push(b'[');
            for at in 0..count {
                if at > 0 {
                    text.extend_from_slice(b", ");
                }
                show_nested(from, text, below)?;
            }
            text.push(b']');
        }
        LIST => show_list(from, text, below)?,
        MAP => {
            let count = IntWritable::read(from)?;
            text.push(b'{');
            for at in 0..count {
                if at > 0 {
                    text.extend_from_slice(b", ");
                }
                show_nested(from, text, below)?;
                text.push(b'=');
                show_nested(from, text, below)?;
            }
            text.push(b'}');
        }
        MARKER => return Ok(false),
        other => return Err(unknown(other)),
    }
    Ok(true)
}

fn show_list(from: &mut &[u8], text: &mut Vec<u8>, depth: usize) -> Result<()> {
    text.push(b'[');
    let mut first = true;
    loop {
        if !first && from.first() != Some(&MARKER) {
            text.extend_from_slice(b", ");
        }
        if !show_nested(from, text, depth)? {
            break;
        }
        first = false;
    }
    text.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(datum: Datum<'_>, kind: Option<Kind>) -> Vec<u8> {
        let mut to = Vec::new();
        write(datum, kind, &mut to).unwrap();
        to
    }

    #[test]
    fn values_are_written_read_and_shown() {
        let long = typed(Datum::Long(-2), None);
        assert_eq!(long, [4, 255, 255, 255, 255, 255, 255, 255, 254]);
        let text = typed(Datum::Serialized(b"\x02ab"), Some(Kind::Text));
        assert_eq!(text, [7, 0, 0, 0, 2, b'a', b'b']);
        let mut list = vec![LIST];
        list.extend(&long);
        list.extend(&text);
        list.push(MARKER);
        let mut map = vec![MAP, 0, 0, 0, 1];
        map.extend(&text);
        map.extend(&list);
        for (bytes, wanted) in [(&long, "-2"), (&list, "[-2, ab]"), (&map, "{ab=[-2, ab]}")] {
            let (mut raw, mut shown) = (Vec::new(), Vec::new());
            assert!(read_raw(&mut bytes.as_slice(), &mut raw).unwrap());
            assert_eq!(&raw, bytes);
            show(&mut bytes.as_slice(), &mut shown).unwrap();
            assert_eq!(shown, wanted.as_bytes());
            let cut = bytes.split_last().unwrap().1;
            let cut_off = read_raw(&mut { cut }, &mut Vec::new());
            // A list that is not ended ends where the bytes do, as in Hadoop.
            assert!(cut_off.is_err() || bytes != &long);
        }
        assert!(!read_raw(&mut [].as_slice(), &mut Vec::new()).unwrap());
        assert!(read_raw(&mut [30].as_slice(), &mut Vec::new()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = read_raw(&mut bytes.as_slice(), &mut Vec::new());
            let _ = show(&mut bytes.as_slice(), &mut Vec::new());
        }
    }
}
