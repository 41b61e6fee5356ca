//! Which NameNodes stand behind an address (`DFSUtilClient`, `HAUtilClient`).

use loxodon_conf::{Configuration, keys};
use loxodon_rpc::client::ServerAddress;

use crate::error::{Error, Result};

/// Port of a NameNode where an address names none (`DFS_NAMENODE_RPC_PORT_DEFAULT`).
pub const DEFAULT_PORT: u16 = 8020;

/// How a client chooses among NameNodes: one after the other, from one that answers on.
const PROVIDER: &str = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider";

/// The NameNodes of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameNodeAddresses {
    /// The nameservice, or `host:port` where there is none.
    pub authority: String,
    /// Whether they are a pair or more under one name.
    pub highly_available: bool,
    /// Each NameNode's id (empty without a nameservice) and address.
    pub name_nodes: Vec<(String, ServerAddress)>,
}

impl NameNodeAddresses {
    /// Resolves `hdfs://nameservice` by configuration, and `hdfs://host:port` as it stands.
    ///
    /// # Errors
    /// A URI that is not HDFS's or has no host, and a nameservice without addresses.
    pub fn resolve(conf: &Configuration, uri: &str) -> Result<Self> {
        let Some((scheme, rest)) = uri.split_once("://") else {
            return Err(Error::IllegalArgument(format!("No scheme in address: {uri}")));
        };
        if !scheme.eq_ignore_ascii_case("hdfs") {
            return Err(Error::Unsupported(format!("No FileSystem for scheme \"{scheme}\"")));
        }
        let authority = rest.split('/').next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        if authority.is_empty() {
            return Err(Error::IllegalArgument(format!("Incomplete HDFS URI, no host: {uri}")));
        }
        let ids = conf.suffixed(&keys::HA_NAMENODES, &[authority]).map_err(Error::from)?;
        match ids {
            Some(ids) => Self::of_nameservice(conf, authority, &ids),
            None => Ok(Self {
                authority: authority.to_owned(),
                highly_available: false,
                name_nodes: vec![(String::new(), parse_address(authority)?)],
            }),
        }
    }

    fn of_nameservice(conf: &Configuration, nameservice: &str, ids: &str) -> Result<Self> {
        let mut name_nodes = Vec::new();
        for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            let address = conf
                .suffixed(&keys::NAMENODE_RPC_ADDRESS, &[nameservice, id])
                .map_err(Error::from)?
                .ok_or_else(|| {
                    Error::Configuration(format!(
                        "dfs.namenode.rpc-address.{nameservice}.{id} is not set"
                    ))
                })?;
            name_nodes.push((id.to_owned(), parse_address(&address)?));
        }
        if name_nodes.is_empty() {
            return Err(Error::Configuration(format!(
                "dfs.ha.namenodes.{nameservice} names no NameNode"
            )));
        }
        check_provider(conf, nameservice)?;
        Ok(Self { authority: nameservice.to_owned(), highly_available: true, name_nodes })
    }
}

/// Refuses ways to choose among NameNodes other than one after the other.
fn check_provider(conf: &Configuration, nameservice: &str) -> Result<()> {
    let key = &keys::FAILOVER_PROXY_PROVIDER;
    let provider = conf.suffixed(key, &[nameservice]).map_err(Error::from)?;
    match provider.as_deref() {
        None | Some(PROVIDER) => Ok(()),
        Some(other) => Err(Error::Unsupported(format!(
            "{}.{nameservice} is {other}; of Hadoop's providers {PROVIDER} is supported",
            key.name
        ))),
    }
}

/// `host`, `host:port` and `[v6]:port`.
fn parse_address(text: &str) -> Result<ServerAddress> {
    let refuse =
        || Error::IllegalArgument(format!("Does not contain a valid host:port authority: {text}"));
    let (host, port) = match text.rsplit_once(':') {
        Some((host, "")) => (host, DEFAULT_PORT),
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse::<u32>().map_err(|_| refuse())?;
            let outside = |_| Error::IllegalArgument(format!("port out of range:{port}"));
            (host, u16::try_from(port).map_err(outside)?)
        }
        _ => (text, DEFAULT_PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(refuse());
    }
    Ok(ServerAddress::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_address_stands_as_it_is() {
        let conf = Configuration::new();
        let found = NameNodeAddresses::resolve(&conf, "hdfs://nn.example:9000/a/b").unwrap();
        assert!(!found.highly_available);
        assert_eq!(found.name_nodes[0].1, ServerAddress::new("nn.example", 9000));
        let found = NameNodeAddresses::resolve(&conf, "hdfs://nn.example").unwrap();
        assert_eq!(found.name_nodes[0].1, ServerAddress::new("nn.example", DEFAULT_PORT));
        let found = NameNodeAddresses::resolve(&conf, "hdfs://nn.example:").unwrap();
        assert_eq!(found.name_nodes[0].1, ServerAddress::new("nn.example", DEFAULT_PORT));
        let error = NameNodeAddresses::resolve(&conf, "hdfs://nn.example:70000").unwrap_err();
        assert_eq!(error.to_string(), "port out of range:70000");
        let found = NameNodeAddresses::resolve(&conf, "hdfs://[::1]:9000").unwrap();
        assert_eq!(found.name_nodes[0].1, ServerAddress::new("::1", 9000));
    }

    #[test]
    fn nameservice_lists_its_name_nodes_in_order() {
        let mut conf = Configuration::new();
        conf.set("dfs.nameservices", "ns", "test");
        conf.set("dfs.ha.namenodes.ns", "b, a", "test");
        conf.set("dfs.namenode.rpc-address.ns.a", "one:8020", "test");
        conf.set("dfs.namenode.rpc-address.ns.b", "two:8021", "test");
        let found = NameNodeAddresses::resolve(&conf, "hdfs://ns/").unwrap();
        assert!(found.highly_available);
        let ids: Vec<_> = found.name_nodes.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
    }

    #[test]
    fn other_ways_to_choose_are_refused_by_name() {
        let mut conf = Configuration::new();
        conf.set("dfs.ha.namenodes.ns", "a", "test");
        conf.set("dfs.namenode.rpc-address.ns.a", "one:8020", "test");
        conf.set("dfs.client.failover.proxy.provider.ns", PROVIDER, "test");
        assert!(NameNodeAddresses::resolve(&conf, "hdfs://ns").is_ok());
        let hedging = "org.apache.hadoop.hdfs.server.namenode.ha.RequestHedgingProxyProvider";
        conf.set("dfs.client.failover.proxy.provider.ns", hedging, "test");
        let error = NameNodeAddresses::resolve(&conf, "hdfs://ns").unwrap_err().to_string();
        assert!(error.contains("proxy.provider.ns") && error.contains(hedging), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        let conf = Configuration::new();
        for uri in ["/a", "hdfs://", "hdfs://:9000", "hdfs://h:port", "hdfs://h:99999", "s3://b"] {
            assert!(NameNodeAddresses::resolve(&conf, uri).is_err(), "{uri}");
        }
    }
}
