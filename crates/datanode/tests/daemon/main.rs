//! A DataNode on real sockets and disks, with a NameNode that only listens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are not marked as tests
#![allow(unreachable_pub)]

mod calls;
mod disk_balancer;
mod hostile;
mod lifeline;
mod model;
mod read_only;
mod reconfiguring;
mod relocation;
mod scanning;
mod slow_disks;
mod storage;
mod syncing;
mod transfer;
mod transfers;
mod writing;
