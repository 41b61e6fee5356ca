//! What a DataNode is told at its start.

use std::collections::HashMap;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use loxodon_conf::{ConfError, Configuration, Key, keys};
use loxodon_rpc::client::{ClientSettings, ServerAddress};
use loxodon_rpc::server::{ServerLimits, ServiceAccess};

use crate::dataset::{ReservedRule, ReservedSpace, VolumeChoice};
use crate::disk_balancer::DiskBalancerSettings;
use crate::error::{DataNodeError, Result};
use crate::storage::StorageLocation;

/// Where one NameNode is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameNodePlace {
    /// For calls.
    pub calls: ServerAddress,
    /// For lifelines while heartbeats are held up, if it listens for them.
    pub lifelines: Option<ServerAddress>,
}

/// The NameNodes of one name service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameService {
    /// Its name; empty where the cluster has only one NameNode.
    pub name: String,
    /// One, or two and more with high availability.
    pub namenodes: Vec<NameNodePlace>,
}

/// Settings of a DataNode, as `hdfs-site.xml` gives them.
#[derive(Clone, Debug)]
pub struct DataNodeSettings {
    /// Volumes (`dfs.datanode.data.dir`).
    pub locations: Vec<StorageLocation>,
    /// Permissions of the volumes' directories.
    pub permissions: u32,
    /// The NameNodes to serve.
    pub services: Vec<NameService>,
    /// Where blocks are transferred; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where calls come in; port 0 takes a free one.
    pub ipc_address: SocketAddr,
    /// The port of the web server, which someone else runs.
    pub info_port: u16,
    /// The name to register with; this machine's full name where none is given.
    pub host_name: Option<String>,
    /// Whether other DataNodes are reached by their names.
    pub connect_by_name: bool,
    /// A NameNode of an older release of Hadoop is not served.
    pub least_namenode_version: String,
    /// Who this DataNode is to the NameNode.
    pub user: String,
    /// Transfers at once.
    pub max_transfers: usize,
    /// How long a connection may be silent.
    pub read_timeout: Duration,
    /// How long a write may wait.
    pub write_timeout: Duration,
    /// How long a connection waits for its next request.
    pub keepalive: Duration,
    /// The largest packet.
    pub max_packet: usize,
    /// Length of blocks whose writer does not say.
    pub block_size: u64,
    /// Whether blocks are synced when they are closed.
    pub sync_on_close: bool,
    /// Whether written data leaves the page cache.
    pub drop_behind_writes: bool,
    /// Whether read data leaves the page cache.
    pub drop_behind_reads: bool,
    /// Bytes read ahead of a reader.
    pub readahead: u64,
    /// Whether data leaves by `sendfile`.
    pub sendfile: bool,
    /// Space for others, by the volume's folder; none where a volume is not named.
    pub reserved: HashMap<PathBuf, ReservedSpace>,
    /// How volumes are chosen.
    pub choice: VolumeChoice,
    /// Volumes that may fail; -1 means all but one.
    pub failed_volumes_tolerated: i64,
    /// How long a peer waits for a pool that is not open yet.
    pub pool_patience: Duration,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// How long after a heartbeat is due a lifeline is sent in its place, and between lifelines.
    pub lifeline: Duration,
    /// Between full reports.
    pub report_interval: Duration,
    /// Longest random delay of the first full report.
    pub report_delay: Duration,
    /// Blocks above which each volume is reported in a call of its own.
    pub report_split: u64,
    /// Over which reports of single blocks are gathered.
    pub incremental_interval: Duration,
    /// Age up to which the saved list of replicas counts.
    pub replica_cache_age: Duration,
    /// Age up to which the saved number of used bytes counts.
    pub used_cache_age: Duration,
    /// Bytes a second for balancing.
    pub balance_bandwidth: u64,
    /// Blocks balanced at once.
    pub balance_moves: usize,
    /// Bytes a second to other DataNodes; 0 is no limit.
    pub transfer_bandwidth: u64,
    /// Bytes a second that clients write; 0 is no limit.
    pub write_bandwidth: u64,
    /// Bytes a second that clients read; 0 is no limit.
    pub read_bandwidth: u64,
    /// What holds for moves between volumes.
    pub disk_balancer: DiskBalancerSettings,
    /// Between comparisons of disk and memory; zero turns them off.
    pub directory_scan_interval: Duration,
    /// In which every block is read once; `None` turns that off.
    pub scan_period: Option<Duration>,
    /// Bytes a second that the block scanner reads of each volume.
    pub scan_bandwidth: u64,
    /// Whether the block scanner passes over blocks that were read within its period.
    pub scan_skips_recent: bool,
    /// Between saves of the block scanner's place.
    pub scan_cursor_interval: Duration,
    /// Whether written data is handed to the disk soon.
    pub sync_behind_writes: bool,
    /// Least time between looks at all volumes.
    pub disk_check_gap: Duration,
    /// Load per processor above which writers are asked to slow down; `None` says nothing to them.
    pub congestion_ratio: Option<f64>,
    /// Whether writers are told that this DataNode is slow.
    pub tell_slow: bool,
    /// How long a writer may take to come back to a DataNode that restarts.
    pub restart_patience: Duration,
    /// Group whose members may give orders to this DataNode.
    pub superuser_group: String,
    /// Whether only superusers may give orders.
    pub check_permissions: bool,
    /// Who may ask where replicas lie on the disks.
    pub local_path_users: Vec<String>,
    /// The groups of a user, as the system knows them.
    pub groups_of: GroupLookup,
    /// Who may speak which protocol, if that is checked.
    pub access: Option<Arc<ServiceAccess>>,
    /// Limits of the server of calls.
    pub limits: ServerLimits,
    /// How NameNodes and other DataNodes are called.
    pub calls: ClientSettings,
    /// How long a recovery waits for a writer to stop.
    pub stop_patience: Duration,
    /// Which replicas and disks count as slow.
    pub outliers: OutlierSettings,
    /// What these settings were read from, to be read again.
    pub conf: Configuration,
}

/// When another DataNode or a disk counts as slow (`DataNodePeerMetrics`, `OutlierDetector`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierSettings {
    /// Whether it is measured how fast other DataNodes take packets.
    pub peers: bool,
    /// DataNodes without which none is slow among them.
    pub least_peers: usize,
    /// Milliseconds for a packet up to which none is slow.
    pub low_threshold: f64,
    /// Packets without which nothing is said of a DataNode.
    pub least_samples: u64,
    /// Operations in a hundred whose time on the disk is measured.
    pub disk_percent: u64,
    /// Disks without which none is slow among them.
    pub least_disks: usize,
    /// Milliseconds for an operation up to which no disk is slow.
    pub disk_threshold: f64,
    /// Between two reports to the NameNode.
    pub interval: Duration,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            peers: false,
            least_peers: 10,
            low_threshold: 5.0,
            least_samples: 1000,
            disk_percent: 0,
            least_disks: 5,
            disk_threshold: 20.0,
            interval: Duration::from_secs(30 * 60),
        }
    }
}

impl OutlierSettings {
    /// As the configuration has it.
    ///
    /// # Errors
    /// A value that is none.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        Ok(Self {
            peers: conf.bool(&keys::PEER_STATS)?,
            least_peers: conf.count(&keys::OUTLIER_NODES)?,
            low_threshold: conf.count(&keys::SLOW_PEER_THRESHOLD)? as f64,
            least_samples: conf.count(&keys::OUTLIER_SAMPLES)? as u64,
            disk_percent: conf.int(&keys::FILE_IO_SAMPLES)?.clamp(0, 100).cast_unsigned(),
            least_disks: conf.count(&keys::OUTLIER_DISKS)?,
            disk_threshold: conf.count(&keys::SLOW_DISK_THRESHOLD)? as f64,
            interval: conf.time(&keys::OUTLIERS_INTERVAL)?,
        })
    }
}

/// A user's groups.
type GroupsOf = dyn Fn(&str) -> Vec<String> + Send + Sync;

/// The groups of a user.
#[derive(Clone)]
pub struct GroupLookup(Arc<GroupsOf>);

impl GroupLookup {
    /// As `look_up` finds them.
    pub fn new(look_up: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    pub(crate) fn of(&self, user: &str) -> Vec<String> {
        (self.0)(user)
    }
}

impl fmt::Debug for GroupLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupLookup")
    }
}

impl DataNodeSettings {
    /// Settings with Hadoop's defaults, for a DataNode of `namenode` on free ports of this machine.
    #[must_use]
    pub fn local(locations: Vec<StorageLocation>, namenode: ServerAddress) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            locations,
            permissions: 0o700,
            services: vec![NameService {
                name: String::new(),
                namenodes: vec![NameNodePlace { calls: namenode, lifelines: None }],
            }],
            address: any,
            ipc_address: any,
            info_port: 0,
            host_name: None,
            connect_by_name: false,
            least_namenode_version: "2.1.0-beta".to_owned(),
            user: "hdfs".to_owned(),
            max_transfers: 4096,
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(480),
            keepalive: Duration::from_secs(4),
            max_packet: 16 << 20,
            block_size: 128 << 20,
            sync_on_close: false,
            drop_behind_writes: false,
            drop_behind_reads: false,
            readahead: 4 << 20,
            sendfile: true,
            reserved: HashMap::new(),
            choice: VolumeChoice::RoundRobin,
            failed_volumes_tolerated: 0,
            pool_patience: Duration::from_secs(20),
            heartbeat: Duration::from_secs(3),
            lifeline: Duration::from_secs(9),
            report_interval: Duration::from_secs(6 * 3600),
            report_delay: Duration::ZERO,
            report_split: 1_000_000,
            incremental_interval: Duration::ZERO,
            replica_cache_age: Duration::from_secs(300),
            used_cache_age: Duration::from_secs(600),
            balance_bandwidth: 100 << 20,
            balance_moves: 100,
            transfer_bandwidth: 0,
            write_bandwidth: 0,
            read_bandwidth: 0,
            directory_scan_interval: Duration::from_secs(6 * 3600),
            scan_period: Some(Duration::from_secs(504 * 3600)),
            disk_balancer: DiskBalancerSettings::default(),
            scan_bandwidth: 1 << 20,
            scan_skips_recent: false,
            scan_cursor_interval: Duration::from_secs(600),
            sync_behind_writes: false,
            disk_check_gap: Duration::from_secs(15 * 60),
            congestion_ratio: None,
            tell_slow: false,
            superuser_group: "supergroup".to_owned(),
            check_permissions: true,
            groups_of: GroupLookup::new(|_| Vec::new()),
            access: None,
            limits: ServerLimits::default(),
            calls: ClientSettings::default(),
            stop_patience: Duration::from_secs(60),
            outliers: OutlierSettings::default(),
            conf: Configuration::new(),
            local_path_users: Vec::new(),
            restart_patience: Duration::from_secs(50),
        }
    }

    /// Reads the settings of a configuration. `user` is who the process runs as.
    ///
    /// # Errors
    /// A value that is none, or no NameNode at all.
    pub fn from_conf(conf: &Configuration, user: &str) -> Result<Self> {
        let mut settings = Self::local(locations(conf)?, ServerAddress::new("", 0));
        settings.user = user.to_owned();
        settings.conf = conf.clone();
        settings.services = services(conf)?;
        settings.read_conf(conf).map_err(wrong)?;
        settings.address = address(conf, &keys::DATANODE_ADDRESS)?;
        settings.ipc_address = address(conf, &keys::DATANODE_IPC_ADDRESS)?;
        settings.info_port = address(conf, &keys::DATANODE_HTTP_ADDRESS)?.port();
        settings.choice = choice(conf)?;
        let permissions = conf.text(&keys::DATA_DIR_PERMISSION).map_err(wrong)?.unwrap_or_default();
        let invalid = || {
            DataNodeError::Settings(format!(
                "{}: {permissions} is no octal mode",
                keys::DATA_DIR_PERMISSION.name
            ))
        };
        settings.permissions = u32::from_str_radix(&permissions, 8).map_err(|_| invalid())?;
        Ok(settings)
    }

    fn read_conf(&mut self, conf: &Configuration) -> Result<(), ConfError> {
        self.host_name = conf.text(&keys::DATANODE_HOSTNAME)?.filter(|name| !name.is_empty());
        self.connect_by_name = conf.bool(&keys::DATANODE_USE_HOSTNAME)?;
        self.least_namenode_version = conf.text(&keys::LEAST_NAMENODE_VERSION)?.unwrap_or_default();
        self.max_transfers = conf.count(&keys::MAX_TRANSFERS)?;
        self.read_timeout = conf.time(&keys::CLIENT_SOCKET_TIMEOUT)?;
        self.write_timeout = conf.time(&keys::SOCKET_WRITE_TIMEOUT)?;
        self.keepalive = conf.time(&keys::SOCKET_KEEPALIVE)?;
        self.max_packet =
            usize::try_from(conf.bytes(&keys::MAX_PACKET_SIZE)?).unwrap_or(usize::MAX);
        self.block_size = conf.bytes(&keys::BLOCKSIZE)?;
        self.sync_on_close = conf.bool(&keys::SYNC_ON_CLOSE)?;
        self.drop_behind_writes = conf.bool(&keys::DROP_BEHIND_WRITES)?;
        self.drop_behind_reads = conf.bool(&keys::DROP_BEHIND_READS)?;
        self.readahead = conf.bytes(&keys::READAHEAD)?;
        self.sendfile = conf.bool(&keys::TRANSFER_TO)?;
        self.reserved = self
            .locations
            .iter()
            .map(|location| Ok((location.path.clone(), reserved(conf, location)?)))
            .collect::<Result<_, ConfError>>()?;
        self.limits = ServerLimits::from_conf(conf)?;
        self.calls = ClientSettings::from_conf(conf)?;
        self.outliers = OutlierSettings::from_conf(conf)?;
        self.stop_patience = conf.time(&keys::STOP_WRITER_TIMEOUT)?;
        self.failed_volumes_tolerated = conf.int(&keys::FAILED_VOLUMES_TOLERATED)?;
        self.pool_patience = conf.time(&keys::POOL_READY_TIMEOUT)?;
        self.heartbeat = conf.time(&keys::HEARTBEAT_INTERVAL)?;
        self.lifeline = conf.time(&keys::LIFELINE_INTERVAL)?;
        if self.lifeline <= self.heartbeat {
            // Zero is "nothing said"; a lifeline before the heartbeat makes no sense.
            self.lifeline = self.heartbeat.saturating_mul(3);
        }
        self.report_interval = conf.time(&keys::BLOCK_REPORT_INTERVAL)?;
        self.report_delay = conf.time(&keys::BLOCK_REPORT_DELAY)?;
        self.report_split = conf.count(&keys::BLOCK_REPORT_SPLIT)? as u64;
        self.incremental_interval = conf.time(&keys::INCREMENTAL_REPORT_INTERVAL)?;
        self.replica_cache_age = conf.time(&keys::REPLICA_CACHE_EXPIRY)?;
        self.used_cache_age = conf.time(&keys::CACHED_DFSUSED_INTERVAL)?;
        self.balance_bandwidth = conf.bytes(&keys::BALANCE_BANDWIDTH)?;
        self.balance_moves = conf.count(&keys::BALANCE_MAX_MOVES)?;
        self.transfer_bandwidth = bandwidth(conf, &keys::TRANSFER_BANDWIDTH)?;
        self.write_bandwidth = bandwidth(conf, &keys::WRITE_BANDWIDTH)?;
        self.read_bandwidth = bandwidth(conf, &keys::READ_BANDWIDTH)?;
        self.scan_bandwidth = bandwidth(conf, &keys::SCAN_BANDWIDTH)?;
        self.disk_balancer = DiskBalancerSettings::from_conf(conf)?;
        let interval = conf.time_ms(&keys::DIRECTORY_SCAN_INTERVAL)?;
        self.directory_scan_interval = Duration::from_millis(u64::try_from(interval).unwrap_or(0));
        self.scan_skips_recent = conf.bool(&keys::SCAN_SKIP_RECENT)?;
        self.sync_behind_writes = conf.bool(&keys::SYNC_BEHIND_WRITES)?;
        self.disk_check_gap = conf.time(&keys::DISK_CHECK_GAP)?;
        self.congestion_ratio = conf
            .bool(&keys::PIPELINE_ECN)?
            .then(|| conf.float(&keys::PIPELINE_CONGESTION_RATIO))
            .transpose()?;
        self.tell_slow = conf.bool(&keys::PIPELINE_SLOWNODE)?;
        self.restart_patience = conf.time(&keys::RESTART_REPLICA_EXPIRY)?;
        self.local_path_users = conf.list(&keys::LOCAL_PATH_USERS)?;
        self.superuser_group = conf.text(&keys::SUPERUSER_GROUP)?.unwrap_or_default();
        self.check_permissions = conf.bool(&keys::PERMISSIONS)?;
        let hours = conf.int(&keys::SCAN_PERIOD)?;
        // Hadoop reads 0 as its default of three weeks.
        let hours = if hours == 0 { 504 } else { hours };
        self.scan_period =
            u64::try_from(hours).ok().map(|hours| Duration::from_secs(hours.saturating_mul(3600)));
        Ok(())
    }
}

pub(crate) fn wrong(error: ConfError) -> DataNodeError {
    DataNodeError::Settings(error.to_string())
}

/// What is reserved on one volume: a key with its folder and storage type counts before one with its
/// folder, its storage type, or neither (`ReservedSpaceCalculator`).
pub(crate) fn reserved(
    conf: &Configuration,
    location: &StorageLocation,
) -> Result<ReservedSpace, ConfError> {
    let folder = location.path.display().to_string();
    let kind = location.kind.name().to_ascii_lowercase();
    let number = |key: &Key| -> Result<Option<u64>, ConfError> {
        for suffixes in [&[folder.as_str(), &kind][..], &[&folder], &[&kind]] {
            if let Some(text) = conf.suffixed(key, suffixes)? {
                return text.parse().map(Some).map_err(|_| ConfError::Value {
                    key: format!("{}.{}", key.name, suffixes.join(".")),
                    value: text,
                    source_name: conf.source(&format!("{}.{}", key.name, suffixes.join("."))),
                    wanted: "a whole number of at least 0".to_owned(),
                });
            }
        }
        Ok(None)
    };
    let bytes = match number(&keys::RESERVED)? {
        Some(bytes) => bytes,
        None => conf.bytes(&keys::RESERVED)?,
    };
    let percent = match number(&keys::RESERVED_PERCENT)? {
        Some(percent) => percent.min(100),
        None => conf.int_in(&keys::RESERVED_PERCENT, 0..=100)?.cast_unsigned(),
    };
    let key = &keys::RESERVED_CALCULATOR;
    let class = conf.text(key)?.unwrap_or_default();
    let rule = match class.rsplit(['.', '$']).next().unwrap_or_default() {
        "ReservedSpaceCalculatorAbsolute" => ReservedRule::Absolute,
        "ReservedSpaceCalculatorPercentage" => ReservedRule::Percentage,
        "ReservedSpaceCalculatorConservative" => ReservedRule::Greater,
        "ReservedSpaceCalculatorAggressive" => ReservedRule::Smaller,
        _ => {
            return Err(ConfError::Value {
                key: key.name.to_owned(),
                value: class,
                source_name: conf.source(key.name),
                wanted:
                    "one of ReservedSpaceCalculator{Absolute,Percentage,Conservative,Aggressive}"
                        .to_owned(),
            });
        }
    };
    Ok(ReservedSpace { bytes, percent, rule })
}

/// Bytes a second; 0 and, as in Hadoop, what is below are none.
pub(crate) fn bandwidth(conf: &Configuration, key: &Key) -> Result<u64, ConfError> {
    Ok(u64::try_from(conf.size(key)?).unwrap_or(0))
}

pub(crate) fn locations(conf: &Configuration) -> Result<Vec<StorageLocation>> {
    let list = conf.list(&keys::DATA_DIR).map_err(wrong)?;
    let locations: Result<Vec<_>> = list.iter().map(|text| StorageLocation::parse(text)).collect();
    match locations {
        Ok(locations) if locations.is_empty() => Err(DataNodeError::Settings(
            "All directories in dfs.datanode.data.dir are invalid: it is empty".to_owned(),
        )),
        other => other,
    }
}

fn address(conf: &Configuration, key: &'static loxodon_conf::Key) -> Result<SocketAddr> {
    let text = conf.text(key).map_err(wrong)?.unwrap_or_default();
    let invalid = |reason: &dyn std::fmt::Display| {
        DataNodeError::Settings(format!("{}: {text}: {reason}", key.name))
    };
    let mut found = text.to_socket_addrs().map_err(|error| invalid(&error))?;
    found.next().ok_or_else(|| invalid(&"no such host"))
}

fn choice(conf: &Configuration) -> Result<VolumeChoice> {
    let policy = conf.text(&keys::VOLUME_CHOOSING).map_err(wrong)?.unwrap_or_default();
    match policy.rsplit('.').next().unwrap_or_default() {
        "" | "RoundRobinVolumeChoosingPolicy" => Ok(VolumeChoice::RoundRobin),
        "AvailableSpaceVolumeChoosingPolicy" => Ok(VolumeChoice::AvailableSpace {
            threshold: conf.bytes(&keys::AVAILABLE_SPACE_THRESHOLD).map_err(wrong)?,
            fraction: conf.float(&keys::AVAILABLE_SPACE_FRACTION).map_err(wrong)?,
        }),
        _ => Err(DataNodeError::Settings(format!(
            "{}: {policy} is not known",
            keys::VOLUME_CHOOSING.name
        ))),
    }
}

/// The NameNodes of `dfs.nameservices`, or of `fs.defaultFS` alone.
pub(crate) fn services(conf: &Configuration) -> Result<Vec<NameService>> {
    let internal = conf.list(&keys::INTERNAL_NAMESERVICES).map_err(wrong)?;
    let names =
        if internal.is_empty() { conf.list(&keys::NAMESERVICES).map_err(wrong)? } else { internal };
    if names.is_empty() {
        return Ok(vec![NameService { name: String::new(), namenodes: vec![single(conf, &[])?] }]);
    }
    names
        .into_iter()
        .map(|name| {
            let nodes =
                conf.suffixed(&keys::HA_NAMENODES, &[&name]).map_err(wrong)?.unwrap_or_default();
            let nodes: Vec<&str> =
                nodes.split(',').map(str::trim).filter(|node| !node.is_empty()).collect();
            let namenodes = if nodes.is_empty() {
                vec![single(conf, &[&name])?]
            } else {
                nodes.iter().map(|node| single(conf, &[&name, node])).collect::<Result<_>>()?
            };
            Ok(NameService { name, namenodes })
        })
        .collect()
}

fn single(conf: &Configuration, suffixes: &[&str]) -> Result<NameNodePlace> {
    let named = |key| conf.suffixed(key, suffixes).map_err(wrong);
    let lifelines = named(&keys::NAMENODE_LIFELINE_ADDRESS)?;
    let lifelines = lifelines.map(|text| parse_address(&text)).transpose()?;
    for key in [&keys::NAMENODE_SERVICE_RPC_ADDRESS, &keys::NAMENODE_RPC_ADDRESS] {
        if let Some(text) = named(key)? {
            return Ok(NameNodePlace { calls: parse_address(&text)?, lifelines });
        }
    }
    let default = conf.get(keys::DEFAULT_FS.name).map_err(wrong)?.unwrap_or_default();
    let Some(authority) = default.strip_prefix("hdfs://") else {
        return Err(DataNodeError::Settings(format!(
            "Incorrect configuration: namenode address dfs.namenode.servicerpc-address.{0} or dfs.namenode.rpc-address.{0} is not configured.",
            suffixes.join(".")
        )));
    };
    let calls = parse_address(authority.split('/').next().unwrap_or_default())?;
    Ok(NameNodePlace { calls, lifelines })
}

fn parse_address(text: &str) -> Result<ServerAddress> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "8020"));
    let invalid = || DataNodeError::Settings(format!("{text} is no address of a NameNode"));
    let port = port.parse().map_err(|_| invalid())?;
    if host.is_empty() { Err(invalid()) } else { Ok(ServerAddress::new(host, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_bandwidths_and_intervals_turn_off() {
        let mut conf = Configuration::new();
        conf.set("dfs.block.scanner.volume.bytes.per.second", "-1", "test");
        conf.set("dfs.datanode.data.read.bandwidthPerSec", "-1", "test");
        conf.set("dfs.datanode.directoryscan.interval", "-1", "test");
        conf.set("fs.defaultFS", "hdfs://localhost:8020", "test");
        let settings = DataNodeSettings::from_conf(&conf, "dn").unwrap();
        assert_eq!((settings.scan_bandwidth, settings.read_bandwidth), (0, 0));
        assert!(settings.directory_scan_interval.is_zero());
    }

    #[test]
    fn what_is_reserved_depends_on_the_volume() {
        let mut conf = Configuration::new();
        conf.set("dfs.datanode.du.reserved", "1k", "test");
        conf.set("dfs.datanode.du.reserved.ssd", "2", "test");
        conf.set("dfs.datanode.du.reserved./d/2", "3", "test");
        conf.set("dfs.datanode.du.reserved./d/2.ssd", "4", "test");
        conf.set("dfs.datanode.du.reserved.pct", "10", "test");
        let of = |conf: &Configuration, text| {
            reserved(conf, &StorageLocation::parse(text).unwrap()).unwrap()
        };
        assert_eq!(of(&conf, "/d/1").bytes, 1024);
        assert_eq!(of(&conf, "[SSD]/d/1").bytes, 2);
        assert_eq!(of(&conf, "/d/2").bytes, 3);
        assert_eq!(of(&conf, "[SSD]/d/2").bytes, 4);
        assert_eq!(of(&conf, "/d/1").of(100_000), 1024);
        let mut with = |rule: &str| {
            let class = format!("o.a.h.ReservedSpaceCalculator$ReservedSpaceCalculator{rule}");
            conf.set("dfs.datanode.du.reserved.calculator", &class, "test");
            reserved(&conf, &StorageLocation::parse("/d/1").unwrap()).map(|it| it.of(100_000))
        };
        assert_eq!(with("Percentage").unwrap(), 10_000);
        assert_eq!(with("Conservative").unwrap(), 10_000);
        assert_eq!(with("Aggressive").unwrap(), 1024);
        assert!(with("Generous").is_err());
    }
}
