//! Messages between TaskTrackers and the JobTracker.

use prost::Message;

use super::status::{CompletionEvents, CountersMessage};

/// How an attempt is, from its tracker (`org.apache.hadoop.mapred.TaskStatus`). Times are
/// milliseconds since 1970 by the tracker's clock.
#[derive(Clone, PartialEq, Message)]
pub struct TaskStatusMessage {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// `TaskState::number`
    #[prost(int32, tag = "2")]
    pub state: i32,
    /// `Phase::number`
    #[prost(int32, tag = "3")]
    pub phase: i32,
    /// From 0 to 1.
    #[prost(float, tag = "4")]
    pub progress: f32,
    /// What it says it does.
    #[prost(string, tag = "5")]
    pub state_string: String,
    /// What went wrong since the last report.
    #[prost(string, tag = "6")]
    pub diagnostics: String,
    /// Its counters; left out of reports in which they do not matter.
    #[prost(message, optional, tag = "7")]
    pub counters: Option<CountersMessage>,
    /// When its process was started.
    #[prost(int64, tag = "8")]
    pub start_time: i64,
    /// When it ended; 0 before.
    #[prost(int64, tag = "9")]
    pub finish_time: i64,
    /// When a reduce had fetched everything; 0 before.
    #[prost(int64, tag = "10")]
    pub shuffle_finish_time: i64,
    /// When a reduce had merged everything; 0 before.
    #[prost(int64, tag = "11")]
    pub sort_finish_time: i64,
    /// When a map had read everything; 0 before.
    #[prost(int64, tag = "12")]
    pub map_finish_time: i64,
    /// Map attempts whose output this reduce could not fetch.
    #[prost(string, repeated, tag = "13")]
    pub fetch_failures: Vec<String>,
    /// Whether the commit was granted to it already.
    #[prost(bool, tag = "14")]
    pub commit_granted: bool,
    /// Whether its failure is one that another attempt would meet again.
    #[prost(bool, tag = "15")]
    pub fast_fail: bool,
    /// Whether this is the clean-up after the attempt and not the attempt.
    #[prost(bool, tag = "16")]
    pub is_cleanup: bool,
}

/// How far a tracker is in a job's completion events.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct EventCursor {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// The next it wants.
    #[prost(uint32, tag = "2")]
    pub from: u32,
}

/// A tracker's sign of life.
#[derive(Clone, PartialEq, Message)]
pub struct HeartbeatRequest {
    /// The tracker's name, `tracker_<host>:<port>`, the same after a restart.
    #[prost(string, tag = "1")]
    pub tracker: String,
    /// Greater at each start, and after each `Reinitialize`: whatever ran before is gone.
    #[prost(uint64, tag = "2")]
    pub incarnation: u64,
    /// Whether it registers: everything it runs and holds is in this message.
    #[prost(bool, tag = "3")]
    pub initial_contact: bool,
    /// The last response it has; -1 before the first. Actions of later ones are repeated.
    #[prost(sint64, tag = "4")]
    pub response_id: i64,
    /// Its machine's name, as blocks' locations have it.
    #[prost(string, tag = "5")]
    pub host: String,
    /// Its rack, where it knows it; else the JobTracker resolves it.
    #[prost(string, tag = "6")]
    pub rack: String,
    /// Port of its pages.
    #[prost(uint32, tag = "7")]
    pub http_port: u32,
    /// Port where map outputs are served.
    #[prost(uint32, tag = "8")]
    pub shuffle_port: u32,
    /// Mebibytes for attempts.
    #[prost(uint64, tag = "9")]
    pub memory_mb: u64,
    /// Cores for attempts.
    #[prost(uint32, tag = "10")]
    pub cores: u32,
    /// `mapreduce.tasktracker.map.tasks.maximum`, where it is set.
    #[prost(uint32, optional, tag = "11")]
    pub map_slots: Option<u32>,
    /// `mapreduce.tasktracker.reduce.tasks.maximum`, where it is set.
    #[prost(uint32, optional, tag = "12")]
    pub reduce_slots: Option<u32>,
    /// Whether it can take new attempts.
    #[prost(bool, tag = "13")]
    pub accepts_tasks: bool,
    /// What its health script says; empty if it is well.
    #[prost(string, tag = "14")]
    pub health_report: String,
    /// Attempts that run, and those that ended and whose report was not answered yet.
    #[prost(message, repeated, tag = "15")]
    pub statuses: Vec<TaskStatusMessage>,
    /// With `initial_contact`: completed maps whose output it holds.
    #[prost(string, repeated, tag = "16")]
    pub held_outputs: Vec<String>,
    /// Jobs whose completion events it wants.
    #[prost(message, repeated, tag = "17")]
    pub cursors: Vec<EventCursor>,
    /// Attempts that ended here since its start, for the operator.
    #[prost(uint32, tag = "18")]
    pub failures: u32,
    /// Counts the tracker's messages.
    #[prost(uint64, tag = "19")]
    pub sequence: u64,
    /// With `initial_contact`: jobs of which it may have files.
    #[prost(string, repeated, tag = "20")]
    pub held_jobs: Vec<String>,
}

/// What the JobTracker wants done.
#[derive(Clone, PartialEq, Message)]
pub struct HeartbeatResponse {
    /// To be repeated in the next heartbeat.
    #[prost(sint64, tag = "1")]
    pub response_id: i64,
    /// Milliseconds until the next heartbeat, if nothing happens before.
    #[prost(int64, tag = "2")]
    pub interval: i64,
    /// In order.
    #[prost(message, repeated, tag = "3")]
    pub actions: Vec<ActionMessage>,
    /// New completion events of the jobs asked for.
    #[prost(message, repeated, tag = "4")]
    pub events: Vec<JobEvents>,
    /// Milliseconds of silence after which the JobTracker counts the tracker as lost.
    #[prost(int64, tag = "5")]
    pub expiry: i64,
}

/// Completion events of one job.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct JobEvents {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// From the cursor on.
    #[prost(message, optional, tag = "2")]
    pub events: Option<CompletionEvents>,
}

/// One thing to do (`org.apache.hadoop.mapred.TaskTrackerAction`).
#[derive(Clone, PartialEq, Message)]
pub struct ActionMessage {
    /// Which.
    #[prost(oneof = "action_message::Action", tags = "1, 2, 3, 4, 5, 6")]
    pub action: Option<action_message::Action>,
}

/// Kinds of actions.
pub mod action_message {
    /// What to do.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Action {
        /// Start an attempt.
        #[prost(message, tag = "1")]
        Launch(super::LaunchMessage),
        /// End an attempt.
        #[prost(message, tag = "2")]
        Kill(super::KillMessage),
        /// Remove everything of a job.
        #[prost(message, tag = "3")]
        PurgeJob(super::super::JobRequest),
        /// Let an attempt commit.
        #[prost(message, tag = "4")]
        Commit(super::super::AttemptRequest),
        /// End and forget everything, and register anew: the tracker counts as lost.
        #[prost(message, tag = "5")]
        Reinitialize(super::super::Empty),
        /// Keep everything, and register anew: the JobTracker was restarted.
        #[prost(message, tag = "6")]
        Register(super::super::Empty),
    }
}

/// An attempt to end.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct KillMessage {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// Why; goes to its diagnostics.
    #[prost(string, tag = "2")]
    pub reason: String,
    /// Whether it counts as a failure.
    #[prost(bool, tag = "3")]
    pub fail: bool,
}

/// An attempt to start.
#[derive(Clone, PartialEq, Message)]
pub struct LaunchMessage {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// Its job's owner, for whom it runs.
    #[prost(string, tag = "2")]
    pub user: String,
    /// The directory with `job.xml` and the other files of the job.
    #[prost(string, tag = "3")]
    pub job_dir: String,
    /// Where the split's own bytes are; empty where there is none.
    #[prost(string, tag = "4")]
    pub split_file: String,
    /// Where they begin.
    #[prost(uint64, tag = "5")]
    pub split_offset: u64,
    /// Maps of the job, from which a reduce fetches.
    #[prost(uint32, tag = "6")]
    pub maps: u32,
    /// Reduces of the job.
    #[prost(uint32, tag = "7")]
    pub reduces: u32,
    /// Mebibytes it may occupy.
    #[prost(uint64, tag = "8")]
    pub memory_mb: u64,
    /// Cores it may occupy.
    #[prost(uint32, tag = "9")]
    pub cores: u32,
    /// For a job's clean-up: `JobState::number` of how it ends, success being a commit.
    #[prost(int32, tag = "10")]
    pub job_end: i32,
    /// Whether to clean up after the attempt instead of running it.
    #[prost(bool, tag = "11")]
    pub is_cleanup: bool,
    /// Key with which shuffle requests are signed.
    #[prost(bytes = "vec", tag = "12")]
    pub job_token: Vec<u8>,
    /// Bytes of input, for the operator.
    #[prost(uint64, tag = "13")]
    pub input_length: u64,
    /// Machines that hold the input.
    #[prost(string, repeated, tag = "14")]
    pub locations: Vec<String>,
    /// The job's name, for the operator.
    #[prost(string, tag = "15")]
    pub job_name: String,
}

/// A job's token.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct JobToken {
    /// Key with which shuffle requests are signed.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// Tokens and secrets that came with the job.
    #[prost(bytes = "vec", tag = "2")]
    pub credentials: Vec<u8>,
}

/// Something is wrong with a tracker.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TrackerError {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tracker: String,
    /// The error's class.
    #[prost(string, tag = "2")]
    pub class: String,
    /// What it says.
    #[prost(string, tag = "3")]
    pub message: String,
}
