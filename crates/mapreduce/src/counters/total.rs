//! Counters as values: of an attempt, a task, a job; added up and shown.

use std::collections::BTreeMap;
use std::fmt;

use loxodon_conf::Configuration;

use super::{
    FILE_INPUT_GROUP, FILE_OUTPUT_GROUP, FILE_SYSTEM_GROUP, FileSystemCounter, JOB_GROUP,
    JobCounter, TASK_GROUP, TaskCounter,
};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// How many counters a job may have, and how long their names may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Counters outside the framework's groups (`mapreduce.job.counters.max`).
    pub counters: usize,
    /// Groups of them (`mapreduce.job.counters.groups.max`).
    pub groups: usize,
    /// Characters of a counter's name (`mapreduce.job.counters.counter.name.max`).
    pub counter_name: usize,
    /// Characters of a group's name (`mapreduce.job.counters.group.name.max`).
    pub group_name: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { counters: 120, groups: 50, counter_name: 64, group_name: 128 }
    }
}

impl Limits {
    /// As a job's configuration says.
    ///
    /// # Errors
    /// A value is no number.
    pub fn of_job(conf: &Configuration) -> Result<Self> {
        let limit = |name: &str, default: usize| {
            conf.get_int(name, default as i64).map(|n| usize::try_from(n).unwrap_or(0))
        };
        let default = Self::default();
        Ok(Self {
            counters: limit("mapreduce.job.counters.max", default.counters)?,
            groups: limit("mapreduce.job.counters.groups.max", default.groups)?,
            counter_name: limit("mapreduce.job.counters.counter.name.max", default.counter_name)?,
            group_name: limit("mapreduce.job.counters.group.name.max", default.group_name)?,
        })
    }

    /// Whether so many counters may be.
    ///
    /// # Errors
    /// `LimitExceededException` where they may not.
    pub fn check(&self, count: usize) -> Result<()> {
        if count <= self.counters {
            return Ok(());
        }
        let text = format!("Too many counters: {count} max={}", self.counters);
        Err(Error::new(ErrorKind::CounterLimit, text))
    }

    /// Whether so many groups may be.
    ///
    /// # Errors
    /// `LimitExceededException` where they may not.
    pub fn check_groups(&self, count: usize) -> Result<()> {
        if count <= self.groups {
            return Ok(());
        }
        let text = format!("Too many counter groups: {count} max={}", self.groups);
        Err(Error::new(ErrorKind::CounterLimit, text))
    }

    pub(super) fn group_name<'a>(&self, name: &'a str) -> &'a str {
        cut(name, self.group_name)
    }

    pub(super) fn counter_name<'a>(&self, name: &'a str) -> &'a str {
        cut(name, self.counter_name)
    }
}

/// Hadoop leaves one character less than the limit of a name that is too long.
fn cut(name: &str, limit: usize) -> &str {
    if name.chars().count() <= limit {
        return name;
    }
    let end = name.char_indices().nth(limit.saturating_sub(1)).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

/// Values of counters by group and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    groups: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Counters {
    /// The present name of a group that had another in Hadoop 1.
    pub fn current_group(group: &str) -> &str {
        match group {
            "org.apache.hadoop.mapred.Task$Counter" => TASK_GROUP,
            "org.apache.hadoop.mapred.JobInProgress$Counter" => JOB_GROUP,
            "FileSystemCounters" => FILE_SYSTEM_GROUP,
            "org.apache.hadoop.mapred.FileInputFormat$Counter" => FILE_INPUT_GROUP,
            "org.apache.hadoop.mapred.FileOutputFormat$Counter" => FILE_OUTPUT_GROUP,
            other => other,
        }
    }

    /// The value of a counter, 0 where it is not there.
    pub fn get(&self, group: &str, name: &str) -> i64 {
        let group = self.groups.get(Self::current_group(group));
        group.and_then(|g| g.get(name)).copied().unwrap_or(0)
    }

    /// Sets a counter.
    pub fn set(&mut self, group: &str, name: &str, value: i64) {
        let group = Self::current_group(group);
        match self.groups.get_mut(group) {
            Some(counters) => drop(counters.insert(name.to_owned(), value)),
            None => {
                let counters = BTreeMap::from([(name.to_owned(), value)]);
                self.groups.insert(group.to_owned(), counters);
            }
        }
    }

    /// Adds to a counter.
    pub fn add(&mut self, group: &str, name: &str, amount: i64) {
        self.set(group, name, self.get(group, name).wrapping_add(amount));
    }

    /// Adds another's values; of those named `…_MAX` the larger one stays.
    pub fn add_all(&mut self, other: &Self) {
        for (group, counters) in &other.groups {
            for (name, value) in counters {
                if group == TASK_GROUP && name.ends_with("_MAX") {
                    self.set(group, name, self.get(group, name).max(*value));
                } else {
                    self.add(group, name, *value);
                }
            }
        }
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.groups.values().map(BTreeMap::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Checks the number of counters outside the framework's groups.
    ///
    /// # Errors
    /// `LimitExceededException` where there are too many.
    pub fn check(&self, limits: &Limits) -> Result<()> {
        let users = || self.groups.iter().filter(|(g, _)| !is_framework(g));
        limits.check(users().map(|(_, g)| g.len()).sum())?;
        limits.check_groups(users().count())
    }

    /// Groups in Hadoop's order: file systems, job, task, then the others by name.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let framework = [FILE_SYSTEM_GROUP, JOB_GROUP, TASK_GROUP];
        let first = framework.into_iter().filter_map(|name| self.groups.get_key_value(name));
        let others = self.groups.iter().filter(|(name, _)| !is_framework(name));
        first.chain(others).map(|(name, counters)| Group { name, counters })
    }

    /// One group.
    pub fn group(&self, name: &str) -> Option<Group<'_>> {
        let found = self.groups.get_key_value(Self::current_group(name));
        found.map(|(name, counters)| Group { name, counters })
    }
}

fn is_framework(group: &str) -> bool {
    [FILE_SYSTEM_GROUP, JOB_GROUP, TASK_GROUP].contains(&group)
}

/// One group of [`Counters`].
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a str,
    counters: &'a BTreeMap<String, i64>,
}

impl<'a> Group<'a> {
    /// The words it is shown as.
    pub fn shown(&self) -> &'a str {
        match self.name {
            TASK_GROUP => "Map-Reduce Framework",
            JOB_GROUP => "Job Counters ",
            FILE_SYSTEM_GROUP => "File System Counters",
            FILE_INPUT_GROUP => "File Input Format Counters ",
            FILE_OUTPUT_GROUP => "File Output Format Counters ",
            other => other,
        }
    }

    /// Names, the words they are shown as, and values, in Hadoop's order.
    pub fn counters(&self) -> Vec<(&'a str, String, i64)> {
        let mut all: Vec<_> = self
            .counters
            .iter()
            .map(|(name, value)| {
                let (rank, shown) = self.rank(name);
                (rank, name.as_str(), shown, *value)
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().map(|(_, name, shown, value)| (name, shown, value)).collect()
    }

    fn rank(&self, name: &'a str) -> ((&'a str, usize), String) {
        let framework = |position: Option<usize>, shown: &str| {
            (("", position.unwrap_or(usize::MAX)), shown.to_owned())
        };
        match self.name {
            TASK_GROUP => match TaskCounter::of_name(name) {
                Some(counter) => framework(Some(counter as usize), counter.shown()),
                None => framework(None, name),
            },
            JOB_GROUP => match JobCounter::of_name(name) {
                Some(counter) => framework(Some(counter as usize), counter.shown()),
                None => framework(None, name),
            },
            FILE_SYSTEM_GROUP => {
                // `READ_OPS` ends `LARGE_READ_OPS` too: the shortest scheme is the right one.
                let schemes = FileSystemCounter::ALL.iter().filter_map(|counter| {
                    let scheme = name.strip_suffix(counter.name())?.strip_suffix('_')?;
                    Some((scheme, *counter))
                });
                let known = schemes.min_by_key(|(scheme, _)| scheme.len());
                match known {
                    Some((scheme, counter)) => {
                        ((scheme, counter as usize), format!("{scheme}: {}", counter.shown()))
                    }
                    None => ((name, 0), name.to_owned()),
                }
            }
            FILE_INPUT_GROUP if name == "BYTES_READ" => ((name, 0), "Bytes Read".into()),
            FILE_OUTPUT_GROUP if name == "BYTES_WRITTEN" => ((name, 0), "Bytes Written".into()),
            _ => ((name, 0), name.to_owned()),
        }
    }
}

/// As Hadoop's job client prints them.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counters: {}", self.len())?;
        for group in self.groups() {
            write!(f, "\n\t{}", group.shown())?;
            for (_, shown, value) in group.counters() {
                write!(f, "\n\t\t{shown}={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_hadoop_shows_them() {
        let mut counters = Counters::default();
        counters.set("My", "b", 2);
        counters.set("My", "a", 1);
        counters.set(FILE_OUTPUT_GROUP, "BYTES_WRITTEN", 9);
        counters.set(TASK_GROUP, "SPILLED_RECORDS", 4);
        counters.set(TASK_GROUP, "MAP_INPUT_RECORDS", 3);
        counters.set("FileSystemCounters", "HDFS_BYTES_READ", 5);
        counters.set(FILE_SYSTEM_GROUP, "FILE_WRITE_OPS", 6);
        counters.set(FILE_SYSTEM_GROUP, "FILE_BYTES_READ", 7);
        counters.set(FILE_SYSTEM_GROUP, "FILE_LARGE_READ_OPS", 8);
        let expected = "Counters: 9\n\tFile System Counters\n\t\tFILE: Number of bytes read=7\n\
            \t\tFILE: Number of large read operations=8\n\t\tFILE: Number of write operations=6\n\t\tHDFS: Number of bytes read=5\n\
            \tMap-Reduce Framework\n\t\tMap input records=3\n\t\tSpilled Records=4\n\
            \tMy\n\t\ta=1\n\t\tb=2\n\tFile Output Format Counters \n\t\tBytes Written=9";
        assert_eq!(counters.to_string(), expected);
    }

    #[test]
    fn largest_values_are_not_added_up() {
        let mut sum = Counters::default();
        for value in [5, 9, 7] {
            let mut one = Counters::default();
            one.set(TASK_GROUP, "MAP_PHYSICAL_MEMORY_BYTES_MAX", value);
            one.set(TASK_GROUP, "SPILLED_RECORDS", value);
            sum.add_all(&one);
        }
        assert_eq!(sum.get(TASK_GROUP, "MAP_PHYSICAL_MEMORY_BYTES_MAX"), 9);
        assert_eq!(sum.get("org.apache.hadoop.mapred.Task$Counter", "SPILLED_RECORDS"), 21);
    }

    #[test]
    fn long_names_lose_their_end() {
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("abcde", 4), "abc");
    }
}
