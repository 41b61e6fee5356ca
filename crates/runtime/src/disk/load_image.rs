use super::error::{About, DiskError};
use super::image_files::verify_image;
use loxodon_namespace::image::{ImageError, ImageReader, LoadedImage, Piece};
use loxodon_namespace::settings::Settings;
use loxodon_namespace::view::{LoadedInode, Loader};
use md5::{Digest, Md5};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Bytes of the image that a thread decodes at a time.
const PIECE: usize = 1024 * 1024;

/// Reads an image, compares its digest with the one beside it, and builds the namespace. Inodes
/// are decoded by up to `threads` threads while this one puts them into the tree.
///
/// # Errors
/// If it cannot be read, is damaged, or has what is not supported.
pub fn load_image(
    path: &Path,
    settings: Settings,
    threads: usize,
) -> Result<LoadedImage, DiskError> {
    tracing::info!("Loading image file {}", path.display());
    let bytes = fs::read(path).about("read", path)?;
    std::thread::scope(|scope| {
        let digest = scope.spawn(|| -> [u8; 16] { Md5::digest(&bytes).into() });
        let loaded = build(&bytes, settings, threads.max(1))
            .map_err(|error| DiskError::Image { path: path.to_owned(), reason: error.to_string() });
        let computed = digest.join().map_err(|_| DiskError::Image {
            path: path.to_owned(),
            reason: "its digest could not be computed".to_owned(),
        })?;
        // A wrong digest explains whatever else is wrong.
        verify_image(path, &computed)?;
        loaded
    })
}

fn build(bytes: &[u8], settings: Settings, threads: usize) -> Result<LoadedImage, ImageError> {
    let reader = ImageReader::open(bytes)?;
    let (pieces, expected) = reader.inode_pieces(PIECE)?;
    let mut loader = Loader::new(settings);
    let next = AtomicUsize::new(0);
    let count = std::thread::scope(|scope| {
        // A few pieces ahead of the tree, not more: decoded inodes take memory.
        let (sender, receiver) = mpsc::sync_channel(threads * 2);
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            let (reader, pieces) = (&reader, &pieces);
            scope.spawn(move || decode_all(reader, pieces, next, &sender));
        }
        drop(sender);
        let mut count = 0;
        for decoded in receiver {
            for inode in decoded? {
                loader.add(inode)?;
                count += 1;
            }
        }
        Ok::<u64, ImageError>(count)
    })?;
    reader.check_count(expected, count)?;
    reader.finish(loader)
}

type Decoded<'a> = Result<Vec<LoadedInode<'a>>, ImageError>;

fn decode_all<'a>(
    reader: &'a ImageReader<'_>,
    pieces: &'a [Piece<'_>],
    next: &AtomicUsize,
    sender: &mpsc::SyncSender<Decoded<'a>>,
) {
    while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
        // Nobody receives any more once one of the others has failed.
        if sender.send(reader.decode(piece)).is_err() {
            return;
        }
    }
}
