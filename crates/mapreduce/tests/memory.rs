//! What a job holds in memory, whatever the size of its records and the number of its keys.
//!
//! The job runs in a process of its own, which says what it had resident at most.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests are not marked as tests

use std::process::Command;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::local;
use loxodon_mapreduce::program::*;

/// Where the child finds its directory.
const DIRECTORY: &str = "LOXODON_TEST_DIRECTORY";

/// Where the child finds what is different in its job.
const HOW: &str = "LOXODON_TEST_HOW";

/// Megabytes of data that the maps emit for each line of input.
const MEGABYTES: usize = 4;

/// Many keys with short values, one key with a long list of values, and a value of a megabyte now and then.
#[derive(Default)]
struct Inflate;

impl Mapper for Inflate {
    type KeyIn = LongWritable;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = Text;

    fn map(&mut self, at: i64, _: &[u8], out: &mut Output<Text, Text>) -> Result<()> {
        let long = vec![b'v'; 1 << 20];
        out.write(b"long", &long)?;
        for number in 0..(MEGABYTES - 1) << 20 >> 8 {
            let value = &long[..118];
            out.write(format!("{at}-{number}").as_bytes(), value)?;
            out.write(b"one list", value)?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Lengths;

impl Reducer for Lengths {
    type KeyIn = Text;
    type ValueIn = Text;
    type KeyOut = NullWritable;
    type ValueOut = LongWritable;

    fn reduce(
        &mut self,
        _: &[u8],
        values: &mut Values<Text, Text>,
        out: &mut Output<NullWritable, LongWritable>,
    ) -> Result<()> {
        let mut sum = 0;
        while let Some(value) = values.next()? {
            sum += value.len() as i64;
        }
        out.counter("test", "BYTES")?.add(sum);
        if sum > 1000 { out.write((), sum) } else { Ok(()) }
    }
}

/// Passes everything on: what a combiner holds is what its input makes it hold.
#[derive(Default)]
struct Keep;

impl Reducer for Keep {
    type KeyIn = Text;
    type ValueIn = Text;
    type KeyOut = Text;
    type ValueOut = Text;

    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut Values<Text, Text>,
        out: &mut Output<Text, Text>,
    ) -> Result<()> {
        while let Some(value) = values.next()? {
            out.write(key, value)?;
        }
        Ok(())
    }
}

#[test]
fn a_job_holds_what_its_buffers_may_and_no_more() {
    most_resident("");
}

#[test]
fn a_job_with_a_combiner_holds_no_more() {
    most_resident("combine");
}

fn most_resident(how: &str) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("in"), "line\n".repeat(50)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .env(HOW, how)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let most = text.split("most resident: ").nth(1).and_then(|t| t.split_whitespace().next());
    let most: u64 = most.and_then(|m| m.parse().ok()).expect(&text);
    // 200 MB of data; 8 MB to sort, 16 MB to shuffle, the program, and records in the making.
    assert!(most < 72 << 10, "{most} KiB");
}

#[test]
#[ignore = "the other test runs it in a process of its own"]
fn child() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let mut job = Job::new(Configuration::new());
    job.set("fs.defaultFS", "file:///").set("hadoop.tmp.dir", &dir);
    job.set("mapreduce.task.io.sort.mb", 8);
    job.set("mapreduce.reduce.memory.totalbytes", 16 << 20);
    job.set("mapreduce.input.fileinputformat.split.maxsize", 60);
    job.set("mapreduce.local.map.tasks.maximum", 1);
    job.mapper::<Inflate>().reducer::<Lengths>();
    if std::env::var(HOW).is_ok_and(|how| how == "combine") {
        job.combiner::<Keep>().set("mapreduce.task.io.sort.factor", 4);
    }
    job.input(&format!("file:{dir}/in")).output(&format!("file:{dir}/out"));
    let (conf, program) = job.into_parts();
    let result = local::run(&conf, Arc::new(program), &mut ()).unwrap();
    assert!(result.succeeded, "{:?}", result.diagnostics);
    let lines = 50;
    let short = (MEGABYTES - 1) << 20 >> 8;
    let expected = lines * ((1 << 20) + 2 * 118 * short);
    assert_eq!(result.counters.get("test", "BYTES"), expected as i64);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    println!("most resident: {}", most.trim());
}
