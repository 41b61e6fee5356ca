//! Calls of other NameNodes and of the balancer (`NamenodeProtocol`) that need no disk.

use loxodon_blocks::{BalancerBlock, BlockError};
use loxodon_wire::proto::hdfs::namenode::{
    ErrorReportRequestProto, ErrorReportResponseProto, GetBlockKeysRequestProto,
    GetBlockKeysResponseProto, GetBlocksRequestProto, GetBlocksResponseProto,
    GetTransactionIdRequestProto, GetTransactionIdResponseProto, IsRollingUpgradeRequestProto,
    IsRollingUpgradeResponseProto, IsUpgradeFinalizedRequestProto, IsUpgradeFinalizedResponseProto,
    RegisterRequestProto, RegisterResponseProto,
};
use loxodon_wire::proto::hdfs::{
    BlockKeyProto, BlockProto, BlockWithLocationsProto, BlocksWithLocationsProto,
    ExportedBlockKeysProto,
};
use loxodon_wire::rpc::exception;

use crate::convert::datanode;
use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::request::Request;

/// `getTransactionId`.
pub(crate) fn transaction_id(
    machine: &NameNode,
    request: &mut Request<'_>,
    _: GetTransactionIdRequestProto,
) -> Result<GetTransactionIdResponseProto> {
    request.require_superuser("getTransactionID")?;
    Ok(GetTransactionIdResponseProto { tx_id: machine.last_txid.0 })
}

/// `isUpgradeFinalized`.
pub(crate) fn is_upgrade_finalized(
    _: &NameNode,
    request: &mut Request<'_>,
    _: IsUpgradeFinalizedRequestProto,
) -> Result<IsUpgradeFinalizedResponseProto> {
    request.require_superuser("isUpgradeFinalized")?;
    Ok(IsUpgradeFinalizedResponseProto { is_upgrade_finalized: true })
}

/// `isRollingUpgrade`.
pub(crate) fn is_rolling_upgrade(
    _: &NameNode,
    request: &mut Request<'_>,
    _: IsRollingUpgradeRequestProto,
) -> Result<IsRollingUpgradeResponseProto> {
    request.require_superuser("isRollingUpgrade")?;
    Ok(IsRollingUpgradeResponseProto { is_rolling_upgrade: false })
}

/// `registerSubordinateNamenode`: it is told who we are.
pub(crate) fn register_subordinate(
    machine: &NameNode,
    request: &mut Request<'_>,
    asked: RegisterRequestProto,
) -> Result<RegisterResponseProto> {
    request.require_superuser("registerSubordinateNamenode")?;
    let mut registration = asked.registration;
    registration.storage_info = machine.storage_info();
    Ok(RegisterResponseProto { registration })
}

/// `NamenodeProtocol.errorReport`.
pub(crate) fn error_report(
    _: &NameNode,
    request: &mut Request<'_>,
    asked: ErrorReportRequestProto,
) -> Result<ErrorReportResponseProto> {
    request.require_superuser("errorReport")?;
    tracing::warn!(
        namenode = %asked.registration.rpc_address,
        code = asked.error_code,
        message = %asked.msg,
        "a NameNode reports an error"
    );
    Ok(ErrorReportResponseProto {})
}

/// `getBlockKeys`: none while block tokens are off.
pub(crate) fn block_keys(
    _: &NameNode,
    request: &mut Request<'_>,
    _: GetBlockKeysRequestProto,
) -> Result<GetBlockKeysResponseProto> {
    request.require_superuser("getBlockKeys")?;
    let keys = ExportedBlockKeysProto {
        is_block_token_enabled: false,
        key_update_interval: 0,
        token_life_time: 0,
        current_key: BlockKeyProto { key_id: 0, expiry_date: 0, key_bytes: None },
        all_keys: Vec::new(),
    };
    Ok(GetBlockKeysResponseProto { keys: Some(keys) })
}

/// `getBlocks`: some of a DataNode's blocks, for the balancer to move.
pub(crate) fn blocks(
    machine: &mut NameNode,
    request: &mut Request<'_>,
    asked: GetBlocksRequestProto,
) -> Result<GetBlocksResponseProto> {
    if asked.size.cast_signed() <= 0
        || asked.min_block_size.is_some_and(|least| least.cast_signed() < 0)
    {
        return Err(NameNodeError::IllegalArgument(format!(
            "Unexpected not positive size: {}",
            asked.size.cast_signed()
        )));
    }
    request.require_superuser("getBlocks")?;
    machine.check_safe_mode(request.now, || "Cannot execute getBlocks".to_owned())?;
    let kind = asked.storage_type.map(datanode::storage_type);
    let uuid = &asked.datanode.datanode_uuid;
    let least = asked.min_block_size.unwrap_or(0);
    let interval = asked.time_interval.map_or(0, u64::cast_signed);
    let hot_since = request.now.wall.0.saturating_sub(interval.max(0).cast_unsigned());
    let NameNode { blocks: managed, namespace, .. } = &mut *machine;
    // `BlockManager.isHotBlock`.
    let is_hot = |file| {
        let status = namespace.status_of(file).filter(|_| interval > 0);
        status.is_some_and(|file| {
            file.under_construction || file.atime.0 > hot_since || file.mtime.0 > hot_since
        })
    };
    let chosen =
        managed.blocks_for_balancer(uuid, asked.size, least, kind, is_hot).map_err(|error| {
            match error {
                BlockError::UnknownDatanode(_) => NameNodeError::other(
                    exception::HADOOP_ILLEGAL_ARGUMENT,
                    format!("Datanode {uuid} not found."),
                ),
                other => other.into(),
            }
        })?;
    let blocks = chosen.into_iter().map(|BalancerBlock { block, locations }| {
        let mut located = BlockWithLocationsProto {
            block: BlockProto {
                block_id: block.id.0.cast_unsigned(),
                gen_stamp: block.stamp.0,
                num_bytes: Some(block.length),
            },
            ..BlockWithLocationsProto::default()
        };
        for place in locations {
            let node = machine.blocks.datanode(place.node);
            let storage = machine.blocks.storage(place.storage);
            if let (Some(node), Some(storage)) = (node, storage) {
                located.datanode_uuids.push(node.id().uuid.to_string());
                located.storage_uuids.push(storage.id().to_string());
                located.storage_types.push(storage.kind().to_wire());
            }
        }
        located
    });
    Ok(GetBlocksResponseProto { blocks: BlocksWithLocationsProto { blocks: blocks.collect() } })
}
