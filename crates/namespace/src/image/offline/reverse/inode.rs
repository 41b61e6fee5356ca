//! Inodes from their XML.

use super::node::{Node, Result, invalid, unhex};
use crate::image::strings::{Kind, Numbering};
use bytes::Bytes;
use loxodon_wire::proto::hdfs::fsimage::i_node_section::{
    AclFeatureProto, FileUnderConstructionFeature, INode, INodeDirectory, INodeFile, INodeSymlink,
    QuotaByStorageTypeEntryProto, QuotaByStorageTypeFeatureProto, XAttrCompactProto,
    XAttrFeatureProto, i_node::Type,
};
use loxodon_wire::proto::hdfs::{BlockProto, BlockTypeProto, StorageTypeProto};

/// An `<inode>`, or the `<root>` of a snapshot.
pub(super) fn inode(mut node: Node, names: &mut Numbering) -> Result<INode> {
    let kind = Node::required(node.text("type")?, "inode", "type")?;
    let kind = Type::from_str_name(&kind)
        .ok_or_else(|| invalid(format!("an inode has the unknown type {kind}")))?;
    let mut inode = INode {
        r#type: kind as i32,
        id: Node::required(node.long("id")?, "inode", "id")?,
        name: name(&mut node)?,
        ..INode::default()
    };
    match kind {
        Type::File => inode.file = Some(file(&mut node, names)?),
        Type::Directory => inode.directory = Some(directory(&mut node, names)?),
        Type::Symlink => inode.symlink = Some(symlink(&mut node, names)?),
    }
    node.finish("inode")?;
    Ok(inode)
}

pub(super) fn name(node: &mut Node) -> Result<Option<Bytes>> {
    Ok(node.text("name")?.map(Bytes::from))
}

/// A file's fields, which a snapshot's copy of it has too.
pub(super) fn file(node: &mut Node, names: &mut Numbering) -> Result<INodeFile> {
    let mut file = INodeFile {
        replication: node.int("replication")?,
        modification_time: node.long("mtime")?,
        access_time: node.long("atime")?,
        preferred_block_size: node.long("preferredBlockSize")?,
        permission: permission(node, names)?,
        blocks: blocks(node)?,
        acl: acls(node, names)?,
        x_attrs: xattrs(node, names)?,
        storage_policy_id: node.int("storagePolicyId")?,
        ..INodeFile::default()
    };
    if let Some(mut writer) = node.child("file-under-construction") {
        let mut text = |name| Node::required(writer.text(name)?, "file-under-construction", name);
        file.file_uc = Some(FileUnderConstructionFeature {
            client_name: Some(text("clientName")?),
            client_machine: Some(text("clientMachine")?),
        });
    }
    if let Some(kind) = node.text("blockType")? {
        let kind = BlockTypeProto::from_str_name(&kind)
            .ok_or_else(|| invalid(format!("an inode has the unknown <blockType> {kind}")))?;
        file.block_type = Some(kind as i32);
        if kind == BlockTypeProto::Striped {
            file.erasure_coding_policy_id = node.int("erasureCodingPolicyId")?;
        }
    }
    Ok(file)
}

/// What is in `<blocks>`.
pub(super) fn blocks(node: &mut Node) -> Result<Vec<BlockProto>> {
    let Some(mut blocks) = node.child("blocks") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for mut block in blocks.all("block") {
        let mut long = |name| Node::required(block.long(name)?, "block", name);
        found.push(BlockProto {
            block_id: long("id")?,
            gen_stamp: long("genstamp")?,
            num_bytes: Some(long("numBytes")?),
        });
    }
    blocks.finish("blocks")?;
    Ok(found)
}

/// A directory's fields, which a snapshot's copy of it has too.
pub(super) fn directory(node: &mut Node, names: &mut Numbering) -> Result<INodeDirectory> {
    let mut directory = INodeDirectory {
        modification_time: node.long("mtime")?,
        ns_quota: node.long("nsquota")?,
        ds_quota: node.long("dsquota")?,
        permission: permission(node, names)?,
        acl: acls(node, names)?,
        x_attrs: xattrs(node, names)?,
        type_quotas: None,
    };
    let mut quotas = Vec::new();
    for mut limit in node.all("typeQuota") {
        let kind = Node::required(limit.text("type")?, "typeQuota", "type")?;
        let storage_type = StorageTypeProto::from_str_name(&kind)
            .ok_or_else(|| invalid(format!("a <typeQuota> has the unknown <type> {kind}")))?;
        quotas.push(QuotaByStorageTypeEntryProto {
            storage_type: storage_type as i32,
            quota: Node::required(limit.long("quota")?, "typeQuota", "quota")?,
        });
    }
    if !quotas.is_empty() {
        directory.type_quotas = Some(QuotaByStorageTypeFeatureProto { quotas });
    }
    Ok(directory)
}

fn symlink(node: &mut Node, names: &mut Numbering) -> Result<INodeSymlink> {
    Ok(INodeSymlink {
        permission: permission(node, names)?,
        target: node.text("target")?.map(Bytes::from),
        modification_time: node.long("mtime")?,
        access_time: node.long("atime")?,
    })
}

/// `owner:group:mode` as 24 bits of user, 24 of group, 16 of mode (`PermissionStatusFormat`).
fn permission(node: &mut Node, names: &mut Numbering) -> Result<Option<u64>> {
    let Some(text) = node.text("permission")? else { return Ok(None) };
    let parts: Vec<&str> = text.split(':').collect();
    let [owner, group, mode] = parts[..] else {
        return Err(invalid(format!("Unable to parse permission string {text}: not three parts")));
    };
    let mode = u16::from_str_radix(mode, 8)
        .ok()
        .filter(|mode| *mode <= 0o1777)
        .ok_or_else(|| invalid(format!("Unable to parse permission string {text}: its mode")))?;
    let owner = u64::from(names.number(Kind::User, owner));
    let group = u64::from(names.number(Kind::Group, group));
    Ok(Some(owner << 40 | group << 16 | u64::from(mode)))
}

fn acls(node: &mut Node, names: &mut Numbering) -> Result<Option<AclFeatureProto>> {
    let Some(mut acls) = node.child("acls") else { return Ok(None) };
    let entries = acls.all("acl").into_iter().map(|acl| acl_entry(&acl.into_text(), names));
    let entries = entries.collect::<Result<_>>()?;
    acls.finish("acls")?;
    Ok(Some(AclFeatureProto { entries }))
}

/// `[default:]type:name:permission` as a number (`AclEntryStatusFormat`).
fn acl_entry(text: &str, names: &mut Numbering) -> Result<u32> {
    let wrong = || invalid(format!("Invalid <aclSpec> : {text}"));
    let (scope, rest) = match text.strip_prefix("default:") {
        Some(rest) => (1, rest),
        None => (0, text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let [kind, name, permission] = parts[..] else { return Err(wrong()) };
    let (kind, table) = match kind {
        "user" => (0, Some(Kind::User)),
        "group" => (1, Some(Kind::Group)),
        "mask" => (2, None),
        "other" => (3, None),
        _ => return Err(wrong()),
    };
    let number = match table {
        Some(table) if !name.is_empty() => names.number(table, name),
        _ if name.is_empty() => 0,
        _ => return Err(wrong()),
    };
    let mut bits = 0;
    let letters = permission.as_bytes();
    for (letter, (bit, set)) in letters.iter().zip([(4, b'r'), (2, b'w'), (1, b'x')]) {
        match *letter {
            letter if letter == set => bits |= bit,
            b'-' => {}
            _ => return Err(wrong()),
        }
    }
    if letters.len() != 3 {
        return Err(wrong());
    }
    Ok(bits | kind << 3 | scope << 5 | number << 6)
}

fn xattrs(node: &mut Node, names: &mut Numbering) -> Result<Option<XAttrFeatureProto>> {
    let Some(mut xattrs) = node.child("xattrs") else { return Ok(None) };
    let mut found = Vec::new();
    for mut xattr in xattrs.all("xattr") {
        let namespace = Node::required(xattr.text("ns")?, "xattr", "ns")?;
        let number = ["USER", "TRUSTED", "SECURITY", "SYSTEM", "RAW"]
            .iter()
            .zip(0_u32..)
            .find(|(known, _)| **known == namespace)
            .map(|(_, number)| number)
            .ok_or_else(|| invalid(format!("an <xattr> has the unknown <ns> {namespace}")))?;
        let name = Node::required(xattr.text("name")?, "xattr", "name")?;
        let value = match (xattr.text("val")?, xattr.text("valHex")?) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(hex)) => unhex("valHex", &hex)?,
            (None, None) => return Err(invalid("<xattr> has no <val> or <valHex>")),
        };
        let name = names.number(Kind::XAttr, &name);
        found.push(XAttrCompactProto {
            name: (number & 3) << 30 | name << 6 | (number >> 2) << 5,
            value: Some(value.into()),
        });
        xattr.finish("xattr")?;
    }
    xattrs.finish("xattrs")?;
    Ok(Some(XAttrFeatureProto { x_attrs: found }))
}
