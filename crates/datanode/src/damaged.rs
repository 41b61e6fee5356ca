//! Replicas that were found damaged, remembered until they are gone or whole again, and over starts
//! (`scanner.damaged`, beside each volume's `scanner.cursor`). A NameNode forgets them with its end, or
//! when it gives this DataNode up; whoever told it but once would have the replica taken for good, and
//! good ones deleted as too many. Hadoop's DataNode does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_wire::ids::{BlockId, GenerationStamp};
use parking_lot::Mutex;
use tracing::{info, warn};

use crate::block::Block;
use crate::dataset::replica::{Place, Replica, ReplicaState};
use crate::dataset::{Pool, ReplicaFiles};
use crate::error::{DataNodeError, DiskContext, Result};
use crate::namenode::BadReplica;
use crate::node::Node;
use crate::storage::layout::{self, ReplicaFile};

const FILE: &str = "scanner.damaged";
/// More than this of one pool are not remembered: the block scanner finds them again.
const MOST: usize = 1000;
/// Longest list that is read.
const LONGEST: u64 = 256 * 1024;
/// How long they are read anew before a NameNode hears of them.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes read at once.
const STEP: usize = 1 << 20;

type Stamps = BTreeMap<BlockId, GenerationStamp>;

/// Damaged replicas of all pools, with the generation that was seen last.
#[derive(Debug, Default)]
pub(crate) struct DamagedReplicas(Mutex<BTreeMap<Arc<str>, Stamps>>);

impl Node {
    /// Remembers that our replica is damaged, on its volume as well.
    pub(crate) fn remember_damaged(&self, block: &Block) {
        let Ok((pool, replica)) = self.dataset.find(block) else { return };
        let mut pools = self.damaged.0.lock();
        let known = pools.entry(Arc::clone(&pool.id)).or_default();
        if known.len() < MOST && known.insert(block.id, replica.stamp) != Some(replica.stamp) {
            self.save_damaged(&pool, known);
        }
    }

    /// Reads what the volumes remember of a pool.
    pub(crate) fn load_damaged(&self, pool: &str) {
        let mut pools = self.damaged.0.lock();
        let known = pools.entry(pool.into()).or_default();
        for volume in self.dataset.volumes() {
            let path = volume.pool(pool).join(FILE);
            match read(&path) {
                Ok(found) => known.extend(found.into_iter().take(MOST)),
                Err(error) => warn!(%error, "it is not known which replicas were damaged"),
            }
        }
    }

    /// The damaged replicas of a pool that are there still, for its NameNode. They are read anew, as far
    /// as that goes quickly: somebody may have mended one.
    pub(crate) fn known_damaged(&self, pool: &str) -> Vec<BadReplica> {
        let Ok(pool) = self.dataset.pool(pool) else { return Vec::new() };
        let known = self.damaged.0.lock().get(&pool.id).cloned().unwrap_or_default();
        let (until, mut bad, mut past) = (Instant::now() + PATIENCE, Vec::new(), Vec::new());
        for (id, stamp) in known {
            let Some(replica) = pool.get(id) else {
                past.push(id);
                continue;
            };
            if !matches!(replica.state, ReplicaState::Finalized) {
                continue;
            }
            let block = block_of(&pool, id, &replica);
            match self.read_anew(&block, &replica, until) {
                Ok(()) => {
                    info!(%block, "a replica that was damaged is whole");
                    past.push(id);
                }
                // Not read to its end: what was found before holds.
                Err(DataNodeError::Refused(_)) if replica.stamp != stamp => {}
                Err(_) => bad.push(self.bad_replica(block)),
            }
        }
        if !past.is_empty() {
            let mut pools = self.damaged.0.lock();
            let known = pools.entry(Arc::clone(&pool.id)).or_default();
            known.retain(|id, _| !past.contains(id));
            self.save_damaged(&pool, known);
        }
        bad
    }

    fn read_anew(&self, block: &Block, replica: &Replica, until: Instant) -> Result<()> {
        let volume = self.dataset.volume(replica.volume)?;
        let data = volume.data_file(&block.pool, block.id, Place::Finalized);
        let meta = volume.meta_file(&block.pool, block.id, block.stamp, Place::Finalized);
        let files = ReplicaFiles::open(&volume.times, data, meta, false)?;
        let in_time = |_| {
            let late = || DataNodeError::Refused("it takes too long".to_owned());
            (Instant::now() < until).then_some(()).ok_or_else(late)
        };
        files.verify(block.length, STEP, in_time)
    }

    /// Writes what is remembered to the volumes, each its own replicas.
    fn save_damaged(&self, pool: &Pool, known: &Stamps) {
        for volume in self.dataset.volumes() {
            let is_here = |id: &BlockId| pool.get(*id).is_some_and(|it| it.volume == volume.index);
            let here = known.iter().filter(|(id, _)| is_here(id));
            let names: Vec<String> =
                here.map(|(id, stamp)| layout::meta_name(*id, *stamp)).collect();
            if let Err(error) = write(&volume.pool(&pool.id), &names) {
                warn!(%error, "damaged replicas are forgotten at the next start");
            }
        }
    }
}

fn block_of(pool: &Pool, id: BlockId, replica: &Replica) -> Block {
    Block { pool: Arc::clone(&pool.id), id, stamp: replica.stamp, length: replica.length }
}

/// A line is the name of a replica's `.meta` file; others are passed over.
fn read(path: &Path) -> Result<Stamps> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => drop(file.take(LONGEST).read_to_end(&mut text).disk("cannot read", path)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).disk("cannot open", path),
    }
    let parse = |line: &str| match ReplicaFile::parse(line) {
        Some(ReplicaFile::Meta(id, stamp)) => Some((id, stamp)),
        _ => None,
    };
    Ok(String::from_utf8_lossy(&text).lines().filter_map(parse).collect())
}

fn write(directory: &Path, names: &[String]) -> Result<()> {
    let file = directory.join(FILE);
    if names.is_empty() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).disk("cannot remove", &file)
            }
            _ => Ok(()),
        };
    }
    let draft = directory.join(format!("{FILE}.tmp"));
    let mut out = File::create(&draft).disk("cannot create", &draft)?;
    let text = names.join("\n") + "\n";
    out.write_all(text.as_bytes()).disk("cannot write", &draft)?;
    out.sync_data().disk("cannot sync", &draft)?;
    fs::rename(&draft, &file).disk("cannot replace", &file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(FILE);
        assert_eq!(read(&file).unwrap(), Stamps::new());
        write(place.path(), &["blk_7_1001.meta".to_owned(), "blk_-3_9.meta".to_owned()]).unwrap();
        let both = [(BlockId(7), GenerationStamp(1001)), (BlockId(-3), GenerationStamp(9))];
        assert_eq!(read(&file).unwrap(), both.into_iter().collect());
        fs::write(&file, b"blk_7\n\xff\xfe\n../x\nblk_8_2.meta").unwrap();
        assert_eq!(read(&file).unwrap(), [(BlockId(8), GenerationStamp(2))].into_iter().collect());
        write(place.path(), &[]).unwrap();
        write(place.path(), &[]).unwrap();
        assert!(!file.exists());
    }
}
