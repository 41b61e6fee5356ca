//! Names of jobs, tasks and attempts, in Hadoop's text form.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A text that is no identifier (`IllegalArgumentException` in Hadoop).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// Not `job_<identifier>_<number>`.
    #[error("JobId string : {0} is not properly formed")]
    Job(String),
    /// Not `task_<identifier>_<number>_<kind>_<number>`.
    #[error("TaskId string : {0} is not properly formed")]
    Task(String),
    /// Not `attempt_<identifier>_<number>_<kind>_<number>_<number>`.
    #[error("TaskAttemptId string : {0} is not properly formed")]
    Attempt(String),
    /// An attempt whose kind is none of Hadoop's letters.
    #[error("Bad TaskType identifier. TaskAttemptId string : {0} is not properly formed.")]
    Kind(String),
}

impl IdError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        "java.lang.IllegalArgumentException"
    }
}

/// What a task does (`org.apache.hadoop.mapreduce.TaskType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// Reads a split.
    Map,
    /// Reads a partition.
    Reduce,
    /// Prepares the output, before any other.
    JobSetup,
    /// Commits or aborts the output, after all others.
    JobCleanup,
    /// Removes what a failed attempt left in the output.
    TaskCleanup,
}

impl TaskKind {
    /// Every kind, in Hadoop's order.
    pub const ALL: [Self; 5] =
        [Self::Map, Self::Reduce, Self::JobSetup, Self::JobCleanup, Self::TaskCleanup];

    /// The letter in identifiers.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Map => 'm',
            Self::Reduce => 'r',
            Self::JobSetup => 's',
            Self::JobCleanup => 'c',
            Self::TaskCleanup => 't',
        }
    }

    /// The kind of that letter.
    #[must_use]
    pub fn from_letter(letter: &str) -> Option<Self> {
        Some(match letter {
            "m" => Self::Map,
            "r" => Self::Reduce,
            "s" => Self::JobSetup,
            "c" => Self::JobCleanup,
            "t" => Self::TaskCleanup,
            _ => return None,
        })
    }

    /// The name in reports and history files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "MAP",
            Self::Reduce => "REDUCE",
            Self::JobSetup => "JOB_SETUP",
            Self::JobCleanup => "JOB_CLEANUP",
            Self::TaskCleanup => "TASK_CLEANUP",
        }
    }

    /// The kind of that name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A job: the start of the JobTracker that took it, and a number. Jobs come in the order of both, as numbers where
/// they are such (`org.apache.hadoop.mapreduce.v2.api.records.JobId`); identifiers that are texts come last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobId {
    /// What tells JobTrackers apart; its start as `yyyyMMddHHmm`, or any text without `_`.
    pub identifier: Arc<str>,
    /// Counts from 1.
    pub number: u32,
}

/// A task of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Its job.
    pub job: JobId,
    /// What it does.
    pub kind: TaskKind,
    /// Counts from 0 within its kind.
    pub number: u32,
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// Its task.
    pub task: TaskId,
    /// Counts from 0; a JobTracker that was restarted goes on at the next thousand.
    pub number: u32,
}

impl JobId {
    /// The job with that number.
    #[must_use]
    pub fn new(identifier: impl Into<Arc<str>>, number: u32) -> Self {
        Self { identifier: identifier.into(), number }
    }

    fn order(&self) -> impl Ord {
        let text = &*self.identifier;
        let digits = text.trim_start_matches('0');
        let is_text = !text.bytes().all(|byte| byte.is_ascii_digit());
        // Of two numbers the longer is the greater.
        let length = if is_text { 0 } else { digits.len() };
        (is_text, length, digits, self.number, text)
    }

    /// A task of it.
    #[must_use]
    pub fn task(&self, kind: TaskKind, number: u32) -> TaskId {
        TaskId { job: self.clone(), kind, number }
    }
}

impl TaskId {
    /// An attempt at it.
    #[must_use]
    pub fn attempt(&self, number: u32) -> AttemptId {
        AttemptId { task: self.clone(), number }
    }
}

impl AttemptId {
    /// The job it belongs to.
    #[must_use]
    pub const fn job(&self) -> &JobId {
        &self.task.job
    }

    /// What its task does.
    #[must_use]
    pub const fn kind(&self) -> TaskKind {
        self.task.kind
    }
}

impl Ord for JobId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for JobId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job_{}_{:04}", self.identifier, self.number)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task_")?;
        write_task(f, self)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt_")?;
        write_task(f, &self.task)?;
        write!(f, "_{}", self.number)
    }
}

fn write_task(f: &mut fmt::Formatter<'_>, task: &TaskId) -> fmt::Result {
    let TaskId { job, kind, number } = task;
    write!(f, "{}_{:04}_{}_{number:06}", job.identifier, job.number, kind.letter())
}

/// Digits only, as in Hadoop's patterns; a sign is no digit.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Java's integers are signed.
    text.parse().ok().filter(|n| digits && i32::try_from(*n).is_ok())
}

fn job_of(identifier: &str, text: &str) -> Option<JobId> {
    let clean = !identifier.is_empty() && !identifier.contains(['/', '\\']);
    number(text).filter(|_| clean).map(|number| JobId::new(identifier, number))
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.split('_');
        let parsed = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("job"), Some(identifier), Some(number), None) => job_of(identifier, number),
            _ => None,
        };
        parsed.ok_or_else(|| IdError::Job(text.to_owned()))
    }
}

impl FromStr for TaskId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.splitn(6, '_').collect();
        let parsed = match *parts {
            ["task", identifier, job, kind, task] => task_of(identifier, job, kind, task),
            _ => None,
        };
        parsed.ok_or_else(|| IdError::Task(text.to_owned()))
    }
}

fn task_of(identifier: &str, job: &str, kind: &str, task: &str) -> Option<TaskId> {
    let kind = TaskKind::from_letter(kind)?;
    Some(job_of(identifier, job)?.task(kind, number(task)?))
}

impl FromStr for AttemptId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.splitn(7, '_').collect();
        let ["attempt", identifier, job, kind, task, attempt] = *parts else {
            return Err(IdError::Attempt(text.to_owned()));
        };
        if TaskKind::from_letter(kind).is_none() {
            return Err(IdError::Kind(text.to_owned()));
        }
        task_of(identifier, job, kind, task)
            .and_then(|task| Some(task.attempt(number(attempt)?)))
            .ok_or_else(|| IdError::Attempt(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_hadoops() {
        let job = JobId::new("200707121733", 3);
        assert_eq!(job.to_string(), "job_200707121733_0003");
        let task = job.task(TaskKind::Map, 5);
        assert_eq!(task.to_string(), "task_200707121733_0003_m_000005");
        assert_eq!(task.attempt(0).to_string(), "attempt_200707121733_0003_m_000005_0");
        assert_eq!(job.task(TaskKind::JobSetup, 0).to_string(), "task_200707121733_0003_s_000000");
        assert_eq!(JobId::new("local1", 12345).to_string(), "job_local1_12345");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "job", "job_1", "job_1_x", "job_1_2_3", "task_1_2", "job_1_-2", "job__1"] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
        for bad in ["task_1_1_m", "task_1_1_x_1", "task_1_1_m_1_0", "attempt_1_1_m_1_0"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
        let kind = "attempt_1_1_q_1_0".parse::<AttemptId>();
        assert!(matches!(kind, Err(IdError::Kind(_))));
        for bad in ["attempt_1_1_m_1", "attempt_1_1_m_1_0_0", "attempt_../x_1_m_1_0"] {
            assert!(bad.parse::<AttemptId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn jobs_come_in_the_order_of_their_numbers() {
        let ordered = [
            "job_9_0001",
            "job_10_0001",
            // A JobTracker's start, to the minute; Java's clusters count milliseconds.
            "job_202611212250_9999",
            "job_202611212250_10000",
            "job_202611212251_0001",
            "job_1711000000000_0001",
            "job_local10_0001",
            "job_local9_0001",
        ];
        let mut jobs: Vec<JobId> = ordered.iter().rev().map(|text| text.parse().unwrap()).collect();
        jobs.sort();
        assert_eq!(jobs.iter().map(JobId::to_string).collect::<Vec<_>>(), ordered);
        let same = |a: &str, b: &str| JobId::new(a, 1).cmp(&JobId::new(b, 1)).is_eq();
        assert!(same("7", "7") && !same("7", "07") && !same("0", ""));
    }

    proptest! {
        #[test]
        fn text_round_trips(identifier in "[0-9a-z]{1,14}", job in 0u32..99_999, kind in 0usize..5,
                            task in 0u32..2_000_000, attempt in 0u32..5000) {
            let id = JobId::new(identifier, job).task(TaskKind::ALL[kind], task).attempt(attempt);
            prop_assert_eq!(id.to_string().parse::<AttemptId>(), Ok(id.clone()));
            prop_assert_eq!(id.task.to_string().parse::<TaskId>(), Ok(id.task.clone()));
            prop_assert_eq!(id.job().to_string().parse::<JobId>(), Ok(id.job().clone()));
        }
    }
}
