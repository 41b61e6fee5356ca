//! What the JobTracker reads of a job's configuration.

use loxodon_conf::{AccessControlList, Configuration};

use super::acl::JobAcl;
use super::id::TaskKind;
use super::resources::Resources;
use super::state::JobPriority;
use crate::error::Result;
use crate::settings::Settings;

/// Memory of a task that asks for none (`mapreduce.map.memory.mb` of -1).
const DEFAULT_MEMORY_MB: i64 = 1024;

/// What tasks of one kind ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskDemand {
    /// What one attempt occupies.
    pub size: Resources,
    /// Failed attempts after which a task is given up (`mapreduce.map.maxattempts`).
    pub max_attempts: u32,
    /// Whether slow attempts get company.
    pub speculative: bool,
    /// Tasks in a hundred that may fail without failing the job.
    pub max_failures_percent: u32,
    /// Attempts that may run at once; 0 is no limit.
    pub running_limit: u32,
}

/// A job's configuration as the JobTracker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobConfView {
    /// `mapreduce.job.name`
    pub name: String,
    /// `mapreduce.job.queuename`
    pub queue: String,
    /// The Fair Scheduler's pool, where the job names one (`mapred.fairscheduler.pool`).
    pub pool: Option<String>,
    /// `mapreduce.job.priority`
    pub priority: JobPriority,
    /// What maps ask for.
    pub map: TaskDemand,
    /// What reduces ask for.
    pub reduce: TaskDemand,
    /// `mapreduce.job.reduces`
    pub reduces: u32,
    /// Part of the maps that is complete before reduces start.
    pub slowstart: f64,
    /// Failures of the job's attempts after which it avoids a tracker.
    pub max_failures_per_tracker: u32,
    /// Whether the committer wants set-up and clean-up tasks.
    pub setup_cleanup: bool,
    /// Whether the committer wants failed attempts cleaned up after.
    pub task_cleanup: bool,
    /// When a slow attempt gets company.
    pub speculation: Speculation,
    /// Reduces that must complain of a map's output before it counts as lost.
    pub max_fetch_failures: u32,
    /// Part of the shuffling reduces that must complain.
    pub max_fetch_failures_fraction: f64,
    /// Whether the job is over when all reduces are, though maps run again.
    pub finish_when_reducers_done: bool,
    /// Who may see and change the job.
    pub view_acl: AccessControlList,
    /// Who may change it.
    pub modify_acl: AccessControlList,
    /// Called when the job is over (`mapreduce.job.end-notification.url`).
    pub notification_url: Option<String>,
}

/// `mapreduce.job.speculative.*`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speculation {
    /// Standard deviations above the mean at which a task is slow.
    pub slow_task_threshold: f64,
    /// Part of the running tasks that may have company.
    pub cap_running: f64,
    /// Part of all tasks that may have company.
    pub cap_total: f64,
    /// Tasks that may have company at least.
    pub minimum_allowed: u32,
    /// Pause after a look that found none, in milliseconds.
    pub retry_after_none: i64,
    /// Pause after a look that found one, in milliseconds.
    pub retry_after_some: i64,
}

impl JobConfView {
    /// Reads it; numbers out of their range are brought into it.
    ///
    /// # Errors
    /// A value that is not of its kind.
    pub fn read(conf: &Configuration) -> Result<Self> {
        let priority = conf.get_text("mapreduce.job.priority")?;
        let acl = |acl: JobAcl| -> Result<AccessControlList> {
            let text = conf.get(acl.key())?.unwrap_or_else(|| " ".into());
            Ok(AccessControlList::parse(&text))
        };
        let fraction = |name: &str, default: f64| -> Result<f64> {
            Ok(conf.get_float(name, default)?.clamp(0.0, 1.0))
        };
        Ok(Self {
            name: conf.get_text("mapreduce.job.name")?.unwrap_or_default(),
            queue: conf.get_text("mapreduce.job.queuename")?.unwrap_or_else(|| "default".into()),
            pool: conf.get_text("mapred.fairscheduler.pool")?,
            priority: priority.and_then(|p| JobPriority::parse(&p)).unwrap_or(JobPriority::Default),
            map: demand(conf, TaskKind::Map)?,
            reduce: demand(conf, TaskKind::Reduce)?,
            reduces: count(conf, "mapreduce.job.reduces", 1)?,
            slowstart: fraction("mapreduce.job.reduce.slowstart.completedmaps", 0.05)?,
            max_failures_per_tracker: count(conf, "mapreduce.job.maxtaskfailures.per.tracker", 3)?
                .max(1),
            setup_cleanup: conf.get_bool("mapreduce.job.committer.setup.cleanup.needed", true)?,
            task_cleanup: conf.get_bool("mapreduce.job.committer.task.cleanup.needed", true)?,
            speculation: Speculation::read(conf)?,
            max_fetch_failures: count(
                conf,
                "mapreduce.reduce.shuffle.max-fetch-failures-notifications",
                3,
            )?
            .max(1),
            max_fetch_failures_fraction: fraction(
                "mapreduce.reduce.shuffle.max-fetch-failures-fraction",
                0.5,
            )?,
            finish_when_reducers_done: conf
                .get_bool("mapreduce.job.finish-when-all-reducers-done", true)?,
            view_acl: acl(JobAcl::View)?,
            modify_acl: acl(JobAcl::Modify)?,
            notification_url: conf.get_text("mapreduce.job.end-notification.url")?,
        })
    }

    /// What tasks of that kind ask for; set-up and clean-up ask for what a map does.
    #[must_use]
    pub const fn demand(&self, kind: TaskKind) -> &TaskDemand {
        match kind {
            TaskKind::Reduce => &self.reduce,
            _ => &self.map,
        }
    }
}

impl Speculation {
    fn read(conf: &Configuration) -> Result<Self> {
        let key = |name: &str| format!("mapreduce.job.speculative.{name}");
        let float = |name: &str, default| -> Result<f64> {
            Ok(conf.get_float(&key(name), default)?.max(0.0))
        };
        Ok(Self {
            slow_task_threshold: float("slowtaskthreshold", 1.0)?,
            cap_running: float("speculative-cap-running-tasks", 0.1)?,
            cap_total: float("speculative-cap-total-tasks", 0.01)?,
            minimum_allowed: count(conf, &key("minimum-allowed-tasks"), 10)?,
            retry_after_none: conf.get_int(&key("retry-after-no-speculate"), 1_000)?.max(1),
            retry_after_some: conf.get_int(&key("retry-after-speculate"), 15_000)?.max(1),
        })
    }
}

fn count(conf: &Configuration, name: &str, default: u32) -> Result<u32> {
    let number = conf.get_int(name, i64::from(default))?;
    Ok(u32::try_from(number.clamp(0, i64::from(i32::MAX))).unwrap_or(default))
}

fn demand(conf: &Configuration, kind: TaskKind) -> Result<TaskDemand> {
    let word = if kind == TaskKind::Reduce { "reduce" } else { "map" };
    let key = |name: &str| format!("mapreduce.{word}.{name}");
    let memory = match conf.get_int(&key("memory.mb"), -1)? {
        memory if memory > 0 => memory,
        _ => DEFAULT_MEMORY_MB,
    };
    let percent = if kind == TaskKind::Reduce {
        "mapreduce.reduce.failures.maxpercent"
    } else {
        "mapreduce.map.failures.maxpercent"
    };
    Ok(TaskDemand {
        size: Resources::new(memory as u64, count(conf, &key("cpu.vcores"), 1)?.max(1)),
        max_attempts: count(conf, &key("maxattempts"), 4)?.max(1),
        speculative: conf.get_bool(&key("speculative"), true)?,
        max_failures_percent: count(conf, percent, 0)?.min(100),
        running_limit: count(conf, &format!("mapreduce.job.running.{word}.limit"), 0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_hadoops() {
        let view = JobConfView::read(&Configuration::new()).unwrap();
        assert_eq!(view.queue, "default");
        assert_eq!((view.map.max_attempts, view.reduce.max_attempts), (4, 4));
        assert_eq!(view.map.size, Resources::new(1024, 1));
        assert_eq!(view.reduces, 1);
        assert!((view.slowstart - 0.05).abs() < 1e-9);
        assert!(!super::super::Caller::named("eve").is_on(&view.view_acl));
    }

    #[test]
    fn what_is_set_is_honoured_within_reason() {
        let mut conf = Configuration::new();
        for (key, value) in [
            ("mapreduce.map.memory.mb", "512"),
            ("mapreduce.reduce.cpu.vcores", "0"),
            ("mapreduce.job.reduces", "-3"),
            ("mapreduce.job.reduce.slowstart.completedmaps", "7"),
            ("mapreduce.job.priority", "HIGH"),
            ("mapreduce.job.acl-view-job", "*"),
        ] {
            conf.set(key, value, "test");
        }
        let view = JobConfView::read(&conf).unwrap();
        assert_eq!(view.map.size.memory_mb, 512);
        assert_eq!(view.reduce.size.cores, 1);
        assert_eq!(view.reduces, 0);
        assert!((view.slowstart - 1.0).abs() < 1e-9);
        assert_eq!(view.priority, JobPriority::High);
        assert!(super::super::Caller::named("eve").is_on(&view.view_acl));
        conf.set("mapreduce.map.maxattempts", "four", "test");
        assert!(JobConfView::read(&conf).is_err());
    }
}
