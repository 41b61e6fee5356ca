//! Segments that a crash left unfinished.

use super::error::{About, DiskError};
use super::files::sync_parent;
use super::segment_reader::SegmentReader;
use loxodon_journal::names::StorageFile;
use loxodon_journal::segment::Tail;
use loxodon_namespace::edit_codec::HeaderError;
use loxodon_wire::ids::TxId;
use std::fs::{self, OpenOptions};
use std::path::Path;

/// What became of a segment that was being written when its writer died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovered {
    /// It is finished now, and ends with this transaction.
    Finished(TxId),
    /// Nothing was in it; it is gone, or put aside.
    Empty,
}

/// Finishes a segment as `FileJournalManager.recoverUnfinalizedSegments` does, but cuts off what
/// follows its last whole transaction.
pub(super) fn finish_segment(
    current: &Path,
    first: TxId,
    max_op_size: usize,
) -> Result<Recovered, DiskError> {
    let path = current.join(StorageFile::EditsInProgress(first).name());
    let length = fs::metadata(&path).about("examine", &path)?.len();
    if length == 0 {
        tracing::info!("Deleting zero-length edit log file {}", path.display());
        fs::remove_file(&path).about("delete", &path)?;
        return Ok(Recovered::Empty);
    }
    let mut reader = match SegmentReader::open(&path, max_op_size) {
        Ok(reader) => reader,
        // A crash while the file was created: its header never came to the disk.
        Err(DiskError::Header {
            source: HeaderError::Preallocated | HeaderError::Empty | HeaderError::NoFlags,
            ..
        }) => return put_aside(&path),
        Err(error) => return Err(error),
    };
    let tail = loop {
        match reader.next_id() {
            Ok(Some(_)) => {}
            Ok(None) | Err(DiskError::Transaction { .. } | DiskError::OutOfOrder { .. }) => {
                break reader.tail()?;
            }
            Err(error) => return Err(error),
        }
    };
    let (last, offset) = (reader.last(), reader.offset());
    if let Tail::Torn(reason) = &tail {
        tracing::warn!(
            "Cutting off {} bytes of a write that was never acknowledged, at offset {offset} of {}, \
             after txid {last}: {reason}",
            length.saturating_sub(offset),
            path.display()
        );
    }
    if last.0 == 0 {
        return put_aside(&path);
    }
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| {
            file.set_len(offset)?;
            file.sync_all()
        })
        .about("truncate", &path)?;
    let target = current.join(StorageFile::Edits { first, last }.name());
    tracing::info!("Finalizing edits file {} -> {}", path.display(), target.display());
    fs::rename(&path, &target).about("rename to", &target)?;
    sync_parent(&target)?;
    Ok(Recovered::Finished(last))
}

fn put_aside(path: &Path) -> Result<Recovered, DiskError> {
    tracing::info!(
        "Moving aside edit log file that seems to have zero transactions {}",
        path.display()
    );
    let mut name = path.as_os_str().to_owned();
    name.push(".empty");
    fs::rename(path, Path::new(&name)).about("rename", path)?;
    Ok(Recovered::Empty)
}
