//! What an attempt used: processor time and memory of the process, bytes of file systems.

use crate::counters::{FILE_SYSTEM_GROUP, FileSystemCounter, LiveCounters, TaskCounter};
use crate::fs::StatisticsSnapshot;

/// Processor time at the start, to count from.
#[derive(Debug)]
pub(crate) struct Usage {
    cpu: i64,
}

impl Usage {
    pub(crate) fn begin() -> Self {
        Self { cpu: cpu_milliseconds() }
    }

    /// Sets the counters of processor and memory; there is no garbage collector, and so no time for it.
    pub(crate) fn count(&self, counters: &LiveCounters, is_map: bool) {
        let set = |counter, value| counters.task(counter).set(value);
        set(TaskCounter::GcTimeMillis, 0);
        set(TaskCounter::CpuMilliseconds, cpu_milliseconds() - self.cpu);
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

fn cpu_milliseconds() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
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
