//! The two clocks that the machine is given.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use loxodon_namenode::Now;
use loxodon_wire::ids::Milliseconds;

/// Reads both clocks. The monotonic one counts from well after zero, so that "long ago" can be
/// said of a daemon that has just started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

/// Older than any time-out that a daemon knows.
const HEAD_START: u64 = 30 * 24 * 3_600_000;

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// What the clocks say.
    #[must_use]
    pub fn now(&self) -> Now {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { wall: wall(), monotonic: Milliseconds(HEAD_START.saturating_add(elapsed)) }
    }
}

/// Milliseconds since the epoch.
#[must_use]
pub(crate) fn wall() -> Milliseconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Milliseconds(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
