//! What clients ask of jobs.

use super::job::{Attempt, Job, Task};
use super::report::{CompletionEvent, EventSlice};
use super::tally::{JOB_COUNTERS, Sum};
use super::{JobTracker, JobTrackerError, Stage};
use crate::job::{AttemptId, JobId, JobState, Locality, TaskKind, TipStatus};
use crate::protocol::{
    AttemptReport, CounterGroupMessage, CounterMessage, CountersMessage, JobCounters,
    JobStatusMessage, LogParams, TaskReportMessage,
};

impl JobTracker {
    /// A job's status; summaries of retired ones too.
    #[must_use]
    pub fn job_status(&self, id: &JobId) -> Option<JobStatusMessage> {
        if let Some(index) = self.by_id.get(id) {
            return self.status_of(*index);
        }
        let text = id.to_string();
        self.retired.iter().find(|status| status.job_id == text).cloned()
    }

    /// The statuses of all jobs, the retired ones first.
    #[must_use]
    pub fn all_jobs(&self) -> Vec<JobStatusMessage> {
        let kept = self.by_id.values().filter_map(|index| self.status_of(*index));
        self.retired.iter().cloned().chain(kept).collect()
    }

    /// Jobs that are not over.
    #[must_use]
    pub fn running_jobs(&self) -> Vec<JobId> {
        let jobs = self.active.iter().filter_map(|index| self.job(*index));
        jobs.map(|job| job.submission.job.clone()).collect()
    }

    pub(super) fn status_of(&self, index: u32) -> Option<JobStatusMessage> {
        let job = self.job(index)?;
        let conf = &job.submission.conf;
        let wanted = conf.map.size.memory_mb.saturating_mul(u64::from(job.map.pending));
        let reduces = conf.reduce.size.memory_mb.saturating_mul(u64::from(job.reduce.pending));
        let http = &self.settings.http_address;
        let tracking_url = if http.is_empty() {
            String::new()
        } else {
            format!("http://{http}/job/{}", job.submission.job)
        };
        let failed = matches!(job.state, JobState::Failed | JobState::Killed);
        Some(JobStatusMessage {
            job_id: job.submission.job.to_string(),
            setup_progress: if job.launched > 0 { 1.0 } else { job.setup.progress() },
            map_progress: mean(&job.maps, job.launched > 0),
            reduce_progress: mean(&job.reduces, job.launched > 0),
            cleanup_progress: if job.state.is_over() { 1.0 } else { job.cleanup.progress() },
            state: job.state.number(),
            start_time: job.submitted,
            launch_time: job.launched,
            finish_time: job.finished,
            user: job.submission.user.to_string(),
            queue: job.queue.to_string(),
            priority: job.priority.number(),
            scheduling_info: "NA".into(),
            failure_info: if failed { job.diagnostics.join("\n") } else { "NA".into() },
            job_name: conf.name.clone(),
            job_file: job.submission.job_file.to_string(),
            tracking_url,
            history_file: job.history_file.clone(),
            retired: false,
            used_slots: job.map.running + job.reduce.running,
            used_memory: job.used.memory_mb,
            needed_memory: job.used.memory_mb.saturating_add(wanted).saturating_add(reduces),
            view_acl: conf.view_acl.text(),
            modify_acl: conf.modify_acl.text(),
            maps: job.maps.len() as u32,
            reduces: job.reduces.len() as u32,
            finished_maps: job.map.tasks_done,
            finished_reduces: job.reduce.tasks_done,
        })
    }

    /// A job's counters, each task's counted once.
    #[must_use]
    pub fn counters(&self, id: &JobId) -> Option<JobCounters> {
        let (_, job) = self.find(id)?;
        Some(JobCounters {
            total: Some(job.total_counters()),
            map: Some(job.names.sum_message(&job.sum(TaskKind::Map))),
            reduce: Some(job.names.sum_message(&job.sum(TaskKind::Reduce))),
        })
    }

    /// Reports of the job's tasks of one kind, with attempts and counters where `details`.
    ///
    /// # Errors
    /// No such job.
    pub fn task_reports(
        &self,
        id: &JobId,
        kind: TaskKind,
        details: bool,
    ) -> Result<Vec<TaskReportMessage>, JobTrackerError> {
        let Some((_, job)) = self.find(id) else {
            return Err(JobTrackerError::UnknownJob(id.clone()));
        };
        let tasks = job.tasks().filter(|(of, _, task)| {
            *of == kind
                && (matches!(kind, TaskKind::Map | TaskKind::Reduce) || !task.attempts.is_empty())
        });
        Ok(tasks
            .map(|(_, number, task)| self.report_of(job, kind, number, task, details))
            .collect())
    }

    fn report_of(
        &self,
        job: &Job,
        kind: TaskKind,
        number: u32,
        task: &Task,
        details: bool,
    ) -> TaskReportMessage {
        let id = job.task_id(kind, number);
        let best = task.best();
        let said = task.attempts.iter().filter(|a| !a.diagnostics.is_empty());
        TaskReportMessage {
            task_id: id.to_string(),
            progress: task.progress(),
            state: best.map_or_else(String::new, |attempt| attempt.state_string.to_string()),
            diagnostics: said.map(|attempt| attempt.diagnostics.clone()).collect(),
            start_time: task.started,
            finish_time: task.finished,
            counters: best.filter(|_| details).map(|a| job.names.message(&a.counters)),
            status: task.status().number(),
            running_attempts: task.running().map(|a| id.attempt(a.number).to_string()).collect(),
            successful_attempt: task
                .success
                .map_or_else(String::new, |number| id.attempt(number).to_string()),
            attempts: task
                .attempts
                .iter()
                .filter(|_| details)
                .map(|attempt| self.attempt_report(&id.attempt(attempt.number), attempt))
                .collect(),
        }
    }

    fn attempt_report(&self, id: &AttemptId, attempt: &Attempt) -> AttemptReport {
        let tracker = self.tracker(attempt.tracker);
        AttemptReport {
            attempt_id: id.to_string(),
            state: attempt.state.number(),
            phase: attempt.phase.number(),
            progress: attempt.progress,
            tracker: tracker.map_or_else(String::new, |t| t.name.to_string()),
            tracker_http: tracker.map_or_else(String::new, super::Tracker::http),
            rack: tracker.map_or_else(String::new, |t| t.node.rack.to_string()),
            start_time: attempt.started,
            finish_time: attempt.finished,
            shuffle_finish_time: attempt.times.shuffle_finished,
            sort_finish_time: attempt.times.sort_finished,
            map_finish_time: attempt.times.map_finished,
            state_string: attempt.state_string.to_string(),
            diagnostics: attempt.diagnostics.clone(),
            speculative: attempt.speculative,
            locality: attempt.locality.map_or_else(String::new, |l| l.name().to_owned()),
        }
    }

    /// What an attempt of a job that is kept whole counted, as far as it said.
    #[must_use]
    pub fn attempt_counters(&self, id: &AttemptId) -> Option<CountersMessage> {
        let (_, job) = self.find(id.job())?;
        let attempt = self.attempt(self.resolve_id(id)?)?;
        Some(job.names.message(&attempt.counters))
    }

    /// Completion events from one on; nothing for a job that is not known.
    #[must_use]
    pub fn completion_events(&self, id: &JobId, from: u32, most: u32) -> EventSlice {
        let events: &[CompletionEvent] = self.find(id).map_or(&[], |(_, job)| &job.events);
        let rest = events.get(from as usize..).unwrap_or_default();
        let events = rest.iter().take(most as usize).cloned().collect();
        EventSlice { job: id.clone(), from, events, reset: false }
    }

    /// What went wrong in an attempt.
    ///
    /// # Errors
    /// No such job.
    pub fn diagnostics(&self, id: &AttemptId) -> Result<Vec<String>, JobTrackerError> {
        if self.find(id.job()).is_none() {
            return Err(JobTrackerError::UnknownJob(id.job().clone()));
        }
        let attempt = self.resolve_id(id).and_then(|attempt| self.attempt(attempt));
        let text = attempt.map(|attempt| attempt.diagnostics.clone());
        Ok(text.filter(|text| !text.is_empty()).into_iter().collect())
    }

    /// Where an attempt's logs are.
    #[must_use]
    pub fn log_params(&self, id: &AttemptId) -> Option<LogParams> {
        let (_, job) = self.find(id.job())?;
        let attempt = self.attempt(self.resolve_id(id)?)?;
        let tracker = self.tracker(attempt.tracker)?;
        Some(LogParams {
            attempt_id: id.to_string(),
            tracker: tracker.name.to_string(),
            tracker_http: tracker.http(),
            owner: job.submission.user.to_string(),
        })
    }

    /// The job as it was handed in.
    #[must_use]
    pub fn submission(&self, id: &JobId) -> Option<&super::Submission> {
        self.find(id).map(|(_, job)| &job.submission)
    }

    /// Whether an attempt may still commit, for whoever must be sure.
    #[must_use]
    pub fn holds_commit(&self, id: &AttemptId) -> bool {
        let Some(attempt) = self.resolve_id(id) else { return false };
        let task = self
            .job(attempt.task.job)
            .filter(|job| job.stage == Stage::Running)
            .and_then(|job| job.task(attempt.task.kind, attempt.task.number));
        task.is_some_and(|task| task.commit == Some(attempt.number))
    }
}

fn mean(tasks: &[Task], started: bool) -> f32 {
    if tasks.is_empty() {
        return if started { 1.0 } else { 0.0 };
    }
    let sum: f64 = tasks.iter().map(|task| f64::from(task.progress())).sum();
    let all = tasks.iter().all(|task| task.end == Some(TipStatus::Complete));
    if all { 1.0 } else { (sum / tasks.len() as f64) as f32 }
}

impl Job {
    /// Counters of maps, reduces and the job itself.
    pub(super) fn total_counters(&self) -> CountersMessage {
        let mut sum = Sum::default();
        for attempt in self.maps.iter().chain(&self.reduces).filter_map(Task::counted) {
            self.names.add(&mut sum, &attempt.counters);
        }
        let mut total = self.names.sum_message(&sum);
        total.groups.push(self.own_counters());
        total.groups.sort_by(|a, b| a.name.cmp(&b.name));
        total
    }

    fn own_counters(&self) -> CounterGroupMessage {
        let local = |locality: Locality| {
            self.local.get(locality as usize).copied().unwrap_or_default().into()
        };
        let (map, reduce) = (&self.map, &self.reduce);
        let rows: [(&str, &str, i64); 17] = [
            ("NUM_FAILED_MAPS", "Failed map tasks", map.failed.into()),
            ("NUM_FAILED_REDUCES", "Failed reduce tasks", reduce.failed.into()),
            ("NUM_KILLED_MAPS", "Killed map tasks", map.killed.into()),
            ("NUM_KILLED_REDUCES", "Killed reduce tasks", reduce.killed.into()),
            ("TOTAL_LAUNCHED_MAPS", "Launched map tasks", map.launched.into()),
            ("TOTAL_LAUNCHED_REDUCES", "Launched reduce tasks", reduce.launched.into()),
            ("OTHER_LOCAL_MAPS", "Other local map tasks", local(Locality::Any)),
            ("DATA_LOCAL_MAPS", "Data-local map tasks", local(Locality::Node)),
            ("RACK_LOCAL_MAPS", "Rack-local map tasks", local(Locality::Rack)),
            (
                "SLOTS_MILLIS_MAPS",
                "Total time spent by all maps in occupied slots (ms)",
                map.millis,
            ),
            (
                "SLOTS_MILLIS_REDUCES",
                "Total time spent by all reduces in occupied slots (ms)",
                reduce.millis,
            ),
            ("MILLIS_MAPS", "Total time spent by all map tasks (ms)", map.millis),
            ("MILLIS_REDUCES", "Total time spent by all reduce tasks (ms)", reduce.millis),
            (
                "VCORES_MILLIS_MAPS",
                "Total vcore-milliseconds taken by all map tasks",
                map.core_millis,
            ),
            (
                "VCORES_MILLIS_REDUCES",
                "Total vcore-milliseconds taken by all reduce tasks",
                reduce.core_millis,
            ),
            (
                "MB_MILLIS_MAPS",
                "Total megabyte-milliseconds taken by all map tasks",
                map.megabyte_millis,
            ),
            (
                "MB_MILLIS_REDUCES",
                "Total megabyte-milliseconds taken by all reduce tasks",
                reduce.megabyte_millis,
            ),
        ];
        let counters = rows.into_iter().filter(|(_, _, value)| *value != 0);
        let counter = |(name, display, value): (&str, &str, i64)| CounterMessage {
            name: name.to_owned(),
            display_name: display.to_owned(),
            value,
        };
        CounterGroupMessage {
            name: JOB_COUNTERS.to_owned(),
            display_name: "Job Counters ".to_owned(),
            counters: counters.map(counter).collect(),
        }
    }
}
