//! How long a volume's disk takes for what is asked of it (`ProfilingFileIoEvents`, `DataNodeVolumeMetrics`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Means are over the last two of these.
const WINDOW: Duration = Duration::from_secs(300);

/// What is asked of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskWork {
    /// Files are made, opened, moved or removed.
    Metadata,
    /// Bytes are read: data into memory, and checksums. What leaves by `sendfile` waits for a socket too.
    Read,
    /// Bytes are written.
    Write,
}

/// All of them, in the order of a report.
pub(crate) const WORKS: [DiskWork; 3] = [DiskWork::Metadata, DiskWork::Read, DiskWork::Write];

/// Times of some of a volume's operations.
#[derive(Debug, Default)]
pub(crate) struct DiskTimes {
    /// Operations in a hundred that are timed.
    percent: AtomicU64,
    asked: AtomicU64,
    means: Mutex<[Windows; WORKS.len()]>,
}

/// What was timed lately.
#[derive(Clone, Copy, Debug, Default)]
struct Windows {
    began: Option<Instant>,
    now: Sum,
    before: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: Duration,
    count: u32,
}

impl DiskTimes {
    /// Has so many operations in a hundred timed from now on.
    pub(crate) fn measure(&self, percent: u64) {
        self.percent.store(percent.min(100), Ordering::Relaxed);
    }

    /// Does something, and times it if it is one of those that are.
    pub(crate) fn timed<T>(&self, work: DiskWork, operation: impl FnOnce() -> T) -> T {
        let percent = self.percent.load(Ordering::Relaxed);
        if percent == 0 || self.asked.fetch_add(percent, Ordering::Relaxed) % 100 >= percent {
            return operation();
        }
        let began = Instant::now();
        let result = operation();
        self.add(work, began.elapsed(), Instant::now());
        result
    }

    fn add(&self, work: DiskWork, time: Duration, now: Instant) {
        if let Some(windows) = self.means.lock().get_mut(work as usize) {
            windows.turn(now);
            windows.now.total += time;
            windows.now.count = windows.now.count.saturating_add(1);
        }
    }

    /// Milliseconds for an operation, lately; 0 where there was none.
    pub(crate) fn mean(&self, work: DiskWork, now: Instant) -> f64 {
        let mut means = self.means.lock();
        let Some(windows) = means.get_mut(work as usize) else { return 0.0 };
        windows.turn(now);
        let total = windows.now.total + windows.before.total;
        let count = windows.now.count.saturating_add(windows.before.count);
        total.as_secs_f64() * 1000.0 / f64::from(count.max(1))
    }
}

impl Windows {
    /// Begins a new window where the last one is over, and forgets what is old.
    fn turn(&mut self, now: Instant) {
        let age = self.began.map(|began| now.saturating_duration_since(began));
        if age.is_some_and(|age| age < WINDOW) {
            return;
        }
        let fresh = age.is_some_and(|age| age < 2 * WINDOW);
        self.before = if fresh { self.now } else { Sum::default() };
        (self.began, self.now) = (Some(now), Sum::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_of_the_last_two_windows() {
        let (times, now) = (DiskTimes::default(), Instant::now());
        times.add(DiskWork::Read, Duration::from_millis(10), now);
        times.add(DiskWork::Read, Duration::from_millis(30), now);
        assert_eq!(times.mean(DiskWork::Read, now), 20.0);
        assert_eq!(times.mean(DiskWork::Write, now), 0.0);
        times.add(DiskWork::Read, Duration::from_millis(80), now + WINDOW);
        assert_eq!(times.mean(DiskWork::Read, now + WINDOW), 40.0);
        assert_eq!(times.mean(DiskWork::Read, now + 2 * WINDOW), 80.0);
        assert_eq!(times.mean(DiskWork::Read, now + 4 * WINDOW), 0.0);
    }

    #[test]
    fn as_many_are_timed_as_is_said() {
        let times = DiskTimes::default();
        let count = || times.means.lock()[DiskWork::Write as usize].now.count;
        (0..100).for_each(|_| times.timed(DiskWork::Write, || ()));
        assert_eq!(count(), 0, "none without being asked to");
        times.measure(10);
        (0..1000).for_each(|_| times.timed(DiskWork::Write, || ()));
        assert_eq!(count(), 100);
        times.measure(100);
        assert_eq!(times.timed(DiskWork::Write, || 7), 7);
        assert_eq!(count(), 101);
    }
}
