//! A file system as commands use it: HDFS through the client, or this machine's files.

use std::sync::Arc;

use loxodon_client::{
    AppendOptions, Client, ContentSummary, CreateOptions, QuotaUsage, RenameOptions,
};
use loxodon_wire::ids::Milliseconds;
use tokio::runtime::Runtime;

use super::failure::{Failure, Result};
use super::local;
use super::location;
use super::status::Status;
use super::stream::{Reader, Writer};

/// HDFS: a client and the runtime its calls are waited for on.
#[derive(Debug)]
pub(crate) struct Hdfs {
    /// The client.
    pub(crate) client: Client,
    /// Where its futures run.
    pub(crate) runtime: Arc<Runtime>,
}

/// A file system. Paths given to it are absolute and normalised.
#[derive(Debug)]
pub(crate) enum FileSystem {
    /// HDFS.
    Hdfs(Hdfs),
    /// Local files; relative paths start at this directory.
    Local {
        /// The process's directory.
        directory: String,
    },
}

fn local_does_not(operation: &str) -> Failure {
    Failure::unsupported(format!("LocalFileSystem doesn't support {operation}"))
}

impl Hdfs {
    /// Waits for a call.
    pub(crate) fn wait<T>(
        &self,
        call: impl Future<Output = loxodon_client::Result<T>>,
    ) -> Result<T> {
        Ok(self.runtime.block_on(call)?)
    }
}

impl FileSystem {
    /// `hdfs://host:port`, `file://`.
    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Hdfs(hdfs) => hdfs.client.uri().to_owned(),
            Self::Local { .. } => "file:///".into(),
        }
    }

    /// `hdfs` or `file`.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Hdfs(_) => "hdfs",
            Self::Local { .. } => "file",
        }
    }

    /// A path in full, as Java's `Path` of this file system prints it.
    pub(crate) fn qualified(&self, path: &str) -> String {
        match self {
            Self::Hdfs(hdfs) => format!("{}{path}", hdfs.client.uri()),
            Self::Local { .. } => format!("file:{path}"),
        }
    }

    /// Where relative paths start.
    pub(crate) fn working_directory(&self) -> String {
        match self {
            Self::Hdfs(hdfs) => hdfs.client.home_directory(),
            Self::Local { directory } => directory.clone(),
        }
    }

    /// A path made absolute and normal.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return location::normalize(path);
        }
        location::normalize(&location::join(&self.working_directory(), path))
    }

    /// The client, where this is HDFS.
    ///
    /// # Errors
    /// `UnsupportedOperationException` where it is not.
    pub(crate) fn hdfs(&self, operation: &str) -> Result<&Hdfs> {
        match self {
            Self::Hdfs(hdfs) => Ok(hdfs),
            Self::Local { .. } => Err(local_does_not(operation)),
        }
    }

    /// What is at a path.
    pub(crate) fn status(&self, path: &str) -> Result<Option<Status>> {
        match self {
            Self::Hdfs(hdfs) => Ok(hdfs.wait(hdfs.client.file_info(path))?.map(Status::from)),
            Self::Local { .. } => local::status(path),
        }
    }

    /// Whether something is at a path.
    pub(crate) fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.status(path)?.is_some())
    }

    /// Children by name.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<(String, Status)>> {
        match self {
            Self::Hdfs(hdfs) => {
                let mut listing = hdfs.client.list(path);
                let mut children = Vec::new();
                while let Some(page) = hdfs.wait(listing.next_page())? {
                    for mut status in page {
                        // Of a file, the listing is the file itself, without its name.
                        let name = std::mem::take(&mut status.name);
                        let name =
                            if name.is_empty() { location::name(path).to_owned() } else { name };
                        children.push((name, Status::from(status)));
                    }
                }
                Ok(children)
            }
            Self::Local { .. } => local::list(path),
        }
    }

    /// Makes a directory and those above it.
    pub(crate) fn mkdirs(&self, path: &str, permission: u16) -> Result<bool> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.mkdirs(path, permission, true)),
            Self::Local { .. } => local::mkdirs(path),
        }
    }

    /// Deletes.
    pub(crate) fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.delete(path, recursive)),
            Self::Local { .. } => local::delete(path, recursive),
        }
    }

    /// Renames; false where the file system will not.
    pub(crate) fn rename(&self, source: &str, target: &str) -> Result<bool> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.rename(source, target)),
            Self::Local { .. } => local::rename(source, target),
        }
    }

    /// Renames with Hadoop's second call, which says why it will not.
    pub(crate) fn rename_strictly(&self, source: &str, target: &str, to_trash: bool) -> Result<()> {
        match self {
            Self::Hdfs(hdfs) => {
                let options = RenameOptions { overwrite: false, to_trash };
                hdfs.wait(hdfs.client.rename2(source, target, options))
            }
            Self::Local { .. } => match local::rename(source, target)? {
                true => Ok(()),
                false => Err(Failure::io(format!("rename from {source} to {target} failed."))),
            },
        }
    }

    /// Sets permission bits.
    pub(crate) fn set_permission(&self, path: &str, permission: u16) -> Result<()> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.set_permission(path, permission)),
            Self::Local { .. } => local::set_permission(path, permission),
        }
    }

    /// Sets owner and group.
    pub(crate) fn set_owner(
        &self,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<()> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.set_owner(path, owner, group)),
            Self::Local { .. } => local::set_owner(path, owner, group),
        }
    }

    /// Sets times; `None` leaves one as it is.
    pub(crate) fn set_times(
        &self,
        path: &str,
        modified: Option<u64>,
        accessed: Option<u64>,
    ) -> Result<()> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.set_times(
                path,
                modified.map(Milliseconds),
                accessed.map(Milliseconds),
            )),
            Self::Local { .. } => local::set_times(path, modified, accessed),
        }
    }

    /// Sums over a tree.
    pub(crate) fn content_summary(&self, path: &str) -> Result<ContentSummary> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.content_summary(path)),
            Self::Local { .. } => {
                let mut summary = ContentSummary::default();
                self.sum(path, &mut summary)?;
                Ok(summary)
            }
        }
    }

    fn sum(&self, path: &str, summary: &mut ContentSummary) -> Result<()> {
        let status = self.status(path)?.ok_or_else(|| Failure::not_found(path))?;
        if !status.is_directory() {
            summary.files += 1;
            summary.length += status.length;
            summary.space_consumed += status.length;
            return Ok(());
        }
        summary.directories += 1;
        for (name, _) in self.list(path)? {
            self.sum(&location::join(path, &name), summary)?;
        }
        Ok(())
    }

    /// Use and limits of a directory.
    pub(crate) fn quota_usage(&self, path: &str) -> Result<QuotaUsage> {
        match self {
            Self::Hdfs(hdfs) => hdfs.wait(hdfs.client.quota_usage(path)),
            Self::Local { .. } => {
                let summary = self.content_summary(path)?;
                Ok(QuotaUsage {
                    files_and_directories: summary.files + summary.directories,
                    space_consumed: summary.space_consumed,
                    ..QuotaUsage::default()
                })
            }
        }
    }

    /// The same file system for tasks that run beside each other.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Hdfs(hdfs) => Endpoint::Hdfs(hdfs.client.clone()),
            Self::Local { .. } => Endpoint::Local,
        }
    }
}

/// A file system whose files are opened, created and moved by tasks.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// HDFS.
    Hdfs(Client),
    /// Local files.
    Local,
}

impl Endpoint {
    /// Opens a file for reading.
    pub(crate) async fn open(&self, path: &str) -> Result<Reader> {
        match self {
            Self::Hdfs(client) => Ok(Reader::Hdfs(Box::new(client.open(path).await?))),
            Self::Local => Reader::local(path),
        }
    }

    /// Creates or replaces a file.
    pub(crate) async fn create(&self, path: &str, creation: Creation) -> Result<Writer> {
        match self {
            Self::Hdfs(client) => {
                let options = CreateOptions {
                    overwrite: creation.overwrite,
                    lazy_persist: creation.lazy_persist,
                    replication: creation.lazy_persist.then_some(1),
                    ..CreateOptions::default()
                };
                Ok(Writer::Hdfs(Box::new(client.create(path, options).await?)))
            }
            Self::Local => Ok(Writer::Local(local::LocalWriter::create(path, creation.checksums)?)),
        }
    }

    /// Opens a file for writing at its end.
    pub(crate) async fn append(&self, path: &str, new_block: bool) -> Result<Writer> {
        match self {
            Self::Hdfs(client) => {
                let options = AppendOptions { new_block, ..AppendOptions::default() };
                Ok(Writer::Hdfs(Box::new(client.append(path, options).await?)))
            }
            Self::Local => Ok(Writer::Local(local::LocalWriter::append(path)?)),
        }
    }

    /// The client, where this is HDFS.
    ///
    /// # Errors
    /// `UnsupportedOperationException` where it is not.
    pub(crate) fn client(&self, operation: &str) -> Result<&Client> {
        match self {
            Self::Hdfs(client) => Ok(client),
            Self::Local => Err(local_does_not(operation)),
        }
    }

    /// Sets times in milliseconds since the epoch.
    pub(crate) async fn set_times(&self, path: &str, modified: u64, accessed: u64) -> Result<()> {
        match self {
            Self::Hdfs(client) => {
                let times = (Some(Milliseconds(modified)), Some(Milliseconds(accessed)));
                Ok(client.set_times(path, times.0, times.1).await?)
            }
            Self::Local => local::set_times(path, Some(modified), Some(accessed)),
        }
    }

    /// Sets owner and group.
    pub(crate) async fn set_owner(&self, path: &str, owner: &str, group: &str) -> Result<()> {
        match self {
            Self::Hdfs(client) => Ok(client.set_owner(path, Some(owner), Some(group)).await?),
            Self::Local => local::set_owner(path, Some(owner), Some(group)),
        }
    }

    /// Sets permission bits.
    pub(crate) async fn set_permission(&self, path: &str, permission: u16) -> Result<()> {
        match self {
            Self::Hdfs(client) => Ok(client.set_permission(path, permission).await?),
            Self::Local => local::set_permission(path, permission),
        }
    }

    /// Renames; false where the file system will not.
    pub(crate) async fn rename(&self, source: &str, target: &str) -> Result<bool> {
        match self {
            Self::Hdfs(client) => Ok(client.rename(source, target).await?),
            Self::Local => local::rename(source, target),
        }
    }

    /// Deletes a file.
    pub(crate) async fn delete(&self, path: &str) -> Result<bool> {
        match self {
            Self::Hdfs(client) => Ok(client.delete(path, false).await?),
            Self::Local => local::delete(path, false),
        }
    }
}

/// How a file is created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Creation {
    /// Replace what is there.
    pub(crate) overwrite: bool,
    /// Let DataNodes persist it later, with one replica.
    pub(crate) lazy_persist: bool,
    /// Write a checksum file beside a local file.
    pub(crate) checksums: bool,
}

impl Default for Creation {
    fn default() -> Self {
        Self { overwrite: true, lazy_persist: false, checksums: true }
    }
}
