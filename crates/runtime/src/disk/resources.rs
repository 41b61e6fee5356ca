//! Room on the disks of the edit log.

use super::error::{About, DiskError};
use loxodon_journal::resources::{RESERVED, Volume, enough};
use std::path::PathBuf;

/// Looks whether the volumes that edits are written to have room (`NameNodeResourceChecker`).
#[derive(Clone, Debug)]
pub struct ResourceChecker {
    /// Directories to look at, and whether each must have room.
    pub directories: Vec<(PathBuf, bool)>,
    /// `dfs.namenode.resource.du.reserved`, bytes.
    pub reserved: u64,
    /// `dfs.namenode.resource.checked.volumes.minimum`.
    pub minimum: usize,
}

impl ResourceChecker {
    /// With Hadoop's defaults: 100 MB, one volume.
    #[must_use]
    pub const fn new(directories: Vec<(PathBuf, bool)>) -> Self {
        Self { directories, reserved: RESERVED, minimum: 1 }
    }

    /// Whether there is room. A directory that cannot be asked has none.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let volumes: Vec<Volume> = self
            .directories
            .iter()
            .map(|(path, required)| {
                let available = available(path).unwrap_or_else(|error| {
                    tracing::warn!("{error}");
                    0
                });
                if available < self.reserved {
                    tracing::warn!(
                        "Space available on volume '{}' is {available}, which is below the \
                         configured reserved amount {}",
                        path.display(),
                        self.reserved
                    );
                }
                Volume { available, required: *required }
            })
            .collect();
        enough(&volumes, self.reserved, self.minimum)
    }
}

fn available(path: &PathBuf) -> Result<u64, DiskError> {
    let volume = rustix::fs::statvfs(path).map_err(std::io::Error::from).about("examine", path)?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}
