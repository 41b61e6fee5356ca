//! Output formats and the committer (`org.apache.hadoop.mapreduce.lib.output`).

pub mod committer;
mod file;
mod lazy;
mod multiple;
mod null;
mod sequence;
mod text;

use loxodon_conf::Configuration;

pub use committer::{FileOutputCommitter, OutputCommitter};
pub use file::{check_output, output_path, unique_name, work_file};
pub use lazy::LazyOutputFormat;
pub use multiple::{COUNTERS_GROUP, MultipleOutputs, add_named_output};
pub use null::NullOutputFormat;
pub use sequence::{
    MapFileOutputFormat, SequenceFileAsBinaryOutputFormat, SequenceFileOutputFormat,
};
pub use text::{TextOutputFormat, TextWriter};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
pub use crate::input::Api;
use crate::io::writable::Datum;
use crate::job::AttemptId;

/// Writes the records of one task attempt (Hadoop's `RecordWriter`). What is not closed is not all there.
pub trait RecordWriter: Send {
    /// Writes a record.
    ///
    /// # Errors
    /// The output cannot be written; a value of a class that the format cannot write.
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()>;

    /// Ends the output; called once, after the last record.
    ///
    /// # Errors
    /// The output cannot be written to its end.
    fn close(&mut self) -> Result<()>;

    /// Bytes written to the file so far (`BYTES_WRITTEN` of `FileOutputFormatCounter`).
    fn bytes_written(&self) -> u64;
}

/// Where and how a job's output is written (Hadoop's `OutputFormat`).
pub trait OutputFormat: Send + Sync {
    /// Looks before the job starts whether its output can be written.
    ///
    /// # Errors
    /// No output directory, or one that is there; settings that make no sense.
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()>;

    /// Opens the output of an attempt, where only its commit makes it seen.
    ///
    /// # Errors
    /// It cannot be created.
    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>>;

    /// What sets up and commits the output.
    ///
    /// # Errors
    /// Settings that make no sense.
    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>>;
}

const NEW: &str = "org.apache.hadoop.mapreduce.lib.output.";
const OLD: &str = "org.apache.hadoop.mapred.";

/// An output format by the Java class that a job names; `None` for one that is none of ours.
#[must_use]
pub fn output_format(class: &str) -> Option<Box<dyn OutputFormat>> {
    let class = class.trim();
    let (api, name) = match class.strip_prefix(NEW) {
        Some(name) => (Api::New, name),
        None => {
            let name = class.strip_prefix(OLD)?;
            (Api::Old, name.strip_prefix("lib.").unwrap_or(name))
        }
    };
    Some(match name {
        "TextOutputFormat" => Box::new(TextOutputFormat { api }),
        "SequenceFileOutputFormat" => Box::new(SequenceFileOutputFormat { api }),
        "SequenceFileAsBinaryOutputFormat" => Box::new(SequenceFileAsBinaryOutputFormat { api }),
        "MapFileOutputFormat" => Box::new(MapFileOutputFormat { api }),
        "NullOutputFormat" => Box::new(NullOutputFormat),
        "LazyOutputFormat" => Box::new(LazyOutputFormat),
        _ => return None,
    })
}

/// An output format by the Java class that a job names.
///
/// # Errors
/// `ClassNotFoundException` for one that is none of ours.
pub fn required_output_format(class: &str) -> Result<Box<dyn OutputFormat>> {
    output_format(class)
        .ok_or_else(|| Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found")))
}

#[cfg(test)]
mod tests;
