//! `sort`: sorts what the random writer wrote, or any other files. `join`: joins files that are sorted and parted
//! alike. Both take the same options.

use std::slice::Iter;
use std::time::Instant;

use loxodon_console::println;

use super::launch::{ExampleJob, Launch, usage};
use crate::builtin::builtin_classes;
use crate::error::{Error, Result};
use crate::input::{
    JOIN_EXPRESSION, RandomSampler, input_paths, join_expression, write_partition_file,
};
use crate::io::writable::{BytesWritable, Kind, Writable};
use crate::settings::Settings;
use crate::task::{OrderUse, input_format_of, order_of};

const SORT_USAGE: &str = "sort [-r <reduces>] [-inFormat <input format class>] \
                          [-outFormat <output format class>] [-outKey <output key class>] \
                          [-outValue <output value class>] \
                          [-totalOrder <pcnt> <num samples> <max splits>] <input> <output>";
const JOIN_USAGE: &str = "join [-r <reduces>] [-inFormat <input format class>] \
                          [-outFormat <output format class>] [-outKey <output key class>] \
                          [-outValue <output value class>] [-joinOp <inner|outer|override>] \
                          [input]* <input> <output>";

const LIBRARY: &str = "org.apache.hadoop.mapreduce.lib";
/// Key of the file that a total order's partitioner reads.
const PARTITION_PATH: &str = "mapreduce.totalorderpartitioner.path";
/// That file's name, in the input's directory.
const PARTITION_FILE: &str = "_sortPartitioning";

/// What the command line of either says.
struct Options<'a> {
    reduces: Option<u32>,
    input_format: String,
    output_format: String,
    key: String,
    value: String,
    sampler: Option<RandomSampler>,
    operation: &'a str,
    others: Vec<&'a str>,
}

/// A complaint about the command line.
type Wrong = String;

impl<'a> Options<'a> {
    /// `own` takes the option that only one of the two programs has.
    fn parse(
        words: &'a [String],
        value: &str,
        own: impl Fn(&mut Self, &str, &mut Iter<'a, String>) -> std::result::Result<bool, Wrong>,
    ) -> std::result::Result<Self, Wrong> {
        let mut options = Self {
            reduces: None,
            input_format: format!("{LIBRARY}.input.SequenceFileInputFormat"),
            output_format: format!("{LIBRARY}.output.SequenceFileOutputFormat"),
            key: BytesWritable::CLASS.to_owned(),
            value: value.to_owned(),
            sampler: None,
            operation: "inner",
            others: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let to = match word.as_str() {
                "-r" => {
                    options.reduces = Some(number(word, &mut words)?);
                    continue;
                }
                "-inFormat" => &mut options.input_format,
                "-outFormat" => &mut options.output_format,
                "-outKey" => &mut options.key,
                "-outValue" => &mut options.value,
                _ => {
                    if !own(&mut options, word, &mut words)? {
                        options.others.push(word);
                    }
                    continue;
                }
            };
            to.clone_from(words.next().ok_or_else(|| missing(word))?);
        }
        Ok(options)
    }
}

fn missing(word: &str) -> Wrong {
    format!("Required parameter missing from {word}")
}

fn number<T: std::str::FromStr>(
    word: &str,
    words: &mut Iter<'_, String>,
) -> std::result::Result<T, Wrong> {
    let text = words.next().ok_or_else(|| missing(word))?;
    text.parse().map_err(|_| format!("Integer expected instead of {text}"))
}

fn complain(message: &str, usage_text: &str) -> i32 {
    println!("ERROR: {message}");
    usage(usage_text)
}

/// How many reduces, where `-r` does not say; how many trackers there are.
fn reduces(job: &ExampleJob, per_host_key: &str) -> Result<(i64, i64)> {
    let (trackers, slots) = super::cluster_size(job)?;
    let per_host = job.conf.get_int(per_host_key, 0)?;
    let reduces = match per_host {
        0 => (slots as f64 * 0.9) as i64,
        per_host => trackers.saturating_mul(per_host),
    };
    // Unsorted output is not what is asked for.
    Ok((reduces.max(1), trackers))
}

/// Runs a job and says when it began, when it ended and how long it took; the exit code.
fn timed(job: &ExampleJob) -> Result<i32> {
    let start = Instant::now();
    println!("Job started: {}", super::date());
    let code = job.run()?;
    println!("Job ended: {}", super::date());
    println!("The job took {} seconds.", start.elapsed().as_secs());
    Ok(code)
}

fn total_order(
    options: &mut Options<'_>,
    word: &str,
    words: &mut Iter<'_, String>,
) -> std::result::Result<bool, Wrong> {
    if word != "-totalOrder" {
        return Ok(false);
    }
    let frequency = number(word, words)?;
    let samples: u32 = number(word, words)?;
    let splits: i32 = number(word, words)?;
    // Without a limit where it is none.
    let splits = usize::try_from(splits).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
    options.sampler = Some(RandomSampler { frequency, samples: samples as usize, splits });
    Ok(true)
}

/// `sort [-r <reduces>] [...] <input> <output>`
pub(super) fn sort(launch: &Launch) -> Result<i32> {
    let mut job = launch.job("sorter")?;
    let options = match Options::parse(&launch.arguments, BytesWritable::CLASS, total_order) {
        Ok(options) => options,
        Err(wrong) => return Ok(complain(&wrong, SORT_USAGE)),
    };
    let [input, output] = options.others.as_slice() else {
        let count = options.others.len();
        let wrong = format!("Wrong number of parameters: {count} instead of 2.");
        return Ok(complain(&wrong, SORT_USAGE));
    };
    let (default, trackers) = reduces(&job, "mapreduce.sort.reducesperhost")?;
    let reduces = options.reduces.map_or(default, i64::from);
    job.set("mapreduce.job.reduces", reduces);
    job.input_format(&options.input_format).output_format(&options.output_format);
    job.mapper("org.apache.hadoop.mapreduce.Mapper", &options.key, &options.value);
    job.reducer("org.apache.hadoop.mapreduce.Reducer", &options.key, &options.value);
    job.input(input)?.output(output)?;
    if let Some(sampler) = options.sampler {
        println!("Sampling input to effect total-order sort...");
        part_by_samples(&mut job, sampler, &options.key, reduces)?;
    }
    let from = job.conf.get("mapreduce.input.fileinputformat.inputdir")?.unwrap_or_default();
    let to = job.conf.get("mapreduce.output.fileoutputformat.outputdir")?.unwrap_or_default();
    println!("Running on {trackers} nodes to sort from {from} into {to} with {reduces} reduces.");
    timed(&job)
}

/// Samples the input, and has each reduce take the keys between two of the samples.
fn part_by_samples(
    job: &mut ExampleJob,
    sampler: RandomSampler,
    key: &str,
    reduces: i64,
) -> Result<()> {
    job.partitioner(&format!("{LIBRARY}.partition.TotalOrderPartitioner"));
    let path = match job.conf.get_text(PARTITION_PATH)? {
        Some(own) => job.files.path(&own)?,
        None => {
            let inputs = input_paths(&job.conf)?;
            let first = inputs.first().ok_or_else(|| Error::argument("there is no input"))?;
            job.files.qualify(first)?.child(PARTITION_FILE)
        }
    };
    job.set(PARTITION_PATH, &path);
    let format = input_format_of(&builtin_classes(), &job.conf)?;
    let order = order_of(&builtin_classes(), &job.conf, key, OrderUse::Sort)?;
    let partitions = usize::try_from(reduces.max(1)).unwrap_or(1);
    let of_job = (&job.conf, &job.files);
    write_partition_file(sampler, of_job, &*format, (key, &order, partitions), &path)?;
    Ok(())
}

fn join_operation<'a>(
    options: &mut Options<'a>,
    word: &str,
    words: &mut Iter<'a, String>,
) -> std::result::Result<bool, Wrong> {
    if word == "-joinOp" {
        options.operation = words.next().ok_or_else(|| missing(word))?;
    }
    Ok(word == "-joinOp")
}

/// `join [-r <reduces>] [...] [input]* <input> <output>`
pub(super) fn join(launch: &Launch) -> Result<i32> {
    let mut job = launch.job("join")?;
    let options = match Options::parse(&launch.arguments, Kind::Tuple.class(), join_operation) {
        Ok(options) => options,
        Err(wrong) => return Ok(complain(&wrong, JOIN_USAGE)),
    };
    let [inputs @ .., output] = options.others.as_slice() else {
        return Ok(complain("Wrong number of parameters: ", JOIN_USAGE));
    };
    if inputs.is_empty() {
        return Ok(complain("Wrong number of parameters: ", JOIN_USAGE));
    }
    let (default, _) = reduces(&job, "mapreduce.join.reduces_per_host")?;
    job.set("mapreduce.job.reduces", options.reduces.map_or(default, i64::from));
    job.output(output)?;
    let inputs: Vec<String> = inputs.iter().map(|input| (*input).to_owned()).collect();
    job.set(JOIN_EXPRESSION, join_expression(options.operation, &options.input_format, &inputs));
    job.input_format(&format!("{LIBRARY}.join.CompositeInputFormat"));
    job.output_format(&options.output_format);
    job.mapper("org.apache.hadoop.mapreduce.Mapper", &options.key, &options.value);
    job.reducer("org.apache.hadoop.mapreduce.Reducer", &options.key, &options.value);
    timed(&job)
}
