//! A NameNode's storage directories: what is decided by `journal` and `namespace` is done here.

mod edit_log;
mod error;
mod files;
mod follow;
mod image_files;
mod load_image;
mod lock;
mod recover;
mod resources;
mod salvage;
mod segment_file;
mod segment_reader;
mod storage;

pub use edit_log::{Durable, EditLog, EditLogSettings, Fatal, LogFailed};
pub use error::DiskError;
pub use files::write_atomically;
pub use image_files::{ImageSink, save_image, verify_image};
pub use load_image::load_image;
pub use resources::ResourceChecker;
pub use salvage::{Choice, Salvage, Salvaged};
pub use segment_reader::SegmentReader;
pub use storage::{DirectorySettings, DirectoryStatus, Loaded, StorageSet};

#[cfg(test)]
mod tests;
