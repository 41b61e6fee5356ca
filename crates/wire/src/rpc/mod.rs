//! Hadoop RPC as bytes: connection preamble, frames, headers, SASL's first words, errors.
//!
//! IPC version 9 with the protobuf engine (`org.apache.hadoop.ipc.{Server,Client,ProtobufRpcEngine2}`).

mod error;
pub mod exception;
pub mod protocol;

pub use error::{RemoteError, RpcErrorCode, RpcStatus};
pub use identity::{CallId, CallerContext, ClientId, UserIdentity};

mod identity;
