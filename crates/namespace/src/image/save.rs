//! A frozen view of the namespace as an image, from front to back.

use super::carried::{encode_caches, encode_policies, encode_secrets, encode_snapshots};
use super::compression::{Compression, Compressor};
use super::inode_writer::put_inode;
use super::proto::{put_bytes, put_length_before, put_number, put_varint};
use super::section::{
    CACHE_MANAGER, ERASURE_CODING, FILES_UNDERCONSTRUCTION, INODE, INODE_DIR, INODE_DIR_SUB,
    INODE_REFERENCE, INODE_SUB, NS_INFO, SECRET_MANAGER, SNAPSHOT, STRING_TABLE,
};
use super::strings::Numbering;
use super::{FILE_VERSION, ImageInfo, MAGIC};
use crate::tree::Namespace;
use crate::view::InodeBody;
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::proto::hdfs::fsimage::{
    FileSummary, INodeSection, NameSystemSection, file_summary,
};
use prost::Message;
use std::io::{self, Write};

/// How an image is written.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    /// How sections are compressed.
    pub compression: Compression,
    /// Whether large sections are divided, so that Java can load them in parallel
    /// (`dfs.image.parallel.load`).
    pub divide: bool,
    /// Inodes from which on they are (`dfs.image.parallel.inode.threshold`).
    pub divide_from: u64,
    /// Into so many (`dfs.image.parallel.target.sections`).
    pub parts: u64,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self { compression: Compression::None, divide: false, divide_from: 1_000_000, parts: 12 }
    }
}

/// Writes an image of a namespace, usually a clone of the one that is being changed. It is
/// written from beginning to end, once; `sink` need not seek.
///
/// # Errors
/// Those of `sink`, and if there are more names of users or groups than an image can hold.
pub fn save(
    namespace: &Namespace,
    info: ImageInfo,
    options: &SaveOptions,
    sink: &mut impl Write,
) -> io::Result<()> {
    sink.write_all(MAGIC)?;
    let mut writer = ImageWriter::new(Counting { sink, count: MAGIC.len() as u64 }, options)?;
    let inodes = namespace.totals().inodes();
    if options.divide && inodes >= options.divide_from {
        writer.per_part = inodes.div_ceil(options.parts.max(1));
    }
    let carried = namespace.carried();
    writer.whole(NS_INFO, &name_system(namespace, info))?;
    writer.whole(ERASURE_CODING, &encode_policies(carried))?;
    let mut names = Numbering::default();
    writer.inodes(namespace, inodes, &mut names)?;
    writer.directories(namespace)?;
    writer.open_files(namespace)?;
    writer.whole(SNAPSHOT, &encode_snapshots(carried))?;
    writer.whole(INODE_REFERENCE, &[])?;
    writer.whole(SECRET_MANAGER, &encode_secrets(carried))?;
    writer.whole(CACHE_MANAGER, &encode_caches(carried))?;
    if names.overflowed() {
        return Err(io::Error::other(
            "serial number map is full: more than 16777215 names of users, groups or attributes",
        ));
    }
    writer.whole(STRING_TABLE, &names.encode())?;
    writer.finish()
}

fn name_system(namespace: &Namespace, info: ImageInfo) -> Vec<u8> {
    let counters = namespace.counters();
    NameSystemSection {
        namespace_id: Some(info.namespace_id as u32),
        genstamp_v1: Some(counters.generation_stamp_v1.0),
        genstamp_v2: Some(counters.generation_stamp.0),
        genstamp_v1_limit: Some(counters.generation_stamp_v1_limit.0),
        last_allocated_block_id: Some(counters.last_block.0 as u64),
        transaction_id: Some(info.txid.0),
        rolling_upgrade_start_time: namespace.carried().rolling_upgrade.map(|time| time.0),
        last_allocated_striped_block_id: Some(counters.last_striped_block.0 as u64),
    }
    .encode_length_delimited_to_vec()
}

struct Counting<'a, W> {
    sink: &'a mut W,
    count: u64,
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Messages are gathered up to this many bytes before they are compressed or written.
const BUFFER: usize = 256 * 1024;

struct ImageWriter<'a, W: Write> {
    /// Only absent while one stream ends and the next begins.
    stream: Option<Compressor<Counting<'a, W>>>,
    options: &'a SaveOptions,
    buffer: Vec<u8>,
    sections: Vec<file_summary::Section>,
    section_begin: u64,
    part_begin: u64,
    /// Inodes in each part of a divided section; 0 where none is divided.
    per_part: u64,
    /// The stream holds something that no section or part has been noted for.
    pending: bool,
}

impl<'a, W: Write> ImageWriter<'a, W> {
    fn new(sink: Counting<'a, W>, options: &'a SaveOptions) -> io::Result<Self> {
        let begin = sink.count;
        Ok(Self {
            stream: Some(Compressor::new(sink, options.compression)?),
            options,
            buffer: Vec::with_capacity(BUFFER * 2),
            sections: Vec::new(),
            section_begin: begin,
            part_begin: begin,
            per_part: 0,
            pending: false,
        })
    }

    fn drain(&mut self) -> io::Result<()> {
        if let Some(stream) = &mut self.stream {
            stream.write(&self.buffer)?;
        }
        self.pending |= !self.buffer.is_empty();
        self.buffer.clear();
        Ok(())
    }

    fn drain_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER {
            return self.drain();
        }
        Ok(())
    }

    /// Ends the compressed stream and begins another; where the file is now.
    fn end_stream(&mut self) -> io::Result<u64> {
        self.drain()?;
        let stream =
            self.stream.take().ok_or_else(|| io::Error::other("writing went on after an error"))?;
        let sink = stream.finish()?;
        let position = sink.count;
        self.stream = Some(Compressor::new(sink, self.options.compression)?);
        self.pending = false;
        Ok(position)
    }

    fn note(&mut self, name: &str, begin: u64, end: u64) {
        self.sections.push(file_summary::Section {
            name: Some(name.to_owned()),
            length: Some(end - begin),
            offset: Some(begin),
        });
    }

    fn end_part(&mut self, name: &str) -> io::Result<()> {
        let end = self.end_stream()?;
        if end > self.part_begin {
            self.note(name, self.part_begin, end);
        }
        self.part_begin = end;
        Ok(())
    }

    fn end_section(&mut self, name: &str, part: Option<&str>) -> io::Result<()> {
        let end = match part {
            Some(part) if self.per_part > 0 => {
                // A part that ended just now leaves a stream of nothing.
                if self.pending || !self.buffer.is_empty() {
                    self.end_part(part)?;
                }
                self.part_begin
            }
            _ => self.end_stream()?,
        };
        self.note(name, self.section_begin, end);
        self.section_begin = end;
        self.part_begin = end;
        Ok(())
    }

    fn whole(&mut self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(contents);
        self.end_section(name, None)
    }

    fn inodes(
        &mut self,
        namespace: &Namespace,
        count: u64,
        names: &mut Numbering,
    ) -> io::Result<()> {
        let header = INodeSection {
            last_inode_id: Some(namespace.counters().last_inode.0),
            num_inodes: Some(count),
        };
        self.buffer.extend_from_slice(&header.encode_length_delimited_to_vec());
        let mut written = 0;
        for inode in namespace.inode_views() {
            put_inode(&inode, names, &mut self.buffer);
            written += 1;
            self.drain_if_full()?;
            if self.per_part > 0 && written % self.per_part == 0 {
                self.end_part(INODE_SUB)?;
            }
        }
        if written != count {
            return Err(io::Error::other(format!(
                "the namespace has {count} inodes, and {written} were found"
            )));
        }
        self.end_section(INODE, Some(INODE_SUB))
    }

    fn directories(&mut self, namespace: &Namespace) -> io::Result<()> {
        let mut written = 0;
        for inode in namespace.inode_views() {
            let InodeBody::Directory { children, .. } = inode.body else {
                continue;
            };
            if children == 0 {
                continue;
            }
            let mut packed = Vec::with_capacity(children as usize * 4);
            for child in namespace.child_ids(inode.id) {
                put_varint(child.0, &mut packed);
                written += 1;
            }
            put_length_before(&mut self.buffer, |out| {
                put_number(1, inode.id.0, out);
                put_bytes(2, &packed, out);
            });
            self.drain_if_full()?;
            if self.per_part > 0 && written >= self.per_part {
                written = 0;
                self.end_part(INODE_DIR_SUB)?;
            }
        }
        self.end_section(INODE_DIR, Some(INODE_DIR_SUB))
    }

    fn open_files(&mut self, namespace: &Namespace) -> io::Result<()> {
        for (id, path, _) in namespace.open_file_views() {
            put_length_before(&mut self.buffer, |out| {
                put_number(1, id.0, out);
                put_bytes(2, path.as_bytes(), out);
            });
            self.drain_if_full()?;
        }
        self.end_section(FILES_UNDERCONSTRUCTION, None)
    }

    fn finish(mut self) -> io::Result<()> {
        let summary = FileSummary {
            ondisk_version: FILE_VERSION,
            layout_version: LAYOUT_VERSION as u32,
            codec: self.options.compression.class(),
            sections: std::mem::take(&mut self.sections),
        }
        .encode_length_delimited_to_vec();
        let sink = match self.stream.take() {
            // A stream that holds nothing yet is thrown away.
            Some(Compressor::None(sink) | Compressor::Blocks(sink, ..)) => sink,
            Some(stream) => stream.finish()?,
            None => return Err(io::Error::other("writing went on after an error")),
        };
        sink.sink.write_all(&summary)?;
        let length = u32::try_from(summary.len()).map_err(io::Error::other)?;
        sink.sink.write_all(&length.to_be_bytes())?;
        sink.sink.flush()
    }
}
