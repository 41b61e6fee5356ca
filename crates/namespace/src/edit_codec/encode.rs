//! An operation as bytes (`FSEditLogOp.writeFields`).

use super::error::CodecError;
use super::writable::{
    put_boolean, put_count, put_delimited, put_int, put_long, put_short, put_short_bytes,
    put_string, put_text, put_unsigned_long, put_vlong,
};
use crate::edit::{
    AclEntry, AddFile, Block, CacheDirective, CachePool, CloseFile, DelegationKey, DelegationToken,
    Edit, ErasureCodingPolicy, Mkdir, Permissions, RpcIds, Symlink, XAttr,
};
use loxodon_wire::editlog::put_frame;
use loxodon_wire::ids::TxId;
use loxodon_wire::proto::hdfs::{AclEditLogProto, AclEntryProto, XAttrEditLogProto, XAttrProto};

type Result = std::result::Result<(), CodecError>;

/// Appends an operation in its frame, as a segment of `layout_version` holds it.
///
/// # Errors
/// If a string is longer than 65,535 bytes, or the operation is one that is only read
/// ([`CodecError::NotWritten`]); `out` is unchanged then.
pub fn encode_transaction(
    txid: TxId,
    edit: &Edit,
    layout_version: i32,
    out: &mut Vec<u8>,
) -> Result {
    put_frame(edit.opcode() as u8, txid, out, |out| encode_body(edit, layout_version, out))
}

/// Appends an operation's fields, without the frame.
///
/// # Errors
/// As [`encode_transaction`]; `out` may hold a part then.
pub fn encode_body(edit: &Edit, layout: i32, out: &mut Vec<u8>) -> Result {
    match edit {
        Edit::Add(add) => put_add(add, layout, out),
        Edit::Close(close) => put_close(close, out),
        Edit::Mkdir(mkdir) => put_mkdir(mkdir, out),
        Edit::Symlink(symlink) => put_symlink(symlink, out),
        Edit::RenameOld { source, destination, timestamp, rpc } => {
            put_string(source, "SRC", out)?;
            put_string(destination, "DST", out)?;
            put_unsigned_long(timestamp.0, out);
            put_rpc(rpc, out)
        }
        Edit::Rename { source, destination, timestamp, options, rpc } => {
            put_string(source, "SRC", out)?;
            put_string(destination, "DST", out)?;
            put_unsigned_long(timestamp.0, out);
            put_count(options.len(), "OPTIONS", out)?;
            out.extend(options.iter().map(|&option| option as u8));
            put_rpc(rpc, out)
        }
        Edit::Delete { path, timestamp, rpc } => {
            put_string(path, "PATH", out)?;
            put_unsigned_long(timestamp.0, out);
            put_rpc(rpc, out)
        }
        Edit::ConcatDelete { target, sources, timestamp, rpc } => {
            put_string(target, "TRG", out)?;
            put_count(sources.len(), "SOURCES", out)?;
            for source in sources {
                put_string(source, "SOURCE", out)?;
            }
            put_unsigned_long(timestamp.0, out);
            put_rpc(rpc, out)
        }
        Edit::UpdateBlocks { path, blocks, rpc } => {
            put_string(path, "PATH", out)?;
            put_compact_blocks(blocks.iter(), out)?;
            put_rpc(rpc, out)
        }
        Edit::AddBlock { path, penultimate, last, rpc } => {
            put_string(path, "PATH", out)?;
            put_compact_blocks(penultimate.iter().chain([last]), out)?;
            put_rpc(rpc, out)
        }
        Edit::Append { path, client_name, client_machine, new_block, rpc } => {
            put_string(path, "PATH", out)?;
            put_string(client_name, "CLIENT_NAME", out)?;
            put_string(client_machine, "CLIENT_MACHINE", out)?;
            put_boolean(*new_block, out);
            put_rpc(rpc, out)
        }
        Edit::Truncate { path, client_name, client_machine, new_length, timestamp, block } => {
            put_string(path, "SRC", out)?;
            put_string(client_name, "CLIENTNAME", out)?;
            put_string(client_machine, "CLIENTMACHINE", out)?;
            put_unsigned_long(*new_length, out);
            put_unsigned_long(timestamp.0, out);
            put_compact_blocks(block.iter(), out)
        }
        Edit::ReassignLease { lease_holder, path, new_holder } => {
            put_string(lease_holder, "LEASEHOLDER", out)?;
            put_string(path, "PATH", out)?;
            put_string(new_holder, "NEWHOLDER", out)
        }
        Edit::StartLogSegment | Edit::EndLogSegment => Ok(()),
        Edit::SetGenstampV1 { generation_stamp } | Edit::SetGenstampV2 { generation_stamp } => {
            put_unsigned_long(generation_stamp.0, out);
            Ok(())
        }
        Edit::AllocateBlockId { block } => {
            put_long(block.0, out);
            Ok(())
        }
        Edit::SetNsQuota { .. } | Edit::ClearNsQuota { .. } => Err(CodecError::NotWritten),
        Edit::SetReplication { .. }
        | Edit::SetPermissions { .. }
        | Edit::SetOwner { .. }
        | Edit::Times { .. }
        | Edit::SetQuota { .. }
        | Edit::SetQuotaByStorageType { .. }
        | Edit::SetAcl { .. }
        | Edit::SetXAttr { .. }
        | Edit::RemoveXAttr { .. }
        | Edit::SetStoragePolicy { .. } => put_attribute(edit, out),
        Edit::CreateSnapshot { .. }
        | Edit::DeleteSnapshot { .. }
        | Edit::RenameSnapshot { .. }
        | Edit::AllowSnapshot { .. }
        | Edit::DisallowSnapshot { .. } => put_snapshot(edit, layout, out),
        Edit::GetDelegationToken { token, expiry_time }
        | Edit::RenewDelegationToken { token, expiry_time } => {
            put_token(token, out);
            put_long(*expiry_time, out);
            Ok(())
        }
        Edit::CancelDelegationToken { token } => {
            put_token(token, out);
            Ok(())
        }
        Edit::UpdateMasterKey { key } => {
            put_key(key, out);
            Ok(())
        }
        Edit::RollingUpgradeStart { time } | Edit::RollingUpgradeFinalize { time } => {
            put_unsigned_long(time.0, out);
            Ok(())
        }
        Edit::AddCacheDirective { .. }
        | Edit::ModifyCacheDirective { .. }
        | Edit::RemoveCacheDirective { .. }
        | Edit::AddCachePool { .. }
        | Edit::ModifyCachePool { .. }
        | Edit::RemoveCachePool { .. } => put_cache(edit, out),
        Edit::AddErasureCodingPolicy { policy, rpc } => {
            put_policy(policy, out)?;
            put_rpc(rpc, out)
        }
        Edit::EnableErasureCodingPolicy { name, rpc }
        | Edit::DisableErasureCodingPolicy { name, rpc }
        | Edit::RemoveErasureCodingPolicy { name, rpc } => {
            put_string(name, "POLICYNAME", out)?;
            put_rpc(rpc, out)
        }
    }
}

fn put_add(add: &AddFile, layout: i32, out: &mut Vec<u8>) -> Result {
    put_unsigned_long(add.inode.0, out);
    put_string(&add.path, "PATH", out)?;
    put_short(add.replication, out);
    put_unsigned_long(add.mtime.0, out);
    put_unsigned_long(add.atime.0, out);
    put_unsigned_long(add.block_size, out);
    put_blocks(&add.blocks, out)?;
    put_permissions(&add.permissions, out);
    put_acl(&add.acl, out)?;
    put_xattrs(None, &add.xattrs, out);
    put_string(&add.client_name, "CLIENT_NAME", out)?;
    put_string(&add.client_machine, "CLIENT_MACHINE", out)?;
    put_boolean(add.overwrite, out);
    out.push(add.storage_policy);
    if layout <= super::decode::ERASURE_CODING {
        out.push(add.erasure_coding_policy);
    }
    put_rpc(&add.rpc, out)
}

fn put_close(close: &CloseFile, out: &mut Vec<u8>) -> Result {
    put_unsigned_long(close.inode.0, out);
    put_string(&close.path, "PATH", out)?;
    put_short(close.replication, out);
    put_unsigned_long(close.mtime.0, out);
    put_unsigned_long(close.atime.0, out);
    put_unsigned_long(close.block_size, out);
    put_blocks(&close.blocks, out)?;
    put_permissions(&close.permissions, out);
    Ok(())
}

fn put_mkdir(mkdir: &Mkdir, out: &mut Vec<u8>) -> Result {
    put_unsigned_long(mkdir.inode.0, out);
    put_string(&mkdir.path, "PATH", out)?;
    put_unsigned_long(mkdir.timestamp.0, out);
    // Access time, which directories do not have.
    put_unsigned_long(mkdir.timestamp.0, out);
    put_permissions(&mkdir.permissions, out);
    put_acl(&mkdir.acl, out)?;
    put_xattrs(None, &mkdir.xattrs, out);
    Ok(())
}

fn put_symlink(symlink: &Symlink, out: &mut Vec<u8>) -> Result {
    put_unsigned_long(symlink.inode.0, out);
    put_string(&symlink.path, "PATH", out)?;
    put_string(&symlink.target, "VALUE", out)?;
    put_unsigned_long(symlink.mtime.0, out);
    put_unsigned_long(symlink.atime.0, out);
    put_permissions(&symlink.permissions, out);
    put_rpc(&symlink.rpc, out)
}

/// Operations that change what is said about a path.
fn put_attribute(edit: &Edit, out: &mut Vec<u8>) -> Result {
    match edit {
        Edit::SetReplication { path, replication } => {
            put_string(path, "PATH", out)?;
            put_short(*replication, out);
        }
        Edit::SetPermissions { path, mode } => {
            put_string(path, "SRC", out)?;
            put_short(*mode, out);
        }
        Edit::SetOwner { path, owner, group } => {
            put_string(path, "SRC", out)?;
            put_string(owner.as_deref().unwrap_or_default(), "USERNAME", out)?;
            put_string(group.as_deref().unwrap_or_default(), "GROUPNAME", out)?;
        }
        Edit::Times { path, mtime, atime } => {
            put_string(path, "PATH", out)?;
            put_long(*mtime, out);
            put_long(*atime, out);
        }
        Edit::SetQuota { path, namespace_quota, storage_quota } => {
            put_string(path, "SRC", out)?;
            put_long(*namespace_quota, out);
            put_long(*storage_quota, out);
        }
        Edit::SetQuotaByStorageType { path, storage_type, storage_quota } => {
            put_string(path, "SRC", out)?;
            put_int(*storage_type as i32, out);
            put_long(*storage_quota, out);
        }
        Edit::SetAcl { path, entries } => put_delimited(
            &AclEditLogProto {
                src: path.clone(),
                entries: entries.iter().map(acl_message).collect(),
            },
            out,
        ),
        Edit::SetXAttr { path, xattrs, rpc } | Edit::RemoveXAttr { path, xattrs, rpc } => {
            put_xattrs(Some(path), xattrs, out);
            put_rpc(rpc, out)?;
        }
        Edit::SetStoragePolicy { path, policy } => {
            put_string(path, "PATH", out)?;
            out.push(*policy);
        }
        _ => return Err(CodecError::NotWritten),
    }
    Ok(())
}

fn put_snapshot(edit: &Edit, layout: i32, out: &mut Vec<u8>) -> Result {
    let (mtime, rpc) = match edit {
        Edit::CreateSnapshot { root, name, mtime, rpc }
        | Edit::DeleteSnapshot { root, name, mtime, rpc } => {
            put_string(root, "SNAPSHOTROOT", out)?;
            put_string(name, "SNAPSHOTNAME", out)?;
            (mtime, rpc)
        }
        Edit::RenameSnapshot { root, old_name, new_name, mtime, rpc } => {
            put_string(root, "SNAPSHOTROOT", out)?;
            put_string(old_name, "SNAPSHOTOLDNAME", out)?;
            put_string(new_name, "SNAPSHOTNEWNAME", out)?;
            (mtime, rpc)
        }
        Edit::AllowSnapshot { root } | Edit::DisallowSnapshot { root } => {
            return put_string(root, "SNAPSHOTROOT", out);
        }
        _ => return Err(CodecError::NotWritten),
    };
    if layout <= super::decode::SNAPSHOT_MODIFICATION_TIME {
        put_unsigned_long(mtime.0, out);
    }
    put_rpc(rpc, out)
}

fn put_cache(edit: &Edit, out: &mut Vec<u8>) -> Result {
    let rpc = match edit {
        Edit::AddCacheDirective { directive, rpc }
        | Edit::ModifyCacheDirective { directive, rpc } => {
            put_directive(directive, out)?;
            rpc
        }
        Edit::RemoveCacheDirective { id, rpc } => {
            put_long(*id, out);
            rpc
        }
        Edit::AddCachePool { pool, rpc } | Edit::ModifyCachePool { pool, rpc } => {
            put_pool(pool, out)?;
            rpc
        }
        Edit::RemoveCachePool { name, rpc } => {
            put_string(name, "POOLNAME", out)?;
            rpc
        }
        _ => return Err(CodecError::NotWritten),
    };
    put_rpc(rpc, out)
}

fn put_rpc(rpc: &RpcIds, out: &mut Vec<u8>) -> Result {
    let id = rpc.client_id.as_ref().map_or(&[][..], |id| &id[..]);
    put_short_bytes(id, "RPC_CLIENTID", out)?;
    put_int(rpc.call_id, out);
    Ok(())
}

fn put_blocks(blocks: &[Block], out: &mut Vec<u8>) -> Result {
    put_count(blocks.len(), "BLOCK", out)?;
    for block in blocks {
        put_long(block.id.0, out);
        put_unsigned_long(block.length, out);
        put_unsigned_long(block.generation_stamp.0, out);
    }
    Ok(())
}

/// `FSImageSerialization.writeCompactBlockArray`: lengths and stamps as differences.
fn put_compact_blocks<'a>(
    blocks: impl Iterator<Item = &'a Block> + Clone,
    out: &mut Vec<u8>,
) -> Result {
    let count = i32::try_from(blocks.clone().count())
        .map_err(|_| CodecError::field("BLOCK", "too many blocks"))?;
    put_vlong(i64::from(count), out);
    let (mut length, mut stamp) = (0_u64, 0_u64);
    for block in blocks {
        put_long(block.id.0, out);
        put_vlong(block.length.wrapping_sub(length) as i64, out);
        put_vlong(block.generation_stamp.0.wrapping_sub(stamp) as i64, out);
        (length, stamp) = (block.length, block.generation_stamp.0);
    }
    Ok(())
}

fn put_permissions(permissions: &Permissions, out: &mut Vec<u8>) {
    put_text(&permissions.owner, out);
    put_text(&permissions.group, out);
    put_short(permissions.mode, out);
}

fn put_acl(entries: &[AclEntry], out: &mut Vec<u8>) -> Result {
    put_count(entries.len(), "ENTRY", out)?;
    for entry in entries {
        let has_name = u8::from(entry.name.is_some());
        out.push(
            has_name << 6
                | (entry.scope as u8) << 5
                | (entry.kind as u8) << 3
                | (entry.permission & 7),
        );
        if let Some(name) = &entry.name {
            put_string(name, "NAME", out)?;
        }
    }
    Ok(())
}

fn acl_message(entry: &AclEntry) -> AclEntryProto {
    AclEntryProto {
        r#type: entry.kind as i32,
        scope: entry.scope as i32,
        permissions: i32::from(entry.permission & 7),
        name: entry.name.clone(),
    }
}

fn put_xattrs(path: Option<&String>, xattrs: &[XAttr], out: &mut Vec<u8>) {
    if path.is_none() && xattrs.is_empty() {
        out.push(0);
        return;
    }
    let message = XAttrEditLogProto {
        src: path.cloned(),
        x_attrs: xattrs
            .iter()
            .map(|xattr| XAttrProto {
                namespace: xattr.namespace as i32,
                name: xattr.name.clone(),
                value: xattr.value.clone(),
            })
            .collect(),
    };
    put_delimited(&message, out);
}

fn put_token(token: &DelegationToken, out: &mut Vec<u8>) {
    // The version of the identifier's format.
    out.push(0);
    put_text(&token.owner, out);
    put_text(&token.renewer, out);
    put_text(&token.real_user, out);
    put_vlong(token.issue_date, out);
    put_vlong(token.max_date, out);
    put_vlong(i64::from(token.sequence_number), out);
    put_vlong(i64::from(token.master_key_id), out);
}

fn put_key(key: &DelegationKey, out: &mut Vec<u8>) {
    put_vlong(i64::from(key.id), out);
    put_vlong(key.expiry_date, out);
    match &key.key {
        Some(bytes) => {
            put_vlong(i64::try_from(bytes.len()).unwrap_or(i64::MAX), out);
            out.extend_from_slice(bytes);
        }
        None => put_vlong(-1, out),
    }
}

fn put_directive(directive: &CacheDirective, out: &mut Vec<u8>) -> Result {
    put_long(directive.id, out);
    let flags = i32::from(directive.path.is_some())
        | i32::from(directive.replication.is_some()) << 1
        | i32::from(directive.pool.is_some()) << 2
        | i32::from(directive.expiration.is_some()) << 3;
    put_int(flags, out);
    if let Some(path) = &directive.path {
        put_string(path, "PATH", out)?;
    }
    if let Some(replication) = directive.replication {
        put_short(replication, out);
    }
    if let Some(pool) = &directive.pool {
        put_string(pool, "POOL", out)?;
    }
    if let Some(expiration) = directive.expiration {
        put_long(expiration, out);
    }
    Ok(())
}

fn put_pool(pool: &CachePool, out: &mut Vec<u8>) -> Result {
    put_string(&pool.name, "POOLNAME", out)?;
    let flags = i32::from(pool.owner.is_some())
        | i32::from(pool.group.is_some()) << 1
        | i32::from(pool.mode.is_some()) << 2
        | i32::from(pool.limit.is_some()) << 3
        | i32::from(pool.max_relative_expiry.is_some()) << 4
        | i32::from(pool.default_replication.is_some()) << 5;
    put_int(flags, out);
    if let Some(owner) = &pool.owner {
        put_string(owner, "OWNERNAME", out)?;
    }
    if let Some(group) = &pool.group {
        put_string(group, "GROUPNAME", out)?;
    }
    if let Some(mode) = pool.mode {
        put_short(mode, out);
    }
    if let Some(limit) = pool.limit {
        put_long(limit, out);
    }
    if let Some(expiry) = pool.max_relative_expiry {
        put_long(expiry, out);
    }
    if let Some(replication) = pool.default_replication {
        put_short(replication, out);
    }
    Ok(())
}

fn put_policy(policy: &ErasureCodingPolicy, out: &mut Vec<u8>) -> Result {
    put_string(&policy.codec, "CODEC", out)?;
    put_int(policy.data_units, out);
    put_int(policy.parity_units, out);
    put_int(policy.cell_size, out);
    put_count(policy.extra_options.len(), "EXTRAOPTIONS", out)?;
    for (key, value) in &policy.extra_options {
        put_string(key, "KEY", out)?;
        put_string(value, "VALUE", out)?;
    }
    Ok(())
}
