//! How a client connects, waits and gives up.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, Key, keys};
use loxodon_wire::rpc::{CallId, CallerContext, ClientId};

use crate::security::require_simple;

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

impl ClientSettings {
    /// As `ipc.client.*` of the configuration has it.
    ///
    /// # Errors
    /// A value that does not parse; an authentication that is not there.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        require_simple(conf)?;
        let small = |key: &Key| {
            let number = conf.int_in(key, 0..=i64::from(i32::MAX))?;
            Ok(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let ping = conf.bool(&keys::IPC_PING)?;
        let response = conf.bytes(&keys::IPC_MAX_RESPONSE)?;
        Ok(Self {
            connect_timeout: conf.time(&keys::IPC_CONNECT_TIMEOUT)?,
            connect_retries: small(&keys::IPC_CONNECT_RETRIES)?,
            connect_retries_on_timeout: small(&keys::IPC_CONNECT_RETRIES_ON_TIMEOUTS)?,
            connect_retry_interval: conf.time(&keys::IPC_CONNECT_RETRY_INTERVAL)?,
            rpc_timeout: conf.time(&keys::IPC_RPC_TIMEOUT)?,
            ping_interval: if ping { conf.time(&keys::IPC_PING_INTERVAL)? } else { Duration::ZERO },
            max_idle: conf.time(&keys::IPC_CLIENT_IDLE)?,
            max_response: usize::try_from(response).unwrap_or(usize::MAX),
            tcp_nodelay: conf.bool(&keys::IPC_CLIENT_NODELAY)?,
            negotiate: false,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_heard() {
        let mut conf = Configuration::new();
        assert_eq!(ClientSettings::from_conf(&conf).unwrap(), ClientSettings::default());
        for (key, value) in [
            ("ipc.client.connect.timeout", "1s"),
            ("ipc.client.connect.max.retries", "2"),
            ("ipc.client.connect.max.retries.on.timeouts", "3"),
            ("ipc.client.connect.retry.interval", "4ms"),
            ("ipc.client.rpc-timeout.ms", "0"),
            ("ipc.client.ping", "false"),
            ("ipc.client.connection.maxidletime", "5s"),
            ("ipc.maximum.response.length", "1m"),
            ("ipc.client.tcpnodelay", "false"),
        ] {
            conf.set(key, value, "test");
        }
        let wanted = ClientSettings {
            connect_timeout: Duration::from_secs(1),
            connect_retries: 2,
            connect_retries_on_timeout: 3,
            connect_retry_interval: Duration::from_millis(4),
            rpc_timeout: Duration::ZERO,
            ping_interval: Duration::ZERO,
            max_idle: Duration::from_secs(5),
            max_response: 1 << 20,
            tcp_nodelay: false,
            negotiate: false,
        };
        assert_eq!(ClientSettings::from_conf(&conf).unwrap(), wanted);
    }
}
