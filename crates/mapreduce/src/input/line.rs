//! The lines of a split (`LineRecordReader`).

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loxodon_conf::Configuration;

use super::line_reader::{Found, LineReader};
use super::{FileSplit, RecordReader};
use crate::error::{Error, Result};
use crate::fs::{FileSystems, InputStream};
use crate::io::codec::{Bzip2Blocks, Codec};
use crate::io::writable::Datum;
use crate::settings::Settings;

const MAX_LENGTH: &str = "mapreduce.input.linerecordreader.line.maxlength";
/// Java's longest array: the longest line, if it is not set shorter.
const LONGEST: u64 = i32::MAX as u64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes read from a compressed file at once.
const BUFFER: usize = 1 << 17;

/// Where the bytes come from.
enum Source {
    /// The file.
    Plain(Box<dyn InputStream>),
    /// The file, decompressed from its beginning.
    Whole(Box<dyn Read + Send>),
    /// The file, decompressed from its middle.
    Blocks(Box<Bzip2Blocks>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Whole(decoder) => decoder.read(buffer),
            Self::Blocks(blocks) => blocks.read(buffer),
        }
    }
}

/// Tells how far a file is read that something else owns.
struct Counted {
    stream: Box<dyn InputStream>,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.position.store(self.stream.position(), Ordering::Relaxed);
        Ok(length)
    }
}

/// Reads lines: the key is the position where a line begins, the value its text, borrowed from the read buffer.
///
/// A line belongs to the split in which it begins, or at whose end it begins: a split that is not the first
/// leaves out what comes before its first end of line. With a delimiter of more than one byte, a line belongs to
/// the split in which the delimiter before it begins.
pub struct LineRecordReader {
    lines: LineReader<Source>,
    name: String,
    start: u64,
    end: u64,
    /// Position behind the last line, in plain bytes; for compressed files from the split's start on.
    position: u64,
    /// Where the last delimiter began.
    delimiter_at: u64,
    own_delimiter: bool,
    most: usize,
    key: i64,
    /// How far a compressed file is read.
    read_to: Option<Arc<AtomicU64>>,
    /// Where the split ends in the file.
    file_end: u64,
    finished: bool,
}

impl std::fmt::Debug for LineRecordReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineRecordReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LineRecordReader {
    /// Opens a split; lines end with `delimiter` where one is given.
    ///
    /// # Errors
    /// The file cannot be read; it is compressed and cannot be read from the middle.
    pub fn open(
        split: &FileSplit,
        delimiter: Option<&[u8]>,
        job: &Configuration,
        files: &FileSystems,
    ) -> Result<Self> {
        let fs = files.get(&split.path)?;
        let codec = Codec::of_name(split.path.name());
        let stream = fs.open(&split.path, codec.is_none().then(|| split.end()))?;
        let most = job.get_int(MAX_LENGTH, i64::from(i32::MAX))?;
        Self::new(stream, codec, split, delimiter, most)
    }

    fn new(
        mut stream: Box<dyn InputStream>,
        codec: Option<Codec>,
        split: &FileSplit,
        delimiter: Option<&[u8]>,
        most: i64,
    ) -> Result<Self> {
        let name = split.path.to_string();
        let failed = |error: io::Error| Error::system(format!("{name}: open"), &error);
        let file_end = split.end().min(stream.length());
        let whole = split.start == 0 && split.end() >= stream.length();
        let mut read_to = None;
        let (source, end) = match codec {
            None => {
                stream.seek(split.start.min(stream.length())).map_err(failed)?;
                (Source::Plain(stream), split.end())
            }
            Some(codec) if codec.is_splittable() && !whole => {
                let start = split.start.min(stream.length());
                let blocks = Bzip2Blocks::new(stream, start, split.end()).map_err(failed)?;
                read_to = Some(blocks.position());
                (Source::Blocks(Box::new(blocks)), u64::MAX)
            }
            Some(codec) => {
                if split.start != 0 {
                    let class = codec.class();
                    let class = class.rsplit('.').next().unwrap_or_default();
                    return Err(Error::io(format!("Cannot seek in {class} compressed stream")));
                }
                let position = Arc::new(AtomicU64::new(0));
                read_to = Some(Arc::clone(&position));
                let counted = BufReader::with_capacity(BUFFER, Counted { stream, position });
                (Source::Whole(codec.decoder(counted).map_err(failed)?), u64::MAX)
            }
        };
        let mut reader = Self {
            lines: LineReader::new(source, delimiter)?,
            name,
            start: split.start,
            end,
            position: split.start,
            delimiter_at: split.start,
            own_delimiter: delimiter.is_some(),
            most: usize::try_from(most).unwrap_or(0),
            key: 0,
            read_to,
            file_end,
            finished: false,
        };
        if split.start != 0 {
            // The line before is the other split's.
            reader.next_line(0)?;
        }
        Ok(reader)
    }

    fn next_line(&mut self, most: usize) -> Result<Found> {
        let left = self.split_end().unwrap_or(u64::MAX).saturating_sub(self.position);
        let give_up = left.max(self.most as u64);
        let found = self.lines.advance(most, give_up).map_err(|error| {
            Error::system(format!("{}: at offset {}", self.name, self.file_position()), &error)
        })?;
        let text = found.consumed.saturating_sub(found.delimiter as u64);
        self.delimiter_at = self.position.saturating_add(text);
        self.position = self.position.saturating_add(found.consumed);
        Ok(found)
    }

    /// Where the split ends, as far as is known.
    fn split_end(&self) -> Option<u64> {
        match self.lines.get_ref() {
            Source::Blocks(blocks) => {
                blocks.split_length().map(|length| self.start.saturating_add(length))
            }
            _ => Some(self.end),
        }
    }

    /// Whether a line that begins here belongs to this split.
    fn is_ours(&self) -> bool {
        let end = self.split_end().unwrap_or(u64::MAX);
        if self.own_delimiter && self.position > self.start {
            self.delimiter_at < end
        } else {
            self.position <= end
        }
    }

    fn file_position(&self) -> u64 {
        match &self.read_to {
            Some(position) => position.load(Ordering::Relaxed),
            None => self.position,
        }
    }
}

impl RecordReader for LineRecordReader {
    fn advance(&mut self) -> Result<bool> {
        while !self.finished && self.is_ours() {
            let first = self.position == 0;
            let start = self.position;
            let most = if first { self.most.saturating_add(3) } else { self.most };
            let found = self.next_line(most)?;
            let mut size = found.consumed;
            if first && !found.too_long && self.lines.text().starts_with(BYTE_ORDER_MARK) {
                self.lines.trim_front(BYTE_ORDER_MARK.len());
                size = size.saturating_sub(BYTE_ORDER_MARK.len() as u64);
            }
            if size == 0 {
                break;
            }
            if found.too_long && size > LONGEST && self.most as u64 >= LONGEST {
                let message = format!("Too many bytes before newline: {size}");
                return Err(Error::io(format!("{}: at offset {start}: {message}", self.name)));
            }
            if !found.too_long && size < self.most as u64 {
                self.key = i64::try_from(start).unwrap_or(i64::MAX);
                return Ok(true);
            }
            tracing::info!(file = %self.name, offset = start, bytes = size, "a line is too long and left out");
        }
        self.finished = true;
        Ok(false)
    }

    #[inline]
    fn key(&self) -> Datum<'_> {
        Datum::Long(self.key)
    }

    #[inline]
    fn value(&self) -> Datum<'_> {
        Datum::Text(self.lines.text())
    }

    fn progress(&self) -> f32 {
        if self.finished {
            return 1.0;
        }
        let done = self.file_position().saturating_sub(self.start);
        let all = self.file_end.saturating_sub(self.start);
        if all == 0 { 0.0 } else { (done as f32 / all as f32).min(1.0) }
    }

    fn bytes_read(&self) -> u64 {
        self.file_position().saturating_sub(self.start)
    }
}
