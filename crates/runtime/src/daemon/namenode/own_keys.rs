//! Keys with a name service's (and NameNode's) suffix, taken for this NameNode's own
//! (`NameNode.initializeGenericKeys`).

use std::net::{ToSocketAddrs, UdpSocket};

use loxodon_conf::{ConfError, Configuration, Key, keys};

use super::StartError;

/// Keys that one of several NameNodes may have for itself.
static OWN: [&Key; 11] = [
    &keys::NAMENODE_RPC_ADDRESS,
    &keys::NAMENODE_RPC_BIND_HOST,
    &keys::NAME_DIR,
    &keys::EDITS_DIR,
    &keys::SHARED_EDITS,
    &keys::NAMENODE_LIFELINE_ADDRESS,
    &keys::NAMENODE_LIFELINE_BIND_HOST,
    &keys::NAMENODE_SERVICE_RPC_ADDRESS,
    &keys::NAMENODE_SERVICE_RPC_BIND_HOST,
    &keys::NAMENODE_HTTP_ADDRESS,
    &keys::NAMENODE_HTTP_BIND_HOST,
];

/// Sets the plain keys to what the configuration has for this NameNode.
///
/// # Errors
/// Where it cannot be told which NameNode this is.
pub(crate) fn take(conf: &mut Configuration) -> Result<(), StartError> {
    let Some(service) = name_service(conf)? else { return Ok(()) };
    let node = node_id(conf, &service)?;
    let mut found = Vec::new();
    for key in OWN {
        let suffixes: &[&[&str]] = match &node {
            Some(node) => &[&[&service, node], &[&service]],
            None => &[&[&service]],
        };
        for suffixes in suffixes {
            if let Some(value) = conf.suffixed(key, suffixes)? {
                found.push((key.name, value, suffixes.join(".")));
                break;
            }
        }
    }
    for (name, value, suffix) in found {
        conf.set(name, &value, &format!("{name}.{suffix}"));
    }
    Ok(())
}

/// `dfs.nameservice.id`, else the only name service, else the one with an address of this machine.
fn name_service(conf: &Configuration) -> Result<Option<String>, StartError> {
    if let Some(id) = conf.text(&keys::NAMESERVICE_ID)? {
        return Ok(Some(id));
    }
    let services = conf.list(&keys::NAMESERVICES)?;
    if let [only] = &services[..] {
        return Ok(Some(only.clone()));
    }
    let mut here = Vec::new();
    for service in services {
        if !local_nodes(conf, &service)?.is_empty() {
            here.push(service);
        }
    }
    only_one(here, &keys::NAMESERVICE_ID)
}

/// `dfs.ha.namenode.id`, else the NameNode with an address of this machine.
fn node_id(conf: &Configuration, service: &str) -> Result<Option<String>, StartError> {
    if let Some(id) = conf.text(&keys::HA_NAMENODE_ID)? {
        return Ok(Some(id));
    }
    if nodes(conf, service)?.is_empty() {
        return Ok(None);
    }
    let here: Vec<String> = local_nodes(conf, service)?.into_iter().flatten().collect();
    let found = only_one(here, &keys::HA_NAMENODE_ID)?;
    found.map(Some).ok_or_else(|| {
        StartError::Address(format!(
            "Configuration {} must be suffixed with nameservice and namenode ID for HA \
             configuration, and none of {service}'s is an address of this machine; {} says which \
             NameNode this is",
            keys::NAMENODE_RPC_ADDRESS.name,
            keys::HA_NAMENODE_ID.name
        ))
    })
}

fn nodes(conf: &Configuration, service: &str) -> Result<Vec<String>, ConfError> {
    let listed = conf.suffixed(&keys::HA_NAMENODES, &[service])?.unwrap_or_default();
    let nodes = listed.split(',').map(str::trim).filter(|node| !node.is_empty());
    Ok(nodes.map(str::to_owned).collect())
}

/// The NameNodes of a service that have an address of this machine; `None` stands for the only one.
fn local_nodes(conf: &Configuration, service: &str) -> Result<Vec<Option<String>>, ConfError> {
    let named: Vec<Option<String>> = match nodes(conf, service)? {
        none if none.is_empty() => vec![None],
        some => some.into_iter().map(Some).collect(),
    };
    let mut local = Vec::new();
    for node in named {
        let suffixes = [service, node.as_deref().unwrap_or_default()];
        let address = conf.suffixed(&keys::NAMENODE_RPC_ADDRESS, &suffixes)?;
        if address.is_some_and(|address| is_local(&address)) {
            local.push(node);
        }
    }
    Ok(local)
}

fn only_one(mut found: Vec<String>, key: &Key) -> Result<Option<String>, StartError> {
    if found.len() > 1 {
        return Err(StartError::Address(format!(
            "Configuration has multiple addresses that match local node's address ({}). Please \
             configure the system with {}",
            found.join(", "),
            key.name
        )));
    }
    Ok(found.pop())
}

/// Whether a `host:port` is this machine: only its own addresses can be bound.
fn is_local(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(found) = (host, 0).to_socket_addrs() else { return false };
    found.into_iter().any(|address| UdpSocket::bind(address).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(entries: &[(&str, &str)]) -> Configuration {
        let mut conf = Configuration::new();
        for (name, value) in entries {
            conf.set(name, value, "hdfs-site.xml");
        }
        conf
    }

    const TWO: [(&str, &str); 4] = [
        ("dfs.nameservices", "ns1"),
        ("dfs.ha.namenodes.ns1", "nn1, nn2"),
        ("dfs.namenode.rpc-address.ns1.nn1", "198.51.100.1:8020"),
        ("dfs.namenode.rpc-address.ns1.nn2", "127.0.0.1:8021"),
    ];

    fn rpc(conf: &Configuration) -> Option<String> {
        conf.text(&keys::NAMENODE_RPC_ADDRESS).unwrap()
    }

    #[test]
    fn the_only_name_service_is_ours() {
        let mut conf = conf(&[
            ("dfs.nameservices", "ns1"),
            ("dfs.namenode.rpc-address.ns1", "127.0.0.1:1"),
            ("dfs.namenode.name.dir", "/everybody"),
            ("dfs.namenode.name.dir.ns1", "/ours"),
        ]);
        take(&mut conf).unwrap();
        assert_eq!(rpc(&conf).as_deref(), Some("127.0.0.1:1"));
        assert_eq!(conf.list(&keys::NAME_DIR).unwrap(), ["/ours"]);
        assert_eq!(conf.list(&keys::EDITS_DIR).unwrap(), ["/ours"]);
    }

    #[test]
    fn without_name_services_nothing_changes() {
        let mut conf = conf(&[("dfs.namenode.rpc-address", "127.0.0.1:1")]);
        take(&mut conf).unwrap();
        assert_eq!(rpc(&conf).as_deref(), Some("127.0.0.1:1"));
    }

    #[test]
    fn the_namenode_at_this_machines_address_is_this_one() {
        let mut conf = conf(&TWO);
        take(&mut conf).unwrap();
        assert_eq!(rpc(&conf).as_deref(), Some("127.0.0.1:8021"));
    }

    #[test]
    fn ids_come_before_addresses() {
        let mut conf = conf(&TWO);
        conf.set("dfs.namenode.rpc-address.ns2", "127.0.0.1:9", "test");
        conf.set("dfs.ha.namenode.id", "nn1", "test");
        take(&mut conf).unwrap();
        assert_eq!(rpc(&conf).as_deref(), Some("198.51.100.1:8020"));
        conf.set("dfs.nameservice.id", "ns2", "test");
        conf.unset("dfs.ha.namenode.id");
        take(&mut conf).unwrap();
        assert_eq!(rpc(&conf).as_deref(), Some("127.0.0.1:9"));
    }

    #[test]
    fn who_is_two_or_none_is_told_so() {
        let mut two = conf(&TWO);
        two.set("dfs.namenode.rpc-address.ns1.nn1", "127.0.0.1:8020", "test");
        let error = take(&mut two).unwrap_err().to_string();
        assert!(error.contains("dfs.ha.namenode.id") && error.contains("nn1, nn2"), "{error}");
        let mut none = conf(&TWO);
        none.set("dfs.namenode.rpc-address.ns1.nn2", "198.51.100.2:8020", "test");
        let error = take(&mut none).unwrap_err().to_string();
        assert!(error.contains("none of ns1's is an address of this machine"), "{error}");
    }
}
