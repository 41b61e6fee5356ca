//! Blocks on their way: requests of clients and of other DataNodes.
//!
//! One blocking thread per connection, and a second one where acknowledgements come from a DataNode
//! behind: the work is copying between sockets and files, which the kernel does without readiness calls,
//! and a file has no readiness at all. Everything is generic over [`Link`], so that a simulated network
//! can take the sockets' place.

mod ack;
mod block_checksum;
mod copy;
mod link;
mod mirror;
mod read;
mod receiver;
mod request;
mod responder;
mod sender;
mod server;
mod throttle;
mod write;

pub(crate) use copy::{CopyTargets, copy_block};
pub(crate) use server::{TransferServer, Transfers};
pub(crate) use throttle::Throttle;
