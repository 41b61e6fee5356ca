//! Full block reports.

use bytes::Bytes;
use loxodon_wire::proto::hdfs::datanode::{
    BlockReportContextProto, BlockReportRequestProto, DatanodeRegistrationProto,
    StorageBlockReportProto,
};

use super::incremental::storage_proto;
use crate::error::Result;
use crate::node::Node;

/// `BlockListAsLongs.CHUNK_SIZE`: lists are cut into buffers of this many bytes.
const BUFFER: usize = 64 * 1024;

/// The messages of a full report: one, or one per volume where there are many blocks.
pub(super) fn full_report(
    node: &Node,
    pool: &str,
    registration: &DatanodeRegistrationProto,
    id: i64,
    lease: u64,
) -> Result<Vec<BlockReportRequestProto>> {
    let pool = node.dataset.pool(pool)?;
    let lists = node.dataset.block_lists(&pool);
    let blocks: u64 = lists.iter().map(|(_, list)| list.count).sum();
    let mut storages = Vec::with_capacity(lists.len());
    for (index, list) in lists {
        // A volume that failed meanwhile is not reported.
        let Ok(volume) = node.dataset.volume(index) else { continue };
        let bytes = Bytes::from(list.bytes);
        let starts = (0..bytes.len()).step_by(BUFFER);
        let buffers =
            starts.map(|start| bytes.slice(start..bytes.len().min(start + BUFFER))).collect();
        storages.push(StorageBlockReportProto {
            storage: storage_proto(&volume),
            blocks: Vec::new(),
            number_of_blocks: Some(list.count),
            blocks_buffers: buffers,
        });
    }
    let split = blocks >= node.live.get().report_split;
    let groups: Vec<Vec<StorageBlockReportProto>> = if split {
        storages.into_iter().map(|storage| vec![storage]).collect()
    } else {
        vec![storages]
    };
    let total = groups.len() as i32;
    let message = |(at, reports): (usize, Vec<StorageBlockReportProto>)| BlockReportRequestProto {
        registration: registration.clone(),
        block_pool_id: pool.id.to_string(),
        reports,
        context: Some(BlockReportContextProto {
            total_rpcs: total,
            cur_rpc: at as i32,
            id,
            lease_id: Some(lease),
        }),
    };
    Ok(groups.into_iter().enumerate().map(message).collect())
}
