//! Counters, small enough to be kept for every attempt: names once per job, values by index.

use std::collections::BTreeMap;

use crate::protocol::{CounterGroupMessage, CounterMessage, CountersMessage};

/// The group of Hadoop's own task counters, of which those ending in `_MAX` are maxima.
pub(super) const TASK_COUNTERS: &str = "org.apache.hadoop.mapreduce.TaskCounter";
/// The group of the job's own counters.
pub(super) const JOB_COUNTERS: &str = "org.apache.hadoop.mapreduce.JobCounter";
const FILE_SYSTEM_COUNTERS: &str = "org.apache.hadoop.mapreduce.FileSystemCounter";

/// Names that the counters of one job have.
#[derive(Debug, Default)]
pub(super) struct CounterNames {
    groups: Vec<(String, String)>,
    by_group: BTreeMap<String, u32>,
    counters: Vec<Counter>,
    by_name: Vec<BTreeMap<String, u32>>,
    /// Counters that users made.
    own: usize,
}

#[derive(Debug)]
struct Counter {
    group: u32,
    name: String,
    display: String,
    is_maximum: bool,
}

/// Values by index in [`CounterNames`], in the order of the indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(Box<[(u32, i64)]>);

/// A sum of tallies.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum(Vec<i64>);

/// Names of a job beyond which nothing is counted; tasks are held to 120 by themselves.
const MOST_NAMES: usize = 10_000;

impl CounterNames {
    /// Remembers names and gives the values.
    pub(super) fn tally(&mut self, message: &CountersMessage) -> Tally {
        let mut values = Vec::new();
        for group in &message.groups {
            let index = self.group(group);
            for counter in &group.counters {
                if let Some(key) = self.counter(index, group, counter) {
                    values.push((key, counter.value));
                }
            }
        }
        values.sort_unstable_by_key(|(key, _)| *key);
        values.dedup_by_key(|(key, _)| *key);
        Tally(values.into())
    }

    fn group(&mut self, group: &CounterGroupMessage) -> u32 {
        if let Some(found) = self.by_group.get(&group.name) {
            return *found;
        }
        let index = self.groups.len() as u32;
        self.groups.push((group.name.clone(), group.display_name.clone()));
        self.by_group.insert(group.name.clone(), index);
        self.by_name.push(BTreeMap::new());
        index
    }

    fn counter(
        &mut self,
        group: u32,
        names: &CounterGroupMessage,
        counter: &CounterMessage,
    ) -> Option<u32> {
        let known = self.by_name.get_mut(group as usize)?;
        if let Some(found) = known.get(&counter.name) {
            return Some(*found);
        }
        if self.counters.len() >= MOST_NAMES {
            return None;
        }
        let index = self.counters.len() as u32;
        known.insert(counter.name.clone(), index);
        let of_tasks = names.name == TASK_COUNTERS;
        if !of_tasks && names.name != JOB_COUNTERS && names.name != FILE_SYSTEM_COUNTERS {
            self.own += 1;
        }
        self.counters.push(Counter {
            group,
            name: counter.name.clone(),
            display: counter.display_name.clone(),
            is_maximum: of_tasks && counter.name.ends_with("_MAX"),
        });
        Some(index)
    }

    /// Counters that users made, which Hadoop limits (`mapreduce.job.counters.max`).
    pub(super) const fn own(&self) -> usize {
        self.own
    }

    /// Adds one attempt's values; maxima stay maxima (`FrameworkCounterGroup`).
    pub(super) fn add(&self, sum: &mut Sum, tally: &Tally) {
        if sum.0.len() < self.counters.len() {
            sum.0.resize(self.counters.len(), 0);
        }
        for (key, value) in &tally.0 {
            let (Some(total), Some(counter)) =
                (sum.0.get_mut(*key as usize), self.counters.get(*key as usize))
            else {
                continue;
            };
            *total = if counter.is_maximum {
                (*total).max(*value)
            } else {
                total.saturating_add(*value)
            };
        }
    }

    /// A tally with its names.
    pub(super) fn message(&self, tally: &Tally) -> CountersMessage {
        self.collect(tally.0.iter().copied())
    }

    /// A sum with its names.
    pub(super) fn sum_message(&self, sum: &Sum) -> CountersMessage {
        self.collect((0u32..).zip(sum.0.iter().copied()))
    }

    fn collect(&self, values: impl Iterator<Item = (u32, i64)>) -> CountersMessage {
        let mut groups: Vec<CounterGroupMessage> = self
            .groups
            .iter()
            .map(|(name, display)| CounterGroupMessage {
                name: name.clone(),
                display_name: display.clone(),
                counters: Vec::new(),
            })
            .collect();
        for (key, value) in values {
            let Some(counter) = self.counters.get(key as usize) else { continue };
            if let Some(group) = groups.get_mut(counter.group as usize) {
                group.counters.push(CounterMessage {
                    name: counter.name.clone(),
                    display_name: counter.display.clone(),
                    value,
                });
            }
        }
        groups.retain(|group| !group.counters.is_empty());
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        CountersMessage { groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::counters_of;

    #[test]
    fn sums_add_and_maxima_stay() {
        let mut names = CounterNames::default();
        let message = |records: i64, most: i64| {
            counters_of([
                ("mine", "Mine", vec![("X", "x", records)]),
                (TASK_COUNTERS, "Map-Reduce Framework", vec![("A_MAX", "a", most), ("B", "b", 1)]),
            ])
        };
        let first = names.tally(&message(3, 9));
        let second = names.tally(&message(4, 7));
        let mut sum = Sum::default();
        names.add(&mut sum, &first);
        names.add(&mut sum, &second);
        let total = names.sum_message(&sum);
        let values: Vec<_> =
            total.groups.iter().flat_map(|g| g.counters.iter().map(|c| c.value)).collect();
        assert_eq!(values, [7, 9, 2]);
        assert_eq!(names.message(&first), message(3, 9));
        assert_eq!(names.own(), 1);
    }
}
