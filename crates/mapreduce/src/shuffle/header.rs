//! What stands before each segment on the wire (Hadoop's `ShuffleHeader`).

use crate::error::{Error, Result};
use crate::ifile::vint;

/// Longest attempt id that is read.
const MAX_ID: usize = 1000;

/// Names one segment and says how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShuffleHeader {
    /// The map attempt.
    pub map: String,
    /// Bytes that follow, with checksum.
    pub part_length: u64,
    /// Bytes of records and end marker, before compression.
    pub raw_length: u64,
    /// The partition.
    pub reduce: u32,
}

impl ShuffleHeader {
    /// Appends its bytes.
    pub fn write(&self, to: &mut Vec<u8>) {
        vint::write(self.map.len() as i64, to);
        to.extend_from_slice(self.map.as_bytes());
        for number in [self.part_length as i64, self.raw_length as i64, i64::from(self.reduce)] {
            vint::write(number, to);
        }
    }

    /// Reads one, byte by byte as `next` gives them.
    ///
    /// # Errors
    /// What `next` says, or bytes that are no header.
    pub fn read(mut next: impl FnMut() -> Result<u8>) -> Result<Self> {
        let length = number(&mut next)?;
        let length = usize::try_from(length).ok().filter(|l| *l <= MAX_ID).ok_or_else(|| {
            Error::argument(format!(
                "Encoded byte size for String was {length}, which is outside of 0..{MAX_ID} range."
            ))
        })?;
        let mut map = Vec::with_capacity(length);
        for _ in 0..length {
            map.push(next()?);
        }
        let map = String::from_utf8(map)
            .map_err(|_| Error::argument("a shuffle header's map is no text"))?;
        let mut unsigned = |what: &str| {
            let number = number(&mut next)?;
            u64::try_from(number)
                .map_err(|_| Error::argument(format!("a shuffle header's {what} is {number}")))
        };
        let part_length = unsigned("compressed length")?;
        let raw_length = unsigned("length")?;
        let reduce = unsigned("reduce")?;
        let reduce = u32::try_from(reduce)
            .map_err(|_| Error::argument(format!("a shuffle header's reduce is {reduce}")))?;
        Ok(Self { map, part_length, raw_length, reduce })
    }
}

fn number(next: &mut impl FnMut() -> Result<u8>) -> Result<i64> {
    let mut bytes = [0; vint::MAX];
    for at in 0..vint::MAX {
        if let Some(slot) = bytes.get_mut(at) {
            *slot = next()?;
        }
        if let Some((value, _)) = bytes.get(..=at).and_then(vint::read) {
            return Ok(value);
        }
    }
    Err(Error::argument("a shuffle header's number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<ShuffleHeader> {
        let mut bytes = bytes.iter();
        ShuffleHeader::read(|| bytes.next().copied().ok_or_else(|| Error::io("end")))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(map in "[a-z0-9_]{0,60}", part in 0..i64::MAX as u64, raw in 0..i64::MAX as u64, reduce in 0..i32::MAX as u32) {
            let header = ShuffleHeader { map, part_length: part, raw_length: raw, reduce };
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            prop_assert_eq!(read(&bytes).unwrap(), header);
            for end in 0..bytes.len() {
                prop_assert!(read(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn other_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn hadoops_bytes() {
        let map = "attempt_1_0001_m_000003_0".to_owned();
        let header = ShuffleHeader { map, part_length: 300, raw_length: 5, reduce: 2 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes, b"\x19attempt_1_0001_m_000003_0\x8e\x01\x2c\x05\x02");
    }
}
