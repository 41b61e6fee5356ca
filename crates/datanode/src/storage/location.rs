//! Where a volume lies and what it is made of: `[SSD]file:///data/1`.

use std::fmt;
use std::path::{Path, PathBuf};

pub use loxodon_wire::storage::StorageType;

use crate::error::{DataNodeError, Result};

/// One entry of `dfs.datanode.data.dir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageLocation {
    /// What the volume is made of.
    pub kind: StorageType,
    /// Its directory.
    pub path: PathBuf,
}

impl StorageLocation {
    /// Reads `[SSD]file:///data/1`, `file:///data/1` or `/data/1`.
    ///
    /// # Errors
    /// If the storage type is unknown, or the place is not in this machine's file system.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (kind, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => {
                let kind = StorageType::from_name(name.trim())
                    .filter(|kind| *kind != StorageType::Provided);
                let unknown =
                    || DataNodeError::Settings(format!("unknown storage type [{name}] in {text}"));
                (kind.ok_or_else(unknown)?, rest.trim())
            }
            None => (StorageType::Disk, text),
        };
        let path = match rest.strip_prefix("file:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if rest.contains("://") => {
                return Err(DataNodeError::Settings(format!("unsupported URI scheme in {text}")));
            }
            None => rest,
        };
        let absolute = std::path::absolute(Path::new(path));
        let path = absolute.map_err(|error| DataNodeError::Settings(format!("{text}: {error}")))?;
        Ok(Self { kind, path })
    }
}

impl fmt::Display for StorageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]file:{}", self.kind.name(), self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let parse = |text| StorageLocation::parse(text).unwrap();
        assert_eq!(
            parse("[ssd]file:///d/1"),
            StorageLocation { kind: StorageType::Ssd, path: "/d/1".into() }
        );
        assert_eq!(parse(" /d/1 ").to_string(), "[DISK]file:/d/1");
        assert_eq!(parse("file:/d/1").path, PathBuf::from("/d/1"));
        assert!(StorageLocation::parse("[TAPE]/d/1").is_err());
        assert!(StorageLocation::parse("[DISK]s3a://bucket/d").is_err());
    }
}
