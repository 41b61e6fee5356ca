//! A disk that is full, or nearly, under the edit log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::daemon::{NameNode, Site};
use crate::web::bean;

/// A small disk of its own, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount.
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(at).expect("a directory");
        let size = format!("size={mebibytes}m,mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        let mounted = done.is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("NOT RUN: this user may not mount a small disk");
        }
        mounted.then(|| Self(at.to_owned()))
    }

    /// Takes all room but this.
    fn fill(&self, except: usize) {
        let statistics = rustix::fs::statvfs(&self.0).expect("a disk");
        let free = usize::try_from(statistics.f_bavail * statistics.f_frsize).expect("a size");
        fs::write(self.0.join("filling"), vec![b'x'; free - except]).expect("room");
    }

    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        let done = Command::new("mount").args(["-o", &options]).arg(&self.0).output();
        let output = done.expect("mount");
        assert!(output.status.success(), "{output:?}");
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filling")).expect("the filling");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn mkdir(namenode: &NameNode, path: &str) -> loxodon_client::Result<bool> {
    namenode.client().mkdirs(path, 0o755, true).await
}

#[tokio::test]
async fn little_room_means_safe_mode_until_there_is_room() {
    let site = Site::unformatted()
        .with("dfs.namenode.resource.check.interval", "20")
        .with("dfs.namenode.resource.du.reserved", "4m");
    let Some(disk) = Disk::mount(&site.path("name"), 16) else { return };
    site.format();
    let mut namenode = site.start();
    assert!(mkdir(&namenode, "/before").await.expect("mkdirs"));
    disk.fill(2 << 20);
    namenode.wait_for("low on available disk space").expect("safe mode");
    let error = mkdir(&namenode, "/after").await.expect_err("safe mode");
    assert!(error.is("SafeModeException"), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("Cannot create directory /after. Name node is in safe mode."),
        "{text}"
    );
    let info = bean(&namenode.http, "NameNode,name=NameNodeInfo");
    let tip = info["Safemode"].as_str().expect("text");
    assert!(tip.contains("Resources are low on NN"), "{tip}");
    // Reading goes on.
    let client = namenode.client();
    assert!(client.exists("/before").await.expect("getFileInfo"));
    // As in Hadoop, somebody has to say that it is over; while it is not, saying so is no use.
    client.set_safe_mode(loxodon_client::SafeModeAction::Leave, false).await.expect("leave");
    namenode.wait_for("low on available disk space").expect("safe mode again");
    disk.empty();
    // Whoever looked just before finds no room once more.
    let leaves = async {
        loop {
            let left = client.set_safe_mode(loxodon_client::SafeModeAction::Leave, false).await;
            left.expect("leave");
            match mkdir(&namenode, "/after").await {
                Ok(made) => return made,
                Err(error) => assert!(error.is("SafeModeException"), "{error}"),
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), leaves).await.expect("an end"));
    namenode.stop();
}

#[tokio::test]
async fn a_full_disk_ends_the_namenode_and_loses_nothing() {
    let site = Site::unformatted()
        // Nothing is looked at before the disk is full.
        .with("dfs.namenode.resource.check.interval", "1h");
    let Some(disk) = Disk::mount(&site.path("name"), 8) else { return };
    site.format();
    let mut namenode = site.start();
    disk.fill(0);
    let client = namenode.client();
    let name = |number: u32| format!("/{number}-{}", "long".repeat(60));
    let mut acknowledged = 0;
    while client.mkdirs(&name(acknowledged), 0o755, true).await.is_ok() {
        acknowledged += 1;
    }
    assert!(acknowledged > 100, "{acknowledged}: the space that was there was not used");
    assert_eq!(namenode.ended(), Some(1));
    let log = namenode.log();
    assert!(log.contains("failed for too many journals") && log.contains("No space left"), "{log}");
    assert!(log.contains(&*site.current().to_string_lossy()), "{log}");
    // It says so again as long as that is so, and comes back whole when it is not.
    site.refused(&["No space left", &site.path("name").to_string_lossy()]);
    disk.empty();
    let namenode = site.start();
    let client = namenode.client();
    for number in 0..acknowledged {
        assert!(client.exists(&name(number)).await.expect("getFileInfo"), "{number} is lost");
    }
    assert!(mkdir(&namenode, "/after").await.expect("mkdirs"));
    namenode.stop();
}

#[tokio::test]
async fn a_disk_that_may_only_be_read_is_named() {
    let site = Site::unformatted();
    let Some(disk) = Disk::mount(&site.path("name"), 16) else { return };
    site.format();
    let namenode = site.start();
    assert!(mkdir(&namenode, "/before").await.expect("mkdirs"));
    namenode.stop();
    disk.remount("ro");
    let name = site.path("name").to_string_lossy().into_owned();
    site.refused(&[&name, "Read-only file system"]);
    let output = site.run(&["-format", "-force"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&name) && text.contains("Read-only file system"), "{text}");
    // Once it may be written again, everything is there.
    disk.remount("rw");
    let namenode = site.start();
    let found = namenode.client().file_info("/before").await.expect("getFileInfo");
    assert!(found.is_some());
}
