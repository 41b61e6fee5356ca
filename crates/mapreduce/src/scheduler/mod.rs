//! Who gets the next room: FIFO, Fair and Capacity behind one trait.
//!
//! A scheduler sees jobs as [`JobShare`]s and answers with an order; it changes nothing. The
//! machine walks the order, starts the first task that fits where the room is, and asks again.

mod capacity;
mod capacity_keys;
mod fair;
mod fair_file;
mod fifo;
mod queue;
mod queue_file;
mod select;

use std::fmt;
use std::sync::Arc;

pub use capacity::{CapacityQueue, CapacityScheduler};
pub use fair::{FairScheduler, FairSettings, JobOrder, PoolSettings};
pub use fair_file::{AllocationError, parse_allocations};
pub use fifo::FifoScheduler;
pub use queue::{Operation, QueueError, QueueSettings, QueueState, QueueTree};
pub use queue_file::{QueueFileError, parse_queues};
pub use select::{SchedulerFiles, from_configuration};

use crate::job::{Caller, Resources};
use crate::jobtracker::Milliseconds;

/// A job, as far as schedulers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobShare {
    /// The machine's name for it.
    pub job: u32,
    /// The queue or pool that [`Scheduler::place`] gave it.
    pub queue: Arc<str>,
    /// Its owner.
    pub user: Arc<str>,
    /// Greater comes first.
    pub priority: i32,
    /// When it was submitted.
    pub submitted: Milliseconds,
    /// What its attempts occupy.
    pub used: Resources,
    /// What they would occupy if all its tasks ran.
    pub demand: Resources,
    /// Maps that run.
    pub running_maps: u32,
    /// Reduces that run.
    pub running_reduces: u32,
    /// Whether a task could start now.
    pub wants: bool,
    /// What the next task needs.
    pub next: Resources,
}

impl JobShare {
    /// Order of a queue: urgent first, then old first.
    fn fifo_key(&self) -> (i32, Milliseconds, u32) {
        (-self.priority, self.submitted, self.job)
    }
}

/// A queue, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// The queue that it is in; empty at the top.
    pub parent: String,
    /// `running` or `stopped`.
    pub state: QueueState,
    /// Lines that describe it (`getSchedulingInfo`).
    pub info: String,
}

/// Room that a job should give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// Which job.
    pub job: u32,
    /// How much.
    pub amount: Resources,
}

/// A policy of sharing the cluster.
pub trait Scheduler: fmt::Debug + Send + Sync {
    /// The class that Hadoop's configuration names for it.
    fn class_name(&self) -> &'static str;

    /// The queue that a submission goes to, if its user may.
    ///
    /// # Errors
    /// No such queue, a stopped or full one, or not for this user.
    fn place(
        &self,
        caller: &Caller,
        queue: &str,
        pool: Option<&str>,
        jobs: &[JobShare],
    ) -> Result<Arc<str>, QueueError>;

    /// Positions in `jobs` of those that may get the next room, best first.
    fn plan(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<usize>;

    /// Room that is to be given back, now; asked every few seconds.
    fn preempt(
        &mut self,
        now: Milliseconds,
        cluster: Resources,
        jobs: &[JobShare],
    ) -> Vec<Preemption> {
        let _ = (now, cluster, jobs);
        Vec::new()
    }

    /// All queues, parents first.
    fn queues(&self, cluster: Resources, jobs: &[JobShare]) -> Vec<QueueView>;

    /// Whether the caller may do that in the queue.
    fn allows(&self, caller: &Caller, queue: &str, operation: Operation) -> bool;

    /// Who may administer the queue, as it is written.
    fn administrators(&self, queue: &str) -> String;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A job of one-core, one-gibibyte tasks.
    pub(crate) fn share(job: u32, queue: &str, user: &str, running: u32, pending: u32) -> JobShare {
        let one = Resources::new(1024, 1);
        JobShare {
            job,
            queue: queue.into(),
            user: user.into(),
            priority: 3,
            submitted: i64::from(job),
            used: one.times(running as usize),
            demand: one.times((running + pending) as usize),
            running_maps: running,
            running_reduces: 0,
            wants: pending > 0,
            next: one,
        }
    }

    /// Gives room to whoever the plan names first, until nobody wants or nothing is left.
    pub(crate) fn fill(scheduler: &dyn Scheduler, cluster: Resources, jobs: &mut [JobShare]) {
        let one = Resources::new(1024, 1);
        loop {
            let used = jobs.iter().fold(Resources::default(), |sum, job| sum.plus(job.used));
            if !cluster.minus(used).fits(&one) {
                return;
            }
            let Some(first) = scheduler.plan(cluster, jobs).first().copied() else { return };
            let job = &mut jobs[first];
            job.used = job.used.plus(one);
            job.running_maps += 1;
            job.wants = job.used != job.demand;
        }
    }

    pub(crate) fn running(jobs: &[JobShare]) -> Vec<u32> {
        jobs.iter().map(|job| job.running_maps).collect()
    }
}
