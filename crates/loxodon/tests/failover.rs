//! Two NameNodes under one name, of which the first follows or is gone: the client and the program
//! go to the other.
#![allow(clippy::expect_used)] // helpers of tests are not marked as tests

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loxodon_client::{Client, CreateOptions};
use loxodon_conf::Configuration;
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
use loxodon_runtime::held_port::HeldPort;
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};
use loxodon_wire::proto::common::HaServiceStateProto;
use loxodon_wire::proto::hdfs::HaServiceStateResponseProto;
use loxodon_wire::rpc::protocol::{self, Protocol};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};

/// A NameNode that follows: counts what it is asked, and answers as Hadoop's do.
#[derive(Default)]
struct Standby(AtomicUsize);

static PROTOCOLS: [&Protocol; 1] = [&protocol::CLIENT_NAMENODE];

impl Handler for Standby {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        if call.method.name == "getHAServiceState" {
            let state = HaServiceStateProto::Standby.into();
            return reply.reply(&HaServiceStateResponseProto { state });
        }
        self.0.fetch_add(1, Relaxed);
        let message = "Operation category READ is not supported in state standby. Visit \
                       https://s.apache.org/sbnn-error\n\tat a.line.of.Java";
        reply.fail(&RemoteError::new(exception::STANDBY, message));
    }
}

struct Pair {
    active: MiniCluster,
    standby: Arc<Standby>,
    conf: Configuration,
    pairs: Vec<(String, String)>,
    _server: Server,
}

impl Pair {
    async fn start() -> Self {
        let options = MiniClusterOptions { datanodes: 1, ..MiniClusterOptions::default() };
        let active = MiniCluster::start(options).await.expect("a cluster");
        let standby = Arc::new(Standby::default());
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(anywhere, ServerLimits::default(), Arc::clone(&standby) as _)
            .await
            .expect("a server");
        let pairs = [
            ("fs.defaultFS", "hdfs://ns".to_owned()),
            ("dfs.nameservices", "ns".to_owned()),
            ("dfs.ha.namenodes.ns", "first,second".to_owned()),
            ("dfs.namenode.rpc-address.ns.first", server.local_addr().to_string()),
            ("dfs.namenode.rpc-address.ns.second", format!("127.0.0.1:{}", active.rpc_port())),
            ("dfs.namenode.http-address.ns.second", format!("127.0.0.1:{}", active.http_port())),
            (
                "dfs.client.failover.proxy.provider.ns",
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
                    .to_owned(),
            ),
            ("dfs.client.failover.random.order.ns", "false".to_owned()),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let mut conf = active.conf().clone();
        for (name, value) in &pairs {
            conf.set(name, value, "test");
        }
        Self { active, standby, conf, pairs, _server: server }
    }

    fn client(&self, conf: &Configuration) -> Client {
        let user = UserIdentity::new(loxodon_runtime::daemon::process_user());
        Client::connect(conf, "hdfs://ns", user).expect("a client")
    }

    /// Runs the program as somebody does who knows nothing but the configuration files.
    async fn program(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let property = |(name, value): &(String, String)| {
            format!("<property><name>{name}</name><value>{value}</value></property>")
        };
        let properties: String = self.pairs.iter().map(property).collect();
        let text = format!("<configuration>{properties}</configuration>");
        std::fs::write(directory.path().join("core-site.xml"), text).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_loxodon"));
        command.env("HADOOP_CONF_DIR", directory.path()).args(args);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("it ran").expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_left_for_the_active() {
    let pair = Pair::start().await;
    let client = pair.client(&pair.conf);
    let mut file = client.create("/f", CreateOptions::default()).await.expect("a file");
    file.write_all(b"written over the other").await.expect("written");
    file.close().await.expect("closed");
    // Asked once: from then on the one that answered is asked.
    assert_eq!(pair.standby.0.load(Relaxed), 1);

    let (code, out, error) = pair.program(&["hdfs", "dfs", "-cat", "/f"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "written over the other"), "{error}");
    let (code, out, error) = pair.program(&["hdfs", "dfs", "-mkdir", "-p", "/a/b"]).await;
    assert_eq!((code, out.as_str(), error.as_str()), (Some(0), "", ""));
    let (code, out, error) = pair.program(&["hdfs", "dfsadmin", "-report"]).await;
    assert!(code == Some(0) && out.contains("Live datanodes (1)"), "{out}{error}");
    let (code, out, error) = pair.program(&["hdfs", "fsck", "/"]).await;
    assert!(code == Some(0) && out.contains("is HEALTHY"), "{out}{error}");
    assert!(pair.standby.0.load(Relaxed) > 1, "the program began with the first as well");
    pair.active.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_gone_is_left_as_well() {
    let pair = Pair::start().await;
    let nobodys = HeldPort::any().expect("a port");
    let gone = format!("127.0.0.1:{}", nobodys.number());
    let mut conf = pair.conf.clone();
    conf.set("dfs.namenode.rpc-address.ns.first", &gone, "test");
    pair.client(&conf).mkdirs("/d", 0o755, true).await.expect("made by the second");
    // Neither the first nor the second: the error names who called whom.
    conf.set("dfs.namenode.rpc-address.ns.second", &gone, "test");
    conf.set("dfs.client.failover.max.attempts", "2", "test");
    conf.set("dfs.client.failover.sleep.base.millis", "1", "test");
    let error = pair.client(&conf).mkdirs("/e", 0o755, true).await.expect_err("nobody is there");
    let text = error.to_string();
    assert!(text.starts_with("Call From ") && text.contains(" failed on connection"), "{text}");
    pair.active.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_first_is_by_chance_where_that_is_configured() {
    let pair = Pair::start().await;
    let begin = |conf: Configuration| {
        let (pair, standby) = (&pair, &pair.standby);
        async move {
            let before = standby.0.load(Relaxed);
            for _ in 0..40 {
                assert!(pair.client(&conf).file_status("/").await.is_ok());
            }
            standby.0.load(Relaxed) - before
        }
    };
    assert_eq!(begin(pair.conf.clone()).await, 40);
    let mut conf = pair.conf.clone();
    conf.set("dfs.client.failover.random.order.ns", "true", "test");
    let first = begin(conf.clone()).await;
    assert!((1..40).contains(&first), "the first was asked {first} times of 40");
    conf.set("dfs.client.failover.random.order.ns", "perhaps", "test");
    let user = UserIdentity::new("ann");
    let error = Client::connect(&conf, "hdfs://ns", user).expect_err("neither true nor false");
    assert!(error.to_string().contains("random.order.ns"), "{error}");
    pair.active.stop().await;
}
