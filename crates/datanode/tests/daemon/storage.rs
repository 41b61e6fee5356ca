//! Disks that are damaged, full, read-only or somebody else's, and what the NameNode hears and orders.

use std::path::Path;
use std::time::Duration;

use crate::model::{
    DELETED, NameNode, PATIENCE, RECEIVED, Reader, Writer, block, data_file, eventually, pattern,
    replica_files, request, response,
};
use loxodon_datanode::{DataNode, VolumeChoice};
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::proto::hdfs::datanode::block_command_proto::Action;
use loxodon_wire::transfer::{Operation, Status};

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[700] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

async fn start(namenode: &NameNode, volumes: &[&str]) -> DataNode {
    let datanode = DataNode::start(namenode.settings(volumes)).await.unwrap();
    datanode.registered().await.unwrap();
    datanode
}

#[tokio::test(flavor = "multi_thread")]
async fn written_blocks_are_reported_and_found_again() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let data = pattern(300_000, 5);
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&data, 64_512);
    assert_eq!(namenode.model.wait_change(&block(1), RECEIVED).num_bytes, Some(300_000));
    let reports = namenode.model.has_heard(|heard| heard.reports.len());
    datanode.shutdown().await;
    let datanode = namenode.datanode(place.path()).await;
    let report = namenode.model.wait("a full report", |heard| heard.reports.get(reports).cloned());
    assert_eq!(report.reports[0].number_of_blocks, Some(1));
    assert_eq!(Reader::read(datanode.transfer_address(), &block(1), 0, 300_000).unwrap(), data);
    assert_eq!(
        Reader::read(datanode.transfer_address(), &block(1), 100_001, 7).unwrap(),
        data[100_001..100_008]
    );
    let beyond = Reader::read(datanode.transfer_address(), &block(1), 300_000, 1).unwrap_err();
    assert!(beyond.contains("don't match block"), "{beyond}");
    let missing = Reader::read(datanode.transfer_address(), &block(2), 0, 1).unwrap_err();
    assert!(
        missing.contains("Replica does not exist") || missing.contains("not found"),
        "{missing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_datanode_lets_its_directory_go_whoever_looks_at_it() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    let looks = datanode.observer();
    datanode.shutdown().await;
    namenode.datanode(place.path()).await.shutdown().await;
    assert!(!looks.status().volumes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_of_a_block_one_stays() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    let volumes = [a.to_str().unwrap(), b.to_str().unwrap()];
    let datanode = start(&namenode, &volumes[..1]).await;
    let data = pattern(5000, 1);
    for id in [1, 2] {
        Writer::create(datanode.transfer_address(), &block(id), &[]).write_all(&data, 512);
        namenode.model.wait_change(&block(id), RECEIVED);
    }
    datanode.shutdown().await;
    start(&namenode, &volumes).await.shutdown().await;
    // Both blocks twice; the second one's copy is older.
    for file in replica_files(&a) {
        let copy = b.join(file.strip_prefix(&a).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let stamp = format!("blk_2_{}", block(2).generation_stamp);
        let copy = copy.display().to_string().replace(&stamp, "blk_2_1000");
        std::fs::copy(&file, copy).unwrap();
    }
    for volume in [&a, &b] {
        let current = volume.join("current").join(&block(1).pool_id).join("current");
        // The saved lists know nothing of that.
        drop(std::fs::remove_file(current.join("replicas")));
    }
    let datanode = start(&namenode, &volumes).await;
    for id in [1, 2] {
        let read = Reader::read(datanode.transfer_address(), &block(id), 0, 5000);
        assert_eq!(read.unwrap(), data);
    }
    // Of two that are alike the one with the greater path stays, else the newer one.
    assert_eq!((replica_files(&a).len(), replica_files(&b).len()), (2, 2));
    assert!(data_file(&b, &block(1)).is_some() && data_file(&a, &block(2)).is_some());
    let replicas: u64 = datanode.status().volumes.iter().map(|volume| volume.replicas).sum();
    assert_eq!(replicas, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_takes_the_files_away() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let datanode = namenode.datanode(place.path()).await;
    for id in [1, 2] {
        Writer::create(datanode.transfer_address(), &block(id), &[])
            .write_all(&pattern(5000, 1), 512);
        namenode.model.wait_change(&block(id), RECEIVED);
    }
    // An order about an older version than the one that is here is not obeyed.
    let older = proto::ExtendedBlockProto { generation_stamp: 1000, ..block(2) };
    namenode.model.block_command(Action::Invalidate, &[older, block(1)], &[]);
    namenode.model.wait_change(&block(1), DELETED);
    eventually("the files are gone", || data_file(place.path(), &block(1)).is_none());
    assert_eq!(replica_files(place.path()).len(), 2, "block 2 stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namenode_has_a_block_copied() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let (from, to) =
        (namenode.datanode(places[0].path()).await, namenode.datanode(places[1].path()).await);
    let data = pattern(200_000, 9);
    let mut written = block(4);
    Writer::create(from.transfer_address(), &written, &[]).write_all(&data, 64_512);
    written.num_bytes = Some(200_000);
    // Both hear every order; the one without the block refuses it.
    let target = namenode.info_of(&to);
    eventually("copied", || {
        namenode.model.block_command(
            Action::Transfer,
            std::slice::from_ref(&written),
            std::slice::from_ref(&target),
        );
        std::thread::sleep(Duration::from_millis(60));
        data_file(places[1].path(), &written)
            .is_some_and(|path| path.to_str().unwrap().contains("finalized"))
    });
    assert_eq!(Reader::read(to.transfer_address(), &written, 0, 200_000).unwrap(), data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_replica_is_not_copied_but_reported() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let (from, to) =
        (namenode.datanode(places[0].path()).await, namenode.datanode(places[1].path()).await);
    let mut written = block(4);
    Writer::create(from.transfer_address(), &written, &[]).write_all(&pattern(2000, 9), 2000);
    written.num_bytes = Some(2000);
    damage(&data_file(places[0].path(), &written).unwrap());
    let target = namenode.info_of(&to);
    let source = namenode.info_of(&from);
    eventually("reported", || {
        namenode.model.block_command(
            Action::Transfer,
            std::slice::from_ref(&written),
            std::slice::from_ref(&target),
        );
        std::thread::sleep(Duration::from_millis(60));
        namenode.model.has_heard(|heard| !heard.bad.is_empty())
    });
    let bad = namenode.model.wait_bad(&written);
    assert_eq!(bad.locs[0].id.xfer_port, source.id.xfer_port, "the source is bad, not the target");
    eventually("nothing of the copy is left", || data_file(places[1].path(), &written).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_moves_a_block() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let namenode = NameNode::start().await;
    let (from, to) =
        (namenode.datanode(places[0].path()).await, namenode.datanode(places[1].path()).await);
    let data = pattern(100_000, 3);
    let mut written = block(6);
    Writer::create(from.transfer_address(), &written, &[]).write_all(&data, 64_512);
    written.num_bytes = Some(100_000);
    let source = namenode.info_of(&from);
    let replace = proto::OpReplaceBlockProto {
        header: proto::BaseHeaderProto { block: written.clone(), ..Default::default() },
        del_hint: source.id.datanode_uuid.clone(),
        source,
        storage_type: None,
        storage_id: None,
    };
    let mut link = request(to.transfer_address(), &Operation::ReplaceBlock(Box::new(replace)));
    let answer = loop {
        let answer = response(&mut link).unwrap();
        if answer.status != Status::InProgress as i32 {
            break answer;
        }
    };
    assert_eq!(answer.status, Status::Success as i32, "{answer:?}");
    assert_eq!(Reader::read(to.transfer_address(), &written, 0, 100_000).unwrap(), data);
    let hinted = namenode.model.wait("a hint", |heard| {
        let mut changes = heard.changes.iter();
        changes.find_map(|change| change.delete_hint.clone().filter(|hint| !hint.is_empty()))
    });
    assert_eq!(hinted, namenode.info_of(&from).id.datanode_uuid);
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_take_turns_and_types_are_kept() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let volumes = [at("a"), at("b"), format!("[SSD]file://{}", at("c"))];
    let datanode = start(&namenode, &volumes.each_ref().map(String::as_str)).await;
    for id in 1..=6 {
        Writer::create(datanode.transfer_address(), &block(id), &[])
            .write_all(&pattern(100, 1), 512);
    }
    let count = |name: &str| replica_files(Path::new(&at(name))).len() / 2;
    assert_eq!(
        (count("a"), count("b"), count("c")),
        (3, 3, 0),
        "DISK is asked for where nothing is said"
    );
    let (answer, writer) = Writer::request(datanode.transfer_address(), &block(7), |write| {
        write.storage_type = Some(proto::StorageTypeProto::Ssd as i32);
    });
    assert_eq!(answer.unwrap().status, Status::Success as i32);
    writer.write_all(&pattern(100, 1), 512);
    assert_eq!(count("c"), 1);
    let kinds = namenode.model.wait("three storages", |heard| {
        let storages = heard.storages();
        (storages.len() == 3).then(|| {
            storages.iter().filter_map(|one| one.storage.clone()?.storage_type).collect::<Vec<_>>()
        })
    });
    assert_eq!(
        kinds.iter().filter(|kind| **kind == proto::StorageTypeProto::Ssd as i32).count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_fails_is_dropped_and_reported() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let mut settings = namenode.settings(&[&at("a"), &at("b")]);
    settings.failed_volumes_tolerated = 1;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    for id in 1..=4 {
        Writer::create(datanode.transfer_address(), &block(id), &[])
            .write_all(&pattern(100, 1), 512);
    }
    // A disk that is gone: even root cannot make files in it.
    std::fs::rename(at("a"), at("gone")).unwrap();
    std::fs::write(at("a"), b"no directory").unwrap();
    for id in 1..=4 {
        let _ = Reader::read(datanode.transfer_address(), &block(id), 0, 100);
    }
    namenode.model.wait("a failed volume", |heard| {
        let beat = heard.heartbeats.last()?;
        (beat.failed_volumes == Some(1)
            && beat.volume_failure_summary.as_ref()?.failed_storage_locations.len() == 1)
            .then_some(())
    });
    let good =
        (1..=4).filter(|id| Reader::read(datanode.transfer_address(), &block(*id), 0, 100).is_ok());
    assert_eq!(good.count(), 2, "the other volume serves on");
    Writer::create(datanode.transfer_address(), &block(9), &[]).write_all(&pattern(100, 1), 512);
    std::fs::rename(at("b"), at("gone-too")).unwrap();
    std::fs::write(at("b"), b"no directory").unwrap();
    let _ = Reader::read(datanode.transfer_address(), &block(9), 0, 100);
    let reason = tokio::time::timeout(PATIENCE, datanode.ended()).await.unwrap();
    assert!(reason.contains("Too many failed volumes"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_serves_one_datanode_of_one_cluster() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let text = place.path().to_str().unwrap();
    let datanode = namenode.datanode(place.path()).await;
    let Err(error) = DataNode::start(namenode.settings(&[text])).await else {
        panic!("opened twice")
    };
    assert!(
        error.to_string().to_lowercase().contains("lock")
            || error.to_string().contains("failed volumes"),
        "{error}"
    );
    datanode.shutdown().await;
    let other = NameNode::of("CID-other").await;
    let datanode = DataNode::start(other.settings(&[text])).await.unwrap();
    let error = datanode.registered().await.unwrap_err().to_string();
    assert!(error.contains("CID-model") && error.contains("CID-other"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_block_scanner_finds_damage() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mut settings = namenode.settings(&[place.path().to_str().unwrap()]);
    settings.scan_period = Some(Duration::from_millis(100));
    settings.scan_bandwidth = 1 << 30;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    for id in [1, 2] {
        Writer::create(datanode.transfer_address(), &block(id), &[])
            .write_all(&pattern(2000, 9), 2000);
    }
    damage(&data_file(place.path(), &block(1)).unwrap());
    let bad = namenode.model.wait_bad(&block(1));
    assert_eq!(bad.locs[0].id.datanode_uuid, namenode.info_of(&datanode).id.datanode_uuid);
    assert!(namenode.model.has_heard(|heard| heard.bad.iter().all(|bad| bad.b.block_id == 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_blocks_and_keeps_the_old() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let mount = place.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(&mount)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED: a_full_disk_refuses_new_blocks_and_keeps_the_old: cannot mount a tmpfs here"
        );
        return;
    }
    let mut settings = namenode.settings(&[mount.to_str().unwrap()]);
    settings.block_size = 1 << 20;
    settings.choice = VolumeChoice::RoundRobin;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    let mut kept = Vec::new();
    for id in 1..=6 {
        let (answer, writer) = Writer::request(datanode.transfer_address(), &block(id), |_| {});
        if answer.is_ok_and(|answer| answer.status == Status::Success as i32) {
            writer.write_all(&pattern(900_000, id as u8), 64_512);
            kept.push(id);
        }
    }
    assert!(!kept.is_empty() && kept.len() < 6, "{kept:?}");
    for id in kept {
        let read = Reader::read(datanode.transfer_address(), &block(id), 0, 900_000).unwrap();
        assert_eq!(read, pattern(900_000, id as u8));
    }
    datanode.shutdown().await;
    let unmounted = std::process::Command::new("umount").arg("-l").arg(&mount).status().unwrap();
    assert!(unmounted.success());
}
