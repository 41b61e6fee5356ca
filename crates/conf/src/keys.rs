//! The table: every key that we honour, in one place (jobs' in [`mapreduce`]). A new key is one line.
//!
//! `NAME: "hadoop.name", Kind, "default", ["older.name"], "What it does.";`

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::key::Kind::{Bool, Float, Int, List, Size, Text, Time};
use crate::key::Unit::{Milliseconds, Minutes, Seconds};
use crate::key::{Key, Kind};

macro_rules! keys {
    ($($ident:ident: $name:literal, $kind:expr, $default:literal, [$($old:literal),*], $doc:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $doc)]
            pub static $ident: Key = Key {
                name: $name,
                kind: const { let kind: Kind = $kind; kind },
                default: $default,
                deprecated: &[$($old),*],
                doc: $doc,
            };
        )*

        /// Every key of this table, as listed.
        pub static ALL: &[&Key] = &[$(&$ident),*];
    };
}

pub mod mapreduce;

#[rustfmt::skip] // One row is one line, whatever its length.
keys! {
    // File system
    DEFAULT_FS: "fs.defaultFS", Text, "file:///", ["fs.default.name"], "File system of paths without a scheme, `hdfs://host:port` or `hdfs://nameservice`.";
    TMP_DIR: "hadoop.tmp.dir", Text, "/tmp/hadoop-${user.name}", [], "Folder below which the storage directories of a cluster without further configuration lie.";
    TRASH_INTERVAL: "fs.trash.interval", Float, "0", [], "Minutes after which a trash checkpoint is deleted; 0 turns the trash off.";
    TRASH_CHECKPOINT_INTERVAL: "fs.trash.checkpoint.interval", Float, "0", [], "Minutes between the rounds in which the NameNode makes checkpoints of all trashes and deletes old ones; 0, or more than `fs.trash.interval`, means as that.";
    TRASH_CLEAN_ROOT: "fs.trash.clean.trashroot.enable", Bool, "false", [], "Whether the NameNode also deletes what lies in a trash and is no checkpoint of it.";
    UMASK: "fs.permissions.umask-mode", Text, "022", ["dfs.umaskmode"], "Permissions taken away from new files and directories, octal (`022`) or symbolic (`u=rwx,g=rx,o=rx`).";
    PROTECTED_DIRECTORIES: "fs.protected.directories", List, "", [], "Directories that cannot be deleted or renamed while they are not empty.";
    PROTECT_SUBDIRECTORIES: "dfs.protected.subdirectories.enable", Bool, "false", [], "Whether what lies below those is protected too.";
    SAFE_DELETE_LIMIT: "hadoop.shell.safely.delete.limit.num.files", Int, "100", [], "Files in a directory above which `rm -safely` asks first.";
    MISSING_DEFAULT_FS_WARNING: "hadoop.shell.missing.defaultFs.warning", Bool, "false", [], "Whether the shell warns where `fs.defaultFS` is not set.";
    FILE_BUFFER_SIZE: "io.file.buffer.size", Size, "4096", [], "Bytes read or written at once in sequence files and copies.";
    HOME_PREFIX: "dfs.user.home.dir.prefix", Text, "/user", [], "Folder of the users' home directories.";

    // Users
    AUTHENTICATION: "hadoop.security.authentication", Text, "simple", [], "How users prove who they are; with anything but `simple` daemons and clients refuse to start.";
    AUTHORIZATION: "hadoop.security.authorization", Bool, "false", [], "Whether the lists of `hadoop-policy.xml` say who may speak which protocol to the NameNode, DataNodes, the JobTracker and the history server. Each list, `security.NAME.acl`, may come with `.blocked` (who may not), and with `security.NAME.hosts` and `.hosts.blocked` (machines: addresses, networks, names).";
    SERVICE_ACL: "security.service.authorization.default.acl", Text, "", [], "Users and groups, `user1,user2 group1,group2`, who may speak protocols without a list of their own; where not set, everybody.";
    CLIENT_PROTOCOL_ACL: "security.client.protocol.acl", Text, "", [], "Who may speak to the NameNode as a client.";
    CLIENT_DATANODE_PROTOCOL_ACL: "security.client.datanode.protocol.acl", Text, "", [], "Who may speak to DataNodes' call ports as a client.";
    DATANODE_PROTOCOL_ACL: "security.datanode.protocol.acl", Text, "", [], "Who may speak to the NameNode as a DataNode.";
    INTER_DATANODE_PROTOCOL_ACL: "security.inter.datanode.protocol.acl", Text, "", [], "Who may recover blocks on a DataNode, as other DataNodes do.";
    NAMENODE_PROTOCOL_ACL: "security.namenode.protocol.acl", Text, "", [], "Who may speak to the NameNode as a Secondary NameNode or a balancer.";
    HA_SERVICE_PROTOCOL_ACL: "security.ha.service.protocol.acl", Text, "", [], "Who may ask for and change the NameNode's state.";
    DATANODE_LIFELINE_PROTOCOL_ACL: "security.datanode.lifeline.protocol.acl", Text, "", [], "Who may send DataNodes' signs of life.";
    RECONFIGURATION_PROTOCOL_ACL: "security.reconfiguration.protocol.acl", Text, "", [], "Who may change a running daemon's configuration.";
    REFRESH_POLICY_PROTOCOL_ACL: "security.refresh.policy.protocol.acl", Text, "", [], "Who may have these lists read again (`-refreshServiceAcl`).";
    REFRESH_USER_MAPPINGS_PROTOCOL_ACL: "security.refresh.user.mappings.protocol.acl", Text, "", [], "Who may have groups and proxy users read again.";
    GET_USER_MAPPINGS_PROTOCOL_ACL: "security.get.user.mappings.protocol.acl", Text, "", [], "Who may ask for a user's groups.";
    REFRESH_CALL_QUEUE_PROTOCOL_ACL: "security.refresh.callqueue.protocol.acl", Text, "", [], "Who may ask for the call queue to be read again.";
    REFRESH_GENERIC_PROTOCOL_ACL: "security.refresh.generic.protocol.acl", Text, "", [], "Who may ask for anything else to be read again.";
    JOB_CLIENT_PROTOCOL_ACL: "security.job.client.protocol.acl", Text, "", [], "Who may speak to the JobTracker as a client.";
    INTER_TRACKER_PROTOCOL_ACL: "security.inter.tracker.protocol.acl", Text, "", [], "Who may speak to the JobTracker as a TaskTracker.";
    HISTORY_ADMIN_PROTOCOL_ACL: "security.mrhs.admin.refresh.protocol.acl", Text, "", [], "Who may give orders to the history server (`mapred hsadmin`).";
    GROUP_MAPPING: "hadoop.security.group.mapping", Text, "org.apache.hadoop.security.JniBasedUnixGroupsMappingWithFallback", [], "Where daemons learn users' groups: the operating system (`JniBasedUnixGroupsMapping`, `...WithFallback`, `ShellBasedUnixGroupsMapping`) or nowhere (`NullGroupsMapping`).";
    STATIC_GROUP_MAPPING: "hadoop.user.group.static.mapping.overrides", Text, "dr.who=;", [], "Groups of users by name, `user1=group1,group2;user2=;`, in place of what the operating system says.";
    GROUPS_CACHE: "hadoop.security.groups.cache.secs", Time(Seconds), "300", [], "How long a user's groups are remembered.";
    GROUPS_NEGATIVE_CACHE: "hadoop.security.groups.negative-cache.secs", Time(Seconds), "30", [], "How long it is remembered that a user is in no group; 0 asks each time.";
    CALLER_CONTEXT: "hadoop.caller.context.enabled", Bool, "false", [], "Whether the caller's context is written to the audit log.";
    CALLER_CONTEXT_MAX: "hadoop.caller.context.max.size", Int, "128", [], "Longest caller context in the audit log, in bytes.";
    CALLER_SIGNATURE_MAX: "hadoop.caller.context.signature.max.size", Int, "40", [], "Longest caller signature in the audit log, in bytes.";
    CALLER_SEPARATOR: "hadoop.caller.context.separator", Text, ",", [], "What stands between the parts of a caller's context.";

    // RPC
    IPC_MAX_DATA: "ipc.maximum.data.length", Size, "134217728", [], "Largest request that a server accepts.";
    IPC_MAX_RESPONSE: "ipc.maximum.response.length", Size, "134217728", [], "Largest answer that a client accepts.";
    IPC_MAX_CONNECTIONS: "ipc.server.max.connections", Int, "0", [], "Connections that a server holds open at once; 0 means no limit of its own.";
    IPC_IDLE_THRESHOLD: "ipc.client.idlethreshold", Int, "4000", [], "Connections above which a server closes idle ones.";
    IPC_LISTEN_QUEUE: "ipc.server.listen.queue.size", Int, "256", [], "Connections that wait to be accepted by a server.";
    IPC_SERVER_NODELAY: "ipc.server.tcpnodelay", Bool, "true", [], "Whether small answers of servers leave at once.";
    IPC_PURGE_INTERVAL: "ipc.server.purge.interval", Time(Minutes), "15", [], "How long a server keeps answers that their client does not take.";
    IPC_CLIENT_IDLE: "ipc.client.connection.maxidletime", Time(Milliseconds), "10000", [], "Idle time after which a client closes a connection; servers close at twice that.";
    IPC_CONNECT_TIMEOUT: "ipc.client.connect.timeout", Time(Milliseconds), "20000", [], "How long a client waits for a connection.";
    IPC_CONNECT_RETRIES: "ipc.client.connect.max.retries", Int, "10", [], "Attempts to connect to a server that refuses.";
    IPC_CONNECT_RETRY_INTERVAL: "ipc.client.connect.retry.interval", Time(Milliseconds), "1000", [], "Pause between attempts to connect.";
    IPC_CONNECT_RETRIES_ON_TIMEOUTS: "ipc.client.connect.max.retries.on.timeouts", Int, "45", [], "Attempts to connect to a server that does not answer.";
    IPC_RPC_TIMEOUT: "ipc.client.rpc-timeout.ms", Time(Milliseconds), "120000", [], "How long a client waits for an answer; 0 means for ever, with pings.";
    IPC_PING_INTERVAL: "ipc.ping.interval", Time(Milliseconds), "60000", [], "Pause between pings of a client that waits for an answer.";
    IPC_PING: "ipc.client.ping", Bool, "true", [], "Whether clients ping servers that they wait for.";
    IPC_CLIENT_NODELAY: "ipc.client.tcpnodelay", Bool, "true", [], "Whether small calls of clients leave at once.";

    // What is not there, and must not be taken to be
    ENCRYPT_TRANSFER: "dfs.encrypt.data.transfer", Bool, "false", [], "Whether blocks are encrypted on their way; with `true` daemons refuse to start.";
    BLOCK_TOKENS: "dfs.block.access.token.enable", Bool, "false", [], "Whether DataNodes ask for tokens; with `true` daemons refuse to start.";
    HTTP_POLICY: "dfs.http.policy", Text, "HTTP_ONLY", [], "Which web servers there are; with `HTTPS_ONLY` or `HTTP_AND_HTTPS` daemons refuse to start.";
    ATTRIBUTES_PROVIDER: "dfs.namenode.inode.attributes.provider.class", Text, "", [], "A class that decides about permissions; where one is set, the NameNode refuses to start.";
    SHARED_EDITS: "dfs.namenode.shared.edits.dir", Text, "", [], "Edits shared by NameNodes of high availability; where they are set, the NameNode refuses to start.";

    // Topology
    TOPOLOGY_MAPPING: "net.topology.node.switch.mapping.impl", Text, "org.apache.hadoop.net.ScriptBasedMapping", ["topology.node.switch.mapping.impl"], "Where racks come from: a script (`ScriptBasedMapping`) or a table (`TableMapping`).";
    TOPOLOGY_SCRIPT: "net.topology.script.file.name", Text, "", ["topology.script.file.name"], "Program that prints the rack of each address given to it.";
    TOPOLOGY_TABLE: "net.topology.table.file.name", Text, "", [], "File with an address and its rack on each line.";
    TOPOLOGY_REFUSE: "dfs.namenode.reject-unresolved-dn-topology-mapping", Bool, "false", [], "Whether a DataNode whose rack cannot be found is refused; otherwise it is put on `/default-rack`.";

    // Name services
    NAMESERVICES: "dfs.nameservices", List, "", ["dfs.federation.nameservices"], "Names of the name services that a client or DataNode knows.";
    NAMESERVICE_ID: "dfs.nameservice.id", Text, "", ["dfs.federation.nameservice.id"], "The name service of this NameNode, whose keys it reads; where not set, the only one of `dfs.nameservices`, or the one with this machine's address.";
    INTERNAL_NAMESERVICES: "dfs.internal.nameservices", List, "", [], "Name services that this cluster's DataNodes serve; where not set, all.";
    HA_NAMENODES: "dfs.ha.namenodes", List, "", [], "With `.NAMESERVICE` appended: ids of its NameNodes.";
    HA_NAMENODE_ID: "dfs.ha.namenode.id", Text, "", [], "The id of this NameNode within its name service, whose keys it reads; where not set, the one with this machine's address.";
    NAMENODE_RPC_ADDRESS: "dfs.namenode.rpc-address", Text, "", [], "Address of the NameNode's calls, `host:port`; with `.NAMESERVICE.ID` for one of several.";
    NAMENODE_RPC_BIND_HOST: "dfs.namenode.rpc-bind-host", Text, "", [], "Address on which the NameNode listens for calls, in place of the host above.";
    NAMENODE_SERVICE_RPC_ADDRESS: "dfs.namenode.servicerpc-address", Text, "", [], "Address for the calls of DataNodes and administrators, where it is another one.";
    NAMENODE_SERVICE_RPC_BIND_HOST: "dfs.namenode.servicerpc-bind-host", Text, "", [], "Address on which the NameNode listens for those, in place of the host above.";
    NAMENODE_LIFELINE_ADDRESS: "dfs.namenode.lifeline.rpc-address", Text, "", [], "Address where DataNodes say that they live when their heartbeats are late.";
    NAMENODE_LIFELINE_BIND_HOST: "dfs.namenode.lifeline.rpc-bind-host", Text, "", [], "Address on which the NameNode listens for that, in place of the host above.";
    NAMENODE_HTTP_ADDRESS: "dfs.namenode.http-address", Text, "0.0.0.0:9870", ["dfs.http.address"], "Address of the NameNode's web server.";
    NAMENODE_HTTP_BIND_HOST: "dfs.namenode.http-bind-host", Text, "", [], "Address on which the NameNode's web server listens, in place of the host above.";
    SECONDARY_HTTP_ADDRESS: "dfs.namenode.secondary.http-address", Text, "0.0.0.0:9868", ["dfs.secondary.http.address"], "Address of the Secondary NameNode's web server.";
    FAILOVER_PROXY_PROVIDER: "dfs.client.failover.proxy.provider", Text, "", [], "With `.NAMESERVICE` appended: how clients choose among its NameNodes.";
    FAILOVER_MAX_ATTEMPTS: "dfs.client.failover.max.attempts", Int, "15", [], "Times a client goes to the other NameNode before it gives up.";
    FAILOVER_SLEEP_BASE: "dfs.client.failover.sleep.base.millis", Time(Milliseconds), "500", [], "First pause between failovers; it doubles.";
    FAILOVER_SLEEP_MAX: "dfs.client.failover.sleep.max.millis", Time(Milliseconds), "15000", [], "Longest pause between failovers.";
    FAILOVER_RANDOM_ORDER: "dfs.client.failover.random.order", Bool, "true", [], "Whether clients try NameNodes in random order.";

    // NameNode storage
    NAME_DIR: "dfs.namenode.name.dir", List, "file://${hadoop.tmp.dir}/dfs/name", ["dfs.name.dir"], "Directories of the image; each holds a copy.";
    EDITS_DIR: "dfs.namenode.edits.dir", List, "${dfs.namenode.name.dir}", ["dfs.name.edits.dir"], "Directories of the edit log; each holds a copy.";
    EDITS_DIR_REQUIRED: "dfs.namenode.edits.dir.required", List, "", [], "Edit directories without which the NameNode stops.";
    EDITS_DIR_MINIMUM: "dfs.namenode.edits.dir.minimum", Int, "1", [], "Working edit directories below which the NameNode stops.";
    NAME_DIR_RESTORE: "dfs.namenode.name.dir.restore", Bool, "false", ["dfs.name.dir.restore"], "Whether a directory that failed is tried again at each checkpoint.";
    NAME_DIR_PERMISSION: "dfs.namenode.storage.dir.perm", Text, "700", [], "Permissions of the storage directories.";
    SUPPORT_FORMAT: "dfs.namenode.support.allow.format", Bool, "true", [], "Whether `namenode -format` may run.";
    CHECKPOINT_PERIOD: "dfs.namenode.checkpoint.period", Time(Seconds), "3600", ["fs.checkpoint.period"], "Time between checkpoints.";
    CHECKPOINT_TXNS: "dfs.namenode.checkpoint.txns", Int, "1000000", [], "Transactions after which a checkpoint is made before its time.";
    CHECKPOINT_CHECK_PERIOD: "dfs.namenode.checkpoint.check.period", Time(Seconds), "60", [], "Time between looks at that number.";
    MISSING_CHECKPOINT_PERIODS: "dfs.namenode.missing.checkpoint.periods.before.shutdown", Int, "3", [], "Checkpoint periods without a checkpoint after which `saveNamespace -beforeShutdown` makes one.";
    CHECKPOINTS_RETAINED: "dfs.namenode.num.checkpoints.retained", Int, "2", [], "Images kept.";
    EXTRA_EDITS_RETAINED: "dfs.namenode.num.extra.edits.retained", Int, "1000000", [], "Transactions kept beyond those the oldest kept image needs.";
    EXTRA_EDITS_SEGMENTS_RETAINED: "dfs.namenode.max.extra.edits.segments.retained", Int, "10000", [], "Most segments kept for that.";
    AUTOROLL_MULTIPLIER: "dfs.namenode.edit.log.autoroll.multiplier.threshold", Float, "0.5", [], "Share of `dfs.namenode.checkpoint.txns` after which the NameNode rolls its edit log by itself.";
    AUTOROLL_CHECK_INTERVAL: "dfs.namenode.edit.log.autoroll.check.interval.ms", Time(Milliseconds), "300000", [], "Time between looks at that.";
    MAX_OP_SIZE: "dfs.namenode.max.op.size", Size, "52428800", [], "Largest edit that is read.";
    IMAGE_COMPRESS: "dfs.image.compress", Bool, "false", [], "Whether the image is compressed.";
    IMAGE_CODEC: "dfs.image.compression.codec", Text, "org.apache.hadoop.io.compress.DefaultCodec", [], "How.";
    IMAGE_TRANSFER_TIMEOUT: "dfs.image.transfer.timeout", Time(Milliseconds), "60000", [], "Longest silence during the transfer of an image.";
    IMAGE_TRANSFER_BANDWIDTH: "dfs.image.transfer.bandwidthPerSec", Size, "52428800", [], "Bytes a second for transfers of images; 0 means no limit.";
    RESOURCE_RESERVED: "dfs.namenode.resource.du.reserved", Size, "104857600", [], "Free bytes on the edit log's disk below which the NameNode goes into safe mode.";
    RESOURCE_CHECK_INTERVAL: "dfs.namenode.resource.check.interval", Time(Milliseconds), "5000", [], "Time between looks at that.";
    RESOURCE_CHECKED_VOLUMES: "dfs.namenode.resource.checked.volumes", List, "", [], "Further folders whose disks must have room.";
    RESOURCE_MINIMUM: "dfs.namenode.resource.checked.volumes.minimum", Int, "1", [], "Volumes that must have room.";

    // NameNode
    ACCESS_TIME_PRECISION: "dfs.namenode.accesstime.precision", Time(Milliseconds), "3600000", ["dfs.access.time.precision"], "How exact access times are; 0 turns them off.";
    OWNER_SETS_QUOTA: "dfs.permissions.allow.owner.set.quota", Bool, "false", [], "Whether the owner of the parent directory may set quotas, as superusers may.";
    PERMISSIONS: "dfs.permissions.enabled", Bool, "true", ["dfs.permissions"], "Whether permissions are checked.";
    SUPERUSER_GROUP: "dfs.permissions.superusergroup", Text, "supergroup", ["dfs.permissions.supergroup"], "Group whose members may do everything.";
    ACLS: "dfs.namenode.acls.enabled", Bool, "true", [], "Whether access control lists may be set.";
    XATTRS: "dfs.namenode.xattrs.enabled", Bool, "true", [], "Whether extended attributes may be set.";
    POSIX_ACLS: "dfs.namenode.posix.acl.inheritance.enabled", Bool, "true", [], "Whether default access control lists are applied before the umask.";
    MAX_XATTRS: "dfs.namenode.fs-limits.max-xattrs-per-inode", Int, "32", [], "Extended attributes of one file.";
    MAX_XATTR_SIZE: "dfs.namenode.fs-limits.max-xattr-size", Size, "16384", [], "Bytes of an extended attribute's name and value together.";
    MAX_COMPONENT_LENGTH: "dfs.namenode.fs-limits.max-component-length", Int, "255", [], "Bytes of a name; 0 means no limit.";
    MAX_DIRECTORY_ITEMS: "dfs.namenode.fs-limits.max-directory-items", Int, "1048576", [], "Children of a directory.";
    MIN_BLOCK_SIZE: "dfs.namenode.fs-limits.min-block-size", Size, "1048576", [], "Smallest block size that a file may have.";
    MAX_BLOCKS_PER_FILE: "dfs.namenode.fs-limits.max-blocks-per-file", Int, "10000", [], "Blocks of a file.";
    MAX_OBJECTS: "dfs.namenode.max.objects", Int, "0", ["dfs.max.objects"], "Files, directories and blocks; 0 means no limit.";
    LISTING_LIMIT: "dfs.ls.limit", Int, "1000", [], "Entries of a page of a listing; 0 or less means the default.";
    BATCHED_LISTING_LIMIT: "dfs.batched.ls.limit", Int, "100", [], "Directories of one batched listing.";
    OPEN_FILES_PER_CALL: "dfs.namenode.list.openfiles.num.responses", Int, "1000", [], "Open files in one answer.";
    LEAST_DATANODE_VERSION: "dfs.namenode.min.supported.datanode.version", Text, "2.1.0-beta", [], "DataNodes of an older release of Hadoop are refused.";
    CORRUPT_FILES_RETURNED: "dfs.namenode.max-corrupt-file-blocks-returned", Int, "100", [], "Corrupt files in one answer.";
    INOTIFY_MAX_EVENTS: "dfs.namenode.inotify.max.events.per.rpc", Int, "1000", [], "Events in one answer to who follows what happens to files.";
    RETRY_CACHE: "dfs.namenode.enable.retrycache", Bool, "true", [], "Whether repeated calls are answered from memory.";
    RETRY_CACHE_EXPIRY: "dfs.namenode.retrycache.expirytime.millis", Time(Milliseconds), "600000", [], "How long an answer is kept for that.";
    LEASE_HARD_LIMIT: "dfs.namenode.lease-hard-limit-sec", Time(Seconds), "1200", [], "Time after which the file of a silent writer is closed for it.";
    LEASE_RECHECK_INTERVAL: "dfs.namenode.lease-recheck-interval-ms", Time(Milliseconds), "2000", [], "Time between looks at writers.";
    COMMITTED_ALLOWED: "dfs.namenode.file.close.num-committed-allowed", Int, "0", [], "Blocks without a reported replica with which a file may be closed.";
    AUDIT_LOGGERS: "dfs.namenode.audit.loggers", List, "default", [], "Where audit lines go; there is only `default`.";
    TOP_ENABLED: "dfs.namenode.top.enabled", Bool, "true", [], "Whether it is counted who asks most, as far as the audit log tells of it.";
    TOP_WINDOWS: "dfs.namenode.top.windows.minutes", List, "1,5,25", [], "Over how long that is counted.";
    TOP_BUCKETS: "dfs.namenode.top.window.num.buckets", Int, "10", [], "In how many steps those windows move on.";
    TOP_USERS: "dfs.namenode.top.num.users", Int, "10", [], "How many users are on top.";
    AUDIT_QUIET_COMMANDS: "dfs.namenode.audit.log.debug.cmdlist", List, "", [], "Operations that have no audit line.";
    AUDIT_REMOTE_PORT: "dfs.namenode.audit.log.with.remote.port", Bool, "false", [], "Whether the caller's port is added to his context in audit lines (`clientPort:`).";
    STORAGE_POLICY: "dfs.storage.policy.enabled", Bool, "true", [], "Whether storage policies may be set.";
    STORAGE_DEFAULT_POLICY: "dfs.storage.default.policy", Text, "HOT", [], "Storage policy of a file without one.";
    STORAGE_POLICY_SUPERUSER: "dfs.storage.policy.permissions.superuser-only", Bool, "false", [], "Whether only superusers may set storage policies.";
    STARTUP_DELAY_BLOCK_DELETION: "dfs.namenode.startup.delay.block.deletion.sec", Time(Seconds), "0", [], "Time after the start during which no block is deleted.";
    CHECKSUM_COMBINE: "dfs.checksum.combine.mode", Text, "MD5MD5CRC", [], "How blocks' checksums become a file's: `MD5MD5CRC` or `COMPOSITE_CRC`.";

    // Safe mode
    SAFEMODE_THRESHOLD: "dfs.namenode.safemode.threshold-pct", Float, "0.999", ["dfs.safemode.threshold.pct"], "Share of blocks that must be reported before safe mode ends.";
    SAFEMODE_MIN_DATANODES: "dfs.namenode.safemode.min.datanodes", Int, "0", [], "DataNodes that must be there before it ends.";
    SAFEMODE_EXTENSION: "dfs.namenode.safemode.extension", Time(Milliseconds), "30000", ["dfs.safemode.extension"], "How much longer it lasts once both are reached.";
    SAFEMODE_REPLICATION_MIN: "dfs.namenode.safemode.replication.min", Int, "", [], "Replicas that make a block count; where not set, `dfs.namenode.replication.min`.";
    QUEUE_THRESHOLD: "dfs.namenode.replqueue.threshold-pct", Float, "", [], "Share of blocks that must be reported before replication begins; where not set, as `dfs.namenode.safemode.threshold-pct`.";

    // Blocks
    REPLICATION: "dfs.replication", Int, "3", [], "Replicas of a file whose writer does not say.";
    REPLICATION_MAX: "dfs.replication.max", Int, "512", [], "Most replicas of a file.";
    REPLICATION_MIN: "dfs.namenode.replication.min", Int, "1", ["dfs.replication.min"], "Replicas without which a block is not complete.";
    MAINTENANCE_REPLICATION_MIN: "dfs.namenode.maintenance.replication.min", Int, "1", [], "Replicas on other nodes that a block must keep while a DataNode is in maintenance.";
    PLACEMENT: "dfs.block.replicator.classname", Text, "org.apache.hadoop.hdfs.server.blockmanagement.BlockPlacementPolicyDefault", [], "How replicas are spread: `...BlockPlacementPolicyDefault` or `...BlockPlacementPolicyRackFaultTolerant`.";
    BLOCKSIZE: "dfs.blocksize", Size, "134217728", ["dfs.block.size"], "Block size of a file whose writer does not say.";
    BYTES_PER_CHECKSUM: "dfs.bytes-per-checksum", Int, "512", ["io.bytes.per.checksum"], "Bytes under one checksum.";
    CHECKSUM_TYPE: "dfs.checksum.type", Text, "CRC32C", [], "Checksum of new files: `CRC32C`, `CRC32` or `NULL`.";
    HEARTBEAT_RECHECK_INTERVAL: "dfs.namenode.heartbeat.recheck-interval", Time(Milliseconds), "300000", ["heartbeat.recheck.interval"], "Time between looks for dead DataNodes; one is dead after twice this and ten heartbeats.";
    POOL_READY_TIMEOUT: "dfs.datanode.bp-ready.timeout", Time(Seconds), "20", [], "How long a DataNode that starts lets readers and writers wait until it knows its replicas.";
    LIFELINE_INTERVAL: "dfs.datanode.lifeline.interval.seconds", Time(Seconds), "0", [], "How late a heartbeat is when a DataNode says by `dfs.namenode.lifeline.rpc-address` that it lives, and the time between two such messages; 0, or less than a heartbeat's interval, is three times that interval.";
    HEARTBEAT_INTERVAL: "dfs.heartbeat.interval", Time(Seconds), "3", [], "Time between heartbeats.";
    STALE_INTERVAL: "dfs.namenode.stale.datanode.interval", Time(Milliseconds), "30000", [], "Silence after which a DataNode is stale.";
    STALE_MINIMUM_INTERVAL: "dfs.namenode.stale.datanode.minimum.interval", Int, "3", [], "The same in heartbeats, as a lower bound.";
    AVOID_READ_STALE: "dfs.namenode.avoid.read.stale.datanode", Bool, "false", [], "Whether readers are sent to stale DataNodes last.";
    AVOID_WRITE_STALE: "dfs.namenode.avoid.write.stale.datanode", Bool, "false", [], "Whether writers are kept from stale DataNodes.";
    WRITE_STALE_RATIO: "dfs.namenode.write.stale.datanode.ratio", Float, "0.5", [], "Share of stale DataNodes above which writers are sent there all the same.";
    REDUNDANCY_INTERVAL: "dfs.namenode.redundancy.interval.seconds", Time(Seconds), "3", ["dfs.replication.interval", "dfs.namenode.replication.interval"], "Time between rounds of replication.";
    REPLICATION_MAX_STREAMS: "dfs.namenode.replication.max-streams", Int, "2", ["dfs.max-repl-streams"], "Replications a DataNode is given at once.";
    REPLICATION_STREAMS_HARD_LIMIT: "dfs.namenode.replication.max-streams-hard-limit", Int, "4", [], "The same for those of the highest priority.";
    REPLICATION_WORK_MULTIPLIER: "dfs.namenode.replication.work.multiplier.per.iteration", Int, "2", [], "Replications begun in a round, per DataNode.";
    PENDING_TIMEOUT: "dfs.namenode.reconstruction.pending.timeout-sec", Time(Seconds), "300", ["dfs.replication.pending.timeout.sec", "dfs.namenode.replication.pending.timeout-sec"], "Time after which a replication that nobody reported is begun again.";
    INVALIDATE_LIMIT: "dfs.block.invalidate.limit", Int, "1000", [], "Blocks a DataNode is told to delete at once.";
    INVALIDATE_PERCENT: "dfs.namenode.invalidate.work.pct.per.iteration", Float, "0.32", [], "Share of DataNodes told to delete in a round.";
    CONSIDER_LOAD: "dfs.namenode.redundancy.considerLoad", Bool, "true", ["dfs.replication.considerLoad", "dfs.namenode.replication.considerLoad"], "Whether placement avoids busy DataNodes.";
    CONSIDER_LOAD_FACTOR: "dfs.namenode.redundancy.considerLoad.factor", Float, "2.0", ["dfs.namenode.replication.considerLoad.factor"], "Times the average load that is busy.";
    PREFER_LOCAL_NODE: "dfs.namenode.block-placement-policy.default.prefer-local-node", Bool, "true", [], "Whether the first replica goes to the writer's own machine.";
    HOSTS: "dfs.hosts", Text, "", [], "File with the DataNodes that may register; where not set, all.";
    HOSTS_PROVIDER: "dfs.namenode.hosts.provider.classname", Text, "org.apache.hadoop.hdfs.server.blockmanagement.HostFileManager", [], "What `dfs.hosts` holds: names, or with `...CombinedHostFileManager` JSON with a state for each host.";
    HOSTS_EXCLUDE: "dfs.hosts.exclude", Text, "", [], "File with the DataNodes to be decommissioned.";
    DECOMMISSION_INTERVAL: "dfs.namenode.decommission.interval", Time(Seconds), "30", [], "Time between looks at DataNodes that are being decommissioned.";
    DECOMMISSION_BLOCKS: "dfs.namenode.decommission.blocks.per.interval", Int, "500000", [], "Blocks looked at then.";
    DECOMMISSION_NODES: "dfs.namenode.decommission.max.concurrent.tracked.nodes", Int, "100", [], "DataNodes decommissioned at once.";
    BLOCK_REPORT_LEASES: "dfs.namenode.max.full.block.report.leases", Int, "6", [], "DataNodes that may send a full block report at once.";
    BLOCK_REPORT_LEASE_LENGTH: "dfs.namenode.full.block.report.lease.length.ms", Time(Milliseconds), "300000", [], "How long such a permission lasts.";

    // DataNode
    DATA_DIR: "dfs.datanode.data.dir", List, "file://${hadoop.tmp.dir}/dfs/data", ["dfs.data.dir"], "Directories of blocks, each with its storage type in front: `[SSD]file:///d1`.";
    DATA_DIR_PERMISSION: "dfs.datanode.data.dir.perm", Text, "700", [], "Permissions of those directories.";
    DATANODE_ADDRESS: "dfs.datanode.address", Text, "0.0.0.0:9866", [], "Address of block transfers.";
    DATANODE_IPC_ADDRESS: "dfs.datanode.ipc.address", Text, "0.0.0.0:9867", [], "Address of the DataNode's calls.";
    DATANODE_HTTP_ADDRESS: "dfs.datanode.http.address", Text, "0.0.0.0:9864", [], "Address of the DataNode's web server.";
    DATANODE_HOSTNAME: "dfs.datanode.hostname", Text, "", ["slave.host.name"], "Host name that the DataNode registers with.";
    LEAST_NAMENODE_VERSION: "dfs.datanode.min.supported.namenode.version", Text, "2.1.0-beta", [], "NameNodes of an older release of Hadoop are not served.";
    DATANODE_USE_HOSTNAME: "dfs.datanode.use.datanode.hostname", Bool, "false", [], "Whether DataNodes reach each other by host name.";
    MAX_TRANSFERS: "dfs.datanode.max.transfer.threads", Int, "4096", ["dfs.datanode.max.xcievers"], "Transfers at once.";
    RESERVED: "dfs.datanode.du.reserved", Size, "0", [], "Bytes of each volume left to others; also with `.STORAGETYPE`, `.FOLDER` or `.FOLDER.STORAGETYPE` appended.";
    RESERVED_PERCENT: "dfs.datanode.du.reserved.pct", Int, "0", [], "The same as a percentage of the volume, where the calculator uses it.";
    RESERVED_CALCULATOR: "dfs.datanode.du.reserved.calculator", Text, "org.apache.hadoop.hdfs.server.datanode.fsdataset.impl.ReservedSpaceCalculator$ReservedSpaceCalculatorAbsolute", [], "Which of both counts: `...Absolute`, `...Percentage`, `...Conservative` (the greater) or `...Aggressive` (the smaller).";
    STOP_WRITER_TIMEOUT: "dfs.datanode.xceiver.stop.timeout.millis", Time(Milliseconds), "60000", [], "How long a recovery waits for a replica's writer to stop.";
    FAILED_VOLUMES_TOLERATED: "dfs.datanode.failed.volumes.tolerated", Int, "0", [], "Volumes that may fail before the DataNode stops; -1 means all but one.";
    VOLUME_CHOOSING: "dfs.datanode.fsdataset.volume.choosing.policy", Text, "", [], "Which volume a new block goes to: `RoundRobinVolumeChoosingPolicy` or `AvailableSpaceVolumeChoosingPolicy`.";
    AVAILABLE_SPACE_THRESHOLD: "dfs.datanode.available-space-volume-choosing-policy.balanced-space-threshold", Size, "10737418240", [], "Difference in free bytes up to which volumes count as balanced.";
    AVAILABLE_SPACE_FRACTION: "dfs.datanode.available-space-volume-choosing-policy.balanced-space-preference-fraction", Float, "0.75", [], "Share of blocks that go to the emptier volumes otherwise.";
    BLOCK_REPORT_INTERVAL: "dfs.blockreport.intervalMsec", Time(Milliseconds), "21600000", [], "Time between full block reports.";
    BLOCK_REPORT_DELAY: "dfs.blockreport.initialDelay", Time(Seconds), "0", [], "Longest random delay of the first one.";
    BLOCK_REPORT_SPLIT: "dfs.blockreport.split.threshold", Int, "1000000", [], "Blocks above which each volume is reported in a call of its own.";
    INCREMENTAL_REPORT_INTERVAL: "dfs.blockreport.incremental.intervalMsec", Time(Milliseconds), "0", [], "Time over which reports of single blocks are gathered.";
    DISK_BALANCER: "dfs.disk.balancer.enabled", Bool, "true", [], "Whether blocks are moved between volumes as a plan of the disk balancer says.";
    DISK_BALANCER_BANDWIDTH: "dfs.disk.balancer.max.disk.throughputInMBperSec", Int, "10", [], "MiB a second that it moves where a plan does not say.";
    DISK_BALANCER_TOLERANCE: "dfs.disk.balancer.block.tolerance.percent", Int, "10", [], "Per cent of a plan's bytes that may be missing or too much.";
    DISK_BALANCER_ERRORS: "dfs.disk.balancer.max.disk.errors", Int, "5", [], "Blocks that may fail before it gives up.";
    DISK_BALANCER_PLAN_VALIDITY: "dfs.disk.balancer.plan.valid.interval", Time(Milliseconds), "1d", [], "How old a plan may be.";
    DIRECTORY_SCAN_INTERVAL: "dfs.datanode.directoryscan.interval", Time(Seconds), "21600", [], "Time between comparisons of disk and memory; negative turns them off.";
    SCAN_PERIOD: "dfs.datanode.scan.period.hours", Int, "504", [], "Hours in which every block is verified once; negative turns that off.";
    SCAN_BANDWIDTH: "dfs.block.scanner.volume.bytes.per.second", Size, "1048576", [], "Bytes a second verified on a volume; 0 or less turns that off.";
    SCAN_SKIP_RECENT: "dfs.block.scanner.skip.recent.accessed", Bool, "false", [], "Whether blocks that were read within the period are not verified.";
    DISK_CHECK_GAP: "dfs.datanode.disk.check.min.gap", Time(Milliseconds), "15m", [], "Least time between looks at all volumes after an error of one.";
    SYNC_BEHIND_WRITES: "dfs.datanode.sync.behind.writes", Bool, "false", [], "Whether written data is handed to the disk soon, 8 MiB behind the writer.";
    PIPELINE_ECN: "dfs.pipeline.ecn", Bool, "false", [], "Whether a loaded DataNode asks writers to slow down.";
    PIPELINE_CONGESTION_RATIO: "dfs.pipeline.congestion.ratio", Float, "1.5", [], "System load per processor from which on it does.";
    RESTART_REPLICA_EXPIRY: "dfs.datanode.restart.replica.expiration", Time(Seconds), "50", [], "How long a writer may take to come back to a DataNode that was shut down for an upgrade.";
    LOCAL_PATH_USERS: "dfs.block.local-path-access.user", List, "", [], "Users who may ask a DataNode where replicas lie on its disks.";
    PIPELINE_SLOWNODE: "dfs.pipeline.slownode", Bool, "false", [], "Whether DataNodes tell writers that the NameNode finds them slow.";
    PEER_STATS: "dfs.datanode.peer.stats.enabled", Bool, "false", [], "Whether DataNodes measure how fast others take packets, and the NameNode listens to that.";
    OUTLIER_NODES: "dfs.datanode.min.outlier.detection.nodes", Int, "10", [], "DataNodes that must have been measured before one of them is called slow.";
    SLOW_PEER_THRESHOLD: "dfs.datanode.slowpeer.low.threshold.ms", Int, "5", [], "Milliseconds for a packet up to which no DataNode is called slow.";
    OUTLIER_SAMPLES: "dfs.datanode.peer.metrics.min.outlier.detection.samples", Int, "1000", [], "Packets that a DataNode must have been sent before anything is said of it.";
    OUTLIERS_INTERVAL: "dfs.datanode.outliers.report.interval", Time(Milliseconds), "30m", [], "Time between reports of slow DataNodes and disks; what a report says holds three times as long.";
    FILE_IO_SAMPLES: "dfs.datanode.fileio.profiling.sampling.percentage", Int, "0", [], "Operations on files in a hundred that a DataNode times, by volume; with 0 slow disks are neither found nor, by the NameNode, listened to.";
    OUTLIER_DISKS: "dfs.datanode.min.outlier.detection.disks", Int, "5", [], "Volumes without which none is called slow among them.";
    SLOW_DISK_THRESHOLD: "dfs.datanode.slowdisk.low.threshold.ms", Int, "20", [], "Milliseconds for an operation up to which no disk is called slow.";
    SLOW_DISKS_REPORTED: "dfs.datanode.max.disks.to.report", Int, "5", [], "Slow disks on the NameNode's list.";
    SLOW_NODES_REPORTED: "dfs.datanode.max.nodes.to.report", Int, "5", [], "Slow DataNodes on the NameNode's list.";
    BALANCE_BANDWIDTH: "dfs.datanode.balance.bandwidthPerSec", Size, "100m", ["dfs.balance.bandwidthPerSec"], "Bytes a second for balancing.";
    BALANCE_MAX_MOVES: "dfs.datanode.balance.max.concurrent.moves", Int, "100", [], "Blocks moved at once.";
    TRANSFER_BANDWIDTH: "dfs.datanode.data.transfer.bandwidthPerSec", Size, "0", [], "Bytes a second between DataNodes; 0 means no limit.";
    WRITE_BANDWIDTH: "dfs.datanode.data.write.bandwidthPerSec", Size, "0", [], "Bytes a second that clients write; 0 means no limit.";
    READ_BANDWIDTH: "dfs.datanode.data.read.bandwidthPerSec", Size, "0", [], "Bytes a second that clients read; 0 means no limit.";
    SYNC_ON_CLOSE: "dfs.datanode.synconclose", Bool, "false", [], "Whether blocks are on the disk before they are closed.";
    READAHEAD: "dfs.datanode.readahead.bytes", Size, "4194304", [], "Bytes read ahead of a reader.";
    DROP_BEHIND_READS: "dfs.datanode.drop.cache.behind.reads", Bool, "false", [], "Whether read data leaves the page cache.";
    DROP_BEHIND_WRITES: "dfs.datanode.drop.cache.behind.writes", Bool, "false", [], "Whether written data leaves the page cache.";
    TRANSFER_TO: "dfs.datanode.transferTo.allowed", Bool, "true", [], "Whether blocks leave by `sendfile`.";
    SOCKET_WRITE_TIMEOUT: "dfs.datanode.socket.write.timeout", Time(Milliseconds), "480000", [], "How long a write may wait for its receiver.";
    SOCKET_KEEPALIVE: "dfs.datanode.socket.reuse.keepalive", Time(Milliseconds), "4000", [], "How long a connection waits for its next operation.";
    MAX_PACKET_SIZE: "dfs.data.transfer.max.packet.size", Size, "16777216", [], "Largest packet accepted.";
    CACHED_DFSUSED_INTERVAL: "dfs.datanode.cached-dfsused.check.interval.ms", Time(Milliseconds), "600000", [], "How old a saved number of used bytes may be at a start.";
    REPLICA_CACHE_EXPIRY: "dfs.datanode.replica.cache.expiry.time", Time(Milliseconds), "5m", [], "How old a saved list of replicas may be at a start.";

    // Client
    CLIENT_SOCKET_TIMEOUT: "dfs.client.socket-timeout", Time(Milliseconds), "60000", ["dfs.socket.timeout"], "How long a client waits for a DataNode.";
    CLIENT_USE_HOSTNAME: "dfs.client.use.datanode.hostname", Bool, "false", [], "Whether clients reach DataNodes by host name.";
    CLIENT_PACKET_SIZE: "dfs.client-write-packet-size", Size, "65536", ["dfs.write.packet.size"], "Bytes of a packet that a client writes.";
    CLIENT_MAX_PACKETS: "dfs.client.write.max-packets-in-flight", Int, "80", [], "Packets sent and not acknowledged.";
    CLIENT_DROP_READS: "dfs.client.cache.drop.behind.reads", Bool, "", [], "Whether DataNodes drop what a client read from the page cache; their own setting where empty.";
    CLIENT_DROP_WRITES: "dfs.client.cache.drop.behind.writes", Bool, "", [], "The same for what a client wrote.";
    CLIENT_READAHEAD: "dfs.client.cache.readahead", Size, "", [], "Bytes that DataNodes read ahead for a client; their own setting where empty.";
    CLIENT_CACHE_PRIORITY: "dfs.client.read.use.cache.priority", Bool, "false", [], "Whether readers prefer replicas that a DataNode caches.";
    CLIENT_SLOW_NODE_THRESHOLD: "dfs.client.mark.slownode.as.badnode.threshold", Int, "10", [], "Acknowledgements in a row that name a node of a pipeline slow before it is replaced; 0 never does.";
    CLIENT_RECOVER_LEASE: "dfs.client.write.recover.lease.on.close.exception", Bool, "false", [], "Whether a file that cannot be closed has its lease recovered.";
    FAILOVER_CONNECTION_RETRIES: "dfs.client.failover.connection.retries", Int, "0", [], "Attempts to connect to one of several NameNodes before the next is tried.";
    FAILOVER_CONNECTION_RETRIES_ON_TIMEOUTS: "dfs.client.failover.connection.retries.on.timeouts", Int, "0", [], "The same where connecting takes too long.";
    CLIENT_MAX_RETRIES: "dfs.client.retry.max.attempts", Int, "10", [], "Times a call is repeated on the same of several NameNodes.";
    CLIENT_RETRY_POLICY: "dfs.client.retry.policy.enabled", Bool, "false", [], "Whether calls to a single NameNode are repeated as the specification says.";
    CLIENT_RETRY_SPEC: "dfs.client.retry.policy.spec", List, "10000,6,60000,10", [], "Pairs of a pause in milliseconds and how often.";
    CLIENT_WRITE_RETRIES: "dfs.client.block.write.retries", Int, "3", [], "Attempts at a pipeline for a block.";
    CLIENT_LOCATE_RETRIES: "dfs.client.block.write.locateFollowingBlock.retries", Int, "5", [], "Attempts at the next block, or at closing the file, while the last block is not reported.";
    CLIENT_LOCATE_DELAY: "dfs.client.block.write.locateFollowingBlock.initial.delay.ms", Time(Milliseconds), "400", [], "First pause between those; it doubles.";
    CLIENT_LOCATE_MAX_DELAY: "dfs.client.block.write.locateFollowingBlock.max.delay.ms", Time(Milliseconds), "60000", [], "Longest pause between those.";
    CLIENT_PIPELINE_RETRIES: "dfs.client.pipeline.recovery.max-retries", Int, "5", [], "Recoveries of a pipeline for the same packet.";
    REPLACE_DATANODE: "dfs.client.block.write.replace-datanode-on-failure.enable", Bool, "true", [], "Whether a broken pipeline gets another DataNode.";
    REPLACE_DATANODE_POLICY: "dfs.client.block.write.replace-datanode-on-failure.policy", Text, "DEFAULT", [], "When: `NEVER`, `DEFAULT` or `ALWAYS`.";
    REPLACE_DATANODE_BEST_EFFORT: "dfs.client.block.write.replace-datanode-on-failure.best-effort", Bool, "false", [], "Whether writing goes on where none can be had.";
    REPLACE_DATANODE_MIN: "dfs.client.block.write.replace-datanode-on-failure.min-replication", Int, "0", [], "DataNodes with which writing goes on where none can be had; 0 means this does not apply.";
    EXCLUDED_EXPIRY: "dfs.client.write.exclude.nodes.cache.expiry.interval.millis", Time(Milliseconds), "600000", [], "How long a writer avoids a DataNode that failed.";
    DATANODE_RESTART_TIMEOUT: "dfs.client.datanode-restart.timeout", Time(Seconds), "30", [], "How long a writer waits for a DataNode that said it restarts.";
    CLIENT_ACQUIRE_FAILURES: "dfs.client.max.block.acquire.failures", Int, "3", [], "Times a reader asks the NameNode for other replicas.";
    CLIENT_RETRY_WINDOW: "dfs.client.retry.window.base", Time(Milliseconds), "3000", [], "Base of the random pause before that.";
    CLIENT_PREFETCH: "dfs.client.read.prefetch.size", Size, "", ["dfs.read.prefetch.size"], "Bytes whose locations a reader asks for at once; where not set, ten blocks.";
    HEDGED_READ_THREADS: "dfs.client.hedged.read.threadpool.size", Int, "0", [], "Hedged reads at once; 0 turns them off.";
    HEDGED_READ_THRESHOLD: "dfs.client.hedged.read.threshold.millis", Time(Milliseconds), "500", [], "Silence after which a second replica is read as well.";
    SOCKET_CACHE_CAPACITY: "dfs.client.socketcache.capacity", Int, "16", [], "Idle connections to DataNodes that a client keeps.";
    SOCKET_CACHE_EXPIRY: "dfs.client.socketcache.expiryMsec", Time(Milliseconds), "3000", [], "How long it keeps one.";
    SERVER_DEFAULTS_VALIDITY: "dfs.client.server-defaults.validity.period.ms", Time(Milliseconds), "3600000", [], "How long a client remembers the NameNode's defaults.";
    LAST_BLOCK_LENGTH_RETRIES: "dfs.client.retry.times.get-last-block-length", Int, "3", [], "Attempts at the length of a block that is being written.";
    LAST_BLOCK_LENGTH_INTERVAL: "dfs.client.retry.interval-ms.get-last-block-length", Time(Milliseconds), "4000", [], "Pause between those.";
    FSCK_CONNECT_TIMEOUT: "dfs.client.fsck.connect.timeout", Time(Milliseconds), "60000ms", [], "How long `fsck` waits for a connection.";
    FSCK_READ_TIMEOUT: "dfs.client.fsck.read.timeout", Time(Milliseconds), "60000ms", [], "How long `fsck` waits for the next line.";
}

/// Every key of every table.
pub fn all() -> impl Iterator<Item = &'static Key> {
    ALL.iter().chain(mapreduce::ALL).copied()
}

/// What a name stands for: a key, or the name that replaced it.
enum Meaning {
    Key(&'static Key),
    Replaced { old: &'static str, new: &'static str },
}

/// Every name that is known; a job's file sets a thousand and each is looked up.
static NAMES: LazyLock<HashMap<&'static str, Meaning>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (old, new) in crate::renamed::RENAMED {
        names.insert(*old, Meaning::Replaced { old, new });
    }
    for key in all() {
        for old in key.deprecated {
            names.insert(*old, Meaning::Replaced { old, new: key.name });
        }
        names.insert(key.name, Meaning::Key(key));
    }
    names
});

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    match NAMES.get(name)? {
        Meaning::Key(key) => Some(key),
        Meaning::Replaced { .. } => None,
    }
}

/// Names that `key` had once.
pub fn older_names(key: &Key) -> impl Iterator<Item = &'static str> {
    let renamed = crate::renamed::RENAMED.iter().filter(|(_, new)| *new == key.name);
    key.deprecated.iter().copied().chain(renamed.map(|(old, _)| *old))
}

/// The deprecated name and the one that replaced it, where `name` is deprecated.
pub(crate) fn replacement(name: &str) -> Option<(&'static str, &'static str)> {
    match NAMES.get(name)? {
        Meaning::Key(_) => None,
        Meaning::Replaced { old, new } => Some((old, new)),
    }
}

/// Whether we honour `name`, by itself or as a key with a name service's suffix.
pub(crate) fn honours(name: &str) -> bool {
    find(name).is_some()
        || mapreduce::FAMILIES.iter().any(|family| name.starts_with(family))
        || ALL.iter().any(|key| {
            name.strip_prefix(key.name).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
                && takes_suffix(key)
        })
        || guards_service(name)
}

/// `security.NAME.acl` comes with `.blocked`, and with `.hosts` in place of `.acl`.
fn guards_service(name: &str) -> bool {
    let name = name.strip_suffix(".blocked").unwrap_or(name);
    let list = match name.strip_suffix(".hosts") {
        Some(service) => find(&format!("{service}.acl")),
        None => find(name),
    };
    list.is_some_and(|key| key.name.starts_with("security."))
}

/// Keys that Hadoop reads with `.NAMESERVICE` or `.NAMESERVICE.NAMENODE` appended.
fn takes_suffix(key: &Key) -> bool {
    key.name.starts_with("dfs.namenode.")
        || key.name.starts_with(RESERVED.name)
        || key.name == HA_NAMENODES.name
        || key.name == FAILOVER_PROXY_PROVIDER.name
        || key.name == FAILOVER_RANDOM_ORDER.name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_said_in_words() {
        let mut seen = BTreeSet::new();
        for key in all() {
            for name in older_names(key).chain([key.name]) {
                assert!(seen.insert(name), "{name} twice");
            }
            assert!(key.doc.ends_with('.'), "{}: say what it does", key.name);
        }
    }
}
