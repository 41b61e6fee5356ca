//! Hadoop's numbers of variable length (`WritableUtils.writeVLong`): one byte from -112 to 127, else a byte that
//! tells sign and count, then the magnitude, highest byte first.

use super::{take, take_array};
use crate::error::{Error, Result};

/// Reads a number from the front.
///
/// # Errors
/// The bytes end within it.
pub fn read(from: &mut &[u8]) -> Result<i64> {
    let [first] = take_array::<1>(from)?;
    let (count, negative) = tail(first);
    let mut value: i64 = 0;
    if count == 0 {
        return Ok(i64::from(first.cast_signed()));
    }
    for byte in take(from, count)? {
        value = value << 8 | i64::from(*byte);
    }
    Ok(if negative { !value } else { value })
}

/// Bytes that follow a first byte, and whether the number is negative.
#[must_use]
pub fn tail(first: u8) -> (usize, bool) {
    match first.cast_signed() {
        value @ ..=-121 => (usize::from(first.cast_signed().abs_diff(-120).min(8)), value < 0),
        value @ -120..=-113 => (usize::from(value.abs_diff(-112)), false),
        _ => (0, false),
    }
}

/// Reads a length: a number of at least 0 that fits Java's `int`.
///
/// # Errors
/// The bytes end within it; another number.
pub fn read_length(from: &mut &[u8]) -> Result<usize> {
    let value = read(from)?;
    let length = i32::try_from(value).ok().and_then(|v| usize::try_from(v).ok());
    length.ok_or_else(|| Error::io(format!("{value} is no length")))
}

/// Appends a number.
pub fn write(value: i64, to: &mut Vec<u8>) {
    if (-112..=127).contains(&value) {
        to.push(value.to_le_bytes()[0]);
        return;
    }
    let (magnitude, base) = if value < 0 { (!value, -120_i8) } else { (value, -112) };
    let bytes = magnitude.to_be_bytes();
    let zeros = (magnitude.leading_zeros() / 8) as usize;
    let count = bytes.len().saturating_sub(zeros);
    let first = base.wrapping_sub(i8::try_from(count).unwrap_or(8));
    to.push(first.cast_unsigned());
    to.extend_from_slice(bytes.get(zeros..).unwrap_or_default());
}

/// Appends a length.
pub fn write_length(length: usize, to: &mut Vec<u8>) {
    write(i64::try_from(length).unwrap_or(i64::MAX), to);
}

/// How many bytes a number of at least 0 takes.
#[must_use]
pub fn size(value: u64) -> usize {
    match value {
        0..=127 => 1,
        _ => 9_usize.saturating_sub((value.leading_zeros() / 8) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_java_writes_them() {
        for (bytes, value) in [
            (&[0x05][..], 5),
            (&[0x90], -112),
            (&[0x8f, 0x80], 128),
            (&[0x87, 0x70], -113),
            (&[0x8e, 0x01, 0x00], 256),
            (&[0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], i64::MAX),
            (&[0x80, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], i64::MIN),
        ] {
            let mut written = Vec::new();
            write(value, &mut written);
            assert_eq!(written, bytes, "{value}");
            assert_eq!(read(&mut &*bytes).unwrap(), value, "{bytes:x?}");
        }
        assert!(read(&mut &[0x8e, 0x01][..]).is_err());
        assert!(read(&mut &[][..]).is_err());
        assert!(read_length(&mut &[0x90][..]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn round_trip(value: i64) {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            proptest::prop_assert_eq!(read(&mut &*bytes).unwrap(), value);
            proptest::prop_assert_eq!(tail(bytes[0]).0 + 1, bytes.len());
            if value >= 0 {
                proptest::prop_assert_eq!(size(value.cast_unsigned()), bytes.len());
            }
        }
    }
}
