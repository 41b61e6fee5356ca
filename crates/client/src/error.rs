//! What can go wrong in a client.

use std::sync::Arc;

/// Result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation. Each kind knows the Java exception that Hadoop's client would throw,
/// which tools print and scripts look for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A server answered with an exception.
    #[error("{message}")]
    Remote {
        /// Java class of the exception.
        class: String,
        /// Its message, without the stack trace that follows the first line.
        message: String,
    },
    /// A server could not be asked, or its answer did not arrive.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the peer's address.
        doing: String,
        /// The cause.
        source: Arc<std::io::Error>,
    },
    /// A peer did not keep to the protocol.
    #[error("{peer} broke the protocol: {message}")]
    Protocol {
        /// Who.
        peer: String,
        /// How.
        message: String,
    },
    /// Data did not match its checksum on any replica that was tried.
    #[error("Checksum error: {block} of {path} at {position} from {datanode}")]
    Checksum {
        /// The file.
        path: String,
        /// The block.
        block: String,
        /// Offset in the block of the damaged chunk.
        position: u64,
        /// The DataNode that sent it.
        datanode: String,
    },
    /// No DataNode could serve a block.
    #[error("Could not obtain block: {block} file={path}{detail}")]
    BlockMissing {
        /// The file.
        path: String,
        /// The block.
        block: String,
        /// What was tried.
        detail: String,
    },
    /// A block could not be written.
    #[error("{0}")]
    Pipeline(String),
    /// The stream was closed before.
    #[error("{0}")]
    Closed(String),
    /// An argument makes no sense.
    #[error("{0}")]
    IllegalArgument(String),
    /// A configuration value makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// A read beyond the end, or a seek there.
    #[error("{0}")]
    EndOfFile(String),
    /// Something that this client does not do.
    #[error("{0}")]
    Unsupported(String),
}

impl Error {
    /// Class of the Java exception that Hadoop's client throws here.
    #[must_use]
    pub fn java_class(&self) -> &str {
        match self {
            Self::Remote { class, .. } => class,
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::ConnectionRefused => "java.net.ConnectException",
                std::io::ErrorKind::TimedOut => "java.net.SocketTimeoutException",
                std::io::ErrorKind::UnexpectedEof => "java.io.EOFException",
                _ => "java.io.IOException",
            },
            Self::Checksum { .. } => "org.apache.hadoop.fs.ChecksumException",
            Self::BlockMissing { .. } => "org.apache.hadoop.hdfs.BlockMissingException",
            Self::Closed(_) => "java.nio.channels.ClosedChannelException",
            Self::IllegalArgument(_) => "java.lang.IllegalArgumentException",
            Self::EndOfFile(_) => "java.io.EOFException",
            Self::Unsupported(_) => "java.lang.UnsupportedOperationException",
            Self::Protocol { .. } | Self::Pipeline(_) | Self::Configuration(_) => {
                "java.io.IOException"
            }
        }
    }

    /// Whether the exception's class ends with `name`, such as `FileNotFoundException`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let class = self.java_class();
        class.rsplit(['.', '$']).next() == Some(name)
    }

    /// `FileNotFoundException` as the NameNode words it.
    pub(crate) fn no_such_file(path: &str) -> Self {
        Self::Remote {
            class: "java.io.FileNotFoundException".into(),
            message: format!("File does not exist: {path}"),
        }
    }

    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source: Arc::new(source) }
    }

    pub(crate) fn timed_out(doing: impl Into<String>) -> Self {
        Self::io(doing, std::io::ErrorKind::TimedOut.into())
    }
}

impl From<loxodon_conf::ConfError> for Error {
    fn from(error: loxodon_conf::ConfError) -> Self {
        Self::Configuration(error.to_string())
    }
}
