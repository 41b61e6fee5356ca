//! An inode from its message in the INODE section (`FSImageFormatPBINode.Loader`).

use super::inode_writer::QUOTA_TYPES;
use super::proto::{Cursor, Malformed, Value};
use super::strings::{Kind, Strings};
use crate::edit::{AclEntry, AclKind, AclScope, Block, XAttr, XAttrNamespace};
use crate::status::Quota;
use crate::view::{LoadedBody, LoadedInode, LoadedPermissions};
use bytes::Bytes;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};
use smallvec::SmallVec;

type Result<T> = std::result::Result<T, Malformed>;

const fn malformed(reason: &'static str) -> Malformed {
    Malformed { remaining: 0, reason }
}

/// Fields that files, directories and links have in common.
#[derive(Default)]
struct Common {
    permission: u64,
    mtime: u64,
    atime: u64,
    acl: Vec<AclEntry>,
    xattrs: Vec<XAttr>,
}

/// What the last inode had: neighbours mostly have the same.
#[derive(Default)]
pub(super) struct Recent<'a> {
    permissions: Option<(u64, LoadedPermissions<'a>)>,
}

impl<'a> Recent<'a> {
    fn permissions(&mut self, word: u64, strings: &'a Strings) -> Result<LoadedPermissions<'a>> {
        if let Some((recent, found)) = self.permissions
            && recent == word
        {
            return Ok(found);
        }
        let found = permissions(word, strings)?;
        self.permissions = Some((word, found));
        Ok(found)
    }
}

/// Reads one inode.
pub(super) fn read_inode<'a>(
    message: &'a [u8],
    strings: &'a Strings,
    recent: &mut Recent<'a>,
) -> Result<LoadedInode<'a>> {
    let mut cursor = Cursor::new(message);
    let (mut kind, mut id, mut name) = (0, None, &[][..]);
    let mut inner = None;
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Varint(number)) => kind = number,
            (2, Value::Varint(number)) => id = Some(number),
            (3, Value::Bytes(bytes)) => name = bytes,
            (4..=6, Value::Bytes(bytes)) => inner = Some((field, bytes)),
            _ => {}
        }
    }
    let mut common = Common::default();
    let body = match (kind, inner) {
        (1, Some((4, bytes))) => read_file(bytes, strings, &mut common)?,
        (2, Some((5, bytes))) => read_directory(bytes, strings, &mut common)?,
        (3, Some((6, bytes))) => read_symlink(bytes, &mut common)?,
        _ => return Err(malformed("an inode is no file, directory or link")),
    };
    Ok(LoadedInode {
        id: InodeId(id.ok_or(malformed("an inode has no number"))?),
        name,
        permissions: recent.permissions(common.permission, strings)?,
        mtime: Milliseconds(common.mtime),
        atime: Milliseconds(common.atime),
        acl: common.acl,
        xattrs: common.xattrs,
        body,
    })
}

fn permissions(word: u64, strings: &Strings) -> Result<LoadedPermissions<'_>> {
    let name = |kind, number: u64| {
        strings
            .get(kind, (number & 0xff_ffff) as u32)
            .map(|name| &**name)
            .ok_or(malformed("an owner is not in the string table"))
    };
    Ok(LoadedPermissions {
        owner: name(Kind::User, word >> 40)?,
        group: name(Kind::Group, word >> 16)?,
        mode: word as u16,
    })
}

fn read_file<'a>(
    message: &'a [u8],
    strings: &Strings,
    common: &mut Common,
) -> Result<LoadedBody<'a>> {
    let mut cursor = Cursor::new(message);
    let (mut replication, mut block_size, mut storage_policy, mut policy) = (0, 0, 0, 0);
    let mut blocks = SmallVec::new();
    let mut writer = None;
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Varint(number)) => replication = number,
            (2, Value::Varint(number)) => common.mtime = number,
            (3, Value::Varint(number)) => common.atime = number,
            (4, Value::Varint(number)) => block_size = number,
            (5, Value::Fixed64(number)) => common.permission = number,
            (6, Value::Bytes(bytes)) => blocks.push(read_block(bytes)?),
            (7, Value::Bytes(bytes)) => writer = Some(read_writer(bytes)?),
            (8, Value::Bytes(bytes)) => common.acl = read_acl(bytes, strings)?,
            (9, Value::Bytes(bytes)) => common.xattrs = read_xattrs(bytes, strings)?,
            (10, Value::Varint(number)) => storage_policy = number,
            (12, Value::Varint(number)) => policy = number,
            _ => {}
        }
    }
    let byte = |number: u64| {
        u8::try_from(number).map_err(|_| malformed("a policy's number is out of range"))
    };
    Ok(LoadedBody::File {
        replication: u16::try_from(replication)
            .map_err(|_| malformed("a file's replication is out of range"))?,
        block_size,
        storage_policy: byte(storage_policy)?,
        erasure_coding_policy: byte(policy)?,
        blocks,
        writer,
    })
}

fn read_block(message: &[u8]) -> Result<Block> {
    let mut cursor = Cursor::new(message);
    let mut block = Block::default();
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Varint(number)) => block.id = BlockId(number as i64),
            (2, Value::Varint(number)) => block.generation_stamp = GenerationStamp(number),
            (3, Value::Varint(number)) => block.length = number,
            _ => {}
        }
    }
    Ok(block)
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("a string is not UTF-8"))
}

fn read_writer(message: &[u8]) -> Result<(&str, &str)> {
    let mut cursor = Cursor::new(message);
    let (mut client, mut machine) = ("", "");
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Bytes(bytes)) => client = text(bytes)?,
            (2, Value::Bytes(bytes)) => machine = text(bytes)?,
            _ => {}
        }
    }
    Ok((client, machine))
}

fn read_directory(
    message: &[u8],
    strings: &Strings,
    common: &mut Common,
) -> Result<LoadedBody<'static>> {
    let mut cursor = Cursor::new(message);
    let mut quota = Quota::NONE;
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Varint(number)) => common.mtime = number,
            (2, Value::Varint(number)) => quota.namespace = number as i64,
            (3, Value::Varint(number)) => quota.storage = number as i64,
            (4, Value::Fixed64(number)) => common.permission = number,
            (5, Value::Bytes(bytes)) => common.acl = read_acl(bytes, strings)?,
            (6, Value::Bytes(bytes)) => common.xattrs = read_xattrs(bytes, strings)?,
            (7, Value::Bytes(bytes)) => read_type_quotas(bytes, &mut quota)?,
            _ => {}
        }
    }
    Ok(LoadedBody::Directory(quota))
}

fn read_type_quotas(message: &[u8], quota: &mut Quota) -> Result<()> {
    let mut cursor = Cursor::new(message);
    while let Some((_, value)) = cursor.field()? {
        let Value::Bytes(bytes) = value else { continue };
        let mut entry = Cursor::new(bytes);
        let (mut kind, mut limit) = (0, 0);
        while let Some((field, value)) = entry.field()? {
            match (field, value) {
                (1, Value::Varint(number)) => kind = number,
                (2, Value::Varint(number)) => limit = number as i64,
                _ => {}
            }
        }
        let known = QUOTA_TYPES.iter().find(|(_, number)| *number == kind);
        let slot = known.and_then(|(kind, _)| quota.by_type.get_mut(*kind as usize));
        *slot.ok_or(malformed("a quota is for no storage type"))? = limit;
    }
    Ok(())
}

fn read_symlink<'a>(message: &'a [u8], common: &mut Common) -> Result<LoadedBody<'a>> {
    let mut cursor = Cursor::new(message);
    let mut target = "";
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Fixed64(number)) => common.permission = number,
            (2, Value::Bytes(bytes)) => target = text(bytes)?,
            (3, Value::Varint(number)) => common.mtime = number,
            (4, Value::Varint(number)) => common.atime = number,
            _ => {}
        }
    }
    Ok(LoadedBody::Symlink(target))
}

fn read_acl(message: &[u8], strings: &Strings) -> Result<Vec<AclEntry>> {
    let mut cursor = Cursor::new(message);
    let mut entries = Vec::new();
    while let Some((_, value)) = cursor.field()? {
        match value {
            Value::Fixed32(word) => entries.push(acl_entry(word, strings)?),
            Value::Bytes(packed) => {
                for word in packed.as_chunks::<4>().0 {
                    entries.push(acl_entry(u32::from_le_bytes(*word), strings)?);
                }
            }
            _ => {}
        }
    }
    Ok(entries)
}

fn acl_entry(word: u32, strings: &Strings) -> Result<AclEntry> {
    let kind = match (word >> 3) & 3 {
        0 => AclKind::User,
        1 => AclKind::Group,
        2 => AclKind::Mask,
        _ => AclKind::Other,
    };
    let number = (word >> 6) & 0xff_ffff;
    let table = match kind {
        AclKind::User => Some(Kind::User),
        AclKind::Group => Some(Kind::Group),
        _ => None,
    };
    let name = match table {
        // 0 stands for no name.
        Some(table) if number != 0 => Some(
            strings
                .get(table, number)
                .ok_or(malformed("an ACL entry's name is not in the string table"))?
                .to_string(),
        ),
        _ => None,
    };
    Ok(AclEntry {
        scope: if word & 0x20 == 0 { AclScope::Access } else { AclScope::Default },
        kind,
        name,
        permission: (word & 7) as u8,
    })
}

fn read_xattrs(message: &[u8], strings: &Strings) -> Result<Vec<XAttr>> {
    let mut cursor = Cursor::new(message);
    let mut xattrs = Vec::new();
    while let Some((_, value)) = cursor.field()? {
        let Value::Bytes(bytes) = value else { continue };
        let mut entry = Cursor::new(bytes);
        let (mut word, mut content) = (0, None);
        while let Some((field, value)) = entry.field()? {
            match (field, value) {
                (1, Value::Fixed32(number)) => word = number,
                (2, Value::Bytes(bytes)) => content = Some(Bytes::copy_from_slice(bytes)),
                _ => {}
            }
        }
        let namespace = (word >> 30) | ((word >> 5) & 1) << 2;
        xattrs.push(XAttr {
            namespace: u8::try_from(namespace)
                .ok()
                .and_then(XAttrNamespace::from_number)
                .ok_or(malformed("an attribute is in no name space"))?,
            name: strings
                .get(Kind::XAttr, (word >> 6) & 0xff_ffff)
                .ok_or(malformed("an attribute's name is not in the string table"))?
                .to_string(),
            value: content,
        });
    }
    Ok(xattrs)
}
