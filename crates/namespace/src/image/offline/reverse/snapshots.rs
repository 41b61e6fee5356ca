//! Sections about snapshots, from their XML.

use super::inode::{blocks, directory, file, inode, name};
use super::node::{Node, Result, invalid};
use crate::image::strings::Numbering;
use loxodon_wire::proto::hdfs::fsimage::i_node_reference_section::INodeReference;
use loxodon_wire::proto::hdfs::fsimage::snapshot_diff_section::diff_entry::Type;
use loxodon_wire::proto::hdfs::fsimage::snapshot_diff_section::{
    CreatedListEntry, DiffEntry, DirectoryDiff, FileDiff,
};
use loxodon_wire::proto::hdfs::fsimage::{SnapshotSection, snapshot_section::Snapshot};
use prost::Message;

/// A `<ref>`.
pub(super) fn reference(mut node: Node, out: &mut Vec<u8>) -> Result<()> {
    let reference = INodeReference {
        referred_id: node.long("referredId")?,
        name: name(&mut node)?,
        dst_snapshot_id: node.int("dstSnapshotId")?,
        last_snapshot_id: node.int("lastSnapshotId")?,
    };
    node.finish("ref")?;
    out.extend_from_slice(&reference.encode_length_delimited_to_vec());
    Ok(())
}

/// What stands in `<SnapshotSection>`.
pub(super) fn snapshots(mut node: Node, names: &mut Numbering, out: &mut Vec<u8>) -> Result<()> {
    let of = "SnapshotSection";
    let mut section = SnapshotSection {
        snapshot_counter: Some(Node::required(
            node.int("snapshotCounter")?,
            of,
            "snapshotCounter",
        )?),
        num_snapshots: Some(Node::required(node.int("numSnapshots")?, of, "numSnapshots")?),
        snapshottable_dir: Vec::new(),
    };
    for mut directories in node.all("snapshottableDir") {
        for directory in directories.all("dir") {
            section.snapshottable_dir.push(directory.into_number::<i64>("dir")? as u64);
        }
    }
    let snapshots = node.all("snapshot");
    let expected = u64::from(section.num_snapshots());
    if snapshots.len() as u64 != expected {
        let found = snapshots.len();
        return Err(invalid(format!("Only read {found} <snapshot> entries out of {expected}")));
    }
    out.extend_from_slice(&section.encode_length_delimited_to_vec());
    for mut snapshot in snapshots {
        let id = Node::required(snapshot.int("id")?, "snapshot", "id")?;
        let root = Node::required(snapshot.child("root"), "snapshot", "root")?;
        let snapshot = Snapshot { snapshot_id: Some(id), root: Some(inode(root, names)?) };
        out.extend_from_slice(&snapshot.encode_length_delimited_to_vec());
    }
    node.finish(of)
}

/// A `<dirDiffEntry>` or `<fileDiffEntry>`.
pub(super) fn differences(
    kind: &str,
    mut node: Node,
    names: &mut Numbering,
    out: &mut Vec<u8>,
) -> Result<()> {
    let (r#type, inside) = match kind {
        "dirDiffEntry" => (Type::Directorydiff, "dirDiff"),
        "fileDiffEntry" => (Type::Filediff, "fileDiff"),
        other => return Err(invalid(format!("SnapshotDiffSection has the unknown tag {other}"))),
    };
    let expected = Node::required(node.int("count")?, kind, "count")?;
    let entry = DiffEntry {
        r#type: r#type as i32,
        inode_id: Some(Node::required(node.long("inodeId")?, kind, "inodeId")?),
        num_of_diff: Some(expected),
    };
    let all = node.all(inside);
    if all.len() as u64 != u64::from(expected) {
        return Err(invalid(format!("Only read {} diffs out of {expected}", all.len())));
    }
    out.extend_from_slice(&entry.encode_length_delimited_to_vec());
    for difference in all {
        match r#type {
            Type::Directorydiff => directory_difference(difference, names, out)?,
            Type::Filediff => file_difference(difference, names, out)?,
        }
    }
    node.finish(kind)
}

fn directory_difference(mut node: Node, names: &mut Numbering, out: &mut Vec<u8>) -> Result<()> {
    let of = "dirDiff";
    let mut difference = DirectoryDiff {
        snapshot_id: node.int("snapshotId")?,
        children_size: Some(Node::required(node.int("childrenSize")?, of, "childrenSize")?),
        is_snapshot_root: Some(node.has("isSnapshotRoot")),
        name: name(&mut node)?,
        created_list_size: Some(Node::required(
            node.int("createdListSize")?,
            of,
            "createdListSize",
        )?),
        ..DirectoryDiff::default()
    };
    if let Some(mut copy) = node.child("snapshotCopy") {
        difference.snapshot_copy = Some(directory(&mut copy, names)?);
    }
    for deleted in node.all("deletedInode") {
        difference.deleted_i_node.push(deleted.into_number::<i64>("deletedInode")? as u64);
    }
    for deleted in node.all("deletedInoderef") {
        difference.deleted_i_node_ref.push(deleted.into_number("deletedInoderef")?);
    }
    let created = node.all("created");
    if created.len() as u64 != u64::from(difference.created_list_size()) {
        return Err(invalid(format!(
            "<createdListSize> is {}, but there are {} <created> entries",
            difference.created_list_size(),
            created.len()
        )));
    }
    out.extend_from_slice(&difference.encode_length_delimited_to_vec());
    for mut entry in created {
        let name = Node::required(name(&mut entry)?, "created", "name")?;
        entry.finish("created")?;
        let entry = CreatedListEntry { name: Some(name) };
        out.extend_from_slice(&entry.encode_length_delimited_to_vec());
    }
    node.finish(of)
}

fn file_difference(mut node: Node, names: &mut Numbering, out: &mut Vec<u8>) -> Result<()> {
    let mut difference = FileDiff {
        snapshot_id: node.int("snapshotId")?,
        file_size: node.long("size")?,
        name: name(&mut node)?,
        ..FileDiff::default()
    };
    if let Some(mut copy) = node.child("snapshotCopy") {
        difference.snapshot_copy = Some(file(&mut copy, names)?);
    }
    difference.blocks = blocks(&mut node)?;
    node.finish("fileDiff")?;
    out.extend_from_slice(&difference.encode_length_delimited_to_vec());
    Ok(())
}
