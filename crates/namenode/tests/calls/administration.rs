//! Who may call, what is answered to administrators, DataNodes and balancers.

use loxodon_cluster::HostLists;
use loxodon_namenode::dispatch::{self, Run};
use loxodon_namenode::{Due, Request};
use loxodon_namespace::edit::RpcIds;
use loxodon_wire::ids::Milliseconds;
use loxodon_wire::proto::common::{
    GenericRefreshRequestProto, GenericRefreshResponseCollectionProto,
};
use loxodon_wire::proto::hdfs::datanode::*;
use loxodon_wire::proto::hdfs::datanodelifeline::LifelineResponseProto;
use loxodon_wire::proto::hdfs::namenode::{GetBlocksRequestProto, GetBlocksResponseProto};
use loxodon_wire::proto::hdfs::*;

use crate::world::*;

#[test]
fn what_permissions_forbid_is_in_the_audit_log() {
    let mut world = World::new();
    let error = world.mkdirs_as("bob", "/bobs").unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.security.AccessControlException");
    let event = &world.last.audit[0];
    assert_eq!((event.allowed, &*event.command), (false, "mkdirs"));
    world.mkdirs_as("hdfs", "/x").unwrap();
    let event = &world.last.audit[0];
    assert!(event.allowed);
    let status = event.status.as_ref().unwrap();
    assert_eq!((&*status.owner, &*status.group, status.mode), ("hdfs", "supergroup", 0o755));
}

#[test]
fn a_datanode_of_another_file_system_is_refused() {
    let mut world = World::new();
    let mut registration = world.registration();
    registration.storage_info.cluster_id = "CID-2".into();
    let beat = HeartbeatRequestProto { registration, ..HeartbeatRequestProto::default() };
    let refused: Result<HeartbeatResponseProto, _> =
        world.call_as(&user("hdfs"), DATANODE, "sendHeartbeat", &beat);
    assert_eq!(
        refused.unwrap_err().java_class(),
        "org.apache.hadoop.hdfs.protocol.UnregisteredNodeException"
    );
}

/// The layout of its disks is its own affair: Hadoop's `NNThroughputBenchmark` registers with a NameNode's.
#[test]
fn a_datanode_of_another_layout_is_served() {
    let mut world = World::new();
    let mut registration = world.registration();
    registration.storage_info.layout_version = (-67_i32).cast_unsigned();
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    let asked = RegisterDatanodeRequestProto { registration: registration.clone() };
    let answer = world.machine.register_datanode(&mut request, asked, "/rack".into()).unwrap();
    assert_eq!(answer.registration.storage_info, registration.storage_info);
}

/// As `NameNodeRpcServer.verifySoftwareVersion` says it.
#[test]
fn datanodes_of_other_releases_join_unless_too_old_or_upgraded() {
    let mut world = World::new();
    let mut register = |release: &str, upgraded: bool| {
        let mut registration = world.registration();
        registration.software_version = release.into();
        registration.storage_info.c_time += u64::from(upgraded);
        let identity = user("hdfs");
        let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
        let asked = RegisterDatanodeRequestProto { registration };
        world.machine.register_datanode(&mut request, asked, "/rack".into())
    };
    assert!(register("2.1.0-beta", false).is_ok());
    assert!(register("3.10.1", false).is_ok());
    for (release, upgraded, said) in [
        (
            "2.1.0-alpha",
            false,
            "DataNode version: '2.1.0-alpha' Minimum DataNode version: '2.1.0-beta'",
        ),
        ("", false, "The reported DataNode version is too low to communicate with this NameNode."),
        ("3.4.2", true, "does not match NameNode version '3.5.0' and CTime of DN ('1')"),
    ] {
        let refused = register(release, upgraded).unwrap_err();
        assert!(refused.java_class().ends_with(".IncorrectVersionException"));
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[test]
fn policies_of_erasure_coding_are_in_the_order_of_their_names() {
    let mut world = World::new();
    let asked = GetErasureCodingPoliciesRequestProto::default();
    let told: GetErasureCodingPoliciesResponseProto =
        world.call_as(&user("hdfs"), CLIENT, "getErasureCodingPolicies", &asked).unwrap();
    let names: Vec<_> = told.ec_policies.iter().map(|policy| policy.name().to_owned()).collect();
    assert!(names.is_sorted() && names.len() == 5, "{names:?}");
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let mut world = World::new();
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    let Run::Update(mkdirs) = dispatch::find(CLIENT, "mkdirs").unwrap().run else {
        panic!("mkdirs changes something");
    };
    let error = mkdirs(&mut world.machine, &mut request, &bytes::Bytes::from_static(b"\x0a\xff"))
        .unwrap_err();
    assert!(error.java_class().ends_with("InvalidProtocolBufferException"));
}

#[test]
fn a_lifeline_keeps_a_node_alive_and_is_not_answered_with_commands() {
    let mut world = World::new();
    world.add_datanode();
    let live = |world: &mut World| {
        let identity = user("hdfs");
        let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
        let due = Due { heartbeats: true, ..Due::default() };
        while world.machine.tick(&mut request, due, 100) {}
        world.machine.blocks.live_datanodes()
    };
    let asked = HeartbeatRequestProto {
        registration: world.registration(),
        ..HeartbeatRequestProto::default()
    };
    const LIFELINE: &str = "org.apache.hadoop.hdfs.server.protocol.DatanodeLifelineProtocol";
    for _ in 0..4 {
        world.now += 400_000;
        let answer: Result<LifelineResponseProto, _> =
            world.call_as(&user("hdfs"), LIFELINE, "sendLifeline", &asked);
        answer.unwrap();
        assert_eq!(live(&mut world), 1);
    }
    world.now += 800_000;
    assert_eq!(live(&mut world), 0);
    // It is too late: the node must register again, which only a heartbeat tells it.
    let answer: Result<LifelineResponseProto, _> =
        world.call_as(&user("hdfs"), LIFELINE, "sendLifeline", &asked);
    answer.unwrap();
    assert_eq!(live(&mut world), 0);
}

#[test]
fn nothing_can_be_refreshed_by_name_or_set_anew() {
    let mut world = World::new();
    let asked = GenericRefreshRequestProto { identifier: Some("x".into()), args: Vec::new() };
    let refresh = "org.apache.hadoop.ipc.GenericRefreshProtocol";
    let error = world
        .call_as::<_, GenericRefreshResponseCollectionProto>(
            &user("hdfs"),
            refresh,
            "refresh",
            &asked,
        )
        .unwrap_err();
    assert!(error.to_string().contains("'x' does not exist in RefreshRegistry"), "{error}");
}

#[test]
fn settings_change_one_by_one() {
    use loxodon_conf::Configuration;
    let mut world = World::new();
    let mut conf = Configuration::new();
    for (name, value) in [
        ("dfs.namenode.replication.max-streams", "7"),
        ("dfs.block.invalidate.limit", "50"),
        ("fs.protected.directories", "/kept"),
        ("dfs.datanode.peer.stats.enabled", "true"),
        ("dfs.heartbeat.interval", "9"),
    ] {
        conf.set(name, value, "test");
    }
    for name in loxodon_namenode::reconfigure::NAMES {
        let streams = world.machine.blocks.settings().max_streams;
        world.machine.reconfigure(name, &conf).unwrap();
        let changed = world.machine.blocks.settings().max_streams != streams;
        assert_eq!(changed, *name == "dfs.namenode.replication.max-streams", "{name}");
    }
    assert_eq!(world.machine.blocks.settings().invalidate_limit, 50);
    assert_eq!(world.machine.blocks.settings().liveness.heartbeat, Milliseconds(9000));
    assert_eq!(world.machine.namespace.settings().protected_directories, ["/kept"]);
    assert!(world.machine.slow_peers.is_enabled());
    conf.set("dfs.block.replicator.classname", "a.b.Unknown", "test");
    let wrong = world.machine.reconfigure("dfs.block.replicator.classname", &conf).unwrap_err();
    assert!(wrong.to_string().contains("a.b.Unknown"), "{wrong}");
}

#[test]
fn slow_datanodes_are_listed_and_told() {
    let mut world = World::new();
    let mut conf = loxodon_conf::Configuration::new();
    conf.set("dfs.datanode.peer.stats.enabled", "true", "test");
    world.machine.slow_peers.configure(&conf).unwrap();
    let registration = world.registration();
    world.add_datanode();
    let own =
        format!("{}:{}", registration.datanode_id.ip_addr, registration.datanode_id.info_port);
    let slow = SlowPeerReportProto {
        data_node_id: Some(own),
        aggregate_latency: Some(50.0),
        ..SlowPeerReportProto::default()
    };
    let beat = |slow_peers| HeartbeatRequestProto {
        registration: registration.clone(),
        slow_peers,
        ..HeartbeatRequestProto::default()
    };
    let answer: HeartbeatResponseProto = world.datanode("sendHeartbeat", &beat(vec![slow]));
    assert_eq!(answer.is_slownode, Some(true));
    let listed: GetSlowDatanodeReportResponseProto =
        world.client("getSlowDatanodeReport", &GetSlowDatanodeReportRequestProto {}).unwrap();
    assert_eq!(listed.datanode_info_proto.len(), 1);
}

#[test]
fn what_a_dead_datanode_received_is_not_an_error_to_it() {
    let mut world = World::new();
    let block = ExtendedBlockProto { block_id: 1, num_bytes: Some(5), ..Default::default() };
    // Its next heartbeat is answered with an order to register; the call itself never fails.
    world.received(&block);
    assert_eq!(world.machine.blocks.stats().blocks, 0);
}

#[test]
fn hosts_that_never_came_are_dead_and_open_files_keep_a_node() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/open");
    let block = world.add_block("/open").b;
    world.received(&block);
    let hosts = |text: &str| HostLists::parse_file(text);
    let report = |world: &mut World, kind: DatanodeReportTypeProto| {
        let asked = GetDatanodeReportRequestProto { r#type: kind.into() };
        let answer: GetDatanodeReportResponseProto =
            world.client("getDatanodeReport", &asked).unwrap();
        answer.di.into_iter().map(|node| node.id.ip_addr).collect::<Vec<_>>()
    };
    let lists = HostLists::from_entries(
        hosts("127.0.0.1:9866 # ours\n203.0.113.9\nnode1:9867"),
        hosts("node1"),
    );
    let now = world.clocks();
    world.machine.blocks.refresh_hosts(now.monotonic, lists);
    let dead = report(&mut world, DatanodeReportTypeProto::Dead);
    assert_eq!(dead, ["203.0.113.9", "node1"], "another port of a host is another DataNode");
    assert_eq!(report(&mut world, DatanodeReportTypeProto::Live), ["127.0.0.1"]);

    let identity = user("hdfs");
    let mut request = Request::new(now, &identity, RpcIds::NONE);
    let due = Due { administration: true, ..Due::default() };
    while world.machine.tick(&mut request, due, 100) {}
    let asked = ListOpenFilesRequestProto {
        id: 0,
        types: vec![OpenFilesTypeProto::BlockingDecommission.into()],
        path: None,
    };
    let open: ListOpenFilesResponseProto = world.client("listOpenFiles", &asked).unwrap();
    let paths: Vec<&str> = open.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["/open"]);

    let lists = HostLists::from_entries(hosts("203.0.113.9"), []);
    world.machine.blocks.refresh_hosts(now.monotonic, lists);
    let all = report(&mut world, DatanodeReportTypeProto::All);
    assert_eq!(all, ["203.0.113.9"], "who is not included is not shown");
}

#[test]
fn a_balancer_gets_blocks_of_known_datanodes() {
    let mut world = World::new();
    world.add_datanode();
    let datanode = world.registration().datanode_id;
    let mut asked = GetBlocksRequestProto { datanode, size: 1, ..Default::default() };
    let ask = |world: &mut World, asked: &GetBlocksRequestProto| {
        let protocol = "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol";
        world.call_as::<_, GetBlocksResponseProto>(&user("hdfs"), protocol, "getBlocks", asked)
    };
    assert_eq!(ask(&mut world, &asked).unwrap().blocks.blocks, []);
    asked.datanode.datanode_uuid = "nobody".into();
    let refused = ask(&mut world, &asked).unwrap_err();
    assert_eq!(refused.java_class(), "org.apache.hadoop.HadoopIllegalArgumentException");
}
