//! Hadoop's variable-length integers (`WritableUtils.writeVLong`), for record lengths.

/// Most bytes that one takes.
pub const MAX: usize = 9;

/// Appends one.
#[inline]
pub fn write(value: i64, to: &mut Vec<u8>) {
    if (-112..=127).contains(&value) {
        to.push(value as u8);
    } else {
        let (bytes, length) = encode(value);
        to.extend_from_slice(bytes.get(..length).unwrap_or_default());
    }
}

/// Its bytes, and how many of them count.
pub fn encode(value: i64) -> ([u8; MAX], usize) {
    let mut bytes = [0; MAX];
    if (-112..=127).contains(&value) {
        bytes[0] = value as u8;
        return (bytes, 1);
    }
    let (magnitude, base) = if value < 0 { (!value, -120_i8) } else { (value, -112_i8) };
    let big_endian = magnitude.to_be_bytes();
    let skipped = (magnitude.leading_zeros() / 8) as usize;
    let length = 8 - skipped;
    bytes[0] = base.wrapping_sub(length as i8) as u8;
    for (to, from) in bytes.iter_mut().skip(1).zip(big_endian.iter().skip(skipped)) {
        *to = *from;
    }
    (bytes, length + 1)
}

/// Bytes that a value takes (`WritableUtils.getVIntSize`).
#[inline]
pub fn size(value: i64) -> usize {
    if (-112..=127).contains(&value) {
        return 1;
    }
    let magnitude = if value < 0 { !value } else { value };
    9 - (magnitude.leading_zeros() / 8) as usize
}

/// The value at the start of `bytes` and its size; `None` where the bytes end within it.
#[inline]
pub fn read(bytes: &[u8]) -> Option<(i64, usize)> {
    let first = *bytes.first()? as i8;
    if first >= -112 {
        return Some((i64::from(first), 1));
    }
    let (length, negative) = if first < -120 {
        (-120 - i32::from(first), true)
    } else {
        (-112 - i32::from(first), false)
    };
    let length = length as usize;
    let magnitude = bytes.get(1..=length)?.iter().fold(0_i64, |v, b| (v << 8) | i64::from(*b));
    Some((if negative { !magnitude } else { magnitude }, length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hadoops_bytes() {
        let bytes = |v| {
            let mut to = Vec::new();
            write(v, &mut to);
            to
        };
        assert_eq!(bytes(-1), [0xff]);
        assert_eq!(bytes(127), [127]);
        assert_eq!(bytes(-112), [0x90]);
        assert_eq!(bytes(128), [0x8f, 0x80]);
        assert_eq!(bytes(-113), [0x87, 0x70]);
        assert_eq!(bytes(256), [0x8e, 1, 0]);
        assert_eq!(bytes(i64::MAX), [0x88, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(bytes(i64::MIN), [0x80, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value: i64, shift in 0..64u32, rest: Vec<u8>) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            prop_assert_eq!(bytes.len(), size(value));
            for end in 0..bytes.len() {
                prop_assert_eq!(read(&bytes[..end]), None);
            }
            let length = bytes.len();
            bytes.extend(rest);
            prop_assert_eq!(read(&bytes), Some((value, length)));
        }
    }
}
