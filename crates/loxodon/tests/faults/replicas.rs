//! Replicas of which the NameNode has been told: a file is complete with the first of each block, and who then loses
//! that DataNode has none.

use std::time::{Duration, Instant};

use loxodon_client::Client;

/// Waits until every block of `path` has `count` replicas.
pub(crate) async fn wait_for_replicas(client: &Client, path: &str, count: usize) {
    let start = Instant::now();
    loop {
        let blocks =
            client.block_locations(path, 0, u64::MAX >> 1).await.expect("locations").blocks;
        if blocks.iter().all(|block| block.locations.len() >= count) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{path}: {blocks:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
