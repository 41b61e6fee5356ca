//! The embedded cluster: a NameNode and DataNodes, and where wanted a JobTracker and TaskTrackers, in
//! this process, on real sockets and disks. (Tasks are processes of their own.)
//!
//! For demonstrations and for other people's tests. Parts can be stopped without warning and
//! started again on their disks.
//!
//! ```no_run
//! # async fn example() -> Result<(), loxodon_runtime::minicluster::MiniClusterError> {
//! use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};
//!
//! let options = MiniClusterOptions { datanodes: 3, ..MiniClusterOptions::default() };
//! let cluster = MiniCluster::start(options).await?;
//! println!("{}", cluster.uri());
//! cluster.stop().await;
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use loxodon_conf::Configuration;
use tempfile::TempDir;

use crate::daemon::{datanode, jobtracker, namenode, tasktracker};
use crate::held_port::{HeldPort, await_free};

/// Who set a value, in error messages about it.
const SOURCE: &str = "the embedded cluster";
/// Between two looks at whether the cluster serves.
const POLL: Duration = Duration::from_millis(2);
/// How long a daemon that was taken away may keep its port from the next one.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

/// What an embedded cluster is made of.
#[derive(Clone, Debug)]
pub struct MiniClusterOptions {
    /// How many DataNodes.
    pub datanodes: usize,
    /// Where disks are kept; a temporary directory, removed at the end, where there is none.
    pub directory: Option<PathBuf>,
    /// Whether the disks are emptied first. A directory without a file system is formatted anyway.
    pub format: bool,
    /// Port of the NameNode's calls; 0 takes a free one.
    pub rpc_port: u16,
    /// Port of the NameNode's web server; 0 takes a free one.
    pub http_port: u16,
    /// Racks of the DataNodes, one after the other, from the start again where they do not suffice.
    pub racks: Vec<String>,
    /// How many TaskTrackers; with none there is no JobTracker either.
    pub tasktrackers: usize,
    /// Port of the JobTracker's calls; 0 takes a free one.
    pub jobtracker_port: u16,
    /// Port of the JobTracker's pages; 0 takes a free one.
    pub jobtracker_http_port: u16,
    /// Keys that are set besides, name and value.
    pub settings: Vec<(String, String)>,
}

impl Default for MiniClusterOptions {
    fn default() -> Self {
        Self {
            datanodes: 1,
            directory: None,
            format: false,
            rpc_port: 0,
            http_port: 0,
            racks: Vec::new(),
            tasktrackers: 0,
            jobtracker_port: 0,
            jobtracker_http_port: 0,
            settings: Vec::new(),
        }
    }
}

/// Why an embedded cluster does not start.
#[derive(Debug, thiserror::Error)]
pub enum MiniClusterError {
    /// A directory or port of this machine.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system says.
        source: io::Error,
    },
    /// The NameNode.
    #[error("NameNode: {0}")]
    NameNode(#[from] namenode::StartError),
    /// A DataNode.
    #[error("DataNode {index}: {source}")]
    DataNode {
        /// Which, from 0.
        index: usize,
        /// Why.
        source: datanode::StartError,
    },
    /// The parts run, but do not find each other.
    #[error("after {seconds} s {live} of {wanted} DataNodes are registered, safe mode {safe_mode}")]
    NotServing {
        /// How long was waited.
        seconds: u64,
        /// DataNodes that are there.
        live: usize,
        /// DataNodes that were wanted.
        wanted: usize,
        /// `on` or `off`.
        safe_mode: &'static str,
    },
    /// The JobTracker.
    #[error("JobTracker: {0}")]
    JobTracker(#[from] jobtracker::StartError),
    /// A TaskTracker.
    #[error("TaskTracker {index}: {source}")]
    TaskTracker {
        /// Which, from 0.
        index: usize,
        /// Why.
        source: tasktracker::StartError,
    },
    /// The TaskTrackers do not find their JobTracker.
    #[error("after {seconds} s {live} of {wanted} TaskTrackers are registered")]
    NotTracking {
        /// How long was waited.
        seconds: u64,
        /// TaskTrackers that are there.
        live: usize,
        /// TaskTrackers that were wanted.
        wanted: usize,
    },
    /// No TaskTracker has that number.
    #[error("there is no TaskTracker {0}")]
    NoSuchTaskTracker(usize),
    /// No DataNode has that number.
    #[error("there is no DataNode {0}")]
    NoSuchDataNode(usize),
}

/// A DataNode's place: it keeps its port over restarts, so that its rack stays its own.
struct Place {
    port: u16,
    running: Option<datanode::RunningDataNode>,
}

/// A running cluster. Dropped, all of it stops at once, as if it were killed.
pub struct MiniCluster {
    conf: Configuration,
    directory: PathBuf,
    rpc_port: u16,
    http_port: u16,
    racks: HashMap<String, Arc<str>>,
    namenode: Option<namenode::RunningNameNode>,
    datanodes: Vec<Place>,
    jobtracker: Option<jobtracker::RunningJobTracker>,
    jobtracker_ports: (u16, u16),
    tasktrackers: Vec<Option<tasktracker::RunningTaskTracker>>,
    tracker_racks: Vec<String>,
    /// Ports that were chosen stay the cluster's, also while a part of it is down.
    _held: Vec<HeldPort>,
    /// Removes the disks when the cluster is gone.
    _temporary: Option<TempDir>,
}

impl MiniCluster {
    /// Starts all parts and waits until the cluster is out of safe mode with every DataNode live.
    ///
    /// # Errors
    /// The first part that does not start, by name.
    pub async fn start(options: MiniClusterOptions) -> Result<Self, MiniClusterError> {
        let (directory, temporary) = match &options.directory {
            Some(directory) => (directory.clone(), None),
            None => {
                let made = tempfile::Builder::new()
                    .prefix("loxodon-")
                    .tempdir()
                    .map_err(|source| io_error("make a temporary directory", source))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let mut held = Vec::new();
        let rpc_port = port_or_free(options.rpc_port, &mut held)?;
        let http_port = port_or_free(options.http_port, &mut held)?;
        let mut datanodes = Vec::new();
        let mut racks = HashMap::new();
        for index in 0..options.datanodes {
            let port = port_or_free(0, &mut held)?;
            if let Some(rack) = options.racks.get(index % options.racks.len().max(1)) {
                racks.insert(format!("127.0.0.1:{port}"), Arc::from(rack.as_str()));
            }
            datanodes.push(Place { port, running: None });
        }
        let jobtracker_ports = (
            port_or_free(options.jobtracker_port, &mut held)?,
            port_or_free(options.jobtracker_http_port, &mut held)?,
        );
        let conf = configuration(&options, &directory, (rpc_port, http_port), jobtracker_ports);
        let mut cluster = Self {
            conf,
            directory,
            rpc_port,
            http_port,
            racks,
            namenode: None,
            datanodes,
            jobtracker: None,
            jobtracker_ports,
            tasktrackers: (0..options.tasktrackers).map(|_| None).collect(),
            tracker_racks: options.racks.clone(),
            _held: held,
            _temporary: temporary,
        };
        cluster.prepare_disks(options.format)?;
        cluster.start_namenode().await?;
        for index in 0..options.datanodes {
            cluster.start_datanode(index).await?;
        }
        cluster.wait_until_serving(Duration::from_secs(60)).await?;
        if options.tasktrackers > 0 {
            cluster.start_jobtracker().await?;
            for index in 0..options.tasktrackers {
                cluster.start_tasktracker(index).await?;
            }
            cluster.wait_until_tracking(Duration::from_secs(60)).await?;
        }
        Ok(cluster)
    }

    /// `hdfs://127.0.0.1:port`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("hdfs://127.0.0.1:{}", self.rpc_port)
    }

    /// Port of the NameNode's calls.
    #[must_use]
    pub const fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// Port of the NameNode's web server.
    #[must_use]
    pub const fn http_port(&self) -> u16 {
        self.http_port
    }

    /// The configuration that clients need.
    #[must_use]
    pub const fn conf(&self) -> &Configuration {
        &self.conf
    }

    /// Where the disks are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `ip:port` where DataNode `index` transfers blocks, as NameNode and clients name it.
    #[must_use]
    pub fn datanode_address(&self, index: usize) -> Option<String> {
        self.datanodes.get(index).map(|place| format!("127.0.0.1:{}", place.port))
    }

    /// How many DataNodes the NameNode takes to be alive; 0 where it does not run.
    #[must_use]
    pub fn live_datanodes(&self) -> usize {
        self.namenode.as_ref().map_or(0, namenode::RunningNameNode::live_datanodes)
    }

    /// Starts the NameNode on its disk, where it does not run.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start_namenode(&mut self) -> Result<(), MiniClusterError> {
        if self.namenode.is_none() {
            for port in [self.rpc_port, self.http_port] {
                await_free(port, PORT_PATIENCE).await;
            }
            let options = namenode::StartOptions {
                racks: Some(self.racks.clone()),
                ..namenode::StartOptions::default()
            };
            let running = namenode::RunningNameNode::start(self.conf.clone(), options).await?;
            self.namenode = Some(running);
        }
        Ok(())
    }

    /// Takes the NameNode away without warning; what it had not synced is lost, as in a crash.
    pub async fn kill_namenode(&mut self) {
        if let Some(namenode) = self.namenode.take() {
            namenode.kill().await;
        }
    }

    /// Starts DataNode `index` on its disks, where it does not run.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start_datanode(&mut self, index: usize) -> Result<(), MiniClusterError> {
        let place = self.datanodes.get_mut(index).ok_or(MiniClusterError::NoSuchDataNode(index))?;
        if place.running.is_none() {
            let mut conf = self.conf.clone();
            let data = self.directory.join(format!("data/data{}", index + 1));
            await_free(place.port, PORT_PATIENCE).await;
            for (name, value) in [
                ("dfs.datanode.data.dir", format!("file://{}", data.display())),
                ("dfs.datanode.address", format!("127.0.0.1:{}", place.port)),
                ("dfs.datanode.ipc.address", "127.0.0.1:0".to_owned()),
                ("dfs.datanode.http.address", "127.0.0.1:0".to_owned()),
            ] {
                conf.set(name, &value, SOURCE);
            }
            let started = datanode::RunningDataNode::start(conf).await;
            place.running =
                Some(started.map_err(|source| MiniClusterError::DataNode { index, source })?);
        }
        Ok(())
    }

    /// Takes DataNode `index` away without warning.
    ///
    /// # Errors
    /// Where there is none.
    pub fn kill_datanode(&mut self, index: usize) -> Result<(), MiniClusterError> {
        let place = self.datanodes.get_mut(index).ok_or(MiniClusterError::NoSuchDataNode(index))?;
        drop(place.running.take());
        Ok(())
    }

    /// Waits until safe mode is off and every DataNode that runs is live.
    ///
    /// # Errors
    /// After `limit`: what is missing.
    pub async fn wait_until_serving(&self, limit: Duration) -> Result<(), MiniClusterError> {
        let wanted = self.datanodes.iter().filter(|place| place.running.is_some()).count();
        let serving = || {
            self.namenode
                .as_ref()
                .is_some_and(|n| !n.is_in_safe_mode() && n.writable_datanodes() >= wanted)
        };
        let waiting = async {
            while !serving() {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(limit, waiting).await.is_ok() {
            return Ok(());
        }
        let off = self.namenode.as_ref().is_some_and(|n| !n.is_in_safe_mode());
        Err(MiniClusterError::NotServing {
            seconds: limit.as_secs(),
            live: self.live_datanodes(),
            wanted,
            safe_mode: if off { "off" } else { "on" },
        })
    }

    /// Ports of the JobTracker's calls and pages.
    #[must_use]
    pub const fn jobtracker_ports(&self) -> (u16, u16) {
        self.jobtracker_ports
    }

    /// How many TaskTrackers the JobTracker takes to be alive; 0 where it does not run.
    #[must_use]
    pub fn live_tasktrackers(&self) -> usize {
        self.jobtracker.as_ref().map_or(0, jobtracker::RunningJobTracker::trackers)
    }

    /// The TaskTracker with that number, where it runs.
    #[must_use]
    pub fn tasktracker(&self, index: usize) -> Option<&tasktracker::RunningTaskTracker> {
        self.tasktrackers.get(index)?.as_ref()
    }

    /// Starts the JobTracker, where it does not run.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start_jobtracker(&mut self) -> Result<(), MiniClusterError> {
        if self.jobtracker.is_none() {
            for port in <[u16; 2]>::from(self.jobtracker_ports) {
                await_free(port, PORT_PATIENCE).await;
            }
            let started = jobtracker::RunningJobTracker::start(self.conf.clone()).await?;
            self.jobtracker = Some(started);
        }
        Ok(())
    }

    /// Takes the JobTracker away without warning.
    pub fn kill_jobtracker(&mut self) {
        drop(self.jobtracker.take());
    }

    /// Starts TaskTracker `index`, where it does not run.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start_tasktracker(&mut self, index: usize) -> Result<(), MiniClusterError> {
        let place = self.tasktrackers.get_mut(index);
        let place = place.ok_or(MiniClusterError::NoSuchTaskTracker(index))?;
        if place.is_none() {
            let mut conf = self.conf.clone();
            let own = self.directory.join(format!("mapred/tracker{}", index + 1));
            let mut set = |name: &str, value: &str| {
                if !conf.entries().any(|(set, _)| set == name) {
                    conf.set(name, value, SOURCE);
                }
            };
            set("mapreduce.cluster.local.dir", &own.join("local").display().to_string());
            set("hadoop.log.dir", &own.join("logs").display().to_string());
            set("mapreduce.tasktracker.http.address", "127.0.0.1:0");
            set("mapreduce.tasktracker.report.address", "127.0.0.1:0");
            set("mapreduce.shuffle.port", "0");
            if let Some(rack) = self.tracker_racks.get(index % self.tracker_racks.len().max(1)) {
                set("mapreduce.tasktracker.network.location", rack);
            }
            let started = tasktracker::RunningTaskTracker::start(conf).await;
            *place =
                Some(started.map_err(|source| MiniClusterError::TaskTracker { index, source })?);
        }
        Ok(())
    }

    /// Takes TaskTracker `index` away without warning, and the processes of its tasks.
    ///
    /// # Errors
    /// Where there is none.
    pub fn kill_tasktracker(&mut self, index: usize) -> Result<(), MiniClusterError> {
        let place = self.tasktrackers.get_mut(index);
        drop(place.ok_or(MiniClusterError::NoSuchTaskTracker(index))?.take());
        Ok(())
    }

    /// Waits until every TaskTracker that runs is registered.
    ///
    /// # Errors
    /// After `limit`: what is missing.
    pub async fn wait_until_tracking(&self, limit: Duration) -> Result<(), MiniClusterError> {
        let wanted = self.tasktrackers.iter().flatten().count();
        let waiting = async {
            while self.live_tasktrackers() < wanted {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(limit, waiting).await.is_ok() {
            return Ok(());
        }
        let (seconds, live) = (limit.as_secs(), self.live_tasktrackers());
        Err(MiniClusterError::NotTracking { seconds, live, wanted })
    }

    /// Stops all parts in order.
    pub async fn stop(mut self) {
        self.tasktrackers.clear();
        drop(self.jobtracker.take());
        for place in &mut self.datanodes {
            if let Some(running) = place.running.take() {
                running.stop().await;
            }
        }
        if let Some(namenode) = self.namenode.take() {
            namenode.stop().await;
        }
    }

    fn prepare_disks(&self, format: bool) -> Result<(), MiniClusterError> {
        let name = self.directory.join("name");
        if format {
            for old in [&name, &self.directory.join("data")] {
                match fs::remove_dir_all(old) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io_error(&format!("empty {}", old.display()), error));
                    }
                    _ => {}
                }
            }
        }
        fs::create_dir_all(&self.directory)
            .map_err(|source| io_error(&format!("make {}", self.directory.display()), source))?;
        if !name.join("current/VERSION").exists() {
            let options = namenode::FormatOptions { non_interactive: true, ..Default::default() };
            namenode::format(&self.conf, &options)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for MiniCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniCluster")
            .field("uri", &self.uri())
            .field("datanodes", &self.datanodes.len())
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

fn configuration(
    options: &MiniClusterOptions,
    directory: &Path,
    (rpc_port, http_port): (u16, u16),
    jobtracker: (u16, u16),
) -> Configuration {
    let mut conf = Configuration::new();
    let replication = options.datanodes.clamp(1, 3);
    for (name, value) in [
        ("fs.defaultFS", format!("hdfs://127.0.0.1:{rpc_port}")),
        ("dfs.namenode.http-address", format!("127.0.0.1:{http_port}")),
        ("dfs.namenode.name.dir", format!("file://{}", directory.join("name").display())),
        ("dfs.replication", replication.to_string()),
        ("dfs.namenode.safemode.extension", "0".to_owned()),
        ("dfs.namenode.safemode.min.datanodes", "0".to_owned()),
    ] {
        conf.set(name, &value, SOURCE);
    }
    if options.tasktrackers > 0 {
        for (name, value) in [
            ("mapreduce.framework.name", "classic".to_owned()),
            ("mapreduce.jobtracker.address", format!("127.0.0.1:{}", jobtracker.0)),
            ("mapreduce.jobtracker.http.address", format!("127.0.0.1:{}", jobtracker.1)),
            ("mapreduce.jobtracker.staging.root.dir", "/user".to_owned()),
            ("mapreduce.jobtracker.system.dir", "/mapred/system".to_owned()),
            ("yarn.app.mapreduce.am.staging-dir", "/mapred".to_owned()),
            ("mapreduce.tasktracker.host.name", loxodon_rpc::client::canonical_host_name()),
        ] {
            conf.set(name, &value, SOURCE);
        }
    }
    for (name, value) in &options.settings {
        conf.set(name, value, "-D");
    }
    conf
}

/// `port`, or one that is free where it is 0, which is held from now on.
fn port_or_free(port: u16, held: &mut Vec<HeldPort>) -> Result<u16, MiniClusterError> {
    if port != 0 {
        return Ok(port);
    }
    let free = HeldPort::any().map_err(|source| io_error("find a free port", source))?;
    let number = free.number();
    held.push(free);
    Ok(number)
}

fn io_error(doing: &str, source: io::Error) -> MiniClusterError {
    MiniClusterError::Io { doing: doing.to_owned(), source }
}
