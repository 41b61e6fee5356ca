//! A server: connections on tokio tasks, calls handled where their frame was decoded, answers in
//! any order.
//!
//! `listener` accepts, `lanes` are the threads, `connection` moves bytes and watches the clock, `session` knows what a
//! frame means, `service_access` who may speak which protocol, `link` collects the answers, `call` is what a [`Handler`] sees.

mod call;
mod connection;
mod lanes;
mod limits;
mod link;
mod listener;
mod meta;
mod reconfiguration;
mod service_access;
mod session;

pub use call::{Call, Responder};
pub use limits::ServerLimits;
pub use link::{Together, together};
pub use listener::{Handler, Place, Server, ServerError};
pub use reconfiguration::Reconfiguration;
pub use service_access::{Service, ServiceAccess, addresses_of};
