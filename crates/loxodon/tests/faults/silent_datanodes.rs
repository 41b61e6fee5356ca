//! DataNodes that are neither dead nor alive: they take connections and say nothing.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loxodon_client::{Client, CreateOptions, UserIdentity};
use loxodon_conf::Configuration;
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};

use crate::replicas::wait_for_replicas;

/// Nothing here takes so long, unless it waits for the silent one.
const LIMIT: Duration = Duration::from_secs(180);

/// Takes connections in the place of a DataNode until the test ends.
struct Silent {
    connections: Arc<AtomicUsize>,
}

impl Silent {
    fn in_place_of(cluster: &mut MiniCluster, index: usize) -> Self {
        let address = cluster.datanode_address(index).expect("a DataNode");
        cluster.kill_datanode(index).expect("a DataNode");
        let listener = TcpListener::bind(&address).expect("its port");
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, open) = (Arc::clone(&connections), Mutex::new(Vec::<TcpStream>::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                open.lock().expect("a list").push(stream);
                count.fetch_add(1, Relaxed);
            }
        });
        Self { connections }
    }

    fn was_asked(&self) -> bool {
        self.connections.load(Relaxed) > 0
    }
}

async fn cluster(datanodes: usize, more: &[(&str, &str)]) -> MiniCluster {
    let mut settings = vec![("dfs.replication".to_owned(), "2".to_owned())];
    settings.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let options = MiniClusterOptions { datanodes, settings, ..MiniClusterOptions::default() };
    MiniCluster::start(options).await.expect("a cluster")
}

/// A client of its own, which knows nothing of silent DataNodes.
fn client(cluster: &MiniCluster, settings: &[(&str, &str)]) -> Client {
    let mut conf: Configuration = cluster.conf().clone();
    for (name, value) in settings {
        conf.set(name, value, "test");
    }
    let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
    Client::connect(&conf, &cluster.uri(), user).expect("a client")
}

async fn put(client: &Client, path: &str, content: &[u8]) {
    let mut writer = client.create(path, CreateOptions::default()).await.expect("create");
    writer.write_all(content).await.expect("write");
    writer.close().await.expect("close");
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| panic!("{what} waits for ever"))
}

/// Reads until the silent DataNode was the one that was asked first.
async fn read_past(cluster: &MiniCluster, silent: &Silent, settings: &[(&str, &str)]) {
    let content: Vec<u8> = (0..100_000).map(|at| (at * 7 % 251) as u8).collect();
    for _ in 0..100 {
        let client = client(cluster, settings);
        let mut reader = client.open("/f").await.expect("open");
        let mut buffer = vec![0; content.len()];
        within("a read", reader.read_exact_at(0, &mut buffer)).await.expect("read");
        assert!(buffer == content);
        if silent.was_asked() {
            return;
        }
    }
    panic!("the silent DataNode was never asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_replica_is_asked_when_the_first_says_nothing() {
    let mut cluster = cluster(2, &[]).await;
    let content: Vec<u8> = (0..100_000).map(|at| (at * 7 % 251) as u8).collect();
    let writer = client(&cluster, &[]);
    put(&writer, "/f", &content).await;
    wait_for_replicas(&writer, "/f", 2).await;
    let silent = Silent::in_place_of(&mut cluster, 0);
    // Whoever only waited would wait for ten minutes.
    let hedged = [
        ("dfs.client.socket-timeout", "600000"),
        ("dfs.client.hedged.read.threadpool.size", "4"),
        ("dfs.client.hedged.read.threshold.millis", "50"),
    ];
    read_past(&cluster, &silent, &hedged).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_give_a_silent_datanode_up() {
    // Others answer sooner, however busy the machine. And a DataNode gives the one behind it up sooner than its
    // client does, who would not know which of the two it is.
    let impatient = [("dfs.client.socket-timeout", "10000")];
    let mut cluster = cluster(3, &impatient).await;
    let content: Vec<u8> = (0..100_000).map(|at| (at * 7 % 251) as u8).collect();
    let writer = client(&cluster, &[]);
    put(&writer, "/f", &content).await;
    wait_for_replicas(&writer, "/f", 2).await;
    let holders = writer.block_locations("/f", 0, 1).await.expect("locations");
    let holder = &holders.blocks.first().expect("a block").locations.first().expect("a replica");
    let address = holder.datanode.transfer_address();
    let index =
        (0..3).find(|index| cluster.datanode_address(*index).is_some_and(|it| it == address));
    let silent = Silent::in_place_of(&mut cluster, index.expect("one of ours"));
    read_past(&cluster, &silent, &impatient).await;

    // Sooner or later a pipeline has it, first or second.
    let before = silent.connections.load(Relaxed);
    for file in 0..20 {
        let client = client(&cluster, &impatient);
        within("a write", put(&client, &format!("/g{file}"), &content)).await;
        if silent.connections.load(Relaxed) > before {
            break;
        }
    }
    assert!(silent.connections.load(Relaxed) > before, "no pipeline had it");
    cluster.stop().await;
}
