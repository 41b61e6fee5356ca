//! `secondarysort`: pairs of numbers, grouped by the first and sorted by both.

use std::cmp::Ordering;
use std::sync::Arc;

use super::launch::{Launch, usage_error};
use crate::collect::{KeyOrder, Leading, Partitioner, RawComparator, RawPartitioner};
use crate::error::{Error, ErrorKind, Result};
use crate::io::writable::{Datum, IntWritable, Text, Writable};
use crate::task::{Collector, Groups, MapInput, MapRunner, OrderUse, ReduceRunner, TaskContext};

/// The class of the keys: two numbers whose bytes are in the order of the numbers.
pub(super) const PAIR: &str = "org.apache.hadoop.examples.SecondarySort$IntPair";

fn first_of(key: &[u8]) -> i32 {
    key.first_chunk().map_or(0, |bytes| (u32::from_be_bytes(*bytes) ^ 0x8000_0000) as i32)
}

struct SameFirst;

impl RawComparator for SameFirst {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        a.get(..4).cmp(&b.get(..4))
    }
}

struct ByFirst;

impl RawPartitioner for ByFirst {
    fn partition(&self, key: &[u8], _: &[u8], partitions: u32) -> i64 {
        // As Java: the product may overflow, and its absolute value be negative.
        let product = first_of(key).wrapping_mul(127).wrapping_abs();
        i64::from(product).checked_rem(i64::from(partitions)).unwrap_or(0)
    }
}

pub(super) fn order(use_: OrderUse) -> KeyOrder {
    match use_ {
        OrderUse::Groups => KeyOrder::Custom(Arc::new(SameFirst)),
        _ => KeyOrder::Bytes(Leading::None),
    }
}

pub(super) fn partitioner() -> Partitioner {
    Partitioner::Custom(Arc::new(ByFirst))
}

/// `SecondarySort.MapClass`
#[derive(Debug, Default)]
pub(super) struct PairMapper;

fn number(word: &[u8]) -> Result<i32> {
    let text = String::from_utf8_lossy(word);
    text.parse().map_err(|_| {
        let class = ErrorKind::Remote("java.lang.NumberFormatException".into());
        Error::new(class, format!("For input string: \"{text}\""))
    })
}

impl MapRunner for PairMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        _: &TaskContext,
    ) -> Result<()> {
        while input.advance()? {
            let line = Text::of_datum(input.value())?;
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(left) = words.next() else { continue };
            let left = number(left)?;
            let right = words.next().map_or(Ok(0), number)?;
            let ordered = |value: i32| u64::from(value as u32 ^ 0x8000_0000);
            let key = (ordered(left) << 32 | ordered(right)).to_be_bytes();
            output.write_datum(Datum::Serialized(&key), Datum::Int(right))?;
        }
        Ok(())
    }
}

/// `SecondarySort.Reduce`
#[derive(Debug, Default)]
pub(super) struct PairReducer;

const LINE: &[u8] = b"------------------------------------------------";

impl ReduceRunner for PairReducer {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        _: &TaskContext,
    ) -> Result<()> {
        while let Some((key, mut values)) = groups.next_group()? {
            let first = first_of(key).to_string();
            output.write_datum(Datum::Text(LINE), Datum::Null)?;
            while values.advance()? {
                let value = IntWritable::read(&mut values.value())?;
                output.write_datum(Datum::Text(first.as_bytes()), Datum::Int(value))?;
            }
        }
        Ok(())
    }
}

/// `secondarysort <in> <out>`
pub(super) fn secondary_sort(launch: &Launch) -> Result<i32> {
    let [input, output] = launch.arguments.as_slice() else {
        return Ok(usage_error("Usage: secondarysort <in> <out>", 2));
    };
    let mut job = launch.job("secondary sort")?;
    job.mapper("SecondarySort$MapClass", PAIR, IntWritable::CLASS);
    job.reducer("SecondarySort$Reduce", Text::CLASS, IntWritable::CLASS);
    job.partitioner("SecondarySort$FirstPartitioner");
    job.set(
        "mapreduce.job.output.group.comparator.class",
        "org.apache.hadoop.examples.SecondarySort$FirstGroupingComparator",
    );
    job.input(input)?.output(output)?.run()
}
