//! An answer's header, written and read by hand.

use bytes::{BufMut, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::fields::{Fields, Value, unzigzag, zigzag};
use super::request::{HeaderError, put_frame_length};
use super::{CallId, IPC_VERSION, RemoteError, RpcErrorCode, RpcStatus};

/// Which call an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerTo<'a> {
    /// The call.
    pub call_id: CallId,
    /// The client's id; empty where the RPC layer speaks for itself.
    pub client_id: &'a [u8],
    /// The request's count of earlier tries.
    pub retry_count: i32,
    /// The server's state id, if it gives any.
    pub state_id: Option<i64>,
}

impl AnswerTo<'_> {
    /// An answer of the RPC layer to no call in particular.
    #[must_use]
    pub const fn connection(call_id: CallId) -> Self {
        Self { call_id, client_id: &[], retry_count: -1, state_id: None }
    }

    fn encoded_len(&self, status: RpcStatus, error: Option<&RemoteError>) -> usize {
        let number = |value: u64| 1 + encoded_len_varint(value);
        let bytes = |length: usize| number(length as u64) + length;
        number(u64::from(self.call_id.0 as u32))
            + number(status as u64)
            + number(u64::from(IPC_VERSION))
            + error.map_or(0, |e| {
                bytes(e.class.len()) + bytes(e.message.len()) + number(e.code.number() as u64)
            })
            + bytes(self.client_id.len())
            + number(zigzag(self.retry_count))
            + self.state_id.map_or(0, |v| number(v as u64))
    }

    fn encode(&self, status: RpcStatus, error: Option<&RemoteError>, out: &mut BytesMut) {
        let number = |tag: u8, value: u64, out: &mut BytesMut| {
            out.put_u8(tag);
            encode_varint(value, out);
        };
        number(0x08, u64::from(self.call_id.0 as u32), out);
        number(0x10, status as u64, out);
        number(0x18, u64::from(IPC_VERSION), out);
        if let Some(error) = error {
            number(0x22, error.class.len() as u64, out);
            out.put_slice(error.class.as_bytes());
            number(0x2a, error.message.len() as u64, out);
            out.put_slice(error.message.as_bytes());
            number(0x30, error.code.number() as u64, out);
        }
        number(0x3a, self.client_id.len() as u64, out);
        out.put_slice(self.client_id);
        number(0x40, zigzag(self.retry_count), out);
        if let Some(state_id) = self.state_id {
            number(0x48, state_id as u64, out);
        }
    }
}

/// Writes the frame of an answer that succeeded.
///
/// Returns false, with nothing written, if it would be longer than a frame can be.
#[must_use]
pub fn put_answer<M: prost::Message>(out: &mut BytesMut, to: &AnswerTo<'_>, message: &M) -> bool {
    let length = message.encoded_len();
    if !put_answer_header(out, to, length) {
        return false;
    }
    message.encode_raw(out);
    true
}

/// [`put_answer`] for a message that is encoded already.
#[must_use]
pub fn put_encoded_answer(out: &mut BytesMut, to: &AnswerTo<'_>, message: &[u8]) -> bool {
    if !put_answer_header(out, to, message.len()) {
        return false;
    }
    out.put_slice(message);
    true
}

fn put_answer_header(out: &mut BytesMut, to: &AnswerTo<'_>, message: usize) -> bool {
    let header = to.encoded_len(RpcStatus::Success, None);
    let delimited = |n: usize| n + encoded_len_varint(n as u64);
    if !put_frame_length(out, delimited(header) + delimited(message)) {
        return false;
    }
    encode_varint(header as u64, out);
    to.encode(RpcStatus::Success, None, out);
    encode_varint(message as u64, out);
    true
}

/// The most of an error's message that is sent.
const MAX_MESSAGE: usize = 256 * 1024;

/// Writes the frame of an answer that failed.
pub fn put_error(out: &mut BytesMut, to: &AnswerTo<'_>, error: &RemoteError) {
    if error.message.len() > MAX_MESSAGE {
        let message = error.message[..error.message.floor_char_boundary(MAX_MESSAGE)].to_owned();
        let shorter = RemoteError { message, ..error.clone() };
        return put_error(out, to, &shorter);
    }
    let status = error.code.status();
    let header = to.encoded_len(status, Some(error));
    if put_frame_length(out, header + encoded_len_varint(header as u64)) {
        encode_varint(header as u64, out);
        to.encode(status, Some(error), out);
    }
}

/// `RpcResponseHeaderProto` as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHeader<'a> {
    /// Which call it answers.
    pub call_id: CallId,
    /// How the call ended.
    pub status: RpcStatus,
    /// The exception, unless `status` is success.
    pub error: Option<RemoteError>,
    /// The client's id, empty if not said.
    pub client_id: &'a [u8],
    /// The count that the request had.
    pub retry_count: i32,
    /// The server's state id.
    pub state_id: Option<i64>,
}

impl<'a> ResponseHeader<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// If `bytes` are not a header.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let (mut call_id, mut status) = (None, None);
        let (mut class, mut message, mut code) = (None, None, None);
        let (mut client_id, mut retry_count, mut state_id) = (&[][..], -1, None);
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.read()? {
            match field {
                (1, Value::Varint(v)) => call_id = Some(CallId(v as u32 as i32)),
                (2, Value::Varint(0)) => status = Some(RpcStatus::Success),
                (2, Value::Varint(1)) => status = Some(RpcStatus::Error),
                (2, Value::Varint(2)) => status = Some(RpcStatus::Fatal),
                (4, Value::Bytes(v)) => class = Some(v),
                (5, Value::Bytes(v)) => message = Some(v),
                (6, Value::Varint(v)) => code = RpcErrorCode::from_number(v as i32),
                (7, Value::Bytes(v)) => client_id = v,
                (8, Value::Varint(v)) => retry_count = unzigzag(v),
                (9, Value::Varint(v)) => state_id = Some(v as i64),
                _ => {}
            }
        }
        let status = status.ok_or(HeaderError::Missing("status"))?;
        let text = |bytes: Option<&[u8]>, other: &str| match bytes {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => other.to_owned(),
        };
        let unsaid = match status {
            RpcStatus::Fatal => RpcErrorCode::FatalUnknown,
            RpcStatus::Success | RpcStatus::Error => RpcErrorCode::Application,
        };
        let error = (status != RpcStatus::Success).then(|| RemoteError {
            class: text(class, "ServerDidNotSetExceptionClassName").into(),
            message: text(message, "ServerDidNotSetErrorMsg"),
            code: code.unwrap_or(unsaid),
        });
        let call_id = call_id.ok_or(HeaderError::Missing("callId"))?;
        Ok(Self { call_id, status, error, client_id, retry_count, state_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::common::RpcResponseHeaderProto;
    use crate::proto::hdfs::GetFileInfoRequestProto;
    use proptest::prelude::*;
    use prost::Message;

    fn delimited(frame: &[u8]) -> (RpcResponseHeaderProto, &[u8]) {
        let (length, mut rest) = frame.split_first_chunk().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
        let header = RpcResponseHeaderProto::decode_length_delimited(&mut rest).unwrap();
        (header, rest)
    }

    proptest! {
        #[test]
        fn answer_is_what_prost_reads(
            call_id: i32, client_id: [u8; 16], retry_count: i32, state_id: Option<i64>, src: String,
        ) {
            let to = AnswerTo { call_id: CallId(call_id), client_id: &client_id, retry_count, state_id };
            let mut out = BytesMut::new();
            let message = GetFileInfoRequestProto { src };
            prop_assert!(put_answer(&mut out, &to, &message));
            let (header, mut rest) = delimited(&out);
            prop_assert_eq!(header.call_id as i32, call_id);
            prop_assert_eq!(header.status, 0);
            prop_assert_eq!(header.server_ipc_version_num, Some(9));
            prop_assert_eq!(header.client_id.as_deref(), Some(&client_id[..]));
            prop_assert_eq!(header.retry_count, Some(retry_count));
            prop_assert_eq!(header.state_id, state_id);
            prop_assert_eq!(GetFileInfoRequestProto::decode_length_delimited(&mut rest), Ok(message));
            let (bytes, _) = crate::rpc::split_header(&out[4..]).unwrap();
            let ours = ResponseHeader::decode(bytes).unwrap();
            prop_assert_eq!(ours.call_id, to.call_id);
            prop_assert_eq!(ours.client_id, to.client_id);
            prop_assert_eq!(ours.state_id, state_id);
            prop_assert_eq!(ours.error, None);
        }

        #[test]
        fn error_returns(class: String, message: String, number in 1..16i32) {
            let Some(code) = RpcErrorCode::from_number(number) else { return Ok(()) };
            let error = RemoteError::with_code(class, message, code);
            let to = AnswerTo::connection(CallId(-1));
            let mut out = BytesMut::new();
            put_error(&mut out, &to, &error);
            let (header, rest) = delimited(&out);
            prop_assert!(rest.is_empty());
            prop_assert_eq!(header.call_id, u32::MAX);
            prop_assert_eq!(header.error_detail, Some(number));
            let bytes = header.encode_to_vec();
            let ours = ResponseHeader::decode(&bytes).unwrap();
            prop_assert_eq!(ours.status, code.status());
            prop_assert_eq!(ours.error, Some(error));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = ResponseHeader::decode(&bytes);
        }
    }

    #[test]
    fn a_giant_message_is_cut_at_a_character() {
        let error = RemoteError::new("java.io.IOException", "ä".repeat(MAX_MESSAGE));
        let mut out = BytesMut::new();
        put_error(&mut out, &AnswerTo::connection(CallId(1)), &error);
        let (header, _) = delimited(&out);
        assert_eq!(header.error_msg.unwrap().len(), MAX_MESSAGE);
    }
}
