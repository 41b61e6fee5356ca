//! What comes round by itself: silent trackers, slow attempts, starved maps, old jobs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::job::{AttemptRef, Stage, TaskRef};
use super::report::Milliseconds;
use super::tracker::TrackerIndex;
use super::{Effect, JobTracker};
use crate::job::{JobState, TaskKind, TaskState};
use crate::protocol::JobStatusMessage;

/// Part of the trackers that may be blacklisted at once (`MAX_BLACKLIST_PERCENT`).
const MOST_BLACKLISTED: f64 = 0.5;
/// How far above the average a tracker's faults must be (`AVERAGE_BLACKLIST_THRESHOLD`).
const ABOVE_AVERAGE: f64 = 0.5;

impl JobTracker {
    /// Does what time asks for; to be called about every second, and soon after
    /// [`Self::next_timer`].
    pub fn tick(&mut self, now: Milliseconds) {
        self.expire(now);
        for index in self.active.clone() {
            self.speculate(now, index);
            self.feed_maps(now, index);
        }
        self.wake_patient(now);
        self.preempt(now);
        self.retire(now);
    }

    /// When jobs that wait for a near place will take a far one, if that is what is next.
    #[must_use]
    pub fn next_timer(&self) -> Option<Milliseconds> {
        self.locality_wakes.first().map(|(time, _)| *time)
    }

    fn expire(&mut self, now: Milliseconds) {
        let limit = self.settings.expiry;
        let silent: Vec<TrackerIndex> = (0u32..)
            .zip(&self.trackers)
            .filter(|(_, t)| t.alive && now.saturating_sub(t.last_seen) > limit)
            .map(|(index, _)| index)
            .collect();
        for index in silent {
            let Some(name) = self.tracker(index).map(|t| t.name.clone()) else { continue };
            self.lose(now, index, &format!("Lost task tracker: {name}"));
        }
        self.expire_launches(now);
        self.forgive(now);
    }

    /// Attempts that were ordered and never began, though their tracker is heard, fail: whatever keeps
    /// them from beginning is their machine's (Hadoop's `ExpireLaunchingTasks`).
    fn expire_launches(&mut self, now: Milliseconds) {
        let limit = self.settings.expiry;
        let never_began = |attempt: &AttemptRef| {
            self.attempt(*attempt).is_some_and(|a| {
                a.state == TaskState::Unassigned
                    && !a.unheard
                    && now.saturating_sub(a.started) > limit
            })
        };
        let late: Vec<AttemptRef> = self
            .trackers
            .iter()
            .filter(|tracker| tracker.alive)
            .flat_map(|tracker| tracker.running.iter().filter(|o| !o.is_cleanup))
            .map(|occupant| occupant.attempt)
            .filter(never_began)
            .collect();
        for attempt in late {
            self.request_kill(attempt, "Error launching task", true);
            // Its tracker may never carry that out; the task goes on elsewhere.
            self.ended(now, attempt, TaskState::Failed, false);
        }
    }

    /// Jobs whose patience for locality ended get another look by those with room.
    fn wake_patient(&mut self, now: Milliseconds) {
        while let Some((time, job)) = self.locality_wakes.first().copied() {
            if time > now {
                return;
            }
            self.locality_wakes.pop_first();
            self.wake_for(job);
        }
    }

    /// Maps that wait while reduces of their own job occupy all room get some of it: without them
    /// the reduces would wait for ever.
    fn feed_maps(&mut self, now: Milliseconds, index: u32) {
        let delay = self.settings.reduce_preemption_delay;
        let Some(job) = self.job(index) else { return };
        let size = job.submission.conf.map.size;
        let waits = job.stage == Stage::Running
            && job.map.pending > 0
            && job.map.running == 0
            && job.reduce.running > 0;
        let suits = |tracker: TrackerIndex| job.wants_map_on(tracker, self.usable);
        let room = |index: &TrackerIndex| {
            self.tracker(*index).is_some_and(|t| t.fits(TaskKind::Map, size)) && suits(*index)
        };
        let starved = waits && !self.idle.iter().any(room);
        let since = job.starved_since;
        let is_due = since.is_some_and(|since| now.saturating_sub(since) >= delay);
        let victim = if starved && is_due { job.youngest_reduce(index, suits) } else { None };
        let Some(job) = self.job_mut(index) else { return };
        match (starved, since) {
            (false, _) => job.starved_since = None,
            (true, None) => job.starved_since = Some(now),
            (true, Some(_)) if is_due => {
                job.starved_since = None;
                if let Some(attempt) = victim {
                    self.request_kill(attempt, "Reduce preempted to make room for maps", false);
                }
            }
            (true, Some(_)) => {}
        }
    }

    /// Attempts of jobs that have too much are ended, the youngest first, as the scheduler says.
    fn preempt(&mut self, now: Milliseconds) {
        if now < self.next_preemption {
            return;
        }
        self.next_preemption = now.saturating_add(self.settings.preemption_interval);
        for taken in self.scheduler.preempt(now, self.capacity, &self.shares) {
            let Some(job) = self.job(taken.job) else { continue };
            let mut running: Vec<_> = job
                .tasks()
                .filter(|(kind, ..)| matches!(kind, TaskKind::Map | TaskKind::Reduce))
                .flat_map(|(kind, number, task)| {
                    let task_ref = TaskRef { job: taken.job, kind, number };
                    task.running().map(move |a| (a.started, task_ref.attempt(a.number)))
                })
                .collect();
            running.sort_unstable();
            let mut left = taken.amount;
            while !left.is_zero()
                && let Some((_, attempt)) = running.pop()
            {
                let conf = self.job(taken.job).map(|job| &job.submission.conf);
                let size = conf.map(|conf| conf.demand(attempt.task.kind).size).unwrap_or_default();
                left = left.minus(size);
                self.request_kill(attempt, "Preempted: another pool is below its share", false);
            }
        }
    }

    /// A failure on a tracker counts against it in its job.
    pub(super) fn blame(&mut self, _now: Milliseconds, attempt: AttemptRef) {
        let Some(on) = self.attempt(attempt).map(|a| a.tracker) else { return };
        if let Some(job) = self.job_mut(attempt.task.job) {
            *job.faults.entry(on).or_default() += 1;
        }
    }

    /// A job that succeeded says which trackers it had to avoid; enough of these make the cluster
    /// avoid them too (`FaultyTrackersInfo`).
    pub(super) fn judge_trackers(&mut self, now: Milliseconds, index: u32, end: JobState) {
        let Some(job) = self.job(index).filter(|_| end == JobState::Succeeded) else { return };
        let most = job.submission.conf.max_failures_per_tracker;
        let faulty: Vec<TrackerIndex> =
            job.faults.iter().filter(|(_, n)| **n >= most).map(|(tracker, _)| *tracker).collect();
        let changed = !faulty.is_empty();
        for tracker in faulty {
            if let Some(tracker) = self.tracker_mut(tracker) {
                tracker.faults.push(now);
            }
        }
        if changed {
            self.blacklist();
        }
    }

    fn blacklist(&mut self) {
        let alive = self.trackers.iter().filter(|t| t.alive).count();
        if alive == 0 {
            return;
        }
        let total: usize = self.trackers.iter().map(|t| t.faults.len()).sum();
        let average = total as f64 / alive as f64;
        let most = (alive as f64 * MOST_BLACKLISTED) as usize;
        let mut count = self.trackers.iter().filter(|t| t.blacklisted).count();
        let limit = self.settings.max_blacklists as usize;
        for tracker in &mut self.trackers {
            let faults = tracker.faults.len();
            let bad = faults >= limit && faults as f64 > average * (1.0 + ABOVE_AVERAGE);
            if bad && !tracker.blacklisted && count < most {
                tracker.blacklisted = true;
                count += 1;
            }
        }
        self.count_trackers();
    }

    /// Faults fade after their time.
    fn forgive(&mut self, now: Milliseconds) {
        let window = self.settings.fault_window;
        let limit = self.settings.max_blacklists as usize;
        let mut changed = false;
        for tracker in self.trackers.iter_mut().filter(|t| !t.faults.is_empty()) {
            tracker.faults.retain(|fault| now.saturating_sub(*fault) < window);
            if tracker.blacklisted && tracker.faults.len() < limit {
                tracker.blacklisted = false;
                changed = true;
            }
        }
        if changed {
            self.count_trackers();
        }
    }

    /// Of jobs that ended long ago, and of those beyond what a user may keep, only summaries are kept, as soon as
    /// their histories tell the rest.
    fn retire(&mut self, now: Milliseconds) {
        let mut of_user: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for job in self.finished.iter().filter_map(|index| self.job(*index)) {
            *of_user.entry(Arc::clone(&job.submission.user)).or_default() += 1;
        }
        // The oldest come first: one that stays says nothing of those behind it.
        let mut kept = VecDeque::with_capacity(self.finished.len());
        for index in std::mem::take(&mut self.finished) {
            let Some(job) = self.job(index) else { continue };
            let is_old = now.saturating_sub(job.finished) > self.settings.retire_after;
            let count = of_user.entry(Arc::clone(&job.submission.user)).or_default();
            if !job.put_away || !is_old && *count <= self.settings.user_jobs_kept {
                kept.push_back(index);
                continue;
            }
            *count = count.saturating_sub(1);
            self.retire_job(index);
        }
        self.finished = kept;
        while self.retired.len() > self.settings.retired_kept {
            self.retired.pop_front();
        }
    }

    fn retire_job(&mut self, index: u32) {
        let status = self.status_of(index);
        if let Some(job) = self.jobs.get_mut(index as usize).and_then(Option::take) {
            let id = job.submission.job.clone();
            self.by_id.remove(&id);
            if let Some(status) = status {
                self.retired.push_back(JobStatusMessage { retired: true, ..status });
            }
            self.effects.push(Effect::Retired { job: id });
        }
    }
}
