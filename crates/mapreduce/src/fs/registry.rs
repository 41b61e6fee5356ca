//! Which file system a path belongs to, opened once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use loxodon_client::{Client, UserIdentity};
use loxodon_conf::Configuration;

use super::statistics::{Statistics, StatisticsSnapshot};
use super::threads::FsThreads;
use super::{FileSystem, HdfsFileSystem, LocalFileSystem, Path, normalize};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// Where paths without a scheme lie.
const DEFAULT_FS: &str = "fs.defaultFS";
const LOCAL_BLOCK_SIZE: &str = "fs.local.block.size";
/// Threads that carry the data of `hdfs:` files; the work is done by those who call.
const THREADS: usize = 2;

/// The file systems of one user. Cheap to clone; clones share connections and statistics.
///
/// Calls wait on a runtime of their own, so they must come from plain threads (or `spawn_blocking`), not from
/// within an asynchronous task.
#[derive(Clone)]
pub struct FileSystems {
    inner: Arc<Inner>,
}

struct Inner {
    conf: Configuration,
    user: UserIdentity,
    default: Path,
    runtime: Mutex<Option<Arc<FsThreads>>>,
    open: Mutex<BTreeMap<(String, String), Arc<dyn FileSystem>>>,
    statistics: Mutex<BTreeMap<String, Statistics>>,
}

impl std::fmt::Debug for FileSystems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSystems").field("default", &self.inner.default).finish_non_exhaustive()
    }
}

impl FileSystems {
    /// File systems as a configuration names them, for a user. Nothing is opened yet.
    ///
    /// # Errors
    /// A default file system that is no URI.
    pub fn new(conf: &Configuration, user: UserIdentity) -> Result<Self> {
        let default = conf.get_text(DEFAULT_FS)?.unwrap_or_else(|| "file:///".into());
        let mut default = Path::parse(&default)?;
        if default.scheme.is_none() {
            default = Path { scheme: Some("file".into()), authority: None, path: "/".into() };
        }
        Ok(Self {
            inner: Arc::new(Inner {
                conf: conf.clone(),
                user,
                default,
                runtime: Mutex::new(None),
                open: Mutex::new(BTreeMap::new()),
                statistics: Mutex::new(BTreeMap::new()),
            }),
        })
    }

    /// For whom files are opened.
    #[must_use]
    pub fn user(&self) -> &UserIdentity {
        &self.inner.user
    }

    /// A path as the user wrote it, in full: scheme, authority, and from the root.
    ///
    /// # Errors
    /// A text that is no path.
    pub fn path(&self, text: &str) -> Result<Path> {
        self.qualify(&Path::parse(text)?)
    }

    /// A path in full (`FileSystem.makeQualified`).
    ///
    /// # Errors
    /// The file system is of an unknown kind.
    pub fn qualify(&self, path: &Path) -> Result<Path> {
        let default = &self.inner.default;
        let mut full = path.clone();
        if full.scheme.is_none() {
            full.scheme.clone_from(&default.scheme);
            if full.authority.is_none() {
                full.authority.clone_from(&default.authority);
            }
        } else if full.authority.is_none() && full.scheme == default.scheme {
            full.authority.clone_from(&default.authority);
        }
        if !full.path.starts_with('/') {
            let home = self.working_directory(full.scheme.as_deref())?;
            full.path = normalize(&format!("{home}/{}", full.path));
        }
        Ok(full)
    }

    fn working_directory(&self, scheme: Option<&str>) -> Result<String> {
        if scheme == Some("file") {
            let directory =
                std::env::current_dir().map_err(|e| Error::system("working directory", &e))?;
            return Ok(directory.to_string_lossy().into_owned());
        }
        let set = self.inner.conf.get_text("mapreduce.job.working.dir")?;
        match set.map(|text| Path::parse(&text)).transpose()? {
            Some(directory) if directory.path.starts_with('/') => Ok(directory.path),
            _ => Ok(format!("/user/{}", self.inner.user.effective)),
        }
    }

    /// The file system that a path belongs to.
    ///
    /// # Errors
    /// An unknown scheme; an address that makes no sense.
    pub fn get(&self, path: &Path) -> Result<Arc<dyn FileSystem>> {
        let full = self.qualify(path)?;
        let scheme = full.scheme.unwrap_or_default();
        let authority = full.authority.unwrap_or_default();
        let key = (scheme, authority);
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fs) = open.get(&key) {
            return Ok(Arc::clone(fs));
        }
        let fs = self.connect(&key.0, &key.1)?;
        open.insert(key, Arc::clone(&fs));
        Ok(fs)
    }

    /// The default file system.
    ///
    /// # Errors
    /// As [`FileSystems::get`].
    pub fn default_fs(&self) -> Result<Arc<dyn FileSystem>> {
        self.get(&self.inner.default)
    }

    fn connect(&self, scheme: &str, authority: &str) -> Result<Arc<dyn FileSystem>> {
        let conf = &self.inner.conf;
        match scheme {
            "file" => {
                let size =
                    conf.get_size(LOCAL_BLOCK_SIZE, super::local::BLOCK_SIZE.cast_signed())?;
                let size = u64::try_from(size).unwrap_or(super::local::BLOCK_SIZE);
                Ok(Arc::new(LocalFileSystem::new(size, self.statistics_of(scheme))))
            }
            "hdfs" => {
                let uri = format!("hdfs://{authority}");
                let client = Client::connect(conf, &uri, self.inner.user.clone())?;
                let runtime = self.runtime()?;
                Ok(Arc::new(HdfsFileSystem::new(client, runtime, self.statistics_of(scheme))))
            }
            other => Err(Error::new(
                ErrorKind::Remote("org.apache.hadoop.fs.UnsupportedFileSystemException".into()),
                format!("No FileSystem for scheme \"{other}\""),
            )),
        }
    }

    fn statistics_of(&self, scheme: &str) -> Statistics {
        let mut all = self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(scheme.to_owned()).or_default().clone()
    }

    /// Sums by scheme (`file`, `hdfs`) of what was opened here.
    #[must_use]
    pub fn statistics(&self) -> Vec<(String, StatisticsSnapshot)> {
        let all = self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(scheme, sums)| (scheme.clone(), sums.snapshot())).collect()
    }

    /// The runtime that carries `hdfs:` data, made when it is first needed.
    ///
    /// # Errors
    /// The operating system gives no threads.
    pub fn runtime(&self) -> Result<Arc<FsThreads>> {
        let mut kept = self.inner.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*kept {
            return Ok(Arc::clone(runtime));
        }
        let runtime = FsThreads::start(THREADS)
            .map_err(|e| Error::system("start the threads of the file system", &e))?;
        let runtime = Arc::new(runtime);
        *kept = Some(Arc::clone(&runtime));
        Ok(runtime)
    }
}
