//! The block manager against a small world of DataNodes that do what they are told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

mod admin;
mod damage;
mod placement;
mod random;
mod redundancy;
mod reports;
mod world;
mod writing;
