//! What the JobTracker's doors, timers and pages share: the machine, and who carries out what it
//! wants done.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::fs::{FileSystem, FileSystems, Path};
use loxodon_mapreduce::job::{Caller, JobId};
use loxodon_mapreduce::jobtracker::{Action, Effect, HeartbeatAnswer, JobTracker};
use loxodon_mapreduce::protocol::HeartbeatResponse;
use loxodon_namenode::users::GroupSource;
use loxodon_rpc::server::{Responder, ServiceAccess};
use loxodon_wire::rpc::RemoteError;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};

use super::hosts::Hosts;
use super::journal::{JournalDisk, Note};
use super::settings::ShellSettings;
use super::submit::Submissions;
use crate::daemon::history::DoneIndex;
use crate::daemon::namenode::{ConfiguredGroups, ProxyUsers, Racks};
use crate::daemon::services;

/// How long news that nobody waits for gather before a held heartbeat takes them along.
const GATHER: Duration = Duration::from_millis(20);
/// Users whose connections to file systems are kept.
const MOST_USERS: usize = 64;

/// A heartbeat that waits for something to say.
pub(super) struct Held {
    /// Which of this tracker's it is.
    pub(super) number: u64,
    /// What is answered if nothing comes.
    pub(super) empty: HeartbeatAnswer,
    pub(super) cursors: Vec<(JobId, u32)>,
    pub(super) reply: Responder,
}

/// The shared part of one JobTracker.
pub(super) struct Hub {
    pub(super) settings: ShellSettings,
    pub(super) conf: Configuration,
    pub(super) machine: Mutex<JobTracker>,
    /// Heartbeats that are being held, by tracker. Locked after the machine, never before.
    pub(super) held: Mutex<HashMap<Arc<str>, Held>>,
    journals: Mutex<HashMap<JobId, mpsc::UnboundedSender<Note>>>,
    pub(super) system_dir: Path,
    pub(super) journal_disk: JournalDisk,
    pub(super) racks: Racks,
    pub(super) hosts: Mutex<Hosts>,
    /// Who may speak for others. Replaced whole: nobody holds the lock while groups are looked up.
    pub(super) proxy_users: Mutex<Arc<ProxyUsers>>,
    /// Jobs that are being submitted.
    pub(super) submissions: Submissions,
    /// Who may speak which protocol, if that is checked.
    pub(super) services: Option<ServiceAccess>,
    pub(super) done: DoneIndex,
    own_files: FileSystems,
    files: Mutex<HashMap<String, FileSystems>>,
    groups: Mutex<HashMap<String, (Instant, Vec<String>)>>,
    group_source: ConfiguredGroups,
    pub(super) runtime: Handle,
    /// The machine's next timer may have changed.
    pub(super) timer: Notify,
    is_stopped: AtomicBool,
    /// When this start was, by both clocks.
    began: (i64, Instant),
}

impl Hub {
    pub(super) fn new(
        settings: ShellSettings,
        conf: Configuration,
        machine: JobTracker,
        racks: Racks,
        (hosts, proxy_users): (Hosts, ProxyUsers),
        own_files: FileSystems,
        group_source: ConfiguredGroups,
    ) -> Result<Self> {
        let system_dir = own_files.path(&settings.system_dir)?;
        let services = ServiceAccess::from_conf(&conf, &services::MAPREDUCE)?;
        let journal_disk = JournalDisk::of(&conf, &system_dir)?;
        let history = &settings.history;
        let done = DoneIndex::new(own_files.clone(), history.done_dir.clone(), history.listed);
        Ok(Self {
            settings,
            conf,
            system_dir,
            journal_disk,
            machine: Mutex::new(machine),
            held: Mutex::default(),
            journals: Mutex::default(),
            racks,
            hosts: Mutex::new(hosts),
            proxy_users: Mutex::new(Arc::new(proxy_users)),
            submissions: Submissions::default(),
            services,
            done,
            own_files,
            files: Mutex::default(),
            groups: Mutex::default(),
            group_source,
            runtime: Handle::current(),
            timer: Notify::new(),
            is_stopped: AtomicBool::new(false),
            began: (wall(), Instant::now()),
        })
    }

    /// Milliseconds since 1970, by a clock that never goes back and is not set while it runs.
    pub(super) fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.began.1.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began.0.saturating_add(elapsed)
    }

    /// Port of the pages, as it was configured.
    pub(super) fn http_port(&self) -> &str {
        self.settings.http.rsplit(':').next().unwrap_or_default()
    }

    /// When this JobTracker started, in milliseconds since 1970.
    pub(super) const fn started(&self) -> i64 {
        self.began.0
    }

    /// Does something with the machine, and sees to it that what it wants done is done.
    pub(super) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut JobTracker) -> T) -> T {
        let (result, wakes) = self.locked(act);
        // A woken tracker takes tasks, which may wake others in turn.
        let mut waiting = wakes;
        while let Some((tracker, urgent)) = waiting.pop() {
            if urgent {
                waiting.extend(self.answer_held(&tracker));
            } else {
                let hub = Arc::clone(self);
                self.runtime.spawn(async move {
                    tokio::time::sleep(GATHER).await;
                    let mut waiting = hub.answer_held(&tracker);
                    while let Some((tracker, _)) = waiting.pop() {
                        waiting.extend(hub.answer_held(&tracker));
                    }
                });
            }
        }
        result
    }

    /// What the machine wants done is handed on while it is locked, so that it stays in order; who is to
    /// be woken comes back.
    fn locked<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut JobTracker) -> T,
    ) -> (T, Vec<(Arc<str>, bool)>) {
        let mut machine = self.machine.lock();
        let before = machine.next_timer();
        let result = act(&mut machine);
        let mut wakes = Vec::new();
        for effect in machine.take_effects() {
            match effect {
                Effect::Journal { job, event } => self.note(job, Note::Event(event)),
                Effect::JobOver(finished) => {
                    let job = finished.job.clone();
                    tracing::info!("{job} is over: {}", finished.state);
                    self.note(job.clone(), Note::Over(finished));
                    self.journals.lock().remove(&job);
                }
                Effect::Wake { tracker, urgent } => wakes.push((tracker, urgent)),
                Effect::Retired { job } => tracing::debug!("{job} is retired"),
            }
        }
        if machine.next_timer() != before {
            self.timer.notify_one();
        }
        (result, wakes)
    }

    /// Lets go of what waits: heartbeats and journals end where they are.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.held.lock().clear();
        self.journals.lock().clear();
    }

    fn note(self: &Arc<Self>, job: JobId, note: Note) {
        let mut journals = self.journals.lock();
        if self.is_stopped.load(Ordering::Relaxed) {
            return;
        }
        let journal = journals
            .entry(job)
            .or_insert_with_key(|job| super::journal::begin(Arc::clone(self), job.clone(), None));
        // One whose task has ended was given up and said so.
        let _ = journal.send(note);
    }

    /// Hears when everything that happened to a job up to now survives a crash, or is let go where it never will;
    /// nothing of one that is over.
    pub(super) fn durable(&self, job: &JobId) -> Option<oneshot::Receiver<()>> {
        let (told, durable) = oneshot::channel();
        let journals = self.journals.lock();
        // One whose task has ended was given up and said so.
        let _ = journals.get(job)?.send(Note::Durable(told));
        Some(durable)
    }

    /// Answers a heartbeat. A commit is granted only once the journal says whose attempt it is, so that the next
    /// JobTracker knows whom to wait for; without a journal it is not granted.
    pub(super) fn reply(self: &Arc<Self>, reply: Responder, mut answer: HeartbeatAnswer) {
        let granted = answer.actions.iter().filter_map(|action| match action {
            Action::Commit(attempt) => Some(attempt.job().clone()),
            _ => None,
        });
        let mut waits = Vec::new();
        for job in granted {
            waits.extend(self.durable(&job).map(|durable| (job, durable)));
        }
        if waits.is_empty() {
            return reply.reply(&HeartbeatResponse::from(answer));
        }
        self.runtime.spawn(async move {
            for (job, durable) in waits {
                if durable.await.is_err() {
                    let of_it = |a: &Action| matches!(a, Action::Commit(id) if *id.job() == job);
                    answer.actions.retain(|action| !of_it(action));
                }
            }
            reply.reply(&HeartbeatResponse::from(answer));
        });
    }

    /// Goes on with the journal of a job from an earlier start.
    pub(super) fn adopt(self: &Arc<Self>, job: &JobId, earlier: super::journal::Earlier) {
        let journal = super::journal::begin(Arc::clone(self), job.clone(), Some(earlier));
        self.journals.lock().insert(job.clone(), journal);
    }

    /// Answers a held heartbeat, if there is something to say; gives who is to be woken then.
    fn answer_held(self: &Arc<Self>, tracker: &Arc<str>) -> Vec<(Arc<str>, bool)> {
        let now = self.now();
        let mut said = None;
        let ((), wakes) = self.locked(|machine| {
            let mut all = self.held.lock();
            let Some(held) = all.get(tracker) else { return };
            if let Some(answer) = machine.collect(now, tracker, &held.cursors) {
                said = all.remove(tracker).map(|held| (held.reply, answer));
            }
        });
        if let Some((reply, answer)) = said {
            self.reply(reply, answer);
        }
        wakes
    }

    /// Holds a heartbeat until there is something to say, or its tracker's interval is over. The machine
    /// must be locked. The one that was held before comes back.
    pub(super) fn hold(self: &Arc<Self>, tracker: Arc<str>, held: Held) -> Option<Held> {
        let number = held.number;
        let wait = Duration::from_millis(u64::try_from(held.empty.interval).unwrap_or(3000));
        let before = self.held.lock().insert(tracker.clone(), held);
        let hub = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            let mut all = hub.held.lock();
            if all.get(&tracker).is_some_and(|held| held.number == number) {
                let held = all.remove(&tracker);
                drop(all);
                if let Some(held) = held {
                    held.reply.reply(&HeartbeatResponse::from(held.empty));
                }
            }
        });
        before
    }

    /// The JobTracker's own view of the file systems.
    pub(super) fn files(&self) -> &FileSystems {
        &self.own_files
    }

    /// A path of the JobTracker's, with its file system. Blocks.
    pub(super) fn place(&self, path: &str) -> Result<(Arc<dyn FileSystem>, Path)> {
        let path = self.own_files.path(path)?;
        Ok((self.own_files.get(&path)?, path))
    }

    /// A user's view of the file systems.
    pub(super) fn files_of(&self, user: &str) -> Result<FileSystems> {
        let mut all = self.files.lock();
        if let Some(files) = all.get(user) {
            return Ok(files.clone());
        }
        if all.len() >= MOST_USERS {
            all.clear();
        }
        let files = FileSystems::new(&self.conf, UserIdentity::new(user))?;
        all.insert(user.to_owned(), files.clone());
        Ok(files)
    }

    /// Who calls; `None` where his groups must be looked up, which may take long.
    pub(super) fn known_caller(&self, user: &str) -> Option<Caller> {
        if !self.settings.acls {
            return Some(Caller::named(user));
        }
        let groups = self.groups.lock();
        let (since, groups) = groups.get(user)?;
        (since.elapsed() < self.settings.groups_kept)
            .then(|| Caller { user: user.to_owned(), groups: groups.clone() })
    }

    /// Who calls, with his groups. Blocks.
    pub(super) fn caller(&self, user: &str) -> Caller {
        if let Some(known) = self.known_caller(user) {
            return known;
        }
        Caller { user: user.to_owned(), groups: self.groups_of(user) }
    }

    /// A user's groups, looked up where that was not done lately. Blocks.
    pub(super) fn groups_of(&self, user: &str) -> Vec<String> {
        if let Some((since, groups)) = self.groups.lock().get(user)
            && since.elapsed() < self.settings.groups_kept
        {
            return groups.clone();
        }
        let found = self.group_source.groups_of(user);
        let mut groups = self.groups.lock();
        if groups.len() >= 10_000 {
            groups.clear();
        }
        groups.insert(user.to_owned(), (Instant::now(), found.clone()));
        found
    }

    /// Forgets which groups users are in (`refreshUserToGroupsMappings`).
    pub(super) fn forget_groups(&self) {
        self.groups.lock().clear();
    }
}

/// Milliseconds since 1970, as the system's clock has it.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// An error of files or configuration, as clients get it.
pub(super) fn remote(error: &loxodon_mapreduce::error::Error) -> RemoteError {
    RemoteError::new(error.java_class().to_owned(), error.to_string())
}
