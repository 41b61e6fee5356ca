//! Brings the outputs of all maps to a reduce and merges them.
//!
//! [`server`] is the side of those who have them.

mod fetcher;
mod header;
mod http;
mod merger;
pub mod scheduler;
pub mod security;
pub mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use self::merger::{Limits, Merger};
use self::scheduler::{Failure, FailureLimits, Next, Scheduler};
use crate::collect::{CombinerFactory, KeyOrder};
use crate::counters::TaskCounter;
use crate::error::{Error, ErrorKind, Result};
use crate::io::codec::Codec;
use crate::job::{AttemptId, Phase};
use crate::merge::MergeStream;
use crate::task::{MapEvents, TaskContext, Umbilical, now};

pub use header::ShuffleHeader;
#[cfg(feature = "fuzzing")]
pub(crate) use http::read_answer;
pub use settings::ShuffleSettings;

/// Events asked for at once.
const MOST_EVENTS: usize = 10_000;
/// Failed questions for events after which the reduce gives up.
const MAX_EVENT_FAILURES: u32 = 10;
/// Pauses between questions for events, in milliseconds: they grow while there is no news.
const EVENT_PAUSE: (u64, u64) = (20, 1000);

/// The shuffle of one reduce attempt.
pub(crate) struct Shuffle {
    pub(crate) task: Arc<TaskContext>,
    pub(crate) umbilical: Arc<dyn Umbilical>,
    pub(crate) maps: u32,
    pub(crate) key: Vec<u8>,
    pub(crate) settings: ShuffleSettings,
    pub(crate) order: KeyOrder,
    pub(crate) codec: Option<Codec>,
    pub(crate) combiner: Option<CombinerFactory>,
    pub(crate) factor: usize,
}

/// What the fetchers share.
pub(crate) struct Copies {
    task: Arc<TaskContext>,
    key: Vec<u8>,
    settings: ShuffleSettings,
    codec: Option<Codec>,
    merger: Merger,
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    scheduler: Scheduler,
    over: bool,
    error: Option<Error>,
}

impl Shuffle {
    /// Fetches everything; gives it sorted.
    pub(crate) fn run(self) -> Result<MergeStream> {
        let limits = self.settings.failures(self.maps);
        let merger = Merger::new(
            Arc::clone(&self.task),
            Limits::of(&self.settings),
            self.factor,
            self.order.clone(),
            self.codec,
            self.combiner.clone(),
        );
        for counter in [
            TaskCounter::ShuffledMaps,
            TaskCounter::FailedShuffle,
            TaskCounter::MergedMapOutputs,
            TaskCounter::ReduceShuffleBytes,
            TaskCounter::SpilledRecords,
        ] {
            self.task.task_counter(counter);
        }
        let copies = Copies {
            task: Arc::clone(&self.task),
            key: self.key.clone(),
            settings: self.settings.clone(),
            codec: self.codec,
            merger,
            state: Mutex::new(State {
                scheduler: Scheduler::new(self.maps, limits, now()),
                over: self.maps == 0,
                error: None,
            }),
            news: Condvar::new(),
        };
        let fetched = thread::scope(|scope| {
            let merging = scope.spawn(|| copies.merger.run());
            for _ in 0..self.settings.copies.min(self.maps as usize) {
                scope.spawn(|| fetcher::run(&copies));
            }
            let fetched = self.follow_events(&copies);
            copies.end();
            copies.merger.close();
            let merged = merging.join();
            merged.map_err(|_| Error::io("the merge thread has panicked")).and(fetched)
        });
        let failed = |e: Error| shuffle_error(&e, "error in shuffle");
        let worse = copies.merger.take_error().or_else(|| copies.take_error());
        if let Some(error) = worse {
            return Err(failed(error));
        }
        fetched.map_err(failed)?;
        self.task.set_phase(Phase::Sort);
        self.task.set_progress(1.0 / 3.0);
        let task = Arc::clone(&self.task);
        copies.merger.finish(&mut |part| {
            task.set_progress((1.0 + part) / 3.0);
            task.check()
        })
    }

    /// Asks for events until every map is here.
    fn follow_events(&self, copies: &Copies) -> Result<()> {
        let (mut from, mut failures, mut pause) = (0, 0, EVENT_PAUSE.0);
        loop {
            self.task.check()?;
            match self.umbilical.map_events(from, MOST_EVENTS) {
                Ok(MapEvents { events, reset }) => {
                    failures = 0;
                    if reset {
                        from = 0;
                        copies.scheduler().reset();
                    }
                    from += events.len();
                    let full = events.len() >= MOST_EVENTS;
                    pause = if events.is_empty() {
                        (pause * 2).min(EVENT_PAUSE.1)
                    } else {
                        EVENT_PAUSE.0
                    };
                    copies.resolve(events);
                    if full {
                        continue;
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::info!(error = %error, "asking for map events failed");
                    if failures >= MAX_EVENT_FAILURES {
                        return Err(error.during("too many failures downloading events"));
                    }
                    pause = EVENT_PAUSE.1;
                }
            }
            if copies.wait(Duration::from_millis(pause)) {
                return Ok(());
            }
        }
    }
}

fn shuffle_error(error: &Error, what: &str) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => Error::new(ErrorKind::Interrupted, error.message()),
        _ => Error::new(ErrorKind::Shuffle, format!("{what}: {error}")),
    }
}

/// The scheduler, while nobody else has it.
struct SchedulerGuard<'a>(MutexGuard<'a, State>);

impl std::ops::Deref for SchedulerGuard<'_> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.0.scheduler
    }
}

impl std::ops::DerefMut for SchedulerGuard<'_> {
    fn deref_mut(&mut self) -> &mut Scheduler {
        &mut self.0.scheduler
    }
}

impl Copies {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scheduler(&self) -> SchedulerGuard<'_> {
        SchedulerGuard(self.state())
    }

    fn resolve(&self, events: Vec<crate::task::MapEvent>) {
        let mut state = self.state();
        for event in events {
            state.scheduler.resolve(event);
        }
        state.over |= state.scheduler.remaining() == 0;
        self.news.notify_all();
    }

    fn next(&self) -> Next {
        let mut state = self.state();
        if state.over { Next::Done } else { state.scheduler.next(now()) }
    }

    /// A fetcher waits for work; `false` where there will be none.
    fn pause(&self, until: Option<i64>) -> bool {
        let state = self.state();
        if state.over {
            return false;
        }
        let until = until.and_then(|u| u64::try_from(u - now()).ok()).map(Duration::from_millis);
        let time = until.unwrap_or(fetcher::IDLE).clamp(Duration::from_millis(1), fetcher::IDLE);
        let waited = self.news.wait_timeout(state, time);
        !waited.unwrap_or_else(PoisonError::into_inner).0.over
    }

    /// Waits so long, or until all is here or something failed, which it says.
    fn wait(&self, time: Duration) -> bool {
        let state = self.state();
        if state.over {
            return true;
        }
        let waited = self.news.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }

    fn end(&self) {
        self.state().over = true;
        self.news.notify_all();
    }

    fn free(&self, host: &str, left: Vec<AttemptId>) {
        self.state().scheduler.free(host, left);
        self.news.notify_all();
    }

    /// The shuffle cannot go on.
    fn fail(&self, error: Error) {
        let mut state = self.state();
        state.error.get_or_insert(error);
        state.over = true;
        self.news.notify_all();
    }

    fn take_error(&self) -> Option<Error> {
        self.state().error.take()
    }

    /// A map's output is here; whether it is to be kept.
    fn succeeded(&self, map: &AttemptId, host: &str, bytes: u64) -> bool {
        let mut state = self.state();
        if !state.scheduler.succeeded(map, host, now()) {
            return false;
        }
        let (total, left) = (state.scheduler.total(), state.scheduler.remaining());
        drop(state);
        self.task.task_counter(TaskCounter::ShuffledMaps).add(1);
        self.task.task_counter(TaskCounter::ReduceShuffleBytes).add(bytes as i64);
        let done = total - left;
        self.task.set_progress(done as f32 / total.max(1) as f32 / 3.0);
        self.task.set_state(format!("{done} / {total} copied."));
        true
    }

    /// After an output was put where it belongs: the last one ends the copies.
    fn kept(&self) {
        let mut state = self.state();
        state.over |= state.scheduler.remaining() == 0;
        if state.over {
            self.news.notify_all();
        }
    }

    fn copy_failed(&self, map: AttemptId, host: &str, how: Failure, error: &Error) {
        self.task.task_counter(TaskCounter::FailedShuffle).add(1);
        let consequence = self.state().scheduler.failed(&map, host, how, now());
        if consequence.report {
            self.task.fetch_failed(map);
        }
        if let Some(text) = consequence.abort {
            self.fail(Error::io(format!("{text}: {error}")));
        }
    }
}
