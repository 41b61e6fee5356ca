//! A DataNode's names and addresses, and what kinds of storage it may carry.

use std::fmt;
use std::sync::Arc;

/// How a DataNode is named and reached (`org.apache.hadoop.hdfs.protocol.DatanodeID`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatanodeId {
    /// Address that peers connect to, as text without a port.
    pub ip: Arc<str>,
    /// Host name as the DataNode gives it, or as its address resolves.
    pub host: Arc<str>,
    /// Survives restarts and changes of address; made once when the node is formatted.
    pub uuid: Arc<str>,
    /// Data transfer port.
    pub transfer_port: u16,
    /// HTTP port.
    pub info_port: u16,
    /// HTTPS port, 0 where there is none.
    pub info_secure_port: u16,
    /// Port of the DataNode's own RPC server.
    pub ipc_port: u16,
}

impl DatanodeId {
    /// `ip:port` of the data transfer, by which Hadoop names a node in logs and reports.
    #[must_use]
    pub fn transfer_address(&self) -> String {
        format!("{}:{}", self.ip, self.transfer_port)
    }

    /// `host:port` of the data transfer.
    #[must_use]
    pub fn transfer_host_address(&self) -> String {
        format!("{}:{}", self.host, self.transfer_port)
    }
}

impl fmt::Display for DatanodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip, self.transfer_port)
    }
}

/// The medium of a storage (`org.apache.hadoop.fs.StorageType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageType {
    /// Memory; what lies there is lost at a restart.
    RamDisk,
    /// Flash.
    Ssd,
    /// Spinning disk, and whatever nobody said anything about.
    #[default]
    Disk,
    /// Dense and slow.
    Archive,
    /// Blocks that live in another store.
    Provided,
    /// Memory that keeps its contents.
    NvDimm,
}

impl StorageType {
    /// Every type, in the order of Hadoop's enum.
    pub const ALL: [Self; 6] =
        [Self::RamDisk, Self::Ssd, Self::Disk, Self::Archive, Self::Provided, Self::NvDimm];

    /// The name in configuration, commands and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RamDisk => "RAM_DISK",
            Self::Ssd => "SSD",
            Self::Disk => "DISK",
            Self::Archive => "ARCHIVE",
            Self::Provided => "PROVIDED",
            Self::NvDimm => "NVDIMM",
        }
    }

    /// The type of that name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Whether contents are lost with the power.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RamDisk)
    }

    /// Whether balancer and mover may take blocks from there.
    #[must_use]
    pub const fn is_movable(self) -> bool {
        !matches!(self, Self::RamDisk | Self::Provided)
    }

    /// Position in [`StorageType::ALL`].
    #[must_use]
    pub const fn ordinal(self) -> usize {
        self as usize
    }
}

/// What operators intend with a DataNode (`DatanodeInfo.AdminStates`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AdminState {
    /// In service.
    #[default]
    Normal,
    /// Its blocks are being copied elsewhere.
    DecommissionInProgress,
    /// Everything it holds is elsewhere as well.
    Decommissioned,
    /// Will be down for a while; its blocks are being brought to the minimum elsewhere.
    EnteringMaintenance,
    /// May go down without anything being re-replicated.
    InMaintenance,
}

impl AdminState {
    /// The text in reports and web pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "In Service",
            Self::DecommissionInProgress => "Decommission In Progress",
            Self::Decommissioned => "Decommissioned",
            Self::EnteringMaintenance => "Entering Maintenance",
            Self::InMaintenance => "In Maintenance",
        }
    }

    /// Neither decommissioned nor in maintenance, nor on the way there.
    #[must_use]
    pub const fn is_in_service(self) -> bool {
        matches!(self, Self::Normal)
    }

    /// On the way to, or in, decommissioning.
    #[must_use]
    pub const fn is_decommission(self) -> bool {
        matches!(self, Self::DecommissionInProgress | Self::Decommissioned)
    }

    /// On the way to, or in, maintenance.
    #[must_use]
    pub const fn is_maintenance(self) -> bool {
        matches!(self, Self::EnteringMaintenance | Self::InMaintenance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_types_are_found_by_name_in_any_case() {
        for kind in StorageType::ALL {
            assert_eq!(StorageType::from_name(&kind.name().to_lowercase()), Some(kind));
            assert_eq!(StorageType::ALL[kind.ordinal()], kind);
        }
        assert_eq!(StorageType::from_name("FLOPPY"), None);
    }
}
