//! The distributed cache: files and archives that a job names, brought here once and shared by its
//! attempts (and, where everybody may read them, by all jobs), removed when the cache is too large
//! and nobody uses them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_mapreduce::cache::unpack;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::FileSystems;
use loxodon_mapreduce::job::JobId;
use loxodon_mapreduce::settings::Settings as _;
use parking_lot::Mutex;

use super::files::{LocalDirectories, remove_tree};

/// Longest single file that is brought here.
const MOST_BYTES: u64 = 1 << 40;

/// One file or archive that a job wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    uri: String,
    /// Its name in the working directory.
    pub(super) link: String,
    timestamp: Option<i64>,
    is_public: bool,
    is_archive: bool,
}

/// What a job's configuration names.
///
/// # Errors
/// A link's name that is not one of a file.
pub(super) fn wanted(conf: &Configuration) -> Result<Vec<Wanted>> {
    let mut all = Vec::new();
    for (what, is_archive) in [("files", false), ("archives", true)] {
        let list = |suffix: &str| conf.get_list(&format!("mapreduce.job.cache.{what}{suffix}"));
        let (uris, times, public) = (list("")?, list(".timestamps")?, list(".visibilities")?);
        for (at, uri) in uris.into_iter().enumerate() {
            let (uri, link) = match uri.split_once('#') {
                Some((uri, link)) => (uri.to_owned(), link.to_owned()),
                None => {
                    let last = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                    (uri.clone(), last.to_owned())
                }
            };
            if link.is_empty() || link.starts_with('/') || link.split('/').any(|part| part == "..")
            {
                return Err(Error::argument(format!(
                    "{uri}#{link}: {link:?} is no name of a link"
                )));
            }
            let timestamp = times.get(at).and_then(|time| time.parse().ok());
            let is_public = public.get(at).is_some_and(|value| value == "true");
            all.push(Wanted { uri, link, timestamp, is_public, is_archive });
        }
    }
    Ok(all)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    uri: String,
    timestamp: Option<i64>,
    /// The user, for what is private.
    owner: Option<String>,
    is_archive: bool,
}

#[derive(Debug, Default)]
struct Entry {
    /// Set once it is here; its bytes.
    ready: Mutex<Option<(PathBuf, u64)>>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Key, (Arc<Entry>, Vec<JobId>, u64)>,
    uses: u64,
}

/// The cache of one tracker.
#[derive(Debug)]
pub(super) struct Cache {
    directories: Arc<LocalDirectories>,
    /// Bytes above which unused entries are removed.
    room: u64,
    kept: Mutex<Kept>,
}

impl Cache {
    pub(super) fn new(directories: Arc<LocalDirectories>, room: u64) -> Self {
        Self { directories, room, kept: Mutex::default() }
    }

    /// Brings one thing here for a job, unless it is here; gives its local path. Blocks.
    ///
    /// # Errors
    /// It is not there, was changed since the job was handed in, is damaged, or no disk has room.
    pub(super) fn bring(
        &self,
        wanted: &Wanted,
        job: &JobId,
        user: &str,
        files: &FileSystems,
    ) -> Result<PathBuf> {
        let key = Key {
            uri: wanted.uri.clone(),
            timestamp: wanted.timestamp,
            owner: (!wanted.is_public).then(|| user.to_owned()),
            is_archive: wanted.is_archive,
        };
        let entry = self.hold(&key, job);
        let mut ready = entry.ready.lock();
        if let Some((path, _)) = ready.as_ref().filter(|(path, _)| path.exists()) {
            return Ok(path.clone());
        }
        let (path, bytes) = self.fetch(wanted, user, files)?;
        *ready = Some((path.clone(), bytes));
        drop(ready);
        self.shrink();
        Ok(path)
    }

    fn hold(&self, key: &Key, job: &JobId) -> Arc<Entry> {
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let now = kept.uses;
        let (entry, users, used) = kept.entries.entry(key.clone()).or_default();
        *used = now;
        if !users.contains(job) {
            users.push(job.clone());
        }
        Arc::clone(entry)
    }

    fn fetch(&self, wanted: &Wanted, user: &str, files: &FileSystems) -> Result<(PathBuf, u64)> {
        let source = files.path(&wanted.uri)?;
        let fs = files.get(&source)?;
        let status = fs.status(&source)?;
        if let Some(expected) = wanted.timestamp
            && expected != status.modification_time
        {
            let was = status.modification_time;
            let text = format!(
                "Resource {source} changed on src filesystem (expected {expected}, was {was})"
            );
            return Err(Error::io(text));
        }
        let roots = if wanted.is_public {
            self.directories.public()
        } else {
            self.directories.of_user(user).into_iter().map(|dir| dir.join("distcache")).collect()
        };
        let root = super::attempt::roomiest(&roots, status.length)?;
        let own = root.join(uuid::Uuid::new_v4().to_string());
        let name = source.name().to_owned();
        let result = put(files, &source, status.is_directory, &own.join(&name))
            .and_then(|bytes| self.arrange(wanted, &own, &name, bytes));
        if result.is_err() {
            remove_tree(&own);
        }
        result
    }

    fn arrange(
        &self,
        wanted: &Wanted,
        own: &Path,
        name: &str,
        bytes: u64,
    ) -> Result<(PathBuf, u64)> {
        let file = own.join(name);
        if !wanted.is_archive {
            return Ok((file, bytes));
        }
        let packed = own.join(".packed");
        fs::rename(&file, &packed)
            .map_err(|e| Error::system(format_args!("renaming {}", file.display()), &e))?;
        let most = self.room.max(bytes);
        let unpacked = unpack(&packed, name, &file, most).map_err(|e| Error::io(e.to_string()))?;
        // Only its contents are wanted from here on.
        let _ = fs::remove_file(&packed);
        Ok((file, unpacked))
    }

    /// A job is gone from here.
    pub(super) fn release(&self, job: &JobId) {
        for (_, users, _) in self.kept.lock().entries.values_mut() {
            users.retain(|user| user != job);
        }
        self.shrink();
    }

    /// Removes what nobody uses, longest unused first, until there is room.
    fn shrink(&self) {
        let mut gone = Vec::new();
        {
            let mut kept = self.kept.lock();
            let size = |entry: &Entry| entry.ready.try_lock().and_then(|r| r.as_ref().map(|r| r.1));
            let mut total: u64 = kept.entries.values().filter_map(|(entry, ..)| size(entry)).sum();
            while total > self.room {
                let unused = kept.entries.iter().filter(|(_, (_, users, _))| users.is_empty());
                let oldest = unused.min_by_key(|(_, (.., used))| *used).map(|(key, _)| key.clone());
                let Some((entry, ..)) = oldest.and_then(|key| kept.entries.remove(&key)) else {
                    break;
                };
                if let Some((path, bytes)) = entry.ready.lock().take() {
                    total = total.saturating_sub(bytes);
                    gone.push(path);
                }
            }
        }
        for path in gone {
            remove_tree(path.parent().unwrap_or(&path));
        }
    }
}

/// Copies a file, or a tree of them, to this disk; gives its bytes.
pub(super) fn put(
    files: &FileSystems,
    source: &loxodon_mapreduce::fs::Path,
    is_directory: bool,
    to: &Path,
) -> Result<u64> {
    let failed =
        |e: std::io::Error| Error::system(format_args!("copying {source} to {}", to.display()), &e);
    let fs = files.get(source)?;
    if is_directory {
        fs::create_dir_all(to).map_err(failed)?;
        let mut bytes = 0_u64;
        for status in fs.list(source)? {
            let below = to.join(status.path.name());
            bytes = bytes.saturating_add(put(files, &status.path, status.is_directory, &below)?);
        }
        return Ok(bytes);
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut stream = fs.open(source, None)?;
    if stream.length() > MOST_BYTES {
        return Err(Error::io(format!("{source}: too long for the distributed cache")));
    }
    let mut file = fs::File::create(to).map_err(failed)?;
    let bytes = std::io::copy(&mut stream, &mut file).map_err(failed)?;
    use std::os::unix::fs::PermissionsExt as _;
    // Scripts that came with a job can be started, as Hadoop's localizer has it.
    file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache with room for so many bytes, and files to bring to it.
    struct Place {
        root: tempfile::TempDir,
        files: FileSystems,
        cache: Cache,
    }

    impl Place {
        fn new(room: u64) -> Self {
            let root = tempfile::tempdir().unwrap();
            let mut conf = Configuration::new();
            conf.set("fs.defaultFS", "file:///", "test");
            let user = loxodon_client::UserIdentity::new("u");
            let files = FileSystems::new(&conf, user).unwrap();
            let directories = LocalDirectories::open(vec![root.path().join("local")]).unwrap();
            Self { cache: Cache::new(Arc::new(directories), room), files, root }
        }

        fn wanted(&self, name: &str, is_public: bool) -> Wanted {
            let file = self.root.path().join(name);
            if !file.exists() {
                fs::write(&file, [b'x'; 100]).unwrap();
            }
            let uri = format!("file://{}", file.display());
            Wanted { uri, link: name.into(), timestamp: None, is_public, is_archive: false }
        }

        fn bring(&self, wanted: &Wanted, job: u32, user: &str) -> Result<PathBuf> {
            self.cache.bring(wanted, &JobId::new("1", job), user, &self.files)
        }
    }

    #[test]
    fn what_nobody_uses_leaves_when_there_is_no_room() {
        let place = Place::new(250);
        let bring = |name: &str, job| place.bring(&place.wanted(name, true), job, "u").unwrap();
        let (first, second, third) = (bring("a", 1), bring("b", 1), bring("c", 2));
        // More than there is room for, and all of it is used.
        assert!([&first, &second, &third].iter().all(|path| path.exists()));
        assert_eq!(bring("a", 1), first);
        place.cache.release(&JobId::new("1", 1));
        // The one that was wanted least lately goes, and no more than must.
        assert!(first.exists() && !second.exists() && third.exists());
        assert_ne!(bring("b", 2), second);
        assert!(!first.exists() && third.exists());
        place.cache.release(&JobId::new("1", 2));
        assert!(third.exists());
    }

    #[test]
    fn what_is_private_is_each_users_own() {
        let place = Place::new(1000);
        let (public, private) = (place.wanted("p", true), place.wanted("q", false));
        let shared = place.bring(&public, 1, "ann").unwrap();
        assert_eq!(place.bring(&public, 2, "bob").unwrap(), shared);
        let of_ann = place.bring(&private, 1, "ann").unwrap();
        let of_bob = place.bring(&private, 2, "bob").unwrap();
        assert_ne!(of_ann, of_bob);
        assert!(of_ann.to_string_lossy().contains("/ann/distcache/"));
        assert_eq!(place.bring(&private, 3, "ann").unwrap(), of_ann);
        // What was lost with its disk comes again.
        fs::remove_file(&of_ann).unwrap();
        assert!(place.bring(&private, 3, "ann").unwrap().exists());
        let changed = Wanted { timestamp: Some(1), ..public };
        let error = place.bring(&changed, 1, "ann").unwrap_err();
        assert!(error.message().contains("changed on src filesystem (expected 1,"), "{error}");
    }

    #[test]
    fn what_a_job_wants_is_read_from_its_configuration() {
        let mut conf = Configuration::new();
        conf.set("mapreduce.job.cache.files", "hdfs://h/a/x.py,hdfs://h/b#y", "test");
        conf.set("mapreduce.job.cache.files.timestamps", "5,6", "test");
        conf.set("mapreduce.job.cache.files.visibilities", "true,false", "test");
        conf.set("mapreduce.job.cache.archives", "hdfs://h/c.zip#d", "test");
        let all = wanted(&conf).unwrap();
        let links: Vec<&str> = all.iter().map(|one| one.link.as_str()).collect();
        assert_eq!(links, ["x.py", "y", "d"]);
        assert_eq!(all[0].timestamp, Some(5));
        assert!(all[0].is_public && !all[1].is_public && all[2].is_archive);
        conf.set("mapreduce.job.cache.files", "hdfs://h/a#../../x", "test");
        assert!(wanted(&conf).is_err());
    }
}
