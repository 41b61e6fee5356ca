//! Requests: Hadoop's `Op`, `Sender` and `Receiver`.

use super::{TransferError, decode_message, encode_message};
use crate::proto::hdfs as proto;

/// `DataTransferProtocol.DATA_TRANSFER_VERSION`.
pub const VERSION: i16 = 28;

/// Bytes before a request's message: the version and the operation's code.
pub const REQUEST_PREFIX: usize = 3;

/// Whether a request begins with the version that is spoken here.
///
/// # Errors
/// If the version is another one.
pub const fn check_version(bytes: [u8; 2]) -> Result<(), TransferError> {
    let version = i16::from_be_bytes(bytes);
    if version == VERSION { Ok(()) } else { Err(TransferError::Version(version)) }
}

/// A request to a DataNode.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// 80: receive a block and pass it on.
    WriteBlock(Box<proto::OpWriteBlockProto>),
    /// 81: send a block.
    ReadBlock(proto::OpReadBlockProto),
    /// 83: fetch a block from another DataNode (balancer).
    ReplaceBlock(Box<proto::OpReplaceBlockProto>),
    /// 84: send a block to a DataNode that replaces.
    CopyBlock(proto::OpCopyBlockProto),
    /// 85: the checksum of a block's checksums.
    BlockChecksum(proto::OpBlockChecksumProto),
    /// 86: copy a replica to other DataNodes.
    TransferBlock(Box<proto::OpTransferBlockProto>),
    /// 87: pass a replica's open files over a domain socket.
    RequestShortCircuitFds(proto::OpRequestShortCircuitAccessProto),
    /// 88: the files are not read any more.
    ReleaseShortCircuitFds(proto::ReleaseShortCircuitAccessRequestProto),
    /// 89: pass a shared memory segment over a domain socket.
    RequestShortCircuitShm(proto::ShortCircuitShmRequestProto),
    /// 90: the checksum of an erasure coded group.
    BlockGroupChecksum(Box<proto::OpBlockGroupChecksumProto>),
    /// 127: defined by the site.
    Custom(proto::OpCustomProto),
}

/// The operation's code in the three bytes that every request begins with.
///
/// # Errors
/// If the version is another one.
pub fn operation_code(prefix: [u8; REQUEST_PREFIX]) -> Result<u8, TransferError> {
    check_version([prefix[0], prefix[1]]).map(|()| prefix[2])
}

impl Operation {
    /// Whether an operation with this code exists. 82 (`READ_METADATA`) does, but no Hadoop speaks it.
    #[must_use]
    pub const fn exists(code: u8) -> bool {
        matches!(code, 80..=90 | 127)
    }

    /// Reads the message of the operation `code`.
    ///
    /// # Errors
    /// If the code is unknown or the message malformed.
    pub fn decode(code: u8, message: &[u8]) -> Result<Self, TransferError> {
        Ok(match code {
            80 => Self::WriteBlock(decode_message("OpWriteBlockProto", message)?),
            81 => Self::ReadBlock(decode_message("OpReadBlockProto", message)?),
            83 => Self::ReplaceBlock(decode_message("OpReplaceBlockProto", message)?),
            84 => Self::CopyBlock(decode_message("OpCopyBlockProto", message)?),
            85 => Self::BlockChecksum(decode_message("OpBlockChecksumProto", message)?),
            86 => Self::TransferBlock(decode_message("OpTransferBlockProto", message)?),
            87 => Self::RequestShortCircuitFds(decode_message(
                "OpRequestShortCircuitAccessProto",
                message,
            )?),
            88 => Self::ReleaseShortCircuitFds(decode_message(
                "ReleaseShortCircuitAccessRequestProto",
                message,
            )?),
            89 => Self::RequestShortCircuitShm(decode_message(
                "ShortCircuitShmRequestProto",
                message,
            )?),
            90 => Self::BlockGroupChecksum(decode_message("OpBlockGroupChecksumProto", message)?),
            127 => Self::Custom(decode_message("OpCustomProto", message)?),
            _ => return Err(TransferError::UnknownOperation(code)),
        })
    }

    /// The operation's code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::WriteBlock(_) => 80,
            Self::ReadBlock(_) => 81,
            Self::ReplaceBlock(_) => 83,
            Self::CopyBlock(_) => 84,
            Self::BlockChecksum(_) => 85,
            Self::TransferBlock(_) => 86,
            Self::RequestShortCircuitFds(_) => 87,
            Self::ReleaseShortCircuitFds(_) => 88,
            Self::RequestShortCircuitShm(_) => 89,
            Self::BlockGroupChecksum(_) => 90,
            Self::Custom(_) => 127,
        }
    }

    /// The operation's name in Hadoop's logs and messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WriteBlock(_) => "WRITE_BLOCK",
            Self::ReadBlock(_) => "READ_BLOCK",
            Self::ReplaceBlock(_) => "REPLACE_BLOCK",
            Self::CopyBlock(_) => "COPY_BLOCK",
            Self::BlockChecksum(_) => "BLOCK_CHECKSUM",
            Self::TransferBlock(_) => "TRANSFER_BLOCK",
            Self::RequestShortCircuitFds(_) => "REQUEST_SHORT_CIRCUIT_FDS",
            Self::ReleaseShortCircuitFds(_) => "RELEASE_SHORT_CIRCUIT_FDS",
            Self::RequestShortCircuitShm(_) => "REQUEST_SHORT_CIRCUIT_SHM",
            Self::BlockGroupChecksum(_) => "BLOCK_GROUP_CHECKSUM",
            Self::Custom(_) => "CUSTOM",
        }
    }

    /// Appends the whole request: version, code and message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.push(self.code());
        match self {
            Self::WriteBlock(message) => encode_message(message.as_ref(), out),
            Self::ReadBlock(message) => encode_message(message, out),
            Self::ReplaceBlock(message) => encode_message(message.as_ref(), out),
            Self::CopyBlock(message) => encode_message(message, out),
            Self::BlockChecksum(message) => encode_message(message, out),
            Self::TransferBlock(message) => encode_message(message.as_ref(), out),
            Self::RequestShortCircuitFds(message) => encode_message(message, out),
            Self::ReleaseShortCircuitFds(message) => encode_message(message, out),
            Self::RequestShortCircuitShm(message) => encode_message(message, out),
            Self::BlockGroupChecksum(message) => encode_message(message.as_ref(), out),
            Self::Custom(message) => encode_message(message, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back() {
        let message = proto::OpReadBlockProto { offset: 7, len: 9, ..Default::default() };
        let request = Operation::ReadBlock(message);
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        let code = operation_code(*bytes.first_chunk().unwrap()).unwrap();
        assert_eq!((code, bytes[3] as usize), (81, bytes.len() - 4));
        assert_eq!(Operation::decode(code, &bytes[4..]), Ok(request));
    }

    #[test]
    fn refusals() {
        assert_eq!(operation_code([0, 27, 80]), Err(TransferError::Version(27)));
        assert_eq!(Operation::decode(82, &[]), Err(TransferError::UnknownOperation(82)));
        assert!(matches!(Operation::decode(81, &[0xff]), Err(TransferError::Message { .. })));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(code: u8, bytes: Vec<u8>) {
            if let Ok(operation) = Operation::decode(code, &bytes) {
                assert_eq!(operation.code(), code);
            }
        }
    }
}
