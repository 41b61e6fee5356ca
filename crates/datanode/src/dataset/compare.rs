//! What is remembered of a volume against what lies on it: `FsDatasetImpl.checkAndUpdate`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use loxodon_wire::ids::{BlockId, GenerationStamp};

use super::files::footprint;
use super::pool::Pool;
use super::replica::{Place, Replica, ReplicaState};
use super::volume::Volume;
use super::{Dataset, scan};
use crate::block::Block;
use crate::error::{DiskContext, Result};
use crate::storage::layout;

/// The files of one block on one volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnVolume {
    pub(crate) id: BlockId,
    /// The data file's length; `None` if there is none.
    pub(crate) length: Option<u64>,
    /// The version of the `.meta` file; `None` if there is none.
    pub(crate) stamp: Option<GenerationStamp>,
    /// Whether what there is are files, not directories or links.
    pub(crate) regular: bool,
}

/// What was wrong with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Nothing, now that it is looked at closely.
    None,
    /// It was put right, and nobody need hear of it.
    Settled,
    /// A replica is gone.
    Missing(Block),
    /// A replica is there that was not known.
    Found(Block),
    /// A replica is not what it was.
    Damaged(Block),
}

impl Dataset {
    /// Blocks of which memory and `volume` seem to differ. Both change meanwhile: [`Self::reconcile`] looks again.
    pub(crate) fn differences(&self, pool: &Pool, volume: &Volume) -> Result<Vec<OnVolume>> {
        let finalized = volume.pool_current(&pool.id).join(layout::FINALIZED);
        let mut disk: HashMap<BlockId, OnVolume, foldhash::fast::RandomState> = HashMap::default();
        scan::each_file(&finalized, |found| {
            let known =
                disk.entry(found.id).or_insert(OnVolume { length: None, stamp: None, ..found });
            known.length = known.length.or(found.length);
            known.stamp = known.stamp.max(found.stamp);
            known.regular &= found.regular;
        })?;
        let mut suspicious = Vec::new();
        let replicas = pool.replicas.read();
        for (id, replica) in replicas.iter() {
            let ours = replica.volume == volume.index;
            match disk.remove(id) {
                _ if !matches!(replica.state, ReplicaState::Finalized) => {}
                None if !ours => {}
                None => {
                    suspicious.push(OnVolume { id: *id, length: None, stamp: None, regular: true });
                }
                Some(found) => {
                    let same = ours
                        && found.regular
                        && found.length == Some(replica.length)
                        && found.stamp.unwrap_or(GenerationStamp::GRANDFATHER) == replica.stamp;
                    if !same {
                        suspicious.push(found);
                    }
                }
            }
        }
        drop(replicas);
        suspicious
            .extend(disk.into_values().filter(|found| !self.is_being_deleted(pool, found.id)));
        suspicious.sort_unstable_by_key(|found| found.id);
        Ok(suspicious)
    }

    /// Makes memory agree with the disk on one block.
    pub(crate) fn reconcile(
        &self,
        pool: &Pool,
        volume: &Volume,
        found: OnVolume,
    ) -> Result<Difference> {
        let id = found.id;
        let _files = self.lock_files(id);
        if self.is_being_deleted(pool, id) {
            return Ok(Difference::None);
        }
        let known = pool.get(id);
        if known.as_ref().is_some_and(|known| !matches!(known.state, ReplicaState::Finalized)) {
            return Ok(Difference::None);
        }
        let directory = volume.replica_directory(&pool.id, id, Place::Finalized);
        let data = directory.join(layout::data_name(id));
        let meta = found.stamp.map(|stamp| directory.join(layout::meta_name(id, stamp)));
        let meta = meta.filter(|meta| meta.exists());
        let stamp = found.stamp.filter(|_| meta.is_some()).unwrap_or(GenerationStamp::GRANDFATHER);
        let block = |replica: &Replica| Block {
            pool: std::sync::Arc::clone(&pool.id),
            id,
            stamp: replica.stamp,
            length: replica.length,
        };
        let on_disk = fs::symlink_metadata(&data).ok();
        let (Some(on_disk), known) = (on_disk, known) else {
            return self.without_data(pool, volume, id, meta.as_deref(), block);
        };
        let fresh = Replica {
            stamp,
            length: on_disk.len(),
            volume: volume.index,
            state: ReplicaState::Finalized,
        };
        let Some(mut known) = known else {
            if !on_disk.is_file() {
                return Ok(Difference::None);
            }
            let added = block(&fresh);
            pool.replicas.write().insert(id, fresh);
            volume.count_replicas(1);
            let bytes = meta.as_ref().map_or(on_disk.len(), |meta| footprint(&data, meta));
            volume.add_used(&pool.id, bytes as i64);
            return Ok(Difference::Found(added));
        };
        if known.volume != volume.index {
            return self.second_replica(pool, volume, id, &known, fresh, meta.as_deref());
        }
        let mut difference = Difference::None;
        let remembered = directory.join(layout::meta_name(id, known.stamp));
        if known.stamp != stamp && !remembered.exists() {
            tracing::warn!(block = %block(&known), now = %stamp, "a replica has another version on disk");
            known.stamp = stamp;
            difference = Difference::Settled;
        }
        if known.length != on_disk.len() || !found.regular || !on_disk.is_file() {
            // The NameNode knows it by what it was.
            difference = Difference::Damaged(block(&known));
            known.length = on_disk.len();
        }
        if difference != Difference::None {
            pool.replicas.write().insert(id, known);
        }
        Ok(difference)
    }

    /// Forgets a final replica of which a file is gone from a volume that is there; what it was, and where
    /// (`FsDatasetImpl.invalidateMissingBlock`).
    pub(crate) fn forget_missing(&self, block: &Block) -> Result<Option<(Block, Arc<Volume>)>> {
        let (pool, replica) = self.find(block)?;
        let volume = self.volume(replica.volume)?;
        let _files = self.lock_files(block.id);
        let place = Place::Finalized;
        let files = [
            volume.data_file(&pool.id, block.id, place),
            volume.meta_file(&pool.id, block.id, replica.stamp, place),
        ];
        let finalized = volume.pool_current(&pool.id).join(layout::FINALIZED);
        if !finalized.is_dir() || files.iter().all(|file| file.exists()) {
            return Ok(None);
        }
        let same = |known: &Replica| {
            known.volume == volume.index
                && known.stamp == replica.stamp
                && matches!(known.state, ReplicaState::Finalized)
        };
        let mut replicas = pool.replicas.write();
        if !replicas.get(&block.id).is_some_and(same) {
            return Ok(None);
        }
        replicas.remove(&block.id);
        drop(replicas);
        volume.count_replicas(-1);
        volume.add_used(&pool.id, -(replica.length as i64));
        let gone = Block {
            pool: Arc::clone(&pool.id),
            id: block.id,
            stamp: replica.stamp,
            length: replica.length,
        };
        Ok(Some((gone, volume)))
    }

    /// There is no data file on the volume: its `.meta` file goes, and the replica that was there.
    fn without_data(
        &self,
        pool: &Pool,
        volume: &Volume,
        id: BlockId,
        meta: Option<&Path>,
        block: impl Fn(&Replica) -> Block,
    ) -> Result<Difference> {
        let ours = |replica: &Replica| replica.volume == volume.index;
        let gone = {
            let mut replicas = pool.replicas.write();
            if replicas.get(&id).is_some_and(ours) { replicas.remove(&id) } else { None }
        };
        if let Some(meta) = meta {
            tracing::warn!(file = %meta.display(), "a .meta file without a block is deleted");
            fs::remove_file(meta).disk("cannot remove", meta)?;
        }
        Ok(match gone {
            Some(replica) => {
                volume.count_replicas(-1);
                volume.add_used(&pool.id, -(replica.length as i64));
                Difference::Missing(block(&replica))
            }
            None if meta.is_some() => Difference::Settled,
            None => Difference::None,
        })
    }

    /// Another volume has the block too: the newer, then the longer one stays.
    fn second_replica(
        &self,
        pool: &Pool,
        volume: &Volume,
        id: BlockId,
        known: &Replica,
        fresh: Replica,
        meta: Option<&Path>,
    ) -> Result<Difference> {
        let data = volume.data_file(&pool.id, id, Place::Finalized);
        let other = self.volume(known.volume)?;
        let is_better = meta.is_some() && (fresh.stamp, fresh.length) > (known.stamp, known.length);
        let (loser, old) = if is_better {
            let old = (
                other.data_file(&pool.id, id, Place::Finalized),
                Some(other.meta_file(&pool.id, id, known.stamp, Place::Finalized)),
            );
            volume.count_replicas(1);
            let bytes = meta.map_or(fresh.length, |meta| footprint(&data, meta));
            volume.add_used(&pool.id, bytes as i64);
            other.count_replicas(-1);
            other.add_used(&pool.id, -(known.length as i64));
            pool.replicas.write().insert(id, fresh);
            old
        } else {
            (data, meta.map(Path::to_owned))
        };
        tracing::warn!(block = %id, file = %loser.display(), "a second replica is deleted");
        fs::remove_file(&loser).disk("cannot remove", &loser)?;
        if let Some(old) = old
            && old.exists()
        {
            fs::remove_file(&old).disk("cannot remove", &old)?;
        }
        Ok(Difference::Settled)
    }
}
