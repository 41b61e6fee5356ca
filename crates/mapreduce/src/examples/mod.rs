//! The example programs of Hadoop, under their names (`hadoop jar …examples….jar NAME …`).
//!
//! Jobs name the classes of Hadoop's examples; [`crate::Builtin`] knows what they stand for here.

mod aggregate;
mod grep;
mod launch;
mod pairs;
mod pi;
mod random;
mod sort;
mod tera;
mod words;

use std::path::Path;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use self::launch::{ExampleJob, Launch};
use self::random::Random;
use crate::collect::{KeyOrder, Partitioner};
use crate::error::{Error, Result};
use crate::input::{CombineTextInputFormat, InputFormat};
use crate::output::OutputFormat;
use crate::program::runners::{MapperRunner, ReducerRunner};
use crate::program::{IntSum, LongSum, SumOfInts, options};
use crate::protocol::{BlockingCaller, ClusterMetrics, Empty, JOB_CLIENT};
use crate::settings::Settings;
use crate::task::{MapRunner, OrderUse, ReduceRunner, map_output_classes};
use crate::user::current_user;

/// Package of the classes.
const PACKAGE: &str = "org.apache.hadoop.examples.";

/// Exit code of what Java calls -1.
const FAILED: i32 = 255;

type Run = fn(&Launch) -> Result<i32>;

/// Name, what it does, and how it is run where it is supported.
const PROGRAMS: &[(&str, &str, Option<Run>)] = &[
    (
        "aggregatewordcount",
        "Counts the words in the input files by aggregation.",
        Some(aggregate::word_count),
    ),
    (
        "aggregatewordhist",
        "A histogram of the words in the input files.",
        Some(aggregate::word_histogram),
    ),
    ("bbp", "Computes digits of Pi by Bailey, Borwein and Plouffe.", None),
    ("dbcount", "Counts page views of a database.", None),
    ("distbbp", "Computes digits of Pi by Bailey, Borwein and Plouffe.", None),
    ("grep", "Counts the matches of a pattern in the input.", Some(grep::grep)),
    ("join", "Joins data sets that are sorted and partitioned alike.", Some(sort::join)),
    ("multifilewc", "Counts words of several files.", Some(aggregate::of_many_files)),
    ("pentomino", "Lays tiles.", None),
    ("pi", "Estimates Pi by a quasi-Monte Carlo method.", Some(pi::pi)),
    ("randomtextwriter", "Writes random text.", Some(|l| random::random_writer(l, Random::Text))),
    ("randomwriter", "Writes random bytes.", Some(|l| random::random_writer(l, Random::Bytes))),
    ("secondarysort", "Sorts the values of each key too.", Some(pairs::secondary_sort)),
    ("sort", "Sorts what the random writer wrote.", Some(sort::sort)),
    ("sudoku", "Solves sudokus.", None),
    ("teragen", "Generates data for the terasort.", Some(tera::teragen)),
    ("terasort", "Runs the terasort.", Some(tera::terasort)),
    ("teravalidate", "Checks results of the terasort.", Some(tera::teravalidate)),
    ("wordcount", "Counts the words in the input files.", Some(words::word_count)),
    ("wordmean", "Average length of the words in the input files.", Some(words::word_mean)),
    ("wordmedian", "Median length of the words in the input files.", Some(words::word_median)),
    (
        "wordstandarddeviation",
        "Standard deviation of the length of the words in the input files.",
        Some(words::word_deviation),
    ),
];

/// Runs an example by its name; the exit code. `directory` has the configuration.
pub fn run(directory: Option<&Path>, arguments: &[String]) -> i32 {
    let Some((name, arguments)) = arguments.split_first() else {
        println!("An example program must be given as the first argument.");
        print_programs();
        return FAILED;
    };
    let Some((_, _, program)) = PROGRAMS.iter().find(|(known, ..)| known == name) else {
        println!("Unknown program '{name}' chosen.");
        print_programs();
        return FAILED;
    };
    let Some(program) = program else {
        eprintln!(
            "{name}: java.lang.UnsupportedOperationException: this example is not supported by Loxodon"
        );
        return FAILED;
    };
    let launch = options::of_machine(directory).and_then(|mut conf| {
        let arguments = options::parse(&mut conf, arguments)?;
        Ok(Launch { conf, arguments })
    });
    match launch.and_then(|launch| program(&launch)) {
        Ok(code) => code & FAILED,
        Err(error) => {
            eprintln!("{}: {error}", error.java_class());
            FAILED
        }
    }
}

fn print_programs() {
    println!("Valid program names are:");
    for (name, about, _) in PROGRAMS.iter().filter(|(.., run)| run.is_some()) {
        println!("  {name}: {about}");
    }
}

/// The time as Java's `Date` shows it.
fn date() -> String {
    jiff::Zoned::now().strftime("%a %b %d %H:%M:%S %Z %Y").to_string()
}

/// Trackers, and reduces that may run at once; 1 and 1 in one process.
fn cluster_size(job: &ExampleJob) -> Result<(i64, i64)> {
    if job.is_local()? {
        return Ok((1, 1));
    }
    let key = "mapreduce.jobtracker.address";
    let address = job.conf.get_text(key)?;
    let address = address.ok_or_else(|| Error::argument(format!("{key} is not set")))?;
    let caller = BlockingCaller::new(&address, current_user(), &JOB_CLIENT)?;
    let metrics: ClusterMetrics = caller.call("getClusterMetrics", &Empty {})?;
    Ok((i64::from(metrics.trackers), i64::from(metrics.reduce_slots)))
}

/// A mapper of the examples, by its Java class.
pub(crate) fn mapper(class: &str) -> Option<Box<dyn MapRunner>> {
    if class == "org.apache.hadoop.mapreduce.lib.map.RegexMapper"
        || class == "org.apache.hadoop.mapred.lib.RegexMapper"
    {
        return Some(Box::new(grep::RegexMapper));
    }
    if class == "org.apache.hadoop.mapreduce.lib.aggregate.ValueAggregatorMapper" {
        return Some(Box::new(aggregate::AggregateMapper));
    }
    Some(match class.strip_prefix(PACKAGE)? {
        "WordCount$TokenizerMapper" | "MultiFileWordCount$MapClass" => {
            Box::new(MapperRunner(words::Tokenizer))
        }
        "WordMean$WordMeanMapper" => Box::new(MapperRunner(words::MeanMapper)),
        "WordMedian$WordMedianMapper" => Box::new(MapperRunner(words::MedianMapper)),
        "WordStandardDeviation$WordStandardDeviationMapper" => {
            Box::new(MapperRunner(words::DeviationMapper))
        }
        "SecondarySort$MapClass" => Box::new(pairs::PairMapper),
        "QuasiMonteCarlo$QmcMapper" => Box::new(pi::PointMapper),
        "RandomWriter$RandomMapper" => Box::new(random::RandomMapper(Random::Bytes)),
        "RandomTextWriter$RandomTextMapper" => Box::new(random::RandomMapper(Random::Text)),
        "terasort.TeraGen$SortGenMapper" => Box::new(tera::Generator),
        "terasort.TeraValidate$ValidateMapper" => Box::new(tera::ValidateMapper),
        _ => return None,
    })
}

/// A reducer of the examples, by its Java class.
pub(crate) fn reducer(class: &str) -> Option<Box<dyn ReduceRunner>> {
    Some(match class.strip_prefix(PACKAGE)? {
        "WordCount$IntSumReducer" => Box::new(ReducerRunner(IntSum)),
        "WordMedian$WordMedianReducer" => Box::new(ReducerRunner(SumOfInts)),
        "WordMean$WordMeanReducer" | "WordStandardDeviation$WordStandardDeviationReducer" => {
            Box::new(ReducerRunner(LongSum))
        }
        "SecondarySort$Reduce" => Box::new(pairs::PairReducer),
        "QuasiMonteCarlo$QmcReducer" => Box::new(pi::PointReducer),
        "terasort.TeraValidate$ValidateReducer" => Box::new(tera::ValidateReducer),
        _ => return None,
    })
}

/// A partitioner of the examples, by its Java class.
pub(crate) fn partitioner(class: &str, conf: &Configuration) -> Result<Option<Partitioner>> {
    Ok(match class.strip_prefix(PACKAGE) {
        Some("SecondarySort$FirstPartitioner") => Some(pairs::partitioner()),
        Some("terasort.TeraSort$TotalOrderPartitioner") => Some(tera::TotalOrder::of_job(conf)?),
        Some("terasort.TeraSort$SimplePartitioner") => Some(tera::SimplePartitioner::of_job(conf)?),
        _ => None,
    })
}

/// The order of the keys that only the examples have.
pub(crate) fn order(use_: OrderUse, conf: &Configuration) -> Result<Option<KeyOrder>> {
    let (key, _) = map_output_classes(conf)?;
    Ok((key == pairs::PAIR).then(|| pairs::order(use_)))
}

/// An input format of the examples, by its Java class.
pub(crate) fn input_format(class: &str) -> Option<Box<dyn InputFormat>> {
    Some(match class.strip_prefix(PACKAGE)? {
        "RandomWriter$RandomInputFormat" => Box::new(random::RandomInputFormat),
        "MultiFileWordCount$MyInputFormat" => Box::new(CombineTextInputFormat),
        "terasort.TeraGen$RangeInputFormat" => Box::new(tera::RangeInputFormat),
        "terasort.TeraInputFormat" => Box::new(tera::TeraInputFormat),
        _ => return None,
    })
}

/// An output format of the examples, by its Java class.
pub(crate) fn output_format(class: &str) -> Option<Box<dyn OutputFormat>> {
    Some(match class.strip_prefix(PACKAGE)? {
        "terasort.TeraOutputFormat" => Box::new(tera::TeraOutputFormat),
        _ => return None,
    })
}
