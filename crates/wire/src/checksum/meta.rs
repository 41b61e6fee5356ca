//! The first bytes of a `.meta` file: Hadoop's `BlockMetadataHeader`.

use super::{ChecksumError, DataChecksum};

/// The header of a `.meta` file; the chunks' checksums follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockMetadataHeader {
    /// The file's version; 1 is written.
    pub version: u16,
    /// How the block's data is summed.
    pub checksum: DataChecksum,
}

/// A `.meta` file that does not begin as one (`CorruptMetaHeaderException`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataHeaderError {
    /// The file ends within the header.
    #[error("the meta file is truncated: {0} bytes of a header of 7")]
    Truncated(usize),
    /// The checksum is none that exists.
    #[error("the block meta file header is corrupt: {0}")]
    Checksum(#[from] ChecksumError),
}

impl BlockMetadataHeader {
    /// The version that Hadoop writes.
    pub const VERSION: u16 = 1;
    /// Bytes of the header.
    pub const SIZE: usize = 2 + DataChecksum::HEADER_SIZE;

    /// A header of the current version.
    #[must_use]
    pub const fn new(checksum: DataChecksum) -> Self {
        Self { version: Self::VERSION, checksum }
    }

    /// The header's bytes.
    #[must_use]
    pub const fn encode(&self) -> [u8; Self::SIZE] {
        let [high, low] = self.version.to_be_bytes();
        let [kind, a, b, c, d] = self.checksum.header();
        [high, low, kind, a, b, c, d]
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// If they are too few, or name a checksum that does not exist.
    pub fn decode(bytes: &[u8]) -> Result<Self, MetadataHeaderError> {
        let Some(&[high, low, ref checksum @ ..]) = bytes.first_chunk::<{ Self::SIZE }>() else {
            return Err(MetadataHeaderError::Truncated(bytes.len()));
        };
        let checksum = DataChecksum::from_header(*checksum)?;
        Ok(Self { version: u16::from_be_bytes([high, low]), checksum })
    }

    /// Where in the `.meta` file the checksum of the chunk lies that holds byte `offset` of the block; saturates.
    #[must_use]
    pub const fn position_of(checksum: &DataChecksum, offset: u64) -> u64 {
        (offset / checksum.bytes_per_chunk() as u64)
            .saturating_mul(checksum.checksum_size() as u64)
            .saturating_add(Self::SIZE as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::ChecksumType;

    #[test]
    fn as_java_writes_it() {
        let header =
            BlockMetadataHeader::new(DataChecksum::new(ChecksumType::Crc32c, 512).unwrap());
        assert_eq!(header.encode(), [0, 1, 2, 0, 0, 2, 0]);
        assert_eq!(BlockMetadataHeader::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn refusals() {
        assert_eq!(BlockMetadataHeader::decode(&[0, 1, 2]), Err(MetadataHeaderError::Truncated(3)));
        let unknown = MetadataHeaderError::Checksum(ChecksumError::UnknownType(9));
        assert_eq!(BlockMetadataHeader::decode(&[0, 1, 9, 0, 0, 2, 0]), Err(unknown));
        let empty = MetadataHeaderError::Checksum(ChecksumError::ChunkSize(0));
        assert_eq!(BlockMetadataHeader::decode(&[0, 1, 1, 0, 0, 0, 0]), Err(empty));
    }
}
