use super::error::{About, DiskError};
use super::files::{read_small, sync_parent, write_atomically};
use super::storage::StorageSet;
use loxodon_journal::digest;
use loxodon_journal::names::StorageFile;
use loxodon_wire::ids::TxId;
use md5::{Digest, Md5};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Bytes that are written at once.
const BUFFER: usize = 1024 * 1024;

/// Where an image is written: every image directory at once, and the digest is taken on the way.
#[derive(Debug)]
pub struct ImageSink<'a> {
    storage: &'a StorageSet,
    copies: Vec<Copy>,
    digest: Md5,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Copy {
    directory: usize,
    path: std::path::PathBuf,
    file: File,
}

impl ImageSink<'_> {
    fn flush_buffer(&mut self) -> io::Result<()> {
        self.digest.update(&self.buffer);
        let buffer = &self.buffer;
        let storage = self.storage;
        self.copies.retain_mut(|copy| {
            keep(storage, copy.directory, copy.file.write_all(buffer).about("write", &copy.path))
        });
        self.buffer.clear();
        if self.copies.is_empty() {
            return Err(io::Error::other(
                "Failed to save in any storage directories while saving namespace.",
            ));
        }
        Ok(())
    }
}

impl Write for ImageSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush_buffer()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_buffer()
    }
}

/// Whether a directory may stay in use after what was done to it.
fn keep(storage: &StorageSet, directory: usize, outcome: Result<(), DiskError>) -> bool {
    outcome.map_or_else(
        |error| {
            storage.drop_directory(directory, &error);
            false
        },
        |()| true,
    )
}

/// Saves an image that goes up to `txid` into every image directory: `write` writes it once. It
/// has its final name only when it is whole and durable; a directory that fails is dropped.
///
/// # Errors
/// If `write` fails, or no directory is left.
pub fn save_image(
    storage: &StorageSet,
    txid: TxId,
    write: impl FnOnce(&mut ImageSink<'_>) -> io::Result<()>,
) -> Result<[u8; 16], DiskError> {
    let mut sink = ImageSink {
        storage,
        copies: Vec::new(),
        digest: Md5::new(),
        buffer: Vec::with_capacity(BUFFER * 2),
    };
    for (directory, current) in storage.current_directories(|settings| settings.images) {
        let path = current.join(StorageFile::ImageNew(txid).name());
        match File::create(&path).about("create", &path) {
            Ok(file) => sink.copies.push(Copy { directory, path, file }),
            Err(error) => {
                storage.drop_directory(directory, &error);
            }
        }
    }
    if sink.copies.is_empty() {
        return Err(DiskError::NoDirectories("No image directories available!"));
    }
    let written = write(&mut sink).and_then(|()| sink.flush_buffer());
    let ImageSink { copies, digest, .. } = sink;
    if let Err(source) = written {
        for copy in &copies {
            // It failed already; what is left over is deleted by the next one.
            let _ = fs::remove_file(&copy.path);
        }
        return Err(DiskError::Io {
            action: "save",
            path: StorageFile::Image(txid).name().into(),
            source,
        });
    }
    let digest: [u8; 16] = digest.finalize().into();
    let saved = copies
        .into_iter()
        .filter(|copy| keep(storage, copy.directory, publish(copy, txid, &digest)))
        .count();
    if saved == 0 {
        return Err(DiskError::NoDirectories(
            "Failed to save in any storage directories while saving namespace.",
        ));
    }
    Ok(digest)
}

fn publish(copy: &Copy, txid: TxId, digest: &[u8; 16]) -> Result<(), DiskError> {
    copy.file.sync_all().about("sync", &copy.path)?;
    let name = StorageFile::Image(txid).name();
    let target = copy.path.with_file_name(&name);
    let line = digest::render(digest, &name);
    write_atomically(&copy.path.with_file_name(format!("{name}.md5")), line.as_bytes())?;
    fs::rename(&copy.path, &target).about("rename to", &target)?;
    sync_parent(&target)
}

/// Compares an image's digest, as it was computed while the image was read, with the one beside
/// it.
///
/// # Errors
/// If there is none, or it differs.
pub fn verify_image(path: &Path, computed: &[u8; 16]) -> Result<(), DiskError> {
    let corrupt = |reason: String| DiskError::Image { path: path.to_owned(), reason };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let beside = path.with_file_name(format!("{name}.md5"));
    if !beside.exists() {
        return Err(corrupt(format!(
            "No MD5 file found corresponding to image file {}",
            path.display()
        )));
    }
    let stored = digest::parse(&read_small(&beside)?, name).map_err(corrupt)?;
    if stored != *computed {
        return Err(corrupt(format!(
            "its MD5 checksum is {:032x}, but {:032x} is stored beside it",
            u128::from_be_bytes(*computed),
            u128::from_be_bytes(stored)
        )));
    }
    Ok(())
}
