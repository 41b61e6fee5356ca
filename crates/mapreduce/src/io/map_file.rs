//! Sorted files of records with an index (`org.apache.hadoop.io.MapFile`): a directory with `data` and `index`.
//!
//! A set (`SetFile`) is one whose values are `NullWritable`, an array (`ArrayFile`) one whose keys count up from 0.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystem, OutputStream, Path};
use crate::io::codec::Codec;
use crate::io::sequence_file::{self, Compression, Options};
use crate::io::writable::{Datum, Kind, LongWritable, Writable};

/// Name of the file of records.
pub const DATA_FILE: &str = "data";
/// Name of the file of keys and positions.
pub const INDEX_FILE: &str = "index";
/// `io.map.index.interval`
const INDEX_INTERVAL: u64 = 128;
/// Most index entries that are kept.
const MOST_ENTRIES: usize = 1 << 26;

type Output = sequence_file::Writer<Box<dyn OutputStream>>;

/// Writes records in the order of their keys.
pub struct Writer {
    data: Output,
    index: Output,
    kind: Kind,
    interval: u64,
    count: u64,
    last_key: Vec<u8>,
    key: Vec<u8>,
    last_indexed: Option<(u64, u64)>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("map_file::Writer").field("count", &self.count).finish_non_exhaustive()
    }
}

fn close(writer: Output) -> Result<()> {
    writer.finish()?.close()
}

impl Writer {
    /// Makes the directory and both files.
    ///
    /// # Errors
    /// They cannot be made; keys of a class whose order is not known.
    pub fn create(fs: &dyn FileSystem, directory: &Path, options: Options) -> Result<Self> {
        let kind = Kind::required(&options.key_class)?;
        fs.mkdirs(directory, 0o755)?;
        let index = Options::new(options.key_class.clone(), LongWritable::CLASS)
            .compressed(Compression::Block, Codec::Zlib);
        let file = |name| fs.create(&directory.child(name), CreateOptions::overwriting());
        Ok(Self {
            data: sequence_file::Writer::new(file(DATA_FILE)?, options)?,
            index: sequence_file::Writer::new(file(INDEX_FILE)?, index)?,
            kind,
            interval: INDEX_INTERVAL,
            count: 0,
            last_key: Vec::new(),
            key: Vec::new(),
            last_indexed: None,
        })
    }

    /// Sets after how many records one is put into the index.
    #[must_use]
    pub fn index_interval(mut self, records: u64) -> Self {
        self.interval = records.max(1);
        self
    }

    /// Bytes written.
    pub fn position(&self) -> u64 {
        self.data.position().saturating_add(self.index.position())
    }

    /// Appends a record, whose key is not before the last one.
    ///
    /// # Errors
    /// Keys out of order; the file cannot be written.
    pub fn append(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        self.key.clear();
        key.write_to(&mut self.key);
        if self.count > 0 && self.kind.compare(&self.last_key, &self.key) == Ordering::Greater {
            let shown = |mut bytes: &[u8]| {
                let mut text = Vec::new();
                self.kind.show(&mut bytes, &mut text).map(|()| text).unwrap_or_default()
            };
            return Err(Error::io(format!(
                "key out of order: {} after {}",
                String::from_utf8_lossy(&shown(&self.key)),
                String::from_utf8_lossy(&shown(&self.last_key)),
            )));
        }
        let position = self.data.position();
        let due = self.last_indexed.is_none_or(|(at, count)| {
            position > at && self.count >= count.saturating_add(self.interval)
        });
        if due {
            let place = Datum::Long(i64::try_from(position).unwrap_or(i64::MAX));
            self.index.append(Datum::Serialized(&self.key), place)?;
            self.last_indexed = Some((position, self.count));
        }
        self.data.append(Datum::Serialized(&self.key), value)?;
        self.count = self.count.saturating_add(1);
        std::mem::swap(&mut self.key, &mut self.last_key);
        Ok(())
    }

    /// Ends both files.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn close(self) -> Result<()> {
        close(self.data)?;
        close(self.index)
    }
}

/// Finds records by key.
#[derive(Debug)]
pub struct Reader {
    data: sequence_file::Reader,
    kind: Kind,
    first: u64,
    /// Keys and positions.
    index: Vec<(Vec<u8>, u64)>,
}

impl Reader {
    /// Opens both files and reads the index.
    ///
    /// # Errors
    /// They are not there, or damaged; keys of a class whose order is not known.
    pub fn open(fs: &dyn FileSystem, directory: &Path) -> Result<Self> {
        let open = |name| {
            let file = directory.child(name);
            let stream = fs.open(&file, None)?;
            sequence_file::Reader::open(stream, file.to_string())
        };
        let data = open(DATA_FILE)?;
        let kind = Kind::required(&data.header().key_class)?;
        let index = read_index(open(INDEX_FILE)?, kind)?;
        Ok(Self { first: data.position(), data, kind, index })
    }

    /// Class of the keys.
    pub fn key_class(&self) -> &str {
        &self.data.header().key_class
    }

    /// Class of the values.
    pub fn value_class(&self) -> &str {
        &self.data.header().value_class
    }

    /// Goes back to the first record.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reset(&mut self) -> Result<()> {
        self.data.seek(self.first)
    }

    /// Moves to the next record; `false` at the end.
    ///
    /// # Errors
    /// A damaged file.
    pub fn advance(&mut self) -> Result<bool> {
        self.data.advance()
    }

    /// The current key, serialised.
    pub fn key(&self) -> &[u8] {
        self.data.key()
    }

    /// The current value, serialised.
    pub fn value(&self) -> &[u8] {
        self.data.value()
    }

    /// A key about in the middle, from the index; `None` of an empty file.
    pub fn middle_key(&self) -> Option<&[u8]> {
        let middle = self.index.len().checked_sub(1)? / 2;
        self.index.get(middle).map(|(key, _)| key.as_slice())
    }

    /// Moves to the last record; `false` of an empty file.
    ///
    /// # Errors
    /// A damaged file.
    pub fn last(&mut self) -> Result<bool> {
        let start = self.index.last().map_or(self.first, |(_, position)| *position);
        self.data.seek(start)?;
        let mut records: u64 = 0;
        while self.data.advance()? {
            records = records.saturating_add(1);
        }
        self.data.seek(start)?;
        for _ in 0..records {
            self.data.advance()?;
        }
        Ok(records > 0)
    }

    /// Moves to the first record whose key is the given one or behind it; `None` where there is none.
    ///
    /// # Errors
    /// A damaged file.
    pub fn seek(&mut self, key: &[u8]) -> Result<Option<Ordering>> {
        let kind = self.kind;
        let after = self.index.partition_point(|(k, _)| kind.compare(k, key) != Ordering::Greater);
        // Of equal keys the first counts, which may stand before the last indexed one that is not behind.
        let before = self.index.partition_point(|(k, _)| kind.compare(k, key) == Ordering::Less);
        let entry = before.min(after).checked_sub(1);
        let start = entry.and_then(|at| self.index.get(at)).map_or(self.first, |(_, at)| *at);
        self.data.seek(start)?;
        while self.data.advance()? {
            match kind.compare(self.data.key(), key) {
                Ordering::Less => {}
                order => return Ok(Some(order)),
            }
        }
        Ok(None)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// A damaged file.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        Ok(match self.seek(key)? {
            Some(Ordering::Equal) => Some(self.data.value()),
            _ => None,
        })
    }
}

fn read_index(mut index: sequence_file::Reader, kind: Kind) -> Result<Vec<(Vec<u8>, u64)>> {
    let mut entries: Vec<(Vec<u8>, u64)> = Vec::new();
    loop {
        match index.advance() {
            Ok(true) => {}
            Ok(false) => return Ok(entries),
            // A writer that died leaves the index behind the data; what is there still serves.
            Err(error) if *error.kind() == ErrorKind::Eof => return Ok(entries),
            Err(error) => return Err(error),
        }
        let position = LongWritable::read(&mut index.value())?;
        let position = u64::try_from(position)
            .map_err(|_| Error::io(format!("the index has a position of {position}")))?;
        if let Some((last, at)) = entries.last() {
            if kind.compare(last, index.key()) == Ordering::Greater {
                return Err(Error::io("the index has its keys out of order"));
            }
            if *at == position {
                continue;
            }
        }
        if entries.len() >= MOST_ENTRIES {
            return Err(Error::io(format!("the index has more than {MOST_ENTRIES} entries")));
        }
        entries.push((index.key().to_vec(), position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::LocalFileSystem;
    use crate::io::writable::Text;

    #[test]
    fn finds_keys() {
        let folder = tempfile::tempdir().unwrap();
        let fs = LocalFileSystem::default();
        for compression in [Compression::None, Compression::Record, Compression::Block] {
            let name = format!("{compression:?}");
            let directory = Path::plain(folder.path().join(name).to_string_lossy().into_owned());
            let mut options =
                Options::new(Text::CLASS, LongWritable::CLASS).compressed(compression, Codec::Zlib);
            options.block_size = 500;
            let mut writer = Writer::create(&fs, &directory, options).unwrap().index_interval(10);
            for n in 0..500_i64 {
                let key = format!("k{:05}", n * 2);
                writer.append(Datum::Text(key.as_bytes()), Datum::Long(n)).unwrap();
            }
            let error = writer.append(Datum::Text(b"a"), Datum::Long(1)).unwrap_err();
            assert_eq!(error.to_string(), "key out of order: a after k00998");
            writer.close().unwrap();

            let mut reader = Reader::open(&fs, &directory).unwrap();
            let key = |text: &str| {
                let mut bytes = Vec::new();
                Text::write(text.as_bytes(), &mut bytes);
                bytes
            };
            for n in [0, 1, 9, 10, 11, 250, 499_i64] {
                let value = reader.get(&key(&format!("k{:05}", n * 2))).unwrap().unwrap();
                assert_eq!(LongWritable::read(&mut &*value).unwrap(), n);
                assert!(reader.get(&key(&format!("k{:05}", n * 2 + 1))).unwrap().is_none());
            }
            assert_eq!(reader.seek(&key("k00003")).unwrap(), Some(Ordering::Greater));
            assert_eq!(reader.key(), key("k00004"));
            assert_eq!(reader.seek(&key("z")).unwrap(), None);
            assert!(reader.last().unwrap());
            assert_eq!(reader.key(), key("k00998"));
            assert!(reader.middle_key().unwrap() > key("k003").as_slice());
            reader.reset().unwrap();
            assert!(reader.advance().unwrap());
            assert_eq!(reader.key(), key("k00000"));
        }
    }
}
