//! Which hosts may join, and what is asked of them, as values.
//!
//! The rules are those of Hadoop's `HostFileManager` (include and exclude files) and
//! `CombinedHostFileManager` (one JSON file with a state per host): an entry without a port
//! stands for every port of that host, and an empty include list admits everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use loxodon_wire::ids::Milliseconds;

use crate::{AdminState, DatanodeId};

/// A host as a line of a host file names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostEntry {
    /// Host name or address, lower case.
    pub host: String,
    /// Data transfer port; 0 means any.
    pub port: u16,
}

impl HostEntry {
    /// The entry for `host` or `host:port`; `None` where the port is no number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let (host, port) = match text.rsplit_once(':') {
            // More than one colon without brackets is a bare IPv6 address.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, 0),
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, 0),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { host: host.to_ascii_lowercase(), port })
    }
}

/// What the combined host file says about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostProperties {
    /// Upgrade domain, for the placement policy of that name.
    pub upgrade_domain: Option<Arc<str>>,
    /// The intended state: normal, decommissioned or in maintenance.
    pub admin_state: AdminState,
    /// When maintenance ends by itself; `None` is never.
    pub maintenance_expires: Option<Milliseconds>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HostSet {
    ports: BTreeMap<String, Vec<u16>>,
}

impl HostSet {
    fn insert(&mut self, entry: HostEntry) {
        let ports = self.ports.entry(entry.host).or_default();
        if !ports.contains(&entry.port) {
            ports.push(entry.port);
        }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let named = |name: &str| {
            self.ports.get(name).is_some_and(|ports| ports.contains(&0) || ports.contains(&port))
        };
        named(host)
            || (host.bytes().any(|b| b.is_ascii_uppercase()) && named(&host.to_ascii_lowercase()))
    }
}

/// The include and exclude lists, and the properties of single hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLists {
    includes: HostSet,
    excludes: HostSet,
    properties: BTreeMap<String, Vec<(u16, HostProperties)>>,
    /// The combined file names a host that is to serve; if none is, everybody may.
    names_servers: bool,
}

impl HostLists {
    /// Lists from the lines of the include and the exclude file.
    pub fn from_entries(
        includes: impl IntoIterator<Item = HostEntry>,
        excludes: impl IntoIterator<Item = HostEntry>,
    ) -> Self {
        let mut lists = Self::default();
        for entry in includes {
            lists.includes.insert(entry);
        }
        for entry in excludes {
            lists.excludes.insert(entry);
        }
        lists
    }

    /// Adds a host of the combined file: included, and excluded if it is to be decommissioned.
    pub fn insert(&mut self, entry: HostEntry, properties: HostProperties) {
        self.includes.insert(entry.clone());
        self.names_servers |= properties.admin_state == AdminState::Normal;
        if properties.admin_state.is_decommission() {
            self.excludes.insert(entry.clone());
        }
        self.properties.entry(entry.host).or_default().push((entry.port, properties));
    }

    /// The words of a host file, without its `#` comments.
    #[must_use]
    pub fn parse_file(text: &str) -> Vec<HostEntry> {
        let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(left, _)| left));
        lines.flat_map(str::split_whitespace).filter_map(HostEntry::parse).collect()
    }

    /// Whether the node may connect at all.
    #[must_use]
    pub fn is_included(&self, node: &DatanodeId) -> bool {
        self.includes.ports.is_empty()
            || (!self.properties.is_empty() && !self.names_servers)
            || self.includes.matches(&node.ip, node.transfer_port)
            || self.includes.matches(&node.host, node.transfer_port)
    }

    /// Whether the node shall be decommissioned.
    #[must_use]
    pub fn is_excluded(&self, node: &DatanodeId) -> bool {
        self.excludes.matches(&node.ip, node.transfer_port)
            || self.excludes.matches(&node.host, node.transfer_port)
    }

    /// What the combined file says about the node.
    #[must_use]
    pub fn properties(&self, node: &DatanodeId) -> Option<&HostProperties> {
        let of = |name: &str| {
            let ports = self.properties.get(&name.to_ascii_lowercase())?;
            let hit =
                |(port, _): &&(u16, HostProperties)| *port == 0 || *port == node.transfer_port;
            ports.iter().find(hit).map(|(_, properties)| properties)
        };
        of(&node.ip).or_else(|| of(&node.host))
    }

    /// Hosts named in the include list, for the report of nodes that never came.
    pub fn included(&self) -> impl Iterator<Item = HostEntry> + '_ {
        self.includes.ports.iter().flat_map(|(host, ports)| {
            ports.iter().map(|port| HostEntry { host: host.clone(), port: *port })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(ip: &str, host: &str, port: u16) -> DatanodeId {
        DatanodeId {
            ip: ip.into(),
            host: host.into(),
            uuid: "u".into(),
            transfer_port: port,
            info_port: 0,
            info_secure_port: 0,
            ipc_port: 0,
        }
    }

    #[test]
    fn an_empty_include_list_admits_everybody() {
        let lists = HostLists::default();
        assert!(lists.is_included(&node("10.0.0.1", "a", 9866)));
        assert!(!lists.is_excluded(&node("10.0.0.1", "a", 9866)));
    }

    #[test]
    fn an_entry_without_port_stands_for_all_ports() {
        let includes = HostLists::parse_file("a b:5000 # and c\n10.0.0.9\n\n#d\n[::1]:7 fe80::1");
        let lists = HostLists::from_entries(includes, HostLists::parse_file("B:5000"));
        assert!(lists.is_included(&node("1.1.1.1", "A", 1)));
        assert!(lists.is_included(&node("1.1.1.1", "b", 5000)));
        assert!(!lists.is_included(&node("1.1.1.1", "b", 5001)));
        assert!(!lists.is_included(&node("1.1.1.1", "c", 1)));
        assert!(lists.is_included(&node("10.0.0.9", "x", 1)));
        assert!(lists.is_included(&node("::1", "x", 7)));
        assert!(lists.is_included(&node("fe80::1", "x", 7)));
        assert!(lists.is_excluded(&node("1.1.1.1", "b", 5000)));
        assert_eq!(HostEntry::parse("a:port"), None);
    }

    #[test]
    fn combined_entries_carry_states() {
        let mut lists = HostLists::default();
        let entry =
            |text| HostEntry::parse(text).unwrap_or(HostEntry { host: String::new(), port: 0 });
        let state = |admin_state| HostProperties { admin_state, ..HostProperties::default() };
        lists.insert(entry("a"), state(AdminState::Decommissioned));
        lists.insert(entry("b"), state(AdminState::InMaintenance));
        assert!(lists.is_excluded(&node("1", "a", 3)));
        assert!(!lists.is_excluded(&node("1", "b", 3)));
        let found = lists.properties(&node("1", "B", 3)).map(|p| p.admin_state);
        assert_eq!(found, Some(AdminState::InMaintenance));
        // Nobody is said to serve, so that everybody may.
        assert!(lists.is_included(&node("1", "c", 3)));
        lists.insert(entry("d"), HostProperties::default());
        assert!(!lists.is_included(&node("1", "c", 3)));
        assert!(lists.is_included(&node("1", "a", 3)));
    }
}
