//! A history file moves, within its file system or to another.

use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::fs::{CreateOptions, FileSystem, Path};

/// Permissions of the done directory and of what is in it (`HISTORY_DONE_DIR_PERMISSION`).
pub(in crate::daemon) const DIRECTORY: u16 = 0o770;
const FILE: u16 = 0o660;
/// Copied at once, in bytes.
const PIECE: usize = 1 << 20;

/// Of files in the done directory.
pub(in crate::daemon) const FILE_OPTIONS: fn() -> CreateOptions =
    || CreateOptions { permission: Some(FILE), ..CreateOptions::overwriting() };

/// Moves a file; nothing is left to do where that was done before. Blocks.
///
/// # Errors
/// It cannot be read, or not be written there.
pub(in crate::daemon) fn move_file(
    from: &dyn FileSystem,
    source: &Path,
    to: &dyn FileSystem,
    target: &Path,
) -> Result<()> {
    if !from.exists(source)? && to.exists(target)? {
        return to.set_permission(target, FILE);
    }
    let is_same = from.uri() == to.uri();
    if is_same && from.rename(source, target)? {
        return to.set_permission(target, FILE);
    }
    copy(from, source, to, target)?;
    from.delete(source, false)?;
    Ok(())
}

fn copy(from: &dyn FileSystem, source: &Path, to: &dyn FileSystem, target: &Path) -> Result<()> {
    let mut reader = from.open(source, None)?;
    let mut writer = to.create(target, FILE_OPTIONS())?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = reader.read(&mut piece)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        writer.write_all(bytes)?;
    }
    writer.close()
}
