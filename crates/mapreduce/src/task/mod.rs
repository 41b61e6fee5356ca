//! One task attempt: a map, a reduce, the set-up or clean-up of a job.
//!
//! [`run`] takes a [`TaskDescription`], the [`Classes`] that the job's names stand for, and an [`Umbilical`] to
//! whoever started it. A cluster's task process and the local runner call the same function.

mod classes;
mod collector;
mod combine;
mod context;
mod description;
mod formats;
mod groups;
mod local_dirs;
mod map;
mod reduce;
pub mod remote;
mod resources;
mod run;
mod umbilical;

pub use classes::{Classes, CombineMaker, MapRunner, OrderUse, ReduceRunner, order_of};
pub use collector::{Collector, MapInput, RecordOutput};
pub use context::TaskContext;
pub use description::{TaskDescription, Work};
pub use formats::{input_format_of, map_output_classes, output_format_of};
pub use groups::{Groups, Values};
pub use local_dirs::LocalDirs;
pub use run::{Finished, run};
pub use umbilical::{Answer, MapEvent, MapEvents, MapSource, TaskStatus, Umbilical};

pub(crate) use context::now;
