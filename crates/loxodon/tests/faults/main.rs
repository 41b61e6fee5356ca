//! The NameNode as a process, in bad company: killed, on damaged disks, on full disks, with
//! hostile peers. What was acknowledged must be there afterwards; what cannot be served must be
//! named, with where it is.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)] // helpers of tests are not marked as tests

mod cluster_kills;
mod daemon;
mod damage;
mod datanode_deaths;
mod disks;
mod doors;
mod full_disk;
mod hostile;
mod kills;
mod paths;
mod recover;
mod replicas;
mod silent_datanodes;
mod starts;
mod web;
mod writers;
