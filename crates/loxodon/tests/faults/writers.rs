//! Files whose writers meet others, die, or meet safe mode; on a cluster with DataNodes.

use std::time::{Duration, Instant};

use loxodon_client::{AppendOptions, Client, CreateOptions, SafeModeAction, UserIdentity};
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

const BLOCK: u64 = 1 << 20;
/// Nothing here takes so long, however slow the machine, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(180);

async fn cluster() -> MiniCluster {
    cluster_with(&[]).await
}

async fn cluster_with(more: &[(&str, &str)]) -> MiniCluster {
    let block = BLOCK.to_string();
    let settings = [("dfs.blocksize", block.as_str()), ("dfs.heartbeat.interval", "1")];
    let settings = settings.iter().chain(more);
    let options = MiniClusterOptions {
        datanodes: 2,
        settings: settings.map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..MiniClusterOptions::default()
    };
    MiniCluster::start(options).await.expect("a cluster")
}

fn client(cluster: &MiniCluster) -> Client {
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Client::connect(cluster.conf(), &cluster.uri(), user).expect("a client")
}

fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_writers_file_recovers_to_what_was_acknowledged() {
    let cluster = cluster().await;
    for (name, flushed, more) in [
        ("/in_the_first_block", 300_000, 0),
        ("/in_the_second_block", BLOCK + 70_001, 0),
        ("/at_the_end_of_a_block", BLOCK, 0),
        ("/with_more_under_way", 100_000, 200_000),
    ] {
        let writer_side = client(&cluster);
        let mut writer = writer_side.create(name, CreateOptions::default()).await.expect("create");
        let content = bytes(flushed + more);
        let (first, rest) = content.split_at(usize::try_from(flushed).expect("a length"));
        writer.write_all(first).await.expect("write");
        writer.hflush().await.expect("hflush");
        writer.write_all(rest).await.expect("write");
        // What is flushed is read by others while the file is open.
        let other = client(&cluster);
        assert!(read(&other, name).await.starts_with(first), "{name}");
        // It dies: nothing is closed.
        drop((writer, writer_side));
        let began = Instant::now();
        while !other.recover_lease(name).await.expect("recoverLease") {
            assert!(began.elapsed() < PATIENCE, "{name} is not recovered");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(other.is_file_closed(name).await.expect("isFileClosed"));
        let found = read(&other, name).await;
        let length = other.file_info(name).await.expect("getFileInfo").expect("the file").length;
        assert_eq!(found.len() as u64, length, "{name}");
        assert!(found.starts_with(first) && content.starts_with(&found), "{name}: {length} bytes");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_has_one_writer() {
    let cluster = cluster().await;
    let (first, second) = (client(&cluster), client(&cluster));
    let mut writer = first.create("/f", CreateOptions::default()).await.expect("create");
    writer.write_all(b"first").await.expect("write");
    writer.hflush().await.expect("hflush");
    let error = second.create("/f", CreateOptions::default()).await.expect_err("refused");
    assert!(error.is("AlreadyBeingCreatedException"), "{}: {error}", error.java_class());
    let error = second.append("/f", AppendOptions::default()).await.expect_err("refused");
    assert!(error.is("AlreadyBeingCreatedException"), "{}: {error}", error.java_class());
    let holder = first.client_name();
    assert!(error.to_string().contains(&*holder.to_string()), "{error}");
    // Who overwrites takes the file away from its writer, whose file is gone then.
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let mut taken = second.create("/f", options).await.expect("create");
    taken.write_all(b"second").await.expect("write");
    taken.close().await.expect("close");
    let error = writer.close().await.expect_err("its file is gone");
    assert!(error.is("FileNotFoundException"), "{}: {error}", error.java_class());
    assert_eq!(read(&second, "/f").await, b"second");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safe_mode_lets_read_and_nothing_else() {
    let cluster = cluster().await;
    let client = client(&cluster);
    let mut writer = client.create("/f", CreateOptions::default()).await.expect("create");
    writer.write_all(b"content").await.expect("write");
    writer.close().await.expect("close");
    assert!(client.set_safe_mode(SafeModeAction::Enter, false).await.expect("enter"));
    assert_eq!(read(&client, "/f").await, b"content");
    assert!(client.content_summary("/").await.is_ok());
    macro_rules! refused {
        ($($words:literal: $call:expr),* $(,)?) => {$(
            let error = $call.await.err().expect($words);
            let text = error.to_string();
            assert!(error.is("SafeModeException"), "{text}");
            let start = concat!($words, ". Name node is in safe mode.");
            assert!(text.starts_with(start), "{text}");
        )*};
    }
    refused! {
        "Cannot create directory /d": client.mkdirs("/d", 0o755, true),
        "Cannot create file/g": client.create("/g", CreateOptions::default()),
        "Cannot append to file/f": client.append("/f", AppendOptions::default()),
        "Cannot rename /f": client.rename("/f", "/g"),
        "Cannot delete /f": client.delete("/f", true),
        "Cannot set replication for /f": client.set_replication("/f", 1),
        "Cannot set permission for /f": client.set_permission("/f", 0o600),
        "Cannot set owner for /f": client.set_owner("/f", Some("me"), None),
        "Cannot set times /f": client.set_times("/f", None, None),
        "Cannot truncate for /f": client.truncate("/f", 1),
        "Cannot concat /f": client.concat("/f", &["/g"]),
        "Cannot recover the lease of /f": client.recover_lease("/f"),
    }
    assert!(!client.set_safe_mode(SafeModeAction::Leave, false).await.expect("leave"));
    assert!(client.delete("/f", false).await.expect("delete"));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_silent_for_too_long_is_closed_for() {
    let settings = [
        ("dfs.namenode.lease-hard-limit-sec", "1"),
        ("dfs.namenode.lease-recheck-interval-ms", "50"),
    ];
    let cluster = cluster_with(&settings).await;
    let content = bytes(200_000);
    let silent = client(&cluster);
    let mut tries = 0;
    // Who is held up for so long while he writes is closed for already.
    let (path, mut writer) = loop {
        tries += 1;
        assert!(tries < 100, "nobody gets as far as that");
        let path = format!("/silent{tries}");
        let Ok(mut writer) = silent.create(&path, CreateOptions::default()).await else { continue };
        if writer.write_all(&content).await.is_ok() && writer.hflush().await.is_ok() {
            break (path, writer);
        }
    };
    // He dies: his lease is renewed no more.
    writer.abort();
    drop(writer);
    drop(silent);
    let other = client(&cluster);
    let end = Instant::now() + PATIENCE;
    while !other.is_file_closed(&path).await.expect("isFileClosed") {
        assert!(Instant::now() < end, "nobody closed it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(read(&other, &path).await, content);
    cluster.stop().await;
}
