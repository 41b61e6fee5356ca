//! What a TaskTracker reads of its configuration.

use std::path::PathBuf;
use std::time::Duration;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::job::Resources;
use loxodon_mapreduce::settings::Settings as _;

/// The values of one start.
#[derive(Clone, Debug)]
pub(super) struct TaskTrackerSettings {
    /// `mapreduce.jobtracker.address`, `host:port`.
    pub(super) jobtracker: String,
    /// `mapreduce.tasktracker.host.name`, or the machine's.
    pub(super) host: String,
    /// `mapreduce.tasktracker.http.address`
    pub(super) http: String,
    /// `mapreduce.tasktracker.report.address`: where tasks find their tracker.
    pub(super) report: String,
    /// `mapreduce.shuffle.port`
    pub(super) shuffle_port: u16,
    /// `mapreduce.shuffle.max.connections`
    pub(super) shuffle_connections: usize,
    /// `mapreduce.tasktracker.indexcache.mb`, in bytes.
    pub(super) index_room: usize,
    /// `mapreduce.cluster.local.dir`
    pub(super) local_dirs: Vec<PathBuf>,
    /// `<hadoop.log.dir>/userlogs`
    pub(super) log_dir: PathBuf,
    /// `mapreduce.job.userlog.retain.hours`
    pub(super) log_age: Duration,
    /// What attempts may occupy together (`yarn.nodemanager.resource.*`).
    pub(super) capacity: Resources,
    /// `mapreduce.tasktracker.map.tasks.maximum`, where it is set.
    pub(super) map_slots: Option<u32>,
    /// `mapreduce.tasktracker.reduce.tasks.maximum`, where it is set.
    pub(super) reduce_slots: Option<u32>,
    /// `mapreduce.tasktracker.cache.local.size`, in bytes.
    pub(super) cache_room: u64,
    /// `mapreduce.tasktracker.local.dir.minspacestart`: bytes free below which no attempt is taken.
    pub(super) minimum_space: u64,
    /// `yarn.nodemanager.pmem-check-enabled`
    pub(super) memory_is_limited: bool,
    /// `loxodon.tasktracker.cgroup`
    pub(super) control_group: String,
    /// `loxodon.tasktracker.attempt.processes`; 0 is no limit.
    pub(super) most_processes: u64,
    /// `mapreduce.tasktracker.healthchecker.script.path`
    pub(super) health_script: Option<String>,
    /// `mapreduce.tasktracker.healthchecker.interval`
    pub(super) health_interval: Duration,
    /// `net.topology.node.rack`: set by the embedded cluster; else the JobTracker resolves it.
    pub(super) rack: String,
}

/// Memory in mebibytes and cores of this machine.
fn machine() -> Resources {
    let info = rustix::system::sysinfo();
    let bytes = info.totalram.saturating_mul(u64::from(info.mem_unit).max(1));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // A fifth is the system's and the daemons', as Hadoop's detection leaves it.
    Resources::new((bytes >> 20) * 4 / 5, u32::try_from(cores).unwrap_or(1))
}

impl TaskTrackerSettings {
    /// Reads them.
    ///
    /// # Errors
    /// A value that is not of its kind.
    pub(super) fn read(conf: &Configuration) -> Result<Self> {
        let text = |name: &str, default: &str| -> Result<String> {
            Ok(conf.get_text(name)?.unwrap_or_else(|| default.to_owned()))
        };
        let count = |name: &str, default: i64| -> Result<u64> {
            Ok(u64::try_from(conf.get_int(name, default)?).unwrap_or(0))
        };
        let slots = |name: &str| -> Result<Option<u32>> {
            let value = conf.get_int(name, -1)?;
            Ok(u32::try_from(value).ok())
        };
        let tmp =
            text("hadoop.tmp.dir", &format!("/tmp/hadoop-{}", crate::daemon::process_user()))?;
        let mut local_dirs: Vec<PathBuf> =
            conf.get_list("mapreduce.cluster.local.dir")?.into_iter().map(PathBuf::from).collect();
        if local_dirs.is_empty() {
            local_dirs.push(PathBuf::from(format!("{tmp}/mapred/local")));
        }
        let logs = match conf.get_text("hadoop.log.dir")? {
            Some(directory) => directory,
            None => std::env::var("HADOOP_LOG_DIR").unwrap_or_else(|_| format!("{tmp}/logs")),
        };
        let own = machine();
        let memory = conf.get_int("yarn.nodemanager.resource.memory-mb", -1)?;
        let cores = conf.get_int("yarn.nodemanager.resource.cpu-vcores", -1)?;
        let shuffle_port = conf.get_int("mapreduce.shuffle.port", 13_562)?;
        Ok(Self {
            jobtracker: text("mapreduce.jobtracker.address", "localhost:8021")?,
            host: text(
                "mapreduce.tasktracker.host.name",
                &loxodon_rpc::client::canonical_host_name(),
            )?,
            http: text("mapreduce.tasktracker.http.address", "0.0.0.0:50060")?,
            report: text("mapreduce.tasktracker.report.address", "127.0.0.1:0")?,
            shuffle_port: u16::try_from(shuffle_port).unwrap_or(0),
            shuffle_connections: match count("mapreduce.shuffle.max.connections", 0)? {
                0 => 1000,
                most => usize::try_from(most).unwrap_or(1000),
            },
            index_room: usize::try_from(count("mapreduce.tasktracker.indexcache.mb", 10)? << 20)
                .unwrap_or(10 << 20),
            local_dirs,
            log_dir: PathBuf::from(logs).join("userlogs"),
            log_age: Duration::from_secs(
                count("mapreduce.job.userlog.retain.hours", 24)?.saturating_mul(3600),
            ),
            capacity: Resources::new(
                u64::try_from(memory).unwrap_or(own.memory_mb),
                u32::try_from(cores).unwrap_or(own.cores),
            ),
            map_slots: slots("mapreduce.tasktracker.map.tasks.maximum")?,
            reduce_slots: slots("mapreduce.tasktracker.reduce.tasks.maximum")?,
            cache_room: count("mapreduce.tasktracker.cache.local.size", 10 << 30)?,
            minimum_space: count("mapreduce.tasktracker.local.dir.minspacestart", 0)?,
            memory_is_limited: conf.get_bool("yarn.nodemanager.pmem-check-enabled", true)?,
            control_group: text("loxodon.tasktracker.cgroup", "auto")?,
            most_processes: count("loxodon.tasktracker.attempt.processes", 0)?,
            health_script: conf.get_text("mapreduce.tasktracker.healthchecker.script.path")?,
            health_interval: Duration::from_millis(
                count("mapreduce.tasktracker.healthchecker.interval", 60_000)?.max(1000),
            ),
            rack: text("mapreduce.tasktracker.network.location", "")?,
        })
    }
}
