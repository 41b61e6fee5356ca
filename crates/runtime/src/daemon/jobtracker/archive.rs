//! What becomes of a job that is over: its history goes to the done directory, its files go, and
//! whoever wanted to be told is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::{FileSystems, Path};
use loxodon_mapreduce::history::{DoneName, conf_file_name, done_subdirectory};
use loxodon_mapreduce::jobtracker::FinishedJob;
use loxodon_mapreduce::settings::Settings as _;

use super::hub::Hub;
use super::submit;
use crate::daemon::history::{DIRECTORY, FILE_OPTIONS, move_file};
use crate::web::client::{HttpTarget, get};

/// Times that a job's files are tried to be put away; another JobTracker goes on with what is left.
const ATTEMPTS: u32 = 125;
/// After the first time; doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most times that somebody is told (`mapreduce.job.end-notification.max.attempts` at most).
const MOST_CALLS: i64 = 100;

/// Moves a job's history to the finished ones, removes its files, calls its notification URL. What the file system
/// refuses is tried again: it may be in safe mode.
pub(super) async fn put_away(hub: &Arc<Hub>, finished: FinishedJob, journal: Option<Path>) {
    let mut conf = None;
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS {
        let (own, over, journal) = (Arc::clone(hub), finished.clone(), journal.clone());
        let read = conf.take();
        let moved = tokio::task::spawn_blocking(move || {
            // Its files are still needed for that.
            let conf = read.or_else(|| job_conf(&own, &over));
            let bytes = conf.as_ref().map(|(bytes, _): &(Vec<u8>, Configuration)| &**bytes);
            let moved = move_away(&own, &over, journal.as_ref(), bytes);
            (conf, moved)
        });
        let Ok((read, moved)) = moved.await else { break };
        conf = read;
        let Err(error) = moved else { break };
        if attempt == ATTEMPTS {
            tracing::error!("the files of {} stay: {error}", finished.job);
        } else {
            tracing::warn!("the files of {} stay for now: {error}", finished.job);
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
    hub.with(|machine| machine.set_put_away(&finished.job));
    let conf = conf.map(|(_, conf)| conf).unwrap_or_default();
    if let Some(url) = &finished.notification_url {
        notify(&finished, url, &conf).await;
    }
}

fn move_away(
    hub: &Arc<Hub>,
    finished: &FinishedJob,
    journal: Option<&Path>,
    conf: Option<&[u8]>,
) -> Result<()> {
    if let Some(journal) = journal {
        let path = move_history(hub, finished, journal, conf)?;
        let kept = path.parent().filter(|_| conf.is_some());
        let kept = kept.map(|dir| dir.child(&conf_file_name(&finished.job)).to_string());
        hub.with(|machine| {
            machine.set_history_file(&finished.job, &path.to_string(), kept.as_deref());
        });
    }
    remove_files(hub, finished)
}

/// A job's `job.xml`, as its user can read it.
fn job_conf(hub: &Hub, finished: &FinishedJob) -> Option<(Vec<u8>, Configuration)> {
    let read = || -> Result<(Vec<u8>, Configuration)> {
        let files = hub.files_of(&finished.user)?;
        let path = files.path(&finished.job_dir)?.child("job.xml");
        let bytes = files.get(&path)?.read_all(&path, hub.settings.largest_conf)?;
        let conf = submit::parse_conf(&bytes)?;
        Ok((bytes, conf))
    };
    match read() {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!("the configuration of {} is not kept: {error}", finished.job);
            None
        }
    }
}

fn done_name(finished: &FinishedJob) -> DoneName {
    DoneName {
        job: finished.job.clone(),
        submit_time: finished.submit_time,
        user: finished.user.to_string(),
        job_name: finished.name.clone(),
        finish_time: finished.finish_time,
        maps: i64::from(finished.maps),
        reduces: i64::from(finished.reduces),
        status: finished.state.name().to_owned(),
        queue: finished.queue.to_string(),
        start_time: finished.launch_time,
    }
}

fn move_history(
    hub: &Hub,
    finished: &FinishedJob,
    journal: &Path,
    conf: Option<&[u8]>,
) -> Result<Path> {
    let name = done_name(finished);
    let ended = Timestamp::from_millisecond(finished.finish_time).unwrap_or_default();
    let day = ended.to_zoned(TimeZone::system());
    let below = done_subdirectory(day.year(), day.month(), day.day(), &finished.job);
    let (fs, directory) = hub.place(&format!("{}/{below}", hub.settings.history.done_dir))?;
    fs.mkdirs(&directory, DIRECTORY)?;
    if let Some(conf) = conf {
        let path = directory.child(&conf_file_name(&finished.job));
        let mut file = fs.create(&path, FILE_OPTIONS())?;
        file.write_all(conf)?;
        file.close()?;
    }
    let target = directory.child(&name.file_name());
    let from = hub.files().get(journal)?;
    move_file(&*from, journal, &*fs, &target)?;
    hub.done.insert(name, target.clone());
    Ok(target)
}

/// Removes a job's staging directory, and then what says that it is not over.
fn remove_files(hub: &Hub, finished: &FinishedJob) -> Result<()> {
    let files: FileSystems = hub.files_of(&finished.user)?;
    let directory = files.path(&finished.job_dir)?;
    // Whatever else a client named is not the job's to remove.
    if directory.name() == finished.job.to_string() {
        files.get(&directory)?.delete(&directory, true)?;
    }
    submit::forget(hub, &finished.job)
}

/// Calls a job's URL (`JobEndNotifier`), as often as its configuration says.
async fn notify(finished: &FinishedJob, url: &str, conf: &Configuration) {
    let key = |name: &str| format!("mapreduce.job.end-notification.{name}");
    let number = |name: &str, default| conf.get_int(&key(name), default).unwrap_or(default);
    let state = match finished.state.name() {
        state @ ("SUCCEEDED" | "KILLED") => state,
        _ => "FAILED",
    };
    let url = url.replace("$jobId", &finished.job.to_string()).replace("$jobStatus", state);
    let most = number("max.attempts", 5).clamp(1, MOST_CALLS);
    let times = number("retry.attempts", 0).saturating_add(1).clamp(1, most);
    let pause = number("retry.interval", 1000).clamp(0, number("max.retry.interval", 5000).max(0));
    let patience = number("timeout", 5000).max(1);
    for time in 1..=times {
        match call(&url, patience).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!("job end notification of {} to {url}: {error}", finished.job);
            }
        }
        if time < times {
            tokio::time::sleep(Duration::from_millis(u64::try_from(pause).unwrap_or(0))).await;
        }
    }
}

async fn call(url: &str, patience: i64) -> Result<()> {
    let wrong = || Error::argument(format!("{url} is not http://host[:port]/path"));
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at_checked(slash).ok_or_else(wrong)?,
        None => (rest, "/"),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
        None => (authority, 80),
    };
    let mut target = HttpTarget::new(host, port);
    target.connect_timeout = Duration::from_millis(u64::try_from(patience).unwrap_or(5000));
    target.read_timeout = target.connect_timeout;
    let answer = get(&target, path, &[]).await.map_err(|error| Error::io(error.to_string()))?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(Error::io(format!("the answer is {}", answer.status)))
}
