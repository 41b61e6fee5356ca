//! Beans about the process, under the names a JVM gives them, because dashboards read those.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::bean::{Bean, BeanSource};
use super::stacks::States;

/// `java.lang:type=Runtime`, `Memory`, `Threading`, `OperatingSystem`, and a service's
/// `JvmMetrics`. There is no heap: what the process has in memory stands for it.
#[derive(Clone, Debug)]
pub struct ProcessBeans {
    service: String,
    host: String,
    started: SystemTime,
}

impl ProcessBeans {
    /// For a daemon such as `NameNode` on this host, running since `started`.
    pub fn new(service: impl Into<String>, host: impl Into<String>, started: SystemTime) -> Self {
        Self { service: service.into(), host: host.into(), started }
    }

    fn runtime(&self) -> Bean {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let uptime = self.started.elapsed().unwrap_or_default().as_millis();
        Bean::new("java.lang:type=Runtime", "sun.management.RuntimeImpl")
            .with("Name", format!("{}@{}", std::process::id(), self.host))
            .with("StartTime", number(started))
            .with("Uptime", number(uptime))
            .with("VmName", "Loxodon")
            .with("VmVersion", env!("CARGO_PKG_VERSION"))
    }

    fn memory(status: &Status) -> Bean {
        let usage =
            |used: u64, max: u64| json!({ "committed": used, "init": 0, "max": max, "used": used });
        Bean::new("java.lang:type=Memory", "sun.management.MemoryImpl")
            .with("HeapMemoryUsage", usage(status.resident, status.total))
            .with("NonHeapMemoryUsage", usage(0, 0))
            .with("ObjectPendingFinalizationCount", 0)
            .with("Verbose", false)
    }

    fn threading(status: &Status) -> Bean {
        Bean::new("java.lang:type=Threading", "sun.management.ThreadImpl")
            .with("ThreadCount", status.threads)
    }

    fn operating_system(status: &Status) -> Bean {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let load = read("/proc/loadavg");
        let load = load.split_whitespace().next().and_then(|load| load.parse::<f64>().ok());
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Bean::new("java.lang:type=OperatingSystem", "sun.management.BaseOperatingSystemImpl")
            .with("Name", "Linux")
            .with("Arch", std::env::consts::ARCH)
            .with("AvailableProcessors", processors)
            .with("SystemLoadAverage", load.map_or(Value::Null, Value::from))
            .with("OpenFileDescriptorCount", open)
            .with("TotalPhysicalMemorySize", status.total)
    }

    fn jvm_metrics(&self, status: &Status) -> Bean {
        let states = States::read();
        let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        Bean::new(format!("Hadoop:service={},name=JvmMetrics", self.service), "JvmMetrics")
            .with("tag.Context", "jvm")
            .with("tag.ProcessName", self.service.clone())
            .with("tag.SessionId", Value::Null)
            .with("tag.Hostname", self.host.clone())
            .with("MemNonHeapUsedM", 0.0)
            .with("MemNonHeapCommittedM", 0.0)
            .with("MemNonHeapMaxM", -1.0)
            .with("MemHeapUsedM", megabytes(status.resident))
            .with("MemHeapCommittedM", megabytes(status.resident))
            .with("MemHeapMaxM", megabytes(status.total))
            .with("MemMaxM", megabytes(status.total))
            .with("GcCount", 0)
            .with("GcTimeMillis", 0)
            .with("GcNumInfoThresholdExceeded", 0)
            .with("GcNumWarnThresholdExceeded", 0)
            .with("GcTimePercentage", 0)
            .with("GcTotalExtraSleepTime", 0)
            .with("ThreadsNew", 0)
            .with("ThreadsRunnable", states.runnable)
            .with("ThreadsBlocked", states.blocked)
            .with("ThreadsWaiting", states.waiting)
            .with("ThreadsTimedWaiting", 0)
            .with("ThreadsTerminated", states.terminated)
    }

    /// The system that hands metrics on in Hadoop. Here nothing is handed on: all that there is
    /// is shown when it is asked for.
    fn metrics_system(&self) -> [Bean; 2] {
        let named = |part: &str| {
            let name = format!("Hadoop:service={},name=MetricsSystem,sub={part}", self.service);
            Bean::new(name, "MetricsSystem")
        };
        let stats = ["NumActiveSources", "NumAllSources", "NumActiveSinks", "NumAllSinks"]
            .into_iter()
            .fold(named("Stats").with("tag.Context", "metricssystem"), |bean, name| {
                bean.with(name, 0)
            });
        let stats = ["Snapshot", "Publish"].into_iter().fold(stats, |bean, what| {
            bean.with(format!("{what}NumOps"), 0).with(format!("{what}AvgTime"), 0.0)
        });
        let stats = stats.with("tag.Hostname", self.host.clone());
        [named("Control"), stats.with("DroppedPubAll", 0)]
    }
}

impl BeanSource for ProcessBeans {
    fn beans(&self) -> Vec<Bean> {
        let status = Status::read();
        let [control, stats] = self.metrics_system();
        vec![
            self.runtime(),
            Self::memory(&status),
            Self::threading(&status),
            Self::operating_system(&status),
            self.jvm_metrics(&status),
            control,
            stats,
        ]
    }
}

/// What `/proc` says, in bytes; zero where it does not.
struct Status {
    resident: u64,
    total: u64,
    threads: u64,
}

impl Status {
    fn read() -> Self {
        let own = read("/proc/self/status");
        Self {
            resident: field(&own, "VmRSS:").saturating_mul(1024),
            total: field(&read("/proc/meminfo"), "MemTotal:").saturating_mul(1024),
            threads: field(&own, "Threads:"),
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn number(value: u128) -> Value {
    u64::try_from(value).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_seen() {
        let beans = ProcessBeans::new("NameNode", "nn", SystemTime::now()).beans();
        let value = |bean: &str, attribute: &str| {
            let bean = beans.iter().find(|b| b.name.ends_with(bean)).unwrap();
            bean.attributes.iter().find(|(name, _)| name == attribute).unwrap().1.clone()
        };
        assert!(value("type=Runtime", "StartTime").as_u64().unwrap() > 1_600_000_000_000);
        assert!(value("type=Memory", "HeapMemoryUsage")["used"].as_u64().unwrap() > 1 << 20);
        assert!(value("type=Threading", "ThreadCount").as_u64().unwrap() >= 1);
        assert!(value("name=JvmMetrics", "MemHeapUsedM").as_f64().unwrap() > 1.0);
    }
}
