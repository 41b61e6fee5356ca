//! The block manager against a small world of DataNodes that do what they are told.

mod admin;
mod placement;
mod random;
mod redundancy;
mod reports;
mod world;
mod writing;
