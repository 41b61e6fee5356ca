//! A DataNode's part in the recovery of a block: Hadoop's `initReplicaRecovery` and `updateReplicaUnderRecovery`.

use std::sync::Arc;

use loxodon_wire::ids::{BlockId, GenerationStamp};

use super::Dataset;
use super::files::ReplicaFiles;
use super::pool::Pool;
use super::replica::{Place, Replica, ReplicaState, UnderRecovery};
use super::volume::Volume;
use crate::block::Block;
use crate::error::{DataNodeError, DiskContext, Result};
use crate::storage::layout;

/// What a DataNode has of a block that is to be recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecoveryInfo {
    /// The replica in its version, with the length on disk.
    pub(crate) block: Block,
    /// The number of the state it was in before.
    pub(crate) original_state: u8,
}

impl Dataset {
    /// Stops the replica's writer and takes it into recovery `recovery`; `None` if there is no replica.
    pub(crate) fn init_recovery(
        &self,
        block: &Block,
        recovery: GenerationStamp,
    ) -> Result<Option<RecoveryInfo>> {
        let pool = self.pool(&block.pool)?;
        loop {
            let Some(replica) = pool.get(block.id) else { return Ok(None) };
            if let ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) = &replica.state {
                self.stop_writer(block, writing)?;
            }
            let _files = self.lock_files(block.id);
            let mut replicas = pool.replicas.write();
            let Some(replica) = replicas.get_mut(&block.id) else { return Ok(None) };
            // A writer who came in between is stopped as well.
            if !replica.is_being_written() {
                return take(block, replica, recovery).map(Some);
            }
        }
    }

    /// Ends a recovery: the replica gets its new version and length, and is finalized. Copies it under
    /// `new_id` where that is another block (a truncated file that a snapshot still needs).
    pub(crate) fn update_recovery(
        &self,
        old: &Block,
        recovery: GenerationStamp,
        new_id: Option<BlockId>,
        length: u64,
    ) -> Result<(Block, Arc<Volume>)> {
        let _files = self.lock_files(old.id);
        let (pool, replica) = self.find(old)?;
        let ReplicaState::Rur(running) = &replica.state else {
            return Err(DataNodeError::Refused(format!(
                "replica.getState() != RUR, replica={replica}"
            )));
        };
        if replica.disk_length() != old.length {
            return Err(DataNodeError::Refused(format!(
                "THIS IS NOT SUPPOSED TO HAPPEN: replica.getBytesOnDisk() != block.getNumBytes(), block={old}, replica={replica}"
            )));
        }
        if running.recovery != recovery {
            return Err(DataNodeError::Refused(format!(
                "rur.getRecoveryID() != recoveryId = {recovery}, rur={replica}"
            )));
        }
        if replica.disk_length() < length {
            return Err(DataNodeError::Refused(format!(
                "rur.getNumBytes() < newlength = {length}, rur={replica}"
            )));
        }
        let volume = self.volume(replica.volume)?;
        let place = running.original.place();
        let known = Block { stamp: running.original.stamp, ..old.clone() };
        let done = match new_id.filter(|id| id.0 > 0 && *id != old.id) {
            None => self.end_recovery(&pool, &volume, &known, place, recovery, length)?,
            Some(id) => {
                let done =
                    self.copy_truncated(&pool, &volume, &known, place, id, recovery, length)?;
                pool.replicas.write().insert(old.id, running.original.clone());
                done
            }
        };
        Ok((done, volume))
    }

    fn end_recovery(
        &self,
        pool: &Pool,
        volume: &Volume,
        old: &Block,
        place: Place,
        recovery: GenerationStamp,
        length: u64,
    ) -> Result<Block> {
        let (data, meta) = (
            volume.data_file(&old.pool, old.id, place),
            volume.meta_file(&old.pool, old.id, old.stamp, place),
        );
        if length < old.length {
            let before = super::files::footprint(&data, &meta);
            ReplicaFiles::open(&volume.times, data.clone(), meta.clone(), true)?.cut(length)?;
            if place == Place::Finalized {
                volume.add_used(
                    &old.pool,
                    super::files::footprint(&data, &meta) as i64 - before as i64,
                );
            }
        }
        self.rename_meta(pool, volume, old, place, recovery)?;
        let block = Block { stamp: recovery, length, ..old.clone() };
        self.move_to_finalized(pool, &block, volume, place, false)?;
        Ok(block)
    }

    #[expect(clippy::too_many_arguments, reason = "a block's two names, places and lengths")]
    fn copy_truncated(
        &self,
        pool: &Pool,
        volume: &Volume,
        old: &Block,
        place: Place,
        id: BlockId,
        stamp: GenerationStamp,
        length: u64,
    ) -> Result<Block> {
        let rbw = volume.replica_directory(&old.pool, id, Place::Rbw);
        let (data, meta) =
            (rbw.join(layout::data_name(id)), rbw.join(layout::meta_name(id, stamp)));
        let source = volume.data_file(&old.pool, old.id, place);
        std::fs::copy(&source, &data).disk("cannot copy", &source)?;
        let source = volume.meta_file(&old.pool, old.id, old.stamp, place);
        std::fs::copy(&source, &meta).disk("cannot copy", &source)?;
        ReplicaFiles::open(&volume.times, data, meta, true)?.cut(length)?;
        let block = Block { pool: Arc::clone(&old.pool), id, stamp, length };
        volume.count_replicas(1);
        self.move_to_finalized(pool, &block, volume, Place::Rbw, false)?;
        Ok(block)
    }
}

/// Takes a replica that nobody writes into recovery `recovery`.
fn take(block: &Block, replica: &mut Replica, recovery: GenerationStamp) -> Result<RecoveryInfo> {
    check_before(block, replica, recovery)?;
    let original = match &replica.state {
        ReplicaState::Rur(running) if running.recovery >= recovery => {
            return Err(DataNodeError::RecoveryInProgress(format!(
                "rur.getRecoveryID() >= recoveryId = {recovery}, block={block}, rur={replica}"
            )));
        }
        ReplicaState::Rur(running) => running.original.clone(),
        _ => replica.clone(),
    };
    let info = RecoveryInfo {
        block: Block { stamp: original.stamp, length: original.disk_length(), ..block.clone() },
        original_state: original.state.number(),
    };
    // A temporary replica takes no part, but the primary hears of it.
    if !matches!(original.state, ReplicaState::Temporary(_)) {
        replica.state = ReplicaState::Rur(Arc::new(UnderRecovery { recovery, original }));
    }
    Ok(info)
}

fn check_before(block: &Block, replica: &Replica, recovery: GenerationStamp) -> Result<()> {
    if replica.stamp < block.stamp {
        return Err(DataNodeError::Refused(format!(
            "replica.getGenerationStamp() < block.getGenerationStamp(), block={block}, replica={replica}"
        )));
    }
    if replica.stamp >= recovery {
        return Err(DataNodeError::Refused(format!(
            "THIS IS NOT SUPPOSED TO HAPPEN: replica.getGenerationStamp() >= recoveryId = {recovery}, block={block}, replica={replica}"
        )));
    }
    Ok(())
}
