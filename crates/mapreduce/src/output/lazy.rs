//! Files only where there are records (`LazyOutputFormat`).

use loxodon_conf::Configuration;

use super::{OutputCommitter, OutputFormat, RecordWriter, required_output_format};
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::io::writable::Datum;
use crate::job::AttemptId;
use crate::settings::Settings;

const FORMAT: &str = "mapreduce.output.lazyoutputformat.outputformat";

/// Another format (`mapreduce.output.lazyoutputformat.outputformat`), opened with the first record.
#[derive(Clone, Copy, Debug)]
pub struct LazyOutputFormat;

fn base(job: &Configuration) -> Result<Box<dyn OutputFormat>> {
    let class = job
        .get_text(FORMAT)?
        .ok_or_else(|| Error::io("Output Format not set for LazyOutputFormat"))?;
    if class.ends_with(".LazyOutputFormat") {
        return Err(Error::argument(format!("{FORMAT} names {class} itself")));
    }
    required_output_format(&class)
}

impl OutputFormat for LazyOutputFormat {
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        base(job)?.check(job, files)
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        Ok(Box::new(LazyWriter {
            base: base(job)?,
            job: job.clone(),
            files: files.clone(),
            attempt: attempt.clone(),
            writer: None,
        }))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        base(job)?.committer(job, files)
    }
}

struct LazyWriter {
    base: Box<dyn OutputFormat>,
    job: Configuration,
    files: FileSystems,
    attempt: AttemptId,
    writer: Option<Box<dyn RecordWriter>>,
}

impl RecordWriter for LazyWriter {
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            empty => empty.insert(self.base.open(&self.job, &self.files, &self.attempt)?),
        };
        writer.write(key, value)
    }

    fn close(&mut self) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.close())
    }

    fn bytes_written(&self) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.bytes_written())
    }
}
