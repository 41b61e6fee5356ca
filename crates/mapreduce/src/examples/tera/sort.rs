//! `terasort`: a total order, by split points that are sampled from the input.

use std::sync::Arc;
use std::time::Instant;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use super::super::launch::{ExampleJob, Launch, usage_error};
use super::{PARTITION_FILE, TeraInputFormat};
use crate::collect::{Leading, Partitioner, RawPartitioner};
use crate::error::{Error, Result};
use crate::fs::{CreateOptions, FileSystems};
use crate::input::InputFormat as _;
use crate::io::writable::{Text, Writable};
use crate::output::output_path;
use crate::settings::Settings;
use crate::user::current_user;

/// Between which split points a key lies (`TeraSort.TotalOrderPartitioner`).
pub(in super::super) struct TotalOrder {
    points: Vec<Vec<u8>>,
}

impl TotalOrder {
    /// Reads the file of split points in the job's output directory.
    pub(in super::super) fn of_job(conf: &Configuration) -> Result<Partitioner> {
        let reduces = conf.get_int("mapreduce.job.reduces", 1)?;
        if reduces <= 1 {
            return Ok(Partitioner::Single);
        }
        let files = FileSystems::new(conf, current_user())?;
        let output = output_path(conf, &files)?;
        let output = output.ok_or_else(|| Error::argument("can't read partitions file"))?;
        let path = output.child(PARTITION_FILE);
        let bytes = files.get(&path)?.read_all(&path, 1 << 28)?;
        let from = &mut bytes.as_slice();
        let mut points = Vec::new();
        for _ in 1..reduces {
            let point = Text::read(from).map_err(|e| e.during("can't read partitions file"))?;
            points.push(point.to_vec());
        }
        Ok(Partitioner::Custom(Arc::new(Self { points })))
    }
}

impl RawPartitioner for TotalOrder {
    #[inline]
    fn partition(&self, key: &[u8], _: &[u8], _: u32) -> i64 {
        let key = Leading::VInt.rest(key);
        self.points.partition_point(|point| point.as_slice() <= key) as i64
    }
}

/// By the first three bytes, as if keys were spread evenly (`TeraSort.SimplePartitioner`).
pub(in super::super) struct SimplePartitioner {
    per_reduce: i64,
}

impl SimplePartitioner {
    pub(in super::super) fn of_job(conf: &Configuration) -> Result<Partitioner> {
        let reduces = conf.get_int("mapreduce.job.reduces", 1)?.max(1);
        let per_reduce = ((1 << 24) as f32 / reduces as f32).ceil() as i64;
        Ok(Partitioner::Custom(Arc::new(Self { per_reduce: per_reduce.max(1) })))
    }
}

impl RawPartitioner for SimplePartitioner {
    fn partition(&self, key: &[u8], _: &[u8], _: u32) -> i64 {
        let key = Leading::VInt.rest(key);
        let prefix = key.iter().take(3).fold(0_i64, |prefix, byte| prefix << 8 | i64::from(*byte));
        prefix.checked_div(self.per_reduce).unwrap_or(0)
    }
}

const USAGE: &str = "\
Usage: terasort [-Dproperty=value] <in> <out>
TeraSort configurations are:
<mapreduce.terasort.num-rows>     Number of rows to generate during teragen.
<mapreduce.terasort.num.partitions>     Number of partitions used for sampling.
<mapreduce.terasort.partitions.sample>     Sample size for each partition.
<mapreduce.terasort.final.sync>     Perform a disk-persisting hsync at end of every file-write.
<mapreduce.terasort.use.terascheduler>     Use TeraScheduler for computing input split distribution.
<mapreduce.terasort.simplepartitioner>     Use SimplePartitioner instead of TotalOrderPartitioner.
<mapreduce.terasort.output.replication>     Replication factor to use for output data files.";

/// `terasort <in> <out>`
pub(in super::super) fn terasort(launch: &Launch) -> Result<i32> {
    let [input, output] = launch.arguments.as_slice() else {
        return Ok(usage_error(USAGE, 2));
    };
    let mut job = launch.job("TeraSort")?;
    job.input(input)?.output(output)?;
    job.output_classes(Text::CLASS, Text::CLASS);
    job.mapper("org.apache.hadoop.mapreduce.Mapper", Text::CLASS, Text::CLASS);
    job.input_format("terasort.TeraInputFormat").output_format("terasort.TeraOutputFormat");
    if job.conf.get_bool("mapreduce.terasort.simplepartitioner", false)? {
        job.partitioner("terasort.TeraSort$SimplePartitioner");
    } else {
        let start = Instant::now();
        if let Err(error) = write_partition_file(&job) {
            eprintln!("ERROR terasort.TeraSort: {error}");
            return Ok(-1);
        }
        println!("Spent {}ms computing partitions.", start.elapsed().as_millis());
        job.partitioner("terasort.TeraSort$TotalOrderPartitioner");
    }
    let replication = job.conf.get_int("mapreduce.terasort.output.replication", 1)?;
    job.set("dfs.replication", replication);
    job.run()
}

/// Reads keys from the beginnings of some splits and writes those that cut them into as many parts as there are
/// reduces (`TeraInputFormat.writePartitionFile`).
fn write_partition_file(job: &ExampleJob) -> Result<()> {
    let conf = &job.conf;
    let reduces = usize::try_from(conf.get_int("mapreduce.job.reduces", 1)?).unwrap_or(0);
    let most = usize::try_from(conf.get_int("mapreduce.terasort.partitions.sample", 100_000)?);
    let splits = TeraInputFormat.splits(conf, &job.files)?;
    let wanted = usize::try_from(conf.get_int("mapreduce.terasort.num.partitions", 10)?);
    let samples = wanted.unwrap_or(0).min(splits.len());
    println!("Sampling {samples} splits of {}", splits.len());
    let each = most.unwrap_or(0).checked_div(samples);
    let each = each.ok_or_else(|| Error::argument("there is no input to take samples of"))?;
    let step = splits.len().checked_div(samples).unwrap_or(1);
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for split in splits.iter().step_by(step.max(1)).take(samples) {
        let mut reader = TeraInputFormat.open(split, conf, &job.files)?;
        let mut read = 0_usize;
        while reader.advance()? {
            keys.push(Text::of_datum(reader.key())?.to_vec());
            read = read.saturating_add(1);
            if each <= read {
                break;
            }
        }
    }
    println!("Making {reduces} from {} sampled records", keys.len());
    if reduces > keys.len() {
        return Err(Error::argument(format!(
            "Requested more partitions than input keys ({reduces} > {})",
            keys.len()
        )));
    }
    keys.sort_unstable();
    let width = keys.len() as f32 / reduces as f32;
    let mut bytes = Vec::new();
    for number in 1..reduces {
        // Java's `Math.round`.
        let at = (width * number as f32 + 0.5).floor() as usize;
        Text::write(keys.get(at).map(Vec::as_slice).unwrap_or_default(), &mut bytes);
    }
    let output = output_path(conf, &job.files)?;
    let output = output.ok_or_else(|| Error::argument("there is no output directory"))?;
    let path = output.child(PARTITION_FILE);
    let options = CreateOptions { replication: Some(10), ..CreateOptions::overwriting() };
    job.files.get(&path)?.write_all(&path, &bytes, options)
}
