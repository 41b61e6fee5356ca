//! Jobs on a whole cluster of processes: what goes in comes out, whatever tasks and daemons do.

mod daemons;
mod site;
mod tasks;
