//! The journal and the images on the simulated disk: how a batch is written, and what a start
//! reads back.

use loxodon_journal::commit::Piece;
use loxodon_journal::inspect::{self, Listing, LoadPlan, Segment};
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

/// Storage directories of the NameNode, each on a disk of its own.
pub(crate) const DIRECTORIES: usize = 3;

/// The directories. What is durable is on every one that has not failed.
#[derive(Debug, Default)]
pub(crate) struct Store {
    directories: [Directory; DIRECTORIES],
}

#[derive(Debug, Default)]
struct Directory {
    disk: Disk,
    is_failed: bool,
    /// Segments that were begun since the last sync.
    begun: Option<TxId>,
}

impl Store {
    fn in_use(&mut self) -> impl Iterator<Item = &mut Directory> {
        self.directories.iter_mut().filter(|directory| !directory.is_failed)
    }

    /// A directory takes no more writes until the next start, unless it is the last one. What was
    /// on its way to it is lost or torn.
    pub(crate) fn fail(&mut self, directory: usize, rng: &mut fastrand::Rng) {
        if self.in_use().count() < 2 {
            return;
        }
        if let Some(directory) = self.directories.get_mut(directory)
            && !directory.is_failed
        {
            directory.is_failed = true;
            directory.disk.crash(rng);
        }
    }

    /// Everything that was written is on the platters.
    pub(crate) fn sync(&mut self) {
        for directory in self.in_use() {
            directory.disk.sync();
            // Only once the segment's first edit is there.
            if let Some(first) = directory.begun.take() {
                directory.disk.seen = first.0;
            }
        }
    }

    /// The power goes.
    pub(crate) fn crash(&mut self, rng: &mut fastrand::Rng) {
        for directory in self.in_use() {
            directory.disk.crash(rng);
        }
    }

    /// A start finds all directories, those that failed with what they had then.
    pub(crate) fn open(&mut self) {
        for directory in &mut self.directories {
            directory.is_failed = false;
            directory.begun = None;
            finish_segments(&mut directory.disk);
        }
    }

    /// Puts the pieces of a batch on their way; answers which segment is open then.
    pub(crate) fn write(&mut self, pieces: &[Piece], open: Option<TxId>) -> Option<TxId> {
        let mut last = open;
        for directory in self.in_use() {
            last = directory.write(pieces, open);
        }
        last
    }

    /// Puts an image on its way, under its name only when it is whole.
    pub(crate) fn save_image(&mut self, namespace: &Namespace, txid: TxId) -> Check {
        let mut bytes = Vec::new();
        let info = ImageInfo { namespace_id: NAMESPACE_ID, txid };
        image::save(namespace, info, &SaveOptions::default(), &mut bytes)
            .map_err(|error| format!("an image cannot be saved: {error}"))?;
        for directory in self.in_use() {
            let new = StorageFile::ImageNew(txid).name();
            directory.disk.append(new.clone(), bytes.clone());
            directory.disk.rename(new, StorageFile::Image(txid).name());
        }
        Ok(())
    }

    /// What a start has to read.
    pub(crate) fn plan(&self) -> Result<LoadPlan, String> {
        let listing = |directory: &Directory| {
            let names = directory.disk.files().keys();
            Listing {
                files: names.filter_map(|name| StorageFile::parse(name)).collect(),
                images: true,
                edits: true,
                seen_txid: TxId(directory.disk.seen),
            }
        };
        let listings: Vec<Listing> = self.directories.iter().map(listing).collect();
        inspect::plan(&listings).map_err(|error| format!("a start finds nothing to load: {error}"))
    }

    fn file(&self, directory: usize, name: &str) -> Result<&[u8], String> {
        let found = self.directories.get(directory).and_then(|it| it.disk.files().get(name));
        found.map(Vec::as_slice).ok_or_else(|| format!("{name} is gone from {directory}"))
    }

    /// The namespace of a plan's image.
    pub(crate) fn load_image(
        &self,
        plan: &LoadPlan,
        settings: Settings,
    ) -> Result<Namespace, String> {
        let txid = plan.image;
        let directory = plan.image_copies.first().copied().unwrap_or(0);
        let bytes = self.file(directory, &StorageFile::Image(txid).name())?;
        let loaded = image::load(bytes, settings)
            .map_err(|error| format!("image {txid:?} cannot be loaded: {error}"))?;
        Ok(loaded.namespace)
    }

    /// Every transaction of a plan, in order.
    pub(crate) fn replay(
        &self,
        plan: &LoadPlan,
        each: &mut dyn FnMut(Transaction) -> Check,
    ) -> Result<TxId, String> {
        let mut last = plan.image;
        for stretch in &plan.edits {
            let copy = stretch.copies.first().ok_or("a stretch without a segment")?;
            let Segment { first, last: end } = copy.file;
            let name = StorageFile::Edits { first, last: end }.name();
            let bytes = self.file(copy.directory, &name)?;
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
}

impl Directory {
    fn write(&mut self, pieces: &[Piece], mut open: Option<TxId>) -> Option<TxId> {
        for piece in pieces {
            match piece {
                Piece::StartSegment { first } => {
                    let mut header = Vec::new();
                    put_header(LAYOUT_VERSION, &mut header);
                    self.disk.append(StorageFile::EditsInProgress(*first).name(), header);
                    (open, self.begun) = (Some(*first), Some(*first));
                }
                Piece::Frames(bytes) => {
                    if let Some(first) = open {
                        let name = StorageFile::EditsInProgress(first).name();
                        self.disk.append(name, bytes.clone());
                    }
                }
                Piece::EndSegment { first, last } => {
                    let done = StorageFile::Edits { first: *first, last: *last };
                    self.disk.rename(StorageFile::EditsInProgress(*first).name(), done.name());
                    open = None;
                }
            }
        }
        open
    }
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
fn finish_segments(disk: &mut Disk) {
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
