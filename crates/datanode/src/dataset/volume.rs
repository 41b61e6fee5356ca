//! A volume: a directory on a disk, and how full it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use loxodon_wire::ids::{BlockId, GenerationStamp};
use parking_lot::{Mutex, RwLock};

use super::replica::{Place, VolumeIndex};
use super::times::DiskTimes;
use crate::error::{DataNodeError, DiskContext, Result};
use crate::storage::{StorageDirectory, StorageLocation, StorageType, layout};

/// How much of a volume is not for blocks (`dfs.datanode.du.reserved*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReservedSpace {
    /// Bytes.
    pub bytes: u64,
    /// Per cent of the file system.
    pub percent: u64,
    /// Which of both counts.
    pub rule: ReservedRule,
}

/// Which number says how much is reserved (`dfs.datanode.du.reserved.calculator`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReservedRule {
    /// Bytes.
    #[default]
    Absolute,
    /// Per cent.
    Percentage,
    /// The greater.
    Greater,
    /// The smaller.
    Smaller,
}

impl ReservedSpace {
    /// Bytes reserved on a file system of `total` bytes.
    pub(crate) fn of(&self, total: u64) -> u64 {
        let share = u128::from(total) * u128::from(self.percent.min(100)) / 100;
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        match self.rule {
            ReservedRule::Absolute => self.bytes,
            ReservedRule::Percentage => share,
            ReservedRule::Greater => self.bytes.max(share),
            ReservedRule::Smaller => self.bytes.min(share),
        }
    }
}

/// Capacity and use of a volume, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeUsage {
    /// The file system without what is reserved.
    pub capacity: u64,
    /// Used by blocks of all pools.
    pub dfs_used: u64,
    /// Used by others, beyond what is reserved for them.
    pub non_dfs_used: u64,
    /// Free for blocks.
    pub remaining: u64,
    /// Set aside for others.
    pub reserved: u64,
    /// Set aside for replicas being written.
    pub reserved_for_replicas: u64,
}

/// One volume.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) index: VolumeIndex,
    pub(crate) directory: StorageDirectory,
    pub(crate) storage: String,
    reserved: ReservedSpace,
    used: RwLock<Vec<(String, AtomicI64)>>,
    replicas: AtomicU64,
    reserved_for_replicas: AtomicU64,
    failed: AtomicBool,
    found_good: Mutex<Option<Instant>>,
    /// How long its disk takes.
    pub(crate) times: Arc<DiskTimes>,
}

impl Volume {
    pub(crate) fn new(
        index: VolumeIndex,
        directory: StorageDirectory,
        storage: String,
        reserved: ReservedSpace,
    ) -> Self {
        Self {
            index,
            directory,
            storage,
            reserved,
            used: RwLock::default(),
            replicas: AtomicU64::new(0),
            reserved_for_replicas: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            found_good: Mutex::default(),
            times: Arc::default(),
        }
    }

    /// Locks the volume at `location`; the id of the DataNode that it was formatted for, which must be
    /// `uuid` where both are known.
    pub(crate) fn open(
        index: VolumeIndex,
        location: &StorageLocation,
        permissions: u32,
        reserved: ReservedSpace,
        uuid: Option<&str>,
    ) -> Result<(Self, Option<String>)> {
        let directory = StorageDirectory::open(location, permissions)?;
        let identity = directory.identity()?;
        let known = identity.as_ref().and_then(|identity| identity.datanode.clone());
        if let (Some(known), Some(uuid)) = (&known, uuid)
            && known != uuid
        {
            return Err(DataNodeError::Inconsistent {
                path: location.path.clone(),
                reason: format!(
                    "DatanodeUuid={known}, does not match {uuid} from other StorageDirectory."
                ),
            });
        }
        let storage =
            identity.map(|identity| identity.storage).filter(|storage| !storage.is_empty());
        let storage = storage.unwrap_or_else(|| format!("DS-{}", uuid::Uuid::new_v4()));
        Ok((Self::new(index, directory, storage, reserved), known))
    }

    pub(crate) fn kind(&self) -> StorageType {
        self.directory.location.kind
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.root()
    }

    pub(crate) fn pool(&self, pool: &str) -> PathBuf {
        self.directory.pool(pool)
    }

    pub(crate) fn pool_current(&self, pool: &str) -> PathBuf {
        self.pool(pool).join("current")
    }

    /// The directory that holds a replica's files.
    pub(crate) fn replica_directory(&self, pool: &str, id: BlockId, place: Place) -> PathBuf {
        match place {
            Place::Finalized => {
                layout::block_directory(&self.pool_current(pool).join(layout::FINALIZED), id)
            }
            Place::Rbw => self.pool_current(pool).join(layout::RBW),
            Place::Tmp => self.pool(pool).join(layout::TMP),
        }
    }

    pub(crate) fn data_file(&self, pool: &str, id: BlockId, place: Place) -> PathBuf {
        self.replica_directory(pool, id, place).join(layout::data_name(id))
    }

    pub(crate) fn meta_file(
        &self,
        pool: &str,
        id: BlockId,
        stamp: GenerationStamp,
        place: Place,
    ) -> PathBuf {
        self.replica_directory(pool, id, place).join(layout::meta_name(id, stamp))
    }

    /// Counts `bytes` more (or less) as used by the pool.
    pub(crate) fn add_used(&self, pool: &str, bytes: i64) {
        if let Some((_, used)) = self.used.read().iter().find(|(known, _)| known == pool) {
            used.fetch_add(bytes, Ordering::Relaxed);
            return;
        }
        let mut all = self.used.write();
        match all.iter().find(|(known, _)| known == pool) {
            Some((_, used)) => drop(used.fetch_add(bytes, Ordering::Relaxed)),
            None => all.push((pool.to_owned(), AtomicI64::new(bytes))),
        }
    }

    pub(crate) fn pool_used(&self, pool: &str) -> u64 {
        let all = self.used.read();
        let used = all
            .iter()
            .find(|(known, _)| known == pool)
            .map(|(_, used)| used.load(Ordering::Relaxed));
        used.map_or(0, |used| used.max(0) as u64)
    }

    pub(crate) fn forget_pool(&self, pool: &str) {
        self.used.write().retain(|(known, _)| known != pool);
    }

    pub(crate) fn count_replicas(&self, more: i64) {
        self.replicas.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(crate) fn replica_count(&self) -> u64 {
        self.replicas.load(Ordering::Relaxed)
    }

    pub(crate) fn reserve(&self, bytes: u64) {
        self.reserved_for_replicas.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: u64) {
        let less = |reserved: u64| Some(reserved.saturating_sub(bytes));
        let _ = self.reserved_for_replicas.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// How full the volume is, as the file system says now.
    pub(crate) fn usage(&self) -> Result<VolumeUsage> {
        let system =
            rustix::fs::statvfs(self.root()).disk("cannot ask for the space of", self.root())?;
        let unit = system.f_frsize.max(1);
        let total = system.f_blocks.saturating_mul(unit);
        let free = system.f_bavail.saturating_mul(unit);
        let reserved = self.reserved.of(total);
        let capacity = total.saturating_sub(reserved);
        let dfs_used: u64 = self
            .used
            .read()
            .iter()
            .map(|(_, used)| used.load(Ordering::Relaxed).max(0) as u64)
            .sum();
        let reserved_for_replicas = self.reserved_for_replicas.load(Ordering::Relaxed);
        // What others use counts against what is reserved for them first.
        let others = total.saturating_sub(free).saturating_sub(dfs_used);
        let still_reserved = reserved.saturating_sub(others);
        let remaining = free.saturating_sub(still_reserved).saturating_sub(reserved_for_replicas);
        let remaining =
            remaining.min(capacity.saturating_sub(dfs_used).saturating_sub(reserved_for_replicas));
        let non_dfs_used = others.saturating_sub(reserved);
        Ok(VolumeUsage {
            capacity,
            dfs_used,
            non_dfs_used,
            remaining,
            reserved,
            reserved_for_replicas,
        })
    }

    /// Marks the volume as failed; whether it was not before.
    pub(crate) fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::AcqRel)
    }

    /// Whether files can be made and removed here, unless that was so less than `gap` ago: Hadoop's
    /// `DiskChecker` and `ThrottledAsyncChecker`.
    pub(crate) fn check(&self, gap: Duration) -> Result<()> {
        let mut found_good = self.found_good.lock();
        if found_good.is_some_and(|at| at.elapsed() < gap) {
            return Ok(());
        }
        let probe = self.directory.current().join(format!(".probe-{}", std::process::id()));
        fs::read_dir(self.directory.current()).disk("cannot list", self.directory.current())?;
        File::create(&probe).disk("cannot create", &probe)?;
        fs::remove_file(&probe).disk("cannot remove", &probe)?;
        *found_good = Some(Instant::now());
        Ok(())
    }
}

/// The error of a file of a volume that is gone.
pub(crate) fn gone(index: VolumeIndex) -> crate::error::DataNodeError {
    crate::error::DataNodeError::Refused(format!("volume {} has failed", index.0))
}
