//! Hadoop RPC as bytes: connection preamble, frames, headers, SASL's first words, errors.
//!
//! IPC version 9 with the protobuf engine (`org.apache.hadoop.ipc.{Server,Client,ProtobufRpcEngine2}`).
//! A frame is a four-byte length and messages, each with its own length as a varint before it.

mod error;
pub mod exception;
mod fields;
mod identity;
mod preamble;
pub mod protocol;
mod request;
mod response;
mod shape;

pub use error::{RemoteError, RpcErrorCode, RpcStatus};
pub use fields::{Fields, MalformedMessage, Value, take_delimited, take_varint};
pub use identity::{CallId, CallerContext, ClientId, UserIdentity};
pub use preamble::{AuthProtocol, IPC_VERSION, PREAMBLE_LEN, Preamble};
pub use request::{HeaderError, MethodHeader, RequestHeader, put_call, put_control, split_header};
pub use response::{AnswerTo, ResponseHeader, put_answer, put_encoded_answer, put_error};
pub use shape::{ShapeError, check_shape, shape_of};
