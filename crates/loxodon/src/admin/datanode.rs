//! Calls to one DataNode: `-getDatanodeInfo`, `-getVolumeReport`, `-shutdownDatanode`, `-evictWriters`,
//! `-triggerBlockReport`, `-getBalancerBandwidth`, `-deleteBlockPool`, `-refreshNamenodes`, `-reconfig`.

use std::sync::Arc;

use loxodon_conf::keys;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol::{CLIENT_DATANODE, Protocol, RECONFIGURATION};
use prost::Message;

use super::cluster::Cluster;
use super::report;
use crate::output;
use crate::shell::{Failure, current_user, size};

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
    call_to(cluster, datanode, &CLIENT_DATANODE, method, request)
}

fn call_to<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    datanode: &str,
    protocol: &'static Protocol,
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
    let answer =
        cluster.block_on(client.call(&address, protocol, method, request, CallOptions::default()));
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

/// An error as those commands print it that ask how a DataNode is.
fn unreachable(failure: Failure) -> Failure {
    match failure {
        Failure::Io { class, message } => {
            Failure::io(format!("Datanode unreachable. {class}: {message}"))
        }
        other => other,
    }
}

/// `-getDatanodeInfo`.
pub(crate) fn info(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetDatanodeInfoRequestProto {};
    let answer: Result<hdfs::GetDatanodeInfoResponseProto, _> =
        call(cluster, datanode, "getDatanodeInfo", &request);
    let info = answer.map_err(unreachable)?.local_info;
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

/// `-evictWriters`.
pub(crate) fn evict_writers(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::EvictWritersRequestProto {};
    let done: Result<hdfs::EvictWritersResponseProto, _> =
        call(cluster, datanode, "evictWriters", &request);
    done.map_err(unreachable)?;
    output::print(&format!("Requested writer eviction to datanode {datanode}\n"));
    Ok(())
}

/// `-getVolumeReport`.
pub(crate) fn volume_report(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetVolumeReportRequestProto {};
    let answer: hdfs::GetVolumeReportResponseProto =
        call(cluster, datanode, "getVolumeReport", &request)?;
    let described = |bytes: u64| {
        let bytes_signed = i64::try_from(bytes).unwrap_or(i64::MAX);
        format!("{bytes}({})", size::human_in(bytes_signed, "B", 2))
    };
    output::print(&format!("Active Volumes : {}\n", answer.volume_info.len()));
    for volume in &answer.volume_info {
        let kind = hdfs::StorageTypeProto::try_from(volume.storage_type)
            .map_or("DISK", |kind| kind.as_str_name());
        output::print(&format!(
            "\nDirectory: {}\nStorageType: {kind}\nCapacity Used: {}\nCapacity Left: {}\n\
             Capacity Reserved: {}\nReserved Space for Replicas: {}\nBlocks: {}\n",
            volume.path,
            described(volume.used_space),
            described(volume.free_space),
            described(volume.reserved_space),
            described(volume.reserved_space_for_replicas),
            volume.num_blocks
        ));
    }
    Ok(())
}

/// `-deleteBlockPool`.
pub(crate) fn delete_pool(
    cluster: &Cluster,
    datanode: &str,
    pool: &str,
    force: bool,
) -> Result<(), Failure> {
    let request = hdfs::DeleteBlockPoolRequestProto { block_pool: pool.to_owned(), force };
    let done: Result<hdfs::DeleteBlockPoolResponseProto, _> =
        call(cluster, datanode, "deleteBlockPool", &request);
    done.map(drop)
}

/// `-refreshNamenodes`.
pub(crate) fn refresh_name_nodes(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::RefreshNamenodesRequestProto {};
    let done: Result<hdfs::RefreshNamenodesResponseProto, _> =
        call(cluster, datanode, "refreshNamenodes", &request);
    done.map(drop)
}

/// `-reconfig`; its exit code.
pub(crate) fn reconfigure(cluster: &Cluster, args: &[String]) -> Result<i32, Failure> {
    let [kind, datanode, operation] = args else {
        return Err(Failure::Illegal("three arguments are needed".to_owned()));
    };
    let protocol = match kind.as_str() {
        "datanode" => &CLIENT_DATANODE,
        "namenode" => &RECONFIGURATION,
        _ => {
            eprintln!("Node type {kind} does not support reconfiguration.");
            return Ok(1);
        }
    };
    let (done, doing) = match operation.as_str() {
        "start" => {
            let request = hdfs::StartReconfigurationRequestProto {};
            let done: Result<hdfs::StartReconfigurationResponseProto, _> =
                call_to(cluster, datanode, protocol, "startReconfiguration", &request);
            let said = |_| format!("Started reconfiguration task on node [{datanode}].\n");
            (done.map(said), "reconfiguring")
        }
        "status" => {
            let request = hdfs::GetReconfigurationStatusRequestProto {};
            let status: Result<hdfs::GetReconfigurationStatusResponseProto, _> =
                call_to(cluster, datanode, protocol, "getReconfigurationStatus", &request);
            (status.map(|status| changes(datanode, &status)), "reloading configuration")
        }
        "properties" => {
            let request = hdfs::ListReconfigurablePropertiesRequestProto {};
            let names: Result<hdfs::ListReconfigurablePropertiesResponseProto, _> =
                call_to(cluster, datanode, protocol, "listReconfigurableProperties", &request);
            let said = |names: hdfs::ListReconfigurablePropertiesResponseProto| {
                format!("Node [{datanode}] Reconfigurable properties:\n{}\n", names.name.join("\n"))
            };
            (names.map(said), "reconfiguration")
        }
        other => {
            eprintln!("Unknown operation: {other}");
            return Ok(super::FAILED);
        }
    };
    match done {
        Ok(text) => {
            output::print(&text);
            Ok(0)
        }
        Err(Failure::Io { class, message }) => {
            eprintln!("Node [{datanode}] {doing}: {class}: {message}.");
            Ok(1)
        }
        Err(other) => Err(other),
    }
}

/// What became of the last reconfiguration, as `DFSAdmin` prints it.
fn changes(datanode: &str, status: &hdfs::GetReconfigurationStatusResponseProto) -> String {
    let mut text = format!("Reconfiguring status for node [{datanode}]: ");
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
