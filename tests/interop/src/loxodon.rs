//! Our own daemons and commands, as processes of their own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::java::Outcome;

/// The `loxodon` program that was built beside this test.
///
/// # Errors
/// Where it was not built.
pub fn program() -> io::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let built = test.ancestors().nth(2).map(|profile| profile.join("loxodon"));
    match built {
        Some(path) if path.exists() => Ok(path),
        _ => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the loxodon program is not built: run `cargo build -p loxodon`, or ./test",
        )),
    }
}

/// Runs one of our commands to its end, with `conf` as its configuration directory.
///
/// # Errors
/// Where it could not be started; a failing command is an [`Outcome`].
pub fn run(conf: &Path, user: &str, args: &[&str]) -> io::Result<Outcome> {
    let output = Command::new(program()?)
        .env("HADOOP_CONF_DIR", conf)
        .env("HADOOP_USER_NAME", user)
        .stdin(Stdio::null())
        .args(args)
        .output()?;
    Ok(Outcome {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A daemon of ours; killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `loxodon <word>` (`namenode`, `datanode`) with everything it prints going to `log`.
    ///
    /// # Errors
    /// Where the program is missing or cannot be started.
    pub fn start(conf: &Path, word: &str, log: &Path) -> io::Result<Self> {
        Self::start_with(conf, &[word], log)
    }

    /// As [`Self::start`], with arguments behind the word.
    ///
    /// # Errors
    /// Where the program is missing or cannot be started.
    pub fn start_with(conf: &Path, args: &[&str], log: &Path) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        let child = Command::new(program()?)
            .env("HADOOP_CONF_DIR", conf)
            .env("HADOOP_LOG_DIR", log.parent().unwrap_or(log))
            .env("HDFS_AUDIT_LOGGER", "INFO,RFAAUDIT")
            .args(args)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Self { child, log: log.into() })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// Where the operating system refused.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Whether it still runs; if not, an error with the end of its log.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn alive(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "daemon ended with {status}:\n{}",
                std::fs::read_to_string(&self.log).unwrap_or_default()
            ))),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
