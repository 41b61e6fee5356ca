//! Counters: what a task counts while it runs, and what a job adds up, by Hadoop's groups and names.

mod live;
mod names;
mod total;

pub use live::{Counter, LiveCounters};
pub use names::{FileSystemCounter, JobCounter, TaskCounter};
pub use total::{Counters, Limits};

/// Group of [`TaskCounter`].
pub const TASK_GROUP: &str = "org.apache.hadoop.mapreduce.TaskCounter";
/// Group of [`JobCounter`].
pub const JOB_GROUP: &str = "org.apache.hadoop.mapreduce.JobCounter";
/// Group of the file systems' counters, named `SCHEME_COUNTER`.
pub const FILE_SYSTEM_GROUP: &str = "org.apache.hadoop.mapreduce.FileSystemCounter";
/// Group of file input formats; its one counter is `BYTES_READ`.
pub const FILE_INPUT_GROUP: &str = "org.apache.hadoop.mapreduce.lib.input.FileInputFormatCounter";
/// Group of file output formats; its one counter is `BYTES_WRITTEN`.
pub const FILE_OUTPUT_GROUP: &str =
    "org.apache.hadoop.mapreduce.lib.output.FileOutputFormatCounter";
/// Group of failures of the shuffle.
pub const SHUFFLE_ERRORS_GROUP: &str = "Shuffle Errors";
