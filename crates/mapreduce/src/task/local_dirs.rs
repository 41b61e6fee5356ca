//! The local directories of an attempt: where its files go, on disks that have room.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::Access;

use crate::error::{Error, ErrorKind, Result};

/// Bytes that must stay free beside what is asked for.
const RESERVE: u64 = 1 << 20;

/// Directories of one task attempt, one on each local disk (`LocalDirAllocator`).
#[derive(Debug)]
pub struct LocalDirs {
    attempt: String,
    dirs: Vec<PathBuf>,
    next: AtomicUsize,
}

impl LocalDirs {
    /// The directories of an attempt; they need not exist yet.
    pub fn new(attempt: impl Into<String>, dirs: Vec<PathBuf>) -> Self {
        Self { attempt: attempt.into(), dirs, next: AtomicUsize::new(0) }
    }

    /// A path for a file of about so many bytes, on the next disk that has room; its directory is made.
    ///
    /// # Errors
    /// No disk has room or can be written; the error names the attempt and what is wrong with each directory.
    pub fn for_write(&self, name: &str, bytes: u64) -> Result<PathBuf> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let mut reasons = Vec::new();
        for offset in 0..self.dirs.len() {
            let Some(dir) = self.dirs.get((start.wrapping_add(offset)) % self.dirs.len()) else {
                continue;
            };
            match usable(dir, name, bytes) {
                Ok(path) => return Ok(path),
                Err(reason) => reasons.push(format!("{}: {reason}", dir.display())),
            }
        }
        let text = format!(
            "No space available in any of the local directories. {}: {bytes} bytes for {name} ({})",
            self.attempt,
            reasons.join("; ")
        );
        Err(Error::new(ErrorKind::Disk, text))
    }

    /// The file of that name, wherever it was written.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.dirs.iter().map(|d| d.join(name)).find(|p| p.exists())
    }

    /// The directories.
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }
}

fn usable(dir: &Path, name: &str, bytes: u64) -> Result<PathBuf, String> {
    let path = dir.join(name);
    let parent = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
    // A disk that was mounted anew to be read only has its directories still.
    rustix::fs::access(parent, Access::WRITE_OK | Access::EXEC_OK).map_err(|e| e.to_string())?;
    let disk = rustix::fs::statvfs(parent).map_err(|e| e.to_string())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes.saturating_add(RESERVE) {
        return Err(format!("{free} bytes free"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_directory_is_passed_over_and_none_left_names_all() {
        let good = tempfile::tempdir().unwrap();
        let file = good.path().join("a file");
        std::fs::write(&file, "").unwrap();
        let dirs = vec![file.join("under"), good.path().join("there")];
        let dirs = LocalDirs::new("attempt_1_0001_m_000000_0", dirs);
        for _ in 0..3 {
            let path = dirs.for_write("output/spill0.out", 10).unwrap();
            assert!(path.starts_with(good.path().join("there/output")));
        }
        let error = dirs.for_write("output/x", u64::MAX - RESERVE).unwrap_err();
        assert!(error.message().contains("attempt_1_0001_m_000000_0"), "{error}");
        assert!(error.message().contains("a file/under: Not a directory"), "{error}");
        assert_eq!(error.java_class(), "org.apache.hadoop.util.DiskChecker$DiskErrorException");
    }
}
