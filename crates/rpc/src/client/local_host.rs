//! This machine as errors name it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

/// `host/address` (`NetUtils.getHostname`), looked up when the first call fails: it may ask a name
/// server.
pub(super) fn local_host() -> Arc<str> {
    static NAME: OnceLock<Arc<str>> = OnceLock::new();
    NAME.get_or_init(look_up).clone()
}

fn look_up() -> Arc<str> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let addresses: Vec<SocketAddr> =
        (name.as_str(), 0).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    // Java takes the first address of IPv4 where there is one.
    let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    match address {
        Some(address) => format!("{name}/{}", address.ip()).into(),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name() {
        let name = local_host();
        assert!(!name.is_empty() && !name.starts_with('/') && !name.ends_with('/'), "{name}");
        assert_eq!(name, local_host());
    }
}
