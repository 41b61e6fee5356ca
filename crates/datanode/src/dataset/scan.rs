//! Finding a pool's replicas at the start: from the `replicas` file, or by listing the directories.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hashbrown::HashMap;
use loxodon_wire::checksum::BlockMetadataHeader;
use loxodon_wire::ids::{BlockId, GenerationStamp};
use tracing::{info, warn};

use super::block_list::{BlockList, Listed, read_file};
use super::compare::OnVolume;
use super::replica::{InPipeline, Place, Replica, ReplicaState, VolumeIndex};
use super::volume::Volume;
use crate::error::{DataNodeError, DiskContext, Result};
use crate::storage::layout::{self, ReplicaFile};

const CACHE: &str = "replicas";
const USED: &str = "dfsUsed";

/// The replicas of a pool on one volume.
pub(crate) type Found = Vec<(BlockId, Replica)>;

/// How old the saved files may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheAges {
    pub(crate) replicas: Duration,
    pub(crate) used: Duration,
}

/// All replicas of `pool` on `volume`; the volume's used bytes are set.
pub(crate) fn find_replicas(
    volume: &Volume,
    pool: &str,
    ages: CacheAges,
    threads: usize,
) -> Result<Found> {
    let current = volume.pool_current(pool);
    clear_temporary(&volume.pool(pool).join(layout::TMP));
    let saved_used = read_used(&current.join(USED), ages.used);
    let cached = read_cache(&current.join(CACHE), ages.replicas);
    if let (Some(list), Some(used)) = (cached, saved_used) {
        info!(volume = %volume.root().display(), pool, replicas = list.len(), "replicas read from the saved list");
        volume.add_used(pool, used as i64);
        return list.into_iter().map(|listed| from_cache(volume, pool, listed)).collect();
    }
    let mut found = scan_finalized(&current.join(layout::FINALIZED), volume.index, threads)?;
    scan_rbw(volume, pool, &mut found)?;
    volume.add_used(pool, found.used as i64);
    info!(volume = %volume.root().display(), pool, replicas = found.replicas.len(), "replicas found by listing");
    Ok(found.replicas)
}

/// Saves the list and the used bytes for the next start.
pub(crate) fn save(volume: &Volume, pool: &str, list: &BlockList, now: SystemTime) {
    let current = volume.pool_current(pool);
    let millis = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let used = format!("{} {millis}", volume.pool_used(pool));
    let replace = |name: &str, bytes: &[u8]| {
        let draft = current.join(format!("{name}.tmp"));
        let written = File::create(&draft).and_then(|mut file| file.write_all(bytes));
        written.and_then(|()| fs::rename(&draft, current.join(name)))
    };
    let saved = replace(USED, used.as_bytes());
    if let Err(error) = saved.and_then(|()| replace(CACHE, &list.to_file())) {
        warn!(volume = %volume.root().display(), %error, "the list of replicas was not saved");
    }
}

fn read_cache(path: &Path, age: Duration) -> Option<Vec<Listed>> {
    let known = fs::metadata(path).ok()?;
    let fresh = known
        .modified()
        .ok()
        .and_then(|at| at.elapsed().ok())
        .is_some_and(|elapsed| elapsed <= age);
    let list = fresh.then(|| fs::read(path).ok()).flatten().and_then(|file| read_file(&file));
    // Whatever happens from now on is not in it.
    fs::remove_file(path).ok()?;
    list
}

fn read_used(path: &Path, age: Duration) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let (used, at) = text.trim().split_once(' ')?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at.parse().ok()?);
    at.elapsed().ok().filter(|elapsed| *elapsed <= age)?;
    used.parse().ok()
}

fn from_cache(volume: &Volume, pool: &str, listed: Listed) -> Result<(BlockId, Replica)> {
    let replica =
        |length, state| Replica { stamp: listed.stamp, length, volume: volume.index, state };
    if listed.state == 0 {
        return Ok((listed.id, replica(listed.length, ReplicaState::Finalized)));
    }
    let data = volume.data_file(pool, listed.id, Place::Rbw);
    let meta = volume.meta_file(pool, listed.id, listed.stamp, Place::Rbw);
    let length = checked_length(&data, &meta)?;
    Ok((listed.id, replica(length, state_after_restart(volume, pool, listed.id, length))))
}

#[derive(Default)]
struct Listing {
    replicas: Found,
    used: u64,
}

/// Lists `finalized` with several threads, one first-level directory at a time each.
fn scan_finalized(finalized: &Path, volume: VolumeIndex, threads: usize) -> Result<Listing> {
    let firsts: Vec<PathBuf> =
        list(finalized)?.into_iter().map(|name| finalized.join(name)).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || -> Result<Listing> {
        let mut listing = Listing::default();
        while let Some(first) = firsts.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            for second in list(first)? {
                scan_directory(&first.join(second), volume, &mut listing)?;
            }
        }
        Ok(listing)
    };
    let parts: Vec<Result<Listing>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.clamp(1, 16)).map(|_| scope.spawn(work)).collect();
        handles
            .into_iter()
            .map(|handle| {
                handle.join().unwrap_or_else(|_| {
                    Err(DataNodeError::Refused("a scanning thread ended early".to_owned()))
                })
            })
            .collect()
    });
    let mut all = Listing::default();
    for part in parts {
        let mut part = part?;
        all.used += part.used;
        all.replicas.append(&mut part.replicas);
    }
    Ok(all)
}

fn list(directory: &Path) -> Result<Vec<std::ffi::OsString>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).disk("cannot list", directory)?;
    entries
        .map(|entry| entry.map(|entry| entry.file_name()).disk("cannot list", directory))
        .collect()
}

/// The replicas in one directory: a data file's length, a `.meta` file's version.
fn scan_directory(directory: &Path, volume: VolumeIndex, listing: &mut Listing) -> Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let mut stamps: HashMap<BlockId, GenerationStamp, foldhash::fast::RandomState> =
        HashMap::default();
    let mut blocks = Vec::new();
    for entry in fs::read_dir(directory).disk("cannot list", directory)? {
        let entry = entry.disk("cannot list", directory)?;
        let file = entry.file_name();
        match file.to_str().and_then(ReplicaFile::parse) {
            Some(ReplicaFile::Data(id)) => {
                let length = entry.metadata().disk("cannot look at", entry.path())?.len();
                blocks.push((id, length));
                listing.used += length;
            }
            Some(ReplicaFile::Meta(id, stamp)) => {
                stamps.entry(id).and_modify(|known| *known = (*known).max(stamp)).or_insert(stamp);
                listing.used += entry.metadata().disk("cannot look at", entry.path())?.len();
            }
            None => {}
        }
    }
    for (id, length) in blocks {
        let stamp = stamps.get(&id).copied().unwrap_or(GenerationStamp::GRANDFATHER);
        listing
            .replicas
            .push((id, Replica { stamp, length, volume, state: ReplicaState::Finalized }));
    }
    Ok(())
}

/// Every file of a replica in `finalized`, each by itself.
pub(super) fn each_file(finalized: &Path, mut found: impl FnMut(OnVolume)) -> Result<()> {
    for first in list(finalized)? {
        let first = finalized.join(first);
        for second in list(&first)? {
            let directory = first.join(second);
            for name in list(&directory)? {
                let Some(file) = name.to_str().and_then(ReplicaFile::parse) else { continue };
                // A file that is gone meanwhile is none.
                let Ok(known) = fs::symlink_metadata(directory.join(&name)) else { continue };
                let regular = known.is_file();
                found(match file {
                    ReplicaFile::Data(id) => {
                        OnVolume { id, length: Some(known.len()), stamp: None, regular }
                    }
                    ReplicaFile::Meta(id, stamp) => {
                        OnVolume { id, length: None, stamp: Some(stamp), regular }
                    }
                });
            }
        }
    }
    Ok(())
}

/// Replicas that were being written wait for their recovery.
fn scan_rbw(volume: &Volume, pool: &str, listing: &mut Listing) -> Result<()> {
    let directory = volume.pool_current(pool).join(layout::RBW);
    let names = list(&directory)?;
    let stamp_of = |id| {
        let metas =
            names.iter().filter_map(|name| OsStr::to_str(name).and_then(ReplicaFile::parse));
        metas
            .filter_map(|file| match file {
                ReplicaFile::Meta(known, stamp) if known == id => Some(stamp),
                _ => None,
            })
            .max()
    };
    for name in &names {
        let Some(ReplicaFile::Data(id)) = name.to_str().and_then(ReplicaFile::parse) else {
            continue;
        };
        let stamp = stamp_of(id).unwrap_or(GenerationStamp::GRANDFATHER);
        let data = volume.data_file(pool, id, Place::Rbw);
        let length = checked_length(&data, &volume.meta_file(pool, id, stamp, Place::Rbw))?;
        listing.used += fs::metadata(&data).map_or(0, |known| known.size());
        let state = state_after_restart(volume, pool, id, length);
        listing.replicas.push((id, Replica { stamp, length, volume: volume.index, state }));
    }
    Ok(())
}

/// Where a DataNode that restarts leaves word of a writer who comes back (Java's `pathSeparator`, not its
/// `separator`, lies between the directory and the name).
pub(super) fn restart_file(volume: &Volume, pool: &str, id: BlockId) -> PathBuf {
    volume.pool_current(pool).join(format!("{}:.blk_{id}.restart", layout::RBW))
}

/// A replica whose writer is expected back is one being written; others wait for a recovery.
fn state_after_restart(volume: &Volume, pool: &str, id: BlockId, length: u64) -> ReplicaState {
    let path = restart_file(volume, pool, id);
    let Ok(text) = fs::read_to_string(&path) else { return ReplicaState::Rwr };
    if let Err(error) = fs::remove_file(&path) {
        warn!(file = %path.display(), %error, "not removed");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match text.trim().parse::<u64>() {
        Ok(until) if u128::from(until) > now.as_millis() => {
            ReplicaState::Rbw(InPipeline::new(length, 0))
        }
        _ => ReplicaState::Rwr,
    }
}

fn clear_temporary(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if let Err(error) = fs::remove_file(entry.path()) {
            warn!(file = %entry.path().display(), %error, "a temporary file was not removed");
        }
    }
}

/// How much of a file that was being written agrees with its checksums: `validateIntegrityAndSetLength`.
/// What lies beyond is cut off.
pub(crate) fn checked_length(data: &Path, meta: &Path) -> Result<u64> {
    let length = fs::metadata(data).disk("cannot look at", data)?.len();
    let Ok(sums) = fs::read(meta) else { return Ok(0) };
    let Ok(header) = BlockMetadataHeader::decode(&sums) else { return Ok(0) };
    let (chunk, size) =
        (header.checksum.bytes_per_chunk() as u64, header.checksum.checksum_size() as u64);
    if length == 0 || size == 0 {
        return Ok(if size == 0 { length } else { 0 });
    }
    let stored = (sums.len() as u64 - BlockMetadataHeader::SIZE as u64) / size;
    let chunks = length.div_ceil(chunk).min(stored);
    let Some(last) = chunks.checked_sub(1) else { return Ok(0) };
    let (start, end) = (last * chunk, length.min(chunks * chunk));
    let mut buffer = vec![0; usize::try_from(end - start).unwrap_or(0)];
    let file = File::open(data).disk("cannot open", data)?;
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut buffer, start)
        .disk("cannot read", data)?;
    let at = (BlockMetadataHeader::SIZE as u64 + last * size) as usize;
    let sum = sums.get(at..at + size as usize).unwrap_or_default();
    let valid = if header.checksum.verify(&buffer, sum).is_ok() { end } else { start };
    if valid < length {
        let file = fs::OpenOptions::new().write(true).open(data).disk("cannot open", data)?;
        file.set_len(valid).disk("cannot shorten", data)?;
    }
    Ok(valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loxodon_wire::checksum::{ChecksumType, DataChecksum};

    fn write(place: &Path, data: &[u8]) -> (PathBuf, PathBuf) {
        let checksum = DataChecksum::new(ChecksumType::Crc32c, 512).unwrap();
        let mut sums = vec![0; checksum.checksums_len(data.len() as u64) as usize];
        checksum.compute(data, &mut sums).unwrap();
        let (data_file, meta_file) = (place.join("blk_1"), place.join("blk_1_1001.meta"));
        fs::write(&data_file, data).unwrap();
        fs::write(&meta_file, [&BlockMetadataHeader::new(checksum).encode()[..], &sums].concat())
            .unwrap();
        (data_file, meta_file)
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let place = tempfile::tempdir().unwrap();
        let (data, meta) = write(place.path(), &[7; 1300]);
        assert_eq!(checked_length(&data, &meta).unwrap(), 1300);
        fs::write(&data, [&[7; 1100][..], &[8; 10]].concat()).unwrap();
        assert_eq!(checked_length(&data, &meta).unwrap(), 1024);
        assert_eq!(fs::metadata(&data).unwrap().len(), 1024);
        fs::write(&meta, [0]).unwrap();
        assert_eq!(checked_length(&data, &meta).unwrap(), 0);
    }
}
