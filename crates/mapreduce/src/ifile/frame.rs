//! One record being serialized at the end of a buffer, in the form it has in a segment.
//!
//! The lengths stand before the data and are known after it: room for two one-byte lengths is left, and a record
//! that is longer than that moves up by what its lengths need more.

use super::vint;

/// Room left for the lengths.
const HEADER: usize = 2;

/// Where a record in the making starts and, once it is there, where its key ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    start: usize,
    key_end: usize,
}

impl Frame {
    /// Starts a record; its key is to be appended next.
    #[inline]
    pub(crate) fn begin(bytes: &mut Vec<u8>) -> Self {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; HEADER]);
        Self { start, key_end: start }
    }

    /// The key is complete; its value is to be appended next.
    #[inline]
    pub(crate) fn key_ends(&mut self, bytes: &[u8]) {
        self.key_end = bytes.len();
    }

    /// Where the record starts.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The key's bytes.
    #[inline]
    pub(crate) fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start + HEADER..self.key_end).unwrap_or_default()
    }

    /// Key and value, before [`end`](Self::end).
    pub(crate) fn fields<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        (self.key(bytes), bytes.get(self.key_end..).unwrap_or_default())
    }

    /// Length of the value so far.
    #[inline]
    pub(crate) fn value_length(&self, bytes: &[u8]) -> usize {
        bytes.len().saturating_sub(self.key_end)
    }

    /// The value is complete: puts the lengths in front. The whole record is `bytes[start..]` then.
    #[inline]
    pub(crate) fn end(&self, bytes: &mut Vec<u8>) {
        let key = self.key_end - self.start - HEADER;
        let value = bytes.len() - self.key_end;
        if key < 128
            && value < 128
            && let Some(header) = bytes.get_mut(self.start..self.start + HEADER)
        {
            header.copy_from_slice(&[key as u8, value as u8]);
        } else {
            self.end_long(bytes, key as i64, value as i64);
        }
    }

    #[cold]
    fn end_long(&self, bytes: &mut Vec<u8>, key: i64, value: i64) {
        let header = vint::size(key) + vint::size(value);
        let data = self.start + HEADER..bytes.len();
        bytes.resize(bytes.len() + header - HEADER, 0);
        bytes.copy_within(data, self.start + header);
        let mut at = self.start;
        for length in [key, value] {
            let (encoded, size) = vint::encode(length);
            let encoded = encoded.get(..size).unwrap_or_default();
            if let Some(to) = bytes.get_mut(at..at + size) {
                to.copy_from_slice(encoded);
            }
            at += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stand_before_the_data() {
        for (key, value) in [(0, 0), (3, 127), (127, 128), (128, 1), (300, 70_000)] {
            let (key, value) = (vec![1; key], vec![2; value]);
            let mut expected = b"before".to_vec();
            vint::write(key.len() as i64, &mut expected);
            vint::write(value.len() as i64, &mut expected);
            expected.extend_from_slice(&key);
            expected.extend_from_slice(&value);
            let mut bytes = b"before".to_vec();
            let mut frame = Frame::begin(&mut bytes);
            bytes.extend_from_slice(&key);
            frame.key_ends(&bytes);
            assert_eq!(frame.key(&bytes), key);
            bytes.extend_from_slice(&value);
            assert_eq!(frame.value_length(&bytes), value.len());
            frame.end(&mut bytes);
            assert_eq!(bytes, expected);
        }
    }
}
