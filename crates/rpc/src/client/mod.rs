//! A client: one connection per server, user and protocol, shared by all calls to it.
//!
//! `opening` makes a connection, `connection` moves bytes and matches answers to calls, `error`
//! says why a call failed and whether it may have been done.

mod connection;
mod error;
mod host_name;
mod local_host;
mod opening;
mod settings;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{
    CallId, ClientId, MethodHeader, RequestHeader, ShapeError, UserIdentity, check_shape, put_call,
    take_delimited,
};
use parking_lot::Mutex;
use prost::Message;

use connection::{Connection, NotSent, Outcome, Ticket};
pub use error::RpcError;
pub use host_name::host_name;
pub use local_host::canonical_host_name;
pub use settings::{CallIdentity, CallOptions, ClientSettings, ServerAddress};

/// Calls servers. Clones share their connections; dropping the last one closes them when idle.
#[derive(Clone)]
pub struct RpcClient {
    inner: Arc<Inner>,
    user: Arc<UserIdentity>,
}

struct Inner {
    settings: ClientSettings,
    client_id: ClientId,
    next_call: AtomicI32,
    connections: Mutex<HashMap<Key, Arc<Slot>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    address: ServerAddress,
    protocol: &'static str,
    user: Arc<UserIdentity>,
}

/// Where the connection to one server is, or is being made.
#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Connection>>>,
    /// Held while connecting, so that all wait for the same connection.
    connecting: tokio::sync::Mutex<()>,
}

/// An answer with what came along with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<M> {
    /// The message.
    pub message: M,
    /// The server's state id, if it gave one.
    pub state_id: Option<i64>,
}

impl RpcClient {
    /// A client with a new random id.
    #[must_use]
    pub fn new(settings: ClientSettings, user: Arc<UserIdentity>) -> Self {
        let inner = Inner {
            settings,
            client_id: ClientId(uuid::Uuid::new_v4().into_bytes()),
            next_call: AtomicI32::new(0),
            connections: Mutex::default(),
        };
        Self { inner: Arc::new(inner), user }
    }

    /// The same client for another user; the two never share a connection.
    #[must_use]
    pub fn with_user(&self, user: Arc<UserIdentity>) -> Self {
        Self { inner: self.inner.clone(), user }
    }

    /// The user that calls are made for.
    #[must_use]
    pub const fn user(&self) -> &Arc<UserIdentity> {
        &self.user
    }

    /// An identity for a call that may be sent more than once.
    #[must_use]
    pub fn new_call(&self) -> CallIdentity {
        let number = self.inner.next_call.fetch_add(1, Relaxed) & i32::MAX;
        CallIdentity { client_id: self.inner.client_id, call_id: CallId(number) }
    }

    /// Calls `method` and waits for its answer.
    ///
    /// # Errors
    /// The server's exception, or why none came; [`RpcError::maybe_sent`] says whether the server
    /// may have done the call.
    pub async fn call<Req: Message, Resp: Message + Default>(
        &self,
        address: &ServerAddress,
        protocol: &'static Protocol,
        method: &str,
        request: &Req,
        options: CallOptions,
    ) -> Result<Resp, RpcError> {
        self.call_with_state(address, protocol, method, request, options)
            .await
            .map(|answer| answer.message)
    }

    /// [`Self::call`], with the server's state id.
    ///
    /// # Errors
    /// As for `call`.
    pub async fn call_with_state<Req: Message, Resp: Message + Default>(
        &self,
        address: &ServerAddress,
        protocol: &'static Protocol,
        method: &str,
        request: &Req,
        options: CallOptions,
    ) -> Result<Answer<Resp>, RpcError> {
        let limit = options.timeout.unwrap_or(self.inner.settings.rpc_timeout);
        let mut ticket = self.send(address, protocol, method, request, &options).await?;
        let outcome = if limit.is_zero() {
            (&mut ticket.answer).await
        } else {
            match tokio::time::timeout(limit, &mut ticket.answer).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => return Err(self.timed_out(address, &ticket, limit)),
            }
        };
        match outcome {
            Ok(Outcome::Answer(body, state_id)) => decode(&body, protocol, method)
                .map(|message| Answer { message, state_id })
                .map_err(|reason| RpcError::Decode {
                    address: address.clone(),
                    method: method.to_owned(),
                    reason,
                }),
            Ok(Outcome::Exception(error)) => Err(RpcError::Remote(error)),
            Ok(Outcome::Broken { source, maybe_sent }) => {
                Err(self.transport(address, source, maybe_sent))
            }
            Err(_task_ended) => {
                let source = Arc::new(io::ErrorKind::ConnectionAborted.into());
                Err(self.transport(address, source, true))
            }
        }
    }

    /// Puts the call on a connection; a connection that ends at that moment is replaced.
    async fn send<Req: Message>(
        &self,
        address: &ServerAddress,
        protocol: &'static Protocol,
        method: &str,
        request: &Req,
        options: &CallOptions,
    ) -> Result<Ticket, RpcError> {
        let identity = options.identity.unwrap_or_else(|| self.new_call());
        let context = options.caller_context.as_ref().map(|context| context.encode());
        let header = RequestHeader {
            caller_context: context.as_deref(),
            state_id: options.state_id,
            ..RequestHeader::of_call(identity.call_id, &identity.client_id, options.retry_count)
        };
        let name = MethodHeader { method, protocol: protocol.name, version: protocol.version };
        loop {
            let connection = self.connection(address, protocol).await?;
            let put = |out: &mut BytesMut| put_call(out, &header, &name, request);
            match connection.send(identity.call_id, put) {
                Ok(ticket) => return Ok(ticket),
                Err(NotSent::Closed) => {}
                Err(NotSent::TooLarge) => {
                    return Err(RpcError::TooLarge { method: method.to_owned() });
                }
                Err(NotSent::SameId) => {
                    let text = "A call with the same id waits for its answer already";
                    let source = Arc::new(io::Error::new(io::ErrorKind::InvalidInput, text));
                    return Err(self.transport(address, source, false));
                }
            }
        }
    }

    async fn connection(
        &self,
        address: &ServerAddress,
        protocol: &'static Protocol,
    ) -> Result<Arc<Connection>, RpcError> {
        let key =
            Key { address: address.clone(), protocol: protocol.name, user: self.user.clone() };
        let slot = self.inner.connections.lock().entry(key).or_default().clone();
        if let Some(connection) = slot.open() {
            return Ok(connection);
        }
        let _connecting = slot.connecting.lock().await;
        if let Some(connection) = slot.open() {
            return Ok(connection);
        }
        let settings = &self.inner.settings;
        let opened = async {
            let mut stream = opening::connect(address, settings).await?;
            let id = &self.inner.client_id;
            let first = opening::open(&mut stream, id, &self.user, protocol, settings).await?;
            io::Result::Ok(Connection::start(stream, *id, first, settings))
        };
        let connection = opened.await.map_err(|source| RpcError::Connect {
            address: address.clone(),
            local: local_host::local_host(),
            source: Arc::new(source),
        })?;
        *slot.current.lock() = Some(connection.clone());
        Ok(connection)
    }

    fn timed_out(&self, address: &ServerAddress, ticket: &Ticket, limit: Duration) -> RpcError {
        let maybe_sent = ticket.maybe_sent();
        ticket.give_up();
        let text = format!(
            "{} millis timeout while waiting for channel to be ready for read",
            limit.as_millis()
        );
        let source = Arc::new(io::Error::new(io::ErrorKind::TimedOut, text));
        self.transport(address, source, maybe_sent)
    }

    fn transport(
        &self,
        address: &ServerAddress,
        source: Arc<io::Error>,
        maybe_sent: bool,
    ) -> RpcError {
        let local = local_host::local_host();
        RpcError::Transport { address: address.clone(), local, source, maybe_sent }
    }
}

impl Slot {
    fn open(&self) -> Option<Arc<Connection>> {
        self.current.lock().clone().filter(|connection| connection.is_open())
    }
}

/// The answer's message, checked as Java checks it.
fn decode<M: Message + Default>(
    body: &Bytes,
    protocol: &Protocol,
    method: &str,
) -> Result<M, String> {
    let mut rest = &body[..];
    let message = take_delimited(&mut rest).map_err(|error| error.to_string())?;
    let call = protocol.find(method).and_then(|index| protocol.calls.get(index));
    if let Some(shape) = call.and_then(|call| call.response_shape()) {
        check_shape(shape, message).map_err(|error: ShapeError| error.to_string())?;
    }
    M::decode(body.slice_ref(message)).map_err(|error| error.to_string())
}
