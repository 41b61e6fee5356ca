//! Beginning to write a replica, at each of a pipeline's stages.

use std::path::PathBuf;
use std::sync::Arc;

use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::ids::GenerationStamp;
use loxodon_wire::transfer::WriteStage;

use super::Dataset;
use super::files::{self, ReplicaFiles};
use super::pool::Pool;
use super::replica::{InPipeline, Place, Replica, ReplicaState};
use super::volume::Volume;
use crate::block::Block;
use crate::error::{DataNodeError, Result};
use crate::storage::{StorageType, layout};

/// Where a new replica should go.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteTarget {
    pub(crate) kind: StorageType,
    /// The storage that the NameNode chose; any of the kind if it is not here.
    pub(crate) storage: Option<String>,
}

/// The right to write a replica; given up when dropped.
#[derive(Debug)]
pub(crate) struct ReplicaHandle {
    /// The block in the version that is written now.
    pub(crate) block: Block,
    pub(crate) volume: Arc<Volume>,
    pub(crate) writing: Arc<InPipeline>,
    pub(crate) place: Place,
    /// Whether the files begin anew.
    pub(crate) new: bool,
}

impl ReplicaHandle {
    pub(crate) fn data_path(&self) -> PathBuf {
        self.volume.data_file(&self.block.pool, self.block.id, self.place)
    }

    pub(crate) fn meta_path(&self) -> PathBuf {
        self.volume.meta_file(&self.block.pool, self.block.id, self.block.stamp, self.place)
    }

    /// The files, new or as they are.
    pub(crate) fn open(&self, checksum: DataChecksum) -> Result<ReplicaFiles> {
        if self.new {
            ReplicaFiles::create(&self.volume.times, self.data_path(), self.meta_path(), checksum)
        } else {
            ReplicaFiles::open(&self.volume.times, self.data_path(), self.meta_path(), true)
        }
    }

    /// Leaves word that the writer comes back before `until`: the replica is then still one being written
    /// after the restart. It lies where Hadoop's does (`rbw:.blk_N.restart`).
    pub(crate) fn expect_writer(&self, until: std::time::SystemTime) {
        let until = until.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
        let path = super::scan::restart_file(&self.volume, &self.block.pool, self.block.id);
        if let Err(error) = std::fs::write(&path, until.to_string()) {
            tracing::warn!(file = %path.display(), %error, "the writer cannot come back");
        }
    }

    /// Counts written bytes against what was reserved for them.
    pub(crate) fn wrote(&self, bytes: u64) {
        self.volume.release(self.writing.use_reserved(bytes));
    }
}

impl Drop for ReplicaHandle {
    fn drop(&mut self) {
        self.volume.release(self.writing.take_reserved());
        self.writing.leave();
    }
}

impl Dataset {
    /// Begins to write for a client, as `stage` says. `min` and `max` are the bytes that the client knows of.
    pub(crate) fn begin(
        &self,
        stage: WriteStage,
        block: &Block,
        new_stamp: GenerationStamp,
        min: u64,
        max: u64,
        target: &WriteTarget,
    ) -> Result<ReplicaHandle> {
        match stage {
            WriteStage::SetupCreate => self.create_rbw(block, new_stamp, target),
            WriteStage::SetupStreamingRecovery => self.recover_rbw(block, new_stamp, min, max),
            WriteStage::SetupAppend => self.append(block, new_stamp, min),
            WriteStage::SetupAppendRecovery => self.recover_append(block, new_stamp, min),
            WriteStage::TransferRbw | WriteStage::TransferFinalized => {
                self.create_temporary(block, target)
            }
            WriteStage::DataStreaming | WriteStage::Close | WriteStage::CloseRecovery => {
                Err(DataNodeError::Refused(format!(
                    "Unsupported stage {stage:?} while receiving block {block}"
                )))
            }
        }
    }

    /// A new replica in `rbw`.
    fn create_rbw(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        target: &WriteTarget,
    ) -> Result<ReplicaHandle> {
        let pool = self.pool(&block.pool)?;
        let mut block = block.clone();
        if let Some(replica) = pool.get(block.id) {
            if new_stamp.0 == 0 {
                return Err(already_there(&block, &replica));
            }
            // The client begins again with a new version: what came of the last attempt goes.
            self.discard(&pool, &block, &replica)?;
        }
        if new_stamp.0 != 0 {
            block.stamp = new_stamp;
        }
        self.insert_new(&pool, block, target, Place::Rbw)
    }

    /// A new replica in `tmp`, for a copy that another DataNode sends.
    pub(crate) fn create_temporary(
        &self,
        block: &Block,
        target: &WriteTarget,
    ) -> Result<ReplicaHandle> {
        let pool = self.pool(&block.pool)?;
        if let Some(replica) = pool.get(block.id) {
            let older = replica.stamp < block.stamp;
            let replaceable = matches!(
                replica.state,
                ReplicaState::Temporary(_) | ReplicaState::Rbw(_) | ReplicaState::Rwr
            );
            if !older || !replaceable {
                return Err(already_there(block, &replica));
            }
            self.discard(&pool, block, &replica)?;
        }
        self.insert_new(&pool, block.clone(), target, Place::Tmp)
    }

    fn insert_new(
        &self,
        pool: &Pool,
        block: Block,
        target: &WriteTarget,
        place: Place,
    ) -> Result<ReplicaHandle> {
        let size = if block.length == 0 { self.settings.block_size } else { block.length };
        let volume = self.choose_volume(target, size)?;
        let writing = InPipeline::new(0, size);
        writing.enter();
        let state = match place {
            Place::Tmp => ReplicaState::Temporary(Arc::clone(&writing)),
            Place::Rbw | Place::Finalized => ReplicaState::Rbw(Arc::clone(&writing)),
        };
        let replica = Replica { stamp: block.stamp, length: 0, volume: volume.index, state };
        {
            let mut replicas = pool.replicas.write();
            if let Some(known) = replicas.get(&block.id) {
                return Err(already_there(&block, known));
            }
            replicas.insert(block.id, replica);
        }
        volume.reserve(size);
        volume.count_replicas(1);
        Ok(ReplicaHandle { block, volume, writing, place, new: true })
    }

    pub(super) fn choose_volume(&self, target: &WriteTarget, bytes: u64) -> Result<Arc<Volume>> {
        let volumes = self.volumes();
        let named = target.storage.as_deref().filter(|id| !id.is_empty());
        if let Some(volume) =
            named.and_then(|id| volumes.iter().find(|volume| volume.storage == id))
            && volume.usage()?.remaining > bytes
        {
            return Ok(Arc::clone(volume));
        }
        let of_kind: Vec<_> =
            volumes.iter().filter(|volume| volume.kind() == target.kind).cloned().collect();
        self.chooser.choose(&of_kind, bytes)
    }

    /// Goes on with a replica after its pipeline failed.
    fn recover_rbw(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        min: u64,
        max: u64,
    ) -> Result<ReplicaHandle> {
        loop {
            let (pool, replica) = self.find(block)?;
            let ReplicaState::Rbw(writing) = &replica.state else {
                return Err(DataNodeError::ReplicaNotFound(format!(
                    "Cannot recover a non-RBW replica {replica}"
                )));
            };
            if !self.enter(&pool, block, writing)? {
                continue;
            }
            let writing = Arc::clone(writing);
            let handle = self.handle(block, &replica, writing, Place::Rbw)?;
            return self.resume_rbw(&pool, handle, &replica, new_stamp, min, max);
        }
    }

    fn resume_rbw(
        &self,
        pool: &Pool,
        mut handle: ReplicaHandle,
        replica: &Replica,
        new_stamp: GenerationStamp,
        min: u64,
        max: u64,
    ) -> Result<ReplicaHandle> {
        check_stamp(&handle.block, replica, new_stamp)?;
        let (acked, received) = (handle.writing.acked(), handle.writing.received());
        if acked < min || received > max {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Unmatched length replica {replica}: BytesAcked = {acked} BytesRcvd = {received} are not in the range of [{min}, {max}]."
            )));
        }
        handle.block.stamp = replica.stamp;
        let _files = self.lock_files(handle.block.id);
        let files =
            ReplicaFiles::open(&handle.volume.times, handle.data_path(), handle.meta_path(), true)?;
        let length = std::fs::metadata(&files.data_path).map_or(0, |known| known.len());
        if length < acked {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Found fewer bytesOnDisk than bytesAcked for replica {replica}"
            )));
        }
        let last = files.cut(acked)?;
        handle.writing.restart_at(acked, last);
        self.set_stamp(pool, &mut handle, new_stamp)?;
        Ok(handle)
    }

    /// Opens a finalized replica for more data.
    fn append(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        expected: u64,
    ) -> Result<ReplicaHandle> {
        if new_stamp < block.stamp {
            return Err(DataNodeError::Refused(format!(
                "The new generation stamp {new_stamp} should be greater than the replica {block}'s generation stamp"
            )));
        }
        let (pool, replica) = self.find_exact(block)?;
        if !matches!(replica.state, ReplicaState::Finalized) {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Cannot append to an unfinalized replica {block}"
            )));
        }
        check_length(&replica, expected)?;
        self.reopen(&pool, block, &replica, new_stamp)
    }

    fn recover_append(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        expected: u64,
    ) -> Result<ReplicaHandle> {
        let (pool, replica, writing) = self.recover_check(block, new_stamp, expected)?;
        let Some(writing) = writing else { return self.reopen(&pool, block, &replica, new_stamp) };
        let mut handle = self.handle(block, &replica, writing, Place::Rbw)?;
        handle.block.stamp = replica.stamp;
        let _files = self.lock_files(block.id);
        self.set_stamp(&pool, &mut handle, new_stamp)?;
        Ok(handle)
    }

    /// Finishes a block whose pipeline failed while it was closed; its length.
    pub(crate) fn recover_close(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        expected: u64,
    ) -> Result<(Block, Arc<Volume>)> {
        let (pool, replica, writing) = self.recover_check(block, new_stamp, expected)?;
        let mut closed =
            Block { stamp: new_stamp, length: replica.received_length(), ..block.clone() };
        let volume = self.volume(replica.volume)?;
        if let Some(writing) = writing {
            let mut handle = self.handle(block, &replica, writing, Place::Rbw)?;
            handle.block.stamp = replica.stamp;
            {
                let _files = self.lock_files(block.id);
                self.set_stamp(&pool, &mut handle, new_stamp)?;
            }
            closed = self.finalize(&handle, false)?;
        } else {
            let _files = self.lock_files(block.id);
            self.rename_meta(
                &pool,
                &volume,
                &Block { stamp: replica.stamp, ..block.clone() },
                Place::Finalized,
                new_stamp,
            )?;
        }
        Ok((closed, volume))
    }

    /// The replica, if it is finalized or its writer could be stopped, and it is as long as the client says.
    fn recover_check(
        &self,
        block: &Block,
        new_stamp: GenerationStamp,
        expected: u64,
    ) -> Result<(Arc<Pool>, Replica, Option<Arc<InPipeline>>)> {
        loop {
            let (pool, replica) = self.find(block)?;
            check_stamp(block, &replica, new_stamp)?;
            match &replica.state {
                ReplicaState::Finalized => {
                    check_length(&replica, expected)?;
                    return Ok((pool, replica, None));
                }
                ReplicaState::Rbw(writing) => {
                    let writing = Arc::clone(writing);
                    if !self.enter(&pool, block, &writing)? {
                        continue;
                    }
                    let checked = check_settled(&replica, &writing)
                        .and_then(|()| check_length(&replica, expected));
                    if let Err(error) = checked {
                        writing.leave();
                        return Err(error);
                    }
                    return Ok((pool, replica, Some(writing)));
                }
                _ => {
                    return Err(DataNodeError::ReplicaNotFound(format!(
                        "Cannot recover append/close to a replica that's not FINALIZED and not RBW {replica}"
                    )));
                }
            }
        }
    }

    /// Moves a finalized replica back to `rbw`, in a new version.
    fn reopen(
        &self,
        pool: &Pool,
        block: &Block,
        replica: &Replica,
        new_stamp: GenerationStamp,
    ) -> Result<ReplicaHandle> {
        let volume = self.volume(replica.volume)?;
        let old = Block { stamp: replica.stamp, length: replica.length, ..block.clone() };
        let size = self.settings.block_size.max(block.length).saturating_sub(old.length);
        if volume.usage()?.remaining < size {
            return Err(DataNodeError::OutOfSpace(format!(
                "Insufficient space for appending to {block}"
            )));
        }
        let _files = self.lock_files(block.id);
        let data = volume.data_file(&old.pool, old.id, Place::Finalized);
        let meta = volume.meta_file(&old.pool, old.id, old.stamp, Place::Finalized);
        let files = ReplicaFiles::open(&volume.times, data.clone(), meta.clone(), false)?;
        let last = files.partial_chunk(old.length)?.map(u32::to_be_bytes);
        let footprint = files::footprint(&data, &meta);
        let rbw = volume.replica_directory(&old.pool, old.id, Place::Rbw);
        let moved =
            files::move_into(&volume.times, &meta, &rbw, &layout::meta_name(old.id, new_stamp))?;
        if let Err(error) = files::move_into(&volume.times, &data, &rbw, &layout::data_name(old.id))
        {
            std::fs::rename(&moved, &meta).unwrap_or_default();
            return Err(error);
        }
        volume.add_used(&old.pool, -(footprint as i64));
        volume.reserve(size);
        let writing = InPipeline::new(old.length, size);
        writing.restart_at(old.length, last);
        writing.enter();
        let state = ReplicaState::Rbw(Arc::clone(&writing));
        let replica = Replica { stamp: new_stamp, length: old.length, volume: volume.index, state };
        pool.replicas.write().insert(old.id, replica);
        Ok(ReplicaHandle {
            block: Block { stamp: new_stamp, ..old },
            volume,
            writing,
            place: Place::Rbw,
            new: false,
        })
    }

    /// Makes a copied replica one that is being written: the end of `TRANSFER_RBW`.
    pub(crate) fn convert_to_rbw(&self, handle: &ReplicaHandle, visible: u64) -> Result<()> {
        let (block, writing) = (&handle.block, &handle.writing);
        let pool = self.pool(&block.pool)?;
        let length = writing.on_disk().length;
        if length < visible {
            return Err(DataNodeError::Refused(format!(
                "{length} = numBytes < visible = {visible}, temp={block}"
            )));
        }
        let _files = self.lock_files(block.id);
        let rbw = handle.volume.replica_directory(&block.pool, block.id, Place::Rbw);
        files::move_into(
            &handle.volume.times,
            &handle.meta_path(),
            &rbw,
            &layout::meta_name(block.id, block.stamp),
        )?;
        files::move_into(
            &handle.volume.times,
            &handle.data_path(),
            &rbw,
            &layout::data_name(block.id),
        )?;
        // Readers may see what the client knows to be acknowledged.
        let rbw = InPipeline::new(length, 0);
        rbw.restart_at(length, writing.on_disk().last_checksum);
        let mut replicas = pool.replicas.write();
        if let Some(replica) = replicas.get_mut(&block.id) {
            replica.state = ReplicaState::Rbw(rbw);
        }
        Ok(())
    }

    fn handle(
        &self,
        block: &Block,
        replica: &Replica,
        writing: Arc<InPipeline>,
        place: Place,
    ) -> Result<ReplicaHandle> {
        match self.volume(replica.volume) {
            Ok(volume) => {
                Ok(ReplicaHandle { block: block.clone(), volume, writing, place, new: false })
            }
            Err(error) => {
                writing.leave();
                Err(error)
            }
        }
    }

    /// Gives a replica that is being written a new version.
    fn set_stamp(
        &self,
        pool: &Pool,
        handle: &mut ReplicaHandle,
        stamp: GenerationStamp,
    ) -> Result<()> {
        self.rename_meta(pool, &handle.volume, &handle.block, handle.place, stamp)?;
        handle.block.stamp = stamp;
        Ok(())
    }

    /// Renames the `.meta` file to a new version, and says so in the record.
    pub(super) fn rename_meta(
        &self,
        pool: &Pool,
        volume: &Volume,
        block: &Block,
        place: Place,
        stamp: GenerationStamp,
    ) -> Result<()> {
        let directory = volume.replica_directory(&block.pool, block.id, place);
        if stamp != block.stamp {
            let from = volume.meta_file(&block.pool, block.id, block.stamp, place);
            files::move_into(
                &volume.times,
                &from,
                &directory,
                &layout::meta_name(block.id, stamp),
            )?;
        }
        if let Some(replica) = pool.replicas.write().get_mut(&block.id) {
            replica.stamp = stamp;
        }
        Ok(())
    }

    /// Becomes the writer, or stops the one that is there; whether it did. A recovery may have taken the
    /// replica meanwhile, which then has no writers any more.
    fn enter(&self, pool: &Pool, block: &Block, writing: &Arc<InPipeline>) -> Result<bool> {
        if !writing.enter() {
            self.stop_writer(block, writing)?;
            return Ok(false);
        }
        let ours = pool.get(block.id).is_some_and(|replica| replica.is_written_by(writing));
        if !ours {
            writing.leave();
        }
        Ok(ours)
    }

    pub(super) fn stop_writer(&self, block: &Block, writing: &InPipeline) -> Result<()> {
        if writing.stop_writer(self.settings.stop_patience) {
            return Ok(());
        }
        let millis = self.settings.stop_patience.as_millis();
        Err(DataNodeError::Refused(format!(
            "Unable to stop existing writer for block {block} after {millis} miniseconds."
        )))
    }
}

fn already_there(block: &Block, replica: &Replica) -> DataNodeError {
    let state = replica.state.name();
    DataNodeError::ReplicaAlreadyExists(format!(
        "Block {block} already exists in state {state} and thus cannot be created."
    ))
}

fn check_stamp(block: &Block, replica: &Replica, new_stamp: GenerationStamp) -> Result<()> {
    if replica.stamp >= block.stamp && replica.stamp <= new_stamp {
        return Ok(());
    }
    Err(DataNodeError::ReplicaNotFound(format!(
        "Cannot append to a replica with unexpected generation stamp {}. Expected GS range is [{}, {new_stamp}].",
        replica.stamp, block.stamp
    )))
}

fn check_length(replica: &Replica, expected: u64) -> Result<()> {
    let length = replica.received_length();
    if length == expected {
        return Ok(());
    }
    Err(DataNodeError::Refused(format!(
        "Corrupted replica {replica} with a length of {length} expected length is {expected}"
    )))
}

fn check_settled(replica: &Replica, writing: &InPipeline) -> Result<()> {
    let (received, on_disk, acked) =
        (writing.received(), writing.on_disk().length, writing.acked());
    if received == on_disk && received == acked {
        return Ok(());
    }
    Err(DataNodeError::ReplicaAlreadyExists(format!(
        "RBW replica {replica} bytesRcvd({received}), bytesOnDisk({on_disk}), and bytesAcked({acked}) are not the same."
    )))
}
