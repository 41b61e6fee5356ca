//! Finished jobs: our commands and our history server beside Hadoop's own, on the same files.

mod commands;
mod server;
mod story;
