//! Starting and stopping a DataNode.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant, SystemTime};

use loxodon_rpc::client::RpcClient;
use loxodon_rpc::metrics::ServerMetrics;
use loxodon_rpc::server::{Reconfiguration, Server};
use loxodon_wire::proto::hdfs::nnha_status_heartbeat_proto::State as HaState;
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::version;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::calls::Calls;
use crate::damaged::DamagedReplicas;
use crate::dataset::replica::VolumeIndex;
use crate::dataset::{CacheAges, Dataset, DatasetSettings, Deleted, Volume, VolumeFailures};
use crate::disk_balancer::DiskBalancer;
use crate::error::{DataNodeError, NetworkContext, Result};
use crate::live::Live;
use crate::load::Load;
use crate::metrics::DataNodeMetrics;
use crate::namenode::Service;
use crate::node::{Node, Ports, State, Throttles};
use crate::peers::PeerStats;
use crate::settings::DataNodeSettings;
use crate::status::{DataNodeStatus, NameNodeStatus, VolumeStatus};
use crate::transfer::{Throttle, TransferServer, Transfers};
use crate::{disks, reconfigure, scanner};

/// A DataNode that runs. Dropped without [`Self::shutdown`], it ends as in a crash: connections break
/// off, nothing is told to the NameNode or saved.
pub struct DataNode {
    node: Arc<Node>,
    transfers: TransferServer,
    /// Until [`Self::shutdown`] begins.
    server: Option<Server>,
    deleter: Option<std::thread::JoinHandle<()>>,
}

impl DataNode {
    /// Locks the volumes, opens the ports, and begins to talk to the NameNodes. Inside a tokio runtime.
    ///
    /// # Errors
    /// If too few volumes can be used, or a port is taken.
    pub async fn start(settings: DataNodeSettings) -> Result<Self> {
        let (volumes, failures, uuid) = open_volumes(&settings)?;
        let dataset = Dataset::new(dataset_settings(&settings), volumes, failures);
        dataset.check_failures()?;
        let listener =
            TcpListener::bind(settings.address).network("Problem binding to", &settings.address)?;
        let ipc = settings.ipc_address;
        let (deletions, deleted) = mpsc::channel::<Deleted>();
        let node = Arc::new(new_node(settings, dataset, uuid, deletions));
        let server =
            Server::bind(ipc, node.settings.limits.clone(), Arc::new(Calls(Arc::clone(&node))))
                .await;
        let server = server.map_err(|error| {
            DataNodeError::Refused(format!("Problem binding to {ipc}: {error}"))
        })?;
        let address =
            listener.local_addr().network("cannot ask for the address of", &"the transfer port")?;
        let ports =
            Ports { ip: address.ip(), transfer: address.port(), ipc: server.local_addr().port() };
        if node.ports.set(ports).is_err() {
            return Err(DataNodeError::Refused("the ports were opened twice".to_owned()));
        }
        let transfers = TransferServer::start(Arc::clone(&node), listener)?;
        let deleter = start_deleter(&node, deleted)?;
        for service in node.services() {
            node.serve(&service);
        }
        let scanners = scanner::start(&node);
        node.scanners.lock().extend(scanners);
        Ok(Self { node, transfers, server: Some(server), deleter: Some(deleter) })
    }

    /// Where blocks are transferred.
    #[must_use]
    pub fn transfer_address(&self) -> SocketAddr {
        let settings = &self.node.settings;
        self.node
            .ports
            .get()
            .map_or(settings.address, |ports| SocketAddr::new(ports.ip, ports.transfer))
    }

    /// Where calls come in.
    #[must_use]
    pub fn ipc_address(&self) -> SocketAddr {
        let asked = self.node.settings.ipc_address;
        self.server.as_ref().map_or(asked, Server::local_addr)
    }

    /// Waits until every NameNode knows this DataNode, or one of them refused it.
    ///
    /// # Errors
    /// The refusal.
    pub async fn registered(&self) -> Result<()> {
        let all: usize = self.node.services().iter().map(|service| service.peers.len()).sum();
        let mut state = self.node.state.subscribe();
        let reached =
            state.wait_for(|state| state.registered >= all || state.fatal.is_some()).await;
        let fatal = reached.ok().and_then(|state| state.fatal.clone());
        fatal.map_or(Ok(()), |reason| Err(DataNodeError::NameNode(reason)))
    }

    /// Waits until the DataNode cannot go on, or was asked to stop; why.
    pub async fn ended(&self) -> String {
        let mut state = self.node.state.subscribe();
        let reached = state.wait_for(|state| state.fatal.is_some()).await;
        reached.ok().and_then(|state| state.fatal.clone()).unwrap_or_default()
    }

    /// Whether the end was asked for by `shutdownDatanode`, and not forced by an error.
    #[must_use]
    pub fn shutdown_wanted(&self) -> bool {
        self.node.shutdown_wanted.load(std::sync::atomic::Ordering::Acquire)
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &DataNodeMetrics {
        &self.node.metrics
    }

    /// The counters of the server where calls come in; none once it is stopped.
    #[must_use]
    pub fn call_metrics(&self) -> Option<Arc<ServerMetrics>> {
        self.server.as_ref().map(Server::metrics)
    }

    /// What can be shown. Asks the file systems: not for the runtime's own threads.
    #[must_use]
    pub fn status(&self) -> DataNodeStatus {
        status(&self.node)
    }

    /// A way to ask for [`Self::status`] and the metrics from elsewhere.
    #[must_use]
    pub fn observer(&self) -> DataNodeObserver {
        DataNodeObserver(Arc::clone(&self.node))
    }

    /// Stops: no more connections, calls and heartbeats; saves the list of replicas for the next start, which may be
    /// in this process.
    pub async fn shutdown(mut self) {
        self.node.state.send_modify(|state| state.stopping = true);
        self.node.scans.stop();
        let mut actors = std::mem::take(&mut *self.node.actors.lock());
        while actors.join_next().await.is_some() {}
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
        let stopping = tokio::task::spawn_blocking(move || {
            self.transfers.stop();
            self.node.transfers.close_all();
            let until = Instant::now() + Duration::from_secs(5);
            while self.node.transfers.count() > 0 && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.node.disk_balancer.stop();
            self.node.deletions.lock().take();
            if let Some(deleter) = self.deleter.take()
                && deleter.join().is_err()
            {
                tracing::error!("the deleting thread ended badly");
            }
            for scanner in std::mem::take(&mut *self.node.scanners.lock()) {
                if scanner.join().is_err() {
                    tracing::error!("a scanning thread ended badly");
                }
            }
            self.node.dataset.save_caches(SystemTime::now());
            self.unlock();
        });
        if let Err(error) = stopping.await {
            tracing::error!(%error, "the DataNode did not stop well");
        }
    }

    /// Lets another DataNode have the directories, whoever still looks at this one.
    fn unlock(&self) {
        for volume in self.node.dataset.volumes() {
            volume.directory.unlock();
        }
    }
}

impl Drop for DataNode {
    fn drop(&mut self) {
        if self.server.take().is_none() {
            return;
        }
        self.node.actors.lock().abort_all();
        self.node.state.send_modify(|state| state.stopping = true);
        self.node.scans.stop();
        // It must not write any more when somebody else has the directories.
        self.node.disk_balancer.stop();
        self.transfers.stop();
        self.node.transfers.close_all();
        self.node.deletions.lock().take();
        // What is written still is written by threads whose connections are closed.
        let until = Instant::now() + Duration::from_secs(5);
        while self.node.transfers.count() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.unlock();
    }
}

/// Looks at a DataNode that someone else holds.
#[derive(Clone)]
pub struct DataNodeObserver(Arc<Node>);

impl DataNodeObserver {
    /// As [`DataNode::status`].
    #[must_use]
    pub fn status(&self) -> DataNodeStatus {
        status(&self.0)
    }

    /// As [`DataNode::metrics`].
    #[must_use]
    pub fn metrics(&self) -> &DataNodeMetrics {
        &self.0.metrics
    }
}

fn new_node(
    settings: DataNodeSettings,
    dataset: Dataset,
    uuid: String,
    deletions: mpsc::Sender<Deleted>,
) -> Node {
    let client =
        RpcClient::new(settings.calls.clone(), Arc::new(UserIdentity::new(settings.user.clone())));
    let services = settings.services.iter().map(|service| {
        Arc::new(Service::new(service.name.clone(), &service.namenodes, client.clone()))
    });
    let throttles = Throttles {
        balance: Throttle::new(settings.balance_bandwidth),
        transfer: Throttle::new(settings.transfer_bandwidth),
        write: Throttle::new(settings.write_bandwidth),
        read: Throttle::new(settings.read_bandwidth),
    };
    Node {
        services: RwLock::new(services.collect()),
        actors: Mutex::default(),
        live: Live::new(&settings),
        peers: PeerStats::new(settings.outliers.peers),
        reconfiguration: Reconfiguration::new(settings.conf.clone(), reconfigure::NAMES),
        volume_changes: Mutex::default(),
        scanners: Mutex::default(),
        dataset,
        metrics: DataNodeMetrics::default(),
        transfers: Transfers::default(),
        throttles,
        runtime: tokio::runtime::Handle::current(),
        client,
        ports: OnceLock::new(),
        started: Instant::now(),
        state: watch::Sender::new(State::default()),
        shutdown_wanted: AtomicBool::new(false),
        uuid,
        deletions: Mutex::new(Some(deletions)),
        scans: Arc::default(),
        disk_balancer: DiskBalancer::new(settings.disk_balancer.clone()),
        damaged: DamagedReplicas::default(),
        load: Load::new(settings.congestion_ratio),
        restarting: AtomicBool::new(false),
        pool_opened: Default::default(),
        settings,
    }
}

fn dataset_settings(settings: &DataNodeSettings) -> DatasetSettings {
    DatasetSettings {
        choice: settings.choice,
        ages: CacheAges { replicas: settings.replica_cache_age, used: settings.used_cache_age },
        stop_patience: settings.stop_patience,
        block_size: settings.block_size,
        failed_volumes_tolerated: settings.failed_volumes_tolerated,
        seed: fastrand::u64(..),
    }
}

/// The volumes that can be used, and the id that they agree on.
fn open_volumes(settings: &DataNodeSettings) -> Result<(Vec<Arc<Volume>>, VolumeFailures, String)> {
    let mut failures =
        VolumeFailures { configured: settings.locations.len(), ..VolumeFailures::default() };
    let (mut volumes, mut uuid) = (Vec::new(), None::<String>);
    for (at, location) in settings.locations.iter().enumerate() {
        let index = u16::try_from(at)
            .map_err(|_| DataNodeError::Settings("too many volumes".to_owned()))?;
        let reserved = settings.reserved.get(&location.path).copied().unwrap_or_default();
        let opened = Volume::open(
            VolumeIndex(index),
            location,
            settings.permissions,
            reserved,
            uuid.as_deref(),
        );
        match opened {
            Ok((volume, known)) => {
                uuid = uuid.or(known);
                volume.times.measure(settings.outliers.disk_percent);
                volumes.push(Arc::new(volume));
            }
            Err(error @ DataNodeError::Disk { .. }) => {
                tracing::error!(%location, %error, "a volume cannot be used");
                failures.add(location.path.display().to_string(), 0);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((volumes, failures, uuid.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())))
}

/// Files are removed by a thread of their own: that of a large block takes long.
fn start_deleter(
    node: &Arc<Node>,
    deleted: mpsc::Receiver<Deleted>,
) -> Result<std::thread::JoinHandle<()>> {
    let node = Arc::downgrade(node);
    let thread = std::thread::Builder::new().name("deletions".to_owned());
    let work = move || {
        for deleted in deleted {
            let Some(node) = node.upgrade() else { return };
            node.delete_now(&deleted);
        }
    };
    thread.spawn(work).network("cannot start the thread of", &"deletions")
}

/// The disks that are slower than the others; none where nothing is measured (`DataNode.getSlowDisks`).
fn slow_disks(node: &Node) -> Option<Vec<String>> {
    let outliers = node.live.get().outliers;
    let volumes = node.dataset.volumes();
    let slow = || disks::slow(volumes.iter().map(|v| &**v), &outliers, Instant::now());
    (outliers.disk_percent > 0)
        .then(|| slow().into_iter().filter_map(|report| report.base_path).collect())
}

fn status(node: &Node) -> DataNodeStatus {
    let failures = node.dataset.failures();
    let volumes = node.dataset.volumes();
    let volumes = volumes.iter().map(|volume| VolumeStatus {
        path: volume.directory.current().display().to_string(),
        storage: volume.storage.clone(),
        kind: volume.kind().name(),
        usage: volume.usage().unwrap_or_default(),
        replicas: volume.replica_count(),
    });
    let services = node.services();
    let namenodes = services.iter().flat_map(|service| {
        let pool = service.identity().map(|identity| identity.pool);
        service.peers.iter().map(move |peer| {
            let told = *peer.told.lock();
            let since = [told.heartbeat, told.answer, told.report];
            NameNodeStatus {
                address: peer.address.to_string(),
                pool: pool.clone(),
                registered: peer.registration.read().is_some(),
                state: told.state.map(|state| match state {
                    HaState::Active => "active",
                    HaState::Standby => "standby",
                    HaState::Observer => "observer",
                }),
                seconds_since: since.map(|at| at.map(|at| at.elapsed().as_secs())),
                largest_report: told.largest_report,
                finds_us_slow: service.is_slow(),
            }
        })
    });
    let id = node.datanode_id();
    let port = |number: u32| u16::try_from(number).unwrap_or(0);
    DataNodeStatus {
        uuid: node.uuid.clone(),
        cluster: services
            .iter()
            .find_map(|service| service.identity())
            .map(|identity| identity.cluster),
        version: version::HADOOP,
        volumes: volumes.collect(),
        failed_volumes: failures.locations,
        last_volume_failure: failures.last,
        lost_capacity: failures.lost_capacity,
        namenodes: namenodes.collect(),
        transfers: node.transfers.count(),
        copies: node.transfers.copies(),
        host: id.host_name,
        ports: [port(id.xfer_port), port(id.ipc_port), port(id.info_port)],
        uptime: node.started.elapsed(),
        peer_milliseconds: node
            .peers
            .is_measuring()
            .then(|| node.peers.averages(0, Instant::now())),
        slow_disks: slow_disks(node),
        disk_balancer: node.disk_balancer.status(),
        max_message: node.settings.limits.max_frame,
    }
}
