//! The cluster as an administrator sees it.

use loxodon_wire::proto::common::HaServiceStateProto;
use loxodon_wire::proto::hdfs;

use super::block::{DatanodeInfo, StorageType, storage_type};
use crate::error::{Error, Result};

/// What the NameNode tells clients to assume (`FsServerDefaults`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerDefaults {
    /// Block size in bytes.
    pub block_size: u64,
    /// Bytes that one checksum covers.
    pub bytes_per_checksum: u32,
    /// Size of a write packet in bytes.
    pub write_packet_size: u32,
    /// Number of replicas.
    pub replication: u16,
    /// Buffer size for streams in bytes.
    pub file_buffer_size: u32,
    /// Data transfer must be encrypted.
    pub encrypt_data_transfer: bool,
    /// Minutes between checkpoints of the trash, 0 if the server keeps none.
    pub trash_interval_minutes: u64,
    /// Checksum type, as `ChecksumTypeProto` numbers it (0 none, 1 CRC32, 2 CRC32C).
    pub checksum_type: i32,
    /// Where keys of encryption zones come from.
    pub key_provider_uri: Option<String>,
    /// Default storage policy.
    pub storage_policy: u8,
}

impl ServerDefaults {
    pub(crate) fn from_proto(proto: hdfs::FsServerDefaultsProto) -> Result<Self> {
        Ok(Self {
            checksum_type: proto.checksum_type() as i32,
            block_size: proto.block_size,
            bytes_per_checksum: proto.bytes_per_checksum,
            write_packet_size: proto.write_packet_size,
            replication: u16::try_from(proto.replication).map_err(|_| Error::Protocol {
                peer: "NameNode".into(),
                message: format!("default replication {} is out of range", proto.replication),
            })?,
            file_buffer_size: proto.file_buffer_size,
            encrypt_data_transfer: proto.encrypt_data_transfer.unwrap_or(false),
            trash_interval_minutes: proto.trash_interval.unwrap_or(0),
            key_provider_uri: proto.key_provider_uri.filter(|uri| !uri.is_empty()),
            storage_policy: u8::try_from(proto.policy_id.unwrap_or(0)).unwrap_or(0),
        })
    }
}

/// Totals of the file system. Sizes are in bytes, the rest are blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsStats {
    /// Size of all storages.
    pub capacity: u64,
    /// Used by blocks.
    pub used: u64,
    /// Free for blocks.
    pub remaining: u64,
    /// With fewer replicas than wanted.
    pub under_replicated: u64,
    /// With a damaged replica.
    pub corrupt_blocks: u64,
    /// Without a good replica.
    pub missing_blocks: u64,
    /// Missing, and wanted only once.
    pub missing_replication_one_blocks: u64,
    /// With a generation stamp that was not given out yet.
    pub blocks_in_future: u64,
    /// Waiting to be deleted.
    pub pending_deletion_blocks: u64,
}

impl FsStats {
    pub(crate) fn from_proto(proto: &hdfs::GetFsStatsResponseProto) -> Self {
        Self {
            capacity: proto.capacity,
            used: proto.used,
            remaining: proto.remaining,
            under_replicated: proto.under_replicated,
            corrupt_blocks: proto.corrupt_blocks,
            missing_blocks: proto.missing_blocks,
            missing_replication_one_blocks: proto.missing_repl_one_blocks.unwrap_or(0),
            blocks_in_future: proto.blocks_in_future.unwrap_or(0),
            pending_deletion_blocks: proto.pending_deletion_blocks.unwrap_or(0),
        }
    }
}

/// Counts of replicated blocks (`ReplicatedBlockStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicatedBlockStats {
    /// With fewer replicas than wanted.
    pub low_redundancy: u64,
    /// With a damaged replica.
    pub corrupt: u64,
    /// Without a good replica.
    pub missing: u64,
    /// Missing, and wanted only once.
    pub missing_replication_one: u64,
    /// With a generation stamp that was not given out yet.
    pub in_future: u64,
    /// Waiting to be deleted.
    pub pending_deletion: u64,
    /// In the queue that is served first.
    pub highest_priority_low_redundancy: Option<u64>,
    /// On too few racks.
    pub badly_distributed: Option<u64>,
}

impl ReplicatedBlockStats {
    pub(crate) fn from_proto(proto: &hdfs::GetFsReplicatedBlockStatsResponseProto) -> Self {
        Self {
            low_redundancy: proto.low_redundancy,
            corrupt: proto.corrupt_blocks,
            missing: proto.missing_blocks,
            missing_replication_one: proto.missing_repl_one_blocks,
            in_future: proto.blocks_in_future,
            pending_deletion: proto.pending_deletion_blocks,
            highest_priority_low_redundancy: proto.highest_prio_low_redundancy_blocks,
            badly_distributed: proto.badly_distributed_blocks,
        }
    }
}

/// Counts of erasure-coded block groups (`ECBlockGroupStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureCodedBlockStats {
    /// With fewer members than wanted.
    pub low_redundancy: u64,
    /// With a damaged member.
    pub corrupt: u64,
    /// With too few members to be read.
    pub missing: u64,
    /// With a generation stamp that was not given out yet.
    pub in_future: u64,
    /// Waiting to be deleted.
    pub pending_deletion: u64,
    /// In the queue that is served first.
    pub highest_priority_low_redundancy: Option<u64>,
    /// On too few racks.
    pub badly_distributed: Option<u64>,
}

impl ErasureCodedBlockStats {
    pub(crate) fn from_proto(proto: &hdfs::GetFsEcBlockGroupStatsResponseProto) -> Self {
        Self {
            low_redundancy: proto.low_redundancy,
            corrupt: proto.corrupt_blocks,
            missing: proto.missing_blocks,
            in_future: proto.blocks_in_future,
            pending_deletion: proto.pending_deletion_blocks,
            highest_priority_low_redundancy: proto.highest_prio_low_redundancy_blocks,
            badly_distributed: proto.badly_distributed_blocks,
        }
    }
}

/// Which DataNodes a report is about (`HdfsConstants.DatanodeReportType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatanodeReportKind {
    /// All that are known.
    All,
    /// Those that send heartbeats.
    Live,
    /// Those that stopped.
    Dead,
    /// Those being decommissioned.
    Decommissioning,
    /// Those about to go into maintenance.
    EnteringMaintenance,
    /// Those in maintenance.
    InMaintenance,
}

impl DatanodeReportKind {
    pub(crate) const fn to_wire(self) -> i32 {
        use hdfs::DatanodeReportTypeProto as Wire;
        (match self {
            Self::All => Wire::All,
            Self::Live => Wire::Live,
            Self::Dead => Wire::Dead,
            Self::Decommissioning => Wire::Decommissioning,
            Self::EnteringMaintenance => Wire::EnteringMaintenance,
            Self::InMaintenance => Wire::InMaintenance,
        }) as i32
    }
}

/// One storage of a DataNode; sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageReport {
    /// Its id.
    pub storage_id: String,
    /// Its medium.
    pub storage_type: StorageType,
    /// It failed.
    pub failed: bool,
    /// Its size.
    pub capacity: u64,
    /// Used by blocks.
    pub dfs_used: u64,
    /// Used by something else.
    pub non_dfs_used: u64,
    /// Free for blocks.
    pub remaining: u64,
    /// Used by this block pool.
    pub block_pool_used: u64,
    /// Mount point, where the DataNode says.
    pub mount: Option<String>,
}

/// A DataNode with its storages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatanodeStorageReport {
    /// The DataNode.
    pub datanode: DatanodeInfo,
    /// Its storages.
    pub storages: Vec<StorageReport>,
}

impl DatanodeStorageReport {
    pub(crate) fn from_proto(proto: hdfs::DatanodeStorageReportProto) -> Result<Self> {
        let storages = proto
            .storage_reports
            .into_iter()
            .map(|report| StorageReport {
                storage_type: report
                    .storage
                    .as_ref()
                    .and_then(|storage| storage.storage_type)
                    .map_or_else(StorageType::default, storage_type),
                storage_id: report.storage.map(|storage| storage.storage_uuid).unwrap_or_default(),
                failed: report.failed.unwrap_or(false),
                capacity: report.capacity.unwrap_or(0),
                dfs_used: report.dfs_used.unwrap_or(0),
                non_dfs_used: report.non_dfs_used.unwrap_or(0),
                remaining: report.remaining.unwrap_or(0),
                block_pool_used: report.block_pool_used.unwrap_or(0),
                mount: report.mount,
            })
            .collect();
        Ok(Self { datanode: DatanodeInfo::from_proto(proto.datanode_info)?, storages })
    }
}

/// What to do about safe mode (`HdfsConstants.SafeModeAction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeModeAction {
    /// Leave it.
    Leave,
    /// Enter it.
    Enter,
    /// Only ask.
    Get,
    /// Leave it even if blocks from the future would be lost.
    ForceExit,
}

impl SafeModeAction {
    pub(crate) const fn to_wire(self) -> i32 {
        use hdfs::SafeModeActionProto as Wire;
        (match self {
            Self::Leave => Wire::SafemodeLeave,
            Self::Enter => Wire::SafemodeEnter,
            Self::Get => Wire::SafemodeGet,
            Self::ForceExit => Wire::SafemodeForceExit,
        }) as i32
    }
}

/// A storage policy (`BlockStoragePolicy`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    /// Its number.
    pub id: u8,
    /// Its name, such as `HOT`.
    pub name: String,
    /// Types for the replicas, the last one repeated.
    pub storage_types: Vec<StorageType>,
    /// Instead of those, when a block is created.
    pub creation_fallbacks: Vec<StorageType>,
    /// Instead of those, when a replica is added.
    pub replication_fallbacks: Vec<StorageType>,
}

impl StoragePolicy {
    pub(crate) fn from_proto(proto: hdfs::BlockStoragePolicyProto) -> Self {
        let types = |proto: hdfs::StorageTypesProto| {
            proto.storage_types.into_iter().map(storage_type).collect()
        };
        Self {
            id: u8::try_from(proto.policy_id).unwrap_or(0),
            name: proto.name,
            storage_types: types(proto.creation_policy),
            creation_fallbacks: proto.creation_fallback_policy.map_or_else(Vec::new, types),
            replication_fallbacks: proto.replication_fallback_policy.map_or_else(Vec::new, types),
        }
    }
}

/// A file that somebody is writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// Number of its inode.
    pub id: i64,
    /// Its path.
    pub path: String,
    /// Name of the client that holds the lease.
    pub client_name: String,
    /// Machine of that client.
    pub client_machine: String,
}

/// A page of open files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenFilesPage {
    /// The files, by inode number.
    pub files: Vec<OpenFile>,
    /// Whether to ask again, with the last one's id.
    pub has_more: bool,
}

impl OpenFilesPage {
    pub(crate) fn from_proto(proto: hdfs::ListOpenFilesResponseProto) -> Self {
        Self {
            files: proto
                .entries
                .into_iter()
                .map(|entry| OpenFile {
                    id: entry.id,
                    path: entry.path,
                    client_name: entry.client_name,
                    client_machine: entry.client_machine,
                })
                .collect(),
            has_more: proto.has_more,
        }
    }
}

/// Files with blocks that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorruptFileBlocks {
    /// Paths, one for each such block.
    pub files: Vec<String>,
    /// Where to go on; the list is complete when a page is empty.
    pub cookie: String,
}

/// Role of a NameNode (`HAServiceProtocol.HAServiceState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaState {
    /// Starting.
    Initializing,
    /// Serves reads and writes.
    Active,
    /// Follows the active one.
    Standby,
    /// Follows, and serves reads.
    Observer,
}

impl HaState {
    /// The word that `haadmin` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Observer => "observer",
        }
    }

    pub(crate) fn from_wire(value: i32) -> Result<Self> {
        match HaServiceStateProto::try_from(value) {
            Ok(HaServiceStateProto::Initializing) => Ok(Self::Initializing),
            Ok(HaServiceStateProto::Active) => Ok(Self::Active),
            Ok(HaServiceStateProto::Standby) => Ok(Self::Standby),
            Ok(HaServiceStateProto::Observer) => Ok(Self::Observer),
            Err(_) => Err(Error::Protocol {
                peer: "NameNode".into(),
                message: format!("unknown HA state {value}"),
            }),
        }
    }
}
