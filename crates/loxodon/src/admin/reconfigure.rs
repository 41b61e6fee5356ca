//! `dfsadmin -reconfig`: daemons read their configuration again while they run.

use loxodon_client::{DatanodeInfo, DatanodeReportKind};
use loxodon_console::{eprintln, print, println};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol::{CLIENT_DATANODE, Protocol, RECONFIGURATION};
use prost::Message;

use super::call::{as_java, ask, parse_address};
use super::cluster::Cluster;
use super::{FAILED, report};
use crate::shell::Failure;

/// A kind of daemon, and the protocol by which it is asked.
#[derive(Clone, Copy)]
struct Kind<'a> {
    name: &'a str,
    protocol: Option<&'static Protocol>,
}

/// `-reconfig`; its exit code.
pub(super) fn run(cluster: &Cluster, args: &[String]) -> Result<i32, Failure> {
    let [name, address, operation] = args else {
        return Err(Failure::Illegal("three arguments are needed".to_owned()));
    };
    let protocol = match name.as_str() {
        "namenode" => Some(&RECONFIGURATION),
        "datanode" => Some(&CLIENT_DATANODE),
        _ => None,
    };
    let kind = Kind { name, protocol };
    match operation.as_str() {
        "start" => in_bulk(cluster, kind, address, "Starting of reconfiguration task", start),
        "status" => in_bulk(cluster, kind, address, "Retrieval of reconfiguration status", status),
        "properties" => properties(cluster, kind, address),
        other => {
            eprintln!("Unknown operation: {other}");
            Ok(FAILED)
        }
    }
}

type Operation = fn(&Cluster, Kind<'_>, &str) -> Result<i32, Failure>;

/// One daemon, or all DataNodes that are alive or leave.
fn in_bulk(
    cluster: &Cluster,
    kind: Kind<'_>,
    address: &str,
    what: &str,
    operation: Operation,
) -> Result<i32, Failure> {
    let which = match address {
        "livenodes" => DatanodeReportKind::Live,
        "decomnodes" => DatanodeReportKind::Decommissioning,
        one => return operation(cluster, kind, one),
    };
    if kind.name != "datanode" {
        eprintln!("Only datanode type supports reconfiguration in bulk.");
        return Ok(1);
    }
    let nodes: Vec<DatanodeInfo> = cluster.wait(cluster.client.datanode_report(which))?;
    let (mut done, mut failed) = (0, 0);
    for node in &nodes {
        let address = format!("{}:{}", node.ip, node.ipc_port);
        match operation(cluster, kind, &address)? {
            0 => done += 1,
            _ => failed += 1,
        }
    }
    println!("{what} successful on {done} nodes, failed on {failed} nodes.");
    Ok(i32::from(failed > 0))
}

/// Asks one daemon; none, with its words said, where it cannot be asked.
fn asked<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    kind: Kind<'_>,
    address: &str,
    (method, doing): (&str, &str),
    request: &Q,
) -> Result<Option<A>, Failure> {
    let Some(protocol) = kind.protocol else {
        eprintln!("Node type {} does not support reconfiguration.", kind.name);
        return Ok(None);
    };
    match ask(&cluster.conf, &parse_address(address)?, protocol, method, request)? {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => {
            eprintln!("Node [{address}] {doing}: {}.", as_java(&error));
            Ok(None)
        }
    }
}

fn start(cluster: &Cluster, kind: Kind<'_>, address: &str) -> Result<i32, Failure> {
    let request = hdfs::StartReconfigurationRequestProto {};
    let call = ("startReconfiguration", "reconfiguring");
    let done: Option<hdfs::StartReconfigurationResponseProto> =
        asked(cluster, kind, address, call, &request)?;
    if done.is_some() || kind.protocol.is_none() {
        println!("Started reconfiguration task on node [{address}].");
    }
    Ok(i32::from(done.is_none()))
}

fn status(cluster: &Cluster, kind: Kind<'_>, address: &str) -> Result<i32, Failure> {
    let request = hdfs::GetReconfigurationStatusRequestProto {};
    let call = ("getReconfigurationStatus", "reloading configuration");
    let status = asked(cluster, kind, address, call, &request)?;
    match &status {
        Some(status) => print!("{}", changes(address, status)),
        None if kind.protocol.is_none() => {
            println!("Reconfiguring status for node [{address}]: ");
        }
        None => {}
    }
    Ok(i32::from(status.is_none()))
}

fn properties(cluster: &Cluster, kind: Kind<'_>, address: &str) -> Result<i32, Failure> {
    let request = hdfs::ListReconfigurablePropertiesRequestProto {};
    let call = ("listReconfigurableProperties", "reconfiguration");
    let names: Option<hdfs::ListReconfigurablePropertiesResponseProto> =
        asked(cluster, kind, address, call, &request)?;
    let Some(names) = names else { return Ok(1) };
    let lines: String = names.name.iter().map(|name| format!("{name}\n")).collect();
    print!("Node [{address}] Reconfigurable properties:\n{lines}");
    Ok(0)
}

/// What became of the last reconfiguration, as `DFSAdmin` prints it.
fn changes(address: &str, status: &hdfs::GetReconfigurationStatusResponseProto) -> String {
    let mut text = format!("Reconfiguring status for node [{address}]: ");
    if status.start_time == 0 {
        return text + "no task was found.\n";
    }
    let date = |millis: i64| report::java_date(u64::try_from(millis).unwrap_or(0));
    text += &format!("started at {}", date(status.start_time));
    let Some(end) = status.end_time else { return text + " and is still running.\n" };
    text += &format!(" and finished at {}.\n", date(end));
    for change in &status.changes {
        let outcome =
            if change.error_message.is_some() { "FAILED: Change" } else { "SUCCESS: Changed" };
        let new = change.new_value.as_deref().unwrap_or("null");
        text += &format!(
            "{outcome} property {}\n\tFrom: \"{}\"\n\tTo: \"{new}\"\n",
            change.name, change.old_value
        );
        if let Some(error) = &change.error_message {
            text += &format!("\tError: {error}.\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_it_is_told_as_java_tells_it() {
        let none = hdfs::GetReconfigurationStatusResponseProto::default();
        assert!(changes("h:1", &none).ends_with("[h:1]: no task was found.\n"));
        let mut status =
            hdfs::GetReconfigurationStatusResponseProto { start_time: 1_000, ..Default::default() };
        assert!(changes("h:1", &status).ends_with(" and is still running.\n"));
        status.end_time = Some(2_000);
        for error in [None, Some("no".to_owned())] {
            status.changes.push(hdfs::GetReconfigurationStatusConfigChangeProto {
                name: "a".into(),
                old_value: "1".into(),
                new_value: Some("2".into()),
                error_message: error,
            });
        }
        let text = changes("h:1", &status);
        let wanted = "\nSUCCESS: Changed property a\n\tFrom: \"1\"\n\tTo: \"2\"\n\
             FAILED: Change property a\n\tFrom: \"1\"\n\tTo: \"2\"\n\tError: no.\n";
        assert!(text.ends_with(wanted), "{text}");
    }
}
