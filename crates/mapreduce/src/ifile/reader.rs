//! Reads one segment: records as slices of one buffer, none of them allocated.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::{CHECKSUM_BYTES, IndexEntry, vint};
use crate::error::{Error, ErrorKind, Result};
use crate::io::codec::Codec;

/// A record as it lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Serialized key.
    pub key: &'a [u8],
    /// Serialized value.
    pub value: &'a [u8],
    /// Lengths, key and value, as [`super::IFileWriter::append_record`] takes them; empty for a combiner's input,
    /// which may lie in pieces.
    pub whole: &'a [u8],
}

/// A sorted run of records that waits to be merged.
#[derive(Clone)]
pub enum Segment {
    /// In a file.
    Disk {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: IndexEntry,
        /// How it is compressed.
        codec: Option<Codec>,
        /// Whether the file is removed when the segment has been read.
        remove: bool,
        /// Whether it came from a map and counts in `MERGED_MAP_OUTPUTS`.
        from_map: bool,
    },
    /// In memory, decompressed, with its end marker.
    Memory {
        /// The records.
        bytes: Arc<Vec<u8>>,
        /// Which map it came from, for errors.
        name: Arc<str>,
    },
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk { path, place, .. } => write!(f, "{} {place:?}", path.display()),
            Self::Memory { bytes, name } => write!(f, "{name} ({} bytes)", bytes.len()),
        }
    }
}

impl Segment {
    /// Bytes that have to be read for it.
    pub fn length(&self) -> u64 {
        match self {
            Self::Disk { place, .. } => place.part_length,
            Self::Memory { bytes, .. } => bytes.len() as u64,
        }
    }

    /// Bytes of its records, decompressed.
    pub fn raw_length(&self) -> u64 {
        match self {
            Self::Disk { place, .. } => place.raw_length,
            Self::Memory { bytes, .. } => bytes.len() as u64,
        }
    }

    /// Opens it, with a buffer of this many bytes where it is in a file.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(self, buffer: usize) -> Result<SegmentReader> {
        match self {
            Self::Memory { bytes, name } => Ok(SegmentReader::of_memory(bytes, name)),
            Self::Disk { path, place, codec, remove, .. } => {
                SegmentReader::of_file(path, place, codec, remove, buffer)
            }
        }
    }
}

/// Where the bytes come from.
enum Source {
    Memory(Arc<Vec<u8>>),
    Plain(SummedRead),
    Packed(Box<dyn Read + Send>),
}

/// Reads a segment's records in order.
pub struct SegmentReader {
    source: Source,
    name: Arc<str>,
    /// The file to remove at the end.
    remove: Option<PathBuf>,
    /// Bytes read and not yet passed are `buffer[at..end]`; unused for memory.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    key: Range<usize>,
    value: Range<usize>,
    whole: usize,
    passed: u64,
    raw_length: u64,
    records: u64,
    done: bool,
}

impl SegmentReader {
    fn of_memory(bytes: Arc<Vec<u8>>, name: Arc<str>) -> Self {
        let end = bytes.len();
        Self::new(Source::Memory(bytes), name, None, Vec::new(), end, end as u64)
    }

    fn new(
        source: Source,
        name: Arc<str>,
        remove: Option<PathBuf>,
        buffer: Vec<u8>,
        end: usize,
        raw_length: u64,
    ) -> Self {
        let (key, value) = (0..0, 0..0);
        Self {
            source,
            name,
            remove,
            buffer,
            at: 0,
            end,
            key,
            value,
            whole: 0,
            passed: 0,
            raw_length,
            records: 0,
            done: false,
        }
    }

    fn of_file(
        path: PathBuf,
        place: IndexEntry,
        codec: Option<Codec>,
        remove: bool,
        buffer: usize,
    ) -> Result<Self> {
        let name: Arc<str> = Arc::from(path.display().to_string());
        let open = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(place.start))?;
            Ok(file)
        };
        let file = open().map_err(|e: io::Error| {
            Error::system(format_args!("opening map output {}", path.display()), &e)
        })?;
        let summed = SummedRead::new(file, place.part_length);
        let source = match codec {
            None => Source::Plain(summed),
            Some(codec) => Source::Packed(codec.decompress(summed)?),
        };
        let buffer = vec![0; buffer.clamp(64, 16 << 20)];
        let remove = remove.then_some(path);
        Ok(Self::new(source, name, remove, buffer, 0, place.raw_length))
    }

    /// Bytes of records passed so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Bytes of records in it.
    pub fn raw_length(&self) -> u64 {
        self.raw_length
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Moves to the next record; `false` at the end, where the checksum has been found right.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    #[inline]
    pub fn advance(&mut self) -> Result<bool> {
        // Most records have one-byte lengths and lie in the buffer whole.
        let bytes = self.bytes();
        if let Some([key, value]) = bytes.get(self.at..self.end).and_then(<[u8]>::first_chunk::<2>)
            && *key < 128
            && *value < 128
        {
            let start = self.at + 2;
            let middle = start + usize::from(*key);
            let end = middle + usize::from(*value);
            if end <= self.end {
                self.step(start..middle, middle..end);
                return Ok(true);
            }
        }
        self.advance_slowly()
    }

    #[inline]
    fn step(&mut self, key: Range<usize>, value: Range<usize>) {
        self.whole = self.at;
        self.passed += (value.end - self.at) as u64;
        self.at = value.end;
        self.key = key;
        self.value = value;
        self.records += 1;
    }

    fn bytes(&self) -> &[u8] {
        match &self.source {
            Source::Memory(bytes) => bytes,
            _ => &self.buffer,
        }
    }

    fn advance_slowly(&mut self) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let (key, first) = self.length_at(0)?;
        let (value, second) = self.length_at(first)?;
        let header = first + second;
        if key == -1 && value == -1 {
            self.passed += header as u64;
            self.at += header;
            self.done = true;
            self.drain()?;
            return Ok(false);
        }
        let record = self.records + 1;
        let unsigned = |length: i64, what: &str| {
            usize::try_from(length).ok().filter(|l| *l <= i32::MAX as usize).ok_or_else(|| {
                let sign = if length < 0 { "Negative" } else { "Impossible" };
                self.damaged(&format!("Rec# {record}: {sign} {what}-length: {length}"))
            })
        };
        let (key, value) = (unsigned(key, "key")?, unsigned(value, "value")?);
        if !self.fill(header + key + value)? {
            return Err(self.damaged(&format!(
                "Asked for {} Got: {}",
                key + value,
                (self.end - self.at).saturating_sub(header)
            )));
        }
        let start = self.at + header;
        self.step(start..start + key, start + key..start + key + value);
        Ok(true)
    }

    fn length_at(&mut self, offset: usize) -> Result<(i64, usize)> {
        let decode =
            |this: &Self| this.bytes().get(this.at + offset..this.end).and_then(vint::read);
        if let Some(found) = decode(self) {
            return Ok(found);
        }
        self.fill(offset + vint::MAX)?;
        decode(self).ok_or_else(|| self.damaged("ends before its end marker"))
    }

    /// Makes this many bytes from `at` on available; `false` where the segment has fewer.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        if matches!(self.source, Source::Memory(_)) {
            return Ok(self.end - self.at >= wanted);
        }
        while self.end - self.at < wanted {
            if self.at > 0 {
                self.buffer.copy_within(self.at..self.end, 0);
                self.end -= self.at;
                self.at = 0;
            }
            if self.end == self.buffer.len() {
                // A long record: the buffer grows as its bytes come, not by what its length claims.
                let grown = wanted.min(self.buffer.len() * 2);
                self.buffer.resize(grown, 0);
            }
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            let read = match &mut self.source {
                Source::Memory(_) => return Ok(false),
                Source::Plain(file) => file.read(room),
                Source::Packed(stream) => stream.read(room),
            };
            match read {
                Ok(0) => return Ok(false),
                Ok(count) => self.end += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.unreadable(&e)),
            }
        }
        Ok(true)
    }

    /// After the end marker: nothing may follow, and the checksum is compared.
    fn drain(&mut self) -> Result<()> {
        if self.fill(1)? {
            return Err(self.damaged("has bytes after its end marker"));
        }
        if let Some(path) = self.remove.take() {
            // A file that stays is removed with its task's directory.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::InvalidData {
            return self.damaged(&error.to_string());
        }
        Error::system(format_args!("reading map output {}", self.name), error)
    }

    fn damaged(&self, what: &str) -> Error {
        Error::new(ErrorKind::Checksum, format!("map output {}: {what}", self.name))
    }

    /// The record moved to.
    #[inline]
    pub fn record(&self) -> Record<'_> {
        let bytes = self.bytes();
        Record {
            key: bytes.get(self.key.clone()).unwrap_or_default(),
            value: bytes.get(self.value.clone()).unwrap_or_default(),
            whole: bytes.get(self.whole..self.value.end).unwrap_or_default(),
        }
    }

    /// The key of the record moved to.
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.bytes().get(self.key.clone()).unwrap_or_default()
    }
}

/// Reads a segment's bytes and compares its checksum when the last of them is read.
struct SummedRead {
    file: File,
    left: u64,
    sum: crc32fast::Hasher,
    checked: bool,
}

impl SummedRead {
    fn new(file: File, part_length: u64) -> Self {
        let left = part_length.saturating_sub(CHECKSUM_BYTES);
        Self { file, left, sum: crc32fast::Hasher::new(), checked: false }
    }

    fn check(&mut self) -> io::Result<()> {
        self.checked = true;
        let mut stored = [0; CHECKSUM_BYTES as usize];
        self.file.read_exact(&mut stored)?;
        if u32::from_be_bytes(stored) != self.sum.clone().finalize() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "Checksum Error"));
        }
        Ok(())
    }
}

impl Read for SummedRead {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        if wanted == 0 {
            return Ok(0);
        }
        let room = to.get_mut(..wanted).unwrap_or_default();
        let count = self.file.read(room)?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "Checksum Error: file too short",
            ));
        }
        self.sum.update(room.get(..count).unwrap_or_default());
        self.left -= count as u64;
        if self.left == 0 && !self.checked {
            self.check()?;
        }
        Ok(count)
    }
}
