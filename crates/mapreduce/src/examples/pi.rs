//! `pi`: how many points of a Halton sequence lie within a circle.

use std::io::Write as _;
use std::time::Instant;

use loxodon_console::{eprint, eprintln, println};

use super::launch::Launch;
use crate::error::{Error, Result};
use crate::fs::CreateOptions;
use crate::io::sequence_file::{Options, Reader, Writer};
use crate::io::writable::{BooleanWritable, Datum, LongWritable, Writable};
use crate::output::output_path;
use crate::streaming::GENERIC_USAGE;
use crate::task::{Collector, Groups, MapInput, MapRunner, ReduceRunner, TaskContext};

/// One dimension of the sequence, in a base.
struct Dimension {
    base: u64,
    x: f64,
    powers: Vec<f64>,
    digits: Vec<u64>,
}

impl Dimension {
    fn new(base: u64, count: usize, index: u64) -> Self {
        let (mut powers, mut digits) = (Vec::new(), Vec::new());
        let (mut power, mut rest, mut x) = (1.0, index, 0.0);
        for _ in 0..count {
            power /= base as f64;
            let digit = rest.checked_rem(base).unwrap_or(0);
            rest = rest.checked_div(base).unwrap_or(0);
            x += digit as f64 * power;
            powers.push(power);
            digits.push(digit);
        }
        Self { base, x, powers, digits }
    }

    #[inline]
    fn next(&mut self) -> f64 {
        let mut above = 1.0;
        for (digit, power) in self.digits.iter_mut().zip(&self.powers) {
            *digit = digit.wrapping_add(1);
            self.x += power;
            if *digit < self.base {
                break;
            }
            *digit = 0;
            self.x -= above;
            above = *power;
        }
        self.x
    }
}

/// How many of so many points behind `first` are inside.
fn inside(first: i64, count: i64, mut each_thousand: impl FnMut(i64) -> Result<()>) -> Result<i64> {
    let first = u64::try_from(first).unwrap_or(0);
    let (mut x, mut y) = (Dimension::new(2, 63, first), Dimension::new(3, 40, first));
    let mut inside = 0_i64;
    for done in 1..=count {
        let (dx, dy) = (x.next() - 0.5, y.next() - 0.5);
        inside = inside.wrapping_add(i64::from(dx * dx + dy * dy <= 0.25));
        if done % 1000 == 0 {
            each_thousand(done)?;
        }
    }
    Ok(inside)
}

/// `QuasiMonteCarlo.QmcMapper`
#[derive(Debug, Default)]
pub(super) struct PointMapper;

impl MapRunner for PointMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        while input.advance()? {
            let first = LongWritable::of_datum(input.key())?;
            let count = LongWritable::of_datum(input.value())?;
            let within = inside(first, count, |done| {
                if done % 100_000 == 0 {
                    task.set_state(format!("Generated {done} samples."));
                }
                task.check()
            })?;
            output.write::<BooleanWritable, LongWritable>(true, within)?;
            output.write::<BooleanWritable, LongWritable>(false, count.saturating_sub(within))?;
        }
        Ok(())
    }
}

/// `QuasiMonteCarlo.QmcReducer`: the sums are written to a file beside the output.
#[derive(Debug, Default)]
pub(super) struct PointReducer;

impl ReduceRunner for PointReducer {
    fn run(&mut self, groups: &mut Groups<'_>, _: Collector<'_>, task: &TaskContext) -> Result<()> {
        let (mut inside, mut outside) = (0_i64, 0_i64);
        while let Some((mut key, mut values)) = groups.next_group()? {
            let to = if BooleanWritable::read(&mut key)? { &mut inside } else { &mut outside };
            while values.advance()? {
                *to = to.wrapping_add(LongWritable::read(&mut values.value())?);
            }
        }
        let output = output_path(task.conf(), task.files())?;
        let output = output.ok_or_else(|| Error::argument("there is no output directory"))?;
        write_pair(task.files(), &output.child("reduce-out"), inside, outside)
    }
}

fn write_pair(
    files: &crate::fs::FileSystems,
    path: &crate::fs::Path,
    key: i64,
    value: i64,
) -> Result<()> {
    let to = files.get(path)?.create(path, CreateOptions::overwriting())?;
    let mut writer = Writer::new(to, Options::new(LongWritable::CLASS, LongWritable::CLASS))?;
    writer.append(Datum::Long(key), Datum::Long(value))?;
    let mut to = writer.finish()?;
    to.flush()?;
    to.close()
}

/// `4 * inside / total`, rounded to 20 places as `BigDecimal` shows it.
fn quotient(inside: i64, total: i128) -> Option<String> {
    let mut numerator = i128::from(inside).checked_mul(4)?;
    let mut digits = numerator.checked_div(total)?;
    let mut text = format!("{digits}.");
    numerator = numerator.checked_rem(total)?;
    let mut decimals = Vec::new();
    for _ in 0..20 {
        numerator = numerator.checked_mul(10)?;
        decimals.push(numerator.checked_div(total)?);
        numerator = numerator.checked_rem(total)?;
    }
    if numerator.checked_mul(2)? >= total {
        for digit in decimals.iter_mut().rev() {
            if *digit < 9 {
                *digit = digit.checked_add(1)?;
                break;
            }
            *digit = 0;
        }
        if decimals.iter().all(|digit| *digit == 0) {
            digits = digits.checked_add(1)?;
            text = format!("{digits}.");
        }
    }
    decimals.iter().for_each(|digit| text.push_str(&digit.to_string()));
    Some(text)
}

/// `pi <nMaps> <nSamples>`
pub(super) fn pi(launch: &Launch) -> Result<i32> {
    let [maps, samples] = launch.arguments.as_slice() else {
        eprintln!("Usage: org.apache.hadoop.examples.QuasiMonteCarlo <nMaps> <nSamples>");
        eprint!("{GENERIC_USAGE}");
        return Ok(2);
    };
    let number = |text: &str| {
        let parsed = text.parse::<i64>().ok().filter(|n| *n > 0);
        parsed.ok_or_else(|| Error::argument(format!("For input string: \"{text}\"")))
    };
    let (maps, samples) = (number(maps)?, number(samples)?);
    let total = i128::from(maps).checked_mul(i128::from(samples)).unwrap_or(i128::MAX);
    println!("Number of Maps  = {maps}");
    println!("Samples per Map = {samples}");
    let mut job = launch.job("QuasiMonteCarlo")?;
    let now = crate::task::now();
    let temporary = format!("QuasiMonteCarlo_{now}_{}", fastrand::u32(..=i32::MAX as u32));
    let directory = job.files.path(&temporary)?;
    let fs = job.files.get(&directory)?;
    let run = || -> Result<Option<String>> {
        let inputs = directory.child("in");
        fs.mkdirs(&inputs, 0o755)?;
        for map in 0..maps {
            let first = map.checked_mul(samples);
            let first = first.ok_or_else(|| Error::argument("too many samples"))?;
            write_pair(&job.files, &inputs.child(&format!("part{map}")), first, samples)?;
            println!("Wrote input for Map #{map}");
        }
        println!("Starting Job");
        let start = Instant::now();
        let package = "org.apache.hadoop.mapreduce.lib";
        job.input_format(&format!("{package}.input.SequenceFileInputFormat"));
        job.output_format(&format!("{package}.output.SequenceFileOutputFormat"));
        job.mapper("QuasiMonteCarlo$QmcMapper", BooleanWritable::CLASS, LongWritable::CLASS);
        job.reducer("QuasiMonteCarlo$QmcReducer", BooleanWritable::CLASS, LongWritable::CLASS);
        job.reduces(1).set("mapreduce.map.speculative", false);
        job.set("mapreduce.reduce.speculative", false);
        job.input(&format!("{temporary}/in"))?.output(&format!("{temporary}/out"))?;
        let result = job.result()?;
        if !result.succeeded {
            println!("Job {} failed!", result.job);
            return Ok(None);
        }
        println!("Job Finished in {:.3} seconds", start.elapsed().as_secs_f64());
        let path = directory.child("out").child("reduce-out");
        let mut reader = Reader::open(fs.open(&path, None)?, path.to_string())?;
        reader.advance()?;
        let inside = LongWritable::read(&mut reader.key())?;
        quotient(inside, total).map(Some).ok_or_else(|| Error::argument("too many samples"))
    };
    let mut run = run;
    let estimated = run();
    fs.delete(&directory, true)?;
    match estimated? {
        Some(value) => {
            println!("Estimated value of Pi is {value}");
            Ok(0)
        }
        None => Ok(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_sequence() {
        let mut x = Dimension::new(2, 63, 0);
        let first: Vec<f64> = (0..4).map(|_| x.next()).collect();
        assert_eq!(first, [0.5, 0.25, 0.75, 0.125]);
        let mut later = Dimension::new(2, 63, 2);
        assert_eq!(later.next(), 0.75);
        // `pi 10 1000` of Hadoop says 3.1408.
        let sum: i64 = (0..10).map(|map| inside(map * 1000, 1000, |_| Ok(())).unwrap()).sum();
        assert_eq!(quotient(sum, 10_000).unwrap(), "3.14080000000000000000");
        assert_eq!(quotient(2, 3).unwrap(), "2.66666666666666666667");
    }
}
