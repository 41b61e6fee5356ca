//! Machines: who they are, on which rack, how far apart, alive or dead, allowed or not.
//!
//! Everything here is a value: addresses were resolved, rack scripts run and host files read
//! by the caller, and the time is an argument.

mod hosts;
mod id;
mod liveness;
mod topology;

pub use hosts::{HostEntry, HostLists, HostProperties};
pub use id::DatanodeId;
pub use liveness::{Liveness, LivenessSettings};
pub use loxodon_wire::storage::{AdminState, StorageType};
pub use topology::{
    DEFAULT_RACK, Distance, MemberIndex, RackError, RackIndex, RackScope, Topology,
};
