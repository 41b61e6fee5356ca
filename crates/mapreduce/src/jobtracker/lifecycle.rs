//! The way of a job: set-up, running, clean-up, the end.

use super::job::{Stage, TaskRef};
use super::report::{Action, Milliseconds};
use super::{Effect, FinishedJob, JobTracker, journal};
use crate::job::{JobState, TaskKind, TipStatus};

impl JobTracker {
    /// The output is prepared: maps and reduces may run.
    pub(super) fn set_up(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job_mut(index) else { return };
        if job.stage != Stage::Setup {
            return;
        }
        job.stage = Stage::Running;
        job.state = JobState::Running;
        job.launched = now;
        job.local_since = now;
        let events = journal::running(job);
        let tasks = waiting(job.maps.len(), job.reduces.len(), index);
        events.into_iter().for_each(|event| self.journal(index, event));
        tasks.for_each(|task| self.make_pending(task));
        self.refresh(index);
        self.wake_for(index);
        self.check_done(now, index);
    }

    /// Commits the output once every task ended well enough.
    pub(super) fn check_done(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job(index) else { return };
        if job.stage != Stage::Running || !job.is_done() {
            return;
        }
        let reason = "All reduces are complete: the job does not need this map again";
        self.kill_attempts(index, reason);
        self.clean_up(now, index, JobState::Succeeded);
    }

    /// Ends a job before its time.
    pub(super) fn end_job(&mut self, now: Milliseconds, index: u32, end: JobState, why: &str) {
        let Some(job) = self.job_mut(index) else { return };
        let waits =
            |job: &super::Job| job.cleanup.attempts.iter().all(super::job::Attempt::is_over);
        match job.stage {
            Stage::Setup | Stage::Running => {}
            // A commit that waits for its tracker can be stopped; one that runs cannot.
            Stage::Cleanup(JobState::Succeeded) if waits(job) => {}
            Stage::Ending(_) | Stage::Cleanup(_) | Stage::Over => return,
        }
        job.diagnose(why.to_owned());
        job.stage = Stage::Ending(end);
        for task in job.maps.iter_mut().chain(&mut job.reduces).chain([&mut job.setup]) {
            task.pending = false;
        }
        job.cleanup.pending = false;
        job.map.pending = 0;
        job.reduce.pending = 0;
        job.slow.clear();
        job.unclean.clear();
        self.kill_attempts(index, &format!("The job ends: {why}"));
        self.refresh(index);
        self.drained(now, index);
    }

    fn kill_attempts(&mut self, index: u32, reason: &str) {
        let Some(job) = self.job(index) else { return };
        let running: Vec<_> = job
            .tasks()
            .filter(|(kind, ..)| *kind != TaskKind::JobCleanup)
            .flat_map(|(kind, number, task)| {
                let task_ref = TaskRef { job: index, kind, number };
                task.running().map(move |attempt| task_ref.attempt(attempt.number))
            })
            .collect();
        running.into_iter().for_each(|attempt| self.request_kill(attempt, reason, false));
    }

    /// Goes on with a job that ends, once nothing of it runs.
    pub(super) fn drained(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job_mut(index) else { return };
        let Stage::Ending(end) = job.stage else { return };
        if job.map.running > 0 || job.reduce.running > 0 || job.setup.running().next().is_some() {
            return;
        }
        let untouched = job.setup.attempts.is_empty() && !job.is_recovered();
        if untouched && job.state == JobState::Prep {
            // Nothing was prepared, so nothing is to be removed. Of an earlier JobTracker's job that is not known.
            self.over(now, index, end);
        } else {
            self.clean_up(now, index, end);
        }
    }

    fn clean_up(&mut self, now: Milliseconds, index: u32, end: JobState) {
        let Some(job) = self.job_mut(index) else { return };
        job.stage = Stage::Cleanup(end);
        job.slow.clear();
        job.unclean.clear();
        job.cleanup.failures = 0;
        job.cleanup.end = None;
        job.cleanup.failed_on.clear();
        if !job.submission.conf.setup_cleanup {
            self.over(now, index, end);
            return;
        }
        self.make_pending(TaskRef { job: index, kind: TaskKind::JobCleanup, number: 0 });
        self.refresh(index);
        self.wake_for(index);
    }

    pub(super) fn cleaned_up(&mut self, now: Milliseconds, index: u32) {
        if let Some(Stage::Cleanup(end)) = self.job(index).map(|job| job.stage) {
            self.over(now, index, end);
        }
    }

    /// No attempt at the clean-up succeeded: what could not be committed is aborted, and what
    /// cannot even be aborted is left.
    pub(super) fn clean_up_failed(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job_mut(index) else { return };
        match job.stage {
            Stage::Cleanup(JobState::Succeeded) => {
                job.diagnose("Job commit failed".into());
                self.clean_up(now, index, JobState::Failed);
            }
            Stage::Cleanup(end) => self.over(now, index, end),
            _ => {}
        }
    }

    fn over(&mut self, now: Milliseconds, index: u32, end: JobState) {
        let Some(job) = self.job_mut(index) else { return };
        job.stage = Stage::Over;
        job.state = end;
        job.finished = now;
        for (stats, tasks) in [(&mut job.map, &mut job.maps), (&mut job.reduce, &mut job.reduces)] {
            stats.pending = 0;
            for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
                task.pending = false;
                task.end = Some(TipStatus::Killed);
                task.finished = now;
                stats.tasks_killed += 1;
            }
        }
        let finished = FinishedJob {
            job: job.submission.job.clone(),
            state: end,
            user: job.submission.user.clone(),
            name: job.submission.conf.name.clone(),
            queue: job.queue.clone(),
            job_dir: job.submission.job_dir.clone(),
            submit_time: job.submitted,
            launch_time: job.launched,
            finish_time: now,
            maps: job.map.tasks_done,
            reduces: job.reduce.tasks_done,
            notification_url: job.submission.conf.notification_url.clone(),
        };
        let event = journal::finished(job);
        self.journal(index, event);
        self.judge_trackers(now, index, end);
        self.effects.push(Effect::JobOver(Box::new(finished)));
        self.deactivate(index);
        self.finished.push_back(index);
        self.purge(index);
    }

    /// Trackers forget what they have of a job that ended.
    fn purge(&mut self, index: u32) {
        let Some(id) = self.job(index).map(|job| job.submission.job.clone()) else { return };
        let mut told = Vec::new();
        for (tracker, state) in (0u32..).zip(&mut self.trackers) {
            if state.jobs.remove(&index) && state.alive {
                state.outbox.push(Action::PurgeJob(id.clone()));
                told.push(tracker);
            }
        }
        told.into_iter().for_each(|tracker| self.wake(tracker, false));
    }
}

/// Every task, the first to be taken last: lists are taken from their ends.
fn waiting(maps: usize, reduces: usize, job: u32) -> impl Iterator<Item = TaskRef> {
    let of = move |kind| move |number| TaskRef { job, kind, number };
    let reduces = (0..reduces as u32).rev().map(of(TaskKind::Reduce));
    (0..maps as u32).rev().map(of(TaskKind::Map)).chain(reduces)
}
