//! The DataNode daemon: the node, its web server, its end.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_datanode::{
    DataNode, DataNodeError, DataNodeObserver, DataNodeSettings, DataNodeStatus, GroupLookup,
};
use loxodon_namenode::users::GroupSource;
use loxodon_rpc::server::ServiceAccess;
use serde_json::{Map, Value, json};

use super::address::{AddressError, address};
use super::namenode::ConfiguredGroups;
use crate::web::look::{Page, with_page};
use crate::web::{
    Bean, BeanSource, Daemon, ProcessBeans, Router, WebLimits, WebServer, standard_pages,
};

/// Why a DataNode does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A configuration value does not parse.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The node itself.
    #[error(transparent)]
    Node(#[from] DataNodeError),
    /// The web server's address is not known.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The web port.
    #[error("Problem binding to [{address}] java.net.BindException: {source}")]
    Web {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A DataNode that serves. Dropped, it stops at once, as if it were killed.
pub struct RunningDataNode {
    node: DataNode,
    web: WebServer,
}

impl std::fmt::Debug for RunningDataNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.node.transfer_address();
        f.debug_struct("RunningDataNode").field("transfer", &address).finish_non_exhaustive()
    }
}

impl RunningDataNode {
    /// Opens volumes and sockets; registration goes on in the background.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(conf: Configuration) -> Result<Self, StartError> {
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        super::refused::by_datanode(&conf)?;
        let address = web_address(&conf)?;
        let user = super::process_user();
        let mut settings = DataNodeSettings::from_conf(&conf, &user)?;
        let groups = ConfiguredGroups::from_conf(&conf)?;
        settings.groups_of = GroupLookup::new(move |user| groups.groups_of(user));
        settings.access = ServiceAccess::from_conf(&conf, &super::services::HDFS)?.map(Arc::new);
        let beans = Arc::new(DataNodeBeans::default());
        let router = router(&conf, Arc::clone(&beans));
        let web = WebServer::bind(address, WebLimits::default(), router)
            .await
            .map_err(|source| StartError::Web { address, source })?;
        settings.info_port = web.local_addr().port();
        let node = DataNode::start(settings).await?;
        // Set once, here.
        let _ = beans.observer.set(node.observer());
        Ok(Self { node, web })
    }

    /// Where blocks are transferred.
    #[must_use]
    pub fn transfer_address(&self) -> SocketAddr {
        self.node.transfer_address()
    }

    /// Where web pages are asked for.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.web.local_addr()
    }

    /// Waits until the process is told to end or the DataNode cannot go on; the exit code.
    pub async fn wait(&self) -> i32 {
        tokio::select! {
            reason = self.node.ended() => {
                if self.node.shutdown_wanted() {
                    return 0;
                }
                tracing::error!("{reason}");
                eprintln!("{reason}");
                1
            }
            () = super::told_to_end() => 0,
        }
    }

    /// Stops in order: what the next start needs is saved.
    pub async fn stop(self) {
        let Self { node, web } = self;
        node.shutdown().await;
        drop(web);
    }
}

/// Runs a DataNode until it ends; the process's exit code. Messages go to standard error.
pub fn run(conf: Configuration, args: &[String]) -> i32 {
    if args.iter().any(|arg| arg != "-regular") {
        eprintln!("Usage: hdfs datanode [-regular]");
        return 1;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Exception in secureMain\n{error}");
            return 1;
        }
    };
    runtime.block_on(async {
        // Heard from the first moment on, so that a start is always followed by an orderly end.
        let told = super::told_to_end();
        let node = match RunningDataNode::start(conf).await {
            Ok(node) => node,
            Err(error) => {
                tracing::error!("{error}");
                eprintln!("Exception in secureMain\n{error}");
                return 1;
            }
        };
        let code = tokio::select! {
            code = node.wait() => code,
            () = told => 0,
        };
        node.stop().await;
        code
    })
}

fn web_address(conf: &Configuration) -> Result<SocketAddr, StartError> {
    let name = keys::DATANODE_HTTP_ADDRESS.name;
    let value = conf.text(&keys::DATANODE_HTTP_ADDRESS)?.unwrap_or_default();
    Ok(address(name, &value)?)
}

const PAGE: Page<'_> = Page {
    daemon: "DataNode",
    icon: "M8 3v4M4 12V9h8v3",
    links: &[],
    data: "/jmx",
    scripts: &[("/static/page.js", include_str!("datanode_page.js"))],
};

fn router(conf: &Configuration, beans: Arc<DataNodeBeans>) -> Router {
    let process = ProcessBeans::new("DataNode", super::host_name(), SystemTime::now());
    let sources: Vec<Arc<dyn BeanSource>> = vec![beans, Arc::new(process)];
    let daemon = Daemon {
        name: "DataNode".into(),
        beans: sources.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: super::log::levels(),
    };
    standard_pages(with_page(Router::new(), &["/"], &PAGE), daemon)
}

/// What `/jmx` shows of the DataNode; nothing until it has opened its volumes.
#[derive(Default)]
struct DataNodeBeans {
    observer: OnceLock<DataNodeObserver>,
}

impl BeanSource for DataNodeBeans {
    fn beans(&self) -> Vec<Bean> {
        let Some(observer) = self.observer.get() else { return Vec::new() };
        let status = observer.status();
        vec![info(&status), dataset(&status), activity(observer)]
    }
}

fn info(status: &DataNodeStatus) -> Bean {
    let volumes: Map<String, Value> = status
        .volumes
        .iter()
        .map(|volume| {
            let usage = &volume.usage;
            let value = json!({
                "usedSpace": usage.dfs_used,
                "freeSpace": usage.remaining,
                "reservedSpace": usage.reserved,
                "storageType": volume.kind,
                "numBlocks": volume.replicas,
            });
            (volume.path.clone(), value)
        })
        .collect();
    let pools: Map<String, Value> =
        status.namenodes.iter().map(|one| (one.address.clone(), json!(one.pool))).collect();
    let services: Vec<Value> = status
        .namenodes
        .iter()
        .map(|one| {
            json!({
                "NamenodeAddress": one.address,
                "BlockPoolID": one.pool,
                "ActorState": if one.registered { "RUNNING" } else { "CONNECTING" },
            })
        })
        .collect();
    let class = "org.apache.hadoop.hdfs.server.datanode.DataNode";
    Bean::new("Hadoop:service=DataNode,name=DataNodeInfo", class)
        .with("Version", status.version)
        .with("SoftwareVersion", status.version)
        .with("ClusterId", status.cluster.clone().unwrap_or_default())
        .with("XceiverCount", status.transfers)
        .with("XmitsInProgress", status.copies)
        .with("VolumeInfo", Value::Object(volumes).to_string())
        .with("NamenodeAddresses", Value::Object(pools).to_string())
        .with("BPServiceActorInfo", Value::Array(services).to_string())
        .with("SecurityEnabled", false)
}

fn dataset(status: &DataNodeStatus) -> Bean {
    let sum = |of: fn(&loxodon_datanode::VolumeUsage) -> u64| -> u64 {
        status.volumes.iter().map(|volume| of(&volume.usage)).sum()
    };
    let class = "org.apache.hadoop.hdfs.server.datanode.fsdataset.impl.FsDatasetImpl";
    Bean::new("Hadoop:service=DataNode,name=FSDatasetState", class)
        .with("Capacity", sum(|usage| usage.capacity))
        .with("DfsUsed", sum(|usage| usage.dfs_used))
        .with("Remaining", sum(|usage| usage.remaining))
        .with("StorageInfo", "FSDataset")
        .with("NumFailedVolumes", status.failed_volumes.len())
        .with("FailedStorageLocations", status.failed_volumes.clone())
        .with("LastVolumeFailureDate", status.last_volume_failure)
        .with("EstimatedCapacityLostTotal", status.lost_capacity)
        .with("CacheUsed", 0)
        .with("CacheCapacity", 0)
}

fn activity(observer: &DataNodeObserver) -> Bean {
    let metrics = observer.metrics();
    Bean::new("Hadoop:service=DataNode,name=DataNodeActivity", "DataNodeActivity")
        .with("tag.Context", "dfs")
        .with("tag.Hostname", super::host_name())
        .with("BytesWritten", metrics.bytes_written.get())
        .with("BytesRead", metrics.bytes_read.get())
        .with("BlocksWritten", metrics.blocks_written.get())
        .with("BlocksRead", metrics.blocks_read.get())
        .with("BlocksReplicated", metrics.blocks_replicated.get())
        .with("BlocksRemoved", metrics.blocks_removed.get())
        .with("BlocksVerified", metrics.blocks_verified.get())
        .with("BlockVerificationFailures", metrics.verification_failures.get())
        .with("VolumeFailures", metrics.volume_failures.get())
        .with("DatanodeNetworkErrors", metrics.network_errors.get())
        .with("HeartbeatsNumOps", metrics.heartbeats.get())
        .with("LifelinesNumOps", metrics.lifelines.get())
        .with("BlockReportsNumOps", metrics.block_reports.get())
        .with("IncrementalBlockReportsNumOps", metrics.incremental_reports.get())
}
