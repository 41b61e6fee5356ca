//! What changes while a DataNode runs: volumes, numbers, NameNodes.

use std::path::Path;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_datanode::{DataNode, DataNodeSettings};
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::rpc::protocol::{CLIENT_DATANODE, Protocol, RECONFIGURATION};
use prost::Message;

use crate::model::{
    DELETED, NameNode, RECEIVED, Reader, Writer, block, data_file, eventually, pattern,
    replica_files,
};

/// Writes `hdfs-site.xml`.
fn configure(site: &Path, entries: &[(&str, &str)]) {
    let property = |(name, value): &(&str, &str)| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let properties: String = entries.iter().map(property).collect();
    let text = format!("<configuration>{properties}</configuration>");
    std::fs::write(site.join("hdfs-site.xml"), text).unwrap();
}

async fn call<Q: Message, A: Message + Default>(
    datanode: &DataNode,
    protocol: &'static Protocol,
    method: &str,
    request: &Q,
) -> Result<A, String> {
    let address: ServerAddress = datanode.ipc_address().into();
    let client = RpcClient::new(ClientSettings::default(), Arc::new(UserIdentity::new("hdfs")));
    let answer = client.call(&address, protocol, method, request, CallOptions::default()).await;
    answer.map_err(|error| error.to_string())
}

/// Has the configuration read again, and waits for what becomes of it: each key with its error.
async fn reconfigure(datanode: &DataNode) -> Vec<(String, Option<String>)> {
    let start = hdfs::StartReconfigurationRequestProto {};
    let _: hdfs::StartReconfigurationResponseProto =
        call(datanode, &CLIENT_DATANODE, "startReconfiguration", &start).await.unwrap();
    loop {
        let status: hdfs::GetReconfigurationStatusResponseProto = call(
            datanode,
            &CLIENT_DATANODE,
            "getReconfigurationStatus",
            &hdfs::GetReconfigurationStatusRequestProto {},
        )
        .await
        .unwrap();
        assert!(status.start_time > 0);
        if status.end_time.is_some() {
            let change = |change: hdfs::GetReconfigurationStatusConfigChangeProto| {
                (change.name, change.error_message)
            };
            return status.changes.into_iter().map(change).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

const VOLUMES: &str = "dfs.datanode.data.dir";

struct Scene {
    place: tempfile::TempDir,
    namenode: NameNode,
    datanode: DataNode,
}

impl Scene {
    /// A DataNode on volume `a`.
    async fn start() -> Self {
        let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
        let a = place.path().join("a").display().to_string();
        configure(place.path(), &[(VOLUMES, &a)]);
        let mut settings = namenode.settings(&[&a]);
        let mut conf = Configuration::new();
        conf.load_directory(place.path()).unwrap();
        settings.conf = conf;
        let datanode = DataNode::start(settings).await.unwrap();
        datanode.registered().await.unwrap();
        Self { place, namenode, datanode }
    }

    async fn set_volumes(&self, volumes: &str) -> Option<String> {
        let place = self.place.path().display().to_string();
        configure(self.place.path(), &[(VOLUMES, &volumes.replace('@', &place))]);
        let mut changes = reconfigure(&self.datanode).await;
        let (name, error) = changes.pop().unwrap();
        assert_eq!((changes.len(), name.as_str()), (0, VOLUMES));
        error
    }

    fn write(&self, id: u64) -> Vec<u8> {
        let data = pattern(5000, id as u8);
        let address = self.datanode.transfer_address();
        Writer::create(address, &block(id), &[]).write_all(&data, 512);
        self.namenode.model.wait_change(&block(id), RECEIVED);
        data
    }

    fn on(&self, volume: &str) -> usize {
        replica_files(&self.place.path().join(volume)).len() / 2
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_come_and_go() {
    let scene = Scene::start().await;
    let first = scene.write(1);
    assert_eq!(scene.set_volumes("@/a,@/b").await, None);
    assert_eq!(scene.datanode.status().volumes.len(), 2);
    // Without `a` there is only `b`.
    assert_eq!(scene.set_volumes("@/b").await, None);
    scene.namenode.model.wait_change(&block(1), DELETED);
    assert_eq!(scene.on("a"), 1, "files of a volume that is taken out stay where they are");
    scene.write(2);
    assert_eq!((scene.on("a"), scene.on("b")), (1, 1));
    let gone = Reader::read(scene.datanode.transfer_address(), &block(1), 0, 5000).unwrap_err();
    assert!(gone.contains("Replica does not exist") || gone.contains("not found"), "{gone}");
    // It comes back with what is on it.
    assert_eq!(scene.set_volumes("@/a,@/b").await, None);
    let again = Reader::read(scene.datanode.transfer_address(), &block(1), 0, 5000).unwrap();
    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_and_nothing_is_lost() {
    let scene = Scene::start().await;
    let data = scene.write(1);
    let error = scene.set_volumes("[ARCHIVE]@/a").await.unwrap();
    assert_eq!(error, "Changing storage type is not allowed.");
    let error = scene.set_volumes("/proc/no-such-place").await.unwrap();
    assert!(error.contains("FAILED TO ADD") && error.contains("/proc/no-such-place"), "{error}");
    let error = scene.set_volumes("[TAPE]@/a").await.unwrap();
    assert!(error.contains("TAPE"), "{error}");
    assert_eq!(Reader::read(scene.datanode.transfer_address(), &block(1), 0, 5000).unwrap(), data);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_change() {
    let scene = Scene::start().await;
    let volumes = scene.place.path().join("a").display().to_string();
    let names: hdfs::ListReconfigurablePropertiesResponseProto = call(
        &scene.datanode,
        &RECONFIGURATION,
        "listReconfigurableProperties",
        &hdfs::ListReconfigurablePropertiesRequestProto {},
    )
    .await
    .unwrap();
    assert!(names.name.iter().any(|name| name == VOLUMES));
    let limit = "dfs.datanode.max.transfer.threads";
    let moves = "dfs.datanode.balance.max.concurrent.moves";
    let with = [(VOLUMES, volumes.as_str()), (limit, "0"), (moves, "7"), ("dfs.replication", "2")];
    configure(scene.place.path(), &with);
    let mut changes = reconfigure(&scene.datanode).await;
    changes.sort();
    // A key that needs a restart is not spoken of.
    assert_eq!(changes[0], (moves.to_owned(), None));
    assert_eq!(changes[1].0, limit);
    assert!(changes[1].1.as_ref().unwrap().contains("'0'"), "{changes:?}");
    assert_eq!(changes.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_balancer_is_switched_and_nothing_else_of_it_changes() {
    let scene = Scene::start().await;
    let volumes = scene.place.path().join("a").display().to_string();
    let bandwidth = async || {
        let key = "DiskBalancerBandwidth".to_owned();
        let asked = hdfs::DiskBalancerSettingRequestProto { key };
        let method = "getDiskBalancerSetting";
        call::<_, hdfs::DiskBalancerSettingResponseProto>(
            &scene.datanode,
            &CLIENT_DATANODE,
            method,
            &asked,
        )
        .await
        .map(|answer| answer.value)
    };
    let enabled = "dfs.disk.balancer.enabled";
    // That one needs a restart, in Hadoop too.
    let fast = ("dfs.disk.balancer.max.disk.throughputInMBperSec", "99");
    for (value, works) in [("false", false), ("true", true)] {
        configure(scene.place.path(), &[(VOLUMES, volumes.as_str()), (enabled, value), fast]);
        assert_eq!(reconfigure(&scene.datanode).await, [(enabled.to_owned(), None)]);
        assert_eq!(scene.datanode.status().disk_balancer.is_empty(), !works);
        assert_eq!(bandwidth().await.ok().as_deref(), works.then_some("10"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namenode_is_served() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (NameNode::start().await, NameNode::start().await);
    let volume = place.path().join("a").display().to_string();
    let configured = |namenode: &NameNode| {
        let uri = format!("hdfs://{}", namenode.server.local_addr());
        configure(
            place.path(),
            &[
                ("fs.defaultFS", &uri),
                (VOLUMES, &volume),
                ("dfs.datanode.address", "127.0.0.1:0"),
                ("dfs.datanode.ipc.address", "127.0.0.1:0"),
                ("dfs.datanode.http.address", "127.0.0.1:0"),
            ],
        );
    };
    configured(&one);
    let mut conf = Configuration::new();
    conf.load_directory(place.path()).unwrap();
    let datanode =
        DataNode::start(DataNodeSettings::from_conf(&conf, "hdfs").unwrap()).await.unwrap();
    datanode.registered().await.unwrap();
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&pattern(500, 1), 512);
    one.model.wait_change(&block(1), RECEIVED);
    configured(&other);
    let refresh = hdfs::RefreshNamenodesRequestProto {};
    let _: hdfs::RefreshNamenodesResponseProto =
        call(&datanode, &CLIENT_DATANODE, "refreshNamenodes", &refresh).await.unwrap();
    let report = other.model.wait("a full report", |heard| heard.reports.first().cloned());
    assert_eq!(report.reports[0].number_of_blocks, Some(1));
    assert_eq!(datanode.status().namenodes.len(), 1);
    eventually("the file is there", || data_file(place.path(), &block(1)).is_some());
    datanode.shutdown().await;
}
