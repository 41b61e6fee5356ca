//! Records of 100 bytes collected, sorted, spilled and merged in one task, beside a sort of the same bytes in memory.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use loxodon_mapreduce::collect::{
    BufferSize, KeyOrder, Leading, MapOutputBuffer, Partitioner, Spiller,
};
use loxodon_mapreduce::counters::Counter;
use loxodon_mapreduce::task::LocalDirs;

use crate::{Plan, Result};

const RECORDS: u64 = 10_000_000;
const KEY: usize = 10;
const RECORD: usize = 100;

/// Measures; the number is that of records.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let records = plan.size.unwrap_or(RECORDS);
    let root = tempfile::tempdir()?;
    println!(
        "\n| {records} records | seconds | CPU seconds | MB resident |\n| --- | --- | --- | --- |"
    );
    let task = measured("collect, sort, spill, merge in buffers of 100 MB", || {
        in_a_task(records, root.path())
    })?;
    let memory = measured("sort in memory", || in_memory(records))?;
    let disk = measured("write and read the bytes once", || on_disk(records, root.path()))?;
    println!(
        "| ratio to a sort in memory | {:.2} | {:.2} | |",
        task.0 / memory.0,
        task.1 / memory.1
    );
    let both = (memory.0 + disk.0, memory.1 + disk.1);
    println!("| ratio to both | {:.2} | {:.2} | |", task.0 / both.0, task.1 / both.1);
    Ok(())
}

/// Runs and prints; gives wall and CPU seconds.
fn measured(what: &str, run: impl FnOnce() -> Result<()>) -> Result<(f64, f64)> {
    let (start, before) = (Instant::now(), cpu_seconds());
    run()?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - before);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.split_whitespace().next());
    let most: f64 = most.and_then(|m| m.parse().ok()).unwrap_or(f64::NAN);
    println!("| {what} | {wall:.2} | {cpu:.2} | {:.0} |", most * 1024.0 / 1e6);
    Ok((wall, cpu))
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn records(count: u64) -> impl Iterator<Item = [u8; RECORD]> {
    let mut chance = fastrand::Rng::with_seed(1);
    (0..count).map(move |_| {
        let mut record = [b'v'; RECORD];
        for (to, from) in record.iter_mut().take(KEY).zip(chance.u128(..).to_le_bytes()) {
            *to = from;
        }
        record
    })
}

fn in_a_task(count: u64, root: &Path) -> Result<()> {
    let spiller = Spiller {
        partitions: 1,
        order: KeyOrder::Bytes(Leading::None),
        codec: None,
        combiner: None,
        combine_early: false,
        combine_spills: 3,
        factor: 10,
        spill_limit: None,
        buffers: 16 << 20,
        dirs: Arc::new(LocalDirs::new("bench", vec![root.to_owned()])),
        task: None,
        spilled: Counter::default(),
    };
    let size = BufferSize { bytes: 100 << 20, spill_at: 0.8 };
    let (written, bytes) = (Counter::default(), Counter::default());
    let mut buffer = MapOutputBuffer::new(size, Partitioner::Single, spiller, written, bytes)?;
    for record in records(count) {
        let (key, value) = record.split_at(KEY);
        buffer.collect(|to| to.extend_from_slice(key), |to| to.extend_from_slice(value))?;
    }
    let output = buffer.finish(&mut |_| Ok(()))?;
    let least = count * RECORD as u64;
    if output.length < least {
        return Err(format!("{} bytes came out, fewer than {least}", output.length).into());
    }
    Ok(())
}

fn in_memory(count: u64) -> Result<()> {
    let mut all: Vec<[u8; RECORD]> = records(count).collect();
    all.sort_unstable();
    match all.is_sorted() {
        true => Ok(()),
        false => Err("not sorted".into()),
    }
}

fn on_disk(count: u64, root: &Path) -> Result<()> {
    let path = root.join("bytes");
    let mut piece = vec![7; RECORD * 10_000];
    let mut file = File::create(&path)?;
    for _ in 0..count / 10_000 {
        file.write_all(&piece)?;
    }
    let mut file = File::open(&path)?;
    while file.read(&mut piece)? > 0 {}
    Ok(())
}
