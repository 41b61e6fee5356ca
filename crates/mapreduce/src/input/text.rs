//! Formats of lines: text, keys and values on a line, so many lines to a split.

use loxodon_conf::Configuration;

use super::file::{FileFormat, file_splits};
use super::line::LineRecordReader;
use super::line_reader::LineReader;
use super::paths::list_input;
use super::{Api, FileSplit, InputFormat, InputSplit, RecordReader, file_split};
use crate::error::{Error, Result};
use crate::fs::{FileStatus, FileSystems, Path};
use crate::io::codec::Codec;
use crate::io::writable::Datum;
use crate::settings::Settings;

const DELIMITER: &str = "textinputformat.record.delimiter";
const SEPARATOR: &str = "mapreduce.input.keyvaluelinerecordreader.key.value.separator";
const LINES_PER_MAP: &str = "mapreduce.input.lineinputformat.linespermap";

/// Whether a file of text can be read from its middle.
pub(super) fn is_splittable(path: &Path) -> bool {
    Codec::of_name(path.name()).is_none_or(Codec::is_splittable)
}

/// Lines: the key is a `LongWritable` with the position, the value a `Text`.
#[derive(Clone, Copy, Debug)]
pub struct TextInputFormat {
    /// Whose rules cut the files.
    pub api: Api,
}

impl InputFormat for TextInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let format = FileFormat { api: self.api, min_size: 1, is_splittable: &is_splittable };
        file_splits(&format, job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        Ok(Box::new(open_lines(file_split(split)?, job, files)?))
    }
}

/// Lines that end as the job says.
pub(super) fn open_lines(
    split: &FileSplit,
    job: &Configuration,
    files: &FileSystems,
) -> Result<LineRecordReader> {
    // Not trimmed: a delimiter may be blanks.
    let delimiter = job.get(DELIMITER)?.filter(|text| !text.is_empty());
    LineRecordReader::open(split, delimiter.as_deref().map(str::as_bytes), job, files)
}

/// Lines of key, separator and value, both `Text`; without a separator all of it is the key.
#[derive(Clone, Copy, Debug)]
pub struct KeyValueTextInputFormat {
    /// Whose rules cut the files.
    pub api: Api,
}

impl InputFormat for KeyValueTextInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        TextInputFormat { api: self.api }.splits(job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let separator = job.get(SEPARATOR)?.filter(|text| !text.is_empty());
        // The low byte of the first character, as Java's cast has it.
        let first = separator.as_deref().and_then(|text| text.encode_utf16().next());
        let lines = LineRecordReader::open(file_split(split)?, None, job, files)?;
        let separator = first.map_or(b'\t', |unit| unit.to_le_bytes()[0]);
        Ok(Box::new(KeyValueReader { lines, separator, at: None }))
    }
}

struct KeyValueReader {
    lines: LineRecordReader,
    separator: u8,
    /// Where the separator stands in the line.
    at: Option<usize>,
}

impl KeyValueReader {
    fn line(&self) -> &[u8] {
        match self.lines.value() {
            Datum::Text(line) => line,
            _ => &[],
        }
    }
}

impl RecordReader for KeyValueReader {
    fn advance(&mut self) -> Result<bool> {
        let more = self.lines.advance()?;
        self.at = memchr::memchr(self.separator, self.line());
        Ok(more)
    }

    fn key(&self) -> Datum<'_> {
        let line = self.line();
        Datum::Text(line.get(..self.at.unwrap_or(line.len())).unwrap_or_default())
    }

    fn value(&self) -> Datum<'_> {
        let value = self.at.and_then(|at| self.line().get(at.saturating_add(1)..));
        Datum::Text(value.unwrap_or_default())
    }

    fn progress(&self) -> f32 {
        self.lines.progress()
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }
}

/// So many lines to a split (`mapreduce.input.lineinputformat.linespermap`); records as of [`TextInputFormat`].
#[derive(Clone, Copy, Debug)]
pub struct NLineInputFormat;

impl InputFormat for NLineInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let lines = u64::try_from(job.get_int(LINES_PER_MAP, 1)?).unwrap_or(0).max(1);
        let mut splits = Vec::new();
        for status in list_input(job, files)? {
            cut_lines(&status, lines, files, &mut splits)?;
        }
        Ok(splits)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        Ok(Box::new(LineRecordReader::open(file_split(split)?, None, job, files)?))
    }
}

/// A split begins one byte early and ends one byte early: the reader leaves out the first line, and reads one
/// that begins at the end.
fn cut_lines(
    status: &FileStatus,
    lines: u64,
    files: &FileSystems,
    splits: &mut Vec<InputSplit>,
) -> Result<()> {
    let path = &status.path;
    if status.is_directory {
        return Err(Error::io(format!("Not a file: {path}")));
    }
    let stream = files.get(path)?.open(path, None)?;
    let mut reader = LineReader::new(stream, None)?;
    let (mut begin, mut length, mut count): (u64, u64, u64) = (0, 0, 0);
    loop {
        let found = reader
            .advance(0, u64::MAX)
            .map_err(|error| Error::system(format!("{path}: count lines"), &error))?;
        let ended = found.consumed == 0;
        if !ended {
            count = count.saturating_add(1);
            length = length.saturating_add(found.consumed);
        }
        if count == lines || ended && count > 0 {
            let (start, length_of_split) = match begin.checked_sub(1) {
                None => (0, length.saturating_sub(1)),
                Some(before) => (before, length),
            };
            splits.push(InputSplit::File(FileSplit {
                path: path.clone(),
                start,
                length: length_of_split,
                hosts: Vec::new(),
            }));
            begin = begin.saturating_add(length);
            (length, count) = (0, 0);
        }
        if ended {
            return Ok(());
        }
    }
}
