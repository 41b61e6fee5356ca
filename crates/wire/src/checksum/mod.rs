//! Checksums of block data: Hadoop's `DataChecksum`, `CrcUtil`, `CrcComposer` and the `.meta` file's header.

mod compose;
mod crc32c;
mod data;
mod meta;
#[cfg(target_arch = "x86_64")]
mod sse42;

pub use compose::{CrcComposer, StripeOverrun, combine, monomial};
pub use data::{ChecksumError, ChecksumType, DataChecksum};
pub use meta::{BlockMetadataHeader, MetadataHeaderError};

pub use self::crc32c::crc32c_append;
