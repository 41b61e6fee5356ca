//! Hadoop RPC over sockets: client connections and server.

pub mod client;
pub mod metrics;
mod security;
pub mod server;
