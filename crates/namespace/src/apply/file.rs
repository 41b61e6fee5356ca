//! Edits that change files: creation, blocks, closing, reopening, cutting.

use std::sync::Arc;

use loxodon_wire::ids::{BlockId, GenerationStamp};

use super::tree_shape::NewInode;
use crate::context::{Applied, BlockChange};
use crate::edit::{AddFile, Block, CloseFile, Edit};
use crate::error::ApplyError;
use crate::file_blocks::blocks_up_to;
use crate::inode::{FileLayout, Inode, Writer};
use crate::status::FileKind;
use crate::tree::Namespace;

impl Namespace {
    /// `FSEditLogLoader`, OP_ADD: a new file, or (in old logs) one that is opened again or whose
    /// blocks changed.
    pub(super) fn apply_add(
        &mut self,
        add: &AddFile,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_ADD";
        let mut place = self.place(KIND, &add.path)?;
        if let Some(index) = place.inode {
            if !self.inode(index).is_some_and(Inode::is_file) {
                return Err(ApplyError::new(KIND, &add.path, "is there and not a file"));
            }
            if add.overwrite {
                self.remove_tree(index, add.mtime, applied);
                place.inode = None;
            }
        }
        let index = match place.inode {
            Some(index) => {
                if !self.inode(index).is_some_and(Inode::is_open) {
                    self.reopen(index, &add.client_name, &add.client_machine, false, applied);
                }
                index
            }
            None => self.add_new_file(KIND, add, &place)?,
        };
        let record = self.inodes.get_mut(index);
        record.set_mtime(add.mtime);
        record.set_atime(add.atime);
        applied.inode = self.inode(index).map(Inode::id);
        if add.blocks.is_empty() && self.blocks(index).is_empty() {
            return Ok(());
        }
        self.replace_blocks(KIND, &add.path, index, &add.blocks, false, applied)
    }

    fn add_new_file(
        &mut self,
        kind: &'static str,
        add: &AddFile,
        place: &super::Place<'_>,
    ) -> Result<u32, ApplyError> {
        let new = NewInode {
            kind: FileKind::File,
            id: add.inode,
            permissions: &add.permissions,
            acl: &add.acl,
            xattrs: &add.xattrs,
            mtime: add.mtime,
            atime: add.atime,
        };
        let index = self.create(kind, &add.path, place, &new)?;
        self.set_layout(
            index,
            FileLayout {
                block_size: add.block_size,
                // The least may have been raised since it was logged (`BlockManager.adjustReplication`).
                replication: add.replication.max(self.settings.min_replication),
                storage_policy: add.storage_policy,
                erasure_coding_policy: add.erasure_coding_policy,
            },
        );
        self.set_writer(index, &add.client_name, &add.client_machine, false);
        let usage = self.file_usage(index);
        self.account(place.parent, &usage);
        Ok(index)
    }

    /// Makes a file open for a client, who gets the lease.
    fn set_writer(&mut self, index: u32, client: &str, machine: &str, last_block_open: bool) {
        let client_name: Arc<str> = client.into();
        let client_machine = self.lease_holder(machine);
        let Some(id) = self.inode(index).map(Inode::id) else {
            return;
        };
        self.leases.add(&client_name, id, self.clock);
        self.update_beside(index, |beside| {
            beside.writer = Some(Box::new(Writer {
                client_name,
                client_machine,
                last_block_open,
                truncate: None,
            }));
        });
    }

    /// Opens a closed file again (`FSDirAppendOp.prepareFileForAppend`).
    fn reopen(
        &mut self,
        index: u32,
        client: &str,
        machine: &str,
        new_block: bool,
        applied: &mut Applied,
    ) {
        let Some(&inode) = self.inode(index) else {
            return;
        };
        let last = self.blocks(index).last();
        // A full last block is done with: the next one is new anyway.
        let block_size = self.layout(&inode).block_size;
        let reopened = last.filter(|b| !new_block && b.length < block_size);
        self.accounting(index, |ns| {
            ns.set_writer(index, client, machine, reopened.is_some());
        });
        if let Some(block) = reopened {
            applied.blocks.push(BlockChange::Reopened { file: inode.id(), block });
        }
    }

    pub(super) fn apply_append(
        &mut self,
        path: &str,
        client: &str,
        machine: &str,
        new_block: bool,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        let index = self.existing_file("OP_APPEND", path)?;
        applied.inode = self.inode(index).map(Inode::id);
        if !self.inode(index).is_some_and(Inode::is_open) {
            self.reopen(index, client, machine, new_block, applied);
        }
        Ok(())
    }

    pub(super) fn apply_add_block(
        &mut self,
        path: &str,
        penultimate: Option<Block>,
        last: Block,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_ADD_BLOCK";
        let index = self.existing_file(KIND, path)?;
        let mismatch = |old: Option<Block>| {
            let old = crate::file_blocks::optional_block_name(old);
            let reason = format!("the block before the new one does not match the last one, {old}");
            Err(ApplyError::new(KIND, path, reason))
        };
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        if !inode.is_open() {
            return Err(ApplyError::new(KIND, path, "is not under construction"));
        }
        let old = self.blocks(index).last();
        if !crate::file_blocks::same_version(old, penultimate) {
            return mismatch(old);
        }
        let mut blocks: Vec<Block> = self.blocks(index).iter().collect();
        if let (Some(slot), Some(finished)) = (blocks.last_mut(), penultimate) {
            *slot = finished;
            applied.blocks.push(BlockChange::Updated {
                file: inode.id(),
                block: finished,
                complete: true,
            });
        }
        blocks.push(last);
        self.note_block(last);
        self.accounting(index, |ns| {
            ns.set_blocks(index, &blocks);
            ns.set_last_block_open(index, true);
        });
        applied.blocks.push(BlockChange::Added {
            file: inode.id(),
            block: last,
            replication: self.layout(&inode).replication,
            complete: false,
        });
        Ok(())
    }

    /// Numbers seen in blocks are not given out again, whatever the log says of counters.
    fn note_block(&mut self, block: Block) {
        self.note_stamp(block.generation_stamp);
        if block.id > BlockId(0) && block.id <= self.counters.last_block {
            return;
        }
        // Ids below the sequential range are old random ones and say nothing.
        if block.id < BlockId(0) {
            self.counters.last_striped_block = self.counters.last_striped_block.max(block.id);
        }
    }

    fn note_stamp(&mut self, stamp: GenerationStamp) {
        self.counters.generation_stamp = self.counters.generation_stamp.max(stamp);
    }

    fn set_last_block_open(&mut self, index: u32, open: bool) {
        self.update_beside(index, |beside| {
            if let Some(writer) = &mut beside.writer {
                writer.last_block_open = open;
                writer.truncate = None;
            }
        });
    }

    pub(super) fn apply_update_blocks(
        &mut self,
        path: &str,
        blocks: &[Block],
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_UPDATE_BLOCKS";
        let index = self.existing_file(KIND, path)?;
        self.replace_blocks(KIND, path, index, blocks, false, applied)
    }

    /// `FSEditLogLoader.updateBlocks`: the same blocks with new lengths and a new stamp for the
    /// last, one less at the end, or more.
    fn replace_blocks(
        &mut self,
        kind: &'static str,
        path: &str,
        index: u32,
        blocks: &[Block],
        complete: bool,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        let old = self.blocks(index);
        self.check_replacement(kind, path, &inode, blocks)?;
        let file = inode.id();
        let replication = self.layout(&inode).replication;
        for (at, &block) in blocks.iter().enumerate() {
            let finished = complete || at + 1 < blocks.len();
            match old.get(at) {
                Some(before) if before == block && !complete => {}
                Some(_) => {
                    applied.blocks.push(BlockChange::Updated { file, block, complete: finished });
                }
                None => applied.blocks.push(BlockChange::Added {
                    file,
                    block,
                    replication,
                    complete: finished,
                }),
            }
        }
        let removed = old.len() > blocks.len();
        let added = blocks.len() > old.len();
        if removed && let Some(gone) = old.last() {
            applied.blocks.push(BlockChange::Removed(vec![gone.id]));
        }
        if let Some(last) = blocks.last() {
            self.note_block(*last);
        }
        self.accounting(index, |ns| {
            ns.set_blocks(index, blocks);
            if removed {
                // The block that is now the last was finished when the one after it began.
                ns.set_last_block_open(index, false);
            } else if added {
                ns.set_last_block_open(index, !complete);
            }
        });
        Ok(())
    }

    fn check_replacement(
        &self,
        kind: &'static str,
        path: &str,
        inode: &Inode,
        blocks: &[Block],
    ) -> Result<(), ApplyError> {
        let index = self.index_of(inode.id()).unwrap_or(crate::arena::NONE);
        let old = self.blocks(index);
        let same_count = old.len() == blocks.len();
        for (at, (before, after)) in old.iter().zip(blocks).enumerate() {
            let last = at + 1 == blocks.len();
            let stamp_may_change = same_count && last;
            if before.id != after.id
                || before.generation_stamp != after.generation_stamp && !stamp_may_change
            {
                let reason = format!(
                    "block {at} of {}: {} cannot become {}",
                    blocks.len(),
                    crate::file_blocks::block_name(before),
                    crate::file_blocks::block_name(*after)
                );
                return Err(ApplyError::new(kind, path, reason));
            }
        }
        if blocks.len() < old.len() && (!inode.is_open() || blocks.len() + 1 != old.len()) {
            let reason = "more than one block, or one of a closed file, would be removed";
            return Err(ApplyError::new(kind, path, reason));
        }
        Ok(())
    }

    pub(super) fn apply_close(
        &mut self,
        close: &CloseFile,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_CLOSE";
        let index = self.existing_file(KIND, &close.path)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        let cut = self.recovered_copy(index, &close.blocks);
        if let Some(old) = cut {
            applied.blocks.push(BlockChange::Removed(vec![old]));
            self.accounting(index, |ns| ns.set_blocks(index, &close.blocks));
        }
        self.replace_blocks(KIND, &close.path, index, &close.blocks, true, applied)?;
        let record = self.inodes.get_mut(index);
        record.set_mtime(close.mtime);
        record.set_atime(close.atime);
        if inode.is_open() {
            self.leases.remove(inode.id());
            self.accounting(index, |ns| {
                ns.update_beside(index, |beside| beside.writer = None);
            });
        }
        applied.inode = Some(inode.id());
        applied.blocks.push(BlockChange::Closed { file: inode.id() });
        Ok(())
    }

    /// A block that was cut by copying: the file now ends in the copy, and the old one goes.
    fn recovered_copy(&self, index: u32, blocks: &[Block]) -> Option<BlockId> {
        let target = self.beside(index)?.writer.as_ref()?.truncate?;
        let old = self.blocks(index);
        let last = old.last()?;
        let copied = old.len() == blocks.len()
            && last.id != target.id
            && blocks.last().is_some_and(|b| b.id == target.id);
        copied.then_some(last.id)
    }

    pub(super) fn apply_truncate(
        &mut self,
        edit: &Edit,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_TRUNCATE";
        let Edit::Truncate { path, client_name, client_machine, new_length, timestamp, block } =
            edit
        else {
            return Ok(());
        };
        let index = self.existing_file(KIND, path)?;
        let Some(id) = self.inode(index).map(Inode::id) else {
            return Ok(());
        };
        let blocks: Vec<Block> = self.blocks(index).iter().collect();
        let (keep, kept_bytes) = blocks_up_to(&blocks, *new_length);
        let (kept, gone) = blocks.split_at(keep);
        let target = match (block, kept.last()) {
            (None, _) if kept_bytes <= *new_length => None,
            (Some(target), Some(last)) if kept_bytes > *new_length => {
                // Java logs the block with its old length: the new one follows from the file's.
                let length = last.length.saturating_sub(kept_bytes - new_length);
                Some((Block { length, ..*target }, *last))
            }
            _ => {
                let reason = "its block does not match the file's length";
                return Err(ApplyError::new(KIND, path, reason));
            }
        };
        self.inodes.get_mut(index).set_mtime(*timestamp);
        self.accounting(index, |ns| {
            ns.set_blocks(index, kept);
            if let Some((target, _)) = target {
                ns.set_writer(index, client_name, client_machine, true);
                ns.update_beside(index, |beside| {
                    if let Some(writer) = &mut beside.writer {
                        writer.truncate = Some(target);
                    }
                });
                ns.note_stamp(target.generation_stamp);
            }
        });
        if !gone.is_empty() {
            let gone = gone.iter().map(|b| b.id).collect();
            applied.blocks.push(BlockChange::Removed(gone));
        }
        if let Some((target, block)) = target {
            applied.blocks.push(BlockChange::Truncated { file: id, block, target });
        }
        applied.inode = Some(id);
        Ok(())
    }

    pub(super) fn apply_reassign_lease(
        &mut self,
        path: &str,
        new_holder: &str,
    ) -> Result<(), ApplyError> {
        const KIND: &str = "OP_REASSIGN_LEASE";
        let index = self.existing_file(KIND, path)?;
        let Some(&inode) = self.inode(index) else {
            return Ok(());
        };
        if !inode.is_open() {
            return Err(ApplyError::new(KIND, path, "is not under construction"));
        }
        let holder: Arc<str> = new_holder.into();
        self.leases.add(&holder, inode.id(), self.clock);
        self.update_beside(index, |beside| {
            if let Some(writer) = &mut beside.writer {
                writer.client_name = holder;
            }
        });
        Ok(())
    }
}
