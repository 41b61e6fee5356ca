//! What the tasks of a local job know of each other, and what their runner knows of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::collect::MapOutput;
use crate::counters::Counters;
use crate::error::Result;
use crate::job::{AttemptId, CompletionStatus, TaskKind};
use crate::task::{Answer, MapEvent, MapEvents, MapSource, TaskStatus, Umbilical};

/// State of all tasks.
pub(super) struct Board {
    maps: usize,
    reduces: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tasks: BTreeMap<AttemptId, (f32, Counters)>,
    events: Vec<MapEvent>,
    stopped: bool,
    over: bool,
}

impl Board {
    pub(super) fn new(maps: usize, reduces: usize) -> Self {
        Self { maps, reduces, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whole percents of maps and reduces.
    pub(super) fn progress(&self) -> (u32, u32) {
        let state = self.state();
        let of = |kind, count: usize| {
            let tasks = state.tasks.iter().filter(|(attempt, _)| attempt.kind() == kind);
            let sum: f32 = tasks.map(|(_, (progress, _))| *progress).sum();
            if count == 0 { 0 } else { (100.0 * sum / count as f32 + 0.001) as u32 }
        };
        let maps = if self.maps == 0 && state.over { 100 } else { of(TaskKind::Map, self.maps) };
        (maps, of(TaskKind::Reduce, self.reduces))
    }

    /// What all tasks counted.
    pub(super) fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for (_, counters) in self.state().tasks.values() {
            sum.add_all(counters);
        }
        sum
    }

    pub(super) fn map_done(&self, attempt: AttemptId, output: MapOutput) {
        let source = MapSource::Files { file: output.file, index: output.index };
        let status = CompletionStatus::Succeeded;
        self.state().events.push(MapEvent { attempt, status, source, run_time: 0 });
        self.changed.notify_all();
    }

    /// Every task is to end.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
    }

    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// Waits so long, or until all tasks are done, which it says.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.over {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn report(&self, attempt: &AttemptId, status: &TaskStatus) -> Answer {
        let mut state = self.state();
        let kept = (status.progress, status.counters.clone());
        if matches!(attempt.kind(), TaskKind::Map | TaskKind::Reduce) {
            state.tasks.insert(attempt.clone(), kept);
        }
        if state.stopped { Answer::Die } else { Answer::Continue }
    }
}

/// A local task's line to its runner.
pub(super) struct Line {
    attempt: AttemptId,
    board: Arc<Board>,
}

impl Line {
    pub(super) fn new(attempt: AttemptId, board: Arc<Board>) -> Self {
        Self { attempt, board }
    }
}

impl Umbilical for Line {
    fn report(&self, status: &TaskStatus) -> Result<Answer> {
        Ok(self.board.report(&self.attempt, status))
    }

    fn commit_pending(&self, status: &TaskStatus) -> Result<Answer> {
        self.report(status)
    }

    fn can_commit(&self) -> Result<bool> {
        Ok(true)
    }

    fn done(&self, status: &TaskStatus) -> Result<()> {
        self.board.report(&self.attempt, status);
        Ok(())
    }

    fn failed(&self, _message: &str, _for_all: bool) -> Result<()> {
        Ok(())
    }

    fn map_events(&self, from: usize, most: usize) -> Result<MapEvents> {
        let state = self.board.state();
        let events = state.events.iter().skip(from).take(most).cloned().collect();
        Ok(MapEvents { events, reset: false })
    }
}
