//! Messages that describe jobs, tasks, attempts and counters.

use prost::Message;

/// Counters of an attempt, a task or a job.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CountersMessage {
    /// Groups in the order of their names.
    #[prost(message, repeated, tag = "1")]
    pub groups: Vec<CounterGroupMessage>,
}

/// One group of counters.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CounterGroupMessage {
    /// The enum's class name, or what the user called it.
    #[prost(string, tag = "1")]
    pub name: String,
    /// As it is printed.
    #[prost(string, tag = "2")]
    pub display_name: String,
    /// Its counters.
    #[prost(message, repeated, tag = "3")]
    pub counters: Vec<CounterMessage>,
}

/// One counter.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CounterMessage {
    /// The constant's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// As it is printed.
    #[prost(string, tag = "2")]
    pub display_name: String,
    /// How many.
    #[prost(sint64, tag = "3")]
    pub value: i64,
}

/// How a job is (`org.apache.hadoop.mapreduce.JobStatus`). Times are milliseconds since 1970.
#[derive(Clone, PartialEq, Message)]
pub struct JobStatusMessage {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// From 0 to 1.
    #[prost(float, tag = "2")]
    pub setup_progress: f32,
    /// From 0 to 1.
    #[prost(float, tag = "3")]
    pub map_progress: f32,
    /// From 0 to 1.
    #[prost(float, tag = "4")]
    pub reduce_progress: f32,
    /// From 0 to 1.
    #[prost(float, tag = "5")]
    pub cleanup_progress: f32,
    /// `JobState::number`
    #[prost(int32, tag = "6")]
    pub state: i32,
    /// When it was submitted.
    #[prost(int64, tag = "7")]
    pub start_time: i64,
    /// When it ended; 0 while it runs.
    #[prost(int64, tag = "8")]
    pub finish_time: i64,
    /// Its owner.
    #[prost(string, tag = "9")]
    pub user: String,
    /// Its queue.
    #[prost(string, tag = "10")]
    pub queue: String,
    /// `JobPriority::number`
    #[prost(int32, tag = "11")]
    pub priority: i32,
    /// What the scheduler says of it.
    #[prost(string, tag = "12")]
    pub scheduling_info: String,
    /// Why it failed.
    #[prost(string, tag = "13")]
    pub failure_info: String,
    /// Its name.
    #[prost(string, tag = "14")]
    pub job_name: String,
    /// Its configuration file.
    #[prost(string, tag = "15")]
    pub job_file: String,
    /// Where its page is.
    #[prost(string, tag = "16")]
    pub tracking_url: String,
    /// Its history file, once it is there.
    #[prost(string, tag = "17")]
    pub history_file: String,
    /// Whether only a summary is left.
    #[prost(bool, tag = "18")]
    pub retired: bool,
    /// Attempts that run.
    #[prost(uint32, tag = "19")]
    pub used_slots: u32,
    /// Mebibytes that they occupy.
    #[prost(uint64, tag = "20")]
    pub used_memory: u64,
    /// Mebibytes that it would occupy if everything ran.
    #[prost(uint64, tag = "21")]
    pub needed_memory: u64,
    /// Who may see it.
    #[prost(string, tag = "22")]
    pub view_acl: String,
    /// Who may change it.
    #[prost(string, tag = "23")]
    pub modify_acl: String,
    /// Maps of all states.
    #[prost(uint32, tag = "24")]
    pub maps: u32,
    /// Reduces of all states.
    #[prost(uint32, tag = "25")]
    pub reduces: u32,
    /// Maps that are complete.
    #[prost(uint32, tag = "26")]
    pub finished_maps: u32,
    /// Reduces that are complete.
    #[prost(uint32, tag = "27")]
    pub finished_reduces: u32,
    /// When its set-up was over; 0 before.
    #[prost(int64, tag = "28")]
    pub launch_time: i64,
}

/// How a task is (`org.apache.hadoop.mapreduce.TaskReport`).
#[derive(Clone, PartialEq, Message)]
pub struct TaskReportMessage {
    /// `task_…`
    #[prost(string, tag = "1")]
    pub task_id: String,
    /// From 0 to 1.
    #[prost(float, tag = "2")]
    pub progress: f32,
    /// What its attempt says it does.
    #[prost(string, tag = "3")]
    pub state: String,
    /// What went wrong in its attempts.
    #[prost(string, repeated, tag = "4")]
    pub diagnostics: Vec<String>,
    /// When its first attempt began; 0 before.
    #[prost(int64, tag = "5")]
    pub start_time: i64,
    /// When it ended; 0 before.
    #[prost(int64, tag = "6")]
    pub finish_time: i64,
    /// Its best attempt's counters.
    #[prost(message, optional, tag = "7")]
    pub counters: Option<CountersMessage>,
    /// `TipStatus::number`
    #[prost(int32, tag = "8")]
    pub status: i32,
    /// Attempts that run.
    #[prost(string, repeated, tag = "9")]
    pub running_attempts: Vec<String>,
    /// The attempt that succeeded; empty before.
    #[prost(string, tag = "10")]
    pub successful_attempt: String,
    /// Everything about its attempts.
    #[prost(message, repeated, tag = "11")]
    pub attempts: Vec<AttemptReport>,
}

/// How an attempt is.
#[derive(Clone, PartialEq, Message)]
pub struct AttemptReport {
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
    /// Its tracker's name.
    #[prost(string, tag = "5")]
    pub tracker: String,
    /// `host:port` of its tracker's pages.
    #[prost(string, tag = "6")]
    pub tracker_http: String,
    /// Its tracker's rack.
    #[prost(string, tag = "7")]
    pub rack: String,
    /// When it was ordered.
    #[prost(int64, tag = "8")]
    pub start_time: i64,
    /// When it ended; 0 before.
    #[prost(int64, tag = "9")]
    pub finish_time: i64,
    /// When a reduce had fetched everything.
    #[prost(int64, tag = "10")]
    pub shuffle_finish_time: i64,
    /// When a reduce had merged everything.
    #[prost(int64, tag = "11")]
    pub sort_finish_time: i64,
    /// What it says it does.
    #[prost(string, tag = "12")]
    pub state_string: String,
    /// What went wrong.
    #[prost(string, tag = "13")]
    pub diagnostics: String,
    /// Whether it was started beside a slow one.
    #[prost(bool, tag = "14")]
    pub speculative: bool,
    /// `NODE_LOCAL`, `RACK_LOCAL`, `OFF_SWITCH`; empty for reduces.
    #[prost(string, tag = "15")]
    pub locality: String,
    /// When a map had read everything.
    #[prost(int64, tag = "16")]
    pub map_finish_time: i64,
}

/// An attempt ended (`org.apache.hadoop.mapreduce.TaskCompletionEvent`).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CompletionEventMessage {
    /// Counts from 0 within the job.
    #[prost(uint32, tag = "1")]
    pub event_id: u32,
    /// `attempt_…`
    #[prost(string, tag = "2")]
    pub attempt_id: String,
    /// The task's number within its kind.
    #[prost(uint32, tag = "3")]
    pub id_within_job: u32,
    /// Whether it was a map.
    #[prost(bool, tag = "4")]
    pub is_map: bool,
    /// `CompletionStatus::number`
    #[prost(int32, tag = "5")]
    pub status: i32,
    /// `http://host:port` where its output is served.
    #[prost(string, tag = "6")]
    pub tracker_http: String,
    /// How long it ran, in milliseconds.
    #[prost(int64, tag = "7")]
    pub run_time: i64,
}

/// Completion events from one number on.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CompletionEvents {
    /// In order.
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<CompletionEventMessage>,
    /// Whether the asker must forget what it has and begin at 0: the JobTracker was restarted.
    #[prost(bool, tag = "2")]
    pub reset: bool,
}
