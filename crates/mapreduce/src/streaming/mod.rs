//! Streaming: any executable as mapper, combiner and reducer (Hadoop's `hadoop-streaming`).
//!
//! [`run`] is the command: it makes a job's configuration of its options, as Hadoop's `StreamJob` does, and hands it
//! in. In a task, [`PipeMapper`] and [`PipeReducer`] start the command beside it: one thread writes records to it,
//! one reads those that it writes, one listens to its standard error stream.

mod aggregate;
mod command;
mod errors;
mod form;
mod format;
mod job;
mod options;
mod pipe;
mod run;
pub(crate) mod typed_bytes;
mod typed_files;
mod usage;
mod xml;

pub use aggregate::{AggregateCombiner, AggregateReducer};
pub use command::{environment, split_args};
pub use form::Form;
pub use format::{AutoInputFormat, StreamInputFormat};
pub use job::configure;
pub use options::StreamOptions;
pub use pipe::{PipeMapper, PipeReducer};
pub use run::run;

pub(crate) use usage::GENERIC_USAGE;
