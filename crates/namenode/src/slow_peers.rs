//! DataNodes that others find slow (`SlowPeerTracker`).

use std::collections::BTreeMap;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_wire::ids::Milliseconds;

/// Slow DataNodes that are remembered.
const MOST: usize = 10_000;
/// What is remembered of all of them together.
const MOST_REPORTS: usize = 100_000;
/// Longest name of one, in bytes: a host and a port.
const LONGEST_NAME: usize = 300;
/// DataNodes that are told that they are slow (`dfs.namenode.max.slowpeer.collect.nodes`).
const TOLD: usize = 5;

/// What a DataNode measured of another, in milliseconds for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// The slow one's average.
    pub latency: f64,
    /// The median of all.
    pub median: f64,
    /// Their median absolute deviation.
    pub mad: f64,
    /// Above this one is slow.
    pub limit: f64,
}

/// A slow DataNode, and what each of those that find it slow measured.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowPeer {
    /// Its address, `ip:port` of its web server.
    pub address: String,
    /// By the address of calls of who measured.
    pub reports: Vec<(String, Measured)>,
}

/// What DataNodes say of each other.
#[derive(Clone, Debug)]
pub struct SlowPeers {
    enabled: bool,
    validity: Milliseconds,
    shown: usize,
    reports: BTreeMap<String, BTreeMap<String, (Milliseconds, Measured)>>,
    /// How many reports there are.
    count: usize,
    /// When old ones were dropped last.
    forgot: Option<Milliseconds>,
}

impl Default for SlowPeers {
    fn default() -> Self {
        Self {
            enabled: false,
            validity: Milliseconds(0),
            shown: 0,
            reports: BTreeMap::new(),
            count: 0,
            forgot: None,
        }
    }
}

impl SlowPeers {
    /// As the configuration has it.
    ///
    /// # Errors
    /// A value that does not parse.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let mut peers = Self::default();
        peers.configure(conf)?;
        Ok(peers)
    }

    /// The same while the NameNode runs; what was reported stays.
    ///
    /// # Errors
    /// A value that does not parse.
    pub fn configure(&mut self, conf: &Configuration) -> Result<(), ConfError> {
        let interval = conf.time_ms(&keys::OUTLIERS_INTERVAL)?.max(0).cast_unsigned();
        (self.enabled, self.shown) =
            (conf.bool(&keys::PEER_STATS)?, conf.count(&keys::SLOW_NODES_REPORTED)?);
        self.validity = Milliseconds(interval.saturating_mul(3));
        if !self.enabled {
            self.reports.clear();
            self.count = 0;
        }
        Ok(())
    }

    /// Whether DataNodes are listened to (`dfs.datanode.peer.stats.enabled`).
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// `reporter` finds the node at `slow` slow.
    pub fn add(&mut self, now: Milliseconds, slow: &str, reporter: &str, measured: Measured) {
        if !self.enabled || slow.len() > LONGEST_NAME || reporter.len() > LONGEST_NAME {
            return;
        }
        // Once for all that one heartbeat tells.
        if self.forgot != Some(now) {
            self.forget_old(now);
        }
        let of_one = self.reports.get(slow);
        let is_known = of_one.is_some_and(|reports| reports.contains_key(reporter));
        let has_room = self.count < MOST_REPORTS && (of_one.is_some() || self.reports.len() < MOST);
        if !(is_known || has_room) {
            return;
        }
        let of_one = self.reports.entry(slow.to_owned()).or_default();
        self.count += usize::from(of_one.insert(reporter.to_owned(), (now, measured)).is_none());
    }

    fn forget_old(&mut self, now: Milliseconds) {
        let validity = self.validity;
        self.reports.retain(|_, reports| {
            reports.retain(|_, (at, _)| now.since(*at).0 < validity.0);
            !reports.is_empty()
        });
        self.count = self.reports.values().map(BTreeMap::len).sum();
        self.forgot = Some(now);
    }

    /// The list for administrators, those first that most find slow.
    #[must_use]
    pub fn list(&self, now: Milliseconds) -> Vec<SlowPeer> {
        self.top(now, self.shown)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self, now: Milliseconds) -> Vec<SlowPeer> {
        self.top(now, usize::MAX)
    }

    fn top(&self, now: Milliseconds, most: usize) -> Vec<SlowPeer> {
        let valid = |(address, reports): (&String, &BTreeMap<String, (Milliseconds, Measured)>)| {
            let fresh = reports.iter().filter(|(_, (at, _))| now.since(*at).0 < self.validity.0);
            let reports: Vec<_> =
                fresh.map(|(reporter, (_, measured))| (reporter.clone(), *measured)).collect();
            (!reports.is_empty()).then(|| SlowPeer { address: address.clone(), reports })
        };
        let mut slow: Vec<SlowPeer> = self.reports.iter().filter_map(valid).collect();
        slow.sort_by_key(|one| std::cmp::Reverse(one.reports.len()));
        slow.truncate(most);
        slow
    }

    /// Whether the node at this address is told that it is slow.
    #[must_use]
    pub fn is_slow(&self, now: Milliseconds, address: &str) -> bool {
        self.reports.contains_key(address)
            && self.top(now, TOLD).iter().any(|slow| slow.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(shown: &str) -> SlowPeers {
        let mut conf = Configuration::new();
        conf.set("dfs.datanode.peer.stats.enabled", "true", "test");
        conf.set("dfs.datanode.max.nodes.to.report", shown, "test");
        conf.set("dfs.datanode.outliers.report.interval", "10ms", "test");
        SlowPeers::from_conf(&conf).unwrap()
    }

    #[test]
    fn those_that_most_find_slow_come_first() {
        let (mut peers, now) = (peers("1"), Milliseconds(100));
        let measured = Measured { latency: 9.0, ..Measured::default() };
        peers.add(now, "a:1", "x:2", measured);
        peers.add(now, "b:1", "x:2", measured);
        peers.add(now, "b:1", "y:2", measured);
        let list = peers.list(now);
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].address, "b:1");
        assert_eq!(list[0].reports, [("x:2".into(), measured), ("y:2".into(), measured)]);
        assert_eq!(peers.all(now).len(), 2);
        assert!(peers.is_slow(now, "a:1"));
        assert!(!peers.is_slow(now, "c:1"));
    }

    #[test]
    fn reports_hold_three_intervals() {
        let mut peers = peers("5");
        peers.add(Milliseconds(0), "a:1", "x:2", Measured::default());
        assert_eq!(peers.list(Milliseconds(29)).len(), 1);
        assert!(peers.list(Milliseconds(30)).is_empty());
        peers.add(Milliseconds(31), "b:1", "x:2", Measured::default());
        assert_eq!(peers.reports.len(), 1, "the old one is forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_looked_through_once_for_a_heartbeat() {
        let mut peers = peers("5");
        let at = |peers: &mut SlowPeers, now: u64, slow: usize, reporter: usize| {
            let (slow, reporter) = (format!("a:{slow}"), format!("x:{reporter}"));
            peers.add(Milliseconds(now), &slow, &reporter, Measured::default());
        };
        (0..=MOST).for_each(|slow| at(&mut peers, 1, slow, 0));
        assert_eq!((peers.reports.len(), peers.count), (MOST, MOST));
        (0..=MOST_REPORTS).for_each(|reporter| at(&mut peers, 1, 0, reporter));
        assert_eq!(peers.count, MOST_REPORTS);
        peers.add(Milliseconds(1), &"a".repeat(1000), "x:0", Measured::default());
        at(&mut peers, 1, 0, 0);
        assert_eq!((peers.count, peers.forgot), (MOST_REPORTS, Some(Milliseconds(1))));
        at(&mut peers, 31, 7, 7);
        assert_eq!((peers.reports.len(), peers.count), (1, 1));
    }

    #[test]
    fn without_the_switch_nobody_is_listened_to() {
        let mut peers = SlowPeers::from_conf(&Configuration::new()).unwrap();
        peers.add(Milliseconds(0), "a:1", "x:2", Measured::default());
        assert!(peers.all(Milliseconds(0)).is_empty());
    }
}
