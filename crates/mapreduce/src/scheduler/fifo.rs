//! One job after the other, urgent ones first (`JobQueueTaskScheduler`).

use std::sync::Arc;

use super::queue::{Operation, QueueError, QueueTree};
use super::{JobShare, QueueView, Scheduler};
use crate::job::{Caller, Resources};

/// First in, first out, within priorities, whatever the queue.
#[derive(Clone, Debug)]
pub struct FifoScheduler {
    queues: QueueTree,
}

impl FifoScheduler {
    /// With these queues, which only say who may submit.
    #[must_use]
    pub const fn new(queues: QueueTree) -> Self {
        Self { queues }
    }
}

impl Scheduler for FifoScheduler {
    fn class_name(&self) -> &'static str {
        "org.apache.hadoop.mapred.JobQueueTaskScheduler"
    }

    fn place(
        &self,
        caller: &Caller,
        queue: &str,
        _pool: Option<&str>,
        _jobs: &[JobShare],
    ) -> Result<Arc<str>, QueueError> {
        self.queues.leaf(caller, queue)
    }

    fn plan(&self, _cluster: Resources, jobs: &[JobShare]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..jobs.len()).filter(|i| jobs[*i].wants).collect();
        order.sort_unstable_by_key(|i| jobs[*i].fifo_key());
        order
    }

    fn queues(&self, _cluster: Resources, jobs: &[JobShare]) -> Vec<QueueView> {
        let view = |queue: &super::QueueSettings| QueueView {
            name: queue.name.to_string(),
            parent: queue.parent.as_deref().unwrap_or_default().to_owned(),
            state: queue.state,
            info: format!(
                "Running jobs: {}\n",
                jobs.iter().filter(|job| job.queue == queue.name).count()
            ),
        };
        self.queues.iter().map(view).collect()
    }

    fn allows(&self, caller: &Caller, queue: &str, operation: Operation) -> bool {
        self.queues.allows(caller, queue, operation)
    }

    fn administrators(&self, queue: &str) -> String {
        self.queues.get(queue).map_or_else(String::new, |queue| queue.administer.text())
    }
}

#[cfg(test)]
mod tests {
    use super::super::QueueSettings;
    use super::super::tests::{fill, running, share};
    use super::*;

    #[test]
    fn urgent_first_then_old_first() {
        let fifo = FifoScheduler::new(QueueTree::new([QueueSettings::open("default")], false));
        let mut jobs = vec![
            share(1, "default", "a", 0, 3),
            share(2, "default", "a", 0, 9),
            share(3, "default", "b", 0, 2),
        ];
        jobs[2].priority = 5;
        assert_eq!(fifo.plan(Resources::new(1, 1), &jobs), [2, 0, 1]);
        fill(&fifo, Resources::new(7 * 1024, 7), &mut jobs);
        assert_eq!(running(&jobs), [3, 2, 2]);
    }
}
