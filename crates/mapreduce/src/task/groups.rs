//! Sorted records as groups of equal keys, each with the values that belong to it.

use crate::collect::KeyOrder;
use crate::counters::Counter;
use crate::error::Result;
use crate::merge::RecordStream;

use super::TaskContext;

/// Records between two looks at whether the task is to go on.
const CHECK_EVERY: u32 = 1 << 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first record.
    Start,
    /// At the first record of the next group.
    Next,
    /// At a record of the group that was handed over already.
    Inside,
    /// Behind the last record.
    End,
}

/// Groups of a sorted stream, in order.
pub struct Groups<'a> {
    records: Records<'a>,
    key: Vec<u8>,
    counted: Option<Counter>,
}

struct Records<'a> {
    stream: &'a mut dyn RecordStream,
    /// Which keys are one group.
    order: &'a KeyOrder,
    at: At,
    seen: u32,
    counted: Counter,
    progress: Option<(&'a TaskContext, f32, f32)>,
}

impl Records<'_> {
    fn step(&mut self) -> Result<bool> {
        if !self.stream.advance()? {
            self.at = At::End;
            self.pause()?;
            return Ok(false);
        }
        self.seen += 1;
        if self.seen >= CHECK_EVERY {
            self.pause()?;
        }
        Ok(true)
    }

    #[cold]
    fn pause(&mut self) -> Result<()> {
        self.counted.add(i64::from(std::mem::take(&mut self.seen)));
        if let Some((context, from, width)) = self.progress {
            context.set_progress(from + width * self.stream.progress());
            context.check()?;
        }
        Ok(())
    }
}

impl<'a> Groups<'a> {
    /// Groups of a stream by an order; counts records as they are read.
    pub fn new(stream: &'a mut dyn RecordStream, order: &'a KeyOrder, records: Counter) -> Self {
        let (seen, progress) = (0, None);
        let records = Records { stream, order, at: At::Start, seen, counted: records, progress };
        Self { records, key: Vec::new(), counted: None }
    }

    /// Counts groups too, and reports progress from one value over so much more.
    #[must_use]
    pub fn reporting(
        mut self,
        groups: Counter,
        task: &'a TaskContext,
        from: f32,
        over: f32,
    ) -> Self {
        self.counted = Some(groups);
        self.records.progress = Some((task, from, over));
        self
    }

    /// Tells the counter of what was read since it heard last.
    pub fn publish(&mut self) {
        self.records.counted.add(i64::from(std::mem::take(&mut self.records.seen)));
    }

    /// The next group: its first key, and its values. What is left of the last one is passed over.
    ///
    /// # Errors
    /// The records cannot be read.
    pub fn next_group(&mut self) -> Result<Option<(&[u8], Values<'_, 'a>)>> {
        let records = &mut self.records;
        if records.at == At::Start && records.step()? {
            records.at = At::Next;
        }
        while records.at == At::Inside {
            let mut rest = Values { key: &self.key, records, first: false };
            rest.advance()?;
        }
        if records.at == At::End {
            return Ok(None);
        }
        self.key.clear();
        self.key.extend_from_slice(records.stream.record().key);
        if let Some(counter) = &self.counted {
            counter.add(1);
        }
        records.at = At::Inside;
        Ok(Some((&self.key, Values { key: &self.key, records, first: true })))
    }
}

/// The values of one group.
pub struct Values<'g, 'a> {
    key: &'g [u8],
    records: &'g mut Records<'a>,
    first: bool,
}

impl Values<'_, '_> {
    /// Moves to the next value; `false` where the group ends.
    ///
    /// # Errors
    /// The records cannot be read.
    #[inline]
    pub fn advance(&mut self) -> Result<bool> {
        if self.first {
            self.first = false;
            return Ok(true);
        }
        if self.records.at != At::Inside || !self.records.step()? {
            return Ok(false);
        }
        if self.records.stream.repeats() {
            return Ok(true);
        }
        if self.records.order.compare(self.key, self.records.stream.record().key).is_ne() {
            self.records.at = At::Next;
            return Ok(false);
        }
        Ok(true)
    }

    /// The value moved to, serialized.
    #[inline]
    pub fn value(&self) -> &[u8] {
        self.records.stream.record().value
    }

    /// The key of the value moved to: within a group it may differ in what the grouping does not look at.
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.records.stream.record().key
    }
}
