//! The largest number of each name, read first because values come sorted: `NAME NUMBER` in each line.
//!
//! The key is a pair: sorted by both, sent to a reduce and grouped by the name alone. Nothing is kept in memory,
//! however many numbers a name has.
use std::cmp::Ordering;

use loxodon_mapreduce::collect::{hash_bytes, string_hash};
use loxodon_mapreduce::program::*;

type NameAndNumber = (Str, LongWritable);

#[derive(Default)]
struct Lines;

impl Mapper for Lines {
    type KeyIn = LongWritable;
    type ValueIn = Str;
    type KeyOut = NameAndNumber;
    type ValueOut = NullWritable;
    fn map(
        &mut self,
        offset: i64,
        line: &str,
        out: &mut Output<NameAndNumber, NullWritable>,
    ) -> Result<()> {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next().map(str::parse)) {
            (Some(name), Some(Ok(number))) => out.write((name, number), ()),
            (None, _) => Ok(()),
            _ => {
                out.counter("Lines", "MALFORMED")?.add(1);
                out.set_status(format!("a malformed line at {offset}"));
                Ok(())
            }
        }
    }
}

#[derive(Default)]
struct ByName;

impl Partition for ByName {
    type Key = NameAndNumber;
    type Value = NullWritable;
    fn partition(&self, (name, _): (&str, i64), (): (), partitions: u32) -> u32 {
        (hash_bytes(name.as_bytes()) ^ string_hash(name)).unsigned_abs() % partitions
    }
}

#[derive(Default)]
struct LargestFirst;

impl Order for LargestFirst {
    type Key = NameAndNumber;
    fn compare(&self, a: (&str, i64), b: (&str, i64)) -> Ordering {
        a.0.cmp(b.0).then(b.1.cmp(&a.1))
    }
}

#[derive(Default)]
struct SameName;

impl Order for SameName {
    type Key = NameAndNumber;
    fn compare(&self, a: (&str, i64), b: (&str, i64)) -> Ordering {
        a.0.cmp(b.0)
    }
}

#[derive(Default)]
struct Largest;

impl Reducer for Largest {
    type KeyIn = NameAndNumber;
    type ValueIn = NullWritable;
    type KeyOut = Str;
    type ValueOut = LongWritable;
    fn reduce(
        &mut self,
        (name, largest): (&str, i64),
        _: &mut Values<NameAndNumber, NullWritable>,
        out: &mut Output<Str, LongWritable>,
    ) -> Result<()> {
        out.write(name, largest)
    }
}

fn main() -> ExitCode {
    run(|job, args| {
        let [input, output] = args else { return Err(Error::argument("usage: INPUT OUTPUT")) };
        job.mapper::<Lines>().reducer::<Largest>().partitioner::<ByName>();
        job.sort_by::<LargestFirst>().group_by::<SameName>();
        job.input(input).output(output);
        Ok(())
    })
}
