//! Files of rows (`TeraInputFormat`, `TeraOutputFormat`).

use std::io::{Read, Write};

use loxodon_conf::Configuration;

use super::hosts::spread;
use super::{KEY, PARTITION_FILE, ROW};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystems, InputStream, OutputStream};
use crate::input::{Api, FileFormat, InputFormat, InputSplit, RecordReader, file_splits};
use crate::io::writable::{Datum, Text, Writable};
use crate::job::AttemptId;
use crate::output::{
    FileOutputCommitter, OutputCommitter, OutputFormat, RecordWriter, output_path, work_file,
};
use crate::settings::Settings;

/// Rows that are read and written at once.
const ROWS: usize = 2048;

/// Rows of 100 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct TeraInputFormat;

impl InputFormat for TeraInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let format = FileFormat { api: Api::New, min_size: 1, is_splittable: &|_| true };
        let splits = file_splits(&format, job, files)?;
        if !job.get_bool("mapreduce.terasort.use.terascheduler", true)? {
            return Ok(splits);
        }
        let slots = job.get_int("mapreduce.tasktracker.map.tasks.maximum", 4)?;
        Ok(spread(splits, usize::try_from(slots).unwrap_or(0)))
    }

    fn open(
        &self,
        split: &InputSplit,
        _: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let InputSplit::File(split) = split else {
            return Err(Error::io(format!("{} is no stretch of a file", split.class())));
        };
        let row = ROW as u64;
        let skipped = split.start.next_multiple_of(row).saturating_sub(split.start);
        let rows = split.length.saturating_sub(skipped).div_ceil(row);
        let first = split.start.saturating_add(skipped);
        let end = first.saturating_add(rows.saturating_mul(row));
        let mut from = files.get(&split.path)?.open(&split.path, Some(end))?;
        if rows > 0 && first < from.length() {
            from.seek(first).map_err(|e| Error::system(&split.path, &e))?;
        }
        let left = if first < from.length() { rows } else { 0 };
        let name = split.path.to_string();
        Ok(Box::new(Rows { from, name, rows, left, buffer: Vec::new(), at: 0, next: 0 }))
    }
}

struct Rows {
    from: Box<dyn InputStream>,
    name: String,
    rows: u64,
    /// Rows that are not in the buffer yet.
    left: u64,
    buffer: Vec<u8>,
    /// Where the current row begins.
    at: usize,
    next: usize,
}

impl Rows {
    fn fill(&mut self) -> Result<bool> {
        let want = self.left.min(ROWS as u64).saturating_mul(ROW as u64);
        self.buffer.clear();
        (self.at, self.next) = (0, 0);
        let read = (&mut self.from).take(want).read_to_end(&mut self.buffer);
        read.map_err(|e| Error::system(format_args!("reading {}", self.name), &e))?;
        if !self.buffer.len().is_multiple_of(ROW) {
            let text = format!("{}: read past eof", self.name);
            return Err(Error::new(ErrorKind::Eof, text));
        }
        let got = (self.buffer.len() / ROW) as u64;
        self.left = if got == 0 { 0 } else { self.left.saturating_sub(got) };
        Ok(got > 0)
    }
}

impl RecordReader for Rows {
    fn advance(&mut self) -> Result<bool> {
        if self.next >= self.buffer.len() && (self.left == 0 || !self.fill()?) {
            return Ok(false);
        }
        self.at = self.next;
        self.next = self.at.saturating_add(ROW);
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        let end = self.at.saturating_add(KEY);
        Datum::Text(self.buffer.get(self.at..end).unwrap_or_default())
    }

    fn value(&self) -> Datum<'_> {
        let start = self.at.saturating_add(KEY);
        Datum::Text(self.buffer.get(start..self.next).unwrap_or_default())
    }

    fn progress(&self) -> f32 {
        if self.rows == 0 { 1.0 } else { 1.0 - self.left as f32 / self.rows as f32 }
    }

    fn bytes_read(&self) -> u64 {
        self.rows.saturating_sub(self.left).saturating_mul(ROW as u64)
    }
}

/// Keys and values, one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct TeraOutputFormat;

impl OutputFormat for TeraOutputFormat {
    /// An output with nothing but the file of split points is as good as none.
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        let Some(output) = output_path(job, files)? else {
            let text = "Output directory not set in JobConf.";
            return Err(Error::new(ErrorKind::InvalidJobConf, text));
        };
        let children = match files.get(&output)?.list(&output) {
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let simple = job.get_bool("mapreduce.terasort.simplepartitioner", false)?;
        let only = matches!(children.as_slice(),
            [one] if !one.is_directory && one.path.name() == PARTITION_FILE);
        if simple || !only {
            let text = format!("Output directory {output} already exists");
            return Err(Error::new(ErrorKind::Exists, text));
        }
        Ok(())
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        let path = work_file(Api::New, job, files, attempt, "")?;
        let to = files.get(&path)?.create(&path, CreateOptions::overwriting())?;
        let sync = job.get_bool("mapreduce.terasort.final.sync", true)?;
        Ok(Box::new(RowWriter { to, buffer: Vec::with_capacity((ROWS + 1) * ROW), sync }))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        Ok(Box::new(FileOutputCommitter::new(job, files)?))
    }
}

struct RowWriter {
    to: Box<dyn OutputStream>,
    buffer: Vec<u8>,
    sync: bool,
}

impl RowWriter {
    fn send(&mut self) -> Result<()> {
        let sent = self.to.write_all(&self.buffer);
        self.buffer.clear();
        sent.map_err(|e| Error::system("writing rows", &e))
    }
}

impl RecordWriter for RowWriter {
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        self.buffer.extend_from_slice(Text::of_datum(key)?);
        self.buffer.extend_from_slice(Text::of_datum(value)?);
        if self.buffer.len() >= ROWS * ROW { self.send() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        self.send()?;
        if self.sync {
            self.to.sync()?;
        }
        self.to.close()
    }

    fn bytes_written(&self) -> u64 {
        self.to.position()
    }
}
