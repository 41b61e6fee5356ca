//! Frames of the edit log, as they lie on disk and travel to JournalNodes.
//!
//! A frame is `opcode(1) length(4) txid(8) body crc32(4)`, where `length` counts everything after
//! the opcode but the checksum, and the checksum covers everything before it
//! (`FSEditLogOp.Writer`, layout version -56 and later). What the body means is not known here.

use crate::ids::TxId;

/// `HdfsServerConstants.NAMENODE_LAYOUT_VERSION` of Hadoop 3.5.
pub const LAYOUT_VERSION: i32 = -67;
/// The oldest layout whose operations are read: Hadoop 2.10 and 3.0 wrote it.
pub const OLDEST_LAYOUT_VERSION: i32 = -63;
/// The opcode that fills preallocated space (`OP_INVALID`).
pub const OP_INVALID: u8 = 0xff;
/// Bytes before the first frame: the layout version and the (empty) layout flags.
pub const HEADER_LENGTH: usize = 8;
/// `dfs.namenode.max.op.size`'s default.
pub const MAX_OP_SIZE: usize = 50 * 1024 * 1024;

const FRAME_OVERHEAD: usize = 17;
const BODY_OFFSET: usize = 13;
const CHECKSUM_LENGTH: usize = 4;

/// One operation in its frame; its checksum has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which operation.
    pub opcode: u8,
    /// Its place in the log.
    pub txid: TxId,
    /// Its fields.
    pub body: &'a [u8],
    /// The whole frame, checksum included.
    pub bytes: &'a [u8],
}

/// What a reader finds at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// An operation.
    Frame(Frame<'a>),
    /// No byte is left.
    End,
    /// Preallocated space begins here.
    Filler,
    /// The bytes end inside a frame; it needs at least so many in all.
    Incomplete {
        /// Bytes from the frame's beginning.
        needed: usize,
    },
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limit.
    #[error("Op {opcode} has size {size}, but maxOpSize = {limit}")]
    TooLong {
        /// The opcode, signed as Java prints it.
        opcode: i8,
        /// The size it claims.
        size: i64,
        /// The limit.
        limit: usize,
    },
    /// Shorter than an empty operation.
    #[error("Op {opcode} has size {size}, but the minimum op size is 17")]
    TooShort {
        /// The opcode, signed as Java prints it.
        opcode: i8,
        /// The size it claims.
        size: i64,
    },
    /// The checksum does not fit.
    #[error(
        "Transaction is corrupt. Calculated checksum is {calculated} but read checksum {stored}"
    )]
    Checksum {
        /// Over the bytes there.
        calculated: i32,
        /// As written.
        stored: i32,
    },
}

/// Appends the header of a segment.
pub fn put_header(layout_version: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&layout_version.to_be_bytes());
    out.extend_from_slice(&0_i32.to_be_bytes());
}

/// Appends a frame whose body `write_body` appends. On an error `out` is as it was.
///
/// # Errors
/// Those of `write_body`.
pub fn put_frame<E>(
    opcode: u8,
    txid: TxId,
    out: &mut Vec<u8>,
    write_body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.push(opcode);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&txid.0.to_be_bytes());
    if let Err(error) = write_body(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = u32::try_from(out.len() - start - 1).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start + 1..start + 5) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// Reads what is at the beginning of `bytes`.
///
/// # Errors
/// [`FrameError`], if it cannot be a frame.
pub fn read_frame(bytes: &[u8], max_op_size: usize) -> Result<Step<'_>, FrameError> {
    let Some(&opcode) = bytes.first() else {
        return Ok(Step::End);
    };
    if opcode == OP_INVALID {
        return Ok(Step::Filler);
    }
    let Some(length) = be_i32(bytes, 1) else {
        return Ok(Step::Incomplete { needed: FRAME_OVERHEAD });
    };
    let size = i64::from(length) + 1 + CHECKSUM_LENGTH as i64;
    let opcode_signed = opcode as i8;
    let Some(total) = usize::try_from(size).ok().filter(|&total| total >= FRAME_OVERHEAD) else {
        return Err(FrameError::TooShort { opcode: opcode_signed, size });
    };
    if total > max_op_size {
        return Err(FrameError::TooLong { opcode: opcode_signed, size, limit: max_op_size });
    }
    let covered = total - CHECKSUM_LENGTH;
    let (Some(whole), Some(content), Some(stored)) =
        (bytes.get(..total), bytes.get(..covered), be_i32(bytes, covered))
    else {
        return Ok(Step::Incomplete { needed: total });
    };
    let calculated = crc32fast::hash(content) as i32;
    if calculated != stored {
        return Err(FrameError::Checksum { calculated, stored });
    }
    let txid = content
        .get(5..BODY_OFFSET)
        .and_then(|field| field.try_into().ok())
        .map_or(0, u64::from_be_bytes);
    Ok(Step::Frame(Frame {
        opcode,
        txid: TxId(txid),
        body: content.get(BODY_OFFSET..).unwrap_or_default(),
        bytes: whole,
    }))
}

/// Whether there is nothing but filler: bytes of 0xff and 0.
#[must_use]
pub fn is_filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == OP_INVALID || byte == 0)
}

fn be_i32(bytes: &[u8], at: usize) -> Option<i32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(i32::from_be_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, txid: u64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_frame::<()>(opcode, TxId(txid), &mut out, |out| {
            out.extend_from_slice(body);
            Ok(())
        })
        .unwrap();
        out
    }

    #[test]
    fn start_of_segment_is_as_java_writes_it() {
        let bytes = frame(24, 1, &[]);
        assert_eq!(bytes[..13], [24, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(bytes[13..], crc32fast::hash(&bytes[..13]).to_be_bytes());
    }

    #[test]
    fn every_cut_is_incomplete_and_every_flip_is_noticed() {
        let whole = frame(2, 77, b"/a/path");
        for cut in 1..whole.len() {
            assert!(matches!(read_frame(&whole[..cut], MAX_OP_SIZE), Ok(Step::Incomplete { .. })));
        }
        for at in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(!matches!(read_frame(&damaged, MAX_OP_SIZE), Ok(Step::Frame(_))));
        }
    }

    proptest! {
        #[test]
        fn round_trip(opcode in 0_u8..53, txid: u64, body: Vec<u8>) {
            let bytes = frame(opcode, txid, &body);
            let Ok(Step::Frame(read)) = read_frame(&bytes, MAX_OP_SIZE) else {
                return Err(TestCaseError::fail("no frame"));
            };
            prop_assert_eq!((read.opcode, read.txid, read.body), (opcode, TxId(txid), &body[..]));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = read_frame(&bytes, 1000);
        }
    }
}
