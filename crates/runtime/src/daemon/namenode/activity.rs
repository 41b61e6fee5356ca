//! `NameNodeActivity`: how often clients asked for what, and what became of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loxodon_rpc::metrics::ServerMetrics;

use super::door::Door;
use crate::web::{Bean, BeanSource};

/// The bean. Calls are counted by the RPC server already; what it cannot know, the door counts.
pub(crate) struct ActivityBeans {
    door: Arc<Door>,
    metrics: Arc<ServerMetrics>,
}

/// Hadoop's counters, each with the call that it counts.
const COUNTED: [(&str, &[&str]); 11] = [
    ("CreateFileOps", &["create"]),
    ("FilesAppended", &["append"]),
    ("GetBlockLocations", &["getBlockLocations"]),
    ("FilesRenamed", &["rename", "rename2"]),
    ("FilesTruncated", &["truncate"]),
    ("GetListingOps", &["getListing"]),
    ("DeleteFileOps", &["delete"]),
    ("FileInfoOps", &["getFileInfo", "getFileLinkInfo"]),
    ("AddBlockOps", &["addBlock"]),
    ("GetAdditionalDatanodeOps", &["getAdditionalDatanode"]),
    ("CreateSymlinkOps", &["createSymlink"]),
];

impl ActivityBeans {
    /// The bean of the NameNode behind `door`, whose calls `metrics` counts.
    pub(crate) const fn new(door: Arc<Door>, metrics: Arc<ServerMetrics>) -> Self {
        Self { door, metrics }
    }
}

impl BeanSource for ActivityBeans {
    fn beans(&self) -> Vec<Bean> {
        let (_, calls) = self.metrics.sample();
        let count = |names: &[&str]| -> u64 {
            names.iter().filter_map(|name| calls.get(*name)).map(|rate| rate.count).sum()
        };
        let links = count(&["getLinkTarget"]);
        let mut total = links;
        let mut bean =
            Bean::new("Hadoop:service=NameNode,name=NameNodeActivity", "NameNodeActivity")
                .with("tag.ProcessName", "NameNode")
                .with("tag.Context", "dfs")
                .with("tag.Hostname", crate::daemon::host_name());
        for (name, methods) in COUNTED {
            let number = count(methods);
            total += number;
            bean = bean.with(name, number);
        }
        vec![
            bean.with("GetLinkTargetOps", links)
                .with("TotalFileOps", total)
                .with("FilesCreated", self.door.created.load(Relaxed))
                .with("BlockReceivedAndDeletedOps", count(&["blockReceivedAndDeleted"])),
        ]
    }
}
