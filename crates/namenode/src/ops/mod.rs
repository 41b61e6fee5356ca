//! The operations, one file per family of calls. Each takes a request's message and gives the
//! answer's; what else it wants done it leaves in the request's effects.

pub(crate) mod admin;
pub(crate) mod attributes;
pub(crate) mod datanode;
pub(crate) mod lease;
pub(crate) mod namenode;
pub(crate) mod namespace;
pub(crate) mod none;
pub(crate) mod query;
pub(crate) mod stats;
pub(crate) mod write;
