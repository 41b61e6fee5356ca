//! MapReduce programs in Rust.
//!
//! A program says what its jobs are; the same binary hands them in, runs them in one process or on a cluster
//! (`mapreduce.framework.name`), and is started by TaskTrackers to run their tasks.
//!
//! ```no_run
//! use loxodon_mapreduce::program::*;
//!
//! #[derive(Default)]
//! struct Words;
//!
//! impl Mapper for Words {
//!     type KeyIn = LongWritable;
//!     type ValueIn = Str;
//!     type KeyOut = Str;
//!     type ValueOut = IntWritable;
//!
//!     fn map(&mut self, _: i64, line: &str, out: &mut Output<Str, IntWritable>) -> Result<()> {
//!         line.split_ascii_whitespace().try_for_each(|word| out.write(word, 1))
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Sum;
//!
//! impl Reducer for Sum {
//!     type KeyIn = Str;
//!     type ValueIn = IntWritable;
//!     type KeyOut = Str;
//!     type ValueOut = IntWritable;
//!
//!     fn reduce(&mut self, word: &str, counts: &mut Values<Str, IntWritable>, out: &mut Output<Str, IntWritable>) -> Result<()> {
//!         out.write(word, counts.fold(0, |sum, count| sum + count)?)
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     run(|job, args| {
//!         job.mapper::<Words>().combiner::<Sum>().reducer::<Sum>();
//!         job.input(&args[0]).output(&args[1]);
//!         Ok(())
//!     })
//! }
//! ```
//!
//! Keys and values are types of [`Writable`]: Hadoop's own, [`Str`] for text as `&str`, pairs of them, and whatever
//! a program implements it for. Mappers and reducers see borrowed views of the framework's buffers, and what they
//! write is serialized straight into the sort buffer: nothing is allocated for a record.

mod api;
pub mod cluster;
mod follow;
mod interrupt;
mod job;
pub mod options;
mod registry;
pub(crate) mod runners;
mod start;
mod sums;
mod types;

pub use std::process::ExitCode;

pub use api::{Mapper, Order, Output, Partition, Reducer, Values, View};
pub use job::Job;
pub use registry::Program;
pub use start::{run, run_job};
pub(crate) use sums::SumOfInts;
pub use sums::{IntSum, LongSum};
pub use types::Str;

pub use crate::counters::{Counter, Counters};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::io::writable::{
    BooleanWritable, BytesWritable, DoubleWritable, FloatWritable, IntWritable, LongWritable,
    NullWritable, Text, VIntWritable, VLongWritable, Writable,
};
pub use crate::task::TaskContext;
