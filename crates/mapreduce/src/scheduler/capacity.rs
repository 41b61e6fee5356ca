//! Hierarchical queues with guaranteed capacities and limits per user (`CapacityScheduler`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::queue::{Operation, QueueError, QueueSettings, QueueTree};
use super::{JobShare, QueueView, Scheduler};
use crate::job::{Caller, Resources};

/// Jobs that the whole cluster takes (`yarn.scheduler.capacity.maximum-applications`).
pub(super) const MAXIMUM_APPLICATIONS: usize = 10_000;

/// One queue's part. All parts are of the cluster, from 0 to 1, not of the parent.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityQueue {
    /// Name, parent, state, access lists.
    pub queue: QueueSettings,
    /// What it is sure of.
    pub capacity: f64,
    /// What it never exceeds.
    pub maximum: f64,
    /// What part of its capacity each active user is sure of, in hundredths.
    pub minimum_user_percent: f64,
    /// How many times its capacity one user may have.
    pub user_limit_factor: f64,
    /// Jobs at once, running or waiting.
    pub max_applications: usize,
}

/// Capacities, elastic up to a maximum.
#[derive(Clone, Debug)]
pub struct CapacityScheduler {
    tree: QueueTree,
    queues: BTreeMap<Arc<str>, CapacityQueue>,
}

#[derive(Default)]
struct Usage<'a> {
    of_queue: BTreeMap<&'a str, Resources>,
    of_user: BTreeMap<(&'a str, &'a str), Resources>,
    active: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl CapacityScheduler {
    /// These queues; the root is called `root` or is left out.
    #[must_use]
    pub fn new(queues: Vec<CapacityQueue>, acls: bool) -> Self {
        let tree = QueueTree::new(queues.iter().map(|queue| queue.queue.clone()), acls);
        let queues = queues.into_iter().map(|queue| (queue.queue.name.clone(), queue)).collect();
        Self { tree, queues }
    }

    fn usage<'a>(&'a self, jobs: &'a [JobShare]) -> Usage<'a> {
        let mut usage = Usage::default();
        for job in jobs {
            for queue in self.tree.path(&job.queue) {
                let used = usage.of_queue.entry(&queue.name).or_default();
                *used = used.plus(job.used);
            }
            let used = usage.of_user.entry((&job.queue, &job.user)).or_default();
            *used = used.plus(job.used);
            if job.wants {
                usage.active.entry(&job.queue).or_default().insert(&job.user);
            }
        }
        usage
    }

    /// How full a queue is, for its capacity; queues without capacity come last.
    fn fullness(&self, name: &str, cluster: Resources, usage: &Usage<'_>) -> f64 {
        let used = usage.of_queue.get(name).map_or(0.0, |used| used.share_of(&cluster));
        let capacity = self.queues.get(name).map_or(0.0, |queue| queue.capacity);
        if capacity > 0.0 { used / capacity } else { f64::MAX }
    }

    /// Fullness from the top of the tree down to the leaf: the order in which parents choose.
    fn path_key(&self, leaf: &str, cluster: Resources, usage: &Usage<'_>) -> Vec<(f64, Arc<str>)> {
        let mut key: Vec<_> = self
            .tree
            .path(leaf)
            .map(|queue| (self.fullness(&queue.name, cluster, usage), queue.name.clone()))
            .collect();
        key.reverse();
        key
    }

    fn within_limits(&self, job: &JobShare, cluster: Resources, usage: &Usage<'_>) -> bool {
        for queue in self.tree.path(&job.queue) {
            let Some(limits) = self.queues.get(&queue.name) else { return false };
            let used = usage.of_queue.get(&*queue.name).copied().unwrap_or_default();
            if used.plus(job.next).share_of(&cluster) > limits.maximum + 1e-9 {
                return false;
            }
        }
        let used = usage.of_user.get(&(&*job.queue, &*job.user)).copied().unwrap_or_default();
        // A user at his limit gets no more; below it the last task may lead over it, as in Hadoop.
        used.is_zero() || used.share_of(&cluster) < self.user_limit(job, cluster, usage)
    }

    /// What one user of the leaf may have: an equal part of what the queue has or is sure of,
    /// but not less than his minimum, nor more than his factor allows.
    fn user_limit(&self, job: &JobShare, cluster: Resources, usage: &Usage<'_>) -> f64 {
        let Some(queue) = self.queues.get(&job.queue) else { return 0.0 };
        let used = usage.of_queue.get(&*job.queue).copied().unwrap_or_default();
        let used = used.share_of(&cluster);
        let step = job.next.share_of(&cluster);
        let current = if used < queue.capacity { queue.capacity } else { used + step };
        let active = usage.active.get(&*job.queue).map_or(1, BTreeSet::len).max(1);
        let equal = current / active as f64;
        let sure = current * queue.minimum_user_percent / 100.0;
        equal.max(sure).min(queue.capacity * queue.user_limit_factor)
    }
}

impl Scheduler for CapacityScheduler {
    fn class_name(&self) -> &'static str {
        "org.apache.hadoop.mapred.CapacityTaskScheduler"
    }

    fn place(
        &self,
        caller: &Caller,
        queue: &str,
        _pool: Option<&str>,
        jobs: &[JobShare],
    ) -> Result<Arc<str>, QueueError> {
        let leaf = self.tree.leaf(caller, queue)?;
        let limit = self.queues.get(&leaf).map_or(0, |queue| queue.max_applications);
        if jobs.iter().filter(|job| job.queue == leaf).count() >= limit {
            return Err(QueueError::Full { queue: leaf.to_string(), limit });
        }
        Ok(leaf)
    }

    fn plan(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<usize> {
        let usage = self.usage(jobs);
        let mut keys: BTreeMap<&str, Vec<(f64, Arc<str>)>> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.wants) {
            keys.entry(&job.queue).or_insert_with(|| self.path_key(&job.queue, cluster, &usage));
        }
        let by_path = |a: &JobShare, b: &JobShare| -> Ordering {
            let (Some(a), Some(b)) = (keys.get(&*a.queue), keys.get(&*b.queue)) else {
                return Ordering::Equal;
            };
            a.partial_cmp(b).unwrap_or(Ordering::Equal)
        };
        let may = |i: &usize| jobs[*i].wants && self.within_limits(&jobs[*i], cluster, &usage);
        let mut order: Vec<usize> = (0..jobs.len()).filter(may).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&jobs[*a], &jobs[*b]);
            by_path(a, b).then_with(|| a.fifo_key().cmp(&b.fifo_key()))
        });
        order
    }

    fn queues(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<QueueView> {
        let usage = self.usage(jobs);
        let mut views: Vec<(usize, QueueView)> = Vec::new();
        for queue in self.queues.values() {
            let name = &queue.queue.name;
            let used = usage.of_queue.get(&**name).copied().unwrap_or_default();
            let info = format!(
                "Capacity: {:.1}, MaximumCapacity: {:.1}, CurrentCapacity: {:.1}\n",
                queue.capacity * 100.0,
                queue.maximum * 100.0,
                used.share_of(&cluster) * 100.0 / queue.capacity.max(1e-9)
            );
            let view = QueueView {
                name: name.to_string(),
                parent: queue.queue.parent.as_deref().unwrap_or_default().to_owned(),
                state: queue.queue.state,
                info,
            };
            views.push((self.tree.path(name).count(), view));
        }
        views.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
        views.into_iter().map(|(_, view)| view).collect()
    }

    fn allows(&self, caller: &Caller, queue: &str, operation: Operation) -> bool {
        self.tree.allows(caller, queue, operation)
    }

    fn administrators(&self, queue: &str) -> String {
        self.tree.get(queue).map_or_else(String::new, |queue| queue.administer.text())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fill, running, share};
    use super::*;

    fn queue(name: &str, parent: Option<&str>, capacity: f64, maximum: f64) -> CapacityQueue {
        CapacityQueue {
            queue: QueueSettings { parent: parent.map(Into::into), ..QueueSettings::open(name) },
            capacity,
            maximum,
            minimum_user_percent: 100.0,
            user_limit_factor: 10.0,
            max_applications: 2,
        }
    }

    fn scheduler() -> CapacityScheduler {
        let queues = vec![
            queue("root", None, 1.0, 1.0),
            queue("a", Some("root"), 0.6, 1.0),
            queue("b", Some("root"), 0.4, 0.5),
            queue("a1", Some("a"), 0.3, 1.0),
            queue("a2", Some("a"), 0.3, 1.0),
        ];
        CapacityScheduler::new(queues, false)
    }

    fn cluster() -> Resources {
        Resources::new(20 * 1024, 20)
    }

    #[test]
    fn capacities_are_kept_along_the_tree() {
        let mut jobs =
            vec![share(1, "a1", "x", 0, 90), share(2, "a2", "y", 0, 90), share(3, "b", "z", 0, 90)];
        fill(&scheduler(), cluster(), &mut jobs);
        assert_eq!(running(&jobs), [6, 6, 8]);
    }

    #[test]
    fn what_others_leave_is_used_up_to_the_maximum() {
        let mut jobs = vec![share(1, "b", "x", 0, 90)];
        fill(&scheduler(), cluster(), &mut jobs);
        assert_eq!(running(&jobs), [10]);
        let mut jobs = vec![share(1, "a1", "x", 0, 90)];
        fill(&scheduler(), cluster(), &mut jobs);
        assert_eq!(running(&jobs), [20]);
    }

    #[test]
    fn users_are_limited() {
        let mut all = queue("default", None, 1.0, 1.0);
        all.user_limit_factor = 0.5;
        all.minimum_user_percent = 25.0;
        let scheduler = CapacityScheduler::new(vec![all], false);
        let mut jobs = vec![share(1, "default", "x", 0, 90)];
        fill(&scheduler, cluster(), &mut jobs);
        assert_eq!(running(&jobs), [10]);
        let mut jobs = vec![
            share(1, "default", "x", 0, 90),
            share(2, "default", "y", 0, 90),
            share(3, "default", "y", 0, 90),
        ];
        fill(&scheduler, cluster(), &mut jobs);
        assert_eq!(running(&jobs), [10, 10, 0]);
    }

    #[test]
    fn full_queues_and_parents_refuse() {
        let ann = Caller::named("ann");
        let jobs = vec![share(1, "b", "x", 0, 1), share(2, "b", "x", 0, 1)];
        assert!(matches!(scheduler().place(&ann, "b", None, &jobs), Err(QueueError::Full { .. })));
        assert!(matches!(scheduler().place(&ann, "a", None, &[]), Err(QueueError::NotLeaf(_))));
        assert_eq!(scheduler().place(&ann, "a2", None, &jobs).as_deref(), Ok("a2"));
    }
}
