//! The blocks of one file, wherever they are kept.

use loxodon_wire::ids::{BlockId, GenerationStamp};

use crate::edit::Block;

/// A file's blocks in order. Most files have one, which sits in the inode's own record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks<'a> {
    /// None or one.
    Inline(Option<Block>),
    /// Kept beside the inode.
    List(&'a [Block]),
}

impl<'a> Blocks<'a> {
    /// No blocks.
    pub const EMPTY: Self = Self::Inline(None);

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Inline(block) => usize::from(block.is_some()),
            Self::List(list) => list.len(),
        }
    }

    /// None at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The block at this place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Block> {
        match self {
            Self::Inline(block) => (*block).filter(|_| at == 0),
            Self::List(list) => list.get(at).copied(),
        }
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<Block> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The one before the last.
    #[must_use]
    pub fn penultimate(&self) -> Option<Block> {
        self.get(self.len().checked_sub(2)?)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Block> + 'a {
        let copy = *self;
        (0..copy.len()).filter_map(move |at| copy.get(at))
    }

    /// Bytes in all of them.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Inline(block) => block.map_or(0, |b| b.length),
            Self::List(list) => length_of(list),
        }
    }
}

/// The fewest blocks that hold `length` bytes, and how many bytes those have
/// (`INodeFile.collectBlocksBeyondMax`).
pub(crate) fn blocks_up_to(blocks: &[Block], length: u64) -> (usize, u64) {
    let mut bytes: u64 = 0;
    let mut count = 0;
    for block in blocks {
        if bytes >= length {
            break;
        }
        bytes = bytes.saturating_add(block.length);
        count += 1;
    }
    (count, bytes)
}

/// Bytes in all of these.
pub(crate) fn length_of(blocks: &[Block]) -> u64 {
    blocks.iter().fold(0, |sum, block| sum.saturating_add(block.length))
}

/// `Block.matchingIdAndGenStamp`: both absent, or both the same block in the same version.
pub(crate) fn same_version(a: Option<Block>, b: Option<Block>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.id == b.id && a.generation_stamp == b.generation_stamp,
        _ => false,
    }
}

/// As Java prints a block: `blk_1073741825_1001`.
pub(crate) fn block_name(block: Block) -> String {
    format!("blk_{}_{}", block.id, block.generation_stamp)
}

/// As Java prints a block that may be absent.
pub(crate) fn optional_block_name(block: Option<Block>) -> String {
    block.map_or_else(|| "null".to_owned(), block_name)
}

/// A block in 16 bytes, for the inode's own record; only what fits (others go beside it).
pub(crate) fn pack(block: Block) -> Option<[u32; 4]> {
    let id = block.id.0.cast_unsigned();
    Some([
        (id >> 32) as u32,
        id as u32,
        u32::try_from(block.generation_stamp.0).ok()?,
        u32::try_from(block.length).ok()?,
    ])
}

pub(crate) fn unpack(words: [u32; 4]) -> Block {
    let [high, low, stamp, length] = words;
    let id = (u64::from(high) << 32) | u64::from(low);
    Block {
        id: BlockId(id.cast_signed()),
        length: u64::from(length),
        generation_stamp: GenerationStamp(u64::from(stamp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_round_trips_or_refuses() {
        let block = |id, length, stamp| Block {
            id: BlockId(id),
            length,
            generation_stamp: GenerationStamp(stamp),
        };
        for b in [
            block(1_073_741_825, 134_217_728, 1001),
            block(-7, 0, 0),
            block(i64::MIN, 4_294_967_295, 1),
        ] {
            assert_eq!(pack(b).map(unpack), Some(b));
        }
        assert_eq!(pack(block(1, 1 << 32, 1)), None);
        assert_eq!(pack(block(1, 1, 1 << 32)), None);
    }
}
