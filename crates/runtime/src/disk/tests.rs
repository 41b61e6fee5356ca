use super::*;
use loxodon_journal::names::StorageFile;
use loxodon_journal::retention::Retention;
use loxodon_journal::version::StorageInfo;
use loxodon_namespace::edit::{Edit, Transaction};
use loxodon_wire::editlog::{LAYOUT_VERSION, MAX_OP_SIZE};
use loxodon_wire::ids::TxId;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

fn info() -> StorageInfo {
    StorageInfo {
        namespace_id: 77,
        cluster_id: "CID-1".into(),
        c_time: 5,
        block_pool_id: "BP-1-127.0.0.1-5".into(),
        layout_version: LAYOUT_VERSION,
    }
}

fn settings(roots: &[&Path]) -> Vec<DirectorySettings> {
    roots.iter().map(|root| DirectorySettings::new(root.to_path_buf())).collect()
}

fn format(settings: Vec<DirectorySettings>) -> Arc<StorageSet> {
    let storage = StorageSet::format(settings, info(), "1@test", MAX_OP_SIZE).unwrap();
    save_image(&storage, TxId(0), |sink| sink.write_all(b"image 0")).unwrap();
    Arc::new(storage)
}

fn reopen(settings: Vec<DirectorySettings>) -> StorageSet {
    StorageSet::open(settings, "1@test", MAX_OP_SIZE).unwrap()
}

fn start(storage: &Arc<StorageSet>, last: u64) -> (EditLog, mpsc::Receiver<LogFailed>) {
    let (sender, receiver) = mpsc::channel();
    let fatal: Fatal = Box::new(move |failure| drop(sender.send(failure.clone())));
    let log = EditLog::start(Arc::clone(storage), TxId(last), EditLogSettings::default(), fatal);
    (log.unwrap(), receiver)
}

fn edit(number: u64) -> Edit {
    Edit::AllowSnapshot { root: format!("/directory/{number}") }
}

fn replay(storage: &StorageSet) -> Result<Vec<Transaction>, DiskError> {
    let loaded = storage.inspect()?;
    let mut all = Vec::new();
    storage.replay(&loaded.plan, |transaction| {
        all.push(transaction);
        Ok::<_, DiskError>(())
    })?;
    Ok(all)
}

fn in_progress(root: &Path, first: u64) -> PathBuf {
    root.join("current").join(StorageFile::EditsInProgress(TxId(first)).name())
}

#[test]
fn what_was_acknowledged_is_replayed() {
    let root = tempfile::tempdir().unwrap();
    let directories = settings(&[root.path()]);
    {
        let storage = format(directories.clone());
        let (log, _) = start(&storage, 0);
        let mut last = TxId(0);
        for number in 0..100 {
            last = log.append(&edit(number)).unwrap();
        }
        log.sync(last).unwrap();
        assert_eq!(log.roll(), TxId(103));
        log.append(&edit(100)).unwrap();
        log.close().unwrap();
    }
    let storage = reopen(directories);
    assert_eq!(*storage.info(), info());
    let all = replay(&storage).unwrap();
    let ids: Vec<u64> = all.iter().map(|transaction| transaction.txid.0).collect();
    assert_eq!(ids, (1..=105).collect::<Vec<_>>());
    assert_eq!(all[0].edit, Edit::StartLogSegment);
    assert_eq!(all[1].edit, edit(0));
    assert_eq!(all[101].edit, Edit::EndLogSegment);
    let current = root.path().join("current");
    assert_eq!(fs::read_to_string(current.join("seen_txid")).unwrap(), "103\n");
    assert!(current.join("edits_0000000000000000001-0000000000000000102").exists());
    assert!(current.join("edits_0000000000000000103-0000000000000000105").exists());
}

#[test]
fn a_crash_leaves_space_that_was_written_ahead_and_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let directories = settings(&[root.path()]);
    let copy = tempfile::tempdir().unwrap();
    let storage = format(directories);
    let (log, _) = start(&storage, 0);
    let last = log.append(&edit(1)).unwrap();
    log.sync(last).unwrap();
    assert_eq!(fs::metadata(in_progress(root.path(), 1)).unwrap().len(), 1 << 20);
    copy_directory(root.path(), copy.path());
    let all = replay(&reopen(settings(&[copy.path()]))).unwrap();
    assert_eq!(all.last().unwrap().edit, edit(1));
    assert!(!in_progress(copy.path(), 1).exists());
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("current")).unwrap();
    for entry in fs::read_dir(from.join("current")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("current").join(entry.file_name())).unwrap();
    }
}

/// A directory whose segment is in progress, and the bytes of it that are used.
fn crashed(edits: u64) -> (tempfile::TempDir, Vec<u8>) {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let (log, _) = start(&storage, 0);
    let mut last = TxId(0);
    for number in 0..edits {
        last = log.append(&edit(number)).unwrap();
    }
    log.sync(last).unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_directory(root.path(), copy.path());
    let mut bytes = fs::read(in_progress(copy.path(), 1)).unwrap();
    while bytes.last() == Some(&0xff) {
        bytes.pop();
    }
    (copy, bytes)
}

#[test]
fn a_tail_torn_at_every_byte_is_cut_off() {
    let (root, bytes) = crashed(3);
    // Header and first transaction were acknowledged before the log was opened for anybody.
    for cut in 8 + 17..bytes.len() {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(root.path(), copy.path());
        let mut torn = bytes[..cut].to_vec();
        torn.resize(bytes.len() + 4096, 0xff);
        fs::write(in_progress(copy.path(), 1), &torn).unwrap();
        let storage = reopen(settings(&[copy.path()]));
        let all = replay(&storage).unwrap();
        let whole = all.len();
        assert!((1..=4).contains(&whole), "{cut}: {whole}");
        let length = fs::metadata(
            storage.find(StorageFile::Edits { first: TxId(1), last: TxId(whole as u64) }).unwrap(),
        )
        .unwrap()
        .len();
        assert!(length <= cut as u64, "{cut}");
    }
}

#[test]
fn damage_in_the_middle_is_refused_by_file_and_offset() {
    let (root, mut bytes) = crashed(50);
    bytes[100] ^= 1;
    fs::write(in_progress(root.path(), 1), &bytes).unwrap();
    let error = replay(&reopen(settings(&[root.path()]))).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("edits_inprogress_0000000000000000001"), "{message}");
    assert!(message.contains("offset 87"), "{message}");
}

#[test]
fn damage_in_one_directory_is_read_around() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directories = settings(&[first.path(), second.path()]);
    {
        let storage = format(directories.clone());
        let (log, _) = start(&storage, 0);
        for number in 0..10 {
            log.append(&edit(number)).unwrap();
        }
        log.close().unwrap();
    }
    let segment = first.path().join("current/edits_0000000000000000001-0000000000000000012");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    assert_eq!(replay(&reopen(directories)).unwrap().len(), 12);
    let error = replay(&reopen(settings(&[first.path()]))).unwrap_err();
    assert!(error.to_string().contains("at offset"), "{error}");
}

#[test]
fn a_missing_segment_is_a_gap() {
    let root = tempfile::tempdir().unwrap();
    {
        let storage = format(settings(&[root.path()]));
        let (log, _) = start(&storage, 0);
        log.roll();
        log.roll();
        log.close().unwrap();
    }
    fs::remove_file(root.path().join("current/edits_0000000000000000003-0000000000000000004"))
        .unwrap();
    let error = replay(&reopen(settings(&[root.path()]))).unwrap_err();
    assert!(error.to_string().contains("containing txid 3"), "{error}");
}

#[test]
fn a_directory_that_fails_is_dropped_and_the_other_goes_on() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directories = settings(&[first.path(), second.path()]);
    let storage = format(directories);
    let (log, fatal) = start(&storage, 0);
    fs::remove_dir_all(first.path().join("current")).unwrap();
    let segment = log.roll();
    log.sync(segment).unwrap();
    let last = log.append(&edit(1)).unwrap();
    log.sync(last).unwrap();
    let active: Vec<bool> = storage.status().iter().map(|one| one.active).collect();
    assert_eq!(active, [false, true]);

    // Once the directory is there again, it is taken back with the next segment.
    fs::create_dir(first.path().join("current")).unwrap();
    storage.set_restore_failed(true);
    let segment = log.roll();
    log.sync(segment).unwrap();
    assert!(storage.status().iter().all(|one| one.active));
    assert!(in_progress(first.path(), segment.0).exists());
    assert!(fatal.try_recv().is_err());
}

#[test]
fn with_no_directory_left_everybody_is_told() {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let (log, fatal) = start(&storage, 0);
    fs::remove_dir_all(root.path().join("current")).unwrap();
    let segment = log.roll();
    let failure = log.sync(segment).unwrap_err();
    assert!(failure.0.contains("failed for too many journals"), "{failure}");
    assert!(failure.0.contains("edits_"), "{failure}");
    assert_eq!(fatal.recv().unwrap(), failure);
    let last = log.append(&edit(1)).unwrap();
    assert_eq!(log.sync(last), Err(failure.clone()));
    assert_eq!(log.close(), Err(failure));
}

#[test]
fn a_required_directory_must_not_fail() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut directories = settings(&[first.path(), second.path()]);
    directories[0].required = true;
    let storage = format(directories);
    let (log, _) = start(&storage, 0);
    fs::remove_dir_all(first.path().join("current")).unwrap();
    let segment = log.roll();
    assert!(log.sync(segment).unwrap_err().0.contains("required journal"));
}

#[test]
fn a_directory_is_used_once() {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let second = StorageSet::open(settings(&[root.path()]), "2@test", MAX_OP_SIZE);
    assert!(matches!(second, Err(DiskError::Locked(_))));
    assert_eq!(fs::read_to_string(root.path().join("in_use.lock")).unwrap(), "1@test");
    drop(storage);
    assert!(!root.path().join("in_use.lock").exists());
    reopen(settings(&[root.path()]));
}

#[test]
fn directories_of_different_file_systems_are_refused() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(format(settings(&[first.path()])));
    let other = StorageInfo { cluster_id: "CID-2".into(), ..info() };
    drop(StorageSet::format(settings(&[second.path()]), other, "1@test", MAX_OP_SIZE));
    let both = settings(&[first.path(), second.path()]);
    let error = StorageSet::open(both, "1@test", MAX_OP_SIZE).unwrap_err();
    assert!(error.to_string().contains("cluster Id is incompatible with others."), "{error}");
    assert!(error.java_class().ends_with("InconsistentFSStateException"));
}

#[test]
fn other_layouts_and_empty_directories_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let open = || StorageSet::open(settings(&[root.path()]), "1@test", MAX_OP_SIZE);
    assert!(matches!(open(), Err(DiskError::NotFormatted)));
    drop(format(settings(&[root.path()])));
    let path = root.path().join("current/VERSION");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("-67", "-68")).unwrap();
    assert!(open().unwrap_err().java_class().ends_with("IncorrectVersionException"));
    fs::write(&path, text.replace("-67", "-64")).unwrap();
    assert!(matches!(open(), Err(DiskError::OldLayout { found: -64, .. })));
    let missing = settings(&[&root.path().join("missing")]);
    assert!(StorageSet::open(missing, "1@test", MAX_OP_SIZE).is_err());
}

#[test]
fn images_are_published_whole_or_not_at_all() {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let digest = save_image(&storage, TxId(7), |sink| sink.write_all(b"image 7")).unwrap();
    let path = storage.find(StorageFile::Image(TxId(7))).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"image 7");
    verify_image(&path, &digest).unwrap();
    let error = verify_image(&path, &[0; 16]).unwrap_err();
    assert!(error.to_string().contains("fsimage_0000000000000000007"), "{error}");

    let failed = save_image(&storage, TxId(9), |sink| {
        sink.write_all(b"half")?;
        Err(std::io::Error::other("cancelled"))
    });
    assert!(failed.is_err());
    assert_eq!(storage.find(StorageFile::Image(TxId(9))), None);
    assert_eq!(storage.find(StorageFile::ImageNew(TxId(9))), None);

    save_image(&storage, TxId(8), |sink| sink.write_all(b"image 8")).unwrap();
    storage.purge(&Retention::default());
    let images: Vec<_> = storage.files().unwrap();
    assert_eq!(images, [StorageFile::Image(TxId(7)), StorageFile::Image(TxId(8))]);
    assert!(!root.path().join("current/fsimage_0000000000000000000.md5").exists());
}

#[test]
fn javas_files_are_as_ours() {
    let root = tempfile::tempdir().unwrap();
    drop(format(settings(&[root.path()])));
    let version = fs::read_to_string(root.path().join("current/VERSION")).unwrap();
    let (date, rest) = version.split_once('\n').unwrap();
    // Sat Nov 21 05:55:12 UTC 2026
    assert_eq!(date.split_whitespace().count(), 6, "{date}");
    assert!(rest.starts_with("namespaceID=77\nblockpoolID=BP-1-127.0.0.1-5\n"));
    let digest =
        fs::read_to_string(root.path().join("current/fsimage_0000000000000000000.md5")).unwrap();
    assert!(digest.ends_with(" *fsimage_0000000000000000000\n"));
}

#[test]
fn many_threads_share_syncs() {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let (log, _) = start(&storage, 0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..50 {
                    let txid = log.append(&edit(thread * 100 + number)).unwrap();
                    log.sync(txid).unwrap();
                    assert!(log.last_synced() >= txid);
                }
            });
        }
    });
    log.close().unwrap();
    drop((log, storage));
    assert_eq!(replay(&reopen(settings(&[root.path()]))).unwrap().len(), 402);
}

#[test]
fn the_writers_thread_may_drop_the_log_itself() {
    let root = tempfile::tempdir().unwrap();
    let storage = format(settings(&[root.path()]));
    let (log, failures) = start(&storage, 0);
    let log = Arc::new(log);
    let (sender, outcome) = mpsc::channel();
    let held = Arc::clone(&log);
    let txid = log.append(&edit(1)).unwrap();
    let (let_go, gone) = mpsc::channel::<()>();
    log.when_durable(
        txid,
        Box::new(move |durable| {
            // Until the other reference is gone, so that this one is the last.
            assert!(gone.recv().is_err());
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(held)));
            drop(sender.send((durable, dropped.is_ok())));
        }),
    );
    drop(log);
    drop(let_go);
    assert_eq!(outcome.recv().unwrap(), (Ok(()), true));
    // The writer ends as well, which takes the callback for failures along.
    assert!(failures.recv().is_err());
}
