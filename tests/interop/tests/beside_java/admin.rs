//! `dfsadmin`, `fsck`, `getconf`, `groups`, `haadmin`, `storagepolicies`, `key`, `credential` and `daemonlog` print
//! what Hadoop's do: `shell/admin.txt`, line by line,
//! against Java's daemons and against ours.

use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;
use loxodon_interop::java::Outcome;

#[test]
fn on_javas_cluster() {
    in_fresh_directory(|root| compare(root, Maker::Java));
}

#[test]
fn on_our_cluster() {
    in_fresh_directory(|root| compare(root, Maker::Loxodon));
}

fn compare(root: &Path, maker: Maker) -> io::Result<()> {
    let mut cluster = Cluster::start(root, maker, &[maker, maker])?;
    let local = root.join("local");
    std::fs::create_dir(&local)?;
    std::fs::write(local.join("a"), "x".repeat(5000))?;
    let local = local.display().to_string();
    for args in [
        &["-mkdir", "-p", "/data/empty"][..],
        &["-put", &format!("{local}/a"), "/data/a"],
        &["-put", &format!("{local}/a"), "/data/b"],
        &["-touchz", "/data/zero"],
    ] {
        cluster.java("dfs", args)?.succeeded()?;
    }
    let datanode = cluster.datanode_calls(0)?.to_owned();
    let http = format!("127.0.0.1:{}", cluster.site().http_port());
    let calls = format!("127.0.0.1:{}", cluster.site().rpc_port());
    let mut differences = Vec::new();
    let text = include_str!("../../shell/admin.txt");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let filled = line.replace("{dn}", &datanode).replace("{local}", &local);
        let filled = filled.replace("{http}", &http).replace("{nn}", &calls);
        let words: Vec<&str> = filled.split(' ').collect();
        let Some((program, args)) = words.split_first() else { continue };
        if line == "dfsadmin -getBalancerBandwidth {dn}" {
            // A DataNode is told in the answer to its next heartbeat; what was set last is 10m.
            eventually("the bandwidth that was set", Duration::from_secs(60), || {
                let told = cluster.java(program, args).ok()?.stdout;
                told.contains("is 10485760 bytes").then_some(())
            })?;
        }
        let mut theirs = comparable(cluster.java(program, args)?, &local);
        let mut ours = comparable(cluster.ours(&words)?, &local);
        if args.contains(&"-printTopology") {
            // Hadoop prints a rack's nodes in the order of a hash table.
            for outcome in [&mut theirs, &mut ours] {
                let mut lines: Vec<&str> = outcome.stdout.lines().collect();
                lines.sort_unstable();
                outcome.stdout = lines.join("\n");
            }
        }
        if theirs != ours {
            differences.push(format!("{line}\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
        }
    }
    cluster.all_alive()?;
    match differences.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{} lines differ:\n{}",
            differences.len(),
            differences.join("\n")
        ))),
    }
}

/// What is left to compare: usage and help texts are our own, a few numbers change from call to call.
fn comparable(outcome: Outcome, local: &str) -> Outcome {
    let is_log = |line: &&str| {
        let starts = ["\tat ", "\t...", "Caused by", "java.", "org.apache.hadoop."];
        line.contains(" INFO ")
            || line.contains(" WARN ")
            || starts.iter().any(|start| line.starts_with(start))
    };
    let own = [
        "Usage:",
        "hdfs getconf ",
        "Generic options supported are",
        "create <",
        "list [",
        "roll <",
    ];
    let is_own = |line: &str| own.iter().any(|start| line.starts_with(start));
    let masked = |text: &str| -> String {
        let lines = text.lines().filter(|line| !is_log(line)).take_while(|line| !is_own(line));
        lines.map(|line| masked(&line.replace(local, "{local}")) + "\n").collect()
    };
    Outcome {
        exit: outcome.exit & 0xff,
        stdout: masked(&outcome.stdout),
        // A stack trace ends with an empty line.
        stderr: masked(&outcome.stderr).lines().filter(|line| !line.is_empty()).collect(),
    }
}

/// The line without what follows its name, where it is one of those that change; addresses as the resolver
/// of names may show them.
fn masked(line: &str) -> String {
    let changes = [
        "New segment starts at txid",
        "FSCK started by",
        "FSCK ended at",
        "Last contact:",
        "Last Block Report:",
        "DFS Used",
        "Non DFS Used",
        "DFS Remaining",
        "Present Capacity",
        "Uptime:",
        "Num of Blocks:",
        "Xceivers:",
    ];
    let line = line.replace("localhost", "127.0.0.1");
    match changes.iter().find(|start| line.starts_with(**start)) {
        Some(start) => format!("{start} #"),
        None => line,
    }
}
