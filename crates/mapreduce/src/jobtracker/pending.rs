//! Tasks that wait, by where their input is.
//!
//! A task stands in several lists; it is taken from one and passed over in the others when they
//! are looked at next. Who waits is the task's own flag.

use std::collections::BTreeMap;

/// Looked at in one list before giving up: a tracker on which many tasks failed must not make
/// every heartbeat walk them all.
const LOOK_AT: usize = 64;

/// Lists of task numbers; the last is the next.
#[derive(Debug, Default)]
pub(super) struct Pending {
    by_host: BTreeMap<u32, Vec<u32>>,
    by_rack: BTreeMap<u32, Vec<u32>>,
    any: Vec<u32>,
}

impl Pending {
    /// Adds a task that is to be taken next, with the hosts and racks that hold its input.
    pub(super) fn push(&mut self, task: u32, hosts: &[u32], racks: impl Iterator<Item = u32>) {
        for host in hosts {
            self.by_host.entry(*host).or_default().push(task);
        }
        let mut seen = Vec::new();
        for rack in racks {
            if !seen.contains(&rack) {
                seen.push(rack);
                self.by_rack.entry(rack).or_default().push(task);
            }
        }
        self.any.push(task);
    }

    /// Takes a task whose input is on that host.
    pub(super) fn take_on_host(
        &mut self,
        host: u32,
        waits: impl Fn(u32) -> bool,
        suits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let list = self.by_host.get_mut(&host)?;
        let taken = take(list, waits, suits);
        if list.is_empty() {
            self.by_host.remove(&host);
        }
        taken
    }

    /// Takes a task whose input is on that rack.
    pub(super) fn take_on_rack(
        &mut self,
        rack: u32,
        waits: impl Fn(u32) -> bool,
        suits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let list = self.by_rack.get_mut(&rack)?;
        let taken = take(list, waits, suits);
        if list.is_empty() {
            self.by_rack.remove(&rack);
        }
        taken
    }

    /// Takes any task.
    pub(super) fn take_any(
        &mut self,
        waits: impl Fn(u32) -> bool,
        suits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        take(&mut self.any, waits, suits)
    }

    /// The next tasks, for a look.
    pub(super) fn peek(&self) -> impl Iterator<Item = u32> + '_ {
        self.any.iter().rev().copied()
    }
}

fn take(
    list: &mut Vec<u32>,
    waits: impl Fn(u32) -> bool,
    suits: impl Fn(u32) -> bool,
) -> Option<u32> {
    while list.last().is_some_and(|task| !waits(*task)) {
        list.pop();
    }
    let mut at = list.len();
    for _ in 0..LOOK_AT {
        at = at.checked_sub(1)?;
        let task = *list.get(at)?;
        if !waits(task) {
            list.remove(at);
        } else if suits(task) {
            list.remove(at);
            return Some(task);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_taken_once_from_any_list() {
        let mut pending = Pending::default();
        for task in (0..3).rev() {
            pending.push(task, &[task % 2], [7].into_iter());
        }
        let all = |_: u32| true;
        assert_eq!(pending.take_on_host(0, all, all), Some(0));
        assert_eq!(pending.take_on_rack(7, |t| t != 0, all), Some(1));
        assert_eq!(pending.take_on_host(1, |t| t == 2, all), None);
        assert_eq!(pending.take_any(|t| t == 2, |t| t != 2), None);
        assert_eq!(pending.take_any(|t| t == 2, all), Some(2));
        assert_eq!(pending.take_any(|_| false, all), None);
    }
}
