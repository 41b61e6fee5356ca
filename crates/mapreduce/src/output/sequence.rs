//! Sequence files and `MapFile`s as output.

use loxodon_conf::Configuration;

use super::file::{
    check_output, create, file_committer, output_classes, output_compression, work_file,
};
use super::{Api, OutputCommitter, OutputFormat, RecordWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{FileSystems, OutputStream};
use crate::io::codec::Levels;
use crate::io::map_file;
use crate::io::sequence_file::{Compression, Options, Writer};
use crate::io::writable::Datum;
use crate::job::AttemptId;
use crate::settings::Settings;

const BINARY_KEY_CLASS: &str = "mapreduce.output.seqbinaryoutputformat.key.class";
const BINARY_VALUE_CLASS: &str = "mapreduce.output.seqbinaryoutputformat.value.class";
const BLOCK_SIZE: &str = "io.seqfile.compress.blocksize";
const INDEX_INTERVAL: &str = "io.map.index.interval";

/// Records of the job's classes.
#[derive(Clone, Copy, Debug)]
pub struct SequenceFileOutputFormat {
    /// How the files are called.
    pub api: Api,
}

/// Records whose keys and values come as bytes that are serialised already.
#[derive(Clone, Copy, Debug)]
pub struct SequenceFileAsBinaryOutputFormat {
    /// How the files are called.
    pub api: Api,
}

/// A sorted file with an index for each reduce.
#[derive(Clone, Copy, Debug)]
pub struct MapFileOutputFormat {
    /// How the directories are called.
    pub api: Api,
}

fn options(job: &Configuration) -> Result<Options> {
    let (key, value) = output_classes(job)?;
    let (compression, codec) = output_compression(job)?;
    let mut options = Options::new(key, value).compressed(compression, codec);
    options.levels = Levels::of_job(job)?;
    let size = job.get_size(BLOCK_SIZE, 1_000_000)?;
    options.block_size = usize::try_from(size).unwrap_or(0);
    Ok(options)
}

impl OutputFormat for SequenceFileOutputFormat {
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        check_output(self.api, job, files)
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        let path = work_file(self.api, job, files, attempt, "")?;
        let writer = Writer::new(create(files, &path)?, options(job)?)?;
        Ok(Box::new(SequenceWriter { writer: Some(writer), written: 0, raw: false }))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        file_committer(job, files)
    }
}

impl OutputFormat for SequenceFileAsBinaryOutputFormat {
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        check_output(self.api, job, files)?;
        if output_compression(job)?.0 == Compression::Record {
            let message = "SequenceFileAsBinaryOutputFormat doesn't support Record Compression";
            return Err(Error::new(ErrorKind::InvalidJobConf, message));
        }
        Ok(())
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        let path = work_file(self.api, job, files, attempt, "")?;
        let mut options = options(job)?;
        if let Some(class) = job.get_text(BINARY_KEY_CLASS)? {
            options.key_class = class;
        }
        if let Some(class) = job.get_text(BINARY_VALUE_CLASS)? {
            options.value_class = class;
        }
        let writer = Writer::new(create(files, &path)?, options)?;
        Ok(Box::new(SequenceWriter { writer: Some(writer), written: 0, raw: true }))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        file_committer(job, files)
    }
}

struct SequenceWriter {
    writer: Option<Writer<Box<dyn OutputStream>>>,
    written: u64,
    /// Bytes are serialised values.
    raw: bool,
}

impl RecordWriter for SequenceWriter {
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let raw = |datum| match datum {
            Datum::Bytes(bytes) => Datum::Serialized(bytes),
            other => other,
        };
        let (key, value) = if self.raw { (raw(key), raw(value)) } else { (key, value) };
        match &mut self.writer {
            Some(writer) => writer.append(key, value),
            None => Err(Error::io("the output is closed")),
        }
    }

    fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            let mut file = writer.finish()?;
            self.written = file.position();
            file.close()?;
        }
        Ok(())
    }

    fn bytes_written(&self) -> u64 {
        self.writer.as_ref().map_or(self.written, Writer::position)
    }
}

impl OutputFormat for MapFileOutputFormat {
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        check_output(self.api, job, files)
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        let path = work_file(self.api, job, files, attempt, "")?;
        let fs = files.get(&path)?;
        let interval = u64::try_from(job.get_int(INDEX_INTERVAL, 128)?).unwrap_or(0);
        let writer = map_file::Writer::create(&*fs, &path, options(job)?)?;
        let writer = Some(writer.index_interval(interval));
        Ok(Box::new(MapFileWriter { writer, written: 0 }))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        file_committer(job, files)
    }
}

struct MapFileWriter {
    writer: Option<map_file::Writer>,
    written: u64,
}

impl RecordWriter for MapFileWriter {
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.append(key, value),
            None => Err(Error::io("the output is closed")),
        }
    }

    fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            self.written = writer.position();
            writer.close()?;
        }
        Ok(())
    }

    fn bytes_written(&self) -> u64 {
        self.writer.as_ref().map_or(self.written, map_file::Writer::position)
    }
}
