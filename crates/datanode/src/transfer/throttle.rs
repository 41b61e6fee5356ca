//! Bytes a second, shared by several transfers: Hadoop's `DataTransferThrottler`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets a number of bytes pass in each second; 0 is no limit.
#[derive(Debug)]
pub(crate) struct Throttle {
    per_second: AtomicU64,
    /// When what has passed already would have been due.
    due: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(crate) const fn new(per_second: u64) -> Self {
        Self { per_second: AtomicU64::new(per_second), due: Mutex::new(None) }
    }

    pub(crate) fn bandwidth(&self) -> u64 {
        self.per_second.load(Ordering::Relaxed)
    }

    pub(crate) fn set_bandwidth(&self, per_second: u64) {
        self.per_second.store(per_second, Ordering::Relaxed);
    }

    /// Waits until `bytes` more may pass.
    pub(crate) fn pass(&self, bytes: u64) {
        let wait = self.wait_for(bytes, Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    }

    fn wait_for(&self, bytes: u64, now: Instant) -> Duration {
        let per_second = self.bandwidth();
        if per_second == 0 {
            return Duration::ZERO;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / per_second as f64);
        let mut due = self.due.lock();
        let start = due.map_or(now, |due| due.max(now));
        *due = Some(start + takes);
        start.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_for_its_bytes() {
        let (throttle, now) = (Throttle::new(1000), Instant::now());
        assert_eq!(throttle.wait_for(500, now), Duration::ZERO);
        assert_eq!(throttle.wait_for(1000, now), Duration::from_millis(500));
        assert_eq!(throttle.wait_for(1, now), Duration::from_millis(1500));
        throttle.set_bandwidth(0);
        assert_eq!(throttle.wait_for(1 << 40, now), Duration::ZERO);
    }
}
