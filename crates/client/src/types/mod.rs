//! The client's own types; protobuf messages are converted here, at the door.

mod admin;
mod attribute;
mod block;
mod status;

pub use admin::{
    CorruptFileBlocks, DatanodeReportKind, DatanodeStorageReport, ErasureCodedBlockStats, FsStats,
    HaState, OpenFile, OpenFilesPage, ReplicatedBlockStats, SafeModeAction, ServerDefaults,
    StoragePolicy, StorageReport,
};
pub use attribute::{
    AclEntry, AclScope, AclStatus, AclSubject, XAttr, XAttrNamespace, XAttrSetMode,
};
pub use block::{
    AdminState, BlockToken, DatanodeInfo, ExtendedBlock, LocatedBlock, LocatedBlocks, Location,
    StorageType,
};
pub use status::{
    BatchedListing, BatchedListingPage, ContentSummary, FileKind, FileStatus, ListingPage,
    QuotaUsage, RemoteFailure, TypeQuota,
};
