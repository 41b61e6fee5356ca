//! `teragen`: rows as the sort benchmark's `gensort` makes them, bit for bit Hadoop's.

use loxodon_conf::Configuration;
use loxodon_console::eprintln;

use super::super::launch::{Launch, usage_error};
use super::{KEY, ROW};
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::input::{InputFormat, InputSplit, RecordReader};
use crate::io::writable::{Datum, LongWritable, Text, VLongWritable, Writable};
use crate::settings::Settings;
use crate::task::{Collector, MapInput, MapRunner, TaskContext};

/// Key of the number of rows.
const ROWS: &str = "mapreduce.terasort.num-rows";
const SPLIT: &str = "org.apache.hadoop.examples.terasort.TeraGen$RangeInputFormat$RangeInputSplit";

/// Random numbers of 128 bits, each made of the one before (`Random16`).
#[derive(Clone, Copy, Debug)]
struct Random16(u128);

impl Random16 {
    const FACTOR: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
    const SUMMAND: u128 = 0x4a69_6d47_7261_7952_4950_2020_2020_2001;

    /// The number behind so many others.
    fn skip(mut count: u128) -> Self {
        // What one step does, two, four and so on: each is that of the last one done twice.
        let (mut factor, mut summand, mut value) = (Self::FACTOR, Self::SUMMAND, 0_u128);
        while count != 0 {
            if count & 1 == 1 {
                value = value.wrapping_mul(factor).wrapping_add(summand);
            }
            summand = summand.wrapping_mul(factor.wrapping_add(1));
            factor = factor.wrapping_mul(factor);
            count >>= 1;
        }
        Self(value)
    }

    #[inline]
    fn next(&mut self) -> u128 {
        self.0 = self.0.wrapping_mul(Self::FACTOR).wrapping_add(Self::SUMMAND);
        self.0
    }
}

/// A number's digit, from the highest of 32.
#[inline]
fn digit(value: u128, place: u32) -> u8 {
    let digit = (value >> 124_u32.saturating_sub(place.saturating_mul(4))) as u8 & 15;
    if digit < 10 { b'0'.wrapping_add(digit) } else { b'A'.wrapping_add(digit).wrapping_sub(10) }
}

/// A row: 10 random bytes, the row's number in digits, filler.
#[inline]
fn row(random: u128, number: u128) -> [u8; ROW] {
    let mut row = [0; ROW];
    let (key, rest) = row.split_at_mut(KEY);
    key.iter_mut().zip(random.to_be_bytes()).for_each(|(to, from)| *to = from);
    let (head, rest) = rest.split_at_mut(2);
    head.copy_from_slice(&[0x00, 0x11]);
    let (digits, rest) = rest.split_at_mut(32);
    digits.iter_mut().zip(0..).for_each(|(to, place)| *to = digit(number, place));
    let (middle, rest) = rest.split_at_mut(4);
    middle.copy_from_slice(&[0x88, 0x99, 0xaa, 0xbb]);
    let (filler, tail) = rest.split_at_mut(48);
    for (four, place) in filler.chunks_mut(4).zip(20..) {
        four.fill(digit(random, place));
    }
    tail.copy_from_slice(&[0xcc, 0xdd, 0xee, 0xff]);
    row
}

/// Ranges of rows (`TeraGen.RangeInputFormat`).
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct RangeInputFormat;

impl InputFormat for RangeInputFormat {
    fn splits(&self, job: &Configuration, _: &FileSystems) -> Result<Vec<InputSplit>> {
        let rows = job.get_int(ROWS, 0)?;
        let count = job.get_int("mapreduce.job.maps", 1)?;
        eprintln!("INFO terasort.TeraGen: Generating {rows} using {count}");
        let mut splits = Vec::new();
        let mut first = 0_i64;
        for split in 0..count {
            let goal = (rows as f64 * split.saturating_add(1) as f64 / count as f64).ceil() as i64;
            let mut bytes = Vec::new();
            VLongWritable::write(first, &mut bytes);
            VLongWritable::write(goal.saturating_sub(first), &mut bytes);
            first = goal;
            let (class, hosts) = (SPLIT.to_owned(), Vec::new());
            splits.push(InputSplit::Other { class, bytes, length: 0, hosts });
        }
        Ok(splits)
    }

    fn open(
        &self,
        split: &InputSplit,
        _: &Configuration,
        _: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let InputSplit::Other { class, bytes, .. } = split else {
            return Err(Error::io(format!("{} is no range of rows", split.class())));
        };
        if class != SPLIT {
            return Err(Error::io(format!("{class} is no range of rows")));
        }
        let from = &mut bytes.as_slice();
        let (first, rows) = (VLongWritable::read(from)?, VLongWritable::read(from)?);
        Ok(Box::new(Range { first, rows, read: 0 }))
    }
}

struct Range {
    first: i64,
    rows: i64,
    read: i64,
}

impl RecordReader for Range {
    fn advance(&mut self) -> Result<bool> {
        let more = self.read < self.rows;
        self.read = self.read.saturating_add(i64::from(more));
        Ok(more)
    }

    fn key(&self) -> Datum<'_> {
        Datum::Long(self.first.saturating_add(self.read).saturating_sub(1))
    }

    fn value(&self) -> Datum<'_> {
        Datum::Null
    }

    fn progress(&self) -> f32 {
        if self.rows == 0 { 1.0 } else { self.read as f32 / self.rows as f32 }
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

/// Makes the rows of a range (`TeraGen.SortGenMapper`).
#[derive(Debug, Default)]
pub(in super::super) struct Generator;

impl MapRunner for Generator {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let mut at: Option<(u128, Random16)> = None;
        let mut total = 0_u128;
        while input.advance()? {
            let (number, random) = match &mut at {
                Some(at) => at,
                None => {
                    let first = LongWritable::of_datum(input.key())?;
                    // As `Unsigned16` takes a long: without its sign's extension.
                    let first = u128::from(first as u64);
                    at.insert((first, Random16::skip(first)))
                }
            };
            let row = row(random.next(), *number);
            let (key, value) = row.split_at(KEY);
            output.write_datum(Datum::Text(key), Datum::Text(value))?;
            total = total.wrapping_add(u128::from(crc32fast::hash(&row)));
            *number = number.wrapping_add(1);
        }
        if at.is_some() {
            let group = "org.apache.hadoop.examples.terasort.TeraGen$Counters";
            task.counter(group, "CHECKSUM")?.add(total as i64);
        }
        Ok(())
    }
}

/// `10k`, `5m`, `1b`, `2t`.
fn rows(text: &str) -> Result<i64> {
    let wrong = || Error::argument(format!("For input string: \"{text}\" (a number of rows)"));
    let factors = [('t', 1_000_000_000_000), ('b', 1_000_000_000), ('m', 1_000_000), ('k', 1000)];
    let found = factors.iter().find_map(|(tail, by)| Some((text.strip_suffix(*tail)?, *by)));
    let (number, factor) = found.unwrap_or((text, 1_i64));
    number.parse::<i64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)
}

/// `teragen <num rows> <output dir>`
pub(in super::super) fn teragen(launch: &Launch) -> Result<i32> {
    let [count, output] = launch.arguments.as_slice() else {
        return Ok(usage_error("teragen <num rows> <output dir>", 2));
    };
    let mut job = launch.job("TeraGen")?;
    job.set(ROWS, rows(count)?);
    job.mapper("terasort.TeraGen$SortGenMapper", Text::CLASS, Text::CLASS);
    job.output_classes(Text::CLASS, Text::CLASS).reduces(0);
    job.input_format("terasort.TeraGen$RangeInputFormat");
    job.output_format("terasort.TeraOutputFormat");
    job.output(output)?.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_gensort() {
        // The first key of every TeraGen output.
        let mut random = Random16::skip(0);
        let first = row(random.next(), 0);
        assert_eq!(&first[..10], &[0x4a, 0x69, 0x6d, 0x47, 0x72, 0x61, 0x79, 0x52, 0x49, 0x50]);
        assert_eq!(&first[12..44], &[b'0'; 32]);
        for _ in 1..1000 {
            random.next();
        }
        assert_eq!(random.0, Random16::skip(1000).0);
        assert_eq!(&row(0, 0xabc)[40..44], b"0ABC");
    }

    #[test]
    fn numbers_of_rows() {
        assert_eq!(rows("12").unwrap(), 12);
        assert_eq!(rows("5k").unwrap(), 5000);
        assert_eq!(rows("1t").unwrap(), 1_000_000_000_000);
        assert!(rows("").is_err() && rows("k").is_err() && rows("99999999999t").is_err());
    }
}
