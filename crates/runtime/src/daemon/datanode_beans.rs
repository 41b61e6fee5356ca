//! What `/jmx` shows of a DataNode, under the names that Hadoop's has (`DataNodeMXBean`, `FSDatasetMBean`,
//! `DataNodeMetrics`). What there is not (memory disks, caches, erasure coding) counts zero.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use loxodon_datanode::{DataNode, DataNodeObserver, DataNodeStatus, NameNodeStatus, VolumeUsage};
use loxodon_rpc::metrics::{Rate, RateSample};
use serde_json::{Map, Value, json};

use crate::web::{Bean, BeanSource, RpcBeans, Traffic, TrafficBeans};

const SERVICE: &str = "DataNode";

/// Counters of what this DataNode does not do.
const NEVER: [&str; 28] = [
    "BlocksCached",
    "BlocksUncached",
    "RamDiskBlocksWrite",
    "RamDiskBlocksWriteFallback",
    "RamDiskBytesWrite",
    "RamDiskBlocksReadHits",
    "RamDiskBlocksEvicted",
    "RamDiskBlocksEvictedWithoutRead",
    "RamDiskBlocksEvictionWindowMsNumOps",
    "RamDiskBlocksLazyPersisted",
    "RamDiskBlocksDeletedBeforeLazyPersisted",
    "RamDiskBytesLazyPersisted",
    "RamDiskBlocksLazyPersistWindowMsNumOps",
    "CacheReportsNumOps",
    "EcReconstructionTasks",
    "EcFailedReconstructionTasks",
    "EcInvalidReconstructionTasks",
    "EcDecodingTimeNanos",
    "EcReconstructionBytesRead",
    "EcReconstructionBytesWritten",
    "EcReconstructionRemoteBytesRead",
    "EcReconstructionReadTimeMillis",
    "EcReconstructionDecodingTimeMillis",
    "EcReconstructionWriteTimeMillis",
    "EcReconstructionValidateTimeMillis",
    // Every report names its storage.
    "NullStorageBlockReports",
    "SumOfActorCommandQueueLength",
    "DataNodeBlockRecoveryWorkerCount",
];

/// The beans; nothing of the node until it has opened its volumes.
#[derive(Default)]
pub(super) struct DataNodeBeans {
    shown: OnceLock<Shown>,
}

struct Shown {
    observer: DataNodeObserver,
    started: u64,
    host: String,
    calls: Option<RpcBeans>,
    pages: TrafficBeans,
}

impl DataNodeBeans {
    /// Shows a node and its web server from now on.
    pub(super) fn show(&self, node: &DataNode, traffic: Arc<Traffic>) {
        let (status, host) = (node.status(), super::host_name());
        let [_, ipc, http] = status.ports;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let started = now.saturating_sub(status.uptime).as_millis();
        let calls = node.call_metrics();
        let calls = calls.map(|metrics| RpcBeans::new(SERVICE, host.clone(), ipc, metrics));
        let pages = TrafficBeans::new(SERVICE, host.clone(), http, traffic);
        let started = u64::try_from(started).unwrap_or(u64::MAX);
        // Nobody else sets it.
        let _ = self.shown.set(Shown { observer: node.observer(), started, host, calls, pages });
    }
}

impl BeanSource for DataNodeBeans {
    fn beans(&self) -> Vec<Bean> {
        let Some(shown) = self.shown.get() else { return Vec::new() };
        let status = shown.observer.status();
        let mut beans = vec![
            shown.info(&status),
            shown.record(&status),
            shown.state(&status),
            shown.activity(&status),
        ];
        beans.extend(shown.calls.iter().flat_map(BeanSource::beans));
        beans.extend(shown.pages.beans());
        beans
    }
}

impl Shown {
    fn info(&self, status: &DataNodeStatus) -> Bean {
        let volumes: Map<String, Value> = status
            .volumes
            .iter()
            .map(|volume| {
                let usage = &volume.usage;
                let value = json!({
                    "usedSpace": usage.dfs_used,
                    "freeSpace": usage.remaining,
                    "reservedSpace": usage.reserved,
                    "reservedSpaceForReplicas": usage.reserved_for_replicas,
                    "storageType": volume.kind,
                    "numBlocks": volume.replicas,
                });
                (volume.path.clone(), value)
            })
            .collect();
        let pools: Map<String, Value> = status
            .namenodes
            .iter()
            .map(|one| {
                let host =
                    one.address.rsplit_once(':').map_or(one.address.as_str(), |(host, _)| host);
                (host.to_owned(), json!(one.pool))
            })
            .collect();
        let services: Vec<Value> =
            status.namenodes.iter().map(|one| service(one, status.max_message)).collect();
        let [data, ipc, http] = status.ports.map(|port| port.to_string());
        let errors = self.observer.metrics().network_errors_by_host();
        let class = "org.apache.hadoop.hdfs.server.datanode.DataNode";
        Bean::new("Hadoop:service=DataNode,name=DataNodeInfo", class)
            .with("Version", status.version)
            .with("SoftwareVersion", status.version)
            .with("RpcPort", ipc)
            .with("HttpPort", http)
            .with("DataPort", data)
            .with("DatanodeHostname", status.host.clone())
            .with("ClusterId", status.cluster.clone().unwrap_or_default())
            .with("XceiverCount", status.transfers)
            .with("ActiveTransferThreadCount", status.transfers)
            .with("XmitsInProgress", status.copies)
            .with("DatanodeNetworkCounts", network_counts(&errors))
            .with("VolumeInfo", Value::Object(volumes).to_string())
            .with("NamenodeAddresses", Value::Object(pools).to_string())
            .with("BPServiceActorInfo", Value::Array(services).to_string())
            .with("SendPacketDownstreamAvgInfo", peers(status))
            .with("DiskBalancerStatus", status.disk_balancer.as_str())
            .with("SlowDisks", status.slow_disks.as_ref().map(|disks| json!(disks).to_string()))
            .with("DNStartedTimeInMillis", self.started)
            .with("SecurityEnabled", false)
    }

    /// The volumes as Hadoop's metrics system has them.
    fn record(&self, status: &DataNodeStatus) -> Bean {
        self.dataset(status, "FSDatasetState", "FSDatasetState")
            .with("tag.Context", "FSDatasetState")
            .with("tag.StorageInfo", storage_info(status))
            .with("tag.Hostname", self.host.clone())
            .with("NumBlocksFailedToUnCache", 0)
            .with("LastDirectoryScannerFinishTime", self.observer.metrics().compared_at.get())
    }

    /// The bean that carries the DataNode's id in its name.
    fn state(&self, status: &DataNodeStatus) -> Bean {
        let class = "org.apache.hadoop.hdfs.server.datanode.fsdataset.impl.FsDatasetImpl";
        self.dataset(status, &format!("FSDatasetState-{}", status.uuid), class)
            .with("StorageInfo", storage_info(status))
            .with("FailedStorageLocations", status.failed_volumes.clone())
            .with("NumBlocksFailedToUncache", 0)
            .with("LastDirScannerFinishTime", self.observer.metrics().compared_at.get())
    }

    /// What both have.
    fn dataset(&self, status: &DataNodeStatus, name: &str, class: &'static str) -> Bean {
        let sum = |of: fn(&VolumeUsage) -> u64| -> u64 {
            status.volumes.iter().map(|volume| of(&volume.usage)).sum()
        };
        let metrics = self.observer.metrics();
        let pending = metrics.removals_ordered.get().saturating_sub(metrics.blocks_removed.get());
        Bean::new(format!("Hadoop:service=DataNode,name={name}"), class)
            .with("Capacity", sum(|usage| usage.capacity))
            .with("DfsUsed", sum(|usage| usage.dfs_used))
            .with("Remaining", sum(|usage| usage.remaining))
            .with("NumFailedVolumes", status.failed_volumes.len())
            .with("LastVolumeFailureDate", status.last_volume_failure)
            .with("EstimatedCapacityLostTotal", status.lost_capacity)
            .with("CacheUsed", 0)
            .with("CacheCapacity", 0)
            .with("NumBlocksCached", 0)
            .with("NumBlocksFailedToCache", 0)
            .with("PendingAsyncDeletions", pending)
    }

    fn activity(&self, status: &DataNodeStatus) -> Bean {
        let metrics = self.observer.metrics();
        let [data, ..] = status.ports;
        let name = format!("DataNodeActivity-{}-{data}", status.host);
        let bean = Bean::new(format!("Hadoop:service=DataNode,name={name}"), name)
            .with("tag.SessionId", Value::Null)
            .with("tag.Context", "dfs")
            .with("tag.Hostname", self.host.clone())
            .with("BytesWritten", metrics.bytes_written.get())
            .with("BytesRead", metrics.bytes_read.get())
            .with("TotalReadTime", metrics.read_nanos.get() / 1_000_000)
            .with("BlocksWritten", metrics.blocks_written.get())
            .with("BlocksRead", metrics.blocks_read.get())
            .with("BlocksReplicated", metrics.blocks_replicated.get())
            .with("BlocksRemoved", metrics.blocks_removed.get())
            .with("BlocksVerified", metrics.blocks_verified.get())
            .with("BlockVerificationFailures", metrics.verification_failures.get())
            .with("ReadsFromLocalClient", metrics.reads_from_here.get())
            .with("ReadsFromRemoteClient", metrics.reads_from_elsewhere.get())
            .with("WritesFromLocalClient", metrics.writes_from_here.get())
            .with("WritesFromRemoteClient", metrics.writes_from_elsewhere.get())
            .with("BlocksGetLocalPathInfo", metrics.local_paths_told.get())
            .with("RemoteBytesRead", metrics.bytes_read_from_elsewhere.get())
            .with("RemoteBytesWritten", metrics.bytes_written_from_elsewhere.get())
            .with("FsyncCount", metrics.syncs.get())
            .with("VolumeFailures", metrics.volume_failures.get())
            .with("DatanodeNetworkErrors", metrics.network_errors())
            .with("DataNodeActiveXceiversCount", status.transfers)
            .with("PacketsReceived", metrics.packets_received.get());
        let bean = NEVER.into_iter().fold(bean, |bean, name| {
            let bean = bean.with(name, 0);
            match name.strip_suffix("NumOps") {
                Some(name) => bean.with(format!("{name}AvgTime"), 0.0),
                None => bean,
            }
        });
        let rates: [(&str, &Rate); 9] = [
            ("ReadBlockOp", &metrics.read_block),
            ("WriteBlockOp", &metrics.write_block),
            ("BlockChecksumOp", &metrics.block_checksum),
            ("CopyBlockOp", &metrics.copy_block),
            ("ReplaceBlockOp", &metrics.replace_block),
            ("Heartbeats", &metrics.heartbeats),
            ("Lifelines", &metrics.lifelines),
            ("BlockReports", &metrics.block_reports),
            ("IncrementalBlockReports", &metrics.incremental_reports),
        ];
        rates.into_iter().fold(bean, |bean, (name, rate)| {
            let RateSample { count, average_ms } = rate.sample(true);
            bean.with(format!("{name}NumOps"), count).with(format!("{name}AvgTime"), average_ms)
        })
    }
}

/// `BPServiceActor.getActorInfoMap`: texts, whatever they mean.
fn service(one: &NameNodeStatus, max_message: usize) -> Value {
    let [heartbeat, answer, report] = one
        .seconds_since
        .map(|seconds| seconds.map_or_else(|| "0".to_owned(), |seconds| seconds.to_string()));
    json!({
        "NamenodeAddress": one.address,
        "NamenodeHaState": one.state.unwrap_or("Unknown"),
        "BlockPoolID": one.pool,
        "ActorState": if one.registered { "RUNNING" } else { "CONNECTING" },
        "LastHeartbeat": heartbeat,
        "LastHeartbeatResponseTime": answer,
        "LastBlockReport": report,
        "maxBlockReportSize": one.largest_report.to_string(),
        "maxDataLength": max_message.to_string(),
        "isSlownode": one.finds_us_slow.to_string(),
    })
}

/// A map of maps, as JMX shows them.
fn network_counts(errors: &BTreeMap<String, u64>) -> Value {
    let rows = errors.iter().map(
        |(host, count)| json!({"key": host, "value": [{"key": "networkErrors", "value": count}]}),
    );
    rows.collect()
}

/// `[address]RollingAvgTime`, as `MutableRollingAverages` names them; null where nothing is measured.
fn peers(status: &DataNodeStatus) -> Value {
    let Some(peers) = &status.peer_milliseconds else { return Value::Null };
    let averages: Map<String, Value> = peers
        .iter()
        .map(|(peer, average)| (format!("[{peer}]RollingAvgTime"), json!(average)))
        .collect();
    Value::String(Value::Object(averages).to_string())
}

/// `FsVolumeList`'s words for the directories.
fn storage_info(status: &DataNodeStatus) -> String {
    let paths: Vec<&str> = status.volumes.iter().map(|volume| volume.path.as_str()).collect();
    format!("FSDataset{{dirpath='[{}]'}}", paths.join(", "))
}
