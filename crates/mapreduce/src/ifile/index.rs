//! The index beside a map output: where each reduce's segment lies (Hadoop's `SpillRecord`, `file.out.index`).

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Bytes of one entry in the file.
pub const ENTRY_BYTES: usize = 24;

/// Longest index file that is read: a million reduces.
const MAX_BYTES: u64 = (1 << 20) * ENTRY_BYTES as u64 + 8;

/// One reduce's segment (`IndexRecord`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexEntry {
    /// First byte in the file.
    pub start: u64,
    /// Bytes of records and end marker, before compression, without checksum.
    pub raw_length: u64,
    /// Bytes in the file, with checksum.
    pub part_length: u64,
}

/// The segments of one file, by partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpillIndex {
    /// One entry for each partition.
    pub entries: Vec<IndexEntry>,
}

impl SpillIndex {
    /// The file's bytes: big-endian triples, then their CRC32 as a long.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY_BYTES + 8);
        for entry in &self.entries {
            for number in [entry.start, entry.raw_length, entry.part_length] {
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
        let sum = u64::from(crc32fast::hash(&bytes));
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// They are cut short or none, or the checksum differs.
    pub fn decode(bytes: &[u8], name: &Path) -> Result<Self> {
        let bad = || {
            let text = format!("Checksum error reading spill index: {}", name.display());
            Error::new(ErrorKind::Checksum, text)
        };
        let length = bytes.len() / ENTRY_BYTES * ENTRY_BYTES;
        let (body, sum) = bytes.split_at_checked(length).ok_or_else(bad)?;
        let sum = sum.first_chunk::<8>().map(|b| u64::from_be_bytes(*b)).ok_or_else(bad)?;
        if body.is_empty() || sum != u64::from(crc32fast::hash(body)) {
            return Err(bad());
        }
        let number = |bytes: &[u8], at: usize| {
            bytes.get(at..).and_then(<[u8]>::first_chunk::<8>).map_or(0, |b| u64::from_be_bytes(*b))
        };
        let entry = |bytes: &[u8]| IndexEntry {
            start: number(bytes, 0),
            raw_length: number(bytes, 8),
            part_length: number(bytes, 16),
        };
        Ok(Self { entries: body.chunks_exact(ENTRY_BYTES).map(entry).collect() })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn write(&self, path: &Path) -> Result<()> {
        let write = || File::create(path)?.write_all(&self.encode());
        write().map_err(|e| Error::system(format_args!("writing {}", path.display()), &e))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too long, or is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let system = |e| Error::system(format_args!("reading {}", path.display()), &e);
        // A task made it: whoever opens a pipe waits for ever.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path).map_err(system)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(system)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::io(format!("{}: too long for a spill index", path.display())));
        }
        Self::decode(&bytes, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        let index = SpillIndex {
            entries: vec![
                IndexEntry { start: 0, raw_length: 2, part_length: 6 },
                IndexEntry { start: 6, raw_length: 1 << 40, part_length: 77 },
            ],
        };
        let bytes = index.encode();
        assert_eq!(bytes.len(), 56);
        let path = Path::new("/d/file.out.index");
        assert_eq!(SpillIndex::decode(&bytes, path).unwrap(), index);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let error = SpillIndex::decode(&damaged, path).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Checksum);
            assert!(error.message().contains("/d/file.out.index"));
            assert!(SpillIndex::decode(&bytes[..at], path).is_err());
        }
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("file.out.index");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(SpillIndex::read(&pipe).is_err());
    }
}
