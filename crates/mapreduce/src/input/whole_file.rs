//! Whole files: the key is a `Text` with the path, the value a `BytesWritable` with all bytes.

use loxodon_conf::Configuration;

use super::file::{FileFormat, file_splits};
use super::{Api, FileSplit, InputFormat, InputSplit, RecordReader, file_split};
use crate::error::Result;
use crate::fs::FileSystems;
use crate::io::writable::Datum;

/// Java's longest array.
const LONGEST: u64 = i32::MAX as u64;

/// The format. Hadoop has none of that name; its users write one, with these records.
#[derive(Clone, Copy, Debug)]
pub struct WholeFileInputFormat;

impl InputFormat for WholeFileInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let format = FileFormat { api: Api::New, min_size: 1, is_splittable: &|_| false };
        file_splits(&format, job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        _job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let split = file_split(split)?.clone();
        let name = split.path.to_string().into_bytes();
        let files = files.clone();
        Ok(Box::new(WholeFileReader { files, split, name, bytes: Vec::new(), read: false }))
    }
}

struct WholeFileReader {
    files: FileSystems,
    split: FileSplit,
    name: Vec<u8>,
    bytes: Vec<u8>,
    read: bool,
}

impl RecordReader for WholeFileReader {
    fn advance(&mut self) -> Result<bool> {
        if self.read {
            return Ok(false);
        }
        let path = &self.split.path;
        self.bytes = self.files.get(path)?.read_all(path, LONGEST)?;
        self.read = true;
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Text(&self.name)
    }

    fn value(&self) -> Datum<'_> {
        Datum::Bytes(&self.bytes)
    }

    fn progress(&self) -> f32 {
        if self.read { 1.0 } else { 0.0 }
    }

    fn bytes_read(&self) -> u64 {
        self.bytes.len() as u64
    }
}
