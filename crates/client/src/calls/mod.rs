//! The NameNode's calls, one family per file.

mod admin;
mod attributes;
mod blocks;
mod files;
mod listing;
mod tree;

pub use files::{AppendOptions, CreateOptions};
pub use listing::Listing;
pub use tree::{QuotaChange, RenameOptions};

use loxodon_wire::rpc::protocol;

use crate::client::Client;
use crate::error::Result;
use crate::retry::Repeat;

impl Client {
    /// A call that may be repeated after it was perhaps executed.
    pub(crate) async fn safe_call<Q, A>(&self, method: &'static str, request: &Q) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        self.name_nodes().call(&protocol::CLIENT_NAMENODE, method, request, Repeat::Safe).await
    }

    /// A call that must not run twice and that the server's retry cache does not know.
    pub(crate) async fn once_call<Q, A>(&self, method: &'static str, request: &Q) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        self.name_nodes().call(&protocol::CLIENT_NAMENODE, method, request, Repeat::Unsafe).await
    }
}
