//! A checksum per chunk of data: Hadoop's `DataChecksum`.

use super::crc32c::{LANES, crc32c_append, crc32c_lanes};
use crate::proto::hdfs::ChecksumTypeProto;

/// `DataChecksum.Type`, as numbered in `.meta` files and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumType {
    /// No checksums.
    Null,
    /// The polynomial of gzip.
    Crc32,
    /// Castagnoli's polynomial, the default.
    Crc32c,
}

impl ChecksumType {
    /// The number in `.meta` files and messages.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Crc32 => 1,
            Self::Crc32c => 2,
        }
    }

    /// The type with this number; "default" (3) and "mixed" (4) are no types of data.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::Null),
            1 => Some(Self::Crc32),
            2 => Some(Self::Crc32c),
            _ => None,
        }
    }

    /// Hadoop's name of the type, as in `dfs.checksum.type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Null, Self::Crc32, Self::Crc32c].into_iter().find(|kind| kind.name() == name)
    }

    /// Bytes of one checksum.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Crc32 | Self::Crc32c => 4,
        }
    }

    /// The message's number of this type.
    #[must_use]
    pub const fn to_proto(self) -> ChecksumTypeProto {
        match self {
            Self::Null => ChecksumTypeProto::ChecksumNull,
            Self::Crc32 => ChecksumTypeProto::ChecksumCrc32,
            Self::Crc32c => ChecksumTypeProto::ChecksumCrc32c,
        }
    }

    /// The sum of what `crc` stands for, followed by `data`; 0 stands for nothing. 0 for `Null`.
    #[must_use]
    pub fn append(self, crc: u32, data: &[u8]) -> u32 {
        match self {
            Self::Null => 0,
            Self::Crc32 => {
                let mut hasher = crc32fast::Hasher::new_with_initial(crc);
                hasher.update(data);
                hasher.finalize()
            }
            Self::Crc32c => crc32c_append(crc, data),
        }
    }
}

/// What is wrong with checksums or with data that they cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// A chunk's sum is not the one sent or stored along with it (`ChecksumException`).
    #[error(
        "checksum error in the chunk at {offset}: stored {stored:#010x}, computed {computed:#010x}"
    )]
    Mismatch {
        /// Where the chunk begins, from the start of the data that was given.
        offset: usize,
        /// The checksum that came with the data.
        stored: u32,
        /// The checksum of the data as it is.
        computed: u32,
    },
    /// Too few or too many checksums for the data.
    #[error("{actual} bytes of checksums for data that needs {expected}")]
    Length {
        /// Bytes the data needs.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A number that no checksum type has (`InvalidChecksumSizeException`).
    #[error("the value {0} does not map to a valid checksum type")]
    UnknownType(u32),
    /// A chunk of no or of an absurd number of bytes (`InvalidChecksumSizeException`).
    #[error("{0} bytes per checksum are out of range")]
    ChunkSize(u64),
}

/// A checksum type and the bytes that one checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataChecksum {
    kind: ChecksumType,
    bytes_per_chunk: u32,
}

impl DataChecksum {
    /// Bytes of an encoded header: the type's number and the chunk size.
    pub const HEADER_SIZE: usize = 5;

    /// # Errors
    /// If the chunk size is 0 or more than `i32::MAX`, which Java could not hold.
    pub const fn new(kind: ChecksumType, bytes_per_chunk: u32) -> Result<Self, ChecksumError> {
        if bytes_per_chunk == 0 || bytes_per_chunk > i32::MAX as u32 {
            return Err(ChecksumError::ChunkSize(bytes_per_chunk as u64));
        }
        Ok(Self { kind, bytes_per_chunk })
    }

    /// What a message asks for.
    ///
    /// # Errors
    /// If the type or the chunk size is none.
    pub fn from_proto(kind: i32, bytes_per_chunk: u32) -> Result<Self, ChecksumError> {
        let known = u8::try_from(kind).ok().and_then(ChecksumType::from_id);
        Self::new(known.ok_or(ChecksumError::UnknownType(kind as u32))?, bytes_per_chunk)
    }

    /// The header as in `.meta` files.
    #[must_use]
    pub const fn header(&self) -> [u8; Self::HEADER_SIZE] {
        let size = self.bytes_per_chunk.to_be_bytes();
        [self.kind.id(), size[0], size[1], size[2], size[3]]
    }

    /// Reads a header as in `.meta` files.
    ///
    /// # Errors
    /// If the type or the chunk size is none.
    pub const fn from_header(header: [u8; Self::HEADER_SIZE]) -> Result<Self, ChecksumError> {
        let [kind, size @ ..] = header;
        let Some(known) = ChecksumType::from_id(kind) else {
            return Err(ChecksumError::UnknownType(kind as u32));
        };
        Self::new(known, u32::from_be_bytes(size))
    }

    /// The checksum type.
    #[must_use]
    pub const fn kind(&self) -> ChecksumType {
        self.kind
    }

    /// Bytes that one checksum covers; at least 1.
    #[must_use]
    pub const fn bytes_per_chunk(&self) -> usize {
        self.bytes_per_chunk as usize
    }

    /// Bytes of one checksum.
    #[must_use]
    pub const fn checksum_size(&self) -> usize {
        self.kind.size()
    }

    /// Bytes of the checksums that `data_len` bytes from a chunk's start need; saturates.
    #[must_use]
    pub const fn checksums_len(&self, data_len: u64) -> u64 {
        data_len.div_ceil(self.bytes_per_chunk as u64).saturating_mul(self.kind.size() as u64)
    }

    /// Writes the checksums of `data`, which begins at a chunk's start, into `checksums`.
    ///
    /// # Errors
    /// If `checksums` is not as long as [`Self::checksums_len`] says.
    pub fn compute(&self, data: &[u8], checksums: &mut [u8]) -> Result<(), ChecksumError> {
        self.check_length(data, checksums.len())?;
        if self.kind == ChecksumType::Null {
            return Ok(());
        }
        let (slots, _) = checksums.as_chunks_mut::<4>();
        let mut slots = slots.iter_mut();
        self.for_each(data, |_, sum| {
            if let Some(slot) = slots.next() {
                *slot = sum.to_be_bytes();
            }
            Ok(())
        })
    }

    /// Compares the checksums of `data`, which begins at a chunk's start, with `checksums`.
    ///
    /// # Errors
    /// The first chunk that differs, or a wrong number of checksums.
    pub fn verify(&self, data: &[u8], checksums: &[u8]) -> Result<(), ChecksumError> {
        self.check_length(data, checksums.len())?;
        if self.kind == ChecksumType::Null {
            return Ok(());
        }
        let (stored, _) = checksums.as_chunks::<4>();
        let mut stored = stored.iter();
        self.for_each(data, |offset, computed| match stored.next() {
            Some(&sum) if u32::from_be_bytes(sum) == computed => Ok(()),
            Some(&sum) => {
                Err(ChecksumError::Mismatch { offset, stored: u32::from_be_bytes(sum), computed })
            }
            None => Ok(()),
        })
    }

    fn check_length(&self, data: &[u8], actual: usize) -> Result<(), ChecksumError> {
        let expected = self.checksums_len(data.len() as u64) as usize;
        if actual == expected { Ok(()) } else { Err(ChecksumError::Length { expected, actual }) }
    }

    /// Calls `visit` with each chunk's offset and sum.
    #[inline]
    fn for_each(
        &self,
        data: &[u8],
        mut visit: impl FnMut(usize, u32) -> Result<(), ChecksumError>,
    ) -> Result<(), ChecksumError> {
        let size = self.bytes_per_chunk();
        let mut offset = 0;
        if self.kind == ChecksumType::Crc32c {
            for group in data.chunks_exact(size.saturating_mul(LANES)) {
                for sum in crc32c_lanes(group, size) {
                    visit(offset, sum)?;
                    offset = offset.saturating_add(size);
                }
            }
        }
        for chunk in data.get(offset..).unwrap_or_default().chunks(size) {
            visit(offset, self.kind.append(0, chunk))?;
            offset = offset.saturating_add(chunk.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> impl proptest::strategy::Strategy<Value = ChecksumType> {
        proptest::sample::select(vec![
            ChecksumType::Null,
            ChecksumType::Crc32,
            ChecksumType::Crc32c,
        ])
    }

    proptest::proptest! {
        #[test]
        fn a_flipped_bit_is_found(
            kind in kinds(), size in 1_u32..700, mut data in proptest::collection::vec(proptest::num::u8::ANY, 1..9000), at: usize,
        ) {
            let checksum = DataChecksum::new(kind, size).unwrap();
            let mut sums = vec![0; checksum.checksums_len(data.len() as u64) as usize];
            checksum.compute(&data, &mut sums).unwrap();
            checksum.verify(&data, &sums).unwrap();
            let at = at % data.len();
            data[at] ^= 0x10;
            let start = at / size as usize * size as usize;
            match (kind, checksum.verify(&data, &sums)) {
                (ChecksumType::Null, result) => result.unwrap(),
                (_, Err(ChecksumError::Mismatch { offset, .. })) => assert_eq!(offset, start),
                (_, other) => panic!("{other:?}"),
            }
        }

        #[test]
        fn headers_round_trip(kind in kinds(), size in 1_u32..=i32::MAX as u32) {
            let checksum = DataChecksum::new(kind, size).unwrap();
            assert_eq!(DataChecksum::from_header(checksum.header()), Ok(checksum));
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(DataChecksum::new(ChecksumType::Crc32, 0), Err(ChecksumError::ChunkSize(0)));
        assert_eq!(DataChecksum::from_proto(4, 512), Err(ChecksumError::UnknownType(4)));
        let checksum = DataChecksum::new(ChecksumType::Crc32, 512).unwrap();
        let error = ChecksumError::Length { expected: 8, actual: 4 };
        assert_eq!(checksum.verify(&[0; 513], &[0; 4]), Err(error));
    }
}
