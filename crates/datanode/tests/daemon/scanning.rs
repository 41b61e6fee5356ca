//! Disks that change behind the DataNode's back, and the scanners that see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loxodon_datanode::{DataNode, DataNodeSettings};
use loxodon_wire::proto::hdfs::{ExtendedBlockProto, datanode as dn};

use crate::model::{
    DELETED, NameNode, RECEIVED, Reader, Writer, block, data_file, eventually, pattern,
    replica_files,
};

async fn start(settings: DataNodeSettings) -> DataNode {
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    datanode
}

fn comparing(namenode: &NameNode, volumes: &[&str]) -> DataNodeSettings {
    let mut settings = namenode.settings(volumes);
    settings.scan_period = None;
    settings.directory_scan_interval = Duration::from_millis(20);
    settings
}

fn meta_file(root: &Path, block: &ExtendedBlockProto) -> Option<PathBuf> {
    let name = format!("blk_{}_{}.meta", block.block_id, block.generation_stamp);
    replica_files(root).into_iter().find(|path| path.ends_with(&name))
}

fn put(datanode: &DataNode, namenode: &NameNode, id: u64, length: usize) {
    let data = pattern(length, id as u8);
    Writer::create(datanode.transfer_address(), &block(id), &[]).write_all(&data, 2048);
    namenode.model.wait_change(&block(id), RECEIVED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_file_is_gone_is_forgotten_and_its_rest_removed() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = start(comparing(&namenode, &[place.path().to_str().unwrap()])).await;
    [1, 2].into_iter().for_each(|id| put(&datanode, &namenode, id, 3000));
    fs::remove_file(data_file(place.path(), &block(1)).unwrap()).unwrap();
    assert_eq!(namenode.model.wait_change(&block(1), DELETED).num_bytes, Some(3000));
    eventually("the .meta file is gone", || meta_file(place.path(), &block(1)).is_none());
    assert_eq!(Reader::read(datanode.transfer_address(), &block(2), 0, 3000).unwrap().len(), 3000);
    let all = datanode.status().volumes.iter().map(|volume| volume.replicas).sum::<u64>();
    assert_eq!(all, 1);
}

/// No scanner runs here.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_file_a_reader_misses_is_forgotten() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.scan_period = None;
    let datanode = start(settings).await;
    [1, 2].into_iter().for_each(|id| put(&datanode, &namenode, id, 3000));
    fs::remove_file(data_file(place.path(), &block(1)).unwrap()).unwrap();
    fs::remove_file(meta_file(place.path(), &block(2)).unwrap()).unwrap();
    for id in [1, 2] {
        assert!(Reader::read(datanode.transfer_address(), &block(id), 0, 3000).is_err());
        assert_eq!(namenode.model.wait_change(&block(id), DELETED).num_bytes, Some(3000));
    }
    let all = datanode.status().volumes.iter().map(|volume| volume.replicas).sum::<u64>();
    assert_eq!(all, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_put_on_the_disk_is_found_and_served() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let from = start(namenode.settings(&[places[0].path().to_str().unwrap()])).await;
    put(&from, &namenode, 5, 3000);
    let data = data_file(places[0].path(), &block(5)).unwrap();
    let meta = meta_file(places[0].path(), &block(5)).unwrap();
    from.shutdown().await;

    let other = NameNode::start().await;
    let to = start(comparing(&other, &[places[1].path().to_str().unwrap()])).await;
    let inside = data.parent().unwrap().strip_prefix(places[0].path()).unwrap();
    let target = places[1].path().join(inside);
    fs::create_dir_all(&target).unwrap();
    // First what says nothing by itself: it is not taken for a replica.
    fs::copy(&meta, target.join(meta.file_name().unwrap())).unwrap();
    eventually("a .meta file alone is removed", || {
        meta_file(places[1].path(), &block(5)).is_none()
    });
    // The data comes first, and has no version until its checksums are there too.
    // It is whole when the scanner first sees it.
    let ahead = target.join("ahead");
    fs::copy(&data, &ahead).unwrap();
    fs::rename(&ahead, target.join(data.file_name().unwrap())).unwrap();
    fs::copy(&meta, target.join(meta.file_name().unwrap())).unwrap();
    other.model.wait("the block is reported", |heard| {
        heard.changes.iter().find(|change| change.block.block_id == 5).map(|_| ())
    });
    eventually("the block is served", || {
        Reader::read(to.transfer_address(), &block(5), 0, 3000).is_ok_and(|d| d == pattern(3000, 5))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_another_length_is_reported() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = start(comparing(&namenode, &[place.path().to_str().unwrap()])).await;
    put(&datanode, &namenode, 7, 3000);
    // Before its first full report a DataNode names what is damaged as it is then.
    namenode
        .model
        .wait("a full report", |heard| heard.calls.contains(&"blockReport").then_some(()));
    let path = data_file(place.path(), &block(7)).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(2000).unwrap();
    assert_eq!(namenode.model.wait_bad(&block(7)).b.num_bytes, Some(3000));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_of_one_block_one_stays() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let volumes = places.each_ref().map(|place| place.path().to_str().unwrap());
    let datanode = start(comparing(&namenode, &volumes)).await;
    put(&datanode, &namenode, 9, 3000);
    let (from, to) = if data_file(places[0].path(), &block(9)).is_some() { (0, 1) } else { (1, 0) };
    let data = data_file(places[from].path(), &block(9)).unwrap();
    let inside = data.strip_prefix(places[from].path()).unwrap();
    let copy = places[to].path().join(inside);
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(&data, &copy).unwrap();
    eventually("the second one is gone", || !copy.exists());
    assert!(data.exists());
    assert_eq!(Reader::read(datanode.transfer_address(), &block(9), 0, 3000).unwrap().len(), 3000);
}

/// What comes first after a registration: damaged replicas, or the full report.
fn first_report(namenode: &NameNode, registration: usize) -> &'static str {
    namenode.model.wait("a report after a registration", |heard| {
        let mut calls = heard.calls.iter();
        calls.by_ref().filter(|call| **call == "registerDatanode").nth(registration)?;
        calls.find(|call| ["reportBadBlocks", "blockReport"].contains(*call)).copied()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_replica_is_named_before_the_first_report_until_it_is_whole() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let settings = |scans: bool| {
        let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
        settings.scan_bandwidth = 1 << 30;
        settings.scan_period = scans.then_some(Duration::from_millis(100));
        settings
    };
    let register = || {
        namenode.model.command(dn::DatanodeCommandProto {
            cmd_type: dn::datanode_command_proto::Type::RegisterCommand as i32,
            register_cmd: Some(dn::RegisterCommandProto {}),
            ..Default::default()
        });
    };
    let datanode = start(settings(true)).await;
    [1, 2].into_iter().for_each(|id| put(&datanode, &namenode, id, 3000));
    let path = data_file(place.path(), &block(1)).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut wrong = whole.clone();
    wrong[700] ^= 1;
    fs::write(&path, &wrong).unwrap();
    namenode.model.wait_bad(&block(1));
    assert_eq!(first_report(&namenode, 0), "blockReport");
    datanode.shutdown().await;
    // Another process, which has found nothing by itself.
    let datanode = start(settings(false)).await;
    assert_eq!(first_report(&namenode, 1), "reportBadBlocks");
    let last = namenode.model.has_heard(|heard| heard.bad.last().cloned()).unwrap();
    assert_eq!((last.b.block_id, last.b.num_bytes), (1, Some(3000)));
    let storage = namenode.model.wait("a heartbeat", |heard| {
        heard.storages().first().and_then(|storage| storage.storage.clone())
    });
    assert_eq!(last.storage_i_ds, [storage.storage_uuid]);
    // Another NameNode, which asks it to register.
    register();
    assert_eq!(first_report(&namenode, 2), "reportBadBlocks");
    let list = place.path().join("current").join(crate::model::POOL).join("scanner.damaged");
    assert_eq!(fs::read_to_string(&list).unwrap(), "blk_1_1001.meta\n");
    // Somebody mends it.
    fs::write(&path, &whole).unwrap();
    register();
    assert_eq!(first_report(&namenode, 3), "blockReport");
    assert!(!list.exists());
    assert!(namenode.model.has_heard(|heard| heard.bad.iter().all(|bad| bad.b.block_id == 1)));
    datanode.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scan_goes_on_where_it_was_left() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let settings = || {
        let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
        settings.scan_bandwidth = 1 << 30;
        settings
    };
    let datanode = start(settings()).await;
    let cursor = place.path().join("current").join(crate::model::POOL).join("scanner.cursor");
    eventually("the empty disk is scanned", || cursor.exists());
    put(&datanode, &namenode, 11, 3000);
    datanode.shutdown().await;
    let text = fs::read_to_string(&cursor).unwrap();
    assert!(text.contains("\"iterStartMs\" : ") && text.contains("\"atEnd\" : "), "{text}");
    // A scan that ended does not begin again within its period ...
    let ended = text.replace("\"atEnd\" : false", "\"atEnd\" : true");
    fs::write(&cursor, &ended).unwrap();
    let datanode = start(settings()).await;
    put(&datanode, &namenode, 12, 3000);
    let verified = datanode.metrics().blocks_verified.get();
    datanode.shutdown().await;
    assert_eq!(verified, 0);
    // ... and one that ended long ago does.
    let old = |line: &str| {
        let (name, _) = line.split_once(" : ")?;
        name.contains("iterStartMs").then(|| format!("{name} : 1000,"))
    };
    let lines = ended.lines().map(|line| old(line).unwrap_or_else(|| line.to_owned()));
    fs::write(&cursor, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let datanode = start(settings()).await;
    eventually("both are verified", || datanode.metrics().blocks_verified.get() >= 2);
}
