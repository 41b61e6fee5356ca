//! Where a volume lies and what it is made of: `[SSD]file:///data/1`.

use std::fmt;
use std::path::{Path, PathBuf};

use loxodon_wire::proto::hdfs::StorageTypeProto;

use crate::error::{DataNodeError, Result};

/// Hadoop's `StorageType`, as far as a DataNode here can have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// A spinning disk, or what passes for one.
    #[default]
    Disk,
    /// A solid state disk.
    Ssd,
    /// Dense and slow.
    Archive,
    /// Memory.
    RamDisk,
    /// Non-volatile memory.
    Nvdimm,
    /// Storage elsewhere, which DataNodes here have not.
    Provided,
}

const NAMES: [(StorageType, &str, StorageTypeProto); 6] = [
    (StorageType::Disk, "DISK", StorageTypeProto::Disk),
    (StorageType::Ssd, "SSD", StorageTypeProto::Ssd),
    (StorageType::Archive, "ARCHIVE", StorageTypeProto::Archive),
    (StorageType::RamDisk, "RAM_DISK", StorageTypeProto::RamDisk),
    (StorageType::Nvdimm, "NVDIMM", StorageTypeProto::Nvdimm),
    (StorageType::Provided, "PROVIDED", StorageTypeProto::Provided),
];

impl StorageType {
    /// Hadoop's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|row| row.0 == self).map_or("DISK", |row| row.1)
    }

    /// The type of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|row| row.1.eq_ignore_ascii_case(name)).map(|row| row.0)
    }

    /// The message's number.
    #[must_use]
    pub fn to_proto(self) -> i32 {
        NAMES.iter().find(|row| row.0 == self).map_or(1, |row| row.2 as i32)
    }

    /// The type of a message; a disk where it names none.
    #[must_use]
    pub fn from_proto(number: Option<i32>) -> Self {
        number
            .and_then(|number| NAMES.iter().find(|row| row.2 as i32 == number))
            .map_or(Self::Disk, |row| row.0)
    }
}

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
