//! Calls from plain threads: a task's and a job client's.

use std::sync::Arc;
use std::time::Duration;

use loxodon_client::UserIdentity;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::rpc::protocol::Protocol;
use prost::Message;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// How often something is asked whose connection breaks.
const TIMES: u32 = 60;
/// Between two of these; a connection that is refused was tried for longer.
const PAUSE: Duration = Duration::from_millis(500);

/// One server and one of its protocols, called from threads that wait for the answers.
pub struct BlockingCaller {
    runtime: Runtime,
    client: RpcClient,
    address: ServerAddress,
    protocol: &'static Protocol,
}

impl BlockingCaller {
    /// Calls go to `host:port` for a user.
    ///
    /// # Errors
    /// The address is none, or the threads cannot be started.
    pub fn new(address: &str, user: UserIdentity, protocol: &'static Protocol) -> Result<Self> {
        let split = address.rsplit_once(':');
        let parsed = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) =
            parsed.ok_or_else(|| Error::argument(format!("{address} is not host:port")))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| Error::system("starting the threads of RPC", &e))?;
        let client = RpcClient::new(ClientSettings::default(), Arc::new(user));
        Ok(Self { runtime, client, address: ServerAddress::new(host, port), protocol })
    }

    /// Calls and waits.
    ///
    /// # Errors
    /// The server's exception, or why none came.
    pub fn call<Q: Message, A: Message + Default>(&self, method: &str, request: &Q) -> Result<A> {
        self.call_once(method, request).map_err(failed)
    }

    /// Asks something that changes nothing: again, where the connection breaks, for the server may have been
    /// started anew.
    ///
    /// # Errors
    /// The server's exception, or why none came in about half a minute.
    pub fn ask<Q: Message, A: Message + Default>(&self, method: &str, request: &Q) -> Result<A> {
        let mut asked = 1;
        loop {
            match self.call_once(method, request) {
                Err(RpcError::Connect { .. } | RpcError::Transport { .. }) if asked < TIMES => {
                    asked += 1;
                    std::thread::sleep(PAUSE);
                }
                answer => return answer.map_err(failed),
            }
        }
    }

    fn call_once<Q: Message, A: Message + Default>(
        &self,
        method: &str,
        request: &Q,
    ) -> std::result::Result<A, RpcError> {
        let options = CallOptions::default();
        let call = self.client.call(&self.address, self.protocol, method, request, options);
        self.runtime.block_on(call)
    }
}

fn failed(error: RpcError) -> Error {
    match error {
        RpcError::Remote(error) => {
            Error::new(ErrorKind::Remote(error.class.into_owned()), error.message)
        }
        other => Error::io(other.to_string()),
    }
}

impl std::fmt::Debug for BlockingCaller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingCaller").field("address", &self.address).finish_non_exhaustive()
    }
}
