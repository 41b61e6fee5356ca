//! `hdfs oiv -p Delimited` (`PBImageDelimitedTextWriter`).

use super::OfflineError;
use super::paths::{Finder, PIECE, Stores, Tree, put_field};
use crate::edit::{XAttr, XAttrNamespace};
use crate::image::carried::BUILT_IN;
use crate::image::{ImageReader, Piece};
use crate::view::{LoadedBody, LoadedInode};
use crate::xattr::ERASURE_CODING_POLICY;
use loxodon_wire::ids::Milliseconds;
use std::io::Write;

/// Attribute in which a directory keeps its storage policy (`BlockStoragePolicySuite`).
const STORAGE_POLICY: &str = "hsm.block.storage.policy.id";

/// What is written and how.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// Stands between fields (`-delimiter`).
    pub delimiter: &'a str,
    /// A column with the storage policy's number (`-sp`).
    pub storage_policy: bool,
    /// A column with the erasure coding policy's name (`-ec`).
    pub coding_policy: bool,
    /// Gives a time as `yyyy-MM-dd HH:mm` where the reader lives.
    pub format_time: &'a (dyn Fn(Milliseconds) -> String + Sync),
}

impl std::fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("delimiter", &self.delimiter).finish_non_exhaustive()
    }
}

/// An image whose inodes become lines, piece by piece: each piece needs only `&self`, so that several
/// threads may make lines (`-m`).
#[derive(Debug)]
pub struct Delimited<'a> {
    reader: ImageReader<'a>,
    tree: Tree,
    pieces: Vec<Piece<'a>>,
    columns: Columns<'a>,
}

impl<'a> Delimited<'a> {
    /// Reads which directory each inode is in, into `temporary` if it is there (`-t`), else into memory.
    ///
    /// # Errors
    /// If the image cannot be read.
    pub fn open(
        image: &'a [u8],
        columns: Columns<'a>,
        temporary: Option<Stores>,
    ) -> Result<Self, OfflineError> {
        let reader = ImageReader::open(image)?;
        reader.check_supported()?;
        let tree = Tree::read(&reader, temporary, |_| {}, |_, _| {})?;
        let (pieces, _) = reader.inode_pieces(PIECE)?;
        Ok(Self { reader, tree, pieces, columns })
    }

    /// The first line.
    #[must_use]
    pub fn header(&self) -> String {
        self.columns.header() + "\n"
    }

    /// The inodes, in the image's order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece<'a>] {
        &self.pieces
    }

    /// A line per inode of a piece. Inodes that are in no directory are passed over.
    ///
    /// # Errors
    /// If the piece is malformed.
    pub fn lines(&self, piece: &Piece<'_>) -> Result<String, OfflineError> {
        self.columns.lines(&self.reader, &self.tree, piece)
    }
}

/// Writes a line per inode, in the image's order.
///
/// # Errors
/// If the image cannot be read, or `sink` not be written.
pub fn write_delimited(
    image: &[u8],
    columns: Columns<'_>,
    temporary: Option<Stores>,
    sink: &mut impl Write,
) -> Result<(), OfflineError> {
    let image = Delimited::open(image, columns, temporary)?;
    sink.write_all(image.header().as_bytes())?;
    for piece in image.pieces() {
        sink.write_all(image.lines(piece)?.as_bytes())?;
    }
    sink.flush()?;
    Ok(())
}

impl Columns<'_> {
    fn header(&self) -> String {
        let mut names = vec![
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
        names.extend(self.storage_policy.then_some("StoragePolicyId"));
        names.extend(self.coding_policy.then_some("ErasureCodingPolicy"));
        names.join(self.delimiter)
    }

    fn lines(
        &self,
        reader: &ImageReader<'_>,
        tree: &Tree,
        piece: &Piece<'_>,
    ) -> Result<String, OfflineError> {
        let mut finder: Finder<'_> = tree.finder();
        let mut text = String::new();
        for inode in reader.decode(piece)? {
            let Some(parent) = finder.parent_path(inode.id.0)? else { continue };
            let name = String::from_utf8_lossy(inode.name);
            let path = match (parent, &*name) {
                (_, "") => parent.to_owned(),
                ("/", name) => format!("/{name}"),
                (parent, name) => format!("{parent}/{name}"),
            };
            let mut line = String::new();
            self.line(&inode, &path, &mut line);
            // Java takes one character from the front, whatever the delimiter's length.
            let mut rest = line.chars();
            rest.next();
            text.push_str(rest.as_str());
            text.push('\n');
        }
        Ok(text)
    }

    fn line(&self, inode: &LoadedInode<'_>, path: &str, line: &mut String) {
        let mut put = |field: &str| put_field(line, self.delimiter, field);
        let (kind, replication, block_size, blocks, size, quotas) = match &inode.body {
            LoadedBody::File { replication, block_size, blocks, .. } => (
                '-',
                *replication,
                *block_size,
                blocks.len(),
                blocks.iter().fold(0_u64, |sum, block| sum.wrapping_add(block.length)),
                (0, 0),
            ),
            LoadedBody::Directory(quota) => ('d', 0, 0, 0, 0, (quota.namespace, quota.storage)),
            LoadedBody::Symlink(_) => ('-', 0, 0, 0, 0, (0, 0)),
        };
        let permissions = &inode.permissions;
        let acl = if inode.acl.is_empty() { "" } else { "+" };
        put(path);
        put(&replication.to_string());
        put(&(self.format_time)(inode.mtime));
        put(&(self.format_time)(inode.atime));
        put(&(block_size as i64).to_string());
        put(&blocks.to_string());
        put(&(size as i64).to_string());
        put(&quotas.0.to_string());
        put(&quotas.1.to_string());
        put(&format!("{kind}{}{acl}", crate::mode_string(permissions.mode)));
        put(permissions.owner);
        put(permissions.group);
        if self.storage_policy {
            put(&storage_policy(inode).to_string());
        }
        if self.coding_policy {
            put(&coding_policy(inode));
        }
    }
}

fn attribute<'a>(xattrs: &'a [XAttr], name: &str) -> Option<&'a [u8]> {
    let system = xattrs.iter().filter(|xattr| xattr.namespace == XAttrNamespace::System);
    system.filter(|xattr| xattr.name == name).find_map(|xattr| xattr.value.as_deref())
}

fn storage_policy(inode: &LoadedInode<'_>) -> i32 {
    match &inode.body {
        LoadedBody::File { storage_policy, .. } => i32::from(*storage_policy),
        LoadedBody::Directory(_) => attribute(&inode.xattrs, STORAGE_POLICY)
            .and_then(<[u8]>::first)
            .map_or(0, |byte| i32::from(*byte as i8)),
        LoadedBody::Symlink(_) => 0,
    }
}

fn coding_policy(inode: &LoadedInode<'_>) -> String {
    let name = match &inode.body {
        LoadedBody::File { erasure_coding_policy, .. } => BUILT_IN
            .get(usize::from(*erasure_coding_policy).wrapping_sub(1))
            .map(|policy| policy.name.to_owned()),
        LoadedBody::Directory(_) => {
            attribute(&inode.xattrs, ERASURE_CODING_POLICY).and_then(|value| {
                let (length, text) = value.split_first_chunk::<4>()?;
                let text = text.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
                Some(String::from_utf8_lossy(text).into_owned())
            })
        }
        LoadedBody::Symlink(_) => None,
    };
    name.unwrap_or_else(|| "-".to_owned())
}
