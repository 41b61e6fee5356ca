//! `hdfs oiv -p Delimited` (`PBImageDelimitedTextWriter`).

use super::OfflineError;
use crate::image::ImageReader;
use crate::image::error::ImageError;
use crate::image::reader::{Children, directory_entry, each_message};
use crate::image::section::{INODE, INODE_DIR, INODE_DIR_SUB};
use crate::view::{LoadedBody, LoadedInode};
use foldhash::{HashMap, HashMapExt as _};
use loxodon_wire::ids::{InodeId, Milliseconds};
use std::io::Write;

/// Paths deeper than this are taken for a ring of directories.
const MAX_DEPTH: usize = 100_000;

/// Writes a line per inode, in the image's order, fields divided by `delimiter`. `format_time`
/// gives a time as `yyyy-MM-dd HH:mm` where the reader lives.
///
/// # Errors
/// If the image cannot be read, or `sink` not be written.
pub fn write_delimited(
    image: &[u8],
    delimiter: &str,
    format_time: &dyn Fn(Milliseconds) -> String,
    sink: &mut impl Write,
) -> Result<(), OfflineError> {
    let reader = ImageReader::open(image)?;
    reader.check_supported()?;
    let mut parents: HashMap<InodeId, InodeId> = HashMap::new();
    for part in reader.parts(INODE_DIR, INODE_DIR_SUB)? {
        each_message(INODE_DIR, &part, |message| {
            let (directory, children) = directory_entry(message)?;
            let mut children = Children::new(children);
            while let Some(child) = children.next()? {
                parents.insert(child, directory);
            }
            Ok(())
        })?;
    }
    let mut directories: HashMap<InodeId, Vec<u8>> = HashMap::new();
    let (pieces, _) = reader.inode_pieces(1 << 20)?;
    for piece in &pieces {
        for inode in reader.decode(piece)? {
            if matches!(inode.body, LoadedBody::Directory(_)) {
                directories.insert(inode.id, inode.name.to_vec());
            }
        }
    }
    let header = [
        "Path",
        "Replication",
        "ModificationTime",
        "AccessTime",
        "PreferredBlockSize",
        "BlocksCount",
        "FileSize",
        "NSQUOTA",
        "DSQUOTA",
        "Permission",
        "UserName",
        "GroupName",
    ];
    writeln!(sink, "{}", header.join(delimiter))?;
    for piece in &pieces {
        for inode in reader.decode(piece)? {
            let path = path(&inode, &parents, &directories)?;
            writeln!(sink, "{}", line(&inode, path, format_time).join(delimiter))?;
        }
    }
    sink.flush()?;
    Ok(())
}

fn path(
    inode: &LoadedInode<'_>,
    parents: &HashMap<InodeId, InodeId>,
    directories: &HashMap<InodeId, Vec<u8>>,
) -> Result<String, ImageError> {
    let mut names: Vec<&[u8]> = vec![inode.name];
    let mut at = inode.id;
    while let Some(parent) = parents.get(&at) {
        let name = directories.get(parent).filter(|_| names.len() < MAX_DEPTH);
        names.push(name.ok_or_else(|| {
            ImageError::corrupt(INODE, 0, format!("inode {at} hangs on no directory"))
        })?);
        at = *parent;
    }
    if names.len() == 1 {
        return Ok("/".to_owned());
    }
    names.reverse();
    Ok(String::from_utf8_lossy(&names.join(&b'/')).into_owned())
}

fn line(
    inode: &LoadedInode<'_>,
    path: String,
    format_time: &dyn Fn(Milliseconds) -> String,
) -> [String; 12] {
    let (kind, replication, block_size, blocks, size, quotas) = match &inode.body {
        LoadedBody::File { replication, block_size, blocks, .. } => (
            '-',
            *replication,
            *block_size,
            blocks.len(),
            blocks.iter().fold(0_u64, |sum, block| sum.saturating_add(block.length)),
            (0, 0),
        ),
        LoadedBody::Directory(quota) => ('d', 0, 0, 0, 0, (quota.namespace, quota.storage)),
        LoadedBody::Symlink(_) => ('-', 0, 0, 0, 0, (0, 0)),
    };
    let permissions = &inode.permissions;
    let acl = if inode.acl.is_empty() { "" } else { "+" };
    [
        path,
        replication.to_string(),
        format_time(inode.mtime),
        format_time(inode.atime),
        block_size.to_string(),
        blocks.to_string(),
        size.to_string(),
        quotas.0.to_string(),
        quotas.1.to_string(),
        format!("{kind}{}{acl}", crate::mode_string(permissions.mode)),
        permissions.owner.to_owned(),
        permissions.group.to_owned(),
    ]
}
