//! Fetched map outputs in memory and on disk, merged as they gather (Hadoop's `MergeManagerImpl`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::ShuffleSettings;
use crate::collect::{CombineOutput, CombinerFactory, KeyOrder};
use crate::counters::TaskCounter;
use crate::error::{Error, Result};
use crate::ifile::{IFileWriter, IndexEntry, Segment};
use crate::io::codec::Codec;
use crate::merge::{MergeStream, Merging, write_segment};
use crate::task::TaskContext;

/// Where an output that is about to come is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into memory, which is set aside for it.
    Memory,
    /// To disk: it is too large.
    Disk,
}

/// Limits, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Memory for outputs.
    memory: u64,
    /// Largest output that goes into memory.
    single: u64,
    /// Outputs in memory at which they are merged to disk.
    merge: u64,
    /// What of them may stay in memory for the reduce.
    keep: u64,
}

impl Limits {
    pub(crate) fn of(settings: &ShuffleSettings) -> Self {
        let part = |whole: u64, percent: f64| (whole as f64 * percent) as u64;
        let memory = part(settings.memory, settings.input_buffer);
        Self {
            memory,
            single: part(memory, settings.single_limit).min(i32::MAX as u64),
            merge: part(memory, settings.merge_percent),
            keep: part(memory, settings.reduce_buffer),
        }
    }
}

#[derive(Default)]
struct State {
    /// Memory set aside: of outputs in it, on their way to it, and being merged from it.
    used: u64,
    /// Bytes of `memory`.
    committed: u64,
    memory: Vec<Segment>,
    disk: Vec<Segment>,
    merging: bool,
    closed: bool,
    error: Option<Error>,
}

/// The outputs of one reduce.
pub(crate) struct Merger {
    task: Arc<TaskContext>,
    limits: Limits,
    factor: usize,
    order: KeyOrder,
    codec: Option<Codec>,
    combiner: Option<CombinerFactory>,
    state: Mutex<State>,
    changed: Condvar,
    files: AtomicUsize,
}

impl Merger {
    pub(crate) fn new(
        task: Arc<TaskContext>,
        limits: Limits,
        factor: usize,
        order: KeyOrder,
        codec: Option<Codec>,
        combiner: Option<CombinerFactory>,
    ) -> Self {
        Self {
            task,
            limits,
            factor: factor.max(2),
            order,
            codec,
            combiner,
            state: Mutex::default(),
            changed: Condvar::new(),
            files: AtomicUsize::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until memory is free again; `false` where the shuffle is over or has failed.
    pub(crate) fn await_room(&self) -> bool {
        let mut state = self.state();
        while state.used > self.limits.memory && !state.closed && state.error.is_none() {
            state = self.wait(state);
        }
        !state.closed && state.error.is_none()
    }

    /// Sets memory aside for an output; `None` where there is too little now.
    pub(crate) fn reserve(&self, raw_length: u64) -> Option<Place> {
        if raw_length > self.limits.single {
            return Some(Place::Disk);
        }
        let mut state = self.state();
        if state.used > self.limits.memory {
            return None;
        }
        state.used += raw_length;
        Some(Place::Memory)
    }

    /// An output that memory was set aside for does not come.
    pub(crate) fn release(&self, raw_length: u64) {
        self.state().used -= raw_length;
        self.changed.notify_all();
    }

    /// An output is in memory.
    pub(crate) fn add_memory(&self, name: Arc<str>, bytes: Vec<u8>) {
        let mut state = self.state();
        state.committed += bytes.len() as u64;
        state.memory.push(Segment::Memory { bytes: Arc::new(bytes), name });
        self.changed.notify_all();
    }

    /// An output is on disk.
    pub(crate) fn add_disk(&self, segment: Segment) {
        self.state().disk.push(segment);
        self.changed.notify_all();
    }

    /// A file for an output or a merge.
    pub(crate) fn file(&self, what: &str, bytes: u64) -> Result<PathBuf> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.task.dirs().for_write(&format!("output/{what}_{number}.out"), bytes)
    }

    /// Merges whatever there is enough of, until the shuffle is over; one thread runs it.
    pub(crate) fn run(&self) {
        loop {
            let mut state = self.state();
            let work = loop {
                if state.error.is_some() {
                    return;
                }
                if state.committed >= self.limits.merge && !state.memory.is_empty() {
                    break Work::Memory(
                        std::mem::take(&mut state.memory),
                        std::mem::take(&mut state.committed),
                    );
                }
                if state.disk.len() >= 2 * self.factor - 1 {
                    state.disk.sort_by_key(Segment::length);
                    break Work::Disk(state.disk.drain(..self.factor).collect());
                }
                if state.closed {
                    return;
                }
                state = self.wait(state);
            };
            state.merging = true;
            drop(state);
            let merged = self.merge_some(work);
            let mut state = self.state();
            state.merging = false;
            match merged {
                Ok((segment, freed)) => {
                    state.used -= freed;
                    state.disk.push(segment);
                }
                Err(error) => state.error = Some(error),
            }
            self.changed.notify_all();
        }
    }

    fn merge_some(&self, work: Work) -> Result<(Segment, u64)> {
        match work {
            Work::Memory(segments, bytes) => Ok((self.spill(segments, bytes)?, bytes)),
            Work::Disk(segments) => {
                let bytes = segments.iter().map(Segment::length).sum();
                Ok((self.write(segments, bytes, None)?, 0))
            }
        }
    }

    /// Writes segments in memory to disk, combined.
    fn spill(&self, segments: Vec<Segment>, bytes: u64) -> Result<Segment> {
        self.write(segments, bytes, self.combiner.as_ref())
    }

    fn write(
        &self,
        segments: Vec<Segment>,
        bytes: u64,
        combiner: Option<&CombinerFactory>,
    ) -> Result<Segment> {
        let path = self.file("merged", bytes)?;
        let mut alive = |_| self.task.check();
        let in_memory = segments.iter().filter(|s| matches!(s, Segment::Memory { .. })).count();
        let mut stream = self.merging(&mut alive).merge(segments, in_memory)?;
        let mut out = IFileWriter::create(path.clone(), self.codec)?;
        let place = match combiner {
            None => write_segment(&mut stream, &mut out, &mut alive)?.0,
            Some(make) => {
                out.begin_segment()?;
                make()?.combine(&mut stream, &mut CombineOutput::File(&mut out))?;
                out.end_segment()?
            }
        };
        out.finish()?;
        Ok(Segment::Disk { path, place, codec: self.codec, remove: true, from_map: false })
    }

    fn merging<'a>(&'a self, alive: &'a mut dyn FnMut(f32) -> Result<()>) -> Merging<'a> {
        Merging {
            order: self.order.clone(),
            factor: self.factor,
            codec: self.codec,
            buffers: 8 << 20,
            scratch: Box::new(|bytes| self.file("intermediate", bytes)),
            alive,
            // Hadoop counts what a reduce reads from its segments as spilled.
            read: Some(self.task.task_counter(TaskCounter::SpilledRecords)),
            written: None,
            merged: Some(self.task.task_counter(TaskCounter::MergedMapOutputs)),
        }
    }

    /// What went wrong in a merge, once.
    pub(crate) fn take_error(&self) -> Option<Error> {
        self.state().error.take()
    }

    /// No more outputs come (or the shuffle has failed): the merging thread ends, waiting fetchers too.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Everything as one stream, after [`close`](Self::close) and the end of the merging thread.
    pub(crate) fn finish(&self, alive: &mut dyn FnMut(f32) -> Result<()>) -> Result<MergeStream> {
        let (mut memory, mut disk) = {
            let mut state = self.state();
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            (std::mem::take(&mut state.memory), std::mem::take(&mut state.disk))
        };
        let mut bytes: u64 = memory.iter().map(Segment::length).sum();
        if bytes > self.limits.keep {
            let mut out = Vec::new();
            let mut moved = 0;
            while bytes > self.limits.keep && !memory.is_empty() {
                let segment = memory.remove(0);
                bytes -= segment.length();
                moved += segment.length();
                out.push(segment);
            }
            disk.push(self.write(out, moved, None)?);
        }
        let in_memory = memory.len();
        memory.append(&mut disk);
        self.merging(alive).merge(memory, in_memory)
    }
}

enum Work {
    Memory(Vec<Segment>, u64),
    Disk(Vec<Segment>),
}

/// A whole file as a segment.
pub(crate) fn whole_file(
    path: PathBuf,
    raw_length: u64,
    part_length: u64,
    codec: Option<Codec>,
) -> Segment {
    let place = IndexEntry { start: 0, raw_length, part_length };
    Segment::Disk { path, place, codec, remove: true, from_map: true }
}
