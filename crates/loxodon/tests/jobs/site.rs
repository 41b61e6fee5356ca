//! A cluster of processes: HDFS, a JobTracker, TaskTrackers; each can be killed by itself.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Nothing here takes longer, unless something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// A process that ends with its owner.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("a process to kill");
        self.0.wait().expect("its end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The cluster.
pub(crate) struct Site {
    directory: TempDir,
    page: String,
    _hdfs: Daemon,
    jobtracker: Option<Daemon>,
    trackers: Vec<Option<Daemon>>,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loxodon"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Waits until something holds.
pub(crate) fn wait(what: &str, holds: impl FnMut() -> bool) {
    assert!(comes(LIMIT, holds), "{what}: not within {LIMIT:?}");
}

/// Whether something holds before long.
pub(crate) fn comes(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

impl Site {
    /// With so many TaskTrackers, all registered, and settings for every daemon and client.
    pub(crate) fn start(trackers: usize, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let conf = directory.path().join("conf");
        fs::create_dir(&conf).expect("a directory");
        let core = conf.join("core-site.xml");
        let hdfs = program()
            .args(["minicluster", "-nomr", "-format", "-datanodes", "2", "-dir"])
            .arg(directory.path().join("hdfs"))
            .arg("-writeConfig")
            .arg(&core)
            .args(["-D", "dfs.blocksize=1048576", "-D", "dfs.replication=2"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let hdfs = Daemon(hdfs);
        wait("HDFS", || {
            fs::read_to_string(&core).is_ok_and(|text| text.contains("</configuration>"))
        });
        let mut site = Self {
            directory,
            page: format!("127.0.0.1:{}", free_port()),
            _hdfs: hdfs,
            jobtracker: None,
            trackers: (0..trackers).map(|_| None).collect(),
        };
        site.write_settings(settings);
        site.start_jobtracker();
        for index in 0..trackers {
            site.start_tracker(index);
        }
        wait("TaskTrackers", || site.live_trackers() == trackers);
        site
    }

    fn write_settings(&self, settings: &[(&str, &str)]) {
        let address = format!("127.0.0.1:{}", free_port());
        let mut text = String::from("<configuration>\n");
        let own = [
            ("mapreduce.framework.name", "classic"),
            ("mapreduce.jobtracker.address", address.as_str()),
            ("mapreduce.jobtracker.http.address", self.page.as_str()),
            ("mapreduce.jobtracker.staging.root.dir", "/user"),
            ("mapreduce.jobtracker.system.dir", "/mapred/system"),
            ("mapreduce.jobtracker.expire.trackers.interval", "4000"),
            ("mapreduce.tasktracker.report.address", "127.0.0.1:0"),
            ("mapreduce.shuffle.port", "0"),
        ];
        for (name, value) in own.iter().chain(settings) {
            text += &format!("<property><name>{name}</name><value>{value}</value></property>\n");
        }
        fs::write(self.path("conf/mapred-site.xml"), text + "</configuration>\n").expect("a file");
    }

    /// Host and port of the JobTracker's page.
    pub(crate) fn page_address(&self) -> &str {
        &self.page
    }

    /// Host and port of the NameNode's page.
    pub(crate) fn namenode_page(&self) -> String {
        let text = self.text(&["hdfs", "getconf", "-confKey", "dfs.namenode.http-address"]);
        text.trim().to_owned()
    }

    /// A path in the temporary place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, with this cluster's configuration.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = program();
        command.env("HADOOP_CONF_DIR", self.path("conf")).args(words).stdin(Stdio::null());
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).current_dir(self.directory.path()).output().expect("the program starts")
    }

    /// What a command line that must succeed prints.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", all(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Stores a text.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let local = self.path("to-put");
        fs::write(&local, text).expect("a file");
        self.text(&["hdfs", "dfs", "-put", &local.display().to_string(), path]);
    }

    /// The lines of a job's output, in order.
    pub(crate) fn output(&self, path: &str) -> Vec<String> {
        let text = self.text(&["hdfs", "dfs", "-cat", &format!("{path}/part-*")]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Starts the JobTracker.
    pub(crate) fn start_jobtracker(&mut self) {
        let log = fs::File::create(self.path("jobtracker.log")).expect("a file");
        let mut command = self.command(&["mapred", "jobtracker"]);
        self.jobtracker = Some(Daemon(command.stderr(log).spawn().expect("the program starts")));
    }

    /// `kill -9` of the JobTracker.
    pub(crate) fn kill_jobtracker(&mut self) {
        self.jobtracker.take().expect("a JobTracker").kill();
    }

    /// Starts TaskTracker `index`.
    pub(crate) fn start_tracker(&mut self, index: usize) {
        let own = self.path(&format!("tracker{index}"));
        fs::create_dir_all(&own).expect("a directory");
        let log = fs::File::create(own.join("daemon.log")).expect("a file");
        let mut command = self.command(&["mapred", "tasktracker"]);
        command
            .arg("-D")
            .arg(format!("mapreduce.cluster.local.dir={}", own.join("local").display()))
            .arg("-D")
            .arg(format!("hadoop.log.dir={}", own.join("logs").display()))
            .arg("-D")
            .arg(format!("mapreduce.tasktracker.http.address=127.0.0.1:{}", free_port()))
            .stderr(log);
        let place = self.trackers.get_mut(index).expect("a place for the TaskTracker");
        *place = Some(Daemon(command.spawn().expect("the program starts")));
    }

    /// `kill -9` of TaskTracker `index`.
    pub(crate) fn kill_tracker(&mut self, index: usize) {
        let tracker = self.trackers.get_mut(index).and_then(Option::take);
        tracker.expect("a TaskTracker").kill();
    }

    /// TaskTrackers that the JobTracker knows.
    pub(crate) fn live_trackers(&self) -> usize {
        let output = self.run(&["mapred", "job", "-list-active-trackers"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter(|line| line.starts_with("tracker_")).count()
    }

    /// Runs a streaming job.
    pub(crate) fn stream(&self, settings: &[&str], options: &[&str]) -> Output {
        self.streaming(settings, options).output().expect("the program starts")
    }

    /// The command line of a streaming job, not yet started.
    pub(crate) fn streaming(&self, settings: &[&str], options: &[&str]) -> Command {
        let mut command = self.command(&["mapred", "streaming"]);
        command.current_dir(self.directory.path());
        for setting in settings {
            command.args(["-D", setting]);
        }
        command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Processes that carry the mark of this cluster's trackers.
    pub(crate) fn tasks(&self) -> usize {
        let mark = format!("LOXODON_TASK_TRACKER={}", self.directory.path().display());
        let Ok(entries) = fs::read_dir("/proc") else { return 0 };
        let environments =
            entries.flatten().filter_map(|e| fs::read(e.path().join("environ")).ok());
        environments
            .filter(|text| text.split(|byte| *byte == 0).any(|v| v.starts_with(mark.as_bytes())))
            .count()
    }

    /// Directories of jobs that are left on the trackers' disks.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for index in 0..self.trackers.len() {
            let local = self.path(&format!("tracker{index}/local/taskTracker"));
            collect(&local, &mut found);
        }
        found
    }
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with("job_") {
            found.push(path);
        } else if path.is_dir() {
            collect(&path, found);
        }
    }
}

/// Both streams of a command, for messages and for looking into.
pub(crate) fn all(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
