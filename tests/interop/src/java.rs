//! A JVM that runs Hadoop's programs and daemons on request (`java/JavaHost.java`).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hadoop;

/// What a program printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// The standard output of a program that had to succeed.
    ///
    /// # Errors
    /// Where it did not: everything it printed.
    pub fn succeeded(self) -> io::Result<String> {
        if self.exit == 0 {
            return Ok(self.stdout);
        }
        Err(io::Error::other(format!("exit {}\n{}\n{}", self.exit, self.stdout, self.stderr)))
    }
}

/// A running JVM; it ends when this is dropped.
#[derive(Debug)]
pub struct JavaHost {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

impl JavaHost {
    /// Starts a JVM whose log4j output goes to `log`.
    ///
    /// # Errors
    /// Where Hadoop could not be fetched or the JVM not started.
    pub fn start(log: &Path) -> io::Result<Self> {
        Self::start_in(log, Path::new("."))
    }

    /// As [`Self::start`], with a working directory for the programs that it runs.
    ///
    /// # Errors
    /// Where Hadoop could not be fetched or the JVM not started.
    pub fn start_in(log: &Path, directory: &Path) -> io::Result<Self> {
        let class_path = hadoop::class_path()?;
        let properties = log.with_extension("log4j.properties");
        std::fs::write(
            &properties,
            "log4j.rootLogger=INFO,file\n\
             log4j.appender.file=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.file.target=System.err\n\
             log4j.appender.file.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.file.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n\n",
        )?;
        let mut child = Command::new("java")
            .args(["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
            .args(["--add-opens", "java.base/java.lang=ALL-UNNAMED"])
            // Programs that would end the JVM are kept from it (`Programs.java`).
            .arg("-Djava.security.manager=allow")
            .arg(format!("-Dlog4j.configuration=file:{}", properties.display()))
            // What daemons write beside their log, as `metaSave` does, stays where that is.
            .arg(format!("-Dhadoop.log.dir={}", log.parent().unwrap_or(log).display()))
            .args(["-cp", class_path, "JavaHost"])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("java: {e}")))?;
        let requests = child.stdin.take().ok_or_else(|| io::Error::other("no standard input"))?;
        let answers = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        Ok(Self { child, requests, answers: BufReader::new(answers), log: log.into() })
    }

    /// Runs `command` (`dfs`, `dfsadmin`, `fsck`, `oiv`, `oev`, `scenario`, `checkpoint` …) as `user`
    /// with the configuration in `conf`. `main` runs the main class that the first argument names.
    ///
    /// # Errors
    /// Where the JVM is gone; a program that fails is an [`Outcome`].
    pub fn run(
        &mut self,
        conf: &Path,
        user: &str,
        command: &str,
        args: &[&str],
    ) -> io::Result<Outcome> {
        let conf = conf.display().to_string();
        let fields = [conf.as_str(), user, command];
        let line: Vec<String> = fields.iter().chain(args).map(|f| STANDARD.encode(f)).collect();
        writeln!(self.requests, "{}", line.join("\t"))?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            return Err(io::Error::other(format!(
                "the JVM ended during `{command} {}`; newest log lines first:\n{}",
                args.join(" "),
                tail.join("\n")
            )));
        }
        parse_answer(answer.trim_end_matches('\n'))
    }

    /// Starts a daemon (`namenode` or `datanode`) inside this JVM under a name of the caller's.
    ///
    /// # Errors
    /// Where the daemon refused to start: its stack trace.
    pub fn start_daemon(&mut self, conf: &Path, kind: &str, name: &str) -> io::Result<()> {
        self.run(conf, &whoami(), "start", &[kind, name])?.succeeded().map(drop)
    }

    /// Stops a daemon that [`Self::start_daemon`] started.
    ///
    /// # Errors
    /// Where it was not running.
    pub fn stop_daemon(&mut self, conf: &Path, name: &str) -> io::Result<()> {
        self.run(conf, &whoami(), "stop", &[name])?.succeeded().map(drop)
    }

    /// Kills the JVM with everything in it, as a power cut would.
    ///
    /// # Errors
    /// Where the operating system refused.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Where the daemons in this JVM log.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for JavaHost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The user whom daemons of a test run as: the process's, whatever the environment says.
pub fn whoami() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let ask = || {
        let output = Command::new("id").arg("-un").output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    NAME.get_or_init(|| ask().unwrap_or_else(|| "root".into())).clone()
}

fn parse_answer(line: &str) -> io::Result<Outcome> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("answer of the JVM: {line}"));
    let mut fields = line.split('\t');
    let mut next = || fields.next().ok_or_else(bad);
    let exit = next()?.parse().map_err(|_| bad())?;
    let stdout = STANDARD.decode(next()?).map_err(|_| bad())?;
    let stderr = STANDARD.decode(next()?).map_err(|_| bad())?;
    Ok(Outcome {
        exit,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}
