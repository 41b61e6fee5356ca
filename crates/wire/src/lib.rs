//! Every byte of Hadoop's protocols that crosses a socket, as values: no sockets here.

pub mod checksum;
pub mod editlog;
pub mod ids;
pub mod java_hash;
pub mod proto;
pub mod rpc;
pub mod storage;
pub mod transfer;
pub mod version;
