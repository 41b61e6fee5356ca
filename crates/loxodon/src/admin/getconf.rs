//! `hdfs getconf`: what the configuration says (`GetConf`).

use loxodon_client::NameNodeAddresses;
use loxodon_conf::{Configuration, Key, keys};

use super::FAILED;
use crate::output;

const USAGE: &str = "hdfs getconf prints what the configuration says.

hadoop getconf
\t[-namenodes]\t\t\tthe NameNodes of the cluster
\t[-secondaryNameNodes]\t\t\tits Secondary NameNodes
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
            output::print(USAGE);
            return 0;
        }
        ("-confkey", [key]) => value(conf, key),
        ("-confkey", _) => Err("usage: -confKey [key]".into()),
        (_, [unexpected, ..]) if is_known(command) => {
            Err(format!("Did not expect argument: {unexpected}"))
        }
        ("-namenodes", _) => name_nodes(conf)
            .map(|nodes| nodes.iter().map(|(host, _)| host.as_str()).collect::<Vec<_>>().join(" ")),
        ("-nnrpcaddresses", _) => name_nodes(conf).map(|nodes| {
            nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join("\n")
        }),
        ("-secondarynamenodes", _) => {
            value(conf, keys::SECONDARY_HTTP_ADDRESS.name).map(|address| {
                address.rsplit_once(':').map_or(address.clone(), |(host, _)| host.to_owned())
            })
        }
        ("-includefile", _) => value(conf, keys::HOSTS.name),
        ("-excludefile", _) => value(conf, keys::HOSTS_EXCLUDE.name),
        ("-journalnodes", _) => journal_nodes(conf),
        ("-backupnodes", _) => Err(format!("{command} is not supported: Loxodon has none")),
        _ => return usage(),
    };
    match answer {
        Ok(text) => {
            output::print(&format!("{text}\n"));
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
        "-journalNodes",
        "-includeFile",
        "-excludeFile",
    ];
    known.iter().any(|known| known.eq_ignore_ascii_case(command))
}

fn value(conf: &Configuration, name: &str) -> Result<String, String> {
    match conf.get(name) {
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

/// Keys that Hadoop has an empty default for answer with nothing.
fn of_key(conf: &Configuration, key: &Key) -> Result<String, String> {
    Ok(conf.text(key).map_err(|e| e.to_string())?.unwrap_or_default())
}

fn name_nodes(conf: &Configuration) -> Result<Vec<(String, u16)>, String> {
    let services = conf.list(&keys::NAMESERVICES).map_err(|e| e.to_string())?;
    let uris = match services.is_empty() {
        true => vec![of_key(conf, &keys::DEFAULT_FS)?],
        false => services.iter().map(|service| format!("hdfs://{service}")).collect(),
    };
    let mut nodes = Vec::new();
    for uri in uris.iter().filter(|uri| uri.starts_with("hdfs://")) {
        let resolved = NameNodeAddresses::resolve(conf, uri).map_err(|e| e.to_string())?;
        nodes.extend(resolved.name_nodes.iter().map(|(_, at)| (at.host.to_string(), at.port)));
    }
    if nodes.is_empty() {
        return Err(
            "Incorrect configuration: namenode address dfs.namenode.servicerpc-address or \
                    dfs.namenode.rpc-address is not configured."
                .into(),
        );
    }
    Ok(nodes)
}
