//! What code inside a task may ask and say: configuration, counters, progress, status.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use loxodon_conf::Configuration;

use super::umbilical::TaskStatus;
use super::{LocalDirs, resources};
use crate::counters::{Counter, Counters, Limits, LiveCounters, TaskCounter};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
use crate::job::{AttemptId, Phase, TaskKind};

/// The surroundings of one attempt; shared by its threads.
pub struct TaskContext {
    attempt: AttemptId,
    conf: Configuration,
    files: FileSystems,
    dirs: Arc<LocalDirs>,
    counters: LiveCounters,
    state: Mutex<String>,
    phase: Mutex<Phase>,
    /// Bits of an `f32`.
    progress: AtomicU32,
    moved: AtomicBool,
    stopped: AtomicBool,
    fetch_failures: Mutex<Vec<AttemptId>>,
    map_finished: AtomicI64,
    shuffle_finished: AtomicI64,
    sort_finished: AtomicI64,
    usage: resources::Usage,
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl TaskContext {
    /// Surroundings of an attempt that has just begun.
    ///
    /// # Errors
    /// A limit of counters is no number.
    pub fn new(
        attempt: AttemptId,
        conf: Configuration,
        files: FileSystems,
        dirs: Arc<LocalDirs>,
    ) -> Result<Self> {
        let phase = match attempt.kind() {
            TaskKind::Map => Phase::Map,
            TaskKind::Reduce => Phase::Shuffle,
            _ => Phase::Cleanup,
        };
        Ok(Self {
            usage: resources::Usage::begin(&conf)?,
            attempt,
            counters: LiveCounters::new(Limits::of_job(&conf)?),
            conf,
            files,
            dirs,
            state: Mutex::default(),
            phase: Mutex::new(phase),
            progress: AtomicU32::new(0),
            moved: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            fetch_failures: Mutex::default(),
            map_finished: AtomicI64::new(0),
            shuffle_finished: AtomicI64::new(0),
            sort_finished: AtomicI64::new(0),
        })
    }

    /// The attempt's id.
    pub fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    /// The job's configuration.
    pub fn conf(&self) -> &Configuration {
        &self.conf
    }

    /// File systems, for the task's user.
    pub fn files(&self) -> &FileSystems {
        &self.files
    }

    /// The attempt's local directories.
    pub fn dirs(&self) -> &Arc<LocalDirs> {
        &self.dirs
    }

    /// A counter by group and name, for as often as wanted.
    ///
    /// # Errors
    /// There would be too many counters.
    pub fn counter(&self, group: &str, name: &str) -> Result<Counter> {
        self.counters.counter(group, name)
    }

    /// A counter of the framework.
    pub fn task_counter(&self, counter: TaskCounter) -> Counter {
        self.counters.task(counter)
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters.snapshot()
    }

    /// Says what the task does, in words for the user.
    pub fn set_state(&self, state: impl Into<String>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.into();
        self.moved.store(true, Ordering::Relaxed);
    }

    /// How far the task is, from 0 to 1.
    pub fn set_progress(&self, progress: f32) {
        let progress = if progress.is_finite() { progress.clamp(0.0, 1.0) } else { 0.0 };
        self.progress.store(progress.to_bits(), Ordering::Relaxed);
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Says that the task is alive though nothing else shows it.
    pub fn alive(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        let at = match phase {
            Phase::Sort if self.attempt.kind() == TaskKind::Map => &self.map_finished,
            Phase::Sort => &self.shuffle_finished,
            Phase::Reduce => &self.sort_finished,
            _ => return,
        };
        at.store(now(), Ordering::Relaxed);
    }

    pub(crate) fn fetch_failed(&self, map: AttemptId) {
        self.fetch_failures.lock().unwrap_or_else(PoisonError::into_inner).push(map);
        self.moved.store(true, Ordering::Relaxed);
    }

    /// The task is to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the task may go on; to be asked now and then by whatever runs long.
    ///
    /// # Errors
    /// It was told to end.
    pub fn check(&self) -> Result<()> {
        self.note_processor_time();
        if self.stopped.load(Ordering::Relaxed) {
            let text = format!("{} was told to end", self.attempt);
            return Err(Error::new(ErrorKind::Interrupted, text));
        }
        Ok(())
    }

    /// Adds what the calling thread has used since it last did: the attempts of a local job share their process, and
    /// a thread cannot see what others use.
    pub(crate) fn note_processor_time(&self) {
        self.usage.note();
    }

    /// How the task is; fetch failures are in one status only.
    pub fn status(&self) -> TaskStatus {
        self.measure();
        let failures = std::mem::take(
            &mut *self.fetch_failures.lock().unwrap_or_else(PoisonError::into_inner),
        );
        TaskStatus {
            phase: *self.phase.lock().unwrap_or_else(PoisonError::into_inner),
            progress: f32::from_bits(self.progress.load(Ordering::Relaxed)),
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            counters: self.counters.snapshot(),
            fetch_failures: failures,
            map_finished: self.map_finished.load(Ordering::Relaxed),
            shuffle_finished: self.shuffle_finished.load(Ordering::Relaxed),
            sort_finished: self.sort_finished.load(Ordering::Relaxed),
            moved: self.moved.swap(false, Ordering::Relaxed),
        }
    }

    /// Puts the process's figures and the file systems' into the counters.
    fn measure(&self) {
        self.note_processor_time();
        let is_map = self.attempt.kind() == TaskKind::Map;
        self.usage.count(&self.counters, is_map);
        for (scheme, sums) in self.files.statistics() {
            resources::count_files(&self.counters, &scheme, &sums);
        }
    }
}

impl std::fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskContext").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
