//! The history of a job as Hadoop keeps it: events in Avro's JSON, one file per job (`.jhist`).
//!
//! While a job runs the file is its journal: a JobTracker that is started again reads it and goes
//! on ([`crate::jobtracker::JobTracker::recover`]). Set-up and clean-up tasks are not in it, as in
//! Hadoop 2 and later, whose readers know only maps and reduces.

mod avro;
mod counters;
mod event;
mod file;
mod name;
mod record;
mod story;
mod viewer;

pub use counters::{CounterRow, CounterRows, counter_rows, value_of};
pub use event::{
    AmStarted, EventType, HistoryEvent, JobFinished, JobInfoChange, JobInited, JobPriorityChange,
    JobQueueChange, JobStatusChanged, JobSubmitted, JobUnsuccessfulCompletion, MapAttemptFinished,
    NamedCounters, ReduceAttemptFinished, TaskAttemptFinished, TaskAttemptStarted,
    TaskAttemptUnsuccessfulCompletion, TaskFailed, TaskFinished, TaskStarted, TaskUpdated,
};
pub use file::{HistoryError, HistoryReader, file_header, write_event};
pub use name::{DoneName, conf_file_name, done_subdirectory};
pub use record::{AttemptRecord, JobRecord, TaskRecord};
pub use story::{AttemptStory, Story};
pub use viewer::{ViewFormat, view};
