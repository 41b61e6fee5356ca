//! A Java program's use of a file system (`java/Scenarios.java`), on Hadoop's own daemons, which
//! proves the scenarios, and on every mix of theirs and ours.

use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_interop::eventually;
use loxodon_interop::java::{JavaHost, whoami};
use loxodon_interop::loxodon::{self, Daemon};
use loxodon_interop::site::Site;

const SCENARIOS: [&str; 17] = [
    "create_and_read",
    "create_flags",
    "append",
    "hflush_and_read",
    "hsync_updates_length",
    "seek",
    "rename",
    "list",
    "locations",
    "checksum",
    "truncate",
    "concat",
    "recover_lease",
    "permissions",
    "attributes",
    "summary",
    "many_small_files",
];

/// Whose program plays a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Java,
    Ours,
}

#[test]
fn hold_on_java() {
    all_hold(Side::Java, Side::Java);
}

#[test]
fn hold_on_ours() {
    all_hold(Side::Ours, Side::Ours);
}

#[test]
fn hold_on_our_namenode_with_a_java_datanode() {
    all_hold(Side::Ours, Side::Java);
}

#[test]
fn hold_on_a_java_namenode_with_our_datanode() {
    all_hold(Side::Java, Side::Ours);
}

fn all_hold(namenode: Side, datanode: Side) {
    let root = tempfile::tempdir().expect("a temporary directory");
    if let Err(error) = run_all(root.path(), namenode, datanode) {
        let kept = root.keep();
        panic!("{error}\nlogs and disks: {}", kept.display());
    }
}

fn run_all(root: &Path, namenode: Side, datanode: Side) -> io::Result<()> {
    let site = Site::new(root)?;
    let data_conf = site.datanode_conf(0, &[])?;
    let mut java = JavaHost::start(&root.join("java.log"))?;
    let mut ours = Vec::new();
    match namenode {
        Side::Java => {
            java.run(&site.conf(), &whoami(), "format", &[])?.succeeded()?;
            java.start_daemon(&site.conf(), "namenode", "nn")?;
        }
        Side::Ours => {
            loxodon::run(&site.conf(), &whoami(), &["namenode", "-format", "-nonInteractive"])?
                .succeeded()?;
            ours.push(Daemon::start(&site.conf(), "namenode", &root.join("namenode.log"))?);
        }
    }
    match datanode {
        Side::Java => java.start_daemon(&data_conf, "datanode", "dn0")?,
        Side::Ours => ours.push(Daemon::start(&data_conf, "datanode", &root.join("datanode.log"))?),
    }
    wait_for_datanodes(&site, &mut java, 1)?;

    let mut failures = Vec::new();
    for scenario in SCENARIOS {
        for daemon in &mut ours {
            daemon.alive()?;
        }
        let outcome = java.run(&site.conf(), &whoami(), "scenario", &[scenario])?;
        if outcome.exit != 0 {
            failures.push(format!("{scenario}: {}", outcome.stderr));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(io::Error::other(failures.join("\n"))) }
}

fn wait_for_datanodes(site: &Site, java: &mut JavaHost, count: usize) -> io::Result<()> {
    let wanted = format!("Live datanodes ({count}):");
    eventually("live DataNodes", Duration::from_secs(60), || {
        let report = java.run(&site.conf(), &whoami(), "dfsadmin", &["-report", "-live"]).ok()?;
        report.stdout.contains(&wanted).then_some(())
    })
}
