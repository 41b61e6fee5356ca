//! Errors as an answer carries them: a Java class, a message, a code.

use std::borrow::Cow;

use crate::proto::common::rpc_response_header_proto::{RpcErrorCodeProto, RpcStatusProto};

/// How a call ended (`RpcStatusProto`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcStatus {
    /// The answer's message follows.
    Success,
    /// This call failed; the connection lives.
    Error,
    /// The connection ends with this answer.
    Fatal,
}

impl From<RpcStatus> for RpcStatusProto {
    fn from(status: RpcStatus) -> Self {
        match status {
            RpcStatus::Success => Self::Success,
            RpcStatus::Error => Self::Error,
            RpcStatus::Fatal => Self::Fatal,
        }
    }
}

/// Why a call failed, in the RPC layer's own words (`RpcErrorCodeProto`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcErrorCode {
    /// The call's own exception.
    Application,
    /// The protocol is there, the method is not.
    NoSuchMethod,
    /// The server does not speak the protocol.
    NoSuchProtocol,
    /// The server's RPC layer failed.
    RpcServer,
    /// The answer could not be written.
    SerializingResponse,
    /// The server speaks another version of the protocol.
    RpcVersionMismatch,
    /// Fatal, not said why.
    FatalUnknown,
    /// The kind of serialization is not supported.
    FatalUnsupportedSerialization,
    /// The request's header is wrong.
    FatalInvalidRpcHeader,
    /// The request could not be read.
    FatalDeserializingRequest,
    /// The server speaks another version of RPC itself.
    FatalVersionMismatch,
    /// The user may not connect.
    FatalUnauthorized,
}

impl RpcErrorCode {
    /// The status an answer with this code has.
    #[must_use]
    pub const fn status(self) -> RpcStatus {
        match self {
            Self::Application
            | Self::NoSuchMethod
            | Self::NoSuchProtocol
            | Self::RpcServer
            | Self::SerializingResponse
            | Self::RpcVersionMismatch => RpcStatus::Error,
            Self::FatalUnknown
            | Self::FatalUnsupportedSerialization
            | Self::FatalInvalidRpcHeader
            | Self::FatalDeserializingRequest
            | Self::FatalVersionMismatch
            | Self::FatalUnauthorized => RpcStatus::Fatal,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Application => RpcErrorCodeProto::ErrorApplication as i32,
            Self::NoSuchMethod => RpcErrorCodeProto::ErrorNoSuchMethod as i32,
            Self::NoSuchProtocol => RpcErrorCodeProto::ErrorNoSuchProtocol as i32,
            Self::RpcServer => RpcErrorCodeProto::ErrorRpcServer as i32,
            Self::SerializingResponse => RpcErrorCodeProto::ErrorSerializingResponse as i32,
            Self::RpcVersionMismatch => RpcErrorCodeProto::ErrorRpcVersionMismatch as i32,
            Self::FatalUnknown => RpcErrorCodeProto::FatalUnknown as i32,
            Self::FatalUnsupportedSerialization => {
                RpcErrorCodeProto::FatalUnsupportedSerialization as i32
            }
            Self::FatalInvalidRpcHeader => RpcErrorCodeProto::FatalInvalidRpcHeader as i32,
            Self::FatalDeserializingRequest => RpcErrorCodeProto::FatalDeserializingRequest as i32,
            Self::FatalVersionMismatch => RpcErrorCodeProto::FatalVersionMismatch as i32,
            Self::FatalUnauthorized => RpcErrorCodeProto::FatalUnauthorized as i32,
        }
    }

    /// The code of a number on the wire; `None` for one that Hadoop does not know.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Some(match RpcErrorCodeProto::try_from(number).ok()? {
            RpcErrorCodeProto::ErrorApplication => Self::Application,
            RpcErrorCodeProto::ErrorNoSuchMethod => Self::NoSuchMethod,
            RpcErrorCodeProto::ErrorNoSuchProtocol => Self::NoSuchProtocol,
            RpcErrorCodeProto::ErrorRpcServer => Self::RpcServer,
            RpcErrorCodeProto::ErrorSerializingResponse => Self::SerializingResponse,
            RpcErrorCodeProto::ErrorRpcVersionMismatch => Self::RpcVersionMismatch,
            RpcErrorCodeProto::FatalUnknown => Self::FatalUnknown,
            RpcErrorCodeProto::FatalUnsupportedSerialization => Self::FatalUnsupportedSerialization,
            RpcErrorCodeProto::FatalInvalidRpcHeader => Self::FatalInvalidRpcHeader,
            RpcErrorCodeProto::FatalDeserializingRequest => Self::FatalDeserializingRequest,
            RpcErrorCodeProto::FatalVersionMismatch => Self::FatalVersionMismatch,
            RpcErrorCodeProto::FatalUnauthorized => Self::FatalUnauthorized,
        })
    }
}

/// A Java exception that crosses the wire (`RemoteException`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {message}")]
pub struct RemoteError {
    /// The exception's full Java class name; clients choose what to do by it.
    pub class: Cow<'static, str>,
    /// Its message. Java adds the stack trace from the second line on; we do not.
    pub message: String,
    /// The RPC layer's code.
    pub code: RpcErrorCode,
}

impl RemoteError {
    /// A call's own exception (code `ERROR_APPLICATION`).
    pub fn new(class: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::with_code(class, message, RpcErrorCode::Application)
    }

    /// An exception with a code of the RPC layer's.
    pub fn with_code(
        class: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        code: RpcErrorCode,
    ) -> Self {
        Self { class: class.into(), message: message.into(), code }
    }

    /// The class without its package.
    #[must_use]
    pub fn simple_class(&self) -> &str {
        self.class.rsplit(['.', '$']).next().unwrap_or(&self.class)
    }
}
