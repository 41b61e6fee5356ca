//! An image, compared with its digest and decoded on several threads.

use super::error::{About, DiskError};
use super::image_files::verify_image;
use loxodon_namespace::image::{ImageError, ImageReader, LoadedImage, Piece};
use loxodon_namespace::settings::Settings;
use loxodon_namespace::view::Loader;
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
    let mut loader = Loader::new(settings);
    let (pieces, expected) = reader.inode_pieces(PIECE)?;
    let mut count = 0;
    on_threads(
        threads,
        &pieces,
        |piece| reader.decode_batch(piece),
        |batch| {
            count += loader.add_batch(batch)?;
            Ok(())
        },
    )?;
    reader.check_count(expected, count)?;
    let pieces = reader.directory_pieces(PIECE)?;
    let mut found = Vec::with_capacity(pieces.len());
    on_threads(
        threads,
        &pieces,
        |piece| reader.families(&loader, piece),
        |families| {
            found.push(families);
            Ok(())
        },
    )?;
    for families in found {
        loader.join(&families)?;
    }
    reader.finish(loader)
}

/// Does `work` on every piece, by several threads, and gives what comes out to `take` on this one.
fn on_threads<'a, T: Send>(
    threads: usize,
    pieces: &'a [Piece<'_>],
    work: impl Fn(&'a Piece<'_>) -> Result<T, ImageError> + Sync,
    mut take: impl FnMut(T) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // A few pieces ahead, not more: decoded ones take memory.
        let (sender, receiver) = mpsc::sync_channel(threads * 2);
        for _ in 0..threads.min(pieces.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Nobody receives any more once one of the others has failed.
                    if sender.send(work(piece)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().try_for_each(|result| take(result?))
    })
}
