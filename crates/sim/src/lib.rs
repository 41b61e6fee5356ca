//! A cluster in one thread on virtual time.
//!
//! The NameNode is the real one: machine, block management, journal and edit bytes, driven as the
//! daemon's door drives it. Its disk, the network, DataNodes and clients are models. Every choice
//! comes from one seed, so that whatever is found can be seen again.
//!
//! A run has two parts. First everything goes wrong: messages are lost, late or twice, processes
//! crash, clocks jump. After each step of it the live namespace must equal its log, nothing that
//! was acknowledged may be missing, and block management must be whole. Then the faults stop, and
//! within bounded time everything must come to rest: safe mode left, files of dead writers closed,
//! every block with its replicas.

mod checks;
mod client;
mod datanode;
pub mod disk;
mod faults;
mod losses;
mod message;
mod namenode;
pub mod network;
mod recovery;
mod scene;
mod store;
mod telling;
mod tree;
mod workload;
mod world;
mod writer;

pub use world::{Failure, Scenario, Summary, run};
