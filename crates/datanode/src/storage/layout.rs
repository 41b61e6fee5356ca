//! File names and places of replicas: Hadoop's `DatanodeUtil`, `Block` and `BlockPoolSlice`.

use std::path::{Path, PathBuf};

use loxodon_wire::ids::{BlockId, GenerationStamp};

pub(crate) const FINALIZED: &str = "finalized";
pub(crate) const RBW: &str = "rbw";
pub(crate) const TMP: &str = "tmp";

/// `subdirX/subdirY` of a block (`DatanodeUtil.idToBlockDir`).
pub(crate) fn block_directory(finalized: &Path, id: BlockId) -> PathBuf {
    let (first, second) = (id.0 >> 16 & 0x1f, id.0 >> 8 & 0x1f);
    finalized.join(format!("subdir{first}/subdir{second}"))
}

pub(crate) fn data_name(id: BlockId) -> String {
    format!("blk_{id}")
}

pub(crate) fn meta_name(id: BlockId, stamp: GenerationStamp) -> String {
    format!("blk_{id}_{stamp}.meta")
}

/// What a file in a replica directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplicaFile {
    /// `blk_N`
    Data(BlockId),
    /// `blk_N_GS.meta`
    Meta(BlockId, GenerationStamp),
}

impl ReplicaFile {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("blk_")?;
        if let Some(numbers) = rest.strip_suffix(".meta") {
            let (id, stamp) = numbers.rsplit_once('_')?;
            return Some(Self::Meta(
                BlockId(id.parse().ok()?),
                GenerationStamp(stamp.parse().ok()?),
            ));
        }
        Some(Self::Data(BlockId(rest.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let id = BlockId(1_073_741_825);
        assert_eq!(ReplicaFile::parse(&data_name(id)), Some(ReplicaFile::Data(id)));
        let stamp = GenerationStamp(1001);
        assert_eq!(ReplicaFile::parse(&meta_name(id, stamp)), Some(ReplicaFile::Meta(id, stamp)));
        for other in ["blk_", "blk_x", "blk_1_.meta", "blk_1.meta", "VERSION", "blk_1_2.meta.tmp"] {
            assert_eq!(ReplicaFile::parse(other), None, "{other}");
        }
        assert_eq!(
            block_directory(Path::new("f"), BlockId(1_073_741_825 + 0x1_0300)),
            Path::new("f/subdir1/subdir3")
        );
    }
}
