//! Who may do what, from where: lists of users, groups and machines as Hadoop writes them.

use std::net::IpAddr;

use crate::value::parse_list;

/// Users and groups (`org.apache.hadoop.security.authorize.AccessControlList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessControlList {
    everybody: bool,
    /// Each once, in the order in which they were written.
    users: Vec<String>,
    groups: Vec<String>,
}

impl AccessControlList {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Everybody.
    #[must_use]
    pub fn everybody() -> Self {
        Self { everybody: true, ..Self::default() }
    }

    /// Users between commas, groups between commas; `*` as either is everybody.
    #[must_use]
    pub fn new(users: &str, groups: &str) -> Self {
        if users.trim() == "*" || groups.trim() == "*" {
            return Self::everybody();
        }
        let names = |text: &str| {
            let mut names = Vec::new();
            for name in parse_list(text) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        Self { everybody: false, users: names(users), groups: names(groups) }
    }

    /// Users between commas, a space, groups between commas; `*` is everybody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (users, groups) = text.split_once(' ').unwrap_or((text, ""));
        Self::new(users, groups)
    }

    /// Whether the user or a group of his is on it. Groups are asked for only where they matter.
    pub fn allows<G: AsRef<[String]>>(&self, user: &str, groups: impl FnOnce() -> G) -> bool {
        self.everybody
            || self.users.iter().any(|one| one == user)
            || (!self.groups.is_empty()
                && groups().as_ref().iter().any(|group| self.groups.contains(group)))
    }

    /// Whether whoever this user speaks for is on it, written `~user` (`USE_REAL_ACLS`).
    #[must_use]
    pub fn allows_all_of(&self, real: &str) -> bool {
        self.users.contains(&format!("~{real}"))
    }

    /// As it was written, without blanks and what stood there twice (`getAclString`).
    #[must_use]
    pub fn text(&self) -> String {
        if self.everybody {
            return "*".into();
        }
        format!("{} {}", self.users.join(","), self.groups.join(","))
    }
}

/// Machines by address, network (`10.0.0.0/8`) or name (`org.apache.hadoop.util.MachineList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineList {
    all: bool,
    addresses: Vec<IpAddr>,
    /// Network and length of its prefix.
    networks: Vec<(IpAddr, u8)>,
}

impl MachineList {
    /// Entries between commas; `*` is every machine. `resolve` gives the addresses of a host, none where it is not known.
    ///
    /// # Errors
    /// The entry that has a slash and is no network.
    pub fn parse(value: &str, resolve: &dyn Fn(&str) -> Vec<IpAddr>) -> Result<Self, String> {
        let mut machines = Self { all: value.trim() == "*", ..Self::default() };
        for entry in parse_list(value).into_iter().filter(|entry| entry != "*") {
            if let Some((address, length)) = entry.split_once('/') {
                let network = address.parse::<IpAddr>().ok().zip(length.parse::<u8>().ok());
                let network = network.filter(|(address, length)| *length <= bits(*address));
                machines.networks.push(network.ok_or(entry)?);
            } else if let Ok(address) = entry.parse() {
                machines.addresses.push(address);
            } else {
                machines.addresses.extend(resolve(&entry));
            }
        }
        Ok(machines)
    }

    /// Whether a machine is on it.
    #[must_use]
    pub fn includes(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.all
            || self.addresses.iter().any(|known| known.to_canonical() == from)
            || self.networks.iter().any(|network| contains(*network, from))
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn contains((network, length): (IpAddr, u8), address: IpAddr) -> bool {
    let spread = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    if network.is_ipv4() != address.is_ipv4() {
        return false;
    }
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    spread(network) & mask == spread(address) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &str, user: &str, groups: &[&str]) -> bool {
        let groups = || groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>();
        AccessControlList::parse(list).allows(user, groups)
    }

    #[test]
    fn users_groups_everybody() {
        let list = "ann,bob  staff, admins";
        assert!(allows(list, "bob", &[]));
        assert!(!allows(list, "eve", &["others"]));
        assert!(allows(list, "eve", &["admins"]));
        assert_eq!(AccessControlList::parse(list).text(), "ann,bob staff,admins");
        let written = |text| AccessControlList::parse(text).text();
        assert_eq!(written("eve,,ann,eve z,b , z"), "eve,ann z,b");
        assert_eq!((written("").as_str(), written(" *").as_str()), (" ", "*"));
        for everybody in ["*", " * ", "ann *", "* staff"] {
            assert!(allows(everybody, "eve", &[]), "{everybody:?}");
        }
        assert!(!allows(" ", "ann", &[]));
        // A star within a name is a name's.
        assert!(!allows("ann*", "eve", &[]));
    }

    #[test]
    fn groups_are_looked_up_only_where_they_matter() {
        let never = || -> Vec<String> { unreachable!("looked up") };
        assert!(AccessControlList::parse("ann staff").allows("ann", never));
        assert!(!AccessControlList::parse("ann").allows("eve", never));
        let list = AccessControlList::parse("~gateway");
        assert!(list.allows_all_of("gateway") && !list.allows_all_of("ann"));
    }

    #[test]
    fn machines_by_address_network_and_name() {
        let resolve = |host: &str| match host {
            "gateway" => vec![[10, 0, 0, 9].into()],
            _ => Vec::new(),
        };
        let list = MachineList::parse("10.0.0.1, gateway,nobody, 192.168.4.0/22", &resolve);
        let list = list.unwrap();
        for (address, included) in [
            ([10, 0, 0, 1], true),
            ([10, 0, 0, 9], true),
            ([10, 0, 0, 2], false),
            ([192, 168, 7, 255], true),
            ([192, 168, 8, 0], false),
        ] {
            assert_eq!(list.includes(address.into()), included, "{address:?}");
        }
        assert!(list.includes("::ffff:10.0.0.1".parse().unwrap()));
        assert!(MachineList::parse(" * ", &resolve).unwrap().includes([1, 2, 3, 4].into()));
        assert!(!MachineList::parse("", &resolve).unwrap().includes([1, 2, 3, 4].into()));
        for bad in ["10.0.0.0/33", "10.0.0/8", "host/8"] {
            assert_eq!(MachineList::parse(bad, &resolve), Err(bad.to_owned()));
        }
        assert!(contains(([0, 0, 0, 0].into(), 0), [9, 9, 9, 9].into()));
        assert!(!contains(([0, 0, 0, 0].into(), 0), "::1".parse().unwrap()));
    }
}
