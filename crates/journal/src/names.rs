//! Names of the files in a NameNode's `current` directory (`NNStorage.NameNodeFile`).

use loxodon_wire::ids::TxId;

/// What a file's name says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageFile {
    /// `fsimage_N`: the namespace after transaction N.
    Image(TxId),
    /// `fsimage_rollback_N`: the namespace before a rolling upgrade.
    ImageRollback(TxId),
    /// `fsimage.ckpt_N`: an image that is being written.
    ImageNew(TxId),
    /// `edits_N-M`: a finished segment.
    Edits {
        /// First transaction.
        first: TxId,
        /// Last transaction.
        last: TxId,
    },
    /// `edits_inprogress_N`: a segment that is being written.
    EditsInProgress(TxId),
    /// `edits_inprogress_N.<suffix>`: one that was put aside.
    EditsStale(TxId),
}

impl StorageFile {
    /// What `name` says; `None` for a file of another kind.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("fsimage") {
            return if let Some(number) = rest.strip_prefix("_rollback_") {
                Some(Self::ImageRollback(txid(number)?))
            } else if let Some(number) = rest.strip_prefix(".ckpt_") {
                Some(Self::ImageNew(txid(number)?))
            } else {
                Some(Self::Image(txid(rest.strip_prefix('_')?)?))
            };
        }
        let rest = name.strip_prefix("edits_")?;
        if let Some(number) = rest.strip_prefix("inprogress_") {
            return match number.split_once('.') {
                None => Some(Self::EditsInProgress(txid(number)?)),
                Some((number, _)) => Some(Self::EditsStale(txid(number)?)),
            };
        }
        let (first, last) = rest.split_once('-')?;
        let (first, last) = (txid(first)?, txid(last)?);
        (first <= last).then_some(Self::Edits { first, last })
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Image(TxId(id)) => format!("fsimage_{id:019}"),
            Self::ImageRollback(TxId(id)) => format!("fsimage_rollback_{id:019}"),
            Self::ImageNew(TxId(id)) => format!("fsimage.ckpt_{id:019}"),
            Self::Edits { first, last } => format!("edits_{:019}-{:019}", first.0, last.0),
            Self::EditsInProgress(TxId(id)) => format!("edits_inprogress_{id:019}"),
            Self::EditsStale(TxId(id)) => format!("edits_inprogress_{id:019}.stale"),
        }
    }
}

fn txid(digits: &str) -> Option<TxId> {
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok().map(TxId))
        .flatten()
        .filter(|txid| i64::try_from(txid.0).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, file) in [
            ("fsimage_0000000000000000307", StorageFile::Image(TxId(307))),
            ("fsimage.ckpt_0000000000000000307", StorageFile::ImageNew(TxId(307))),
            ("fsimage_rollback_0000000000000000001", StorageFile::ImageRollback(TxId(1))),
            (
                "edits_0000000000000000001-0000000000000000121",
                StorageFile::Edits { first: TxId(1), last: TxId(121) },
            ),
            ("edits_inprogress_0000000000000000308", StorageFile::EditsInProgress(TxId(308))),
        ] {
            assert_eq!(StorageFile::parse(name), Some(file));
            assert_eq!(file.name(), name);
        }
        assert_eq!(
            StorageFile::parse("edits_inprogress_0000000000000000308.corrupt"),
            Some(StorageFile::EditsStale(TxId(308)))
        );
        for other in [
            "fsimage_0000000000000000307.md5",
            "fsimage",
            "edits_5-4",
            "edits_1",
            "VERSION",
            "seen_txid",
            "edits_inprogress_",
            "fsimage_99999999999999999999",
        ] {
            assert_eq!(StorageFile::parse(other), None, "{other}");
        }
    }
}
