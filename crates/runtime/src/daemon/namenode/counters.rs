//! What a NameNode counts beside its calls, for `/jmx`.

use std::sync::atomic::AtomicU64;

use loxodon_rpc::metrics::Rate;

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Files and directories made.
    pub(crate) created: AtomicU64,
    /// Files, directories and links removed.
    pub(crate) removed: AtomicU64,
    /// Entries of listings.
    pub(crate) listed: AtomicU64,
    /// Repeated calls that were answered from memory.
    pub(crate) retries_known: AtomicU64,
    /// Users whose groups were looked up.
    pub(crate) group_lookups: Rate,
    /// Segments sent to others.
    pub(crate) edits_sent: Rate,
    /// Images sent to others.
    pub(crate) images_sent: Rate,
    /// Images taken from others.
    pub(crate) images_taken: Rate,
    /// Looks at the room on the disks.
    pub(crate) resource_checks: Rate,
}
