//! Removing replicas.

use std::path::PathBuf;
use std::sync::Arc;

use hashbrown::HashSet;
use loxodon_wire::ids::BlockId;
use parking_lot::Mutex;

use super::Dataset;
use super::files;
use super::pool::Pool;
use super::replica::{Place, Replica, ReplicaState};
use super::times::DiskWork;
use super::volume::Volume;
use crate::block::Block;
use crate::error::{DataNodeError, DiskContext, Result};

/// Blocks whose files are still to be removed, by pool.
pub(super) type Deleting = Mutex<HashSet<(Arc<str>, BlockId), foldhash::fast::RandomState>>;

/// A replica that is forgotten, and whose files are still to be removed.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) block: Block,
    pub(crate) volume: Arc<Volume>,
    data: PathBuf,
    meta: PathBuf,
    finalized: bool,
    deleting: Arc<Deleting>,
}

impl Deleted {
    /// Removes the files. Slow on large files: not for a thread that others wait for.
    pub(crate) fn remove_files(&self) {
        let footprint = files::footprint(&self.data, &self.meta);
        for path in [&self.data, &self.meta] {
            let removed =
                self.volume.times.timed(DiskWork::Metadata, || std::fs::remove_file(path));
            if let Err(error) = removed {
                tracing::warn!(block = %self.block, file = %path.display(), %error, "a file was not removed");
            }
        }
        if self.finalized {
            self.volume.add_used(&self.block.pool, -(footprint as i64));
        }
        self.deleting.lock().remove(&(Arc::clone(&self.block.pool), self.block.id));
    }
}

impl Dataset {
    /// Forgets replicas that the NameNode does not want, as far as they are in the version it means.
    pub(crate) fn invalidate(&self, pool: &str, blocks: &[Block]) -> Result<Vec<Deleted>> {
        let pool = self.pool(pool)?;
        let mut deleted = Vec::with_capacity(blocks.len());
        for block in blocks {
            match self.forget(&pool, block) {
                Ok(gone) => deleted.push(gone),
                Err(error) => tracing::info!(%block, %error, "not deleted"),
            }
        }
        Ok(deleted)
    }

    fn forget(&self, pool: &Pool, block: &Block) -> Result<Deleted> {
        let (_, replica) = self.find(block)?;
        if replica.stamp > block.stamp {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Replica does not exist {block}: it has {}",
                replica.stamp
            )));
        }
        if let ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) = &replica.state {
            self.stop_writer(block, writing)?;
        }
        let _files = self.lock_files(block.id);
        let replica = pool.replicas.write().remove(&block.id);
        let replica = replica.ok_or_else(|| {
            DataNodeError::ReplicaNotFound(format!("Replica does not exist {block}"))
        })?;
        let volume = self.volume(replica.volume)?;
        volume.count_replicas(-1);
        let place = replica.place();
        self.deleting.lock().insert((Arc::clone(&block.pool), block.id));
        Ok(Deleted {
            deleting: Arc::clone(&self.deleting),
            block: Block { stamp: replica.stamp, length: replica.disk_length(), ..block.clone() },
            data: volume.data_file(&block.pool, block.id, place),
            meta: volume.meta_file(&block.pool, block.id, replica.stamp, place),
            finalized: matches!(replica.state, ReplicaState::Finalized),
            volume,
        })
    }

    /// The files that a finalized replica of `block` has on `volume`, where it is not any more.
    pub(super) fn left_behind(&self, pool: &Pool, block: &Block, volume: &Arc<Volume>) -> Deleted {
        volume.count_replicas(-1);
        self.deleting.lock().insert((Arc::clone(&pool.id), block.id));
        Deleted {
            deleting: Arc::clone(&self.deleting),
            block: block.clone(),
            data: volume.data_file(&block.pool, block.id, Place::Finalized),
            meta: volume.meta_file(&block.pool, block.id, block.stamp, Place::Finalized),
            finalized: true,
            volume: Arc::clone(volume),
        }
    }

    /// Removes a replica at once, to make room for another of the same block.
    pub(super) fn discard(&self, pool: &Pool, block: &Block, replica: &Replica) -> Result<()> {
        let old = Block { stamp: replica.stamp, ..block.clone() };
        self.forget(pool, &old)?.remove_files();
        Ok(())
    }

    /// Whether the block's files are still to be removed.
    pub(super) fn is_being_deleted(&self, pool: &Pool, id: BlockId) -> bool {
        self.deleting.lock().contains(&(Arc::clone(&pool.id), id))
    }
}

impl Dataset {
    /// Removes what is left of a pool that is served no more; its blocks too where `force` says so.
    pub(crate) fn delete_pool(&self, pool: &str, force: bool) -> Result<()> {
        let volumes = self.volumes();
        for volume in &volumes {
            let finalized = volume.pool_current(pool).join(crate::storage::layout::FINALIZED);
            let has_blocks =
                std::fs::read_dir(&finalized).is_ok_and(|mut entries| entries.next().is_some());
            if has_blocks && !force {
                return Err(DataNodeError::Refused(format!(
                    "Cannot delete block pool, it contains some blocks in the directory {}",
                    finalized.display()
                )));
            }
        }
        self.remove_pool(pool);
        for volume in &volumes {
            let directory = volume.pool(pool);
            if directory.is_dir() {
                std::fs::remove_dir_all(&directory).disk("cannot remove", &directory)?;
            }
        }
        Ok(())
    }
}
