//! Protobuf messages ⇄ the machine's own types: the one conversion, at the door.

pub(crate) mod attribute;
pub(crate) mod datanode;
pub(crate) mod listing;
pub(crate) mod status;
