//! What a handler sees: a call, and the way to answer it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loxodon_wire::proto::services::ServiceCall;
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{
    AnswerTo, CallId, CallerContext, ClientId, RemoteError, RpcErrorCode, UserIdentity, exception,
    put_answer, put_encoded_answer, put_error,
};

use super::link::Link;

/// One call, as far as the RPC layer understands it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The protocol it belongs to; one of the handler's.
    pub protocol: &'static Protocol,
    /// Which of the protocol's calls it is.
    pub method: &'static ServiceCall,
    /// Who sends it; `None` if the client has no id, and then no retry can be recognised.
    pub client_id: Option<ClientId>,
    /// Its number among the client's calls.
    pub call_id: CallId,
    /// How often the client sent it before; -1 is "not said".
    pub retry_count: i32,
    /// Whose connection it came by.
    pub user: Arc<UserIdentity>,
    /// Where that connection comes from.
    pub peer: SocketAddr,
    /// What the caller adds for the audit log.
    pub caller_context: Option<CallerContext>,
    /// The last state id that the client has seen.
    pub state_id: Option<i64>,
    /// When its frame was read.
    pub received: Instant,
    /// The request: a message of the method's request type that has all its required fields.
    pub body: Bytes,
}

impl Call {
    /// The request as a message.
    ///
    /// # Errors
    /// What Java answers to bytes that are not such a message.
    pub fn decode<M: prost::Message + Default>(&self) -> Result<M, RemoteError> {
        M::decode(self.body.clone()).map_err(|error| {
            RemoteError::new(exception::INVALID_PROTOCOL_BUFFER, error.to_string())
        })
    }
}

/// Answers one call, now or later, from any thread.
///
/// Dropped unused, it answers that the call was given up.
#[derive(Debug)]
pub struct Responder {
    pub(super) link: Arc<Link>,
    pub(super) call_id: CallId,
    pub(super) retry_count: i32,
    pub(super) client_id: Option<ClientId>,
    pub(super) received: Instant,
    pub(super) answered: bool,
}

impl Responder {
    /// Answers with a message.
    pub fn reply<M: prost::Message>(mut self, message: &M) {
        self.succeed(message.encoded_len(), |out, to| put_answer(out, to, message));
    }

    /// Answers with a message that is encoded already.
    pub fn reply_encoded(mut self, message: &[u8]) {
        self.succeed(message.len(), |out, to| put_encoded_answer(out, to, message));
    }

    /// Answers with an exception.
    pub fn fail(mut self, error: &RemoteError) {
        self.refuse(error);
    }

    /// Answers with whichever of the two it is.
    pub fn finish<M: prost::Message>(self, result: Result<M, RemoteError>) {
        match result {
            Ok(message) => self.reply(&message),
            Err(error) => self.fail(&error),
        }
    }

    fn succeed(
        &mut self,
        length: usize,
        put: impl FnOnce(&mut bytes::BytesMut, &AnswerTo<'_>) -> bool,
    ) {
        let client_id = self.client_id;
        let to = self.answer_to(&client_id);
        self.settle();
        let mut fits = false;
        self.link.push(|out| fits = put(out, &to));
        if fits {
            self.link.metrics().call_successes.fetch_add(1, Relaxed);
        } else {
            let message = format!("An answer of {length} bytes is longer than a frame can be");
            let code = RpcErrorCode::SerializingResponse;
            let error = RemoteError::with_code(exception::IO, message, code);
            self.link.push(|out| put_error(out, &to, &error));
        }
    }

    fn refuse(&mut self, error: &RemoteError) {
        let client_id = self.client_id;
        let to = self.answer_to(&client_id);
        let took = self.settle();
        self.link.metrics().record_failure(error.simple_class(), took);
        self.link.push(|out| put_error(out, &to, error));
    }

    fn answer_to<'a>(&self, client_id: &'a Option<ClientId>) -> AnswerTo<'a> {
        AnswerTo {
            call_id: self.call_id,
            client_id: client_id.as_ref().map_or(&[][..], |id| &id.0),
            retry_count: self.retry_count,
            state_id: self.link.state_id(),
        }
    }

    /// The call counts as over before its answer wakes the connection, which may wait for that.
    fn settle(&mut self) -> Duration {
        self.answered = true;
        let took = self.received.elapsed();
        let metrics = self.link.metrics();
        metrics.response_time.record(took);
        if !self.link.is_inline(self.call_id) {
            metrics.deferred_time.record(took);
        }
        self.link.call_finished();
        took
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            self.refuse(&RemoteError::new(exception::IO, "The server gave the call up"));
        }
    }
}
