//! Splits, and their bytes as Hadoop writes them.

use std::collections::BTreeSet;

use super::Api;
use crate::error::{Error, Result};
use crate::fs::Path;
use crate::io::writable::{LongWritable, Text, Writable};

const FILE_SPLIT: &str = "org.apache.hadoop.mapreduce.lib.input.FileSplit";
const OLD_FILE_SPLIT: &str = "org.apache.hadoop.mapred.FileSplit";
const COMBINE_SPLIT: &str = "org.apache.hadoop.mapreduce.lib.input.CombineFileSplit";
const OLD_COMBINE_SPLIT: &str = "org.apache.hadoop.mapred.lib.CombineFileSplit";

/// A stretch of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSplit {
    /// The file, in full.
    pub path: Path,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// Machines that have them, best first.
    pub hosts: Vec<String>,
}

impl FileSplit {
    /// The byte behind the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

impl std::fmt::Display for FileSplit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}+{}", self.path, self.start, self.length)
    }
}

/// Stretches of several files that one task reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CombineSplit {
    /// The stretches, whose own hosts are empty.
    pub parts: Vec<FileSplit>,
    /// Machines that have them.
    pub hosts: Vec<String>,
}

/// What one map task reads (Hadoop's `InputSplit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputSplit {
    /// A stretch of a file.
    File(FileSplit),
    /// Stretches of several files.
    Combine(CombineSplit),
    /// Whatever another input format makes of its input.
    Other {
        /// The split's class.
        class: String,
        /// As it serialises itself.
        bytes: Vec<u8>,
        /// How much there is to read, for the order in which tasks run.
        length: u64,
        /// Machines that have it.
        hosts: Vec<String>,
    },
}

/// How many files these splits are of (`mapreduce.input.fileinputformat.numinputfiles`); `None` where some are
/// of something else.
#[must_use]
pub fn input_files(splits: &[InputSplit]) -> Option<usize> {
    let path = |split: &InputSplit| match split {
        InputSplit::File(FileSplit { path, .. }) => Some(path.to_string()),
        _ => None,
    };
    let paths: Option<BTreeSet<String>> = splits.iter().map(path).collect();
    paths.map(|paths| paths.len())
}

impl InputSplit {
    /// Its Java class.
    #[must_use]
    pub fn class(&self) -> &str {
        match self {
            Self::File(_) => FILE_SPLIT,
            Self::Combine(_) => COMBINE_SPLIT,
            Self::Other { class, .. } => class,
        }
    }

    /// Its Java class in one of Hadoop's interfaces.
    pub(super) fn class_of(&self, api: Api) -> &str {
        match (api, self) {
            (Api::Old, Self::File(_)) => OLD_FILE_SPLIT,
            (Api::Old, Self::Combine(_)) => OLD_COMBINE_SPLIT,
            _ => self.class(),
        }
    }

    /// Bytes that it takes in Java's `job.split`, with the name of its class (`SPLIT_RAW_BYTES`).
    #[must_use]
    pub fn raw_length(&self, api: Api) -> usize {
        let mut bytes = Vec::new();
        Text::write(self.class_of(api).as_bytes(), &mut bytes);
        self.write(&mut bytes);
        bytes.len()
    }

    /// Bytes to read.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::File(split) => split.length,
            Self::Combine(split) => {
                split.parts.iter().fold(0, |sum, part| sum.saturating_add(part.length))
            }
            Self::Other { length, .. } => *length,
        }
    }

    /// Machines that have them.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::File(split) => &split.hosts,
            Self::Combine(split) => &split.hosts,
            Self::Other { hosts, .. } => hosts,
        }
    }

    /// Appends it as its class serialises itself; the class's name and the hosts are not in it.
    pub fn write(&self, to: &mut Vec<u8>) {
        let long = |value: u64, to: &mut Vec<u8>| {
            LongWritable::write(i64::try_from(value).unwrap_or(i64::MAX), to);
        };
        match self {
            Self::File(split) => {
                Text::write(split.path.to_string().as_bytes(), to);
                long(split.start, to);
                long(split.length, to);
            }
            Self::Combine(split) => {
                let count = i32::try_from(split.parts.len()).unwrap_or(i32::MAX).to_be_bytes();
                long(self.length(), to);
                to.extend_from_slice(&count);
                split.parts.iter().for_each(|part| long(part.length, to));
                to.extend_from_slice(&count);
                for part in &split.parts {
                    Text::write(part.path.to_string().as_bytes(), to);
                }
                to.extend_from_slice(&count);
                split.parts.iter().for_each(|part| long(part.start, to));
            }
            Self::Other { bytes, .. } => to.extend_from_slice(bytes),
        }
    }

    /// Reads a split of a class, all of `bytes`. Hosts and the length of an unknown class are not in them.
    ///
    /// # Errors
    /// The bytes are no such split.
    pub fn read(class: &str, mut bytes: &[u8]) -> Result<Self> {
        Self::read_from(class, &mut bytes)
    }

    /// As [`InputSplit::read`], from the front of `from`; a split of an unknown class takes everything.
    pub(super) fn read_from(class: &str, from: &mut &[u8]) -> Result<Self> {
        Ok(match class {
            FILE_SPLIT | OLD_FILE_SPLIT => {
                let path = read_path(from)?;
                let (start, length) = (read_long(from)?, read_long(from)?);
                Self::File(FileSplit { path, start, length, hosts: Vec::new() })
            }
            COMBINE_SPLIT | OLD_COMBINE_SPLIT => {
                read_long(from)?;
                let lengths = read_array(from, read_long)?;
                let paths = read_array(from, read_path)?;
                let starts = read_array(from, read_long)?;
                if lengths.len() != paths.len() || paths.len() != starts.len() {
                    return Err(Error::io("a combined split has different counts of its parts"));
                }
                let parts = paths.into_iter().zip(starts).zip(lengths);
                let parts = parts
                    .map(|((path, start), length)| FileSplit {
                        path,
                        start,
                        length,
                        hosts: Vec::new(),
                    })
                    .collect();
                Self::Combine(CombineSplit { parts, hosts: Vec::new() })
            }
            other => Self::Other {
                class: other.to_owned(),
                bytes: std::mem::take(from).to_vec(),
                length: 0,
                hosts: Vec::new(),
            },
        })
    }
}

fn read_path(from: &mut &[u8]) -> Result<Path> {
    let text = std::str::from_utf8(Text::read(from)?)
        .map_err(|_| Error::io("a split's path is no UTF-8"))?;
    Path::parse(text)
}

fn read_long(from: &mut &[u8]) -> Result<u64> {
    let value = LongWritable::read(from)?;
    u64::try_from(value).map_err(|_| Error::io(format!("a split has a position of {value}")))
}

fn read_array<T>(from: &mut &[u8], read: impl Fn(&mut &[u8]) -> Result<T>) -> Result<Vec<T>> {
    let count = crate::io::writable::IntWritable::read(from)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(from)?);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_once_and_only_files() {
        let split = |name: &str, start| {
            let path = Path::parse(name).unwrap();
            InputSplit::File(FileSplit { path, start, length: 1, hosts: Vec::new() })
        };
        assert_eq!(input_files(&[]), Some(0));
        assert_eq!(input_files(&[split("/a", 0), split("/a", 1), split("/b", 0)]), Some(2));
        let (class, bytes, hosts) = ("x".to_owned(), Vec::new(), Vec::new());
        let other = InputSplit::Other { class, bytes, length: 0, hosts };
        assert_eq!(input_files(&[split("/a", 0), other]), None);
    }

    #[test]
    fn lengths_are_those_that_java_counts() {
        let path = Path::parse("hdfs://127.0.0.1:20164/text/a").unwrap();
        let split = InputSplit::File(FileSplit { path, start: 0, length: 1, hosts: Vec::new() });
        assert_eq!(split.raw_length(Api::New), 94);
        assert_eq!(split.raw_length(Api::Old), 81);
    }
}
