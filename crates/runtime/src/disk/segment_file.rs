//! A segment of the edit log in one directory, while it is written.

use super::error::{About, DiskError};
use super::files::sync_parent;
use loxodon_journal::names::StorageFile;
use loxodon_wire::editlog::{LAYOUT_VERSION, OP_INVALID, put_header};
use loxodon_wire::ids::TxId;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Space is written ahead in pieces of this size, so that a sync need not write the file's
/// length as well (`EditLogFileOutputStream.MIN_PREALLOCATION_LENGTH`).
const PREALLOCATION: usize = 1024 * 1024;

static FILLER: [u8; PREALLOCATION] = [OP_INVALID; PREALLOCATION];

/// The segment that is being written, in one directory.
#[derive(Debug)]
pub(super) struct SegmentFile {
    path: PathBuf,
    file: File,
    position: u64,
    size: u64,
}

impl SegmentFile {
    /// Creates `edits_inprogress_<first>` with a header.
    pub(super) fn create(current: &Path, first: TxId) -> Result<Self, DiskError> {
        let path = current.join(StorageFile::EditsInProgress(first).name());
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)
            .about("create", &path)?;
        let mut segment = Self { path, file, position: 0, size: 0 };
        let mut header = Vec::new();
        put_header(LAYOUT_VERSION, &mut header);
        segment.write(&header)?;
        sync_parent(&segment.path)?;
        Ok(segment)
    }

    /// Writes frames after those that are there. They are not durable yet.
    pub(super) fn write(&mut self, frames: &[u8]) -> Result<(), DiskError> {
        let end = self.position + frames.len() as u64;
        while self.size < end {
            self.file.write_all_at(&FILLER, self.size).about("write", &self.path)?;
            self.size += FILLER.len() as u64;
        }
        self.file.write_all_at(frames, self.position).about("write", &self.path)?;
        self.position = end;
        Ok(())
    }

    /// Makes durable what was written.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().about("sync", &self.path)
    }

    /// Cuts off the space that was written ahead, and gives the file its final name.
    pub(super) fn finish(self, first: TxId, last: TxId) -> Result<(), DiskError> {
        self.file
            .set_len(self.position)
            .and_then(|()| self.file.sync_all())
            .about("truncate", &self.path)?;
        let target = self.path.with_file_name(StorageFile::Edits { first, last }.name());
        tracing::info!("Finalizing edits file {} -> {}", self.path.display(), target.display());
        fs::rename(&self.path, &target).about("rename to", &target)?;
        sync_parent(&target)
    }
}
