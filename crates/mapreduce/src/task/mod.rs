//! One task attempt: a map, a reduce, the set-up or clean-up of a job.

mod local_dirs;

pub use local_dirs::LocalDirs;
