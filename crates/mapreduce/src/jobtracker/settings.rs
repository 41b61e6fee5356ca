//! What the JobTracker is told by its configuration.

use loxodon_conf::Configuration;

use super::report::Milliseconds;
use crate::error::Result;
use crate::job::{AccessControlList, Resources};
use crate::settings::Settings as _;

/// The JobTracker's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct JobTrackerSettings {
    /// Between heartbeats of one tracker (`mapreduce.jobtracker.heartbeats.interval.min`).
    pub heartbeat_interval: Milliseconds,
    /// Silence after which a tracker is lost (`mapreduce.jobtracker.expire.trackers.interval`).
    pub expiry: Milliseconds,
    /// How long a job waits for room on a machine that holds its input.
    pub node_delay: Milliseconds,
    /// How long it waits after that for room on a rack that holds it.
    pub rack_delay: Milliseconds,
    /// How long maps wait for room before reduces of their job give it back.
    pub reduce_preemption_delay: Milliseconds,
    /// Between looks at who should give room back (`mapred.fairscheduler.preemption.interval`).
    pub preemption_interval: Milliseconds,
    /// Successful jobs that blacklisted a tracker before the cluster does
    /// (`mapreduce.jobtracker.tasktracker.maxblacklists`).
    pub max_blacklists: u32,
    /// How long such a fault counts (`mapreduce.jobtracker.blacklist.fault-timeout-window`).
    pub fault_window: Milliseconds,
    /// How long a finished job is kept whole (`mapreduce.jobtracker.retirejob.interval`).
    pub retire_after: Milliseconds,
    /// Finished jobs of one user that are kept whole
    /// (`mapreduce.jobtracker.completeuserjobs.maximum`).
    pub user_jobs_kept: usize,
    /// Summaries of retired jobs (`mapreduce.jobtracker.retiredjobs.cache.size`).
    pub retired_kept: usize,
    /// Most tasks that a job may have (`mapreduce.jobtracker.maxtasks.perjob`).
    pub max_tasks: Option<usize>,
    /// Most that one task may ask for.
    pub max_task: Option<Resources>,
    /// Counters of users that a job may have (`mapreduce.job.counters.max`).
    pub max_counters: usize,
    /// Whether access lists are checked (`mapreduce.cluster.acls.enabled`).
    pub acls: bool,
    /// Who may do everything (`mapreduce.cluster.administrators`).
    pub administrators: AccessControlList,
    /// Where this JobTracker's pages are, `host:port`: jobs name it.
    pub http_address: String,
}

impl Default for JobTrackerSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: 3_000,
            expiry: 600_000,
            node_delay: 4_500,
            rack_delay: 4_500,
            reduce_preemption_delay: 5_000,
            preemption_interval: 15_000,
            max_blacklists: 4,
            fault_window: 180 * 60_000,
            retire_after: 24 * 3_600_000,
            user_jobs_kept: 100,
            retired_kept: 1_000,
            max_tasks: None,
            max_task: None,
            max_counters: 120,
            acls: false,
            administrators: AccessControlList::nobody(),
            http_address: String::new(),
        }
    }
}

impl JobTrackerSettings {
    /// Reads them.
    ///
    /// # Errors
    /// A value that is not of its kind.
    pub fn read(conf: &Configuration) -> Result<Self> {
        let other = Self::default();
        let time = |key: &str, default: Milliseconds| -> Result<Milliseconds> {
            Ok(conf.get_int(key, default)?.max(0))
        };
        let count = |key: &str, default: usize| -> Result<usize> {
            Ok(usize::try_from(conf.get_int(key, default as i64)?).unwrap_or(0))
        };
        let interval = time("mapreduce.jobtracker.heartbeats.interval.min", 3_000)?.max(1);
        let delay = time("mapred.fairscheduler.locality.delay", interval.saturating_mul(3) / 2)?;
        let tasks = conf.get_int("mapreduce.jobtracker.maxtasks.perjob", -1)?;
        let memory = |key: &str| conf.get_int(key, -1);
        let most = memory("mapreduce.jobtracker.maxmapmemory.mb")?
            .max(memory("mapreduce.jobtracker.maxreducememory.mb")?);
        let administrators = conf.get("mapreduce.cluster.administrators")?;
        let expiry = time("mapreduce.jobtracker.expire.trackers.interval", other.expiry)?.max(1);
        Ok(Self {
            // A tracker must be heard several times before it counts as lost.
            heartbeat_interval: interval.min(expiry / 4).max(1),
            expiry,
            node_delay: delay,
            rack_delay: delay,
            reduce_preemption_delay: time("mapreduce.job.reducer.preempt.delay.sec", 5)?
                .saturating_mul(1000),
            preemption_interval: time("mapred.fairscheduler.preemption.interval", 15_000)?,
            max_blacklists: count("mapreduce.jobtracker.tasktracker.maxblacklists", 4)? as u32,
            fault_window: time("mapreduce.jobtracker.blacklist.fault-timeout-window", 180)?
                .saturating_mul(60_000),
            retire_after: time("mapreduce.jobtracker.retirejob.interval", other.retire_after)?,
            user_jobs_kept: count("mapreduce.jobtracker.completeuserjobs.maximum", 100)?,
            retired_kept: count("mapreduce.jobtracker.retiredjobs.cache.size", 1_000)?,
            max_tasks: usize::try_from(tasks).ok(),
            max_task: u64::try_from(most).ok().map(|memory| Resources::new(memory, u32::MAX)),
            max_counters: count("mapreduce.job.counters.max", 120)?,
            acls: conf.get_bool("mapreduce.cluster.acls.enabled", false)?,
            administrators: administrators
                .map_or_else(AccessControlList::nobody, |text| AccessControlList::parse(&text)),
            http_address: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_hadoops() {
        let read = JobTrackerSettings::read(&Configuration::new()).unwrap();
        assert_eq!(read, JobTrackerSettings::default());
    }
}
