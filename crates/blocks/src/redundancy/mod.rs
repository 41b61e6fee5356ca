//! Tables of blocks that have too few, too many or damaged replicas.

mod corrupt;
mod low;
mod pending;

pub use corrupt::CorruptReason;
pub(crate) use corrupt::{CorruptReplicas, DistrustedReplicas};
pub(crate) use low::LowRedundancy;
pub use low::{PRIORITY_LEVELS, Priority};
pub(crate) use pending::PendingTransfers;
