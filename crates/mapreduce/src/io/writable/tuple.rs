//! Values of several classes side by side, some of which are not there (`TupleWritable`).

use super::{Kind, Text, Writable, vint};
use crate::error::{Error, Result};

/// Values of a tuple, at most: which of them are there is one number of 64 bits. (Java writes longer ones in a
/// form that it does not read back.)
pub const MOST_VALUES: usize = 64;
/// Tuples within tuples, at most.
const DEEPEST: usize = 32;

/// A value's class, and its bytes where it is there.
type Place<'a> = (Kind, Option<&'a [u8]>);

/// Takes a tuple from the front.
pub(super) fn read<'a>(from: &mut &'a [u8]) -> Result<Vec<Place<'a>>> {
    read_within(from, 0)
}

fn read_within<'a>(from: &mut &'a [u8], depth: usize) -> Result<Vec<Place<'a>>> {
    if depth > DEEPEST {
        return Err(Error::io(format!("tuples within tuples, more than {DEEPEST}")));
    }
    let count = vint::read_length(from)?;
    if count > MOST_VALUES {
        return Err(Error::io(format!("a tuple of {count} values: {MOST_VALUES} is the most")));
    }
    let there = vint::read(from)?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        kinds.push(Kind::required(&String::from_utf8_lossy(Text::read(from)?))?);
    }
    let mut places = Vec::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        if there >> at & 1 == 0 {
            places.push((kind, None));
            continue;
        }
        let all = *from;
        if matches!(kind, Kind::Tuple | Kind::OldTuple) {
            read_within(from, depth.saturating_add(1))?;
        } else {
            kind.split_off(from)?;
        }
        let length = all.len().saturating_sub(from.len());
        places.push((kind, all.get(..length)));
    }
    Ok(places)
}

/// Appends `[first,second,]`-like text: nothing stands for a value that is not there.
pub(super) fn show(from: &mut &[u8], text: &mut Vec<u8>) -> Result<()> {
    text.push(b'[');
    for (at, (kind, bytes)) in read(from)?.into_iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        if let Some(mut bytes) = bytes {
            kind.show(&mut bytes, text)?;
        }
    }
    text.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(classes: &[&str], there: i64, values: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        vint::write(classes.len() as i64, &mut bytes);
        vint::write(there, &mut bytes);
        for class in classes {
            Text::write(class.as_bytes(), &mut bytes);
        }
        bytes.extend_from_slice(values);
        bytes
    }

    fn shown(bytes: &[u8]) -> Result<String> {
        let mut text = Vec::new();
        Kind::Tuple.show(&mut { bytes }, &mut text)?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn values_that_are_not_there_show_nothing() {
        let (text, number, own) = (Kind::Text.class(), Kind::Int.class(), Kind::Tuple.class());
        let inner = tuple(&[text], 1, b"\x01x");
        let mut values = b"\0\0\0\x07".to_vec();
        values.extend_from_slice(&inner);
        let bytes = tuple(&[text, number, own], 0b110, &values);
        assert_eq!(shown(&bytes).unwrap(), "[,7,[x]]");
        assert_eq!(Kind::Tuple.split_off(&mut &*bytes).unwrap(), bytes);
        assert_eq!(shown(&tuple(&[], 0, b"")).unwrap(), "[]");
        for end in 0..bytes.len() {
            assert!(shown(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn neither_depth_nor_count_is_endless() {
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            bytes.extend_from_slice(&tuple(&[Kind::Tuple.class()], 1, b""));
        }
        assert!(shown(&bytes).unwrap_err().message().contains("within tuples"));
        let mut bytes = Vec::new();
        vint::write(1 << 30, &mut bytes);
        assert!(shown(&bytes).unwrap_err().message().contains("is the most"));
    }
}
