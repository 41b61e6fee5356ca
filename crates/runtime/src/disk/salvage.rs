//! What can still be read of damaged edits, for `namenode -recover`: somebody is asked about each
//! thing that is wrong (`FSEditLogLoader` with a `MetaRecoveryContext`).

use super::error::{About, DiskError};
use super::recover::{Recovered, finish_segment};
use super::segment_reader::SegmentReader;
use super::storage::{StorageSet, list_files};
use loxodon_journal::names::StorageFile;
use loxodon_namespace::edit::Transaction;
use loxodon_wire::ids::TxId;
use std::fs;
use std::path::{Path, PathBuf};

/// What to do about something that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Pass over it.
    Continue,
    /// Leave out everything from here on.
    Stop,
    /// Change nothing at all.
    Quit,
}

/// Who decides, and what takes the transactions.
pub trait Salvage {
    /// Something is wrong; `continuing` says what going on means.
    fn ask(&mut self, what: &str, continuing: &str) -> Choice;
    /// Applies a transaction.
    ///
    /// # Errors
    /// Why it cannot be.
    fn apply(&mut self, transaction: &Transaction) -> Result<(), String>;
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Salvaged {
    /// All transactions up to this one are applied or left out on purpose: what is written next
    /// comes after it.
    UpTo(TxId),
    /// Nothing shall be changed.
    Quit,
}

/// Copies of one segment.
struct Segment {
    first: TxId,
    /// The last transaction, of a finished one.
    last: Option<TxId>,
    paths: Vec<PathBuf>,
}

/// Why reading ends before the end.
enum End {
    Disk(DiskError),
    Quit,
}

impl From<DiskError> for End {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl StorageSet {
    /// Every image with its copies, the newest first.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn images(&self) -> Result<Vec<(TxId, Vec<PathBuf>)>, DiskError> {
        let mut images: Vec<(TxId, Vec<PathBuf>)> = Vec::new();
        for (_, current) in self.current_directories(|settings| settings.images) {
            if !current.is_dir() {
                continue;
            }
            for file in list_files(&current)? {
                let (StorageFile::Image(txid) | StorageFile::ImageRollback(txid)) = file else {
                    continue;
                };
                let path = current.join(file.name());
                match images.iter_mut().find(|(known, _)| *known == txid) {
                    Some((_, paths)) => paths.push(path),
                    None => images.push((txid, vec![path])),
                }
            }
        }
        images.sort_by_key(|(txid, _)| std::cmp::Reverse(*txid));
        Ok(images)
    }

    /// Hands all transactions after `image` that can be read to `salvage`, and asks it about
    /// what is wrong. No file is changed.
    ///
    /// # Errors
    /// If a file cannot be read for another reason than what is in it.
    pub fn salvage(&self, image: TxId, salvage: &mut impl Salvage) -> Result<Salvaged, DiskError> {
        let mut reading = Reading {
            salvage,
            image,
            expected: image.next(),
            highest: image,
            stopped: false,
            max_op_size: self.max_op_size(),
        };
        for segment in self.segments()? {
            if segment.last.is_some_and(|last| last <= image) {
                continue;
            }
            match reading.segment(&segment) {
                Ok(()) => {}
                Err(End::Quit) => return Ok(Salvaged::Quit),
                Err(End::Disk(error)) => return Err(error),
            }
        }
        Ok(Salvaged::UpTo(reading.highest))
    }

    fn segments(&self) -> Result<Vec<Segment>, DiskError> {
        let mut segments: Vec<Segment> = Vec::new();
        for (_, current) in self.current_directories(|settings| settings.edits) {
            if !current.is_dir() {
                continue;
            }
            for file in list_files(&current)? {
                let (first, last) = match file {
                    StorageFile::Edits { first, last } => (first, Some(last)),
                    StorageFile::EditsInProgress(first) => (first, None),
                    _ => continue,
                };
                let path = current.join(file.name());
                match segments.iter_mut().find(|known| known.first == first) {
                    Some(known) => {
                        known.last = known.last.max(last);
                        known.paths.push(path);
                    }
                    None => segments.push(Segment { first, last, paths: vec![path] }),
                }
            }
        }
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }

    /// After an image was saved that stands for all edits: open segments are finished, or put
    /// aside where they are damaged, and `seen_txid` says what there is.
    ///
    /// # Errors
    /// If a file cannot be renamed.
    pub fn settle(&self, last: TxId) -> Result<(), DiskError> {
        for (_, current) in self.current_directories(|settings| settings.edits) {
            if !current.is_dir() {
                continue;
            }
            for file in list_files(&current)? {
                let StorageFile::EditsInProgress(first) = file else { continue };
                match finish_segment(&current, first, self.max_op_size()) {
                    Ok(Recovered::Finished(_) | Recovered::Empty) => {}
                    Err(error @ (DiskError::Damaged { .. } | DiskError::Header { .. })) => {
                        tracing::warn!("{error}");
                        put_aside(&current.join(file.name()))?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.record_seen(last);
        Ok(())
    }
}

fn put_aside(path: &Path) -> Result<(), DiskError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".corrupt");
    tracing::info!("Moving aside corrupt edit log file {}", path.display());
    fs::rename(path, Path::new(&name)).about("rename", path)
}

struct Reading<'a, S> {
    salvage: &'a mut S,
    image: TxId,
    expected: TxId,
    highest: TxId,
    stopped: bool,
    max_op_size: usize,
}

impl<S: Salvage> Reading<'_, S> {
    fn ask(&mut self, what: &str, continuing: &str) -> Result<(), End> {
        if self.stopped {
            return Ok(());
        }
        match self.salvage.ask(what, continuing) {
            Choice::Continue => Ok(()),
            Choice::Quit => Err(End::Quit),
            Choice::Stop => {
                self.stopped = true;
                Ok(())
            }
        }
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), End> {
        let Some(path) = self.best_copy(segment) else { return Ok(()) };
        tracing::info!("Reading {} expecting start txid #{}", path.display(), self.expected);
        let mut reader = match SegmentReader::open(path, self.max_op_size) {
            Ok(reader) => reader.lenient(),
            Err(error @ DiskError::Io { .. }) => return Err(error.into()),
            Err(error) => {
                tracing::error!("{error}");
                return self.unreadable(segment);
            }
        };
        loop {
            match reader.next_transaction() {
                Ok(Some(transaction)) => self.take(&transaction)?,
                Err(error @ DiskError::Io { .. }) => return Err(error.into()),
                outcome => {
                    let offset = reader.offset();
                    if let Err(error) = outcome {
                        tracing::error!("{error}");
                    }
                    if !reader.resync()? {
                        break;
                    }
                    tracing::warn!("Passing over {} at offset {offset}", path.display());
                    self.failed_to_read()?;
                }
            }
        }
        self.unreadable(segment)
    }

    /// The end of a segment: what its name says that is in it was read, or is asked about.
    fn unreadable(&mut self, segment: &Segment) -> Result<(), End> {
        let Some(last) = segment.last else { return Ok(()) };
        if self.expected <= last && self.image < last {
            self.failed_to_read()?;
            self.expected = last.next();
        }
        self.highest = self.highest.max(last);
        Ok(())
    }

    fn failed_to_read(&mut self) -> Result<(), End> {
        let what = format!("We failed to read txId {}", self.expected);
        self.ask(&what, "skipping the bad section in the log")
    }

    /// The copy that has everything, else the one that can be read furthest.
    fn best_copy<'p>(&self, segment: &'p Segment) -> Option<&'p PathBuf> {
        if let [only] = segment.paths.as_slice() {
            return Some(only);
        }
        let reach = |path: &PathBuf| {
            let Ok(mut reader) = SegmentReader::open(path, self.max_op_size) else {
                return TxId(0);
            };
            while let Ok(Some(_)) = reader.next_id() {}
            reader.last()
        };
        // The first of equals.
        segment.paths.iter().rev().max_by_key(|path| reach(path))
    }

    fn take(&mut self, transaction: &Transaction) -> Result<(), End> {
        let (txid, expected) = (transaction.txid, self.expected);
        if txid <= self.image {
            return Ok(());
        }
        self.highest = self.highest.max(txid);
        if txid > expected {
            let what = format!(
                "There appears to be a gap in the edit log.  We expected txid {expected}, but got \
                 txid {txid}."
            );
            self.ask(&what, "ignoring missing  transaction IDs")?;
        } else if txid < expected {
            let what = format!(
                "There appears to be an out-of-order edit in the edit log.  We expected txid \
                 {expected}, but got txid {txid}."
            );
            return self.ask(&what, "skipping the out-of-order edit");
        }
        if !self.stopped
            && let Err(error) = self.salvage.apply(transaction)
        {
            let what =
                format!("Failed to apply edit log operation {:?}: error {error}", transaction.edit);
            self.ask(&what, "applying edits")?;
        }
        self.expected = txid.next();
        Ok(())
    }
}
