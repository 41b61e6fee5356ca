//! Hadoop's YARN on this machine, a ResourceManager and a NodeManager, and jobs of its MapReduce on them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::site::write_xml;
use crate::{eventually, free_port, hadoop, http, repository};

const LIMIT: Duration = Duration::from_secs(120);
/// What Hadoop asks of a JVM of today.
const OPENS: &str = "--add-opens=java.base/java.lang=ALL-UNNAMED";
/// Its daemons, below `org.apache.hadoop`.
pub const DAEMONS: [&str; 2] =
    ["yarn.server.resourcemanager.ResourceManager", "yarn.server.nodemanager.NodeManager"];

/// Hadoop with YARN, its examples and its streaming: fetched where missing.
///
/// # Errors
/// Where Maven is missing or fails: what it printed.
pub fn jars() -> io::Result<PathBuf> {
    hadoop::jars(&repository().join("tests/interop/yarn"), "yarn")
}

/// What a place needs to run jobs on YARN: its `yarn-site.xml`, `mapred-site.xml` and `capacity-scheduler.xml` are
/// written beside the file system's configuration.
#[derive(Clone, Debug)]
pub struct Yarn {
    conf: PathBuf,
    root: PathBuf,
    jars: String,
    web: u16,
}

impl Yarn {
    /// Configures it, on ports that are free, with its directories below `root`.
    ///
    /// # Errors
    /// Where the jars cannot be fetched or the files not be written.
    pub fn configure(conf: &Path, root: &Path) -> io::Result<Self> {
        let jars = format!("{}/*", jars()?.display());
        let own = Self { conf: conf.into(), root: root.into(), jars, web: free_port()? };
        own.write_yarn_site()?;
        own.write_mapred_site()?;
        let queues = [
            ("yarn.scheduler.capacity.root.queues", "default"),
            ("yarn.scheduler.capacity.root.default.capacity", "100"),
            ("yarn.scheduler.capacity.maximum-am-resource-percent", "0.5"),
        ];
        write_xml(&conf.join("capacity-scheduler.xml"), &queues)?;
        Ok(own)
    }

    fn write_yarn_site(&self) -> io::Result<()> {
        let mut addresses =
            vec![("yarn.resourcemanager.webapp.address", format!("127.0.0.1:{}", self.web))];
        for name in [
            "yarn.resourcemanager.address",
            "yarn.resourcemanager.scheduler.address",
            "yarn.resourcemanager.resource-tracker.address",
            "yarn.resourcemanager.admin.address",
            "yarn.nodemanager.address",
            "yarn.nodemanager.localizer.address",
            "yarn.nodemanager.webapp.address",
        ] {
            addresses.push((name, format!("127.0.0.1:{}", free_port()?)));
        }
        let class_path = format!("{},{}", self.conf.display(), self.jars);
        let local = self.root.join("node-local").display().to_string();
        let logs = self.root.join("node-log").display().to_string();
        let mut pairs = vec![
            ("yarn.resourcemanager.hostname", "127.0.0.1"),
            ("yarn.nodemanager.aux-services", "mapreduce_shuffle"),
            ("yarn.nodemanager.vmem-check-enabled", "false"),
            (
                "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage",
                "100",
            ),
            ("yarn.nodemanager.env-whitelist", "JAVA_HOME,PATH"),
            ("yarn.nodemanager.local-dirs", &local),
            ("yarn.nodemanager.log-dirs", &logs),
            ("yarn.application.classpath", &class_path),
            ("yarn.log-aggregation-enable", "true"),
        ];
        pairs.extend(addresses.iter().map(|(name, address)| (*name, address.as_str())));
        write_xml(&self.conf.join("yarn-site.xml"), &pairs)
    }

    fn write_mapred_site(&self) -> io::Result<()> {
        let pairs = [
            ("mapreduce.framework.name", "yarn"),
            ("mapreduce.shuffle.port", "0"),
            ("mapreduce.application.classpath", self.jars.as_str()),
            ("yarn.app.mapreduce.am.admin-command-opts", OPENS),
            ("mapreduce.admin.map.child.java.opts", OPENS),
            ("mapreduce.admin.reduce.child.java.opts", OPENS),
            ("mapred.child.java.opts", "-Xmx800m"),
        ];
        write_xml(&self.conf.join("mapred-site.xml"), &pairs)
    }

    /// A Java program of Hadoop's, by its name below `org.apache.hadoop`.
    #[must_use]
    pub fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx1g", OPENS, "-cp"])
            .arg(format!("{}:{}", self.conf.display(), self.jars))
            .arg(format!("-Dyarn.log.dir={}", self.root.display()))
            .arg(format!("org.apache.hadoop.{class}"));
        java
    }

    /// Waits until a NodeManager has registered.
    ///
    /// # Errors
    /// Where none does in time.
    pub fn wait_for_node(&self) -> io::Result<()> {
        eventually("a NodeManager", LIMIT, || {
            let answer = http::get(self.web, "/ws/v1/cluster/metrics").ok()?;
            answer.body.contains("\"activeNodes\":1").then_some(())
        })
    }

    /// Starts its daemons and waits for them.
    ///
    /// # Errors
    /// Where they do not come up.
    pub fn start(&self) -> io::Result<YarnDaemons> {
        let mut daemons = YarnDaemons(Vec::new());
        for class in DAEMONS {
            let log = File::create(self.root.join(format!("{class}.log")))?;
            let mut java = self.java(class);
            java.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            daemons.0.push(java.spawn()?);
        }
        self.wait_for_node()?;
        Ok(daemons)
    }

    /// What the daemons and the tasks' processes said, for messages.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |class: &str| {
            fs::read_to_string(self.root.join(format!("{class}.log"))).unwrap_or_default()
        };
        DAEMONS.map(read).join("\n")
    }
}

/// YARN's daemons; they end when this is dropped, and with them what they started.
#[derive(Debug)]
pub struct YarnDaemons(Vec<Child>);

impl Drop for YarnDaemons {
    fn drop(&mut self) {
        for daemon in self.0.iter_mut().rev() {
            // Asked, a NodeManager ends its containers first.
            let asked = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status();
            let ended = asked.is_ok_and(|status| status.success())
                && eventually("its end", Duration::from_secs(20), || {
                    daemon.try_wait().ok().flatten()
                })
                .is_ok();
            if !ended {
                let _ = daemon.kill();
                let _ = daemon.wait();
            }
        }
    }
}
