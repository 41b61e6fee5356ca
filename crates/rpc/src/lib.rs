//! Hadoop RPC over sockets: client connections and server.
