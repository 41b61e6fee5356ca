//! What a JobTracker's shell reads of its configuration; the machine reads its own.

use std::path::PathBuf;
use std::time::Duration;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::settings::Settings as _;

use crate::daemon::history::HistorySettings;

/// Largest `job.xml` that is read, in bytes (Hadoop's `mapred.user.jobconf.limit`).
const LARGEST_CONF: i64 = 5 << 20;
/// Times that a job's journal is begun before the job fails: about ten minutes, in which no commit is granted.
const JOURNAL_ATTEMPTS: i64 = 125;
/// Largest `job.splitmetainfo` that is read, in bytes.
const LARGEST_META: i64 = 10_000_000;

/// The values of one start.
#[derive(Clone, Debug)]
pub(super) struct ShellSettings {
    /// `mapreduce.jobtracker.address`, `host:port`.
    pub(super) address: String,
    /// `mapreduce.jobtracker.http.address`
    pub(super) http: String,
    /// `mapreduce.jobtracker.system.dir`: jobs that are not over, with their journals.
    pub(super) system_dir: String,
    /// `mapreduce.jobtracker.staging.root.dir`
    pub(super) staging_root: String,
    /// Where histories go, and how long they stay.
    pub(super) history: HistorySettings,
    /// `mapreduce.jobtracker.hosts.filename`
    pub(super) include: Option<PathBuf>,
    /// `mapreduce.jobtracker.hosts.exclude.filename`
    pub(super) exclude: Option<PathBuf>,
    /// The Fair Scheduler's file.
    pub(super) allocations: Option<PathBuf>,
    /// `loxodon.jobtracker.journal.attempts`
    pub(super) journal_attempts: u32,
    /// Bytes of a job's configuration at most.
    pub(super) largest_conf: u64,
    /// `mapreduce.job.split.metainfo.maxsize`; `None` where it is -1.
    pub(super) largest_meta: u64,
    /// Whether access lists are checked, and so groups are needed.
    pub(super) acls: bool,
    /// How long a user's groups are remembered.
    pub(super) groups_kept: Duration,
}

fn text(conf: &Configuration, name: &str, default: &str) -> Result<String> {
    Ok(conf.get_text(name)?.unwrap_or_else(|| default.to_owned()))
}

impl ShellSettings {
    /// Reads them.
    ///
    /// # Errors
    /// A value that is not of its kind.
    pub(super) fn read(conf: &Configuration) -> Result<Self> {
        let tmp = text(
            conf,
            "hadoop.tmp.dir",
            &format!("/tmp/hadoop-{}", crate::daemon::process_user()),
        )?;
        let address = text(conf, "mapreduce.jobtracker.address", "localhost:8021")?;
        if address == "local" {
            let text = "mapreduce.jobtracker.address is \"local\", where jobs run in the client's \
                        process and no JobTracker is needed: set it to host:port";
            return Err(Error::argument(text));
        }
        let path =
            |name: &str| -> Result<Option<PathBuf>> { Ok(conf.get_text(name)?.map(PathBuf::from)) };
        let allocations = match path("mapred.fairscheduler.allocation.file")? {
            Some(file) => Some(file),
            None => path("yarn.scheduler.fair.allocation.file")?,
        };
        let meta = conf.get_int("mapreduce.job.split.metainfo.maxsize", LARGEST_META)?;
        let attempts = conf.get_int("loxodon.jobtracker.journal.attempts", JOURNAL_ATTEMPTS)?;
        let groups = conf.get_int("hadoop.security.groups.cache.secs", 300)?;
        Ok(Self {
            address,
            http: text(conf, "mapreduce.jobtracker.http.address", "0.0.0.0:50030")?,
            system_dir: text(
                conf,
                "mapreduce.jobtracker.system.dir",
                &format!("{tmp}/mapred/system"),
            )?,
            staging_root: text(
                conf,
                "mapreduce.jobtracker.staging.root.dir",
                &format!("{tmp}/mapred/staging"),
            )?,
            history: HistorySettings::read(conf)?,
            include: path("mapreduce.jobtracker.hosts.filename")?,
            exclude: path("mapreduce.jobtracker.hosts.exclude.filename")?,
            allocations,
            journal_attempts: u32::try_from(attempts).unwrap_or(u32::MAX).max(1),
            largest_conf: u64::try_from(LARGEST_CONF).unwrap_or(0),
            largest_meta: u64::try_from(meta).unwrap_or(u64::MAX),
            acls: conf.get_bool("mapreduce.cluster.acls.enabled", false)?,
            groups_kept: Duration::from_secs(u64::try_from(groups).unwrap_or(0)),
        })
    }

    /// A user's directory for jobs that he hands in.
    pub(super) fn staging_area(&self, user: &str) -> String {
        format!("{}/{user}/.staging", self.staging_root.trim_end_matches('/'))
    }
}
