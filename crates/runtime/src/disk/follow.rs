//! Reading edits again while they are written, for whoever follows what happens.

use super::error::DiskError;
use super::segment_reader::SegmentReader;
use super::storage::StorageSet;
use loxodon_journal::names::StorageFile;
use loxodon_namespace::edit::Transaction;
use loxodon_wire::ids::TxId;
use std::path::PathBuf;

impl StorageSet {
    /// Hands transactions from `from` to `until` to `take`, as far as they are still kept and
    /// until it says that it has enough. The open segment may be written to meanwhile.
    ///
    /// # Errors
    /// If a segment cannot be read.
    pub fn read_from(
        &self,
        from: TxId,
        until: TxId,
        mut take: impl FnMut(&Transaction) -> bool,
    ) -> Result<(), DiskError> {
        let mut next = from;
        loop {
            let Some((file, path)) = self.segment_with(next, until)? else { return Ok(()) };
            // Whoever finished the open segment has just renamed it: it is looked for once more.
            let mut reader = match SegmentReader::open(&path, self.max_op_size()) {
                Err(_) if !path.exists() && matches!(file, StorageFile::EditsInProgress(_)) => {
                    continue;
                }
                opened => opened?,
            };
            let before = next;
            // What follows `until` may be half written.
            while next <= until
                && let Some(transaction) = reader.next_transaction()?
            {
                if transaction.txid >= next {
                    next = transaction.txid.next();
                    if !take(&transaction) {
                        return Ok(());
                    }
                }
            }
            if next == before || next > until {
                return Ok(());
            }
        }
    }

    /// The segment with `txid`, or the first one after it that begins before `until`.
    fn segment_with(
        &self,
        txid: TxId,
        until: TxId,
    ) -> Result<Option<(StorageFile, PathBuf)>, DiskError> {
        let span = |file: &StorageFile| match *file {
            StorageFile::Edits { first, last } if last >= txid => Some(first),
            StorageFile::EditsInProgress(first) => Some(first),
            _ => None,
        };
        let files = self.files()?.into_iter();
        let files = files.filter_map(|file| Some((span(&file)?, file)));
        let has = |first: TxId, file: &StorageFile| {
            first <= txid && matches!(file, StorageFile::Edits { .. })
        };
        let first = files
            .filter(|(first, _)| *first <= until)
            .min_by_key(|(first, file)| (!has(*first, file), *first));
        Ok(first.and_then(|(_, file)| Some((file, self.find(file)?))))
    }
}
