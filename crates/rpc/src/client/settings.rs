//! How a client connects, waits and gives up.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loxodon_wire::rpc::{CallId, CallerContext, ClientId};

/// Settings of a client. The defaults are Hadoop's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Time for one attempt to connect (`ipc.client.connect.timeout`).
    pub connect_timeout: Duration,
    /// Attempts after a refused one (`ipc.client.connect.max.retries`).
    pub connect_retries: u32,
    /// Attempts after one that ran out of time (`ipc.client.connect.max.retries.on.timeouts`).
    pub connect_retries_on_timeout: u32,
    /// Pause between attempts (`ipc.client.connect.retry.interval`).
    pub connect_retry_interval: Duration,
    /// Time for an answer; zero is for ever (`ipc.client.rpc-timeout.ms`).
    pub rpc_timeout: Duration,
    /// How long a waiting connection may be silent before it is pinged; zero is never
    /// (`ipc.ping.interval`, if `ipc.client.ping`).
    pub ping_interval: Duration,
    /// How long a connection without calls is kept (`ipc.client.connection.maxidletime`).
    pub max_idle: Duration,
    /// Longest answer in bytes (`ipc.maximum.response.length`).
    pub max_response: usize,
    /// Whether small calls leave at once (`ipc.client.tcpnodelay`).
    pub tcp_nodelay: bool,
    /// Whether to begin with SASL, as a client with tokens does; only SIMPLE may come of it.
    pub negotiate: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            connect_retries: 10,
            connect_retries_on_timeout: 45,
            connect_retry_interval: Duration::from_secs(1),
            rpc_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(60),
            max_idle: Duration::from_secs(10),
            max_response: 128 << 20,
            tcp_nodelay: true,
            negotiate: false,
        }
    }
}

/// A server by name; the name is looked up on each connection, since addresses change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerAddress {
    /// Host name or address.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
}

impl ServerAddress {
    /// The server with this name at this port.
    pub fn new(host: impl Into<Arc<str>>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl From<SocketAddr> for ServerAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string().into(), port: address.port() }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What names a call, so that the server knows it again when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallIdentity {
    /// The client.
    pub client_id: ClientId,
    /// Its call.
    pub call_id: CallId,
}

/// What one call has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Keep it over all attempts of one call; `None` draws a new one.
    pub identity: Option<CallIdentity>,
    /// How often the call was sent before.
    pub retry_count: i32,
    /// Time for the answer instead of the client's.
    pub timeout: Option<Duration>,
    /// For the server's audit log.
    pub caller_context: Option<CallerContext>,
    /// The last state id that was seen.
    pub state_id: Option<i64>,
}
