//! Why an image cannot be loaded or written.

use crate::error::LoadError;

/// An image that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It does not begin as an image.
    #[error("Unrecognized file format")]
    Format,
    /// A version that is not known here.
    #[error("Unsupported file version {0}")]
    FileVersion(u32),
    /// A layout that is not this version's.
    #[error("Image version {found} is not equal to the software version {expected}")]
    Layout {
        /// In the image.
        found: i32,
        /// Of this version.
        expected: i32,
    },
    /// A section that is not known here.
    #[error("Unrecognized section {0}")]
    UnknownSection(String),
    /// A section that must be there is not.
    #[error("Section {0} is missing")]
    MissingSection(&'static str),
    /// Compressed in a way that is not known here.
    #[error("Unsupported compression codec {0}")]
    Codec(String),
    /// Bytes that are not what they should be.
    #[error("Section {section} is corrupt at offset {offset}: {reason}")]
    Corrupt {
        /// Which section.
        section: String,
        /// Where in it, after decompression.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
    /// It uses what is not supported, and what would be lost.
    #[error("The image has {0}, which are not supported: they would be lost")]
    Unsupported(&'static str),
    /// Its inodes make no tree.
    #[error(transparent)]
    Tree(#[from] LoadError),
}

impl ImageError {
    /// The exception Java raises here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "java.lang.UnsupportedOperationException",
            _ => "java.io.IOException",
        }
    }

    pub(super) fn corrupt(section: &str, offset: usize, reason: impl Into<String>) -> Self {
        Self::Corrupt { section: section.to_owned(), offset, reason: reason.into() }
    }
}
