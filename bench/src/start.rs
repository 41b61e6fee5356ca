//! Cold start of each daemon until its port answers, its memory when idle, and one `-ls` from the shell.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use loxodon_interop::site::Site;
use loxodon_interop::{free_port, hadoop};

use crate::daemon::{Maker, release_program, wait_for_port};
use crate::report::Table;
use crate::{Plan, Result};

const ROUNDS: u32 = 5;
/// Long enough for what a daemon does once after it started.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures both makers, one after the other; each figure is the median of five.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let (mut times, mut memory) = (Table::default(), Table::default());
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        maker.format(&site)?;
        let log = root.path().join("log");

        let mut namenode = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let _daemon = maker.start(&site.conf(), "namenode", &log)?;
            wait_for_port(site.rpc_port())?;
            namenode.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.add("NameNode, empty image", *maker, median(namenode));

        let namenode = maker.start(&site.conf(), "namenode", &log)?;
        wait_for_port(site.rpc_port())?;
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let conf = site.datanode_conf(0, &[("dfs.datanode.address", &address)])?;
        let mut datanode = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let _daemon = maker.start(&conf, "datanode", &log)?;
            wait_for_port(port)?;
            datanode.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.add("DataNode, no blocks", *maker, median(datanode));

        let datanode = maker.start(&conf, "datanode", &log)?;
        wait_for_port(port)?;
        thread::sleep(SETTLE);
        memory.add("NameNode", *maker, namenode.resident_bytes()? as f64 / 1e6);
        memory.add("DataNode", *maker, datanode.resident_bytes()? as f64 / 1e6);

        let mut shell = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            list(*maker, &site)?;
            shell.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.add("hdfs dfs -ls /", *maker, median(shell));
    }
    times.print("ms", false);
    memory.print("MB resident when idle", false);
    Ok(())
}

fn list(maker: Maker, site: &Site) -> Result<()> {
    let mut command = match maker {
        Maker::Java => {
            let mut command = Command::new("java");
            command
                .arg("-cp")
                .arg(format!("{}:{}", site.conf().display(), hadoop::class_path()?))
                .args(["org.apache.hadoop.fs.FsShell", "-ls", "/"]);
            command
        }
        Maker::Loxodon => {
            let mut command = Command::new(release_program()?);
            command.env("HADOOP_CONF_DIR", site.conf()).args(["hdfs", "dfs", "-ls", "/"]);
            command
        }
    };
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("-ls / failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
