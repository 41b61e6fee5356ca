//! The operating system, once: sockets, disks, configuration, HTTP, daemons.

pub mod disk;

pub mod web;
