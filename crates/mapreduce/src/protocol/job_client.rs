//! Messages between clients and the JobTracker.

use prost::Message;

use super::status::{CountersMessage, JobStatusMessage, TaskReportMessage};

/// One text.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Text {
    /// The text.
    #[prost(string, tag = "1")]
    pub value: String,
}

/// Several texts.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Texts {
    /// In order.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// One number.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Number {
    /// The number.
    #[prost(int64, tag = "1")]
    pub value: i64,
}

/// Whether something was done.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Done {
    /// Whether it was.
    #[prost(bool, tag = "1")]
    pub done: bool,
}

/// Names a job.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct JobRequest {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
}

/// Names an attempt.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AttemptRequest {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
}

/// Hands in a job whose files are in its staging directory.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SubmitRequest {
    /// The id that `getNewJobID` gave.
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// The directory with `job.xml`, `job.split` and `job.splitmetainfo`.
    #[prost(string, tag = "2")]
    pub submit_dir: String,
    /// Tokens and secrets, in Hadoop's token storage format.
    #[prost(bytes = "vec", tag = "3")]
    pub credentials: Vec<u8>,
}

/// A job's status, if there is such a job.
#[derive(Clone, PartialEq, Message)]
pub struct MaybeJobStatus {
    /// The status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<JobStatusMessage>,
}

/// Statuses of several jobs.
#[derive(Clone, PartialEq, Message)]
pub struct JobStatuses {
    /// By id.
    #[prost(message, repeated, tag = "1")]
    pub jobs: Vec<JobStatusMessage>,
}

/// A job's counters, if there is such a job.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct JobCounters {
    /// Of maps and reduces together, and the job's own.
    #[prost(message, optional, tag = "1")]
    pub total: Option<CountersMessage>,
    /// Of maps.
    #[prost(message, optional, tag = "2")]
    pub map: Option<CountersMessage>,
    /// Of reduces.
    #[prost(message, optional, tag = "3")]
    pub reduce: Option<CountersMessage>,
}

/// Asks for the tasks of one kind.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TaskReportsRequest {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// `MAP`, `REDUCE`, `JOB_SETUP` or `JOB_CLEANUP`.
    #[prost(string, tag = "2")]
    pub kind: String,
    /// Whether attempts and counters are wanted.
    #[prost(bool, tag = "3")]
    pub details: bool,
}

/// Tasks of one kind.
#[derive(Clone, PartialEq, Message)]
pub struct TaskReports {
    /// By number.
    #[prost(message, repeated, tag = "1")]
    pub reports: Vec<TaskReportMessage>,
}

/// Asks for completion events.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct EventsRequest {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// The first.
    #[prost(uint32, tag = "2")]
    pub from: u32,
    /// At most so many.
    #[prost(uint32, tag = "3")]
    pub max: u32,
}

/// Changes a job's priority.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PriorityRequest {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// A name or a number.
    #[prost(string, tag = "2")]
    pub priority: String,
}

/// The cluster in numbers (`org.apache.hadoop.mapreduce.ClusterMetrics`).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ClusterMetrics {
    /// Map attempts that run.
    #[prost(uint32, tag = "1")]
    pub running_maps: u32,
    /// Reduce attempts that run.
    #[prost(uint32, tag = "2")]
    pub running_reduces: u32,
    /// Attempts for which there is room for maps.
    #[prost(uint32, tag = "3")]
    pub map_slots: u32,
    /// Attempts for which there is room for reduces.
    #[prost(uint32, tag = "4")]
    pub reduce_slots: u32,
    /// Jobs that were ever submitted here.
    #[prost(uint32, tag = "5")]
    pub submissions: u32,
    /// Trackers that live.
    #[prost(uint32, tag = "6")]
    pub trackers: u32,
    /// Of these, blacklisted.
    #[prost(uint32, tag = "7")]
    pub blacklisted_trackers: u32,
    /// Excluded by the operator.
    #[prost(uint32, tag = "8")]
    pub decommissioned_trackers: u32,
    /// Mebibytes that all trackers have.
    #[prost(uint64, tag = "9")]
    pub memory_mb: u64,
    /// Cores that all trackers have.
    #[prost(uint32, tag = "10")]
    pub cores: u32,
    /// Mebibytes in use.
    #[prost(uint64, tag = "11")]
    pub used_memory_mb: u64,
    /// Cores in use.
    #[prost(uint32, tag = "12")]
    pub used_cores: u32,
}

/// A tracker, as clients see it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TrackerMessage {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its machine.
    #[prost(string, tag = "2")]
    pub host: String,
    /// Its rack.
    #[prost(string, tag = "3")]
    pub rack: String,
    /// `host:port` of its pages.
    #[prost(string, tag = "4")]
    pub http: String,
    /// When it was last heard of, in milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub last_seen: i64,
    /// Attempts that it runs.
    #[prost(uint32, tag = "6")]
    pub running: u32,
    /// Failures in successful jobs that count against it.
    #[prost(uint32, tag = "7")]
    pub faults: u32,
    /// Why it gets no tasks; empty if it does.
    #[prost(string, tag = "8")]
    pub blacklist_reason: String,
    /// What its health script says; empty if it is well.
    #[prost(string, tag = "9")]
    pub health_report: String,
    /// Mebibytes that it has.
    #[prost(uint64, tag = "10")]
    pub memory_mb: u64,
    /// Cores that it has.
    #[prost(uint32, tag = "11")]
    pub cores: u32,
    /// Mebibytes in use.
    #[prost(uint64, tag = "12")]
    pub used_memory_mb: u64,
    /// Cores in use.
    #[prost(uint32, tag = "13")]
    pub used_cores: u32,
}

/// Several trackers.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Trackers {
    /// By name.
    #[prost(message, repeated, tag = "1")]
    pub trackers: Vec<TrackerMessage>,
}

/// Names a queue.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct QueueRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// A queue (`org.apache.hadoop.mapreduce.QueueInfo`).
#[derive(Clone, PartialEq, Message)]
pub struct QueueMessage {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// `running` or `stopped`.
    #[prost(string, tag = "2")]
    pub state: String,
    /// What the scheduler says of it, lines of text.
    #[prost(string, tag = "3")]
    pub scheduling_info: String,
    /// Jobs in it.
    #[prost(message, repeated, tag = "4")]
    pub jobs: Vec<JobStatusMessage>,
    /// Queues below it.
    #[prost(message, repeated, tag = "5")]
    pub children: Vec<Self>,
}

/// Several queues.
#[derive(Clone, PartialEq, Message)]
pub struct Queues {
    /// By name.
    #[prost(message, repeated, tag = "1")]
    pub queues: Vec<QueueMessage>,
}

/// What the caller may do in one queue.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct QueueAcl {
    /// The queue.
    #[prost(string, tag = "1")]
    pub queue: String,
    /// `SUBMIT_APPLICATIONS`, `ADMINISTER_QUEUE`.
    #[prost(string, repeated, tag = "2")]
    pub operations: Vec<String>,
}

/// What the caller may do in every queue.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct QueueAcls {
    /// By queue.
    #[prost(message, repeated, tag = "1")]
    pub acls: Vec<QueueAcl>,
}

/// Asks where an attempt's log is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LogRequest {
    /// `job_…`
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// `attempt_…`; empty for the job's.
    #[prost(string, tag = "2")]
    pub attempt_id: String,
}

/// Where an attempt's log is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LogParams {
    /// `attempt_…`
    #[prost(string, tag = "1")]
    pub attempt_id: String,
    /// The tracker that ran it.
    #[prost(string, tag = "2")]
    pub tracker: String,
    /// `host:port` of its pages.
    #[prost(string, tag = "3")]
    pub tracker_http: String,
    /// The job's owner.
    #[prost(string, tag = "4")]
    pub owner: String,
}

/// A delegation token, which is refused: only simple authentication is there.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DelegationToken {
    /// Who may renew it.
    #[prost(string, tag = "1")]
    pub renewer: String,
    /// The token.
    #[prost(bytes = "vec", tag = "2")]
    pub token: Vec<u8>,
}
