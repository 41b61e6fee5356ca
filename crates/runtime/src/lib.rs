//! The operating system, once: sockets, disks, configuration, HTTP, daemons.

pub mod daemon;
pub mod disk;
pub mod held_port;
pub mod minicluster;
#[cfg(feature = "fuzzing")]
pub mod parsers;
pub mod trash_checkpoint;
pub mod web;
