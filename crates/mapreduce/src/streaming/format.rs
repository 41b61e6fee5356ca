//! Input formats of streaming's own: lines of key and value or XML elements, and whatever a file is.

use std::io::Read;

use loxodon_conf::Configuration;
use memchr::memmem::Finder;

use super::typed_bytes::read_some;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{FileSystems, InputStream};
use crate::input::{
    Api, FileSplit, InputFormat, InputSplit, KeyValueTextInputFormat, RecordReader,
    SequenceFileInputFormat, TextInputFormat,
};
use crate::io::writable::Datum;
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

/// Longest element that is read.
const LONGEST: usize = 1 << 28;
/// Bytes read at once.
const BUFFER: usize = 1 << 16;

/// Elements from a text that begins them to one that ends them, with both (`StreamXmlRecordReader`, its fast match).
struct XmlReader {
    from: Box<dyn InputStream>,
    name: String,
    begin: Finder<'static>,
    end: Finder<'static>,
    start: u64,
    last: u64,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    offset: u64,
    /// Bytes of the buffer that are done with.
    done: usize,
    record: (usize, usize),
    ended: bool,
}

impl XmlReader {
    fn open(split: &FileSplit, job: &Configuration, files: &FileSystems) -> Result<Self> {
        let mark = |name: &str| {
            let key = format!("stream.recordreader.{name}");
            let text = job.get(&key)?.filter(|text| !text.is_empty());
            text.ok_or_else(|| Error::io(format!("JobConf: missing required property: {key}")))
        };
        if job.get_bool("stream.recordreader.slowmatch", false)? {
            let text = "stream.recordreader.slowmatch: elements are found by their marks only";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let (begin, end) = (mark("begin")?, mark("end")?);
        let mut from = files.get(&split.path)?.open(&split.path, None)?;
        from.seek(split.start)
            .map_err(|e| Error::system(format_args!("reading {}", split.path), &e))?;
        Ok(Self {
            from,
            name: split.path.to_string(),
            begin: Finder::new(begin.as_bytes()).into_owned(),
            end: Finder::new(end.as_bytes()).into_owned(),
            start: split.start,
            last: split.end(),
            buffer: Vec::new(),
            offset: split.start,
            done: 0,
            record: (0, 0),
            ended: false,
        })
    }

    /// Finds a mark at or behind a place of the buffer, which is filled as needed.
    fn find(&mut self, is_end: bool, from: usize) -> Result<Option<usize>> {
        let mut looked = from;
        loop {
            let finder = if is_end { &self.end } else { &self.begin };
            let needle = finder.needle().len();
            if let Some(at) = self.buffer.get(looked..).and_then(|rest| finder.find(rest)) {
                return Ok(Some(looked.saturating_add(at)));
            }
            if self.ended {
                return Ok(None);
            }
            looked = self.buffer.len().saturating_sub(needle.saturating_sub(1)).max(from);
            if !is_end && self.offset.saturating_add(looked as u64) >= self.last {
                return Ok(None);
            }
            if self.buffer.len().saturating_sub(self.done) > LONGEST {
                let name = &self.name;
                return Err(Error::io(format!("{name}: an element of more than {LONGEST} bytes")));
            }
            let before = self.buffer.len();
            let read = (&mut self.from).take(BUFFER as u64).read_to_end(&mut self.buffer);
            read.map_err(|e| Error::system(format_args!("reading {}", self.name), &e))?;
            self.ended = self.buffer.len() == before;
        }
    }
}

impl RecordReader for XmlReader {
    fn advance(&mut self) -> Result<bool> {
        // What is done with goes when there is enough of it.
        if self.done >= BUFFER {
            self.buffer.drain(..self.done);
            self.offset = self.offset.saturating_add(self.done as u64);
            self.done = 0;
        }
        self.record = (0, 0);
        let Some(begin) = self.find(false, self.done)? else { return Ok(false) };
        if self.offset.saturating_add(begin as u64) >= self.last {
            return Ok(false);
        }
        let inner = begin.saturating_add(self.begin.needle().len());
        let Some(end) = self.find(true, inner)? else { return Ok(false) };
        self.done = end.saturating_add(self.end.needle().len());
        self.record = (begin, self.done);
        Ok(true)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Text(self.buffer.get(self.record.0..self.record.1).unwrap_or_default())
    }

    fn value(&self) -> Datum<'_> {
        Datum::Text(b"")
    }

    fn progress(&self) -> f32 {
        let all = self.last.saturating_sub(self.start);
        if all == 0 { 1.0 } else { (self.bytes_read() as f32 / all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        self.offset.saturating_add(self.done as u64).saturating_sub(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_client::UserIdentity;

    #[test]
    fn an_element_belongs_to_the_split_it_begins_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.xml");
        let text: String = (0..5000).map(|n| format!("<a> {n} </a>\n<b/>")).collect();
        std::fs::write(&file, &text).unwrap();
        let mut conf = Configuration::new();
        conf.set("fs.defaultFS", "file:///", "test");
        conf.set(READER, XML_READER, "test");
        conf.set("stream.recordreader.begin", "<a>", "test");
        conf.set("stream.recordreader.end", "</a>", "test");
        let files = FileSystems::new(&conf, UserIdentity::new("u")).unwrap();
        let path = files.path(&file.display().to_string()).unwrap();
        for size in [777, 5000, 1 << 20] {
            let mut found = Vec::new();
            let whole = text.len() as u64;
            for start in (0..whole).step_by(size) {
                let length = (size as u64).min(whole - start);
                let split = FileSplit { path: path.clone(), start, length, hosts: Vec::new() };
                let split = InputSplit::File(split);
                let mut reader = StreamInputFormat.open(&split, &conf, &files).unwrap();
                while reader.advance().unwrap() {
                    let Datum::Text(key) = reader.key() else { continue };
                    found.push(String::from_utf8(key.to_vec()).unwrap());
                }
            }
            let wanted: Vec<_> = (0..5000).map(|n| format!("<a> {n} </a>")).collect();
            assert!(found == wanted, "splits of {size} bytes");
        }
    }
}
