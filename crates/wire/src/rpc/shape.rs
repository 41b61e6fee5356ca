//! Whether bytes are a message with every required field, before anything is decoded.
//!
//! Java refuses a message without a required field; prost gives it a default instead.

use super::fields::{Fields, MAX_DEPTH, MalformedMessage, Value};
use crate::proto::services::{MESSAGE_SHAPES, MessageShape};

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Not a protobuf message.
    #[error(transparent)]
    Malformed(#[from] MalformedMessage),
    /// A field that proto2 requires is not there.
    #[error("Message missing required fields: {field} (of {message})")]
    Missing {
        /// The message's full protobuf name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
    },
}

/// Checks that `bytes` are a message of this shape, and the messages in it of theirs.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_shape(shape: &MessageShape, bytes: &[u8]) -> Result<(), ShapeError> {
    check(shape, bytes, 0)
}

fn check(shape: &MessageShape, bytes: &[u8], depth: u32) -> Result<(), ShapeError> {
    if depth >= MAX_DEPTH {
        return Err(MalformedMessage::Depth.into());
    }
    let &(message, required, nested) = shape;
    let mut seen = 0u64;
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.read()? {
        if let Some(position) = required.iter().position(|&(n, _)| n == number) {
            seen |= 1u64.checked_shl(position as u32).unwrap_or(0);
        }
        if let Value::Bytes(inner) = value
            && let Some(&(_, row)) = nested.iter().find(|&&(n, _)| n == number)
            && let Some(shape) = MESSAGE_SHAPES.get(usize::from(row))
        {
            check(shape, inner, depth + 1)?;
        }
    }
    let missing = required.iter().enumerate().find(|&(position, _)| {
        1u64.checked_shl(position as u32).is_some_and(|bit| seen & bit == 0)
    });
    match missing {
        Some((_, &(_, field))) => Err(ShapeError::Missing { message, field }),
        None => Ok(()),
    }
}

/// The shape of the message with this full protobuf name.
#[must_use]
pub fn shape_of(name: &str) -> Option<&'static MessageShape> {
    let row = MESSAGE_SHAPES.binary_search_by(|shape| shape.0.cmp(name)).ok()?;
    MESSAGE_SHAPES.get(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hdfs::{
        AbandonBlockRequestProto, ExtendedBlockProto, GetFileInfoRequestProto,
    };
    use prost::Message;

    fn abandon() -> AbandonBlockRequestProto {
        AbandonBlockRequestProto {
            b: ExtendedBlockProto {
                pool_id: "BP-1".into(),
                block_id: 1,
                generation_stamp: 1001,
                num_bytes: Some(3),
            },
            src: "/a".into(),
            holder: "me".into(),
            file_id: None,
        }
    }

    #[test]
    fn no_message_needs_more_than_the_mask_holds() {
        assert!(MESSAGE_SHAPES.iter().all(|(_, required, _)| required.len() <= 64));
        assert!(MESSAGE_SHAPES.is_sorted_by_key(|shape| shape.0));
    }

    #[test]
    fn whole_message_passes() {
        let shape = shape_of("hadoop.hdfs.AbandonBlockRequestProto").unwrap();
        assert_eq!(check_shape(shape, &abandon().encode_to_vec()), Ok(()));
    }

    #[test]
    fn missing_field_is_named() {
        let shape = shape_of("hadoop.hdfs.GetFileInfoRequestProto").unwrap();
        let missing =
            ShapeError::Missing { message: "hadoop.hdfs.GetFileInfoRequestProto", field: "src" };
        assert_eq!(check_shape(shape, &[]), Err(missing));
        assert_eq!(
            missing.to_string(),
            "Message missing required fields: src (of hadoop.hdfs.GetFileInfoRequestProto)"
        );
        let whole = GetFileInfoRequestProto { src: "/".into() }.encode_to_vec();
        assert_eq!(check_shape(shape, &whole), Ok(()));
    }

    #[test]
    fn missing_field_of_an_inner_message_is_named() {
        let shape = shape_of("hadoop.hdfs.AbandonBlockRequestProto").unwrap();
        // b: {poolId: "x"}, src, holder
        let bytes = [0x0a, 3, 0x0a, 1, b'x', 0x12, 1, b'/', 0x1a, 1, b'h'];
        let message = "hadoop.hdfs.ExtendedBlockProto";
        let expected = ShapeError::Missing { message, field: "blockId" };
        assert_eq!(check_shape(shape, &bytes), Err(expected));
    }

    #[test]
    fn every_cut_is_refused() {
        let shape = shape_of("hadoop.hdfs.AbandonBlockRequestProto").unwrap();
        let whole = abandon().encode_to_vec();
        for length in 0..whole.len() {
            assert!(check_shape(shape, &whole[..length]).is_err(), "{length}");
        }
    }
}
