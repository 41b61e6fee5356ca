//! The fsimage: the whole namespace in one file, as Hadoop 3.5 writes and reads it
//! (`FSImageFormatProtobuf`): magic, sections, and a summary at the end that says where they are.
//!
//! Reading is in steps that a caller may give to several threads: [`ImageReader::inode_pieces`]
//! and [`ImageReader::decode`] need only `&self`; [`load`] does all of it by itself.

pub(crate) mod carried;
mod compression;
mod error;
mod inode_reader;
mod inode_writer;
pub mod offline;
mod proto;
mod reader;
mod save;
mod strings;

pub use compression::Compression;
pub use error::ImageError;
pub use reader::{ImageInfo, ImageReader, LoadedImage, Piece, load};
pub use save::{SaveOptions, save};

#[cfg(test)]
mod tests;

pub(crate) const MAGIC: &[u8; 8] = b"HDFSIMG1";
/// `FSImageUtil.FILE_VERSION`.
pub(crate) const FILE_VERSION: u32 = 1;

/// Section names, in the order in which they are loaded.
pub(crate) mod section {
    pub(crate) const NS_INFO: &str = "NS_INFO";
    pub(crate) const STRING_TABLE: &str = "STRING_TABLE";
    pub(crate) const ERASURE_CODING: &str = "ERASURE_CODING";
    pub(crate) const INODE: &str = "INODE";
    pub(crate) const INODE_SUB: &str = "INODE_SUB";
    pub(crate) const INODE_REFERENCE: &str = "INODE_REFERENCE";
    pub(crate) const INODE_REFERENCE_SUB: &str = "INODE_REFERENCE_SUB";
    pub(crate) const SNAPSHOT: &str = "SNAPSHOT";
    pub(crate) const INODE_DIR: &str = "INODE_DIR";
    pub(crate) const INODE_DIR_SUB: &str = "INODE_DIR_SUB";
    pub(crate) const FILES_UNDERCONSTRUCTION: &str = "FILES_UNDERCONSTRUCTION";
    pub(crate) const SNAPSHOT_DIFF: &str = "SNAPSHOT_DIFF";
    pub(crate) const SNAPSHOT_DIFF_SUB: &str = "SNAPSHOT_DIFF_SUB";
    pub(crate) const SECRET_MANAGER: &str = "SECRET_MANAGER";
    pub(crate) const CACHE_MANAGER: &str = "CACHE_MANAGER";

    pub(crate) const KNOWN: [&str; 15] = [
        NS_INFO,
        STRING_TABLE,
        ERASURE_CODING,
        INODE,
        INODE_SUB,
        INODE_REFERENCE,
        INODE_REFERENCE_SUB,
        SNAPSHOT,
        INODE_DIR,
        INODE_DIR_SUB,
        FILES_UNDERCONSTRUCTION,
        SNAPSHOT_DIFF,
        SNAPSHOT_DIFF_SUB,
        SECRET_MANAGER,
        CACHE_MANAGER,
    ];
}
