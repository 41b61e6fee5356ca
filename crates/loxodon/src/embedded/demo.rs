//! `loxodon demo`: a file goes in, comes out and has its words counted, while a DataNode, the NameNode and
//! a TaskTracker are lost on the way.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use loxodon_client::{Client, CreateOptions, LocatedBlocks, UserIdentity};
use loxodon_console::{eprintln, print, println};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};
use md5::{Digest, Md5};

use super::{site_file, words};

const USAGE: &str = "\
Usage: loxodon demo [--keep] [FILE]

Starts HDFS and MapReduce in this process, stores FILE (or a text made for it), loses a DataNode
and the NameNode, shows that nothing of the file is lost, and counts its words while a TaskTracker
is lost. --keep leaves the cluster running.
";

const DATANODES: usize = 3;
/// TaskTrackers of the cluster.
pub(super) const TRACKERS: usize = 3;
/// Words of the text that is made where no file is given.
const WORDS: u64 = 4_000_000;
const REPLICATION: u16 = 2;
const BLOCK: u64 = 4 << 20;
/// The longest range that the protocol can ask for.
const EVERYTHING: u64 = i64::MAX.unsigned_abs();
const STORED_AS: &str = "/demo/file";
/// For the NameNode to give a DataNode up, and for its blocks to be copied.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs the command; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let mut keep = false;
    let mut file = None;
    for arg in args {
        match arg.as_str() {
            "--keep" | "-keep" => keep = true,
            "-help" | "--help" | "-h" => {
                print!("{USAGE}");
                return 0;
            }
            option if option.starts_with('-') => {
                eprintln!("demo: Unrecognized option: {option}\n\n{USAGE}");
                return 1;
            }
            path if file.is_none() => file = Some(PathBuf::from(path)),
            more => {
                eprintln!("demo: one file, not also '{more}'\n\n{USAGE}");
                return 1;
            }
        }
    }
    let shown = super::runtime()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(show(file.as_deref(), keep)));
    match shown {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("demo: {error}");
            1
        }
    }
}

async fn show(file: Option<&Path>, keep: bool) -> Result<()> {
    let made = if file.is_none() { Some(make_text()?) } else { None };
    let Some(file) = file.or(made.as_ref().map(tempfile::NamedTempFile::path)) else {
        return Err("there is no file".into());
    };
    let words = count_words(file)?;
    let start = Instant::now();
    let mut cluster = MiniCluster::start(options()).await?;
    println!(
        "1. A NameNode, {DATANODES} DataNodes on two racks, a JobTracker and {TRACKERS} TaskTrackers serve after \
         {} ms: {}",
        start.elapsed().as_millis(),
        cluster.uri()
    );
    let client = connect(&cluster)?;

    let stored = put(&client, file).await?;
    let victim = show_blocks(&client, &cluster).await?;

    cluster.kill_datanode(victim)?;
    println!(
        "\n4. DataNode {} is gone without a word; the file is read all the same.",
        cluster.datanode_address(victim).unwrap_or_default()
    );
    read_back(&client, &stored).await?;
    watch_replication(&client, &cluster).await?;

    cluster.kill_namenode().await;
    let start = Instant::now();
    cluster.start_namenode().await?;
    cluster.wait_until_serving(PATIENCE).await?;
    println!(
        "\n6. The NameNode was killed, started again from its disk, and serves after {} ms.",
        start.elapsed().as_millis()
    );
    let client = connect(&cluster)?;
    read_back(&client, &stored).await?;
    words::count(&mut cluster, &client, STORED_AS, words).await?;
    finish(cluster, keep).await
}

fn options() -> MiniClusterOptions {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    MiniClusterOptions {
        datanodes: DATANODES,
        tasktrackers: TRACKERS,
        racks: vec!["/rack-a".into(), "/rack-b".into()],
        settings: vec![
            set("dfs.replication", &REPLICATION.to_string()),
            set("dfs.blocksize", &BLOCK.to_string()),
            // A demonstration does not wait ten minutes until a silent DataNode is given up.
            set("dfs.heartbeat.interval", "1"),
            set("dfs.namenode.heartbeat.recheck-interval", "200"),
            set("mapreduce.jobtracker.expire.trackers.interval", "3000"),
            set("dfs.namenode.redundancy.interval.seconds", "1"),
        ],
        ..MiniClusterOptions::default()
    }
}

/// A text of common and rare words, the same at every run.
fn make_text() -> Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::with_prefix("loxodon-demo-")?;
    let mut out = std::io::BufWriter::new(file.as_file_mut());
    let mut state = 42_u64;
    for at in 1..=WORDS {
        // Knuth's generator; of two numbers the lesser, so that some words come often.
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 5000
        };
        let word = next().min(next()).min(next());
        let end = if at % 12 == 0 { '\n' } else { ' ' };
        write!(out, "word{word}{end}")?;
    }
    out.flush()?;
    drop(out);
    Ok(file)
}

/// How many words a file has, as the job's tokenizer sees them.
fn count_words(file: &Path) -> Result<u64> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut local = File::open(file).map_err(failed)?;
    let (mut words, mut within) = (0, false);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = local.read(&mut buffer).map_err(failed)?;
        let Some(data) = buffer.get(..count).filter(|data| !data.is_empty()) else {
            return Ok(words + u64::from(within));
        };
        for byte in data {
            let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
            words += u64::from(within && is_space);
            within = !is_space;
        }
    }
}

fn connect(cluster: &MiniCluster) -> Result<Client> {
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Ok(Client::connect(cluster.conf(), &cluster.uri(), user)?)
}

/// A file that went in.
struct Stored {
    length: u64,
    md5: String,
}

async fn put(client: &Client, file: &Path) -> Result<Stored> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut local = File::open(file).map_err(failed)?;
    let length = local.metadata().map_err(failed)?.len();
    println!("\n2. put {} as {STORED_AS}", file.display());
    let bar = progress(length);
    let start = Instant::now();
    let mut writer = client.create(STORED_AS, CreateOptions::default().overwrite(true)).await?;
    let mut digest = Md5::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = local.read(&mut buffer).map_err(failed)?;
        let Some(data) = buffer.get(..count).filter(|data| !data.is_empty()) else { break };
        digest.update(data);
        writer.write_all(data).await?;
        bar.inc(count as u64);
    }
    writer.close().await?;
    bar.finish_and_clear();
    let md5 = hex(&digest.finalize());
    println!("   {} in {:.2} s, md5 {md5}", megabytes(length), start.elapsed().as_secs_f64());
    Ok(Stored { length, md5 })
}

/// The blocks whose replicas are all known.
fn whole_blocks(located: &LocatedBlocks) -> usize {
    let wanted = usize::from(REPLICATION);
    located.blocks.iter().filter(|block| block.locations.len() >= wanted).count()
}

/// Prints where the blocks are; the number of a DataNode that has one.
async fn show_blocks(client: &Client, cluster: &MiniCluster) -> Result<usize> {
    let start = Instant::now();
    let mut located = client.block_locations(STORED_AS, 0, EVERYTHING).await?;
    // A file is complete with the first replica of each block; the DataNodes tell of the others in a moment.
    while whole_blocks(&located) < located.blocks.len() && start.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        located = client.block_locations(STORED_AS, 0, EVERYTHING).await?;
    }
    println!("\n3. {} blocks, {REPLICATION} replicas each, on both racks:", located.blocks.len());
    for block in &located.blocks {
        let places: Vec<String> = block
            .locations
            .iter()
            .map(|l| {
                format!("{}{}", l.datanode.rack, format_args!("/{}", l.datanode.transfer_address()))
            })
            .collect();
        println!(
            "   blk_{}  {:>9}  {}",
            block.block.id,
            megabytes(block.block.length),
            places.join("  ")
        );
    }
    let first = located.blocks.first().and_then(|b| b.locations.first());
    let address = first.map(|location| location.datanode.transfer_address());
    let victim = (0..DATANODES).find(|index| cluster.datanode_address(*index) == address);
    Ok(victim.unwrap_or(0))
}

async fn read_back(client: &Client, stored: &Stored) -> Result<()> {
    let start = Instant::now();
    let mut reader = client.open(STORED_AS).await?;
    let bar = progress(stored.length);
    let mut digest = Md5::new();
    let mut length = 0;
    loop {
        let data = reader.read_bytes(1 << 20).await?;
        if data.is_empty() {
            break;
        }
        digest.update(&data);
        length += data.len() as u64;
        bar.inc(data.len() as u64);
    }
    bar.finish_and_clear();
    let md5 = hex(&digest.finalize());
    if md5 != stored.md5 {
        return Err(
            format!("what was read is not what was stored: {length} bytes, md5 {md5}").into()
        );
    }
    println!(
        "   {} in {:.2} s, md5 {md5}: the same",
        megabytes(length),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Waits until every block has its replicas on DataNodes that are alive.
async fn watch_replication(client: &Client, cluster: &MiniCluster) -> Result<()> {
    println!("\n5. The NameNode notices, and has the lost replicas made again:");
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < PATIENCE {
        let live = cluster.live_datanodes();
        let located = client.block_locations(STORED_AS, 0, EVERYTHING).await?;
        let whole = whole_blocks(&located);
        let now = (live, whole);
        if last != Some(now) {
            println!(
                "   {:>4.1} s  {live} DataNodes live, {whole} of {} blocks with {REPLICATION} replicas",
                start.elapsed().as_secs_f64(),
                located.blocks.len()
            );
            last = Some(now);
        }
        if live < DATANODES && whole == located.blocks.len() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(format!("the replicas are not there again after {} s", PATIENCE.as_secs()).into())
}

async fn finish(cluster: MiniCluster, keep: bool) -> Result<()> {
    println!("\nNothing was lost.");
    if !keep {
        cluster.stop().await;
        println!("Next: loxodon demo --keep        leaves such a cluster running");
        println!("      loxodon minicluster -help  one of your own");
        return Ok(());
    }
    let conf = cluster.directory().join("conf");
    std::fs::create_dir_all(&conf)?;
    site_file::write(cluster.conf(), &conf.join("core-site.xml"))?;
    println!("The cluster goes on until Ctrl-C. In another terminal:\n");
    println!("  export HADOOP_CONF_DIR={}", conf.display());
    println!("  loxodon hdfs dfs -ls -R /");
    println!("  loxodon hdfs fsck {STORED_AS} -files -blocks -locations");
    println!("  loxodon mapred job -list all");
    println!(
        "  curl http://127.0.0.1:{}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystem",
        cluster.http_port()
    );
    println!("  and in a browser: http://127.0.0.1:{}/", cluster.jobtracker_ports().1);
    loxodon_runtime::daemon::told_to_end().await;
    cluster.stop().await;
    Ok(())
}

/// A bar on a terminal, nothing elsewhere.
fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = "   {bar:40} {bytes}/{total_bytes}  {bytes_per_sec}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
