//! What a job is: identifiers, states, resources, access lists, and what its configuration asks for.

mod acl;
mod conf;
mod id;
mod resources;
mod state;

pub use acl::{Caller, JobAcl};
pub use conf::{JobConfView, Speculation, TaskDemand};
pub use id::{AttemptId, IdError, JobId, TaskId, TaskKind};
pub use loxodon_conf::AccessControlList;
pub use resources::Resources;
pub use state::{
    CompletionStatus, JobPriority, JobState, Locality, Phase, TaskPhaseTimes, TaskState, TipStatus,
};
