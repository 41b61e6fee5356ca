//! `NameNodeActivity`: how often clients asked for what, and what became of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loxodon_rpc::metrics::{RateSample, ServerMetrics};
use loxodon_wire::ids::TxId;
use serde_json::Value;

use super::door::Door;
use super::progress::Phase;
use crate::web::{Bean, BeanSource};

/// The bean. Calls are counted by the RPC server already; what it cannot know, the door counts.
pub(crate) struct ActivityBeans {
    door: Arc<Door>,
    metrics: Arc<ServerMetrics>,
    /// The last transaction before the first one of its own.
    first: TxId,
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
    pub(crate) fn new(door: Arc<Door>, metrics: Arc<ServerMetrics>) -> Self {
        let first = TxId(door.journal.segment().0.saturating_sub(1));
        Self { door, metrics, first }
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
        for name in OF_SNAPSHOTS {
            bean = bean.with(name, 0);
        }
        let counters = &self.door.counters;
        let bean = bean
            .with("tag.SessionId", Value::Null)
            .with("GetLinkTargetOps", links)
            .with("TotalFileOps", total)
            .with("FilesCreated", counters.created.load(Relaxed))
            .with("FilesDeleted", counters.removed.load(Relaxed))
            .with("FilesInGetListingOps", counters.listed.load(Relaxed))
            .with("BlockReceivedAndDeletedOps", count(&["blockReceivedAndDeleted"]));
        let bean = self.with_rates(bean, |name| calls.get(name).copied().unwrap_or_default());
        vec![self.with_progress(bean), self.users()]
    }
}

/// Calls that no version of this NameNode answers.
const OF_SNAPSHOTS: [&str; 8] = [
    "AllowSnapshotOps",
    "DisallowSnapshotOps",
    "CreateSnapshotOps",
    "DeleteSnapshotOps",
    "RenameSnapshotOps",
    "ListSnapshotOps",
    "ListSnapshottableDirOps",
    "SnapshotDiffReportOps",
];

/// What only a standby, encryption zones or provided storage measure.
const NOT_MEASURED: [&str; 6] = [
    "EditLogFetchTime",
    "EditLogTailInterval",
    "EditLogTailTime",
    "GenerateEDEKTime",
    "GetAliasMap",
    "WarmUpEDEKTime",
];

impl ActivityBeans {
    fn with_rates(&self, bean: Bean, call: impl Fn(&str) -> RateSample) -> Bean {
        let counters = &self.door.counters;
        let journal = &self.door.journal;
        let transactions = RateSample {
            count: journal.last_written().0.saturating_sub(self.first.0),
            // An edit is encoded in memory, under the caller's lock; that is not timed.
            average_ms: 0.0,
        };
        let rates = [
            ("CacheReport", call("cacheReport")),
            ("GetEdit", counters.edits_sent.sample(true)),
            ("GetImage", counters.images_sent.sample(true)),
            ("PutImage", counters.images_taken.sample(true)),
            ("ResourceCheckTime", counters.resource_checks.sample(true)),
            ("StorageBlockReport", call("blockReport")),
            ("Syncs", journal.syncs().sample(true)),
            ("Transactions", transactions),
        ];
        let rates = rates.into_iter();
        let rates = rates.chain(NOT_MEASURED.map(|name| (name, RateSample::default())));
        rates.fold(bean, |bean, (name, rate)| {
            bean.with(format!("{name}NumOps"), rate.count)
                .with(format!("{name}AvgTime"), rate.average_ms)
        })
    }

    /// Users whose groups were looked up. Nobody logs in where there is no Kerberos.
    fn users(&self) -> Bean {
        let groups = self.door.counters.group_lookups.sample(true);
        let rates =
            [("LoginSuccess", RateSample::default()), ("LoginFailure", RateSample::default())];
        let bean = Bean::new("Hadoop:service=NameNode,name=UgiMetrics", "UgiMetrics")
            .with("tag.Context", "ugi")
            .with("tag.Hostname", crate::daemon::host_name())
            .with("RenewalFailures", 0)
            .with("RenewalFailuresTotal", 0);
        rates.into_iter().chain([("GetGroups", groups)]).fold(bean, |bean, (name, rate)| {
            bean.with(format!("{name}NumOps"), rate.count)
                .with(format!("{name}AvgTime"), rate.average_ms)
        })
    }

    fn with_progress(&self, bean: Bean) -> Bean {
        let stats = self.door.machine.read().blocks.stats();
        let journal = &self.door.journal;
        let waiting = journal.last_written().0.saturating_sub(journal.last_synced().0);
        let progress = &self.door.progress;
        bean.with("TransactionsBatchedInSync", journal.batched())
            .with("PendingEditsCount", waiting)
            .with("FsImageLoadTime", progress.elapsed(Phase::Image))
            .with("SafeModeTime", progress.elapsed(Phase::SafeMode))
            .with("SuccessfulReReplications", stats.arrived_copies)
            .with("TimeoutReReplications", stats.timed_out_copies)
            .with("NumTimesReReplicationNotScheduled", stats.copies_not_ordered)
            // Blocks are taken out with their files; their reports are not queued.
            .with("PendingDeleteBlocksCount", 0)
            .with("DeleteBlocksQueued", 0)
            .with("BlockOpsQueued", 0)
            .with("BlockOpsBatched", 0)
            .with("NumEditLogLoadedNumOps", 0)
            .with("NumEditLogLoadedAvgCount", 0.0)
    }
}
