//! Finished jobs: our commands and our history server beside Hadoop's own, on the same files.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests are not marked as tests

mod commands;
mod server;
mod story;
