//! What a job says about its shuffle.

use std::time::Duration;

use loxodon_conf::Configuration;

use super::FailureLimits;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// Settings of a reduce's shuffle, with Hadoop's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct ShuffleSettings {
    /// Threads that copy (`mapreduce.reduce.shuffle.parallelcopies`).
    pub copies: usize,
    /// Bytes that the task has (`mapreduce.reduce.memory.totalbytes`, else four fifths of `mapreduce.reduce.memory.mb`).
    pub memory: u64,
    /// Share of it for outputs (`mapreduce.reduce.shuffle.input.buffer.percent`).
    pub input_buffer: f64,
    /// Share of that at which a merge starts (`mapreduce.reduce.shuffle.merge.percent`).
    pub merge_percent: f64,
    /// Share of that for one output at most (`mapreduce.reduce.shuffle.memory.limit.percent`).
    pub single_limit: f64,
    /// Share of that which may stay in memory while reducing (`mapreduce.reduce.input.buffer.percent`). Hadoop's
    /// default is nothing, for the sake of the reducer's heap; here it is everything, for there is none.
    pub reduce_buffer: f64,
    /// `mapreduce.reduce.shuffle.connect.timeout`
    pub connect_timeout: Duration,
    /// `mapreduce.reduce.shuffle.read.timeout`
    pub read_timeout: Duration,
    report_failures: u32,
    report_read_errors: bool,
    max_penalty: i64,
    host_failures: u32,
}

impl ShuffleSettings {
    /// As a job's configuration says.
    ///
    /// # Errors
    /// A share that is not between 0 and 1, or a number that is none.
    pub fn of_job(conf: &Configuration) -> Result<Self> {
        let share = |name: &str, default: f64| {
            let value = conf.get_float(name, default)?;
            if (0.0..=1.0).contains(&value) {
                return Ok(value);
            }
            Err(Error::argument(format!("Invalid value for {name}: {value}")))
        };
        let number = |name: &str, default: i64| conf.get_int(name, default).map(|n| n.max(0));
        let time = |name: &str| {
            let value = number(name, 180_000)?;
            Ok::<_, Error>(Duration::from_millis(u64::try_from(value).unwrap_or(0).max(1)))
        };
        let megabytes = match conf.get_int("mapreduce.reduce.memory.mb", -1)? {
            asked if asked > 0 => asked.min(i64::from(i32::MAX)),
            _ => 1024,
        };
        let memory = number("mapreduce.reduce.memory.totalbytes", (megabytes << 20) / 5 * 4)?;
        let count = |name: &str, default: i64| {
            number(name, default).map(|n| u32::try_from(n).unwrap_or(u32::MAX).max(1))
        };
        Ok(Self {
            copies: count("mapreduce.reduce.shuffle.parallelcopies", 5)? as usize,
            memory: memory.unsigned_abs(),
            input_buffer: share("mapreduce.reduce.shuffle.input.buffer.percent", 0.7)?,
            merge_percent: share("mapreduce.reduce.shuffle.merge.percent", 0.66)?,
            single_limit: share("mapreduce.reduce.shuffle.memory.limit.percent", 0.25)?,
            reduce_buffer: share("mapreduce.reduce.input.buffer.percent", 1.0)?,
            connect_timeout: time("mapreduce.reduce.shuffle.connect.timeout")?,
            read_timeout: time("mapreduce.reduce.shuffle.read.timeout")?,
            report_failures: count("mapreduce.reduce.shuffle.maxfetchfailures", 10)?,
            report_read_errors: conf.get_bool("mapreduce.reduce.shuffle.notify.readerror", true)?,
            max_penalty: number("mapreduce.reduce.shuffle.retry-delay.max.ms", 60_000)?,
            host_failures: count("mapreduce.reduce.shuffle.max-host-failures", 5)?,
        })
    }

    /// Limits of failures for so many maps.
    pub(super) fn failures(&self, maps: u32) -> FailureLimits {
        FailureLimits {
            report: self.report_failures,
            report_read_errors: self.report_read_errors,
            max_penalty: self.max_penalty,
            host: self.host_failures,
            ..FailureLimits::of_maps(maps)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduce_that_asks_for_no_memory_has_a_gibibyte() {
        let mut conf = Configuration::new();
        let given = ShuffleSettings::of_job(&conf).unwrap().memory;
        assert_eq!(given, (1024 << 20) / 5 * 4);
        conf.set("mapreduce.reduce.memory.mb", "-1", "-D");
        assert_eq!(ShuffleSettings::of_job(&conf).unwrap().memory, given);
        conf.set("mapreduce.reduce.memory.mb", "2048", "-D");
        assert_eq!(ShuffleSettings::of_job(&conf).unwrap().memory, (2048 << 20) / 5 * 4);
    }
}
