//! Whole jobs of a program in one process, against a plain computation.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests are not marked as tests

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::local::{self, JobResult};
use loxodon_mapreduce::program::*;
use tempfile::TempDir;

const TASK: &str = "org.apache.hadoop.mapreduce.TaskCounter";

#[derive(Default)]
struct Words;

impl Mapper for Words {
    type KeyIn = LongWritable;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = IntWritable;

    fn map(&mut self, _: i64, line: &[u8], out: &mut Output<Text, IntWritable>) -> Result<()> {
        for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            out.write(word, 1)?;
            out.counter("Words", "SEEN")?.add(1);
        }
        Ok(())
    }
}

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("in")).expect("its input");
        Self { dir }
    }

    fn input(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.dir.path().join("in").join(name), bytes).expect("an input file");
    }

    fn path(&self, name: &str) -> String {
        format!("file:{}", self.dir.path().join(name).display())
    }

    fn job(&self) -> Job {
        let mut job = Job::new(Configuration::new());
        job.set("fs.defaultFS", "file:///").set("hadoop.tmp.dir", self.dir.path().display());
        job.input(&self.path("in")).output(&self.path("out"));
        job
    }

    fn run(&self, job: Job) -> JobResult {
        let (conf, program) = job.into_parts();
        let result = local::run(&conf, Arc::new(program), &mut ()).expect("a job that starts");
        let left = self.dir.path().join("mapred/local");
        assert_eq!(std::fs::read_dir(left).expect("its directory").count(), 0, "nothing is left");
        result
    }

    fn output(&self) -> BTreeMap<String, Vec<u8>> {
        read_parts(&self.dir.path().join("out"))
    }
}

fn read_parts(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).expect("the output");
    entries
        .map(|e| e.expect("an entry"))
        .filter(|e| !e.file_name().to_string_lossy().starts_with('.'))
        .map(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(e.path()).unwrap_or_default())
        })
        .collect()
}

#[test]
fn thousands_of_small_files_have_a_map_each() {
    const FILES: usize = 3_000;
    let place = Place::new();
    for number in 0..FILES {
        place.input(&number.to_string(), format!("all w{number}\n").as_bytes());
    }
    let mut job = place.job();
    job.set("mapreduce.task.io.sort.mb", 1).set("mapreduce.job.reduces", 2);
    job.mapper::<Words>().reducer::<IntSum>();
    let result = place.run(job);
    assert!(result.succeeded, "{:?}", result.diagnostics);
    let counts = counted(&place.output());
    assert_eq!(counts.len(), FILES + 1);
    assert_eq!(counts[&b"all"[..]], FILES as i64);
    assert_eq!(result.counters.get(TASK, "MAP_INPUT_RECORDS"), FILES as i64);
}

fn words(text: &[u8]) -> BTreeMap<Vec<u8>, i64> {
    let mut counts = BTreeMap::new();
    for word in text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()) {
        *counts.entry(word.to_vec()).or_insert(0) += 1;
    }
    counts
}

fn counted(parts: &BTreeMap<String, Vec<u8>>) -> BTreeMap<Vec<u8>, i64> {
    let mut counts = BTreeMap::new();
    for (name, bytes) in parts {
        assert!(name.starts_with("part-r-") || name == "_SUCCESS", "{name}");
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();
        assert!(lines.is_sorted_by_key(|l| l.split(|b| *b == b'\t').next().unwrap().to_vec()));
        for line in lines {
            let tab = line.iter().position(|b| *b == b'\t').expect("a tab");
            let count = std::str::from_utf8(&line[tab + 1..]).unwrap().parse().unwrap();
            assert!(counts.insert(line[..tab].to_vec(), count).is_none(), "a key comes once");
        }
    }
    counts
}

/// Lines of some words from a small generator.
fn text(lines: usize) -> Vec<u8> {
    let mut state = 12_345_u64;
    let mut text = Vec::new();
    for _ in 0..lines {
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let word = (state >> 33) % 5000;
            text.extend_from_slice(format!("w{} ", word * word / 5000).as_bytes());
        }
        text.push(b'\n');
    }
    text
}

#[test]
fn words_are_counted_with_many_spills_splits_and_reduces() {
    for (combine, compress) in [(true, false), (false, true)] {
        let place = Place::new();
        let (a, b) = (text(20_000), [b"no newline \xff at\tthe end".as_slice()].concat());
        place.input("a", &a);
        place.input("b", &b);
        place.input("empty", b"");
        let mut job = place.job();
        job.mapper::<Words>().reducer::<IntSum>().reduces(3);
        if combine {
            job.combiner::<IntSum>();
        }
        job.set("mapreduce.map.output.compress", compress);
        job.set("mapreduce.task.io.sort.mb", 1).set("mapreduce.task.io.sort.factor", 2);
        job.set("mapreduce.input.fileinputformat.split.maxsize", 300_000);
        let result = place.run(job);
        assert!(result.succeeded, "{:?}", result.diagnostics);
        let parts = place.output();
        assert_eq!(parts.len(), 4);
        let expected = words(&[a.as_slice(), b"\n", &b].concat());
        assert_eq!(counted(&parts), expected);
        let total: i64 = expected.values().sum();
        let count = |name: &str| result.counters.get(TASK, name);
        assert_eq!(result.counters.get("Words", "SEEN"), total);
        assert_eq!(count("MAP_OUTPUT_RECORDS"), total);
        assert_eq!(count("MAP_INPUT_RECORDS"), 20_001);
        assert_eq!(count("REDUCE_INPUT_GROUPS"), expected.len() as i64);
        assert_eq!(count("REDUCE_OUTPUT_RECORDS"), expected.len() as i64);
        assert_eq!(count("SHUFFLED_MAPS") % 3, 0);
        let reduced = if combine {
            count("REDUCE_INPUT_RECORDS") < total
        } else {
            count("REDUCE_INPUT_RECORDS") == total
        };
        assert!(reduced, "{}", result.counters);
        assert!(count("SPILLED_RECORDS") > 0);
    }
}

#[test]
fn without_reduces_the_maps_write_the_output() {
    let place = Place::new();
    place.input("a", b"b a\nc\n");
    let mut job = place.job();
    job.mapper::<Words>().reduces(0);
    let result = place.run(job);
    assert!(result.succeeded, "{:?}", result.diagnostics);
    let parts = place.output();
    assert_eq!(parts["part-m-00000"], b"b\t1\na\t1\nc\t1\n");
    assert!(parts.contains_key("_SUCCESS"));
}

#[test]
fn empty_input_gives_empty_output() {
    let place = Place::new();
    let mut job = place.job();
    job.mapper::<Words>().reducer::<IntSum>().reduces(2);
    let result = place.run(job);
    assert!(result.succeeded, "{:?}", result.diagnostics);
    assert!(counted(&place.output()).is_empty());
}

#[test]
fn an_output_that_is_there_and_an_input_that_is_not_are_refused() {
    let place = Place::new();
    std::fs::create_dir(place.dir.path().join("out")).unwrap();
    let mut job = place.job();
    job.mapper::<Words>().reducer::<IntSum>();
    let (conf, program) = job.into_parts();
    let error = local::run(&conf, Arc::new(program), &mut ()).unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.mapred.FileAlreadyExistsException");
    std::fs::remove_dir(place.dir.path().join("out")).unwrap();
    std::fs::remove_dir(place.dir.path().join("in")).unwrap();
    let mut job = place.job();
    job.mapper::<Words>().reducer::<IntSum>();
    let (conf, program) = job.into_parts();
    let error = local::run(&conf, Arc::new(program), &mut ()).unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.mapred.InvalidInputException");
}

#[derive(Default)]
struct Panics;

impl Mapper for Panics {
    type KeyIn = LongWritable;
    type ValueIn = Str;
    type KeyOut = Str;
    type ValueOut = IntWritable;

    fn map(&mut self, offset: i64, line: &str, _: &mut Output<Str, IntWritable>) -> Result<()> {
        assert!(line != "panic", "at {offset}");
        Ok(())
    }
}

#[test]
fn a_mapper_that_panics_or_meets_what_is_no_text_fails_the_job_with_its_attempt() {
    for (line, expected) in [(b"panic".as_slice(), "at 3"), (b"\xff", "not UTF-8 at byte 0")] {
        let place = Place::new();
        place.input("a", &[b"ok\n", line].concat());
        let mut job = place.job();
        job.mapper::<Panics>().reduces(1);
        let result = place.run(job);
        assert!(!result.succeeded);
        let why = result.diagnostics.join("\n");
        assert!(why.contains(expected) && why.contains("_m_000000_0"), "{why}");
        assert!(!place.dir.path().join("out/_SUCCESS").exists());
        assert!(!place.dir.path().join("out/_temporary").exists());
    }
}

/// Sorted by both, grouped by the first: values come in order.
#[derive(Default)]
struct Pairs;

type Pair = (Str, LongWritable);

impl Mapper for Pairs {
    type KeyIn = LongWritable;
    type ValueIn = Str;
    type KeyOut = Pair;
    type ValueOut = NullWritable;

    fn map(&mut self, _: i64, line: &str, out: &mut Output<Pair, NullWritable>) -> Result<()> {
        let (name, number) = line.split_once(' ').ok_or_else(|| Error::io("no pair"))?;
        out.write((name, number.parse().map_err(|_| Error::io("no number"))?), ())
    }
}

#[derive(Default)]
struct ByName;

impl Partition for ByName {
    type Key = Pair;
    type Value = NullWritable;

    fn partition(&self, (name, _): (&str, i64), (): (), partitions: u32) -> u32 {
        name.len() as u32 % partitions
    }
}

#[derive(Default)]
struct SameName;

impl Order for SameName {
    type Key = Pair;

    fn compare(&self, a: (&str, i64), b: (&str, i64)) -> std::cmp::Ordering {
        a.0.cmp(b.0)
    }
}

#[derive(Default)]
struct Join;

impl Reducer for Join {
    type KeyIn = Pair;
    type ValueIn = NullWritable;
    type KeyOut = Str;
    type ValueOut = Str;

    fn reduce(
        &mut self,
        (name, _): (&str, i64),
        values: &mut Values<Pair, NullWritable>,
        out: &mut Output<Str, Str>,
    ) -> Result<()> {
        let mut numbers = Vec::new();
        while values.next()?.is_some() {
            numbers.push(values.key()?.1.to_string());
        }
        out.write(name, &numbers.join(","))
    }
}

#[test]
fn secondary_sort() {
    let place = Place::new();
    place.input("a", b"x 3\ny 10\nx -1\n");
    place.input("b", b"x 20\ny 9\nlong 5\nx 3\n");
    let mut job = place.job();
    job.mapper::<Pairs>().reducer::<Join>().partitioner::<ByName>().group_by::<SameName>();
    job.reduces(2);
    let result = place.run(job);
    assert!(result.succeeded, "{:?}", result.diagnostics);
    let parts = place.output();
    assert_eq!(parts["part-r-00000"], b"long\t5\n");
    assert_eq!(parts["part-r-00001"], b"x\t-1,3,3,20\ny\t9,10\n");
    assert_eq!(result.counters.get(TASK, "REDUCE_INPUT_GROUPS"), 3);
}

/// Writes where its attempt's output files are.
#[derive(Default)]
struct Where;

impl Mapper for Where {
    type KeyIn = LongWritable;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = IntWritable;

    fn map(&mut self, _: i64, _: &[u8], out: &mut Output<Text, IntWritable>) -> Result<()> {
        let place = out.task().conf().get("mapreduce.task.output.dir")?.unwrap_or_default();
        out.write(place.as_bytes(), 1)
    }
}

#[test]
fn a_task_knows_where_its_output_is() {
    let place = Place::new();
    place.input("a", b"line\n");
    let mut job = place.job();
    job.mapper::<Where>().reduces(0);
    assert!(place.run(job).succeeded);
    let parts = place.output();
    let text = String::from_utf8_lossy(&parts["part-m-00000"]).into_owned();
    assert!(
        text.starts_with(&format!("{}/_temporary/0/_temporary/attempt_", place.path("out"))),
        "{text}"
    );
}
