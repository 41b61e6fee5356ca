//! Java's and Hadoop's ways to write numbers and strings, as far as the edit log uses them.

use super::error::CodecError;

/// What is not yet read of an operation.
pub(super) struct Input<'a> {
    rest: &'a [u8],
    operation: &'static str,
}

type Result<T> = std::result::Result<T, CodecError>;

impl<'a> Input<'a> {
    pub(super) const fn new(bytes: &'a [u8], operation: &'static str) -> Self {
        Self { rest: bytes, operation }
    }

    pub(super) const fn finish(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Trailing(self.operation, self.rest.len()))
        }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(CodecError::Truncated(self.operation))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(CodecError::Truncated(self.operation))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn boolean(&mut self) -> Result<bool> {
        Ok(self.byte()? != 0)
    }

    pub(super) fn short(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn long(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn unsigned_long(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A count of things that take at least `least` bytes each: never more than there can be.
    pub(super) fn count(&mut self, field: &'static str, least: usize) -> Result<usize> {
        let count = self.int()?;
        self.checked_count(field, i64::from(count), least)
    }

    fn checked_count(&self, field: &'static str, count: i64, least: usize) -> Result<usize> {
        usize::try_from(count)
            .ok()
            .filter(|count| count.saturating_mul(least) <= self.rest.len())
            .ok_or_else(|| CodecError::field(field, format!("count of {count}")))
    }

    /// `WritableUtils.readVLong`.
    pub(super) fn vlong(&mut self) -> Result<i64> {
        let first = self.byte()? as i8;
        if first >= -112 {
            return Ok(i64::from(first));
        }
        let negative = first < -120;
        let length = if negative { -120 - i32::from(first) } else { -112 - i32::from(first) };
        let mut value = 0_i64;
        for &byte in self.take(length.unsigned_abs() as usize)? {
            value = (value << 8) | i64::from(byte);
        }
        Ok(if negative { !value } else { value })
    }

    /// `WritableUtils.readVInt`.
    pub(super) fn vint(&mut self) -> Result<i32> {
        let value = self.vlong()?;
        i32::try_from(value)
            .map_err(|_| CodecError::field("number", format!("{value} too long to fit in integer")))
    }

    pub(super) fn vcount(&mut self, field: &'static str, least: usize) -> Result<usize> {
        let count = self.vint()?;
        self.checked_count(field, i64::from(count), least)
    }

    /// `Text.readString`: length and UTF-8.
    pub(super) fn text(&mut self, field: &'static str) -> Result<String> {
        let length = self.vcount(field, 1)?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| CodecError::field(field, error.to_string()))
    }

    pub(super) fn short_bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.short()?;
        self.take(usize::from(length))
    }

    /// `FSImageSerialization.readString`: each UTF-16 unit encoded by itself.
    pub(super) fn string(&mut self, field: &'static str) -> Result<String> {
        let bytes = self.short_bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                from_cesu8(bytes).ok_or_else(|| CodecError::field(field, "not a string of Java's"))
            }
        }
    }

    /// A protobuf message after its length.
    pub(super) fn delimited(&mut self, field: &'static str) -> Result<&'a [u8]> {
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return self.take(length);
            }
        }
        Err(CodecError::field(field, "length is malformed"))
    }
}

/// Surrogate pairs arrive as two sequences of three bytes.
fn from_cesu8(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    let mut next = || rest.next().copied().map(u32::from);
    while let Some(first) = next() {
        let mut follow = |value: u32| Some((value << 6) | (next()? & 0x3f));
        let value = match first {
            0..0x80 => first,
            0xc0..0xe0 => follow(first & 0x1f)?,
            0xe0..0xf0 => {
                let value = follow(first & 0xf)?;
                follow(value)?
            }
            0xf0..0xf8 => {
                let value = follow(first & 7)?;
                let value = follow(value)?;
                follow(value)?
            }
            _ => return None,
        };
        match u16::try_from(value) {
            Ok(unit) => units.push(unit),
            Err(_) => units.extend_from_slice(char::from_u32(value)?.encode_utf16(&mut [0; 2])),
        }
    }
    String::from_utf16(&units).ok()
}

pub(super) fn put_boolean(value: bool, out: &mut Vec<u8>) {
    out.push(u8::from(value));
}

pub(super) fn put_short(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_int(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_long(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_unsigned_long(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_count(count: usize, field: &'static str, out: &mut Vec<u8>) -> Result<()> {
    let count =
        i32::try_from(count).map_err(|_| CodecError::field(field, format!("count of {count}")))?;
    put_int(count, out);
    Ok(())
}

/// `WritableUtils.writeVLong`.
pub(super) fn put_vlong(value: i64, out: &mut Vec<u8>) {
    if (-112..=127).contains(&value) {
        out.push(value as u8);
        return;
    }
    let (magnitude, base) = if value < 0 { (!value, -120_i8) } else { (value, -112) };
    let bytes = magnitude.to_be_bytes();
    let zeros = magnitude.leading_zeros() as usize / 8;
    let tail = bytes.get(zeros..).unwrap_or_default();
    out.push((base - tail.len() as i8) as u8);
    out.extend_from_slice(tail);
}

/// `Text.writeString`.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_vlong(i64::try_from(text.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_short_bytes(bytes: &[u8], field: &'static str, out: &mut Vec<u8>) -> Result<()> {
    let length =
        u16::try_from(bytes.len()).map_err(|_| CodecError::field(field, "string too long!"))?;
    put_short(length, out);
    out.extend_from_slice(bytes);
    Ok(())
}

/// `FSImageSerialization.writeString`.
pub(super) fn put_string(text: &str, field: &'static str, out: &mut Vec<u8>) -> Result<()> {
    // Only characters beyond the basic plane, four bytes in UTF-8, are written differently.
    if text.bytes().all(|byte| byte < 0xf0) {
        return put_short_bytes(text.as_bytes(), field, out);
    }
    let mut bytes = Vec::with_capacity(text.len() * 3 / 2);
    for unit in text.encode_utf16() {
        match unit {
            0..0x80 => bytes.push(unit as u8),
            0x80..0x800 => {
                bytes.extend_from_slice(&[0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]);
            }
            _ => bytes.extend_from_slice(&[
                0xe0 | (unit >> 12) as u8,
                0x80 | ((unit >> 6) & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
    put_short_bytes(&bytes, field, out)
}

/// A protobuf message after its length.
pub(super) fn put_delimited(message: &impl prost::Message, out: &mut Vec<u8>) {
    out.extend_from_slice(&message.encode_length_delimited_to_vec());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn vlong_round_trip(value: i64) {
            let mut out = Vec::new();
            put_vlong(value, &mut out);
            let mut input = Input::new(&out, "test");
            prop_assert_eq!(input.vlong().unwrap(), value);
            prop_assert!(input.finish().is_ok());
        }

        #[test]
        fn string_round_trip(value in "\\PC{0,40}") {
            let mut out = Vec::new();
            put_string(&value, "test", &mut out).unwrap();
            prop_assert_eq!(Input::new(&out, "test").string("test").unwrap(), value);
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Input::new(&bytes, "test").string("test");
            let _ = Input::new(&bytes, "test").text("test");
            let _ = Input::new(&bytes, "test").vlong();
            let _ = Input::new(&bytes, "test").delimited("test");
            let _ = from_cesu8(&bytes);
        }
    }

    #[test]
    fn vlong_as_java_writes_it() {
        for (value, bytes) in [
            (127, &[127][..]),
            (128, &[0x8f, 0x80]),
            (-112, &[0x90]),
            (-113, &[0x87, 0x70]),
            (1001, &[0x8e, 0x03, 0xe9]),
        ] {
            let mut out = Vec::new();
            put_vlong(value, &mut out);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn astral_characters_are_two_units() {
        let mut out = Vec::new();
        put_string("😀", "test", &mut out).unwrap();
        assert_eq!(out, [0, 6, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
    }
}
