//! What clients and operators order.

use super::job::Stage;
use super::report::Milliseconds;
use super::{JobTracker, JobTrackerError, journal};
use crate::job::{AccessControlList, AttemptId, Caller, JobAcl, JobId, JobPriority, JobState};
use crate::scheduler::Operation;

impl JobTracker {
    /// Whether the caller may do that to the job (`ACLsManager.checkAccess`).
    ///
    /// # Errors
    /// No such job, or not for this user.
    pub fn check_access(
        &self,
        caller: &Caller,
        id: &JobId,
        acl: JobAcl,
    ) -> Result<(), JobTrackerError> {
        let allowed = if let Some((_, job)) = self.find(id) {
            let conf = &job.submission.conf;
            let list = match acl {
                JobAcl::View => &conf.view_acl,
                JobAcl::Modify => &conf.modify_acl,
            };
            self.is_allowed(caller, &job.submission.user, &job.queue, list)
        } else {
            let text = id.to_string();
            let retired = self.retired.iter().find(|status| status.job_id == text);
            let status = retired.ok_or_else(|| JobTrackerError::UnknownJob(id.clone()))?;
            let list = match acl {
                JobAcl::View => &status.view_acl,
                JobAcl::Modify => &status.modify_acl,
            };
            let list = AccessControlList::parse(list);
            self.is_allowed(caller, &status.user, &status.queue, &list)
        };
        if allowed {
            return Ok(());
        }
        let (user, job) = (caller.user.clone(), id.clone());
        Err(JobTrackerError::Denied { user, operation: acl.name(), job })
    }

    fn is_allowed(
        &self,
        caller: &Caller,
        owner: &str,
        queue: &str,
        list: &AccessControlList,
    ) -> bool {
        !self.settings.acls
            || owner == caller.user
            || caller.is_on(&self.settings.administrators)
            || self.scheduler.allows(caller, queue, Operation::Administer)
            || caller.is_on(list)
    }

    /// Says anew who may do everything (`refreshAdminAcls`).
    pub fn set_administrators(&mut self, administrators: AccessControlList) {
        self.settings.administrators = administrators;
    }

    /// Kills a job; nothing happens to one that is over.
    ///
    /// # Errors
    /// No such job, or not for this user.
    pub fn kill_job(
        &mut self,
        now: Milliseconds,
        caller: &Caller,
        id: &JobId,
    ) -> Result<(), JobTrackerError> {
        self.check_access(caller, id, JobAcl::Modify)?;
        if let Some(index) = self.by_id.get(id).copied() {
            let why = format!("Kill job {id} received from {}", caller.user);
            self.end_job(now, index, JobState::Killed, &why);
        }
        Ok(())
    }

    /// Fails a job that cannot go on: its files cannot be read, or its journal not written.
    pub fn fail_job(&mut self, now: Milliseconds, id: &JobId, why: &str) {
        if let Some(index) = self.by_id.get(id).copied() {
            self.end_job(now, index, JobState::Failed, why);
        }
    }

    /// Kills an attempt, or fails it, which counts against its task. Whether it ran.
    ///
    /// # Errors
    /// No such job, or not for this user.
    pub fn kill_task(
        &mut self,
        now: Milliseconds,
        caller: &Caller,
        id: &AttemptId,
        fail: bool,
    ) -> Result<bool, JobTrackerError> {
        self.check_access(caller, id.job(), JobAcl::Modify)?;
        let Some(attempt) = self.resolve_id(id) else { return Ok(false) };
        let Some(state) = self.attempt(attempt) else { return Ok(false) };
        let word = if fail { "FAILED" } else { "KILLED" };
        let reason = format!("Task has been {word} by the user {}", caller.user);
        if state.is_over() {
            // The output of a complete map can be given up too.
            let complete = state.state == crate::job::TaskState::Succeeded;
            self.output_lost(now, attempt, &reason, fail);
            let gone =
                self.attempt(attempt).is_some_and(|a| a.state != crate::job::TaskState::Succeeded);
            return Ok(complete && gone);
        }
        self.request_kill(attempt, &reason, fail);
        Ok(true)
    }

    /// Changes a job's priority.
    ///
    /// # Errors
    /// No such job, not for this user, or no such priority.
    pub fn set_priority(
        &mut self,
        caller: &Caller,
        id: &JobId,
        priority: &str,
    ) -> Result<(), JobTrackerError> {
        let parsed = JobPriority::parse(priority);
        let parsed = parsed.ok_or_else(|| JobTrackerError::Priority(priority.to_owned()))?;
        self.check_access(caller, id, JobAcl::Modify)?;
        let Some(index) = self.by_id.get(id).copied() else { return Ok(()) };
        let Some(job) = self.job_mut(index).filter(|job| job.stage != Stage::Over) else {
            return Ok(());
        };
        job.priority = parsed;
        let event = journal::priority(job);
        self.journal(index, event);
        self.refresh(index);
        Ok(())
    }

    /// Takes trackers on these machines out, and others back in (`mapred.hosts.exclude`): what
    /// runs there ends, and their map outputs count as lost.
    pub fn exclude(&mut self, now: Milliseconds, excluded: impl Fn(&str) -> bool) {
        for index in 0..self.trackers.len() as u32 {
            let Some(tracker) = self.tracker_mut(index) else { continue };
            let out = excluded(&tracker.node.host);
            let leaves = out && !tracker.excluded && tracker.alive;
            tracker.excluded = out;
            if leaves {
                let reason = format!("Task tracker {} was decommissioned", tracker.name);
                self.lose(now, index, &reason);
            }
        }
        self.count_trackers();
    }

    /// What [`super::Effect::JobOver`] asked for is done, as far as it can be: from now on the job may retire.
    pub fn set_put_away(&mut self, id: &JobId) {
        let index = self.by_id.get(id).copied();
        if let Some(job) = index.and_then(|index| self.job_mut(index)) {
            job.put_away = true;
        }
    }

    /// Where the job's history and its configuration are by now.
    pub fn set_history_file(&mut self, id: &JobId, path: &str, conf: Option<&str>) {
        let index = self.by_id.get(id).copied();
        if let Some(job) = index.and_then(|index| self.job_mut(index)) {
            path.clone_into(&mut job.history_file);
            if let Some(conf) = conf {
                job.submission.job_file = conf.into();
            }
        } else if let Some(status) =
            self.retired.iter_mut().find(|status| status.job_id == id.to_string())
        {
            path.clone_into(&mut status.history_file);
            if let Some(conf) = conf {
                conf.clone_into(&mut status.job_file);
            }
        }
    }
}
