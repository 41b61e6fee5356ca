//! What the NameNode takes from the configuration, read once at start.

use loxodon_blocks::{PlacementKind, SafeModeSettings, Settings as BlockSettings};
use loxodon_cluster::LivenessSettings;
use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::editlog::MAX_OP_SIZE;
use loxodon_wire::ids::Milliseconds;
use loxodon_wire::storage::{PolicyId, STORAGE_POLICIES};

/// Numbers and switches of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Host name that appears in messages of safe mode.
    pub host: String,
    /// What a client is told about files that it creates.
    pub server_defaults: ServerDefaults,
    /// `dfs.namenode.max-corrupt-file-blocks-returned`.
    pub corrupt_files_page: usize,
    /// `dfs.namenode.retrycache.expirytime.millis`.
    pub retry_expiry: Milliseconds,
    /// Answers kept for calls that are sent again; 0 where `dfs.namenode.enable.retrycache` is
    /// false.
    pub retry_capacity: usize,
    /// `dfs.storage.default.policy`: where the blocks of files without a policy are.
    pub default_policy: PolicyId,
    /// `dfs.storage.policy.permissions.superuser-only`.
    pub policies_by_superusers: bool,
    /// `dfs.namenode.max.op.size`: bytes of an edit that is read again.
    pub max_op_size: usize,
    /// `dfs.namenode.min.supported.datanode.version`: an older DataNode is refused.
    pub least_datanode_version: String,
}

/// What the retry cache may hold. Hadoop gives it 3 % of the heap; an entry takes some 150 bytes
/// here, so this is 40 MB at most.
const RETRY_CAPACITY: usize = 1 << 18;
/// Children that a directory may be allowed. Java stops at 6,400,000, where its image's messages
/// would become too long for it.
const MAX_CHILDREN: i64 = 1 << 30;
/// Entries of a page where the configuration has no number above 0.
const DEFAULT_LISTING_LIMIT: usize = 1000;

/// `FsServerDefaults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerDefaults {
    /// `dfs.blocksize`.
    pub block_size: u64,
    /// `dfs.bytes-per-checksum`.
    pub bytes_per_checksum: u32,
    /// `dfs.client-write-packet-size`.
    pub packet_size: u32,
    /// `dfs.replication`.
    pub replication: u16,
    /// `io.file.buffer.size`.
    pub file_buffer_size: u32,
    /// `fs.trash.interval`, minutes.
    pub trash_interval: u64,
    /// `dfs.checksum.type`.
    pub checksum: Checksum,
}

/// `dfs.checksum.type`, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Checksum {
    /// None.
    Null = 0,
    /// The polynomial of zip and Ethernet.
    Crc32 = 1,
    /// Castagnoli's.
    Crc32c = 2,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            server_defaults: ServerDefaults {
                block_size: 128 << 20,
                bytes_per_checksum: 512,
                packet_size: 64 << 10,
                replication: 3,
                file_buffer_size: 4096,
                trash_interval: 0,
                checksum: Checksum::Crc32c,
            },
            corrupt_files_page: 100,
            retry_expiry: Milliseconds(600_000),
            retry_capacity: RETRY_CAPACITY,
            default_policy: PolicyId::HOT,
            policies_by_superusers: false,
            max_op_size: MAX_OP_SIZE,
            least_datanode_version: "2.1.0-beta".into(),
        }
    }
}

impl Settings {
    /// As the configuration has it, for a NameNode on `host`.
    ///
    /// # Errors
    /// A value that does not parse or is out of its range.
    pub fn from_conf(conf: &Configuration, host: &str) -> Result<Self, ConfError> {
        let checksum = match conf.choice(&keys::CHECKSUM_TYPE, &["NULL", "CRC32", "CRC32C"])? {
            0 => Checksum::Null,
            1 => Checksum::Crc32,
            _ => Checksum::Crc32c,
        };
        let policies: Vec<&str> = STORAGE_POLICIES.iter().map(|policy| policy.name).collect();
        let policy = conf.choice(&keys::STORAGE_DEFAULT_POLICY, &policies)?;
        let retries = conf.bool(&keys::RETRY_CACHE)?;
        Ok(Self {
            host: host.to_owned(),
            server_defaults: ServerDefaults {
                block_size: conf.bytes(&keys::BLOCKSIZE)?,
                bytes_per_checksum: narrow(conf.bytes(&keys::BYTES_PER_CHECKSUM)?),
                packet_size: narrow(conf.bytes(&keys::CLIENT_PACKET_SIZE)?),
                replication: short(conf.int_in(&keys::REPLICATION, 1..=i64::from(u16::MAX))?),
                file_buffer_size: narrow(conf.bytes(&keys::FILE_BUFFER_SIZE)?),
                trash_interval: conf.float(&keys::TRASH_INTERVAL)?.max(0.0) as u64,
                checksum,
            },
            corrupt_files_page: conf.count(&keys::CORRUPT_FILES_RETURNED)?,
            retry_expiry: milliseconds(conf.time_ms(&keys::RETRY_CACHE_EXPIRY)?),
            retry_capacity: if retries { RETRY_CAPACITY } else { 0 },
            default_policy: STORAGE_POLICIES.get(policy).map_or(PolicyId::HOT, |it| it.id),
            policies_by_superusers: conf.bool(&keys::STORAGE_POLICY_SUPERUSER)?,
            max_op_size: usize::try_from(conf.bytes(&keys::MAX_OP_SIZE)?).unwrap_or(usize::MAX),
            least_datanode_version: conf.text(&keys::LEAST_DATANODE_VERSION)?.unwrap_or_default(),
        })
    }
}

impl Settings {
    /// The policy of that number; the configured one for "not said".
    #[must_use]
    pub fn policy_in_force(&self, policy: u8) -> PolicyId {
        match PolicyId(policy) {
            PolicyId::UNSPECIFIED => self.default_policy,
            said => said,
        }
    }
}

/// The namespace's part of the configuration; `owner` is the process's user.
///
/// # Errors
/// A value that does not parse or is out of its range.
pub fn namespace_settings(
    conf: &Configuration,
    owner: &str,
) -> Result<NamespaceSettings, ConfError> {
    let group = conf.text(&keys::SUPERUSER_GROUP)?.unwrap_or_default();
    Ok(NamespaceSettings {
        permissions_enabled: conf.bool(&keys::PERMISSIONS)?,
        fs_owner: owner.to_owned(),
        supergroup: group,
        max_component_length: conf.count(&keys::MAX_COMPONENT_LENGTH)?,
        max_directory_items: narrow(
            conf.int_in(&keys::MAX_DIRECTORY_ITEMS, 1..=MAX_CHILDREN)?.cast_unsigned(),
        ),
        min_block_size: conf.bytes(&keys::MIN_BLOCK_SIZE)?,
        max_blocks_per_file: conf.count(&keys::MAX_BLOCKS_PER_FILE)?,
        max_xattrs_per_inode: conf.count(&keys::MAX_XATTRS)?,
        max_xattr_size: usize::try_from(conf.bytes(&keys::MAX_XATTR_SIZE)?).unwrap_or(usize::MAX),
        max_objects: conf.count(&keys::MAX_OBJECTS)? as u64,
        access_time_precision_ms: conf
            .time_ms(&keys::ACCESS_TIME_PRECISION)?
            .max(0)
            .cast_unsigned(),
        max_replication: short(conf.int_in(&keys::REPLICATION_MAX, 1..=i64::from(u16::MAX))?),
        min_replication: short(conf.int_in(&keys::REPLICATION_MIN, 1..=i64::from(u16::MAX))?),
        // As in Hadoop, 0 and what is below stand for the default.
        ls_limit: usize::try_from(conf.int(&keys::LISTING_LIMIT)?)
            .ok()
            .filter(|limit| *limit > 0)
            .unwrap_or(DEFAULT_LISTING_LIMIT),
        batched_listing_paths: conf.count(&keys::BATCHED_LISTING_LIMIT)?,
        open_files_per_answer: conf.count(&keys::OPEN_FILES_PER_CALL)?,
        acls_enabled: conf.bool(&keys::ACLS)?,
        posix_acl_inheritance: conf.bool(&keys::POSIX_ACLS)?,
        xattrs_enabled: conf.bool(&keys::XATTRS)?,
        owner_sets_quota: conf.bool(&keys::OWNER_SETS_QUOTA)?,
        storage_policies_enabled: conf.bool(&keys::STORAGE_POLICY)?,
        lease_hard_limit_ms: conf.time_ms(&keys::LEASE_HARD_LIMIT)?.max(0).cast_unsigned(),
        protected_directories: conf.list(&keys::PROTECTED_DIRECTORIES)?,
        protect_subdirectories: conf.bool(&keys::PROTECT_SUBDIRECTORIES)?,
        committed_blocks_allowed: conf.count(&keys::COMMITTED_ALLOWED)?,
        ..NamespaceSettings::default()
    })
}

/// Block management's part of the configuration.
///
/// # Errors
/// A value that does not parse or is out of its range.
pub fn block_settings(conf: &Configuration) -> Result<BlockSettings, ConfError> {
    let min_replication = short(conf.int_in(&keys::REPLICATION_MIN, 1..=i64::from(u16::MAX))?);
    let threshold = conf.float(&keys::SAFEMODE_THRESHOLD)? as f32;
    let queue_threshold = match conf.is_set(&keys::QUEUE_THRESHOLD) {
        true => conf.float(&keys::QUEUE_THRESHOLD)? as f32,
        false => threshold,
    };
    let safe_replication = match conf.is_set(&keys::SAFEMODE_REPLICATION_MIN) {
        true => short(conf.int(&keys::SAFEMODE_REPLICATION_MIN)?),
        false => min_replication,
    };
    Ok(BlockSettings {
        safe_mode: SafeModeSettings {
            threshold,
            queue_threshold,
            min_datanodes: conf.count(&keys::SAFEMODE_MIN_DATANODES)?,
            safe_replication,
            extension: milliseconds(conf.time_ms(&keys::SAFEMODE_EXTENSION)?),
        },
        liveness: LivenessSettings {
            heartbeat: milliseconds(conf.time_ms(&keys::HEARTBEAT_INTERVAL)?),
            recheck: milliseconds(conf.time_ms(&keys::HEARTBEAT_RECHECK_INTERVAL)?),
            stale: milliseconds(conf.time_ms(&keys::STALE_INTERVAL)?),
            stale_minimum_heartbeats: conf.count(&keys::STALE_MINIMUM_INTERVAL)? as u64,
        },
        default_replication: short(conf.int_in(&keys::REPLICATION, 1..=i64::from(u16::MAX))?),
        min_replication,
        maintenance_min_replication: maintenance_replication(conf)?,
        placement: placement(conf)?,
        max_streams: narrow(conf.count(&keys::REPLICATION_MAX_STREAMS)? as u64),
        max_streams_hard: narrow(conf.count(&keys::REPLICATION_STREAMS_HARD_LIMIT)? as u64),
        work_multiplier: narrow(conf.count(&keys::REPLICATION_WORK_MULTIPLIER)? as u64),
        pending_timeout: milliseconds(conf.time_ms(&keys::PENDING_TIMEOUT)?),
        invalidate_limit: conf.count(&keys::INVALIDATE_LIMIT)?,
        invalidate_work_share: conf.float(&keys::INVALIDATE_PERCENT)? as f32,
        deletion_delay: milliseconds(conf.time_ms(&keys::STARTUP_DELAY_BLOCK_DELETION)?),
        consider_load: conf.bool(&keys::CONSIDER_LOAD)?,
        load_factor: conf.float(&keys::CONSIDER_LOAD_FACTOR)?,
        avoid_stale_for_read: conf.bool(&keys::AVOID_READ_STALE)?,
        avoid_stale_for_write: conf.bool(&keys::AVOID_WRITE_STALE)?,
        stale_write_ratio: conf.float(&keys::WRITE_STALE_RATIO)? as f32,
        prefer_local_node: conf.bool(&keys::PREFER_LOCAL_NODE)?,
        max_report_leases: conf.count(&keys::BLOCK_REPORT_LEASES)?,
        report_lease: milliseconds(conf.time_ms(&keys::BLOCK_REPORT_LEASE_LENGTH)?),
        decommission_blocks_per_round: conf.count(&keys::DECOMMISSION_BLOCKS)?,
        decommission_tracked_nodes: conf.count(&keys::DECOMMISSION_NODES)?,
        ..BlockSettings::default()
    })
}

/// `BlockManager.getMinMaintenanceStorageNum`'s setting: not more than a file has by default.
fn maintenance_replication(conf: &Configuration) -> Result<u16, ConfError> {
    let most = conf.int_in(&keys::REPLICATION, 1..=i64::from(u16::MAX))?;
    Ok(short(conf.int_in(&keys::MAINTENANCE_REPLICATION_MIN, 0..=most)?))
}

fn placement(conf: &Configuration) -> Result<PlacementKind, ConfError> {
    let key = &keys::PLACEMENT;
    let class = conf.text(key)?.unwrap_or_default();
    match class.rsplit('.').next().unwrap_or_default() {
        "BlockPlacementPolicyDefault" => Ok(PlacementKind::Default),
        "BlockPlacementPolicyRackFaultTolerant" => Ok(PlacementKind::RackFaultTolerant),
        _ => Err(ConfError::Value {
            key: key.name.to_owned(),
            value: class,
            source_name: conf.source(key.name),
            wanted: "BlockPlacementPolicyDefault or BlockPlacementPolicyRackFaultTolerant"
                .to_owned(),
        }),
    }
}

fn milliseconds(span: i64) -> Milliseconds {
    Milliseconds(span.max(0).cast_unsigned())
}

fn short(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_page_has_entries_whatever_is_configured() {
        for (value, limit) in [("7", 7), ("0", 1000), ("-1", 1000)] {
            let mut conf = Configuration::new();
            conf.set(keys::LISTING_LIMIT.name, value, "test");
            assert_eq!(namespace_settings(&conf, "hdfs").unwrap().ls_limit, limit, "{value}");
        }
    }
}
