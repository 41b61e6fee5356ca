//! Sequence files as input, as they are, as text, or as bytes.

use loxodon_conf::Configuration;

use super::file::{FileFormat, cut};
use super::paths::list_input;
use super::{Api, FileSplit, InputFormat, InputSplit, RecordReader, file_split};
use crate::error::Result;
use crate::fs::FileSystems;
use crate::io::map_file::DATA_FILE;
use crate::io::sequence_file::{Reader, SYNC_INTERVAL};
use crate::io::writable::{Datum, Kind};

/// What a record is handed over as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Serialised values of the file's classes.
    Plain,
    /// Two `Text`s of what `toString` says.
    Text,
    /// Two `BytesWritable`s.
    Binary,
}

/// Records of sequence files and of `MapFile`s.
#[derive(Clone, Copy, Debug)]
pub struct SequenceFileInputFormat {
    api: Api,
    form: Form,
}

impl SequenceFileInputFormat {
    /// `SequenceFileInputFormat`.
    #[must_use]
    pub fn plain(api: Api) -> Self {
        Self { api, form: Form::Plain }
    }

    /// `SequenceFileAsTextInputFormat`.
    #[must_use]
    pub fn as_text(api: Api) -> Self {
        Self { api, form: Form::Text }
    }

    /// `SequenceFileAsBinaryInputFormat`.
    #[must_use]
    pub fn as_binary(api: Api) -> Self {
        Self { api, form: Form::Binary }
    }
}

impl InputFormat for SequenceFileInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let mut inputs = list_input(job, files)?;
        for status in inputs.iter_mut().filter(|status| status.is_directory) {
            // A directory is a MapFile: its records are in one file.
            let data = status.path.child(DATA_FILE);
            *status = files.get(&data)?.status(&data)?;
        }
        let format =
            FileFormat { api: self.api, min_size: SYNC_INTERVAL, is_splittable: &|_| true };
        cut(&format, job, files, inputs)
    }

    fn open(
        &self,
        split: &InputSplit,
        _job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        open_records(file_split(split)?, files, self.form)
    }
}

/// The records of a split as they are.
pub(super) fn open_plain(split: &FileSplit, files: &FileSystems) -> Result<Box<dyn RecordReader>> {
    open_records(split, files, Form::Plain)
}

fn open_records(
    split: &FileSplit,
    files: &FileSystems,
    form: Form,
) -> Result<Box<dyn RecordReader>> {
    let stream = files.get(&split.path)?.open(&split.path, Some(split.end()))?;
    let mut file = Reader::open(stream, split.path.to_string())?;
    if split.start > file.position() {
        file.sync(split.start)?;
    }
    let start = file.position();
    let end = split.end();
    // The header of a file counts as read where its first split begins.
    let records = Records { file, start: split.start, end, more: start < end };
    if form != Form::Text {
        return Ok(Box::new(SequenceReader { records, form }));
    }
    let header = records.file.header();
    let kinds = (Kind::required(&header.key_class)?, Kind::required(&header.value_class)?);
    Ok(Box::new(TextReader { records, kinds, key: Vec::new(), value: Vec::new() }))
}

/// The records from the first mark in a split to the first mark behind it.
struct Records {
    file: Reader,
    start: u64,
    end: u64,
    more: bool,
}

impl Records {
    fn advance(&mut self) -> Result<bool> {
        if self.more {
            let position = self.file.position();
            self.more = self.file.advance()? && !(position >= self.end && self.file.sync_seen());
        }
        Ok(self.more)
    }

    fn progress(&self) -> f32 {
        let all = self.end.saturating_sub(self.start);
        if all == 0 { 0.0 } else { (self.bytes_read() as f32 / all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        self.file.position().saturating_sub(self.start)
    }
}

struct SequenceReader {
    records: Records,
    form: Form,
}

impl SequenceReader {
    fn datum<'a>(&self, bytes: &'a [u8]) -> Datum<'a> {
        if self.form == Form::Binary { Datum::Bytes(bytes) } else { Datum::Serialized(bytes) }
    }
}

impl RecordReader for SequenceReader {
    fn advance(&mut self) -> Result<bool> {
        self.records.advance()
    }

    fn key(&self) -> Datum<'_> {
        self.datum(self.records.file.key())
    }

    fn value(&self) -> Datum<'_> {
        self.datum(self.records.file.value())
    }

    fn classes(&self) -> Option<(&str, &str)> {
        let header = self.records.file.header();
        (self.form == Form::Plain).then_some((&header.key_class, &header.value_class))
    }

    fn progress(&self) -> f32 {
        self.records.progress()
    }

    fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }
}

struct TextReader {
    records: Records,
    kinds: (Kind, Kind),
    key: Vec<u8>,
    value: Vec<u8>,
}

impl RecordReader for TextReader {
    fn advance(&mut self) -> Result<bool> {
        if !self.records.advance()? {
            return Ok(false);
        }
        self.key.clear();
        self.value.clear();
        self.kinds.0.show(&mut { self.records.file.key() }, &mut self.key)?;
        self.kinds.1.show(&mut { self.records.file.value() }, &mut self.value)?;
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Text(&self.key)
    }

    fn value(&self) -> Datum<'_> {
        Datum::Text(&self.value)
    }

    fn progress(&self) -> f32 {
        self.records.progress()
    }

    fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }
}
