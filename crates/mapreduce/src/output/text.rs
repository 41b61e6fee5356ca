//! Lines of key, separator and value (`TextOutputFormat`).

use std::io::Write;

use loxodon_conf::Configuration;

use super::file::{check_output, create, file_committer, output_classes, output_codec, work_file};
use super::{Api, OutputCommitter, OutputFormat, RecordWriter};
use crate::error::{Error, Result};
use crate::fs::{FileSystems, OutputStream};
use crate::io::codec::{Codec, Encoder, Levels};
use crate::io::writable::{BytesWritable, Datum, Kind, Text, Writable};
use crate::job::AttemptId;

const SEPARATOR: &str = "mapreduce.output.textoutputformat.separator";
/// Bytes gathered before they are compressed or written.
const BUFFER: usize = 1 << 16;

/// Lines, compressed where the job says so.
#[derive(Clone, Copy, Debug)]
pub struct TextOutputFormat {
    /// How the files are called.
    pub api: Api,
}

impl OutputFormat for TextOutputFormat {
    fn check(&self, job: &Configuration, files: &FileSystems) -> Result<()> {
        check_output(self.api, job, files)
    }

    fn open(
        &self,
        job: &Configuration,
        files: &FileSystems,
        attempt: &AttemptId,
    ) -> Result<Box<dyn RecordWriter>> {
        let codec = output_codec(job, Codec::Gzip)?;
        let levels = Levels::of_job(job)?;
        let extension = codec.map_or("", Codec::extension);
        let path = work_file(self.api, job, files, attempt, extension)?;
        let file = create(files, &path)?;
        let separator = job.get(SEPARATOR)?.unwrap_or_else(|| "\t".into());
        let (key, value) = output_classes(job)?;
        Ok(Box::new(TextWriter::new(
            file,
            codec.map(|codec| (codec, levels)),
            separator.as_bytes(),
            &key,
            &value,
        )?))
    }

    fn committer(
        &self,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn OutputCommitter>> {
        file_committer(job, files)
    }
}

/// Writes lines.
pub struct TextWriter {
    to: Option<Encoder<Box<dyn OutputStream>>>,
    buffer: Vec<u8>,
    separator: Vec<u8>,
    key: Shown,
    value: Shown,
    written: u64,
}

impl std::fmt::Debug for TextWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextWriter").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How values of a class are shown, if it is known.
#[derive(Debug)]
struct Shown {
    class: String,
    kind: Option<Kind>,
}

impl Shown {
    fn new(class: &str) -> Self {
        Self { class: class.to_owned(), kind: Kind::of_class(class) }
    }

    fn is_null(&self, datum: Datum<'_>) -> bool {
        match datum {
            Datum::Null => true,
            Datum::Serialized(_) => self.kind == Some(Kind::Null),
            _ => false,
        }
    }

    fn append(&self, datum: Datum<'_>, to: &mut Vec<u8>) -> Result<()> {
        match datum {
            Datum::Null => {}
            Datum::Text(bytes) => to.extend_from_slice(bytes),
            Datum::Long(value) => write!(to, "{value}")?,
            Datum::Int(value) => write!(to, "{value}")?,
            Datum::Bytes(bytes) => {
                let mut serialized = Vec::with_capacity(bytes.len().saturating_add(4));
                BytesWritable::write(bytes, &mut serialized);
                Kind::Bytes.show(&mut serialized.as_slice(), to)?;
            }
            Datum::Serialized(mut bytes) => match self.kind {
                // Not what `toString` says, but the bytes as they are.
                Some(Kind::Text) => to.extend_from_slice(Text::read(&mut bytes)?),
                Some(kind) => kind.show(&mut bytes, to)?,
                None => {
                    let class = &self.class;
                    return Err(Error::io(format!("values of {class} cannot be shown as text")));
                }
            },
        }
        Ok(())
    }
}

impl TextWriter {
    /// Writes to `file`; keys and values are of the classes given.
    ///
    /// # Errors
    /// The compressor cannot be made.
    pub fn new(
        file: Box<dyn OutputStream>,
        codec: Option<(Codec, Levels)>,
        separator: &[u8],
        key_class: &str,
        value_class: &str,
    ) -> Result<Self> {
        let (codec, levels) = codec.unwrap_or((Codec::Passthrough, Levels::default()));
        Ok(Self {
            to: Some(codec.encoder_at(&levels, file)?),
            buffer: Vec::with_capacity(BUFFER),
            separator: separator.to_vec(),
            key: Shown::new(key_class),
            value: Shown::new(value_class),
            written: 0,
        })
    }

    fn send(&mut self) -> Result<()> {
        if let Some(to) = &mut self.to {
            to.write_all(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }
}

impl RecordWriter for TextWriter {
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let (no_key, no_value) = (self.key.is_null(key), self.value.is_null(value));
        if no_key && no_value {
            return Ok(());
        }
        if !no_key {
            self.key.append(key, &mut self.buffer)?;
        }
        if !no_key && !no_value {
            self.buffer.extend_from_slice(&self.separator);
        }
        if !no_value {
            self.value.append(value, &mut self.buffer)?;
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER { self.send() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        self.send()?;
        if let Some(to) = self.to.take() {
            let mut file = to.finish()?;
            self.written = file.position();
            file.close()?;
        }
        Ok(())
    }

    fn bytes_written(&self) -> u64 {
        self.to.as_ref().map_or(self.written, |to| to.get_ref().position())
    }
}
