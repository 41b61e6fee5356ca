//! Accepting connections, and what they all share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::call::{Call, Responder};
use super::lanes::Lanes;
use super::limits::ServerLimits;
use super::service_access::ServiceAccess;
use crate::metrics::ServerMetrics;

/// What a server does with calls.
pub trait Handler: Send + Sync + 'static {
    /// The protocols it speaks. Calls of others, unknown methods, other versions and requests
    /// without their required fields never reach [`Self::call`].
    fn protocols(&self) -> &[&'static Protocol];

    /// Does a call.
    ///
    /// Runs on the connection's task, so it must neither wait nor take long; `reply` may be kept
    /// and answered later, from any thread.
    fn call(&self, call: Call, reply: Responder);

    /// Whether this user may connect; without an own rule, whoever speaks for himself may.
    ///
    /// # Errors
    /// The exception that he gets before the connection is closed.
    fn authorize(
        &self,
        user: &UserIdentity,
        protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), RemoteError> {
        let _ = (protocol, peer);
        match &user.real {
            None => Ok(()),
            Some(real) => Err(RemoteError::new(
                exception::AUTHORIZATION,
                format!("User: {real} is not allowed to impersonate {}", user.effective),
            )),
        }
    }

    /// Who may speak which protocol; `None` where everybody may.
    fn services(&self) -> Option<&ServiceAccess> {
        None
    }

    /// Groups of a user, where a list of services names groups. May block for as long as the system needs.
    fn groups_of(&self, user: &str) -> Vec<String> {
        let _ = user;
        Vec::new()
    }

    /// The state id that every answer carries, for clients that read from observers.
    fn state_id(&self) -> Option<i64> {
        None
    }
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, not this machine's, or not allowed.
    #[error(
        "Problem binding to [{address}] java.net.BindException: {}; \
         For more details see:  http://wiki.apache.org/hadoop/BindException",
        as_java_says(source)
    )]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no more threads.
    #[error("Cannot start a thread for connections: {0}")]
    Threads(io::Error),
}

impl ServerError {
    /// The Java exception for it.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "java.net.BindException",
            Self::Threads(_) => "java.lang.OutOfMemoryError",
        }
    }
}

/// What the system says, without the number that Java does not print.
fn as_java_says(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What the connections of a server share.
pub(super) struct Shared {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) limits: ServerLimits,
    pub(super) metrics: Arc<ServerMetrics>,
    /// Bytes of answers that wait to be sent.
    pub(super) unsent: AtomicUsize,
    /// Bytes of large frames that have not arrived as a whole.
    pub(super) unfinished: AtomicUsize,
    idle_closed: Mutex<IdleClosed>,
}

/// Idle connections are closed some at a time (`ipc.client.kill.max` per
/// `ipc.client.connection.idle-scan-interval.ms`).
struct IdleClosed {
    began: Instant,
    count: usize,
}

impl Shared {
    pub(super) fn connection_ended(&self) {
        self.metrics.open_connections.fetch_sub(1, Relaxed);
    }

    pub(super) fn may_close_idle(&self, now: Instant) -> bool {
        const PER_SCAN: usize = 10;
        const SCAN: Duration = Duration::from_secs(10);
        if self.metrics.open_connections.load(Relaxed) < self.limits.idle_threshold {
            return false;
        }
        let mut closed = self.idle_closed.lock();
        if now.duration_since(closed.began) >= SCAN {
            *closed = IdleClosed { began: now, count: 0 };
        }
        closed.count += 1;
        closed.count <= PER_SCAN
    }
}

/// A server that listens. Dropped, it stops at once.
pub struct Server {
    address: SocketAddr,
    metrics: Arc<ServerMetrics>,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `address` and serves with `handler`, on the tokio runtime that this is called in
    /// or on threads of its own ([`ServerLimits::threads`]).
    ///
    /// # Errors
    /// If it cannot listen there.
    pub async fn bind(
        address: SocketAddr,
        limits: ServerLimits,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ServerError> {
        Self::serve(Place::take(address)?, limits, handler)
    }

    /// As [`Self::bind`], at a place that was taken before.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub fn serve(
        place: Place,
        limits: ServerLimits,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ServerError> {
        let Place { socket, address } = place;
        let failed = |source| ServerError::Bind { address, source };
        let listener = socket.listen(limits.backlog).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let metrics = Arc::new(ServerMetrics::new(handler.protocols()));
        let shared = Arc::new(Shared {
            handler,
            limits,
            metrics: metrics.clone(),
            unsent: AtomicUsize::new(0),
            unfinished: AtomicUsize::new(0),
            idle_closed: Mutex::new(IdleClosed { began: Instant::now(), count: 0 }),
        });
        let (stop, stopped) = oneshot::channel();
        let lanes = Lanes::start(shared.limits.threads, &shared).map_err(ServerError::Threads)?;
        let accepting = tokio::spawn(accept(listener, shared, lanes, stopped));
        Ok(Self { address: bound, metrics, stop: Some(stop), accepting })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> Arc<ServerMetrics> {
        self.metrics.clone()
    }

    /// Stops listening and closes every connection.
    pub async fn shutdown(mut self) {
        self.stop = None;
        let _stopped = (&mut self.accepting).await;
    }
}

/// An address that is a server's to be. Nobody else can listen there; who connects is refused
/// until [`Server::serve`] listens.
#[derive(Debug)]
pub struct Place {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Place {
    /// Takes an address.
    ///
    /// # Errors
    /// If it is taken, not this machine's, or not allowed.
    pub fn take(address: SocketAddr) -> Result<Self, ServerError> {
        let bound = || {
            let socket =
                if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        };
        let socket = bound().map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self { socket, address })
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut lanes: Lanes,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &shared, &mut lanes),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    // Out of descriptors, as a rule: wait until some are closed.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            () = lanes.ended() => {}
        }
    }
    drop(listener);
    lanes.shutdown().await;
}

fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>, lanes: &mut Lanes) {
    let limits = &shared.limits;
    let open = &shared.metrics.open_connections;
    if limits.max_connections > 0 && open.load(Relaxed) >= limits.max_connections {
        shared.metrics.dropped_connections.fetch_add(1, Relaxed);
        tracing::warn!(%peer, limit = limits.max_connections, "too many connections");
        return;
    }
    if let Err(error) = stream.set_nodelay(limits.tcp_nodelay) {
        tracing::debug!(%peer, %error, "the peer left at once");
        return;
    }
    open.fetch_add(1, Relaxed);
    lanes.admit(stream, peer, shared);
}
