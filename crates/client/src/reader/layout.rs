//! The known blocks of a file (`LocatedBlocks` as `DFSInputStream` caches them). Pure.

use crate::types::{LocatedBlock, LocatedBlocks};

/// Blocks of a file, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// By offset, without overlap.
    blocks: Vec<LocatedBlock>,
    /// Length of the file, with what is visible of a block being written.
    length: u64,
}

impl Layout {
    /// `visible` is the length of the last block where that is being written.
    pub(crate) fn new(located: LocatedBlocks, visible: Option<u64>) -> Self {
        let mut layout = Self { blocks: Vec::new(), length: located.file_length };
        layout.merge(located.blocks);
        if let Some(visible) = visible {
            layout.length = layout.length.saturating_add(visible);
            if let Some(mut last) = located.last_block {
                last.block.length = visible;
                layout.merge(vec![last]);
            }
        }
        layout
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The block that holds the byte at `offset`.
    pub(crate) fn at(&self, offset: u64) -> Option<&LocatedBlock> {
        let after = self.blocks.partition_point(|block| block.offset <= offset);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        (offset < block.end()).then_some(block)
    }

    /// Takes newer knowledge. A block that was shortened by the view of a reader (being
    /// written when the file was opened) keeps the length that the reader knows.
    pub(crate) fn merge(&mut self, newer: Vec<LocatedBlock>) {
        for mut block in newer {
            match self.blocks.binary_search_by_key(&block.offset, |known| known.offset) {
                Ok(place) => {
                    if let Some(known) = self.blocks.get_mut(place) {
                        if known.block.id == block.block.id
                            && block.block.length < known.block.length
                        {
                            block.block.length = known.block.length;
                        }
                        *known = block;
                    }
                }
                Err(place) => self.blocks.insert(place, block),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use loxodon_wire::ids::{BlockId, GenerationStamp};

    use super::*;
    use crate::types::{BlockToken, ExtendedBlock};

    fn block(id: i64, offset: u64, length: u64) -> LocatedBlock {
        LocatedBlock {
            block: ExtendedBlock {
                pool: "BP".into(),
                id: BlockId(id),
                generation_stamp: GenerationStamp(1001),
                length,
            },
            offset,
            corrupt: false,
            locations: Vec::new(),
            token: BlockToken::default(),
            group_indices: None,
        }
    }

    fn located(blocks: Vec<LocatedBlock>, file_length: u64) -> LocatedBlocks {
        LocatedBlocks { file_length, blocks, ..LocatedBlocks::default() }
    }

    #[test]
    fn blocks_are_found_by_any_of_their_bytes() {
        let mut layout = Layout::new(located(vec![block(1, 0, 10)], 25), None);
        assert_eq!(layout.at(9).map(|at| at.block.id.0), Some(1));
        assert!(layout.at(10).is_none());
        layout.merge(vec![block(3, 20, 5), block(2, 10, 10)]);
        assert_eq!(layout.at(10).map(|at| at.block.id.0), Some(2));
        assert_eq!(layout.at(24).map(|at| at.block.id.0), Some(3));
        assert!(layout.at(25).is_none());
    }

    #[test]
    fn visible_part_of_a_block_being_written_counts() {
        let mut file = located(vec![block(1, 0, 10)], 10);
        file.last_block = Some(block(2, 10, 0));
        let mut layout = Layout::new(file, Some(7));
        assert_eq!(layout.length(), 17);
        assert_eq!(layout.at(16).map(|at| at.block.length), Some(7));
        layout.merge(vec![block(2, 10, 0)]);
        assert_eq!(layout.at(16).map(|at| at.block.length), Some(7));
    }
}
