//! A job's script for attempts that failed (`mapreduce.map.debug.script`, `mapreduce.reduce.debug.script`): it
//! looks at what one of them left, before that goes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::job::TaskKind;
use loxodon_mapreduce::jobtracker::Launch;
use loxodon_mapreduce::settings::Settings as _;
use loxodon_mapreduce::streaming::split_args;
use tokio::process::Command;

use super::attempt::{Prepared, make_executable};
use super::{logs, process};

/// The log that has what it says.
pub(super) const LOG: &str = "debugout";
/// Longest that it may take where the job's attempts may take for ever.
const LONGEST: Duration = Duration::from_secs(600);
/// Bytes of what it says that become diagnostics.
const MOST_TOLD: u64 = 2048;

/// The job's script for attempts of this kind.
///
/// # Errors
/// The configuration cannot be read.
pub(super) fn of_job(launch: &Launch, conf: &Configuration) -> Result<Option<String>> {
    match launch.attempt.kind() {
        _ if launch.is_cleanup => Ok(None),
        TaskKind::Map => conf.get_text("mapreduce.map.debug.script"),
        TaskKind::Reduce => conf.get_text("mapreduce.reduce.debug.script"),
        _ => Ok(None),
    }
}

/// Runs the script in the attempt's working directory, with the files of its standard output, its standard error
/// and its log, and the job's configuration, as arguments; what it says at the end.
pub(super) async fn run(script: &str, prepared: &Prepared, mark: &str) -> String {
    let log_dir = Path::new(&prepared.spec.log_dir);
    let words = split_args(script);
    let Some((program, arguments)) = words.split_first() else { return String::new() };
    let own = Path::new(&prepared.spec.work_dir).join(program);
    if own.is_file()
        && let Err(error) = make_executable(&own)
    {
        tracing::debug!("{error}");
    }
    let program = if own.is_file() { own.display().to_string() } else { program.clone() };
    let files = ["stdout", "stderr", "syslog"].map(|name| log_dir.join(name));
    let started = Command::new("sh")
        // Both of its streams are one.
        .args(["-c", "exec \"$0\" \"$@\" 2>&1", &program])
        .args(arguments)
        .args(files)
        .arg(&prepared.spec.job_xml)
        .current_dir(&prepared.spec.work_dir)
        .envs(&prepared.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return format!("{script}: {error}"),
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let kept = child
        .stdout
        .take()
        .map(|stream| tokio::spawn(logs::keep(stream, log_dir.join(LOG), prepared.log_limit)));
    let longest = u64::try_from(prepared.timeout).ok().filter(|ms| *ms > 0);
    let longest = longest.map_or(LONGEST, Duration::from_millis);
    if tokio::time::timeout(longest, child.wait()).await.is_err() {
        tracing::warn!("{script} takes longer than {longest:?} and is ended");
    }
    if let Some(group) = group {
        let mark = mark.to_owned();
        let ended = tokio::task::spawn_blocking(move || process::end_now(group, &mark));
        let _: std::result::Result<(), _> = ended.await;
    }
    if let Some(task) = kept {
        let _: std::result::Result<(), _> = task.await;
    }
    logs::tail(log_dir, LOG, MOST_TOLD)
}
