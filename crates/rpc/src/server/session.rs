//! A connection's state: who is at the other end, and what each frame of his means.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use bytes::Bytes;
use loxodon_wire::proto::common::rpc_request_header_proto::OperationProto;
use loxodon_wire::proto::common::rpc_sasl_proto::SaslState;
use loxodon_wire::proto::common::{IpcConnectionContextProto, RpcKindProto, RpcSaslProto};
use loxodon_wire::proto::services::ServiceCall;
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{
    AnswerTo, AuthProtocol, CallId, CallerContext, ClientId, HeaderError, MethodHeader,
    RemoteError, RequestHeader, RpcErrorCode, RpcStatus, UserIdentity, check_shape, exception,
    put_answer, put_error, split_header, take_delimited,
};
use prost::Message;

use super::call::{Call, Responder};
use super::link::Link;
use super::listener::Shared;
use super::meta;

/// Longest context of a connection: users and the protocol. It is kept for as long as the connection, and tables by
/// user for longer.
const LONGEST_CONTEXT: usize = 4096;

/// The connection must end once what was answered is sent.
pub(super) struct Ended;

pub(super) struct Session {
    server: Arc<Shared>,
    link: Arc<Link>,
    peer: SocketAddr,
    auth: AuthProtocol,
    /// Known from the connection's context on.
    user: Option<Arc<UserIdentity>>,
    /// The protocol that the context named.
    protocol: Option<String>,
}

impl Session {
    pub(super) fn new(
        server: Arc<Shared>,
        link: Arc<Link>,
        peer: SocketAddr,
        auth: AuthProtocol,
    ) -> Self {
        Self { server, link, peer, auth, user: None, protocol: None }
    }

    /// Whether calls may come.
    pub(super) fn is_set_up(&self) -> bool {
        self.user.is_some()
    }

    /// Does what one frame asks for (`Server.Connection.processOneRpc`). `frame` is without its
    /// length; `received` is when it was read.
    pub(super) fn receive(&mut self, frame: &Bytes, received: Instant) -> Result<(), Ended> {
        let mut to = AnswerTo::connection(CallId(-1));
        let result = split_header(frame)
            .map_err(HeaderError::from)
            .and_then(|(header, rest)| Ok((RequestHeader::decode(header)?, rest)))
            .map_err(|error| undecodable("RpcRequestHeaderProto", &error))
            .and_then(|(header, rest)| {
                to.call_id = header.call_id;
                to.retry_count = header.retry_count;
                self.process(frame, &header, rest, received)
            });
        let Err(error) = result else { return Ok(()) };
        tracing::debug!(peer = %self.peer, call = to.call_id.0, %error, "refused");
        self.link.push(|out| put_error(out, &to, &error));
        if error.code.status() == RpcStatus::Fatal { Err(Ended) } else { Ok(()) }
    }

    fn process(
        &mut self,
        frame: &Bytes,
        header: &RequestHeader<'_>,
        rest: &[u8],
        received: Instant,
    ) -> Result<(), RemoteError> {
        check_header(header)?;
        if header.call_id.0 < 0 {
            return self.control(header.call_id, rest);
        }
        let Some(user) = &self.user else {
            return Err(invalid_header("Connection context not established"));
        };
        self.dispatch(frame, header, rest, user, received)
    }

    /// Frames of the RPC layer itself.
    fn control(&mut self, call_id: CallId, rest: &[u8]) -> Result<(), RemoteError> {
        match call_id {
            CallId::CONNECTION_CONTEXT => self.context(rest),
            CallId::SASL => self.sasl(rest),
            CallId::PING => Ok(()),
            other => Err(invalid_header(format!("Unknown out of band call #{}", other.0))),
        }
    }

    fn context(&mut self, mut rest: &[u8]) -> Result<(), RemoteError> {
        if self.auth == AuthProtocol::Sasl {
            return Err(invalid_header("Connection header sent during SASL negotiation"));
        }
        if self.user.is_some() {
            return Err(invalid_header("Connection context already processed"));
        }
        let context = take_delimited(&mut rest)
            .map_err(|error| undecodable("IpcConnectionContextProto", &error))?;
        if context.len() > LONGEST_CONTEXT {
            let length = context.len();
            return Err(invalid_header(format!(
                "The connection's context has {length} bytes; at most {LONGEST_CONTEXT} are taken"
            )));
        }
        let context = IpcConnectionContextProto::decode(context)
            .map_err(|error| undecodable("IpcConnectionContextProto", &error))?;
        let info = context.user_info.unwrap_or_default();
        let effective = info.effective_user.filter(|name| !name.is_empty()).ok_or_else(|| {
            unauthorized(exception::ACCESS_CONTROL, "The connection does not say who its user is")
        })?;
        let user = UserIdentity { effective, real: info.real_user.filter(|r| !r.is_empty()) };
        let metrics = &self.server.metrics;
        let allowed = (self.server.handler)
            .authorize(&user, context.protocol.as_deref(), self.peer)
            .and_then(|()| self.check_service(&user, context.protocol.as_deref()));
        if let Err(error) = allowed {
            metrics.authorization_failures.fetch_add(1, Relaxed);
            tracing::info!(peer = %self.peer, ?user, "connection not authorized: {}", error.message);
            return Err(RemoteError { code: RpcErrorCode::FatalUnauthorized, ..error });
        }
        metrics.authorization_successes.fetch_add(1, Relaxed);
        metrics.user_connected(&user.effective);
        self.protocol = context.protocol;
        self.user = Some(Arc::new(user));
        Ok(())
    }

    /// Whether the daemon's lists let this user speak a protocol.
    fn check_service(
        &self,
        user: &UserIdentity,
        protocol: Option<&str>,
    ) -> Result<(), RemoteError> {
        let handler = &self.server.handler;
        let Some(services) = handler.services() else { return Ok(()) };
        let groups = || handler.groups_of(&user.effective);
        services.authorize(user, protocol, self.peer.ip().to_canonical(), groups)
    }

    /// A call of another protocol than its connection was opened for must be allowed by itself.
    fn check_call(&self, user: &UserIdentity, found: &Found<'_>) -> Result<(), RemoteError> {
        let name = found.protocol.name;
        if found.index.is_none() || self.protocol.as_deref() == Some(name) {
            return Ok(());
        }
        let allowed = self.check_service(user, Some(name));
        if allowed.is_err() {
            self.server.metrics.authorization_failures.fetch_add(1, Relaxed);
        }
        allowed
    }

    /// Whoever opens with SASL is told that SIMPLE is all there is, and then goes on without.
    fn sasl(&mut self, mut rest: &[u8]) -> Result<(), RemoteError> {
        if self.auth != AuthProtocol::Sasl {
            return Err(invalid_header("SASL protocol not requested by client"));
        }
        let message = take_delimited(&mut rest)
            .map_err(|error| undecodable("RpcSaslProto", &error))
            .and_then(|m| {
                RpcSaslProto::decode(m).map_err(|error| undecodable("RpcSaslProto", &error))
            })?;
        match SaslState::try_from(message.state) {
            Ok(SaslState::Negotiate | SaslState::Initiate) => {}
            Ok(SaslState::Wrap) => {
                let code = RpcErrorCode::FatalInvalidRpcHeader;
                let text = "Server is not wrapping data";
                return Err(RemoteError::with_code(exception::SASL, text, code));
            }
            Ok(SaslState::Response) if message.token.is_none() => {
                return Err(unauthorized(exception::SASL, "Client did not send a token"));
            }
            Ok(state) => {
                let text = format!("Client sent unsupported state {}", state.as_str_name());
                return Err(unauthorized(exception::SASL, text));
            }
            Err(_) => {
                return Err(undecodable("RpcSaslProto", &HeaderError::Missing("state")));
            }
        }
        self.auth = AuthProtocol::None;
        let simple = RpcSaslProto { state: SaslState::Success as i32, ..Default::default() };
        self.link.push(|out| {
            let _fits = put_answer(out, &AnswerTo::connection(CallId::SASL), &simple);
        });
        Ok(())
    }

    fn dispatch(
        &self,
        frame: &Bytes,
        header: &RequestHeader<'_>,
        rest: &[u8],
        user: &Arc<UserIdentity>,
        received: Instant,
    ) -> Result<(), RemoteError> {
        if header.kind != Some(RpcKindProto::RpcProtocolBuffer) {
            let kind = header.kind.map_or("", |kind| kind.as_str_name());
            return Err(invalid_header(format!("Unknown rpc kind in rpc header{kind}")));
        }
        let client_id = match header.client_id {
            [] => None,
            id => Some(ClientId(id.try_into().map_err(|_| {
                let length = id.len();
                invalid_header(format!("Invalid clientId - length is {length} expected length 16"))
            })?)),
        };
        let caller_context = header.caller_context.map(CallerContext::decode).transpose();
        let caller_context =
            caller_context.map_err(|error| undecodable("RpcRequestHeaderProto", &error))?;
        self.server.metrics.requests.fetch_add(1, Relaxed);
        self.link.call_began(header.call_id);
        let reply = Responder {
            link: self.link.clone(),
            call_id: header.call_id,
            retry_count: header.retry_count,
            client_id,
            received,
            answered: false,
        };
        let found = self.find(rest);
        match found.and_then(|found| self.check_call(user, &found).map(|()| found)) {
            Err(error) => reply.fail(&error),
            Ok(found) => {
                let call = Call {
                    protocol: found.protocol,
                    method: found.call,
                    client_id,
                    call_id: header.call_id,
                    retry_count: header.retry_count,
                    user: user.clone(),
                    peer: self.peer,
                    caller_context,
                    state_id: header.state_id,
                    received,
                    body: frame.slice_ref(found.body),
                };
                self.run(call, reply, &found);
            }
        }
        self.link.handler_returned();
        Ok(())
    }

    fn run(&self, call: Call, reply: Responder, found: &Found<'_>) {
        let metrics = &self.server.metrics;
        let began = Instant::now();
        metrics.queue_time.record(began.saturating_duration_since(call.received));
        match found.index {
            Some(index) => {
                self.server.handler.call(call, reply);
                metrics.record_call(index, found.method, began.elapsed());
            }
            None => meta::answer(self.server.handler.protocols(), &call, reply),
        }
    }

    /// Which call it is, and its request.
    fn find<'a>(&self, mut rest: &'a [u8]) -> Result<Found<'a>, RemoteError> {
        let malformed = |error: String| RemoteError::new(exception::INVALID_PROTOCOL_BUFFER, error);
        let header = take_delimited(&mut rest).map_err(|error| malformed(error.to_string()))?;
        let header = MethodHeader::decode(header).map_err(|error| malformed(error.to_string()))?;
        let (index, protocol) = self.protocol(&header)?;
        let method = protocol.find(header.method);
        let Some((method, call)) = method.and_then(|i| Some((i, protocol.calls.get(i)?))) else {
            let connection = self.protocol.as_deref().unwrap_or("null");
            let message =
                format!("Unknown method {} called on {connection} protocol.", header.method);
            let code = RpcErrorCode::NoSuchMethod;
            return Err(RemoteError::with_code(exception::NO_SUCH_METHOD, message, code));
        };
        let body = take_delimited(&mut rest).map_err(|error| malformed(error.to_string()))?;
        if let Some(shape) = call.request_shape() {
            check_shape(shape, body).map_err(|error| malformed(error.to_string()))?;
        }
        Ok(Found { index, protocol, method, call, body })
    }

    fn protocol(
        &self,
        header: &MethodHeader<'_>,
    ) -> Result<(Option<usize>, &'static Protocol), RemoteError> {
        let theirs = self.server.handler.protocols();
        let found = theirs.iter().position(|p| p.name == header.protocol);
        let protocol = match found.and_then(|index| theirs.get(index)) {
            Some(protocol) => protocol,
            None if header.protocol == meta::PROTOCOL.name => meta::PROTOCOL,
            None => {
                let message = format!("Unknown protocol: {}", header.protocol);
                let code = RpcErrorCode::NoSuchProtocol;
                return Err(RemoteError::with_code(exception::NO_SUCH_PROTOCOL, message, code));
            }
        };
        if protocol.version != header.version {
            let message = format!(
                "Protocol {} version mismatch. (client = {}, server = {})",
                header.protocol, header.version as i64, protocol.version
            );
            let code = RpcErrorCode::RpcVersionMismatch;
            return Err(RemoteError::with_code(exception::VERSION_MISMATCH, message, code));
        }
        Ok((found, protocol))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(user) = &self.user {
            self.server.metrics.user_left(&user.effective);
        }
    }
}

/// A call that exists, with its request.
struct Found<'a> {
    /// The protocol's place among the handler's; `None` for the server's own.
    index: Option<usize>,
    protocol: &'static Protocol,
    method: usize,
    call: &'static ServiceCall,
    body: &'a [u8],
}

fn check_header(header: &RequestHeader<'_>) -> Result<(), RemoteError> {
    match header.operation {
        Some(OperationProto::RpcFinalPacket) if header.kind.is_some() => Ok(()),
        Some(OperationProto::RpcFinalPacket) => {
            Err(invalid_header(" IPC Server: No rpc kind in rpcRequestHeader"))
        }
        Some(other) => {
            let name = other.as_str_name();
            let message = format!("IPC Server does not implement rpc header operation{name}");
            Err(invalid_header(message))
        }
        None => Err(invalid_header(" IPC Server: No rpc op in rpcRequestHeader")),
    }
}

fn invalid_header(message: impl Into<String>) -> RemoteError {
    let code = RpcErrorCode::FatalInvalidRpcHeader;
    RemoteError::with_code(exception::FATAL_RPC_SERVER, message, code)
}

fn unauthorized(class: &'static str, message: impl Into<String>) -> RemoteError {
    RemoteError::with_code(class, message, RpcErrorCode::FatalUnauthorized)
}

fn undecodable(message: &str, error: &dyn std::fmt::Display) -> RemoteError {
    let class = exception::INVALID_PROTOCOL_BUFFER;
    let message = format!("Error decoding {message}: {class}: {error}");
    let code = RpcErrorCode::FatalDeserializingRequest;
    RemoteError::with_code(exception::FATAL_RPC_SERVER, message, code)
}
