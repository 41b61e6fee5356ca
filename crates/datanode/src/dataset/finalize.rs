//! The end of writing a replica, good or bad.

use super::Dataset;
use super::files::{self, sync_directory};
use super::pool::Pool;
use super::replica::{Place, Replica, ReplicaState};
use super::write::ReplicaHandle;
use crate::block::Block;
use crate::error::Result;
use crate::storage::layout;

impl Dataset {
    /// Moves a written replica to `finalized`; the block with its length. With `sync`, its names are on the disk
    /// when this returns.
    pub(crate) fn finalize(&self, handle: &ReplicaHandle, sync: bool) -> Result<Block> {
        let pool = self.pool(&handle.block.pool)?;
        let length = handle.writing.on_disk().length;
        handle.volume.release(handle.writing.take_reserved());
        let block = Block { length, ..handle.block.clone() };
        let _files = self.lock_files(block.id);
        self.move_to_finalized(&pool, &block, &handle.volume, handle.place, sync)?;
        Ok(block)
    }

    pub(super) fn move_to_finalized(
        &self,
        pool: &Pool,
        block: &Block,
        volume: &super::Volume,
        place: Place,
        sync: bool,
    ) -> Result<()> {
        let data = volume.data_file(&block.pool, block.id, place);
        let meta = volume.meta_file(&block.pool, block.id, block.stamp, place);
        let directory = volume.replica_directory(&block.pool, block.id, Place::Finalized);
        let meta = files::move_into(
            &volume.times,
            &meta,
            &directory,
            &layout::meta_name(block.id, block.stamp),
        )?;
        let data =
            files::move_into(&volume.times, &data, &directory, &layout::data_name(block.id))?;
        if sync {
            // Both, as Hadoop does: where it is now, and where it is no longer.
            sync_directory(&directory)?;
            sync_directory(&volume.replica_directory(&block.pool, block.id, place))?;
        }
        if place != Place::Finalized {
            volume.add_used(&block.pool, files::footprint(&data, &meta) as i64);
        }
        let replica = Replica {
            stamp: block.stamp,
            length: block.length,
            volume: volume.index,
            state: ReplicaState::Finalized,
        };
        pool.replicas.write().insert(block.id, replica);
        Ok(())
    }

    /// Forgets a copy that did not arrive.
    pub(crate) fn abandon_temporary(&self, handle: &ReplicaHandle) {
        let Ok(pool) = self.pool(&handle.block.pool) else { return };
        let _files = self.lock_files(handle.block.id);
        let mut replicas = pool.replicas.write();
        let ours = replicas
            .get(&handle.block.id)
            .is_some_and(|replica| matches!(replica.state, ReplicaState::Temporary(_)));
        if !ours {
            return;
        }
        replicas.remove(&handle.block.id);
        drop(replicas);
        handle.volume.count_replicas(-1);
        for path in [handle.data_path(), handle.meta_path()] {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(file = %path.display(), %error, "a temporary file was not removed");
            }
        }
    }
}
