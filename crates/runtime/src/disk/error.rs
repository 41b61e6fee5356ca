//! What goes wrong on disks, with the path.

use loxodon_journal::inspect::PlanError;
use loxodon_journal::segment::Damage;
use loxodon_journal::version::VersionError;
use loxodon_namespace::edit_codec::{CodecError, HeaderError};
use loxodon_wire::ids::TxId;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong on a storage directory, and where.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The operating system refused.
    #[error("Cannot {action} {}: {source}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process, or another part of this one, uses the directory.
    #[error("Cannot lock storage {}. The directory is already locked", .0.display())]
    Locked(PathBuf),
    /// The directory is not as it should be.
    #[error("Directory {} is in an inconsistent state: {reason}", path.display())]
    Inconsistent {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Its `VERSION` cannot be accepted.
    #[error("Directory {} is in an inconsistent state: {source}", path.display())]
    Version {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        source: VersionError,
    },
    /// Its layout is older than this version's.
    #[error(
        "\nFile system image contains an old layout version {found}.\nAn upgrade to version \
         {current} is required.\nPlease restart NameNode with the \"-rollingUpgrade started\" \
         option if a rolling upgrade is already started; or restart NameNode with the \
         \"-upgrade\" option to start a new upgrade."
    )]
    OldLayout {
        /// On disk.
        found: i32,
        /// Of this version.
        current: i32,
    },
    /// No directory was formatted.
    #[error("NameNode is not formatted.")]
    NotFormatted,
    /// No directory is left.
    #[error("{0}")]
    NoDirectories(&'static str),
    /// There is nothing that can be loaded.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A segment whose header cannot be read.
    #[error("{}: {source}", path.display())]
    Header {
        /// The segment.
        path: PathBuf,
        /// What is wrong.
        source: HeaderError,
    },
    /// A transaction that cannot be read.
    #[error("Error replaying edit log at offset {offset} of {}: {source}", path.display())]
    Transaction {
        /// The segment.
        path: PathBuf,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        source: CodecError,
    },
    /// A segment that is damaged where it had been acknowledged.
    #[error("In-progress edit log file is corrupt: {}: {source}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// What is wrong.
        source: Damage,
    },
    /// A segment ends before it should.
    #[error(
        "{} ends at txid {found}, but its name says {expected} (offset {offset})", path.display()
    )]
    EndsEarly {
        /// The segment.
        path: PathBuf,
        /// The last transaction it must have.
        expected: TxId,
        /// The last one there is.
        found: TxId,
        /// Where it ends.
        offset: u64,
    },
    /// Transactions do not follow each other.
    #[error(
        "Transaction ID {found} at offset {offset} of {} is out of order: expected {expected}",
        path.display()
    )]
    OutOfOrder {
        /// The segment.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// The one that had to come.
        expected: TxId,
        /// The one that came.
        found: TxId,
    },
    /// An image whose digest does not fit.
    #[error("Image file {} is corrupt: {reason}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl DiskError {
    /// The exception Java raises here.
    #[must_use]
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Version { source, .. } => source.java_class(),
            Self::Inconsistent { .. } => {
                "org.apache.hadoop.hdfs.server.common.InconsistentFSStateException"
            }
            Self::Plan(error) => error.java_class(),
            Self::Header { source, .. } => source.java_class(),
            Self::Transaction { source, .. } => source.java_class(),
            Self::Damaged { .. } => {
                "org.apache.hadoop.hdfs.server.namenode.JournalManager$CorruptionException"
            }
            _ => "java.io.IOException",
        }
    }

    pub(super) fn inconsistent(path: &Path, reason: impl Into<String>) -> Self {
        Self::Inconsistent { path: path.to_owned(), reason: reason.into() }
    }
}

/// Says what was done to which file, where the operating system only says what went wrong.
pub(super) trait About<T> {
    fn about(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError::Io { action, path: path.to_owned(), source })
    }
}
