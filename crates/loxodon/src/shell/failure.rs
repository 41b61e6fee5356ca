//! What goes wrong in a shell command, with the words that Hadoop's shell has for it.

use std::fmt;
use std::io;

/// An error of a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// About a path (`PathIOException` and its kin): one line, exit code 1.
    Path(Box<PathFailure>),
    /// Any other `IOException`: one line, exit code 1.
    Io {
        /// Simple name of the Java exception class.
        class: String,
        /// What it says.
        message: String,
    },
    /// A wrong argument (`IllegalArgumentException`): the usage is printed, exit code 255.
    Illegal(String),
    /// An error that Hadoop's shell does not expect (`RuntimeException`): exit code 255.
    Fatal {
        /// The Java exception class.
        class: &'static str,
        /// What it says.
        message: String,
    },
    /// Whoever reads our output has gone: the command ends quietly.
    OutputClosed,
}

/// An error about a path, as Hadoop's `PathIOException` words it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathFailure {
    /// Comes before the path: `rename`, `mkdir`.
    pub(crate) operation: Option<&'static str>,
    /// As the user wrote it.
    pub(crate) path: String,
    /// The second path of a copy or rename.
    pub(crate) target: Option<String>,
    /// What is wrong.
    pub(crate) error: String,
    /// The path in full, shown where it differs.
    pub(crate) qualified: Option<String>,
    /// Which exception it is, where somebody asks.
    pub(crate) kind: PathKind,
}

/// The kinds of path errors that commands tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathKind {
    /// `PathNotFoundException`.
    NotFound,
    /// Any other.
    #[default]
    Other,
}

/// Result of a shell operation.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    fn path(path: impl fmt::Display, error: &str) -> Self {
        let failure =
            PathFailure { path: path.to_string(), error: error.into(), ..Default::default() };
        Self::Path(Box::new(failure))
    }

    /// `PathNotFoundException`.
    pub(crate) fn not_found(path: impl fmt::Display) -> Self {
        Self::path(path, "No such file or directory").of_kind(PathKind::NotFound)
    }

    /// `PathNotFoundException` that shows the full path too.
    pub(crate) fn not_found_at(path: impl fmt::Display, qualified: String) -> Self {
        let path = path.to_string();
        let error = "No such file or directory".into();
        let qualified = Some(qualified);
        let kind = PathKind::NotFound;
        Self::Path(Box::new(PathFailure { path, error, qualified, kind, ..Default::default() }))
    }

    /// `PathExistsException`.
    pub(crate) fn exists(path: impl fmt::Display) -> Self {
        Self::path(path, "File exists")
    }

    /// `PathIsDirectoryException`.
    pub(crate) fn is_directory(path: impl fmt::Display) -> Self {
        Self::path(path, "Is a directory")
    }

    /// `PathIsNotDirectoryException`.
    pub(crate) fn is_not_directory(path: impl fmt::Display) -> Self {
        Self::path(path, "Is not a directory")
    }

    /// `PathIsNotEmptyDirectoryException`.
    pub(crate) fn is_not_empty(path: impl fmt::Display) -> Self {
        Self::path(path, "Directory is not empty")
    }

    /// `PathOperationException`.
    pub(crate) fn not_supported(path: impl fmt::Display) -> Self {
        Self::path(path, "Operation not supported")
    }

    /// `PathIOException` without a reason.
    pub(crate) fn input_output(path: impl fmt::Display) -> Self {
        Self::path(path, "Input/output error")
    }

    /// `PathIOException` with one.
    pub(crate) fn about(path: impl fmt::Display, error: &str) -> Self {
        Self::path(path, error)
    }

    /// Names the operation and the second path.
    pub(crate) fn during(self, operation: Option<&'static str>, target: Option<String>) -> Self {
        match self {
            Self::Path(mut failure) => {
                failure.operation = operation;
                failure.target = target;
                Self::Path(failure)
            }
            other => other,
        }
    }

    fn of_kind(self, kind: PathKind) -> Self {
        match self {
            Self::Path(mut failure) => {
                failure.kind = kind;
                Self::Path(failure)
            }
            other => other,
        }
    }

    /// An `IOException` with this message.
    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self::Io { class: "IOException".into(), message: message.into() }
    }

    /// `UnsupportedOperationException`.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::Fatal { class: "java.lang.UnsupportedOperationException", message: message.into() }
    }

    /// An operating system's error on a local path.
    pub(crate) fn local(path: impl fmt::Display, error: &io::Error) -> Self {
        let (class, words) = match error.kind() {
            io::ErrorKind::NotFound => ("FileNotFoundException", "No such file or directory"),
            io::ErrorKind::PermissionDenied => ("FileNotFoundException", "Permission denied"),
            io::ErrorKind::BrokenPipe => return Self::OutputClosed,
            _ => return Self::io(format!("{path}: {error}")),
        };
        Self::Io { class: class.into(), message: format!("{path} ({words})") }
    }

    /// Whether somebody did not answer in time: with Hadoop's shell this ends a command (`InterruptedIOException`).
    pub(crate) fn is_timeout(&self) -> bool {
        self.is("SocketTimeoutException") || self.is("InterruptedIOException")
    }

    /// Whether it is this Java exception, by its simple name.
    pub(crate) fn is(&self, name: &str) -> bool {
        match self {
            Self::Io { class, .. } => class == name,
            Self::Path(failure) => {
                failure.kind == PathKind::NotFound && name == "PathNotFoundException"
            }
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(failure) => failure.fmt(f),
            Self::Io { message, .. } | Self::Illegal(message) | Self::Fatal { message, .. } => {
                f.write_str(message)
            }
            Self::OutputClosed => f.write_str("the reader of the output has gone"),
        }
    }
}

impl fmt::Display for PathFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation {
            write!(f, "{operation} ")?;
        }
        write!(f, "`{}'", self.path)?;
        if let Some(target) = &self.target {
            write!(f, " to `{target}'")?;
        }
        write!(f, ": {}", self.error)?;
        match &self.qualified {
            Some(qualified) if *qualified != self.path => write!(f, ": `{qualified}'"),
            _ => Ok(()),
        }
    }
}

impl From<loxodon_client::Error> for Failure {
    fn from(error: loxodon_client::Error) -> Self {
        let class = error.java_class();
        let class = class.rsplit(['.', '$']).next().unwrap_or(class).to_owned();
        let message = error.to_string();
        match class.as_str() {
            "IllegalArgumentException"
            | "HadoopIllegalArgumentException"
            | "InvalidPathException" => Self::Illegal(message),
            "UnsupportedOperationException" => Self::unsupported(message),
            _ => Self::Io { class, message },
        }
    }
}

impl From<loxodon_mapreduce::error::Error> for Failure {
    fn from(error: loxodon_mapreduce::error::Error) -> Self {
        let class = error.java_class();
        let class = class.rsplit(['.', '$']).next().unwrap_or(class).to_owned();
        let message = error.to_string();
        match class.as_str() {
            "IllegalArgumentException" => Self::Illegal(message),
            "UnsupportedOperationException" => Self::unsupported(message),
            _ => Self::Io { class, message },
        }
    }
}

impl From<loxodon_conf::ConfError> for Failure {
    fn from(error: loxodon_conf::ConfError) -> Self {
        Self::Illegal(error.to_string())
    }
}
