//! The machine behind its door: calls as bytes in, answers, edits and audit lines out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod administration;
mod paths;
mod world;
mod writing;
