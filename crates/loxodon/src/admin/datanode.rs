//! Calls to one DataNode: `-getDatanodeInfo`, `-shutdownDatanode`, `-triggerBlockReport`,
//! `-getBalancerBandwidth`.

use std::sync::Arc;

use loxodon_conf::keys;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol::CLIENT_DATANODE;
use prost::Message;

use super::cluster::Cluster;
use crate::output;
use crate::shell::{Failure, current_user};

/// Host and port as an argument gives them.
fn parse_address(text: &str) -> Result<ServerAddress, Failure> {
    let wrong =
        || Failure::Illegal(format!("Does not contain a valid host:port authority: {text}"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    if host.is_empty() {
        return Err(wrong());
    }
    Ok(ServerAddress::new(host, port.parse().map_err(|_| wrong())?))
}

fn call<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    datanode: &str,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    let address = parse_address(datanode)?;
    let retries = cluster.conf.count(&keys::IPC_CONNECT_RETRIES)?;
    let settings = ClientSettings {
        connect_retries: u32::try_from(retries).unwrap_or(u32::MAX),
        connect_retry_interval: cluster.conf.time(&keys::IPC_CONNECT_RETRY_INTERVAL)?,
        ..ClientSettings::default()
    };
    let client = RpcClient::new(settings, Arc::new(current_user()));
    let answer = cluster.block_on(client.call(
        &address,
        &CLIENT_DATANODE,
        method,
        request,
        CallOptions::default(),
    ));
    answer.map_err(|error| {
        let class = error.java_class();
        let class = class.rsplit('.').next().unwrap_or(class).to_owned();
        let message = match error.remote() {
            Some(remote) => remote.message.lines().next().unwrap_or_default().to_owned(),
            None => error.to_string(),
        };
        Failure::Io { class, message }
    })
}

/// `-getDatanodeInfo`.
pub(crate) fn info(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetDatanodeInfoRequestProto {};
    let answer: Result<hdfs::GetDatanodeInfoResponseProto, _> =
        call(cluster, datanode, "getDatanodeInfo", &request);
    let info = answer
        .map_err(|failure| match failure {
            Failure::Io { class, message } => {
                Failure::io(format!("Datanode unreachable. {class}: {message}"))
            }
            other => other,
        })?
        .local_info;
    output::print(&format!(
        "Uptime: {}, Software version: {}, Config version: {}\n",
        info.uptime, info.software_version, info.config_version
    ));
    Ok(())
}

/// `-shutdownDatanode`.
pub(crate) fn shut_down(
    cluster: &Cluster,
    datanode: &str,
    for_upgrade: bool,
) -> Result<(), Failure> {
    let request = hdfs::ShutdownDatanodeRequestProto { for_upgrade };
    let _: hdfs::ShutdownDatanodeResponseProto =
        call(cluster, datanode, "shutdownDatanode", &request)?;
    output::print(&format!("Submitted a shutdown request to datanode {datanode}\n"));
    Ok(())
}

/// `-getBalancerBandwidth`.
pub(crate) fn balancer_bandwidth(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetBalancerBandwidthRequestProto {};
    let answer: Result<hdfs::GetBalancerBandwidthResponseProto, _> =
        call(cluster, datanode, "getBalancerBandwidth", &request);
    match answer {
        Ok(answer) => {
            let bandwidth = answer.bandwidth;
            output::print(&format!("Balancer bandwidth is {bandwidth} bytes per second.\n"));
            Ok(())
        }
        Err(Failure::Io { class, message }) => {
            eprintln!("Datanode unreachable.");
            Err(Failure::Io { class, message })
        }
        Err(other) => Err(other),
    }
}

/// `-triggerBlockReport`.
pub(crate) fn trigger_report(
    cluster: &Cluster,
    datanode: &str,
    incremental: bool,
    name_node: Option<&str>,
) -> Result<(), Failure> {
    if let Some(address) = name_node {
        parse_address(address)?;
    }
    let request = hdfs::TriggerBlockReportRequestProto {
        incremental,
        nn_address: name_node.map(str::to_owned),
    };
    let _: hdfs::TriggerBlockReportResponseProto =
        call(cluster, datanode, "triggerBlockReport", &request)?;
    let kind = if incremental { "an incremental " } else { "a full " };
    let to = name_node.map(|address| format!(" to namenode {address}")).unwrap_or_default();
    output::print(&format!("Triggering {kind}block report on {datanode}{to}.\n"));
    Ok(())
}
