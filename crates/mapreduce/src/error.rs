//! What goes wrong in a job: a sentence, and the Java exception that Hadoop's own code would throw there.

use std::fmt::Display;
use std::io;

use loxodon_conf::ConfError;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which Java exception an error stands for, and so what a client or a retry makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `java.io.IOException`
    Io,
    /// `java.io.FileNotFoundException`
    NotFound,
    /// `org.apache.hadoop.mapred.FileAlreadyExistsException`
    Exists,
    /// `org.apache.hadoop.security.AccessControlException`
    Access,
    /// `org.apache.hadoop.mapred.InvalidInputException`
    InvalidInput,
    /// `org.apache.hadoop.mapred.InvalidJobConfException`
    InvalidJobConf,
    /// `java.lang.IllegalArgumentException`
    IllegalArgument,
    /// `java.lang.ClassNotFoundException`
    ClassNotFound,
    /// `org.apache.hadoop.fs.ChecksumException`
    Checksum,
    /// `java.io.EOFException`
    Eof,
    /// `org.apache.hadoop.util.DiskChecker$DiskErrorException`
    Disk,
    /// `java.lang.RuntimeException`
    Runtime,
    /// `java.lang.UnsupportedOperationException`
    Unsupported,
    /// `org.apache.hadoop.mapreduce.counters.LimitExceededException`
    CounterLimit,
    /// `org.apache.hadoop.mapreduce.task.reduce.Shuffle$ShuffleError`
    Shuffle,
    /// The task was told to stop.
    Interrupted,
    /// An exception of the class named here, from another process.
    Remote(String),
}

/// An error of a job or a task.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of a kind, with its sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An `IOException`.
    pub fn io(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, message)
    }

    /// An `IllegalArgumentException`.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::IllegalArgument, message)
    }

    /// An operating system's error, with what was being done to which file.
    pub fn system(what: impl Display, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists => ErrorKind::Exists,
            io::ErrorKind::PermissionDenied => ErrorKind::Access,
            io::ErrorKind::UnexpectedEof => ErrorKind::Eof,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Disk,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{what}: {error}"))
    }

    /// The same error, with what was being done in front of its sentence.
    pub fn during(self, what: impl Display) -> Self {
        Self { message: format!("{what}: {}", self.message), kind: self.kind }
    }

    /// What kind it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Its sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Hadoop's exception class.
    pub fn java_class(&self) -> &str {
        match &self.kind {
            ErrorKind::Io => "java.io.IOException",
            ErrorKind::NotFound => "java.io.FileNotFoundException",
            ErrorKind::Exists => "org.apache.hadoop.mapred.FileAlreadyExistsException",
            ErrorKind::Access => "org.apache.hadoop.security.AccessControlException",
            ErrorKind::InvalidInput => "org.apache.hadoop.mapred.InvalidInputException",
            ErrorKind::InvalidJobConf => "org.apache.hadoop.mapred.InvalidJobConfException",
            ErrorKind::IllegalArgument => "java.lang.IllegalArgumentException",
            ErrorKind::ClassNotFound => "java.lang.ClassNotFoundException",
            ErrorKind::Checksum => "org.apache.hadoop.fs.ChecksumException",
            ErrorKind::Eof => "java.io.EOFException",
            ErrorKind::Disk => "org.apache.hadoop.util.DiskChecker$DiskErrorException",
            ErrorKind::Runtime => "java.lang.RuntimeException",
            ErrorKind::Unsupported => "java.lang.UnsupportedOperationException",
            ErrorKind::CounterLimit => {
                "org.apache.hadoop.mapreduce.counters.LimitExceededException"
            }
            ErrorKind::Shuffle => "org.apache.hadoop.mapreduce.task.reduce.Shuffle$ShuffleError",
            ErrorKind::Interrupted => "java.lang.InterruptedException",
            ErrorKind::Remote(class) => class,
        }
    }
}

impl From<ConfError> for Error {
    fn from(error: ConfError) -> Self {
        let kind = match error {
            ConfError::Value { .. } => ErrorKind::IllegalArgument,
            _ => ErrorKind::Runtime,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::UnexpectedEof => ErrorKind::Eof,
            _ => ErrorKind::Io,
        };
        Self::new(kind, error.to_string())
    }
}
