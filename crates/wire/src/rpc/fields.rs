//! A protobuf message read field by field, borrowing: for the few messages that every call pays for.

/// Bytes that are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMessage {
    /// A varint or a length runs past the end.
    #[error(
        "While parsing a protocol message, the input ended unexpectedly in the middle of a field"
    )]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("CodedInputStream encountered a malformed varint.")]
    Varint,
    /// Field number 0, or a wire type that does not exist.
    #[error("Protocol message contained an invalid tag (zero).")]
    Tag,
    /// A group that ends where it did not begin.
    #[error("Protocol message end-group tag did not match expected tag.")]
    Group,
    /// Messages within messages beyond any use.
    #[error("Protocol message had too many levels of nesting.")]
    Depth,
}

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: string, bytes, message or packed numbers.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
    /// A group, read over: Hadoop has none.
    Group,
}

/// Java's limit on messages within messages.
pub(crate) const MAX_DEPTH: u32 = 100;

/// Fields of one message, in the order they were written.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads the message that `bytes` are.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field's number and value; `None` at the end.
    ///
    /// # Errors
    /// If the bytes are not a message.
    #[inline]
    pub fn read(&mut self) -> Result<Option<(u32, Value<'a>)>, MalformedMessage> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(take_varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take()?)),
            2 => {
                let length = take_varint(&mut self.rest)?;
                Value::Bytes(take_bytes(&mut self.rest, length)?)
            }
            3 => {
                self.skip_group(number)?;
                Value::Group
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take()?)),
            4 => return Err(MalformedMessage::Group),
            _ => return Err(MalformedMessage::Tag),
        };
        Ok(Some((number, value)))
    }

    fn tag(&mut self) -> Result<(u32, u32), MalformedMessage> {
        let tag = u32::try_from(take_varint(&mut self.rest)?).map_err(|_| MalformedMessage::Tag)?;
        if tag >> 3 == 0 { Err(MalformedMessage::Tag) } else { Ok((tag >> 3, tag & 7)) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], MalformedMessage> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(MalformedMessage::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// Skips to the end of a group without recursion; nested groups are counted.
    fn skip_group(&mut self, number: u32) -> Result<(), MalformedMessage> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => drop(take_varint(&mut self.rest)?),
                1 => drop(self.take::<8>()?),
                2 => {
                    let length = take_varint(&mut self.rest)?;
                    take_bytes(&mut self.rest, length)?;
                }
                3 if open.len() >= MAX_DEPTH as usize => return Err(MalformedMessage::Depth),
                3 => open.push(number),
                4 if number == innermost => drop(open.pop()),
                4 => return Err(MalformedMessage::Group),
                5 => drop(self.take::<4>()?),
                _ => return Err(MalformedMessage::Tag),
            }
        }
        Ok(())
    }
}

/// Takes a varint off the front.
///
/// # Errors
/// If it is cut off or too long.
#[inline]
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, MalformedMessage> {
    if let Some((&first, rest)) = bytes.split_first()
        && first < 0x80
    {
        *bytes = rest;
        return Ok(u64::from(first));
    }
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = bytes.get(i + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(if bytes.len() < 10 { MalformedMessage::Truncated } else { MalformedMessage::Varint })
}

fn take_bytes<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], MalformedMessage> {
    let length = usize::try_from(length).map_err(|_| MalformedMessage::Truncated)?;
    let (head, rest) = bytes.split_at_checked(length).ok_or(MalformedMessage::Truncated)?;
    *bytes = rest;
    Ok(head)
}

/// Takes a message with its length before it (`parseDelimitedFrom`) off the front.
///
/// # Errors
/// If it is cut off.
#[inline]
pub fn take_delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], MalformedMessage> {
    let length = take_varint(bytes)?;
    take_bytes(bytes, length)
}

/// `sint32`'s number for a varint.
#[inline]
pub(crate) const fn unzigzag(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// The varint of a `sint32`.
#[inline]
pub(crate) const fn zigzag(value: i32) -> u64 {
    (((value << 1) ^ (value >> 31)) as u32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_wire_type() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: varint 150
            0x11, 1, 0, 0, 0, 0, 0, 0, 0, // 2: fixed64 1
            0x1a, 2, b'h', b'i', // 3: bytes
            0x23, 0x08, 0x01, 0x2b, 0x2c, 0x24, // 4: group with a group 5 in it
            0x35, 7, 0, 0, 0, // 6: fixed32 7
        ];
        let mut fields = Fields::new(&bytes);
        let mut seen = Vec::new();
        while let Some(field) = fields.read().unwrap() {
            seen.push(field);
        }
        assert_eq!(
            seen,
            [
                (1, Value::Varint(150)),
                (2, Value::Fixed64(1)),
                (3, Value::Bytes(b"hi")),
                (4, Value::Group),
                (6, Value::Fixed32(7)),
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_message() {
        fn read(bytes: &[u8]) -> Result<Option<(u32, Value<'_>)>, MalformedMessage> {
            Fields::new(bytes).read()
        }
        assert_eq!(read(&[0x08]), Err(MalformedMessage::Truncated));
        assert_eq!(read(&[0x0a, 0x05, 1]), Err(MalformedMessage::Truncated));
        assert_eq!(read(&[0x00, 0x01]), Err(MalformedMessage::Tag));
        assert_eq!(read(&[0x0e]), Err(MalformedMessage::Tag));
        assert_eq!(read(&[0x0c]), Err(MalformedMessage::Group));
        assert_eq!(read(&[0x0b, 0x14]), Err(MalformedMessage::Group));
        assert_eq!(read(&[0x0b; 200]), Err(MalformedMessage::Depth));
        assert_eq!(read(&[0xff; 11]), Err(MalformedMessage::Varint));
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(read(&huge), Err(MalformedMessage::Truncated));
    }

    proptest! {
        #[test]
        fn varints_are_prosts(value: u64) {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_varint(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn zigzag_returns(value: i32) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let mut fields = Fields::new(&bytes);
            while let Ok(Some(_)) = fields.read() {}
        }
    }
}
