//! DataNodes that files of hosts send away, and take back.

use loxodon_client::{AdminState, CreateOptions, DatanodeReportKind};

use super::{admin_state, cluster, eventually, files, fsck, port_of, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datanode_is_decommissioned_when_its_blocks_are_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let exclude = directory.path().join("exclude");
    std::fs::write(&exclude, "").unwrap();
    let settings = [
        ("dfs.hosts.exclude", exclude.to_str().unwrap()),
        ("dfs.namenode.decommission.interval", "1s"),
        ("dfs.namenode.redundancy.interval.seconds", "1s"),
        ("dfs.heartbeat.interval", "1s"),
    ];
    let cluster = cluster(3, &settings).await;
    let client = files(&cluster);
    let data: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    for index in 0..6 {
        let options = CreateOptions::default().replication(2);
        put(&client, &format!("/f{index}"), &data, options).await;
    }
    let leaving = port_of(&cluster, 0);
    assert_eq!(admin_state(&client, leaving).await, Some(AdminState::Normal));
    std::fs::write(&exclude, format!("127.0.0.1:{leaving}\n")).unwrap();
    client.refresh_nodes().await.unwrap();
    assert_ne!(admin_state(&client, leaving).await, Some(AdminState::Normal));
    eventually("the node is decommissioned", || async {
        admin_state(&client, leaving).await == Some(AdminState::Decommissioned)
    })
    .await;
    for index in 0..6 {
        let path = format!("/f{index}");
        let located = client.block_locations(&path, 0, u64::MAX >> 1).await.unwrap();
        for block in &located.blocks {
            let others = block.locations.iter().filter(|at| at.datanode.transfer_port != leaving);
            assert_eq!(others.count(), 2, "{path}");
        }
    }
    // No new block goes there.
    put(&client, "/new", &data, CreateOptions::default().replication(3)).await;
    let located = client.block_locations("/new", 0, 1).await.unwrap();
    assert!(located.blocks[0].locations.iter().all(|at| at.datanode.transfer_port != leaving));
    // And back.
    std::fs::write(&exclude, "").unwrap();
    client.refresh_nodes().await.unwrap();
    assert_eq!(admin_state(&client, leaving).await, Some(AdminState::Normal));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_says_which_state_each_datanode_is_to_have() {
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts.json");
    std::fs::write(&hosts, "").unwrap();
    let provider = "org.apache.hadoop.hdfs.server.blockmanagement.CombinedHostFileManager";
    let settings = [
        ("dfs.namenode.hosts.provider.classname", provider),
        ("dfs.hosts", hosts.to_str().unwrap()),
        ("dfs.namenode.decommission.interval", "1s"),
        ("dfs.namenode.redundancy.interval.seconds", "1s"),
        ("dfs.heartbeat.interval", "1s"),
    ];
    let cluster = cluster(3, &settings).await;
    let client = files(&cluster);
    for index in 0..6 {
        let options = CreateOptions::default().replication(1);
        put(&client, &format!("/f{index}"), b"some bytes", options).await;
    }
    let ports = [0, 1, 2].map(|index| port_of(&cluster, index));
    let [stays, leaves, rests] = ports;
    let host =
        |port: u16, more: &str| format!(r#"{{"hostName": "127.0.0.1", "port": {port}{more}}}"#);
    let told = [
        host(stays, r#", "upgradeDomain": "ud0""#),
        host(leaves, r#", "adminState": "DECOMMISSIONED""#),
        host(rests, r#", "adminState": "IN_MAINTENANCE""#),
    ];
    std::fs::write(&hosts, format!("[{}]", told.join(","))).unwrap();
    client.refresh_nodes().await.unwrap();
    let reached = [AdminState::Normal, AdminState::Decommissioned, AdminState::InMaintenance];
    eventually("each node has its state", || async {
        let (one, two, three) = tokio::join!(
            admin_state(&client, stays),
            admin_state(&client, leaves),
            admin_state(&client, rests)
        );
        [one, two, three] == reached.map(Some)
    })
    .await;
    let live = client.datanode_report(DatanodeReportKind::Live).await.unwrap();
    let domain = |port| {
        let node = live.iter().find(|node| node.transfer_port == port).unwrap();
        node.upgrade_domain.clone()
    };
    assert_eq!((domain(stays), domain(leaves)), (Some("ud0".to_owned()), None));
    let told = fsck(&cluster, "path=%2F&files=1&blocks=1&upgradedomains=1").await;
    assert!(told.contains("ud0"), "{told}");
    // What is wrong is said, and changes nothing.
    std::fs::write(&hosts, "[{\"hostName\": \"127.0.0.1\", \"adminState\": \"GONE\"}]").unwrap();
    let error = client.refresh_nodes().await.unwrap_err().to_string();
    assert!(error.contains("hosts.json") && error.contains("GONE"), "{error}");
    assert_eq!(admin_state(&client, leaves).await, Some(AdminState::Decommissioned));
    std::fs::write(&hosts, format!("[{}]", ports.map(|port| host(port, "")).join(","))).unwrap();
    client.refresh_nodes().await.unwrap();
    for port in ports {
        assert_eq!(admin_state(&client, port).await, Some(AdminState::Normal));
    }
    cluster.stop().await;
}
