//! What can be wrong with bytes of the data transfer protocol.

/// Bytes that are no request, packet or acknowledgement. Always the end of the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Another version of the protocol, or no HDFS client at all.
    #[error("Version Mismatch (Expected: 28, Received: {0})")]
    Version(i16),
    /// An operation's code that does not exist.
    #[error("Unknown op {0} in data stream")]
    UnknownOperation(u8),
    /// A message longer than any that makes sense.
    #[error("a message of {length} bytes exceeds the limit of {limit}")]
    MessageTooLong {
        /// Bytes it claims.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A length that is no varint.
    #[error("malformed length of a message")]
    Length,
    /// Bytes that are not the message they should be.
    #[error("malformed {message}: {reason}")]
    Message {
        /// The message's name.
        message: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A packet whose payload is shorter than its own length field.
    #[error("Invalid payload length {0}")]
    PayloadLength(i32),
    /// A packet's header of a negative length.
    #[error("Invalid header length {0}")]
    HeaderLength(i16),
    /// A packet beyond `dfs.data.transfer.max.packet.size`.
    #[error("Incorrect value for packet payload size: {0}")]
    PacketTooLong(i32),
    /// A packet with more data than it has bytes, or a negative amount.
    #[error(
        "Invalid packet: data length {data} in packet header exceeds data length received {received}"
    )]
    DataLength {
        /// Bytes of data that the header claims.
        data: i32,
        /// Bytes of data and checksums that came.
        received: usize,
    },
    /// A packet that lies before the block's start.
    #[error("Invalid packet: offset {0} in block")]
    Offset(i64),
}

impl TransferError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        "java.io.IOException"
    }
}
