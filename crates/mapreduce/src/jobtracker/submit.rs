//! A job comes in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::job::{Job, KindStats, Stage, Task, TaskRef};
use super::pending::Pending;
use super::report::Milliseconds;
use super::tally::CounterNames;
use super::{JobTracker, JobTrackerError, journal};
use crate::job::{Caller, JobConfView, JobId, JobState, Resources, TaskKind};

/// A part of the input, as `job.splitmetainfo` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Where in `job.split` the split itself is.
    pub offset: u64,
    /// Bytes of input.
    pub length: u64,
    /// Machines that hold it.
    pub locations: Vec<Arc<str>>,
}

/// A job, as its client leaves it in the staging directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The id that [`JobTracker::new_job_id`] gave.
    pub job: JobId,
    /// Its owner.
    pub user: Arc<str>,
    /// What its configuration asks for.
    pub conf: JobConfView,
    /// The directory with its files.
    pub job_dir: Arc<str>,
    /// Its `job.xml`.
    pub job_file: Arc<str>,
    /// Its `job.split`.
    pub split_file: Arc<str>,
    /// One for each map.
    pub splits: Vec<Split>,
    /// Racks of the machines in the splits, as far as they are known.
    pub racks: BTreeMap<Arc<str>, Arc<str>>,
    /// Key of its shuffle: chance, which this machine does not have.
    pub token: Arc<[u8]>,
}

/// Reduces of a job: the index beside a map's output has room for no more. Whoever asks for more would have
/// this process make them before the first map runs.
const MOST_REDUCES: u32 = 1 << 20;
/// Machines that are remembered: what a job says of its input may name any. Others count as far away.
const MOST_HOSTS: usize = 1 << 20;

impl JobTracker {
    /// The id of the next job.
    pub fn new_job_id(&mut self) -> JobId {
        let number = self.next_job;
        self.next_job = self.next_job.saturating_add(1);
        JobId::new(self.identifier.clone(), number)
    }

    /// Whether a job with that queue could be submitted by the caller: asked before its files are
    /// read.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn check_submission(
        &self,
        caller: &Caller,
        job: &JobId,
        queue: &str,
        pool: Option<&str>,
    ) -> Result<(), JobTrackerError> {
        self.check_id(job)?;
        self.scheduler.place(caller, queue, pool, &self.shares)?;
        Ok(())
    }

    fn check_id(&self, job: &JobId) -> Result<(), JobTrackerError> {
        let ours = job.identifier == self.identifier && job.number < self.next_job;
        let retired = self.retired.iter().any(|status| status.job_id == job.to_string());
        if !ours || self.by_id.contains_key(job) || retired {
            return Err(JobTrackerError::BadId(job.clone()));
        }
        Ok(())
    }

    /// Takes a job. Its files must be durable by now: the answer says that the job will run,
    /// whatever happens to this JobTracker.
    ///
    /// # Errors
    /// Limits, queues, rights.
    pub fn submit(
        &mut self,
        now: Milliseconds,
        caller: &Caller,
        submission: Submission,
    ) -> Result<(), JobTrackerError> {
        self.check_id(&submission.job)?;
        let conf = &submission.conf;
        let queue =
            self.scheduler.place(caller, &conf.queue, conf.pool.as_deref(), &self.shares)?;
        self.check_size(&submission)?;
        let index = self.add_job(now, queue, submission, 0);
        self.submissions = self.submissions.saturating_add(1);
        self.activate(index);
        if let Some(job) = self.job(index) {
            let start = self.start(now, 1);
            let events = journal::submitted(job, start);
            events.into_iter().for_each(|event| self.journal(index, event));
        }
        self.begin(now, index);
        Ok(())
    }

    /// This JobTracker, as the so many-th that has a job.
    pub(super) fn start(&self, time: Milliseconds, number: u32) -> journal::Start<'_> {
        let http_address = &self.settings.http_address;
        journal::Start { identifier: &self.identifier, number, time, http_address }
    }

    fn check_size(&self, submission: &Submission) -> Result<(), JobTrackerError> {
        check_reduces(submission)?;
        let conf = &submission.conf;
        let tasks = submission.splits.len().saturating_add(conf.reduces as usize);
        if let Some(limit) = self.settings.max_tasks.filter(|limit| tasks > *limit) {
            return Err(JobTrackerError::TooManyTasks { tasks, limit });
        }
        // Numbers in ids and messages are Java's.
        let limit = i32::MAX as usize;
        if tasks > limit {
            return Err(JobTrackerError::TooManyTasks { tasks, limit });
        }
        let asked = conf.map.size.memory_mb.max(conf.reduce.size.memory_mb);
        if let Some(most) = self.settings.max_task.filter(|most| asked > most.memory_mb) {
            let (job, limit) = (submission.job.clone(), most.memory_mb);
            return Err(JobTrackerError::TooLarge { job, asked, limit });
        }
        Ok(())
    }

    /// Adds the job with all its tasks, none of which waits yet.
    pub(super) fn add_job(
        &mut self,
        now: Milliseconds,
        queue: Arc<str>,
        submission: Submission,
        attempt_base: u32,
    ) -> u32 {
        for (host, rack) in &submission.racks {
            let Some(host) = self.host_of_input(host) else { continue };
            if self.topology.rack_of(host).is_none() {
                // A rack at another depth than all others is no rack: its machines are far away.
                let _ = self.topology.place(host, rack);
            }
        }
        let hosts = submission.splits.iter().map(|split| {
            let locations = split.locations.iter();
            let mut hosts: Vec<u32> =
                locations.filter_map(|host| self.host_of_input(host)).collect();
            hosts.dedup();
            hosts.into()
        });
        let hosts = hosts.collect();
        let task = || Task { next_attempt: attempt_base, ..Task::default() };
        let tasks = |count: usize| (0..count).map(|_| task()).collect::<Vec<_>>();
        let job = Job {
            maps: tasks(submission.splits.len()),
            reduces: tasks(submission.conf.reduces as usize),
            setup: task(),
            cleanup: task(),
            queue,
            priority: submission.conf.priority,
            state: JobState::Prep,
            stage: Stage::Setup,
            submitted: now,
            launched: 0,
            finished: 0,
            hosts,
            pending_maps: Pending::default(),
            pending_reduces: Pending::default(),
            slow: Vec::new(),
            unclean: Vec::new(),
            used: Resources::default(),
            map: KindStats::default(),
            reduce: KindStats::default(),
            local: [0; 3],
            names: CounterNames::default(),
            events: Vec::new(),
            map_events: Vec::new(),
            diagnostics: Vec::new(),
            faults: BTreeMap::new(),
            local_since: now,
            starved_since: None,
            speculation: Default::default(),
            next_speculation: now,
            attempt_base,
            history_file: String::new(),
            put_away: false,
            submission,
        };
        let index = self.jobs.len() as u32;
        self.by_id.insert(job.submission.job.clone(), index);
        self.jobs.push(Some(Box::new(job)));
        index
    }

    fn host_of_input(&mut self, name: &str) -> Option<u32> {
        let room = self.hosts.len() < MOST_HOSTS;
        (room || self.hosts.contains_key(name)).then(|| self.host(name))
    }

    /// Lets the job's first task wait: its set-up, or everything where there is none.
    pub(super) fn begin(&mut self, now: Milliseconds, index: u32) {
        let Some(job) = self.job(index) else { return };
        if job.submission.conf.setup_cleanup {
            let setup = TaskRef { job: index, kind: TaskKind::JobSetup, number: 0 };
            self.make_pending(setup);
            self.refresh(index);
            self.wake_for(index);
        } else {
            self.set_up(now, index);
        }
    }
}

/// Whether so many reduces can be.
///
/// # Errors
/// They cannot.
pub(super) fn check_reduces(submission: &Submission) -> Result<(), JobTrackerError> {
    let (job, reduces) = (submission.job.clone(), submission.conf.reduces);
    if reduces > MOST_REDUCES {
        return Err(JobTrackerError::TooManyReduces { job, reduces, limit: MOST_REDUCES });
    }
    Ok(())
}
