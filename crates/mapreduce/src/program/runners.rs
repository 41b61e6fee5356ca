//! A program's mappers, reducers, partitioners and orders, as tasks run them.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::api::{Mapper, Order, Output, Partition, Reducer, Values};
use crate::collect::{RawComparator, RawPartitioner};
use crate::error::Result;
use crate::io::writable::{Datum, Writable};
use crate::task::{Collector, Groups, MapInput, MapRunner, ReduceRunner, TaskContext};

/// Runs a [`Mapper`].
pub(crate) struct MapperRunner<M>(pub(crate) M);

impl<M: Mapper> MapRunner for MapperRunner<M> {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        self.0.setup(task)?;
        let mut out = Output::new(&mut output, task);
        while input.advance()? {
            let key = M::KeyIn::of_datum(input.key())?;
            let value = M::ValueIn::of_datum(input.value())?;
            self.0.map(key, value, &mut out)?;
        }
        self.0.cleanup(&mut out)
    }
}

/// Runs a [`Reducer`].
pub(crate) struct ReducerRunner<R>(pub(crate) R);

impl<R: Reducer> ReduceRunner for ReducerRunner<R> {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        self.0.setup(task)?;
        let mut out = Output::new(&mut output, task);
        while let Some((key, mut values)) = groups.next_group()? {
            let key = R::KeyIn::of_datum(Datum::Serialized(key))?;
            self.0.reduce(key, &mut Values::new(&mut values), &mut out)?;
        }
        self.0.cleanup(&mut out)
    }
}

/// Passes every record on (Hadoop's `Mapper` itself).
pub(super) struct IdentityMapper;

impl MapRunner for IdentityMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        _task: &TaskContext,
    ) -> Result<()> {
        while input.advance()? {
            output.write_datum(input.key(), input.value())?;
        }
        Ok(())
    }
}

/// Passes every record on (Hadoop's `Reducer` itself).
pub(super) struct IdentityReducer;

impl ReduceRunner for IdentityReducer {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        _task: &TaskContext,
    ) -> Result<()> {
        while let Some((_, mut values)) = groups.next_group()? {
            while values.advance()? {
                let (key, value) = (values.key(), values.value());
                output.write_datum(Datum::Serialized(key), Datum::Serialized(value))?;
            }
        }
        Ok(())
    }
}

/// A [`Partition`] on serialized records; one that cannot be read has no partition.
pub(super) struct TypedPartitioner<P>(pub(super) P);

impl<P: Partition> RawPartitioner for TypedPartitioner<P> {
    fn partition(&self, key: &[u8], value: &[u8], partitions: u32) -> i64 {
        let key = P::Key::of_datum(Datum::Serialized(key));
        let value = P::Value::of_datum(Datum::Serialized(value));
        match (key, value) {
            (Ok(key), Ok(value)) => i64::from(self.0.partition(key, value, partitions)),
            _ => -1,
        }
    }
}

/// An [`Order`] on serialized keys; those that cannot be read are ordered by their bytes.
pub(super) struct TypedOrder<O>(pub(super) O);

impl<O: Order> RawComparator for TypedOrder<O> {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let x = O::Key::of_datum(Datum::Serialized(a));
        let y = O::Key::of_datum(Datum::Serialized(b));
        match (x, y) {
            (Ok(x), Ok(y)) => self.0.compare(x, y),
            _ => a.cmp(b),
        }
    }
}

/// Pairs of serialized values: the first decides, then the second.
pub(super) struct PairOrder<A, B> {
    pub(super) first: crate::collect::KeyOrder,
    pub(super) second: crate::collect::KeyOrder,
    pub(super) types: PhantomData<fn(A, B)>,
}

impl<A: Writable, B: Writable> RawComparator for PairOrder<A, B> {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let split = |mut bytes: &'_ [u8]| {
            let whole = bytes.len();
            let read = A::read(&mut bytes).is_ok();
            read.then(|| whole - bytes.len())
        };
        let (Some(x), Some(y)) = (split(a), split(b)) else { return a.cmp(b) };
        match (a.split_at_checked(x), b.split_at_checked(y)) {
            (Some((a, rest_a)), Some((b, rest_b))) => {
                self.first.compare(a, b).then_with(|| self.second.compare(rest_a, rest_b))
            }
            _ => a.cmp(b),
        }
    }

    fn prefix(&self, key: &[u8]) -> u64 {
        // The first value's own prefix may look at bytes of the second where it is of variable length.
        match self.first {
            crate::collect::KeyOrder::Number(_) => self.first.prefix(key),
            _ => {
                let mut rest = key;
                match A::read(&mut rest) {
                    Ok(_) => {
                        let length = key.len() - rest.len();
                        self.first.prefix(key.get(..length).unwrap_or_default())
                    }
                    Err(_) => 0,
                }
            }
        }
    }
}
