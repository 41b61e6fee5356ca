//! What an attempt used: processor time and memory of the process, bytes of file systems.
//!
//! A local job's attempts share one process: each counts the processor time of its own threads. Memory cannot be told
//! apart that way; every attempt says what the process has, as in Hadoop's local runner.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

use loxodon_conf::Configuration;
use rustix::time::ClockId;

use crate::counters::{FILE_SYSTEM_GROUP, FileSystemCounter, LiveCounters, TaskCounter};
use crate::error::Result;
use crate::fs::StatisticsSnapshot;
use crate::settings::Settings;

thread_local! {
    /// Processor time of this thread that was noted, nanoseconds.
    static NOTED: Cell<i64> = const { Cell::new(0) };
}

/// Processor time.
#[derive(Debug)]
pub(crate) enum Usage {
    /// Of the process, from so many nanoseconds on.
    Process(i64),
    /// Of the threads that note theirs, nanoseconds.
    Threads(AtomicI64),
}

impl Usage {
    /// Begins to count; the calling thread's time belongs to the attempt from now on.
    pub(crate) fn begin(conf: &Configuration) -> Result<Self> {
        if conf.get_text("mapreduce.framework.name")?.as_deref() != Some("local") {
            return Ok(Self::Process(nanoseconds(ClockId::ProcessCPUTime)));
        }
        NOTED.set(nanoseconds(ClockId::ThreadCPUTime));
        Ok(Self::Threads(AtomicI64::new(0)))
    }

    /// Adds what the calling thread used since it last did.
    pub(crate) fn note(&self) {
        if let Self::Threads(sum) = self {
            let now = nanoseconds(ClockId::ThreadCPUTime);
            sum.fetch_add(now - NOTED.replace(now), Ordering::Relaxed);
        }
    }

    fn milliseconds(&self) -> i64 {
        let used = match self {
            Self::Process(from) => nanoseconds(ClockId::ProcessCPUTime) - from,
            Self::Threads(sum) => sum.load(Ordering::Relaxed),
        };
        used / 1_000_000
    }

    /// Sets the counters of processor and memory; there is no garbage collector, and so no time for it.
    pub(crate) fn count(&self, counters: &LiveCounters, is_map: bool) {
        let set = |counter, value| counters.task(counter).set(value);
        set(TaskCounter::GcTimeMillis, 0);
        set(TaskCounter::CpuMilliseconds, self.milliseconds());
        let Some((total, resident)) = memory() else { return };
        set(TaskCounter::PhysicalMemoryBytes, resident);
        set(TaskCounter::VirtualMemoryBytes, total);
        set(TaskCounter::CommittedHeapBytes, resident);
        let (physical, virtual_) = if is_map {
            (TaskCounter::MapPhysicalMemoryBytesMax, TaskCounter::MapVirtualMemoryBytesMax)
        } else {
            (TaskCounter::ReducePhysicalMemoryBytesMax, TaskCounter::ReduceVirtualMemoryBytesMax)
        };
        for (counter, value) in [(physical, resident), (virtual_, total)] {
            let counter = counters.task(counter);
            counter.set(counter.value().max(value));
        }
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Total and resident memory of this process, in bytes.
fn memory() -> Option<(i64, i64)> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split_ascii_whitespace().map_while(|p| p.parse::<i64>().ok());
    let page = i64::try_from(rustix::param::page_size()).ok()?;
    Some((pages.next()? * page, pages.next()? * page))
}

/// Sets the counters of one file system.
pub(crate) fn count_files(counters: &LiveCounters, scheme: &str, sums: &StatisticsSnapshot) {
    let scheme = scheme.to_uppercase();
    let values = [
        (FileSystemCounter::BytesRead, sums.bytes_read),
        (FileSystemCounter::BytesWritten, sums.bytes_written),
        (FileSystemCounter::ReadOps, sums.read_ops),
        (FileSystemCounter::LargeReadOps, sums.large_read_ops),
        (FileSystemCounter::WriteOps, sums.write_ops),
    ];
    for (counter, value) in values {
        let name = format!("{scheme}_{}", counter.name());
        // Counters of file systems have no limit.
        if let Ok(live) = counters.counter(FILE_SYSTEM_GROUP, &name) {
            live.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() {
        let until = nanoseconds(ClockId::ThreadCPUTime) + 20_000_000;
        while nanoseconds(ClockId::ThreadCPUTime) < until {}
    }

    #[test]
    fn a_local_attempt_counts_its_own_threads() {
        let mut conf = Configuration::new();
        conf.set("mapreduce.framework.name", "local", "test");
        busy();
        let usage = Usage::begin(&conf).unwrap();
        let others = std::thread::spawn(busy);
        busy();
        usage.note();
        others.join().unwrap();
        let own = usage.milliseconds();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                busy();
                usage.note();
            });
        });
        assert!((20..40).contains(&own), "{own} ms: neither what was before nor another thread");
        assert!(usage.milliseconds() >= own + 20);
    }
}
