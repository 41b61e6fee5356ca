//! Blocks, where their replicas are, and the DataNodes that hold them.

use std::sync::Arc;

use bytes::Bytes;
use loxodon_wire::ids::{BlockId, GenerationStamp, Milliseconds};
use loxodon_wire::proto::common::TokenProto;
use loxodon_wire::proto::hdfs;

pub use loxodon_wire::storage::{AdminState, StorageType};

use crate::error::{Error, Result};

/// A type this version does not know counts as a disk, as Hadoop's converter has it.
pub(crate) fn storage_type(number: i32) -> StorageType {
    StorageType::from_wire(number).unwrap_or_default()
}

/// A block with the pool it belongs to (`ExtendedBlock`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedBlock {
    /// The block pool's id, one per namespace.
    pub pool: Arc<str>,
    /// The block's number.
    pub id: BlockId,
    /// The version of its contents.
    pub generation_stamp: GenerationStamp,
    /// Bytes in it, as far as the sender knew.
    pub length: u64,
}

impl ExtendedBlock {
    pub(crate) fn from_proto(proto: hdfs::ExtendedBlockProto) -> Self {
        Self {
            pool: proto.pool_id.into(),
            id: BlockId(proto.block_id.cast_signed()),
            generation_stamp: GenerationStamp(proto.generation_stamp),
            length: proto.num_bytes.unwrap_or(0),
        }
    }

    pub(crate) fn to_proto(&self) -> hdfs::ExtendedBlockProto {
        hdfs::ExtendedBlockProto {
            pool_id: self.pool.as_ref().to_owned(),
            block_id: self.id.0.cast_unsigned(),
            generation_stamp: self.generation_stamp.0,
            num_bytes: Some(self.length),
        }
    }
}

impl std::fmt::Display for ExtendedBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:blk_{}_{}", self.pool, self.id, self.generation_stamp)
    }
}

/// A DataNode and what it last said about itself (`DatanodeInfo`). Sizes are in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatanodeInfo {
    /// Address as the NameNode saw it.
    pub ip: String,
    /// Name the DataNode claims.
    pub host: String,
    /// Identity that survives a change of address.
    pub uuid: String,
    /// Port of the data transfer protocol.
    pub transfer_port: u16,
    /// Port of the web interface.
    pub info_port: u16,
    /// Port of the web interface over TLS, 0 if there is none.
    pub info_secure_port: u16,
    /// Port of its RPC server.
    pub ipc_port: u16,
    /// Rack, such as `/default-rack`.
    pub rack: String,
    /// Size of all its storages.
    pub capacity: u64,
    /// Used by blocks.
    pub dfs_used: u64,
    /// Used by something else.
    pub non_dfs_used: u64,
    /// Free for blocks.
    pub remaining: u64,
    /// Used by this block pool.
    pub block_pool_used: u64,
    /// Size of its cache.
    pub cache_capacity: u64,
    /// Used of its cache.
    pub cache_used: u64,
    /// Last heartbeat.
    pub last_update: Milliseconds,
    /// Last heartbeat on the NameNode's monotonic clock.
    pub last_update_monotonic: Milliseconds,
    /// Last full block report.
    pub last_block_report: Milliseconds,
    /// Last full block report on the NameNode's monotonic clock.
    pub last_block_report_monotonic: Milliseconds,
    /// Transfers in progress.
    pub transfers: u32,
    /// Number of replicas.
    pub blocks: u32,
    /// What the administrator decided.
    pub admin_state: AdminState,
    /// Upgrade domain, where set.
    pub upgrade_domain: Option<String>,
    /// Version of its software.
    pub software_version: String,
}

impl DatanodeInfo {
    /// `ip:port` of the data transfer protocol, the DataNode's name in messages.
    #[must_use]
    pub fn transfer_address(&self) -> String {
        format!("{}:{}", self.ip, self.transfer_port)
    }

    pub(crate) fn id_from_proto(id: hdfs::DatanodeIdProto) -> Result<Self> {
        let port = |what: &'static str, value: u32| {
            u16::try_from(value).map_err(|_| Error::Protocol {
                peer: "NameNode".into(),
                message: format!("{what} {value} of a DataNode is not a port"),
            })
        };
        Ok(Self {
            transfer_port: port("transfer port", id.xfer_port)?,
            info_port: port("info port", id.info_port)?,
            info_secure_port: port("secure info port", id.info_secure_port.unwrap_or(0))?,
            ipc_port: port("RPC port", id.ipc_port)?,
            ip: id.ip_addr,
            host: id.host_name,
            uuid: id.datanode_uuid,
            ..Self::default()
        })
    }

    pub(crate) fn from_proto(proto: hdfs::DatanodeInfoProto) -> Result<Self> {
        Ok(Self {
            rack: proto.location.unwrap_or_else(|| "/default-rack".to_owned()),
            capacity: proto.capacity.unwrap_or(0),
            dfs_used: proto.dfs_used.unwrap_or(0),
            non_dfs_used: proto.non_dfs_used.unwrap_or_else(|| {
                let used = proto.dfs_used.unwrap_or(0).saturating_add(proto.remaining.unwrap_or(0));
                proto.capacity.unwrap_or(0).saturating_sub(used)
            }),
            remaining: proto.remaining.unwrap_or(0),
            block_pool_used: proto.block_pool_used.unwrap_or(0),
            cache_capacity: proto.cache_capacity.unwrap_or(0),
            cache_used: proto.cache_used.unwrap_or(0),
            last_update: Milliseconds(proto.last_update.unwrap_or(0)),
            last_update_monotonic: Milliseconds(proto.last_update_monotonic.unwrap_or(0)),
            last_block_report: Milliseconds(proto.last_block_report_time.unwrap_or(0)),
            last_block_report_monotonic: Milliseconds(
                proto.last_block_report_monotonic.unwrap_or(0),
            ),
            transfers: proto.xceiver_count.unwrap_or(0),
            blocks: proto.num_blocks.unwrap_or(0),
            admin_state: AdminState::from_wire(proto.admin_state),
            upgrade_domain: proto.upgrade_domain,
            software_version: proto.software_version.unwrap_or_default(),
            ..Self::id_from_proto(proto.id)?
        })
    }

    pub(crate) fn id_to_proto(&self) -> hdfs::DatanodeIdProto {
        hdfs::DatanodeIdProto {
            ip_addr: self.ip.clone(),
            host_name: self.host.clone(),
            datanode_uuid: self.uuid.clone(),
            xfer_port: self.transfer_port.into(),
            info_port: self.info_port.into(),
            ipc_port: self.ipc_port.into(),
            info_secure_port: Some(self.info_secure_port.into()),
        }
    }

    pub(crate) fn to_proto(&self) -> hdfs::DatanodeInfoProto {
        hdfs::DatanodeInfoProto {
            id: self.id_to_proto(),
            capacity: Some(self.capacity),
            dfs_used: Some(self.dfs_used),
            remaining: Some(self.remaining),
            block_pool_used: Some(self.block_pool_used),
            last_update: Some(self.last_update.0),
            xceiver_count: Some(self.transfers),
            location: Some(self.rack.clone()),
            non_dfs_used: Some(self.non_dfs_used),
            admin_state: Some(self.admin_state.to_wire()),
            cache_capacity: Some(self.cache_capacity),
            cache_used: Some(self.cache_used),
            last_update_monotonic: Some(self.last_update_monotonic.0),
            upgrade_domain: self.upgrade_domain.clone(),
            last_block_report_time: Some(self.last_block_report.0),
            last_block_report_monotonic: Some(self.last_block_report_monotonic.0),
            num_blocks: Some(self.blocks),
            software_version: Some(self.software_version.clone()),
        }
    }
}

/// One replica: the DataNode, and the storage of that DataNode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The DataNode.
    pub datanode: Arc<DatanodeInfo>,
    /// Id of the storage, empty where the NameNode did not say.
    pub storage_id: String,
    /// Medium of the storage.
    pub storage_type: StorageType,
    /// Whether the DataNode keeps it in its cache.
    pub cached: bool,
}

/// A permit to touch a block, opaque to the client (`Token<BlockTokenIdentifier>`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockToken {
    /// What it permits.
    pub identifier: Bytes,
    /// Proof of it.
    pub password: Bytes,
    /// Kind of the identifier.
    pub kind: String,
    /// Service it is for.
    pub service: String,
}

impl BlockToken {
    pub(crate) fn from_proto(proto: TokenProto) -> Self {
        Self {
            identifier: proto.identifier,
            password: proto.password,
            kind: proto.kind,
            service: proto.service,
        }
    }

    pub(crate) fn to_proto(&self) -> TokenProto {
        TokenProto {
            identifier: self.identifier.clone(),
            password: self.password.clone(),
            kind: self.kind.clone(),
            service: self.service.clone(),
        }
    }
}

/// A block of a file and its replicas (`LocatedBlock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedBlock {
    /// The block; its length counts, unless it is being written.
    pub block: ExtendedBlock,
    /// Where in the file it begins.
    pub offset: u64,
    /// Every known replica is damaged.
    pub corrupt: bool,
    /// Replicas, nearest first.
    pub locations: Vec<Location>,
    /// Permit to read or write it.
    pub token: BlockToken,
    /// Indices of an erasure-coded group's members; `None` for a replicated block.
    pub group_indices: Option<Bytes>,
}

impl LocatedBlock {
    pub(crate) fn from_proto(proto: hdfs::LocatedBlockProto) -> Result<Self> {
        let mut storage_ids = proto.storage_i_ds.into_iter();
        let mut storage_types = proto.storage_types.into_iter();
        let mut cached = proto.is_cached.into_iter();
        let locations = proto
            .locs
            .into_iter()
            .map(|info| {
                Ok(Location {
                    datanode: Arc::new(DatanodeInfo::from_proto(info)?),
                    storage_id: storage_ids.next().unwrap_or_default(),
                    storage_type: storage_types
                        .next()
                        .map_or_else(StorageType::default, storage_type),
                    cached: cached.next().unwrap_or(false),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            block: ExtendedBlock::from_proto(proto.b),
            offset: proto.offset,
            corrupt: proto.corrupt,
            locations,
            token: BlockToken::from_proto(proto.block_token),
            group_indices: proto.block_indices,
        })
    }

    pub(crate) fn to_proto(&self) -> hdfs::LocatedBlockProto {
        hdfs::LocatedBlockProto {
            b: self.block.to_proto(),
            offset: self.offset,
            locs: self.locations.iter().map(|at| at.datanode.to_proto()).collect(),
            corrupt: self.corrupt,
            block_token: self.token.to_proto(),
            is_cached: self.locations.iter().map(|at| at.cached).collect(),
            storage_types: self.locations.iter().map(|at| at.storage_type.to_wire()).collect(),
            storage_i_ds: self.locations.iter().map(|at| at.storage_id.clone()).collect(),
            block_indices: self.group_indices.clone(),
            block_tokens: Vec::new(),
        }
    }

    /// First byte of the file after this block.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.block.length)
    }
}

/// The blocks of a range of a file (`LocatedBlocks`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocatedBlocks {
    /// Length of all complete blocks of the file.
    pub file_length: u64,
    /// Blocks in the asked range, by offset.
    pub blocks: Vec<LocatedBlock>,
    /// Somebody is writing the file.
    pub under_construction: bool,
    /// The file's last block.
    pub last_block: Option<LocatedBlock>,
    /// Whether the last block is complete.
    pub last_block_complete: bool,
    /// Name of the erasure coding policy, `None` for a replicated file.
    pub erasure_coding_policy: Option<String>,
    /// Whether the contents are encrypted (transparent encryption zones).
    pub encrypted: bool,
}

impl LocatedBlocks {
    pub(crate) fn from_proto(proto: hdfs::LocatedBlocksProto) -> Result<Self> {
        Ok(Self {
            file_length: proto.file_length,
            blocks: proto
                .blocks
                .into_iter()
                .map(LocatedBlock::from_proto)
                .collect::<Result<_>>()?,
            under_construction: proto.under_construction,
            last_block: proto.last_block.map(LocatedBlock::from_proto).transpose()?,
            last_block_complete: proto.is_last_block_complete,
            erasure_coding_policy: proto.ec_policy.map(erasure_coding_name),
            encrypted: proto.file_encryption_info.is_some(),
        })
    }
}

/// System policies travel by number alone (`SystemErasureCodingPolicies`).
pub(crate) fn erasure_coding_name(proto: hdfs::ErasureCodingPolicyProto) -> String {
    proto.name.unwrap_or_else(|| {
        match proto.id {
            0 => "REPLICATION",
            1 => "RS-6-3-1024k",
            2 => "RS-3-2-1024k",
            3 => "RS-LEGACY-6-3-1024k",
            4 => "XOR-2-1-1024k",
            5 => "RS-10-4-1024k",
            other => return format!("ID-{other}"),
        }
        .to_owned()
    })
}
