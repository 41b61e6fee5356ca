//! The edit log: one thread writes what gathers, syncs it, and lets answers go.

use super::error::DiskError;
use super::segment_file::SegmentFile;
use super::storage::StorageSet;
use loxodon_journal::commit::{Batch, GroupCommit, Piece};
use loxodon_namespace::edit::Edit;
use loxodon_namespace::edit_codec::{CodecError, encode_transaction};
use loxodon_rpc::metrics::Rate;
use loxodon_wire::editlog::LAYOUT_VERSION;
use loxodon_wire::ids::TxId;
use parking_lot::{Condvar, Mutex};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Called once, on the writer's thread, when a transaction is on disk or never will be.
pub type Durable = Box<dyn FnOnce(Result<(), LogFailed>) + Send>;

/// Called once, on the writer's thread, when no directory is left: the NameNode must stop.
pub type Fatal = Box<dyn FnOnce(&LogFailed) + Send>;

/// The log cannot be written any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogFailed(pub Arc<str>);

/// What a log does beyond writing.
#[derive(Clone, Copy, Debug)]
pub struct EditLogSettings {
    /// Directories that must be left besides the required ones (`dfs.namenode.edits.dir.minimum`).
    pub minimum_directories: usize,
    /// Bytes that may wait to be written before [`EditLog::is_full`].
    pub max_backlog: usize,
}

impl Default for EditLogSettings {
    fn default() -> Self {
        Self { minimum_directories: 1, max_backlog: 64 * 1024 * 1024 }
    }
}

/// The edit log that is being written: edits of all callers gather while the last write is on
/// its way, and go to every directory with one write and one sync.
///
/// Appending takes no longer than encoding; nothing here waits for a disk but the writer's own
/// thread, and whoever calls [`EditLog::sync`] or [`EditLog::close`].
#[derive(Debug)]
pub struct EditLog {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    max_backlog: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    syncs: Rate,
    /// Transactions that were synced together with one before them.
    batched: AtomicU64,
}

struct State {
    commit: GroupCommit<Durable>,
    /// The writer waits until so many wait for it, or its patience ends.
    wanted: Option<usize>,
    failed: Option<LogFailed>,
    closing: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("last_written", &self.commit.last_written())
            .field("last_synced", &self.commit.last_synced())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl EditLog {
    /// Opens a segment after `last`, waits until it is on disk, and begins to write.
    ///
    /// # Errors
    /// If not enough directories can be written.
    pub fn start(
        storage: Arc<StorageSet>,
        last: TxId,
        settings: EditLogSettings,
        fatal: Fatal,
    ) -> Result<Self, LogFailed> {
        let mut commit = GroupCommit::new(last);
        let first = commit.start_segment();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { commit, wanted: None, failed: None, closing: false }),
            wake: Condvar::new(),
            syncs: Rate::default(),
            batched: AtomicU64::new(0),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            storage,
            minimum: settings.minimum_directories,
            open: Vec::new(),
            last_error: None,
            fatal: Some(fatal),
            pace: Pace::default(),
        };
        let handle = std::thread::Builder::new()
            .name("edit-log".into())
            .spawn(move || writer.run())
            .map_err(|error| LogFailed(format!("Cannot start edit log writer: {error}").into()))?;
        let log =
            Self { shared, writer: Mutex::new(Some(handle)), max_backlog: settings.max_backlog };
        log.sync(first)?;
        Ok(log)
    }

    /// Gives an edit the next number and queues it. The order of calls is the order in the log.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn append(&self, edit: &Edit) -> Result<TxId, CodecError> {
        let mut state = self.shared.state.lock();
        let txid =
            state.commit.append(|txid, out| encode_transaction(txid, edit, LAYOUT_VERSION, out))?;
        let is_patient = state.wanted.is_some();
        drop(state);
        if !is_patient {
            self.shared.wake.notify_one();
        }
        Ok(txid)
    }

    /// Calls back when `txid` is on disk; at once, on this thread, if it is already.
    pub fn when_durable(&self, txid: TxId, callback: Durable) {
        let mut state = self.shared.state.lock();
        let failed = state.failed.clone().filter(|_| txid > state.commit.last_synced());
        let ready =
            if failed.is_some() { Some(callback) } else { state.commit.wait(txid, callback) };
        let is_enough = state.wanted.is_some_and(|wanted| state.commit.waiting() >= wanted);
        if is_enough {
            state.wanted = None;
        }
        drop(state);
        if is_enough {
            self.shared.wake.notify_one();
        }
        if let Some(callback) = ready {
            callback(failed.map_or(Ok(()), Err));
        }
    }

    /// Waits until `txid` is on disk.
    ///
    /// # Errors
    /// If it never will be.
    pub fn sync(&self, txid: TxId) -> Result<(), LogFailed> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.when_durable(
            txid,
            Box::new(move |outcome| {
                // Nobody listens only if the thread below is gone.
                let _ = sender.send(outcome);
            }),
        );
        receiver.recv().unwrap_or_else(|_| Err(LogFailed("edit log writer is gone".into())))
    }

    /// Ends the segment and opens the next: its first transaction. It is written in the order of
    /// the edits around it; [`EditLog::sync`] or [`EditLog::when_durable`] tell when.
    pub fn roll(&self) -> TxId {
        let first = self.shared.state.lock().commit.start_segment();
        self.shared.wake.notify_one();
        first
    }

    /// The last transaction that was given a number.
    #[must_use]
    pub fn last_written(&self) -> TxId {
        self.shared.state.lock().commit.last_written()
    }

    /// The last transaction that is on disk.
    #[must_use]
    pub fn last_synced(&self) -> TxId {
        self.shared.state.lock().commit.last_synced()
    }

    /// The first transaction of the open segment.
    #[must_use]
    pub fn segment(&self) -> TxId {
        let state = self.shared.state.lock();
        state.commit.segment().unwrap_or(state.commit.last_written())
    }

    /// Writes with their syncs, since the start.
    #[must_use]
    pub fn syncs(&self) -> &Rate {
        &self.shared.syncs
    }

    /// Transactions that were synced together with one before them, since the start.
    #[must_use]
    pub fn batched(&self) -> u64 {
        self.shared.batched.load(Relaxed)
    }

    /// Why nothing is written any more, if that is so.
    #[must_use]
    pub fn failure(&self) -> Option<LogFailed> {
        self.shared.state.lock().failed.clone()
    }

    /// Whether callers should be told to come back later: the disk does not keep up.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.state.lock().commit.backlog() > self.max_backlog
    }

    /// Ends the segment, waits until everything is on disk, and stops writing.
    ///
    /// # Errors
    /// If that fails.
    pub fn close(&self) -> Result<(), LogFailed> {
        {
            let mut state = self.shared.state.lock();
            if !state.closing && state.failed.is_none() {
                state.commit.end_segment();
            }
            state.closing = true;
        }
        self.stop();
        self.failure().map_or(Ok(()), Err)
    }

    /// Writes nothing more and ends no segment, as in a crash: what waited is told so.
    pub fn abandon(&self) {
        let failure = LogFailed("The edit log was abandoned".into());
        let waiting = {
            let mut state = self.shared.state.lock();
            state.failed.get_or_insert_with(|| failure.clone());
            state.commit.take().map(|batch| state.commit.failed(batch))
        };
        self.stop();
        for waiter in waiting.into_iter().flatten() {
            waiter(Err(failure.clone()));
        }
    }

    fn stop(&self) {
        self.shared.state.lock().closing = true;
        self.shared.wake.notify_one();
        let Some(writer) = self.writer.lock().take() else { return };
        // A callback may hold the last reference: the writer ends by itself then.
        if writer.thread().id() == std::thread::current().id() {
            return;
        }
        if writer.join().is_err() {
            tracing::error!("edit log writer panicked");
        }
    }
}

impl Drop for EditLog {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    storage: Arc<StorageSet>,
    minimum: usize,
    open: Vec<OpenSegment>,
    /// What took the last directory out of use.
    last_error: Option<String>,
    fatal: Option<Fatal>,
    pace: Pace,
}

/// What the last write was like, as the next will be.
///
/// Callers who are answered together mostly come back together. A write for the first of them
/// alone would make all the others wait for two: the writer waits for them, but no longer than
/// that second write would have taken.
#[derive(Default)]
struct Pace {
    /// Callers who were answered.
    answered: usize,
    took: Duration,
}

impl Pace {
    /// The longest wait, however slow the disk.
    const PATIENCE: Duration = Duration::from_millis(1);

    /// Callers worth a write: three quarters of the last ones.
    const fn worth(&self) -> usize {
        self.answered - self.answered / 4
    }

    fn patience(&self) -> Duration {
        self.took.min(Self::PATIENCE)
    }
}

struct OpenSegment {
    directory: usize,
    required: bool,
    file: SegmentFile,
}

impl Writer {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            let began = Instant::now();
            match self.write(&batch) {
                Ok(()) => {
                    self.pace.took = began.elapsed();
                    self.shared.syncs.record(self.pace.took);
                    let released = {
                        let mut state = self.shared.state.lock();
                        let before = state.commit.last_synced().0;
                        let released = state.commit.synced(batch);
                        let together = state.commit.last_synced().0.saturating_sub(before + 1);
                        self.shared.batched.fetch_add(together, Relaxed);
                        released
                    };
                    self.pace.answered = released.len();
                    let _together = loxodon_rpc::server::together();
                    for waiter in released {
                        waiter(Ok(()));
                    }
                }
                Err(failure) => {
                    self.fail(batch, &failure);
                    return;
                }
            }
        }
    }

    fn next_batch(&mut self) -> Option<Batch<Durable>> {
        let mut state = self.shared.state.lock();
        let mut deadline = None;
        loop {
            state.wanted = None;
            if state.failed.is_some() {
                return None;
            }
            if !state.commit.has_gathered() {
                if state.closing {
                    return None;
                }
                self.shared.wake.wait(&mut state);
                continue;
            }
            let worth = self.pace.worth();
            if state.commit.waiting() >= worth || state.closing {
                return state.commit.take();
            }
            state.wanted = Some(worth);
            let until = *deadline.get_or_insert_with(|| Instant::now() + self.pace.patience());
            if self.shared.wake.wait_until(&mut state, until).timed_out() {
                self.pace.answered = 0;
            }
        }
    }

    fn fail(mut self, batch: Batch<Durable>, failure: &LogFailed) {
        tracing::error!("{failure}");
        let abandoned = {
            let mut state = self.shared.state.lock();
            state.failed = Some(failure.clone());
            state.commit.failed(batch)
        };
        // The NameNode learns first, so that nobody is told to try again on it.
        if let Some(fatal) = self.fatal.take() {
            fatal(failure);
        }
        for waiter in abandoned {
            waiter(Err(failure.clone()));
        }
    }

    fn write(&mut self, batch: &Batch<Durable>) -> Result<(), LogFailed> {
        let mut started = None;
        for piece in &batch.pieces {
            match piece {
                Piece::StartSegment { first } => {
                    self.start_segment(*first)?;
                    started = Some(*first);
                }
                Piece::Frames(frames) => {
                    self.each("write op", |segment| segment.file.write(frames))?;
                }
                Piece::EndSegment { first, last } => self.end_segment(*first, *last)?,
            }
        }
        self.sync()?;
        if let Some(first) = started {
            self.storage.record_seen(first);
        }
        Ok(())
    }

    fn start_segment(&mut self, first: TxId) -> Result<(), LogFailed> {
        tracing::info!("Starting log segment at {first}");
        self.storage.restore_failed_directories();
        let required: Vec<bool> =
            self.storage.status().iter().map(|directory| directory.settings.required).collect();
        let directories = self.storage.current_directories(|settings| settings.edits);
        let mut failures = Vec::new();
        for (directory, current) in directories {
            let required = required.get(directory).copied().unwrap_or(false);
            match SegmentFile::create(&current, first) {
                Ok(file) => self.open.push(OpenSegment { directory, required, file }),
                Err(error) => failures.push((directory, required, error)),
            }
        }
        self.judge("starting log segment", failures)
    }

    fn end_segment(&mut self, first: TxId, last: TxId) -> Result<(), LogFailed> {
        let mut failures = Vec::new();
        for segment in std::mem::take(&mut self.open) {
            let (directory, required) = (segment.directory, segment.required);
            if let Err(error) = segment.file.finish(first, last) {
                failures.push((directory, required, error));
            }
        }
        // Counted anew when the next segment starts; only a required one must not fail here.
        for (directory, required, error) in failures {
            self.storage.drop_directory(directory, &error);
            self.last_error = Some(error.to_string());
            if required {
                return Err(required_failed("finalize log segment", &error));
            }
        }
        Ok(())
    }

    /// Waits for all disks at the same time.
    fn sync(&mut self) -> Result<(), LogFailed> {
        if let [only] = self.open.as_slice() {
            let outcome = only.file.sync();
            return match outcome {
                Ok(()) => Ok(()),
                Err(error) => self.drop_failed("flush", vec![(0, error)]),
            };
        }
        let outcomes: Vec<Result<(), DiskError>> = std::thread::scope(|scope| {
            let running: Vec<_> =
                self.open.iter().map(|segment| scope.spawn(|| segment.file.sync())).collect();
            running
                .into_iter()
                .map(|sync| {
                    sync.join().unwrap_or_else(|_| {
                        Err(DiskError::Io {
                            action: "sync",
                            path: PathBuf::new(),
                            source: std::io::Error::other("panicked"),
                        })
                    })
                })
                .collect()
        });
        let failed = outcomes
            .into_iter()
            .enumerate()
            .filter_map(|(index, outcome)| outcome.err().map(|error| (index, error)))
            .collect();
        self.drop_failed("flush", failed)
    }

    /// Does the same to every open segment.
    fn each(
        &mut self,
        what: &'static str,
        mut act: impl FnMut(&mut OpenSegment) -> Result<(), DiskError>,
    ) -> Result<(), LogFailed> {
        let failed = self
            .open
            .iter_mut()
            .enumerate()
            .filter_map(|(index, segment)| act(segment).err().map(|error| (index, error)))
            .collect();
        self.drop_failed(what, failed)
    }

    /// Takes segments, given by index in ascending order, out of use.
    fn drop_failed(
        &mut self,
        what: &'static str,
        failed: Vec<(usize, DiskError)>,
    ) -> Result<(), LogFailed> {
        if failed.is_empty() {
            return Ok(());
        }
        let mut failures = Vec::new();
        for (index, error) in failed.into_iter().rev() {
            let segment = self.open.remove(index);
            failures.push((segment.directory, segment.required, error));
        }
        self.judge(what, failures)
    }

    /// Whether what is left is enough to go on (`JournalSet.mapJournalsAndReportErrors`).
    fn judge(
        &mut self,
        what: &str,
        failures: Vec<(usize, bool, DiskError)>,
    ) -> Result<(), LogFailed> {
        for (directory, required, error) in failures {
            self.storage.drop_directory(directory, &error);
            if required {
                return Err(required_failed(what, &error));
            }
            self.last_error = Some(error.to_string());
        }
        let redundant = self.open.iter().filter(|segment| !segment.required).count();
        let only_required = redundant == 0 && !self.open.is_empty();
        if redundant >= self.minimum || only_required {
            return Ok(());
        }
        let reason = self.last_error.as_deref().unwrap_or("no edits directory is usable");
        Err(LogFailed(format!("Error: {what} failed for too many journals: {reason}").into()))
    }
}

fn required_failed(what: &str, error: &DiskError) -> LogFailed {
    LogFailed(format!("Error: {what} failed for required journal: {error}").into())
}
