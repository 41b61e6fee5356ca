//! What all parts of a DataNode share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use loxodon_rpc::client::RpcClient;
use loxodon_rpc::server::Reconfiguration;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs as proto;
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::block::Block;
use crate::damaged::DamagedReplicas;
use crate::dataset::{Dataset, Deleted, Volume};
use crate::disk_balancer::DiskBalancer;
use crate::error::{DataNodeError, Result};
use crate::live::Live;
use crate::load::Load;
use crate::metrics::DataNodeMetrics;
use crate::namenode::{BadReplica, Change, Service};
use crate::peers::PeerStats;
use crate::scanner::ScanControl;
use crate::settings::DataNodeSettings;
use crate::storage::PoolIdentity;
use crate::transfer::{Throttle, Transfers};

/// Between looks at whether the DataNode stops while a pool is waited for.
const POOL_LOOK: Duration = Duration::from_millis(100);

/// Background threads do little on their stacks.
const STACK: usize = 512 * 1024;

/// Bytes a second, by what they are for.
#[derive(Debug)]
pub(crate) struct Throttles {
    pub(crate) balance: Throttle,
    pub(crate) transfer: Throttle,
    pub(crate) write: Throttle,
    pub(crate) read: Throttle,
}

/// The ports that were opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) ip: std::net::IpAddr,
    pub(crate) transfer: u16,
    pub(crate) ipc: u16,
}

/// A running DataNode.
pub(crate) struct Node {
    pub(crate) settings: DataNodeSettings,
    pub(crate) dataset: Dataset,
    pub(crate) metrics: DataNodeMetrics,
    pub(crate) transfers: Transfers,
    pub(crate) throttles: Throttles,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) client: RpcClient,
    pub(crate) services: RwLock<Vec<Arc<Service>>>,
    /// The conversations with NameNodes.
    pub(crate) actors: Mutex<JoinSet<()>>,
    pub(crate) live: Live,
    pub(crate) peers: PeerStats,
    pub(crate) reconfiguration: Arc<Reconfiguration>,
    /// One change of the volumes at a time.
    pub(crate) volume_changes: Mutex<()>,
    /// Threads that look after blocks.
    pub(crate) scanners: Mutex<Vec<std::thread::JoinHandle<()>>>,
    pub(crate) ports: OnceLock<Ports>,
    pub(crate) started: std::time::Instant,
    pub(crate) state: watch::Sender<State>,
    pub(crate) shutdown_wanted: AtomicBool,
    pub(crate) uuid: String,
    pub(crate) deletions: Mutex<Option<mpsc::Sender<Deleted>>>,
    pub(crate) scans: Arc<ScanControl>,
    pub(crate) disk_balancer: DiskBalancer,
    pub(crate) damaged: DamagedReplicas,
    pub(crate) load: Load,
    pub(crate) restarting: AtomicBool,
    /// Woken when a pool is opened.
    pub(crate) pool_opened: (Mutex<()>, Condvar),
}

/// How far a DataNode is.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) registered: usize,
    pub(crate) stopping: bool,
    pub(crate) ended: usize,
    pub(crate) fatal: Option<String>,
}

impl Node {
    pub(crate) fn is_stopping(&self) -> bool {
        self.state.borrow().stopping
    }

    /// Whether writers were told that this DataNode will be back.
    pub(crate) fn is_restarting(&self) -> bool {
        self.restarting.load(Ordering::Acquire)
    }

    /// Ends when the DataNode is to stop.
    pub(crate) async fn stopped(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this node.
        drop(state.wait_for(|state| state.stopping).await);
    }

    pub(crate) fn registered(&self) {
        self.state.send_modify(|state| state.registered += 1);
    }

    /// A NameNode is not served any more; with none left, neither is anyone.
    pub(crate) fn service_ended(&self, reason: &DataNodeError) {
        let all: usize = self.services().iter().map(|service| service.peers.len()).sum();
        self.state.send_modify(|state| {
            state.ended += 1;
            if state.ended >= all || matches!(reason, DataNodeError::VolumesFailed(_)) {
                state.fatal.get_or_insert(reason.to_string());
            }
        });
    }

    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The block pools that are served.
    pub(crate) fn services(&self) -> Vec<Arc<Service>> {
        self.services.read().clone()
    }

    pub(crate) fn service(&self, pool: &str) -> Result<Arc<Service>> {
        let found = self.services.read().iter().find(|service| service.is_pool(pool)).cloned();
        found.ok_or_else(|| DataNodeError::Refused(format!("block pool {pool} is not served")))
    }

    /// The name that is configured, or else this machine's full one.
    fn host_name(&self) -> String {
        let configured = self.settings.host_name.clone();
        configured.unwrap_or_else(loxodon_rpc::client::canonical_host_name)
    }

    /// Who this DataNode is.
    pub(crate) fn datanode_id(&self) -> proto::DatanodeIdProto {
        let ports = self.ports.get();
        let ip = ports.map_or(self.settings.address.ip(), |ports| ports.ip);
        proto::DatanodeIdProto {
            ip_addr: ip.to_string(),
            host_name: self.host_name(),
            datanode_uuid: self.uuid.clone(),
            xfer_port: ports.map_or(0, |ports| ports.transfer).into(),
            ipc_port: ports.map_or(0, |ports| ports.ipc).into(),
            info_port: self.settings.info_port.into(),
            info_secure_port: Some(0),
        }
    }

    /// The same as the pool's NameNode sees it.
    pub(crate) fn datanode_info(&self, pool: &str) -> Option<proto::DatanodeInfoProto> {
        let registration = self.service(pool).ok()?.registration()?;
        Some(proto::DatanodeInfoProto { id: registration.datanode_id, ..Default::default() })
    }

    /// Opens the volumes for a pool.
    pub(crate) fn open_pool(&self, identity: &PoolIdentity) -> Result<()> {
        for volume in self.dataset.volumes() {
            match volume.directory.prepare(identity, &self.uuid, &volume.storage) {
                Ok(_) => {}
                Err(error @ DataNodeError::Disk { .. }) => {
                    self.dataset.fail_volume(&volume, &error);
                }
                Err(error) => return Err(error),
            }
        }
        self.dataset.check_failures()?;
        self.dataset.add_pool(&identity.pool)?;
        self.load_damaged(&identity.pool);
        drop(self.pool_opened.0.lock());
        self.pool_opened.1.notify_all();
        self.scans.pool_opened();
        Ok(())
    }

    /// Waits while `pool` may still be opened: after a restart, peers come before the volumes are ready
    /// (`checkAndWaitForBP`).
    pub(crate) fn wait_for_pool(&self, pool: &str) -> Result<()> {
        if self.dataset.pool(pool).is_ok() {
            return Ok(());
        }
        let until = Instant::now() + self.settings.pool_patience;
        let mut opened = self.pool_opened.0.lock();
        loop {
            if self.dataset.pool(pool).is_ok() {
                return Ok(());
            }
            let may_come = |service: &Arc<Service>| {
                service.identity().is_none_or(|identity| identity.pool == pool)
            };
            let now = Instant::now();
            if now >= until || self.is_stopping() || !self.services.read().iter().any(may_come) {
                return Err(DataNodeError::Refused(format!(
                    "Not ready to serve the block pool, {pool}."
                )));
            }
            self.pool_opened.1.wait_until(&mut opened, until.min(now + POOL_LOOK));
        }
    }

    /// Runs something that takes its time on a thread of its own.
    pub(crate) fn in_background(
        &self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Option<std::thread::JoinHandle<()>> {
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        thread.spawn(work).inspect_err(|error| error!(name, %error, "cannot start a thread")).ok()
    }

    fn changed(&self, block: &Block, volume: &Volume, change: &Change) {
        match self.service(&block.pool) {
            Ok(service) => service.changed(block, volume, change),
            Err(error) => warn!(%block, %error, "nobody to tell of a block"),
        }
    }

    pub(crate) fn receiving(&self, block: &Block, volume: &Volume) {
        self.changed(block, volume, &Change::Receiving);
    }

    pub(crate) fn received(&self, block: &Block, volume: &Volume, hint: Option<String>) {
        self.changed(block, volume, &Change::Received(hint));
    }

    /// Forgets replicas at once, and lets their files be removed.
    pub(crate) fn invalidate(&self, pool: &str, blocks: &[Block]) {
        match self.dataset.invalidate(pool, blocks) {
            Ok(deleted) => deleted.into_iter().for_each(|deleted| self.delete(deleted)),
            Err(error) => warn!(pool, %error, "blocks are not deleted"),
        }
    }

    fn delete(&self, deleted: Deleted) {
        self.metrics.removals_ordered.add(1);
        let queue = self.deletions.lock().clone();
        let refused = match queue {
            Some(queue) => queue.send(deleted).err().map(|refused| refused.0),
            None => Some(deleted),
        };
        if let Some(deleted) = refused {
            self.delete_now(&deleted);
        }
    }

    pub(crate) fn delete_now(&self, deleted: &Deleted) {
        deleted.remove_files();
        self.metrics.blocks_removed.add(1);
        self.changed(&deleted.block, &deleted.volume, &Change::Deleted);
    }

    /// Says that a replica is gone.
    pub(crate) fn deleted(&self, block: &Block, volume: &Volume) {
        self.changed(block, volume, &Change::Deleted);
    }

    /// Ends a recovery, and says that the block is there; the storage it is on.
    pub(crate) fn update_recovery(
        &self,
        old: &Block,
        recovery: GenerationStamp,
        new_id: Option<BlockId>,
        length: u64,
    ) -> Result<String> {
        let (block, volume) = self.dataset.update_recovery(old, recovery, new_id, length)?;
        self.received(&block, &volume, None);
        Ok(volume.storage.clone())
    }

    /// Looks at the volumes after an error of one of them.
    pub(crate) fn disk_failed(&self, error: &DataNodeError) {
        warn!(%error, "a disk may have failed");
        let path = match error {
            DataNodeError::Disk { path, .. } => Some(path.as_path()),
            _ => None,
        };
        let failed = self.dataset.check_volumes(path, self.settings.disk_check_gap);
        if failed == 0 {
            return;
        }
        self.metrics.volume_failures.add(failed as u64);
        if let Err(error) = self.dataset.check_failures() {
            self.state.send_modify(|state| {
                state.fatal.get_or_insert(error.to_string());
            });
        }
    }

    /// After an error of a replica while it was sent: its volume is looked at, and a replica that is damaged
    /// is reported, or verified by the block scanner first where there is one.
    pub(crate) fn suspect(&self, block: &Block, error: &DataNodeError) {
        if let DataNodeError::Disk { source, .. } = error
            && source.kind() != std::io::ErrorKind::NotFound
        {
            if let Ok((_, replica)) = self.dataset.find(block) {
                self.scans.suspect(replica.volume, block);
            }
            return self.disk_failed(error);
        }
        let missing = matches!(error, DataNodeError::Disk { .. });
        if missing && self.dataset.has_files(block) {
            // It was moved to another storage while it was opened.
            return;
        }
        if missing || matches!(error, DataNodeError::Checksum(_)) {
            self.report_bad_local(block);
        }
    }

    /// A replica whose files were not there when it was opened for a reader is forgotten, and the NameNodes
    /// hear of it as of one that was deleted.
    pub(crate) fn opened_in_vain(&self, block: &Block, error: &DataNodeError) {
        let missing = |source: &std::io::Error| source.kind() == std::io::ErrorKind::NotFound;
        match error {
            DataNodeError::Disk { source, .. } if missing(source) => {}
            _ => return,
        }
        match self.dataset.forget_missing(block) {
            Ok(Some((gone, volume))) => {
                warn!(block = %gone, "removed from memory: a file of it is not on the disk");
                self.deleted(&gone, &volume);
            }
            Ok(None) => {}
            Err(error) => warn!(%block, %error, "a replica cannot be compared with the disk"),
        }
    }

    /// Tells the NameNodes that our replica is damaged, and remembers it.
    pub(crate) fn report_bad_local(&self, block: &Block) {
        self.remember_damaged(block);
        self.report_bad(&self.bad_replica(block.clone()));
    }

    /// Our replica, with the storage that it is on.
    pub(crate) fn bad_replica(&self, block: Block) -> BadReplica {
        let replica = self.dataset.find(&block).ok().map(|(_, replica)| replica.volume);
        let volume = replica.and_then(|volume| self.dataset.volume(volume).ok());
        let storage = volume.map(|volume| (volume.kind().to_wire(), volume.storage.clone()));
        BadReplica { block, datanode: None, storage }
    }

    /// Tells the NameNodes that another DataNode's replica is damaged.
    pub(crate) fn report_bad_remote(&self, block: &Block, datanode: proto::DatanodeInfoProto) {
        self.report_bad(&BadReplica {
            block: block.clone(),
            datanode: Some(datanode),
            storage: None,
        });
    }

    pub(crate) fn report_bad(&self, bad: &BadReplica) {
        let owner = bad.datanode.as_ref().map_or("this DataNode", |other| &other.id.ip_addr);
        warn!(block = %bad.block, owner, "a replica is reported as bad");
        match self.service(&bad.block.pool) {
            Ok(service) => service.report_bad(bad),
            Err(error) => warn!(%error, "nobody to tell of a bad replica"),
        }
    }

    pub(crate) fn random_fraction(&self) -> f64 {
        fastrand::f64()
    }

    /// A number of a full report: never zero.
    pub(crate) fn random_id(&self) -> i64 {
        fastrand::i64(1..=i64::MAX)
    }

    /// Asks for the end of the process that this DataNode is.
    pub(crate) fn want_shutdown(&self) {
        self.shutdown_wanted.store(true, Ordering::Release);
        self.state.send_modify(|state| {
            state.fatal.get_or_insert("asked to shut down".to_owned());
        });
    }
}
