//! When a machine that was not heard from counts as stale, and when as dead.

use loxodon_wire::ids::Milliseconds;

/// Spans after which a silent DataNode is avoided and given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivenessSettings {
    /// `dfs.heartbeat.interval`.
    pub heartbeat: Milliseconds,
    /// `dfs.namenode.heartbeat.recheck-interval`.
    pub recheck: Milliseconds,
    /// `dfs.namenode.stale.datanode.interval`, not yet bounded from below.
    pub stale: Milliseconds,
    /// `dfs.namenode.stale.datanode.minimum.interval`, in heartbeats.
    pub stale_minimum_heartbeats: u64,
}

impl Default for LivenessSettings {
    fn default() -> Self {
        Self {
            heartbeat: Milliseconds(3_000),
            recheck: Milliseconds(300_000),
            stale: Milliseconds(30_000),
            stale_minimum_heartbeats: 3,
        }
    }
}

impl LivenessSettings {
    /// Silence after which a node is dead: two rechecks and ten heartbeats, 630 s by default.
    #[must_use]
    pub fn dead_after(&self) -> Milliseconds {
        let rechecks = self.recheck.0.saturating_mul(2);
        Milliseconds(rechecks.saturating_add(self.heartbeat.0.saturating_mul(10)))
    }

    /// Silence after which a node is stale: never less than a few heartbeats.
    #[must_use]
    pub fn stale_after(&self) -> Milliseconds {
        let least = self.heartbeat.0.saturating_mul(self.stale_minimum_heartbeats);
        Milliseconds(self.stale.0.max(least))
    }

    /// The state at `now` of a node last heard at `last`.
    #[must_use]
    pub fn judge(&self, last: Milliseconds, now: Milliseconds) -> Liveness {
        let silence = now.since(last);
        if silence > self.dead_after() {
            Liveness::Dead
        } else if silence >= self.stale_after() {
            Liveness::Stale
        } else {
            Liveness::Live
        }
    }
}

/// How recently a node was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Heard within the stale interval.
    Live,
    /// Silent for long enough to be read from last.
    Stale,
    /// Silent for so long that its replicas are given up.
    Dead,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_thirty_and_six_hundred_thirty_seconds() {
        let settings = LivenessSettings::default();
        assert_eq!(settings.dead_after(), Milliseconds(630_000));
        assert_eq!(settings.stale_after(), Milliseconds(30_000));
        let at = |ms: u64| settings.judge(Milliseconds(1_000), Milliseconds(1_000 + ms));
        assert_eq!(at(29_999), Liveness::Live);
        assert_eq!(at(30_000), Liveness::Stale);
        assert_eq!(at(630_000), Liveness::Stale);
        assert_eq!(at(630_001), Liveness::Dead);
    }

    #[test]
    fn a_short_stale_interval_is_raised_to_three_heartbeats() {
        let settings = LivenessSettings { stale: Milliseconds(1), ..LivenessSettings::default() };
        assert_eq!(settings.stale_after(), Milliseconds(9_000));
    }

    #[test]
    fn a_clock_that_goes_back_kills_nobody() {
        let settings = LivenessSettings::default();
        assert_eq!(settings.judge(Milliseconds(5_000_000), Milliseconds(0)), Liveness::Live);
    }
}
