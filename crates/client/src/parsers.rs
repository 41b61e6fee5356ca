//! What only this crate makes of answers, opened for `fuzz/` (feature `fuzzing`).

use loxodon_wire::proto::hdfs;
use prost::Message;

use crate::reader::Layout;
use crate::transfer::Incoming;
use crate::types::{
    AclStatus, BatchedListingPage, ContentSummary, DatanodeInfo, DatanodeStorageReport, FileStatus,
    ListingPage, LocatedBlocks, OpenFilesPage, QuotaUsage, ServerDefaults, StoragePolicy, XAttr,
};

/// A NameNode's answer of some kind.
pub fn answer(kind: u8, bytes: &[u8]) {
    macro_rules! read {
        ($message:ident, $convert:expr) => {
            if let Ok(message) = hdfs::$message::decode(bytes) {
                let _ = $convert(message);
            }
        };
    }
    match kind % 13 {
        0 => read!(HdfsFileStatusProto, FileStatus::from_proto),
        1 => read!(DirectoryListingProto, ListingPage::from_proto),
        2 => read!(GetBatchedListingResponseProto, BatchedListingPage::from_proto),
        3 => read!(ContentSummaryProto, ContentSummary::from_proto),
        4 => read!(QuotaUsageProto, QuotaUsage::from_proto),
        5 => read!(LocatedBlocksProto, located),
        6 => read!(DatanodeInfoProto, DatanodeInfo::from_proto),
        7 => read!(DatanodeStorageReportProto, DatanodeStorageReport::from_proto),
        8 => read!(AclStatusProto, AclStatus::from_proto),
        9 => read!(XAttrProto, XAttr::from_proto),
        10 => read!(FsServerDefaultsProto, ServerDefaults::from_proto),
        11 => read!(ListOpenFilesResponseProto, OpenFilesPage::from_proto),
        _ => read!(BlockStoragePolicyProto, StoragePolicy::from_proto),
    }
}

/// Where the blocks of a file are, and what is looked up in that.
fn located(message: hdfs::LocatedBlocksProto) {
    let Ok(located) = LocatedBlocks::from_proto(message) else { return };
    let more = located.clone();
    let mut layout = Layout::new(located, None);
    layout.merge(more.blocks);
    let length = layout.length();
    for offset in [0, 1, length.saturating_sub(1), length, u64::MAX] {
        let _ = layout.at(offset);
    }
}

/// Messages of a DataNode, one after the other.
pub async fn datanode(bytes: &[u8]) {
    let mut incoming = Incoming::new(bytes);
    while incoming.next::<hdfs::BlockOpResponseProto>().await.is_ok() {}
    let mut incoming = Incoming::new(bytes);
    while incoming.next::<hdfs::PipelineAckProto>().await.is_ok() {}
}
