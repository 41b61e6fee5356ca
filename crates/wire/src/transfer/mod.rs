//! The data transfer protocol, version 28: how blocks travel between clients and DataNodes.
//!
//! A request is a version, an operation's code and a delimited message ([`Operation`]); the answer is a
//! delimited `BlockOpResponseProto`. Data follows in packets ([`PacketHeader`], [`PacketReader`]), which
//! are acknowledged by [`PipelineAck`]s. Everything here works on bytes that were read by someone else.
//! SASL's negotiation, which may precede a request, begins with a number that no version has
//! (`SASL_TRANSFER_MAGIC_NUMBER`).

mod ack;
mod error;
mod message;
mod operation;
mod packet;
mod stage;

pub use ack::{Congestion, HeaderFlag, PipelineAck, Slow};
pub use error::TransferError;
pub use message::{LengthPrefix, MAX_MESSAGE, decode_message, encode_message};
pub use operation::{Operation, REQUEST_PREFIX, VERSION, check_version, operation_code};
pub use packet::{
    DEFAULT_MAX_PACKET, HEARTBEAT_SEQNO, MAX_HEADER, PREFIX, Packet, PacketHeader, PacketLengths,
    PacketReader,
};
pub use stage::WriteStage;

pub use crate::proto::hdfs::Status;

/// The first four bytes of a connection that begins with SASL (`DataTransferSaslUtil`).
pub const SASL_TRANSFER_MAGIC_NUMBER: u32 = 0xDEAD_BEEF;
