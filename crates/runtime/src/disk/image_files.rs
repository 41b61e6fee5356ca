//! Image files: written to all directories at once, digested on the way, then put in place.

use super::error::{About, DiskError};
use super::files::{read_small, sync_parent, write_atomically};
use super::storage::StorageSet;
use loxodon_journal::digest;
use loxodon_journal::names::StorageFile;
use loxodon_wire::ids::TxId;
use md5::{Digest, Md5};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes that are written at once.
const BUFFER: usize = 1024 * 1024;

/// Pieces that may wait for a disk, or for the digest.
const PIECES: usize = 4;

/// Bytes after which a disk is told to begin: what is left at the end is little.
const SYNC_EVERY: usize = 16 * 1024 * 1024;

/// Where an image is written: every image directory and the digest have a thread of their own, so that
/// encoding, digest and disks do not wait for each other.
#[derive(Debug)]
pub struct ImageSink {
    copies: Vec<SyncSender<Arc<Vec<u8>>>>,
    digest: SyncSender<Arc<Vec<u8>>>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Copy {
    directory: usize,
    path: PathBuf,
    file: File,
}

impl ImageSink {
    fn flush_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(BUFFER + BUFFER / 2);
        let piece = Arc::new(std::mem::replace(&mut self.buffer, next));
        let is_digested = self.digest.send(Arc::clone(&piece)).is_ok();
        // A disk that failed does not listen any more.
        self.copies.retain(|copy| copy.send(Arc::clone(&piece)).is_ok());
        if self.copies.is_empty() || !is_digested {
            return Err(io::Error::other(NOWHERE));
        }
        Ok(())
    }
}

impl Write for ImageSink {
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

const NOWHERE: &str = "Failed to save in any storage directories while saving namespace.";

impl Copy {
    /// Writes the pieces that come, and makes them durable.
    fn write(&mut self, pieces: &Receiver<Arc<Vec<u8>>>) -> Result<(), DiskError> {
        let mut unsynced = 0;
        for piece in pieces {
            self.file.write_all(&piece).about("write", &self.path)?;
            unsynced += piece.len();
            if unsynced >= SYNC_EVERY {
                self.file.sync_data().about("sync", &self.path)?;
                unsynced = 0;
            }
        }
        self.file.sync_all().about("sync", &self.path)
    }
}

fn digest_of(pieces: &Receiver<Arc<Vec<u8>>>) -> [u8; 16] {
    let mut digest = Md5::new();
    for piece in pieces {
        digest.update(&**piece);
    }
    digest.finalize().into()
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
    write: impl FnOnce(&mut ImageSink) -> io::Result<()>,
) -> Result<[u8; 16], DiskError> {
    let copies = create(storage, txid);
    if copies.is_empty() {
        return Err(DiskError::NoDirectories("No image directories available!"));
    }
    let paths: Vec<PathBuf> = copies.iter().map(|copy| copy.path.clone()).collect();
    match write_copies(storage, copies, write) {
        Ok((digest, copies)) => {
            let published = copies
                .into_iter()
                .filter(|copy| keep(storage, copy.directory, publish(copy, txid, &digest)))
                .count();
            if published == 0 { Err(DiskError::NoDirectories(NOWHERE)) } else { Ok(digest) }
        }
        Err(source) => {
            for path in &paths {
                // It failed already; what is left over is deleted by the next one.
                let _ = fs::remove_file(path);
            }
            let path = StorageFile::Image(txid).name().into();
            Err(DiskError::Io { action: "save", path, source })
        }
    }
}

fn create(storage: &StorageSet, txid: TxId) -> Vec<Copy> {
    let mut copies = Vec::new();
    for (directory, current) in storage.current_directories(|settings| settings.images) {
        let path = current.join(StorageFile::ImageNew(txid).name());
        match File::create(&path).about("create", &path) {
            Ok(file) => copies.push(Copy { directory, path, file }),
            Err(error) => {
                storage.drop_directory(directory, &error);
            }
        }
    }
    copies
}

/// The digest, and the copies that are whole and durable.
fn write_copies(
    storage: &StorageSet,
    copies: Vec<Copy>,
    write: impl FnOnce(&mut ImageSink) -> io::Result<()>,
) -> io::Result<([u8; 16], Vec<Copy>)> {
    std::thread::scope(|scope| {
        let (digest, pieces) = sync_channel(PIECES);
        let digested = std::thread::Builder::new()
            .name("image-digest".into())
            .spawn_scoped(scope, move || digest_of(&pieces))?;
        let mut sink =
            ImageSink { copies: Vec::new(), digest, buffer: Vec::with_capacity(BUFFER * 2) };
        let mut writers = Vec::new();
        for mut copy in copies {
            let (sender, pieces) = sync_channel(PIECES);
            sink.copies.push(sender);
            let writer = std::thread::Builder::new().name("image-writer".into());
            writers.push(writer.spawn_scoped(scope, move || {
                let outcome = copy.write(&pieces);
                keep(storage, copy.directory, outcome).then_some(copy)
            })?);
        }
        let written = write(&mut sink).and_then(|()| sink.flush_buffer());
        drop(sink);
        let whole: Vec<Copy> =
            writers.into_iter().filter_map(|writer| writer.join().ok().flatten()).collect();
        let digest =
            digested.join().map_err(|_| io::Error::other("the digest's thread panicked"))?;
        written.map(|()| (digest, whole))
    })
}

/// Gives a copy that is durable its name, and puts the digest beside it.
fn publish(copy: &Copy, txid: TxId, digest: &[u8; 16]) -> Result<(), DiskError> {
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
