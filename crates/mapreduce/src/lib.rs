//! MapReduce: what a job is, how its data is read, sorted and written, and the machines that run it.
//!
//! Everything is named as in Hadoop: configuration keys, counters, files, formats.

pub mod error;
pub mod fs;
pub mod input;
pub mod io;
pub mod output;
pub mod record;
pub mod settings;
