//! What a DataNode says of disks that are slower than its others.

use loxodon_datanode::DataNode;

use crate::model::{NameNode, RECEIVED, Writer, block, data_file, pattern};

#[tokio::test(flavor = "multi_thread")]
async fn the_status_names_the_slow_disks_where_they_are_measured() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let unmeasured = namenode.datanode(&place.path().join("other")).await;
    assert_eq!(unmeasured.status().slow_disks, None);

    let volumes = ["a", "b", "c"].map(|name| place.path().join(name));
    let texts = volumes.each_ref().map(|path| path.to_str().unwrap());
    let mut settings = namenode.settings(&texts);
    settings.outliers.disk_percent = 100;
    settings.outliers.least_disks = 3;
    // The only disk that is written to takes longer than the others, which take no time at all.
    settings.outliers.disk_threshold = 0.0;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    assert_eq!(datanode.status().slow_disks, Some(Vec::new()), "nothing is written yet");
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&pattern(5000, 1), 512);
    namenode.model.wait_change(&block(1), RECEIVED);
    let written = volumes.iter().find(|volume| data_file(volume, &block(1)).is_some()).unwrap();
    let slow = datanode.status().slow_disks.unwrap();
    assert_eq!(slow, [format!("{}/", written.display())]);
}
