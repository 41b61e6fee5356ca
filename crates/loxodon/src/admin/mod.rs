//! `hdfs dfsadmin`, `fsck`, `getconf`, `groups`, `storagepolicies`: commands for those who run a cluster.

mod cluster;
mod datanode;
mod dfsadmin;
mod fsck;
mod getconf;
mod groups;
mod http;
mod report;
mod storage_policies;

pub(crate) use dfsadmin::run as dfsadmin;
pub(crate) use fsck::run as fsck;
pub(crate) use getconf::run as getconf;
pub(crate) use groups::run as groups;
pub(crate) use storage_policies::run as storage_policies;

/// Exit code of what failed, -1 in Java.
pub(crate) const FAILED: i32 = 255;
