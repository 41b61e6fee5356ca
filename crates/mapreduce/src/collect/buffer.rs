//! Collects a map's output in memory and hands it to be sorted and written while the map goes on.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::arena::{Batch, ENTRY_BYTES, Entry, Shape};
use super::partition::Partitioner;
use super::spill::{Spill, Spiller};
use super::table::{Routing, Tables};
use crate::counters::Counter;
use crate::error::{Error, ErrorKind, Result};
use crate::ifile::Frame;

/// Longest key or value: Java's largest array.
pub(super) const MAX_FIELD: usize = i32::MAX as usize - 8;

/// Records counted before the shared counters hear of them.
const COUNT_EVERY: u64 = 4096;

/// Sizes of a sort buffer.
#[derive(Clone, Copy, Debug)]
pub struct BufferSize {
    /// Bytes of records and their entries (`mapreduce.task.io.sort.mb`).
    pub bytes: usize,
    /// Share of it at which a spill starts (`mapreduce.map.sort.spill.percent`).
    pub spill_at: f64,
}

/// What one batch came to.
type Spilled = (Batch, Result<Spill>);

struct Worker {
    batches: Option<SyncSender<(Batch, usize)>>,
    spills: Receiver<Spilled>,
    thread: Option<JoinHandle<()>>,
}

/// The sort buffer of a map task (`MapTask.MapOutputBuffer`).
///
/// Memory: at most the configured bytes, and the one record in the making where that is larger.
pub struct MapOutputBuffer {
    spiller: std::sync::Arc<Spiller>,
    partitioner: Partitioner,
    partitions: u32,
    shape: Shape,
    chunk: Vec<u8>,
    /// Length of the chunk at which the next record starts another one; 0 while there is no chunk.
    room: usize,
    chunks: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    /// Bytes of the chunks in `chunks`.
    full: usize,
    pool: Vec<Vec<u8>>,
    spare_entries: Vec<Entry>,
    soft: usize,
    spill_at: f64,
    hard: usize,
    /// Where records of the same key are combined first.
    tables: Option<Box<Tables>>,
    worker: Option<Worker>,
    /// Bytes that the batch being written holds.
    spilling: usize,
    spills: Vec<Spill>,
    started: usize,
    records: (Counter, u64),
    bytes: (Counter, u64),
}

impl MapOutputBuffer {
    /// An empty buffer.
    ///
    /// # Errors
    /// `InvalidJobConf` texts of Hadoop for sizes that cannot be.
    pub fn new(
        size: BufferSize,
        partitioner: Partitioner,
        spiller: Spiller,
        records: Counter,
        bytes: Counter,
    ) -> Result<Self> {
        if !(size.spill_at > 0.0 && size.spill_at <= 1.0) {
            let text = format!("Invalid \"mapreduce.map.sort.spill.percent\": {}", size.spill_at);
            return Err(Error::io(text));
        }
        let shape = Shape::of_buffer(size.bytes);
        // A chunk that is begun counts whole: two of them must fit, one to collect into and one to write.
        let mut hard = size.bytes.max(4 * shape.chunk_bytes());
        let early = spiller.combiner.is_some() && spiller.combine_early;
        let tables = early.then(|| Box::new(Tables::of_buffer(hard)));
        hard -= tables.as_ref().map_or(0, |t| t.bytes());
        Ok(Self {
            tables,
            partitions: spiller.partitions(),
            spiller: std::sync::Arc::new(spiller),
            partitioner,
            shape,
            chunk: Vec::new(),
            room: 0,
            chunks: Vec::new(),
            entries: Vec::new(),
            full: 0,
            pool: Vec::new(),
            spare_entries: Vec::new(),
            soft: (hard as f64 * size.spill_at) as usize,
            spill_at: size.spill_at,
            hard,
            worker: None,
            spilling: 0,
            spills: Vec::new(),
            started: 0,
            records: (records, 0),
            bytes: (bytes, 0),
        })
    }

    /// Takes another partitioner, before the first record.
    pub fn set_partitioner(&mut self, partitioner: Partitioner) {
        self.partitioner = partitioner;
    }

    /// Bytes in use: collected, being written, and kept for the next records.
    pub fn held(&self) -> usize {
        let tables = self.tables.as_ref().map_or(0, |t| t.bytes());
        tables + self.used() + self.spilling + self.pool.len() * self.shape.chunk_bytes()
    }

    /// Collects a record that serializes itself, first its key, then its value.
    ///
    /// # Errors
    /// An illegal partition, a field that is too long, or a spill that failed.
    #[inline]
    pub fn collect(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        self.records.1 += 1;
        let Some(tables) = &mut self.tables else {
            let bytes = self.place(None, key, value)?;
            self.bytes.1 += bytes;
            return Ok(());
        };
        let (partitioner, partitions) = (&self.partitioner, self.partitions);
        let routing = Routing {
            order: self.spiller.order(),
            partition: |key: &[u8], value: &[u8]| partitioner.partition(key, value, partitions),
            by_value: matches!(partitioner, Partitioner::Custom(_)),
            partitions,
        };
        self.bytes.1 += tables.active.add(key, value, &routing)? as u64;
        tables.fresh += 1;
        if tables.active.has_room() { Ok(()) } else { self.combine(false) }
    }

    /// Combines what the tables hold; they go where they are of no use, and after the `last` time.
    #[cold]
    fn combine(&mut self, last: bool) -> Result<()> {
        self.publish();
        let Some(mut tables) = self.tables.take() else { return Ok(()) };
        let spiller = std::sync::Arc::clone(&self.spiller);
        if tables.combine(self, &spiller, last)? && !last {
            self.tables = Some(tables);
        } else {
            self.hard += tables.bytes();
            self.soft = (self.hard as f64 * self.spill_at) as usize;
        }
        Ok(())
    }

    /// Puts a record into the sort buffer, in a partition that is known or to be found; gives its length.
    #[inline]
    pub(super) fn place(
        &mut self,
        partition: Option<u32>,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u64> {
        if self.chunk.len() >= self.room {
            self.next_chunk()?;
        }
        let mut frame = Frame::begin(&mut self.chunk);
        key(&mut self.chunk);
        frame.key_ends(&self.chunk);
        value(&mut self.chunk);
        let serialized = frame.key(&self.chunk);
        let prefix = self.spiller.order().prefix(serialized);
        let partition = match (partition, &self.partitioner) {
            (Some(known), _) => i64::from(known),
            (_, Partitioner::Single) => 0,
            (_, Partitioner::Custom(custom)) => {
                let (_, value) = frame.fields(&self.chunk);
                custom.partition(serialized, value, self.partitions)
            }
            (_, other) => other.partition(serialized, &[], self.partitions),
        };
        let (key_length, value_length) = (serialized.len(), frame.value_length(&self.chunk));
        if !(0..i64::from(self.partitions)).contains(&partition)
            || key_length > MAX_FIELD
            || value_length > MAX_FIELD
        {
            return Err(self.refuse(frame, partition));
        }
        frame.end(&mut self.chunk);
        let place = self.shape.place(self.chunks.len(), frame.start());
        self.entries.push(Entry::new(partition as u32, prefix, place));
        if self.used() >= self.soft || self.records.1 >= COUNT_EVERY {
            self.check()?;
        }
        Ok((key_length + value_length) as u64)
    }

    /// Bytes in use by the batch in work.
    #[inline]
    fn used(&self) -> usize {
        self.full + self.chunk.len() + self.entries.len() * ENTRY_BYTES
    }

    #[cold]
    fn refuse(&mut self, frame: Frame, partition: i64) -> Error {
        let (key, value) = frame.fields(&self.chunk);
        let error = refusal(key, value, partition);
        self.chunk.truncate(frame.start());
        error
    }

    /// The last chunk is full, or this is the first record: takes an empty one.
    #[cold]
    fn next_chunk(&mut self) -> Result<()> {
        self.close_chunk();
        // A batch that fills what a running spill leaves has to wait for it.
        while self.spilling > 0
            && self.used() + self.shape.chunk_bytes() + self.spilling > self.hard
        {
            self.await_spill()?;
        }
        let size = self.shape.chunk_bytes();
        self.chunk = self.pool.pop().unwrap_or_else(|| Vec::with_capacity(size));
        self.room = size - size / 16;
        if self.entries.capacity() == 0 {
            self.entries = std::mem::take(&mut self.spare_entries);
            // Address space for as many as can be: growing would copy them, and pages count when they are touched.
            self.entries.reserve_exact(self.hard / (ENTRY_BYTES + 2));
        }
        Ok(())
    }

    fn close_chunk(&mut self) {
        if !self.chunk.is_empty() {
            self.full += self.chunk.capacity();
            self.chunks.push(std::mem::take(&mut self.chunk));
        }
        self.room = 0;
    }

    #[cold]
    fn check(&mut self) -> Result<()> {
        self.publish();
        if let Some(worker) = &self.worker
            && self.spilling > 0
            && let Ok(spilled) = worker.spills.try_recv()
        {
            self.spilled(spilled)?;
        }
        if self.used() < self.soft {
            return Ok(());
        }
        if self.spilling == 0 {
            return self.start_spill();
        }
        while self.spilling > 0 && self.used() + self.spilling >= self.hard {
            self.await_spill()?;
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.records.0.add(std::mem::take(&mut self.records.1) as i64);
        self.bytes.0.add(std::mem::take(&mut self.bytes.1) as i64);
    }

    fn take_batch(&mut self) -> (Batch, usize) {
        let used = self.used();
        self.close_chunk();
        self.full = 0;
        let chunks = std::mem::take(&mut self.chunks);
        let entries = std::mem::take(&mut self.entries);
        (Batch { shape: self.shape, chunks, entries }, used)
    }

    fn start_spill(&mut self) -> Result<()> {
        let (batch, used) = self.take_batch();
        if self.worker.is_none() {
            self.worker = Some(Worker::start(std::sync::Arc::clone(&self.spiller))?);
        }
        let number = self.started;
        self.started += 1;
        self.spilling = used.max(1);
        let sent =
            self.worker.as_ref().and_then(|w| w.batches.as_ref()).map(|b| b.send((batch, number)));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::io("Spill failed: its thread has ended")),
        }
    }

    fn await_spill(&mut self) -> Result<()> {
        let Some(worker) = &self.worker else { return Ok(()) };
        match worker.spills.recv() {
            Ok(spilled) => self.spilled(spilled),
            Err(_) => Err(Error::io("Spill failed: its thread has ended")),
        }
    }

    fn spilled(&mut self, (batch, spill): Spilled) -> Result<()> {
        self.spilling = 0;
        self.recycle(batch);
        let spill = spill.map_err(|e| e.during("Spill failed"))?;
        self.keep(spill)
    }

    fn recycle(&mut self, batch: Batch) {
        let normal = self.shape.chunk_bytes();
        for mut chunk in batch.chunks {
            // Only what the buffer's size allows is kept; a long record's own chunk never is.
            let kept = (self.pool.len() + 1) * normal + batch.entries.len() * ENTRY_BYTES;
            if chunk.capacity() == normal && kept + self.used() <= self.hard {
                chunk.clear();
                self.pool.push(chunk);
            }
        }
        let mut entries = batch.entries;
        entries.clear();
        self.spare_entries = entries;
    }

    fn keep(&mut self, spill: Spill) -> Result<()> {
        self.spills.push(spill);
        match self.spiller.spill_limit() {
            Some(limit) if self.spills.len() > limit => Err(Error::io(format!(
                "Too many spill files got created, control it with \
                 mapreduce.task.spill.files.count.limit, current value: {limit}, current spill \
                 count: {}",
                self.spills.len()
            ))),
            _ => Ok(()),
        }
    }

    /// Writes what is left and merges the spills into the map's one output file (`flush` and `mergeParts`).
    ///
    /// `alive` is called now and then with the progress of the merge, and may stop it.
    ///
    /// # Errors
    /// The disk refuses it, or the combiner fails.
    pub fn finish(mut self, alive: &mut dyn FnMut(f32) -> Result<()>) -> Result<MapOutput> {
        self.publish();
        // Nothing but what the tables hold: combined once, no key has two records.
        let combined = self.tables.is_some() && self.entries.is_empty();
        self.combine(true)?;
        while self.spilling > 0 {
            self.await_spill()?;
        }
        drop(self.worker.take());
        if !self.entries.is_empty() {
            let (mut batch, _) = self.take_batch();
            self.pool = Vec::new();
            let spill = self.spiller.spill(&mut batch, self.started, combined)?;
            drop(batch);
            self.keep(spill)?;
        }
        self.pool = Vec::new();
        self.spare_entries = Vec::new();
        let spills = std::mem::take(&mut self.spills);
        self.spiller.merge(spills, alive)
    }
}

/// Why a record is not collected: its length, else its partition.
#[cold]
pub(super) fn refusal(key: &[u8], value: &[u8], partition: i64) -> Error {
    if key.len() > MAX_FIELD || value.len() > MAX_FIELD {
        return Error::io(format!("record of {} and {} bytes is too long", key.len(), value.len()));
    }
    let shown = String::from_utf8_lossy(key.get(..100).unwrap_or(key));
    Error::io(format!("Illegal partition for {shown} ({partition})"))
}

/// Where a map's output is.
#[derive(Clone, Debug)]
pub struct MapOutput {
    /// `file.out`
    pub file: std::path::PathBuf,
    /// `file.out.index`
    pub index: std::path::PathBuf,
    /// Bytes of the file.
    pub length: u64,
}

impl Worker {
    fn start(spiller: std::sync::Arc<Spiller>) -> Result<Self> {
        let (batches, work) = sync_channel::<(Batch, usize)>(1);
        let (done, spills) = sync_channel(1);
        let run = move || {
            for (mut batch, number) in work {
                let spill = spiller.spill(&mut batch, number, false);
                if done.send((batch, spill)).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("SpillThread".into()).spawn(run).map_err(|e| {
            let text = format!("Spill thread failed to initialize: {e}");
            Error::new(ErrorKind::Io, text)
        })?;
        Ok(Self { batches: Some(batches), spills, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A spill under way is waited for: its directory is about to be removed.
            let _ = thread.join();
        }
    }
}
