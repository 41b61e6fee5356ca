//! Small files, written whole or not at all.

use super::error::{About, DiskError};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

/// Writes a small file so that it is either the old one or the new one, whatever happens
/// (`AtomicFileOutputStream`: `<name>.tmp`, synced, renamed).
///
/// # Errors
/// Those of the operating system.
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), DiskError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    let mut file = File::create(temporary).about("create", temporary)?;
    file.write_all(contents).about("write", temporary)?;
    file.sync_all().about("sync", temporary)?;
    fs::rename(temporary, path).about("rename to", path)?;
    sync_parent(path)
}

/// Makes names in a file's directory durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), DiskError> {
    path.parent().map_or(Ok(()), |parent| {
        File::open(parent).and_then(|directory| directory.sync_all()).about("sync", parent)
    })
}

/// Reads a file that is known to be small.
pub(super) fn read_small(path: &Path) -> Result<String, DiskError> {
    const LIMIT: u64 = 64 * 1024;
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .about("read", path)?;
    Ok(text)
}
