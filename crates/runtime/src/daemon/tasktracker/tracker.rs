//! What the tracker's tasks, timers and doors share, and how orders are carried out.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::{FileSystems, Path as Location};
use loxodon_mapreduce::job::{AttemptId, JobId};
use loxodon_mapreduce::jobtracker::Launch;
use loxodon_mapreduce::protocol::TaskSpec;
use loxodon_mapreduce::settings::Settings as _;
use loxodon_mapreduce::shuffle::server::IndexCache;
use loxodon_mapreduce::tasktracker::{Ending, Order, TaskTracker};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::attempt::{self, Running, Slot};
use super::cache::{self, Cache};
use super::control_group::{ControlGroup, ControlGroups, Limits};
use super::files::{LocalDirectories, remove_tree};
use super::settings::TaskTrackerSettings;
use super::shuffle::Outputs;
use super::{debug_script, now, process};

/// The job's own program where it is this one.
const BUILT_IN: &str = "loxodon";
/// Key of a job's program.
const PROGRAM: &str = "loxodon.job.program";
/// How long the removal of a job waits for its processes to be gone.
const GONE: Duration = Duration::from_secs(10);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(20);

/// A job's files on this machine.
pub(super) struct JobFiles {
    pub(super) conf: Configuration,
    pub(super) job_xml: PathBuf,
    pub(super) program: PathBuf,
    pub(super) links: Vec<(String, PathBuf)>,
}

impl JobFiles {
    fn are_there(&self) -> bool {
        let links = self.links.iter().map(|(_, target)| target);
        [&self.job_xml, &self.program].into_iter().chain(links).all(|path| path.exists())
    }
}

/// A job of which something runs or lies here.
struct Job {
    user: Arc<str>,
    key: Arc<[u8]>,
    /// Filled once; whoever comes meanwhile waits.
    files: Mutex<Option<Arc<JobFiles>>>,
}

/// One tracker.
pub(super) struct Tracker {
    pub(super) settings: TaskTrackerSettings,
    pub(super) conf: Configuration,
    pub(super) host: String,
    pub(super) http_port: u16,
    /// Where tasks find it, and from where they come.
    pub(super) umbilical: String,
    pub(super) report_ip: IpAddr,
    pub(super) directories: Arc<LocalDirectories>,
    /// Where the system lets attempts have some.
    pub(super) groups: Option<ControlGroups>,
    pub(super) cache: Cache,
    pub(super) indexes: Arc<IndexCache>,
    pub(super) machine: Mutex<TaskTracker>,
    pub(super) running: Mutex<HashMap<Slot, (Running, i64)>>,
    jobs: Mutex<HashMap<JobId, Arc<Job>>>,
    /// Jobs of which everything is being removed.
    removing: Mutex<HashSet<JobId>>,
    /// What the health script says; empty where all is well.
    pub(super) health: Mutex<String>,
    /// A heartbeat should not wait.
    pub(super) urgent: Notify,
    /// Something came that a held question waits for.
    pub(super) news: Notify,
}

impl Tracker {
    #[expect(clippy::too_many_arguments, reason = "the parts of one start, each of its own type")]
    pub(super) fn new(
        settings: TaskTrackerSettings,
        conf: Configuration,
        http_port: u16,
        umbilical: String,
        report_ip: IpAddr,
        directories: Arc<LocalDirectories>,
        indexes: Arc<IndexCache>,
        machine: TaskTracker,
    ) -> Self {
        Self {
            host: settings.host.clone(),
            groups: ControlGroups::open(&settings.control_group, &directories.mark()),
            cache: Cache::new(Arc::clone(&directories), settings.cache_room),
            settings,
            conf,
            http_port,
            umbilical,
            report_ip,
            directories,
            indexes,
            machine: Mutex::new(machine),
            running: Mutex::default(),
            jobs: Mutex::default(),
            removing: Mutex::default(),
            health: Mutex::default(),
            urgent: Notify::new(),
            news: Notify::new(),
        }
    }

    /// Does something with the machine; a heartbeat goes out at once where that is called for.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut TaskTracker) -> T) -> T {
        let mut machine = self.machine.lock();
        let result = act(&mut machine);
        if machine.take_urgent() {
            self.urgent.notify_one();
        }
        result
    }

    /// Which process of an attempt there is: its own, or the clean-up after it.
    pub(super) fn slot(&self, id: &AttemptId) -> Slot {
        let running = self.running.lock();
        let cleans = running.contains_key(&(id.clone(), true));
        let is_cleanup = cleans && !running.contains_key(&(id.clone(), false));
        (id.clone(), is_cleanup)
    }

    pub(super) fn is_running(&self, slot: &Slot) -> bool {
        self.running.lock().get(slot).is_some_and(|(running, _)| running.ending.is_none())
    }

    /// When an attempt last showed that it gets on: now, unless its report says that it does not.
    pub(super) fn heard(&self, slot: &Slot, idle: bool) -> i64 {
        let now = now();
        match self.running.lock().get_mut(slot) {
            Some((_, heard)) if idle => *heard,
            Some((_, heard)) => {
                *heard = now;
                now
            }
            None => now,
        }
    }

    /// What an attempt's process is to run; nothing where it is to end.
    pub(super) fn spec(&self, slot: &Slot) -> Option<TaskSpec> {
        let running = self.running.lock();
        let (running, _) = running.get(slot)?;
        running.spec.clone().filter(|_| running.ending.is_none())
    }

    /// Carries orders out; nothing here waits.
    pub(super) fn perform(self: &Arc<Self>, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Start(launch) => self.launch(*launch),
                Order::Kill { attempt, is_cleanup, reason } => {
                    self.end(&(attempt, is_cleanup), &reason);
                }
                Order::RemoveAttempt(id) => self.remove_attempt(id),
                Order::RemoveJob(job) => self.remove_job(job),
                Order::CommitGranted(_) => {}
                Order::Reset => self.reset(),
            }
        }
        self.news.notify_waiters();
    }

    fn launch(self: &Arc<Self>, launch: Launch) {
        let id = launch.attempt.clone();
        let slot = (id.clone(), launch.is_cleanup);
        let memory = launch.size.memory_mb.saturating_mul(1 << 20);
        let running = Running { memory, ..Running::default() };
        self.running.lock().insert(slot, (running, now()));
        tracing::info!("{id} is launched for {}", launch.user);
        let tracker = Arc::clone(self);
        tokio::spawn(async move { tracker.run(launch).await });
    }

    /// One attempt from its launch to the end of its last process.
    async fn run(self: Arc<Self>, launch: Launch) {
        let slot: Slot = (launch.attempt.clone(), launch.is_cleanup);
        let ending = match self.start(&launch, &slot).await {
            Ok((child, prepared, group)) => {
                let mark = attempt::mark(&slot.0, slot.1);
                let (ending, out_of_memory) = attempt::wait(child, &prepared, &mark, group).await;
                if out_of_memory {
                    let text = format!(
                        "Task {} is running beyond physical memory limits: the system ended it at {} MB.",
                        slot.0, launch.size.memory_mb
                    );
                    self.with(|machine| machine.diagnose(&slot.0, slot.1, &text));
                }
                if !matches!(ending, Ending::Code(0)) {
                    self.debug(&slot, &prepared, &mark).await;
                    let words = attempt::last_words(&prepared.spec.log_dir);
                    if !words.is_empty() {
                        self.with(|machine| machine.diagnose(&slot.0, slot.1, &words));
                    }
                }
                ending
            }
            Err(error) => Ending::NotStarted(error.to_string()),
        };
        tracing::info!("{}{} ended: {ending:?}", slot.0, if slot.1 { " (clean-up)" } else { "" });
        self.running.lock().remove(&slot);
        let orders = self.with(|machine| machine.exited(&slot.0, slot.1, &ending));
        self.perform(orders);
    }

    /// Runs the job's script for an attempt that failed, unless somebody has ended it.
    async fn debug(&self, slot: &Slot, prepared: &attempt::Prepared, mark: &str) {
        let Some(script) = &prepared.debug_script else { return };
        let is_ended = |(running, _): &(Running, _)| running.ending.is_some();
        if self.running.lock().get(slot).is_none_or(is_ended) {
            return;
        }
        let words = debug_script::run(script, prepared, mark).await;
        if !words.is_empty() {
            self.with(|machine| machine.diagnose(&slot.0, slot.1, &words));
        }
    }

    async fn start(
        self: &Arc<Self>,
        launch: &Launch,
        slot: &Slot,
    ) -> Result<(tokio::process::Child, attempt::Prepared, Option<ControlGroup>)> {
        self.admit(launch).await;
        let (tracker, own) = (Arc::clone(self), launch.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            let files = tracker.job_files(&own)?;
            attempt::prepare(&tracker, &own, &files)
        });
        let prepared = prepared.await.map_err(|e| Error::io(e.to_string()))??;
        // Under the lock: whoever wants to end it either comes before, or finds the group.
        let mut all = self.running.lock();
        let (running, heard) = all
            .get_mut(slot)
            .filter(|(running, _)| running.ending.is_none())
            .ok_or_else(|| Error::io("it was told to end before it began"))?;
        running.spec = Some(prepared.spec.clone());
        running.timeout = prepared.timeout;
        *heard = now();
        let child = attempt::start(&prepared, &self.umbilical, &slot.0.to_string())?;
        running.group = child.id().and_then(|id| i32::try_from(id).ok());
        // It starts nothing before it has heard what to run, which waits for this lock.
        let group = child.id().and_then(|id| self.confine(launch, slot, id));
        drop(all);
        Ok((child, prepared, group))
    }

    /// Puts an attempt's process into a control group of its own, where there are any.
    fn confine(&self, launch: &Launch, slot: &Slot, process: u32) -> Option<ControlGroup> {
        let limits = Limits {
            memory: match self.settings.memory_is_limited {
                true => launch.size.memory_mb.saturating_mul(1 << 20),
                false => 0,
            },
            processes: self.settings.most_processes,
            cores: launch.size.cores,
        };
        let groups = self.groups.as_ref()?;
        let confined = groups.create(&attempt::mark(&slot.0, slot.1), &limits).and_then(|group| {
            group.admit(process)?;
            Ok(group)
        });
        match confined {
            Ok(group) => Some(group),
            Err(error) => {
                tracing::warn!("{} has no control group: {error}", slot.0);
                None
            }
        }
    }

    /// Makes a place for the attempt's job, once what was left of an earlier one is removed.
    async fn admit(&self, launch: &Launch) {
        let id = launch.attempt.job();
        while self.removing.lock().contains(id) {
            tokio::time::sleep(LOOK).await;
        }
        self.jobs.lock().entry(id.clone()).or_insert_with(|| {
            let (user, key) = (Arc::clone(&launch.user), Arc::clone(&launch.job_token));
            Arc::new(Job { user, key, files: Mutex::default() })
        });
    }

    /// A job's files, brought here by whoever comes first. Blocks.
    fn job_files(&self, launch: &Launch) -> Result<Arc<JobFiles>> {
        let id = launch.attempt.job();
        let job = self.jobs.lock().get(id).cloned();
        let job = job.ok_or_else(|| Error::io(format!("{id} is over")))?;
        let mut files = job.files.lock();
        // A disk may have gone with them.
        if let Some(files) = files.as_ref().filter(|files| files.are_there()) {
            return Ok(Arc::clone(files));
        }
        let fresh = Arc::new(self.fetch(launch)?);
        *files = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    fn fetch(&self, launch: &Launch) -> Result<JobFiles> {
        let id = launch.attempt.job();
        let source = FileSystems::new(&self.conf, UserIdentity::new(launch.user.to_string()))?;
        let directories = self.directories.of_job(&launch.user, id);
        let own = attempt::roomiest(&directories, 0)?;
        let job_xml = own.join("job.xml");
        let from = source.path(&launch.job_dir)?.child("job.xml");
        place(&source, &from, &job_xml)?;
        let mut conf = Configuration::new();
        conf.load_file(&job_xml)?;
        let program = match conf.get_text(PROGRAM)? {
            Some(name) if name != BUILT_IN => {
                let from = source.path(&name)?;
                let to = own.join("program");
                place(&source, &from, &to)?;
                to
            }
            _ => std::env::current_exe()
                .map_err(|e| Error::system("finding this program's own file", &e))?,
        };
        let mut links = Vec::new();
        for wanted in cache::wanted(&conf)? {
            let path = self.cache.bring(&wanted, id, &launch.user, &source)?;
            links.push((wanted.link, path));
        }
        Ok(JobFiles { conf, job_xml, program, links })
    }

    /// Ends an attempt's processes; one that has none yet never gets one.
    pub(super) fn end(&self, slot: &Slot, reason: &Arc<str>) {
        let group = match self.running.lock().get_mut(slot) {
            Some((running, _)) => {
                running.ending = Some(Arc::clone(reason));
                running.group
            }
            None => return,
        };
        tracing::info!("{} is ended: {reason}", slot.0);
        if let Some(group) = group {
            let mark = attempt::mark(&slot.0, slot.1);
            tokio::spawn(async move { process::end(group, &mark).await });
        }
    }

    fn user_of(&self, job: &JobId) -> Option<Arc<str>> {
        self.jobs.lock().get(job).map(|job| Arc::clone(&job.user))
    }

    fn remove_attempt(&self, id: AttemptId) {
        let Some(user) = self.user_of(id.job()) else { return };
        let mut directories = self.directories.anywhere_of_attempt(&user, &id, false);
        directories.extend(self.directories.anywhere_of_attempt(&user, &id, true));
        tokio::task::spawn_blocking(move || directories.iter().for_each(|dir| remove_tree(dir)));
    }

    fn remove_job(self: &Arc<Self>, job: JobId) {
        let Some(user) = self.user_of(&job) else { return };
        if !self.removing.lock().insert(job.clone()) {
            return;
        }
        // Those that run now; an attempt of the same job that comes later waits for the removal.
        let before: Vec<Slot> = {
            let running = self.running.lock();
            running.keys().filter(|(id, _)| *id.job() == job).cloned().collect()
        };
        let tracker = Arc::clone(self);
        tokio::spawn(async move {
            let end = tokio::time::Instant::now() + GONE;
            let left = || before.iter().any(|slot| tracker.running.lock().contains_key(slot));
            while tokio::time::Instant::now() < end && left() {
                tokio::time::sleep(LOOK).await;
            }
            tracker.jobs.lock().remove(&job);
            tracker.indexes.forget(&job);
            let directories = tracker.directories.anywhere_of_job(&user, &job);
            let own = Arc::clone(&tracker);
            let id = job.clone();
            let removed = tokio::task::spawn_blocking(move || {
                own.cache.release(&id);
                directories.iter().for_each(|dir| remove_tree(dir));
            });
            let _: std::result::Result<(), _> = removed.await;
            tracker.removing.lock().remove(&job);
        });
    }

    /// Ends everything and removes every job.
    fn reset(self: &Arc<Self>) {
        tracing::warn!("the JobTracker counts this tracker as lost: everything is ended");
        let slots: Vec<Slot> = self.running.lock().keys().cloned().collect();
        let reason: Arc<str> = "The tracker begins anew".into();
        for slot in &slots {
            self.end(slot, &reason);
        }
        let jobs: Vec<JobId> = self.jobs.lock().keys().cloned().collect();
        for job in jobs {
            self.remove_job(job);
        }
    }
}

/// Copies a file of a job here, whole at once: tasks may read, or be, the one that is there. It can be started.
fn place(files: &FileSystems, from: &Location, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    cache::put(files, from, false, &new)?;
    attempt::make_executable(&new)?;
    let renamed = std::fs::rename(&new, to);
    renamed.map_err(|e| Error::system(format_args!("renaming {}", new.display()), &e))
}

impl Outputs for Tracker {
    fn key(&self, job: &JobId) -> Option<Arc<[u8]>> {
        self.jobs.lock().get(job).map(|job| Arc::clone(&job.key))
    }

    fn files(&self, map: &AttemptId) -> Option<(PathBuf, PathBuf)> {
        if !self.machine.lock().holds_output(map) {
            return None;
        }
        let user = self.user_of(map.job())?;
        attempt::map_output(&self.directories.anywhere_of_attempt(&user, map, false))
    }
}
