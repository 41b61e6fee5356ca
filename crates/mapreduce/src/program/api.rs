//! What a program implements: mappers, reducers, partitioners, with typed keys and values.

use std::marker::PhantomData;

use crate::collect::KeyOrder;
use crate::counters::Counter;
use crate::error::Result;
use crate::io::writable::{Datum, Writable};
use crate::task::{Collector, TaskContext, Values as RawValues};

/// A value as user code sees it: `&[u8]` for `Text`, `i64` for `LongWritable`.
pub type View<'a, T> = <T as Writable>::View<'a>;

/// Turns each record of the input into any number of others (Hadoop's `Mapper`). One for each task.
pub trait Mapper: Default + Send + 'static {
    /// Keys it reads, such as a line's offset.
    type KeyIn: Writable;
    /// Values it reads.
    type ValueIn: Writable;
    /// Keys it writes.
    type KeyOut: Writable;
    /// Values it writes.
    type ValueOut: Writable;

    /// Before the first record.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn setup(&mut self, _task: &TaskContext) -> Result<()> {
        Ok(())
    }

    /// Each record.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn map(
        &mut self,
        key: View<'_, Self::KeyIn>,
        value: View<'_, Self::ValueIn>,
        out: &mut Output<'_, '_, Self::KeyOut, Self::ValueOut>,
    ) -> Result<()>;

    /// After the last record.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn cleanup(&mut self, _out: &mut Output<'_, '_, Self::KeyOut, Self::ValueOut>) -> Result<()> {
        Ok(())
    }
}

/// Turns each key and its values into any number of records (Hadoop's `Reducer`). Also a combiner, where it
/// writes what it reads.
pub trait Reducer: Default + Send + 'static {
    /// Keys it reads.
    type KeyIn: Writable;
    /// Values it reads.
    type ValueIn: Writable;
    /// Keys it writes.
    type KeyOut: Writable;
    /// Values it writes.
    type ValueOut: Writable;

    /// Before the first key.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn setup(&mut self, _task: &TaskContext) -> Result<()> {
        Ok(())
    }

    /// Each key. Values that are not read are passed over.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn reduce(
        &mut self,
        key: View<'_, Self::KeyIn>,
        values: &mut Values<'_, '_, '_, Self::KeyIn, Self::ValueIn>,
        out: &mut Output<'_, '_, Self::KeyOut, Self::ValueOut>,
    ) -> Result<()>;

    /// After the last key.
    ///
    /// # Errors
    /// Whatever shall fail the attempt.
    fn cleanup(&mut self, _out: &mut Output<'_, '_, Self::KeyOut, Self::ValueOut>) -> Result<()> {
        Ok(())
    }
}

/// Says which reduce a key goes to (Hadoop's `Partitioner`).
pub trait Partition: Default + Send + Sync + 'static {
    /// Keys of the map's output.
    type Key: Writable;
    /// Values of the map's output.
    type Value: Writable;

    /// The partition, below `partitions`.
    fn partition(
        &self,
        key: View<'_, Self::Key>,
        value: View<'_, Self::Value>,
        partitions: u32,
    ) -> u32;
}

/// An order of keys that is not their own: for sorting, or for what makes one group.
pub trait Order: Default + Send + Sync + 'static {
    /// The keys.
    type Key: Writable;

    /// How two keys compare.
    fn compare(&self, a: View<'_, Self::Key>, b: View<'_, Self::Key>) -> std::cmp::Ordering;
}

/// Where a mapper or reducer writes; also its line to the framework.
pub struct Output<'a, 'b, K, V> {
    collector: &'a mut Collector<'b>,
    task: &'a TaskContext,
    types: PhantomData<fn(K, V)>,
}

impl<'a, 'b, K: Writable, V: Writable> Output<'a, 'b, K, V> {
    pub(super) fn new(collector: &'a mut Collector<'b>, task: &'a TaskContext) -> Self {
        Self { collector, task, types: PhantomData }
    }

    /// Writes a record. It is serialized at once: what it borrows may go.
    ///
    /// # Errors
    /// It cannot be written, or its partition is none.
    #[inline]
    pub fn write(&mut self, key: View<'_, K>, value: View<'_, V>) -> Result<()> {
        self.collector.write::<K, V>(key, value)
    }

    /// A counter, to be kept where it is used often.
    ///
    /// # Errors
    /// The job has too many counters.
    pub fn counter(&self, group: &str, name: &str) -> Result<Counter> {
        self.task.counter(group, name)
    }

    /// Says what the task does.
    pub fn set_status(&self, status: impl Into<String>) {
        self.task.set_state(status);
    }

    /// Configuration, ids, file systems.
    pub fn task(&self) -> &TaskContext {
        self.task
    }
}

/// The values of one key, in order, each borrowed until the next.
pub struct Values<'v, 'g, 'a, K, V> {
    raw: &'v mut RawValues<'g, 'a>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'v, 'g, 'a, K: Writable, V: Writable> Values<'v, 'g, 'a, K, V> {
    pub(super) fn new(raw: &'v mut RawValues<'g, 'a>) -> Self {
        Self { raw, types: PhantomData }
    }

    /// The next value; `None` after the last. (Not an iterator: a value borrows from the merge.)
    ///
    /// # Errors
    /// The records cannot be read.
    #[inline]
    #[allow(clippy::should_implement_trait)] // A value must go before the next one is asked for.
    pub fn next(&mut self) -> Result<Option<View<'_, V>>> {
        if !self.raw.advance()? {
            return Ok(None);
        }
        V::of_datum(Datum::Serialized(self.raw.value())).map(Some)
    }

    /// Folds the values that are left into one, as `Iterator::fold` does.
    ///
    /// # Errors
    /// The records cannot be read.
    #[inline]
    pub fn fold<B>(&mut self, first: B, mut join: impl FnMut(B, View<'_, V>) -> B) -> Result<B> {
        let mut all = first;
        while let Some(value) = self.next()? {
            all = join(all, value);
        }
        Ok(all)
    }

    /// The key of the value read last: it may differ in what the grouping does not look at.
    ///
    /// # Errors
    /// The key is damaged.
    pub fn key(&self) -> Result<View<'_, K>> {
        K::of_datum(Datum::Serialized(self.raw.key()))
    }
}

/// The order of a type's serialized values: Hadoop's, and for others that of their bytes.
pub(super) fn natural_order<K: Writable>() -> KeyOrder {
    K::order()
}
