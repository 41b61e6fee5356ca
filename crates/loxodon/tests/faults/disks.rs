//! Name directories that are damaged, not ours, or not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use loxodon_client::SafeModeAction;

use crate::daemon::{NameNode, Site, files};

/// Filler that is written ahead of the edits.
const FILLER: u8 = 0xff;

async fn make(namenode: &NameNode, names: std::ops::Range<u32>) {
    let client = namenode.client();
    for name in names {
        assert!(client.mkdirs(&format!("/d{name:04}"), 0o755, false).await.expect("mkdirs"));
    }
}

/// How many of the directories that [`make`] made are there, without a gap.
async fn count(namenode: &NameNode) -> u32 {
    let client = namenode.client();
    let mut listing = client.list("/");
    let mut count = 0;
    while let Some(status) = listing.next().await.expect("a listing") {
        assert_eq!(status.name, format!("d{count:04}"));
        count += 1;
    }
    count
}

/// A site whose NameNode was killed after it had made `names` directories; where the edits of
/// its open segment end.
async fn crashed(names: u32) -> (Site, usize) {
    let site = Site::formatted();
    let mut namenode = site.start();
    make(&namenode, 0..names).await;
    namenode.kill();
    let segment = fs::read(site.file("edits_inprogress_")).expect("the segment");
    let end = segment.iter().rposition(|&byte| byte != FILLER).expect("edits") + 1;
    (site, end)
}

async fn save_image(namenode: &NameNode) {
    let client = namenode.client();
    assert!(client.set_safe_mode(SafeModeAction::Enter, false).await.expect("safe mode"));
    assert!(client.save_namespace(0, 0).await.expect("saveNamespace"));
    assert!(!client.set_safe_mode(SafeModeAction::Leave, false).await.expect("safe mode"));
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[offset] ^= 0x10;
    fs::write(path, bytes).expect("a file");
}

/// Where the edits of a segment end: each is its code, its length, so much, and a checksum.
fn ends_of_edits(segment: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    while let Some(length) = segment.get(ends[ends.len() - 1] + 1..).and_then(<[u8]>::first_chunk) {
        ends.push(ends[ends.len() - 1] + 1 + u32::from_be_bytes(*length) as usize + 4);
    }
    ends
}

#[tokio::test]
async fn a_torn_tail_costs_only_what_was_not_whole() {
    const NAMES: u32 = 12;
    let (site, end) = crashed(NAMES).await;
    let path = site.file("edits_inprogress_");
    let whole = fs::read(&path).expect("the segment");
    let ends = ends_of_edits(&whole[..end]);
    assert_eq!(ends.last(), Some(&end));
    let seen = site.current().join("seen_txid");
    let seen_before = fs::read(&seen).expect("seen_txid");
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    // Every directory's edit is as long as the next; the first ones begin after the header and
    // the transaction that opened the segment.
    let mut rng = fastrand::Rng::with_seed(1);
    let mut counts = Vec::new();
    let mut cuts: Vec<usize> = (0..14).map(|_| rng.usize(30..end)).collect();
    cuts.extend([end - 1, end]);
    cuts.sort_unstable();
    for (round, cut) in cuts.into_iter().enumerate() {
        for file in files(&site.current(), "edits_") {
            fs::remove_file(file).expect("an old segment");
        }
        let mut bytes = whole[..cut].to_vec();
        let torn = match round % 3 {
            0 => 0,
            1 => {
                bytes.resize(cut + 4096, FILLER);
                4096
            }
            _ => {
                bytes.extend((0..100).map(|_| rng.u8(..)));
                // Not by chance the byte that was cut off.
                if let (Some(was), Some(is)) = (whole.get(cut), bytes.get_mut(cut)) {
                    *is = if is == was { !*was } else { *is };
                }
                100
            }
        };
        fs::write(&path, &bytes).expect("the segment");
        fs::write(&seen, &seen_before).expect("seen_txid");
        let mut namenode = site.start();
        counts.push(count(&namenode).await);
        let log = namenode.log();
        if log.contains("Cutting off") {
            assert!(log.contains(&name) && log.contains("at offset"), "{log}");
        } else {
            let between = ends.contains(&cut);
            assert!(between && torn != 100, "cut at {cut} and nothing said:\n{log}");
        }
        namenode.kill();
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&NAMES));
    assert_eq!(counts[counts.len() - 2], NAMES - 1, "{counts:?}");
}

#[tokio::test]
async fn damage_among_acknowledged_edits_is_refused_by_file_and_offset() {
    let (site, end) = crashed(20).await;
    let path = site.file("edits_inprogress_");
    flip(&path, end / 2);
    let name = path.to_string_lossy().into_owned();
    let text = site.refused(&[&name, "at offset", "corrupt"]);
    assert!(text.contains("CorruptionException"), "{text}");
    // Nothing was cut off: the file is as it was.
    flip(&path, end / 2);
    let namenode = site.start();
    assert_eq!(count(&namenode).await, 20);
    drop(namenode);
    // The same in a segment that was finished.
    let path = files(&site.current(), "edits_0").remove(0);
    flip(&path, end / 2);
    site.refused(&[&path.to_string_lossy(), "at offset"]);
}

#[tokio::test]
async fn an_older_image_helps_where_the_newest_is_damaged() {
    let site = Site::formatted();
    let namenode = site.start();
    make(&namenode, 0..5).await;
    save_image(&namenode).await;
    make(&namenode, 5..9).await;
    namenode.stop();
    let newest = files(&site.current(), "fsimage_").into_iter().nth(2).expect("an image");
    flip(&newest, 50);
    let mut namenode = site.start();
    assert_eq!(count(&namenode).await, 9);
    let log = namenode.log();
    let name = newest.to_string_lossy().into_owned();
    assert!(log.contains(&name) && log.contains("trying the older one"), "{log}");
    // It has saved a good one, which the next start takes.
    namenode.stop();
    let mut namenode = site.start();
    assert_eq!(count(&namenode).await, 9);
    assert!(!namenode.log().contains("trying the older one"));
}

#[test]
fn a_damaged_image_without_another_is_refused_by_name() {
    let site = Site::formatted();
    let image = files(&site.current(), "fsimage_").remove(0);
    let good = fs::read(&image).expect("the image");
    let name = image.to_string_lossy().into_owned();
    flip(&image, good.len() / 2);
    site.refused(&[&name, "is corrupt", "MD5"]);
    fs::write(&image, &good[..good.len() / 2]).expect("the image");
    site.refused(&[&name, "is corrupt"]);
    fs::write(&image, &good).expect("the image");
    let digest = image.with_extension("md5");
    fs::remove_file(&digest).expect("the digest");
    site.refused(&[&name, "No MD5 file found corresponding to image file"]);
    fs::remove_file(&image).expect("the image");
    site.refused(&["No valid image files found"]);
}

#[test]
fn directories_that_are_not_this_file_systems_are_refused() {
    let site = Site::formatted();
    let version = site.current().join("VERSION");
    let good = fs::read_to_string(&version).expect("VERSION");
    let name = site.path("name").to_string_lossy().into_owned();
    let with = |from: &str, to: &str| {
        let line = good.lines().find(|line| line.starts_with(from)).expect("the property");
        fs::write(&version, good.replace(line, to)).expect("VERSION");
    };
    with("layoutVersion", "layoutVersion=-99");
    site.refused(&[&name, "IncorrectVersionException", "Reported: -99. Expecting = -67."]);
    with("layoutVersion", "layoutVersion=-60");
    site.refused(&["old layout version -60", "-67"]);
    with("clusterID", "nothing=here");
    site.refused(&[&name, "InconsistentFSStateException", "clusterID missing"]);
    with("storageType", "storageType=DATA_NODE");
    site.refused(&[&name, "DATA_NODE"]);
    fs::write(&version, &good).expect("VERSION");
    drop(site.start());

    // A second directory, of another cluster.
    let site = site.with_names(&["name2"]);
    let output = site.run(&["-format", "-clusterid", "other"]);
    assert!(output.status.success(), "{output:?}");
    let name2 = site.path("name2").to_string_lossy().into_owned();
    let site = site.with_names(&["name", "name2"]);
    site.refused(&[&name2, "is incompatible with others."]);

    let site = site.with_names(&["name"]);
    fs::remove_file(&version).expect("VERSION");
    site.refused(&["java.io.IOException: NameNode is not formatted."]);
    let site = site.with_names(&["nowhere"]);
    site.refused(&["nowhere", "does not exist or is not accessible"]);
}

#[test]
fn edits_that_are_known_to_be_missing_are_missed() {
    let site = Site::formatted();
    site.start().stop();
    fs::write(site.current().join("seen_txid"), "700\n").expect("seen_txid");
    site.refused(&["Gap in transactions", "at least txid 700", "containing txid 3"]);
    fs::write(site.current().join("seen_txid"), "many\n").expect("seen_txid");
    site.refused(&[&site.current().to_string_lossy(), "seen_txid", "many"]);
}

#[test]
fn a_directory_is_one_namenodes() {
    let site = Site::formatted();
    let mut first = site.start();
    let name = site.path("name").to_string_lossy().into_owned();
    site.refused(&[&format!("Cannot lock storage {name}. The directory is already locked")]);
    // The lock goes with its holder, however that ends.
    first.kill();
    site.start().stop();
}

#[test]
fn a_directory_without_permission_is_named() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN: only root can run a NameNode as somebody else");
        return;
    }
    let site = Site::formatted();
    let name = site.path("name");
    // Others may look for the directory, not into it.
    fs::set_permissions(name.parent().expect("a parent"), fs::Permissions::from_mode(0o755))
        .expect("permissions");
    let output = site.command().uid(65534).gid(65534).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&*name.to_string_lossy()) && text.contains("denied"), "{text}");
}

#[tokio::test]
async fn one_directory_fails_and_the_other_goes_on() {
    let site = Site::unformatted()
        .with_names(&["name", "name2"])
        .with("dfs.namenode.resource.check.interval", "50");
    site.format();
    let mut namenode = site.start();
    make(&namenode, 0..3).await;
    // What was a directory is a file now: the next segment cannot be made in it.
    let lost = site.path("name2");
    fs::rename(&lost, site.path("away")).expect("rename");
    fs::write(&lost, "").expect("a file");
    namenode.client().roll_edits().await.expect("rollEdits");
    make(&namenode, 3..6).await;
    let statuses = crate::web::bean(&namenode.http, "NameNode,name=NameNodeInfo");
    let statuses = statuses["NameDirStatuses"].as_str().expect("statuses").to_owned();
    let statuses: serde_json::Value = serde_json::from_str(&statuses).expect("JSON");
    assert!(statuses["active"].get(&*site.path("name").to_string_lossy()).is_some(), "{statuses}");
    assert!(statuses["failed"].get(&*lost.to_string_lossy()).is_some(), "{statuses}");
    let said = namenode.wait_for("Error reported on storage directory");
    assert!(said.is_some(), "{}", namenode.log());

    // The other one too: there is no NameNode without a place for its edits.
    fs::rename(site.path("name"), site.path("away2")).expect("rename");
    let client = namenode.client();
    // It may end before its answer is sent; why, is in its log.
    client.roll_edits().await.expect_err("nowhere to write");
    assert_eq!(namenode.ended(), Some(1));
    let log = namenode.log();
    assert!(log.contains("starting log segment failed for too many journals"), "{log}");
    assert!(log.contains(&*site.path("name").to_string_lossy()), "{log}");

    // Nothing is lost with it.
    fs::rename(site.path("away2"), site.path("name")).expect("rename");
    let site = site.with_names(&["name"]);
    let namenode = site.start();
    assert_eq!(count(&namenode).await, 6);
}
