//! What the JobTracker wants done, and what that means here.

use std::sync::Arc;

use super::TaskTracker;
use super::attempt::Local;
use crate::job::{AttemptId, JobId, TaskKind};
use crate::jobtracker::{Action, Launch, Milliseconds};

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Start a process for the attempt, or for the clean-up after it.
    Start(Box<Launch>),
    /// End the process of an attempt, and all that it started.
    Kill {
        /// Which.
        attempt: AttemptId,
        /// Whether the clean-up after it is meant.
        is_cleanup: bool,
        /// Why.
        reason: Arc<str>,
    },
    /// Remove an attempt's files, except its logs.
    RemoveAttempt(AttemptId),
    /// Remove everything of a job except its logs: outputs, cache, configuration.
    RemoveJob(JobId),
    /// The attempt may commit: whoever waits for that is answered.
    CommitGranted(AttemptId),
    /// End all processes and remove all files of all jobs.
    Reset,
}

impl TaskTracker {
    /// Does one action; a second time it does nothing.
    pub(super) fn act(&mut self, now: Milliseconds, action: Action, orders: &mut Vec<Order>) {
        match action {
            Action::Launch(launch) => self.launch(now, launch, orders),
            Action::Kill { attempt, reason, fail } => {
                if let Some(local) = self.attempts.get_mut(&attempt) {
                    if local.order_end(&reason, fail) {
                        orders.push(Order::Kill { attempt, is_cleanup: false, reason });
                    }
                } else if self.outputs.remove(&attempt) {
                    orders.push(Order::RemoveAttempt(attempt));
                }
            }
            Action::Commit(attempt) => {
                if self.attempts.get_mut(&attempt).is_some_and(Local::grant) {
                    orders.push(Order::CommitGranted(attempt));
                }
            }
            Action::PurgeJob(job) => self.purge(&job, orders),
            Action::Reinitialize => {
                self.reset();
                orders.push(Order::Reset);
            }
            Action::Register => self.registered = false,
        }
    }

    fn launch(&mut self, now: Milliseconds, launch: Box<Launch>, orders: &mut Vec<Order>) {
        let id = launch.attempt.clone();
        let table = if launch.is_cleanup { &mut self.cleanups } else { &mut self.attempts };
        let done = self.outputs.contains(&id) && !launch.is_cleanup;
        if done || table.contains_key(&id) {
            return;
        }
        table.insert(id.clone(), Local::new(now, &launch));
        self.jobs.insert(id.job().clone());
        if id.kind() == TaskKind::Reduce && !launch.is_cleanup {
            self.events.entry(id.job().clone()).or_default();
        }
        orders.push(Order::Start(launch));
    }

    fn purge(&mut self, job: &JobId, orders: &mut Vec<Order>) {
        self.events.remove(job);
        self.jobs.remove(job);
        self.outputs.retain(|output| output.job() != job);
        let reason: Arc<str> = "The job is over".into();
        for (table, is_cleanup) in [(&mut self.attempts, false), (&mut self.cleanups, true)] {
            for (id, local) in table.iter_mut().filter(|(id, _)| id.job() == job) {
                if local.order_end(&reason, false) {
                    let (attempt, reason) = (id.clone(), reason.clone());
                    orders.push(Order::Kill { attempt, is_cleanup, reason });
                }
            }
            table.retain(|id, local| id.job() != job || local.has_process());
        }
        orders.push(Order::RemoveJob(job.clone()));
    }
}
