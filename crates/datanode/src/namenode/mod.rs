//! What a DataNode says to its NameNodes and does for them.
//!
//! A [`Service`] is one block pool; it has an actor for each of its NameNodes.

mod actor;
mod bad;
mod commands;
mod heartbeat;
mod incremental;
mod lifeline;
mod registration;
mod report;
mod service;

pub(crate) use actor::run;
pub(crate) use bad::BadReplica;
pub(crate) use incremental::Change;
pub(crate) use service::Service;
