//! What a task says to whoever started it, and what it asks for (Hadoop's `TaskUmbilicalProtocol`).

use std::path::PathBuf;

use crate::counters::Counters;
use crate::error::Result;
use crate::job::{AttemptId, CompletionStatus, Phase};

/// How an attempt is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskStatus {
    /// What it does.
    pub phase: Phase,
    /// From 0 to 1, over all phases.
    pub progress: f32,
    /// What it says it does.
    pub state: String,
    /// What it counted.
    pub counters: Counters,
    /// Map attempts whose output could not be fetched since the last report.
    pub fetch_failures: Vec<AttemptId>,
    /// When a map had read everything, in milliseconds since 1970; 0 before.
    pub map_finished: i64,
    /// When a reduce had fetched everything; 0 before.
    pub shuffle_finished: i64,
    /// When a reduce had merged everything; 0 before.
    pub sort_finished: i64,
    /// Whether records, progress or a word of the program's came since the last report. A task that shows none of
    /// them for `mapreduce.task.timeout` hangs.
    pub moved: bool,
}

/// What the tracker makes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// The attempt is to end: killed, or not known any more.
    Die,
}

/// Where a map's output is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapSource {
    /// From a shuffle server, `http://host:port`.
    Http(String),
    /// In files of this machine: `file.out` and `file.out.index`.
    Files {
        /// The segments.
        file: PathBuf,
        /// Where they lie.
        index: PathBuf,
    },
}

/// What became of a map attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapEvent {
    /// The attempt.
    pub attempt: AttemptId,
    /// What became of it.
    pub status: CompletionStatus,
    /// Where its output is; counts for one that succeeded.
    pub source: MapSource,
    /// How long it ran, in milliseconds.
    pub run_time: i64,
}

/// Events from the number asked for on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapEvents {
    /// In order.
    pub events: Vec<MapEvent>,
    /// Whether the asker must forget what it has and begin at 0.
    pub reset: bool,
}

/// The line between one attempt and its tracker. Calls may come from several threads.
pub trait Umbilical: Send + Sync {
    /// Reports how it is; also the sign of life.
    ///
    /// # Errors
    /// The tracker cannot be reached.
    fn report(&self, status: &TaskStatus) -> Result<Answer>;

    /// The work is done and waits for leave to commit.
    ///
    /// # Errors
    /// The tracker cannot be reached.
    fn commit_pending(&self, status: &TaskStatus) -> Result<Answer>;

    /// Whether this attempt may commit its output; asked again until it may.
    ///
    /// # Errors
    /// The tracker cannot be reached, or says that another attempt has committed.
    fn can_commit(&self) -> Result<bool>;

    /// Everything is done.
    ///
    /// # Errors
    /// The tracker cannot be reached.
    fn done(&self, status: &TaskStatus) -> Result<()>;

    /// The attempt has failed; `for_all` where every other attempt would.
    ///
    /// # Errors
    /// The tracker cannot be reached.
    fn failed(&self, message: &str, for_all: bool) -> Result<()>;

    /// What became of the job's maps, from an event's number on.
    ///
    /// # Errors
    /// The tracker cannot be reached.
    fn map_events(&self, from: usize, most: usize) -> Result<MapEvents>;
}
