//! Counters of a running task: added to by its threads, read for its reports.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Counters, FILE_SYSTEM_GROUP, Limits, TASK_GROUP, TaskCounter};
use crate::error::Result;

/// One counter; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicI64>);

impl Counter {
    /// Adds to it.
    #[inline]
    pub fn add(&self, amount: i64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Its value.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters of a task attempt.
#[derive(Debug)]
pub struct LiveCounters {
    /// By [`TaskCounter`]'s position; `touched` ones are reported even where they are 0.
    task: Vec<Counter>,
    touched: Mutex<Vec<bool>>,
    others: Mutex<BTreeMap<String, BTreeMap<String, Counter>>>,
    limits: Limits,
}

impl LiveCounters {
    /// None counted yet.
    pub fn new(limits: Limits) -> Self {
        let count = TaskCounter::ALL.len();
        Self {
            task: vec![Counter::default(); count].into_iter().map(|_| Counter::default()).collect(),
            touched: Mutex::new(vec![false; count]),
            others: Mutex::default(),
            limits,
        }
    }

    /// A counter of the framework.
    pub fn task(&self, counter: TaskCounter) -> Counter {
        let position = counter as usize;
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(touched) = touched.get_mut(position) {
            *touched = true;
        }
        self.task.get(position).cloned().unwrap_or_default()
    }

    /// Any counter, by group and name; a new one must be within the limits.
    ///
    /// # Errors
    /// There would be too many counters or groups.
    pub fn counter(&self, group: &str, name: &str) -> Result<Counter> {
        let group = Counters::current_group(group);
        if group == TASK_GROUP
            && let Some(counter) = TaskCounter::of_name(name)
        {
            return Ok(self.task(counter));
        }
        let (group, name) = (self.limits.group_name(group), self.limits.counter_name(name));
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = others.get(group).and_then(|g| g.get(name)) {
            return Ok(found.clone());
        }
        if group != FILE_SYSTEM_GROUP {
            let users = || others.iter().filter(|(g, _)| *g != FILE_SYSTEM_GROUP);
            self.limits.check(users().map(|(_, g)| g.len()).sum::<usize>() + 1)?;
            if !others.contains_key(group) {
                self.limits.check_groups(users().count() + 1)?;
            }
        }
        let counter = Counter::default();
        others.entry(group.to_owned()).or_default().insert(name.to_owned(), counter.clone());
        Ok(counter)
    }

    /// The values as they are now.
    pub fn snapshot(&self) -> Counters {
        let mut total = Counters::default();
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        for ((counter, live), touched) in
            TaskCounter::ALL.iter().zip(&self.task).zip(touched.iter())
        {
            if *touched {
                total.set(TASK_GROUP, counter.name(), live.value());
            }
        }
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        for (group, counters) in others.iter() {
            for (name, counter) in counters {
                total.set(group, name, counter.value());
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_limits_hold() {
        let limits = Limits { counters: 2, ..Limits::default() };
        let live = LiveCounters::new(limits);
        live.counter("Users", "A").unwrap().add(2);
        live.counter("Users", "A").unwrap().add(3);
        live.task(TaskCounter::MapInputRecords).add(7);
        live.counter("org.apache.hadoop.mapred.Task$Counter", "MAP_INPUT_RECORDS").unwrap().add(1);
        live.counter("Others", "B").unwrap();
        let error = live.counter("Others", "C").unwrap_err();
        assert_eq!(error.message(), "Too many counters: 3 max=2");
        let seen = live.snapshot();
        assert_eq!(seen.get("Users", "A"), 5);
        assert_eq!(seen.get(TASK_GROUP, "MAP_INPUT_RECORDS"), 8);
        assert_eq!(seen.groups().count(), 3);
    }
}
