//! Counters in the order and with the words in which Java's `Counters` gives those that it read from a file.

use crate::counters::{
    Counters, FILE_SYSTEM_GROUP, FileSystemCounter, JOB_GROUP, JobCounter, TASK_GROUP, TaskCounter,
};
use crate::protocol::{CounterGroupMessage, CountersMessage};

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRow {
    /// Its name.
    pub name: String,
    /// As it is printed.
    pub shown: String,
    /// Its value.
    pub value: i64,
    rank: (String, usize),
}

/// A group with its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRows {
    /// Its name.
    pub name: String,
    /// As it is printed.
    pub shown: String,
    /// Its counters, in Java's order.
    pub counters: Vec<CounterRow>,
}

/// Groups of the framework first, each kind by name.
#[must_use]
pub fn counter_rows(counters: &CountersMessage) -> Vec<CounterRows> {
    let mut groups: Vec<CounterRows> = counters.groups.iter().map(rows).collect();
    groups
        .sort_by(|a, b| (!is_framework(&a.name), &a.name).cmp(&(!is_framework(&b.name), &b.name)));
    groups
}

/// The value of a counter; 0 where it is not there.
#[must_use]
pub fn value_of(counters: &CountersMessage, group: &str, name: &str) -> i64 {
    let found = counters.groups.iter().filter(|one| Counters::current_group(&one.name) == group);
    let mut values = found.flat_map(|one| &one.counters).filter(|one| one.name == name);
    values.next().map_or(0, |counter| counter.value)
}

fn is_framework(group: &str) -> bool {
    [FILE_SYSTEM_GROUP, JOB_GROUP, TASK_GROUP].contains(&group)
}

fn rows(group: &CounterGroupMessage) -> CounterRows {
    let name = Counters::current_group(&group.name).to_owned();
    // The framework's own words; what others called theirs is in the file.
    let shown = match name.as_str() {
        TASK_GROUP => "Map-Reduce Framework".to_owned(),
        JOB_GROUP => "Job Counters ".to_owned(),
        FILE_SYSTEM_GROUP => "File System Counters".to_owned(),
        _ => group.display_name.clone(),
    };
    let mut counters: Vec<CounterRow> = group
        .counters
        .iter()
        .filter_map(|counter| {
            let (rank, shown) = known(&name, &counter.name, &counter.display_name)?;
            Some(CounterRow { name: counter.name.clone(), shown, value: counter.value, rank })
        })
        .collect();
    counters.sort_by(|a, b| a.rank.cmp(&b.rank));
    CounterRows { name, shown, counters }
}

/// Place and words of a counter; the framework's groups have no others than its own.
fn known(group: &str, name: &str, display: &str) -> Option<((String, usize), String)> {
    let of_framework = |place: usize, shown: &str| ((String::new(), place), shown.to_owned());
    match group {
        TASK_GROUP => TaskCounter::of_name(name).map(|c| of_framework(c as usize, c.shown())),
        JOB_GROUP => JobCounter::of_name(name).map(|c| of_framework(c as usize, c.shown())),
        FILE_SYSTEM_GROUP => {
            let (scheme, name) = name.split_once('_')?;
            let counter = FileSystemCounter::of_name(name)?;
            let shown = format!("{scheme}: {}", counter.shown());
            Some(((scheme.to_owned(), counter as usize), shown))
        }
        _ => Some(((name.to_owned(), 0), display.to_owned())),
    }
}
