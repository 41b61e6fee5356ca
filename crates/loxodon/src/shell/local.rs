//! This machine's files, as Hadoop's `LocalFileSystem` shows them: with `.name.crc` files beside
//! what it writes, and those hidden.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use loxodon_client::FileKind;

use super::failure::{Failure, Result};
use super::location;
use super::status::Status;

/// Bytes under one checksum of a `.crc` file (`file.bytes-per-checksum`).
const BYTES_PER_CHECKSUM: usize = 512;

/// Block size that Hadoop shows for local files (`fs.local.block.size`).
const BLOCK_SIZE: u64 = 32 << 20;

/// What is at a path; `None` where nothing is.
pub(crate) fn status(path: &str) -> Result<Option<Status>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Failure::local(path, &error)),
    };
    Ok(Some(from_metadata(&metadata)))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn from_metadata(metadata: &fs::Metadata) -> Status {
    let name = |name: Option<std::ffi::OsString>, id: u32| {
        name.map_or_else(|| id.to_string(), |name| name.to_string_lossy().into_owned())
    };
    let user = uzers::get_user_by_uid(metadata.uid()).map(|user| user.name().to_owned());
    let group = uzers::get_group_by_gid(metadata.gid()).map(|group| group.name().to_owned());
    let milliseconds = |seconds: i64, nanoseconds: i64| {
        u64::try_from(seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000))
            .unwrap_or(0)
    };
    Status {
        kind: if metadata.is_dir() { FileKind::Directory } else { FileKind::File },
        length: metadata.len(),
        permission: u16::try_from(metadata.permissions().mode() & 0o1777).unwrap_or(0),
        owner: name(user, metadata.uid()),
        group: name(group, metadata.gid()),
        modified: milliseconds(metadata.mtime(), metadata.mtime_nsec()),
        accessed: milliseconds(metadata.atime(), metadata.atime_nsec()),
        replication: 1,
        block_size: BLOCK_SIZE,
        has_acl: false,
        erasure_coded: false,
    }
}

/// Children of a directory by name, without checksum files; of a file, the file.
pub(crate) fn list(path: &str) -> Result<Vec<(String, Status)>> {
    let failure = |error: &io::Error| Failure::local(path, error);
    let metadata = fs::metadata(path).map_err(|e| failure(&e))?;
    if !metadata.is_dir() {
        return Ok(vec![(location::name(path).to_owned(), from_metadata(&metadata))]);
    }
    let mut children = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| failure(&e))? {
        let entry = entry.map_err(|e| failure(&e))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_checksum_file(&name) {
            continue;
        }
        // A link to nothing, or a file deleted since, is not listed.
        if let Some(status) = status(&location::join(path, &name))? {
            children.push((name, status));
        }
    }
    children.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(children)
}

fn is_checksum_file(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".crc")
}

/// The checksum file beside `path`.
fn checksum_path(path: &str) -> Option<PathBuf> {
    let parent = location::parent(path)?;
    Some(Path::new(parent).join(format!(".{}.crc", location::name(path))))
}

/// Makes a directory and those above it.
pub(crate) fn mkdirs(path: &str) -> Result<bool> {
    if Path::new(path).is_file() {
        return Err(Failure::Io {
            class: "FileAlreadyExistsException".into(),
            message: format!("Destination exists and is not a directory: {path}"),
        });
    }
    Ok(fs::create_dir_all(path).is_ok())
}

/// Deletes, with what is beside and below it.
pub(crate) fn delete(path: &str, recursive: bool) -> Result<bool> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(false) };
    if !metadata.is_dir() {
        if let Some(checksums) = checksum_path(path) {
            let _ = fs::remove_file(checksums);
        }
        return Ok(fs::remove_file(path).is_ok());
    }
    if recursive {
        return Ok(fs::remove_dir_all(path).is_ok());
    }
    if !list(path)?.is_empty() {
        return Err(Failure::io(format!("Directory {path} is not empty")));
    }
    Ok(fs::remove_dir(path).is_ok())
}

/// Renames, with the checksum file.
pub(crate) fn rename(source: &str, target: &str) -> Result<bool> {
    if let (Some(from), Some(to)) = (checksum_path(source), checksum_path(target)) {
        // An old file's checksums must not vouch for the new one.
        let _ = fs::remove_file(&to);
        let _ = fs::rename(from, to);
    }
    Ok(fs::rename(source, target).is_ok())
}

/// Sets permission bits.
pub(crate) fn set_permission(path: &str, permission: u16) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(permission.into()))
        .map_err(|e| Failure::local(path, &e))
}

/// Sets owner and group by name.
pub(crate) fn set_owner(path: &str, owner: Option<&str>, group: Option<&str>) -> Result<()> {
    let no_such = |what: &str, name: &str| Failure::io(format!("invalid {what}: '{name}'"));
    let uid = owner
        .map(|name| uzers::get_user_by_name(name).ok_or_else(|| no_such("user", name)))
        .transpose()?
        .map(|user| user.uid());
    let gid = group
        .map(|name| uzers::get_group_by_name(name).ok_or_else(|| no_such("group", name)))
        .transpose()?
        .map(|group| group.gid());
    std::os::unix::fs::chown(path, uid, gid).map_err(|e| Failure::local(path, &e))
}

/// Sets times in milliseconds since the epoch; `None` leaves one as it is.
pub(crate) fn set_times(path: &str, modified: Option<u64>, accessed: Option<u64>) -> Result<()> {
    let time = |ms: u64| std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    let mut times = fs::FileTimes::new();
    if let Some(ms) = modified {
        times = times.set_modified(time(ms));
    }
    if let Some(ms) = accessed {
        times = times.set_accessed(time(ms));
    }
    File::open(path).and_then(|file| file.set_times(times)).map_err(|e| Failure::local(path, &e))
}

/// Appends to, creates or replaces a local file; with checksums in a file beside it where wished.
#[derive(Debug)]
pub(crate) struct LocalWriter {
    path: String,
    file: File,
    checksums: Option<Checksums>,
}

#[derive(Debug)]
struct Checksums {
    file: io::BufWriter<File>,
    hasher: crc32fast::Hasher,
    filled: usize,
}

impl LocalWriter {
    /// Creates or replaces a file; directories above it are made.
    pub(crate) fn create(path: &str, with_checksums: bool) -> Result<Self> {
        let failure = |error: io::Error| Failure::local(path, &error);
        if let Some(parent) = location::parent(path) {
            fs::create_dir_all(parent).map_err(failure)?;
        }
        let file = File::create(path).map_err(failure)?;
        let beside = checksum_path(path);
        let checksums = match beside {
            Some(beside) if with_checksums => {
                Some(Checksums::create(&beside).map_err(|e| Failure::local(beside.display(), &e))?)
            }
            Some(beside) => {
                let _ = fs::remove_file(beside);
                None
            }
            None => None,
        };
        Ok(Self { path: path.into(), file, checksums })
    }

    /// Opens an existing file at its end; its checksum file, which would be wrong, is removed.
    pub(crate) fn append(path: &str) -> Result<Self> {
        let file = File::options().append(true).open(path).map_err(|e| Failure::local(path, &e))?;
        if let Some(beside) = checksum_path(path) {
            let _ = fs::remove_file(beside);
        }
        Ok(Self { path: path.into(), file, checksums: None })
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<()> {
        let mut write = || {
            self.file.write_all(data)?;
            self.checksums.as_mut().map_or(Ok(()), |checksums| checksums.update(data))
        };
        write().map_err(|e| Failure::local(&self.path, &e))
    }

    /// Writes what is left of the checksums.
    pub(crate) fn close(self) -> Result<()> {
        let path = self.path;
        match self.checksums {
            Some(checksums) => checksums.finish().map_err(|e| Failure::local(&path, &e)),
            None => Ok(()),
        }
    }
}

impl Checksums {
    /// `crc`, a zero byte, bytes per checksum, then big-endian CRC-32s (`ChecksumFileSystem`).
    fn create(path: &Path) -> io::Result<Self> {
        let mut file = io::BufWriter::new(File::create(path)?);
        file.write_all(b"crc\0")?;
        file.write_all(&512_u32.to_be_bytes())?;
        Ok(Self { file, hasher: crc32fast::Hasher::new(), filled: 0 })
    }

    fn update(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let take = data.len().min(BYTES_PER_CHECKSUM - self.filled);
            let (chunk, rest) = data.split_at(take);
            self.hasher.update(chunk);
            self.filled += take;
            data = rest;
            if self.filled == BYTES_PER_CHECKSUM {
                self.emit()?;
            }
        }
        Ok(())
    }

    fn emit(&mut self) -> io::Result<()> {
        let hasher = std::mem::take(&mut self.hasher);
        self.filled = 0;
        self.file.write_all(&hasher.finalize().to_be_bytes())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.filled > 0 {
            self.emit()?;
        }
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_go_with_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().to_str().unwrap();
        let (file, moved) = (location::join(base, "a"), location::join(base, "b"));
        let mut writer = LocalWriter::create(&file, true).unwrap();
        writer.write(&[7; 700]).unwrap();
        writer.close().unwrap();
        let sums = fs::read(dir.path().join(".a.crc")).unwrap();
        assert_eq!(sums.len(), 8 + 2 * 4);
        assert_eq!(sums.get(..8), Some(&b"crc\0\0\0\x02\0"[..]));
        assert_eq!(sums.get(12..), Some(&crc32fast::hash(&[7; 188]).to_be_bytes()[..]));
        assert_eq!(list(base).unwrap().len(), 1);
        assert!(rename(&file, &moved).unwrap());
        assert!(dir.path().join(".b.crc").exists());
        assert!(delete(&moved, false).unwrap());
        assert!(!dir.path().join(".b.crc").exists());
        assert_eq!(status(&moved).unwrap(), None);
    }

    #[test]
    fn directories_delete_when_empty_or_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let base = location::join(dir.path().to_str().unwrap(), "d");
        assert!(mkdirs(&location::join(&base, "e")).unwrap());
        assert!(delete(&base, false).is_err());
        assert!(delete(&base, true).unwrap());
        assert!(!delete(&base, true).unwrap());
    }
}
