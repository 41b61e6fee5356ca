//! Sub-commands of `dfsadmin` that are one call each: `-upgrade`, `-rollingUpgrade`, `-allowSnapshot`,
//! `-disallowSnapshot`, `-refreshCallQueue`, `-refresh`. What a NameNode does not do it says itself.

use loxodon_console::{eprintln, println};
use loxodon_rpc::client::ServerAddress;
use loxodon_wire::proto::common;
use loxodon_wire::proto::hdfs::{self, RollingUpgradeActionProto};
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, GENERIC_REFRESH, REFRESH_CALL_QUEUE};
use prost::Message;

use super::call::{call, parse_address};
use super::cluster::Cluster;
use super::report;
use crate::shell::Failure;

fn ask<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    let (_, address) = cluster.active()?;
    call(&cluster.conf, address, &CLIENT_NAMENODE, method, request)
}

/// `-upgrade query`.
pub(super) fn upgrade_status(cluster: &Cluster) -> Result<(), Failure> {
    let shown = |address: &ServerAddress, at: &str| {
        let request = hdfs::UpgradeStatusRequestProto {};
        let status: hdfs::UpgradeStatusResponseProto =
            call(&cluster.conf, address, &CLIENT_NAMENODE, "upgradeStatus", &request)?;
        let words = if status.upgrade_finalized { "finalized" } else { "not finalized" };
        println!("Upgrade {words}{at}");
        Ok::<_, Failure>(())
    };
    if !cluster.addresses.highly_available {
        return shown(&cluster.active()?.1, "");
    }
    for (_, address) in &cluster.addresses.name_nodes {
        shown(address, &format!(" for {address}"))?;
    }
    Ok(())
}

/// `-rollingUpgrade`.
pub(super) fn rolling_upgrade(cluster: &Cluster, word: Option<&str>) -> Result<(), Failure> {
    let given = word.unwrap_or("query");
    let (name, action) = match given.to_ascii_uppercase().as_str() {
        "QUERY" | "" => ("QUERY", RollingUpgradeActionProto::Query),
        "PREPARE" => ("PREPARE", RollingUpgradeActionProto::Start),
        "FINALIZE" => ("FINALIZE", RollingUpgradeActionProto::Finalize),
        _ => {
            let message = format!("Failed to convert \"{given}\" to RollingUpgradeAction");
            return Err(Failure::Illegal(message));
        }
    };
    println!("{name} rolling upgrade ...");
    let request = hdfs::RollingUpgradeRequestProto { action: action as i32 };
    let answer: hdfs::RollingUpgradeResponseProto = ask(cluster, "rollingUpgrade", &request)?;
    let text = match answer.rolling_upgrade_info.filter(|info| info.start_time != 0) {
        None => {
            "There is no rolling upgrade in progress or rolling upgrade has already been finalized."
                .to_owned()
        }
        Some(info) => {
            let finalized = info.finalize_time != 0;
            let words = match (info.created_rollback_images, finalized) {
                (false, false) => {
                    "Preparing for upgrade. Data is being saved for rollback.\n\
                     Run \"dfsadmin -rollingUpgrade query\" to check the status\n\
                     for proceeding with rolling upgrade"
                }
                (true, false) => "Proceed with rolling upgrade:",
                (_, true) => "Rolling upgrade is finalized.",
            };
            let time = |time: u64, none: &str| match time {
                0 => none.to_owned(),
                time => format!("{} (={time})", report::java_date(time)),
            };
            format!(
                "{words}\n  Block Pool ID: {}\n     Start Time: {}\n  Finalize Time: {}",
                info.status.block_pool_id,
                time(info.start_time, "<NOT STARTED>"),
                time(info.finalize_time, "<NOT FINALIZED>")
            )
        }
    };
    println!("{text}");
    Ok(())
}

/// `-allowSnapshot`.
pub(super) fn allow_snapshot(cluster: &Cluster, path: &str) -> Result<(), Failure> {
    let request = hdfs::AllowSnapshotRequestProto { snapshot_root: cluster.absolute(path) };
    let _: hdfs::AllowSnapshotResponseProto = ask(cluster, "allowSnapshot", &request)?;
    println!("Allowing snapshot on {path} succeeded");
    Ok(())
}

/// `-disallowSnapshot`.
pub(super) fn disallow_snapshot(cluster: &Cluster, path: &str) -> Result<(), Failure> {
    let request = hdfs::DisallowSnapshotRequestProto { snapshot_root: cluster.absolute(path) };
    let _: hdfs::DisallowSnapshotResponseProto = ask(cluster, "disallowSnapshot", &request)?;
    println!("Disallowing snapshot on {path} succeeded");
    Ok(())
}

/// `-refreshCallQueue`.
pub(super) fn refresh_call_queue(cluster: &Cluster) -> Result<(), Failure> {
    let mut failed = None;
    for (_, address) in &cluster.addresses.name_nodes {
        let request = common::RefreshCallQueueRequestProto {};
        let method = "refreshCallQueue";
        let done: Result<common::RefreshCallQueueResponseProto, _> =
            call(&cluster.conf, address, &REFRESH_CALL_QUEUE, method, &request);
        let several = cluster.addresses.highly_available;
        match done {
            Ok(_) if several => {
                println!("Refresh call queue successful for {address}");
            }
            Ok(_) => println!("Refresh call queue successful"),
            Err(failure) => {
                if several {
                    eprintln!("Refresh call queue failed for {address}");
                }
                failed = Some(failure);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// `-refresh`: what has registered under a name reads again what it has read; the exit code is its own.
pub(super) fn refresh(cluster: &Cluster, args: &[String]) -> Result<i32, Failure> {
    let [address, identifier, args @ ..] = args else {
        return Err(Failure::Illegal("an address and a name are needed".to_owned()));
    };
    let address = parse_address(address)?;
    let request = common::GenericRefreshRequestProto {
        identifier: Some(identifier.clone()),
        args: args.to_vec(),
    };
    let answer: Result<common::GenericRefreshResponseCollectionProto, _> =
        call(&cluster.conf, &address, &GENERIC_REFRESH, "refresh", &request);
    // As Java's, whatever the reason.
    let Ok(answer) = answer else {
        println!("Failed to get response.\n");
        return Ok(super::FAILED);
    };
    println!("Refresh Responses:\n");
    let mut code = 0;
    for response in &answer.responses {
        let exit = response.exit_status();
        let mut words = String::new();
        if let Some(sender) = &response.sender_name {
            words += &format!("{sender}: ");
        }
        words += response.user_message.as_deref().unwrap_or_default();
        if !words.is_empty() {
            words.push(' ');
        }
        println!("{words}(exit {exit})");
        code = match (code, exit) {
            (0, exit) => exit,
            (code, 0) => code,
            _ => super::FAILED,
        };
    }
    Ok(code)
}
