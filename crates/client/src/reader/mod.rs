//! Reading files: from whichever replica answers, checked against its checksums.

mod block;
mod file;
mod hedge;
mod layout;

pub use file::FileReader;
#[cfg(feature = "fuzzing")]
pub(crate) use layout::Layout;
