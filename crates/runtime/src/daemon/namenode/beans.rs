//! The NameNode's management beans, under the names and with the fields that scripts and
//! monitoring know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loxodon_blocks::{ClusterStats, Datanode, ReportKind, StorageUsage};
use loxodon_namenode::slow_peers::Measured;
use loxodon_namenode::top_users::TopOperation;
use loxodon_namenode::{NameNode, Now};
use loxodon_wire::version;
use serde_json::{Map, Value, json};

use super::door::Door;
use crate::web::{Bean, BeanSource};

/// What `/jmx` shows of the NameNode itself.
pub(crate) struct NameNodeBeans {
    door: Arc<Door>,
    rpc: SocketAddr,
    started: u64,
}

/// One consistent look at the machine.
struct Look<'a> {
    machine: &'a NameNode,
    stats: ClusterStats,
    now: Now,
}

impl NameNodeBeans {
    /// Beans of the NameNode behind `door`, which listens at `rpc`.
    pub(crate) fn new(door: Arc<Door>, rpc: SocketAddr) -> Self {
        let started = super::clock::wall().0;
        Self { door, rpc, started }
    }
}

impl BeanSource for NameNodeBeans {
    fn beans(&self) -> Vec<Bean> {
        // Disks are looked at before the machine is locked.
        let sizes = self.directory_sizes();
        let machine = self.door.machine.read();
        let look =
            Look { stats: machine.blocks.stats(), machine: &machine, now: self.door.clock.now() };
        vec![
            self.status(&look),
            self.info(&look, sizes),
            self.state(&look),
            self.system(&look),
            replicated_blocks(&look),
            block_groups(),
            block_stats(&look),
            self.retry_cache(&look),
            Bean::new(name("NameNode"), "NameNode")
                .with("tag.Context", "dfs")
                .with("tag.Hostname", crate::daemon::host_name())
                // `HAServiceState`: 0 starts, 1 is active, 2 is a standby.
                .with("NameNodeState", 1),
            token_metrics(),
            Bean::new(
                name("SnapshotInfo"),
                "org.apache.hadoop.hdfs.server.namenode.snapshot.SnapshotManager",
            )
            .with("SnapshottableDirectories", json!([]))
            .with("Snapshots", json!([])),
        ]
    }
}

fn name(bean: &str) -> String {
    format!("Hadoop:service=NameNode,name={bean}")
}

const SYSTEM_CLASS: &str = "org.apache.hadoop.hdfs.server.namenode.FSNamesystem";

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn gigabytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 30)).round()
}

/// A number as Jackson writes a `Double`.
fn double(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

impl NameNodeBeans {
    /// The list as JSON in a string, as `SlowPeerTracker` gives it; null where nobody listens.
    fn slow_peers(&self) -> Value {
        let machine = self.door.machine.read();
        if !machine.slow_peers.is_enabled() {
            return Value::Null;
        }
        let text = |text: &str| Value::from(text).to_string();
        let one = |(reporter, measured): &(String, Measured)| {
            format!(
                "{{\"ReportingNode\":{},\"ReportedLatency\":{},\"MedianLatency\":{},\
                 \"MadLatency\":{},\"UpperLimitLatency\":{}}}",
                text(reporter),
                double(measured.latency),
                double(measured.median),
                double(measured.mad),
                double(measured.limit)
            )
        };
        let slow = machine.slow_peers.list(self.door.clock.now().monotonic);
        let slow = slow.iter().map(|slow| {
            let reports: Vec<String> = slow.reports.iter().map(one).collect();
            format!(
                "{{\"SlowNode\":{},\"SlowPeerLatencyWithReportingNodes\":[{}]}}",
                text(&slow.address),
                reports.join(",")
            )
        });
        Value::from(format!("[{}]", slow.collect::<Vec<_>>().join(",")))
    }

    /// The list as JSON in a string, as `SlowDiskTracker` gives it; null where there is none.
    fn slow_disks(&self) -> Value {
        let machine = self.door.machine.read();
        let slow = machine.slow_disks.list(self.door.clock.now().monotonic);
        if slow.is_empty() {
            return Value::Null;
        }
        let slow = slow.into_iter().map(|(disk, found)| {
            let all = [("METADATA", found.metadata), ("READ", found.read), ("WRITE", found.write)];
            let found =
                all.into_iter().filter_map(|(work, ms)| Some((work.to_owned(), double(ms?))));
            json!({ "SlowDiskID": disk, "Latencies": found.collect::<Map<_, _>>() })
        });
        Value::from(Value::Array(slow.collect()).to_string())
    }

    fn status(&self, look: &Look<'_>) -> Bean {
        Bean::new(name("NameNodeStatus"), "org.apache.hadoop.hdfs.server.namenode.NameNode")
            .with("State", "active")
            .with("SecurityEnabled", false)
            .with("LastHATransitionTime", 0)
            .with("SlowPeersReport", self.slow_peers())
            .with("SlowDisksReport", self.slow_disks())
            .with("NNRole", "NameNode")
            .with("HostAndPort", self.rpc.to_string())
            .with("BytesWithFutureGenerationStamps", look.machine.blocks.safe_mode().future_bytes())
    }

    fn info(&self, look: &Look<'_>, directory_sizes: String) -> Bean {
        let bytes = &look.stats.bytes;
        let used = percent(bytes.dfs_used, bytes.capacity);
        let corrupt = look.machine.corrupt_files("/", 0).0;
        let corrupt: Vec<String> = corrupt.into_iter().map(|(_, path)| path).collect();
        let safe_mode = match look.machine.blocks.safe_mode().is_on() {
            true => format!("Safe mode is ON. {}", look.machine.safe_mode_tip(look.now)),
            false => String::new(),
        };
        Bean::new(name("NameNodeInfo"), SYSTEM_CLASS)
            .with("Version", format!("{}, r{}", version::HADOOP, version::REVISION))
            .with("SoftwareVersion", version::HADOOP)
            .with("BlockPoolId", look.machine.storage.block_pool_id.clone())
            .with("ClusterId", look.machine.storage.cluster_id.clone())
            .with("UpgradeFinalized", true)
            .with("RollingUpgradeStatus", Value::Null)
            .with("Used", bytes.dfs_used)
            .with("Free", bytes.remaining)
            .with("Total", bytes.capacity)
            .with("ProvidedCapacity", 0)
            .with("Safemode", safe_mode)
            .with("NonDfsUsedSpace", bytes.non_dfs_used)
            .with("PercentUsed", used)
            .with("BlockPoolUsedSpace", bytes.block_pool_used)
            .with("PercentBlockPoolUsed", percent(bytes.block_pool_used, bytes.capacity))
            .with("PercentRemaining", percent(bytes.remaining, bytes.capacity))
            .with("CacheCapacity", 0)
            .with("CacheUsed", 0)
            .with("TotalBlocks", look.stats.blocks)
            .with("NumberOfMissingBlocks", look.stats.missing)
            .with("NumberOfMissingBlocksWithReplicationFactorOne", look.stats.missing_single)
            .with("NumberOfBadlyDistributedBlocks", look.stats.badly_distributed)
            .with("HighestPriorityLowRedundancyReplicatedBlocks", look.stats.highest_priority)
            .with("HighestPriorityLowRedundancyECBlocks", 0)
            .with("LiveNodes", nodes(look, ReportKind::Live))
            .with("DeadNodes", nodes(look, ReportKind::Dead))
            .with("DecomNodes", nodes(look, ReportKind::Decommissioning))
            .with("EnteringMaintenanceNodes", nodes(look, ReportKind::EnteringMaintenance))
            .with("NameDirStatuses", self.directories())
            .with("NodeUsage", node_usage(look))
            .with("NameJournalStatus", self.journals())
            .with("JournalTransactionInfo", self.transactions())
            .with("NNStartedTimeInMillis", self.started)
            .with("CompileInfo", "")
            .with("CorruptFilesCount", corrupt.len())
            .with("CorruptFiles", json!(corrupt).to_string())
            .with("NumberOfSnapshottableDirs", 0)
            .with("DistinctVersionCount", versions(look).len())
            .with("DistinctVersions", versions(look))
            .with("NameDirSize", directory_sizes)
            .with("Threads", std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count))
            .with("VerifyECWithTopologyResult", NO_POLICY_IS_ENABLED)
    }

    fn retry_cache(&self, look: &Look<'_>) -> Bean {
        let kind = "RetryCache.NameNodeRetryCache";
        Bean::new(name(kind), kind)
            .with("tag.Context", "rpc")
            .with("tag.Hostname", crate::daemon::host_name())
            .with("CacheHit", self.door.counters.retries_known.load(Relaxed))
            .with("CacheCleared", look.machine.retries.cleared())
            .with("CacheUpdated", look.machine.retries.updated())
    }

    /// Who asks most, as JSON text within the JSON.
    fn top_users(&self, now: Now) -> Value {
        // They are counted by audit lines: without those, nothing is known.
        let audited = tracing::enabled!(target: crate::daemon::log::AUDIT, tracing::Level::INFO);
        let Some(top_users) = self.door.top_users.as_ref().filter(|_| audited) else {
            return Value::Null;
        };
        let user = |(user, count): &(String, u64)| json!({"count": count, "user": user});
        let operation = |one: TopOperation| {
            let users: Vec<Value> = one.users.iter().map(user).collect();
            json!({
                "opType": one.name,
                "topUsers": users.get(..one.top).unwrap_or_default(),
                "allUsers": users,
                "totalCount": one.total,
            })
        };
        let windows = top_users.lock().snapshot(now.monotonic).into_iter().map(|window| {
            let operations: Vec<Value> = window.operations.into_iter().map(operation).collect();
            json!({"windowLenMs": window.length, "ops": operations})
        });
        let timestamp = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%z").to_string();
        json!({"timestamp": timestamp, "windows": windows.collect::<Vec<_>>()}).to_string().into()
    }

    /// Syncs of the edit log, and the milliseconds that they took.
    fn syncs(&self) -> (u64, String) {
        let syncs = self.door.journal.syncs();
        (syncs.count(), format!("{} ", syncs.total().as_millis()))
    }

    fn directories(&self) -> String {
        let (mut active, mut failed) = (Map::new(), Map::new());
        for directory in self.door.store.storage.status() {
            let kind = match (directory.settings.images, directory.settings.edits) {
                (true, true) => "IMAGE_AND_EDITS",
                (true, false) => "IMAGE",
                (false, _) => "EDITS",
            };
            let path = directory.settings.root.display().to_string();
            let side = if directory.active { &mut active } else { &mut failed };
            side.insert(path, json!(kind));
        }
        json!({ "active": active, "failed": failed }).to_string()
    }

    fn directory_sizes(&self) -> String {
        let mut sizes = Map::new();
        for directory in self.door.store.storage.status() {
            let current = directory.settings.root.join("current");
            let bytes: u64 = std::fs::read_dir(&current)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.and_then(|entry| entry.metadata()).ok())
                .map(|metadata| metadata.len())
                .sum();
            sizes.insert(directory.settings.root.display().to_string(), json!(bytes));
        }
        Value::Object(sizes).to_string()
    }

    fn journals(&self) -> String {
        let segment = self.door.journal.segment();
        let streams: Vec<Value> = self
            .door
            .store
            .storage
            .status()
            .into_iter()
            .filter(|directory| directory.settings.edits)
            .map(|directory| {
                let root = directory.settings.root.display().to_string();
                json!({
                    "manager": format!("FileJournalManager(root={root})"),
                    "stream": format!(
                        "EditLogFileOutputStream({root}/current/edits_inprogress_{:019})",
                        segment.0
                    ),
                    "disabled": (!directory.active).to_string(),
                    "required": directory.settings.required.to_string(),
                })
            })
            .collect();
        Value::Array(streams).to_string()
    }

    fn transactions(&self) -> String {
        json!({
            "LastAppliedOrWrittenTxId": self.door.journal.last_written().0.to_string(),
            "MostRecentCheckpointTxId": self.door.store.checkpoint.lock().txid.0.to_string(),
        })
        .to_string()
    }

    /// Counters that `FSNamesystem` and `FSNamesystemState` both have.
    fn counters(&self, bean: Bean, look: &Look<'_>) -> Bean {
        let stats = &look.stats;
        let dead = stats.dead_nodes + look.machine.blocks.unheard_hosts().len() as u64;
        bean.with("FilesTotal", look.machine.namespace.totals().inodes())
            .with("BlocksTotal", stats.blocks)
            .with("LowRedundancyBlocks", stats.low_redundancy)
            .with("UnderReplicatedBlocks", stats.low_redundancy)
            .with("CapacityTotal", stats.bytes.capacity)
            .with("CapacityUsed", stats.bytes.dfs_used)
            .with("CapacityRemaining", stats.bytes.remaining)
            .with("ProvidedCapacityTotal", 0)
            .with("NumEncryptionZones", 0)
            .with("PendingSPSPaths", 0)
            .with("ReconstructionQueuesInitProgress", 1.0)
            .with("NumLiveDataNodes", stats.live_nodes)
            .with("NumDeadDataNodes", dead)
            .with("EstimatedCapacityLostTotal", stats.lost_capacity)
            .with("NumStaleStorages", stats.stale_storages)
            .with("TotalLoad", stats.load)
            .with("CurrentTokensCount", 0)
            .with("PendingReplicationBlocks", stats.pending_copies)
            .with("PendingReconstructionBlocks", stats.pending_copies)
            .with("ScheduledReplicationBlocks", stats.scheduled_copies)
            .with("PendingDeletionBlocks", stats.pending_deletions)
            .with("NumDecomLiveDataNodes", stats.live_decommissioned_nodes)
            .with("NumDecomDeadDataNodes", stats.dead_decommissioned_nodes)
            .with("NumInServiceLiveDataNodes", stats.in_service_nodes)
            .with("VolumeFailuresTotal", stats.failed_volumes)
            .with("NumDecommissioningDataNodes", stats.decommissioning_nodes)
            .with("NumInMaintenanceLiveDataNodes", stats.live_maintenance_nodes)
            .with("NumInMaintenanceDeadDataNodes", stats.dead_maintenance_nodes)
            .with("NumEnteringMaintenanceDataNodes", stats.entering_maintenance_nodes)
    }

    fn state(&self, look: &Look<'_>) -> Bean {
        let bean = Bean::new(name("FSNamesystemState"), SYSTEM_CLASS);
        let mode = match look.machine.blocks.safe_mode().is_on() {
            true => "safeMode",
            false => "Operational",
        };
        self.counters(bean, look)
            .with("FSState", mode)
            .with("MaxObjects", look.machine.namespace.settings().max_objects)
            .with("NumStaleDataNodes", look.stats.stale_nodes)
            .with("BlockDeletionStartTime", self.started)
            .with("FsLockQueueLength", 0)
            .with("TotalSyncCount", self.syncs().0)
            .with("TotalSyncTimes", self.syncs().1)
            .with("TopUserOpCounts", self.top_users(look.now))
            .with(
                "SnapshotStats",
                json!({"SnapshottableDirectories": 0, "Snapshots": 0}).to_string(),
            )
    }

    fn system(&self, look: &Look<'_>) -> Bean {
        let stats = &look.stats;
        let checkpoint = *self.door.store.checkpoint.lock();
        let last = self.door.journal.last_written().0;
        let (clients, open) = look.machine.namespace.lease_counts();
        let bean = Bean::new(name("FSNamesystem"), "FSNamesystem")
            .with("tag.Context", "dfs")
            .with("tag.EnabledEcPolicies", "")
            .with("tag.HAState", "active")
            .with("tag.TotalSyncTimes", self.syncs().1)
            .with("tag.Hostname", crate::daemon::host_name());
        self.counters(bean, look)
            .with("TotalSyncCount", self.syncs().0)
            .with("ExpiredHeartbeats", stats.expired_nodes)
            // The block map grows with its blocks, and no lock is held for longer than a slice.
            .with("BlockCapacity", stats.blocks)
            .with("ReadLockLongHoldCount", 0)
            .with("WriteLockLongHoldCount", 0)
            .with("MissingBlocks", stats.missing)
            .with("MissingReplOneBlocks", stats.missing_single)
            .with("BadlyDistBlocks", stats.badly_distributed)
            .with("CorruptBlocks", stats.corrupt_replicas)
            .with("LowRedundancyReplicatedBlocks", stats.low_redundancy)
            .with("CorruptReplicatedBlocks", stats.corrupt_replicas)
            .with("MissingReplicatedBlocks", stats.missing)
            .with("MissingReplicationOneBlocks", stats.missing_single)
            .with("PendingDeletionReplicatedBlocks", stats.pending_deletions)
            .with("TotalReplicatedBlocks", stats.blocks)
            .with("CapacityUsedNonDFS", stats.bytes.non_dfs_used)
            .with("CapacityTotalGB", gigabytes(stats.bytes.capacity))
            .with("CapacityUsedGB", gigabytes(stats.bytes.dfs_used))
            .with("CapacityRemainingGB", gigabytes(stats.bytes.remaining))
            .with("NumTimedOutPendingReconstructions", stats.timed_out_copies)
            .with("ExcessBlocks", stats.excess)
            .with("PostponedMisreplicatedBlocks", stats.postponed)
            .with("StaleDataNodes", stats.stale_nodes)
            .with("LastCheckpointTime", checkpoint.saved)
            .with("TransactionsSinceLastCheckpoint", last.saturating_sub(checkpoint.txid.0))
            .with(
                "TransactionsSinceLastLogRoll",
                last.saturating_sub(self.door.journal.segment().0.saturating_sub(1)),
            )
            .with("LastWrittenTransactionId", last)
            .with("BytesInFutureReplicatedBlocks", look.machine.blocks.safe_mode().future_bytes())
            .with("HighestPriorityLowRedundancyReplicatedBlocks", stats.highest_priority)
            .with("BadlyDistributedBlocks", stats.badly_distributed)
            .with("LowRedundancyECBlockGroups", 0)
            .with("CorruptECBlockGroups", 0)
            .with("MissingECBlockGroups", 0)
            .with("BytesInFutureECBlockGroups", 0)
            .with("PendingDeletionECBlocks", 0)
            .with("HighestPriorityLowRedundancyECBlocks", 0)
            .with("TotalECBlockGroups", 0)
            .with("PendingDataNodeMessageCount", 0)
            .with("MillisSinceLastLoadedEdits", 0)
            .with("NumFilesUnderConstruction", open)
            .with("NumActiveClients", clients)
            .with("SnapshottableDirectories", 0)
            .with("Snapshots", 0)
            .with("LockQueueLength", 0)
    }
}

fn replicated_blocks(look: &Look<'_>) -> Bean {
    let stats = &look.stats;
    Bean::new(name("ReplicatedBlocksState"), SYSTEM_CLASS)
        .with("LowRedundancyReplicatedBlocks", stats.low_redundancy)
        .with("CorruptReplicatedBlocks", stats.corrupt_replicas)
        .with("MissingReplicatedBlocks", stats.missing)
        .with("MissingReplicationOneBlocks", stats.missing_single)
        .with("BytesInFutureReplicatedBlocks", look.machine.blocks.safe_mode().future_bytes())
        .with("PendingDeletionReplicatedBlocks", stats.pending_deletions)
        .with("BadlyDistributedBlocks", stats.badly_distributed)
        .with("TotalReplicatedBlocks", stats.blocks)
}

fn block_groups() -> Bean {
    Bean::new(name("ECBlockGroupsState"), SYSTEM_CLASS)
        .with("LowRedundancyECBlockGroups", 0)
        .with("CorruptECBlockGroups", 0)
        .with("MissingECBlockGroups", 0)
        .with("BytesInFutureECBlockGroups", 0)
        .with("PendingDeletionECBlocks", 0)
        .with("TotalECBlockGroups", 0)
        .with("EnabledEcPolicies", "")
}

/// What `hdfs ec -verifyClusterSetup` says without a policy.
const NO_POLICY_IS_ENABLED: &str =
    r#"{"isSupported":"true","resultMessage":"No erasure coding policy is given."}"#;

/// Bytes by kind of storage (`BlockStatsMXBean`).
fn block_stats(look: &Look<'_>) -> Bean {
    #[derive(Default)]
    struct Kind {
        usage: StorageUsage,
        nodes: u64,
        transfers: u64,
    }
    let blocks = &look.machine.blocks;
    let mut kinds = std::collections::BTreeMap::<&str, Kind>::new();
    for index in blocks.datanodes(ReportKind::Live) {
        let Some(node) = blocks.datanode(index) else { continue };
        let serves = node.admin().is_in_service();
        let mut seen = Vec::new();
        for storage in node.storages().iter().filter_map(|at| blocks.storage(*at)) {
            let (kind, usage) = (storage.kind().name(), storage.usage());
            let sums = kinds.entry(kind).or_default();
            sums.usage.dfs_used += usage.dfs_used;
            sums.usage.non_dfs_used += usage.non_dfs_used;
            sums.usage.block_pool_used += usage.block_pool_used;
            sums.usage.capacity += if serves { usage.capacity } else { usage.dfs_used };
            sums.usage.remaining += if serves { usage.remaining } else { 0 };
            if serves && !seen.contains(&kind) {
                sums.nodes += 1;
                sums.transfers += u64::from(node.load().xceivers);
                seen.push(kind);
            }
        }
    }
    let shown = kinds.into_iter().map(|(kind, Kind { usage, nodes, transfers })| {
        let value = json!({
            "blockPoolUsed": usage.block_pool_used,
            "capacityNonDfsUsed": usage.non_dfs_used,
            "capacityRemaining": usage.remaining,
            "capacityTotal": usage.capacity,
            "capacityUsed": usage.dfs_used,
            "nodesInService": nodes,
            "nodesInServiceXceiverCount": transfers,
            "percentBlockPoolUsed": percent(usage.block_pool_used, usage.capacity),
            "percentRemaining": percent(usage.remaining, usage.capacity),
            "percentUsed": percent(usage.dfs_used, usage.capacity),
        });
        json!({"key": kind, "value": value})
    });
    let class = "org.apache.hadoop.hdfs.server.blockmanagement.BlockManager";
    Bean::new(name("BlockStats"), class).with("StorageTypeStats", shown.collect::<Vec<Value>>())
}

/// There are no delegation tokens to count.
fn token_metrics() -> Bean {
    let kind = "DelegationTokenSecretManagerMetrics";
    let bean = Bean::new(name(kind), kind)
        .with("tag.Context", "token")
        .with("tag.Hostname", crate::daemon::host_name())
        .with("TokenFailure", 0);
    ["StoreToken", "UpdateToken", "RemoveToken"].into_iter().fold(bean, |bean, what| {
        bean.with(format!("{what}NumOps"), 0).with(format!("{what}AvgTime"), 0.0)
    })
}

/// DataNodes by `host:port`, as JSON text within the JSON.
fn nodes(look: &Look<'_>, kind: ReportKind) -> String {
    let mut all = Map::new();
    for index in look.machine.blocks.datanodes(kind) {
        let Some(node) = look.machine.blocks.datanode(index) else { continue };
        let usage = look.machine.blocks.usage_of(index);
        let (id, bytes) = (node.id(), usage.bytes);
        let minutes = |at: loxodon_wire::ids::Milliseconds| look.now.monotonic.since(at).0 / 60_000;
        let value = json!({
            "infoAddr": format!("{}:{}", id.ip, id.info_port),
            "infoSecureAddr": format!("{}:{}", id.ip, id.info_secure_port),
            "xferaddr": id.transfer_address(),
            "location": &**node.rack(),
            "uuid": &*id.uuid,
            "lastContact": look.now.monotonic.since(node.last_heard()).0 / 1000,
            "usedSpace": bytes.dfs_used,
            "adminState": node.admin().name(),
            "nonDfsUsedSpace": bytes.non_dfs_used,
            "capacity": bytes.capacity,
            "numBlocks": usage.blocks,
            "version": &**node.software_version(),
            "used": bytes.dfs_used,
            "remaining": bytes.remaining,
            "blockScheduled": node.blocks_scheduled(),
            "blockPoolUsed": bytes.block_pool_used,
            "blockPoolUsedPercent": percent(bytes.block_pool_used, bytes.capacity),
            "blockPoolUsedPercentStdDev": spread(look, node),
            "volfails": node.load().failed_volumes,
            "lastBlockReport": node.last_report().map_or(0, minutes),
            "decommissioned": node.admin() == loxodon_cluster::AdminState::Decommissioned,
        });
        all.insert(id.transfer_host_address(), value);
    }
    Value::Object(all).to_string()
}

/// How unevenly a node's storages are filled (`Util.getBlockPoolUsedPercentStdDev`).
fn spread(look: &Look<'_>, node: &Datanode) -> f64 {
    let storages = node.storages().iter().filter_map(|at| look.machine.blocks.storage(*at));
    let usages = storages.map(|storage| storage.usage());
    let shares: Vec<f64> =
        usages.map(|usage| percent(usage.block_pool_used, usage.capacity)).collect();
    let count = shares.len().max(1) as f64;
    let mean = shares.iter().sum::<f64>() / count;
    (shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / count).sqrt()
}

fn node_usage(look: &Look<'_>) -> String {
    let mut shares: Vec<f64> = look
        .machine
        .blocks
        .datanodes(ReportKind::Live)
        .into_iter()
        .map(|index| {
            let bytes = look.machine.blocks.usage_of(index).bytes;
            percent(bytes.dfs_used, bytes.capacity)
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    let mean = shares.iter().sum::<f64>() / (shares.len().max(1) as f64);
    let spread = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>();
    let deviation = (spread / (shares.len().max(1) as f64)).sqrt();
    let at = |index: usize| shares.get(index).copied().unwrap_or(0.0);
    let shown = |share: f64| format!("{share:.2}%");
    json!({ "nodeUsage": {
        "min": shown(at(0)),
        "median": shown(at(shares.len() / 2)),
        "max": shown(at(shares.len().saturating_sub(1))),
        "stdDev": shown(deviation),
    }})
    .to_string()
}

fn versions(look: &Look<'_>) -> Vec<Value> {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for index in look.machine.blocks.datanodes(ReportKind::Live) {
        if let Some(node) = look.machine.blocks.datanode(index) {
            *counts.entry(node.software_version().to_string()).or_default() += 1;
        }
    }
    counts.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}
