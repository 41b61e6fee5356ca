//! HDFS and MapReduce's daemons on this machine, Hadoop's or ours.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loxodon_interop::free_port;
use loxodon_interop::site::{Site, write_xml};
use loxodon_interop::yarn::{self, Yarn};

use crate::Result;
use crate::daemon::{Maker, release_program, wait_for_port};
use crate::process::cpu_seconds_with_children;

const LIMIT: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(100);

/// Running daemons; killed when this is dropped, with what they started.
pub(super) struct Cluster {
    site: Site,
    daemons: Vec<Child>,
}

impl Cluster {
    /// Starts all daemons and waits until jobs can run.
    pub(super) fn start(maker: Maker, root: &Path) -> Result<Self> {
        fs::create_dir_all(root)?;
        let site = Site::new(root)?;
        maker.format(&site)?;
        let data = format!("file://{}", site.data_dir(0).display());
        site.configure(&[
            ("dfs.datanode.data.dir", &data),
            ("dfs.datanode.address", "127.0.0.1:0"),
            ("dfs.datanode.ipc.address", "127.0.0.1:0"),
            ("dfs.datanode.http.address", "127.0.0.1:0"),
        ])?;
        let mut cluster = Self { site, daemons: Vec::new() };
        match maker {
            Maker::Java => cluster.start_yarn(root)?,
            Maker::Loxodon => cluster.start_trackers(root)?,
        }
        Ok(cluster)
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.site.conf()
    }

    fn start_yarn(&mut self, root: &Path) -> Result<()> {
        let yarn = Yarn::configure(&self.conf(), root)?;
        // The jars lack the pages of HDFS's daemons, which insist on the folders.
        for pages in ["hdfs", "datanode"] {
            fs::create_dir_all(self.conf().join("webapps").join(pages))?;
        }
        let hdfs = ["hdfs.server.namenode.NameNode", "hdfs.server.datanode.DataNode"];
        for class in hdfs.into_iter().chain(yarn::DAEMONS) {
            self.spawn(yarn.java(class), root, class)?;
        }
        self.wait_for_hdfs()?;
        Ok(yarn.wait_for_node()?)
    }

    fn start_trackers(&mut self, root: &Path) -> Result<()> {
        let (calls, web) = (free_port()?, free_port()?);
        let local = root.join("local").display().to_string();
        write_xml(
            &self.conf().join("mapred-site.xml"),
            &[
                ("mapreduce.framework.name", "classic"),
                ("mapreduce.jobtracker.address", &format!("127.0.0.1:{calls}")),
                ("mapreduce.jobtracker.http.address", &format!("127.0.0.1:{web}")),
                ("mapreduce.tasktracker.http.address", &format!("127.0.0.1:{}", free_port()?)),
                ("mapreduce.shuffle.port", "0"),
                ("mapreduce.cluster.local.dir", &local),
            ],
        )?;
        for words in [
            &["namenode"] as &[_],
            &["datanode"],
            &["mapred", "jobtracker"],
            &["mapred", "tasktracker"],
        ] {
            let mut ours = Command::new(release_program()?);
            ours.args(words).env("HADOOP_CONF_DIR", self.conf()).env("HADOOP_LOG_DIR", root);
            self.spawn(ours, root, &words.join("-"))?;
        }
        self.wait_for_hdfs()?;
        wait_for_port(calls)?;
        wait("a TaskTracker", || {
            let list = self.ours(&["mapred", "job", "-list-active-trackers"]);
            list.is_ok_and(|text| text.contains("tracker_"))
        })
    }

    fn spawn(&mut self, mut command: Command, root: &Path, name: &str) -> Result<()> {
        let log = File::create(root.join(format!("{name}.log")))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.daemons.push(child);
        Ok(())
    }

    /// Out of safe mode, and with a DataNode.
    fn wait_for_hdfs(&self) -> Result<()> {
        wait_for_port(self.site.rpc_port())?;
        wait("HDFS", || {
            let probe = ["hdfs", "dfsadmin", "-report", "-live"];
            let report = self.ours(&probe).unwrap_or_default();
            report.contains("Live datanodes (1)") && !report.contains("Safe mode is ON")
        })
    }

    /// What a command of ours prints, for either maker's cluster.
    fn ours(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(release_program()?)
            .args(words)
            .env("HADOOP_CONF_DIR", self.conf())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    fn shell(&self, words: &[&str], paths: &[&Path]) -> Result<()> {
        let mut all = vec!["hdfs", "dfs"];
        all.extend(words);
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        all.extend(paths.iter().map(String::as_str));
        self.ours(&all).map(drop)
    }

    pub(super) fn put(&self, local: &Path, stored: &str) -> Result<()> {
        self.shell(&["-put"], &[local, Path::new(stored)])
    }

    pub(super) fn get(&self, stored: &Path, local: &Path) -> Result<()> {
        self.shell(&["-get"], &[stored, local])
    }

    pub(super) fn remove(&self, paths: &[&Path]) -> Result<()> {
        self.shell(&["-rm", "-r", "-skipTrash"], paths)
    }

    /// CPU seconds of the daemons and of everything they have started and seen end.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let mut sum = 0.0;
        for daemon in &self.daemons {
            sum += cpu_seconds_with_children(daemon.id())?;
        }
        Ok(sum)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Those started last end first, and may end what they started.
        for daemon in self.daemons.iter_mut().rev() {
            let id = i32::try_from(daemon.id()).ok().and_then(rustix::process::Pid::from_raw);
            let asked =
                id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::TERM));
            let start = Instant::now();
            while asked.is_some()
                && daemon.try_wait().is_ok_and(|ended| ended.is_none())
                && start.elapsed() < Duration::from_secs(20)
            {
                std::thread::sleep(STEP);
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > LIMIT {
            return Err(format!("{what}: not within {LIMIT:?}").into());
        }
        std::thread::sleep(STEP);
    }
    Ok(())
}
