//! Sorts batches into spill files and merges these into a map's output.

use std::path::PathBuf;
use std::sync::Arc;

use super::arena::{Batch, Entry};
use super::buffer::MapOutput;
use super::order::KeyOrder;
use super::sort;
use super::table::Refill;
use crate::counters::Counter;
use crate::error::{Error, Result};
use crate::ifile::{IFileWriter, Record, Segment, SpillIndex};
use crate::io::codec::Codec;
use crate::merge::{Merging, RecordStream, write_segment};
use crate::task::{LocalDirs, TaskContext};

/// Entries whose records are touched before any of them is copied: their cache misses overlap.
const AHEAD: usize = 16;

/// Reduces sorted records of one partition to fewer (a job's combiner, one use of it).
pub trait Combiner: Send {
    /// Reads all of `input`, writes to `out`.
    ///
    /// # Errors
    /// The program's own, or those of reading and writing.
    fn combine(&mut self, input: &mut dyn RecordStream, out: &mut CombineOutput<'_>) -> Result<()>;
}

/// Where a combiner writes.
pub enum CombineOutput<'a> {
    /// A file in which a segment was begun.
    File(&'a mut IFileWriter),
    /// What stands before the sort buffer.
    Table(Refill<'a>),
}

impl CombineOutput<'_> {
    /// Appends a record that serializes itself: first its key, then its value.
    ///
    /// # Errors
    /// The disk refuses it, or it is too long.
    #[inline]
    pub fn append_with(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        match self {
            Self::File(file) => file.append_with(key, value),
            Self::Table(table) => table.append_with(key, value),
        }
    }

    /// The same for a shorter time.
    pub fn reborrow(&mut self) -> CombineOutput<'_> {
        match self {
            Self::File(file) => CombineOutput::File(file),
            Self::Table(table) => CombineOutput::Table(table.reborrow()),
        }
    }

    /// Records written to it so far; those of a file to all of its segments.
    pub fn records(&self) -> u64 {
        match self {
            Self::File(file) => file.records(),
            Self::Table(table) => table.records(),
        }
    }
}

/// Makes a combiner for each spill and each partition merged.
pub type CombinerFactory = Arc<dyn Fn() -> Result<Box<dyn Combiner>> + Send + Sync>;

/// A spill file and where its partitions are.
#[derive(Debug)]
pub struct Spill {
    path: PathBuf,
    index: SpillIndex,
}

/// How a map's output is sorted, combined, written and merged.
pub struct Spiller {
    /// Number of reduces.
    pub partitions: u32,
    /// Order of keys.
    pub order: KeyOrder,
    /// How segments are compressed.
    pub codec: Option<Codec>,
    /// The job's combiner.
    pub combiner: Option<CombinerFactory>,
    /// Whether the combiner runs before the sort as well, over the few records that a table holds: it should cost
    /// little to start.
    pub combine_early: bool,
    /// Spills from which on the merge combines again (`mapreduce.map.combine.minspills`).
    pub combine_spills: usize,
    /// Segments merged at once (`mapreduce.task.io.sort.factor`).
    pub factor: usize,
    /// Most spills of a task (`mapreduce.task.spill.files.count.limit`).
    pub spill_limit: Option<usize>,
    /// Memory for the merge's buffers.
    pub buffers: usize,
    /// Where files go.
    pub dirs: Arc<LocalDirs>,
    /// Hears of the processor time of the thread that spills.
    pub task: Option<Arc<TaskContext>>,
    /// Counts records written to disk (`SPILLED_RECORDS`).
    pub spilled: Counter,
}

impl Spiller {
    pub(crate) fn partitions(&self) -> u32 {
        self.partitions.max(1)
    }

    #[inline]
    pub(crate) fn order(&self) -> &KeyOrder {
        &self.order
    }

    pub(crate) fn spill_limit(&self) -> Option<usize> {
        self.spill_limit
    }

    /// Sorts a batch and writes it to a file (`sortAndSpill`); records that are `combined` already are not again.
    pub(crate) fn spill(&self, batch: &mut Batch, number: usize, combined: bool) -> Result<Spill> {
        let size: usize = batch.chunks.iter().map(Vec::len).sum();
        sort::sort(batch, &self.order);
        let path = self.dirs.for_write(&format!("output/spill{number}.out"), size as u64)?;
        let mut out = IFileWriter::create(path.clone(), self.codec)?;
        let mut rest = batch.entries.as_slice();
        for partition in 0..self.partitions() {
            let end = rest.partition_point(|e| e.partition() <= partition);
            let (entries, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = after;
            out.begin_segment()?;
            match &self.combiner {
                Some(make) if !entries.is_empty() && !combined => {
                    let mut stream = BatchStream::new(batch, entries);
                    make()?.combine(&mut stream, &mut CombineOutput::File(&mut out))?;
                }
                _ => copy(batch, entries, &mut out)?,
            }
            out.end_segment()?;
        }
        self.spilled.add(out.records() as i64);
        if let Some(task) = &self.task {
            task.note_processor_time();
        }
        Ok(Spill { path, index: out.finish()? })
    }

    /// Makes one output of all spills (`mergeParts`).
    pub(crate) fn merge(
        &self,
        spills: Vec<Spill>,
        alive: &mut dyn FnMut(f32) -> Result<()>,
    ) -> Result<MapOutput> {
        let index = match spills.as_slice() {
            [only] => {
                let file = only.path.with_file_name("file.out");
                std::fs::rename(&only.path, &file).map_err(|e| {
                    let (from, to) = (only.path.display(), file.display());
                    Error::system(format_args!("Unable to rename {from} to {to}"), &e)
                })?;
                return self.conclude(file, &only.index);
            }
            spills => self.merge_parts(spills, alive)?,
        };
        let (file, index) = index;
        for spill in spills {
            // What stays is removed with the attempt's directory.
            let _ = std::fs::remove_file(spill.path);
        }
        self.conclude(file, &index)
    }

    fn conclude(&self, file: PathBuf, index: &SpillIndex) -> Result<MapOutput> {
        let index_file = file.with_file_name("file.out.index");
        index.write(&index_file)?;
        let length = index.entries.last().map_or(0, |e| e.start + e.part_length);
        Ok(MapOutput { file, index: index_file, length })
    }

    fn merge_parts(
        &self,
        spills: &[Spill],
        alive: &mut dyn FnMut(f32) -> Result<()>,
    ) -> Result<(PathBuf, SpillIndex)> {
        let size = spills.iter().filter_map(|s| s.index.entries.last());
        let size = size.map(|e| e.start + e.part_length).sum();
        let file = self.dirs.for_write("output/file.out", size)?;
        let mut out = IFileWriter::create(file.clone(), self.codec)?;
        let mut pass = 0;
        for partition in 0..self.partitions() {
            let place = |s: &Spill| s.index.entries.get(partition as usize).copied();
            let segments = spills
                .iter()
                .filter_map(|s| Some((s, place(s)?)))
                .map(|(s, place)| Segment::Disk {
                    path: s.path.clone(),
                    place,
                    codec: self.codec,
                    remove: false,
                    from_map: false,
                })
                .collect();
            let total = self.partitions() as f32;
            let done = partition as f32;
            let mut stream = Merging {
                order: self.order.clone(),
                factor: self.factor,
                codec: self.codec,
                buffers: self.buffers,
                scratch: Box::new(|bytes| {
                    pass += 1;
                    self.dirs.for_write(&format!("output/intermediate.{pass}"), bytes)
                }),
                alive: &mut |_| alive(done / total),
                read: None,
                written: Some(self.spilled.clone()),
                merged: None,
            }
            .merge(segments, 0)?;
            let before = out.records();
            match &self.combiner {
                Some(make) if spills.len() >= self.combine_spills => {
                    out.begin_segment()?;
                    make()?.combine(&mut stream, &mut CombineOutput::File(&mut out))?;
                    out.end_segment()?;
                }
                _ => {
                    write_segment(&mut stream, &mut out, &mut |part| alive((done + part) / total))?;
                }
            }
            self.spilled.add((out.records() - before) as i64);
        }
        Ok((file, out.finish()?))
    }
}

fn copy(batch: &Batch, entries: &[Entry], out: &mut IFileWriter) -> Result<()> {
    for group in entries.chunks(AHEAD) {
        let mut records = [&[] as &[u8]; AHEAD];
        for (slot, entry) in records.iter_mut().zip(group) {
            *slot = batch.record(*entry).whole;
        }
        for record in records.iter().take(group.len()) {
            out.append_record(record)?;
        }
    }
    Ok(())
}

/// Sorted entries of one partition as a stream.
struct BatchStream<'a> {
    batch: &'a Batch,
    entries: &'a [Entry],
    next: usize,
    record: Record<'a>,
}

impl<'a> BatchStream<'a> {
    fn new(batch: &'a Batch, entries: &'a [Entry]) -> Self {
        Self { batch, entries, next: 0, record: Record { key: &[], value: &[], whole: &[] } }
    }
}

impl RecordStream for BatchStream<'_> {
    #[inline]
    fn advance(&mut self) -> Result<bool> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(false) };
        self.next += 1;
        self.record = self.batch.record(*entry);
        Ok(true)
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        self.record
    }
}
