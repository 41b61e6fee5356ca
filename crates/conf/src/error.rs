//! What can be wrong with a configuration.

use std::io;
use std::path::PathBuf;

/// Errors of loading or reading a configuration; each names the key, the value and where it was set.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    /// A file could not be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not a Hadoop configuration.
    #[error("{}: line {line}: {reason}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A value that its key cannot have.
    #[error("{key}: '{value}' (set in {source_name}) is not {wanted}")]
    Value {
        /// The key.
        key: String,
        /// The value after expansion.
        value: String,
        /// The file or option that set it.
        source_name: String,
        /// What the key takes.
        wanted: String,
    },
    /// `${a}` refers to itself through others, or too many levels deep.
    #[error("{key}: '{value}' (set in {source_name}) refers to variables more than 20 levels deep")]
    Expansion {
        /// The key.
        key: String,
        /// The value as far as it was expanded.
        value: String,
        /// The file or option that set it.
        source_name: String,
    },
}

impl ConfError {
    /// The Java exception that Hadoop throws here.
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Syntax { .. } => "java.lang.RuntimeException",
            Self::Value { .. } => "java.lang.IllegalArgumentException",
            Self::Expansion { .. } => "java.lang.IllegalStateException",
        }
    }
}
