//! Slow attempts get company (`DefaultSpeculator` with `LegacyTaskRuntimeEstimator`).

use super::JobTracker;
use super::job::{Job, Stage, Task, TaskRef};
use super::report::Milliseconds;
use crate::job::{Speculation, TaskKind};

/// Part of the tasks that must be complete before any counts as slow.
const MINIMUM_COMPLETE_PART: f64 = 0.05;

/// How long complete tasks took (`DataStatistics`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Statistics {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    /// What is so many standard deviations above the mean.
    fn outlier(&self, sigma: f64) -> f64 {
        let variance = if self.count > 1.0 {
            (self.squares / self.count - self.mean() * self.mean()).max(0.0)
        } else {
            0.0
        };
        self.mean() + variance.sqrt() * sigma
    }
}

/// What a look at one task says.
enum Verdict {
    /// Company would gain so much time.
    Gain(f64),
    Accompanied,
    Fine,
    NotRunning,
}

impl Job {
    pub(super) fn statistics(&mut self, kind: TaskKind) -> Option<&mut Statistics> {
        match kind {
            TaskKind::Map => self.speculation.first_mut(),
            TaskKind::Reduce => self.speculation.last_mut(),
            _ => None,
        }
    }

    /// The task of that kind that gains most from company, if one may have it.
    fn slowest(&self, now: Milliseconds, kind: TaskKind) -> Option<u32> {
        let demand = self.submission.conf.demand(kind);
        let (tasks, stats, statistics) = match kind {
            TaskKind::Map => (&self.maps, &self.map, self.speculation.first()?),
            _ => (&self.reduces, &self.reduce, self.speculation.last()?),
        };
        let done = f64::from(stats.tasks_done);
        let too_few = done < 1.0 || done < MINIMUM_COMPLETE_PART * tasks.len() as f64;
        if !demand.speculative || stats.pending > 0 || too_few {
            return None;
        }
        let settings = &self.submission.conf.speculation;
        let (mut running, mut accompanied, mut best) = (0u32, 0u32, None);
        for (number, task) in (0u32..).zip(tasks) {
            match judge(now, task, statistics, settings) {
                Verdict::NotRunning => continue,
                Verdict::Accompanied => accompanied += 1,
                Verdict::Gain(gain) if best.is_none_or(|(_, most)| gain > most) => {
                    best = Some((number, gain));
                }
                Verdict::Gain(_) | Verdict::Fine => {}
            }
            running += 1;
        }
        let allowed = f64::from(settings.minimum_allowed)
            .max(settings.cap_total * tasks.len() as f64)
            .max(settings.cap_running * f64::from(running));
        best.filter(|_| allowed.floor() > f64::from(accompanied)).map(|(number, _)| number)
    }
}

fn judge(
    now: Milliseconds,
    task: &Task,
    statistics: &Statistics,
    settings: &Speculation,
) -> Verdict {
    let mut running = task.running();
    let Some(attempt) = running.next() else { return Verdict::NotRunning };
    if task.speculated || running.next().is_some() {
        return Verdict::Accompanied;
    }
    let ran = (now - attempt.started) as f64;
    if attempt.commit_nears() || ran < statistics.outlier(settings.slow_task_threshold) {
        return Verdict::Fine;
    }
    let left = ran / f64::from(attempt.progress.max(0.0001)) - ran;
    let gain = left - statistics.mean();
    if gain > 0.0 { Verdict::Gain(gain) } else { Verdict::Fine }
}

impl super::job::Attempt {
    /// Whether all that is left is to commit.
    fn commit_nears(&self) -> bool {
        self.state == crate::job::TaskState::CommitPending
    }
}

impl JobTracker {
    /// Looks for slow tasks of a job, one map and one reduce at most.
    pub(super) fn speculate(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job(index) else { return };
        if job.stage != Stage::Running || now < job.next_speculation {
            return;
        }
        let found: Vec<TaskRef> = [TaskKind::Map, TaskKind::Reduce]
            .into_iter()
            .filter_map(|kind| {
                let number = job.slowest(now, kind)?;
                Some(TaskRef { job: index, kind, number })
            })
            .collect();
        let settings = job.submission.conf.speculation;
        let pause =
            if found.is_empty() { settings.retry_after_none } else { settings.retry_after_some };
        let Some(job) = self.job_mut(index) else { return };
        job.next_speculation = now.saturating_add(pause);
        let any = !found.is_empty();
        for task in found {
            if let Some(state) = job.task_mut(task.kind, task.number) {
                state.speculated = true;
            }
            job.slow.push(task);
        }
        if any {
            self.refresh(index);
            self.wake_for(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_above_the_mean() {
        let mut statistics = Statistics::default();
        assert!(statistics.outlier(1.0).abs() < 1e-9);
        for value in [10.0, 20.0] {
            statistics.add(value);
        }
        assert!((statistics.mean() - 15.0).abs() < 1e-9);
        assert!((statistics.outlier(2.0) - 25.0).abs() < 1e-9);
    }
}
