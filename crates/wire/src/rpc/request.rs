//! The two headers of a request: RPC's own and the protobuf engine's.
//!
//! Decoded by hand, borrowing from the frame: every call pays for them.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::fields::{Fields, MalformedMessage, Value, take_delimited, unzigzag, zigzag};
use super::{CallId, CallerContext, ClientId};
use crate::proto::common::rpc_request_header_proto::OperationProto;
use crate::proto::common::{RpcCallerContextProto, RpcKindProto};

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not a protobuf message.
    #[error(transparent)]
    Malformed(#[from] MalformedMessage),
    /// A required field is not there.
    #[error("Message missing required fields: {0}")]
    Missing(&'static str),
    /// A name is not UTF-8.
    #[error("Protocol message had invalid UTF-8.")]
    Utf8,
}

/// `RpcRequestHeaderProto`, borrowed from its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// How the request is serialized; `None` if the field is not there or not known.
    pub kind: Option<RpcKindProto>,
    /// What to do with it; `None` if the field is not there or not known.
    pub operation: Option<OperationProto>,
    /// Which call this is.
    pub call_id: CallId,
    /// The client's id, sixteen bytes as a rule.
    pub client_id: &'a [u8],
    /// How often this call was sent before; -1 is "not said".
    pub retry_count: i32,
    /// `RPCTraceInfoProto`, undecoded.
    pub trace_info: Option<&'a [u8]>,
    /// `RPCCallerContextProto`, undecoded.
    pub caller_context: Option<&'a [u8]>,
    /// The last state id that the client has seen.
    pub state_id: Option<i64>,
}

impl<'a> RequestHeader<'a> {
    /// The header of a call.
    #[must_use]
    pub const fn of_call(call_id: CallId, client_id: &'a ClientId, retry_count: i32) -> Self {
        Self {
            kind: Some(RpcKindProto::RpcProtocolBuffer),
            operation: Some(OperationProto::RpcFinalPacket),
            call_id,
            client_id: &client_id.0,
            retry_count,
            trace_info: None,
            caller_context: None,
            state_id: None,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If `bytes` are not a header.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut header = RequestHeader {
            kind: None,
            operation: None,
            call_id: CallId::INVALID,
            client_id: &[],
            retry_count: -1,
            trace_info: None,
            caller_context: None,
            state_id: None,
        };
        let (mut call_id, mut client_id) = (None, None);
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.read()? {
            match field {
                (1, Value::Varint(v)) => header.kind = enumeration(v).or(header.kind),
                (2, Value::Varint(v)) => header.operation = enumeration(v).or(header.operation),
                (3, Value::Varint(v)) => call_id = Some(CallId(unzigzag(v))),
                (4, Value::Bytes(v)) => client_id = Some(v),
                (5, Value::Varint(v)) => header.retry_count = unzigzag(v),
                (6, Value::Bytes(v)) => header.trace_info = Some(v),
                (7, Value::Bytes(v)) => header.caller_context = Some(v),
                (8, Value::Varint(v)) => header.state_id = Some(v as i64),
                _ => {}
            }
        }
        header.call_id = call_id.ok_or(HeaderError::Missing("callId"))?;
        header.client_id = client_id.ok_or(HeaderError::Missing("clientId"))?;
        Ok(header)
    }

    /// Bytes that [`Self::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let number = |value: u64| 1 + encoded_len_varint(value);
        let bytes = |value: &[u8]| number(value.len() as u64) + value.len();
        self.kind.map_or(0, |v| number(v as u64))
            + self.operation.map_or(0, |v| number(v as u64))
            + number(zigzag(self.call_id.0))
            + bytes(self.client_id)
            + number(zigzag(self.retry_count))
            + self.trace_info.map_or(0, bytes)
            + self.caller_context.map_or(0, bytes)
            + self.state_id.map_or(0, |v| number(v as u64))
    }

    /// Writes it, without a length before it.
    pub fn encode(&self, out: &mut BytesMut) {
        let number = |tag: u8, value: u64, out: &mut BytesMut| {
            out.put_u8(tag);
            encode_varint(value, out);
        };
        if let Some(kind) = self.kind {
            number(0x08, kind as u64, out);
        }
        if let Some(operation) = self.operation {
            number(0x10, operation as u64, out);
        }
        number(0x18, zigzag(self.call_id.0), out);
        number(0x22, self.client_id.len() as u64, out);
        out.put_slice(self.client_id);
        number(0x28, zigzag(self.retry_count), out);
        if let Some(trace_info) = self.trace_info {
            number(0x32, trace_info.len() as u64, out);
            out.put_slice(trace_info);
        }
        if let Some(context) = self.caller_context {
            number(0x3a, context.len() as u64, out);
            out.put_slice(context);
        }
        if let Some(state_id) = self.state_id {
            number(0x40, state_id as u64, out);
        }
    }
}

fn enumeration<E: TryFrom<i32>>(value: u64) -> Option<E> {
    E::try_from(value as i32).ok()
}

impl CallerContext {
    /// Writes a `RPCCallerContextProto`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let signature = Some(self.signature.clone()).filter(|signature| !signature.is_empty());
        RpcCallerContextProto { context: self.context.clone(), signature }.encode_to_vec()
    }

    /// Reads a `RPCCallerContextProto`.
    ///
    /// # Errors
    /// If `bytes` are not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let (mut context, mut signature) = (None, &[][..]);
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.read()? {
            match field {
                (1, Value::Bytes(v)) => context = Some(v),
                (2, Value::Bytes(v)) => signature = v,
                _ => {}
            }
        }
        let context = context.ok_or(HeaderError::Missing("context"))?;
        Ok(Self {
            context: String::from_utf8_lossy(context).into_owned(),
            signature: Bytes::copy_from_slice(signature),
        })
    }
}

/// `RequestHeaderProto` of the protobuf engine: which method of which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodHeader<'a> {
    /// The call's name.
    pub method: &'a str,
    /// The protocol's name.
    pub protocol: &'a str,
    /// The protocol's version as the client knows it.
    pub version: u64,
}

impl<'a> MethodHeader<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// If `bytes` are not a header.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let (mut method, mut protocol, mut version) = (None, None, None);
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.read()? {
            match field {
                (1, Value::Bytes(v)) => method = Some(v),
                (2, Value::Bytes(v)) => protocol = Some(v),
                (3, Value::Varint(v)) => version = Some(v),
                _ => {}
            }
        }
        let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).map_err(|_| HeaderError::Utf8);
        Ok(Self {
            method: text(method.ok_or(HeaderError::Missing("methodName"))?)?,
            protocol: text(protocol.ok_or(HeaderError::Missing("declaringClassProtocolName"))?)?,
            version: version.ok_or(HeaderError::Missing("clientProtocolVersion"))?,
        })
    }

    /// Bytes that [`Self::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let text = |s: &str| 1 + encoded_len_varint(s.len() as u64) + s.len();
        text(self.method) + text(self.protocol) + 1 + encoded_len_varint(self.version)
    }

    /// Writes it, without a length before it.
    pub fn encode(&self, out: &mut BytesMut) {
        for (tag, text) in [(0x0a, self.method), (0x12, self.protocol)] {
            out.put_u8(tag);
            encode_varint(text.len() as u64, out);
            out.put_slice(text.as_bytes());
        }
        out.put_u8(0x18);
        encode_varint(self.version, out);
    }
}

/// Writes one frame with a call in it: length, both headers, the request.
///
/// Returns false, with nothing written, if it would be longer than a frame can be.
#[must_use]
pub fn put_call<M: prost::Message>(
    out: &mut BytesMut,
    header: &RequestHeader<'_>,
    method: &MethodHeader<'_>,
    request: &M,
) -> bool {
    let (first, second, third) =
        (header.encoded_len(), method.encoded_len(), request.encoded_len());
    let length = [first, second, third].iter().map(|&n| n + encoded_len_varint(n as u64)).sum();
    if !put_frame_length(out, length) {
        return false;
    }
    encode_varint(first as u64, out);
    header.encode(out);
    encode_varint(second as u64, out);
    method.encode(out);
    encode_varint(third as u64, out);
    request.encode_raw(out);
    true
}

/// Writes one frame that the RPC layer itself says: a header and perhaps a message.
pub fn put_control<M: prost::Message>(
    out: &mut BytesMut,
    header: &RequestHeader<'_>,
    message: Option<&M>,
) {
    let delimited = |n: usize| n + encoded_len_varint(n as u64);
    let first = header.encoded_len();
    let second = message.map(M::encoded_len);
    if !put_frame_length(out, delimited(first) + second.map_or(0, delimited)) {
        return;
    }
    encode_varint(first as u64, out);
    header.encode(out);
    if let (Some(length), Some(message)) = (second, message) {
        encode_varint(length as u64, out);
        message.encode_raw(out);
    }
}

/// Writes a frame's length and makes room for the frame; false if no frame can be so long.
pub(crate) fn put_frame_length(out: &mut BytesMut, length: usize) -> bool {
    let Ok(number) = i32::try_from(length) else { return false };
    out.reserve(length + 4);
    out.put_i32(number);
    true
}

/// A frame's first message and what comes after it.
///
/// # Errors
/// If the message is cut off.
#[inline]
pub fn split_header(frame: &[u8]) -> Result<(&[u8], &[u8]), MalformedMessage> {
    let mut rest = frame;
    let header = take_delimited(&mut rest)?;
    Ok((header, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::common::{
        RequestHeaderProto, RpcCallerContextProto, RpcRequestHeaderProto, RpcTraceInfoProto,
    };
    use proptest::prelude::*;
    use prost::Message;

    #[test]
    fn call_id_and_client_id_are_required() {
        let decode = RequestHeader::decode;
        assert_eq!(decode(&[]), Err(HeaderError::Missing("callId")));
        assert_eq!(decode(&[0x18, 0]), Err(HeaderError::Missing("clientId")));
        assert!(decode(&[0x18, 0, 0x22, 0]).is_ok());
        assert_eq!(MethodHeader::decode(&[]), Err(HeaderError::Missing("methodName")));
        let bad = [0x0a, 1, 0xff, 0x12, 0, 0x18, 1];
        assert_eq!(MethodHeader::decode(&bad), Err(HeaderError::Utf8));
    }

    #[test]
    fn unknown_kind_counts_as_missing() {
        let header = RequestHeader::decode(&[0x08, 9, 0x10, 9, 0x18, 7, 0x22, 0]).unwrap();
        assert_eq!((header.kind, header.operation, header.call_id), (None, None, CallId::PING));
    }

    proptest! {
        #[test]
        fn header_is_prosts(
            call_id: i32, client_id: [u8; 16], retry_count: i32, state_id: Option<i64>,
            context: Option<String>, trace: Option<i64>,
        ) {
            let context = context.map(|context| RpcCallerContextProto { context, signature: None });
            let trace = trace.map(|id| RpcTraceInfoProto { trace_id: Some(id), ..Default::default() });
            let theirs = RpcRequestHeaderProto {
                rpc_kind: Some(2),
                rpc_op: Some(0),
                call_id,
                client_id: Bytes::copy_from_slice(&client_id),
                retry_count: Some(retry_count),
                trace_info: trace,
                caller_context: context.clone(),
                state_id,
                ..Default::default()
            };
            let bytes = theirs.encode_to_vec();
            let ours = RequestHeader::decode(&bytes).unwrap();
            prop_assert_eq!(ours.call_id.0, call_id);
            prop_assert_eq!(ours.client_id, &client_id[..]);
            prop_assert_eq!(ours.retry_count, retry_count);
            prop_assert_eq!(ours.state_id, state_id);
            let ours_context = ours.caller_context.map(|c| CallerContext::decode(c).unwrap().context);
            prop_assert_eq!(ours_context, context.map(|c| c.context));
            let mut again = BytesMut::new();
            ours.encode(&mut again);
            prop_assert_eq!(again.len(), ours.encoded_len());
            prop_assert_eq!(&again[..], &bytes[..]);
        }

        #[test]
        fn method_header_is_prosts(method: String, protocol: String, version: u64) {
            let theirs = RequestHeaderProto {
                method_name: method,
                declaring_class_protocol_name: protocol,
                client_protocol_version: version,
            };
            let bytes = theirs.encode_to_vec();
            let ours = MethodHeader::decode(&bytes).unwrap();
            prop_assert_eq!(ours.method, &theirs.method_name);
            prop_assert_eq!(ours.protocol, &theirs.declaring_class_protocol_name);
            prop_assert_eq!(ours.version, version);
            let mut again = BytesMut::new();
            ours.encode(&mut again);
            prop_assert_eq!(again.len(), ours.encoded_len());
            prop_assert_eq!(&again[..], &bytes[..]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = RequestHeader::decode(&bytes);
            let _ = MethodHeader::decode(&bytes);
            let _ = CallerContext::decode(&bytes);
        }
    }
}
