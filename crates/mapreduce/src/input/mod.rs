//! Input formats: how files become splits and splits become records (`org.apache.hadoop.mapreduce.lib.input`).

mod combine;
mod file;
mod fixed_length;
mod join;
mod line;
mod line_reader;
mod paths;
mod sampler;
mod sequence;
mod split;
pub mod split_file;
mod text;
mod whole_file;

use loxodon_conf::Configuration;

pub use combine::{CombineSequenceFileInputFormat, CombineTextInputFormat};
pub use file::{FileFormat, file_splits};
pub use fixed_length::FixedLengthInputFormat;
#[cfg(feature = "fuzzing")]
pub(crate) use join::parse_expression;
pub use join::{CompositeInputFormat, EXPRESSION as JOIN_EXPRESSION, join_expression};
pub use line::LineRecordReader;
pub use line_reader::LineReader;
pub use paths::{add_input_path, input_paths, is_hidden, list_input, split_paths};
pub use sampler::{RandomSampler, write_partition_file};
pub use sequence::SequenceFileInputFormat;
pub use split::{CombineSplit, FileSplit, InputSplit, input_files};
pub use text::{KeyValueTextInputFormat, NLineInputFormat, TextInputFormat};
pub use whole_file::WholeFileInputFormat;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
use crate::io::writable::Datum;

/// Reads the records of one split (Hadoop's `RecordReader`).
pub trait RecordReader: Send {
    /// Moves to the next record; `false` at the end.
    ///
    /// # Errors
    /// The input cannot be read or is damaged; the sentence names file and offset.
    fn advance(&mut self) -> Result<bool>;

    /// The current key, borrowed until the next [`RecordReader::advance`].
    fn key(&self) -> Datum<'_>;

    /// The current value, borrowed until the next [`RecordReader::advance`].
    fn value(&self) -> Datum<'_>;

    /// Java classes of keys and values that come serialised, where the file names them.
    fn classes(&self) -> Option<(&str, &str)> {
        None
    }

    /// How much of the split is read, from 0 to 1.
    fn progress(&self) -> f32;

    /// Bytes read from the file so far (`BYTES_READ` of `FileInputFormatCounter`).
    fn bytes_read(&self) -> u64;
}

/// Makes splits of a job's input, and readers of splits (Hadoop's `InputFormat`).
pub trait InputFormat: Send + Sync {
    /// Cuts the input.
    ///
    /// # Errors
    /// Input that is not there (`InvalidInputException`), that cannot be listed; a setting that makes no sense.
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>>;

    /// Opens a split.
    ///
    /// # Errors
    /// It cannot be read; it is of another kind.
    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>>;
}

/// Which of Hadoop's two interfaces a class belongs to: they cut files differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `org.apache.hadoop.mapreduce`: splits of a block's size.
    New,
    /// `org.apache.hadoop.mapred`: at least as many splits as maps are asked for.
    Old,
}

const NEW: &str = "org.apache.hadoop.mapreduce.lib.input.";
const OLD: &str = "org.apache.hadoop.mapred.";

/// An input format by the Java class that a job names; `None` for one that is none of ours.
#[must_use]
pub fn input_format(class: &str) -> Option<Box<dyn InputFormat>> {
    let class = class.trim();
    if let Some(api) = join::api_of_class(class) {
        return Some(Box::new(CompositeInputFormat { api }));
    }
    let (api, name) = match class.strip_prefix(NEW) {
        Some(name) => (Api::New, name),
        None => {
            let name = class.strip_prefix(OLD)?;
            (Api::Old, name.strip_prefix("lib.").unwrap_or(name))
        }
    };
    Some(match name {
        "TextInputFormat" => Box::new(TextInputFormat { api }),
        "KeyValueTextInputFormat" => Box::new(KeyValueTextInputFormat { api }),
        "NLineInputFormat" => Box::new(NLineInputFormat),
        "FixedLengthInputFormat" => Box::new(FixedLengthInputFormat { api }),
        "SequenceFileInputFormat" => Box::new(SequenceFileInputFormat::plain(api)),
        "SequenceFileAsTextInputFormat" => Box::new(SequenceFileInputFormat::as_text(api)),
        "SequenceFileAsBinaryInputFormat" => Box::new(SequenceFileInputFormat::as_binary(api)),
        "CombineTextInputFormat" => Box::new(CombineTextInputFormat),
        "CombineSequenceFileInputFormat" => Box::new(CombineSequenceFileInputFormat),
        "WholeFileInputFormat" => Box::new(WholeFileInputFormat),
        _ => return None,
    })
}

/// An input format by the Java class that a job names.
///
/// # Errors
/// `ClassNotFoundException` for one that is none of ours.
pub fn required_input_format(class: &str) -> Result<Box<dyn InputFormat>> {
    input_format(class)
        .ok_or_else(|| Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found")))
}

/// The file split that a reader of files takes.
fn file_split(split: &InputSplit) -> Result<&FileSplit> {
    match split {
        InputSplit::File(split) => Ok(split),
        other => Err(Error::io(format!("a file split is expected, not {}", other.class()))),
    }
}

#[cfg(test)]
mod tests;
