//! The whole cluster is killed at once, again and again, while pipelines are set up and while blocks are
//! recovered: what was flushed is there when everything is back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use loxodon_client::{Client, CreateOptions, UserIdentity};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

const BLOCK: usize = 64 << 10;
const DATANODES: usize = 3;
/// Nothing here takes so long, however slow the machine, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(180);

async fn cluster() -> MiniCluster {
    let settings = [
        ("dfs.blocksize", BLOCK.to_string()),
        ("dfs.namenode.fs-limits.min-block-size", "0".to_owned()),
        ("dfs.replication", DATANODES.to_string()),
        ("dfs.heartbeat.interval", "1".to_owned()),
    ];
    let options = MiniClusterOptions {
        datanodes: DATANODES,
        settings: settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ..MiniClusterOptions::default()
    };
    MiniCluster::start(options).await.expect("a cluster")
}

fn client(cluster: &MiniCluster) -> Client {
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Client::connect(cluster.conf(), &cluster.uri(), user).expect("a client")
}

/// Everything goes at once, the NameNode first or last, and comes back.
async fn kill_and_start(cluster: &mut MiniCluster, namenode_first: bool) {
    if namenode_first {
        cluster.kill_namenode().await;
    }
    for index in 0..DATANODES {
        cluster.kill_datanode(index).expect("a DataNode");
    }
    cluster.kill_namenode().await;
    cluster.start_namenode().await.expect("the NameNode starts again");
    for index in 0..DATANODES {
        cluster.start_datanode(index).await.expect("a DataNode starts again");
    }
    cluster.wait_until_serving(PATIENCE).await.expect("the cluster serves again");
}

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| ((at + seed) * 31 % 251) as u8).collect()
}

async fn read(client: &Client, path: &str) -> Vec<u8> {
    let mut reader = client.open(path).await.unwrap_or_else(|e| panic!("open {path}: {e}"));
    let mut all = Vec::new();
    loop {
        let piece = reader.read_bytes(1 << 16).await.unwrap_or_else(|e| panic!("{path}: {e}"));
        if piece.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece);
    }
}

async fn recover(client: &Client, path: &str) {
    let began = Instant::now();
    while !client.recover_lease(path).await.unwrap_or_else(|e| panic!("recoverLease {path}: {e}")) {
        assert!(began.elapsed() < PATIENCE, "{path} is not recovered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a writer knows to be safe.
type Flushed = Arc<Mutex<usize>>;

/// Writes until it is stopped or fails, flushing at odd places; most of the time it starts a block.
async fn write(client: Client, path: String, seed: usize, flushed: Flushed) {
    let content = bytes(64 * BLOCK, seed);
    let Ok(mut writer) = client.create(&path, CreateOptions::default()).await else { return };
    let (mut at, step) = (0, BLOCK / 2 + 977);
    while at < content.len() {
        let end = (at + step).min(content.len());
        if writer.write_all(&content[at..end]).await.is_err() || writer.hflush().await.is_err() {
            return;
        }
        at = end;
        *flushed.lock().expect("a lock") = at;
    }
}

/// The file has what its writer was told, and nothing that the writer did not write.
async fn check(client: &Client, path: &str, seed: usize, flushed: usize) {
    if client.file_info(path).await.expect("getFileInfo").is_none() {
        assert_eq!(flushed, 0, "{path} is gone");
        return;
    }
    let (found, content) = (read(client, path).await, bytes(64 * BLOCK, seed));
    assert!(found.len() >= flushed, "{path}: {} bytes, {flushed} were flushed", found.len());
    assert!(content.starts_with(&found), "{path} has other bytes than were written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_pipelines_are_set_up() {
    let mut rng = Rng::with_seed(7);
    let mut cluster = cluster().await;
    for round in 0..6 {
        let mut writers = Vec::new();
        for seed in 0..4 {
            let (path, flushed) = (format!("/round{round}/f{seed}"), Flushed::default());
            let task = write(client(&cluster), path.clone(), seed, Arc::clone(&flushed));
            writers.push((path, seed, flushed, tokio::spawn(task)));
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(20..300))).await;
        kill_and_start(&mut cluster, round % 2 == 0).await;
        let other = client(&cluster);
        for (path, seed, flushed, task) in writers {
            // It dies with the cluster, whatever it was about to try.
            task.abort();
            drop(task.await);
            let flushed = *flushed.lock().expect("a lock");
            if other.file_info(&path).await.expect("getFileInfo").is_some() {
                recover(&other, &path).await;
            }
            check(&other, &path, seed, flushed).await;
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_blocks_are_recovered() {
    let mut rng = Rng::with_seed(11);
    let mut cluster = cluster().await;
    for round in 0..4 {
        let mut files = Vec::new();
        for seed in 0..4 {
            let (path, flushed) = (format!("/round{round}/f{seed}"), Flushed::default());
            let mut task =
                Box::pin(write(client(&cluster), path.clone(), seed, Arc::clone(&flushed)));
            let until = tokio::time::sleep(Duration::from_millis(rng.u64(50..150)));
            tokio::select! {
                () = &mut task => {}
                () = until => {}
            }
            drop(task);
            let flushed = *flushed.lock().expect("a lock");
            files.push((path, seed, flushed));
        }
        // Recoveries are ordered with the next heartbeat, each time for all files.
        for _ in 0..3 {
            let other = client(&cluster);
            for (path, ..) in &files {
                if other.file_info(path).await.expect("getFileInfo").is_some() {
                    drop(other.recover_lease(path).await);
                }
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(0..1200))).await;
            kill_and_start(&mut cluster, rng.bool()).await;
        }
        let other = client(&cluster);
        for (path, seed, flushed) in files {
            if other.file_info(&path).await.expect("getFileInfo").is_some() {
                recover(&other, &path).await;
            }
            check(&other, &path, seed, flushed).await;
        }
    }
    cluster.stop().await;
}
