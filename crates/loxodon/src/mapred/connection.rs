//! The JobTracker that a configuration names.

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};
use loxodon_mapreduce::error::{Error, ErrorKind, Result};
use loxodon_mapreduce::protocol::{
    AttemptRequest, BlockingCaller, Done, Empty, JOB_CLIENT, JobRequest, JobStatusMessage,
    JobStatuses, MaybeJobStatus, TaskReportMessage, TaskReports, TaskReportsRequest,
};
use loxodon_mapreduce::settings::Settings as _;

use crate::shell::current_user;

/// A JobTracker to ask.
pub(super) struct Connection {
    caller: BlockingCaller,
}

impl Connection {
    /// `mapreduce.jobtracker.address`.
    ///
    /// # Errors
    /// None is set.
    pub(super) fn address(conf: &Configuration) -> Result<String> {
        let address = conf.get_text("mapreduce.jobtracker.address")?;
        address.filter(|address| address != "local").ok_or_else(|| {
            Error::io(
                "Cannot initialize Cluster. Please check your configuration for \
                 mapreduce.framework.name and the correspond server addresses: \
                 mapreduce.jobtracker.address is not host:port",
            )
        })
    }

    /// The JobTracker at that address. Nothing is sent yet.
    ///
    /// # Errors
    /// No address, or one that is none.
    pub(super) fn of(conf: &Configuration) -> Result<Self> {
        let address = Self::address(conf)?;
        Ok(Self { caller: BlockingCaller::new(&address, current_user(), &JOB_CLIENT)? })
    }

    /// Calls and waits.
    ///
    /// # Errors
    /// The JobTracker's exception, or why no answer came.
    pub(super) fn call<Q, A>(&self, method: &str, request: &Q) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        self.caller.call(method, request)
    }

    /// A job's status, if there is such a job.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn status(&self, job: &str) -> Result<Option<JobStatusMessage>> {
        let answer: MaybeJobStatus = self.call("getJobStatus", &request(job))?;
        Ok(answer.status)
    }

    /// All jobs.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn all(&self) -> Result<Vec<JobStatusMessage>> {
        let answer: JobStatuses = self.call("getAllJobs", &Empty {})?;
        Ok(answer.jobs)
    }

    /// A job's tasks of one kind.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn tasks(
        &self,
        job: &str,
        kind: &str,
        details: bool,
    ) -> Result<Vec<TaskReportMessage>> {
        let request = TaskReportsRequest { job_id: job.to_owned(), kind: kind.to_owned(), details };
        let answer: TaskReports = self.call("getTaskReports", &request)?;
        Ok(answer.reports)
    }

    /// An order about one attempt.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) fn of_attempt(&self, method: &str, attempt: &str) -> Result<bool> {
        let request = AttemptRequest { attempt_id: attempt.to_owned() };
        let answer: Done = self.call(method, &request)?;
        Ok(answer.done)
    }
}

/// Names a job.
pub(super) fn request(job: &str) -> JobRequest {
    JobRequest { job_id: job.to_owned() }
}

/// The exit code of an error: who may not is told so on the standard output, as Hadoop does; anything else is
/// what Java says of an exception that nobody caught.
pub(super) fn failed(error: &Error) -> i32 {
    let is_access = match error.kind() {
        ErrorKind::Access => true,
        ErrorKind::Remote(class) => class.ends_with(".AccessControlException"),
        _ => false,
    };
    if is_access {
        println!("{error}");
        return super::FAILED;
    }
    eprintln!("Exception in thread \"main\" {}: {error}", error.java_class());
    1
}
