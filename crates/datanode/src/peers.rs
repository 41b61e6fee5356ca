//! How fast other DataNodes take packets (`DataNodePeerMetrics`).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::outliers::{Outlier, outliers};
use crate::settings::OutlierSettings;

/// Averages are over this many windows of this length (`MutableRollingAverages`).
const WINDOWS: usize = 36;
const WINDOW: Duration = Duration::from_secs(300);
/// DataNodes that are remembered.
const PEERS: usize = 10_000;

/// Averages by DataNode.
#[derive(Debug)]
pub(crate) struct PeerStats {
    enabled: AtomicBool,
    peers: Mutex<HashMap<String, VecDeque<Window>, foldhash::fast::RandomState>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    total: Duration,
    packets: u64,
}

impl PeerStats {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled: AtomicBool::new(enabled), peers: Mutex::default() }
    }

    /// Begins or ends measuring.
    pub(crate) fn measure(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    pub(crate) fn is_measuring(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Notes that `packets` took `time` to go to `peer`.
    pub(crate) fn add(&self, peer: &str, time: Duration, packets: u64, now: Instant) {
        let mut peers = self.peers.lock();
        if !peers.contains_key(peer) {
            if peers.len() >= PEERS {
                return;
            }
            peers.insert(peer.to_owned(), VecDeque::new());
        }
        let Some(windows) = peers.get_mut(peer) else { return };
        let current =
            windows.back_mut().filter(|last| now.saturating_duration_since(last.began) < WINDOW);
        match current {
            Some(window) => {
                window.total += time;
                window.packets += packets;
            }
            None => {
                windows.push_back(Window { began: now, total: time, packets });
                while windows.len() > WINDOWS {
                    windows.pop_front();
                }
            }
        }
    }

    /// Who is slow.
    pub(crate) fn slow(&self, settings: &OutlierSettings, now: Instant) -> Vec<Outlier> {
        if !settings.peers {
            return Vec::new();
        }
        let averages = self.averages(settings.least_samples, now);
        outliers(&averages, settings.least_peers, settings.low_threshold)
    }

    /// Milliseconds for a packet, of each DataNode with enough of them.
    pub(crate) fn averages(&self, least: u64, now: Instant) -> Vec<(String, f64)> {
        let mut peers = self.peers.lock();
        let age = WINDOW * u32::try_from(WINDOWS).unwrap_or(u32::MAX);
        peers.retain(|_, windows| {
            windows.retain(|window| now.saturating_duration_since(window.began) < age);
            !windows.is_empty()
        });
        let average = |(peer, windows): (&String, &VecDeque<Window>)| {
            let packets: u64 = windows.iter().map(|window| window.packets).sum();
            let total: Duration = windows.iter().map(|window| window.total).sum();
            (packets > least)
                .then(|| (peer.clone(), total.as_secs_f64() * 1000.0 / packets.max(1) as f64))
        };
        peers.iter().filter_map(average).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_ones_are_named() {
        let (stats, now) = (PeerStats::new(true), Instant::now());
        let settings =
            OutlierSettings { peers: true, least_peers: 3, least_samples: 4, ..Default::default() };
        for (peer, milliseconds) in [("a:1", 1), ("b:1", 1), ("c:1", 1), ("d:1", 90)] {
            stats.add(peer, Duration::from_millis(milliseconds * 5), 5, now);
        }
        let slow = stats.slow(&settings, now);
        assert_eq!(slow.iter().map(|slow| slow.name.as_str()).collect::<Vec<_>>(), ["d:1"]);
        assert_eq!(slow[0].latency, 90.0);
        assert!(stats.slow(&settings, now + WINDOW * 36).is_empty(), "it is forgotten");
    }

    #[test]
    fn few_packets_say_nothing() {
        let (stats, now) = (PeerStats::new(true), Instant::now());
        stats.add("a:1", Duration::from_secs(9), 4, now);
        assert!(stats.averages(4, now).is_empty());
        stats.add("a:1", Duration::from_secs(1), 1, now + WINDOW);
        assert_eq!(stats.averages(4, now), [("a:1".to_owned(), 2000.0)]);
    }
}
