//! A small cluster whose every part is either Java's or ours, and can be swapped for the other.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::java::{JavaHost, Outcome, whoami};
use crate::loxodon::{self, Daemon};
use crate::site::Site;
use crate::{eventually, free_port};

/// Whose program plays a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Apache Hadoop.
    Java,
    /// This project.
    Loxodon,
}

/// A daemon that runs, wherever it does.
#[derive(Debug)]
enum Running {
    Java { name: String },
    Loxodon(Daemon),
}

/// A NameNode, DataNodes and a JVM for Java's clients (and daemons).
#[derive(Debug)]
pub struct Cluster {
    root: PathBuf,
    site: Site,
    java: JavaHost,
    namenode: Option<Running>,
    datanodes: Vec<Option<Running>>,
    datanode_calls: Vec<String>,
}

impl Cluster {
    /// Starts a formatted cluster below `root`, one DataNode for each of `datanodes`, and waits for them.
    ///
    /// # Errors
    /// Where a part does not come up.
    pub fn start(root: &Path, namenode: Maker, datanodes: &[Maker]) -> io::Result<Self> {
        Self::start_with(root, namenode, datanodes, &[])
    }

    /// As [`Self::start`], with more keys in the NameNode's and clients' `hdfs-site.xml`.
    ///
    /// # Errors
    /// Where a part does not come up.
    pub fn start_with(
        root: &Path,
        namenode: Maker,
        datanodes: &[Maker],
        extra: &[(&str, &str)],
    ) -> io::Result<Self> {
        let site = Site::new(root)?;
        site.configure(extra)?;
        let java = JavaHost::start(&root.join("java.log"))?;
        let mut cluster = Self {
            root: root.into(),
            site,
            java,
            namenode: None,
            datanodes: Vec::new(),
            datanode_calls: Vec::new(),
        };
        cluster.format(namenode)?;
        cluster.start_namenode(namenode)?;
        for (index, maker) in datanodes.iter().enumerate() {
            cluster.start_datanode(index, *maker)?;
        }
        cluster.wait_for_datanodes(datanodes.len())?;
        Ok(cluster)
    }

    /// The configuration that clients use.
    pub fn site(&self) -> &Site {
        &self.site
    }

    fn format(&mut self, maker: Maker) -> io::Result<()> {
        let conf = self.site.conf();
        match maker {
            Maker::Java => self.java.run(&conf, &whoami(), "format", &[])?,
            Maker::Loxodon => {
                loxodon::run(&conf, &whoami(), &["namenode", "-format", "-nonInteractive"])?
            }
        }
        .succeeded()
        .map(drop)
    }

    /// Starts a NameNode on the cluster's directory.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_namenode(&mut self, maker: Maker) -> io::Result<()> {
        let conf = self.site.conf();
        self.namenode = Some(self.start_part(maker, &conf, "namenode", "namenode")?);
        let port = self.site.rpc_port();
        eventually("the NameNode's port", Duration::from_secs(180), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        })
    }

    /// Starts DataNode `index` on its directory.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_datanode(&mut self, index: usize, maker: Maker) -> io::Result<()> {
        self.start_datanode_with(index, maker, &[])
    }

    /// As [`Self::start_datanode`], with more keys in its `hdfs-site.xml`.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_datanode_with(
        &mut self,
        index: usize,
        maker: Maker,
        extra: &[(&str, &str)],
    ) -> io::Result<()> {
        let calls = format!("127.0.0.1:{}", free_port()?);
        let mut own = vec![("dfs.datanode.ipc.address", calls.as_str())];
        own.extend_from_slice(extra);
        let conf = self.site.datanode_conf(index, &own)?;
        let running = self.start_part(maker, &conf, "datanode", &format!("datanode{index}"))?;
        if self.datanodes.len() <= index {
            self.datanodes.resize_with(index + 1, || None);
            self.datanode_calls.resize(index + 1, String::new());
        }
        self.datanodes[index] = Some(running);
        self.datanode_calls[index] = calls;
        Ok(())
    }

    /// Where DataNode `index` takes calls (`host:ipc_port`).
    ///
    /// # Errors
    /// Where it was never started.
    pub fn datanode_calls(&self, index: usize) -> io::Result<&str> {
        let calls = self.datanode_calls.get(index).map(String::as_str);
        calls.ok_or_else(|| io::Error::other(format!("there is no DataNode {index}")))
    }

    fn start_part(
        &mut self,
        maker: Maker,
        conf: &Path,
        word: &str,
        name: &str,
    ) -> io::Result<Running> {
        match maker {
            Maker::Java => {
                self.java.start_daemon(conf, word, name)?;
                Ok(Running::Java { name: name.into() })
            }
            Maker::Loxodon => {
                let log = self.root.join(format!("{name}.log"));
                Daemon::start(conf, word, &log).map(Running::Loxodon)
            }
        }
    }

    /// Stops the NameNode: Java's in order, ours by `kill -9`.
    ///
    /// # Errors
    /// Where it was not running.
    pub fn stop_namenode(&mut self) -> io::Result<()> {
        let running = self.namenode.take();
        self.stop_part(running)
    }

    /// Stops DataNode `index`, likewise.
    ///
    /// # Errors
    /// Where it was not running.
    pub fn stop_datanode(&mut self, index: usize) -> io::Result<()> {
        let running = self.datanodes.get_mut(index).and_then(Option::take);
        self.stop_part(running)
    }

    fn stop_part(&mut self, running: Option<Running>) -> io::Result<()> {
        match running {
            Some(Running::Java { name }) => self.java.stop_daemon(&self.site.conf(), &name),
            Some(Running::Loxodon(mut daemon)) => daemon.kill(),
            None => Err(io::Error::other("that daemon is not running")),
        }
    }

    /// Waits until the NameNode counts `count` live DataNodes and knows the storages of each.
    ///
    /// # Errors
    /// After three minutes.
    pub fn wait_for_datanodes(&mut self, count: usize) -> io::Result<()> {
        let wanted = format!("Live datanodes ({count}):");
        let conf = self.site.conf();
        let Self { java, namenode, datanodes, .. } = self;
        let mut last = String::new();
        let result = eventually("live DataNodes", Duration::from_secs(180), || {
            for running in namenode.iter_mut().chain(datanodes.iter_mut().flatten()) {
                if let Running::Loxodon(daemon) = running
                    && let Err(error) = daemon.alive()
                {
                    return Some(Err(error));
                }
            }
            let report = java.run(&conf, &whoami(), "dfsadmin", &["-report", "-live"]).ok()?;
            // A DataNode counts when it has registered; its storages come with its first heartbeat.
            let has_storages = count == 0 || !report.stdout.contains("Configured Capacity: 0 (");
            let enough = report.stdout.contains(&wanted) && has_storages;
            last = report.stdout + &report.stderr;
            enough.then_some(Ok(()))
        });
        result.map_err(|e| io::Error::other(format!("{e}; the last report was:\n{last}")))?
    }

    /// Runs one of Java's programs (`dfs`, `dfsadmin`, `fsck`, `oiv`, `oev`, `scenario` …) as the superuser.
    ///
    /// # Errors
    /// Where the JVM is gone.
    pub fn java(&mut self, command: &str, args: &[&str]) -> io::Result<Outcome> {
        self.java.run(&self.site.conf(), &whoami(), command, args)
    }

    /// The same as another user.
    ///
    /// # Errors
    /// Where the JVM is gone.
    pub fn java_as(&mut self, user: &str, command: &str, args: &[&str]) -> io::Result<Outcome> {
        self.java.run(&self.site.conf(), user, command, args)
    }

    /// Runs one of our commands as the superuser.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn ours(&self, args: &[&str]) -> io::Result<Outcome> {
        self.ours_as(&whoami(), args)
    }

    /// The same as another user.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn ours_as(&self, user: &str, args: &[&str]) -> io::Result<Outcome> {
        loxodon::run(&self.site.conf(), user, args)
    }

    /// What the NameNode has logged so far.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn namenode_log(&self) -> io::Result<String> {
        match &self.namenode {
            Some(Running::Java { .. }) => std::fs::read_to_string(self.java.log()),
            _ => std::fs::read_to_string(self.root.join("namenode.log")),
        }
    }

    /// An error that names the first daemon of ours that has ended, with its log.
    ///
    /// # Errors
    /// Where one has.
    pub fn all_alive(&mut self) -> io::Result<()> {
        for running in self.namenode.iter_mut().chain(self.datanodes.iter_mut().flatten()) {
            if let Running::Loxodon(daemon) = running {
                daemon.alive()?;
            }
        }
        Ok(())
    }
}

/// Runs `body` in a fresh directory, which is kept and named where it fails.
///
/// # Panics
/// Where `body` fails: this is what makes a test fail.
pub fn in_fresh_directory(body: impl FnOnce(&Path) -> io::Result<()>) {
    #[expect(clippy::expect_used, reason = "a test cannot go on without a directory")]
    let root = tempfile::tempdir().expect("a temporary directory");
    if let Err(error) = body(root.path()) {
        let kept = root.keep();
        #[expect(clippy::panic, reason = "how a test fails")]
        {
            panic!("{error}\nlogs and disks are kept in {}", kept.display());
        }
    }
}
