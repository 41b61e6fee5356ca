//! What changes while a DataNode runs: volumes, numbers, and which NameNodes it serves
//! (`DataNode.reconfigurePropertyImpl`, `BlockPoolManager.refreshNamenodes`).

use std::path::Path;
use std::sync::Arc;

use loxodon_conf::{Configuration, Key, keys};
use loxodon_wire::rpc::RemoteError;

use crate::dataset::Volume;
use crate::dataset::replica::VolumeIndex;
use crate::error::{DataNodeError, Result};
use crate::namenode::{self, Service};
use crate::node::Node;
use crate::scanner;
use crate::settings::{self, OutlierSettings};
use crate::storage::StorageLocation;

/// The keys that can be changed.
pub(crate) static NAMES: &[&str] = &[
    keys::DATA_DIR.name,
    keys::BALANCE_MAX_MOVES.name,
    keys::BLOCK_REPORT_INTERVAL.name,
    keys::BLOCK_REPORT_SPLIT.name,
    keys::BLOCK_REPORT_DELAY.name,
    keys::MAX_TRANSFERS.name,
    keys::PEER_STATS.name,
    keys::OUTLIER_NODES.name,
    keys::SLOW_PEER_THRESHOLD.name,
    keys::OUTLIER_SAMPLES.name,
    keys::OUTLIERS_INTERVAL.name,
    keys::FILE_IO_SAMPLES.name,
    keys::OUTLIER_DISKS.name,
    keys::SLOW_DISK_THRESHOLD.name,
    keys::TRANSFER_BANDWIDTH.name,
    keys::WRITE_BANDWIDTH.name,
    keys::READ_BANDWIDTH.name,
    keys::DISK_BALANCER.name,
    keys::DISK_BALANCER_PLAN_VALIDITY.name,
];

impl Node {
    /// `startReconfiguration`.
    pub(crate) fn start_reconfiguration(self: &Arc<Self>) -> Result<(), RemoteError> {
        let node = Arc::downgrade(self);
        self.reconfiguration.start(move |name, conf| match node.upgrade() {
            Some(node) => node.reconfigure(name, conf).map_err(|error| error.to_string()),
            None => Err("the DataNode has stopped".to_owned()),
        })
    }

    /// Changes one key to what `conf` has; the value that is in force then.
    fn reconfigure(self: &Arc<Self>, name: &str, conf: &Configuration) -> Result<String> {
        if name == keys::DATA_DIR.name {
            return self.refresh_volumes(conf);
        }
        let number =
            |key: &Key, least: i64| conf.int_in(key, least..=i64::MAX).map_err(settings::wrong);
        let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let throttles = [
            (&keys::TRANSFER_BANDWIDTH, &self.throttles.transfer),
            (&keys::WRITE_BANDWIDTH, &self.throttles.write),
            (&keys::READ_BANDWIDTH, &self.throttles.read),
        ];
        if let Some((key, throttle)) = throttles.into_iter().find(|(key, _)| key.name == name) {
            throttle.set_bandwidth(settings::bandwidth(conf, key).map_err(settings::wrong)?);
        } else if name == keys::BALANCE_MAX_MOVES.name {
            let moves = number(&keys::BALANCE_MAX_MOVES, 1)?;
            self.live.change(|live| live.balance_moves = count(moves));
        } else if name == keys::MAX_TRANSFERS.name {
            let transfers = number(&keys::MAX_TRANSFERS, 1)?;
            self.live.change(|live| live.max_transfers = count(transfers));
        } else if name == keys::BLOCK_REPORT_SPLIT.name {
            let split = number(&keys::BLOCK_REPORT_SPLIT, 0)?;
            self.live.change(|live| live.report_split = split.cast_unsigned());
        } else if name == keys::BLOCK_REPORT_INTERVAL.name {
            let interval = conf.time(&keys::BLOCK_REPORT_INTERVAL).map_err(settings::wrong)?;
            self.live.change(|live| live.report_interval = interval);
        } else if name == keys::BLOCK_REPORT_DELAY.name {
            let delay = conf.time(&keys::BLOCK_REPORT_DELAY).map_err(settings::wrong)?;
            self.live.change(|live| live.report_delay = delay);
        } else if name == keys::DISK_BALANCER.name {
            let enabled = conf.bool(&keys::DISK_BALANCER).map_err(settings::wrong)?;
            self.disk_balancer.set_enabled(enabled);
        } else if name == keys::DISK_BALANCER_PLAN_VALIDITY.name {
            let key = &keys::DISK_BALANCER_PLAN_VALIDITY;
            let validity = conf.time(key).map_err(settings::wrong)?;
            let text = conf.text(key).map_err(settings::wrong)?.unwrap_or_default();
            self.disk_balancer.set_plan_validity(validity, text);
        } else {
            let outliers = OutlierSettings::from_conf(conf).map_err(settings::wrong)?;
            self.live.change(|live| live.outliers = outliers);
            self.peers.measure(outliers.peers);
            self.dataset
                .volumes()
                .iter()
                .for_each(|volume| volume.times.measure(outliers.disk_percent));
        }
        Ok(conf.get(name).map_err(settings::wrong)?.unwrap_or_default())
    }

    /// Adds the volumes that are new in `conf`, and takes out of use those that are not in it any more; the
    /// volumes that are in use then (`DataNode.refreshVolumes`).
    fn refresh_volumes(self: &Arc<Self>, conf: &Configuration) -> Result<String> {
        let _one = self.volume_changes.lock();
        let wanted = settings::locations(conf)?;
        let active = self.dataset.volumes();
        for location in &wanted {
            let same = active.iter().find(|volume| volume.root() == location.path);
            if same.is_some_and(|volume| volume.kind() != location.kind) {
                return Err(DataNodeError::Refused(
                    "Changing storage type is not allowed.".to_owned(),
                ));
            }
        }
        let is_active = |path: &Path| active.iter().any(|volume| volume.root() == path);
        let is_wanted = |path: &Path| wanted.iter().any(|location| location.path == path);
        let mut failures = Vec::new();
        let mut added = 0;
        for location in wanted.iter().filter(|location| !is_active(&location.path)) {
            match self.add_volume(conf, location) {
                Ok(()) => added += 1,
                Err(error) => {
                    tracing::error!(%location, %error, "Failed to add volume");
                    failures.push(format!("FAILED TO ADD: {location}: {error}"));
                }
            }
        }
        let (staying, leaving): (Vec<_>, Vec<_>) =
            active.iter().partition(|volume| is_wanted(volume.root()));
        if staying.is_empty() && added == 0 {
            failures.push("Attempt to remove all volumes.".to_owned());
        } else {
            for volume in leaving {
                self.drop_volume(volume);
            }
            for failed in self.dataset.failures().locations {
                if !is_wanted(Path::new(&failed)) {
                    self.dataset.forgive(Path::new(&failed));
                }
            }
            self.dataset.set_configured(wanted.len());
        }
        for service in self.services() {
            // The NameNode learns what came and what went.
            service.peers.iter().for_each(|peer| peer.report_now.notify_one());
        }
        if !failures.is_empty() {
            return Err(DataNodeError::Refused(failures.join("\n")));
        }
        let volumes = self.dataset.volumes();
        let names = volumes.iter().map(|volume| volume.directory.location.to_string());
        Ok(names.collect::<Vec<_>>().join(","))
    }

    fn add_volume(
        self: &Arc<Self>,
        conf: &Configuration,
        location: &StorageLocation,
    ) -> Result<()> {
        let reserved = settings::reserved(conf, location).map_err(settings::wrong)?;
        let index = VolumeIndex(self.dataset.next_index()?);
        let (volume, _) =
            Volume::open(index, location, self.settings.permissions, reserved, Some(&self.uuid))?;
        let volume = Arc::new(volume);
        volume.times.measure(self.live.get().outliers.disk_percent);
        let added = self.prepare_and_add(&volume);
        if added.is_err() {
            volume.directory.unlock();
        }
        added?;
        tracing::info!(%location, "Successfully added volume");
        let scanner = scanner::scan_volume(self, volume);
        self.scanners.lock().extend(scanner);
        Ok(())
    }

    fn prepare_and_add(&self, volume: &Arc<Volume>) -> Result<()> {
        for service in self.services() {
            if let Some(identity) = service.identity() {
                volume.directory.prepare(&identity, &self.uuid, &volume.storage)?;
            }
        }
        self.dataset.add_volume(volume)?;
        for pool in self.dataset.pools() {
            self.load_damaged(&pool.id);
            self.known_damaged(&pool.id).iter().for_each(|bad| self.report_bad(bad));
        }
        Ok(())
    }

    fn drop_volume(&self, volume: &Arc<Volume>) {
        tracing::info!(volume = %volume.root().display(), "Removing volume");
        for block in self.dataset.remove_volume(volume) {
            self.deleted(&block, volume);
        }
        volume.directory.unlock();
    }

    /// Serves the NameNodes that the configuration names now, and no others.
    pub(crate) fn refresh_namenodes(self: &Arc<Self>) -> Result<()> {
        let conf = self.settings.conf.reread().map_err(settings::wrong)?;
        let wanted = settings::services(&conf)?;
        let mut begun = Vec::new();
        let ended = {
            let mut services = self.services.write();
            let is_wanted =
                |service: &Arc<Service>| wanted.iter().any(|wanted| service.is_as(wanted));
            let (kept, ended): (Vec<_>, Vec<_>) = services.drain(..).partition(is_wanted);
            *services = kept;
            for wanted in &wanted {
                if services.iter().any(|service| service.is_as(wanted)) {
                    continue;
                }
                let new = Service::new(wanted.name.clone(), &wanted.namenodes, self.client.clone());
                begun.push(Arc::new(new));
            }
            services.extend(begun.iter().cloned());
            ended
        };
        for service in &ended {
            tracing::info!(name = service.name, "Stopping BPOfferServices for nameservice");
            service.end();
            let pool = service.identity().map(|identity| identity.pool);
            // A name service whose NameNodes moved keeps its pool.
            if let Some(pool) = pool.filter(|_| begun.iter().all(|new| new.name != service.name)) {
                self.dataset.remove_pool(&pool);
            }
        }
        for service in &begun {
            tracing::info!(name = service.name, "Starting BPOfferServices for nameservice");
            self.serve(service);
        }
        Ok(())
    }

    /// Begins to talk to the NameNodes of a service.
    pub(crate) fn serve(self: &Arc<Self>, service: &Arc<Service>) {
        let mut actors = self.actors.lock();
        for at in 0..service.peers.len() {
            let actor = namenode::run(Arc::clone(self), Arc::clone(service), at);
            actors.spawn_on(actor, &self.runtime);
        }
    }
}
