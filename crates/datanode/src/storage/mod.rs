//! Storage directories as Hadoop lays them out.

mod directory;
pub(crate) mod layout;
mod location;
mod version;

pub(crate) use directory::{PoolIdentity, StorageDirectory};
pub use location::{StorageLocation, StorageType};
pub(crate) use version::Properties;
