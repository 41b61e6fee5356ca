//! Who asks most: calls by operation and user over rolling windows (`TopMetrics`,
//! `RollingWindowManager`).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use loxodon_wire::ids::Milliseconds;

/// Hadoop's name for all operations together.
const ALL: &str = "*";
/// Pairs of operation and user that are counted in one window; further ones wait until others
/// are forgotten.
const MAX_COUNTED: usize = 10_000;

/// The windows.
#[derive(Debug)]
pub struct TopUsers {
    windows: Vec<Window>,
    limit: usize,
}

#[derive(Debug)]
struct Window {
    length: u64,
    buckets: usize,
    users: BTreeMap<String, BTreeMap<String, Rolling>>,
    counted: usize,
    /// When those who asked no more were dropped last.
    forgot: Milliseconds,
}

/// A count per bucket, each with the time of its last change.
#[derive(Debug)]
struct Rolling(Vec<(u64, Milliseconds)>);

/// One window as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopWindow {
    /// Its length in milliseconds.
    pub length: u64,
    /// Operations, all together first.
    pub operations: Vec<TopOperation>,
}

/// One operation in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopOperation {
    /// Its name in the audit log.
    pub name: String,
    /// Users and how often each asked, most first.
    pub users: Vec<(String, u64)>,
    /// How many of them are on top.
    pub top: usize,
    /// How often it was asked for.
    pub total: u64,
}

impl Rolling {
    fn bucket(length: u64, buckets: usize, now: Milliseconds) -> usize {
        let each = (length / buckets.max(1) as u64).max(1);
        usize::try_from(now.0 / each % buckets.max(1) as u64).unwrap_or(0)
    }

    fn add(&mut self, length: u64, now: Milliseconds) {
        let buckets = self.0.len();
        let index = Self::bucket(length, buckets, now);
        if let Some((count, changed)) = self.0.get_mut(index) {
            // What is left from the window before does not count.
            let stale = if buckets > 1 { length / 2 } else { length };
            *count = if now.since(*changed).0 >= stale { 1 } else { count.saturating_add(1) };
            *changed = now;
        }
    }

    fn sum(&self, length: u64, now: Milliseconds) -> u64 {
        let fresh = self.0.iter().filter(|(_, changed)| now.since(*changed).0 < length);
        fresh.map(|(count, _)| count).sum()
    }
}

impl Window {
    fn record(&mut self, now: Milliseconds, operation: &str, user: &str) {
        let known = self.users.get_mut(operation).and_then(|users| users.get_mut(user));
        if let Some(rolling) = known {
            rolling.add(self.length, now);
            return;
        }
        // Nobody becomes old sooner than in a bucket's time: who is not counted must not cost a walk each time.
        let bucket = self.length / self.buckets.max(1) as u64;
        if self.counted >= MAX_COUNTED && now.since(self.forgot).0 >= bucket {
            self.forget(now);
        }
        if self.counted >= MAX_COUNTED {
            return;
        }
        let mut rolling = Rolling(vec![(0, Milliseconds(0)); self.buckets]);
        rolling.add(self.length, now);
        self.users.entry(operation.to_owned()).or_default().insert(user.to_owned(), rolling);
        self.counted += 1;
    }

    /// Drops who has not asked within the window.
    fn forget(&mut self, now: Milliseconds) {
        let length = self.length;
        self.forgot = now;
        for users in self.users.values_mut() {
            users.retain(|_, rolling| rolling.sum(length, now) > 0);
        }
        self.users.retain(|_, users| !users.is_empty());
        self.counted = self.users.values().map(BTreeMap::len).sum();
    }

    fn snapshot(&mut self, now: Milliseconds, limit: usize) -> TopWindow {
        self.forget(now);
        let mut everybody = BTreeMap::<&str, u64>::new();
        let mut operations = Vec::new();
        for (name, users) in &self.users {
            let sums = users.iter().map(|(user, at)| (user.clone(), at.sum(self.length, now)));
            let mut users: Vec<(String, u64)> = sums.collect();
            users.sort_by_key(|(_, count)| Reverse(*count));
            let (top, total) = (users.len().min(limit), users.iter().map(|(_, count)| count).sum());
            operations.push(TopOperation { name: name.clone(), users, top, total });
        }
        let mut total = 0;
        for operation in &operations {
            total += operation.total;
            for (user, count) in &operation.users {
                *everybody.entry(user).or_default() += count;
            }
        }
        let is_top = |user: &str| {
            let mut tops = operations.iter().flat_map(|one| one.users.iter().take(one.top));
            tops.any(|(name, _)| name == user)
        };
        let shown = everybody.iter().filter(|(user, _)| is_top(user));
        let mut users: Vec<(String, u64)> =
            shown.map(|(user, count)| ((*user).to_owned(), *count)).collect();
        users.sort_by_key(|(_, count)| Reverse(*count));
        let all = TopOperation { name: ALL.to_owned(), top: users.len(), users, total };
        operations.insert(0, all);
        TopWindow { length: self.length, operations }
    }
}

impl TopUsers {
    /// Windows of these lengths in minutes (`dfs.namenode.top.windows.minutes`), each of so many
    /// buckets (`dfs.namenode.top.window.num.buckets`), of which the first `limit` users of an
    /// operation are on top (`dfs.namenode.top.num.users`).
    #[must_use]
    pub fn new(minutes: &[u64], buckets: usize, limit: usize) -> Self {
        let window = |minutes: &u64| Window {
            length: minutes.saturating_mul(60_000),
            buckets: buckets.max(1),
            users: BTreeMap::new(),
            counted: 0,
            forgot: Milliseconds(0),
        };
        Self { windows: minutes.iter().map(window).collect(), limit }
    }

    /// Somebody asked for something.
    pub fn record(&mut self, now: Milliseconds, operation: &str, user: &str) {
        for window in &mut self.windows {
            window.record(now, operation, user);
        }
    }

    /// The windows as they are now.
    pub fn snapshot(&mut self, now: Milliseconds) -> Vec<TopWindow> {
        let limit = self.limit;
        self.windows.iter_mut().map(|window| window.snapshot(now, limit)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Counts = Vec<(String, u64)>;

    fn shown(top: &mut TopUsers, now: u64) -> Vec<(String, Counts, u64)> {
        let window = top.snapshot(Milliseconds(now)).remove(0);
        let operations = window.operations.into_iter();
        operations.map(|one| (one.name, one.users, one.total)).collect()
    }

    fn users(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(user, count)| ((*user).to_owned(), *count)).collect()
    }

    #[test]
    fn who_asks_most_comes_first_and_is_forgotten_after_the_window() {
        let mut top = TopUsers::new(&[1], 10, 10);
        let start = 1_000_000_000;
        for (at, operation, user) in [
            (0, "open", "ann"),
            (1_000, "open", "bob"),
            (2_000, "open", "bob"),
            (30_000, "create", "ann"),
            (31_000, "create", "ann"),
        ] {
            top.record(Milliseconds(start + at), operation, user);
        }
        let all = shown(&mut top, start + 40_000);
        assert_eq!(all[0], ("*".into(), users(&[("ann", 3), ("bob", 2)]), 5));
        assert_eq!(all[1], ("create".into(), users(&[("ann", 2)]), 2));
        assert_eq!(all[2], ("open".into(), users(&[("bob", 2), ("ann", 1)]), 3));
        let later = shown(&mut top, start + 80_000);
        assert_eq!(
            later,
            [("*".into(), users(&[("ann", 2)]), 2), ("create".into(), users(&[("ann", 2)]), 2)]
        );
        assert_eq!(shown(&mut top, start + 200_000), [("*".into(), users(&[]), 0)]);
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut top = TopUsers::new(&[1], 10, 2);
        for user in 0..MAX_COUNTED + 50 {
            top.record(Milliseconds(5_000_000), "open", &format!("u{user}"));
        }
        let window = top.snapshot(Milliseconds(5_000_001)).remove(0);
        assert_eq!(window.operations[1].users.len(), MAX_COUNTED);
        assert_eq!(window.operations[1].top, 2);
    }

    #[test]
    fn those_who_are_too_many_do_not_have_all_looked_through_each_time() {
        let mut top = TopUsers::new(&[1], 10, 2);
        let mut at = |user: usize, now: u64| {
            top.record(Milliseconds(now), "open", &format!("u{user}"));
            top.windows[0].forgot
        };
        let start = 5_000_000;
        for user in 0..=MAX_COUNTED {
            at(user, start);
        }
        assert_eq!(at(MAX_COUNTED + 1, start + 5_999), Milliseconds(start));
        assert_eq!(at(MAX_COUNTED + 2, start + 6_000), Milliseconds(start + 6_000));
        at(MAX_COUNTED + 3, start + 60_000);
        assert_eq!(top.windows[0].counted, 1, "there is room when the others are old");
    }
}
