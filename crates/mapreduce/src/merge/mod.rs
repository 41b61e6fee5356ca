//! Merges sorted segments, a bounded number at a time (Hadoop's `Merger`).

mod stream;
mod tree;

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::collect::KeyOrder;
use crate::counters::Counter;
use crate::error::{Error, Result};
use crate::ifile::{END_MARKER, IFileWriter, IndexEntry, Segment};
use crate::io::codec::Codec;

pub use stream::{MergeStream, RecordStream};

/// How segments are merged.
pub struct Merging<'a> {
    /// The order they are sorted in.
    pub order: KeyOrder,
    /// Most segments read at once (`mapreduce.task.io.sort.factor`).
    pub factor: usize,
    /// How intermediate files are compressed.
    pub codec: Option<Codec>,
    /// Bytes of memory for the buffers of all segments read at once.
    pub buffers: usize,
    /// Where the next intermediate file goes, for about so many bytes.
    pub scratch: Box<dyn FnMut(u64) -> Result<PathBuf> + 'a>,
    /// Called now and then with the progress of the pass; may stop it.
    pub alive: &'a mut dyn FnMut(f32) -> Result<()>,
    /// Counts records as they are read.
    pub read: Option<Counter>,
    /// Counts records written to intermediate files.
    pub written: Option<Counter>,
    /// Counts segments that came from a map (`MERGED_MAP_OUTPUTS`).
    pub merged: Option<Counter>,
}

/// Segments of the first pass: such that every later pass is a full one (`Merger.getPassFactor`).
pub fn first_pass(factor: usize, segments: usize) -> usize {
    if segments <= factor || factor <= 1 {
        return factor;
    }
    match (segments - 1) % (factor - 1) {
        0 => factor,
        rest => rest + 1,
    }
}

impl Merging<'_> {
    /// Merges until `factor` segments are left and gives these as one stream.
    ///
    /// The first `in_memory` ones wait for that stream and do not count against the factor. The others are taken
    /// smallest first where there are intermediate passes; else they keep their order.
    ///
    /// # Errors
    /// A segment is damaged, or the disk refuses an intermediate file.
    pub fn merge(&mut self, mut segments: Vec<Segment>, in_memory: usize) -> Result<MergeStream> {
        let factor = self.factor.max(2);
        let in_memory = self.drop_empty(&mut segments, in_memory);
        let mut left: VecDeque<Segment> = segments.split_off(in_memory).into();
        if left.len() > factor {
            left.make_contiguous().sort_by_key(Segment::length);
        }
        let mut pass = first_pass(factor, left.len());
        while left.len() > factor {
            let taken: Vec<Segment> = left.drain(..pass).collect();
            let merged = self.write_pass(taken)?;
            let at = left.partition_point(|s| s.length() < merged.length());
            left.insert(at, merged);
            pass = factor;
        }
        segments.extend(left);
        self.open(segments)
    }

    /// Takes segments without a record out; says how many of the first ones are left.
    fn drop_empty(&self, segments: &mut Vec<Segment>, in_memory: usize) -> usize {
        let (mut seen, mut left) = (0, 0);
        segments.retain(|segment| {
            let empty = segment.raw_length() <= END_MARKER.len() as u64;
            left += usize::from(seen < in_memory && !empty);
            seen += 1;
            if empty {
                self.count(segment);
                if let Segment::Disk { path, remove: true, .. } = segment {
                    // A file that stays is removed with its task's directory.
                    let _ = std::fs::remove_file(path);
                }
            }
            !empty
        });
        left
    }

    fn count(&self, segment: &Segment) {
        // What is in memory was fetched; merged runs are on disk.
        let from_map =
            matches!(segment, Segment::Memory { .. } | Segment::Disk { from_map: true, .. });
        if let Some(counter) = self.merged.as_ref().filter(|_| from_map) {
            counter.add(1);
        }
    }

    fn open(&self, segments: Vec<Segment>) -> Result<MergeStream> {
        let buffer = (self.buffers / segments.len().max(1)).clamp(16 << 10, 1 << 20);
        let mut readers = Vec::with_capacity(segments.len());
        for segment in segments {
            self.count(&segment);
            readers.push(segment.open(buffer)?);
        }
        Ok(MergeStream::new(readers, self.order.clone(), self.read.clone()))
    }

    fn write_pass(&mut self, segments: Vec<Segment>) -> Result<Segment> {
        let bytes = segments.iter().map(Segment::length).sum();
        let path = (self.scratch)(bytes)?;
        let mut stream = self.open(segments)?;
        let mut out = IFileWriter::create(path.clone(), self.codec)?;
        let (place, records) = write_segment(&mut stream, &mut out, self.alive)?;
        out.finish()?;
        if let Some(counter) = &self.written {
            counter.add(records as i64);
        }
        let codec = self.codec;
        Ok(Segment::Disk { path, place, codec, remove: true, from_map: false })
    }
}

/// Writes a stream as one segment; says where it is and how many records it has.
pub(crate) fn write_segment(
    stream: &mut MergeStream,
    out: &mut IFileWriter,
    alive: &mut dyn FnMut(f32) -> Result<()>,
) -> Result<(IndexEntry, u64), Error> {
    let before = out.records();
    out.begin_segment()?;
    stream.write_to(out, alive)?;
    let place = out.end_segment()?;
    Ok((place, out.records() - before))
}
