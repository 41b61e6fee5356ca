//! Hadoop's configuration: one table of the keys we honour, the XML files that set them, `-D`.
//!
//! ```
//! use loxodon_conf::{Configuration, keys};
//!
//! let mut conf = Configuration::new();
//! conf.set("dfs.blocksize", "64m", "-D");
//! assert_eq!(conf.size(&keys::BLOCKSIZE)?, 64 << 20);
//! assert_eq!(conf.int(&keys::REPLICATION)?, 3);
//! # Ok::<(), loxodon_conf::ConfError>(())
//! ```

mod access;
mod configuration;
mod error;
mod expand;
mod hadoop;
mod key;
pub mod keys;
mod load;
mod notice;
mod reference;
mod renamed;
pub mod value;
mod xml;

pub use access::{AccessControlList, MachineList};
pub use configuration::{Change, Configuration, Entry};
pub use error::ConfError;
pub use key::{Key, Kind, Unit};
pub use load::{DEFAULT_FILES, configuration_directory};
pub use notice::Notice;
pub use reference::reference_page;
pub use renamed::RENAMED;
