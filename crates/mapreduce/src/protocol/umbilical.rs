//! Messages between a task's process and the TaskTracker that started it.

use prost::Message;

use super::tracker::{LaunchMessage, TaskStatusMessage};

/// What the process is to run; nothing where it should end at once.
#[derive(Clone, PartialEq, Message)]
pub struct GetTaskAnswer {
    /// The attempt.
    #[prost(message, optional, tag = "1")]
    pub task: Option<TaskSpec>,
}

/// An attempt, as its process sees it.
#[derive(Clone, PartialEq, Message)]
pub struct TaskSpec {
    /// What the JobTracker ordered.
    #[prost(message, optional, tag = "1")]
    pub launch: Option<LaunchMessage>,
    /// The job's configuration on the local disk.
    #[prost(string, tag = "2")]
    pub job_xml: String,
    /// Directories for the attempt's own data, one per local disk.
    #[prost(string, repeated, tag = "3")]
    pub local_dirs: Vec<String>,
    /// The directory that the process runs in.
    #[prost(string, tag = "4")]
    pub work_dir: String,
    /// Where its logs go.
    #[prost(string, tag = "5")]
    pub log_dir: String,
    /// The attempt's program; Rust programs and streaming come now, Pipes and Java tasks have
    /// their numbers.
    #[prost(enumeration = "TaskProgram", tag = "6")]
    pub program: i32,
    /// Milliseconds between reports.
    #[prost(int64, tag = "7")]
    pub report_interval: i64,
}

/// What runs an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TaskProgram {
    /// The job's own Rust binary.
    Native = 0,
    /// Our binary, with the job's executables.
    Streaming = 1,
    /// Our binary alone: examples, set-up and clean-up.
    BuiltIn = 2,
    /// Reserved: a C++ Pipes program.
    Pipes = 3,
    /// Reserved: a Java virtual machine.
    Java = 4,
}

/// How the attempt is.
#[derive(Clone, PartialEq, Message)]
pub struct StatusUpdate {
    /// Its status; state, progress, phase, counters, fetch failures.
    #[prost(message, optional, tag = "1")]
    pub status: Option<TaskStatusMessage>,
    /// Whether nothing has moved since the last report: a sign of the process's life, not of the task's.
    #[prost(bool, tag = "2")]
    pub idle: bool,
}

/// What the tracker says to a report.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct StatusAnswer {
    /// Whether the tracker knows the attempt; if not, the process ends itself.
    #[prost(bool, tag = "1")]
    pub known: bool,
    /// Whether it is to end.
    #[prost(bool, tag = "2")]
    pub kill: bool,
}

/// Whether the attempt may commit.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct CommitAnswer {
    /// Whether it may.
    #[prost(bool, tag = "1")]
    pub granted: bool,
    /// Whether the tracker still knows the attempt.
    #[prost(bool, tag = "2")]
    pub known: bool,
}

/// What went wrong in an attempt.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TaskFailure {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// What happened.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Whether every other attempt would fail the same way.
    #[prost(bool, tag = "3")]
    pub fast_fail: bool,
}

/// Asks for the map outputs that are there.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct MapEventsRequest {
    /// The reduce attempt that asks.
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// The first event.
    #[prost(uint32, tag = "2")]
    pub from: u32,
    /// At most so many.
    #[prost(uint32, tag = "3")]
    pub max: u32,
}
