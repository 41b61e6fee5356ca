//! No output (`NullOutputFormat`).

use loxodon_conf::Configuration;

use super::{OutputCommitter, OutputFormat, RecordWriter};
use crate::error::Result;
use crate::fs::FileSystems;
use crate::io::writable::Datum;
use crate::job::AttemptId;

/// Takes records and keeps none.
#[derive(Clone, Copy, Debug)]
pub struct NullOutputFormat;

impl OutputFormat for NullOutputFormat {
    fn check(&self, _job: &Configuration, _files: &FileSystems) -> Result<()> {
        Ok(())
    }

    fn open(
        &self,
        _job: &Configuration,
        _files: &FileSystems,
        _attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        Ok(Box::new(Nothing))
    }

    fn committer(
        &self,
        _job: &Configuration,
        _files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

impl RecordWriter for Nothing {
    fn write(&mut self, _key: Datum<'_>, _value: Datum<'_>) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }

    fn bytes_written(&self) -> u64 {
        0
    }
}

impl OutputCommitter for Nothing {
    fn setup_job(&self) -> Result<()> {
        Ok(())
    }

    fn commit_job(&self) -> Result<()> {
        Ok(())
    }

    fn abort_job(&self) -> Result<()> {
        Ok(())
    }

    fn setup_task(&self, _attempt: &AttemptId) -> Result<()> {
        Ok(())
    }

    fn needs_task_commit(&self, _attempt: &AttemptId) -> Result<bool> {
        Ok(false)
    }

    fn commit_task(&self, _attempt: &AttemptId) -> Result<()> {
        Ok(())
    }

    fn abort_task(&self, _attempt: &AttemptId) -> Result<()> {
        Ok(())
    }

    fn is_recovery_supported(&self) -> bool {
        true
    }

    fn is_commit_job_repeatable(&self) -> bool {
        true
    }

    fn recover_task(&self, _attempt: &AttemptId) -> Result<()> {
        Ok(())
    }
}
