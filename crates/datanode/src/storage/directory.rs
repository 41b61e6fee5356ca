//! One storage directory: lock, `VERSION`, block pools; Hadoop's `DataStorage` and `BlockPoolSliceStorage`.

use loxodon_wire::version::DATANODE_LAYOUT;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::version::inconsistent;
use super::{Properties, StorageLocation, layout};
use crate::error::{DataNodeError, DiskContext, Result};

/// What a NameNode says of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolIdentity {
    pub(crate) pool: String,
    pub(crate) cluster: String,
    pub(crate) namespace: u32,
    pub(crate) created: u64,
}

/// What a storage directory says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) storage: String,
    pub(crate) datanode: Option<String>,
    pub(crate) cluster: String,
}

/// A storage directory that this process has locked.
#[derive(Debug)]
pub(crate) struct StorageDirectory {
    pub(crate) location: StorageLocation,
    lock: File,
}

impl StorageDirectory {
    /// Makes the directory where it is missing, checks that it can be used, and locks it.
    pub(crate) fn open(location: &StorageLocation, permissions: u32) -> Result<Self> {
        let path = &location.path;
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(permissions)
            .create(path)
            .disk("cannot create directory", path)?;
        let known = fs::metadata(path).disk("cannot look at", path)?;
        if known.permissions().mode() & 0o777 != permissions {
            fs::set_permissions(path, fs::Permissions::from_mode(permissions))
                .disk("cannot set permissions of", path)?;
        }
        let lock = lock(path)?;
        Ok(Self { location: location.clone(), lock })
    }

    /// Lets another DataNode have the directory, while this one may still be held by someone.
    pub(crate) fn unlock(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(path = %self.root().display(), %error, "cannot unlock");
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.location.path
    }

    pub(crate) fn current(&self) -> PathBuf {
        self.root().join("current")
    }

    pub(crate) fn pool(&self, pool: &str) -> PathBuf {
        self.current().join(pool)
    }

    /// The identity in `current/VERSION`; `None` if the directory was never formatted.
    pub(crate) fn identity(&self) -> Result<Option<Identity>> {
        let file = self.current().join("VERSION");
        if !file.try_exists().disk("cannot look at", &file)? {
            let has_current = self.current().try_exists().disk("cannot look at", self.current())?;
            let empty = !has_current
                || fs::read_dir(self.current())
                    .disk("cannot list", self.current())?
                    .next()
                    .is_none();
            return if empty {
                Ok(None)
            } else {
                Err(inconsistent(
                    self.root(),
                    "version file in current directory is missing.".to_owned(),
                ))
            };
        }
        let properties = Properties::load(&file)?;
        check_layout(&properties, self.root())?;
        let kind = properties.require("storageType", self.root())?;
        if kind != "DATA_NODE" {
            let reason = format!(
                "Incompatible node types: storageType={kind} but the expected type is DATA_NODE"
            );
            return Err(inconsistent(self.root(), reason));
        }
        Ok(Some(Identity {
            storage: properties.require("storageID", self.root())?.to_owned(),
            datanode: properties
                .get("datanodeUuid")
                .filter(|uuid| !uuid.is_empty())
                .map(str::to_owned),
            cluster: properties.require("clusterID", self.root())?.to_owned(),
        }))
    }

    /// Compares with the NameNode's cluster; formats where nothing is there; makes sure that `VERSION` is current.
    pub(crate) fn prepare(
        &self,
        namespace: &PoolIdentity,
        datanode: &str,
        storage: &str,
    ) -> Result<Identity> {
        let root = self.root().display();
        let mut identity = match self.identity()? {
            Some(identity) => identity,
            None => Identity {
                storage: storage.to_owned(),
                datanode: None,
                cluster: namespace.cluster.clone(),
            },
        };
        if identity.cluster != namespace.cluster {
            return Err(DataNodeError::Refused(format!(
                "Incompatible clusterIDs in {root}: namenode clusterID = {}; datanode clusterID = {}",
                namespace.cluster, identity.cluster
            )));
        }
        if let Some(known) = identity.datanode.as_deref().filter(|known| *known != datanode) {
            let reason = format!(
                "Root {root}: DatanodeUuid={datanode}, does not match {known} from other StorageDirectory."
            );
            return Err(inconsistent(self.root(), reason));
        }
        if identity.storage.is_empty() {
            storage.clone_into(&mut identity.storage);
        }
        identity.datanode = Some(datanode.to_owned());
        fs::create_dir_all(self.current()).disk("cannot create directory", self.current())?;
        let mut properties = Properties::default();
        properties.set("storageID", &identity.storage);
        properties.set("clusterID", &identity.cluster);
        properties.set("cTime", 0);
        properties.set("datanodeUuid", datanode);
        properties.set("storageType", "DATA_NODE");
        properties.set("layoutVersion", DATANODE_LAYOUT);
        let file = self.current().join("VERSION");
        if Properties::load(&file).ok().as_ref() != Some(&properties) {
            properties.store(&file)?;
        }
        self.prepare_pool(namespace)?;
        Ok(identity)
    }

    /// The same for the pool's own directory.
    fn prepare_pool(&self, namespace: &PoolIdentity) -> Result<()> {
        let current = self.pool(&namespace.pool).join("current");
        let file = current.join("VERSION");
        let root = self.pool(&namespace.pool);
        if file.try_exists().disk("cannot look at", &file)? {
            let properties = Properties::load(&file)?;
            check_layout(&properties, &root)?;
            let known: u32 = properties.number::<i64>("namespaceID", &root)? as u32;
            if known != namespace.namespace {
                return Err(DataNodeError::Refused(format!(
                    "Incompatible namespaceIDs in {}: namenode namespaceID = {}; datanode namespaceID = {known}",
                    root.display(),
                    namespace.namespace
                )));
            }
            let pool = properties.require("blockpoolID", &root)?;
            if pool != namespace.pool {
                return Err(DataNodeError::Refused(format!(
                    "Incompatible blockpoolIDs in {}: namenode blockpoolID = {}; datanode blockpoolID = {pool}",
                    root.display(),
                    namespace.pool
                )));
            }
            check_creation_time(properties.number("cTime", &root)?, namespace, &root)?;
        } else {
            fs::create_dir_all(&current).disk("cannot create directory", &current)?;
            let mut properties = Properties::default();
            properties.set("namespaceID", namespace.namespace as i32);
            properties.set("cTime", namespace.created);
            properties.set("blockpoolID", &namespace.pool);
            properties.set("layoutVersion", DATANODE_LAYOUT);
            properties.store(&file)?;
        }
        for directory in
            [current.join(layout::FINALIZED), current.join(layout::RBW), root.join(layout::TMP)]
        {
            fs::create_dir_all(&directory).disk("cannot create directory", &directory)?;
        }
        Ok(())
    }
}

fn check_creation_time(created: u64, namespace: &PoolIdentity, root: &Path) -> Result<()> {
    match created.cmp(&namespace.created) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(DataNodeError::Refused(format!(
            "Datanode state: LV = {DATANODE_LAYOUT} CTime = {created} is newer than the namespace state: LV = {DATANODE_LAYOUT} CTime = {}",
            namespace.created
        ))),
        std::cmp::Ordering::Less => Err(DataNodeError::Unsupported(format!(
            "{} has cTime {created}, the NameNode was upgraded at {}: a layout upgrade with its `previous` directory is not supported",
            root.display(),
            namespace.created
        ))),
    }
}

fn check_layout(properties: &Properties, root: &Path) -> Result<()> {
    let version: i32 = properties.number("layoutVersion", root)?;
    if version == DATANODE_LAYOUT {
        return Ok(());
    }
    let kind = if version < DATANODE_LAYOUT { "newer" } else { "older" };
    Err(DataNodeError::Layout(format!(
        "Unexpected version of storage directory {}. Reported: {version}. Expecting = {DATANODE_LAYOUT} (the layout is {kind} than this DataNode's)",
        root.display()
    )))
}

/// Takes `in_use.lock`, with this process's name in it, as Java does.
fn lock(root: &Path) -> Result<File> {
    let path = root.join("in_use.lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .disk("cannot open", &path)?;
    if !java_lock(&file) || file.try_lock().is_err() {
        let holder = fs::read_to_string(&path).unwrap_or_default();
        return Err(DataNodeError::Refused(format!(
            "Cannot lock storage {}. The directory is already locked by {}",
            root.display(),
            holder.trim()
        )));
    }
    let name = format!("{}@{}", std::process::id(), crate::host::host_name());
    file.set_len(0)
        .and_then(|()| (&file).write_all(name.as_bytes()))
        .disk("cannot write", &path)?;
    Ok(file)
}

/// The lock that Java takes is of POSIX's kind (`fcntl`), which this process does not hold against
/// itself; the other one (`flock`) keeps two DataNodes of one process apart.
fn java_lock(file: &File) -> bool {
    rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StorageType;

    fn namespace() -> PoolIdentity {
        PoolIdentity { pool: "BP-1".into(), cluster: "CID-1".into(), namespace: 7, created: 5 }
    }

    fn location(path: &Path) -> StorageLocation {
        StorageLocation { kind: StorageType::Disk, path: path.to_owned() }
    }

    #[test]
    fn formats_once_and_finds_itself_again() {
        let place = tempfile::tempdir().unwrap();
        let first = StorageDirectory::open(&location(place.path()), 0o700).unwrap();
        let identity = first.prepare(&namespace(), "uuid-1", "DS-1").unwrap();
        drop(first);
        let second = StorageDirectory::open(&location(place.path()), 0o700).unwrap();
        assert_eq!(second.prepare(&namespace(), "uuid-1", "DS-1").unwrap(), identity);
        assert!(place.path().join("current/BP-1/current/finalized").is_dir());
    }

    #[test]
    fn the_same_directory_twice() {
        let place = tempfile::tempdir().unwrap();
        let _first = StorageDirectory::open(&location(place.path()), 0o700).unwrap();
        let error = StorageDirectory::open(&location(place.path()), 0o700).unwrap_err();
        assert!(error.to_string().contains("already locked by"), "{error}");
    }

    #[test]
    fn other_clusters_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let directory = StorageDirectory::open(&location(place.path()), 0o700).unwrap();
        directory.prepare(&namespace(), "uuid-1", "DS-1").unwrap();
        let refused = |namespace: PoolIdentity, words: &str| {
            let error = directory.prepare(&namespace, "uuid-1", "DS-1").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(PoolIdentity { cluster: "CID-2".into(), ..namespace() }, "Incompatible clusterIDs");
        refused(PoolIdentity { namespace: 8, ..namespace() }, "Incompatible namespaceIDs");
        refused(PoolIdentity { created: 4, ..namespace() }, "is newer than the namespace state");
        refused(PoolIdentity { created: 6, ..namespace() }, "not supported");
    }

    #[test]
    fn other_layouts_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let directory = StorageDirectory::open(&location(place.path()), 0o700).unwrap();
        directory.prepare(&namespace(), "uuid-1", "DS-1").unwrap();
        let file = place.path().join("current/VERSION");
        let text = fs::read_to_string(&file).unwrap().replace("-57", "-58");
        fs::write(&file, text).unwrap();
        let error = directory.identity().unwrap_err();
        assert!(matches!(error, DataNodeError::Layout(_)), "{error}");
    }
}
