//! DataNodes that files of hosts send away, and take back.

use loxodon_client::{AdminState, CreateOptions};

use super::{admin_state, cluster, eventually, files, port_of, put};

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
