//! DataNodes that die while our own client writes, or shortly before, when the NameNode still lists
//! them.

use loxodon_client::{AppendOptions, Client, CreateOptions, SyncOptions, UserIdentity};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

use crate::replicas::wait_for_replicas;

const BLOCK: usize = 1 << 20;

async fn cluster(datanodes: usize, replication: &str) -> MiniCluster {
    let options = MiniClusterOptions {
        datanodes,
        settings: vec![
            ("dfs.blocksize".to_owned(), BLOCK.to_string()),
            ("dfs.replication".to_owned(), replication.to_owned()),
            // Where no further node is to be had, the write goes on with fewer.
            (
                "dfs.client.block.write.replace-datanode-on-failure.best-effort".to_owned(),
                "true".to_owned(),
            ),
        ],
        ..MiniClusterOptions::default()
    };
    MiniCluster::start(options).await.expect("a cluster")
}

fn client(cluster: &MiniCluster) -> Client {
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Client::connect(cluster.conf(), &cluster.uri(), user).expect("a client")
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

async fn put(client: &Client, path: &str, content: &[u8]) -> loxodon_client::Result<()> {
    let mut writer = client.create(path, CreateOptions::default()).await?;
    writer.write_all(content).await?;
    writer.close().await
}

async fn read(client: &Client, path: &str) -> Vec<u8> {
    let mut reader = client.open(path).await.expect("open");
    let mut all = Vec::new();
    loop {
        let piece = reader.read_bytes(1 << 16).await.expect("read");
        if piece.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece);
    }
}

/// Each file has a client of its own, as `put` has, which knows of no dead node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_that_is_still_listed_is_left_out() {
    for (datanodes, replication, dead) in [(3, "1", 1), (4, "1", 3), (4, "3", 1), (3, "3", 2)] {
        let mut cluster = cluster(datanodes, replication).await;
        for index in 0..dead {
            cluster.kill_datanode(index).expect("a DataNode");
        }
        for file in 0..8 {
            let client = client(&cluster);
            let (path, content) = (format!("/f{file}"), bytes(BLOCK + 1000 * file));
            let case = format!("{path}, {dead} of {datanodes} dead, {replication} replicas");
            put(&client, &path, &content).await.unwrap_or_else(|e| panic!("{case}: {e}"));
            assert!(read(&client, &path).await == content, "{case}");
        }
        cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_node_left_the_error_says_so() {
    let mut cluster = cluster(2, "1").await;
    for index in 0..2 {
        cluster.kill_datanode(index).expect("a DataNode");
    }
    let error = put(&client(&cluster), "/f", b"content").await.expect_err("nowhere to write");
    let text = error.to_string();
    assert!(
        text.contains("could only be written to 0 of the 1 minReplication nodes")
            && text.contains("2 datanode(s) running and 2 node(s) are excluded"),
        "{text}"
    );
    cluster.stop().await;
}

/// One after the other, at a block's start, within it and at its end; the last one goes on alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_pipeline_die_while_it_is_written() {
    for (first, second) in [(1, BLOCK / 2), (BLOCK / 2, BLOCK), (BLOCK - 1, BLOCK + BLOCK / 3)] {
        let mut cluster = cluster(3, "3").await;
        let client = client(&cluster);
        let content = bytes(3 * BLOCK + 12_345);
        let mut writer = client.create("/f", CreateOptions::default()).await.expect("create");
        writer.write_all(&content[..first]).await.expect("write");
        writer.hflush().await.expect("hflush");
        cluster.kill_datanode(0).expect("a DataNode");
        writer.write_all(&content[first..second]).await.expect("write with two");
        writer.hsync(SyncOptions::default()).await.expect("hsync with two");
        cluster.kill_datanode(2).expect("a DataNode");
        writer.write_all(&content[second..]).await.expect("write with one");
        writer.close().await.unwrap_or_else(|e| panic!("close after {first}, {second}: {e}"));
        assert!(read(&client, "/f").await == content, "after {first}, {second}");
        cluster.stop().await;
    }
}

/// Under load, without a flush that would tell where the writer is; a fourth node takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_dies_once_in_a_long_write() {
    let mut cluster = cluster(4, "3").await;
    let client = client(&cluster);
    let content = bytes(24 * BLOCK);
    let mut writer = client.create("/f", CreateOptions::default()).await.expect("create");
    for (index, part) in content.chunks(6 * BLOCK).enumerate() {
        writer.write_all(part).await.expect("write");
        cluster.kill_datanode(index).expect("a DataNode");
        writer.write_all(b"").await.expect("write");
        cluster.start_datanode(index).await.expect("it starts again");
    }
    writer.close().await.expect("close");
    assert!(read(&client, "/f").await == content);
    cluster.stop().await;
}

/// Before the pipeline is set up, while data is on its way, and when only the end is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_die_while_a_file_is_appended_to() {
    for when in 0..3 {
        let mut cluster = cluster(3, "3").await;
        let client = client(&cluster);
        let content = bytes(2 * BLOCK + 777);
        let (first, second) = (BLOCK / 2 + 100, BLOCK - 5);
        put(&client, "/f", &content[..first]).await.expect("put");
        wait_for_replicas(&client, "/f", 3).await;
        if when == 0 {
            cluster.kill_datanode(1).expect("a DataNode");
        }
        let mut writer = client.append("/f", AppendOptions::default()).await.expect("append");
        writer.write_all(&content[first..second]).await.expect("write");
        writer.hflush().await.unwrap_or_else(|e| panic!("hflush, case {when}: {e}"));
        if when == 1 {
            cluster.kill_datanode(1).expect("a DataNode");
        }
        writer.write_all(&content[second..]).await.expect("write on");
        if when == 2 {
            writer.hflush().await.expect("hflush");
            cluster.kill_datanode(1).expect("a DataNode");
        }
        writer.close().await.unwrap_or_else(|e| panic!("close, case {when}: {e}"));
        assert!(read(&client, "/f").await == content, "case {when}");
        cluster.stop().await;
    }
}
