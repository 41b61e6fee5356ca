//! What one server gives its clients at most.

use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, keys};

use crate::security::require_simple;

/// Limits of a server. The defaults are Hadoop's where Hadoop has the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Longest frame in bytes (`ipc.maximum.data.length`).
    pub max_frame: usize,
    /// Connections at a time; 0 is no limit (`ipc.server.max.connections`).
    pub max_connections: usize,
    /// Idle connections are closed only while at least so many are open
    /// (`ipc.client.idlethreshold`).
    pub idle_threshold: usize,
    /// How long a connection may be idle (twice `ipc.client.connection.maxidletime`).
    pub max_idle: Duration,
    /// Calls of one connection that may wait for their answer; its next ones wait in its socket.
    pub max_calls_per_connection: usize,
    /// Bytes of answers that may wait for one connection before its next call is read.
    pub max_unsent: usize,
    /// Bytes of answers that may wait for all connections; above it, those that have any waiting
    /// are not read from.
    pub max_unsent_total: usize,
    /// Bytes of unfinished frames larger than 64 KiB, of all connections together; above it,
    /// such frames wait in their sockets.
    pub max_unfinished_total: usize,
    /// Time for the preamble and the connection context.
    pub setup_timeout: Duration,
    /// Time for a frame that has begun; larger ones get a second more per 64 KiB.
    pub frame_timeout: Duration,
    /// How long answers may wait for a peer that takes nothing
    /// (`ipc.server.purge.interval`, there in minutes).
    pub write_timeout: Duration,
    /// Threads that serve connections, each its share of them with an event loop of its own; with
    /// 0, connections are tasks of the runtime that the server is bound in.
    pub threads: usize,
    /// Connections that wait to be accepted (`ipc.server.listen.queue.size`).
    pub backlog: u32,
    /// Whether small answers leave at once (`ipc.server.tcpnodelay`).
    pub tcp_nodelay: bool,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_frame: 128 << 20,
            max_connections: 0,
            idle_threshold: 4000,
            max_idle: Duration::from_secs(20),
            max_calls_per_connection: 1024,
            max_unsent: 8 << 20,
            max_unsent_total: 512 << 20,
            max_unfinished_total: 1 << 30,
            setup_timeout: Duration::from_secs(30),
            frame_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(15 * 60),
            threads: 0,
            backlog: 256,
            tcp_nodelay: true,
        }
    }
}

impl ServerLimits {
    /// As `ipc.*` of the configuration has it.
    ///
    /// # Errors
    /// A value that does not parse; an authentication that is not there.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        require_simple(conf)?;
        let bytes = |key| Ok(usize::try_from(conf.bytes(key)?).unwrap_or(usize::MAX));
        let backlog = conf.int_in(&keys::IPC_LISTEN_QUEUE, 1..=i64::from(i32::MAX))?;
        Ok(Self {
            max_frame: bytes(&keys::IPC_MAX_DATA)?,
            max_connections: conf.count(&keys::IPC_MAX_CONNECTIONS)?,
            idle_threshold: conf.count(&keys::IPC_IDLE_THRESHOLD)?,
            max_idle: conf.time(&keys::IPC_CLIENT_IDLE)?.saturating_mul(2),
            write_timeout: conf.time(&keys::IPC_PURGE_INTERVAL)?,
            backlog: u32::try_from(backlog).unwrap_or(u32::MAX),
            tcp_nodelay: conf.bool(&keys::IPC_SERVER_NODELAY)?,
            ..Self::default()
        })
    }

    /// When a frame of this length must be complete, counted from its first byte.
    pub(super) fn frame_allowance(&self, length: usize) -> Duration {
        self.frame_timeout.saturating_add(Duration::from_secs((length >> 16) as u64))
    }

    /// The shortest of the times: how often a connection looks at the clock.
    pub(super) fn tick(&self) -> Duration {
        let shortest = self.max_idle.min(self.setup_timeout);
        shortest.min(self.frame_timeout).min(self.write_timeout).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_heard() {
        let mut conf = Configuration::new();
        assert_eq!(ServerLimits::from_conf(&conf).unwrap(), ServerLimits::default());
        for (key, value) in [
            ("ipc.maximum.data.length", "64m"),
            ("ipc.server.max.connections", "7"),
            ("ipc.client.idlethreshold", "5"),
            ("ipc.client.connection.maxidletime", "1500"),
            ("ipc.server.purge.interval", "2"),
            ("ipc.server.listen.queue.size", "9"),
            ("ipc.server.tcpnodelay", "false"),
        ] {
            conf.set(key, value, "test");
        }
        let limits = ServerLimits::from_conf(&conf).unwrap();
        let wanted = ServerLimits {
            max_frame: 64 << 20,
            max_connections: 7,
            idle_threshold: 5,
            max_idle: Duration::from_secs(3),
            write_timeout: Duration::from_secs(120),
            backlog: 9,
            tcp_nodelay: false,
            ..ServerLimits::default()
        };
        assert_eq!(limits, wanted);
    }

    #[test]
    fn kerberos_is_refused_by_name() {
        let mut conf = Configuration::new();
        conf.set("hadoop.security.authentication", "kerberos", "core-site.xml");
        let error = ServerLimits::from_conf(&conf).unwrap_err().to_string();
        assert!(error.contains("hadoop.security.authentication"), "{error}");
        assert!(error.contains("kerberos") && error.contains("core-site.xml"), "{error}");
        conf.set("hadoop.security.authentication", "SIMPLE", "core-site.xml");
        assert!(ServerLimits::from_conf(&conf).is_ok());
    }
}
