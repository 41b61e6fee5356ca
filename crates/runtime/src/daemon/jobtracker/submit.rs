//! A job comes in: its files are read as its user, and that it exists is made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::{CreateOptions, FileSystems, Path};
use loxodon_mapreduce::input::split_file;
use loxodon_mapreduce::job::{JobConfView, JobId};
use loxodon_mapreduce::jobtracker::{JobTrackerError, Split, Submission};
use loxodon_mapreduce::protocol::{JobStatusMessage, SubmitRequest};
use loxodon_wire::rpc::{RemoteError, exception};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::hub::{Hub, remote};
use super::journal;

/// Says that a job exists, in its directory below the system directory (Hadoop 1's name).
pub(super) const INFO_FILE: &str = "job-info";
/// Only the JobTracker reads it: the token is in it.
const PERMISSION: u16 = 0o600;
/// Longest such file that is read.
const LARGEST_INFO: u64 = 1 << 20;

/// Jobs that are being submitted: of two who hand in the same one, the second must not write over what the first
/// left for a restart.
#[derive(Debug, Default)]
pub(super) struct Submissions(Mutex<BTreeSet<JobId>>);

/// One of them, until it is dropped.
struct Submitting<'a> {
    all: &'a Submissions,
    job: JobId,
}

impl Submissions {
    fn begin(&self, job: &JobId) -> std::result::Result<Submitting<'_>, JobTrackerError> {
        if !self.0.lock().insert(job.clone()) {
            return Err(JobTrackerError::BadId(job.clone()));
        }
        Ok(Submitting { all: self, job: job.clone() })
    }
}

impl Drop for Submitting<'_> {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.job);
    }
}

/// Refuses a user whose name is none of a directory: trackers keep his jobs below it.
fn check_user(user: &str) -> std::result::Result<(), RemoteError> {
    if matches!(user, "" | "." | "..") || user.contains(['/', '\0']) {
        let text = format!("User {user:?} cannot submit jobs: the name is none of a directory");
        return Err(RemoteError::new(exception::ACCESS_CONTROL, text));
    }
    Ok(())
}

/// What a restart must know of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobInfo {
    pub(super) job: JobId,
    pub(super) user: String,
    pub(super) directory: String,
    pub(super) token: Vec<u8>,
}

impl JobInfo {
    fn text(&self) -> String {
        let token: String = self.token.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "job": self.job.to_string(),
            "user": self.user,
            "directory": self.directory,
            "token": token,
        })
        .to_string()
    }

    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let field = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let hex = field("token")?;
        let bytes = hex.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        Some(Self {
            job: field("job")?.parse().ok()?,
            user: field("user")?,
            directory: field("directory")?,
            token: bytes.map(byte).collect::<Option<_>>()?,
        })
    }

    fn path(hub: &Hub, job: &JobId) -> Path {
        journal::directory(&hub.system_dir, job).child(INFO_FILE)
    }

    /// Reads the one of a job; `None` where it is not there as a whole: the job was never taken.
    ///
    /// # Errors
    /// The file system does not answer.
    pub(super) fn read(hub: &Hub, job: &JobId) -> Result<Option<Self>> {
        let path = Self::path(hub, job);
        let fs = hub.files().get(&path)?;
        if !fs.exists(&path)? {
            return Ok(None);
        }
        let bytes = fs.read_all(&path, LARGEST_INFO)?;
        Ok(Self::parse(&bytes).filter(|info| info.job == *job))
    }

    fn write(&self, hub: &Hub) -> Result<()> {
        let path = Self::path(hub, &self.job);
        let options =
            CreateOptions { permission: Some(PERMISSION), ..CreateOptions::overwriting() };
        let mut file = hub.files().get(&path)?.create(&path, options)?;
        file.write_all(self.text().as_bytes())?;
        file.close()
    }
}

/// A job's configuration, from the bytes of its file.
///
/// # Errors
/// They are none.
pub(crate) fn parse_conf(bytes: &[u8]) -> Result<Configuration> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::io(format!("job.xml is not UTF-8: {error}")))?;
    let mut conf = Configuration::new();
    conf.load_foreign("job.xml", text)?;
    Ok(conf)
}

/// Reads what a job's client left. Blocks.
///
/// # Errors
/// A file is not there, too long or not what it should be.
pub(super) fn read(hub: &Hub, info: &JobInfo) -> Result<Submission> {
    let files: FileSystems = hub.files_of(&info.user)?;
    let directory = files.path(&info.directory)?;
    let fs = files.get(&directory)?;
    let job_file = directory.child("job.xml");
    let conf = parse_conf(&fs.read_all(&job_file, hub.settings.largest_conf)?)?;
    let view = JobConfView::read(&conf)?;
    let meta = directory.child(split_file::META_FILE);
    let metas = split_file::read_meta(&fs.read_all(&meta, hub.settings.largest_meta)?)?;
    let mut names: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let mut splits = Vec::with_capacity(metas.len());
    for meta in metas {
        let host = |host: String| {
            let name = names.entry(host).or_insert_with_key(|host| host.as_str().into());
            Arc::clone(name)
        };
        splits.push(Split {
            offset: meta.offset,
            length: meta.length,
            locations: meta.hosts.into_iter().map(host).collect(),
        });
    }
    let rack = |host: &Arc<str>| Some((Arc::clone(host), hub.racks.rack_of(host, 0)?));
    let racks = names.values().filter_map(rack).collect();
    Ok(Submission {
        job: info.job.clone(),
        user: info.user.as_str().into(),
        conf: view,
        job_dir: directory.to_string().into(),
        job_file: job_file.to_string().into(),
        split_file: directory.child(split_file::SPLIT_FILE).to_string().into(),
        splits,
        racks,
        token: info.token.as_slice().into(),
    })
}

/// 32 bytes that nobody can guess.
fn token() -> Vec<u8> {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|one| *one.as_bytes()).collect()
}

/// Takes a job: `submitJob`. Blocks.
pub(super) fn submit(
    hub: &Arc<Hub>,
    user: &str,
    request: SubmitRequest,
) -> Result<JobStatusMessage, RemoteError> {
    let job: JobId = request.job_id.parse().map_err(|error: loxodon_mapreduce::job::IdError| {
        RemoteError::new(exception::ILLEGAL_ARGUMENT, error.to_string())
    })?;
    check_user(user)?;
    let _only = hub.submissions.begin(&job)?;
    let caller = hub.caller(user);
    let directory = request.submit_dir;
    let info = JobInfo { job: job.clone(), user: user.to_owned(), directory, token: token() };
    let submission = read(hub, &info).map_err(|error| remote(&error))?;
    let (queue, pool) = (submission.conf.queue.clone(), submission.conf.pool.clone());
    hub.with(|machine| machine.check_submission(&caller, &job, &queue, pool.as_deref()))?;
    let written = info.write(hub).map_err(|error| remote(&error));
    let now = hub.now();
    let taken =
        written.and_then(|()| Ok(hub.with(|machine| machine.submit(now, &caller, submission))?));
    if let Err(error) = taken {
        if hub.with(|machine| machine.job_status(&job)).is_none()
            && let Err(untold) = forget(hub, &job)
        {
            tracing::warn!("what says that {job} exists stays: {untold}");
        }
        return Err(error);
    }
    tracing::info!("{job} was submitted by {user}");
    hub.with(|machine| machine.job_status(&job))
        .ok_or_else(|| RemoteError::new(exception::IO, format!("{job} is not known any more")))
}

/// Removes what says that a job exists. Blocks.
///
/// # Errors
/// The file system refuses it.
pub(super) fn forget(hub: &Hub, job: &JobId) -> Result<()> {
    let directory = journal::directory(&hub.system_dir, job);
    hub.files().get(&directory)?.delete(&directory, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restart_must_know_reads_back() {
        let info = JobInfo {
            job: JobId::new("1763730000000", 7),
            user: "änn \"x\"".into(),
            directory: "hdfs://h:1/tmp/staging/ann/.staging/job_1763730000000_0007".into(),
            token: token(),
        };
        assert_eq!(info.token.len(), 32);
        assert_eq!(JobInfo::parse(info.text().as_bytes()), Some(info.clone()));
        let torn = info.text();
        assert_eq!(JobInfo::parse(torn.get(..torn.len() - 3).unwrap().as_bytes()), None);
        assert_eq!(JobInfo::parse(b""), None);
    }

    #[test]
    fn a_job_is_submitted_by_one_at_a_time() {
        let (all, job) = (Submissions::default(), JobId::new("1", 7));
        let first = all.begin(&job).unwrap();
        assert!(all.begin(&job).is_err());
        assert!(all.begin(&JobId::new("1", 8)).is_ok());
        drop(first);
        assert!(all.begin(&job).is_ok());
    }

    #[test]
    fn a_user_is_a_directory_on_the_trackers() {
        for user in ["ann", "änn b", "...", "a.b@C"] {
            check_user(user).unwrap();
        }
        for user in ["", ".", "..", "/etc", "../../x", "ann/host@C", "a\0"] {
            assert_eq!(check_user(user).unwrap_err().class, exception::ACCESS_CONTROL, "{user:?}");
        }
    }

    #[test]
    fn a_jobs_file_must_be_a_configuration() {
        assert!(parse_conf(b"<configuration/>").is_ok());
        assert!(parse_conf(b"\xff").is_err());
        assert!(
            parse_conf(b"<configuration><include href='/etc/passwd'/></configuration>").is_err()
        );
    }
}
