//! One call to one daemon, named by host and port.

use std::sync::Arc;

use loxodon_conf::{Configuration, keys};
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::rpc::protocol::Protocol;
use prost::Message;
use tokio::runtime::Builder;

use crate::shell::{Failure, current_user};

/// Host and port as an argument gives them.
///
/// # Errors
/// What is not both.
pub(super) fn parse_address(text: &str) -> Result<ServerAddress, Failure> {
    let wrong =
        || Failure::Illegal(format!("Does not contain a valid host:port authority: {text}"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    if host.is_empty() {
        return Err(wrong());
    }
    Ok(ServerAddress::new(host, port.parse().map_err(|_| wrong())?))
}

/// Asks a daemon, and waits for its answer.
///
/// # Errors
/// [`Failure::Io`] with the exception's simple name and the first line of what it says.
pub(super) fn call<Q: Message, A: Message + Default>(
    conf: &Configuration,
    address: &ServerAddress,
    protocol: &'static Protocol,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    ask(conf, address, protocol, method, request)?.map_err(|error| {
        let class = error.java_class();
        let class = class.rsplit(['.', '$']).next().unwrap_or(class).to_owned();
        Failure::Io { class, message: message(&error) }
    })
}

/// The first line of what an error says: behind it a server puts its stack trace.
fn message(error: &RpcError) -> String {
    match error.remote() {
        Some(remote) => remote.message.lines().next().unwrap_or_default().to_owned(),
        None => error.to_string(),
    }
}

/// An error as Java's exception shows itself (`Throwable.toString`).
pub(super) fn as_java(error: &RpcError) -> String {
    let class = error.java_class();
    match error.remote() {
        Some(_) => format!("org.apache.hadoop.ipc.RemoteException({class}): {}", message(error)),
        None => format!("{class}: {error}"),
    }
}

/// As [`call`], with the error as it came.
///
/// # Errors
/// A configuration that is wrong.
pub(super) fn ask<Q: Message, A: Message + Default>(
    conf: &Configuration,
    address: &ServerAddress,
    protocol: &'static Protocol,
    method: &str,
    request: &Q,
) -> Result<Result<A, RpcError>, Failure> {
    let retries = conf.count(&keys::IPC_CONNECT_RETRIES)?;
    let settings = ClientSettings {
        connect_retries: u32::try_from(retries).unwrap_or(u32::MAX),
        connect_retry_interval: conf.time(&keys::IPC_CONNECT_RETRY_INTERVAL)?,
        ..ClientSettings::default()
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::io(format!("cannot start: {e}")))?;
    Ok(runtime.block_on(async {
        let client = RpcClient::new(settings, Arc::new(current_user()));
        client.call(address, protocol, method, request, CallOptions::default()).await
    }))
}
