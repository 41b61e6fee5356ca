//! Sorted records, one after the other, from wherever they are.

use super::tree::LoserTree;
use crate::collect::KeyOrder;
use crate::counters::Counter;
use crate::error::Result;
use crate::ifile::{IFileWriter, Record, SegmentReader};

/// Records in order (Hadoop's `RawKeyValueIterator`).
pub trait RecordStream: Send {
    /// Moves to the next record; `false` at the end.
    ///
    /// # Errors
    /// A source cannot be read or is damaged.
    fn advance(&mut self) -> Result<bool>;

    /// The record moved to.
    fn record(&self) -> Record<'_>;

    /// Whether the record is known to have the very key of the one before it; `false` says nothing.
    #[inline]
    fn repeats(&self) -> bool {
        false
    }

    /// How much of it has passed, 0 to 1.
    fn progress(&self) -> f32 {
        0.0
    }
}

/// What the tree knows of a run without looking at its key.
#[derive(Clone, Copy, Debug)]
struct Head {
    prefix: u64,
    done: bool,
}

/// Several segments as one sorted stream; equal keys come in the order of the segments.
pub struct MergeStream {
    order: KeyOrder,
    prefix_decides: bool,
    readers: Vec<SegmentReader>,
    heads: Vec<Head>,
    tree: LoserTree,
    started: bool,
    total: u64,
    /// Counts the records read, when each segment ends.
    read: Option<Counter>,
}

impl MergeStream {
    /// Merges what these readers have.
    pub(crate) fn new(readers: Vec<SegmentReader>, order: KeyOrder, read: Option<Counter>) -> Self {
        let total = readers.iter().map(SegmentReader::raw_length).sum();
        Self {
            prefix_decides: order.prefix_decides(),
            order,
            heads: vec![Head { prefix: 0, done: false }; readers.len()],
            readers,
            tree: LoserTree::default(),
            started: false,
            total,
            read,
        }
    }

    fn step(&mut self, run: usize) -> Result<()> {
        let reader = &mut self.readers[run];
        let head = &mut self.heads[run];
        if reader.advance()? {
            head.prefix = self.order.prefix(reader.key());
        } else {
            head.done = true;
            if let Some(counter) = &self.read {
                counter.add(reader.records() as i64);
            }
        }
        Ok(())
    }

    /// Writes all of it to a segment; `alive` is called now and then and may stop it.
    ///
    /// # Errors
    /// Reading, writing, or what `alive` says.
    pub(crate) fn write_to(
        &mut self,
        out: &mut IFileWriter,
        alive: &mut dyn FnMut(f32) -> Result<()>,
    ) -> Result<()> {
        let mut count = 0_u32;
        while self.advance()? {
            out.append_record(self.record().whole)?;
            count = count.wrapping_add(1);
            if count.is_multiple_of(1 << 14) {
                alive(self.progress())?;
            }
        }
        Ok(())
    }
}

#[inline]
fn beats(
    heads: &[Head],
    readers: &[SegmentReader],
    order: &KeyOrder,
    prefix_decides: bool,
    (a, b): (usize, usize),
) -> bool {
    let (x, y) = (heads[a], heads[b]);
    if x.done || y.done {
        return !x.done;
    }
    if x.prefix != y.prefix {
        return x.prefix < y.prefix;
    }
    if prefix_decides {
        return a < b;
    }
    order.compare(readers[a].key(), readers[b].key()).then(a.cmp(&b)).is_lt()
}

impl RecordStream for MergeStream {
    #[inline]
    fn advance(&mut self) -> Result<bool> {
        if self.readers.is_empty() {
            return Ok(false);
        }
        if self.started {
            let run = self.tree.winner();
            if self.heads[run].done {
                return Ok(false);
            }
            self.step(run)?;
            let (heads, readers, order) = (&self.heads, &self.readers, &self.order);
            self.tree.replay(|a, b| beats(heads, readers, order, self.prefix_decides, (a, b)));
        } else {
            self.started = true;
            for run in 0..self.readers.len() {
                self.step(run)?;
            }
            let (heads, readers, order) = (&self.heads, &self.readers, &self.order);
            let players = readers.len();
            self.tree = LoserTree::new(players, |a, b| {
                beats(heads, readers, order, self.prefix_decides, (a, b))
            });
        }
        Ok(!self.heads[self.tree.winner()].done)
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        self.readers[self.tree.winner()].record()
    }

    fn progress(&self) -> f32 {
        if self.total == 0 {
            return 1.0;
        }
        let passed: u64 = self.readers.iter().map(SegmentReader::passed).sum();
        (passed as f32 / self.total as f32).min(1.0)
    }
}
