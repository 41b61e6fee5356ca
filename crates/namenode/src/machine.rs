//! The NameNode: namespace and block management under one roof.

use loxodon_blocks::{self as blk, BlockManager, PolicyId};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::{BlockChange, BlockState, BlockStates, Plan};
use loxodon_namespace::edit::{Block, Edit};
use loxodon_namespace::edit_codec::check_writable;
use loxodon_namespace::error::FsError;
use loxodon_wire::ids::{BlockId, InodeId, Milliseconds, TxId};

use crate::audit::AuditStatus;
use crate::error::{NameNodeError, Result};
use crate::policy_walk::PolicyWalks;
use crate::request::{Now, Request};
use crate::retry_cache::RetryCache;
use crate::settings::Settings;
use crate::slow_disks::SlowDisks;
use crate::slow_peers::SlowPeers;
use crate::tree_walk::TreeChanges;

/// Which file system this is: what `VERSION` says (`StorageInfo`, `NamespaceInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageIdentity {
    /// Drawn when the file system was formatted.
    pub namespace_id: u32,
    /// `CID-...`
    pub cluster_id: String,
    /// `BP-...`
    pub block_pool_id: String,
    /// Creation time; 0, but after an upgrade.
    pub creation_time: u64,
    /// Of the storage directories.
    pub layout_version: i32,
}

/// The machine. Queries take it shared, operations exclusively; nothing in it waits.
#[derive(Debug)]
pub struct NameNode {
    /// Numbers and switches.
    pub settings: Settings,
    /// Which file system this is.
    pub storage: StorageIdentity,
    /// The tree.
    pub namespace: Namespace,
    /// Where the replicas are.
    pub blocks: BlockManager,
    /// Answers for calls that are sent again.
    pub retries: RetryCache,
    /// The last transaction of the journal; the shell keeps it current.
    pub last_txid: TxId,
    /// Which DataNodes others find slow.
    pub slow_peers: SlowPeers,
    /// Which disks their DataNodes find slow.
    pub slow_disks: SlowDisks,
    /// What changed while large trees are looked at.
    pub(crate) tree_changes: TreeChanges,
    /// Directories whose storage policy changed.
    pub(crate) policy_walks: PolicyWalks,
}

impl NameNode {
    /// Applies an edit, and leaves it to the shell to number and write.
    pub(crate) fn log(
        &mut self,
        request: &mut Request<'_>,
        edit: Edit,
        targets: &[blk::Target],
    ) -> Result<()> {
        self.namespace.tick(request.now.monotonic);
        let before = self.namespace.totals().inodes();
        let applied =
            self.namespace.apply(&edit).map_err(|error| NameNodeError::Apply(error.to_string()))?;
        request.effects.removed += before.saturating_sub(self.namespace.totals().inodes());
        self.tree_changes.note(&edit, &self.namespace);
        request.effects.edits.push(edit);
        request.effects.reclaim |= applied.reclaim;
        if let Some(stamp) = applied.generation_stamp {
            self.blocks.set_highest_stamp(stamp);
        }
        for change in &applied.blocks {
            self.tell_blocks(request.now.monotonic, change, targets)?;
        }
        Ok(())
    }

    /// Does what was planned.
    pub(crate) fn commit<T>(
        &mut self,
        request: &mut Request<'_>,
        plan: std::result::Result<Plan<T>, FsError>,
    ) -> Result<T> {
        self.commit_at(request, plan, &[])
    }

    /// Does what was planned, all of it or nothing; a new block of it goes to these targets.
    pub(crate) fn commit_at<T>(
        &mut self,
        request: &mut Request<'_>,
        plan: std::result::Result<Plan<T>, FsError>,
        targets: &[blk::Target],
    ) -> Result<T> {
        let Plan { edits, value } = plan?;
        request.effects.after_all |= edits.is_empty();
        for edit in &edits {
            check_writable(edit, self.settings.max_op_size).map_err(NameNodeError::Unwritable)?;
        }
        for edit in edits {
            self.log(request, edit, targets)?;
        }
        Ok(value)
    }

    fn tell_blocks(
        &mut self,
        now: Milliseconds,
        change: &BlockChange,
        targets: &[blk::Target],
    ) -> Result<()> {
        match change {
            BlockChange::Added { file, block, replication, complete } => {
                let new = self.new_block(*file, *block, *replication, *complete);
                if *complete {
                    self.blocks.insert_block(new)?;
                } else {
                    self.blocks.begin_block(new, targets)?;
                }
            }
            BlockChange::Updated { block, .. } => {
                // Commits and pipeline changes told block management before the edit; what is
                // left is the length that a writer announced with fsync.
                let known = self.blocks.block(block.id).map(|info| info.block);
                let wanted = to_blocks(*block);
                if known.is_some_and(|known| known != wanted) {
                    self.blocks.set_length(block.id, wanted.length, wanted.stamp)?;
                }
            }
            BlockChange::Removed(ids) => {
                for id in ids {
                    self.blocks.remove_block(*id);
                }
            }
            BlockChange::Replication { file, new, .. } => {
                for id in self.block_ids(*file) {
                    self.blocks.set_replication(now, id, *new);
                }
            }
            BlockChange::Moved { file, blocks, replication } => {
                let policy = self.policy_of(*file);
                for id in blocks {
                    self.blocks.set_owner(*id, *file);
                    self.blocks.set_policy(*id, policy);
                    self.blocks.set_replication(now, *id, *replication);
                }
            }
            BlockChange::Reopened { block, .. } => {
                self.blocks.append_block(block.id)?;
            }
            BlockChange::Truncated { block, target, .. } => {
                self.blocks.reopen_block(block.id)?;
                let target = to_blocks(*target);
                self.blocks.begin_recovery(now, block.id, target.stamp, Some(target))?;
            }
            BlockChange::StoragePolicy { inode } => self.policy_changed(*inode),
            // A walk may have passed where it is now, and not have come to where it was.
            BlockChange::Renamed { inode } if self.policy_walks.is_walking() => {
                self.policy_changed(*inode);
            }
            BlockChange::Renamed { .. } | BlockChange::Closed { .. } => {}
        }
        Ok(())
    }

    fn new_block(
        &self,
        owner: InodeId,
        block: Block,
        replication: u16,
        complete: bool,
    ) -> blk::NewBlock {
        let state = match complete {
            true => blk::BlockState::Complete,
            false => blk::BlockState::UnderConstruction,
        };
        blk::NewBlock {
            block: to_blocks(block),
            owner,
            replication,
            policy: self.policy_of(owner),
            state,
        }
    }

    pub(crate) fn policy_of(&self, inode: InodeId) -> PolicyId {
        let policy = self.namespace.status_of(inode).map_or(0, |status| status.storage_policy);
        self.settings.policy_in_force(policy)
    }

    pub(crate) fn block_ids(&self, file: InodeId) -> Vec<BlockId> {
        self.namespace
            .file_blocks(file)
            .map(|blocks| blocks.iter().map(|block| block.id).collect())
            .unwrap_or_default()
    }

    /// Refuses what may not happen in safe mode.
    pub(crate) fn check_safe_mode(&self, now: Now, what: impl FnOnce() -> String) -> Result<()> {
        if !self.blocks.safe_mode().is_on() {
            return Ok(());
        }
        Err(NameNodeError::SafeMode {
            what: what(),
            tip: self.safe_mode_tip(now),
            host: self.settings.host.clone(),
        })
    }

    /// Refuses a call that the shell does and that may not happen in safe mode.
    ///
    /// # Errors
    /// `SafeModeException`.
    pub fn refuse_in_safe_mode(&self, now: Now, what: &str) -> Result<()> {
        self.check_safe_mode(now, || what.to_owned())
    }

    /// Writes a call into the audit log: what was allowed, and what permissions forbade. Other
    /// failures leave no line, as in Hadoop.
    pub(crate) fn note<T>(
        &self,
        request: &mut Request<'_>,
        command: &'static str,
        source: &str,
        destination: Option<&str>,
        status_of: Option<&str>,
        result: &Result<T>,
    ) {
        let shown = status_of.filter(|_| request.audited && result.is_ok());
        let status = shown.and_then(|path| self.audit_status(path));
        if let Some(event) = request.note(command, source, result) {
            event.destination = destination.map(str::to_owned);
            event.status = status;
        }
    }

    fn audit_status(&self, path: &str) -> Option<AuditStatus> {
        let status = self.namespace.status_at_path(path)?;
        Some(AuditStatus {
            owner: status.owner.to_owned(),
            group: status.group.to_owned(),
            mode: status.mode,
        })
    }

    /// Takes what block management has to tell: blocks that calls may be waiting for.
    pub(crate) fn take_events(&mut self, request: &mut Request<'_>) {
        for event in self.blocks.take_events() {
            if let blk::Event::BlockCompleted { block, .. } = event {
                request.effects.completed.push(block);
            }
        }
    }

    /// A file was read: its access time, if the last one is older than
    /// `dfs.namenode.accesstime.precision`. Nothing in safe mode.
    ///
    /// # Errors
    /// An edit that could not be applied.
    pub fn touch(&mut self, request: &mut Request<'_>, file: InodeId) -> Result<()> {
        if self.blocks.safe_mode().is_on() {
            return Ok(());
        }
        let plan = self.namespace.plan_touch_access_time(file, request.now.wall);
        self.commit(request, Ok(plan))
    }

    /// Gives back the memory of removed inodes, at most `inodes` of them; true when done.
    pub fn reclaim(&mut self, inodes: usize) -> bool {
        let reclaimed = self.namespace.reclaim(inodes);
        for id in reclaimed.blocks {
            self.blocks.remove_block(id);
        }
        reclaimed.done
    }
}

/// A block in block management's terms.
pub(crate) const fn to_blocks(block: Block) -> blk::Block {
    blk::Block { id: block.id, length: block.length, stamp: block.generation_stamp }
}

/// What the namespace may ask about blocks.
pub(crate) struct States<'a> {
    blocks: &'a BlockManager,
    now: Milliseconds,
}

impl<'a> States<'a> {
    /// As they are now.
    pub(crate) const fn new(blocks: &'a BlockManager, now: Now) -> Self {
        Self { blocks, now: now.monotonic }
    }
}

impl BlockStates for States<'_> {
    fn as_committed(&self, block: Block) -> Block {
        let info = self.blocks.block(block.id).filter(|info| {
            matches!(info.state, blk::BlockState::Committed | blk::BlockState::Complete)
        });
        info.map_or(block, |info| Block {
            id: block.id,
            length: info.block.length,
            generation_stamp: info.block.stamp,
        })
    }

    fn state(&self, block: BlockId) -> BlockState {
        match self.blocks.block(block).map(|info| info.state) {
            Some(blk::BlockState::UnderConstruction) => BlockState::UnderConstruction,
            Some(blk::BlockState::UnderRecovery) => BlockState::UnderRecovery,
            Some(blk::BlockState::Committed) => BlockState::Committed,
            // The namespace asks about its own blocks only; one that is not in the map has been
            // removed with its file.
            Some(blk::BlockState::Complete) | None => BlockState::Complete,
        }
    }

    fn has_min_replication(&self, block: BlockId) -> bool {
        self.blocks.has_min_replication(block)
    }

    fn may_start_recovery(&self, block: BlockId) -> bool {
        self.blocks.may_begin_recovery(self.now, block)
    }

    fn expected_locations(&self, block: BlockId) -> usize {
        self.blocks.expected_count(block)
    }
}
