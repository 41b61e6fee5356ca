//! `mapreduce.jobhistory.*`: where histories are, how long they stay, where the history server is.

use std::time::Duration;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::job::AccessControlList;
use loxodon_mapreduce::settings::Settings as _;

/// The values of one start.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct HistorySettings {
    /// `mapreduce.jobhistory.done-dir`
    pub(in crate::daemon) done_dir: String,
    /// `mapreduce.jobhistory.intermediate-done-dir`: what Java's application masters leave.
    pub(super) intermediate_dir: String,
    /// `mapreduce.jobhistory.max-age-ms`
    pub(in crate::daemon) max_age: i64,
    /// `mapreduce.jobhistory.cleaner.interval-ms`; `None` where the cleaner is off.
    pub(in crate::daemon) clean_every: Option<Duration>,
    /// `mapreduce.jobhistory.move.interval-ms`
    pub(super) move_every: Duration,
    /// `mapreduce.jobhistory.joblist.cache.size`: jobs in lists, the newest.
    pub(in crate::daemon) listed: usize,
    /// `mapreduce.jobhistory.loadedjobs.cache.size`: jobs that are kept as they were read.
    pub(super) loaded: usize,
    /// `mapreduce.jobhistory.address`
    pub(super) address: String,
    /// `mapreduce.jobhistory.webapp.address`
    pub(super) web: String,
    /// `mapreduce.jobhistory.admin.address`
    pub(super) admin: String,
    /// `mapreduce.jobhistory.admin.acl`: who may give it orders.
    pub(super) admins: AccessControlList,
}

fn text(conf: &Configuration, name: &str, default: &str) -> Result<String> {
    Ok(conf.get_text(name)?.unwrap_or_else(|| default.to_owned()))
}

impl HistorySettings {
    /// Reads them.
    ///
    /// # Errors
    /// A value that is not of its kind.
    pub(in crate::daemon) fn read(conf: &Configuration) -> Result<Self> {
        let staging = text(conf, "yarn.app.mapreduce.am.staging-dir", "/tmp/hadoop-yarn/staging")?;
        let staging = staging.trim_end_matches('/');
        let milliseconds = |name: &str, default: i64| -> Result<Duration> {
            Ok(Duration::from_millis(u64::try_from(conf.get_int(name, default)?).unwrap_or(0)))
        };
        let count = |name: &str, default: i64| -> Result<usize> {
            Ok(usize::try_from(conf.get_int(name, default)?).unwrap_or(0))
        };
        let every = milliseconds("mapreduce.jobhistory.cleaner.interval-ms", 86_400_000)?;
        let cleans = conf.get_bool("mapreduce.jobhistory.cleaner.enable", true)?;
        let admins = text(conf, "mapreduce.jobhistory.admin.acl", "*")?;
        let done = format!("{staging}/history/done");
        let intermediate = format!("{staging}/history/done_intermediate");
        let moves = milliseconds("mapreduce.jobhistory.move.interval-ms", 180_000)?;
        Ok(Self {
            done_dir: text(conf, "mapreduce.jobhistory.done-dir", &done)?,
            intermediate_dir: text(
                conf,
                "mapreduce.jobhistory.intermediate-done-dir",
                &intermediate,
            )?,
            max_age: conf.get_int("mapreduce.jobhistory.max-age-ms", 604_800_000)?,
            clean_every: cleans.then_some(every.max(Duration::from_secs(1))),
            move_every: moves.max(Duration::from_millis(100)),
            listed: count("mapreduce.jobhistory.joblist.cache.size", 20_000)?,
            loaded: count("mapreduce.jobhistory.loadedjobs.cache.size", 5)?.max(1),
            address: text(conf, "mapreduce.jobhistory.address", "0.0.0.0:10020")?,
            web: text(conf, "mapreduce.jobhistory.webapp.address", "0.0.0.0:19888")?,
            admin: text(conf, "mapreduce.jobhistory.admin.address", "0.0.0.0:10033")?,
            admins: AccessControlList::parse(&admins),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_below_the_staging_directory() {
        let mut conf = Configuration::new();
        let read = HistorySettings::read(&conf).unwrap();
        assert_eq!(read.done_dir, "/tmp/hadoop-yarn/staging/history/done");
        assert_eq!(read.web, "0.0.0.0:19888");
        conf.set("yarn.app.mapreduce.am.staging-dir", "/s/", "test");
        conf.set("mapreduce.jobhistory.cleaner.enable", "false", "test");
        let read = HistorySettings::read(&conf).unwrap();
        assert_eq!(read.intermediate_dir, "/s/history/done_intermediate");
        assert_eq!(read.clean_every, None);
        conf.set("mapreduce.jobhistory.max-age-ms", "long", "test");
        assert!(HistorySettings::read(&conf).is_err());
    }
}
