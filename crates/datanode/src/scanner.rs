//! Threads that look after stored blocks: all data is read once in a while and compared with its checksums
//! (`BlockScanner`), and what is remembered is compared with what lies on disk (`DirectoryScanner`).

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use loxodon_wire::ids::BlockId;
use tracing::{info, warn};

use crate::block::Block;
use crate::dataset::replica::{Replica, ReplicaState, VolumeIndex};
use crate::dataset::{Pool, ReplicaFiles};
use crate::error::Result;
use crate::node::Node;
use crate::transfer::Throttle;

/// How often a sleeping scanner looks whether it is to stop.
const NAP: Duration = Duration::from_millis(200);
/// Bytes read at once.
const STEP: usize = 1 << 20;

/// Starts the scanners that are wanted.
pub(crate) fn start(node: &Arc<Node>) {
    if let Some(period) = node.settings.scan_period
        && node.settings.scan_bandwidth > 0
    {
        for volume in node.dataset.volumes() {
            let (weak, index) = (Arc::downgrade(node), volume.index);
            let work = move || repeat(&weak, period, |node| verify_all(node, index));
            node.in_background("block-scanner", work);
        }
    }
    let interval = node.settings.directory_scan_interval;
    if !interval.is_zero() {
        let weak = Arc::downgrade(node);
        node.in_background("directory-scanner", move || repeat(&weak, interval, compare_all));
    }
}

/// Runs `work` once in every `period`, the first time after one, until the DataNode stops.
fn repeat(node: &Weak<Node>, period: Duration, work: impl Fn(&Arc<Node>)) {
    let mut next = Instant::now() + period;
    while node.upgrade().is_some_and(|node| !node.is_stopping()) {
        if Instant::now() < next {
            std::thread::sleep(NAP);
            continue;
        }
        let Some(node) = node.upgrade() else { return };
        work(&node);
        next = Instant::now() + period;
    }
}

fn blocks(pool: &Pool) -> Vec<BlockId> {
    blocks_of(pool, None)
}

/// The blocks that lie on `volume`, or on any, in the order of their ids.
fn blocks_of(pool: &Pool, volume: Option<VolumeIndex>) -> Vec<BlockId> {
    let replicas = pool.replicas.read();
    let here = |replica: &Replica| volume.is_none_or(|volume| replica.volume == volume);
    let mut ids: Vec<BlockId> =
        replicas.iter().filter(|(_, replica)| here(replica)).map(|(id, _)| *id).collect();
    drop(replicas);
    ids.sort_unstable();
    ids
}

/// Verifies the replicas of one volume, at the rate that each volume has for itself.
fn verify_all(node: &Arc<Node>, volume: VolumeIndex) {
    let throttle = Throttle::new(node.settings.scan_bandwidth);
    for pool in node.dataset.pools() {
        for id in blocks_of(&pool, Some(volume)) {
            if node.is_stopping() {
                return;
            }
            let Some(block) = finalized(&pool, id) else { continue };
            match verify(node, &block, &throttle) {
                Ok(()) => node.metrics.blocks_verified.add(1),
                // A replica that changed meanwhile is verified the next time.
                Err(_) if finalized(&pool, id) != Some(block.clone()) => {}
                Err(error) => {
                    warn!(%block, %error, "verification failed");
                    node.metrics.verification_failures.add(1);
                    node.suspect(&block, &error);
                }
            }
        }
    }
}

fn finalized(pool: &Pool, id: BlockId) -> Option<Block> {
    let replica =
        pool.get(id).filter(|replica| matches!(replica.state, ReplicaState::Finalized))?;
    Some(Block { pool: Arc::clone(&pool.id), id, stamp: replica.stamp, length: replica.length })
}

/// Reads a whole replica and compares it with its checksums.
fn verify(node: &Node, block: &Block, throttle: &Throttle) -> Result<()> {
    let (_, replica) = node.dataset.find_exact(block)?;
    let volume = node.dataset.volume(replica.volume)?;
    let place = replica.place();
    let data = volume.data_file(&block.pool, block.id, place);
    let meta = volume.meta_file(&block.pool, block.id, block.stamp, place);
    ReplicaFiles::open(data, meta, false)?.verify(block.length, STEP, |bytes| throttle.pass(bytes))
}

/// Replicas whose files are gone are forgotten, those of another length are reported.
fn compare_all(node: &Arc<Node>) {
    for pool in node.dataset.pools() {
        let mut missing = 0;
        for block in blocks(&pool).into_iter().filter_map(|id| finalized(&pool, id)) {
            let Ok((_, replica)) = node.dataset.find_exact(&block) else { continue };
            let Ok(volume) = node.dataset.volume(replica.volume) else { continue };
            let length = std::fs::metadata(volume.data_file(&pool.id, block.id, replica.place()))
                .map(|known| known.len());
            match length {
                Ok(length) if length == block.length => {}
                _ if finalized(&pool, block.id).as_ref() != Some(&block) => {}
                Ok(length) => {
                    warn!(%block, length, expected = block.length, "a replica has another length on disk");
                    node.report_bad_local(&block);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    missing += 1;
                    node.forget(&pool, &block, &volume);
                }
                Err(error) => warn!(%block, %error, "a replica cannot be looked at"),
            }
        }
        info!(pool = %pool.id, missing, "compared memory with the disks");
    }
}
