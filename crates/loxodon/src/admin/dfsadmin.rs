//! `hdfs dfsadmin` (`DFSAdmin`).

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_client::{Client, SafeModeAction};
use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprintln, print, println};

use super::cluster::Cluster;
use super::{FAILED, datanode, http, orders, reconfigure, report};
use crate::shell::quota::{Kind, Quota};
use crate::shell::{self, Failure, GENERIC_OPTIONS, size};

/// Time between looks at safe mode (`-safemode wait`).
const SAFE_MODE_PAUSE: Duration = Duration::from_secs(5);

/// A command: its name, how it is written, how many arguments it takes.
struct Entry {
    name: &'static str,
    usage: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    help: &'static str,
}

/// Commands that count their arguments themselves.
const ANY: usize = usize::MAX;

macro_rules! entries {
    ($($name:literal $usage:literal $low:literal..=$high:tt $help:literal;)*) => {
        &[$(Entry { name: $name, usage: $usage, arguments: $low..=$high, help: $help }),*]
    };
}

#[rustfmt::skip] // One command is one row.
const COMMANDS: &[Entry] = entries! {
    "-report" "[-live] [-dead] [-decommissioning] [-enteringmaintenance] [-inmaintenance] [-slownodes]" 0..=6 "Prints capacity, blocks and DataNodes; with flags, those nodes only.";
    "-safemode" "<enter | leave | get | wait | forceExit>" 1..=1 "Enters or leaves safe mode, tells of it, or waits for its end.";
    "-saveNamespace" "[-beforeShutdown]" 0..=1 "Writes an image; needs safe mode. With -beforeShutdown only where the last one is old.";
    "-rollEdits" "" 0..=0 "Begins a new segment of the edit log.";
    "-restoreFailedStorage" "true|false|check" 1..=1 "Whether directories that failed are tried again.";
    "-refreshNodes" "" 0..=0 "Reads the files of included and excluded DataNodes again.";
    "-printTopology" "" 0..=0 "Prints racks and the DataNodes in them.";
    "-setBalancerBandwidth" "<bandwidth in bytes per second>" 1..=1 "Bytes a second that each DataNode spends on balancing.";
    "-getBalancerBandwidth" "<datanode_host:ipc_port>" 1..=1 "Prints that of one DataNode.";
    "-fetchImage" "<local directory>" 1..=1 "Downloads the newest image.";
    "-shutdownDatanode" "<datanode_host:ipc_port> [upgrade]" 1..=2 "Stops a DataNode; with upgrade, clients wait for it.";
    "-getDatanodeInfo" "<datanode_host:ipc_port>" 1..=1 "Prints a DataNode's version and uptime.";
    "-evictWriters" "<datanode_host:ipc_port>" 1..=1 "Closes the connections of all who write to a DataNode.";
    "-getVolumeReport" "<datanode_host:ipc_port>" 1..=1 "Prints a DataNode's volumes and how full they are.";
    "-deleteBlockPool" "<datanode_host:ipc_port> <blockpool-id> [force]" 2..=3 "Deletes a block pool that a DataNode serves no more; with force, its blocks too.";
    "-refreshNamenodes" "<datanode_host:ipc_port>" 1..=1 "Makes a DataNode read again which NameNodes it serves.";
    "-reconfig" "<namenode|datanode> <host:ipc_port|livenodes|decomnodes> <start|status|properties>" 3..=3 "Makes a daemon, or all DataNodes that are alive or leave, read its configuration again, or tells of that.";
    "-metasave" "filename" 1..=1 "Writes what the NameNode knows of blocks to a file in its log directory.";
    "-triggerBlockReport" "[-incremental] <datanode_host:ipc_port> [-namenode <namenode_host:ipc_port>]" 1..=4 "Makes a DataNode report its blocks now.";
    "-listOpenFiles" "[-blockingDecommission] [-path <path>]" 0..=3 "Prints files that are being written.";
    "-setQuota" "<quota> <dirname>...<dirname>" 0..=ANY "Limits the number of names below directories.";
    "-clrQuota" "<dirname>...<dirname>" 0..=ANY "Lifts that limit.";
    "-setSpaceQuota" "<quota> [-storageType <storagetype>] <dirname>...<dirname>" 0..=ANY "Limits the bytes that files below directories take with all their replicas (50g is 50 GiB), of one storage type or of all.";
    "-clrSpaceQuota" "[-storageType <storagetype>] <dirname>...<dirname>" 0..=ANY "Lifts that limit.";
    "-upgrade" "<query | finalize>" 1..=1 "Tells whether an upgrade is finalized, or finalizes it.";
    "-rollingUpgrade" "[<query|prepare|finalize>]" 0..=1 "Tells of a rolling upgrade, begins one or ends it.";
    "-allowSnapshot" "<snapshotDir>" 1..=1 "Lets snapshots of a directory be taken.";
    "-disallowSnapshot" "<snapshotDir>" 1..=1 "Lets none be taken any more.";
    "-refreshCallQueue" "" 0..=0 "Makes the NameNode read the settings of its call queue again.";
    "-refresh" "<host:ipc_port> <resource_identifier> [arg1..argn]" 2..=ANY "Makes what has registered under a name at a daemon read again what it has read.";
    "-refreshServiceAcl" "" 0..=0 "Reads who may call which protocol again.";
    "-refreshUserToGroupsMappings" "" 0..=0 "Forgets which groups users are in.";
    "-refreshSuperUserGroupsConfiguration" "" 0..=0 "Reads who may act for whom again.";
    "-finalizeUpgrade" "" 0..=0 "Forgets the state before an upgrade.";
    "-help" "[cmd]" 0..=1 "Prints what commands do.";
};

/// Commands of Hadoop's that are not here.
const UNSUPPORTED: &[&str] = &["-provisionSnapshotTrash"];

fn usage_of(entry: &Entry) -> String {
    if entry.usage.is_empty() {
        entry.name.to_owned()
    } else {
        format!("{} {}", entry.name, entry.usage)
    }
}

fn overview() -> String {
    let mut text = String::from(
        "Usage: hdfs dfsadmin\nNote: Administrative commands can only be run as the HDFS superuser.\n",
    );
    for entry in COMMANDS {
        text += &format!("\t[{}]\n", usage_of(entry));
    }
    text + "\n" + GENERIC_OPTIONS
}

/// Runs one command; its exit code.
pub(crate) fn run(conf: Configuration, args: &[String]) -> i32 {
    let Some((word, rest)) = args.split_first() else {
        eprintln!("{}", overview());
        return FAILED;
    };
    let Some(entry) = COMMANDS.iter().find(|entry| entry.name == word) else {
        let name = word.get(1..).unwrap_or(word);
        if UNSUPPORTED.contains(&word.as_str()) {
            eprintln!("{name}: java.lang.UnsupportedOperationException: {word} is not supported");
        } else {
            eprintln!("{name}: Unknown command\n{}", overview());
        }
        return FAILED;
    };
    if !entry.arguments.contains(&rest.len()) {
        return wrong_usage(word);
    }
    if word == "-help" {
        return help(rest.first());
    }
    let done = match quota_command(word) {
        Some(kind) => set_quota(conf, word, kind, rest),
        None => Cluster::of(conf).and_then(|cluster| execute(&cluster, word, rest)),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            let text = failure.to_string();
            eprintln!(
                "{}: {}",
                word.trim_start_matches('-'),
                text.lines().next().unwrap_or_default()
            );
            if matches!(failure, Failure::Illegal(_)) {
                eprintln!("Usage: hdfs dfsadmin [{}]", usage_of(entry));
            }
            FAILED
        }
    }
}

fn wrong_usage(word: &str) -> i32 {
    if let Some(entry) = COMMANDS.iter().find(|entry| entry.name == word) {
        eprintln!("Usage: hdfs dfsadmin [{}]", usage_of(entry));
    }
    FAILED
}

fn quota_command(word: &str) -> Option<Kind> {
    match word {
        "-setQuota" => Some(Kind::SetNames),
        "-clrQuota" => Some(Kind::ClearNames),
        "-setSpaceQuota" => Some(Kind::SetSpace),
        "-clrSpaceQuota" => Some(Kind::ClearSpace),
        _ => None,
    }
}

fn set_quota(conf: Configuration, word: &str, kind: Kind, args: &[String]) -> Result<i32, Failure> {
    let name = word.trim_start_matches('-');
    let failed = shell::walk(conf, name, &mut Quota::new(kind), args)?;
    Ok(if failed == 0 { 0 } else { FAILED })
}

fn help(name: Option<&String>) -> i32 {
    let described = |entry: &Entry| format!("{}: {}\n", usage_of(entry), entry.help);
    let named = name.and_then(|name| {
        COMMANDS
            .iter()
            .find(|entry| entry.name.trim_start_matches('-') == name.trim_start_matches('-'))
    });
    match named {
        Some(entry) => print!("{}", described(entry)),
        None => {
            let all: String = COMMANDS.iter().map(described).collect();
            print!("{}\n{all}", overview());
        }
    }
    0
}

fn execute(cluster: &Cluster, word: &str, args: &[String]) -> Result<i32, Failure> {
    let client = &cluster.client;
    let first = args.first().map(String::as_str).unwrap_or_default();
    match word {
        "-report" => report::report(cluster, args)?,
        "-safemode" => return safe_mode(cluster, first),
        "-saveNamespace" => save_namespace(cluster, args)?,
        "-rollEdits" => {
            let txid = cluster.wait(client.roll_edits())?;
            let text = "Successfully rolled edit logs.\nNew segment starts at txid";
            println!("{text} {txid}");
        }
        "-restoreFailedStorage" => return restore_failed_storage(cluster, first),
        "-refreshNodes" => on_each(cluster, "Refresh nodes", |one| {
            cluster.wait(one.refresh_nodes()).map(|()| "Refresh nodes successful".into())
        })?,
        "-finalizeUpgrade" => finalize_upgrade(cluster)?,
        "-refreshServiceAcl" => on_each(cluster, "Refresh service acl", |one| {
            cluster
                .wait(one.refresh_service_acl())
                .map(|()| "Refresh service acl successful".into())
        })?,
        "-refreshUserToGroupsMappings" => {
            on_each(cluster, "Refresh user to groups mapping", |one| {
                cluster
                    .wait(one.refresh_user_to_groups_mappings())
                    .map(|()| "Refresh user to groups mapping successful".into())
            })?;
        }
        "-refreshSuperUserGroupsConfiguration" => {
            on_each(cluster, "Refresh super user groups configuration", |one| {
                cluster
                    .wait(one.refresh_super_user_groups_configuration())
                    .map(|()| "Refresh super user groups configuration successful".into())
            })?;
        }
        "-printTopology" => report::print_topology(cluster)?,
        "-setBalancerBandwidth" => return set_bandwidth(cluster, first),
        "-getBalancerBandwidth" => datanode::balancer_bandwidth(cluster, first)?,
        "-fetchImage" => fetch_image(cluster, Path::new(first))?,
        "-shutdownDatanode" => {
            let for_upgrade = match args.get(1).map(|word| word.to_ascii_lowercase()).as_deref() {
                None => false,
                Some("upgrade") => true,
                Some(_) => return Ok(wrong_usage(word)),
            };
            datanode::shut_down(cluster, first, for_upgrade)?;
        }
        "-getDatanodeInfo" => datanode::info(cluster, first)?,
        "-evictWriters" => datanode::evict_writers(cluster, first)?,
        "-getVolumeReport" => datanode::volume_report(cluster, first)?,
        "-refreshNamenodes" => datanode::refresh_name_nodes(cluster, first)?,
        "-deleteBlockPool" => {
            let force = match args.get(2).map(String::as_str) {
                None => false,
                Some("force") => true,
                Some(_) => return Ok(wrong_usage(word)),
            };
            let pool = args.get(1).map(String::as_str).unwrap_or_default();
            datanode::delete_pool(cluster, first, pool, force)?;
        }
        "-reconfig" => return reconfigure::run(cluster, args),
        "-upgrade" => return upgrade(cluster, first),
        "-rollingUpgrade" => orders::rolling_upgrade(cluster, args.first().map(String::as_str))?,
        "-allowSnapshot" => orders::allow_snapshot(cluster, first)?,
        "-disallowSnapshot" => orders::disallow_snapshot(cluster, first)?,
        "-refreshCallQueue" => orders::refresh_call_queue(cluster)?,
        "-refresh" => return orders::refresh(cluster, args),
        "-metasave" => {
            cluster.wait(client.metasave(first))?;
            println!(
                "Created metasave file {first} in the log directory of namenode {}",
                client.uri()
            );
        }
        "-triggerBlockReport" => return trigger_report(cluster, args),
        _ => list_open_files(cluster, args)?,
    }
    Ok(0)
}

fn finalize_upgrade(cluster: &Cluster) -> Result<(), Failure> {
    on_each(cluster, "Finalize upgrade", |one| {
        cluster.wait(one.finalize_upgrade()).map(|()| "Finalize upgrade successful".into())
    })
}

fn upgrade(cluster: &Cluster, word: &str) -> Result<i32, Failure> {
    match word.to_ascii_lowercase().as_str() {
        "query" => orders::upgrade_status(cluster)?,
        "finalize" => finalize_upgrade(cluster)?,
        _ => return Ok(wrong_usage("-upgrade")),
    }
    Ok(0)
}

/// Does something at every NameNode, and tells of each where there are several.
fn on_each(
    cluster: &Cluster,
    what: &str,
    order: impl Fn(&Client) -> Result<String, Failure>,
) -> Result<(), Failure> {
    if !cluster.addresses.highly_available {
        println!("{}", order(&cluster.client)?);
        return Ok(());
    }
    let mut failed = None;
    for one in cluster.client.each_name_node() {
        match order(&one) {
            Ok(done) => println!("{done} for {}", one.authority()),
            Err(failure) => {
                eprintln!("{what} failed for {}", one.authority());
                failed = Some(failure);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

fn safe_mode(cluster: &Cluster, word: &str) -> Result<i32, Failure> {
    let lower = word.to_ascii_lowercase();
    let action = match lower.as_str() {
        "enter" => SafeModeAction::Enter,
        "leave" => SafeModeAction::Leave,
        "get" | "wait" => SafeModeAction::Get,
        "forceexit" => SafeModeAction::ForceExit,
        _ => {
            eprintln!("Usage: hdfs dfsadmin [-safemode <enter | leave | get | wait | forceExit>]");
            return Ok(0);
        }
    };
    let several = cluster.addresses.highly_available;
    let each = if several { cluster.client.each_name_node() } else { vec![cluster.client.clone()] };
    for one in each {
        let mut is_on = cluster.wait(one.set_safe_mode(action, false))?;
        while lower == "wait" && is_on {
            std::thread::sleep(SAFE_MODE_PAUSE);
            is_on = cluster.wait(one.set_safe_mode(SafeModeAction::Get, false))?;
        }
        let state = if is_on { "ON" } else { "OFF" };
        let at = if several { format!(" in {}", one.authority()) } else { String::new() };
        println!("Safe mode is {state}{at}");
    }
    Ok(0)
}

fn save_namespace(cluster: &Cluster, args: &[String]) -> Result<(), Failure> {
    let (mut window, mut gap) = (0, 0);
    match args.first().map(String::as_str) {
        Some("-beforeShutdown") => {
            let periods = cluster.conf.count(&keys::MISSING_CHECKPOINT_PERIODS)? as u64;
            window = cluster.conf.time(&keys::CHECKPOINT_PERIOD)?.as_secs().saturating_mul(periods);
            gap = (cluster.conf.count(&keys::CHECKPOINT_TXNS)? as u64).saturating_mul(periods);
            print!(
                "Do checkpoint if necessary before stopping namenode. The time window is {window} \
                 seconds, and the transaction gap is {gap}\n"
            );
        }
        Some(other) => return Err(Failure::Illegal(format!("{other} is not -beforeShutdown"))),
        None => {}
    }
    on_each(cluster, "Save namespace", |one| {
        let saved = cluster.wait(one.save_namespace(window, gap))?;
        Ok(if saved { "Save namespace successful" } else { "No extra checkpoint has been made" }
            .into())
    })
}

fn restore_failed_storage(cluster: &Cluster, word: &str) -> Result<i32, Failure> {
    if !matches!(word, "true" | "false" | "check") {
        eprintln!("restoreFailedStorage valid args are true|false|check");
        return Ok(FAILED);
    }
    on_each(cluster, "restoreFailedStorage", |one| {
        let is_on = cluster.wait(one.restore_failed_storage(word))?;
        Ok(format!("restoreFailedStorage is set to {is_on}"))
    })?;
    Ok(0)
}

fn set_bandwidth(cluster: &Cluster, text: &str) -> Result<i32, Failure> {
    let bandwidth = match size::with_prefix(text) {
        Ok(bandwidth) => bandwidth,
        Err(message) if message.starts_with("For input string") => {
            eprintln!("NumberFormatException: {message}");
            eprintln!(
                "Usage: hdfs dfsadmin [-setBalancerBandwidth <bandwidth in bytes per second>]"
            );
            return Ok(FAILED);
        }
        Err(message) => return Err(Failure::Illegal(message)),
    };
    if bandwidth < 0 {
        eprintln!("Bandwidth should be a non-negative integer");
        return Ok(FAILED);
    }
    if let Err(failure) = cluster.wait(cluster.client.set_balancer_bandwidth(bandwidth)) {
        eprintln!("Balancer bandwidth is set failed.");
        return Err(failure);
    }
    println!("Balancer bandwidth is set to {bandwidth}");
    Ok(0)
}

/// Downloads the newest image under its own name.
fn fetch_image(cluster: &Cluster, directory: &Path) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::io(e.to_string());
    let timeout = cluster.conf.time(&keys::IMAGE_TRANSFER_TIMEOUT)?;
    let address = cluster.web_address()?;
    let target = "/imagetransfer?getimage=1&txid=latest";
    let mut answer = http::get(&address, target, timeout, timeout).map_err(failed)?;
    let named = answer.header("x-image-edits-name").map(str::to_owned);
    let name = named.filter(|name| !name.is_empty() && !name.contains('/')).ok_or_else(|| {
        Failure::io(format!("http://{address}{target} answered without the image's name"))
    })?;
    let length = answer.header("content-length").and_then(|text| text.parse::<u64>().ok());
    // What is no directory is the file itself, as Hadoop has it.
    let path = if directory.is_dir() { directory.join(&name) } else { directory.to_owned() };
    let at_path = |e: io::Error| Failure::io(format!("{}: {e}", path.display()));
    let mut file = File::create(&path).map_err(at_path)?;
    let copied = io::copy(&mut answer.body, &mut file).map_err(at_path)?;
    file.sync_all().map_err(at_path)?;
    match length {
        Some(length) if length != copied => {
            Err(Failure::io(format!("{}: {copied} bytes of {length} arrived", path.display())))
        }
        _ => Ok(()),
    }
}

fn trigger_report(cluster: &Cluster, args: &[String]) -> Result<i32, Failure> {
    let (mut incremental, mut name_node, mut datanode) = (false, None, None);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-incremental" => incremental = true,
            "-namenode" => {
                let missing = || Failure::Illegal("option -namenode requires 1 argument".into());
                name_node = Some(rest.next().ok_or_else(missing)?.as_str());
            }
            other if !other.starts_with('-') && datanode.is_none() => datanode = Some(other),
            other => {
                eprintln!("Can't understand arguments: {other}");
                return Ok(1);
            }
        }
    }
    let Some(datanode) = datanode else {
        eprintln!("You must specify a host:port pair.");
        return Ok(1);
    };
    match datanode::trigger_report(cluster, datanode, incremental, name_node) {
        Err(Failure::Io { class, message }) => {
            eprintln!("triggerBlockReport error: {class}: {message}");
            Ok(1)
        }
        other => other.map(|()| 0),
    }
}

fn list_open_files(cluster: &Cluster, args: &[String]) -> Result<(), Failure> {
    let (mut blocking, mut path) = (false, "/");
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-blockingDecommission" => blocking = true,
            "-path" => {
                let missing = || Failure::Illegal("option -path requires 1 argument".into());
                path = rest.next().ok_or_else(missing)?.trim();
            }
            other => return Err(Failure::Illegal(format!("unknown option {other}"))),
        }
    }
    let path = cluster.absolute(if path.is_empty() { "/" } else { path });
    println!("{:<20}\t{:<20}\t{}", "Client Host", "Client Name", "Open File Path");
    let mut after = 0;
    loop {
        let page = cluster.wait(cluster.client.list_open_files(after, blocking, &path));
        let page = page.inspect_err(|_| eprintln!("List open files failed."))?;
        for file in &page.files {
            println!("{:<20}\t{:<20}\t{:>20}", file.client_machine, file.client_name, file.path);
        }
        match page.files.last() {
            Some(last) if page.has_more => after = last.id,
            _ => return Ok(()),
        }
    }
}
