//! Everything that can be said about the namespace's past: the operations of Hadoop's edit log.
//!
//! One variant per opcode of `FSEditLogOpCodes`, with the fields that Hadoop's operation carries
//! on disk. Live operations, replay, a standby and a checkpoint all go through these values.

use bytes::Bytes;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds, TxId};
pub use loxodon_wire::storage::StorageType;

/// Who called, and which of his calls it was: what the retry cache needs to know after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RpcIds {
    /// The RPC client's 16 bytes; `None` is Hadoop's `DUMMY_CLIENT_ID` (an internal change).
    pub client_id: Option<[u8; 16]>,
    /// The call's number; -2 is `INVALID_CALL_ID`.
    pub call_id: i32,
}

impl RpcIds {
    /// What an operation without an RPC behind it logs.
    pub const NONE: Self = Self { client_id: None, call_id: -2 };

    /// The ids of a call that came in over RPC.
    #[must_use]
    pub const fn new(client_id: [u8; 16], call_id: i32) -> Self {
        Self { client_id: Some(client_id), call_id }
    }
}

impl Default for RpcIds {
    fn default() -> Self {
        Self::NONE
    }
}

/// A block as the edit log knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Block {
    /// The block's number.
    pub id: BlockId,
    /// Bytes in it; for a block under construction, what was last agreed on.
    pub length: u64,
    /// Which version of its contents.
    pub generation_stamp: GenerationStamp,
}

/// Owner, group and mode (`PermissionStatus`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// Permission bits with sticky bit (octal 1777), as `FsPermission.toShort`.
    pub mode: u16,
}

/// `AclEntryScope`; the numbers are those on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AclScope {
    /// Checked when this inode is accessed.
    Access = 0,
    /// Given to children that are created below.
    Default = 1,
}

/// `AclEntryType`; the numbers are those on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AclKind {
    /// The owner, or a named user.
    User = 0,
    /// The group, or a named group.
    Group = 1,
    /// Upper bound of the group class.
    Mask = 2,
    /// Everybody else.
    Other = 3,
}

/// One entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// Access or default.
    pub scope: AclScope,
    /// Whom it is about.
    pub kind: AclKind,
    /// The user's or group's name; none for the owner, the group, mask and other.
    pub name: Option<String>,
    /// `FsAction` as bits: read 4, write 2, execute 1.
    pub permission: u8,
}

/// `XAttr.NameSpace`; the numbers are those on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum XAttrNamespace {
    /// Any user who may read or write the file.
    User = 0,
    /// The superuser alone.
    Trusted = 1,
    /// The system's security modules.
    Security = 2,
    /// HDFS itself.
    System = 3,
    /// HDFS itself, seen below `/.reserved/raw`.
    Raw = 4,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XAttr {
    /// Its name space.
    pub namespace: XAttrNamespace,
    /// Its name, without the name space's prefix.
    pub name: String,
    /// Its value; Hadoop reads an absent one as empty.
    pub value: Option<Bytes>,
}

/// `Options.Rename`; the numbers are those on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RenameOption {
    /// Nothing special.
    None = 0,
    /// Replace what is at the destination.
    Overwrite = 1,
    /// The destination is the trash: quotas of it are not checked.
    ToTrash = 2,
}

macro_rules! from_number {
    ($type:ident: $($variant:ident),+) => {
        impl $type {
            /// The value with this number on disk, if there is one.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                $(if number == Self::$variant as u8 { return Some(Self::$variant); })+
                None
            }
        }
    };
}

from_number!(AclScope: Access, Default);
from_number!(AclKind: User, Group, Mask, Other);
from_number!(XAttrNamespace: User, Trusted, Security, System, Raw);
from_number!(RenameOption: None, Overwrite, ToTrash);

/// A file as created, or as it is when it was opened for append by old versions (`AddOp`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddFile {
    /// The inode's number.
    pub inode: InodeId,
    /// Absolute path.
    pub path: String,
    /// Copies wanted of each block.
    pub replication: u16,
    /// Time of last change.
    pub mtime: Milliseconds,
    /// Time of last access.
    pub atime: Milliseconds,
    /// Bytes per block.
    pub block_size: u64,
    /// The file's blocks; none when newly created.
    pub blocks: Vec<Block>,
    /// Owner, group, mode.
    pub permissions: Permissions,
    /// Access control list, empty where there is none.
    pub acl: Vec<AclEntry>,
    /// Extended attributes.
    pub xattrs: Vec<XAttr>,
    /// The lease holder.
    pub client_name: String,
    /// The lease holder's host.
    pub client_machine: String,
    /// Replaces the file that was there.
    pub overwrite: bool,
    /// Storage policy, 0 where none was named.
    pub storage_policy: u8,
    /// Erasure coding policy, 0 for replication.
    pub erasure_coding_policy: u8,
    /// The call behind it.
    pub rpc: RpcIds,
}

/// A file that is complete (`CloseOp`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseFile {
    /// The inode's number.
    pub inode: InodeId,
    /// Absolute path.
    pub path: String,
    /// Copies wanted of each block.
    pub replication: u16,
    /// Time of last change.
    pub mtime: Milliseconds,
    /// Time of last access.
    pub atime: Milliseconds,
    /// Bytes per block.
    pub block_size: u64,
    /// All its blocks with their final lengths.
    pub blocks: Vec<Block>,
    /// Owner, group, mode.
    pub permissions: Permissions,
}

/// A new directory (`MkdirOp`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mkdir {
    /// The inode's number.
    pub inode: InodeId,
    /// Absolute path.
    pub path: String,
    /// Time of creation.
    pub timestamp: Milliseconds,
    /// Owner, group, mode.
    pub permissions: Permissions,
    /// Access control list, empty where there is none.
    pub acl: Vec<AclEntry>,
    /// Extended attributes.
    pub xattrs: Vec<XAttr>,
}

/// A new symbolic link (`SymlinkOp`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symlink {
    /// The inode's number.
    pub inode: InodeId,
    /// Absolute path of the link.
    pub path: String,
    /// Where it points.
    pub target: String,
    /// Time of last change.
    pub mtime: Milliseconds,
    /// Time of last access.
    pub atime: Milliseconds,
    /// Owner, group, mode.
    pub permissions: Permissions,
    /// The call behind it.
    pub rpc: RpcIds,
}

/// What a delegation token says (`DelegationTokenIdentifier`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationToken {
    /// Whose it is.
    pub owner: String,
    /// Who may renew it.
    pub renewer: String,
    /// Who really asked for it, empty if the owner did.
    pub real_user: String,
    /// When it was given.
    pub issue_date: i64,
    /// After which it cannot be renewed.
    pub max_date: i64,
    /// Its number.
    pub sequence_number: i32,
    /// The key that signs it.
    pub master_key_id: i32,
}

/// A key that signs delegation tokens (`DelegationKey`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationKey {
    /// Its number.
    pub id: i32,
    /// When it ceases to be valid.
    pub expiry_date: i64,
    /// The key itself.
    pub key: Option<Bytes>,
}

/// A cache directive, or the changed fields of one (`CacheDirectiveInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheDirective {
    /// Its number.
    pub id: i64,
    /// What is cached.
    pub path: Option<String>,
    /// Copies in memory.
    pub replication: Option<u16>,
    /// The pool it counts against.
    pub pool: Option<String>,
    /// When it ends, milliseconds since the epoch.
    pub expiration: Option<i64>,
}

/// A cache pool, or the changed fields of one (`CachePoolInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachePool {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Who may use it.
    pub mode: Option<u16>,
    /// Bytes that may be cached.
    pub limit: Option<i64>,
    /// How long a directive may last, milliseconds.
    pub max_relative_expiry: Option<i64>,
    /// Copies in memory where a directive does not say.
    pub default_replication: Option<u16>,
}

/// An erasure coding policy as it is added (`ErasureCodingPolicy`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasureCodingPolicy {
    /// The codec's name: rs, xor, ...
    pub codec: String,
    /// Data units in a group.
    pub data_units: i32,
    /// Parity units in a group.
    pub parity_units: i32,
    /// Bytes in a cell.
    pub cell_size: i32,
    /// The schema's other options, in the order they were written.
    pub extra_options: Vec<(String, String)>,
}

/// One operation of the edit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// 0: a file is created.
    Add(Box<AddFile>),
    /// 1: rename without options; fails where the destination exists.
    RenameOld {
        /// From.
        source: String,
        /// To.
        destination: String,
        /// When.
        timestamp: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 2: a file or a tree is removed.
    Delete {
        /// What.
        path: String,
        /// When.
        timestamp: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 3: a directory is made.
    Mkdir(Box<Mkdir>),
    /// 4: copies wanted of a file's blocks.
    SetReplication {
        /// The file.
        path: String,
        /// Copies.
        replication: u16,
    },
    /// 7: permission bits.
    SetPermissions {
        /// Of what.
        path: String,
        /// The new bits.
        mode: u16,
    },
    /// 8: owner or group.
    SetOwner {
        /// Of what.
        path: String,
        /// The new owner, if it changes.
        owner: Option<String>,
        /// The new group, if it changes.
        group: Option<String>,
    },
    /// 9: a file is complete.
    Close(Box<CloseFile>),
    /// 10: the last generation stamp of blocks with random ids (before Hadoop 2).
    SetGenstampV1 {
        /// The stamp.
        generation_stamp: GenerationStamp,
    },
    /// 11: name quota, as only old versions logged it.
    SetNsQuota {
        /// The directory.
        path: String,
        /// Names allowed.
        namespace_quota: i64,
    },
    /// 12: no name quota, as only old versions logged it.
    ClearNsQuota {
        /// The directory.
        path: String,
    },
    /// 13: times of a file or directory.
    Times {
        /// Of what.
        path: String,
        /// Milliseconds since the epoch; -1 leaves it as it is.
        mtime: i64,
        /// Milliseconds since the epoch; -1 leaves it as it is.
        atime: i64,
    },
    /// 14: quotas of names and space.
    SetQuota {
        /// The directory.
        path: String,
        /// Names allowed; -1 for no limit, `i64::MAX` leaves it as it is.
        namespace_quota: i64,
        /// Bytes allowed; -1 for no limit, `i64::MAX` leaves it as it is.
        storage_quota: i64,
    },
    /// 15: rename with options.
    Rename {
        /// From.
        source: String,
        /// To.
        destination: String,
        /// When.
        timestamp: Milliseconds,
        /// How.
        options: Vec<RenameOption>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 16: the blocks of files are appended to another; they are gone after that.
    ConcatDelete {
        /// The file that stays.
        target: String,
        /// Those that end in it.
        sources: Vec<String>,
        /// When.
        timestamp: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 17: a symbolic link.
    Symlink(Box<Symlink>),
    /// 18: a delegation token is given.
    GetDelegationToken {
        /// The token.
        token: Box<DelegationToken>,
        /// Until when it is good.
        expiry_time: i64,
    },
    /// 19: a delegation token lives longer.
    RenewDelegationToken {
        /// The token.
        token: Box<DelegationToken>,
        /// Until when it is good now.
        expiry_time: i64,
    },
    /// 20: a delegation token is withdrawn.
    CancelDelegationToken {
        /// The token.
        token: Box<DelegationToken>,
    },
    /// 21: a new key for tokens.
    UpdateMasterKey {
        /// The key.
        key: Box<DelegationKey>,
    },
    /// 22: a lease has a new holder.
    ReassignLease {
        /// Who held it.
        lease_holder: String,
        /// The file.
        path: String,
        /// Who holds it.
        new_holder: String,
    },
    /// 23: the last operation of a segment.
    EndLogSegment,
    /// 24: the first operation of a segment.
    StartLogSegment,
    /// 25: all blocks of a file being written.
    UpdateBlocks {
        /// The file.
        path: String,
        /// Its blocks.
        blocks: Vec<Block>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 26: a snapshot is taken.
    CreateSnapshot {
        /// The directory.
        root: String,
        /// The snapshot's name.
        name: String,
        /// When; 0 in layouts before -66.
        mtime: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 27: a snapshot is removed.
    DeleteSnapshot {
        /// The directory.
        root: String,
        /// The snapshot's name.
        name: String,
        /// When; 0 in layouts before -66.
        mtime: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 28: a snapshot is renamed.
    RenameSnapshot {
        /// The directory.
        root: String,
        /// The snapshot's old name.
        old_name: String,
        /// Its new name.
        new_name: String,
        /// When; 0 in layouts before -66.
        mtime: Milliseconds,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 29: snapshots of a directory may be taken.
    AllowSnapshot {
        /// The directory.
        root: String,
    },
    /// 30: snapshots of a directory may no longer be taken.
    DisallowSnapshot {
        /// The directory.
        root: String,
    },
    /// 31: the last generation stamp given out.
    SetGenstampV2 {
        /// The stamp.
        generation_stamp: GenerationStamp,
    },
    /// 32: the last block id given out.
    AllocateBlockId {
        /// The id.
        block: BlockId,
    },
    /// 33: a file being written has one more block.
    AddBlock {
        /// The file.
        path: String,
        /// The block before, with the length that is now known.
        penultimate: Option<Block>,
        /// The new one.
        last: Block,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 34: a path is to be cached.
    AddCacheDirective {
        /// The directive, every field given.
        directive: Box<CacheDirective>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 35: a path is no longer to be cached.
    RemoveCacheDirective {
        /// The directive's number.
        id: i64,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 36: a cache pool.
    AddCachePool {
        /// The pool.
        pool: Box<CachePool>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 37: a cache pool changes.
    ModifyCachePool {
        /// Its name and what changes.
        pool: Box<CachePool>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 38: a cache pool and its directives are removed.
    RemoveCachePool {
        /// Its name.
        name: String,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 39: a cache directive changes.
    ModifyCacheDirective {
        /// Its number and what changes.
        directive: Box<CacheDirective>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 40: an access control list is replaced.
    SetAcl {
        /// Of what.
        path: String,
        /// The whole list.
        entries: Vec<AclEntry>,
    },
    /// 41: a rolling upgrade begins.
    RollingUpgradeStart {
        /// When.
        time: Milliseconds,
    },
    /// 42: a rolling upgrade is finished.
    RollingUpgradeFinalize {
        /// When.
        time: Milliseconds,
    },
    /// 43: extended attributes are set.
    SetXAttr {
        /// Of what.
        path: String,
        /// Those that are set.
        xattrs: Vec<XAttr>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 44: extended attributes are removed.
    RemoveXAttr {
        /// Of what.
        path: String,
        /// Those that go.
        xattrs: Vec<XAttr>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 45: where blocks are to be stored.
    SetStoragePolicy {
        /// Of what.
        path: String,
        /// The policy's number; 0 takes it away.
        policy: u8,
    },
    /// 46: a file becomes shorter.
    Truncate {
        /// The file.
        path: String,
        /// The lease holder, while its last block is cut.
        client_name: String,
        /// The lease holder's host.
        client_machine: String,
        /// Bytes that stay.
        new_length: u64,
        /// When.
        timestamp: Milliseconds,
        /// The last block as it is to become, where it is cut inside.
        block: Option<Block>,
    },
    /// 47: a file is opened again for writing at its end.
    Append {
        /// The file.
        path: String,
        /// The lease holder.
        client_name: String,
        /// The lease holder's host.
        client_machine: String,
        /// Begin a new block even if the last is not full.
        new_block: bool,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 48: quota of space on one storage type.
    SetQuotaByStorageType {
        /// The directory.
        path: String,
        /// The type.
        storage_type: StorageType,
        /// Bytes allowed; -1 for no limit.
        storage_quota: i64,
    },
    /// 49: an erasure coding policy is added.
    AddErasureCodingPolicy {
        /// The policy.
        policy: Box<ErasureCodingPolicy>,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 50: an erasure coding policy may be used.
    EnableErasureCodingPolicy {
        /// Its name.
        name: String,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 51: an erasure coding policy may no longer be used.
    DisableErasureCodingPolicy {
        /// Its name.
        name: String,
        /// The call behind it.
        rpc: RpcIds,
    },
    /// 52: an erasure coding policy is removed.
    RemoveErasureCodingPolicy {
        /// Its name.
        name: String,
        /// The call behind it.
        rpc: RpcIds,
    },
}

/// An operation and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its number.
    pub txid: TxId,
    /// What happened.
    pub edit: Edit,
}

impl Edit {
    /// The call behind this operation, for those that log it; what the retry cache is filled from.
    #[must_use]
    pub fn rpc(&self) -> Option<&RpcIds> {
        let rpc = match self {
            Self::Add(add) => &add.rpc,
            Self::Symlink(symlink) => &symlink.rpc,
            Self::RenameOld { rpc, .. }
            | Self::Delete { rpc, .. }
            | Self::Rename { rpc, .. }
            | Self::ConcatDelete { rpc, .. }
            | Self::UpdateBlocks { rpc, .. }
            | Self::CreateSnapshot { rpc, .. }
            | Self::DeleteSnapshot { rpc, .. }
            | Self::RenameSnapshot { rpc, .. }
            | Self::AddBlock { rpc, .. }
            | Self::AddCacheDirective { rpc, .. }
            | Self::RemoveCacheDirective { rpc, .. }
            | Self::AddCachePool { rpc, .. }
            | Self::ModifyCachePool { rpc, .. }
            | Self::RemoveCachePool { rpc, .. }
            | Self::ModifyCacheDirective { rpc, .. }
            | Self::SetXAttr { rpc, .. }
            | Self::RemoveXAttr { rpc, .. }
            | Self::Append { rpc, .. }
            | Self::AddErasureCodingPolicy { rpc, .. }
            | Self::EnableErasureCodingPolicy { rpc, .. }
            | Self::DisableErasureCodingPolicy { rpc, .. }
            | Self::RemoveErasureCodingPolicy { rpc, .. } => rpc,
            _ => return None,
        };
        Some(rpc)
    }
}
