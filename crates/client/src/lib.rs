//! A client of HDFS: files, directories and orders to the cluster, over Hadoop's protocols.
//!
//! [`Client`] is a file system; [`FileWriter`] and [`FileReader`] are its open files. Calls go
//! to the active NameNode with Hadoop's retry and failover rules, data to and from DataNodes
//! with checksums verified at both ends. See `examples/` for programs that run.

mod calls;
mod checksum;
mod client;
mod error;
mod lease;
mod namenode;
mod nameservice;
#[cfg(feature = "fuzzing")]
pub mod parsers;
mod peer;
mod reader;
mod retry;
mod settings;
mod transfer;
mod types;
mod writer;

pub use calls::{AppendOptions, CreateOptions, Listing, QuotaChange, RenameOptions};
pub use checksum::FileChecksum;
pub use client::Client;
pub use error::{Error, Result};
pub use loxodon_wire::rpc::UserIdentity;
pub use nameservice::{DEFAULT_PORT, NameNodeAddresses};
pub use reader::FileReader;
pub use settings::ChecksumCombine;
pub use types::*;
pub use writer::{FileWriter, SyncOptions};
