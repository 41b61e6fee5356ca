//! Calls to the NameNode: which one, how often, and what its errors mean.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use loxodon_rpc::client::{CallOptions, RpcClient, RpcError, ServerAddress};
use loxodon_wire::rpc::protocol::Protocol;

use crate::error::{Error, Result};
use crate::retry::{Attempts, Decision, Failure, Repeat, RetryPolicy};

/// The NameNodes of a namespace, and the one that answered last.
pub(crate) struct NameNodes {
    rpc: RpcClient,
    addresses: Vec<ServerAddress>,
    current: AtomicUsize,
    policy: RetryPolicy,
}

impl fmt::Debug for NameNodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameNodes").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl NameNodes {
    /// `addresses` must not be empty; the one at `first` is asked first.
    pub(crate) fn new(
        rpc: RpcClient,
        addresses: Vec<ServerAddress>,
        first: usize,
        policy: RetryPolicy,
    ) -> Self {
        Self { rpc, addresses, current: AtomicUsize::new(first), policy }
    }

    pub(crate) fn addresses(&self) -> &[ServerAddress] {
        &self.addresses
    }

    pub(crate) fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Calls the active NameNode. Every repetition carries the same call id, so that the
    /// server's retry cache can recognise it.
    pub(crate) async fn call<Q, A>(
        &self,
        protocol: &'static Protocol,
        method: &'static str,
        request: &Q,
        repeat: Repeat,
    ) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        let identity = self.rpc.new_call();
        let mut attempts = Attempts::default();
        loop {
            let index = self.current.load(Ordering::Relaxed);
            let Some(address) = self.addresses.get(index % self.addresses.len().max(1)) else {
                return Err(Error::Configuration("no NameNode address is configured".into()));
            };
            let options = CallOptions {
                identity: Some(identity),
                retry_count: i32::try_from(attempts.retries).unwrap_or(i32::MAX),
                ..CallOptions::default()
            };
            let error = match self.rpc.call(address, protocol, method, request, options).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let decision = self.policy.decide(classify(&error), repeat, attempts, fastrand::f64());
            attempts.retries = attempts.retries.saturating_add(1);
            let pause = match decision {
                Decision::Fail => return Err(describe(&error)),
                Decision::Retry(pause) => {
                    tracing::info!(%method, %address, attempt = attempts.retries, %error, "trying again");
                    pause
                }
                Decision::Failover(pause) => {
                    attempts.failovers = attempts.failovers.saturating_add(1);
                    let next = (index + 1) % self.addresses.len().max(1);
                    // Another call may have moved on already: then its choice stands.
                    let _ = self.current.compare_exchange(
                        index,
                        next,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                    tracing::debug!(%method, %address, %error, "failing over");
                    pause
                }
            };
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn classify(error: &RpcError) -> Failure {
    let Some(remote) = error.remote() else {
        return match error {
            RpcError::Connect { .. } => Failure::Connect,
            RpcError::Transport { maybe_sent: false, .. } => Failure::Connect,
            RpcError::Transport { .. } => Failure::Transport,
            _ => Failure::Final,
        };
    };
    match remote.simple_class() {
        "StandbyException" => Failure::Standby,
        "RetriableException" => Failure::Retriable,
        "SafeModeException" => Failure::SafeMode,
        _ => Failure::Final,
    }
}

/// What the caller sees: the server's exception without the stack trace that Java puts behind
/// its first line, or what Java would throw here.
pub(crate) fn describe(error: &RpcError) -> Error {
    let message = match error.remote() {
        Some(remote) => remote.message.lines().next().unwrap_or_default().to_owned(),
        None => error.to_string(),
    };
    Error::Remote { class: error.java_class().to_owned(), message }
}
