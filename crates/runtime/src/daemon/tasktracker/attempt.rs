//! One attempt: its files brought here, its process started and waited for, everything it started ended.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, ErrorKind, Result};
use loxodon_mapreduce::job::{AttemptId, TaskKind};
use loxodon_mapreduce::jobtracker::Launch;
use loxodon_mapreduce::protocol::{TaskProgram, TaskSpec};
use loxodon_mapreduce::settings::Settings as _;
use loxodon_mapreduce::tasktracker::Ending;
use rustix::fs::Access;
use tokio::process::{Child, Command};

use super::control_group::ControlGroup;
use super::process::{ATTEMPT_MARK, TRACKER_MARK};
use super::tracker::{JobFiles, Tracker};
use super::{debug_script, logs, process};

/// The first argument of a task's process.
const TASK_OPTION: &str = "--loxodon-task";
/// Permissions of a task's directories.
const PRIVATE: u32 = 0o700;

/// What a process of a task needs to begin.
pub(super) struct Prepared {
    pub(super) spec: TaskSpec,
    program: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) log_limit: u64,
    pub(super) timeout: i64,
    /// What looks at it where it fails.
    pub(super) debug_script: Option<String>,
}

/// The directory with most room of those that have so many bytes.
///
/// # Errors
/// None has; the error names each with its reason.
pub(super) fn roomiest(directories: &[PathBuf], bytes: u64) -> Result<PathBuf> {
    let mut reasons = Vec::new();
    let mut best: Option<(u64, &PathBuf)> = None;
    for directory in directories {
        let free = fs::create_dir_all(directory)
            .map_err(|error| error.to_string())
            .and_then(|()| writable(directory).map_err(|error| error.to_string()))
            .and_then(|()| rustix::fs::statvfs(directory).map_err(|error| error.to_string()))
            .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        match free {
            Ok(free) if free > bytes => {
                if best.is_none_or(|(most, _)| free > most) {
                    best = Some((free, directory));
                }
            }
            Ok(free) => reasons.push(format!("{}: {free} bytes free", directory.display())),
            Err(error) => reasons.push(format!("{}: {error}", directory.display())),
        }
    }
    best.map(|(_, directory)| directory.clone()).ok_or_else(|| {
        let text = format!(
            "No space available in any of the local directories for {bytes} bytes ({})",
            reasons.join("; ")
        );
        Error::new(ErrorKind::Disk, text)
    })
}

/// A disk that was mounted anew to be read only has its directories still.
fn writable(directory: &Path) -> rustix::io::Result<()> {
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)
}

/// Makes the attempt's directory on each disk that lets it; the error of the last one where none does.
fn make_some(directories: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let (mut made, mut refused) = (Vec::new(), None);
    for directory in directories {
        match make(&directory) {
            Ok(()) if writable(&directory).is_ok() => made.push(directory),
            Ok(()) => {}
            Err(error) => refused = Some(error),
        }
    }
    if made.is_empty() {
        let none = || {
            let text = "No space available in any of the local directories: none can be written";
            Error::new(ErrorKind::Disk, text)
        };
        return Err(refused.unwrap_or_else(none));
    }
    Ok(made)
}

/// Brings everything here that the attempt needs. Blocks.
///
/// # Errors
/// Its job's files cannot be read, a disk is full, a file of the distributed cache is missing.
pub(super) fn prepare(tracker: &Tracker, launch: &Launch, job: &JobFiles) -> Result<Prepared> {
    let directories =
        tracker.directories.of_attempt(&launch.user, &launch.attempt, launch.is_cleanup);
    let directories = make_some(directories)?;
    let work = roomiest(&directories, 0)?.join("work");
    make(&work.join("tmp"))?;
    for (link, target) in &job.links {
        let link = work.join(link);
        if let Some(parent) = link.parent() {
            make(parent)?;
        }
        std::os::unix::fs::symlink(target, &link)
            .map_err(|e| Error::system(format_args!("linking {}", link.display()), &e))?;
    }
    let logs = logs::directory(&tracker.settings.log_dir, &launch.attempt);
    make(&logs)?;
    let conf = &job.conf;
    let spec = TaskSpec {
        launch: Some(launch.clone().into()),
        job_xml: job.job_xml.display().to_string(),
        local_dirs: directories.iter().map(|dir| dir.display().to_string()).collect(),
        work_dir: work.display().to_string(),
        log_dir: logs.display().to_string(),
        program: TaskProgram::Native.into(),
        report_interval: conf.get_int("mapreduce.task.progress-report.interval", 3000)?,
    };
    let environment = environment(tracker, launch, &spec, conf)?;
    let kilobytes = conf.get_int("mapreduce.task.userlog.limit.kb", 0)?;
    Ok(Prepared {
        spec,
        program: job.program.clone(),
        environment,
        log_limit: logs::limit(u64::try_from(kilobytes).unwrap_or(0)),
        timeout: conf.get_int("mapreduce.task.timeout", 600_000)?,
        debug_script: debug_script::of_job(launch, conf)?,
    })
}

fn make(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(directory);
    made.map_err(|e| Error::system(format_args!("making {}", directory.display()), &e))
}

/// The variables that Hadoop gives a task, then those that the job asks for.
fn environment(
    tracker: &Tracker,
    launch: &Launch,
    spec: &TaskSpec,
    conf: &Configuration,
) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        all.insert(name.to_owned(), value.to_owned());
    };
    set("USER", &launch.user);
    set("LOGNAME", &launch.user);
    set("HADOOP_USER_NAME", &launch.user);
    set("PWD", &spec.work_dir);
    set("TMPDIR", &format!("{}/tmp", spec.work_dir));
    set("LOCAL_DIRS", &spec.local_dirs.join(","));
    set("LOG_DIRS", &spec.log_dir);
    set("NM_HOST", &tracker.host);
    set("NM_HTTP_PORT", &tracker.http_port.to_string());
    set(ATTEMPT_MARK, &mark(&launch.attempt, launch.is_cleanup));
    set(TRACKER_MARK, &tracker.directories.mark());
    let of_kind = match launch.attempt.kind() {
        TaskKind::Reduce => "mapreduce.reduce.env",
        _ => "mapreduce.map.env",
    };
    for key in ["mapreduce.admin.user.env", "mapred.child.env", of_kind] {
        let Some(text) = conf.get_text(key)? else { continue };
        // The default names Java's native libraries, which nothing here has.
        for (name, value) in text.split(',').filter_map(|pair| pair.trim().split_once('=')) {
            let value = expand(value, &all);
            all.insert(name.to_owned(), value);
        }
    }
    Ok(all)
}

/// `$NAME` in a value stands for what that variable is so far.
fn expand(value: &str, all: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, behind) = after.split_at(end.unwrap_or(after.len()));
        match all.get(name).cloned().or_else(|| std::env::var(name).ok()) {
            Some(known) => out.push_str(&known),
            None if name.is_empty() => out.push('$'),
            None => {}
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// What marks an attempt's processes.
pub(super) fn mark(attempt: &AttemptId, is_cleanup: bool) -> String {
    if is_cleanup { format!("{attempt}.cleanup") } else { attempt.to_string() }
}

/// Starts the process of a prepared attempt, in a group of its own.
///
/// # Errors
/// The system cannot start it.
pub(super) fn start(prepared: &Prepared, umbilical: &str, attempt: &str) -> Result<Child> {
    let mut command = Command::new(&prepared.program);
    command
        .args([TASK_OPTION, umbilical, attempt])
        .current_dir(&prepared.spec.work_dir)
        .envs(&prepared.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let started = command.spawn();
    started.map_err(|e| Error::system(format_args!("starting {}", prepared.program.display()), &e))
}

/// Waits until the process has ended, and ends whatever it started. Says also whether the system ended it for its
/// memory.
pub(super) async fn wait(
    mut child: Child,
    prepared: &Prepared,
    mark: &str,
    confined: Option<ControlGroup>,
) -> (Ending, bool) {
    let logs = PathBuf::from(&prepared.spec.log_dir);
    let limit = prepared.log_limit;
    let out = child.stdout.take();
    let error = child.stderr.take();
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let kept = [
        out.map(|stream| tokio::spawn(logs::keep(stream, logs.join("stdout"), limit))),
        error.map(|stream| tokio::spawn(logs::keep(stream, logs.join("stderr"), limit))),
    ];
    let status = child.wait().await;
    let mark = mark.to_owned();
    // It walks over /proc.
    let ended = tokio::task::spawn_blocking(move || {
        let out_of_memory = confined.as_ref().is_some_and(ControlGroup::was_out_of_memory);
        if let Some(group) = group {
            process::end_now(group, &mark);
        }
        confined.iter().for_each(ControlGroup::end);
        out_of_memory
    });
    let out_of_memory = ended.await.unwrap_or(false);
    // Nobody is left who could write: the streams end now.
    for task in kept.into_iter().flatten() {
        let _: Result<(), _> = task.await;
    }
    let ending = match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Code(code),
            (None, Some(signal)) => Ending::Signal(signal),
            (None, None) => Ending::Code(-1),
        },
        Err(error) => Ending::NotStarted(error.to_string()),
    };
    (ending, out_of_memory)
}

/// A task's own last words, for the diagnostics of one that said nothing else.
pub(super) fn last_words(log_dir: &str) -> String {
    logs::tail(Path::new(log_dir), "stderr", 2048)
}

/// The files that a map attempt has written.
pub(super) fn map_output(directories: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let found = |name: &str| {
        directories.iter().map(|dir| dir.join("output").join(name)).find(|path| path.exists())
    };
    Some((found("file.out")?, found("file.out.index")?))
}

/// Makes a file one that can be started.
pub(super) fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(|e| Error::system(format_args!("{}", path.display()), &e))
}

/// What names an attempt in the tracker's tables.
pub(super) type Slot = (AttemptId, bool);

/// One that is being prepared or runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// Its process group, once there is one.
    pub(super) group: Option<i32>,
    /// Why it is to end, where it is.
    pub(super) ending: Option<Arc<str>>,
    /// Bytes it may occupy; 0 is no limit.
    pub(super) memory: u64,
    /// Milliseconds it may be silent.
    pub(super) timeout: i64,
    /// What its process is told.
    pub(super) spec: Option<TaskSpec>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_a_jobs_environment_are_expanded() {
        let all = BTreeMap::from([("A".to_owned(), "x".to_owned())]);
        assert_eq!(expand("$A:$A/b$", &all), "x:x/b$");
        assert_eq!(expand("plain", &all), "plain");
        assert_eq!(expand("$LOXODON_SURELY_NOT_SET-", &all), "-");
    }

    #[test]
    fn a_full_disk_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().join("here");
        assert_eq!(roomiest(std::slice::from_ref(&here), 1).unwrap(), here);
        let error = roomiest(&[here], u64::MAX).unwrap_err();
        assert!(error.message().contains("here: "), "{error}");
    }
}
