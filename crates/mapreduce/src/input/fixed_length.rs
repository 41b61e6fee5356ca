//! Records of the same length (`FixedLengthInputFormat`): the key is the position, the value a `BytesWritable`.

use std::io::{BufReader, Read};

use loxodon_conf::Configuration;

use super::file::{FileFormat, file_splits};
use super::{Api, InputFormat, InputSplit, RecordReader, file_split};
use crate::error::{Error, Result};
use crate::fs::{FileSystems, Path};
use crate::io::codec::Codec;
use crate::io::writable::Datum;
use crate::settings::Settings;

const RECORD_LENGTH: &str = "fixedlengthinputformat.record.length";
/// Bytes read at once, where records are short.
const BUFFER: usize = 1 << 17;

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct FixedLengthInputFormat {
    /// Whose rules cut the files.
    pub api: Api,
}

fn is_splittable(path: &Path) -> bool {
    Codec::of_name(path.name()).is_none()
}

impl InputFormat for FixedLengthInputFormat {
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
        let split = file_split(split)?;
        let length = job.get_int(RECORD_LENGTH, 0)?;
        let record = usize::try_from(length).ok().filter(|l| *l > 0 && length <= i32::MAX.into());
        let Some(record) = record else {
            return Err(Error::io(format!(
                "Fixed record length {length} is invalid.  It should be set to a value greater than zero"
            )));
        };
        let fs = files.get(&split.path)?;
        let codec = Codec::of_name(split.path.name());
        let name = split.path.to_string();
        let failed = |error: std::io::Error| Error::system(format!("{name}: open"), &error);
        let mut stream = fs.open(&split.path, codec.is_none().then(|| split.end()))?;
        // A record belongs to the split in which it begins.
        let skipped = (record as u64).saturating_sub(split.start % record as u64) % record as u64;
        let start = split.start.saturating_add(skipped);
        let left = split.end().saturating_sub(start).div_ceil(record as u64);
        let (from, left): (Box<dyn Read + Send>, u64) = match codec {
            Some(codec) => (codec.decompress(stream).map_err(failed)?, u64::MAX),
            None => {
                stream.seek(start.min(stream.length())).map_err(failed)?;
                (Box::new(BufReader::with_capacity(BUFFER, stream)), left)
            }
        };
        let (end, bytes) = (split.end(), Vec::new());
        Ok(Box::new(FixedLengthReader {
            from,
            name,
            start,
            end,
            position: start,
            record,
            left,
            bytes,
        }))
    }
}

struct FixedLengthReader {
    from: Box<dyn Read + Send>,
    name: String,
    start: u64,
    end: u64,
    position: u64,
    record: usize,
    left: u64,
    bytes: Vec<u8>,
}

impl RecordReader for FixedLengthReader {
    fn advance(&mut self) -> Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left = self.left.saturating_sub(1);
        self.bytes.clear();
        let at = self.position;
        let read = self.from.by_ref().take(self.record as u64).read_to_end(&mut self.bytes);
        read.map_err(|e| Error::system(format!("{}: at offset {at}", self.name), &e))?;
        let length = self.bytes.len();
        self.position = self.position.saturating_add(length as u64);
        match length {
            0 => {
                self.left = 0;
                Ok(false)
            }
            _ if length < self.record => Err(Error::io(format!(
                "{}: at offset {at}: Partial record(length = {length}) found at the end of split.",
                self.name
            ))),
            _ => Ok(true),
        }
    }

    fn key(&self) -> Datum<'_> {
        let start = self.position.saturating_sub(self.bytes.len() as u64);
        Datum::Long(i64::try_from(start).unwrap_or(i64::MAX))
    }

    fn value(&self) -> Datum<'_> {
        Datum::Bytes(&self.bytes)
    }

    fn progress(&self) -> f32 {
        let all = self.end.saturating_sub(self.start);
        if all == 0 { 0.0 } else { (self.bytes_read() as f32 / all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        self.position.saturating_sub(self.start)
    }
}
