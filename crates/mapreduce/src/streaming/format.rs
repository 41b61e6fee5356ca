//! Input formats of streaming's own: lines of key and value or XML elements, and whatever a file is.

use loxodon_conf::Configuration;

use super::typed_bytes::read_some;
use super::xml::XmlReader;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
use crate::input::{
    Api, InputFormat, InputSplit, KeyValueTextInputFormat, RecordReader, SequenceFileInputFormat,
    TextInputFormat,
};
use crate::settings::Settings;

/// Key of the class that reads the records of `StreamInputFormat`.
pub(super) const READER: &str = "stream.recordreader.class";
/// The one that is known.
pub(super) const XML_READER: &str = "org.apache.hadoop.streaming.StreamXmlRecordReader";

/// Lines of key and value (`StreamInputFormat`), or what `-inputreader StreamXmlRecordReader` finds.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamInputFormat;

const LINES: KeyValueTextInputFormat = KeyValueTextInputFormat { api: Api::Old };

impl InputFormat for StreamInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        LINES.splits(job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        match (job.get_text(READER)?.as_deref(), split) {
            (Some(XML_READER), InputSplit::File(split)) => {
                Ok(Box::new(XmlReader::open(split, job, files)?))
            }
            (Some(other), _) if !other.contains("LineRecordReader") => {
                let text = format!("Class not found: {other}");
                Err(Error::new(ErrorKind::ClassNotFound, text))
            }
            _ => LINES.open(split, job, files),
        }
    }
}

/// Text, or records of a sequence file where a file is one (`AutoInputFormat`).
#[derive(Clone, Copy, Debug, Default)]
pub struct AutoInputFormat;

const TEXT: TextInputFormat = TextInputFormat { api: Api::Old };

impl InputFormat for AutoInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        TEXT.splits(job, files)
    }

    fn open(
        &self,
        split: &InputSplit,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        if let InputSplit::File(of_file) = split {
            let mut stream = files.get(&of_file.path)?.open(&of_file.path, Some(3))?;
            let mut head = [0; 3];
            read_some(&mut stream, &mut head)
                .map_err(|e| Error::system(format_args!("reading {}", of_file.path), &e))?;
            if head == *b"SEQ" {
                return SequenceFileInputFormat::plain(Api::Old).open(split, job, files);
            }
        }
        TEXT.open(split, job, files)
    }
}
