//! `hdfs getconf`: what the configuration says (`GetConf`).

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprintln, print, println};
use loxodon_rpc::client::host_name;

use super::FAILED;

const USAGE: &str = "hdfs getconf prints what the configuration says.

hadoop getconf
\t[-namenodes]\t\t\tthe NameNodes of the cluster
\t[-secondaryNameNodes]\t\t\tits Secondary NameNodes
\t[-backupNodes]\t\t\tits Backup Nodes
\t[-journalNodes]\t\t\thosts of the edit log's quorum
\t[-includeFile]\t\t\tthe file with the DataNodes that may join
\t[-excludeFile]\t\t\tthe file with the DataNodes to be decommissioned
\t[-nnRpcAddresses]\t\t\taddresses of the NameNodes' calls
\t[-confKey [key]]\t\t\tthe value of a key
";

/// Runs `getconf`; its exit code.
pub(crate) fn run(conf: &Configuration, args: &[String]) -> i32 {
    let Some((command, rest)) = args.split_first() else { return usage() };
    let answer = match (command.to_ascii_lowercase().as_str(), rest) {
        ("-h" | "-help" | "--help", _) => {
            print!("{USAGE}");
            return 0;
        }
        ("-confkey", [key]) => value(conf, key),
        ("-confkey", _) => Err("usage: -confKey [key]".into()),
        (_, [unexpected, ..]) if is_known(command) => {
            Err(format!("Did not expect argument: {unexpected}"))
        }
        ("-namenodes", _) => name_nodes(conf).map(|nodes| hosts(&nodes)),
        ("-nnrpcaddresses", _) => name_nodes(conf).map(|nodes| {
            let shown = nodes.iter().map(|(host, port)| format!("{}:{port}", host_name(host)));
            shown.collect::<Vec<_>>().join("\n")
        }),
        ("-secondarynamenodes", _) => secondaries(conf).map(|nodes| hosts(&nodes)),
        ("-backupnodes", _) => backups(conf).map(|nodes| hosts(&nodes)),
        ("-includefile", _) => value(conf, keys::HOSTS.name),
        ("-excludefile", _) => value(conf, keys::HOSTS_EXCLUDE.name),
        ("-journalnodes", _) => journal_nodes(conf),
        _ => return usage(),
    };
    match answer {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err(message) => {
            eprintln!("{message}");
            FAILED
        }
    }
}

fn usage() -> i32 {
    eprintln!("{USAGE}");
    FAILED
}

fn is_known(command: &str) -> bool {
    let known = [
        "-namenodes",
        "-nnRpcAddresses",
        "-secondaryNameNodes",
        "-backupNodes",
        "-journalNodes",
        "-includeFile",
        "-excludeFile",
    ];
    known.iter().any(|known| known.eq_ignore_ascii_case(command))
}

fn value(conf: &Configuration, name: &str) -> Result<String, String> {
    match conf.shown(name) {
        Ok(Some(value)) => Ok(value.trim().to_owned()),
        Ok(None) => Err(format!("Configuration {name} is missing.")),
        Err(error) => Err(error.to_string()),
    }
}

/// Hosts of the edit log's quorum; none where it is on disk alone.
fn journal_nodes(conf: &Configuration) -> Result<String, String> {
    let shared = conf.get("dfs.namenode.shared.edits.dir").map_err(|e| e.to_string())?;
    let shared = shared.unwrap_or_default();
    let addresses = shared.trim().strip_prefix("qjournal://").unwrap_or_default();
    let addresses = addresses.split('/').next().unwrap_or_default();
    let hosts = addresses.split(';').map(|at| at.rsplit_once(':').map_or(at, |(host, _)| host));
    Ok(hosts.collect::<Vec<_>>().join(" "))
}

type Addresses = Vec<(String, u16)>;

fn hosts(nodes: &Addresses) -> String {
    nodes.iter().map(|(host, _)| host_name(host)).collect::<Vec<_>>().join(" ")
}

/// Where DataNodes call NameNodes (`DFSUtil.getNNServiceRpcAddressesForCluster`).
fn name_nodes(conf: &Configuration) -> Result<Addresses, String> {
    let services = |key| conf.list(key).map_err(|e| e.to_string());
    let all = services(&keys::NAMESERVICES)?;
    let internal = services(&keys::INTERNAL_NAMESERVICES)?;
    if let Some(unknown) = internal.iter().find(|name| !all.contains(name)) {
        return Err(format!("Unknown nameservice: {unknown}"));
    }
    let services = if internal.is_empty() { all } else { internal };
    let default = conf.text(&keys::DEFAULT_FS).map_err(|e| e.to_string())?.unwrap_or_default();
    let default = default.strip_prefix("hdfs://").and_then(|rest| rest.split('/').next());
    let wanted = [keys::NAMENODE_SERVICE_RPC_ADDRESS.name, keys::NAMENODE_RPC_ADDRESS.name];
    let nodes = addresses(conf, &services, &wanted, default, NAMENODE_PORT)?;
    if nodes.is_empty() {
        let of = format!("[{}]", services.join(", "));
        let [service, rpc] = wanted;
        return Err(format!(
            "Incorrect configuration: namenode address {service}.{of} or {rpc}.{of} is not configured."
        ));
    }
    Ok(nodes)
}

fn secondaries(conf: &Configuration) -> Result<Addresses, String> {
    let key = &keys::SECONDARY_HTTP_ADDRESS;
    by_service(conf, key.name, Some(key.default), "secondary namenode")
}

fn backups(conf: &Configuration) -> Result<Addresses, String> {
    by_service(conf, "dfs.namenode.backup.address", Some("0.0.0.0:50100"), "backup node")
}

/// Addresses that Hadoop has a default for where there is one nameservice or none.
fn by_service(
    conf: &Configuration,
    key: &str,
    default: Option<&str>,
    what: &str,
) -> Result<Addresses, String> {
    let services = conf.list(&keys::NAMESERVICES).map_err(|e| e.to_string())?;
    let default = default.filter(|_| services.is_empty());
    let found = addresses(conf, &services, &[key], default, 0)?;
    if found.is_empty() {
        return Err(format!("Incorrect configuration: {what} address {key} is not configured."));
    }
    Ok(found)
}

/// `DFSUtilClient.getAddressesForNsIds`: for each nameservice and each of its NameNodes the first of
/// the keys that is set, with both behind it.
fn addresses(
    conf: &Configuration,
    services: &[String],
    keys: &[&str],
    default: Option<&str>,
    port: u16,
) -> Result<Addresses, String> {
    let none = [String::new()];
    let mut found = Vec::new();
    for service in if services.is_empty() { &none } else { services } {
        let ids = conf.suffixed(&keys::HA_NAMENODES, &[service]).map_err(|e| e.to_string())?;
        let ids = ids.unwrap_or_default();
        for id in ids.split(',').map(str::trim) {
            let mut address = None;
            for key in keys {
                let name = [key, service.as_str(), id].into_iter().filter(|part| !part.is_empty());
                let name = name.collect::<Vec<_>>().join(".");
                let value = conf.get(&name).map_err(|e| e.to_string())?;
                address = address.or(value.filter(|value| !value.trim().is_empty()));
            }
            let Some(address) = address.as_deref().or(default) else { continue };
            found.push(host_and_port(address.trim(), port)?);
        }
    }
    Ok(found)
}

/// Port of `hdfs://host` without one.
const NAMENODE_PORT: u16 = 8020;

fn host_and_port(address: &str, default: u16) -> Result<(String, u16), String> {
    let malformed = || format!("Does not contain a valid host:port authority: {address}");
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| malformed())?)
        }
        _ => (address, default),
    };
    if host.is_empty() {
        return Err(malformed());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Configuration {
        let mut conf = Configuration::new();
        for (name, value) in pairs {
            conf.set(name, value, "test");
        }
        conf
    }

    #[test]
    fn the_port_of_datanodes_comes_first() {
        let alone = conf(&[("fs.defaultFS", "hdfs://nn:9000/x")]);
        assert_eq!(name_nodes(&alone), Ok(vec![("nn".into(), 9000)]));
        let apart = conf(&[
            ("fs.defaultFS", "hdfs://nn:9000"),
            ("dfs.namenode.servicerpc-address", "nn:9001"),
        ]);
        assert_eq!(name_nodes(&apart), Ok(vec![("nn".into(), 9001)]));
        let several = conf(&[
            ("fs.defaultFS", "hdfs://a"),
            ("dfs.nameservices", "a,b"),
            ("dfs.ha.namenodes.a", "x,y"),
            ("dfs.namenode.rpc-address.a.x", "one:1"),
            ("dfs.namenode.servicerpc-address.a.y", "two:2"),
            ("dfs.namenode.rpc-address.b", "three:3"),
        ]);
        let found = name_nodes(&several).unwrap();
        assert_eq!(hosts(&found), "one two three");
        assert_eq!(found[1].1, 2);
        assert_eq!(secondaries(&alone).map(|nodes| hosts(&nodes)), Ok("0.0.0.0".into()));
    }

    #[test]
    fn what_is_not_configured_is_named() {
        let error = name_nodes(&conf(&[("fs.defaultFS", "file:///")])).unwrap_err();
        assert!(error.contains("dfs.namenode.servicerpc-address.[]"), "{error}");
        let error = name_nodes(&conf(&[("fs.defaultFS", "hdfs://h:port")])).unwrap_err();
        assert!(error.contains("h:port"), "{error}");
    }
}
