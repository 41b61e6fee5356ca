//! The tree of inodes, its edits, edit codec and image.

pub mod edit;
pub mod edit_codec;
