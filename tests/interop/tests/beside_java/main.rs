//! What Hadoop's programs and ours do with the same input, side by side in one program, so that one waits while
//! another computes.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests are not marked as tests

mod admin;
mod audit;
mod beans;
mod disks;
mod events;
mod examples;
mod exceptions;
mod fsck;
mod history;
mod jobs;
mod messages;
mod mixed;
mod offline;
mod our_client;
mod records;
mod recover;
mod rust_client;
mod scenarios;
mod service_access;
mod shell;
mod shell_cases;
mod streaming;
mod tools;
mod yarn;
