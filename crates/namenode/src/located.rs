//! Blocks with their locations, as clients get them.

use bytes::Bytes;
use loxodon_blocks::{self as blk, Reader, Target};
use loxodon_namespace::edit::Block;
use loxodon_namespace::status::{FileRange, FileStatus};
use loxodon_wire::proto::hdfs::{ExtendedBlockProto, LocatedBlockProto, LocatedBlocksProto};

use crate::convert::datanode;
use crate::machine::{NameNode, to_blocks};
use crate::ops::none::no_token;
use crate::request::Request;

impl NameNode {
    /// A block with the name of this block pool.
    pub(crate) fn extended(&self, block: blk::Block) -> ExtendedBlockProto {
        ExtendedBlockProto {
            pool_id: self.storage.block_pool_id.clone(),
            block_id: block.id.0.cast_unsigned(),
            generation_stamp: block.stamp.0,
            num_bytes: Some(block.length),
        }
    }

    /// A block at these places.
    pub(crate) fn located_at(
        &self,
        request: &Request<'_>,
        block: blk::Block,
        offset: u64,
        targets: &[Target],
        corrupt: bool,
    ) -> LocatedBlockProto {
        let mut located = LocatedBlockProto {
            b: self.extended(block),
            offset,
            locs: Vec::with_capacity(targets.len()),
            corrupt,
            block_token: no_token(),
            is_cached: vec![false; targets.len()],
            storage_types: Vec::with_capacity(targets.len()),
            storage_i_ds: Vec::with_capacity(targets.len()),
            block_indices: None::<Bytes>,
            block_tokens: Vec::new(),
        };
        for target in targets {
            let node = self.blocks.datanode(target.node);
            let storage = self.blocks.storage(target.storage);
            if let (Some(node), Some(storage)) = (node, storage) {
                located.locs.push(datanode::location(&self.blocks, target.node, node, request.now));
                located.storage_types.push(storage.kind().to_wire());
                located.storage_i_ds.push(storage.id().to_string());
            }
        }
        located.is_cached.truncate(located.locs.len());
        located
    }

    /// A block where its replicas are, nearest to the caller first.
    pub(crate) fn locate(
        &self,
        request: &Request<'_>,
        reader: &Reader,
        block: Block,
        offset: u64,
    ) -> LocatedBlockProto {
        match self.blocks.locate(request.now.monotonic, block.id, reader) {
            Some(found) => {
                let block = blk::Block { length: block.length, ..found.block };
                self.located_at(request, block, offset, &found.replicas, found.is_corrupt)
            }
            None => self.located_at(request, to_blocks(block), offset, &[], false),
        }
    }

    /// The caller, as far as choosing a replica goes.
    pub(crate) fn reader(&self, request: &Request<'_>) -> Reader {
        Reader { ip: request.machine().to_string(), rack: None }
    }

    /// `LocatedBlocks` of a range of a file.
    pub(crate) fn locate_range(
        &self,
        request: &Request<'_>,
        range: &FileRange,
    ) -> LocatedBlocksProto {
        let reader = self.reader(request);
        let blocks = range
            .blocks
            .iter()
            .map(|(offset, block)| self.locate(request, &reader, *block, *offset))
            .collect();
        let last = range.last.map(|(offset, block)| self.locate(request, &reader, block, offset));
        let is_last_block_complete =
            range.last.is_none_or(|(_, block)| self.blocks.is_complete(block.id));
        LocatedBlocksProto {
            file_length: range.length,
            blocks,
            under_construction: range.under_construction,
            last_block: last,
            is_last_block_complete,
            file_encryption_info: None,
            ec_policy: None,
        }
    }

    /// `LocatedBlocks` of a whole file, for a listing with locations.
    pub(crate) fn locate_file(
        &self,
        request: &Request<'_>,
        status: &FileStatus<'_>,
    ) -> LocatedBlocksProto {
        let mut offset = 0_u64;
        let mut blocks = Vec::with_capacity(status.blocks.len());
        for block in status.blocks.iter() {
            blocks.push((offset, block));
            offset = offset.saturating_add(block.length);
        }
        let range = FileRange {
            inode: status.inode,
            length: status.settled_length(),
            under_construction: status.under_construction,
            last: blocks.last().copied(),
            blocks,
            replication: status.replication,
            block_size: status.block_size,
            storage_policy: status.storage_policy,
            erasure_coding_policy: status.erasure_coding_policy,
            last_block_open: status.last_block_open,
            access_time_due: false,
        };
        self.locate_range(request, &range)
    }
}
