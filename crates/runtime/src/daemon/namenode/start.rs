//! From a configuration to a NameNode that serves.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_console::eprintln;
use loxodon_journal::names::StorageFile;
use loxodon_journal::retention::Retention;
use loxodon_namenode::audit::AuditSettings;
use loxodon_namenode::load::Loaded;
use loxodon_namenode::proxy_users::BadNetwork;
use loxodon_namenode::settings::{Settings, block_settings, namespace_settings};
use loxodon_namenode::slow_disks::SlowDisks;
use loxodon_namenode::slow_peers::SlowPeers;
use loxodon_namenode::top_users::TopUsers;
use loxodon_namenode::users::Users;
use loxodon_namenode::{NameNode, NameNodeError, ReplayedCalls, StorageIdentity};
use loxodon_namespace::Namespace;
use loxodon_namespace::error::ReplayError;
use loxodon_rpc::server::{Place, Server, ServerError, ServerLimits, ServiceAccess};
use loxodon_wire::ids::{Milliseconds, TxId};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::address::{AddressError, Listen};
use super::clock::{Clock, wall};
use super::door::{Door, Parts};
use super::hosts::HostFiles;
use super::progress::{Phase, Progress};
use super::racks::Racks;
use super::store::{Checkpoint, Store};
use super::timers::Intervals;
use super::web::Calls;
use super::{
    GroupMapping, address, directories, groups, image, lifeline, own_keys, owner, timers, transfer,
    trash, upkeep, web,
};
use crate::daemon::{refused, services};
use crate::disk::{DiskError, EditLog, EditLogSettings, LogFailed, StorageSet, load_image};
use crate::web::{LogLevels, WebLimits, WebServer};

/// Why a NameNode does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A configuration value does not parse.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// An address is wrong.
    #[error("{0}")]
    Address(String),
    /// A storage directory, image or segment is not usable.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The edits do not fit the image.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The machine refuses what was loaded.
    #[error(transparent)]
    Machine(#[from] NameNodeError),
    /// The edit log cannot be written.
    #[error(transparent)]
    Log(#[from] LogFailed),
    /// The RPC port.
    #[error(transparent)]
    Rpc(#[from] ServerError),
    /// The web port.
    #[error("{source}")]
    Web {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// `dfs.namenode.support.allow.format` is off.
    #[error(
        "The option dfs.namenode.support.allow.format is set to false for this filesystem, so it \
         cannot be formatted. You will need to set dfs.namenode.support.allow.format parameter to \
         true in order to format this filesystem"
    )]
    FormatForbidden,
    /// A list of hosts.
    #[error("{0}")]
    Hosts(String),
    /// What a proxy user may do.
    #[error(transparent)]
    ProxyUsers(#[from] BadNetwork),
}

impl StartError {
    /// The Java exception that Hadoop would show.
    #[must_use]
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Disk(error) => error.java_class(),
            Self::Rpc(error) => error.java_class(),
            Self::Web { .. } => "java.net.BindException",
            Self::Machine(error) => error.java_class(),
            Self::Conf(_) | Self::Address(_) | Self::ProxyUsers(_) => {
                "java.lang.IllegalArgumentException"
            }
            Self::Replay(_) | Self::Log(_) | Self::Hosts(_) | Self::FormatForbidden => {
                "java.io.IOException"
            }
        }
    }
}

/// What whoever embeds a NameNode says besides the configuration.
#[derive(Clone, Default)]
pub struct StartOptions {
    /// Racks by `ip:port` of a DataNode's data transfer, in place of a script or table.
    pub racks: Option<HashMap<String, Arc<str>>>,
    /// What `/logLevel` changes.
    pub log_levels: Option<Arc<LogLevels>>,
}

/// A NameNode that serves. Dropped, it stops at once, as if it were killed.
pub struct RunningNameNode {
    pub(crate) door: Arc<Door>,
    server: Option<Server>,
    lifeline: Option<Server>,
    service: Option<Server>,
    web: Option<WebServer>,
    background: Vec<tokio::task::JoinHandle<()>>,
    rpc: SocketAddr,
    http: SocketAddr,
    ended: watch::Receiver<Option<String>>,
}

impl std::fmt::Debug for RunningNameNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningNameNode").field("rpc", &self.rpc).finish_non_exhaustive()
    }
}

impl RunningNameNode {
    /// Loads, listens, serves.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(mut conf: Configuration, options: StartOptions) -> Result<Self, StartError> {
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        own_keys::take(&mut conf)?;
        refused::by_namenode(&conf)?;
        let rpc = address::rpc(&conf).map_err(|error| StartError::Address(error.to_string()))?;
        let http = address::http(&conf).map_err(|error| StartError::Address(error.to_string()))?;
        // Ports first: a start that is refused for one of them leaves the disk as it was.
        let place = Place::take(rpc.bind)?;
        let take = |listen: Result<Option<Listen>, AddressError>| {
            let listen = listen.map_err(|error| StartError::Address(error.to_string()))?;
            Ok::<_, StartError>(listen.map(|listen| Place::take(listen.bind)).transpose()?)
        };
        let lifeline = take(address::lifeline(&conf))?;
        let service = take(address::service(&conf))?;
        let limits = ServerLimits { threads: threads(), ..ServerLimits::from_conf(&conf)? };
        let (intervals, upkeep) =
            (Intervals::from_conf(&conf)?, upkeep::Settings::from_conf(&conf)?);
        let emptier = trash::Emptier::from_conf(&conf)?;
        let progress = Arc::new(Progress::default());
        let site = web::Site::new(&conf, options.log_levels, Arc::clone(&progress));
        let web = WebServer::bind(http.bind, WebLimits::default(), site.while_starting())
            .await
            .map_err(|source| StartError::Web { address: http.bind, source })?;
        let clock = Clock::start();
        let (end, ended) = watch::channel(None);
        let parts = {
            let (conf, host, racks) = (conf.clone(), rpc.host.clone(), options.racks);
            tokio::task::spawn_blocking(move || load(&conf, &host, clock, racks, progress, end))
                .await
                .map_err(|error| StartError::Log(LogFailed(error.to_string().into())))??
        };
        let door = Door::new(parts);
        let lifeline = lifeline.map(|place| lifeline::serve(place, limits.clone(), &door));
        let lifeline = lifeline.transpose()?;
        let serve = |place, limits| Server::serve(place, limits, Arc::clone(&door) as _);
        let service = service.map(|place| serve(place, limits.clone())).transpose()?;
        let server = serve(place, limits)?;
        let rpc_address = server.local_addr();
        let calls = Calls { at: rpc_address, metrics: server.metrics(), service: service.as_ref() };
        web.replace(site.while_serving(&door, &calls, &web));
        let http_address = web.local_addr();
        let mut background = vec![
            tokio::spawn(timers::run(Arc::clone(&door), intervals)),
            tokio::spawn(upkeep::run(Arc::clone(&door), upkeep)),
        ];
        background.extend(emptier.map(|emptier| tokio::spawn(emptier.run(conf, rpc_address))));
        tracing::info!("Web-server up at: {http_address}");
        if let Some(lifeline) = &lifeline {
            tracing::info!("Lifeline RPC server up at: {}", lifeline.local_addr());
        }
        if let Some(service) = &service {
            tracing::info!("NameNode service RPC up at: {}", service.local_addr());
        }
        tracing::info!("NameNode RPC up at: {rpc_address}");
        Ok(Self {
            door,
            server: Some(server),
            lifeline,
            service,
            web: Some(web),
            background,
            rpc: rpc_address,
            http: http_address,
            ended,
        })
    }

    /// Where calls come in.
    #[must_use]
    pub const fn rpc_address(&self) -> SocketAddr {
        self.rpc
    }

    /// Where DataNodes and administrators call, if that is another address.
    #[must_use]
    pub fn service_address(&self) -> Option<SocketAddr> {
        self.service.as_ref().map(Server::local_addr)
    }

    /// Where web pages are asked for.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Whether safe mode is on.
    #[must_use]
    pub fn is_in_safe_mode(&self) -> bool {
        self.door.machine.read().blocks.safe_mode().is_on()
    }

    /// DataNodes that were heard recently.
    #[must_use]
    pub fn live_datanodes(&self) -> usize {
        self.door.machine.read().blocks.live_datanodes()
    }

    /// How many live DataNodes have said what room they have, so that blocks may go there.
    #[must_use]
    pub fn writable_datanodes(&self) -> usize {
        let machine = self.door.machine.read();
        let live = machine.blocks.datanodes(loxodon_blocks::ReportKind::Live);
        live.into_iter().filter(|node| machine.blocks.usage_of(*node).bytes.capacity > 0).count()
    }

    /// Waits until the process is told to end or the NameNode cannot go on; the exit code.
    pub async fn wait(&self) -> i32 {
        let mut ended = self.ended.clone();
        let gave_up = ended.wait_for(Option::is_some);
        tokio::select! {
            reason = gave_up => {
                if let Ok(reason) = reason && let Some(reason) = &*reason {
                    tracing::error!("{reason}");
                    eprintln!("{reason}");
                }
                1
            }
            () = crate::daemon::told_to_end() => 0,
        }
    }

    /// Stops serving and closes the edit log.
    pub async fn stop(self) {
        self.leave(|door| {
            if let Err(error) = door.journal.close() {
                tracing::error!("{error}");
            }
        })
        .await;
    }

    /// Stops as a crash would: nothing more is written, no segment is ended.
    pub async fn kill(self) {
        self.leave(|door| door.journal.abandon()).await;
    }

    async fn leave(mut self, end_journal: fn(&Door)) {
        for task in self.background.drain(..) {
            task.abort();
            // It was aborted; how it ended says nothing.
            let _ = task.await;
        }
        for server in
            [self.server.take(), self.service.take(), self.lifeline.take()].into_iter().flatten()
        {
            server.shutdown().await;
        }
        drop(self.web.take());
        let door = Arc::clone(&self.door);
        let ended = tokio::task::spawn_blocking(move || {
            end_journal(&door);
            door.store.storage.release();
        });
        if let Err(error) = ended.await {
            tracing::error!("{error}");
        }
    }
}

impl Drop for RunningNameNode {
    fn drop(&mut self) {
        for task in self.background.drain(..) {
            task.abort();
        }
    }
}

/// Reads the disk and joins what serves.
fn load(
    conf: &Configuration,
    host: &str,
    clock: Clock,
    racks: Option<HashMap<String, Arc<str>>>,
    progress: Arc<Progress>,
    end: watch::Sender<Option<String>>,
) -> Result<Parts, StartError> {
    let user = crate::daemon::process_user();
    let settings = Settings::from_conf(conf, host)?;
    let limit = directories::max_op_size(conf)?;
    let storage = StorageSet::open(directories::configured(conf)?, &owner(), limit)?;
    storage.set_restore_failed(conf.bool(&keys::NAME_DIR_RESTORE)?);
    progress.begin(Phase::Image);
    let (mut namespace, found) = read_newest_image(conf, &user, &storage)?;
    if let Some(image) = found.images.first() {
        progress.file(Phase::Image, image);
    }
    progress.inodes(Phase::Image, namespace.totals().inodes());
    progress.end(Phase::Image);
    let mut calls = ReplayedCalls::new(settings.retry_capacity);
    note_earlier(&storage, &found, &namespace, &mut calls);
    let last_txid = replay(&storage, &found, &mut namespace, &mut calls, &progress)?;
    let info = storage.info();
    let identity = StorageIdentity {
        namespace_id: info.namespace_id.cast_unsigned(),
        cluster_id: info.cluster_id.clone(),
        block_pool_id: info.block_pool_id.clone(),
        creation_time: info.c_time.cast_unsigned(),
        layout_version: info.layout_version,
    };
    let now = clock.now();
    let loaded = Loaded { namespace, storage: identity, last_txid };
    let mut machine =
        NameNode::new(loaded, settings, block_settings(conf)?, fastrand::u64(..), now)?;
    machine.remember_calls(calls, now);
    machine.slow_peers = SlowPeers::from_conf(conf)?;
    machine.slow_disks = SlowDisks::from_conf(conf)?;
    let storage = Arc::new(storage);
    let compression = image::compression(conf)?;
    let mut image_txid = found.image_txid;
    let mut saved = found.images.first().and_then(|image| modified(image)).unwrap_or(wall().0);
    progress.begin(Phase::Checkpoint);
    // A start that had many edits to read leaves the next one few, as Hadoop's does.
    let replayed = last_txid.0.saturating_sub(found.image_txid.0);
    if found.needs_save || replayed > conf.count(&keys::CHECKPOINT_TXNS)? as u64 {
        progress.inodes(Phase::Checkpoint, machine.namespace.totals().inodes());
        image::save(&storage, &machine.namespace, last_txid, compression)?;
        storage.write_versions()?;
        image_txid = last_txid;
        saved = wall().0;
    }
    progress.end(Phase::Checkpoint);
    progress.safe_mode(machine.blocks.safe_mode());
    let hosts = HostFiles::from_conf(conf)?;
    let lists = hosts.read(now).map_err(|error| StartError::Hosts(error.to_string()))?;
    machine.blocks.refresh_hosts(now.monotonic, lists);
    let stop = {
        let end = end.clone();
        Box::new(move |reason: &str| drop(end.send(Some(reason.to_owned()))))
    };
    let fatal = Box::new(move |failure: &LogFailed| drop(end.send(Some(failure.to_string()))));
    let log_settings = EditLogSettings {
        minimum_directories: conf.count(&keys::EDITS_DIR_MINIMUM)?,
        ..EditLogSettings::default()
    };
    let journal = EditLog::start(Arc::clone(&storage), last_txid, log_settings, fatal)?;
    machine.last_txid = journal.last_written();
    let store = Store {
        storage,
        retention: retention(conf)?,
        compression,
        hosts,
        log_directory: log_directory(),
        stop,
        checkpoint: Mutex::new(Checkpoint { txid: image_txid, saved }),
        pace: transfer::Pace::from_conf(conf)?,
    };
    let racks = match racks {
        Some(racks) => Racks::fixed(racks),
        None => Racks::from_conf(conf)?,
    };
    let overrides = conf.text(&keys::STATIC_GROUP_MAPPING)?.unwrap_or_default();
    let span = |key| Ok::<_, ConfError>(Milliseconds(conf.time_ms(key)?.max(0).cast_unsigned()));
    let (validity, negative) = (span(&keys::GROUPS_CACHE)?, span(&keys::GROUPS_NEGATIVE_CACHE)?);
    Ok(Parts {
        machine,
        journal,
        store,
        racks,
        users: Users::new(&overrides, validity, negative),
        groups: Arc::new(GroupMapping::from_conf(conf)?),
        proxy_users: groups::proxy_users(conf)?,
        services: ServiceAccess::from_conf(conf, &services::HDFS)?,
        conf: conf.clone(),
        audit: audit_settings(conf)?,
        clock,
        progress,
        top_users: top_users(conf)?,
    })
}

/// When a file was last written, in milliseconds since the epoch.
fn modified(path: &Path) -> Option<u64> {
    let time = std::fs::metadata(path).and_then(|of| of.modified()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

fn top_users(conf: &Configuration) -> Result<Option<TopUsers>, ConfError> {
    if !conf.bool(&keys::TOP_ENABLED)? {
        return Ok(None);
    }
    let (buckets, limit) = (conf.count(&keys::TOP_BUCKETS)?, conf.count(&keys::TOP_USERS)?);
    let wrong = |key: &loxodon_conf::Key, value: String, wanted: &str| ConfError::Value {
        key: key.name.to_owned(),
        value,
        source_name: conf.source(key.name),
        wanted: wanted.to_owned(),
    };
    if buckets == 0 {
        return Err(wrong(
            &keys::TOP_BUCKETS,
            "0".to_owned(),
            "a window should have at least one bucket",
        ));
    }
    if limit == 0 {
        let wanted = "the number of requested top users must be at least 1";
        return Err(wrong(&keys::TOP_USERS, "0".to_owned(), wanted));
    }
    let mut minutes = Vec::new();
    for value in conf.list(&keys::TOP_WINDOWS)? {
        match value.trim().parse::<u64>() {
            // A year is more than anybody looks at.
            Ok(length) if (1..=525_600).contains(&length) => minutes.push(length),
            _ => return Err(wrong(&keys::TOP_WINDOWS, value, "minutes, 1 and more")),
        }
    }
    Ok(Some(TopUsers::new(&minutes, buckets, limit)))
}

/// Notes whose calls the edits before the image were: the image does not say, and a client that
/// was not answered may still ask again.
fn note_earlier(
    storage: &StorageSet,
    found: &crate::disk::Loaded,
    namespace: &Namespace,
    calls: &mut ReplayedCalls,
) {
    let read =
        storage.replay::<crate::disk::DiskError>(&found.plan.before_image(), |transaction| {
            calls.note(transaction.txid, &transaction.edit, namespace);
            Ok(())
        });
    if let Err(error) = read {
        tracing::warn!("calls before the image are not all known: {error}");
    }
}

/// Applies the edits after the image; the last one.
fn replay(
    storage: &StorageSet,
    found: &crate::disk::Loaded,
    namespace: &mut Namespace,
    calls: &mut ReplayedCalls,
    progress: &Progress,
) -> Result<TxId, StartError> {
    const SHOWN_EVERY: u64 = 1000;
    progress.begin(Phase::Edits);
    let mut stretches = found.plan.edits.iter();
    let (mut until, mut count) = (found.image_txid, 0_u64);
    let last = storage.replay::<StartError>(&found.plan, |transaction| {
        let txid = transaction.txid;
        if txid > until
            && let Some(stretch) = stretches.next()
        {
            progress.applied(count);
            let file = StorageFile::Edits { first: stretch.from, last: stretch.last }.name();
            progress.edits(&file, stretch.last.0.saturating_sub(stretch.from.0) + 1);
            (until, count) = (stretch.last, 0);
        }
        namespace.apply(&transaction.edit).map_err(|error| error.at(txid))?;
        calls.note(txid, &transaction.edit, namespace);
        count += 1;
        if count.is_multiple_of(SHOWN_EVERY) {
            progress.applied(count);
        }
        Ok(())
    })?;
    progress.applied(count);
    progress.end(Phase::Edits);
    namespace.reclaim(usize::MAX);
    Ok(last)
}

/// The newest image that can be read. One that is damaged is passed over where an older one and
/// all edits since are at hand.
fn read_newest_image(
    conf: &Configuration,
    user: &str,
    storage: &StorageSet,
) -> Result<(Namespace, crate::disk::Loaded), StartError> {
    let mut found = storage.inspect()?;
    let mut failure = None;
    loop {
        match read_image(conf, user, &found) {
            Ok(namespace) => return Ok((namespace, found)),
            // What is wrong with the newest is what must be known.
            Err(error @ StartError::Disk(_)) => drop(failure.get_or_insert(error)),
            Err(error) => return Err(error),
        }
        match storage.inspect_before(found.image_txid) {
            Ok(older) => {
                tracing::warn!(
                    "Failed to load image up to txid {}; trying the older one up to txid {}, and \
                     the edits after it",
                    found.image_txid,
                    older.image_txid
                );
                found = older;
            }
            Err(error) => {
                tracing::error!("There is no older image to start from: {error}");
                return Err(failure.unwrap_or_else(|| error.into()));
            }
        }
    }
}

fn read_image(
    conf: &Configuration,
    user: &str,
    found: &crate::disk::Loaded,
) -> Result<Namespace, StartError> {
    let mut failure = None;
    for path in &found.images {
        let settings = namespace_settings(conf, user)?;
        match load_image(path, settings, threads()) {
            Ok(loaded) => return Ok(loaded.namespace),
            Err(error) => {
                tracing::error!("{error}");
                failure = Some(error);
            }
        }
    }
    Err(match failure {
        Some(error) => error.into(),
        None => StartError::Disk(DiskError::NotFormatted),
    })
}

pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn retention(conf: &Configuration) -> Result<Retention, ConfError> {
    Ok(Retention {
        images: conf.count(&keys::CHECKPOINTS_RETAINED)?,
        extra_edits: conf.count(&keys::EXTRA_EDITS_RETAINED)? as u64,
        extra_segments: conf.count(&keys::EXTRA_EDITS_SEGMENTS_RETAINED)?,
    })
}

fn audit_settings(conf: &Configuration) -> Result<AuditSettings, ConfError> {
    Ok(AuditSettings {
        caller_context: conf.bool(&keys::CALLER_CONTEXT)?,
        context_max: conf.count(&keys::CALLER_CONTEXT_MAX)?,
        signature_max: conf.count(&keys::CALLER_SIGNATURE_MAX)?,
        quiet_commands: conf.list(&keys::AUDIT_QUIET_COMMANDS)?,
        remote_port: conf.bool(&keys::AUDIT_REMOTE_PORT)?,
        separator: conf.text(&keys::CALLER_SEPARATOR)?.unwrap_or_default(),
    })
}

/// `HADOOP_LOG_DIR`, as `hadoop.log.dir` in Hadoop's scripts; else the current directory.
fn log_directory() -> PathBuf {
    std::env::var_os("HADOOP_LOG_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
