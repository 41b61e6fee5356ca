//! What a TaskTracker decides: which attempts it has, what it tells the JobTracker, what is to be
//! started, ended and removed. Processes, files and sockets are its shell's; time is an argument.

mod attempt;
mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attempt::Local;
pub use attempt::{Ending, StatusReply};
pub use orders::Order;

use crate::job::{AttemptId, JobId, TaskKind, TaskState};
use crate::jobtracker::{
    AttemptStatus, CompletionEvent, EventSlice, Heartbeat, HeartbeatAnswer, Milliseconds,
    TrackerNode,
};

/// Names one heartbeat, so that its answer is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    incarnation: u64,
    sequence: u64,
    at: Milliseconds,
}

/// The machine.
#[derive(Debug)]
pub struct TaskTracker {
    name: Arc<str>,
    node: TrackerNode,
    incarnation: u64,
    sequence: u64,
    registered: bool,
    /// The last answer that counted.
    answered: i64,
    /// The last heartbeat before this tracker was told to register anew.
    former: u64,
    last_contact: Option<Milliseconds>,
    expiry: Milliseconds,
    attempts: BTreeMap<AttemptId, Local>,
    /// Clean-ups after attempts.
    cleanups: BTreeMap<AttemptId, Local>,
    /// Complete maps whose output reduces may want.
    outputs: BTreeSet<AttemptId>,
    /// Jobs of which there may be files here: those that had an attempt, until they are purged.
    jobs: BTreeSet<JobId>,
    /// Map completion events of jobs whose reduces run here.
    events: BTreeMap<JobId, Vec<CompletionEvent>>,
    accepts: bool,
    health: String,
    urgent: bool,
}

impl TaskTracker {
    /// A tracker that starts. `incarnation` must be above those of all earlier starts: the time
    /// in milliseconds.
    #[must_use]
    pub fn new(name: &str, node: TrackerNode, incarnation: u64) -> Self {
        Self {
            name: name.into(),
            node,
            incarnation: incarnation.max(1),
            sequence: 0,
            registered: false,
            answered: -1,
            former: 0,
            last_contact: None,
            expiry: 600_000,
            attempts: BTreeMap::new(),
            cleanups: BTreeMap::new(),
            outputs: BTreeSet::new(),
            jobs: BTreeSet::new(),
            events: BTreeMap::new(),
            accepts: true,
            health: String::new(),
            urgent: true,
        }
    }

    /// Whether there is news that should not wait for the next regular heartbeat: an attempt
    /// ended, asks for its commit, or could not fetch. Asking resets it.
    pub fn take_urgent(&mut self) -> bool {
        std::mem::take(&mut self.urgent)
    }

    /// Whether new attempts are welcome (disk space), and what the health script says.
    pub fn set_condition(&mut self, accepts: bool, health: &str) {
        self.urgent |= self.accepts != accepts || self.health != health;
        self.accepts = accepts;
        health.clone_into(&mut self.health);
    }

    /// The next heartbeat. Several may be on their way; answers to old ones do no harm.
    pub fn beat(&mut self, now: Milliseconds) -> (Sent, Heartbeat) {
        self.sequence += 1;
        let sequence = self.sequence;
        let own = self.attempts.values_mut().map(|local| local.report(sequence));
        let mut statuses: Vec<AttemptStatus> = own.collect();
        statuses.extend(self.cleanups.values_mut().map(|local| local.report(sequence)));
        let (held_outputs, held_jobs) = if self.registered {
            (Vec::new(), Vec::new())
        } else {
            (self.outputs.iter().cloned().collect(), self.jobs.iter().cloned().collect())
        };
        let cursors = self.cursors();
        let beat = Heartbeat {
            tracker: self.name.clone(),
            incarnation: self.incarnation,
            initial_contact: !self.registered,
            sequence,
            response_id: self.answered,
            node: self.node.clone(),
            accepts_tasks: self.accepts,
            health_report: self.health.clone(),
            statuses,
            held_outputs,
            held_jobs,
            cursors,
        };
        (Sent { incarnation: self.incarnation, sequence, at: now }, beat)
    }

    /// How far it is in the completion events that its reduces want.
    #[must_use]
    pub fn cursors(&self) -> Vec<(JobId, u32)> {
        let cursor = |(job, events): (&JobId, &Vec<_>)| (job.clone(), events.len() as u32);
        self.events.iter().map(cursor).collect()
    }

    /// Takes the answer to a heartbeat.
    pub fn answered(
        &mut self,
        now: Milliseconds,
        sent: Sent,
        answer: HeartbeatAnswer,
    ) -> Vec<Order> {
        if sent.incarnation != self.incarnation {
            return Vec::new();
        }
        // The JobTracker's patience began when it got the heartbeat, not when it answered.
        self.last_contact = self.last_contact.max(Some(sent.at));
        self.expiry = answer.expiry;
        // Late answers of a former JobTracker, whose numbers say nothing to this one.
        if sent.sequence <= self.former {
            return Vec::new();
        }
        if answer.response_id < 0 {
            return self.told_alone(answer);
        }
        self.registered = true;
        for locals in [&mut self.attempts, &mut self.cleanups] {
            locals.values_mut().for_each(|local| local.delivered(sent.sequence));
        }
        let mut orders = self.forget_delivered();
        answer.events.into_iter().for_each(|slice| self.take_events(slice));
        if answer.response_id > self.answered {
            self.answered = answer.response_id;
            for action in answer.actions {
                self.act(now, action, &mut orders);
            }
        }
        orders
    }

    /// The JobTracker does not know this tracker, and said nothing else.
    fn told_alone(&mut self, answer: HeartbeatAnswer) -> Vec<Order> {
        use crate::jobtracker::Action;
        if answer.actions.contains(&Action::Reinitialize) {
            self.reset();
            return vec![Order::Reset];
        }
        if answer.actions.contains(&Action::Register) {
            self.registered = false;
            self.answered = -1;
            self.former = self.sequence;
            self.urgent = true;
            // Another JobTracker counts its events anew.
            self.events.values_mut().for_each(Vec::clear);
        }
        Vec::new()
    }

    /// Forgets everything and is somebody new.
    fn reset(&mut self) {
        let fresh = Self::new(&self.name.clone(), self.node.clone(), self.incarnation + 1);
        let (accepts, health) = (self.accepts, std::mem::take(&mut self.health));
        *self = Self { accepts, health, ..fresh };
    }

    /// Attempts whose end the JobTracker has heard leave the table once their process is gone.
    fn forget_delivered(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        for locals in [&mut self.attempts, &mut self.cleanups] {
            locals.retain(|id, local| {
                let gone = local.is_settled();
                let keeps_output =
                    local.state() == TaskState::Succeeded && id.kind() == TaskKind::Map;
                if gone && !keeps_output {
                    orders.push(Order::RemoveAttempt(id.clone()));
                }
                !gone
            });
        }
        orders
    }

    fn take_events(&mut self, slice: EventSlice) {
        let Some(events) = self.events.get_mut(&slice.job) else { return };
        if slice.reset {
            events.clear();
        }
        let from = slice.from as usize;
        // What overlaps is known already; what would leave a hole is asked for again.
        if from <= events.len() {
            let known = events.len() - from;
            events.extend(slice.events.into_iter().skip(known));
        }
    }

    /// Completion events of maps of the job, for one of its reduces.
    #[must_use]
    pub fn map_events(&self, job: &JobId, from: u32, most: u32) -> EventSlice {
        let events = self.events.get(job).map_or(&[][..], Vec::as_slice);
        let reset = from as usize > events.len();
        let from = if reset { 0 } else { from };
        let rest = events.get(from as usize..).unwrap_or_default();
        let events = rest.iter().take(most as usize).cloned().collect();
        EventSlice { job: job.clone(), from, events, reset }
    }

    /// Whether the attempt may commit now: granted, and the JobTracker was heard of lately enough
    /// not to have given the task to another meanwhile.
    #[must_use]
    pub fn may_commit(&self, now: Milliseconds, attempt: &AttemptId) -> bool {
        let lately =
            self.last_contact.is_some_and(|contact| now.saturating_sub(contact) < self.expiry / 2);
        let local = self.attempts.get(attempt);
        lately && local.is_some_and(|local| local.is_granted() && !local.is_ending())
    }

    /// Attempts that have a process, or are about to.
    pub fn running(&self) -> impl Iterator<Item = &AttemptId> {
        let all = self.attempts.iter().chain(&self.cleanups);
        all.filter(|(_, local)| local.has_process()).map(|(id, _)| id)
    }

    /// Whether the output of that map attempt is here.
    #[must_use]
    pub fn holds_output(&self, attempt: &AttemptId) -> bool {
        self.outputs.contains(attempt)
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Which start it is.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

#[cfg(test)]
mod tests;
