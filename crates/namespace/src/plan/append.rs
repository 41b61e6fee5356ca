//! Files that are opened again: to go on at the end, or to be cut (`FSDirAppendOp`,
//! `FSDirTruncateOp`).

use loxodon_wire::ids::InodeId;
use smallvec::SmallVec;

use super::recovery::{LeaseRelease, Opened, RecoverFor};
use crate::access::WRITE;
use crate::context::{BlockState, BlockStates, OpContext, Plan};
use crate::edit::{Block, Edit};
use crate::error::FsError;
use crate::file_blocks::{block_name, blocks_up_to, length_of};
use crate::inode::Inode;
use crate::path::Purpose;
use crate::policy::LAZY_PERSIST;
use crate::tree::{Namespace, ROOT};
use crate::usage::{copies, space_delta};

/// A file opened at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The file.
    pub file: InodeId,
    /// Its last block; none for an empty file.
    pub last_block: Option<Block>,
    /// The client goes on in that block: its locations are wanted. Otherwise it begins a new one.
    pub continues: bool,
}

impl Namespace {
    /// Opens a file at its end for a client (`ClientProtocol.append`).
    ///
    /// # Errors
    /// As `FSDirAppendOp.appendFile` throws.
    pub fn plan_append(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        client_name: &str,
        client_machine: &str,
        new_block: bool,
        states: &dyn BlockStates,
    ) -> Result<Plan<Opened<Append>>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        let path = resolved.path();
        let found = resolved.last().and_then(|index| self.inode(index));
        if found.is_some_and(Inode::is_directory) {
            return Err(FsError::FileAlreadyExists(format!(
                "Cannot append to directory {path}; already exists as a directory."
            )));
        }
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        if found.is_none() {
            return Err(FsError::FileNotFound(format!(
                "Failed to append to non-existent file {path} for client {client_machine}"
            )));
        }
        let (index, inode) = self.file_at(resolved.last(), path)?;
        self.check_can_change(index, inode, "append to", path)?;
        let who =
            RecoverFor { operation: "APPEND_FILE", holder: client_name, machine: client_machine };
        let mut edits = SmallVec::new();
        if let Some(plan) = self.recover_expired(ctx, &who, path, index, states)? {
            if plan.value != LeaseRelease::Closed {
                return Ok(plan.refused_with(Self::recovery_began(&who, path)));
            }
            edits = plan.edits;
        }
        let last_block = closed_blocks(&edits)
            .map_or_else(|| self.blocks(index).last(), |blocks| blocks.last().copied());
        self.check_last_block(path, last_block, states)?;
        let continues = self.check_append_quota(index, inode, last_block, new_block)?;
        edits.push(Edit::Append {
            path: path.to_owned(),
            client_name: client_name.to_owned(),
            client_machine: client_machine.to_owned(),
            new_block,
            rpc: ctx.rpc,
        });
        Ok(Plan { edits, value: Opened::Done(Append { file: inode.id(), last_block, continues }) })
    }

    /// Files in memory and striped files are not opened again.
    fn check_can_change(
        &self,
        index: u32,
        inode: &Inode,
        what: &str,
        path: &str,
    ) -> Result<(), FsError> {
        let layout = self.layout(inode);
        if layout.erasure_coding_policy != 0 {
            return Err(FsError::UnsupportedOperation(format!(
                "Cannot {what} file with striped block {path}"
            )));
        }
        if self.effective_policy(index) == LAZY_PERSIST {
            return Err(FsError::UnsupportedOperation(format!(
                "Cannot {what} lazy persist file {path}"
            )));
        }
        Ok(())
    }

    fn check_last_block(
        &self,
        path: &str,
        last: Option<Block>,
        states: &dyn BlockStates,
    ) -> Result<(), FsError> {
        let Some(last) = last else {
            return Ok(());
        };
        match states.state(last.id) {
            BlockState::Committed => Err(FsError::Retriable(format!(
                "append: lastBlock={} of src={path} is COMMITTED but not yet COMPLETE.",
                block_name(last)
            ))),
            BlockState::Complete if !states.has_min_replication(last.id) => {
                Err(FsError::Io(format!(
                    "append: lastBlock={} of src={path} is not sufficiently replicated yet.",
                    block_name(last)
                )))
            }
            _ => Ok(()),
        }
    }

    /// The last block counts as full while it is written. Tells whether it is gone on with.
    fn check_append_quota(
        &self,
        index: u32,
        inode: &Inode,
        last: Option<Block>,
        new_block: bool,
    ) -> Result<bool, FsError> {
        let layout = self.layout(inode);
        let Some(last) = last else {
            return Ok(false);
        };
        let room = layout.block_size.saturating_sub(last.length);
        let bytes = i64::try_from(room).unwrap_or(i64::MAX);
        let more = space_delta(bytes, copies(&layout), self.effective_policy(index));
        self.verify_quota(inode.parent, &more, None)?;
        Ok(!new_block && room > 0)
    }

    /// Cuts a file (`ClientProtocol.truncate`). True if that is all; false where the last block is
    /// cut inside, which recovery does.
    ///
    /// # Errors
    /// As `FSDirTruncateOp.truncate` throws.
    pub fn plan_truncate(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        new_length: u64,
        client_name: &str,
        client_machine: &str,
        states: &dyn BlockStates,
    ) -> Result<Plan<Opened<bool>>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        let path = resolved.path();
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        let (index, inode) = self.file_at(resolved.last(), path)?;
        self.check_can_change(index, inode, "truncate", path)?;
        let who =
            RecoverFor { operation: "TRUNCATE_FILE", holder: client_name, machine: client_machine };
        if let Some(same) = self.already_cutting(index, new_length) {
            return if same {
                Ok(Plan::unchanged(Opened::Done(false)))
            } else {
                let reason = format!("{path} is being truncated.");
                Err(FsError::AlreadyBeingCreated(who.message(path, &reason)))
            };
        }
        let mut edits = SmallVec::new();
        if let Some(plan) = self.recover_expired(ctx, &who, path, index, states)? {
            if plan.value != LeaseRelease::Closed {
                return Ok(plan.refused_with(Self::recovery_began(&who, path)));
            }
            edits = plan.edits;
        }
        // As the edits before leave them: the last one of a file that is closed first gets its length there.
        let blocks = closed_blocks(&edits)
            .map_or_else(|| self.blocks(index).iter().collect(), <[Block]>::to_vec);
        let old_length = length_of(&blocks);
        if old_length == new_length {
            return Ok(Plan { edits, value: Opened::Done(true) });
        }
        if old_length < new_length {
            return Err(FsError::HadoopIllegalArgument(format!(
                "Cannot truncate to a larger file size. Current size: {old_length}, truncate size: {new_length}."
            )));
        }
        self.check_truncate_quota(index, inode, &blocks, new_length)?;
        let block = self.truncate_target(&blocks, new_length, &mut edits);
        let on_boundary = block.is_none();
        edits.push(Edit::Truncate {
            path: path.to_owned(),
            client_name: client_name.to_owned(),
            client_machine: client_machine.to_owned(),
            new_length,
            timestamp: ctx.now,
            block,
        });
        Ok(Plan { edits, value: Opened::Done(on_boundary) })
    }

    /// Is the file being cut, and to this length?
    fn already_cutting(&self, index: u32, new_length: u64) -> Option<bool> {
        let target = self.writer(index)?.truncate?;
        let blocks = self.blocks(index);
        let before = blocks.length() - blocks.last().map_or(0, |b| b.length);
        Some(new_length == before.saturating_add(target.length))
    }

    /// The block that is cut inside, with its new stamp
    /// (`FSDirTruncateOp.prepareFileForTruncate`).
    fn truncate_target(
        &self,
        blocks: &[Block],
        new_length: u64,
        edits: &mut SmallVec<[Edit; 1]>,
    ) -> Option<Block> {
        let (keep, bytes) = blocks_up_to(blocks, new_length);
        if bytes <= new_length {
            return None;
        }
        let last = *blocks.get(keep.checked_sub(1)?)?;
        let generation_stamp = self.next_generation_stamp();
        edits.push(Edit::SetGenstampV2 { generation_stamp });
        // With its old length, as Java logs it: the new one follows from the file's.
        Some(Block { generation_stamp, ..last })
    }

    fn check_truncate_quota(
        &self,
        index: u32,
        inode: &Inode,
        blocks: &[Block],
        new_length: u64,
    ) -> Result<(), FsError> {
        let (keep, bytes) = blocks_up_to(blocks, new_length);
        if bytes <= new_length {
            return Ok(());
        }
        let layout = self.layout(inode);
        let old = length_of(blocks);
        // The block that is cut counts as full until its recovery is over.
        let last = keep.checked_sub(1).and_then(|at| blocks.get(at)).map_or(0, |b| b.length);
        let new = bytes.saturating_sub(last).saturating_add(layout.block_size.max(last));
        let difference = i64::try_from(new)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(old).unwrap_or(i64::MAX));
        let more = space_delta(difference, copies(&layout), self.effective_policy(index));
        let parent = if inode.parent == crate::arena::NONE { ROOT } else { inode.parent };
        self.verify_quota(parent, &more, None)
    }
}

/// The blocks of a file that edits before close.
fn closed_blocks(edits: &[Edit]) -> Option<&[Block]> {
    edits.iter().rev().find_map(|edit| match edit {
        Edit::Close(close) => Some(&close.blocks[..]),
        _ => None,
    })
}
