//! A daemon under measurement: Java's or ours, as a process of its own, and what it has used.

use std::fs::{self, File};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loxodon_interop::site::Site;
use loxodon_interop::{hadoop, repository};

/// Whose daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Java,
    Loxodon,
}

/// A running daemon; killed when this is dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Maker {
    fn command(self, conf: &Path, word: &str) -> io::Result<Command> {
        match self {
            Self::Java => {
                let class = match word {
                    "namenode" => "org.apache.hadoop.hdfs.server.namenode.NameNode",
                    "datanode" => "org.apache.hadoop.hdfs.server.datanode.DataNode",
                    other => {
                        return Err(io::Error::other(format!("no Java class for '{other}'")));
                    }
                };
                let mut command = Command::new("java");
                command
                    .args(["-Xmx6g", "--add-opens", "java.base/java.lang=ALL-UNNAMED"])
                    .arg("-cp")
                    .arg(format!("{}:{}", conf.display(), hadoop::class_path()?))
                    .arg(class);
                Ok(command)
            }
            Self::Loxodon => {
                let mut command = Command::new(release_program()?);
                command.env("HADOOP_CONF_DIR", conf).arg(word);
                Ok(command)
            }
        }
    }

    /// Formats a NameNode's directory.
    pub(crate) fn format(self, site: &Site) -> io::Result<()> {
        let output = self
            .command(&site.conf(), "namenode")?
            .args(["-format", "-nonInteractive"])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Starts a daemon with everything that it prints going to `log`.
    pub(crate) fn start(self, conf: &Path, word: &str, log: &Path) -> io::Result<Daemon> {
        let out = File::options().create(true).append(true).open(log)?;
        let child = self
            .command(conf, word)?
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Daemon { child })
    }

    /// Formats and starts a NameNode and waits until it listens.
    pub(crate) fn namenode(self, site: &Site, root: &Path) -> io::Result<Daemon> {
        self.format(site)?;
        let daemon = self.start(&site.conf(), "namenode", &root.join("namenode.log"))?;
        wait_for_port(site.rpc_port())?;
        Ok(daemon)
    }
}

/// Waits until something accepts connections on a local port, to a fraction of a millisecond.
pub(crate) fn wait_for_port(port: u16) -> io::Result<()> {
    const LIMIT: Duration = Duration::from_secs(300);
    const STEP: Duration = Duration::from_micros(250);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > LIMIT {
            return Err(io::Error::other(format!("port {port} is not open after {LIMIT:?}")));
        }
        std::thread::sleep(STEP);
    }
    Ok(())
}

impl Daemon {
    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds, user and system, that the process has used so far.
    pub(crate) fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let bad = || io::Error::other(format!("/proc/*/stat reads: {stat}"));
        let fields: Vec<&str> =
            stat.rsplit_once(')').ok_or_else(bad)?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).ok_or_else(bad);
        Ok((ticks(11)? + ticks(12)?) / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Resident memory, bytes.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|k| k * 1024).ok_or_else(|| io::Error::other("no VmRSS in /proc/*/status"))
    }
}

impl Daemon {
    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("a process without an id"))?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        self.child.wait().map(drop)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release build of `loxodon`, beside this program.
pub(crate) fn release_program() -> io::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("loxodon");
    if beside.exists() {
        return Ok(beside);
    }
    Err(io::Error::other(format!(
        "{} is not there: run `cargo build --release` in {} first",
        beside.display(),
        repository().display()
    )))
}
