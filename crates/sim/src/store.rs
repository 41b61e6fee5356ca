//! The journal and the images on the simulated disk: how a batch is written, and what a start
//! reads back.

use loxodon_journal::commit::Piece;
use loxodon_journal::inspect::{self, Listing, LoadPlan};
use loxodon_journal::names::StorageFile;
use loxodon_namespace::Namespace;
use loxodon_namespace::edit::Transaction;
use loxodon_namespace::edit_codec::{self, Read};
use loxodon_namespace::image::{self, ImageInfo, SaveOptions};
use loxodon_namespace::settings::Settings;
use loxodon_wire::editlog::{HEADER_LENGTH, LAYOUT_VERSION, MAX_OP_SIZE, put_header};
use loxodon_wire::ids::TxId;

use crate::checks::Check;
use crate::disk::Disk;

/// The number of the simulated file system.
pub(crate) const NAMESPACE_ID: i32 = 4711;

/// Puts the pieces of a batch on their way to the platter; answers which segment is open then.
pub(crate) fn write(disk: &mut Disk, pieces: &[Piece], mut open: Option<TxId>) -> Option<TxId> {
    for piece in pieces {
        match piece {
            Piece::StartSegment { first } => {
                let mut header = Vec::new();
                put_header(LAYOUT_VERSION, &mut header);
                disk.append(StorageFile::EditsInProgress(*first).name(), header);
                open = Some(*first);
            }
            Piece::Frames(bytes) => {
                if let Some(first) = open {
                    disk.append(StorageFile::EditsInProgress(first).name(), bytes.clone());
                }
            }
            Piece::EndSegment { first, last } => {
                let done = StorageFile::Edits { first: *first, last: *last };
                disk.rename(StorageFile::EditsInProgress(*first).name(), done.name());
                open = None;
            }
        }
    }
    open
}

/// Puts an image on its way to the platter, under its name only when it is whole.
pub(crate) fn save_image(disk: &mut Disk, namespace: &Namespace, txid: TxId) -> Check {
    let mut bytes = Vec::new();
    let info = ImageInfo { namespace_id: NAMESPACE_ID, txid };
    image::save(namespace, info, &SaveOptions::default(), &mut bytes)
        .map_err(|error| format!("an image cannot be saved: {error}"))?;
    let new = StorageFile::ImageNew(txid).name();
    disk.append(new.clone(), bytes);
    disk.rename(new, StorageFile::Image(txid).name());
    Ok(())
}

/// The transactions in a stretch of frames, and how far it is whole.
fn transactions(mut bytes: &[u8]) -> (Vec<Transaction>, usize) {
    let (mut found, mut whole) = (Vec::new(), 0);
    // A frame that is damaged or cut ends what can be read.
    while let Ok(Read::Transaction(transaction, length)) =
        edit_codec::read_transaction(bytes, LAYOUT_VERSION, MAX_OP_SIZE)
    {
        found.push(*transaction);
        whole += length;
        bytes = bytes.get(length..).unwrap_or_default();
    }
    (found, whole)
}

/// The transactions in frames that must be whole.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Transaction>, String> {
    match transactions(bytes) {
        (found, whole) if whole == bytes.len() => Ok(found),
        (found, whole) => Err(format!(
            "of {} bytes of frames only {whole} can be read, {} transactions",
            bytes.len(),
            found.len()
        )),
    }
}

/// Finishes what was being written when the power went: what is whole stays, the rest is cut.
pub(crate) fn finish_segments(disk: &mut Disk) {
    let files: Vec<_> =
        disk.files().iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    for (name, bytes) in files {
        let Some(StorageFile::EditsInProgress(first)) = StorageFile::parse(&name) else { continue };
        let body = bytes.get(HEADER_LENGTH..).unwrap_or_default();
        let (found, whole) = match edit_codec::read_header(&bytes) {
            Ok(_) => transactions(body),
            Err(_) => (Vec::new(), 0),
        };
        disk.remove(name);
        if let Some(last) = found.last() {
            let kept = bytes.get(..HEADER_LENGTH + whole).unwrap_or_default().to_vec();
            disk.append(StorageFile::Edits { first, last: last.txid }.name(), kept);
        }
    }
    disk.sync();
}

/// What a start has to read.
pub(crate) fn plan(disk: &Disk) -> Result<LoadPlan, String> {
    let files = disk.files().keys().filter_map(|name| StorageFile::parse(name)).collect();
    let listing = Listing { files, images: true, edits: true, seen_txid: TxId(0) };
    inspect::plan(&[listing]).map_err(|error| format!("a start finds nothing to load: {error}"))
}

/// The namespace of an image.
pub(crate) fn load_image(disk: &Disk, txid: TxId, settings: Settings) -> Result<Namespace, String> {
    let bytes = disk.files().get(&StorageFile::Image(txid).name());
    let bytes = bytes.ok_or_else(|| format!("image {txid:?} is gone"))?;
    let loaded = image::load(bytes, settings)
        .map_err(|error| format!("image {txid:?} cannot be loaded: {error}"))?;
    Ok(loaded.namespace)
}

/// Every transaction of a plan, in order.
pub(crate) fn replay(
    disk: &Disk,
    plan: &LoadPlan,
    each: &mut dyn FnMut(Transaction) -> Check,
) -> Result<TxId, String> {
    let mut last = plan.image;
    for stretch in &plan.edits {
        let copy = stretch.copies.first().ok_or("a stretch without a segment")?.file;
        let name = StorageFile::Edits { first: copy.first, last: copy.last }.name();
        let bytes = disk.files().get(&name).ok_or_else(|| format!("{name} is gone"))?;
        for transaction in decode(bytes.get(HEADER_LENGTH..).unwrap_or_default())? {
            if transaction.txid < stretch.from || transaction.txid > stretch.last {
                continue;
            }
            if transaction.txid != last.next() {
                return Err(format!("{name} has {:?} after {last:?}", transaction.txid));
            }
            last = transaction.txid;
            each(transaction)?;
        }
    }
    Ok(last)
}
