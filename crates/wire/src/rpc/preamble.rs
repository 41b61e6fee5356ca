//! A connection's first seven bytes, and what those get who begin otherwise.

use bytes::{BufMut, BytesMut};

use super::response::{AnswerTo, put_error};
use super::{CallId, RemoteError, RpcErrorCode, exception};

/// Version of the RPC protocol (`RpcConstants.CURRENT_VERSION`).
pub const IPC_VERSION: u8 = 9;

/// Length of the preamble: `hrpc`, version, service class, authentication.
pub const PREAMBLE_LEN: usize = 7;

/// How a connection says who it is (`AuthProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// It simply says so.
    None,
    /// It negotiates first.
    Sasl,
}

/// What the first seven bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// A client of this version.
    Hadoop {
        /// Class of service; nothing depends on it.
        service_class: u8,
        /// How it authenticates.
        auth: AuthProtocol,
    },
    /// A client of this version that authenticates as we do not know.
    UnknownAuth(i8),
    /// A browser, probably.
    Http,
    /// Another version of Hadoop, or something else entirely.
    OtherVersion(i8),
}

impl Preamble {
    /// Reads it.
    #[must_use]
    pub fn decode(bytes: &[u8; PREAMBLE_LEN]) -> Self {
        let [magic @ .., version, service_class, auth] = *bytes;
        if &magic == b"GET " {
            return Self::Http;
        }
        if &magic != b"hrpc" || version != IPC_VERSION {
            return Self::OtherVersion(version as i8);
        }
        match auth as i8 {
            0 => Self::Hadoop { service_class, auth: AuthProtocol::None },
            -33 => Self::Hadoop { service_class, auth: AuthProtocol::Sasl },
            other => Self::UnknownAuth(other),
        }
    }

    /// Writes what a client begins with.
    #[must_use]
    pub const fn encode(service_class: u8, auth: AuthProtocol) -> [u8; PREAMBLE_LEN] {
        let auth = match auth {
            AuthProtocol::None => 0,
            AuthProtocol::Sasl => -33i8 as u8,
        };
        [b'h', b'r', b'p', b'c', IPC_VERSION, service_class, auth]
    }

    /// What a peer gets that may not go on; nothing for one that may, or is too old to understand.
    pub fn refuse(&self, out: &mut BytesMut) {
        match *self {
            Self::Hadoop { .. } => {}
            Self::Http => out.put_slice(HTTP_ANSWER),
            Self::UnknownAuth(auth) => {
                let message = format!("Unknown auth protocol:{auth}");
                let code = RpcErrorCode::FatalUnauthorized;
                let error = RemoteError::with_code(exception::IPC, message, code);
                put_error(out, &AnswerTo::connection(CallId::AUTHORIZATION_FAILED), &error);
            }
            Self::OtherVersion(version) => refuse_version(version, out),
        }
    }
}

const HTTP_ANSWER: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n\
It looks like you are making an HTTP request to a Hadoop IPC port. \
This is not the correct port for the web interface on this daemon.\r\n";

/// Each version understands another way of saying no (`Server.setupBadVersionResponse`).
fn refuse_version(version: i8, out: &mut BytesMut) {
    let message = format!(
        "Server IPC version {IPC_VERSION} cannot communicate with client version {version}"
    );
    let put_string = |out: &mut BytesMut, text: &str| {
        out.put_u32(text.len() as u32);
        out.put_slice(text.as_bytes());
    };
    match version {
        9.. => {
            let code = RpcErrorCode::FatalVersionMismatch;
            let error = RemoteError::with_code(exception::VERSION_MISMATCH, message, code);
            put_error(out, &AnswerTo::connection(CallId(-1)), &error);
        }
        3..=8 => {
            out.put_i32(-1); // call id
            out.put_i32(-1); // fatal
            put_string(out, exception::VERSION_MISMATCH);
            put_string(out, &message);
        }
        2 => {
            out.put_i32(0); // call id
            out.put_u8(1); // error
            put_string(out, exception::VERSION_MISMATCH);
            put_string(out, &message);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{ResponseHeader, split_header};

    fn refusal(bytes: &[u8; 7]) -> BytesMut {
        let mut out = BytesMut::new();
        Preamble::decode(bytes).refuse(&mut out);
        out
    }

    #[test]
    fn ours_is_read_back() {
        for auth in [AuthProtocol::None, AuthProtocol::Sasl] {
            let bytes = Preamble::encode(3, auth);
            assert_eq!(Preamble::decode(&bytes), Preamble::Hadoop { service_class: 3, auth });
            assert!(refusal(&bytes).is_empty());
        }
        assert_eq!(&Preamble::encode(0, AuthProtocol::Sasl), b"hrpc\x09\x00\xdf");
    }

    #[test]
    fn newer_clients_get_a_fatal_answer() {
        let answer = refusal(b"hrpc\x0a\x00\x00");
        let (header, _) = split_header(&answer[4..]).unwrap();
        let error = ResponseHeader::decode(header).unwrap().error.unwrap();
        assert_eq!(error.class, "org.apache.hadoop.ipc.RPC$VersionMismatch");
        assert_eq!(error.message, "Server IPC version 9 cannot communicate with client version 10");
        assert_eq!(error.code, RpcErrorCode::FatalVersionMismatch);
    }

    #[test]
    fn old_clients_get_what_they_understand() {
        let answer = refusal(b"hrpc\x04\x00\x00");
        assert_eq!(answer[..8], [0xff; 8]);
        assert_eq!(answer[8..12], 41u32.to_be_bytes());
        let answer = refusal(b"hrpc\x02\x00\x00");
        assert_eq!(answer[..5], [0, 0, 0, 0, 1]);
        assert!(refusal(b"hrpc\x01\x00\x00").is_empty());
    }

    #[test]
    fn browsers_are_told() {
        let answer = refusal(b"GET / H");
        assert!(answer.starts_with(b"HTTP/1.1 404 Not Found\r\n"));
    }

    #[test]
    fn unknown_authentication_is_refused() {
        let answer = refusal(b"hrpc\x09\x00\x05");
        let (header, _) = split_header(&answer[4..]).unwrap();
        let error = ResponseHeader::decode(header).unwrap().error.unwrap();
        assert_eq!(error.message, "Unknown auth protocol:5");
    }
}
