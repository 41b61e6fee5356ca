//! Protobuf messages with their length before them (`writeDelimitedTo`, `vintPrefixed`).

use super::TransferError;

/// The longest message that is read: requests name some tens of DataNodes at most.
pub const MAX_MESSAGE: usize = 1 << 20;

/// A message's length, taken byte by byte from a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct LengthPrefix {
    value: u64,
    shift: u32,
}

impl LengthPrefix {
    /// Takes the next byte; the length when it was the last one.
    ///
    /// # Errors
    /// If the length is no varint, or beyond [`MAX_MESSAGE`].
    pub const fn push(&mut self, byte: u8) -> Result<Option<usize>, TransferError> {
        if self.shift > 28 {
            return Err(TransferError::Length);
        }
        self.value |= ((byte & 0x7f) as u64) << self.shift;
        self.shift += 7;
        if byte & 0x80 != 0 {
            return Ok(None);
        }
        if self.value > MAX_MESSAGE as u64 {
            return Err(TransferError::MessageTooLong { length: self.value, limit: MAX_MESSAGE });
        }
        Ok(Some(self.value as usize))
    }
}

/// Appends `message` with its length before it.
pub fn encode_message(message: &impl prost::Message, out: &mut Vec<u8>) {
    prost::encoding::encode_varint(message.encoded_len() as u64, out);
    message.encode_raw(out);
}

/// Decodes a message without its length.
///
/// # Errors
/// If the bytes are none; `name` says in the error which message was expected.
pub fn decode_message<M: prost::Message + Default>(
    name: &'static str,
    bytes: &[u8],
) -> Result<M, TransferError> {
    M::decode(bytes)
        .map_err(|error| TransferError::Message { message: name, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<usize>, TransferError> {
        let mut prefix = LengthPrefix::default();
        for &byte in bytes {
            if let Some(length) = prefix.push(byte)? {
                return Ok(Some(length));
            }
        }
        Ok(None)
    }

    #[test]
    fn lengths() {
        assert_eq!(read(&[5]), Ok(Some(5)));
        assert_eq!(read(&[0x80, 0x02]), Ok(Some(256)));
        assert_eq!(read(&[0x80]), Ok(None));
        assert_eq!(read(&[0xff; 6]), Err(TransferError::Length));
        let length = u64::from(u32::MAX);
        let error = TransferError::MessageTooLong { length, limit: MAX_MESSAGE };
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(error));
    }
}
