//! Ports beside that of calls: lifelines, and the pages that are read while a NameNode starts.

use std::sync::Arc;

use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::datanodelifeline::LifelineResponseProto;
use loxodon_wire::proto::hdfs::{GetFileInfoRequestProto, GetFileInfoResponseProto};
use loxodon_wire::rpc::{UserIdentity, protocol};
use serde_json::Value;

use crate::daemon::Site;
use crate::web::get;

#[tokio::test]
async fn lifelines_have_a_port_where_nothing_else_is_answered() {
    let site = Site::formatted().with("dfs.namenode.lifeline.rpc-address", "127.0.0.1:0");
    let mut namenode = site.start();
    let log = namenode.log();
    let line = log.lines().find(|line| line.contains("Lifeline RPC server up at: "));
    let port = line.and_then(|line| line.rsplit(':').next()?.parse().ok()).expect("a port");
    let at = ServerAddress::new("127.0.0.1", port);
    let calls = RpcClient::new(ClientSettings::default(), Arc::new(UserIdentity::new("hdfs")));
    let asked = GetFileInfoRequestProto { src: "/".into() };
    let answer = calls
        .call::<_, GetFileInfoResponseProto>(
            &at,
            &protocol::CLIENT_NAMENODE,
            "getFileInfo",
            &asked,
            CallOptions::default(),
        )
        .await;
    let error = answer.expect_err("another protocol");
    assert!(error.to_string().contains("Unknown protocol"), "{error}");
    let empty = loxodon_wire::proto::hdfs::datanode::HeartbeatRequestProto::default();
    let answer = calls
        .call::<_, LifelineResponseProto>(
            &at,
            &protocol::DATANODE_LIFELINE,
            "sendLifeline",
            &empty,
            CallOptions::default(),
        )
        .await;
    let error = answer.expect_err("a node of no file system");
    assert!(error.java_class().ends_with("UnregisteredNodeException"), "{error}");
    namenode.stop();
}

#[test]
fn what_a_start_did_can_be_read() {
    let site = Site::formatted();
    let namenode = site.start();
    let shown: Value =
        serde_json::from_str(&get(&namenode.http, "/startupProgress")).expect("JSON");
    assert_eq!(shown["percentComplete"], 1.0, "{shown}");
    let phases: Vec<_> = shown["phases"].as_array().expect("phases").iter().collect();
    let names: Vec<_> =
        phases.iter().map(|phase| phase["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["LoadingFsImage", "LoadingEdits", "SavingCheckpoint", "SafeMode"]);
    assert!(phases.iter().all(|phase| phase["status"] == "COMPLETE"), "{shown}");
    assert!(phases[0]["file"].as_str().expect("a file").contains("fsimage_"), "{shown}");
    assert_eq!(get(&namenode.http, "/topology"), "No DataNodes");
    assert!(get(&namenode.http, "/stacks").contains("(edit-log)"));
    assert_eq!(get(&namenode.http, "/isActive"), "I am Active!");
    namenode.stop();
}
