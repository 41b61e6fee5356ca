//! Joins namespace, journal, blocks and cluster into the NameNode's machine.
//!
//! A call comes in as bytes ([`dispatch`]), becomes an operation ([`machine::NameNode`], `ops/`),
//! and leaves an answer and [`request::Effects`]: edits to write, lines to log, blocks to wait
//! for. Nothing here does I/O or reads a clock.

pub mod audit;
mod convert;
pub mod dispatch;
pub mod error;
pub mod fsck;
pub mod inotify;
pub mod load;
mod located;
pub mod machine;
mod ops;
mod policy_walk;
pub mod proxy_users;
pub mod reconfigure;
mod replayed;
pub mod request;
pub mod retry_cache;
pub mod settings;
pub mod slow_disks;
pub mod slow_peers;
mod tables;
pub mod top_users;
mod tree_walk;
pub mod users;

pub use error::NameNodeError;
pub use machine::{NameNode, StorageIdentity};
pub use ops::admin::Due;
pub use ops::datanode::{Locked, full_report};
pub use replayed::ReplayedCalls;
pub use request::{Effects, Identity, Now, Request};
pub use tree_walk::TreeWalk;
