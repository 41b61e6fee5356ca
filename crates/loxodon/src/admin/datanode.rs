//! Calls to one DataNode: `-getDatanodeInfo`, `-getVolumeReport`, `-shutdownDatanode`, `-evictWriters`,
//! `-triggerBlockReport`, `-getBalancerBandwidth`, `-deleteBlockPool`, `-refreshNamenodes`.

use loxodon_console::{print, println};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol::CLIENT_DATANODE;
use prost::Message;

use super::call::{as_java, ask, parse_address};
use super::cluster::Cluster;
use crate::shell::{Failure, size};

fn call<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    datanode: &str,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    let address = parse_address(datanode)?;
    super::call::call(&cluster.conf, &address, &CLIENT_DATANODE, method, request)
}

/// As [`call`], for commands that ask how a DataNode is: an error is shown with its exception.
fn reach<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    datanode: &str,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    let address = parse_address(datanode)?;
    ask(&cluster.conf, &address, &CLIENT_DATANODE, method, request)?
        .map_err(|error| Failure::io(format!("Datanode unreachable. {}", as_java(&error))))
}

/// `-getDatanodeInfo`.
pub(crate) fn info(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetDatanodeInfoRequestProto {};
    let answer: hdfs::GetDatanodeInfoResponseProto =
        reach(cluster, datanode, "getDatanodeInfo", &request)?;
    let info = answer.local_info;
    println!(
        "Uptime: {}, Software version: {}, Config version: {}",
        info.uptime, info.software_version, info.config_version
    );
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
    println!("Submitted a shutdown request to datanode {datanode}");
    Ok(())
}

/// `-getBalancerBandwidth`.
pub(crate) fn balancer_bandwidth(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::GetBalancerBandwidthRequestProto {};
    let answer: hdfs::GetBalancerBandwidthResponseProto =
        reach(cluster, datanode, "getBalancerBandwidth", &request)?;
    let bandwidth = answer.bandwidth;
    println!("Balancer bandwidth is {bandwidth} bytes per second.");
    Ok(())
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
    println!("Triggering {kind}block report on {datanode}{to}.");
    Ok(())
}

/// `-evictWriters`.
pub(crate) fn evict_writers(cluster: &Cluster, datanode: &str) -> Result<(), Failure> {
    let request = hdfs::EvictWritersRequestProto {};
    let _: hdfs::EvictWritersResponseProto = reach(cluster, datanode, "evictWriters", &request)?;
    println!("Requested writer eviction to datanode {datanode}");
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
    println!("Active Volumes : {}", answer.volume_info.len());
    for volume in &answer.volume_info {
        let kind = hdfs::StorageTypeProto::try_from(volume.storage_type)
            .map_or("DISK", |kind| kind.as_str_name());
        print!(
            "\nDirectory: {}\nStorageType: {kind}\nCapacity Used: {}\nCapacity Left: {}\n\
             Capacity Reserved: {}\nReserved Space for Replicas: {}\nBlocks: {}\n",
            volume.path,
            described(volume.used_space),
            described(volume.free_space),
            described(volume.reserved_space),
            described(volume.reserved_space_for_replicas),
            volume.num_blocks
        );
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
