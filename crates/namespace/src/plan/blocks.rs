//! The blocks of a file that is being written (`FSDirWriteFileOp`).

use std::sync::Arc;

use loxodon_wire::ids::{GenerationStamp, InodeId};
use smallvec::SmallVec;

use crate::context::{BlockState, BlockStates, OpContext, Plan};
use crate::edit::{Block, Edit, RpcIds};
use crate::error::FsError;
use crate::file_blocks::{block_name, optional_block_name, same_version};
use crate::path::Resolved;
use crate::tree::Namespace;
use crate::usage::{copies, space};

/// What a new block is for: what placement must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddBlockTarget {
    /// The file.
    pub file: InodeId,
    /// Its path.
    pub path: String,
    /// Bytes that will fit.
    pub block_size: u64,
    /// Copies wanted.
    pub replication: u16,
    /// The storage policy in effect, 0 for none.
    pub storage_policy: u8,
    /// The writer's host.
    pub client_machine: Arc<str>,
    /// The client asks a second time: the block that was given, and its offset in the file.
    pub retry: Option<(Block, u64)>,
}

/// A block for a file being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddBlock {
    /// A new one, after `offset` bytes.
    New {
        /// The file.
        file: InodeId,
        /// The block.
        block: Block,
        /// Bytes before it.
        offset: u64,
    },
    /// The one that was given before.
    Retry {
        /// The file.
        file: InodeId,
        /// The block.
        block: Block,
        /// Bytes before it.
        offset: u64,
    },
}

/// Can a file be closed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complete {
    /// It is, by this.
    Closed,
    /// It was, by an earlier try of the same call.
    AlreadyClosed,
    /// Not yet: not every block has reached its minimum of replicas.
    Wait,
}

/// What a recovery of a block agreed on (`DatanodeProtocol.commitBlockSynchronization`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitBlock {
    /// The block as it was.
    pub block: Block,
    /// The stamp of the recovery, which is the block's new one.
    pub generation_stamp: GenerationStamp,
    /// The length that was agreed on.
    pub length: u64,
    /// Close the file.
    pub close_file: bool,
    /// No replica had anything: take the block away.
    pub delete_block: bool,
}

impl Namespace {
    /// The file behind a client's call, if the client holds its lease
    /// (`FSNamesystem.checkLease`).
    fn check_lease(
        &self,
        resolved: &Resolved<'_>,
        holder: &str,
        file: InodeId,
    ) -> Result<u32, FsError> {
        let text = || format!("{} (inode {file}) {}", resolved.path(), self.lease_text(holder));
        let found = resolved.last().and_then(|index| self.inode(index).map(|inode| (index, inode)));
        let Some((index, inode)) = found else {
            return Err(FsError::FileNotFound(format!("File does not exist: {}", text())));
        };
        if !inode.is_file() {
            return Err(FsError::LeaseExpired(format!("INode is not a regular file: {}", text())));
        }
        let Some(writer) = self.writer(index) else {
            return Err(FsError::LeaseExpired(format!("File is not open for writing: {}", text())));
        };
        if &*writer.client_name != holder {
            return Err(FsError::LeaseExpired(format!(
                "Client (={holder}) is not the lease owner (={}: {}",
                writer.client_name,
                text()
            )));
        }
        Ok(index)
    }

    /// The file behind a call, if the client holds its lease (`getAdditionalDatanode` asks this).
    ///
    /// # Errors
    /// As `FSNamesystem.checkLease` throws.
    pub fn check_lease_holder(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
    ) -> Result<InodeId, FsError> {
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        let index = self.check_lease(&resolved, client_name, file)?;
        Ok(self.inode(index).map_or(file, crate::inode::Inode::id))
    }

    /// The first half of adding a block: everything but where it goes. Changes nothing.
    ///
    /// # Errors
    /// As `FSDirWriteFileOp.validateAddBlock` throws.
    pub fn check_add_block(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        previous: Option<Block>,
        states: &dyn BlockStates,
    ) -> Result<AddBlockTarget, FsError> {
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        self.check_object_limit()?;
        let index = self.check_lease(&resolved, client_name, file)?;
        let retry = self.check_previous(resolved.path(), index, previous, states)?;
        let blocks = self.blocks(index);
        if retry.is_none() {
            self.check_progress(resolved.path(), index, states)?;
            let limit = self.settings.max_blocks_per_file;
            if blocks.len() >= limit {
                return Err(FsError::Io(format!(
                    "File has reached the limit on maximum number of blocks (dfs.namenode.fs-limits.max-blocks-per-file): {} >= {limit}",
                    blocks.len()
                )));
            }
        }
        let inode = self.inode(index).copied().unwrap_or_default();
        let layout = self.layout(&inode);
        Ok(AddBlockTarget {
            file: inode.id(),
            path: resolved.into_path(),
            block_size: layout.block_size,
            replication: layout.replication,
            storage_policy: self.effective_policy(index),
            client_machine: self
                .writer(index)
                .map_or_else(|| Arc::from(""), |w| Arc::clone(&w.client_machine)),
            retry: retry.map(|last| (last, blocks.length().saturating_sub(last.length))),
        })
    }

    /// Blocks up to the one before the last must be complete (`checkFileProgress`).
    fn check_progress(
        &self,
        path: &str,
        index: u32,
        states: &dyn BlockStates,
    ) -> Result<(), FsError> {
        let blocks = self.blocks(index);
        let before =
            blocks.len().checked_sub(self.settings.committed_blocks_allowed.saturating_add(2));
        match before.and_then(|at| blocks.get(at)) {
            Some(block) if states.state(block.id) != BlockState::Complete => {
                Err(FsError::NotReplicatedYet(format!("Not replicated yet: {path}")))
            }
            _ => Ok(()),
        }
    }

    /// Is the block that the client wrote last the file's last (`analyzeFileState`)? Gives the last
    /// block where the client must have missed the answer that gave it.
    fn check_previous(
        &self,
        path: &str,
        index: u32,
        previous: Option<Block>,
        states: &dyn BlockStates,
    ) -> Result<Option<Block>, FsError> {
        let blocks = self.blocks(index);
        let last = blocks.last();
        if same_version(previous, last) {
            return Ok(None);
        }
        let block_size = self.inode(index).map_or(0, |i| self.layout(i).block_size);
        let Some(last) = last else {
            return Err(mismatch(path, previous, None));
        };
        let full = last.length >= block_size && states.state(last.id) == BlockState::Complete;
        // An append to a file whose last block is full: the client was given none.
        if previous.is_none() && full {
            return Ok(None);
        }
        if same_version(blocks.penultimate(), previous) {
            if last.length != 0 {
                return Err(FsError::Io(format!(
                    "Request looked like a retry to allocate block {} but it already contains {} bytes",
                    block_name(last),
                    last.length
                )));
            }
            return Ok(Some(last));
        }
        Err(mismatch(path, previous, Some(last)))
    }

    /// Adds a block to a file being written (`ClientProtocol.addBlock`).
    ///
    /// # Errors
    /// As `FSDirWriteFileOp.storeAllocatedBlock` throws.
    pub fn plan_add_block(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        previous: Option<Block>,
        states: &dyn BlockStates,
    ) -> Result<Plan<AddBlock>, FsError> {
        let target = self.check_add_block(ctx, path, file, client_name, previous, states)?;
        let file = target.file;
        if let Some((block, offset)) = target.retry {
            return Ok(Plan::unchanged(AddBlock::Retry { file, block, offset }));
        }
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        let index = self.check_lease(&resolved, client_name, file)?;
        let penultimate = self
            .blocks(index)
            .last()
            .map(|last| Block { length: previous.map_or(last.length, |p| p.length), ..last });
        let offset = self.check_block_quota(index, penultimate)?;
        let block = Block {
            id: self.next_block_id(),
            length: 0,
            generation_stamp: self.next_generation_stamp(),
        };
        let mut edits = SmallVec::new();
        edits.push(Edit::AllocateBlockId { block: block.id });
        edits.push(Edit::SetGenstampV2 { generation_stamp: block.generation_stamp });
        edits.push(Edit::AddBlock {
            path: target.path,
            penultimate,
            last: block,
            rpc: RpcIds::NONE,
        });
        Ok(Plan { edits, value: AddBlock::New { file, block, offset } })
    }

    /// Room for a whole block more, once the one before it is known. Gives the file's length.
    fn check_block_quota(&self, index: u32, finished: Option<Block>) -> Result<u64, FsError> {
        let inode = self.inode(index).copied().unwrap_or_default();
        let layout = self.layout(&inode);
        let blocks = self.blocks(index);
        let before = blocks.length() - blocks.last().map_or(0, |b| b.length);
        let offset = before.saturating_add(finished.map_or(0, |b| b.length));
        let policy = self.effective_policy(index);
        let copies = copies(&layout);
        let mut more = space(offset.saturating_add(layout.block_size), copies, policy);
        let now = space(self.counted_bytes(index, &layout), copies, policy);
        more.add(&now.negated());
        self.verify_quota(inode.parent, &more, None)?;
        Ok(offset)
    }

    /// Takes back the last block of a file being written (`ClientProtocol.abandonBlock`); another
    /// block than the last is left alone, as Java leaves it.
    ///
    /// # Errors
    /// The client does not hold the lease.
    pub fn plan_abandon_block(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        block: Block,
    ) -> Result<Plan<()>, FsError> {
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        let index = self.check_lease(&resolved, client_name, file)?;
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        if blocks.last().is_none_or(|last| last.id != block.id) {
            return Ok(Plan::unchanged(()));
        }
        blocks.pop();
        let edit = update_blocks(&resolved, blocks, RpcIds::NONE);
        Ok(Plan::one(edit, ()))
    }

    /// Makes a file's blocks and the length of its last one durable (`ClientProtocol.fsync`).
    ///
    /// # Errors
    /// The client does not hold the lease.
    pub fn plan_fsync(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        last_block_length: Option<u64>,
    ) -> Result<Plan<()>, FsError> {
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        let index = self.check_lease(&resolved, client_name, file)?;
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        if let (Some(last), Some(length)) = (blocks.last_mut(), last_block_length)
            && length > 0
        {
            last.length = length;
        }
        let edit = update_blocks(&resolved, blocks, RpcIds::NONE);
        Ok(Plan::one(edit, ()))
    }

    /// May the client close the file? Gives the file, or `None` where it is closed already and
    /// this is the same call again. Block management then commits `last`, and
    /// [`plan_complete`](Self::plan_complete) follows.
    ///
    /// # Errors
    /// The client does not hold the lease.
    pub fn check_complete(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        last: Option<Block>,
    ) -> Result<Option<InodeId>, FsError> {
        let resolved = self.resolve_file(ctx.caller, path, file)?;
        match self.check_lease(&resolved, client_name, file) {
            Ok(index) => Ok(self.inode(index).map(crate::inode::Inode::id)),
            Err(error @ FsError::LeaseExpired(_)) => {
                let closed = resolved.last().filter(|&index| {
                    self.inode(index).is_some_and(|i| i.is_file() && !i.is_open())
                        && same_version(last, self.blocks(index).last())
                });
                if closed.is_some() { Ok(None) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Closes a file (`ClientProtocol.complete`), if every block is far enough.
    ///
    /// # Errors
    /// The client does not hold the lease.
    pub fn plan_complete(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        file: InodeId,
        client_name: &str,
        last: Option<Block>,
        states: &dyn BlockStates,
    ) -> Result<Plan<Complete>, FsError> {
        let Some(id) = self.check_complete(ctx, path, file, client_name, last)? else {
            return Ok(Plan::unchanged(Complete::AlreadyClosed));
        };
        let Some(index) = self.index_of(id) else {
            return Ok(Plan::unchanged(Complete::Wait));
        };
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        let sure = blocks.len().saturating_sub(self.settings.committed_blocks_allowed);
        let far_enough =
            blocks.iter().enumerate().all(|(at, block)| match states.state(block.id) {
                BlockState::Complete => true,
                BlockState::Committed => at >= sure,
                _ => false,
            });
        if !far_enough {
            return Ok(Plan::unchanged(Complete::Wait));
        }
        if let (Some(stored), Some(last)) = (blocks.last_mut(), last)
            && stored.id == last.id
        {
            stored.length = last.length;
        }
        let edit = self.close_edit(ctx.now, index, blocks);
        Ok(Plan::one(edit, Complete::Closed))
    }

    /// The block of a pipeline, if the client may change it (`FSNamesystem.checkUCBlock`).
    fn check_open_block(
        &self,
        file: Option<InodeId>,
        client_name: &str,
        block: Block,
        states: &dyn BlockStates,
    ) -> Result<(u32, Block), FsError> {
        let name = block_name(block);
        let state = states.state(block.id);
        if file.is_none() {
            return Err(FsError::Io(format!("{name} does not exist.")));
        }
        if state != BlockState::UnderConstruction {
            return Err(FsError::Io(format!(
                "Unexpected BlockUCState: {name} is {} but not UNDER_CONSTRUCTION",
                state_name(state)
            )));
        }
        let open = file.and_then(|id| self.index_of(id)).and_then(|index| {
            let last = self.blocks(index).last().filter(|b| b.id == block.id)?;
            Some((index, last, self.writer(index)?))
        });
        let Some((index, last, writer)) = open else {
            return Err(FsError::Io(format!(
                "The file {name} belonged to does not exist or it is not under construction."
            )));
        };
        if &*writer.client_name != client_name {
            return Err(FsError::LeaseExpired(format!(
                "Lease mismatch: {name} is accessed by a non lease holder {client_name}"
            )));
        }
        Ok((index, last))
    }

    /// A new stamp for a pipeline that is set up again (`ClientProtocol.updateBlockForPipeline`).
    /// `file` is the block's file, as block management knows it.
    ///
    /// # Errors
    /// The block is not being written, or not by this client.
    pub fn plan_bump_generation_stamp(
        &self,
        file: Option<InodeId>,
        client_name: &str,
        block: Block,
        states: &dyn BlockStates,
    ) -> Result<Plan<Block>, FsError> {
        self.check_open_block(file, client_name, block, states)?;
        let generation_stamp = self.next_generation_stamp();
        let renewed = Block { generation_stamp, ..block };
        Ok(Plan::one(Edit::SetGenstampV2 { generation_stamp }, renewed))
    }

    /// A pipeline goes on with a new stamp (`ClientProtocol.updatePipeline`).
    ///
    /// # Errors
    /// The block is not being written, or not by this client; the new one is older or shorter.
    pub fn plan_update_pipeline(
        &self,
        ctx: &OpContext<'_>,
        file: Option<InodeId>,
        client_name: &str,
        old: Block,
        new: Block,
        states: &dyn BlockStates,
    ) -> Result<Plan<()>, FsError> {
        let (index, last) = self.check_open_block(file, client_name, old, states)?;
        if new.id != old.id {
            return Err(FsError::Io(format!(
                "{} and {} has different block identifier",
                block_name(new),
                block_name(old)
            )));
        }
        if new.generation_stamp <= last.generation_stamp {
            return Err(FsError::Io(format!(
                "Update {} but the new block {} does not have a larger generation stamp than the last block {}",
                block_name(old),
                block_name(new),
                block_name(last)
            )));
        }
        if new.length < last.length {
            return Err(FsError::Io(format!(
                "Update {} (size={}) to a smaller size block {} (size={})",
                block_name(old),
                old.length,
                block_name(new),
                new.length
            )));
        }
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        if let Some(slot) = blocks.last_mut() {
            *slot = new;
        }
        let edit = Edit::UpdateBlocks { path: self.path(index), blocks, rpc: ctx.rpc };
        Ok(Plan::one(edit, ()))
    }

    /// What recovery of a block agreed on (`FSNamesystem.commitBlockSynchronization`). `file` is
    /// the file block management has for the block; `recovery` the stamp of the running attempt.
    ///
    /// # Errors
    /// The block or its file is gone, or the recovery is not the running one.
    pub fn plan_commit_block(
        &self,
        ctx: &OpContext<'_>,
        file: Option<InodeId>,
        recovery: GenerationStamp,
        commit: &CommitBlock,
        states: &dyn BlockStates,
    ) -> Result<Plan<()>, FsError> {
        let name = block_name(commit.block);
        let Some(file) = file else {
            return if commit.delete_block {
                Ok(Plan::unchanged(()))
            } else {
                Err(FsError::Io(format!("Block (={name}) not found")))
            };
        };
        let Some(index) = self.index_of(file) else {
            return Err(FsError::FileNotFound(format!(
                "File not found: inode {file}, likely due to delayed block removal"
            )));
        };
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        let Some(last) = blocks.last().copied() else {
            return Err(FsError::Io(format!("Block (={name}) not found")));
        };
        let open = self.writer(index);
        if open.is_none() || states.state(last.id) == BlockState::Complete {
            return Ok(Plan::unchanged(()));
        }
        let cut = open.and_then(|writer| writer.truncate).map(|target| target.id);
        if last.id != commit.block.id && cut != Some(commit.block.id) {
            return Err(FsError::Io(format!("Block (={name}) is not the last one of its file")));
        }
        if recovery != commit.generation_stamp {
            return Err(FsError::Io(format!(
                "The recovery id {} does not match current recovery id {recovery} for block {name}",
                commit.generation_stamp
            )));
        }
        if commit.delete_block {
            // Whoever has the acknowledged bytes was not asked, or did not answer.
            if last.length > 0 {
                return Err(FsError::Io(format!(
                    "Block (={name}) is not deleted: {} bytes of it were acknowledged, and the \
                     DataNodes that were asked have none of them. Its file {} stays open until a \
                     DataNode that has them can be asked",
                    last.length,
                    self.path(index)
                )));
            }
            if last.id == commit.block.id {
                blocks.pop();
            }
        } else if let Some(slot) = blocks.last_mut() {
            // A block that was cut by copying becomes the copy.
            let target = open.and_then(|w| w.truncate).unwrap_or(last);
            *slot = Block {
                id: target.id,
                length: commit.length,
                generation_stamp: commit.generation_stamp,
            };
        }
        Ok(self.commit_edits(ctx, index, commit, blocks))
    }

    fn commit_edits(
        &self,
        ctx: &OpContext<'_>,
        index: u32,
        commit: &CommitBlock,
        blocks: Vec<Block>,
    ) -> Plan<()> {
        let mut edits = SmallVec::new();
        if commit.delete_block || !commit.close_file {
            edits.push(Edit::UpdateBlocks {
                path: self.path(index),
                blocks: blocks.clone(),
                rpc: RpcIds::NONE,
            });
        }
        if commit.close_file {
            edits.push(self.close_edit(ctx.now, index, blocks));
        }
        Plan { edits, value: () }
    }
}

fn update_blocks(resolved: &Resolved<'_>, blocks: Vec<Block>, rpc: RpcIds) -> Edit {
    Edit::UpdateBlocks { path: resolved.path().to_owned(), blocks, rpc }
}

fn mismatch(path: &str, previous: Option<Block>, last: Option<Block>) -> FsError {
    FsError::Io(format!(
        "Cannot allocate block in {path}: passed 'previous' block {} does not match actual last block in file {}",
        optional_block_name(previous),
        optional_block_name(last)
    ))
}

/// `BlockUCState`'s name.
const fn state_name(state: BlockState) -> &'static str {
    match state {
        BlockState::Complete => "COMPLETE",
        BlockState::UnderConstruction => "UNDER_CONSTRUCTION",
        BlockState::UnderRecovery => "UNDER_RECOVERY",
        BlockState::Committed => "COMMITTED",
    }
}
