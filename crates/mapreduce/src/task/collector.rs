//! Where records that user code emits go: the sort buffer, the output, or a segment on disk.

use crate::collect::{CombineOutput, MapOutputBuffer};
use crate::counters::Counter;
use crate::error::Result;
use crate::io::writable::{Datum, Writable};
use crate::output::RecordWriter;

use super::TaskContext;

/// Takes the records of a mapper, combiner or reducer.
pub enum Collector<'a> {
    /// A map whose output is reduced.
    Sort(&'a mut MapOutputBuffer),
    /// A reduce, or a map without reduces.
    Records(&'a mut RecordOutput),
    /// A combiner.
    Combined(&'a mut CombineOutput<'a>),
}

/// The task's output, counted.
pub struct RecordOutput {
    writer: Box<dyn RecordWriter>,
    records: Counter,
    bytes: Counter,
    count: i64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl RecordOutput {
    /// Counts records and bytes of a writer.
    pub fn new(writer: Box<dyn RecordWriter>, records: Counter, bytes: Counter) -> Self {
        Self { writer, records, bytes, count: 0, key: Vec::new(), value: Vec::new() }
    }

    #[inline]
    fn write(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        self.writer.write(key, value)?;
        self.counted();
        Ok(())
    }

    #[inline]
    fn counted(&mut self) {
        self.count += 1;
        if self.count >= 1024 {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.records.add(std::mem::take(&mut self.count));
        self.bytes.set(i64::try_from(self.writer.bytes_written()).unwrap_or(i64::MAX));
    }

    /// Ends the output.
    ///
    /// # Errors
    /// It cannot be written to its end.
    pub fn close(mut self) -> Result<()> {
        self.writer.close()?;
        self.publish();
        Ok(())
    }
}

impl Collector<'_> {
    /// Takes a typed record.
    ///
    /// # Errors
    /// It cannot be written, or has no partition.
    #[inline]
    pub fn write<K: Writable, V: Writable>(
        &mut self,
        key: K::View<'_>,
        value: V::View<'_>,
    ) -> Result<()> {
        match self {
            Self::Sort(buffer) => buffer.collect(|to| K::write(key, to), |to| V::write(value, to)),
            Self::Combined(out) => {
                out.append_with(|to| K::write(key, to), |to| V::write(value, to))
            }
            Self::Records(output) => {
                let RecordOutput { writer, key: first, value: second, .. } = &mut **output;
                writer.write(K::datum(key, first), V::datum(value, second))?;
                output.counted();
                Ok(())
            }
        }
    }

    /// Takes a record in whatever form it is.
    ///
    /// # Errors
    /// It cannot be written, or has no partition.
    #[inline]
    pub fn write_datum(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        match self {
            Self::Sort(buffer) => buffer.collect(|to| key.write_to(to), |to| value.write_to(to)),
            Self::Combined(out) => out.append_with(|to| key.write_to(to), |to| value.write_to(to)),
            Self::Records(output) => output.write(key, value),
        }
    }
}

/// What a map reads: its split's records, counted.
pub struct MapInput<'a> {
    reader: Box<dyn crate::input::RecordReader>,
    context: &'a TaskContext,
    records: Counter,
    bytes: Counter,
    count: i64,
    /// Progress when everything is read.
    whole: f32,
}

impl<'a> MapInput<'a> {
    /// Counts records and bytes of a reader.
    pub(crate) fn new(
        reader: Box<dyn crate::input::RecordReader>,
        context: &'a TaskContext,
        records: Counter,
        bytes: Counter,
        whole: f32,
    ) -> Self {
        Self { reader, context, records, bytes, count: 0, whole }
    }

    /// Moves to the next record; `false` at the end.
    ///
    /// # Errors
    /// The input cannot be read, or the task is to end.
    #[inline]
    pub fn advance(&mut self) -> Result<bool> {
        let more = self.reader.advance()?;
        self.count += i64::from(more);
        if self.count >= 1024 || !more {
            self.publish()?;
        }
        Ok(more)
    }

    #[cold]
    fn publish(&mut self) -> Result<()> {
        self.records.add(std::mem::take(&mut self.count));
        self.bytes.set(i64::try_from(self.reader.bytes_read()).unwrap_or(i64::MAX));
        self.context.set_progress(self.reader.progress() * self.whole);
        self.context.check()
    }

    /// Java classes of keys and values that come serialised, where the file names them.
    pub fn classes(&self) -> Option<(&str, &str)> {
        self.reader.classes()
    }

    /// The record's key.
    #[inline]
    pub fn key(&self) -> Datum<'_> {
        self.reader.key()
    }

    /// The record's value.
    #[inline]
    pub fn value(&self) -> Datum<'_> {
        self.reader.value()
    }
}
