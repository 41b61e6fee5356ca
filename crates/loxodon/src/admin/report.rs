//! `dfsadmin -report`, `-printTopology`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use loxodon_client::{AdminState, DatanodeInfo, DatanodeReportKind, SafeModeAction};
use loxodon_console::print;

use super::cluster::Cluster;
use crate::shell::{Failure, size};

/// Flags of `-report`, what they ask for, and the heading.
const SECTIONS: [(&str, DatanodeReportKind, &str); 5] = [
    ("-live", DatanodeReportKind::Live, "Live"),
    ("-dead", DatanodeReportKind::Dead, "Dead"),
    ("-decommissioning", DatanodeReportKind::Decommissioning, "Decommissioning"),
    ("-enteringmaintenance", DatanodeReportKind::EnteringMaintenance, "Entering maintenance"),
    ("-inmaintenance", DatanodeReportKind::InMaintenance, "In maintenance"),
];

fn described(bytes: u64) -> String {
    format!("{bytes} ({})", size::human_in(i64::try_from(bytes).unwrap_or(i64::MAX), "B", 2))
}

fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    size::rounded(share * 100.0, 2) + "%"
}

/// `-report`.
pub(crate) fn report(cluster: &Cluster, flags: &[String]) -> Result<(), Failure> {
    let client = &cluster.client;
    let mut text = summary(cluster)?;
    let asked = |flag: &str| flags.iter().any(|given| given == flag);
    let all = !SECTIONS.iter().any(|(flag, ..)| asked(flag)) && !asked("-slownodes");
    for (flag, kind, heading) in SECTIONS {
        if all || asked(flag) {
            section(&mut text, &cluster.wait(client.datanode_report(kind))?, asked(flag), heading);
        }
    }
    if all || asked("-slownodes") {
        section(
            &mut text,
            &cluster.wait(client.slow_datanode_report())?,
            asked("-slownodes"),
            "Slow",
        );
    }
    print!("{text}");
    Ok(())
}

fn summary(cluster: &Cluster) -> Result<String, Failure> {
    let client = &cluster.client;
    let stats = cluster.wait(client.fs_stats())?;
    let mut text = String::new();
    if cluster.wait(client.set_safe_mode(SafeModeAction::Get, false))? {
        text += "Safe mode is ON\n";
        if stats.blocks_in_future > 0 {
            let _ = write!(
                text,
                "\nWARNING: \nName node has detected blocks with generation stamps in future.\n\
                 Forcing exit from safemode will cause {} byte(s) to be deleted.\n\
                 If you are sure that the NameNode was started with the correct metadata files then \
                 you may proceed with '-safemode forceExit'\n\n",
                stats.blocks_in_future
            );
        }
    }
    let present = stats.used.saturating_add(stats.remaining);
    let _ = writeln!(text, "Configured Capacity: {}", described(stats.capacity));
    let _ = writeln!(text, "Present Capacity: {}", described(present));
    let _ = writeln!(text, "DFS Remaining: {}", described(stats.remaining));
    let _ = writeln!(text, "DFS Used: {}", described(stats.used));
    let _ = writeln!(text, "DFS Used%: {}", percent(stats.used, present));
    let blocks = cluster.wait(client.replicated_block_stats())?;
    let mut line = |name: &str, value: u64| {
        let _ = writeln!(text, "\t{name}: {value}");
    };
    line("Under replicated blocks", blocks.low_redundancy);
    line("Blocks with corrupt replicas", blocks.corrupt);
    line("Missing blocks", blocks.missing);
    line("Missing blocks (with replication factor 1)", blocks.missing_replication_one);
    let priority = "to recover";
    if let Some(count) = blocks.badly_distributed {
        line("Badly Distributed Blocks", count);
    }
    if let Some(count) = blocks.highest_priority_low_redundancy {
        line(&format!("Low redundancy blocks with highest priority {priority}"), count);
    }
    line("Pending deletion blocks", blocks.pending_deletion);
    let groups = cluster.wait(client.erasure_coded_block_stats())?;
    line("Low redundancy block groups", groups.low_redundancy);
    line("Block groups with corrupt internal blocks", groups.corrupt);
    line("Missing block groups", groups.missing);
    if let Some(count) = groups.badly_distributed {
        line("Badly Distributed Blocks", count);
    }
    if let Some(count) = groups.highest_priority_low_redundancy {
        line(&format!("Low redundancy blocks with highest priority {priority}"), count);
    }
    line("Pending deletion blocks", groups.pending_deletion);
    // The headings of the two lists of blocks.
    let text =
        text.replacen("\tUnder replicated", "Replicated Blocks:\n\tUnder replicated", 1).replacen(
            "\tLow redundancy block groups",
            "Erasure Coded Block Groups: \n\tLow redundancy block groups",
            1,
        );
    Ok(text + "\n-------------------------------------------------\n")
}

fn section(text: &mut String, nodes: &[DatanodeInfo], asked: bool, heading: &str) {
    if !nodes.is_empty() || asked {
        let _ = writeln!(text, "{heading} datanodes ({}):\n", nodes.len());
    }
    for node in nodes {
        *text += &describe(node);
        *text += "\n\n";
    }
}

/// The host name behind an address, where it has one of its own.
fn host_name(node: &DatanodeInfo) -> Option<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let named = hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        (words.next()? == node.ip).then(|| words.next().map(str::to_owned))?
    });
    named.or_else(|| (node.host != node.ip && !node.host.is_empty()).then(|| node.host.clone()))
}

fn named(node: &DatanodeInfo) -> String {
    let address = node.transfer_address();
    match host_name(node) {
        Some(name) => format!("{address} ({name})"),
        None => address,
    }
}

/// As `DatanodeInfo.getDatanodeReport`.
fn describe(node: &DatanodeInfo) -> String {
    let mut text = format!("Name: {}\nHostname: {}\n", named(node), node.host);
    if node.rack != "/default-rack" {
        let _ = writeln!(text, "Rack: {}", node.rack);
    }
    if let Some(domain) = &node.upgrade_domain {
        let _ = writeln!(text, "Upgrade domain: {domain}");
    }
    let state = match node.admin_state {
        AdminState::Decommissioned => "Decommissioned",
        AdminState::DecommissionInProgress => "Decommission in progress",
        AdminState::InMaintenance => "In maintenance",
        AdminState::EnteringMaintenance => "Entering maintenance",
        AdminState::Normal => "Normal",
    };
    let cache_left = node.cache_capacity.saturating_sub(node.cache_used);
    // Java divides by a capacity of 0 here and calls a cache that is not there full.
    let cache_used = if node.cache_capacity == 0 {
        "100.00%".into()
    } else {
        percent(node.cache_used, node.cache_capacity)
    };
    let used =
        if node.capacity == 0 { "100.00%".into() } else { percent(node.dfs_used, node.capacity) };
    let _ = write!(
        text,
        "Decommission Status : {state}\nConfigured Capacity: {}\nDFS Used: {}\nNon DFS Used: {}\n\
         DFS Remaining: {}\nDFS Used%: {used}\nDFS Remaining%: {}\nConfigured Cache Capacity: {}\n\
         Cache Used: {}\nCache Remaining: {}\nCache Used%: {cache_used}\nCache Remaining%: {}\nXceivers: {}\n\
         Last contact: {}\nLast Block Report: {}\nNum of Blocks: {}\n",
        described(node.capacity),
        described(node.dfs_used),
        described(node.non_dfs_used),
        described(node.remaining),
        percent(node.remaining, node.capacity),
        described(node.cache_capacity),
        described(node.cache_used),
        described(cache_left),
        percent(cache_left, node.cache_capacity),
        node.transfers,
        java_date(node.last_update.0),
        match node.last_block_report.0 {
            0 => "Never".into(),
            time => java_date(time),
        },
        node.blocks,
    );
    text
}

/// `Sat Jan 31 17:05:59 UTC 2026`, as Java's `Date` prints itself.
pub(crate) fn java_date(milliseconds: u64) -> String {
    size::local(milliseconds, "%a %b %d %H:%M:%S %Z %Y")
}

/// `-printTopology`.
pub(crate) fn print_topology(cluster: &Cluster) -> Result<(), Failure> {
    let nodes = cluster.wait(cluster.client.datanode_report(DatanodeReportKind::All))?;
    let mut racks: BTreeMap<&str, Vec<&DatanodeInfo>> = BTreeMap::new();
    for node in &nodes {
        racks.entry(&node.rack).or_default().push(node);
    }
    let mut text = String::new();
    for (rack, mut nodes) in racks {
        let _ = writeln!(text, "Rack: {rack}");
        nodes.sort_by_key(|node| node.transfer_address());
        for node in nodes {
            let _ = writeln!(text, "   {} {}", named(node), node.admin_state.name());
        }
        text.push('\n');
    }
    print!("{text}");
    Ok(())
}
