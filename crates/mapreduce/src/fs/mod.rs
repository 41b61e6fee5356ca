//! Blocking file systems for tasks (`org.apache.hadoop.fs.FileSystem`).
//!
//! A task reads and writes from plain threads: every call here waits. [`FileSystems`] opens the file system a
//! [`Path`] belongs to, `hdfs:` or `file:`, and keeps it.

pub mod glob;
mod hdfs;
mod local;
pub mod memory;
mod path;
mod patience;
mod registry;
mod statistics;
mod threads;

use std::io::{Read, Write};

pub use glob::glob_status;
pub use hdfs::HdfsFileSystem;
pub use local::LocalFileSystem;
pub use path::{Location as Path, join, name, normalize, parent};
pub use patience::wait_for_hdfs;
pub use registry::FileSystems;
pub use statistics::{Statistics, StatisticsSnapshot};
pub use threads::FsThreads;

use crate::error::{Error, ErrorKind, Result};

/// A stretch of a file and the machines that have it (`BlockLocation`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockLocation {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Names of machines, nearest first where the file system sorts them.
    pub hosts: Vec<String>,
    /// Rack of each host, `/default-rack` where nobody said.
    pub racks: Vec<String>,
}

/// A file or directory (`FileStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Its full path, with scheme and authority.
    pub path: Path,
    /// Bytes; 0 for a directory.
    pub length: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Block size in bytes, which a split has unless configured otherwise.
    pub block_size: u64,
    /// Last change, in milliseconds since 1970.
    pub modification_time: i64,
    /// Permission bits.
    pub permission: u16,
    /// Where its blocks are, if the listing said.
    pub blocks: Option<Vec<BlockLocation>>,
}

/// How a file is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Replace a file that is there.
    pub overwrite: bool,
    /// Replicas; the file system's own number where `None`.
    pub replication: Option<u16>,
    /// Block size in bytes; the file system's own where `None`.
    pub block_size: Option<u64>,
    /// Permission bits; `0o644` where `None`.
    pub permission: Option<u16>,
}

impl CreateOptions {
    /// Replaces what is there.
    #[must_use]
    pub fn overwriting() -> Self {
        Self { overwrite: true, ..Self::default() }
    }
}

/// An open file that can be read from any position (`FSDataInputStream`).
pub trait InputStream: Read + Send {
    /// Moves the next read.
    ///
    /// # Errors
    /// A position beyond the end.
    fn seek(&mut self, position: u64) -> std::io::Result<()>;

    /// Where the next read begins.
    fn position(&self) -> u64;

    /// Bytes of the file, as it was when it was opened.
    fn length(&self) -> u64;
}

/// A file being written (`FSDataOutputStream`). One that is dropped without being closed is left unfinished.
pub trait OutputStream: Write + Send {
    /// Bytes written so far.
    fn position(&self) -> u64;

    /// Writes what is buffered and brings it onto the disk (`hsync`).
    ///
    /// # Errors
    /// It cannot be written there.
    fn sync(&mut self) -> Result<()>;

    /// Writes what is buffered and ends the file; called once.
    ///
    /// # Errors
    /// The file cannot be written to its end.
    fn close(&mut self) -> Result<()>;
}

/// A file system. All paths are absolute and belong to it.
pub trait FileSystem: Send + Sync {
    /// `hdfs://authority` or `file://`.
    fn uri(&self) -> Path;

    /// What is there.
    ///
    /// # Errors
    /// `FileNotFoundException` where nothing is.
    fn status(&self, path: &Path) -> Result<FileStatus>;

    /// The children of a directory by name, or the file itself, with the locations of their blocks.
    ///
    /// # Errors
    /// `FileNotFoundException` where nothing is.
    fn list(&self, path: &Path) -> Result<Vec<FileStatus>>;

    /// Where a file's bytes are.
    ///
    /// # Errors
    /// `FileNotFoundException` where nothing is.
    fn block_locations(&self, path: &Path, start: u64, length: u64) -> Result<Vec<BlockLocation>>;

    /// Makes a directory and those above it; one that is there already is well.
    ///
    /// # Errors
    /// A file is in the way; no permission.
    fn mkdirs(&self, path: &Path, permission: u16) -> Result<()>;

    /// Deletes; `false` where nothing was.
    ///
    /// # Errors
    /// A directory that is not empty, unless `recursive`; no permission.
    fn delete(&self, path: &Path, recursive: bool) -> Result<bool>;

    /// Renames as HDFS does: into the target where it is a directory; `false` where it cannot be done.
    ///
    /// # Errors
    /// No permission; the file system cannot be reached.
    fn rename(&self, from: &Path, to: &Path) -> Result<bool>;

    /// Makes `from` exactly `to`, in one step: where that fails, what was at `to` is there still. A file or an empty
    /// directory that is there is replaced if `overwrite`.
    ///
    /// # Errors
    /// `from` is not there; something else is at `to`; no permission.
    fn move_to(&self, from: &Path, to: &Path, overwrite: bool) -> Result<()>;

    /// Opens a file. `ahead_to` is the position up to which it will be read in one go, if that is known: what
    /// lies beyond is not read ahead.
    ///
    /// # Errors
    /// `FileNotFoundException` where nothing is; a directory.
    fn open(&self, path: &Path, ahead_to: Option<u64>) -> Result<Box<dyn InputStream>>;

    /// Creates a file and the directories above it.
    ///
    /// # Errors
    /// A file is there, unless it may be overwritten; no permission.
    fn create(&self, path: &Path, options: CreateOptions) -> Result<Box<dyn OutputStream>>;

    /// Changes permission bits.
    ///
    /// # Errors
    /// Nothing is there; no permission.
    fn set_permission(&self, path: &Path, permission: u16) -> Result<()>;

    /// Sets the number of replicas, where the file system has any.
    ///
    /// # Errors
    /// Nothing is there; no permission.
    fn set_replication(&self, path: &Path, replication: u16) -> Result<()>;

    /// Whether something is there.
    ///
    /// # Errors
    /// The file system cannot say.
    fn exists(&self, path: &Path) -> Result<bool> {
        match self.status(path) {
            Ok(_) => Ok(true),
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// It cannot be read; it is longer.
    fn read_all(&self, path: &Path, limit: u64) -> Result<Vec<u8>> {
        let mut stream = self.open(path, None)?;
        if stream.length() > limit {
            let length = stream.length();
            return Err(Error::io(format!("{path} has {length} bytes, more than {limit}")));
        }
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(|e| Error::system(format!("read {path}"), &e))?;
        Ok(bytes)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// It cannot be written.
    fn write_all(&self, path: &Path, bytes: &[u8], options: CreateOptions) -> Result<()> {
        let mut stream = self.create(path, options)?;
        stream.write_all(bytes).map_err(|e| Error::system(format!("write {path}"), &e))?;
        stream.close()
    }
}
