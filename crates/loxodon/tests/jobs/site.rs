//! A cluster of processes: a NameNode, DataNodes, a JobTracker, TaskTrackers; each can be killed, stopped and
//! started by itself.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use loxodon_runtime::held_port::HeldPort;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::web::json;

/// Nothing here takes longer, however slow the machine, unless something is wrong.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);
/// For sites where a TaskTracker is taken away for good. Elsewhere one may be silent as long as a busy machine has it.
pub(crate) const LOST_SOON: (&str, &str) =
    ("mapreduce.jobtracker.expire.trackers.interval", "4000");
/// DataNodes of every site.
const DATANODES: usize = 2;

/// A process that ends with its owner.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("a process to kill");
        self.0.wait().expect("its end");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("a process that runs");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that an attempt started, or the attempt's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskProcess {
    pub(crate) pid: i32,
    /// Number of its tracker.
    pub(crate) tracker: usize,
    /// Its attempt's id.
    pub(crate) attempt: String,
}

impl TaskProcess {
    pub(crate) fn send(&self, signal: Signal) {
        // It may have ended just now.
        let _ = Pid::from_raw(self.pid).map(|pid| kill_process(pid, signal));
    }
}

/// The cluster.
pub(crate) struct Site {
    directory: TempDir,
    page: String,
    namenode: Option<Daemon>,
    datanodes: Vec<Option<Daemon>>,
    jobtracker: Option<Daemon>,
    trackers: Vec<Option<Daemon>>,
    /// Ports of TaskTrackers' pages: their names survive restarts.
    tracker_ports: Vec<HeldPort>,
    /// Of the NameNode, its page, the JobTracker, its page.
    ports: Vec<HeldPort>,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loxodon"))
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

fn properties(settings: &[(&str, &str)]) -> String {
    let mut text = String::from("<configuration>\n");
    for (name, value) in settings {
        text += &format!("<property><name>{name}</name><value>{value}</value></property>\n");
    }
    text + "</configuration>\n"
}

impl Site {
    /// With so many TaskTrackers, all registered, and settings for every daemon and client.
    pub(crate) fn start(trackers: usize, settings: &[(&str, &str)]) -> Self {
        Self::start_with(trackers, settings, &[])
    }

    /// With further files in the configuration's directory, which `{conf}` in a setting stands for.
    pub(crate) fn start_with(
        trackers: usize,
        settings: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Self {
        let mut site = Self::hdfs(trackers);
        files.iter().for_each(|(name, text)| site.write_conf(name, text));
        site.write_settings(settings);
        site.start_jobtracker();
        (0..trackers).for_each(|index| site.start_tracker(index));
        wait("TaskTrackers", || site.live_trackers() == trackers);
        site
    }

    /// HDFS alone, with room for so many TaskTrackers.
    pub(crate) fn hdfs(trackers: usize) -> Self {
        let held = |count: usize| -> Vec<HeldPort> {
            (0..count).map(|_| HeldPort::any().expect("a port")).collect()
        };
        let ports = held(4);
        let mut site = Self {
            directory: tempfile::tempdir().expect("a directory"),
            page: format!("127.0.0.1:{}", ports[3].number()),
            namenode: None,
            datanodes: (0..DATANODES).map(|_| None).collect(),
            jobtracker: None,
            trackers: (0..trackers).map(|_| None).collect(),
            tracker_ports: held(trackers),
            ports,
        };
        fs::create_dir(site.path("conf")).expect("a directory");
        site.write_settings(&[]);
        let formatted = site.run(&["hdfs", "namenode", "-format", "-nonInteractive"]);
        assert!(formatted.status.success(), "{}", all(&formatted));
        site.start_namenode();
        (0..DATANODES).for_each(|index| site.start_datanode(index));
        wait("HDFS", || site.live_datanodes() == DATANODES);
        site
    }

    /// A file in the configuration's directory.
    pub(crate) fn write_conf(&self, name: &str, text: &str) {
        fs::write(self.path("conf").join(name), text).expect("a file");
    }

    /// What every daemon and client reads: addresses, and these settings.
    pub(crate) fn write_settings(&self, settings: &[(&str, &str)]) {
        let at: Vec<String> =
            self.ports.iter().map(|p| format!("127.0.0.1:{}", p.number())).collect();
        let hdfs = [
            ("fs.defaultFS", format!("hdfs://{}", at[0])),
            ("dfs.namenode.http-address", at[1].clone()),
            ("dfs.namenode.name.dir", format!("file://{}", self.path("name").display())),
            ("dfs.namenode.safemode.extension", "0".into()),
            ("dfs.blocksize", "1048576".into()),
            ("dfs.replication", "2".into()),
        ];
        let hdfs: Vec<(&str, &str)> = hdfs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        fs::write(self.path("conf/core-site.xml"), properties(&hdfs)).expect("a file");
        let mut jobs = vec![
            ("mapreduce.framework.name", "classic"),
            ("mapreduce.jobtracker.address", at[2].as_str()),
            ("mapreduce.jobtracker.http.address", at[3].as_str()),
            ("mapreduce.jobtracker.staging.root.dir", "/user"),
            ("mapreduce.jobtracker.system.dir", "/mapred/system"),
            ("mapreduce.jobtracker.expire.trackers.interval", "120000"),
            // Places for two tasks, whatever the machine has.
            ("yarn.nodemanager.resource.cpu-vcores", "2"),
            ("yarn.nodemanager.resource.memory-mb", "8192"),
            // Tests count attempts and hold some of them up.
            ("mapreduce.map.speculative", "false"),
            ("mapreduce.reduce.speculative", "false"),
            ("mapreduce.tasktracker.report.address", "127.0.0.1:0"),
            ("mapreduce.shuffle.port", "0"),
        ];
        let conf = self.path("conf").display().to_string();
        let settings: Vec<(&str, String)> =
            settings.iter().map(|(name, value)| (*name, value.replace("{conf}", &conf))).collect();
        jobs.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
        fs::write(self.path("conf/mapred-site.xml"), properties(&jobs)).expect("a file");
    }

    /// Host and port of the NameNode's calls.
    pub(crate) fn namenode_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0].number())
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
        command
            .env("HADOOP_CONF_DIR", self.path("conf"))
            .env("HADOOP_LOG_DIR", self.directory.path())
            .current_dir(self.directory.path())
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program starts")
    }

    /// Runs a command line to its end as another user.
    pub(crate) fn run_as(&self, user: &str, words: &[&str]) -> Output {
        self.command(words).env("HADOOP_USER_NAME", user).output().expect("the program starts")
    }

    /// Starts another daemon of `mapred`, whose log is beside the others.
    pub(crate) fn start_daemon(&self, word: &str) -> Daemon {
        self.daemon(&["mapred", word], &[], &format!("{word}.log"))
    }

    /// What a command line that must succeed prints.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", all(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Stores a file.
    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let mut put = self.command(&["hdfs", "dfs", "-put", "-f", "-", path]);
        let mut child = put.stdin(Stdio::piped()).spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(bytes.as_ref()).expect("a program that reads");
        drop(stdin);
        assert!(child.wait().expect("its end").success(), "{path} is not stored");
    }

    /// What a job wrote, its files one after the other.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let output = self.run(&["hdfs", "dfs", "-cat", &format!("{path}/part-*")]);
        assert!(output.status.success(), "{}", all(&output));
        output.stdout
    }

    /// The lines of a job's output, in order.
    pub(crate) fn output(&self, path: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes(path)).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// All paths below one of HDFS.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let output = self.run(&["hdfs", "dfs", "-ls", "-R", path]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = text.lines().filter_map(|line| line.split_whitespace().last());
        names.filter(|name| name.starts_with('/')).map(str::to_owned).collect()
    }

    fn daemon(&self, words: &[&str], settings: &[(&str, String)], log: &str) -> Daemon {
        let log = fs::File::create(self.path(log)).expect("a file");
        let mut command = self.command(words);
        for (name, value) in settings {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        Daemon(command.stderr(log).stdout(Stdio::null()).spawn().expect("the program starts"))
    }

    pub(crate) fn start_namenode(&mut self) {
        self.namenode = Some(self.daemon(&["hdfs", "namenode"], &[], "namenode.log"));
    }

    /// `kill -9` of the NameNode.
    pub(crate) fn kill_namenode(&mut self) {
        self.namenode.take().expect("a NameNode").kill();
    }

    /// Stops the NameNode where it is (`SIGSTOP`), or lets it go on.
    pub(crate) fn pause_namenode(&self, pause: bool) {
        let signal = if pause { Signal::STOP } else { Signal::CONT };
        self.namenode.as_ref().expect("a NameNode").send(signal);
    }

    pub(crate) fn start_datanode(&mut self, index: usize) {
        let any = || "127.0.0.1:0".to_owned();
        let data = self.path(&format!("data{index}"));
        let settings = [
            ("dfs.datanode.data.dir", format!("file://{}", data.display())),
            ("dfs.datanode.address", any()),
            ("dfs.datanode.ipc.address", any()),
            ("dfs.datanode.http.address", any()),
        ];
        let log = format!("datanode{index}.log");
        let started = self.daemon(&["hdfs", "datanode"], &settings, &log);
        *self.datanodes.get_mut(index).expect("a place for the DataNode") = Some(started);
    }

    /// `kill -9` of DataNode `index`.
    pub(crate) fn kill_datanode(&mut self, index: usize) {
        self.datanodes.get_mut(index).and_then(Option::take).expect("a DataNode").kill();
    }

    fn live_datanodes(&self) -> usize {
        let report = self.run(&["hdfs", "dfsadmin", "-report"]);
        let text = String::from_utf8_lossy(&report.stdout).into_owned();
        let live = text.split("Live datanodes (").nth(1).and_then(|rest| rest.split(')').next());
        live.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Starts the JobTracker.
    pub(crate) fn start_jobtracker(&mut self) {
        self.jobtracker = Some(self.daemon(&["mapred", "jobtracker"], &[], "jobtracker.log"));
    }

    /// `kill -9` of the JobTracker.
    pub(crate) fn kill_jobtracker(&mut self) {
        self.jobtracker.take().expect("a JobTracker").kill();
    }

    /// Starts TaskTracker `index`.
    pub(crate) fn start_tracker(&mut self, index: usize) {
        let own = self.path(&format!("tracker{index}"));
        self.start_tracker_on(index, &own.join("local").display().to_string());
    }

    /// Starts TaskTracker `index` with settings of its own.
    pub(crate) fn start_tracker_with(&mut self, index: usize, settings: &[(&str, &str)]) {
        let own = self.path(&format!("tracker{index}"));
        self.launch_tracker(index, &own.join("local").display().to_string(), settings);
    }

    /// Starts TaskTracker `index` with these local directories.
    pub(crate) fn start_tracker_on(&mut self, index: usize, directories: &str) {
        self.launch_tracker(index, directories, &[]);
    }

    fn launch_tracker(&mut self, index: usize, directories: &str, further: &[(&str, &str)]) {
        let own = self.path(&format!("tracker{index}"));
        fs::create_dir_all(&own).expect("a directory");
        let http = self.tracker_ports.get(index).expect("its port").number();
        let mut settings = vec![
            ("mapreduce.cluster.local.dir", directories.to_owned()),
            ("hadoop.log.dir", own.join("logs").display().to_string()),
            ("mapreduce.tasktracker.http.address", format!("127.0.0.1:{http}")),
        ];
        settings.extend(further.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let log = format!("tracker{index}/daemon.log");
        let started = self.daemon(&["mapred", "tasktracker"], &settings, &log);
        *self.trackers.get_mut(index).expect("a place for the TaskTracker") = Some(started);
    }

    /// `kill -9` of TaskTracker `index`.
    pub(crate) fn kill_tracker(&mut self, index: usize) {
        let tracker = self.trackers.get_mut(index).and_then(Option::take);
        tracker.expect("a TaskTracker").kill();
    }

    /// Stops TaskTracker `index` where it is (`SIGSTOP`), or lets it go on.
    pub(crate) fn pause_tracker(&self, index: usize, pause: bool) {
        let signal = if pause { Signal::STOP } else { Signal::CONT };
        self.trackers.get(index).and_then(Option::as_ref).expect("a TaskTracker").send(signal);
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
        for setting in settings {
            command.args(["-D", setting]);
        }
        command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Processes that carry the mark of one of this cluster's trackers.
    pub(crate) fn processes(&self) -> Vec<TaskProcess> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| self.look(pid)).collect()
    }

    fn look(&self, pid: i32) -> Option<TaskProcess> {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let variable = |name: &str| {
            let mut all = environment.split(|byte| *byte == 0);
            all.find_map(|one| one.strip_prefix(name.as_bytes())).map(String::from_utf8_lossy)
        };
        let mark = variable("LOXODON_TASK_TRACKER=")?;
        let place = format!("{}/tracker", self.directory.path().display());
        let tracker = mark.strip_prefix(&place)?.split('/').next()?.parse().ok()?;
        let attempt = variable("LOXODON_TASK_ATTEMPT=")?.into_owned();
        Some(TaskProcess { pid, tracker, attempt })
    }

    /// How many those are.
    pub(crate) fn tasks(&self) -> usize {
        self.processes().len()
    }

    /// Directories of jobs that are left on the trackers' disks.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for index in 0..self.trackers.len() {
            collect(&self.path(&format!("tracker{index}")), &mut found);
        }
        found
    }

    /// How many maps of the job that runs are complete.
    pub(crate) fn completed_maps(&self) -> u64 {
        let jobs = json(&self.page, "/ws/v1/mapreduce/jobs");
        let mut jobs = jobs["jobs"]["job"].as_array().into_iter().flatten();
        let running = jobs.find(|job| job["state"] == "RUNNING");
        running.and_then(|job| job["mapsCompleted"].as_u64()).unwrap_or(0)
    }

    /// Nothing of any job is left: no process, no directory on a tracker, nothing temporary in HDFS.
    pub(crate) fn nothing_left(&self) {
        wait("no process is left", || self.tasks() == 0);
        assert!(comes(LIMIT, || self.left().is_empty()), "{:?}", self.left());
        let temporary = || -> Vec<String> {
            let is_temporary = |path: &String| {
                let of_job = path.starts_with("/mapred/system/") || path.contains("/.staging/");
                path.contains("/_temporary") || of_job && path.contains("/job_")
            };
            self.list("/").into_iter().filter(is_temporary).collect()
        };
        assert!(comes(LIMIT, || temporary().is_empty()), "{:?}", temporary());
    }

    /// Everything that the daemons said, for messages.
    pub(crate) fn logs(&self) -> String {
        let mut names = vec!["jobtracker.log".to_owned(), "namenode.log".to_owned()];
        names.extend((0..self.trackers.len()).map(|index| format!("tracker{index}/daemon.log")));
        let read = |name: &String| fs::read_to_string(self.path(name)).unwrap_or_default();
        names.iter().map(|name| format!("=== {name}\n{}\n", read(name))).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for tracker in self.trackers.iter_mut().flatten() {
            // Told to end, one takes its control groups with it.
            tracker.send(Signal::CONT);
            tracker.send(Signal::TERM);
        }
        let mut trackers: Vec<Daemon> = self.trackers.drain(..).flatten().collect();
        comes(Duration::from_secs(5), || {
            trackers.retain_mut(|tracker| tracker.0.try_wait().is_ok_and(|end| end.is_none()));
            trackers.is_empty()
        });
        // A test that failed leaves tasks, some of them stopped.
        self.processes().iter().for_each(|process| process.send(Signal::KILL));
    }
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "logs" {
            continue;
        }
        if name.starts_with("job_") {
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
