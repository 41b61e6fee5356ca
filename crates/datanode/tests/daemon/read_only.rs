//! Volumes whose file system is read-only, from the start or from one moment on.

use std::path::{Path, PathBuf};
use std::process::Command;

use loxodon_datanode::DataNode;

use crate::model::{NameNode, Reader, Writer, block, pattern};

/// A read-only mount; undone when dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// Everything below `directory` cannot be changed any more; `None` where this machine does not allow mounts.
    fn make(directory: &Path) -> Option<Self> {
        let mount = |args: &[&str]| {
            let done = Command::new("mount").args(args).output();
            done.is_ok_and(|output| output.status.success())
        };
        let path = directory.to_str()?;
        if !mount(&["--bind", path, path]) {
            eprintln!("SKIPPED: cannot mount here");
            return None;
        }
        let mounted = Self(directory.to_owned());
        mount(&["-o", "remount,ro,bind", path]).then_some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_read_only_at_the_start_counts_as_failed() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let at = |name: &str| place.path().join(name);
    let volumes = [at("a"), at("b")];
    let volumes = volumes.each_ref().map(|path| path.to_str().unwrap());
    let datanode = DataNode::start(namenode.settings(&volumes)).await.unwrap();
    datanode.registered().await.unwrap();
    datanode.shutdown().await;
    let Some(_mounted) = ReadOnly::make(&at("a")) else { return };
    let Err(error) = DataNode::start(namenode.settings(&volumes)).await else {
        panic!("none may fail")
    };
    assert!(error.to_string().contains("Too many failed volumes"), "{error}");
    let mut settings = namenode.settings(&volumes);
    settings.failed_volumes_tolerated = 1;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    Writer::create(datanode.transfer_address(), &block(1), &[]).write_all(&pattern(100, 1), 512);
    let failed = namenode
        .model
        .wait("a failed volume", |heard| heard.heartbeats.last()?.volume_failure_summary.clone());
    assert_eq!(failed.failed_storage_locations, [at("a").display().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_becomes_read_only_is_dropped_at_the_next_write() {
    let (place, namenode) = (tempfile::tempdir().unwrap(), NameNode::start().await);
    let at = |name: &str| place.path().join(name);
    let volumes = [at("a"), at("b")];
    let mut settings = namenode.settings(&volumes.each_ref().map(|path| path.to_str().unwrap()));
    settings.failed_volumes_tolerated = 1;
    let datanode = DataNode::start(settings).await.unwrap();
    datanode.registered().await.unwrap();
    let address = datanode.transfer_address();
    for id in [1, 2] {
        Writer::create(address, &block(id), &[]).write_all(&pattern(100, 1), 512);
    }
    let Some(_mounted) = ReadOnly::make(&at("a")) else { return };
    // One of the next two writes comes to that volume.
    for id in [3, 4] {
        drop(Writer::request(address, &block(id), |_| {}));
    }
    namenode.model.wait("a failed volume", |heard| {
        let failed = heard.heartbeats.last()?.volume_failure_summary.clone()?;
        (failed.failed_storage_locations == [at("a").display().to_string()]).then_some(())
    });
    for id in [5, 6] {
        Writer::create(address, &block(id), &[]).write_all(&pattern(100, 1), 512);
        assert_eq!(Reader::read(address, &block(id), 0, 100).unwrap(), pattern(100, 1));
    }
    let Some(_mounted) = ReadOnly::make(&at("b")) else { return };
    drop(Writer::request(address, &block(7), |_| {}));
    let reason = datanode.ended().await;
    assert!(reason.contains("Too many failed volumes"), "{reason}");
}
