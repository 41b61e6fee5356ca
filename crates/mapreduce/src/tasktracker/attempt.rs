//! One attempt on its tracker, from its start to the JobTracker's knowing of its end.

use std::sync::Arc;

use super::{Order, TaskTracker};
use crate::job::{AttemptId, Phase, TaskKind, TaskState};
use crate::jobtracker::{AttemptStatus, Launch, Milliseconds};

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With that code.
    Code(i32),
    /// By that signal.
    Signal(i32),
    /// It could not be started.
    NotStarted(String),
}

/// What a task hears when it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusReply {
    /// Go on.
    Known,
    /// End: somebody wants that.
    End,
    /// End: nobody knows the attempt.
    Unknown,
}

/// An attempt.
#[derive(Debug)]
pub(super) struct Local {
    status: AttemptStatus,
    /// Last heard of.
    heard: Milliseconds,
    /// The task said that it is done.
    done: bool,
    has_process: bool,
    /// The end was ordered: why, and whether it counts.
    ending: Option<(Arc<str>, bool)>,
    /// The message that had its end, once there was one.
    end_sent: Option<u64>,
    delivered: bool,
    /// The message that had the counters and complaints which wait in `status`.
    extras_sent: Option<u64>,
}

impl Local {
    pub(super) fn new(now: Milliseconds, launch: &Launch) -> Self {
        let mut status = AttemptStatus::new(launch.attempt.clone(), TaskState::Unassigned);
        status.is_cleanup = launch.is_cleanup;
        Self {
            status,
            heard: now,
            done: false,
            has_process: true,
            ending: None,
            end_sent: None,
            delivered: false,
            extras_sent: None,
        }
    }

    pub(super) const fn state(&self) -> TaskState {
        self.status.state
    }

    pub(super) const fn has_process(&self) -> bool {
        self.has_process
    }

    pub(super) const fn is_granted(&self) -> bool {
        self.status.commit_granted
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.ending.is_some() || self.status.state.is_over()
    }

    /// Whether nothing more is to be done for it.
    pub(super) const fn is_settled(&self) -> bool {
        self.delivered && !self.has_process
    }

    /// What the next heartbeat says of it.
    pub(super) fn report(&mut self, sequence: u64) -> AttemptStatus {
        if self.status.state.is_over() && self.end_sent.is_none() {
            self.end_sent = Some(sequence);
        }
        if self.extras_sent.is_none() {
            self.extras_sent = Some(sequence);
        }
        self.status.clone()
    }

    /// A message was answered.
    pub(super) fn delivered(&mut self, sequence: u64) {
        self.delivered |= self.end_sent.is_some_and(|sent| sent <= sequence);
        if self.extras_sent.is_some_and(|sent| sent <= sequence) && !self.delivered {
            self.status.counters = None;
            self.status.fetch_failures.clear();
            self.status.diagnostics.clear();
            self.extras_sent = None;
        }
    }

    /// Whether there is a process to end that was not told yet.
    pub(super) fn order_end(&mut self, reason: &Arc<str>, fail: bool) -> bool {
        if self.ending.is_some() || self.status.state.is_over() {
            return false;
        }
        self.ending = Some((reason.clone(), fail));
        true
    }

    /// Whether that is news.
    pub(super) const fn grant(&mut self) -> bool {
        let news = !self.status.commit_granted;
        self.status.commit_granted = true;
        news
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.status.diagnostics.is_empty() {
            self.status.diagnostics.push('\n');
        }
        self.status.diagnostics.push_str(text);
        self.extras_sent = None;
    }

    fn end(&mut self, state: TaskState) {
        if !self.status.state.is_over() {
            self.status.state = state;
        }
    }

    /// The state of an attempt whose process ended before it was done.
    fn broken_state(&self) -> TaskState {
        let failed = self.ending.as_ref().is_none_or(|(_, fail)| *fail);
        let works = matches!(self.status.attempt.kind(), TaskKind::Map | TaskKind::Reduce);
        match (failed, works && !self.status.is_cleanup) {
            (true, true) => TaskState::FailedUnclean,
            (true, false) => TaskState::Failed,
            (false, true) => TaskState::KilledUnclean,
            (false, false) => TaskState::Killed,
        }
    }
}

impl TaskTracker {
    fn local(&mut self, id: &AttemptId, is_cleanup: bool) -> Option<&mut Local> {
        if is_cleanup { self.cleanups.get_mut(id) } else { self.attempts.get_mut(id) }
    }

    /// A task reports how it is: progress, phase, counters, maps that it could not fetch.
    pub fn status_update(&mut self, now: Milliseconds, report: AttemptStatus) -> StatusReply {
        let complains = !report.fetch_failures.is_empty();
        let Some(local) = self.local(&report.attempt, report.is_cleanup) else {
            return StatusReply::Unknown;
        };
        local.heard = now;
        if local.status.state.is_over() {
            return StatusReply::End;
        }
        if local.status.state == TaskState::Unassigned {
            local.status.state = TaskState::Running;
        }
        if report.state == TaskState::CommitPending {
            local.status.state = TaskState::CommitPending;
        }
        local.status.progress = report.progress;
        local.status.phase = report.phase;
        local.status.state_string = report.state_string;
        local.status.times = report.times;
        local.status.fast_fail |= report.fast_fail;
        if report.counters.is_some() {
            local.status.counters = report.counters;
            local.extras_sent = None;
        }
        if complains {
            local.status.fetch_failures.extend(report.fetch_failures);
            local.extras_sent = None;
        }
        local.say(&report.diagnostics);
        let ends = local.ending.is_some();
        self.urgent |= complains || report.state == TaskState::CommitPending;
        if ends { StatusReply::End } else { StatusReply::Known }
    }

    /// A task is done, and committed where it had to be.
    pub fn done(&mut self, now: Milliseconds, report: AttemptStatus) -> StatusReply {
        let (id, is_cleanup) = (report.attempt.clone(), report.is_cleanup);
        let mut last = report;
        last.state = TaskState::Running;
        last.progress = 1.0;
        let reply = self.status_update(now, last);
        let Some(local) = self.local(&id, is_cleanup) else { return reply };
        if local.status.state.is_over() {
            return reply;
        }
        // An end that was ordered meanwhile came too late.
        local.done = true;
        local.ending = None;
        local.end(TaskState::Succeeded);
        if id.kind() == TaskKind::Map && !is_cleanup {
            self.outputs.insert(id);
        }
        self.urgent = true;
        reply
    }

    /// A task gave up: an error of its own, which counts.
    pub fn failed(&mut self, id: &AttemptId, is_cleanup: bool, message: &str, fast_fail: bool) {
        if let Some(local) = self.local(id, is_cleanup) {
            local.say(message);
            local.status.fast_fail |= fast_fail;
        }
    }

    /// Adds to an attempt's diagnostics.
    pub fn diagnose(&mut self, id: &AttemptId, is_cleanup: bool, text: &str) {
        if let Some(local) = self.local(id, is_cleanup) {
            local.say(text);
        }
    }

    /// An attempt breaks a limit (memory, time, disk): its process is to be ended, and that counts.
    pub fn fail_for(&mut self, id: &AttemptId, is_cleanup: bool, reason: &str) -> Option<Order> {
        let local = self.local(id, is_cleanup)?;
        let reason: Arc<str> = reason.into();
        local.order_end(&reason, true).then(|| {
            local.say(&reason);
            Order::Kill { attempt: id.clone(), is_cleanup, reason }
        })
    }

    /// Attempts that said nothing for too long; `limit` gives each its `mapreduce.task.timeout`,
    /// 0 being none.
    pub fn silent(
        &mut self,
        now: Milliseconds,
        limit: impl Fn(&AttemptId) -> Milliseconds,
    ) -> Vec<Order> {
        let mut late = Vec::new();
        for (table, is_cleanup) in [(&self.attempts, false), (&self.cleanups, true)] {
            for (id, local) in table.iter().filter(|(_, local)| !local.status.state.is_over()) {
                let limit = limit(id);
                if limit > 0 && now.saturating_sub(local.heard) > limit {
                    late.push((id.clone(), is_cleanup, limit.saturating_div(1000)));
                }
            }
        }
        let order = |(id, is_cleanup, seconds): (AttemptId, bool, i64)| {
            let reason = format!("AttemptID:{id} Timed out after {seconds} secs");
            self.fail_for(&id, is_cleanup, &reason)
        };
        late.into_iter().filter_map(order).collect()
    }

    /// The process of an attempt is gone, with all that it started.
    pub fn exited(&mut self, id: &AttemptId, is_cleanup: bool, ending: &Ending) -> Vec<Order> {
        let Some(local) = self.local(id, is_cleanup) else { return Vec::new() };
        local.has_process = false;
        if !local.status.state.is_over() {
            if local.ending.is_none() {
                let said = !local.status.diagnostics.is_empty();
                match ending {
                    Ending::Code(0) => {
                        local.say("The task's process ended without saying it is done");
                    }
                    Ending::Code(code) if !said => {
                        local.say(&format!("Task process exit with nonzero status of {code}."));
                    }
                    Ending::Code(_) => {}
                    Ending::Signal(signal) => {
                        local.say(&format!("Task process was ended by signal {signal}"));
                    }
                    Ending::NotStarted(why) => {
                        local.say(&format!("Task process could not be started: {why}"));
                    }
                }
            }
            let state = local.broken_state();
            local.status.phase = if is_cleanup { Phase::Cleanup } else { local.status.phase };
            local.end(state);
            self.urgent = true;
        }
        self.forget_delivered()
    }
}
