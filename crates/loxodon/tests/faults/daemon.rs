//! A NameNode process, and what it says.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use loxodon_client::{Client, UserIdentity};
use loxodon_conf::Configuration;
use tempfile::TempDir;

/// No NameNode here takes longer to start, or to end, however slow the machine, unless something is wrong.
const LIMIT: Duration = Duration::from_secs(180);

/// A name directory (or several) in a temporary place, and the settings of its NameNode.
pub(crate) struct Site {
    directory: TempDir,
    settings: Vec<(String, String)>,
}

impl Site {
    /// An empty file system in `name`, formatted.
    pub(crate) fn formatted() -> Self {
        let site = Self::unformatted();
        site.format();
        site
    }

    /// A place whose directory `name` is not there yet.
    pub(crate) fn unformatted() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), settings: Vec::new() }
            .with("fs.defaultFS", "hdfs://127.0.0.1:0")
            .with("dfs.namenode.http-address", "127.0.0.1:0")
            .with("dfs.namenode.safemode.extension", "0")
            .with_names(&["name"])
    }

    /// With a setting.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these name directories.
    pub(crate) fn with_names(self, names: &[&str]) -> Self {
        let paths: Vec<_> = names.iter().map(|name| self.uri(name)).collect();
        self.with("dfs.namenode.name.dir", &paths.join(","))
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    /// A path in the temporary place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `name/current`.
    pub(crate) fn current(&self) -> PathBuf {
        self.path("name/current")
    }

    /// The only file in `name/current` whose name begins so.
    pub(crate) fn file(&self, prefix: &str) -> PathBuf {
        let mut found = files(&self.current(), prefix);
        assert_eq!(found.len(), 1, "{prefix}: {found:?}");
        found.remove(0)
    }

    pub(crate) fn format(&self) {
        let output = self.run(&["-format", "-nonInteractive"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// The program's `namenode` with all settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loxodon"));
        let place = self.directory.path();
        command.env("HADOOP_CONF_DIR", place).env("HADOOP_LOG_DIR", place).arg("namenode");
        for (name, value) in &self.settings {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let child = self.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        ended(child.expect("the program starts"))
    }

    /// Starts a NameNode, and does not wait for it.
    pub(crate) fn spawn(&self) -> NameNode {
        let mut child = self.command().stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("standard error"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        NameNode { child, lines, said: Vec::new(), rpc: String::new(), http: String::new() }
    }

    /// Starts a NameNode, and waits until it serves.
    pub(crate) fn start(&self) -> NameNode {
        let mut namenode = self.spawn();
        assert!(namenode.serves(), "it does not start:\n{}", namenode.log());
        namenode
    }

    /// Starts a NameNode that must refuse; what it said.
    pub(crate) fn refused(&self, named: &[&str]) -> String {
        let output = self.run(&[]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        for word in named {
            assert!(text.contains(word), "it does not name {word}:\n{text}");
        }
        text
    }
}

/// Files in `directory` whose names begin with `prefix`, in order.
pub(crate) fn files(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix)))
        .collect();
    found.sort();
    found
}

/// Waits for a process that must end by itself.
fn ended(mut child: Child) -> Output {
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().expect("wait").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let output = child.wait_with_output().expect("wait");
            panic!("it goes on:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().expect("wait")
}

/// A running NameNode; dropped, it is killed.
pub(crate) struct NameNode {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    /// `ip:port` of calls.
    pub(crate) rpc: String,
    /// `ip:port` of the web server.
    pub(crate) http: String,
}

impl NameNode {
    /// Waits until it serves; false if it ended instead.
    pub(crate) fn serves(&mut self) -> bool {
        let Some(line) = self.wait_for("Web-server up at: ") else { return false };
        self.http = last_word(&line);
        let Some(line) = self.wait_for("NameNode RPC up at: ") else { return false };
        self.rpc = last_word(&line);
        true
    }

    /// Waits for a line of the log; none if the process ends without it.
    pub(crate) fn wait_for(&mut self, text: &str) -> Option<String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in:\n{}", self.log()),
            }
        }
    }

    /// What it said up to now.
    pub(crate) fn log(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        self.said.join("\n")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM, and waits until it has ended well.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("kill");
        assert_eq!(self.ended(), Some(0), "{}", self.log());
    }

    /// Waits until it ends by itself; its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                // Its last words may be on their way still.
                while let Ok(line) = self.lines.recv_timeout(LIMIT) {
                    self.said.push(line);
                }
                return status.code();
            }
            assert!(Instant::now() < deadline, "it goes on:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A client of it that does not try again, as `user`.
    pub(crate) fn client_of(&self, user: &str) -> Client {
        let mut conf = Configuration::new();
        conf.set("ipc.client.connect.max.retries", "0", "test");
        let uri = format!("hdfs://{}", self.rpc);
        Client::connect(&conf, &uri, UserIdentity::new(user)).expect("a client")
    }

    /// A client of it as the superuser.
    pub(crate) fn client(&self) -> Client {
        self.client_of(&loxodon_runtime::daemon::process_user())
    }
}

impl Drop for NameNode {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_word(line: &str) -> String {
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}
