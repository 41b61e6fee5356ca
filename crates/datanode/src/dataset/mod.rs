//! Everything that is stored: volumes, pools, replicas and what may be done with them (`FsDatasetImpl`).
//!
//! A replica's record changes under its pool's lock, which is never held over I/O. Its files change
//! under a lock of its own (one of [`STRIPES`]), so that two operations on one block do not meet.

pub(crate) mod block_list;
mod choice;
mod compare;
mod delete;
mod files;
mod finalize;
mod pool;
mod recover;
mod relocate;
pub(crate) mod replica;
mod report;
mod scan;
pub(crate) mod times;
mod volume;
mod volumes;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use loxodon_wire::ids::BlockId;
use parking_lot::{Mutex, MutexGuard, RwLock};

pub use choice::VolumeChoice;
pub(crate) use compare::{Difference, OnVolume};
pub(crate) use delete::Deleted;
pub(crate) use files::{ReplicaFiles, sync_directory};
pub(crate) use pool::Pool;
pub(crate) use recover::RecoveryInfo;
pub(crate) use scan::CacheAges;
#[cfg(feature = "fuzzing")]
pub(crate) use scan::checked_length;
pub(crate) use volume::Volume;
pub use volume::{ReservedRule, ReservedSpace, VolumeUsage};
pub(crate) use volumes::VolumeFailures;
pub(crate) use write::{ReplicaHandle, WriteTarget};

use self::choice::Chooser;
use self::replica::Replica;
use crate::block::Block;
use crate::error::{DataNodeError, Result};
use crate::storage::StorageType;

/// Locks for files of replicas.
const STRIPES: usize = 64;

/// What the dataset needs to know.
#[derive(Clone, Debug)]
pub(crate) struct DatasetSettings {
    pub(crate) choice: VolumeChoice,
    pub(crate) ages: CacheAges,
    /// How long a writer that is to stop may take.
    pub(crate) stop_patience: Duration,
    /// Reserved for a block whose length its writer did not say.
    pub(crate) block_size: u64,
    pub(crate) failed_volumes_tolerated: i64,
    pub(crate) seed: u64,
}

/// The volumes and the replicas on them.
#[derive(Debug)]
pub(crate) struct Dataset {
    settings: DatasetSettings,
    volumes: RwLock<Vec<Arc<Volume>>>,
    failures: Mutex<VolumeFailures>,
    /// The greatest index that a volume had.
    last_index: AtomicUsize,
    pools: RwLock<Vec<Arc<Pool>>>,
    chooser: Chooser,
    files: [Mutex<()>; STRIPES],
    deleting: Arc<delete::Deleting>,
}

impl Dataset {
    pub(crate) fn new(
        settings: DatasetSettings,
        volumes: Vec<Arc<Volume>>,
        failures: VolumeFailures,
    ) -> Self {
        let chooser = Chooser::new(settings.choice, settings.seed);
        let files = std::array::from_fn(|_| Mutex::new(()));
        Self {
            settings,
            last_index: AtomicUsize::new(failures.configured.max(volumes.len())),
            volumes: RwLock::new(volumes),
            failures: Mutex::new(failures),
            pools: RwLock::default(),
            chooser,
            files,
            deleting: Arc::default(),
        }
    }

    /// The volumes that work.
    pub(crate) fn volumes(&self) -> Vec<Arc<Volume>> {
        self.volumes.read().clone()
    }

    pub(crate) fn volume(&self, index: replica::VolumeIndex) -> Result<Arc<Volume>> {
        let volumes = self.volumes.read();
        volumes
            .iter()
            .find(|volume| volume.index == index)
            .cloned()
            .ok_or_else(|| volume::gone(index))
    }

    pub(crate) fn pool(&self, id: &str) -> Result<Arc<Pool>> {
        let pools = self.pools.read();
        let found = pools.iter().find(|pool| &*pool.id == id).cloned();
        found.ok_or_else(|| DataNodeError::Refused(format!("block pool {id} is not found")))
    }

    pub(crate) fn pools(&self) -> Vec<Arc<Pool>> {
        self.pools.read().clone()
    }

    /// Finds a pool's replicas on all volumes, which are scanned side by side.
    pub(crate) fn add_pool(&self, id: &str) -> Result<()> {
        if self.pool(id).is_ok() {
            return Ok(());
        }
        let volumes = self.volumes();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let found: Vec<Result<scan::Found>> = std::thread::scope(|scope| {
            let scan = |volume: &Arc<Volume>| {
                let volume = Arc::clone(volume);
                scope.spawn(move || scan::find_replicas(&volume, id, self.settings.ages, threads))
            };
            let handles: Vec<_> = volumes.iter().map(scan).collect();
            let ended = || Err(DataNodeError::Refused("a scanning thread ended early".to_owned()));
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| ended())).collect()
        });
        let pool = Pool::new(id.into());
        for (volume, found) in volumes.iter().zip(found) {
            match found {
                Ok(found) => self.take_found(&pool, volume, found),
                Err(error) => self.fail_volume(volume, &error),
            }
        }
        self.pools.write().push(Arc::new(pool));
        self.check_failures()
    }

    /// Takes in what was found on a volume. Of two replicas of one block one stays, and the other one's
    /// files are removed (`BlockPoolSlice.resolveDuplicateReplicas`).
    fn take_found(&self, pool: &Pool, volume: &Arc<Volume>, found: scan::Found) {
        let mut superfluous = Vec::new();
        {
            let mut replicas = pool.replicas.write();
            replicas.reserve(found.len());
            volume.count_replicas(found.len() as i64);
            for (id, replica) in found {
                let Some(known) = replicas.get(&id) else {
                    replicas.insert(id, replica);
                    continue;
                };
                if self.outranks(known, &replica) {
                    superfluous.push((id, replica));
                } else if let Some(known) = replicas.insert(id, replica) {
                    superfluous.push((id, known));
                }
            }
        }
        for (id, replica) in superfluous {
            self.remove_duplicate(pool, id, &replica);
        }
    }

    /// Whether `one` is kept and `other` is not: the newer stays, then the longer, then the one on a disk that
    /// keeps what it has, then the one with the greater path.
    fn outranks(&self, one: &Replica, other: &Replica) -> bool {
        let volumes = self.volumes.read();
        let rank = |replica: &Replica| {
            let volume = volumes.iter().find(|volume| volume.index == replica.volume);
            let lasts = volume.is_some_and(|volume| volume.kind() != StorageType::RamDisk);
            let path = volume.map(|volume| volume.root().to_owned());
            (replica.stamp, replica.disk_length(), lasts, path)
        };
        rank(one) > rank(other)
    }

    fn remove_duplicate(&self, pool: &Pool, id: BlockId, replica: &Replica) {
        let Ok(volume) = self.volume(replica.volume) else { return };
        let place = replica.place();
        let data = volume.data_file(&pool.id, id, place);
        let meta = volume.meta_file(&pool.id, id, replica.stamp, place);
        tracing::warn!(block = %id, file = %data.display(), "a second replica is removed");
        volume.count_replicas(-1);
        volume.add_used(&pool.id, -(files::footprint(&data, &meta) as i64));
        for path in [data, meta] {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "not removed");
            }
        }
    }

    /// Forgets a pool, as `deleteBlockPool` and the end of its service do.
    pub(crate) fn remove_pool(&self, id: &str) {
        self.pools.write().retain(|pool| &*pool.id != id);
        for volume in self.volumes() {
            volume.forget_pool(id);
        }
    }

    /// The lock of a block's files.
    fn lock_files(&self, id: BlockId) -> Option<MutexGuard<'_, ()>> {
        self.files.get(id.0 as usize % STRIPES).map(Mutex::lock)
    }

    /// The replica of `block`, in any version.
    pub(crate) fn find(&self, block: &Block) -> Result<(Arc<Pool>, Replica)> {
        let pool = self.pool(&block.pool)?;
        match pool.get(block.id) {
            Some(replica) => Ok((pool, replica)),
            None => Err(DataNodeError::ReplicaNotFound(format!("Replica does not exist {block}"))),
        }
    }

    /// The replica of `block` in exactly its version.
    pub(crate) fn find_exact(&self, block: &Block) -> Result<(Arc<Pool>, Replica)> {
        let (pool, replica) = self.find(block)?;
        if replica.stamp != block.stamp {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Cannot append to a replica with unexpected generation stamp {block}"
            )));
        }
        Ok((pool, replica))
    }

    /// Bytes of `block` that a reader may ask for: `getReplicaVisibleLength`.
    pub(crate) fn visible_length(&self, block: &Block) -> Result<u64> {
        let (_, replica) = self.find(block)?;
        let unreadable = || {
            DataNodeError::Refused(format!(
                "Replica is not readable, block={block}, replica={replica}"
            ))
        };
        replica.visible_length().ok_or_else(unreadable)
    }
}
