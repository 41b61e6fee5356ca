//! What monitoring reads from a Java NameNode's `/jmx` is in ours: every bean, and every field of it
//! that is not about a Java virtual machine's inside; of a DataNode, what is not about single steps of a transfer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::http;
use serde_json::Value;

/// Fields by bean, each with the kind of its value.
type Beans = BTreeMap<String, BTreeSet<String>>;

/// A field as it is compared: `PercentUsed: number`. A Java NameNode that has nothing to say says
/// null where ours may have a value, and the other way round.
fn described(name: &str, value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    describe(name, value, &mut all);
    all
}

fn describe(name: &str, value: &Value, all: &mut Vec<String>) {
    // Some texts are JSON again.
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match inner.as_ref().unwrap_or(value) {
        Value::Object(fields) => {
            for (inner, value) in fields {
                // Nodes and directories by name.
                let is_name = inner.contains([':', '/']);
                describe(&format!("{name}.{}", if is_name { "*" } else { inner }), value, all);
            }
        }
        Value::Array(items) => {
            for item in items.iter().filter(|item| item.is_object()) {
                describe(&format!("{name}[]"), item, all);
            }
        }
        _ => {}
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    all.push(format!("{name}: {kind}"));
}

/// Beans of the virtual machine, of its logging and of a metrics sink that no script of Hadoop's reads.
const OF_THE_MACHINE: [&str; 4] = ["java.", "JMImplementation", "com.sun.", "jdk."];

#[test]
fn every_bean_and_field_of_javas_namenode_is_in_ours() {
    in_fresh_directory(|root| {
        let theirs = beans_of(&root.join("java"), Maker::Java)?;
        let ours = beans_of(&root.join("ours"), Maker::Loxodon)?;
        nothing_missing(&theirs, &ours, is_left_out, |_| false)
    });
}

/// Who asks most is in `TopUserOpCounts` and not once more as records of Hadoop's metrics system;
/// and what a second NameNode of the same JVM registered has a number behind its name.
fn is_left_out(bean: &str) -> bool {
    bean.ends_with("NNTopUserOpCounts") || bean.ends_with("-1")
}

/// `GcCountCopy` and the like: named after the garbage collector.
fn is_of_a_collector(field: &str) -> bool {
    ["GcCount", "GcTimeMillis"].iter().any(|start| field.starts_with(start))
}

/// `/startupProgress` has the same parts, and `/topology` the same nodes.
#[test]
fn pages_beside_the_beans_are_alike() {
    in_fresh_directory(|root| {
        let mut shown = Vec::new();
        for (name, maker) in [("java", Maker::Java), ("ours", Maker::Loxodon)] {
            std::fs::create_dir(root.join(name))?;
            let cluster = Cluster::start(&root.join(name), maker, &[Maker::Loxodon])?;
            let port = cluster.site().http_port();
            let progress: Value = serde_json::from_str(&get(port, "/startupProgress")?)?;
            let phases = progress["phases"].as_array().cloned().unwrap_or_default();
            let parts: Vec<String> = phases
                .iter()
                .map(|phase| format!("{} {} {}", phase["name"], phase["desc"], phase["status"]))
                .collect();
            let top: Vec<&String> =
                progress.as_object().into_iter().flat_map(|o| o.keys()).collect();
            let topology = get(port, "/topology")?;
            let topology = topology.split(char::is_numeric).next().unwrap_or_default().to_owned();
            shown.push(format!("{top:?} {parts:?} {} {topology:?}", progress["percentComplete"]));
        }
        match shown.as_slice() {
            [theirs, ours] if theirs == ours => Ok(()),
            _ => Err(io::Error::other(shown.join("\n"))),
        }
    });
}

/// Beans of the buffers that Java's DataNode keeps, of what it lets be measured for each volume, and of
/// what only a JVM with several loggers has.
const NOT_OF_OURS: [&str; 3] = ["DataNodeVolume-", "MetricsSystem,sub=Stats", "UgiMetrics"];

/// What is not measured: how long single steps within a write or a read take.
const NOT_MEASURED: [&str; 30] = [
    "AcquireDataset",
    "BlocksDeletedInPendingIBR",
    "BlocksInPendingIBR",
    "BlocksReceiv",
    "BlockReportsCreateCostMills",
    "CheckAndUpdateOp",
    "ConvertTemporaryToRbwOp",
    "CreateRbwOp",
    "CreateTemporaryOp",
    "DataNodePacketResponderCount",
    "DataNodeReadActiveXceiversCount",
    "DataNodeWriteActiveXceiversCount",
    "FinalizeBlockOp",
    "FlushNanos",
    "FsyncNanos",
    "HeartbeatsTotal",
    "NumProcessedCommands",
    "PacketAckRoundTripTimeNanos",
    "PacketsSlow",
    "ProcessedCommandsOp",
    "ReadTransferRate",
    "RecoverRbwOp",
    "ReplaceBlockOpOnSame",
    "ReplaceBlockOpToOtherHost",
    "SendDataPacket",
    "Slow",
    "TotalWriteTime",
    "UnfinalizeBlockOp",
    "UpdateReplicaUnderRecoveryOp",
    // By the names of NameNodes, which differ with who looks them up.
    "NamenodeAddresses.",
];

/// The same for a DataNode: one of each maker under our NameNode, both with the same file.
#[test]
fn what_scripts_read_from_javas_datanode_is_in_ours() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Java, Maker::Loxodon])?;
        let conf = cluster.site().conf().join("core-site.xml").display().to_string();
        cluster.java("dfs", &["-D", "dfs.replication=2", "-put", &conf, "/a"])?.succeeded()?;
        cluster.java("dfs", &["-cat", "/a"])?.succeeded()?;
        let text =
            get(cluster.site().http_port(), "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo")?;
        let document: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        let live = document["beans"][0]["LiveNodes"].as_str().unwrap_or_default().to_owned();
        let live: Value = serde_json::from_str(&live).map_err(io::Error::other)?;
        let (mut theirs, mut ours) = (Beans::new(), Beans::new());
        for node in live.as_object().into_iter().flat_map(|nodes| nodes.values()) {
            let port = node["infoAddr"].as_str().and_then(|at| at.rsplit_once(':')?.1.parse().ok());
            let port = port.ok_or_else(|| io::Error::other(format!("no page of {node}")))?;
            let page = get(port, "/jmx")?;
            let is_ours = page.contains("\"VmName\" : \"Loxodon\"");
            let beans = if is_ours { &mut ours } else { &mut theirs };
            *beans = beans_of_datanode(&page)?;
        }
        let is_out = |bean: &str| NOT_OF_OURS.iter().any(|part| bean.contains(part));
        let is_unmeasured = |field: &str| NOT_MEASURED.iter().any(|start| field.starts_with(start));
        nothing_missing(&theirs, &ours, is_out, is_unmeasured)
    });
}

/// Every bean and field of theirs is in ours, but for those that are left out.
fn nothing_missing(
    theirs: &Beans,
    ours: &Beans,
    is_bean_out: impl Fn(&str) -> bool,
    is_field_out: impl Fn(&str) -> bool,
) -> io::Result<()> {
    let mut missing = Vec::new();
    for (bean, fields) in theirs.iter().filter(|(bean, _)| !is_bean_out(bean)) {
        let Some(found) = ours.get(bean) else {
            missing.push(format!("{bean}: not there; it has {fields:?}"));
            continue;
        };
        let lacking: Vec<&String> = fields
            .difference(found)
            .filter(|field| !is_of_a_collector(field) && !is_field_out(field))
            .filter(|field| !is_null_in_one(field, fields, found))
            .collect();
        if !lacking.is_empty() {
            missing.push(format!("{bean}: {lacking:?}"));
        }
    }
    match missing.is_empty() && !theirs.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("missing:\n{}", missing.join("\n")))),
    }
}

/// Whether one has null where the other has something.
fn is_null_in_one(field: &str, theirs: &BTreeSet<String>, ours: &BTreeSet<String>) -> bool {
    let name = field.split(':').next().unwrap_or_default();
    let null = format!("{name}: null");
    (theirs.contains(&null) || ours.contains(&null))
        && ours.iter().any(|one| one.starts_with(&format!("{name}: ")))
}

/// A DataNode's own beans, without the ids, names and ports in their names.
fn beans_of_datanode(page: &str) -> io::Result<Beans> {
    let document: Value = serde_json::from_str(page).map_err(io::Error::other)?;
    let beans = document["beans"].as_array().into_iter().flatten().filter_map(|bean| {
        let name = bean["name"].as_str()?.strip_prefix("Hadoop:service=DataNode,name=")?;
        let name = match name.split_once('-') {
            Some(("DataNodeVolume", _)) => "DataNodeVolume-",
            Some((kind, _)) => &format!("{kind}-"),
            None => name.trim_end_matches(char::is_numeric),
        };
        let fields =
            bean.as_object()?.iter().flat_map(|(name, value)| described(name, value)).collect();
        Some((name.to_owned(), fields))
    });
    Ok(beans.collect())
}

/// The beans of a NameNode and one DataNode after some calls.
fn beans_of(root: &Path, maker: Maker) -> io::Result<Beans> {
    std::fs::create_dir(root)?;
    // The DataNode is ours in both, so that no bean of its own comes in between.
    let mut cluster = Cluster::start(root, maker, &[Maker::Loxodon])?;
    for args in [&["-mkdir", "/a"][..], &["-touchz", "/a/b"], &["-ls", "/a"], &["-rm", "/a/b"]] {
        cluster.java("dfs", args)?.succeeded()?;
    }
    let text = get(cluster.site().http_port(), "/jmx")?;
    let document: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
    let rpc = cluster.site().rpc_port().to_string();
    let http = cluster.site().http_port().to_string();
    let beans = document["beans"].as_array().into_iter().flatten().filter_map(|bean| {
        let name = bean["name"].as_str()?.replace(&rpc, "{rpc}").replace(&http, "{http}");
        let fields =
            bean.as_object()?.iter().flat_map(|(name, value)| described(name, value)).collect();
        Some((name, fields))
    });
    Ok(beans
        .filter(|(name, _)| !OF_THE_MACHINE.iter().any(|start| name.starts_with(start)))
        .collect())
}

/// The body of a page.
fn get(port: u16, path: &str) -> io::Result<String> {
    http::get(port, path).map(|answer| answer.body)
}
