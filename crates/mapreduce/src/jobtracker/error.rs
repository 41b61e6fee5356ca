//! Why the JobTracker refuses.

use loxodon_wire::rpc::RemoteError;
use thiserror::Error;

use crate::job::JobId;
use crate::scheduler::QueueError;

/// A call that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JobTrackerError {
    /// A job that is not known, or no longer.
    #[error("Unknown job {0}")]
    UnknownJob(JobId),
    /// The id was not given out here, or was used.
    #[error("Job {0} was not created by this JobTracker or was submitted already")]
    BadId(JobId),
    /// The queue does not take it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Too many tasks.
    #[error("The number of tasks for this job {tasks} exceeds the configured limit {limit}")]
    TooManyTasks {
        /// How many it has.
        tasks: usize,
        /// How many it may have (`mapreduce.jobtracker.maxtasks.perjob`).
        limit: usize,
    },
    /// More reduces than any job may have, whatever the configuration says.
    #[error(
        "{job} asks for {reduces} reduces, of which a job has at most {limit}: lower mapreduce.job.reduces"
    )]
    TooManyReduces {
        /// Which job.
        job: JobId,
        /// How many it asks for.
        reduces: u32,
        /// How many it may have.
        limit: u32,
    },
    /// A task that asks for more than any may.
    #[error("A task of {job} asks for {asked} MB, of which the cluster gives at most {limit} MB")]
    TooLarge {
        /// Which job.
        job: JobId,
        /// What it asks for.
        asked: u64,
        /// What it may ask for.
        limit: u64,
    },
    /// Not for this user.
    #[error("User {user} cannot perform operation {operation} on {job}. ")]
    Denied {
        /// Who.
        user: String,
        /// What, as `VIEW_JOB` or `MODIFY_JOB`.
        operation: &'static str,
        /// Which job.
        job: JobId,
    },
    /// A priority that is none.
    #[error("No enum constant org.apache.hadoop.mapreduce.JobPriority.{0}")]
    Priority(String),
    /// Something Hadoop does and we do not.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The journal of a job is not that job's.
    #[error("the history of {job} does not fit its splits: {reason}")]
    Journal {
        /// Which job.
        job: JobId,
        /// What is wrong.
        reason: String,
    },
}

impl JobTrackerError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Queue(error) => error.java_class(),
            Self::Denied { .. } => "org.apache.hadoop.security.AccessControlException",
            Self::Priority(_) => "java.lang.IllegalArgumentException",
            Self::Unsupported(_) => "java.lang.UnsupportedOperationException",
            _ => "java.io.IOException",
        }
    }
}

impl From<JobTrackerError> for RemoteError {
    fn from(error: JobTrackerError) -> Self {
        Self::new(error.java_class(), error.to_string())
    }
}
