//! The journals of running jobs: each job's history file, written while it happens, so that another
//! JobTracker can go on from it.
//!
//! A journal is `<system dir>/<job>/<job>_<n>.jhist`. Where it cannot be written on, or after a restart, the
//! next one begins with what the last had for certain.

use std::sync::Arc;
use std::time::Duration;

use loxodon_client::{Client, CreateOptions, FileWriter, UserIdentity};
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::Path;
use loxodon_mapreduce::history::{HistoryEvent, file_header, write_event};
use loxodon_mapreduce::job::JobId;
use loxodon_mapreduce::jobtracker::FinishedJob;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use super::hub::Hub;

/// Events that are written together at most.
const TOGETHER: usize = 4096;
/// Copied at once, in bytes.
const PIECE: usize = 1 << 20;
/// After the first failure; doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Only the JobTracker reads journals.
const PERMISSION: u16 = 0o600;

/// What the task of a journal is told.
pub(super) enum Note {
    /// Something happened.
    Event(Box<HistoryEvent>),
    /// The job is over.
    Over(Box<FinishedJob>),
    /// Somebody waits until everything before this survives a crash; he is let go where it never will.
    Durable(oneshot::Sender<()>),
}

/// The journal of an earlier JobTracker.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    /// The file.
    pub(super) path: Path,
    /// Bytes up to the end of its last whole event.
    pub(super) length: u64,
    /// The number of the next file.
    pub(super) next: u32,
}

/// Where journals are written.
#[derive(Clone, Debug)]
pub(super) enum JournalDisk {
    Hdfs(Client),
    Local,
}

impl JournalDisk {
    /// The file system of the system directory.
    ///
    /// # Errors
    /// One that is neither HDFS nor local.
    pub(super) fn of(conf: &Configuration, system_dir: &Path) -> Result<Self> {
        match system_dir.scheme.as_deref() {
            Some("hdfs") => {
                let uri = format!("hdfs://{}", system_dir.authority.as_deref().unwrap_or(""));
                let user = UserIdentity::new(crate::daemon::process_user());
                Ok(Self::Hdfs(Client::connect(conf, &uri, user)?))
            }
            Some("file") => Ok(Self::Local),
            _ => Err(Error::argument(format!(
                "mapreduce.jobtracker.system.dir is {system_dir}, which is neither hdfs: nor file:"
            ))),
        }
    }
}

/// An open file.
enum Sink {
    Hdfs(Box<FileWriter>),
    Local(tokio::fs::File),
}

impl Sink {
    async fn create(disk: &JournalDisk, path: &Path) -> Result<Self> {
        match disk {
            JournalDisk::Hdfs(client) => {
                let mut options = CreateOptions::default().overwrite(true);
                options.permission = PERMISSION;
                Ok(Self::Hdfs(Box::new(client.create(&path.path, options).await?)))
            }
            JournalDisk::Local => {
                let file = tokio::fs::File::create(&path.path).await;
                Ok(Self::Local(file.map_err(|e| Error::system(format!("creating {path}"), &e))?))
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Hdfs(writer) => Ok(writer.write_all(bytes).await?),
            Self::Local(file) => Ok(file.write_all(bytes).await?),
        }
    }

    /// What was written survives this process.
    async fn flush(&mut self) -> Result<()> {
        match self {
            Self::Hdfs(writer) => Ok(writer.hflush().await?),
            Self::Local(file) => Ok(file.flush().await?),
        }
    }

    async fn close(mut self) -> Result<()> {
        match &mut self {
            Self::Hdfs(writer) => Ok(writer.close().await?),
            Self::Local(file) => Ok(file.flush().await?),
        }
    }

    /// Copies the first `length` bytes of a file here.
    async fn copy(&mut self, disk: &JournalDisk, path: &Path, length: u64) -> Result<()> {
        let mut left = length;
        match disk {
            JournalDisk::Hdfs(client) => {
                let mut reader = client.open(&path.path).await?;
                while left > 0 {
                    let most = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
                    let piece = reader.read_bytes(most).await?;
                    if piece.is_empty() {
                        return Err(Error::io(format!("{path} ends before byte {length}")));
                    }
                    left = left.saturating_sub(piece.len() as u64);
                    self.write(&piece).await?;
                }
            }
            JournalDisk::Local => {
                let mut file = tokio::fs::File::open(&path.path).await?.take(length);
                let mut piece = vec![0; PIECE];
                while left > 0 {
                    let count = file.read(&mut piece).await?;
                    if count == 0 {
                        return Err(Error::io(format!("{path} ends before byte {length}")));
                    }
                    left = left.saturating_sub(count as u64);
                    self.write(piece.get(..count).unwrap_or_default()).await?;
                }
            }
        }
        Ok(())
    }
}

/// A job's directory below the system directory.
pub(super) fn directory(system_dir: &Path, job: &JobId) -> Path {
    system_dir.child(&job.to_string())
}

/// The number in a journal's name.
pub(super) fn number_of(job: &JobId, file_name: &str) -> Option<u32> {
    let rest = file_name.strip_prefix(&format!("{job}_"))?;
    rest.strip_suffix(".jhist")?.parse().ok()
}

/// Begins to write a job's journal; what is sent comes into it in order.
pub(super) fn begin(
    hub: Arc<Hub>,
    job: JobId,
    earlier: Option<Earlier>,
) -> mpsc::UnboundedSender<Note> {
    let (send, receive) = mpsc::unbounded_channel();
    let runtime = hub.runtime.clone();
    runtime.spawn(keep(hub, job, earlier, receive));
    send
}

async fn keep(
    hub: Arc<Hub>,
    job: JobId,
    earlier: Option<Earlier>,
    mut receive: mpsc::UnboundedReceiver<Note>,
) {
    let mut journal = Journal {
        directory: directory(&hub.system_dir, &job),
        hub: Arc::clone(&hub),
        job,
        sink: None,
        next: earlier.as_ref().map_or(1, |earlier| earlier.next),
        last: earlier.map(|earlier| (earlier.path, earlier.length)),
        buffer: Vec::new(),
        given_up: false,
    };
    let mut notes = Vec::new();
    while receive.recv_many(&mut notes, TOGETHER).await > 0 {
        let (mut over, mut waiting) = (None, Vec::new());
        for note in notes.drain(..) {
            match note {
                Note::Event(event) => write_event(&mut journal.buffer, &event),
                Note::Over(finished) => over = Some(finished),
                Note::Durable(told) => waiting.push(told),
            }
        }
        journal.flush().await;
        // Of a journal that was given up nothing more is durable: nobody is told so.
        for told in waiting.into_iter().filter(|_| !journal.given_up) {
            // Whoever has gone need not know.
            let _ = told.send(());
        }
        if let Some(finished) = over {
            let path = journal.close().await;
            super::archive::put_away(&hub, *finished, path).await;
            return;
        }
    }
}

struct Journal {
    hub: Arc<Hub>,
    job: JobId,
    directory: Path,
    sink: Option<Sink>,
    /// The number of the next file.
    next: u32,
    /// The last file, and how much of it is there for certain.
    last: Option<(Path, u64)>,
    buffer: Vec<u8>,
    given_up: bool,
}

impl Journal {
    /// Writes what is waiting; begins anew where that fails. A job whose journal is given up fails: another
    /// JobTracker could not know which of its attempts may commit.
    async fn flush(&mut self) {
        let mut pause = PAUSE;
        let attempts = self.hub.settings.journal_attempts;
        for attempt in 1..=attempts {
            if self.given_up || self.buffer.is_empty() {
                break;
            }
            let Err(error) = self.try_flush().await else { break };
            self.sink = None;
            if attempt == attempts {
                self.give_up(&error);
            } else {
                tracing::warn!("the journal of {} cannot be written: {error}", self.job);
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
        self.buffer.clear();
    }

    fn give_up(&mut self, error: &Error) {
        self.given_up = true;
        let why = format!("The job's journal in {} cannot be written: {error}", self.directory);
        tracing::error!("{} fails. {why}", self.job);
        let now = self.hub.now();
        self.hub.with(|machine| machine.fail_job(now, &self.job, &why));
    }

    async fn try_flush(&mut self) -> Result<()> {
        if self.sink.is_none() {
            self.begin_file().await?;
        }
        let (Some(sink), Some((_, length))) = (&mut self.sink, &mut self.last) else {
            return Ok(());
        };
        sink.write(&self.buffer).await?;
        sink.flush().await?;
        *length = length.saturating_add(self.buffer.len() as u64);
        self.buffer.clear();
        Ok(())
    }

    async fn begin_file(&mut self) -> Result<()> {
        let disk = &self.hub.journal_disk;
        let path = self.directory.child(&format!("{}_{}.jhist", self.job, self.next));
        self.next = self.next.saturating_add(1);
        let mut sink = Sink::create(disk, &path).await?;
        let length = match &self.last {
            Some((last, length)) if *length > 0 => {
                sink.copy(disk, last, *length).await?;
                *length
            }
            _ => {
                let header = file_header();
                sink.write(header.as_bytes()).await?;
                header.len() as u64
            }
        };
        sink.flush().await?;
        if let Some((last, _)) = self.last.replace((path, length)) {
            let hub = Arc::clone(&self.hub);
            let removed = move || hub.files().get(&last)?.delete(&last, false);
            if let Ok(Err(error)) = tokio::task::spawn_blocking(removed).await {
                tracing::warn!("an old journal of {} stays: {error}", self.job);
            }
        }
        self.sink = Some(sink);
        Ok(())
    }

    /// Ends the file; where it is, if it is worth keeping.
    async fn close(mut self) -> Option<Path> {
        if let Some(sink) = self.sink.take()
            && let Err(error) = sink.close().await
        {
            tracing::warn!("the journal of {} was not closed: {error}", self.job);
        }
        if self.given_up {
            return None;
        }
        self.last.map(|(path, _)| path)
    }
}
