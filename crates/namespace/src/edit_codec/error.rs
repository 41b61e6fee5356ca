//! Why an operation cannot be read or written.

use loxodon_wire::editlog::{FrameError, LAYOUT_VERSION};

/// An operation that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The frame around it is damaged.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// No operation has this number.
    #[error("Read invalid opcode {0}")]
    UnknownOpcode(i8),
    /// The bytes end inside a field.
    #[error("unexpected end of operation {0}")]
    Truncated(&'static str),
    /// There are bytes after the last field.
    #[error("{1} bytes left after the last field of {0}")]
    Trailing(&'static str, usize),
    /// A field holds what it cannot hold.
    #[error("bad {field}: {reason}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Only old versions wrote this operation.
    #[error("Deprecated")]
    NotWritten,
}

impl CodecError {
    /// The exception Java raises here.
    #[must_use]
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Frame(FrameError::Checksum { .. }) => "org.apache.hadoop.fs.ChecksumException",
            Self::Truncated(_) => "java.io.EOFException",
            _ => "java.io.IOException",
        }
    }

    pub(super) fn field(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Field { field, reason: reason.into() }
    }
}

/// A segment whose beginning cannot be read (`EditLogFileInputStream.LogHeaderCorruptException`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Nothing is in it.
    #[error("Reached EOF when reading log header")]
    Empty,
    /// It ends inside the header.
    #[error("EOF while reading layout flags from log")]
    NoFlags,
    /// It was preallocated, and nothing was written.
    #[error(
        "No header present in log (value is -1), probably due to disk space issues when it was \
         created. The log has no transactions and will be sidelined."
    )]
    Preallocated,
    /// A version of Hadoop that is newer or older than what is read here.
    #[error(
        "Unexpected version of the file system log file: {0}. Current version = {LAYOUT_VERSION}."
    )]
    Version(i32),
    /// Flags that no version has.
    #[error("Found flag count {0} in layout flags, and no flag is known")]
    Flags(i32),
}

impl HeaderError {
    /// The exception Java raises here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Version(_) => "org.apache.hadoop.hdfs.server.common.IncorrectVersionException",
            _ => {
                "org.apache.hadoop.hdfs.server.namenode.EditLogFileInputStream$LogHeaderCorruptException"
            }
        }
    }
}
