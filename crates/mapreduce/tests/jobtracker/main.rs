//! The JobTracker with many trackers: scripts of what happens and what must follow, and whole
//! clusters under faults from a seed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // helpers of tests

mod cluster;
mod golden;
mod limits;
mod process;
mod recovery;
mod replay;
mod simulation;
