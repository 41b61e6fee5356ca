//! Hadoop RPC over sockets: client connections and server.

pub mod client;
pub mod metrics;
pub mod server;
