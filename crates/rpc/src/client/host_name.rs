//! The name of a machine by its address, as Java looks it up (`InetAddress.getHostName`).

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::OnceLock;

use parking_lot::Mutex;

/// Addresses that are remembered; with more, all are forgotten.
const REMEMBERED: usize = 4096;

/// The name behind an address, if that name leads back to the address; otherwise the text as it was, as well as
/// for what is no address. It may ask a name server, once for each address.
#[must_use]
pub fn host_name(host: &str) -> String {
    static NAMES: OnceLock<Mutex<HashMap<IpAddr, Option<String>>>> = OnceLock::new();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(address) = bare.parse::<IpAddr>() else { return host.to_owned() };
    let names = NAMES.get_or_init(Mutex::default);
    let known = names.lock().get(&address).cloned();
    let name = known.unwrap_or_else(|| {
        let found = look_up(address);
        let mut names = names.lock();
        if names.len() >= REMEMBERED {
            names.clear();
        }
        names.insert(address, found.clone());
        found
    });
    name.unwrap_or_else(|| host.to_owned())
}

fn look_up(address: IpAddr) -> Option<String> {
    let name = dns_lookup::lookup_addr(&address).ok()?;
    let mut all = (name.as_str(), 0).to_socket_addrs().ok()?;
    all.any(|known| known.ip() == address).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::host_name;

    #[test]
    fn names_stay_and_addresses_without_one_too() {
        assert_eq!(host_name("a.example"), "a.example");
        // Reserved for documentation: nobody has it.
        assert_eq!(host_name("192.0.2.7"), "192.0.2.7");
        assert!(!host_name("127.0.0.1").is_empty());
    }
}
