//! The include and exclude files (`dfs.hosts`, `dfs.hosts.exclude`).

use std::path::{Path, PathBuf};

use loxodon_cluster::HostLists;
use loxodon_conf::{ConfError, Configuration, keys};

/// Where the lists are; they are read at start and on `refreshNodes`.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFiles {
    include: Option<PathBuf>,
    exclude: Option<PathBuf>,
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the list of hosts {path}: {source}")]
pub(crate) struct HostsError {
    path: String,
    source: std::io::Error,
}

impl HostFiles {
    /// As the configuration has it.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        Ok(Self {
            include: conf.text(&keys::HOSTS)?.map(PathBuf::from),
            exclude: conf.text(&keys::HOSTS_EXCLUDE)?.map(PathBuf::from),
        })
    }

    /// The lists as they are now.
    pub(crate) fn read(&self) -> Result<HostLists, HostsError> {
        let include = self.include.as_deref().map(read).transpose()?.unwrap_or_default();
        let exclude = self.exclude.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(HostLists::from_entries(
            HostLists::parse_file(&include),
            HostLists::parse_file(&exclude),
        ))
    }
}

fn read(path: &Path) -> Result<String, HostsError> {
    std::fs::read_to_string(path)
        .map_err(|source| HostsError { path: path.display().to_string(), source })
}
