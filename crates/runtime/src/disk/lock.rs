//! `in_use.lock`: one NameNode at a time has a directory.

use super::error::{About, DiskError};
use parking_lot::Mutex;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The operating system's lock, which Java takes too, is one for the whole process: a second
/// attempt would succeed, and take the lock away when it is closed. So who holds what in this
/// process is known here.
static HELD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A storage directory that is ours alone (`in_use.lock`), until this is dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    root: PathBuf,
    path: PathBuf,
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock. `owner` is what others are told: process id and host, as Java has it.
    pub(super) fn take(root: &Path, owner: &str) -> Result<Self, DiskError> {
        let canonical = root.canonicalize().about("find", root)?;
        if !HELD.lock().insert(canonical.clone()) {
            return Err(DiskError::Locked(root.to_owned()));
        }
        match Self::lock_file(root, owner) {
            Ok((path, file)) => Ok(Self { root: canonical, path, _file: file }),
            Err(error) => {
                HELD.lock().remove(&canonical);
                Err(error)
            }
        }
    }

    fn lock_file(root: &Path, owner: &str) -> Result<(PathBuf, File), DiskError> {
        let path = root.join("in_use.lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .about("open", &path)?;
        if fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            tracing::error!(
                "It appears that another node {holder} has already locked the storage directory: {}",
                root.display()
            );
            return Err(DiskError::Locked(root.to_owned()));
        }
        file.set_len(0)
            .and_then(|()| file.write_all(owner.as_bytes()))
            .and_then(|()| file.sync_all())
            .about("write", &path)?;
        Ok((path, file))
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Java deletes it on exit as well; where that fails, the lock itself is gone all the same.
        let _ = fs::remove_file(&self.path);
        HELD.lock().remove(&self.root);
    }
}
