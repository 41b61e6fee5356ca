//! Replicas that are damaged, cut or lost on the DataNodes' disks: whoever finds it, the cluster mends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loxodon_client::{Client, CreateOptions, UserIdentity};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

const LENGTH: usize = 300_000;
/// Nothing here takes so long, however slow the machine, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(180);

async fn cluster(more: &[(&str, &str)]) -> MiniCluster {
    let settings = [
        ("dfs.replication", "2"),
        ("dfs.heartbeat.interval", "1"),
        ("dfs.namenode.redundancy.interval.seconds", "1"),
        // Only what a test asks for looks at the disks.
        ("dfs.datanode.scan.period.hours", "-1"),
        ("dfs.datanode.directoryscan.interval", "0"),
    ];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let options = MiniClusterOptions {
        datanodes: 3,
        settings: settings.iter().chain(more).map(owned).collect(),
        ..MiniClusterOptions::default()
    };
    MiniCluster::start(options).await.expect("a cluster")
}

fn client(cluster: &MiniCluster) -> Client {
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Client::connect(cluster.conf(), &cluster.uri(), user).expect("a client")
}

fn content() -> Vec<u8> {
    (0..LENGTH).map(|at| (at * 37 % 251) as u8).collect()
}

async fn put(client: &Client) {
    let mut writer = client.create("/f", CreateOptions::default()).await.expect("create");
    writer.write_all(&content()).await.expect("write");
    writer.close().await.expect("close");
}

async fn read(client: &Client) -> Vec<u8> {
    let mut reader = client.open("/f").await.expect("open");
    let mut all = Vec::new();
    loop {
        let piece = reader.read_bytes(1 << 16).await.expect("read");
        if piece.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece);
    }
}

/// Files of finalized replicas, checksums or data, on all DataNodes.
fn replicas(cluster: &MiniCluster, checksums: bool) -> Vec<PathBuf> {
    let (mut found, mut ahead) = (Vec::new(), vec![cluster.directory().to_owned()]);
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                ahead.push(path);
            } else if name.starts_with("blk_") && name.ends_with(".meta") == checksums {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.to_string_lossy().contains("/finalized/"));
    found.sort();
    found
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a replica");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("a replica");
}

/// Waits until two replicas have every byte, and no other one is left.
async fn mended(cluster: &MiniCluster, how: &str) {
    let (began, content) = (Instant::now(), content());
    loop {
        let all = replicas(cluster, false);
        let good = all.iter().filter(|path| fs::read(path).is_ok_and(|bytes| bytes == content));
        let good = good.count();
        if good == 2 && all.len() == 2 {
            return;
        }
        let late = began.elapsed() > PATIENCE;
        assert!(!late, "{how}: {good} of {} replicas are good: {all:?}", all.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_finds_damaged_is_replaced() {
    for checksums in [false, true] {
        let cluster = cluster(&[]).await;
        put(&client(&cluster)).await;
        mended(&cluster, "before").await;
        flip(&replicas(&cluster, checksums)[0]);
        // Some reader comes to the damaged one first.
        let began = Instant::now();
        loop {
            assert!(read(&client(&cluster)).await == content());
            let all = replicas(&cluster, false);
            if all.len() == 2
                && all.iter().all(|path| fs::read(path).is_ok_and(|b| b == content()))
                && (!checksums || began.elapsed() > Duration::from_secs(2))
            {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "not mended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        mended(&cluster, "by a reader").await;
        cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_scanner_finds_damaged_is_replaced() {
    let cluster = cluster(&[("dfs.datanode.directoryscan.interval", "1")]).await;
    put(&client(&cluster)).await;
    mended(&cluster, "before").await;
    // Cut, gone, and, when it is whole again, a file without its checksums.
    let data = replicas(&cluster, false);
    fs::OpenOptions::new().write(true).open(&data[0]).expect("it").set_len(1000).expect("cut");
    mended(&cluster, "a short replica").await;
    fs::remove_file(&replicas(&cluster, false)[1]).expect("remove");
    mended(&cluster, "a lost replica").await;
    assert!(read(&client(&cluster)).await == content());
    cluster.stop().await;
}

/// Removes the notes of block scanners; whether there were any.
fn forget_scans(cluster: &MiniCluster) -> bool {
    let (mut found, mut ahead) = (false, vec![cluster.directory().to_owned()]);
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            if entry.path().is_dir() {
                ahead.push(entry.path());
            } else if entry.file_name() == "scanner.cursor" {
                fs::remove_file(entry.path()).expect("remove");
                found = true;
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_block_scanner_finds_damaged_is_replaced() {
    // A scan begins with a DataNode; where it ended long ago, the next one begins then.
    let mut cluster = cluster(&[("dfs.datanode.scan.period.hours", "1")]).await;
    put(&client(&cluster)).await;
    mended(&cluster, "before").await;
    flip(&replicas(&cluster, false)[0]);
    for index in 0..3 {
        cluster.kill_datanode(index).expect("a DataNode");
    }
    // A scanner that is being stopped notes how far it was: until none comes any more.
    let mut quiet = 0;
    while quiet < 10 {
        quiet = if forget_scans(&cluster) { 0 } else { quiet + 1 };
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for index in 0..3 {
        cluster.start_datanode(index).await.expect("it starts again");
    }
    mended(&cluster, "by the block scanner").await;
    cluster.stop().await;
}
