//! How busy this machine is, for writers who slow down when they hear of it (`dfs.pipeline.ecn`).

use std::time::{Duration, Instant};

use loxodon_wire::transfer::Congestion;
use parking_lot::Mutex;

/// The system's average changes every five seconds.
const LOOK: Duration = Duration::from_secs(1);

/// The load above which writers are asked for less.
#[derive(Debug)]
pub(crate) struct Load {
    limit: Option<f64>,
    seen: Mutex<Option<(Instant, Congestion)>>,
}

impl Load {
    /// Congested from `ratio` times the number of processors on; `None` says nothing at all.
    pub(crate) fn new(ratio: Option<f64>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        Self { limit: ratio.map(|ratio| ratio * processors), seen: Mutex::default() }
    }

    pub(crate) fn congestion(&self) -> Congestion {
        let Some(limit) = self.limit else { return Congestion::Disabled };
        let mut seen = self.seen.lock();
        if let Some((at, congestion)) = *seen
            && at.elapsed() < LOOK
        {
            return congestion;
        }
        let congestion = if average().is_some_and(|load| load > limit) {
            Congestion::Congested
        } else {
            Congestion::Supported
        };
        *seen = Some((Instant::now(), congestion));
        congestion
    }
}

/// Of the last minute.
fn average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_unless_asked_to() {
        assert_eq!(Load::new(None).congestion(), Congestion::Disabled);
        assert_eq!(Load::new(Some(1e9)).congestion(), Congestion::Supported);
        assert_eq!(Load::new(Some(-1.0)).congestion(), Congestion::Congested);
        assert!(average().is_some());
    }
}
