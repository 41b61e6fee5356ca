//! Opening a pipeline, and copying a block to a node that joins one.

use std::time::Duration;

use loxodon_wire::checksum::DataChecksum;
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::{Operation, Status, WriteStage};
use tokio::net::TcpStream;

use super::pipeline::{Fault, Pipeline};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::transfer::{Incoming, base_header, check_status, connect, send, within};
use crate::types::{BlockToken, ExtendedBlock, Location, StorageType};

/// `HdfsConstants.READ_TIMEOUT_EXTENSION` and `WRITE_TIMEOUT_EXTENSION`, for each node.
const TIMEOUT_EXTENSION: Duration = Duration::from_secs(5);

/// A pipeline that was not made: which node is to blame, and why.
#[derive(Debug)]
pub(crate) struct SetupFailure {
    pub(crate) fault: Fault,
    pub(crate) error: Error,
}

/// What is asked of the pipeline's nodes.
#[derive(Debug)]
pub(crate) struct SetupRequest<'a> {
    pub(crate) block: &'a ExtendedBlock,
    pub(crate) block_size: u64,
    pub(crate) token: &'a BlockToken,
    pub(crate) stage: WriteStage,
    pub(crate) generation_stamp: u64,
    pub(crate) bytes_acknowledged: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) checksum: DataChecksum,
    pub(crate) lazy_persist: bool,
    /// Addresses of preferred nodes: their replicas are pinned.
    pub(crate) favored: &'a [String],
}

/// Time-out of an answer that passes through `nodes` DataNodes; zero waits for ever.
pub(crate) fn answer_timeout(base: Duration, nodes: usize) -> Duration {
    if base.is_zero() {
        return base;
    }
    let extension = TIMEOUT_EXTENSION.saturating_mul(u32::try_from(nodes).unwrap_or(u32::MAX));
    base.saturating_add(extension)
}

/// `DataStreamer.createBlockOutputStream`.
pub(crate) async fn open_pipeline(
    client: &Client,
    pipeline: &Pipeline,
    request: &SetupRequest<'_>,
) -> std::result::Result<Incoming<TcpStream>, SetupFailure> {
    let Some(first) = pipeline.nodes.first() else {
        return Err(SetupFailure {
            fault: Fault::Unknown,
            error: Error::Pipeline(format!(
                "Could not get block locations. {} has no DataNodes. Aborting...",
                request.block
            )),
        });
    };
    let unknown = |error| SetupFailure { fault: Fault::Node(0), error };
    let mut stream = connect(client, &first.datanode).await.map_err(unknown)?;
    let operation = write_operation(client, pipeline, first, request);
    send(client, &mut stream, &first.datanode, &operation).await.map_err(unknown)?;
    let mut incoming = Incoming::new(stream);
    let limit = answer_timeout(client.settings().socket_timeout, pipeline.nodes.len());
    let doing = || {
        format!(
            "setting up the pipeline of {} at {}",
            request.block,
            first.datanode.transfer_address()
        )
    };
    let answer: hdfs::BlockOpResponseProto =
        within(limit, doing, incoming.next()).await.map_err(unknown)?;
    let link = answer.first_bad_link.as_deref().unwrap_or_default();
    let place = if link.is_empty() { None } else { pipeline.place_of(link) };
    if answer.status == Status::OobRestart as i32 {
        return Err(SetupFailure {
            fault: Fault::Restarting(place.unwrap_or(0)),
            error: Error::Pipeline(format!("a DataNode of {} is restarting", request.block)),
        });
    }
    let doing = format!("ack with firstBadLink as {link}");
    check_status(&answer, &first.datanode, &doing)
        .map_err(|error| SetupFailure { fault: Fault::Node(place.unwrap_or(0)), error })?;
    Ok(incoming)
}

fn write_operation(
    client: &Client,
    pipeline: &Pipeline,
    first: &Location,
    request: &SetupRequest<'_>,
) -> Operation {
    let rest = pipeline.nodes.get(1..).unwrap_or_default();
    let pinned = |at: &Location| {
        let address = at.datanode.transfer_address();
        request.favored.contains(&address)
    };
    // The header's length is what a full block would have: DataNodes choose a volume by it.
    let block = ExtendedBlock { length: request.block_size, ..request.block.clone() };
    Operation::WriteBlock(Box::new(hdfs::OpWriteBlockProto {
        header: hdfs::ClientOperationHeaderProto {
            base_header: base_header(&block, request.token),
            client_name: client.client_name().to_owned(),
        },
        targets: rest.iter().map(|at| at.datanode.to_proto()).collect(),
        source: None,
        stage: request.stage.to_proto(),
        pipeline_size: u32::try_from(pipeline.nodes.len()).unwrap_or(u32::MAX),
        min_bytes_rcvd: request.bytes_acknowledged,
        max_bytes_rcvd: request.bytes_sent,
        latest_generation_stamp: request.generation_stamp,
        requested_checksum: hdfs::ChecksumProto {
            r#type: request.checksum.kind().to_proto() as i32,
            bytes_per_checksum: u32::try_from(request.checksum.bytes_per_chunk())
                .unwrap_or(u32::MAX),
        },
        caching_strategy: Some(hdfs::CachingStrategyProto {
            drop_behind: client.settings().drop_behind_writes,
            readahead: client.settings().readahead,
        }),
        storage_type: Some(first.storage_type.to_wire()),
        target_storage_types: rest.iter().map(|at| at.storage_type.to_wire()).collect(),
        allow_lazy_persist: Some(request.lazy_persist),
        pinning: Some(pinned(first)),
        target_pinnings: rest.iter().map(pinned).collect(),
        storage_id: Some(first.storage_id.clone()),
        target_storage_ids: rest.iter().map(|at| at.storage_id.clone()).collect(),
    }))
}

/// Has a node copy the block to one that joins (`DataStreamer.transfer`).
pub(crate) async fn copy_replica(
    client: &Client,
    block: &ExtendedBlock,
    token: &BlockToken,
    source: &Location,
    target: &Location,
) -> Result<()> {
    let mut stream = connect(client, &source.datanode).await?;
    let storage_type: StorageType = target.storage_type;
    let operation = Operation::TransferBlock(Box::new(hdfs::OpTransferBlockProto {
        header: hdfs::ClientOperationHeaderProto {
            base_header: base_header(block, token),
            client_name: client.client_name().to_owned(),
        },
        targets: vec![target.datanode.to_proto()],
        target_storage_types: vec![storage_type.to_wire()],
        target_storage_ids: vec![target.storage_id.clone()],
    }));
    send(client, &mut stream, &source.datanode, &operation).await?;
    // A whole block may have to be copied before the answer comes.
    let limit = answer_timeout(client.settings().socket_timeout, 2)
        .saturating_add(client.settings().write_timeout);
    let doing = || format!("waiting for {} to copy {block}", source.datanode.transfer_address());
    let answer: hdfs::BlockOpResponseProto =
        within(limit, doing, Incoming::new(stream).next()).await?;
    check_status(&answer, &source.datanode, "copying a replica to a DataNode that joins")
}
