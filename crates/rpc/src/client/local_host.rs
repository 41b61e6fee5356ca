//! This machine as errors name it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

/// `host/address` (`NetUtils.getHostname`), looked up when the first call fails: it may ask a name
/// server.
pub(super) fn local_host() -> Arc<str> {
    static NAME: OnceLock<Arc<str>> = OnceLock::new();
    NAME.get_or_init(look_up).clone()
}

/// The full name that a name server or the hosts file knows this machine by (`DNS.getDefaultHost`): its address
/// where that has no name, the short name where that has no address. Looked up once.
#[must_use]
pub fn canonical_host_name() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let look_up = || {
        let (name, address) = own_address();
        address.map_or(name, |address| super::host_name(&address.ip().to_string()))
    };
    NAME.get_or_init(look_up).clone()
}

fn look_up() -> Arc<str> {
    match own_address() {
        (name, Some(address)) => format!("{name}/{}", address.ip()).into(),
        (name, None) => name.into(),
    }
}

/// The short name, and the address that it has.
fn own_address() -> (String, Option<SocketAddr>) {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let addresses: Vec<SocketAddr> =
        (name.as_str(), 0).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    // Java takes the first address of IPv4 where there is one.
    let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    (name, address.copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name() {
        let name = local_host();
        assert!(!name.is_empty() && !name.starts_with('/') && !name.ends_with('/'), "{name}");
        assert_eq!(name, local_host());
        let canonical = canonical_host_name();
        // What has a name is known by it, not by its address.
        if let Some(name) = own_address().1.and_then(|own| dns_lookup::lookup_addr(&own.ip()).ok())
        {
            assert!(
                canonical == name || canonical.parse::<std::net::IpAddr>().is_ok(),
                "{canonical}"
            );
        }
    }
}
