//! The demonstration's job: the words of the stored text are counted, and a TaskTracker is lost meanwhile.

use std::time::{Duration, Instant};

use loxodon_client::Client;
use loxodon_conf::Configuration;
use loxodon_console::println;
use loxodon_mapreduce::builtin_classes;
use loxodon_mapreduce::local::{JobResult, Progress};
use loxodon_mapreduce::program::cluster;
use loxodon_runtime::minicluster::MiniCluster;
use tokio::sync::watch;

use super::demo::Result;

const COUNTED_IN: &str = "/demo/words";
/// Part of the maps that is done when the TaskTracker goes.
const SOME_DONE: u32 = 20;
/// For a job of a second or two on a cluster that loses a part.
const PATIENCE: Duration = Duration::from_secs(60);
/// The words that are shown.
const SHOWN: usize = 3;
/// Who set a value, in error messages about it.
const SOURCE: &str = "the demonstration";

/// What the terminal is told of the job, and how far the maps are.
struct Heard(watch::Sender<u32>);

impl Progress for Heard {
    fn line(&mut self, text: &str) {
        // Counters come at the end and are long; what of them matters is printed by itself.
        if text.starts_with("Running job") {
            println!("   {text}");
        }
    }

    fn percent(&mut self, map: u32, reduce: u32) {
        println!("   map {map}% reduce {reduce}%");
        // Nobody listens any more once the TaskTracker is gone.
        let _ = self.0.send(map);
    }
}

fn job(conf: &Configuration, input: &str) -> Configuration {
    let mut job = conf.clone();
    let class = "org.apache.hadoop.examples.WordCount$";
    for (name, value) in [
        ("mapreduce.job.name", "the demonstration's words".to_owned()),
        ("mapreduce.job.map.class", format!("{class}TokenizerMapper")),
        ("mapreduce.job.combine.class", format!("{class}IntSumReducer")),
        ("mapreduce.job.reduce.class", format!("{class}IntSumReducer")),
        ("mapreduce.job.output.key.class", "org.apache.hadoop.io.Text".to_owned()),
        ("mapreduce.job.output.value.class", "org.apache.hadoop.io.IntWritable".to_owned()),
        ("mapreduce.input.fileinputformat.inputdir", input.to_owned()),
        ("mapreduce.output.fileoutputformat.outputdir", COUNTED_IN.to_owned()),
        ("mapreduce.job.reduces", "2".to_owned()),
        ("loxodon.job.program", "loxodon".to_owned()),
    ] {
        job.set(name, &value, SOURCE);
    }
    job
}

/// Counts the words of `input`, of which there are `words`; takes a TaskTracker away on the way.
pub(super) async fn count(
    cluster: &mut MiniCluster,
    client: &Client,
    input: &str,
    words: u64,
) -> Result<()> {
    println!("\n7. Its words are counted where its blocks are:");
    let start = Instant::now();
    let conf = job(cluster.conf(), input);
    let (sender, mut maps) = watch::channel(0);
    let counting = tokio::task::spawn_blocking(move || {
        let mut heard = Heard(sender);
        cluster::submit(&conf, &builtin_classes(), &mut heard)?.follow(&mut heard)
    });
    // What is seen must be let go at once: the sender waits for it.
    let some_done = {
        let seen = tokio::time::timeout(PATIENCE, maps.wait_for(|done| *done >= SOME_DONE)).await;
        matches!(seen, Ok(Ok(_)))
    };
    if some_done {
        let busiest = (0..super::demo::TRACKERS)
            .max_by_key(|index| cluster.tasktracker(*index).map_or(0, |t| t.running().len()))
            .unwrap_or(0);
        let name = cluster.tasktracker(busiest).map(|tracker| tracker.name()).unwrap_or_default();
        cluster.kill_tasktracker(busiest)?;
        println!("   {name} is gone without a word");
    }
    let result = tokio::time::timeout(PATIENCE, counting).await???;
    report(&result, start.elapsed());
    if !result.succeeded {
        return Err(format!("the job failed: {}", result.diagnostics.join("; ")).into());
    }
    show_words(client, words).await
}

fn report(result: &JobResult, took: Duration) {
    let number = |name: &str| result.counters.get("org.apache.hadoop.mapreduce.JobCounter", name);
    println!(
        "   {}: {} in {:.1} s; {} maps launched, {} beside their data, {} on their rack; {} reduces",
        result.job,
        if result.succeeded { "succeeded" } else { "failed" },
        took.as_secs_f64(),
        number("TOTAL_LAUNCHED_MAPS"),
        number("DATA_LOCAL_MAPS"),
        number("RACK_LOCAL_MAPS"),
        number("TOTAL_LAUNCHED_REDUCES"),
    );
}

async fn show_words(client: &Client, words: u64) -> Result<()> {
    let mut counts: Vec<(u64, String)> = Vec::new();
    for part in ["part-r-00000", "part-r-00001"] {
        let mut reader = client.open(&format!("{COUNTED_IN}/{part}")).await?;
        let mut text = Vec::new();
        loop {
            let data = reader.read_bytes(1 << 20).await?;
            if data.is_empty() {
                break;
            }
            text.extend_from_slice(&data);
        }
        for line in String::from_utf8_lossy(&text).lines() {
            if let Some((word, count)) = line.split_once('\t') {
                counts.push((count.parse()?, word.to_owned()));
            }
        }
    }
    let sum: u64 = counts.iter().map(|(count, _)| count).sum();
    if sum != words {
        return Err(format!("{sum} words were counted, but {words} were stored").into());
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let most: Vec<String> =
        counts.iter().take(SHOWN).map(|(count, word)| format!("{word} {count}")).collect();
    println!("   {sum} words, {} different: {} …", counts.len(), most.join(", "));
    Ok(())
}
