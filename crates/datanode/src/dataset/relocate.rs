//! Moving a replica to another storage of this DataNode: Hadoop's `moveBlockAcrossStorage`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Dataset;
use super::delete::Deleted;
use super::pool::Pool;
use super::replica::{Place, Replica, ReplicaState};
use super::volume::Volume;
use super::write::WriteTarget;
use crate::block::Block;
use crate::error::{DataNodeError, DiskContext, Result};

/// A replica that lies somewhere else now.
#[derive(Debug)]
pub(crate) struct Relocated {
    pub(crate) block: Block,
    /// Where it lies.
    pub(crate) volume: Arc<Volume>,
    /// The files where it lay: to be removed when the NameNodes are told of the new place.
    pub(crate) old: Deleted,
}

/// Half a copy; removed unless the move went well.
struct Draft {
    data: PathBuf,
    meta: PathBuf,
    moved: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.moved {
            return;
        }
        for path in [&self.data, &self.meta] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(file = %path.display(), %error, "a temporary file was not removed");
            }
        }
    }
}

impl Dataset {
    /// Copies a complete replica to a volume of another storage type, which has it from then on. Slow on
    /// large blocks.
    pub(crate) fn relocate(&self, block: &Block, target: &WriteTarget) -> Result<Relocated> {
        let (pool, replica) = self.find(block)?;
        let source = self.check_movable(block, &replica)?;
        let kind = source.kind();
        if kind == target.kind {
            return Err(DataNodeError::ReplicaAlreadyExists(format!(
                "Replica {replica} already exists on storage {}",
                kind.name()
            )));
        }
        if kind.is_transient() {
            return Err(DataNodeError::Refused(format!(
                "Replica {replica} cannot be moved from storageType : {}",
                kind.name()
            )));
        }
        let volume = self.choose_volume(target, block.length)?;
        if volume.kind() != target.kind {
            return Err(DataNodeError::OutOfSpace("No more available volumes".to_owned()));
        }
        self.move_replica(&pool, block, &replica, &source, &volume)
    }

    /// Copies a complete replica to another volume, which has it from then on
    /// (`FsDatasetImpl.moveBlockAcrossVolumes`). Slow on large blocks.
    pub(crate) fn relocate_to(&self, block: &Block, volume: &Arc<Volume>) -> Result<Relocated> {
        let (pool, replica) = self.find(block)?;
        let source = self.check_movable(block, &replica)?;
        if source.index == volume.index {
            return Err(DataNodeError::ReplicaAlreadyExists(format!(
                "Replica {replica} lies on {} already",
                volume.root().display()
            )));
        }
        self.move_replica(&pool, block, &replica, &source, volume)
    }

    fn move_replica(
        &self,
        pool: &Pool,
        block: &Block,
        replica: &Replica,
        source: &Arc<Volume>,
        volume: &Arc<Volume>,
    ) -> Result<Relocated> {
        volume.reserve(block.length);
        let moved = copy(block, source, volume).and_then(|draft| {
            let _files = self.lock_files(block.id);
            exchange(self, pool, block, replica, volume, draft)?;
            Ok(self.left_behind(pool, block, source))
        });
        volume.release(block.length);
        let old = moved?;
        tracing::info!(%block, from = %source.root().display(), to = %volume.root().display(), "moved");
        Ok(Relocated { block: block.clone(), volume: Arc::clone(volume), old })
    }

    fn check_movable(&self, block: &Block, replica: &Replica) -> Result<Arc<Volume>> {
        if replica.stamp != block.stamp {
            return Err(DataNodeError::ReplicaNotFound(format!("Replica does not exist {block}")));
        }
        if !matches!(replica.state, ReplicaState::Finalized) {
            return Err(DataNodeError::ReplicaNotFound(format!(
                "Cannot append to an unfinalized replica {block}"
            )));
        }
        if replica.length != block.length {
            return Err(DataNodeError::Refused(format!(
                "Corrupted replica {replica} with a length of {} expected length is {}",
                replica.length, block.length
            )));
        }
        self.volume(replica.volume)
    }

    /// Whether both files of the replica are where it says now. Who did not find them may have looked where
    /// it lay before.
    pub(crate) fn has_files(&self, block: &Block) -> bool {
        let Ok((pool, replica)) = self.find(block) else { return false };
        let Ok(volume) = self.volume(replica.volume) else { return false };
        let place = replica.place();
        volume.data_file(&pool.id, block.id, place).exists()
            && volume.meta_file(&pool.id, block.id, replica.stamp, place).exists()
    }
}

/// Puts the copy in the replica's place, unless that has changed meanwhile.
fn exchange(
    dataset: &Dataset,
    pool: &Pool,
    block: &Block,
    replica: &Replica,
    volume: &Volume,
    mut draft: Draft,
) -> Result<()> {
    let unchanged = pool.get(block.id).is_some_and(|now| {
        matches!(now.state, ReplicaState::Finalized)
            && (now.stamp, now.length, now.volume)
                == (replica.stamp, replica.length, replica.volume)
    });
    if !unchanged {
        return Err(DataNodeError::ReplicaNotFound(format!("{block} changed while it was moved")));
    }
    dataset.move_to_finalized(pool, block, volume, Place::Tmp, true)?;
    volume.count_replicas(1);
    draft.moved = true;
    Ok(())
}

/// Copies both files to the volume's `tmp`.
fn copy(block: &Block, source: &Volume, volume: &Volume) -> Result<Draft> {
    let draft = Draft {
        data: volume.data_file(&block.pool, block.id, Place::Tmp),
        meta: volume.meta_file(&block.pool, block.id, block.stamp, Place::Tmp),
        moved: false,
    };
    let data = source.data_file(&block.pool, block.id, Place::Finalized);
    let meta = source.meta_file(&block.pool, block.id, block.stamp, Place::Finalized);
    copy_file(&data, &draft.data)?;
    copy_file(&meta, &draft.meta)?;
    Ok(draft)
}

/// On disk when it returns: the original goes.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).disk("cannot copy", from)?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).disk("cannot sync", to)
}
