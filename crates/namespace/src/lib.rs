//! The tree of inodes, its edits, edit codec and image.

pub mod edit;
pub mod edit_codec;
pub mod image;

mod access;
mod acl;
mod apply;
mod arena;
pub mod carried;
mod children;
pub mod context;
pub mod error;
pub mod file_blocks;
mod id_map;
mod inode;
mod intern;
mod lease;
mod names;
pub mod path;
pub mod plan;
pub mod policy;
mod query;
pub mod settings;
pub mod status;
mod tree;
mod usage;
pub mod view;
pub mod xattr;

pub use access::mode_string;
pub use acl::entry_text;
pub use apply::Reclaimed;
pub use inode::Writer;
pub use lease::{Lease, NAMENODE_LEASE_HOLDER};
pub use tree::{Counters, Namespace, Totals};
