//! The records of one key, of tables and of what is joined from them.
//!
//! A part of a join gives, key by key, how many values it has for it, and each of them by its number. Nothing is
//! multiplied out: a value of a join is put together when it is asked for.

use super::expression::Operation;
use crate::collect::KeyOrder;
use crate::error::{Error, Result};
use crate::input::RecordReader;
use crate::io::writable::{NullWritable, Text, Writable, vint};

/// A table or a join, at a key.
pub(super) enum Part {
    Table(Table),
    Join(Join),
}

/// One file of a table, whose keys are in order.
pub(super) struct Table {
    reader: Box<dyn RecordReader>,
    /// The key that comes next, serialised.
    key: Vec<u8>,
    live: bool,
    key_class: String,
    value_class: String,
    /// The values of the key that was taken, behind each other, and where each ends.
    values: Vec<u8>,
    ends: Vec<usize>,
}

/// Parts that are joined.
pub(super) struct Join {
    operation: Operation,
    parts: Vec<Part>,
    /// The class of its tuples.
    tuple: &'static str,
    /// The names of the parts' classes, as every tuple has them.
    names: Vec<u8>,
    /// The part that overrides the others for the key that was taken.
    chosen: Option<usize>,
}

impl Table {
    /// Reads the first record.
    pub(super) fn new(mut reader: Box<dyn RecordReader>) -> Result<Self> {
        let live = reader.advance()?;
        let classes = reader.classes().unzip();
        let class = |own: Option<&'static str>, told: Option<&str>| {
            let class = own.or(told).unwrap_or(NullWritable::CLASS);
            if live { class.to_owned() } else { NullWritable::CLASS.to_owned() }
        };
        let key_class = class(reader.key().class(), classes.0);
        let value_class = class(reader.value().class(), classes.1);
        let mut key = Vec::new();
        if live {
            reader.key().write_to(&mut key);
        }
        Ok(Self { key_class, value_class, reader, key, live, values: Vec::new(), ends: Vec::new() })
    }

    fn step(&mut self) -> Result<()> {
        self.live = self.reader.advance()?;
        self.key.clear();
        if self.live {
            self.reader.key().write_to(&mut self.key);
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], order: &KeyOrder) -> Result<()> {
        self.clear();
        while self.live && order.compare(&self.key, key).is_eq() {
            self.reader.value().write_to(&mut self.values);
            self.ends.push(self.values.len());
            self.step()?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.values.clear();
        self.ends.clear();
    }

    fn value(&self, number: u64) -> &[u8] {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(number).copied().unwrap_or_default();
        self.values.get(start.copied().unwrap_or(0)..end).unwrap_or_default()
    }
}

impl Join {
    pub(super) fn new(operation: Operation, parts: Vec<Part>, tuple: &'static str) -> Self {
        let mut names = Vec::new();
        for part in &parts {
            Text::write(part.class().as_bytes(), &mut names);
        }
        Self { operation, parts, tuple, names, chosen: None }
    }

    /// The part whose values stand for all where one overrides the others.
    fn overriding(&self, key: &[u8], order: &KeyOrder) -> Option<usize> {
        let has = |part: &Part| part.key(order).is_some_and(|own| order.compare(own, key).is_eq());
        self.parts.iter().rposition(has)
    }

    fn take(&mut self, key: &[u8], order: &KeyOrder) -> Result<()> {
        let overrides = self.operation == Operation::Override;
        self.chosen = self.overriding(key, order).filter(|_| overrides);
        for (at, part) in self.parts.iter_mut().enumerate() {
            if overrides && self.chosen != Some(at) {
                part.skip(key, order)?;
            } else {
                part.take(key, order)?;
            }
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        if self.operation == Operation::Override {
            return self.chosen.and_then(|at| self.parts.get(at)).map_or(0, Part::count);
        }
        let (mut product, mut any) = (1_u64, false);
        for part in &self.parts {
            let count = part.count();
            if count == 0 && self.operation == Operation::Inner {
                return 0;
            }
            any |= count > 0;
            product = product.saturating_mul(count.max(1));
        }
        if any { product } else { 0 }
    }

    /// The values of the last part change fastest.
    fn write(&self, number: u64, to: &mut Vec<u8>) {
        if self.operation == Operation::Override {
            if let Some(part) = self.chosen.and_then(|at| self.parts.get(at)) {
                part.write(number, to);
            }
            return;
        }
        let mut there = 0_i64;
        for (at, part) in self.parts.iter().enumerate() {
            there |= i64::from(part.count() > 0) << (at & 63);
        }
        vint::write(i64::try_from(self.parts.len()).unwrap_or(i64::MAX), to);
        vint::write(there, to);
        to.extend_from_slice(&self.names);
        let (mut number, mut behind) = (number, self.count());
        for part in &self.parts {
            let count = part.count();
            behind = behind.checked_div(count.max(1)).unwrap_or(1).max(1);
            if count > 0 {
                part.write(number.checked_div(behind).unwrap_or(0), to);
            }
            number = number.checked_rem(behind).unwrap_or(0);
        }
    }
}

impl Part {
    /// The smallest key that was not taken yet.
    pub(super) fn key(&self, order: &KeyOrder) -> Option<&[u8]> {
        match self {
            Self::Table(table) => table.live.then_some(table.key.as_slice()),
            Self::Join(join) => {
                let keys = join.parts.iter().filter_map(|part| part.key(order));
                keys.min_by(|a, b| order.compare(a, b))
            }
        }
    }

    /// Takes what it has of a key, and goes on to the next.
    pub(super) fn take(&mut self, key: &[u8], order: &KeyOrder) -> Result<()> {
        match self {
            Self::Table(table) => table.take(key, order),
            Self::Join(join) => join.take(key, order),
        }
    }

    /// Goes beyond a key.
    fn skip(&mut self, key: &[u8], order: &KeyOrder) -> Result<()> {
        match self {
            Self::Table(table) => {
                table.clear();
                while table.live && order.compare(&table.key, key).is_le() {
                    table.step()?;
                }
            }
            Self::Join(join) => {
                join.chosen = None;
                for part in &mut join.parts {
                    part.skip(key, order)?;
                }
            }
        }
        Ok(())
    }

    /// How many values it has for the key that was taken.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Table(table) => table.ends.len() as u64,
            Self::Join(join) => join.count(),
        }
    }

    /// Appends a value of the key that was taken, serialised.
    pub(super) fn write(&self, number: u64, to: &mut Vec<u8>) {
        match self {
            Self::Table(table) => to.extend_from_slice(table.value(number)),
            Self::Join(join) => join.write(number, to),
        }
    }

    /// The class of its values; where parts override each other, that of the last one that has any.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Table(table) => &table.value_class,
            Self::Join(join) if join.operation != Operation::Override => join.tuple,
            Self::Join(join) => {
                let classes = join.parts.iter().rev().map(Self::class);
                let mut classes = classes.filter(|class| *class != NullWritable::CLASS);
                classes.next().unwrap_or(NullWritable::CLASS)
            }
        }
    }

    /// The class that the keys of all tables have; `None` where there is no record.
    ///
    /// # Errors
    /// They differ.
    pub(super) fn key_class(&self) -> Result<Option<&str>> {
        match self {
            Self::Table(table) => Ok(table.live.then_some(table.key_class.as_str())),
            Self::Join(join) => {
                let mut found: Option<&str> = None;
                for part in &join.parts {
                    match (found, part.key_class()?) {
                        (Some(one), Some(other)) if one != other => {
                            let text = format!("Child key classes fail to agree: {one}, {other}");
                            return Err(Error::io(text));
                        }
                        (None, other) => found = other,
                        _ => {}
                    }
                }
                Ok(found)
            }
        }
    }

    pub(super) fn progress(&self) -> f32 {
        match self {
            Self::Table(table) => table.reader.progress(),
            Self::Join(join) => join.parts.iter().map(Self::progress).fold(1.0, f32::min),
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        match self {
            Self::Table(table) => table.reader.bytes_read(),
            Self::Join(join) => {
                join.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes_read()))
            }
        }
    }
}
