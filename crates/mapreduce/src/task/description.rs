//! One attempt to be run: everything it needs to know.

use std::path::PathBuf;

use loxodon_conf::Configuration;

use crate::input::InputSplit;
use crate::job::{AttemptId, JobState};

/// What an attempt is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Map one split.
    Map {
        /// Its input.
        split: Box<InputSplit>,
    },
    /// Reduce one partition, that of the task's number.
    Reduce {
        /// Maps to fetch from.
        maps: u32,
    },
    /// Set the job's output up.
    JobSetup,
    /// Commit or abort the job's output.
    JobCleanup {
        /// How the job ends: success is a commit.
        end: JobState,
    },
    /// Abort what a dead attempt has left.
    TaskCleanup,
}

/// An attempt to be run.
#[derive(Clone, Debug)]
pub struct TaskDescription {
    /// Its id.
    pub attempt: AttemptId,
    /// What it does.
    pub work: Work,
    /// The job's configuration (`job.xml`).
    pub conf: Configuration,
    /// Directories of its own, one on each local disk.
    pub local_dirs: Vec<PathBuf>,
    /// Key with which shuffle requests are signed.
    pub shuffle_key: Vec<u8>,
    /// Whose task it is.
    pub user: String,
    /// `mapreduce.job.application.attempt.id`: which start of the JobTracker the output's directories belong to.
    pub job_attempt: u32,
}
