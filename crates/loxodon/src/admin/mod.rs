//! `hdfs dfsadmin`, `fsck`, `getconf`, `groups`: commands for those who run a cluster.

mod cluster;
mod datanode;
mod dfsadmin;
mod fsck;
mod getconf;
mod groups;
mod http;
mod report;

pub(crate) use dfsadmin::run as dfsadmin;
pub(crate) use fsck::run as fsck;
pub(crate) use getconf::run as getconf;
pub(crate) use groups::run as groups;

/// Exit code of what failed, -1 in Java.
pub(crate) const FAILED: i32 = 255;
