//! `hdfs dfsadmin`, `fsck`, `getconf`, `groups`, `haadmin`, `storagepolicies`, `hadoop daemonlog`: commands for those who run a cluster.

mod call;
mod cluster;
mod daemonlog;
mod datanode;
mod dfsadmin;
mod fsck;
mod getconf;
mod groups;
mod haadmin;
mod http;
mod orders;
mod reconfigure;
mod report;
mod snapshots;
mod storage_policies;

pub(crate) use daemonlog::run as daemon_log;
pub(crate) use dfsadmin::run as dfsadmin;
pub(crate) use fsck::run as fsck;
pub(crate) use getconf::run as getconf;
pub(crate) use groups::run as groups;
pub(crate) use haadmin::run as ha_admin;
pub(crate) use snapshots::{difference, directories as snapshottable, snapshots};
pub(crate) use storage_policies::run as storage_policies;

/// Exit code of what failed, -1 in Java.
pub(crate) const FAILED: i32 = 255;
