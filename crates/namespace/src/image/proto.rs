//! Protobuf's encoding by hand, for messages of which there are millions.

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Bytes that were left where it was noticed.
    pub(super) remaining: usize,
    pub(super) reason: &'static str,
}

type Result<T> = std::result::Result<T, Malformed>;

/// A field's value as it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// What is not yet read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    const fn malformed<T>(&self, reason: &'static str) -> Result<T> {
        Err(Malformed { remaining: self.rest.len(), reason })
    }

    pub(super) fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        self.malformed("a number does not end")
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((taken, rest)) = split else {
            return self.malformed("a message is longer than what is there");
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A message after its length; none at the end.
    pub(super) fn delimited(&mut self) -> Result<Option<&'a [u8]>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let length = self.varint()?;
        self.take(length).map(Some)
    }

    /// The next field and its value; none at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u32, Value<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let Ok(number) = u32::try_from(key >> 3) else {
            return self.malformed("a field's number is out of range");
        };
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.array().map(u64::from_le_bytes)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(self.array().map(u32::from_le_bytes)?),
            _ => return self.malformed("a field has no known type"),
        };
        Ok(Some((number, value)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return self.malformed("a field ends early");
        };
        self.rest = rest;
        Ok(*taken)
    }
}

pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_number(field: u32, value: u64, out: &mut Vec<u8>) {
    put_varint(u64::from(field << 3), out);
    put_varint(value, out);
}

pub(super) fn put_fixed64(field: u32, value: u64, out: &mut Vec<u8>) {
    put_varint(u64::from(field << 3 | 1), out);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(field << 3 | 2), out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A message inside a message: `write` appends its contents.
pub(super) fn put_message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    put_varint(u64::from(field << 3 | 2), out);
    put_length_before(out, write);
}

/// A message after its length: `write` appends its contents.
pub(super) fn put_length_before(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    // Most are short: one byte is kept for the length, and widened if that is not enough.
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    let mut encoded = Vec::new();
    if let (Ok(byte @ 0..0x80), Some(slot)) = (u8::try_from(length), out.get_mut(at)) {
        *slot = byte;
    } else {
        put_varint(length as u64, &mut encoded);
        out.splice(at..=at, encoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varint_round_trip(value: u64) {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            prop_assert_eq!(Cursor::new(&out).varint().unwrap(), value);
        }

        #[test]
        fn messages_of_any_length(length in 0_usize..40_000) {
            let mut out = vec![9];
            put_length_before(&mut out, |out| out.resize(out.len() + length, 7));
            let mut cursor = Cursor::new(&out[1..]);
            prop_assert_eq!(cursor.delimited().unwrap().unwrap().len(), length);
            prop_assert!(cursor.rest.is_empty());
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            while let Ok(Some(_)) = cursor.field() {}
            let mut cursor = Cursor::new(&bytes);
            while let Ok(Some(_)) = cursor.delimited() {}
        }
    }
}
