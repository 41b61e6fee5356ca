//! The same job by Hadoop's own programs and by ours, both in one process on a cluster of ours.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::eventually;
use crate::java::{JavaHost, Outcome, whoami};
use crate::loxodon::{self, Daemon};
use crate::site::Site;

/// The main class of Hadoop's examples.
pub const EXAMPLES: &str = "org.apache.hadoop.examples.ExampleDriver";
/// The main class of its streaming.
pub const STREAMING: &str = "org.apache.hadoop.streaming.HadoopStreaming";

/// A job's end: its exit code and what it printed, and its counters by name.
#[derive(Clone, Debug)]
pub struct JobEnd {
    /// Exit code and printed text.
    pub outcome: Outcome,
    /// Its counters, where they were printed; of several jobs those of the last.
    pub counters: BTreeMap<String, i64>,
}

/// HDFS of ours, a JVM with Hadoop's programs, and a directory in which both work.
#[derive(Debug)]
pub struct JobSite {
    root: PathBuf,
    site: Site,
    hdfs: Daemon,
    java: JavaHost,
    /// How much of the JVM's log was looked at.
    seen: u64,
}

impl JobSite {
    /// Starts it below `root`.
    ///
    /// # Errors
    /// A part does not come up.
    pub fn start(root: &Path) -> io::Result<Self> {
        let site = Site::new(root)?;
        let settings = [
            // Java's client looks after a job every second otherwise.
            ("mapreduce.client.progressmonitor.pollinterval", "20"),
            ("mapreduce.client.completion.pollinterval", "20"),
            // Java's local runner always asks for one.
            ("mapreduce.job.maps", "1"),
        ]
        .map(|(key, value)| {
            format!("<property><name>{key}</name><value>{value}</value></property>")
        });
        let settings = format!("<configuration>{}</configuration>", settings.join(""));
        fs::write(site.conf().join("mapred-site.xml"), settings)?;
        let details = root.join("details.json");
        let (rpc, http) = (site.rpc_port().to_string(), site.http_port().to_string());
        let (disks, written) =
            (root.join("disks").display().to_string(), details.display().to_string());
        let args =
            ["minicluster", "-nomr", "-datanodes", "1", "-nnport", &rpc, "-nnhttpport", &http];
        let more = ["-dir", &disks, "-writeDetails", &written, "-D", "dfs.replication=1"];
        let all: Vec<&str> = args.iter().chain(&more).copied().collect();
        let mut hdfs = Daemon::start_with(&site.conf(), &all, &root.join("cluster.log"))?;
        // Meanwhile.
        let java = JavaHost::start_in(&root.join("java.log"), root)?;
        eventually("the cluster", Duration::from_secs(180), || {
            if let Err(error) = hdfs.alive() {
                return Some(Err(error));
            }
            details.exists().then_some(Ok(()))
        })??;
        Ok(Self { root: root.into(), site, hdfs, java, seen: 0 })
    }

    /// A path in the working directory of both.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Stores a file of this machine's as `name` in HDFS.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let local = self.path("to-put");
        fs::write(&local, bytes)?;
        let parent = Path::new(name).parent().unwrap_or(Path::new("/")).display().to_string();
        self.shell(&["-mkdir", "-p", &parent])?;
        self.shell(&["-put", &local.display().to_string(), name]).map(drop)
    }

    /// What our shell prints.
    ///
    /// # Errors
    /// It fails.
    pub fn shell(&self, args: &[&str]) -> io::Result<String> {
        let all: Vec<&str> = ["dfs"].iter().chain(args).copied().collect();
        loxodon::run(&self.site.conf(), &whoami(), &all)?.succeeded()
    }

    /// What Java's shell prints.
    ///
    /// # Errors
    /// It fails.
    pub fn javas_shell(&mut self, args: &[&str]) -> io::Result<String> {
        self.java.run(&self.site.conf(), &whoami(), "dfs", args)?.succeeded()
    }

    /// Runs a main class of Hadoop's.
    ///
    /// # Errors
    /// The JVM is gone.
    pub fn javas(&mut self, class: &str, args: &[&str]) -> io::Result<JobEnd> {
        let args: Vec<&str> = [class].iter().chain(args).copied().collect();
        let outcome = self.java.run(&self.site.conf(), &whoami(), "main", &args)?;
        let log = fs::read(self.java.log())?;
        let from = usize::try_from(self.seen).unwrap_or(usize::MAX);
        let new = String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned();
        self.seen = log.len() as u64;
        Ok(JobEnd { outcome, counters: counters(&new) })
    }

    /// Runs ours: `mapred ARGS` or `hadoop jar ...`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn ours(&mut self, args: &[&str]) -> io::Result<JobEnd> {
        self.hdfs.alive()?;
        let output = Command::new(loxodon::program()?)
            .args(args)
            .env("HADOOP_CONF_DIR", self.site.conf())
            .env("HADOOP_USER_NAME", whoami())
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let counters = counters(&stderr);
        let outcome = Outcome {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr,
        };
        Ok(JobEnd { outcome, counters })
    }

    /// Copies a directory of HDFS to this machine and gives its files by name.
    ///
    /// # Errors
    /// It is not there.
    pub fn fetched(&self, directory: &str) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let local = tempfile::tempdir_in(&self.root)?;
        let to = local.path().join("copy");
        self.shell(&["-get", directory, &to.display().to_string()])?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&to)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read(entry.path())?);
        }
        Ok(files)
    }

    /// An error unless both directories have the same files with the same bytes.
    ///
    /// # Errors
    /// The first that differs.
    pub fn same_files(&self, javas: &str, ours: &str) -> io::Result<()> {
        let (javas_files, ours_files) = (self.fetched(javas)?, self.fetched(ours)?);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        differ("names of files", &names(&javas_files), &names(&ours_files))?;
        for (name, bytes) in &javas_files {
            let own = ours_files.get(name).map(Vec::as_slice).unwrap_or_default();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if bytes != own {
                differ(name, &text(bytes), &text(own))?;
                return Err(io::Error::other(format!("{name}: bytes that are no text differ")));
            }
        }
        Ok(())
    }

    /// An error unless the records of both directories are the same, as both shells show them.
    ///
    /// # Errors
    /// What differs.
    pub fn same_records(&mut self, javas: &str, ours: &str) -> io::Result<()> {
        self.compare_records(javas, ours, |text| text)
    }

    /// As [`Self::same_records`], in whatever order they are.
    ///
    /// # Errors
    /// What differs.
    pub fn same_record_sets(&mut self, javas: &str, ours: &str) -> io::Result<()> {
        self.compare_records(javas, ours, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        })
    }

    fn compare_records(
        &mut self,
        javas: &str,
        ours: &str,
        put: fn(String) -> String,
    ) -> io::Result<()> {
        let (javas, ours) = (format!("{javas}/part-*"), format!("{ours}/part-*"));
        let theirs = self.javas_shell(&["-text", &javas])?;
        differ("theirs, as our shell shows it", &theirs, &self.shell(&["-text", &javas])?)?;
        let own = self.javas_shell(&["-text", &ours])?;
        differ("ours, as our shell shows it", &own, &self.shell(&["-text", &ours])?)?;
        differ("records", &put(theirs), &put(own))
    }
}

/// An error with both, unless they are the same.
///
/// # Errors
/// They are not.
pub fn differ<T: PartialEq + std::fmt::Debug>(what: &str, javas: &T, ours: &T) -> io::Result<()> {
    if javas == ours {
        return Ok(());
    }
    let shortened = |value: &T| format!("{value:?}").chars().take(3000).collect::<String>();
    let (javas, ours) = (shortened(javas), shortened(ours));
    Err(io::Error::other(format!("{what}:\nJava: {javas}\nours: {ours}")))
}

/// An error unless these counters have the same values in both.
///
/// # Errors
/// All that differ.
pub fn same_counters(javas: &JobEnd, ours: &JobEnd, names: &[&str]) -> io::Result<()> {
    let wrong: Vec<String> = names
        .iter()
        .filter(|name| javas.counters.get(**name) != ours.counters.get(**name))
        .map(|name| {
            format!("{name}: {:?} and {:?}", javas.counters.get(*name), ours.counters.get(*name))
        })
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("counters (Java's, ours): {}", wrong.join("; ")))),
    }
}

/// The lines below the last `Counters:` of a log.
fn counters(log: &str) -> BTreeMap<String, i64> {
    let Some((_, block)) = log.rsplit_once("Counters: ") else { return BTreeMap::new() };
    let lines = block.lines().skip(1).take_while(|line| line.starts_with('\t'));
    lines
        .filter_map(|line| line.trim().rsplit_once('='))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

/// A case of a suite: its name, and what it does on a site.
pub type Case<'a> = (&'a str, fn(&mut JobSite) -> io::Result<()>);

/// Runs all cases; the error has those that failed.
///
/// # Errors
/// A case fails.
pub fn all_hold(cases: &[Case<'_>], site: &mut JobSite) -> io::Result<()> {
    let mut failed = Vec::new();
    for (name, case) in cases {
        if let Err(error) = case(site) {
            failed.push(format!("--- {name}: {error}"));
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(failed.join("\n"))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn counters_are_those_of_the_last_job() {
        let log = "x Counters: 1\n\tG\n\t\tA=1\ny Counters: 2\n\tG g\n\t\tB b=2\n\t\tC=x\nnext\n\t\tD=4\n";
        let found = super::counters(log);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("B b".to_owned(), 2)]);
    }
}
