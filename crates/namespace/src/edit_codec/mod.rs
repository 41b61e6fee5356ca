//! The edit log's operations as bytes (layout versions -63 to -67) and as XML.
//!
//! The bytes are `FSEditLogOp`'s; the XML is what `hdfs oev` writes and reads.

mod decode;
mod encode;
mod error;
pub mod offline;
mod opcode;
mod writable;
mod writable_edit;
pub mod xml;

pub use decode::{Read, check_layout, decode_body, read_header, read_transaction};
pub use encode::{encode_body, encode_transaction};
pub use error::{CodecError, HeaderError};
pub use opcode::Opcode;
pub use writable_edit::check_writable;

#[cfg(test)]
mod tests;
