//! A replica's two files, opened; and cutting them shorter.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loxodon_wire::checksum::{BlockMetadataHeader, DataChecksum};

use super::times::{DiskTimes, DiskWork};
use crate::error::{DataNodeError, DiskContext, Result};

/// Data and checksums of a replica.
#[derive(Debug)]
pub(crate) struct ReplicaFiles {
    pub(crate) data: File,
    pub(crate) data_path: PathBuf,
    pub(crate) meta: File,
    pub(crate) meta_path: PathBuf,
    pub(crate) checksum: DataChecksum,
    times: Arc<DiskTimes>,
}

impl ReplicaFiles {
    /// Makes new, empty files with a header, on the disk with these times.
    pub(crate) fn create(
        times: &Arc<DiskTimes>,
        data_path: PathBuf,
        meta_path: PathBuf,
        checksum: DataChecksum,
    ) -> Result<Self> {
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            times.timed(DiskWork::Metadata, || options.open(path)).disk("cannot create", path)
        };
        let (data, meta) = (open(&data_path)?, open(&meta_path)?);
        let header = BlockMetadataHeader::new(checksum).encode();
        let files = Self { data, data_path, meta, meta_path, checksum, times: Arc::clone(times) };
        files.write_meta(&header, 0)?;
        Ok(files)
    }

    /// Opens files that are there.
    pub(crate) fn open(
        times: &Arc<DiskTimes>,
        data_path: PathBuf,
        meta_path: PathBuf,
        write: bool,
    ) -> Result<Self> {
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).write(write);
            times.timed(DiskWork::Metadata, || options.open(path)).disk("cannot open", path)
        };
        let (data, meta) = (open(&data_path)?, open(&meta_path)?);
        let mut header = [0; BlockMetadataHeader::SIZE];
        meta.read_exact_at(&mut header, 0).disk("cannot read the header of", &meta_path)?;
        let header = BlockMetadataHeader::decode(&header)
            .map_err(|error| DataNodeError::Refused(format!("{}: {error}", meta_path.display())))?;
        let (checksum, times) = (header.checksum, Arc::clone(times));
        Ok(Self { data, data_path, meta, meta_path, checksum, times })
    }

    /// Reads data.
    pub(crate) fn read_data(&self, into: &mut [u8], at: u64) -> Result<()> {
        let read = || self.data.read_exact_at(into, at);
        self.times.timed(DiskWork::Read, read).disk("cannot read", &self.data_path)
    }

    /// Reads checksums.
    pub(crate) fn read_meta(&self, into: &mut [u8], at: u64) -> Result<()> {
        let read = || self.meta.read_exact_at(into, at);
        self.times.timed(DiskWork::Read, read).disk("cannot read", &self.meta_path)
    }

    /// Writes data, all parts one after the other.
    pub(crate) fn write_data(&self, parts: &mut [IoSlice<'_>], at: u64) -> Result<()> {
        let write = || write_parts_at(&self.data, parts, at);
        self.times.timed(DiskWork::Write, write).disk("cannot write", &self.data_path)
    }

    /// Writes checksums.
    pub(crate) fn write_meta(&self, bytes: &[u8], at: u64) -> Result<()> {
        let write = || self.meta.write_all_at(bytes, at);
        self.times.timed(DiskWork::Write, write).disk("cannot write", &self.meta_path)
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.meta.sync_data().disk("cannot sync", &self.meta_path)?;
        self.data.sync_data().disk("cannot sync", &self.data_path)
    }

    /// The data of the partial chunk before `length`, checked; with its checksum.
    pub(crate) fn partial_chunk(&self, length: u64) -> Result<Option<u32>> {
        let chunk = self.checksum.bytes_per_chunk() as u64;
        let partial = length % chunk;
        if partial == 0 || self.checksum.checksum_size() == 0 {
            return Ok(None);
        }
        let mut data = vec![0; partial as usize];
        self.read_data(&mut data, length - partial)?;
        let mut stored = [0; 4];
        let at = BlockMetadataHeader::position_of(&self.checksum, length - partial);
        self.read_meta(&mut stored, at)?;
        self.checksum.verify(&data, &stored).map_err(|error| {
            DataNodeError::Checksum(format!(
                "{} at {}: {error}",
                self.data_path.display(),
                length - partial
            ))
        })?;
        Ok(Some(u32::from_be_bytes(stored)))
    }

    /// Reads `length` bytes in steps and compares them with their checksums; `before` hears of each step, and
    /// may end it.
    pub(crate) fn verify(
        &self,
        length: u64,
        step: usize,
        mut before: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let chunk = self.checksum.bytes_per_chunk();
        let step = (step / chunk).max(1) * chunk;
        let (mut offset, mut data, mut sums) = (0, Vec::new(), Vec::new());
        while offset < length {
            let part = (length - offset).min(step as u64);
            before(part)?;
            data.resize(part as usize, 0);
            sums.resize(self.checksum.checksums_len(part) as usize, 0);
            self.read_data(&mut data, offset)?;
            let at = BlockMetadataHeader::position_of(&self.checksum, offset);
            self.read_meta(&mut sums, at)?;
            self.checksum.verify(&data, &sums).map_err(|error| {
                DataNodeError::Checksum(format!(
                    "{} from {offset}: {error}",
                    self.data_path.display()
                ))
            })?;
            offset += part;
        }
        Ok(())
    }

    /// Cuts both files to `length` bytes of data; the checksum of the new last chunk, if it is partial.
    pub(crate) fn cut(&self, length: u64) -> Result<Option<[u8; 4]>> {
        let size = self.checksum.checksum_size();
        let chunk = self.checksum.bytes_per_chunk() as u64;
        let partial = length % chunk;
        let end = BlockMetadataHeader::SIZE as u64 + self.checksum.checksums_len(length);
        let mut last = None;
        if partial > 0 && size > 0 {
            let mut data = vec![0; partial as usize];
            self.read_data(&mut data, length - partial)?;
            let sum = self.checksum.kind().append(0, &data).to_be_bytes();
            self.meta
                .write_all_at(&sum, end - size as u64)
                .disk("cannot write", &self.meta_path)?;
            last = Some(sum);
        }
        self.data.set_len(length).disk("cannot shorten", &self.data_path)?;
        self.meta.set_len(end).disk("cannot shorten", &self.meta_path)?;
        Ok(last)
    }
}

/// Writes parts one after the other at `offset`, with as few calls as the system needs.
fn write_parts_at(file: &File, parts: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
    let mut parts = parts;
    while !parts.is_empty() {
        match rustix::io::pwritev(file, parts, offset) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut parts, written);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Has the names in a directory on the disk.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|directory| directory.sync_all()).disk("cannot sync", directory)
}

/// Moves a file into a directory that may be missing yet.
pub(super) fn move_into(
    times: &DiskTimes,
    from: &Path,
    directory: &Path,
    name: &str,
) -> Result<PathBuf> {
    let to = directory.join(name);
    if times.timed(DiskWork::Metadata, || fs::rename(from, &to)).is_ok() {
        return Ok(to);
    }
    fs::create_dir_all(directory).disk("cannot create directory", directory)?;
    fs::rename(from, &to).disk("cannot move", from)?;
    Ok(to)
}

/// Bytes of both files.
pub(super) fn footprint(data: &Path, meta: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |known| known.len());
    length(data) + length(meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_wire::checksum::ChecksumType;

    #[test]
    fn damage_is_found_and_a_cut_replica_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let checksum = DataChecksum::new(ChecksumType::Crc32c, 512).unwrap();
        let files = ReplicaFiles::create(
            &Arc::default(),
            place.path().join("blk_1"),
            place.path().join("blk_1_1.meta"),
            checksum,
        )
        .unwrap();
        let mut sums = vec![0; checksum.checksums_len(2000) as usize];
        checksum.compute(&[5; 2000], &mut sums).unwrap();
        files.data.write_all_at(&[5; 2000], 0).unwrap();
        files.meta.write_all_at(&sums, BlockMetadataHeader::SIZE as u64).unwrap();
        files.verify(2000, 1024, |_| Ok(())).unwrap();
        let last = files.cut(700).unwrap();
        assert_eq!(files.partial_chunk(700).unwrap().map(u32::to_be_bytes), last);
        files.verify(700, 1024, |_| Ok(())).unwrap();
        files.data.write_all_at(&[6], 600).unwrap();
        assert!(matches!(files.verify(700, 1024, |_| Ok(())), Err(DataNodeError::Checksum(_))));
    }
}
