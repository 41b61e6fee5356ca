//! Writing files: packets through a pipeline of DataNodes.
//!
//! A [`FileWriter`] cuts bytes into packets; a task of its own, the streamer, sends them and
//! sees to it that each arrives, whatever fails on the way.

mod excluded;
mod file;
mod packet;
mod pipeline;
mod setup;
mod streamer;
mod window;

pub use file::{FileWriter, SyncOptions};

pub(crate) use excluded::ExcludedNodes;
pub(crate) use file::WriterOptions;
