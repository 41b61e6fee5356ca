//! What a NameNode holds in memory for each file with one block and three replicas.

use std::process::Command;
use std::thread;
use std::time::Duration;

use loxodon_interop::site::Site;

use crate::daemon::{Daemon, Maker};
use crate::report::Table;
use crate::serving::until_served;
use crate::{Plan, Result, filled, reports};

const FILES: u64 = 5_000_000;
const REPLICAS: u32 = 3;
/// Until what a start and the reports left behind is given back.
const SETTLE: Duration = Duration::from_secs(10);

/// Measures both makers, one after the other.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let files = plan.size.unwrap_or(FILES);
    let (mut bytes, mut total, mut times) = (Table::default(), Table::default(), Table::default());
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        // Nobody sends heartbeats while the others report.
        site.configure(&[("dfs.namenode.heartbeat.recheck-interval", "3600000")])?;
        maker.format(&site)?;
        filled::write(&site, files, filled::PER_DIRECTORY)?;
        let daemon = maker.start(&site.conf(), "namenode", &root.path().join("log"))?;
        runtime.block_on(until_served(&site, &filled::path(files - 1)))?;
        let loaded = daemon.resident_bytes()? as f64;
        let before = daemon.cpu_seconds()?;
        runtime.block_on(reports::send(&site, REPLICAS, files))?;
        let reported = daemon.cpu_seconds()? - before;
        thread::sleep(SETTLE);
        if *maker == Maker::Java {
            collect_garbage(&daemon)?;
        }
        let resident = daemon.resident_bytes()? as f64;
        bytes.add("a file with one block and three replicas", *maker, resident / files as f64);
        total.add("NameNode as loaded", *maker, loaded / 1e6);
        total.add("NameNode with all replicas", *maker, resident / 1e6);
        let blocks = files as f64 * f64::from(REPLICAS);
        times.add("CPU for a replica of a first full report", *maker, reported * 1e6 / blocks);
    }
    bytes.print("bytes resident", false);
    total.print("MB resident", false);
    times.print("µs", false);
    Ok(())
}

/// A full collection, and what Java says of its heap after it.
fn collect_garbage(daemon: &Daemon) -> Result<()> {
    for command in ["GC.run", "GC.run", "GC.heap_info"] {
        let output = Command::new("jcmd").arg(daemon.id().to_string()).arg(command).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("jcmd {command} failed: {said}").into());
        }
        if command == "GC.heap_info" {
            let said = String::from_utf8_lossy(&output.stdout);
            if let Some(line) = said.lines().find(|line| line.contains("used")) {
                println!("Java's heap after a full collection: {}", line.trim());
            }
        }
        thread::sleep(Duration::from_secs(2));
    }
    Ok(())
}
