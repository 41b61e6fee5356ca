//! An inode as a message of the INODE section (`FSImageFormatPBINode.Saver`).

use super::proto::{put_bytes, put_fixed64, put_length_before, put_message, put_number};
use super::strings::{Kind, Numbering};
use crate::edit::{AclEntry, AclKind, StorageType, XAttr};
use crate::status::Quota;
use crate::view::{InodeBody, InodeView};
use prost::bytes::BufMut;

/// Appends an inode after its length.
pub(super) fn put_inode(inode: &InodeView<'_>, names: &mut Numbering, out: &mut Vec<u8>) {
    let permission = permission(inode, names);
    put_length_before(out, |out| {
        let kind = match inode.body {
            InodeBody::File { .. } => 1,
            InodeBody::Directory { .. } => 2,
            InodeBody::Symlink { .. } => 3,
        };
        put_number(1, kind, out);
        put_number(2, inode.id.0, out);
        put_bytes(3, inode.name, out);
        match &inode.body {
            InodeBody::File { .. } => {
                put_message(4, out, |out| put_file(inode, permission, names, out));
            }
            InodeBody::Directory { quota, .. } => put_message(5, out, |out| {
                put_number(1, inode.mtime.0, out);
                put_number(2, quota.namespace as u64, out);
                put_number(3, quota.storage as u64, out);
                put_fixed64(4, permission, out);
                put_acl(5, inode.acl, names, out);
                put_xattrs(6, inode.xattrs, names, out);
                put_type_quotas(quota, out);
            }),
            InodeBody::Symlink { target } => put_message(6, out, |out| {
                put_fixed64(1, permission, out);
                put_bytes(2, target.as_bytes(), out);
                put_number(3, inode.mtime.0, out);
                put_number(4, inode.atime.0, out);
            }),
        }
    });
}

fn put_file(inode: &InodeView<'_>, permission: u64, names: &mut Numbering, out: &mut Vec<u8>) {
    let InodeBody::File {
        replication,
        block_size,
        storage_policy,
        erasure_coding_policy,
        blocks,
        writer,
    } = &inode.body
    else {
        return;
    };
    let striped = *erasure_coding_policy != 0;
    if !striped {
        put_number(1, u64::from(*replication), out);
    }
    put_number(2, inode.mtime.0, out);
    put_number(3, inode.atime.0, out);
    put_number(4, *block_size, out);
    put_fixed64(5, permission, out);
    for block in (0..blocks.len()).filter_map(|index| blocks.get(index)) {
        put_message(6, out, |out| {
            put_number(1, block.id.0 as u64, out);
            put_number(2, block.generation_stamp.0, out);
            put_number(3, block.length, out);
        });
    }
    if let Some(writer) = writer {
        put_message(7, out, |out| {
            put_bytes(1, writer.client_name.as_bytes(), out);
            put_bytes(2, writer.client_machine.as_bytes(), out);
        });
    }
    put_acl(8, inode.acl, names, out);
    put_xattrs(9, inode.xattrs, names, out);
    put_number(10, u64::from(*storage_policy), out);
    put_number(11, u64::from(striped), out);
    if striped {
        put_number(12, u64::from(*erasure_coding_policy), out);
    }
}

/// `PermissionStatusFormat`: 24 bits of user, 24 of group, 16 of mode.
fn permission(inode: &InodeView<'_>, names: &mut Numbering) -> u64 {
    let user = names.number(Kind::User, inode.owner);
    let group = names.number(Kind::Group, inode.group);
    u64::from(user) << 40 | u64::from(group) << 16 | u64::from(inode.mode)
}

/// `AclEntryStatusFormat`: permission 3, type 2, scope 1, name 24 bits.
fn put_acl(field: u32, entries: &[AclEntry], names: &mut Numbering, out: &mut Vec<u8>) {
    if entries.is_empty() {
        return;
    }
    put_message(field, out, |out| {
        let mut packed = Vec::with_capacity(entries.len() * 4);
        for entry in entries {
            let number = match (&entry.name, entry.kind) {
                (Some(name), AclKind::User) => names.number(Kind::User, name),
                (Some(name), AclKind::Group) => names.number(Kind::Group, name),
                _ => 0,
            };
            packed.put_u32_le(
                u32::from(entry.permission & 7)
                    | (entry.kind as u32) << 3
                    | (entry.scope as u32) << 5
                    | number << 6,
            );
        }
        put_bytes(2, &packed, out);
    });
}

/// `XAttrFormat`: 5 bits reserved, name space's third bit, name 24, name space's low bits.
fn put_xattrs(field: u32, xattrs: &[XAttr], names: &mut Numbering, out: &mut Vec<u8>) {
    if xattrs.is_empty() {
        return;
    }
    put_message(field, out, |out| {
        for xattr in xattrs {
            let number = names.number(Kind::XAttr, &xattr.name);
            let namespace = xattr.namespace as u32;
            put_message(1, out, |out| {
                out.push(1 << 3 | 5);
                out.put_u32_le((namespace & 3) << 30 | number << 6 | (namespace >> 2) << 5);
                if let Some(value) = &xattr.value {
                    put_bytes(2, value, out);
                }
            });
        }
    });
}

/// Types in the order in which Java asks them, and their numbers in messages.
pub(super) const QUOTA_TYPES: [(StorageType, u64); 5] = [
    (StorageType::Ssd, 2),
    (StorageType::Disk, 1),
    (StorageType::Archive, 3),
    (StorageType::Provided, 5),
    (StorageType::Nvdimm, 6),
];

fn put_type_quotas(quota: &Quota, out: &mut Vec<u8>) {
    let limit = |kind: StorageType| quota.by_type.get(kind as usize).copied().unwrap_or(-1);
    if QUOTA_TYPES.iter().all(|(kind, _)| limit(*kind) < 0) {
        return;
    }
    put_message(7, out, |out| {
        for (kind, number) in QUOTA_TYPES {
            if let Ok(limit) = u64::try_from(limit(kind)) {
                put_message(1, out, |out| {
                    put_number(1, number, out);
                    put_number(2, limit, out);
                });
            }
        }
    });
}
