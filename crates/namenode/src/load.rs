//! From what a start finds on disk to a NameNode that serves.

use loxodon_blocks::{self as blk, BlockManager, Settings as BlockSettings};
use loxodon_namespace::Namespace;
use loxodon_wire::ids::TxId;

use crate::error::Result;
use crate::machine::{NameNode, StorageIdentity, to_blocks};
use crate::policy_walk::PolicyWalks;
use crate::request::Now;
use crate::retry_cache::RetryCache;
use crate::settings::Settings;
use crate::slow_disks::SlowDisks;
use crate::slow_peers::SlowPeers;
use crate::tree_walk::TreeChanges;

/// What was read from disk.
#[derive(Debug)]
pub struct Loaded {
    /// The tree, image and edits.
    pub namespace: Namespace,
    /// Which file system it is.
    pub storage: StorageIdentity,
    /// The last transaction that was read.
    pub last_txid: TxId,
}

impl NameNode {
    /// A NameNode with what was loaded, in the safe mode of a start where there are blocks.
    ///
    /// # Errors
    /// A block that belongs to two files.
    pub fn new(
        loaded: Loaded,
        settings: Settings,
        block_settings: BlockSettings,
        seed: u64,
        now: Now,
    ) -> Result<Self> {
        let Loaded { mut namespace, storage, last_txid } = loaded;
        namespace.renew_all_leases(now.monotonic);
        let mut blocks = BlockManager::new(block_settings, seed, now.monotonic);
        fill(&namespace, &settings, &mut blocks)?;
        blocks.set_highest_stamp(namespace.counters().generation_stamp);
        blocks.start(now.monotonic, true);
        let retries = RetryCache::new(settings.retry_capacity, settings.retry_expiry);
        let policy_walks = PolicyWalks::default();
        let slow_peers = SlowPeers::default();
        Ok(Self {
            settings,
            storage,
            namespace,
            blocks,
            retries,
            last_txid,
            slow_peers,
            slow_disks: SlowDisks::default(),
            tree_changes: TreeChanges::default(),
            policy_walks,
        })
    }
}

/// Every block of every file goes into the block map; those of open files may be unfinished.
fn fill(namespace: &Namespace, settings: &Settings, blocks: &mut BlockManager) -> Result<()> {
    for file in namespace.files() {
        let last = file.blocks.len().saturating_sub(1);
        for (index, block) in file.blocks.iter().enumerate() {
            // A file that is appended to from a full block on has its last block complete.
            let state = match file.last_block_open && index == last {
                true => blk::BlockState::UnderConstruction,
                false => blk::BlockState::Complete,
            };
            blocks.insert_block(blk::NewBlock {
                block: to_blocks(block),
                owner: file.file,
                replication: file.replication,
                policy: settings.policy_in_force(file.storage_policy),
                state,
            })?;
        }
    }
    Ok(())
}
