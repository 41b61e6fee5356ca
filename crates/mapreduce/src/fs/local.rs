//! `file:`: the machine's own file system (`LocalFileSystem`, without writing checksum files).

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::statistics::Statistics;
use super::{
    BlockLocation, CreateOptions, FileStatus, FileSystem, InputStream, OutputStream, Path, join,
    name, parent,
};
use crate::error::{Error, ErrorKind, Result};

/// `fs.local.block.size`'s default.
pub(super) const BLOCK_SIZE: u64 = 32 << 20;
/// Bytes gathered before the operating system is called.
const BUFFER: usize = 1 << 17;

/// The machine's own file system.
///
/// Hadoop keeps a checksum file `.name.crc` beside each file. None is written here, but one that is there is
/// removed when its file changes, or Hadoop would take the file for damaged.
#[derive(Clone, Debug)]
pub struct LocalFileSystem {
    block_size: u64,
    statistics: Statistics,
}

impl Default for LocalFileSystem {
    fn default() -> Self {
        Self::new(BLOCK_SIZE, Statistics::default())
    }
}

impl LocalFileSystem {
    pub(super) fn new(block_size: u64, statistics: Statistics) -> Self {
        Self { block_size: block_size.max(1), statistics }
    }

    fn describe(&self, path: &str, metadata: &Metadata) -> FileStatus {
        let length = if metadata.is_dir() { 0 } else { metadata.len() };
        FileStatus {
            path: Path { path: path.to_owned(), ..self.uri() },
            length,
            is_directory: metadata.is_dir(),
            block_size: if metadata.is_dir() { 0 } else { self.block_size },
            modification_time: metadata
                .mtime()
                .saturating_mul(1000)
                .saturating_add(metadata.mtime_nsec() / 1_000_000),
            permission: u16::try_from(metadata.mode() & 0o1777).unwrap_or(0),
            blocks: (!metadata.is_dir()).then(|| vec![location(length)]),
        }
    }
}

/// As Hadoop's `FileSystem` has it for what is not distributed.
fn location(length: u64) -> BlockLocation {
    BlockLocation {
        offset: 0,
        length,
        hosts: vec!["localhost".into()],
        racks: vec!["/default-rack".into()],
    }
}

fn failed(path: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("File {path} does not exist"))
        }
        io::ErrorKind::AlreadyExists => Error::new(
            ErrorKind::Remote("org.apache.hadoop.fs.FileAlreadyExistsException".into()),
            format!("File already exists: {path}"),
        ),
        _ => Error::system(path, error),
    }
}

/// Where Hadoop keeps a file's checksums.
fn checksum_file(path: &str) -> Option<String> {
    Some(join(parent(path)?, &format!(".{}.crc", name(path))))
}

fn is_checksum_file(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".crc")
}

fn forget_checksums(path: &str) -> Result<()> {
    let Some(file) = checksum_file(path) else { return Ok(()) };
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&file, &error)),
        _ => Ok(()),
    }
}

/// The checksums go with their file.
fn move_checksums(from: &str, to: &str) -> Result<()> {
    let (Some(old), Some(new)) = (checksum_file(from), checksum_file(to)) else { return Ok(()) };
    forget_checksums(to)?;
    match fs::rename(&old, &new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&old, &error)),
        _ => Ok(()),
    }
}

impl FileSystem for LocalFileSystem {
    fn uri(&self) -> Path {
        Path { scheme: Some("file".into()), authority: None, path: "/".into() }
    }

    fn status(&self, path: &Path) -> Result<FileStatus> {
        self.statistics.read_op();
        let metadata = fs::metadata(&path.path).map_err(|e| failed(&path.path, &e))?;
        Ok(self.describe(&path.path, &metadata))
    }

    fn list(&self, path: &Path) -> Result<Vec<FileStatus>> {
        self.statistics.large_read_op();
        let status = self.status(path)?;
        if !status.is_directory {
            return Ok(vec![status]);
        }
        let mut children = Vec::new();
        for entry in fs::read_dir(&path.path).map_err(|e| failed(&path.path, &e))? {
            let entry = entry.map_err(|e| failed(&path.path, &e))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_checksum_file(&name) {
                continue;
            }
            let child = join(&path.path, &name);
            match fs::metadata(&child) {
                Ok(metadata) => children.push(self.describe(&child, &metadata)),
                // Gone in between, or a link to nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&child, &error)),
            }
        }
        children.sort_by(|a, b| a.path.path.cmp(&b.path.path));
        Ok(children)
    }

    fn block_locations(&self, path: &Path, start: u64, length: u64) -> Result<Vec<BlockLocation>> {
        let status = self.status(path)?;
        let reaches = start < status.length && length > 0;
        Ok(if reaches { vec![location(status.length)] } else { Vec::new() })
    }

    fn mkdirs(&self, path: &Path, permission: u16) -> Result<()> {
        self.statistics.write_op();
        let existed = fs::metadata(&path.path).is_ok_and(|m| m.is_dir());
        fs::create_dir_all(&path.path).map_err(|e| Error::system(&path.path, &e))?;
        if existed { Ok(()) } else { self.set_permission(path, permission) }
    }

    fn delete(&self, path: &Path, recursive: bool) -> Result<bool> {
        self.statistics.write_op();
        let result = match fs::symlink_metadata(&path.path) {
            Ok(metadata) if !metadata.is_dir() => {
                forget_checksums(&path.path)?;
                fs::remove_file(&path.path)
            }
            Ok(_) if recursive => fs::remove_dir_all(&path.path),
            Ok(_) if fs::read_dir(&path.path).is_ok_and(|mut e| e.next().is_some()) => {
                return Err(Error::io(format!("Directory {} is not empty", path.path)));
            }
            Ok(_) => fs::remove_dir(&path.path),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(&path.path, &error)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<bool> {
        self.statistics.write_op();
        let mut target = to.path.clone();
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => target = join(&target, from.name()),
            Ok(_) => return Ok(false),
            Err(_) => {}
        }
        if fs::symlink_metadata(&target).is_ok() || fs::symlink_metadata(&from.path).is_err() {
            return Ok(false);
        }
        match fs::rename(&from.path, &target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(failed(&from.path, &error));
            }
            Err(_) => return Ok(false),
        }
        move_checksums(&from.path, &target)?;
        Ok(true)
    }

    fn move_to(&self, from: &Path, to: &Path, overwrite: bool) -> Result<()> {
        self.statistics.write_op();
        fs::symlink_metadata(&from.path).map_err(|e| failed(&from.path, &e))?;
        if !overwrite && fs::symlink_metadata(&to.path).is_ok() {
            return Err(failed(&to.path, &io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(&from.path, &to.path).map_err(|e| failed(&to.path, &e))?;
        move_checksums(&from.path, &to.path)
    }

    fn open(&self, path: &Path, _ahead_to: Option<u64>) -> Result<Box<dyn InputStream>> {
        self.statistics.read_op();
        let file = File::open(&path.path).map_err(|e| failed(&path.path, &e))?;
        let metadata = file.metadata().map_err(|e| failed(&path.path, &e))?;
        if metadata.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, format!("{} (Is a directory)", path.path)));
        }
        let statistics = self.statistics.clone();
        Ok(Box::new(LocalInput { file, position: 0, length: metadata.len(), statistics }))
    }

    fn create(&self, path: &Path, options: CreateOptions) -> Result<Box<dyn OutputStream>> {
        self.statistics.write_op();
        if let Some(above) = path.parent() {
            fs::create_dir_all(&above.path).map_err(|e| failed(&above.path, &e))?;
        }
        forget_checksums(&path.path)?;
        let mut how = File::options();
        how.write(true).truncate(true);
        if options.overwrite {
            how.create(true)
        } else {
            how.create_new(true)
        };
        let file = how.open(&path.path).map_err(|e| failed(&path.path, &e))?;
        if let Some(permission) = options.permission {
            self.set_permission(path, permission)?;
        }
        Ok(Box::new(LocalOutput {
            file: BufWriter::with_capacity(BUFFER, file),
            path: path.path.clone(),
            position: 0,
            statistics: self.statistics.clone(),
        }))
    }

    fn set_permission(&self, path: &Path, permission: u16) -> Result<()> {
        let mode = fs::Permissions::from_mode(u32::from(permission));
        fs::set_permissions(&path.path, mode).map_err(|e| failed(&path.path, &e))
    }

    fn set_replication(&self, path: &Path, _replication: u16) -> Result<()> {
        self.status(path).map(drop)
    }
}

struct LocalInput {
    file: File,
    position: u64,
    length: u64,
    statistics: Statistics,
}

impl Read for LocalInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.position = self.position.saturating_add(length as u64);
        self.statistics.read(length);
        Ok(length)
    }
}

impl InputStream for LocalInput {
    fn seek(&mut self, position: u64) -> io::Result<()> {
        if position > self.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Cannot seek after EOF"));
        }
        if position != self.position {
            self.position = self.file.seek(SeekFrom::Start(position))?;
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn length(&self) -> u64 {
        self.length
    }
}

struct LocalOutput {
    file: BufWriter<File>,
    path: String,
    position: u64,
    statistics: Statistics,
}

impl Write for LocalOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.position = self.position.saturating_add(length as u64);
        self.statistics.written(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl OutputStream for LocalOutput {
    fn position(&self) -> u64 {
        self.position
    }

    fn sync(&mut self) -> Result<()> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|e| Error::system(format!("sync {}", self.path), &e))
    }

    fn close(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::system(format!("write {}", self.path), &e))
    }
}
