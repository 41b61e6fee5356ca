//! An image out of its file, section by section, in pieces for several threads.

use super::carried::{read_caches, read_policies, read_secrets, read_snapshots};
use super::compression::Compression;
use super::error::ImageError;
use super::inode_reader::{Recent, read_inode};
use super::proto::{Cursor, Malformed, Value};
use super::section::{
    CACHE_MANAGER, ERASURE_CODING, INODE, INODE_DIR, INODE_DIR_SUB, INODE_REFERENCE, INODE_SUB,
    KNOWN, NS_INFO, SECRET_MANAGER, SNAPSHOT, SNAPSHOT_DIFF, STRING_TABLE,
};
use super::strings::Strings;
use super::{FILE_VERSION, MAGIC};
use crate::carried::Carried;
use crate::settings::Settings;
use crate::tree::{Counters, Namespace};
use crate::view::{Batch, Families, LoadedInode, Loader};
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds, TxId};
use loxodon_wire::proto::hdfs::fsimage::{FileSummary, INodeSection, NameSystemSection};
use prost::Message;
use std::borrow::Cow;

/// What an image says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// The file system's number.
    pub namespace_id: i32,
    /// The last transaction in it.
    pub txid: TxId,
}

/// A namespace from an image.
pub struct LoadedImage {
    /// The tree.
    pub namespace: Namespace,
    /// What the image said about itself.
    pub info: ImageInfo,
}

/// Some messages of a section, undecoded.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    bytes: Cow<'a, [u8]>,
    range: std::ops::Range<usize>,
}

/// An image whose bytes are at hand.
#[derive(Debug)]
pub struct ImageReader<'a> {
    bytes: &'a [u8],
    summary: FileSummary,
    compression: Compression,
    strings: Strings,
    names: NameSystemSection,
}

impl<'a> ImageReader<'a> {
    /// Reads the summary and what the other sections depend on.
    ///
    /// # Errors
    /// [`ImageError`], if this is no image, or one that cannot be loaded.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(ImageError::Format);
        }
        let summary = read_summary(bytes)?;
        if summary.ondisk_version != FILE_VERSION {
            return Err(ImageError::FileVersion(summary.ondisk_version));
        }
        // Written as an unsigned number.
        let layout = summary.layout_version as i32;
        if layout != LAYOUT_VERSION {
            return Err(ImageError::Layout { found: layout, expected: LAYOUT_VERSION });
        }
        for section in &summary.sections {
            if !KNOWN.contains(&section.name()) {
                return Err(ImageError::UnknownSection(section.name().to_owned()));
            }
        }
        let mut reader = Self {
            bytes,
            compression: Compression::from_class(summary.codec())?,
            summary,
            strings: Strings::default(),
            names: NameSystemSection::default(),
        };
        reader.names = reader.message(NS_INFO)?;
        reader.strings = Strings::read(&reader.required(STRING_TABLE)?)?;
        Ok(reader)
    }

    /// What the image says about itself.
    #[must_use]
    pub fn info(&self) -> ImageInfo {
        ImageInfo {
            namespace_id: self.names.namespace_id() as i32,
            txid: TxId(self.names.transaction_id()),
        }
    }

    pub(super) const fn names(&self) -> &NameSystemSection {
        &self.names
    }

    pub(super) const fn summary(&self) -> &FileSummary {
        &self.summary
    }

    fn raw(
        &self,
        section: &loxodon_wire::proto::hdfs::fsimage::file_summary::Section,
    ) -> Option<&'a [u8]> {
        let from = usize::try_from(section.offset()).ok()?;
        let length = usize::try_from(section.length()).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }

    /// The contents of every section of this name, decompressed.
    pub(super) fn sections(&self, name: &str) -> Result<Vec<Cow<'a, [u8]>>, ImageError> {
        self.summary
            .sections
            .iter()
            .filter(|section| section.name() == name)
            .map(|section| {
                let raw = self
                    .raw(section)
                    .ok_or_else(|| ImageError::corrupt(name, 0, "is not inside the file"))?;
                if self.compression == Compression::None {
                    return Ok(Cow::Borrowed(raw));
                }
                self.compression
                    .decompress(raw)
                    .map(Cow::Owned)
                    .map_err(|error| ImageError::corrupt(name, 0, error.to_string()))
            })
            .collect()
    }

    fn optional(&self, name: &str) -> Result<Option<Cow<'a, [u8]>>, ImageError> {
        Ok(self.sections(name)?.into_iter().next())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<Cow<'a, [u8]>, ImageError> {
        self.optional(name)?.ok_or(ImageError::MissingSection(name))
    }

    fn message<M: Message + Default>(&self, name: &'static str) -> Result<M, ImageError> {
        M::decode_length_delimited(&*self.required(name)?)
            .map_err(|error| ImageError::corrupt(name, 0, error.to_string()))
    }

    /// The parts of a section that was written in parts, or else the whole of it.
    pub(super) fn parts(
        &self,
        whole: &'static str,
        part: &'static str,
    ) -> Result<Vec<Cow<'a, [u8]>>, ImageError> {
        let parts = self.sections(part)?;
        if parts.is_empty() {
            return self.sections(whole);
        }
        Ok(parts)
    }

    pub(super) fn inode_header(&self, first: &[u8]) -> Result<(INodeSection, usize), ImageError> {
        let mut rest = first;
        let header = INodeSection::decode_length_delimited(&mut rest)
            .map_err(|error| ImageError::corrupt(INODE, 0, error.to_string()))?;
        Ok((header, first.len() - rest.len()))
    }

    /// The inodes, in pieces of about `size` bytes, and how many there are.
    ///
    /// # Errors
    /// If the section cannot be read.
    pub fn inode_pieces(&self, size: usize) -> Result<(Vec<Piece<'a>>, u64), ImageError> {
        let mut pieces = Vec::new();
        let mut count = None;
        for bytes in self.parts(INODE, INODE_SUB)? {
            let mut at = 0;
            if count.is_none() {
                let (header, length) = self.inode_header(&bytes)?;
                count = Some(header.num_inodes());
                at = length;
            }
            cut(INODE, bytes, at, size, &mut pieces)?;
        }
        Ok((pieces, count.ok_or(ImageError::MissingSection(INODE))?))
    }

    /// Who is in which directory, in pieces of about `size` bytes.
    ///
    /// # Errors
    /// If the section cannot be read.
    pub fn directory_pieces(&self, size: usize) -> Result<Vec<Piece<'a>>, ImageError> {
        let mut pieces = Vec::new();
        for bytes in self.parts(INODE_DIR, INODE_DIR_SUB)? {
            cut(INODE_DIR, bytes, 0, size, &mut pieces)?;
        }
        Ok(pieces)
    }

    /// Decodes some inodes.
    ///
    /// # Errors
    /// If one of them is malformed.
    pub fn decode<'p>(&'p self, piece: &'p Piece<'_>) -> Result<Vec<LoadedInode<'p>>, ImageError> {
        let mut inodes = Vec::with_capacity(piece.bytes().len() / 64);
        self.decode_each(piece, |inode| inodes.push(inode))?;
        Ok(inodes)
    }

    /// Decodes some inodes into the form in which [`Loader::add_batch`] takes them.
    ///
    /// # Errors
    /// If one of them is malformed.
    pub fn decode_batch<'p>(&'p self, piece: &'p Piece<'_>) -> Result<Batch<'p>, ImageError> {
        let mut batch = Batch::with_capacity(piece.bytes().len() / 64);
        self.decode_each(piece, |inode| batch.push(inode))?;
        Ok(batch)
    }

    fn decode_each<'p>(
        &'p self,
        piece: &'p Piece<'_>,
        mut take: impl FnMut(LoadedInode<'p>),
    ) -> Result<(), ImageError> {
        let mut recent = Recent::default();
        each_message(INODE, piece.bytes(), |message| {
            take(read_inode(message, &self.strings, &mut recent)?);
            Ok(())
        })
    }

    /// Looks up the directories of a piece and their children among the inodes of `loader`, which
    /// has all of them.
    ///
    /// # Errors
    /// If the piece is malformed or names an inode that is not there.
    pub fn families(&self, loader: &Loader, piece: &Piece<'_>) -> Result<Families, ImageError> {
        let part = piece.bytes();
        let mut cursor = Cursor::new(part);
        let corrupt = |error: Malformed| at_offset(INODE_DIR, part, error);
        let mut families = Families::default();
        while let Some(message) = cursor.delimited().map_err(corrupt)? {
            let (directory, children) = directory_entry(message).map_err(corrupt)?;
            let mut children = Children::new(children);
            loader.find_family(&mut families, directory, || children.next().map_err(corrupt))?;
        }
        Ok(families)
    }

    /// Whether as many inodes were found as the image says it has.
    ///
    /// # Errors
    /// If not.
    pub fn check_count(&self, expected: u64, found: u64) -> Result<(), ImageError> {
        if expected == found {
            return Ok(());
        }
        Err(ImageError::corrupt(
            INODE,
            0,
            format!(
                "Expected to load {expected} inodes, but loaded {found}. The image may be corrupt."
            ),
        ))
    }

    /// The tree, once `loader` has every inode and all are in their directories.
    ///
    /// # Errors
    /// If they make no tree, or the image has what is not supported.
    pub fn finish(&self, loader: Loader) -> Result<LoadedImage, ImageError> {
        let counters = self.counters()?;
        let carried = self.carried()?;
        Ok(LoadedImage { namespace: loader.finish(counters, carried)?, info: self.info() })
    }

    /// Whether the image has nothing that would be lost.
    pub(super) fn check_supported(&self) -> Result<(), ImageError> {
        let has = |name: &str| {
            self.summary
                .sections
                .iter()
                .any(|section| section.name() == name && section.length() > 0)
        };
        let references = match self.optional(INODE_REFERENCE)? {
            Some(bytes) => !bytes.is_empty(),
            None => false,
        };
        if has(SNAPSHOT_DIFF) || references {
            return Err(ImageError::Unsupported("snapshots"));
        }
        Ok(())
    }

    pub(super) fn last_inode(&self) -> Result<InodeId, ImageError> {
        Ok(self.counters()?.last_inode)
    }

    fn counters(&self) -> Result<Counters, ImageError> {
        let names = &self.names;
        let first = self.parts(INODE, INODE_SUB)?;
        let first = first.first().ok_or(ImageError::MissingSection(INODE))?;
        let (header, _) = self.inode_header(first)?;
        Ok(Counters {
            last_inode: InodeId(header.last_inode_id()),
            last_block: BlockId(names.last_allocated_block_id() as i64),
            last_striped_block: names
                .last_allocated_striped_block_id
                .map_or(BlockId(i64::MIN), |id| BlockId(id as i64)),
            generation_stamp: GenerationStamp(names.genstamp_v2()),
            generation_stamp_v1: GenerationStamp(names.genstamp_v1()),
            generation_stamp_v1_limit: GenerationStamp(names.genstamp_v1_limit()),
        })
    }

    fn carried(&self) -> Result<Carried, ImageError> {
        let mut carried = Carried {
            rolling_upgrade: self.names.rolling_upgrade_start_time.map(Milliseconds),
            ..Carried::default()
        };
        if let Some(bytes) = self.optional(ERASURE_CODING)? {
            read_policies(&bytes, &mut carried)?;
        }
        if let Some(bytes) = self.optional(SECRET_MANAGER)? {
            read_secrets(&bytes, &mut carried)?;
        }
        if let Some(bytes) = self.optional(CACHE_MANAGER)? {
            read_caches(&bytes, &mut carried)?;
        }
        self.check_supported()?;
        if let Some(bytes) = self.optional(SNAPSHOT)? {
            read_snapshots(&bytes, &mut carried)?;
        }
        Ok(carried)
    }
}

/// Loads an image, on this thread alone.
///
/// # Errors
/// [`ImageError`], if it cannot be loaded.
pub fn load(bytes: &[u8], settings: Settings) -> Result<LoadedImage, ImageError> {
    const PIECE: usize = 1024 * 1024;
    let reader = ImageReader::open(bytes)?;
    let mut loader = Loader::new(settings);
    let (pieces, expected) = reader.inode_pieces(PIECE)?;
    let mut count = 0;
    for piece in &pieces {
        count += loader.add_batch(reader.decode_batch(piece)?)?;
    }
    reader.check_count(expected, count)?;
    for piece in &reader.directory_pieces(PIECE)? {
        let families = reader.families(&loader, piece)?;
        loader.join(&families)?;
    }
    reader.finish(loader)
}

fn read_summary(bytes: &[u8]) -> Result<FileSummary, ImageError> {
    let corrupt = |reason: &str| ImageError::corrupt("FileSummary", bytes.len(), reason);
    let (rest, length) = bytes.split_last_chunk::<4>().ok_or_else(|| corrupt("is not there"))?;
    let length = usize::try_from(i32::from_be_bytes(*length))
        .ok()
        .filter(|&length| length > 0)
        .ok_or_else(|| corrupt("Negative length of the file"))?;
    let summary = rest
        .len()
        .checked_sub(length)
        .and_then(|from| rest.get(from..))
        .ok_or_else(|| corrupt("is longer than the file"))?;
    FileSummary::decode_length_delimited(summary).map_err(|error| corrupt(&error.to_string()))
}

fn at_offset(section: &str, bytes: &[u8], error: Malformed) -> ImageError {
    ImageError::corrupt(section, bytes.len().saturating_sub(error.remaining), error.reason)
}

/// Hands out the messages of a section; an error is told with its place.
pub(super) fn each_message<'a>(
    section: &str,
    bytes: &'a [u8],
    mut take: impl FnMut(&'a [u8]) -> Result<(), Malformed>,
) -> Result<(), ImageError> {
    let mut cursor = Cursor::new(bytes);
    loop {
        let remaining = cursor.rest.len();
        match cursor.delimited() {
            Ok(Some(message)) => take(message)
                .map_err(|error| at_offset(section, bytes, Malformed { remaining, ..error }))?,
            Ok(None) => return Ok(()),
            Err(error) => return Err(at_offset(section, bytes, error)),
        }
    }
}

impl Piece<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

/// Cuts a part between messages, from `from` on.
fn cut<'a>(
    section: &str,
    bytes: Cow<'a, [u8]>,
    from: usize,
    size: usize,
    pieces: &mut Vec<Piece<'a>>,
) -> Result<(), ImageError> {
    let mut add = |range: std::ops::Range<usize>| {
        pieces.push(match &bytes {
            Cow::Borrowed(bytes) => Piece { bytes: Cow::Borrowed(bytes), range },
            Cow::Owned(bytes) => {
                let part = bytes.get(range).unwrap_or_default().to_vec();
                Piece { range: 0..part.len(), bytes: Cow::Owned(part) }
            }
        });
    };
    let mut cursor = Cursor::new(bytes.get(from..).unwrap_or_default());
    let mut begin = from;
    while cursor.delimited().map_err(|error| at_offset(section, &bytes, error))?.is_some() {
        let at = bytes.len() - cursor.rest.len();
        if at - begin >= size {
            add(begin..at);
            begin = at;
        }
    }
    if begin < bytes.len() {
        add(begin..bytes.len());
    }
    Ok(())
}

/// A directory and its children, packed as the image has them.
pub(super) fn directory_entry(message: &[u8]) -> Result<(InodeId, Vec<&[u8]>), Malformed> {
    let mut cursor = Cursor::new(message);
    let (mut directory, mut children) = (None, Vec::new());
    while let Some((field, value)) = cursor.field()? {
        match (field, value) {
            (1, Value::Varint(id)) => directory = Some(InodeId(id)),
            (2, Value::Bytes(packed)) => children.push(packed),
            (2, _) | (3, _) => {
                return Err(Malformed {
                    remaining: cursor.rest.len(),
                    reason: "a directory's children are not packed, or references",
                });
            }
            _ => {}
        }
    }
    let directory = directory
        .ok_or(Malformed { remaining: cursor.rest.len(), reason: "a directory has no number" })?;
    Ok((directory, children))
}

/// Numbers of children, one after the other.
pub(super) struct Children<'a> {
    parts: std::vec::IntoIter<&'a [u8]>,
    cursor: Cursor<'a>,
}

impl<'a> Children<'a> {
    pub(super) fn new(parts: Vec<&'a [u8]>) -> Self {
        Self { parts: parts.into_iter(), cursor: Cursor::new(&[]) }
    }

    pub(super) fn next(&mut self) -> Result<Option<InodeId>, Malformed> {
        while self.cursor.rest.is_empty() {
            match self.parts.next() {
                Some(part) => self.cursor = Cursor::new(part),
                None => return Ok(None),
            }
        }
        self.cursor.varint().map(|id| Some(InodeId(id)))
    }
}
