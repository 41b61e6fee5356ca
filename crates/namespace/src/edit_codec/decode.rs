//! An operation out of its bytes, layout by layout (`FSEditLogOp.readFields`).

use super::error::{CodecError, HeaderError};
use super::opcode::Opcode;
use super::writable::Input;
use crate::edit::{
    AclEntry, AclKind, AclScope, AddFile, Block, CacheDirective, CachePool, CloseFile,
    DelegationKey, DelegationToken, Edit, ErasureCodingPolicy, Mkdir, Permissions, RenameOption,
    RpcIds, StorageType, Symlink, Transaction, XAttr, XAttrNamespace,
};
use bytes::Bytes;
use loxodon_wire::editlog::{
    Frame, HEADER_LENGTH, LAYOUT_VERSION, OLDEST_LAYOUT_VERSION, Step, read_frame,
};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};
use loxodon_wire::proto::hdfs::{AclEditLogProto, AclEntryProto, XAttrEditLogProto};
use prost::Message;

pub(super) const ERASURE_CODING: i32 = -64;
pub(super) const SNAPSHOT_MODIFICATION_TIME: i32 = -66;
/// `DelegationKey.MAX_KEY_LEN` and `Text.DEFAULT_MAX_LEN`.
const MAX_TEXT: usize = 1024 * 1024;

type Result<T> = std::result::Result<T, CodecError>;

/// What a reader finds at its position in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// An operation, and how many bytes it took.
    Transaction(Box<Transaction>, usize),
    /// No byte is left.
    End,
    /// Preallocated space begins here.
    Filler,
    /// The bytes end inside an operation.
    Incomplete {
        /// Bytes that are needed from here, at least.
        needed: usize,
    },
}

/// Whether segments of this layout can be read.
///
/// # Errors
/// [`HeaderError::Version`] if not.
pub const fn check_layout(layout_version: i32) -> std::result::Result<(), HeaderError> {
    if layout_version > OLDEST_LAYOUT_VERSION || layout_version < LAYOUT_VERSION {
        return Err(HeaderError::Version(layout_version));
    }
    Ok(())
}

/// The layout version in the first [`HEADER_LENGTH`] bytes of a segment.
///
/// # Errors
/// [`HeaderError`], if this is no segment, or not one that can be read here.
pub fn read_header(bytes: &[u8]) -> std::result::Result<i32, HeaderError> {
    let field = |at: usize| {
        bytes.get(at..at + 4).and_then(|field| field.try_into().ok()).map(i32::from_be_bytes)
    };
    let version = field(0).ok_or(HeaderError::Empty)?;
    if version == -1 {
        return Err(HeaderError::Preallocated);
    }
    check_layout(version)?;
    match field(HEADER_LENGTH - 4).ok_or(HeaderError::NoFlags)? {
        0 => Ok(version),
        flags => Err(HeaderError::Flags(flags)),
    }
}

/// Reads the operation at the beginning of `bytes`.
///
/// # Errors
/// If it is damaged or malformed.
pub fn read_transaction(bytes: &[u8], layout_version: i32, max_op_size: usize) -> Result<Read> {
    Ok(match read_frame(bytes, max_op_size)? {
        Step::Frame(Frame { opcode, txid, body, bytes }) => {
            let edit = decode_body(opcode, body, layout_version)?;
            Read::Transaction(Box::new(Transaction { txid, edit }), bytes.len())
        }
        Step::End => Read::End,
        Step::Filler => Read::Filler,
        Step::Incomplete { needed } => Read::Incomplete { needed },
    })
}

/// Reads an operation's fields; all of `body` must be used up.
///
/// # Errors
/// If it is malformed, or no operation has this opcode.
pub fn decode_body(opcode: u8, body: &[u8], layout_version: i32) -> Result<Edit> {
    let opcode = Opcode::from_number(opcode).ok_or(CodecError::UnknownOpcode(opcode as i8))?;
    let mut input = Input::new(body, opcode.name());
    let edit = operation(opcode, &mut input, layout_version)?;
    input.finish()?;
    Ok(edit)
}

fn operation(opcode: Opcode, input: &mut Input<'_>, layout: i32) -> Result<Edit> {
    Ok(match opcode {
        Opcode::Add => Edit::Add(Box::new(add(input, layout)?)),
        Opcode::Close => Edit::Close(Box::new(close(input)?)),
        Opcode::Mkdir => Edit::Mkdir(Box::new(mkdir(input)?)),
        Opcode::Symlink => Edit::Symlink(Box::new(symlink(input)?)),
        Opcode::RenameOld => Edit::RenameOld {
            source: input.string("SRC")?,
            destination: input.string("DST")?,
            timestamp: time(input)?,
            rpc: rpc(input)?,
        },
        Opcode::Rename => Edit::Rename {
            source: input.string("SRC")?,
            destination: input.string("DST")?,
            timestamp: time(input)?,
            options: rename_options(input)?,
            rpc: rpc(input)?,
        },
        Opcode::Delete => {
            Edit::Delete { path: input.string("PATH")?, timestamp: time(input)?, rpc: rpc(input)? }
        }
        Opcode::ConcatDelete => Edit::ConcatDelete {
            target: input.string("TRG")?,
            sources: {
                let count = input.count("SOURCES", 2)?;
                (0..count).map(|_| input.string("SOURCE")).collect::<Result<_>>()?
            },
            timestamp: time(input)?,
            rpc: rpc(input)?,
        },
        Opcode::UpdateBlocks => Edit::UpdateBlocks {
            path: input.string("PATH")?,
            blocks: compact_blocks(input)?,
            rpc: rpc(input)?,
        },
        Opcode::AddBlock => add_block(input)?,
        Opcode::Append => Edit::Append {
            path: input.string("PATH")?,
            client_name: input.string("CLIENT_NAME")?,
            client_machine: input.string("CLIENT_MACHINE")?,
            new_block: input.boolean()?,
            rpc: rpc(input)?,
        },
        Opcode::Truncate => Edit::Truncate {
            path: input.string("SRC")?,
            client_name: input.string("CLIENTNAME")?,
            client_machine: input.string("CLIENTMACHINE")?,
            new_length: input.unsigned_long()?,
            timestamp: time(input)?,
            block: match compact_blocks(input)?.as_slice() {
                [] => None,
                [block] => Some(*block),
                _ => {
                    return Err(CodecError::field(
                        "BLOCK",
                        "Truncate op should have 1 or 0 blocks",
                    ));
                }
            },
        },
        Opcode::ReassignLease => Edit::ReassignLease {
            lease_holder: input.string("LEASEHOLDER")?,
            path: input.string("PATH")?,
            new_holder: input.string("NEWHOLDER")?,
        },
        Opcode::StartLogSegment => Edit::StartLogSegment,
        Opcode::EndLogSegment => Edit::EndLogSegment,
        Opcode::SetGenstampV1 => {
            Edit::SetGenstampV1 { generation_stamp: GenerationStamp(input.unsigned_long()?) }
        }
        Opcode::SetGenstampV2 => {
            Edit::SetGenstampV2 { generation_stamp: GenerationStamp(input.unsigned_long()?) }
        }
        Opcode::AllocateBlockId => Edit::AllocateBlockId { block: BlockId(input.long()?) },
        Opcode::SetReplication
        | Opcode::SetPermissions
        | Opcode::SetOwner
        | Opcode::Times
        | Opcode::SetNsQuota
        | Opcode::ClearNsQuota
        | Opcode::SetQuota
        | Opcode::SetQuotaByStorageType
        | Opcode::SetAcl
        | Opcode::SetXAttr
        | Opcode::RemoveXAttr
        | Opcode::SetStoragePolicy => attribute(opcode, input)?,
        Opcode::CreateSnapshot
        | Opcode::DeleteSnapshot
        | Opcode::RenameSnapshot
        | Opcode::AllowSnapshot
        | Opcode::DisallowSnapshot => snapshot(opcode, input, layout)?,
        Opcode::GetDelegationToken => {
            Edit::GetDelegationToken { token: Box::new(token(input)?), expiry_time: input.long()? }
        }
        Opcode::RenewDelegationToken => Edit::RenewDelegationToken {
            token: Box::new(token(input)?),
            expiry_time: input.long()?,
        },
        Opcode::CancelDelegationToken => {
            Edit::CancelDelegationToken { token: Box::new(token(input)?) }
        }
        Opcode::UpdateMasterKey => Edit::UpdateMasterKey { key: Box::new(key(input)?) },
        Opcode::RollingUpgradeStart => Edit::RollingUpgradeStart { time: time(input)? },
        Opcode::RollingUpgradeFinalize => Edit::RollingUpgradeFinalize { time: time(input)? },
        Opcode::AddCacheDirective
        | Opcode::ModifyCacheDirective
        | Opcode::RemoveCacheDirective
        | Opcode::AddCachePool
        | Opcode::ModifyCachePool
        | Opcode::RemoveCachePool => cache(opcode, input)?,
        Opcode::AddErasureCodingPolicy => {
            Edit::AddErasureCodingPolicy { policy: Box::new(policy(input)?), rpc: rpc(input)? }
        }
        Opcode::EnableErasureCodingPolicy => {
            Edit::EnableErasureCodingPolicy { name: input.string("POLICYNAME")?, rpc: rpc(input)? }
        }
        Opcode::DisableErasureCodingPolicy => {
            Edit::DisableErasureCodingPolicy { name: input.string("POLICYNAME")?, rpc: rpc(input)? }
        }
        Opcode::RemoveErasureCodingPolicy => {
            Edit::RemoveErasureCodingPolicy { name: input.string("POLICYNAME")?, rpc: rpc(input)? }
        }
    })
}

fn add(input: &mut Input<'_>, layout: i32) -> Result<AddFile> {
    Ok(AddFile {
        inode: InodeId(input.unsigned_long()?),
        path: input.string("PATH")?,
        replication: input.short()?,
        mtime: time(input)?,
        atime: time(input)?,
        block_size: input.unsigned_long()?,
        blocks: blocks(input)?,
        permissions: permissions(input)?,
        acl: acl(input)?,
        xattrs: xattrs(input)?.1,
        client_name: input.string("CLIENT_NAME")?,
        client_machine: input.string("CLIENT_MACHINE")?,
        overwrite: input.boolean()?,
        storage_policy: input.byte()?,
        erasure_coding_policy: if layout <= ERASURE_CODING { input.byte()? } else { 0 },
        rpc: rpc(input)?,
    })
}

fn close(input: &mut Input<'_>) -> Result<CloseFile> {
    Ok(CloseFile {
        inode: InodeId(input.unsigned_long()?),
        path: input.string("PATH")?,
        replication: input.short()?,
        mtime: time(input)?,
        atime: time(input)?,
        block_size: input.unsigned_long()?,
        blocks: blocks(input)?,
        permissions: permissions(input)?,
    })
}

fn mkdir(input: &mut Input<'_>) -> Result<Mkdir> {
    let inode = InodeId(input.unsigned_long()?);
    let path = input.string("PATH")?;
    let timestamp = time(input)?;
    // Access time, which directories do not have.
    input.long()?;
    Ok(Mkdir {
        inode,
        path,
        timestamp,
        permissions: permissions(input)?,
        acl: acl(input)?,
        xattrs: xattrs(input)?.1,
    })
}

fn symlink(input: &mut Input<'_>) -> Result<Symlink> {
    Ok(Symlink {
        inode: InodeId(input.unsigned_long()?),
        path: input.string("PATH")?,
        target: input.string("VALUE")?,
        mtime: time(input)?,
        atime: time(input)?,
        permissions: permissions(input)?,
        rpc: rpc(input)?,
    })
}

fn add_block(input: &mut Input<'_>) -> Result<Edit> {
    let path = input.string("PATH")?;
    let (penultimate, last) = match compact_blocks(input)?.as_slice() {
        [last] => (None, *last),
        [penultimate, last] => (Some(*penultimate), *last),
        other => {
            return Err(CodecError::field(
                "BLOCK",
                format!("{} blocks where 1 or 2 are expected", other.len()),
            ));
        }
    };
    Ok(Edit::AddBlock { path, penultimate, last, rpc: rpc(input)? })
}

/// Operations that change what is said about a path.
fn attribute(opcode: Opcode, input: &mut Input<'_>) -> Result<Edit> {
    Ok(match opcode {
        Opcode::SetReplication => {
            Edit::SetReplication { path: input.string("PATH")?, replication: input.short()? }
        }
        Opcode::SetPermissions => {
            Edit::SetPermissions { path: input.string("SRC")?, mode: input.short()? }
        }
        Opcode::SetOwner => Edit::SetOwner {
            path: input.string("SRC")?,
            owner: Some(input.string("USERNAME")?).filter(|name| !name.is_empty()),
            group: Some(input.string("GROUPNAME")?).filter(|name| !name.is_empty()),
        },
        Opcode::Times => {
            Edit::Times { path: input.string("PATH")?, mtime: input.long()?, atime: input.long()? }
        }
        Opcode::SetNsQuota => {
            Edit::SetNsQuota { path: input.string("SRC")?, namespace_quota: input.long()? }
        }
        Opcode::ClearNsQuota => Edit::ClearNsQuota { path: input.string("SRC")? },
        Opcode::SetQuota => Edit::SetQuota {
            path: input.string("SRC")?,
            namespace_quota: input.long()?,
            storage_quota: input.long()?,
        },
        Opcode::SetQuotaByStorageType => Edit::SetQuotaByStorageType {
            path: input.string("SRC")?,
            storage_type: {
                let number = input.int()?;
                u8::try_from(number)
                    .ok()
                    .and_then(StorageType::from_number)
                    .ok_or_else(|| CodecError::field("STORAGETYPE", number.to_string()))?
            },
            storage_quota: input.long()?,
        },
        Opcode::SetAcl => {
            let message = AclEditLogProto::decode(input.delimited("ACL")?)
                .map_err(|error| CodecError::field("ACL", error.to_string()))?;
            Edit::SetAcl {
                path: message.src,
                entries: message
                    .entries
                    .into_iter()
                    .map(acl_from_message)
                    .collect::<Result<_>>()?,
            }
        }
        Opcode::SetXAttr => {
            let (path, xattrs) = xattrs(input)?;
            Edit::SetXAttr { path, xattrs, rpc: rpc(input)? }
        }
        Opcode::RemoveXAttr => {
            let (path, xattrs) = xattrs(input)?;
            Edit::RemoveXAttr { path, xattrs, rpc: rpc(input)? }
        }
        Opcode::SetStoragePolicy => {
            Edit::SetStoragePolicy { path: input.string("PATH")?, policy: input.byte()? }
        }
        other => return Err(CodecError::UnknownOpcode(other as i8)),
    })
}

fn snapshot(opcode: Opcode, input: &mut Input<'_>, layout: i32) -> Result<Edit> {
    let root = input.string("SNAPSHOTROOT")?;
    let when = |input: &mut Input<'_>| {
        if layout <= SNAPSHOT_MODIFICATION_TIME { time(input) } else { Ok(Milliseconds(0)) }
    };
    Ok(match opcode {
        Opcode::CreateSnapshot => Edit::CreateSnapshot {
            root,
            name: input.string("SNAPSHOTNAME")?,
            mtime: when(input)?,
            rpc: rpc(input)?,
        },
        Opcode::DeleteSnapshot => Edit::DeleteSnapshot {
            root,
            name: input.string("SNAPSHOTNAME")?,
            mtime: when(input)?,
            rpc: rpc(input)?,
        },
        Opcode::RenameSnapshot => Edit::RenameSnapshot {
            root,
            old_name: input.string("SNAPSHOTOLDNAME")?,
            new_name: input.string("SNAPSHOTNEWNAME")?,
            mtime: when(input)?,
            rpc: rpc(input)?,
        },
        Opcode::AllowSnapshot => Edit::AllowSnapshot { root },
        Opcode::DisallowSnapshot => Edit::DisallowSnapshot { root },
        other => return Err(CodecError::UnknownOpcode(other as i8)),
    })
}

fn cache(opcode: Opcode, input: &mut Input<'_>) -> Result<Edit> {
    Ok(match opcode {
        Opcode::AddCacheDirective => {
            Edit::AddCacheDirective { directive: Box::new(directive(input)?), rpc: rpc(input)? }
        }
        Opcode::ModifyCacheDirective => {
            Edit::ModifyCacheDirective { directive: Box::new(directive(input)?), rpc: rpc(input)? }
        }
        Opcode::RemoveCacheDirective => {
            Edit::RemoveCacheDirective { id: input.long()?, rpc: rpc(input)? }
        }
        Opcode::AddCachePool => {
            Edit::AddCachePool { pool: Box::new(pool(input)?), rpc: rpc(input)? }
        }
        Opcode::ModifyCachePool => {
            Edit::ModifyCachePool { pool: Box::new(pool(input)?), rpc: rpc(input)? }
        }
        Opcode::RemoveCachePool => {
            Edit::RemoveCachePool { name: input.string("POOLNAME")?, rpc: rpc(input)? }
        }
        other => return Err(CodecError::UnknownOpcode(other as i8)),
    })
}

fn time(input: &mut Input<'_>) -> Result<Milliseconds> {
    Ok(Milliseconds(input.unsigned_long()?))
}

fn rpc(input: &mut Input<'_>) -> Result<RpcIds> {
    let client_id = match input.short_bytes()? {
        [] => None,
        id => Some(id.try_into().map_err(|_| {
            CodecError::field("RPC_CLIENTID", format!("{} bytes, not 16", id.len()))
        })?),
    };
    Ok(RpcIds { client_id, call_id: input.int()? })
}

fn blocks(input: &mut Input<'_>) -> Result<Vec<Block>> {
    let count = input.count("BLOCK", 24)?;
    (0..count)
        .map(|_| {
            Ok(Block {
                id: BlockId(input.long()?),
                length: input.unsigned_long()?,
                generation_stamp: GenerationStamp(input.unsigned_long()?),
            })
        })
        .collect()
}

fn compact_blocks(input: &mut Input<'_>) -> Result<Vec<Block>> {
    let count = input.vcount("BLOCK", 10)?;
    let (mut length, mut stamp) = (0_u64, 0_u64);
    (0..count)
        .map(|_| {
            let id = BlockId(input.long()?);
            length = length.wrapping_add(input.vlong()? as u64);
            stamp = stamp.wrapping_add(input.vlong()? as u64);
            Ok(Block { id, length, generation_stamp: GenerationStamp(stamp) })
        })
        .collect()
}

fn permissions(input: &mut Input<'_>) -> Result<Permissions> {
    Ok(Permissions {
        owner: input.text("USERNAME")?,
        group: input.text("GROUPNAME")?,
        mode: input.short()?,
    })
}

fn acl(input: &mut Input<'_>) -> Result<Vec<AclEntry>> {
    let count = input.count("ENTRY", 1)?;
    (0..count)
        .map(|_| {
            let bits = input.byte()?;
            Ok(AclEntry {
                scope: if bits & 0x20 == 0 { AclScope::Access } else { AclScope::Default },
                kind: match (bits >> 3) & 3 {
                    0 => AclKind::User,
                    1 => AclKind::Group,
                    2 => AclKind::Mask,
                    _ => AclKind::Other,
                },
                name: if bits & 0x40 == 0 { None } else { Some(input.string("NAME")?) },
                permission: bits & 7,
            })
        })
        .collect()
}

fn acl_from_message(message: AclEntryProto) -> Result<AclEntry> {
    let number = |value: i32| u8::try_from(value).ok();
    let bad = || CodecError::field("ENTRY", "unknown scope, type or permission");
    Ok(AclEntry {
        scope: number(message.scope).and_then(AclScope::from_number).ok_or_else(bad)?,
        kind: number(message.r#type).and_then(AclKind::from_number).ok_or_else(bad)?,
        name: message.name,
        permission: number(message.permissions).filter(|&bits| bits < 8).ok_or_else(bad)?,
    })
}

fn xattrs(input: &mut Input<'_>) -> Result<(String, Vec<XAttr>)> {
    let bytes = input.delimited("XATTR")?;
    if bytes.is_empty() {
        return Ok((String::new(), Vec::new()));
    }
    let message = XAttrEditLogProto::decode(bytes)
        .map_err(|error| CodecError::field("XATTR", error.to_string()))?;
    let xattrs = message
        .x_attrs
        .into_iter()
        .map(|xattr| {
            let namespace = u8::try_from(xattr.namespace)
                .ok()
                .and_then(XAttrNamespace::from_number)
                .ok_or_else(|| CodecError::field("NAMESPACE", xattr.namespace.to_string()))?;
            Ok(XAttr { namespace, name: xattr.name, value: xattr.value })
        })
        .collect::<Result<_>>()?;
    Ok((message.src.unwrap_or_default(), xattrs))
}

fn rename_options(input: &mut Input<'_>) -> Result<Vec<RenameOption>> {
    let count = input.count("OPTIONS", 1)?;
    input
        .take(count)?
        .iter()
        .map(|&number| {
            RenameOption::from_number(number)
                .ok_or_else(|| CodecError::field("OPTIONS", number.to_string()))
        })
        .collect()
}

fn token(input: &mut Input<'_>) -> Result<DelegationToken> {
    let version = input.byte()?;
    if version != 0 {
        return Err(CodecError::field(
            "DELEGATION_TOKEN_IDENTIFIER",
            format!("Unknown version of delegation token {}", version as i8),
        ));
    }
    Ok(DelegationToken {
        owner: input.text("OWNER")?,
        renewer: input.text("RENEWER")?,
        real_user: input.text("REALUSER")?,
        issue_date: input.vlong()?,
        max_date: input.vlong()?,
        sequence_number: input.vint()?,
        master_key_id: input.vint()?,
    })
}

fn key(input: &mut Input<'_>) -> Result<DelegationKey> {
    Ok(DelegationKey {
        id: input.vint()?,
        expiry_date: input.vlong()?,
        key: match input.vint()? {
            -1 => None,
            length => {
                let length = usize::try_from(length)
                    .ok()
                    .filter(|&length| length <= MAX_TEXT)
                    .ok_or_else(|| CodecError::field("KEY", format!("length of {length}")))?;
                Some(Bytes::copy_from_slice(input.take(length)?))
            }
        },
    })
}

/// What `flag` announces.
fn given<'a, T>(
    flags: i32,
    flag: i32,
    input: &mut Input<'a>,
    read: impl FnOnce(&mut Input<'a>) -> Result<T>,
) -> Result<Option<T>> {
    (flags & flag != 0).then(|| read(input)).transpose()
}

fn directive(input: &mut Input<'_>) -> Result<CacheDirective> {
    let id = input.long()?;
    let flags = input.int()?;
    if flags & !0xf != 0 {
        return Err(CodecError::field(
            "directive",
            format!("unknown flags set in ModifyCacheDirectiveInfoOp: {flags}"),
        ));
    }
    Ok(CacheDirective {
        id,
        path: given(flags, 1, input, |input| input.string("PATH"))?,
        replication: given(flags, 2, input, Input::short)?,
        pool: given(flags, 4, input, |input| input.string("POOL"))?,
        expiration: given(flags, 8, input, Input::long)?,
    })
}

fn pool(input: &mut Input<'_>) -> Result<CachePool> {
    let name = input.string("POOLNAME")?;
    let flags = input.int()?;
    if flags & !0x3f != 0 {
        return Err(CodecError::field("pool", format!("Unknown flag in CachePoolInfo: {flags}")));
    }
    Ok(CachePool {
        name,
        owner: given(flags, 1, input, |input| input.string("OWNERNAME"))?,
        group: given(flags, 2, input, |input| input.string("GROUPNAME"))?,
        mode: given(flags, 4, input, Input::short)?,
        limit: given(flags, 8, input, Input::long)?,
        max_relative_expiry: given(flags, 16, input, Input::long)?,
        default_replication: given(flags, 32, input, Input::short)?,
    })
}

fn policy(input: &mut Input<'_>) -> Result<ErasureCodingPolicy> {
    Ok(ErasureCodingPolicy {
        codec: input.string("CODEC")?,
        data_units: input.int()?,
        parity_units: input.int()?,
        cell_size: input.int()?,
        extra_options: {
            let count = input.count("EXTRAOPTIONS", 4)?;
            (0..count)
                .map(|_| Ok((input.string("KEY")?, input.string("VALUE")?)))
                .collect::<Result<_>>()?
        },
    })
}
