//! Disks that their DataNodes find slow (`SlowDiskTracker`).

use std::collections::BTreeMap;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_wire::ids::Milliseconds;

/// Slow disks that are remembered.
const MOST: usize = 10_000;
/// Longest name of one, in bytes: a host, a port and a path.
const LONGEST_NAME: usize = 4500;

/// Milliseconds for what a disk is slow at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiskLatencies {
    /// To make, open, move or remove a file.
    pub metadata: Option<f64>,
    /// To read.
    pub read: Option<f64>,
    /// To write.
    pub write: Option<f64>,
}

impl DiskLatencies {
    fn greatest(&self) -> f64 {
        [self.metadata, self.read, self.write].into_iter().flatten().fold(0.0, f64::max)
    }
}

/// What DataNodes say of their disks.
#[derive(Clone, Debug, Default)]
pub struct SlowDisks {
    /// `dfs.datanode.fileio.profiling.sampling.percentage` is not 0.
    enabled: bool,
    validity: Milliseconds,
    shown: usize,
    reports: BTreeMap<String, (Milliseconds, DiskLatencies)>,
    /// When old ones were dropped last.
    forgot: Option<Milliseconds>,
}

impl SlowDisks {
    /// As the configuration has it.
    ///
    /// # Errors
    /// A value that does not parse.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let interval = conf.time_ms(&keys::OUTLIERS_INTERVAL)?.max(0).cast_unsigned();
        Ok(Self {
            enabled: conf.int(&keys::FILE_IO_SAMPLES)? > 0,
            validity: Milliseconds(interval.saturating_mul(3)),
            shown: conf.count(&keys::SLOW_DISKS_REPORTED)?,
            reports: BTreeMap::new(),
            forgot: None,
        })
    }

    /// The DataNode with this address of calls finds its disk at `path` slow.
    pub fn add(&mut self, now: Milliseconds, datanode: &str, path: &str, found: DiskLatencies) {
        if !self.enabled || datanode.len().saturating_add(path.len()) > LONGEST_NAME {
            return;
        }
        // Once for all that one heartbeat tells.
        if self.forgot != Some(now) {
            let validity = self.validity;
            self.reports.retain(|_, (at, _)| now.since(*at).0 < validity.0);
            self.forgot = Some(now);
        }
        let disk = format!("{datanode}:{path}");
        if self.reports.len() < MOST || self.reports.contains_key(&disk) {
            self.reports.insert(disk, (now, found));
        }
    }

    /// The list for administrators, the slowest first.
    #[must_use]
    pub fn list(&self, now: Milliseconds) -> Vec<(&str, DiskLatencies)> {
        let fresh = self.reports.iter().filter(|(_, (at, _))| now.since(*at).0 < self.validity.0);
        let mut slow: Vec<_> = fresh.map(|(disk, (_, found))| (disk.as_str(), *found)).collect();
        slow.sort_by(|(_, one), (_, other)| other.greatest().total_cmp(&one.greatest()));
        slow.truncate(self.shown);
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_come_first_and_are_forgotten() {
        let mut conf = Configuration::new();
        conf.set("dfs.datanode.outliers.report.interval", "10ms", "test");
        conf.set("dfs.datanode.max.disks.to.report", "2", "test");
        let write = |ms| DiskLatencies { write: Some(ms), ..DiskLatencies::default() };
        let mut deaf = SlowDisks::from_conf(&conf).unwrap();
        deaf.add(Milliseconds(0), "a:1", "/d/", write(30.0));
        assert!(deaf.list(Milliseconds(0)).is_empty());
        conf.set("dfs.datanode.fileio.profiling.sampling.percentage", "5", "test");
        let mut disks = SlowDisks::from_conf(&conf).unwrap();
        disks.add(Milliseconds(0), "a:1", "/d/", write(30.0));
        disks.add(Milliseconds(9), "b:1", "/d/", write(90.0));
        let read = DiskLatencies { read: Some(50.0), write: Some(10.0), metadata: None };
        disks.add(Milliseconds(9), "b:1", "/e/", read);
        let list = disks.list(Milliseconds(29));
        assert_eq!(list, [("b:1:/d/", write(90.0)), ("b:1:/e/", read)]);
        assert!(disks.list(Milliseconds(39)).is_empty());
        disks.add(Milliseconds(40), "a:1", "/d/", write(1.0));
        assert_eq!(disks.reports.len(), 1, "the old ones are gone");
        disks.add(Milliseconds(40), "a:1", &"/d".repeat(5000), write(1.0));
        assert_eq!(disks.reports.len(), 1, "no disk has such a name");
    }
}
