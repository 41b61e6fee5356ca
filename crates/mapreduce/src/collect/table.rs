//! Combines records of the same key before they reach the sort buffer.
//!
//! A table keeps some keys, each with the chain of its values. When it is full, its keys are sorted like those of a
//! spill and the combiner runs over them; what it emits goes into the other one of two tables, or on to the sort
//! buffer where keys alone fill the table. So a combiner sees what it sees in a small spill: the groups of one
//! partition, in order. Where keys hardly repeat, the tables go.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::arena::{Batch, ENTRY_BYTES, Entry, Shape};
use super::buffer::{MAX_FIELD, MapOutputBuffer, refusal};
use super::order::KeyOrder;
use super::sort;
use super::spill::{CombineOutput, Spiller};
use crate::error::Result;
use crate::ifile::{Frame, Record};
use crate::merge::RecordStream;

/// Largest share of a sort buffer that both tables may take.
const SHARE: usize = 8;

/// Most bytes of each table's keys and of its values: they stay in a processor's cache. Larger ones took twice the time.
const MOST_BYTES: usize = 1 << 19;

/// Bytes of keys for each key that a table has room for.
const BYTES_PER_KEY: usize = 32;

/// In front of a key: where its last value is, and its partition.
const KEY_HEAD: usize = 8;

/// In front of a value: where the one before it is, and its length.
const VALUE_HEAD: usize = 8;

/// The end of a chain of values.
const NONE: u32 = u32::MAX;

/// Times in a row that the tables may send on more than half of what they took.
const PATIENCE: u32 = 2;

#[inline]
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    four.map_or(NONE, |b| u32::from_le_bytes(*b))
}

#[inline]
fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(four) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *four = value.to_le_bytes();
    }
}

/// Keys and their values.
pub(super) struct Table {
    index: HashTable<u32>,
    hasher: RandomState,
    /// For each key: [`KEY_HEAD`], and the key framed as a record without a value, which is its place.
    keys: Vec<u8>,
    /// For each value: [`VALUE_HEAD`] and the value.
    values: Vec<u8>,
    entries: Vec<Entry>,
    most_keys: usize,
    most_key_bytes: usize,
    most_value_bytes: usize,
}

/// How a table finds the partition of a record.
pub(super) struct Routing<'a, P> {
    /// Orders keys.
    pub(super) order: &'a KeyOrder,
    /// The partition of a key and a value.
    pub(super) partition: P,
    /// Whether it looks at the value, so that one key may have several partitions.
    pub(super) by_value: bool,
    /// Number of partitions.
    pub(super) partitions: u32,
}

impl Table {
    fn new(key_bytes: usize, value_bytes: usize) -> Self {
        let most_keys = key_bytes / BYTES_PER_KEY;
        Self {
            index: HashTable::with_capacity(most_keys),
            hasher: RandomState::default(),
            keys: Vec::with_capacity(key_bytes),
            values: Vec::with_capacity(value_bytes),
            entries: Vec::with_capacity(most_keys),
            most_keys,
            most_key_bytes: key_bytes,
            most_value_bytes: value_bytes,
        }
    }

    /// Whether another record may be added.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.values.len() < self.most_value_bytes
            && self.keys.len() < self.most_key_bytes
            && self.entries.len() < self.most_keys
    }

    fn is_half_full(&self) -> bool {
        self.values.len() > self.most_value_bytes / 2 || self.has_many_keys()
    }

    fn has_many_keys(&self) -> bool {
        self.keys.len() > self.most_key_bytes / 2 || self.entries.len() > self.most_keys / 2
    }

    fn clear(&mut self) {
        self.index.clear();
        self.keys.clear();
        self.keys.shrink_to(self.most_key_bytes);
        self.values.clear();
        self.values.shrink_to(self.most_value_bytes);
        self.entries.clear();
    }

    /// Adds a record; gives the length of key and value.
    ///
    /// # Errors
    /// An illegal partition, or a field that is too long.
    #[inline]
    pub(super) fn add(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
        routing: &Routing<'_, impl Fn(&[u8], &[u8]) -> i64>,
    ) -> Result<usize> {
        let at = self.keys.len();
        self.keys.extend_from_slice(&[0; KEY_HEAD]);
        let mut frame = Frame::begin(&mut self.keys);
        key(&mut self.keys);
        frame.key_ends(&self.keys);
        let node = self.values.len();
        self.values.extend_from_slice(&[0; VALUE_HEAD]);
        value(&mut self.values);
        let serialized = frame.key(&self.keys);
        let emitted = self.values.get(node + VALUE_HEAD..).unwrap_or_default();
        let (key_length, value_length) = (serialized.len(), emitted.len());
        if key_length > MAX_FIELD || value_length > MAX_FIELD {
            let error = refusal(serialized, emitted, 0);
            self.keys.truncate(at);
            self.values.truncate(node);
            return Err(error);
        }
        put(&mut self.values, node + 4, value_length as u32);
        let hash = self.hasher.hash_one(serialized);
        // Most partitions follow from the key: where that is known, so is its partition.
        let mut partition = None;
        if routing.by_value {
            let emitted = self.values.get(node + VALUE_HEAD..).unwrap_or_default();
            partition = Some((routing.partition)(serialized, emitted));
        }
        let batch_keys = &self.keys;
        let found = self.index.find(hash, |place| {
            let place = *place as usize;
            key_at(batch_keys, place) == serialized
                && partition.is_none_or(|p| i64::from(number(batch_keys, place - 4)) == p)
        });
        if let Some(place) = found {
            let head = *place as usize - KEY_HEAD;
            let before = number(&self.keys, head);
            put(&mut self.values, node, before);
            put(&mut self.keys, head, node as u32);
            self.keys.truncate(at);
            return Ok(key_length + value_length);
        }
        let partition = partition.unwrap_or_else(|| (routing.partition)(serialized, &[]));
        if !(0..i64::from(routing.partitions)).contains(&partition) {
            let error = refusal(serialized, &[], partition);
            self.keys.truncate(at);
            self.values.truncate(node);
            return Err(error);
        }
        let prefix = routing.order.prefix(serialized);
        frame.end(&mut self.keys);
        put(&mut self.values, node, NONE);
        put(&mut self.keys, at, node as u32);
        put(&mut self.keys, at + 4, partition as u32);
        let place = frame.start() as u32;
        self.entries.push(Entry::new(partition as u32, prefix, place));
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.index.insert_unique(hash, place, |p| hasher.hash_one(key_at(keys, *p as usize)));
        Ok(key_length + value_length)
    }

    /// Its keys in order, taken out until [`give_back`](Self::give_back).
    fn sorted(&mut self, order: &KeyOrder) -> Batch {
        let chunks = vec![std::mem::take(&mut self.keys)];
        let entries = std::mem::take(&mut self.entries);
        let mut batch = Batch { shape: Shape::undivided(), chunks, entries };
        sort::sort(&mut batch, order);
        batch
    }

    fn give_back(&mut self, mut batch: Batch) {
        self.keys = batch.chunks.pop().unwrap_or_default();
        self.entries = batch.entries;
    }

    fn bytes(&self) -> usize {
        // A place in the index takes five bytes, and a seventh of them stay free.
        let index = self.most_keys * 10;
        self.most_key_bytes + self.most_value_bytes + self.most_keys * ENTRY_BYTES + index
    }
}

#[inline]
fn key_at(keys: &[u8], place: usize) -> &[u8] {
    Batch::key_in(keys.get(place..).unwrap_or_default())
}

/// The two tables of a sort buffer.
pub(super) struct Tables {
    /// Where records go.
    pub(super) active: Table,
    spare: Table,
    /// Records that came since some went on to the sort buffer.
    pub(super) fresh: u64,
    useless: u32,
}

impl Tables {
    /// Tables for a sort buffer of so many bytes.
    pub(super) fn of_buffer(bytes: usize) -> Self {
        // Keys, their entries and the index take two parts of each table, values one.
        let part = (bytes / SHARE / 6).clamp(1 << 10, MOST_BYTES);
        let table = || Table::new(part, part);
        Self { active: table(), spare: table(), fresh: 0, useless: 0 }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.active.bytes() + self.spare.bytes()
    }

    /// Combines what there is, and sends it on where the table would stay too full or this is the `last` time.
    ///
    /// Says whether the tables are of use.
    pub(super) fn combine(
        &mut self,
        buffer: &mut MapOutputBuffer,
        spiller: &Spiller,
        last: bool,
    ) -> Result<bool> {
        let on = last || self.active.has_many_keys();
        let batch = self.active.sorted(&spiller.order);
        let spare = if on { None } else { Some(&mut self.spare) };
        let ran = run(&batch, &self.active.values, spare, buffer, spiller);
        self.active.give_back(batch);
        self.active.clear();
        let mut passed = ran?;
        std::mem::swap(&mut self.active, &mut self.spare);
        if self.active.is_half_full() {
            // The combiner hardly shortens what it reads.
            let batch = self.active.sorted(&spiller.order);
            passed += send_on(&batch, &self.active.values, buffer)?;
            self.active.give_back(batch);
            self.active.clear();
        }
        if passed > 0 {
            let is_useless = passed.saturating_mul(2) > self.fresh;
            self.useless = if is_useless { self.useless + 1 } else { 0 };
            self.fresh = 0;
        }
        Ok(self.useless < PATIENCE)
    }
}

/// Runs the combiner over each partition; gives the number of records that went to the sort buffer.
fn run(
    batch: &Batch,
    values: &[u8],
    mut spare: Option<&mut Table>,
    buffer: &mut MapOutputBuffer,
    spiller: &Spiller,
) -> Result<u64> {
    let Some(make) = &spiller.combiner else { return send_on(batch, values, buffer) };
    let passed = AtomicU64::new(0);
    for entries in batch.entries.chunk_by(|a, b| a.partition() == b.partition()) {
        let Some(partition) = entries.first().map(|e| e.partition()) else { continue };
        let mut stream = TableStream::new(batch, values, entries);
        let table = spare.as_deref_mut();
        let (order, records) = (&spiller.order, &AtomicU64::new(0));
        let refill = Refill { partition, table, order, buffer, records, passed: &passed };
        make()?.combine(&mut stream, &mut CombineOutput::Table(refill))?;
    }
    Ok(passed.into_inner())
}

/// Sends every record on as it is.
fn send_on(batch: &Batch, values: &[u8], buffer: &mut MapOutputBuffer) -> Result<u64> {
    let mut count = 0;
    for entries in batch.entries.chunk_by(|a, b| a.partition() == b.partition()) {
        let Some(partition) = entries.first().map(|e| e.partition()) else { continue };
        let mut stream = TableStream::new(batch, values, entries);
        while stream.advance()? {
            let Record { key, value, .. } = stream.record();
            let (key, value) = (
                |to: &mut Vec<u8>| to.extend_from_slice(key),
                |to: &mut Vec<u8>| to.extend_from_slice(value),
            );
            buffer.place(Some(partition), key, value)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Takes what a combiner makes of a table's records.
pub struct Refill<'a> {
    partition: u32,
    table: Option<&'a mut Table>,
    order: &'a KeyOrder,
    buffer: &'a mut MapOutputBuffer,
    records: &'a AtomicU64,
    /// Of them, those that went to the sort buffer.
    passed: &'a AtomicU64,
}

/// Adds one, for one thread at a time.
#[inline]
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

impl Refill<'_> {
    pub(super) fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    pub(super) fn reborrow(&mut self) -> Refill<'_> {
        Refill { table: self.table.as_deref_mut(), buffer: self.buffer, ..*self }
    }

    /// Takes a record.
    ///
    /// # Errors
    /// It is too long, or the sort buffer cannot take it.
    pub(super) fn append_with(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        count(self.records);
        match &mut self.table {
            Some(table) if table.has_room() => {
                let partition = i64::from(self.partition);
                let routing = Routing {
                    order: self.order,
                    partition: |_: &[u8], _: &[u8]| partition,
                    by_value: true,
                    partitions: u32::MAX,
                };
                table.add(key, value, &routing).map(drop)
            }
            _ => {
                count(self.passed);
                self.buffer.place(Some(self.partition), key, value).map(drop)
            }
        }
    }
}

/// Records of some keys of a table, in the keys' order.
struct TableStream<'a> {
    batch: &'a Batch,
    values: &'a [u8],
    entries: std::slice::Iter<'a, Entry>,
    node: u32,
    repeats: bool,
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> TableStream<'a> {
    fn new(batch: &'a Batch, values: &'a [u8], entries: &'a [Entry]) -> Self {
        let entries = entries.iter();
        Self { batch, values, entries, node: NONE, repeats: false, key: &[], value: &[] }
    }
}

impl RecordStream for TableStream<'_> {
    #[inline]
    fn advance(&mut self) -> Result<bool> {
        self.repeats = self.node != NONE;
        if !self.repeats {
            let Some(entry) = self.entries.next() else { return Ok(false) };
            self.key = self.batch.key(*entry);
            let head = (entry.place() as usize).saturating_sub(KEY_HEAD);
            let keys = self.batch.chunks.first().map(Vec::as_slice).unwrap_or_default();
            self.node = number(keys, head);
        }
        let at = self.node as usize;
        let length = number(self.values, at + 4) as usize;
        let start = at + VALUE_HEAD;
        self.value = self.values.get(start..start + length).unwrap_or_default();
        self.node = number(self.values, at);
        Ok(true)
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        Record { key: self.key, value: self.value, whole: &[] }
    }

    #[inline]
    fn repeats(&self) -> bool {
        self.repeats
    }
}
