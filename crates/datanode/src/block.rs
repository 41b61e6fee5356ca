//! A block's name and length, with the pool it belongs to: Hadoop's `ExtendedBlock`.

use std::fmt;
use std::sync::Arc;

use loxodon_wire::ids::{BlockId, GenerationStamp};
use loxodon_wire::proto::hdfs::{BlockProto, ExtendedBlockProto};

/// A block of a pool, in one version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    /// The pool's name (`BP-...`).
    pub(crate) pool: Arc<str>,
    /// The block's number.
    pub(crate) id: BlockId,
    /// Its version.
    pub(crate) stamp: GenerationStamp,
    /// Its length in bytes, as far as whoever speaks of it knows.
    pub(crate) length: u64,
}

impl Block {
    /// The block that a message names.
    #[must_use]
    pub(crate) fn from_proto(block: &ExtendedBlockProto) -> Self {
        Self {
            pool: block.pool_id.as_str().into(),
            id: BlockId(block.block_id as i64),
            stamp: GenerationStamp(block.generation_stamp),
            length: block.num_bytes.unwrap_or(0),
        }
    }

    /// The block that a message names, in a pool that is known.
    #[must_use]
    pub(crate) fn in_pool(pool: &Arc<str>, block: &BlockProto) -> Self {
        Self {
            pool: Arc::clone(pool),
            id: BlockId(block.block_id as i64),
            stamp: GenerationStamp(block.gen_stamp),
            length: block.num_bytes.unwrap_or(0),
        }
    }

    /// For a message.
    #[must_use]
    pub(crate) fn to_proto(&self) -> ExtendedBlockProto {
        ExtendedBlockProto {
            pool_id: self.pool.to_string(),
            block_id: self.id.0 as u64,
            generation_stamp: self.stamp.0,
            num_bytes: Some(self.length),
        }
    }

    /// For a message that names the pool elsewhere.
    #[must_use]
    pub(crate) const fn to_block_proto(&self) -> BlockProto {
        BlockProto {
            block_id: self.id.0 as u64,
            gen_stamp: self.stamp.0,
            num_bytes: Some(self.length),
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:blk_{}_{}", self.pool, self.id, self.stamp)
    }
}
