//! What comes in from trackers and what goes out to them, as values.

use std::sync::Arc;

use crate::job::{AttemptId, JobId, JobState, Phase, Resources, TaskPhaseTimes, TaskState};
use crate::protocol::CountersMessage;

/// Milliseconds since 1970, by whichever clock the caller's is.
pub type Milliseconds = i64;

/// A tracker's sign of life.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// Its name, the same after a restart.
    pub tracker: Arc<str>,
    /// Greater at each start, and whenever it forgets what it ran: whatever ran before is gone.
    pub incarnation: u64,
    /// Whether it registers: statuses and outputs are everything that it has.
    pub initial_contact: bool,
    /// Counts the tracker's messages: one that is not above the last is old, and its reports are
    /// passed over.
    pub sequence: u64,
    /// The last answer that it has; -1 before the first. Actions of later ones are repeated.
    pub response_id: i64,
    /// Where it is and what it has.
    pub node: TrackerNode,
    /// Whether it can take new attempts.
    pub accepts_tasks: bool,
    /// What its health script says; empty if it is well.
    pub health_report: String,
    /// Attempts that run, and ended ones whose report was not answered yet.
    pub statuses: Vec<AttemptStatus>,
    /// When registering: completed maps whose output it holds.
    pub held_outputs: Vec<AttemptId>,
    /// When registering: jobs of which it may have files. Those that are over are purged.
    pub held_jobs: Vec<JobId>,
    /// How far it is in the completion events of jobs.
    pub cursors: Vec<(JobId, u32)>,
}

/// Where a tracker is and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackerNode {
    /// Its machine, as blocks' locations have it.
    pub host: Arc<str>,
    /// Its rack.
    pub rack: Arc<str>,
    /// Port of its pages.
    pub http_port: u16,
    /// Port where map outputs are served.
    pub shuffle_port: u16,
    /// What attempts may occupy together.
    pub capacity: Resources,
    /// Maps at once, where the operator set that.
    pub map_slots: Option<u32>,
    /// Reduces at once, where the operator set that.
    pub reduce_slots: Option<u32>,
}

/// How an attempt is.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptStatus {
    /// Which.
    pub attempt: AttemptId,
    /// How far.
    pub state: TaskState,
    /// What it does.
    pub phase: Phase,
    /// From 0 to 1.
    pub progress: f32,
    /// What it says it does.
    pub state_string: String,
    /// What went wrong since the last report.
    pub diagnostics: String,
    /// Its counters, where they matter.
    pub counters: Option<CountersMessage>,
    /// When it got from phase to phase.
    pub times: TaskPhaseTimes,
    /// Map attempts whose output it could not fetch.
    pub fetch_failures: Vec<AttemptId>,
    /// Whether the commit was granted to it.
    pub commit_granted: bool,
    /// Whether every other attempt would fail the same way.
    pub fast_fail: bool,
    /// Whether this is the clean-up after the attempt.
    pub is_cleanup: bool,
}

impl AttemptStatus {
    /// A plain report.
    #[must_use]
    pub fn new(attempt: AttemptId, state: TaskState) -> Self {
        Self {
            attempt,
            state,
            phase: Phase::Starting,
            progress: 0.0,
            state_string: String::new(),
            diagnostics: String::new(),
            counters: None,
            times: TaskPhaseTimes::default(),
            fetch_failures: Vec::new(),
            commit_granted: false,
            fast_fail: false,
            is_cleanup: false,
        }
    }
}

/// What a tracker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start an attempt.
    Launch(Box<Launch>),
    /// End an attempt.
    Kill {
        /// Which.
        attempt: AttemptId,
        /// Why.
        reason: Arc<str>,
        /// Whether it counts as a failure.
        fail: bool,
    },
    /// Remove everything of a job.
    PurgeJob(JobId),
    /// Let an attempt commit.
    Commit(AttemptId),
    /// Forget everything and register anew: the tracker counts as lost.
    Reinitialize,
    /// Keep everything and register anew: the JobTracker was restarted.
    Register,
}

/// An attempt to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Which.
    pub attempt: AttemptId,
    /// For whom.
    pub user: Arc<str>,
    /// The job's name.
    pub job_name: Arc<str>,
    /// The directory with the job's files.
    pub job_dir: Arc<str>,
    /// Where the split is: file and offset.
    pub split: Option<(Arc<str>, u64)>,
    /// Bytes of input.
    pub input_length: u64,
    /// Machines that hold the input.
    pub locations: Vec<Arc<str>>,
    /// Maps of the job.
    pub maps: u32,
    /// Reduces of the job.
    pub reduces: u32,
    /// What it may occupy.
    pub size: Resources,
    /// For a job's clean-up: how the job ends.
    pub job_end: Option<JobState>,
    /// Whether to clean up after the attempt instead of running it.
    pub is_cleanup: bool,
    /// Key of the job's shuffle.
    pub job_token: Arc<[u8]>,
}

/// An attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionEvent {
    /// Which.
    pub attempt: AttemptId,
    /// How.
    pub status: crate::job::CompletionStatus,
    /// `http://host:port` where its output is served.
    pub tracker_http: Arc<str>,
    /// How long it ran.
    pub run_time: Milliseconds,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub struct HeartbeatAnswer {
    /// To be repeated in the next heartbeat.
    pub response_id: i64,
    /// Until the next heartbeat, if nothing happens before.
    pub interval: Milliseconds,
    /// In order.
    pub actions: Vec<Action>,
    /// New completion events: the job, the first one's number, the events, whether the tracker
    /// must begin anew.
    pub events: Vec<EventSlice>,
    /// Silence after which the tracker counts as lost.
    pub expiry: Milliseconds,
}

/// Completion events of one job from a number on.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSlice {
    /// The job.
    pub job: JobId,
    /// The first event's number.
    pub from: u32,
    /// In order.
    pub events: Vec<CompletionEvent>,
    /// Whether the asker is beyond the end and must begin at 0.
    pub reset: bool,
}
