//! The terabyte sort: `teragen`, `terasort`, `teravalidate`.

mod format;
mod generate;
mod hosts;
mod sort;
mod validate;

pub(super) use format::{TeraInputFormat, TeraOutputFormat};
pub(super) use generate::{Generator, RangeInputFormat, teragen};
pub(super) use sort::{SimplePartitioner, TotalOrder, terasort};
pub(super) use validate::{ValidateMapper, ValidateReducer, teravalidate};

/// Bytes of a row.
const ROW: usize = 100;
/// Of these, bytes of the key.
const KEY: usize = 10;
/// The file of split points, in the output's directory.
const PARTITION_FILE: &str = "_partition.lst";
