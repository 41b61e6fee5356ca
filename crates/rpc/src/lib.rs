//! Hadoop RPC over sockets: client connections and server.

pub mod metrics;
pub mod server;
