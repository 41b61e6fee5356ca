//! Blocks that move between the storages of one DataNode, as the mover has it.

use std::path::{Path, PathBuf};

use loxodon_datanode::DataNode;
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{Operation, Status};

use crate::model::{
    NameNode, RECEIVED, Reader, Writer, block, data_file, eventually, pattern, replica_files,
    request, response,
};

struct Scene {
    place: tempfile::TempDir,
    namenode: NameNode,
    datanode: DataNode,
}

impl Scene {
    async fn start() -> Self {
        let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
        let at = |name: &str| place.path().join(name).display().to_string();
        let archive = format!("[ARCHIVE]file://{}", at("archive"));
        let settings = namenode.settings(&[&at("disk"), &archive]);
        let datanode = DataNode::start(settings).await.unwrap();
        datanode.registered().await.unwrap();
        Self { place, namenode, datanode }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Asks for the move to a storage of this type.
    fn relocate(
        &self,
        block: &proto::ExtendedBlockProto,
        kind: proto::StorageTypeProto,
    ) -> proto::BlockOpResponseProto {
        let source = self.namenode.info_of(&self.datanode);
        let replace = proto::OpReplaceBlockProto {
            header: proto::BaseHeaderProto { block: block.clone(), ..Default::default() },
            del_hint: source.id.datanode_uuid.clone(),
            source,
            storage_type: Some(kind as i32),
            storage_id: None,
        };
        let to = self.datanode.transfer_address();
        response(&mut request(to, &Operation::ReplaceBlock(Box::new(replace)))).unwrap()
    }

    fn has(&self, storage: &str, block: &proto::ExtendedBlockProto) -> bool {
        data_file(&self.at(storage), block).is_some()
    }
}

fn status(answer: &proto::BlockOpResponseProto) -> Status {
    Status::try_from(answer.status).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_moves_to_another_storage_type_and_back() {
    let scene = Scene::start().await;
    let data = pattern(300_000, 5);
    let address = scene.datanode.transfer_address();
    Writer::create(address, &block(1), &[]).write_all(&data, 64_512);
    let block = proto::ExtendedBlockProto { num_bytes: Some(300_000), ..block(1) };
    for (kind, new, old) in [
        (proto::StorageTypeProto::Archive, "archive", "disk"),
        (proto::StorageTypeProto::Disk, "disk", "archive"),
    ] {
        assert!(scene.has(old, &block));
        let answer = scene.relocate(&block, kind);
        assert_eq!(status(&answer), Status::Success, "{answer:?}");
        assert!(scene.has(new, &block));
        eventually("the old files are gone", || replica_files(&scene.at(old)).is_empty());
        assert_eq!(Reader::read(address, &block, 0, 300_000).unwrap(), data);
    }
    scene.namenode.model.wait("word of every place", |heard| {
        let received = heard.changes.iter().filter(|change| change.status == RECEIVED);
        (received.count() >= 2).then_some(())
    });
    eventually("each volume counts what it has", || {
        let volumes = scene.datanode.status().volumes;
        let used = volumes.iter().map(|one| (one.usage.dfs_used > 0, one.replicas));
        used.eq([(true, 1), (false, 0)])
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_that_make_no_sense_are_refused() {
    let scene = Scene::start().await;
    let address = scene.datanode.transfer_address();
    Writer::create(address, &block(1), &[]).write_all(&pattern(1000, 5), 512);
    let known = proto::ExtendedBlockProto { num_bytes: Some(1000), ..block(1) };
    let mut open = Writer::create(address, &block(2), &[]);
    open.send(&pattern(512, 1)).unwrap();
    open.full_ack().unwrap();
    let longer = proto::ExtendedBlockProto { num_bytes: Some(1001), ..block(1) };
    for (block, kind, reason) in [
        (&known, proto::StorageTypeProto::Disk, "already exists on storage DISK"),
        (&known, proto::StorageTypeProto::Ssd, "No more available volumes"),
        (&longer, proto::StorageTypeProto::Archive, "expected length is 1001"),
        (&block(2), proto::StorageTypeProto::Archive, "unfinalized replica"),
        (&block(3), proto::StorageTypeProto::Archive, "Replica does not exist"),
    ] {
        let answer = scene.relocate(block, kind);
        let message = answer.message.clone().unwrap_or_default();
        assert_eq!(status(&answer), Status::Error, "{message}");
        assert!(message.contains(reason), "{message}");
    }
    assert!(replica_files(&scene.at("archive")).is_empty());
    assert_eq!(Reader::read(address, &known, 0, 1000).unwrap(), pattern(1000, 5));
}

/// Readers are not to find a replica damaged because it lies elsewhere than a moment ago.
#[tokio::test(flavor = "multi_thread")]
async fn readers_and_moves_do_not_disturb_each_other() {
    let scene = Scene::start().await;
    let address = scene.datanode.transfer_address();
    let data = pattern(50_000, 5);
    Writer::create(address, &block(1), &[]).write_all(&data, 64_512);
    let block = proto::ExtendedBlockProto { num_bytes: Some(50_000), ..block(1) };
    let (reader, wanted) = (block.clone(), data.clone());
    let reads = std::thread::spawn(move || {
        let good = |_: &i32| Reader::read(address, &reader, 0, 50_000).is_ok_and(|d| d == wanted);
        (0..200).filter(good).count()
    });
    for turn in 0..40 {
        let kind = if turn % 2 == 0 {
            proto::StorageTypeProto::Archive
        } else {
            proto::StorageTypeProto::Disk
        };
        let answer = scene.relocate(&block, kind);
        assert_eq!(status(&answer), Status::Success, "{answer:?}");
    }
    assert!(reads.join().unwrap() > 0);
    assert_eq!(Reader::read(address, &block, 0, 50_000).unwrap(), data);
    assert!(scene.namenode.model.has_heard(|heard| heard.bad.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_finds_no_room_leaves_the_block_where_it_is() {
    let scene = Scene::start().await;
    let address = scene.datanode.transfer_address();
    Writer::create(address, &block(1), &[]).write_all(&pattern(1000, 5), 512);
    let known = proto::ExtendedBlockProto { num_bytes: Some(1000), ..block(1) };
    // Where files of copies are made there is a file.
    let tmp = find_directory(&scene.at("archive"), "tmp").unwrap();
    std::fs::remove_dir_all(&tmp).unwrap();
    std::fs::write(&tmp, b"no directory").unwrap();
    let answer = scene.relocate(&known, proto::StorageTypeProto::Archive);
    assert_eq!(status(&answer), Status::Error);
    assert!(scene.has("disk", &known));
    assert_eq!(Reader::read(address, &known, 0, 1000).unwrap(), pattern(1000, 5));
}

fn find_directory(root: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(root).ok()?.flatten().map(|one| one.path()).collect();
    let directories = || entries.iter().filter(|path| path.is_dir());
    directories()
        .find(|path| path.file_name().is_some_and(|last| last == name))
        .cloned()
        .or_else(|| directories().find_map(|path| find_directory(path, name)))
}
