//! Parsers that only this crate needs, opened for `fuzz/` (feature `fuzzing`).

use std::path::Path;

use loxodon_wire::checksum::BlockMetadataHeader;

use crate::dataset::block_list::{BlockList, read_file};
use crate::dataset::checked_length;
use crate::scanner::CursorState;
use crate::storage::layout::ReplicaFile;
use crate::storage::{Properties, StorageLocation};

/// The saved list of replicas: what is read is written and read again the same.
///
/// # Panics
/// It is not.
pub fn replicas(file: &[u8]) {
    let Some(list) = read_file(file) else { return };
    let mut again = BlockList::default();
    list.iter().for_each(|replica| again.push(*replica));
    assert_eq!(read_file(&again.to_file()), Some(list));
}

/// `VERSION`, `scanner.cursor`, directories of the configuration, names of files.
///
/// # Panics
/// A cursor that is written is not read as the same.
pub fn small_files(text: &str) {
    let (version, path) = (Properties::parse(text), Path::new("VERSION"));
    let _ = version.number::<i32>("layoutVersion", path);
    let _ = version.require("clusterID", path);
    let _ = Properties::parse(&version.to_text());
    if let Some(state) = CursorState::parse(text) {
        assert_eq!(CursorState::parse(&state.to_text()), Some(state));
    }
    let _ = StorageLocation::parse(text);
    let _ = ReplicaFile::parse(text);
}

/// A replica that was being written when the DataNode ended: `data` and `meta` are its files, which hold
/// what anybody may have left there. Its length is never beyond the data.
///
/// # Panics
/// It is.
pub fn left_replica(data: &Path, meta: &Path, length: u64, sums: &[u8]) {
    let _ = BlockMetadataHeader::decode(sums);
    if let Ok(valid) = checked_length(data, meta) {
        assert!(valid <= length);
    }
}
