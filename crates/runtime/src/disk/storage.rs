//! The storage directories: their layout, their `VERSION`, and which of them have failed.

use super::error::{About, DiskError};
use super::files::{read_small, sync_parent, write_atomically};
use super::lock::DirectoryLock;
use super::recover::{Recovered, finish_segment};
use super::segment_reader::SegmentReader;
use jiff::Zoned;
use loxodon_journal::inspect::{Found, Listing, LoadPlan, Segment, plan_before};
use loxodon_journal::names::StorageFile;
use loxodon_journal::retention::Retention;
use loxodon_journal::version::StorageInfo;
use loxodon_namespace::edit::Transaction;
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::ids::TxId;
use parking_lot::Mutex;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySettings {
    /// Where it is.
    pub root: PathBuf,
    /// Images are kept here (`dfs.namenode.name.dir`).
    pub images: bool,
    /// Edits are kept here (`dfs.namenode.edits.dir`).
    pub edits: bool,
    /// Edits cannot go on without it (`dfs.namenode.edits.dir.required`).
    pub required: bool,
    /// Permissions of the folder with the files (`dfs.namenode.storage.dir.perm`).
    pub permissions: u32,
}

impl DirectorySettings {
    /// A directory for images and edits, as most are.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root, images: true, edits: true, required: false, permissions: 0o700 }
    }
}

/// A directory as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryStatus {
    /// As configured.
    pub settings: DirectorySettings,
    /// In use; a directory that failed is not.
    pub active: bool,
}

#[derive(Debug)]
struct Directory {
    settings: DirectorySettings,
    /// Held while the directory is in use.
    lock: Option<DirectoryLock>,
    formatted: bool,
}

impl Directory {
    fn current(&self) -> PathBuf {
        self.settings.root.join("current")
    }

    /// Makes the folder with the files anew.
    fn clear(&self) -> Result<(), DiskError> {
        let current = &self.current();
        if current.exists() {
            fs::remove_dir_all(current).about("empty", current)?;
        }
        fs::create_dir_all(current).about("create", current)?;
        let permissions = fs::Permissions::from_mode(self.settings.permissions);
        fs::set_permissions(current, permissions).about("set permissions of", current)?;
        sync_parent(current)
    }
}

/// What a start has to work with.
#[derive(Debug)]
pub struct Loaded {
    /// Copies of the newest image, in the order in which they are to be tried.
    pub images: Vec<PathBuf>,
    /// The transaction they go up to.
    pub image_txid: TxId,
    /// Edits after the image.
    pub plan: LoadPlan,
    /// A directory has just been added and holds nothing: an image should be saved.
    pub needs_save: bool,
}

/// All storage directories of a NameNode (`NNStorage`).
#[derive(Debug)]
pub struct StorageSet {
    directories: Mutex<Vec<Directory>>,
    info: StorageInfo,
    owner: String,
    max_op_size: usize,
    restore_failed: std::sync::atomic::AtomicBool,
}

impl StorageSet {
    /// Empties the directories and makes them a new file system's. An image must be saved next.
    ///
    /// # Errors
    /// If one of them cannot be created, locked or written.
    pub fn format(
        settings: Vec<DirectorySettings>,
        info: StorageInfo,
        owner: &str,
        max_op_size: usize,
    ) -> Result<Self, DiskError> {
        let mut directories = Vec::new();
        for settings in settings {
            fs::create_dir_all(&settings.root).about("create", &settings.root)?;
            let lock = DirectoryLock::take(&settings.root, owner)?;
            let directory = Directory { settings, lock: Some(lock), formatted: true };
            directory.clear()?;
            write_version(&directory.current(), &info)?;
            write_seen_txid(&directory.current(), TxId(0))?;
            tracing::info!(
                "Storage directory {} has been successfully formatted.",
                directory.settings.root.display()
            );
            directories.push(directory);
        }
        Ok(Self {
            directories: Mutex::new(directories),
            info,
            owner: owner.to_owned(),
            max_op_size,
            restore_failed: false.into(),
        })
    }

    /// Takes the directories of a file system that exists. `owner` is written into the locks.
    ///
    /// # Errors
    /// If one of them is missing, in use, or not this file system's.
    pub fn open(
        settings: Vec<DirectorySettings>,
        owner: &str,
        max_op_size: usize,
    ) -> Result<Self, DiskError> {
        if settings.is_empty() {
            return Err(DiskError::NoDirectories(
                "All specified directories are not accessible or do not exist.",
            ));
        }
        let mut directories = Vec::new();
        let mut info: Option<StorageInfo> = None;
        for settings in settings {
            let root = &settings.root;
            if !root.is_dir() {
                return Err(DiskError::inconsistent(
                    root,
                    "storage directory does not exist or is not accessible.",
                ));
            }
            let lock = DirectoryLock::take(root, owner)?;
            let found = examine(root)?;
            if let Some(found) = &found {
                match &info {
                    None => info = Some(found.clone()),
                    Some(info) => {
                        info.check_same(found)
                            .map_err(|source| DiskError::Version { path: root.clone(), source })?;
                    }
                }
            }
            directories.push(Directory { settings, lock: Some(lock), formatted: found.is_some() });
        }
        let info = info.ok_or(DiskError::NotFormatted)?;
        if info.layout_version != LAYOUT_VERSION {
            return Err(DiskError::OldLayout {
                found: info.layout_version,
                current: LAYOUT_VERSION,
            });
        }
        for directory in directories.iter().filter(|directory| !directory.formatted) {
            tracing::info!(
                "Storage directory {} is not formatted.\nFormatting ...",
                directory.settings.root.display()
            );
            directory.clear()?;
        }
        Ok(Self {
            directories: Mutex::new(directories),
            info,
            owner: owner.to_owned(),
            max_op_size,
            restore_failed: false.into(),
        })
    }

    /// Which of the directories hold something already, so that who formats is asked first.
    #[must_use]
    pub fn occupied(settings: &[DirectorySettings]) -> Vec<PathBuf> {
        settings
            .iter()
            .map(|settings| &settings.root)
            .filter(|root| {
                fs::read_dir(root.join("current")).is_ok_and(|mut entries| entries.next().is_some())
            })
            .cloned()
            .collect()
    }

    pub(super) const fn max_op_size(&self) -> usize {
        self.max_op_size
    }

    /// Which file system this is.
    #[must_use]
    pub const fn info(&self) -> &StorageInfo {
        &self.info
    }

    /// Gives the directories to whoever takes them next; they are not in use after this.
    pub fn release(&self) {
        for directory in self.directories.lock().iter_mut() {
            directory.lock = None;
        }
    }

    /// Every directory, in use or failed.
    #[must_use]
    pub fn status(&self) -> Vec<DirectoryStatus> {
        self.directories
            .lock()
            .iter()
            .map(|directory| DirectoryStatus {
                settings: directory.settings.clone(),
                active: directory.lock.is_some(),
            })
            .collect()
    }

    /// Finishes the segments that a writer left behind, then chooses what is to be loaded.
    ///
    /// # Errors
    /// If a segment is damaged, an image or edits are missing.
    pub fn inspect(&self) -> Result<Loaded, DiskError> {
        self.choose(None)
    }

    /// As [`Self::inspect`], with the newest image that is older than `damaged`.
    ///
    /// # Errors
    /// If there is none, or edits after it are missing.
    pub fn inspect_before(&self, damaged: TxId) -> Result<Loaded, DiskError> {
        let found = self.choose(Some(damaged))?;
        // So that the damaged one is not the newest any more.
        Ok(Loaded { needs_save: true, ..found })
    }

    fn choose(&self, before: Option<TxId>) -> Result<Loaded, DiskError> {
        let directories = self.directories.lock();
        let mut listings = Vec::new();
        for directory in &*directories {
            listings.push(if directory.lock.is_some() && directory.formatted {
                self.list(directory)?
            } else {
                Listing::default()
            });
        }
        let plan = plan_before(&listings, before)?;
        let path = |index: usize, txid: TxId| {
            directories
                .get(index)
                .map(|directory| directory.current().join(StorageFile::Image(txid).name()))
        };
        Ok(Loaded {
            images: plan.image_copies.iter().filter_map(|&index| path(index, plan.image)).collect(),
            image_txid: plan.image,
            needs_save: directories.iter().any(|directory| !directory.formatted),
            plan,
        })
    }

    fn list(&self, directory: &Directory) -> Result<Listing, DiskError> {
        let current = directory.current();
        let mut files = list_files(&current)?;
        if directory.settings.edits {
            for index in 0..files.len() {
                let Some(&StorageFile::EditsInProgress(first)) = files.get(index) else {
                    continue;
                };
                if let Recovered::Finished(last) =
                    finish_segment(&current, first, self.max_op_size)?
                {
                    files.push(StorageFile::Edits { first, last });
                }
            }
        }
        Ok(Listing {
            files,
            images: directory.settings.images,
            edits: directory.settings.edits,
            seen_txid: read_seen_txid(&current)?,
        })
    }

    /// Hands every transaction after the image to `apply`, in order; a segment that turns out to
    /// be damaged is continued from another directory's copy of it. Returns the last one.
    ///
    /// # Errors
    /// If no copy can be read on, or `apply` fails.
    pub fn replay<E: From<DiskError>>(
        &self,
        plan: &LoadPlan,
        mut apply: impl FnMut(Transaction) -> Result<(), E>,
    ) -> Result<TxId, E> {
        let mut last = plan.image;
        for stretch in &plan.edits {
            let mut failure = None;
            for copy in &stretch.copies {
                match self.replay_segment(copy, &mut last, stretch.last, &mut apply)? {
                    Ok(()) => {
                        failure = None;
                        break;
                    }
                    Err(error) => {
                        tracing::error!("{error}");
                        failure = Some(error);
                    }
                }
            }
            if let Some(error) = failure {
                return Err(error.into());
            }
        }
        Ok(last)
    }

    /// The outer error is `apply`'s, the inner one the segment's.
    fn replay_segment<E: From<DiskError>>(
        &self,
        copy: &Found<Segment>,
        last: &mut TxId,
        until: TxId,
        apply: &mut impl FnMut(Transaction) -> Result<(), E>,
    ) -> Result<Result<(), DiskError>, E> {
        let Some(path) = self.segment_path(copy) else {
            return Ok(Err(DiskError::NoDirectories("directory is gone")));
        };
        tracing::info!("Reading {} expecting start txid #{}", path.display(), last.next());
        let mut reader = match SegmentReader::open(&path, self.max_op_size) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        while *last < until {
            match reader.next_transaction() {
                Ok(Some(transaction)) if transaction.txid <= *last => {}
                Ok(Some(transaction)) => {
                    let txid = transaction.txid;
                    apply(transaction)?;
                    *last = txid;
                }
                Ok(None) => {
                    return Ok(Err(DiskError::EndsEarly {
                        offset: reader.offset(),
                        path,
                        expected: until,
                        found: *last,
                    }));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    fn segment_path(&self, copy: &Found<Segment>) -> Option<PathBuf> {
        let Segment { first, last } = copy.file;
        self.directories
            .lock()
            .get(copy.directory)
            .map(|directory| directory.current().join(StorageFile::Edits { first, last }.name()))
    }

    /// `current` of each directory in use that is of a kind, with its index.
    pub(super) fn current_directories(
        &self,
        kind: impl Fn(&DirectorySettings) -> bool,
    ) -> Vec<(usize, PathBuf)> {
        self.directories
            .lock()
            .iter()
            .enumerate()
            .filter(|(_, directory)| directory.lock.is_some() && kind(&directory.settings))
            .map(|(index, directory)| (index, directory.current()))
            .collect()
    }

    /// A finished segment, an image or another file by name, from whichever directory has it:
    /// what HTTP transfers are served from.
    #[must_use]
    pub fn find(&self, file: StorageFile) -> Option<PathBuf> {
        self.current_directories(|_| true)
            .into_iter()
            .map(|(_, current)| current.join(file.name()))
            .find(|path| path.is_file())
    }

    /// Everything in the directories in use, without repetition, in order of name.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn files(&self) -> Result<Vec<StorageFile>, DiskError> {
        let mut all = Vec::new();
        for (_, current) in self.current_directories(|_| true) {
            all.extend(list_files(&current)?);
        }
        all.sort_by_cached_key(StorageFile::name);
        all.dedup();
        Ok(all)
    }

    /// Takes a directory out of use. Whether it is one without which nothing can go on.
    pub(super) fn drop_directory(&self, index: usize, error: &DiskError) -> bool {
        let mut directories = self.directories.lock();
        let Some(directory) = directories.get_mut(index) else {
            return false;
        };
        if directory.lock.take().is_some() {
            tracing::error!(
                "Error reported on storage directory {}: {error}. About to remove corresponding \
                 storage.",
                directory.settings.root.display()
            );
        }
        directory.settings.required
    }

    /// `dfsadmin -restoreFailedStorage`: whether failed directories are tried again.
    pub fn set_restore_failed(&self, restore: bool) {
        self.restore_failed.store(restore, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether failed directories are tried again.
    #[must_use]
    pub fn restore_failed(&self) -> bool {
        self.restore_failed.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Takes failed directories into use again that can be written, if that is wanted.
    pub(super) fn restore_failed_directories(&self) {
        if !self.restore_failed() {
            return;
        }
        for directory in &mut *self.directories.lock() {
            if directory.lock.is_some() {
                continue;
            }
            let root = &directory.settings.root;
            let restored = DirectoryLock::take(root, &self.owner).and_then(|lock| {
                write_version(&root.join("current"), &self.info)?;
                Ok(lock)
            });
            match restored {
                Ok(lock) => {
                    tracing::info!("restoring dir {}", root.display());
                    directory.lock = Some(lock);
                    directory.formatted = true;
                }
                Err(error) => tracing::warn!("{} stays disabled: {error}", root.display()),
            }
        }
    }

    /// Notes in every directory that `txid` is on disk, so that a start without it is refused.
    pub(super) fn record_seen(&self, txid: TxId) {
        for (index, current) in self.current_directories(|_| true) {
            if let Err(error) = write_seen_txid(&current, txid) {
                self.drop_directory(index, &error);
            }
        }
    }

    /// Writes `VERSION` (and `seen_txid`) where they are missing, after an image was saved there.
    ///
    /// # Errors
    /// If no directory is left.
    pub fn write_versions(&self) -> Result<(), DiskError> {
        for (index, current) in self.current_directories(|_| true) {
            if let Err(error) = write_version(&current, &self.info) {
                self.drop_directory(index, &error);
                continue;
            }
            if let Some(directory) = self.directories.lock().get_mut(index) {
                directory.formatted = true;
            }
        }
        if self.current_directories(|_| true).is_empty() {
            return Err(DiskError::NoDirectories(
                "All the storage failed while writing properties to VERSION file",
            ));
        }
        Ok(())
    }

    /// Deletes images and segments that are no longer needed. What cannot be deleted stays.
    pub fn purge(&self, retention: &Retention) {
        let mut images = Vec::new();
        let mut segments = Vec::new();
        let mut listed = Vec::new();
        for (_, current) in self.current_directories(|_| true) {
            match list_files(&current) {
                Ok(files) => listed.push((current, files)),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        for file in listed.iter().flat_map(|(_, files)| files) {
            match *file {
                StorageFile::Image(txid) => images.push(txid),
                StorageFile::Edits { first, last } => segments.push(Segment { first, last }),
                _ => {}
            }
        }
        let purge = retention.purge(&images, &segments);
        for (current, files) in listed {
            for file in files {
                match file {
                    StorageFile::Image(txid) if txid < purge.images_before => {
                        delete_or_warn(&current.join(file.name()));
                        delete_or_warn(&current.join(file.name() + ".md5"));
                    }
                    StorageFile::Edits { last, .. } if last < purge.edits_before => {
                        delete_or_warn(&current.join(file.name()));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn delete_or_warn(path: &Path) {
    tracing::info!("Purging old file {}", path.display());
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("Could not delete {}: {error}", path.display());
    }
}

pub(super) fn list_files(current: &Path) -> Result<Vec<StorageFile>, DiskError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(current).about("list", current)? {
        let name = entry.about("list", current)?.file_name();
        files.extend(name.to_str().and_then(StorageFile::parse));
    }
    Ok(files)
}

/// The `VERSION` of a directory, none if it is not formatted.
fn examine(root: &Path) -> Result<Option<StorageInfo>, DiskError> {
    const UNFINISHED: [&str; 4] =
        ["previous.tmp", "removed.tmp", "finalized.tmp", "lastcheckpoint.tmp"];
    for name in UNFINISHED {
        if root.join(name).exists() {
            return Err(DiskError::inconsistent(
                root,
                format!("{name} exists: an upgrade, rollback or checkpoint of it was interrupted."),
            ));
        }
    }
    let version = root.join("current").join("VERSION");
    if !version.exists() {
        if root.join("previous").exists() {
            return Err(DiskError::inconsistent(
                root,
                "version file in current directory is missing.",
            ));
        }
        return Ok(None);
    }
    StorageInfo::parse(&read_small(&version)?)
        .map(Some)
        .map_err(|source| DiskError::Version { path: root.to_owned(), source })
}

fn write_version(current: &Path, info: &StorageInfo) -> Result<(), DiskError> {
    let date = Zoned::now().strftime("%a %b %d %H:%M:%S %Z %Y").to_string();
    write_atomically(&current.join("VERSION"), info.render(&date).as_bytes())
}

fn write_seen_txid(current: &Path, txid: TxId) -> Result<(), DiskError> {
    write_atomically(&current.join("seen_txid"), format!("{txid}\n").as_bytes())
}

fn read_seen_txid(current: &Path) -> Result<TxId, DiskError> {
    let path = current.join("seen_txid");
    if !path.exists() {
        return Ok(TxId(0));
    }
    let text = read_small(&path)?;
    let line = text.lines().next().unwrap_or_default();
    line.parse()
        .map(TxId)
        .map_err(|_| DiskError::inconsistent(current, format!("seen_txid is no number: {line:?}")))
}
