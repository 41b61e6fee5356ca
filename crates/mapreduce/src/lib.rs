//! MapReduce: what a job is, how its data is read, sorted and written, and the machines that run it.
//!
//! Everything is named as in Hadoop: configuration keys, counters, files, formats.

mod builtin;
pub mod cache;
pub mod collect;
pub mod counters;
pub mod error;
pub mod examples;
pub mod fs;
pub mod history;
pub mod ifile;
pub mod input;
pub mod io;
pub mod job;
pub mod jobtracker;
pub mod local;
pub mod merge;
pub mod output;
#[cfg(feature = "fuzzing")]
pub mod parsers;
pub mod program;
pub mod protocol;
pub mod scheduler;
pub mod settings;
pub mod shuffle;
pub mod streaming;
pub mod task;
pub mod tasktracker;
pub mod user;

pub use builtin::{Builtin, builtin_classes};
