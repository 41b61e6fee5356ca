//! Addresses that daemons listen on, as their keys have them.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::web::{Router, WebLimits, WebServer};

/// An address that is none, or cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{name} is {value:?}: {source}")]
pub struct AddressError {
    /// Which key.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What the system says.
    pub source: io::Error,
}

/// The address that a key's value names.
pub(super) fn address(name: &'static str, value: &str) -> Result<SocketAddr, AddressError> {
    let failed = |source| AddressError { name, value: value.to_owned(), source };
    let mut found = value.to_socket_addrs().map_err(failed)?;
    found.next().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// A web server at the address that a key's value names.
pub(super) async fn web_server(
    name: &'static str,
    value: &str,
    router: Router,
) -> Result<WebServer, AddressError> {
    let bound = WebServer::bind(address(name, value)?, WebLimits::default(), router).await;
    bound.map_err(|source| AddressError { name, value: value.to_owned(), source })
}
