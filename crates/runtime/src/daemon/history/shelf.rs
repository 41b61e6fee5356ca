//! What a history server knows: the histories in the done directory, and what others leave to be put there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::FileSystems;
use loxodon_mapreduce::history::{DoneName, JobRecord};
use loxodon_mapreduce::job::{AccessControlList, Caller, JobId};
use loxodon_mapreduce::settings::Settings as _;
use loxodon_namenode::users::GroupSource as _;
use parking_lot::Mutex;

use super::done::DoneIndex;
use super::finished::HistorySource;
use super::intermediate::Intermediate;
use super::place::DIRECTORY;
use super::settings::HistorySettings;
use crate::daemon::namenode::ConfiguredGroups;

/// Anybody may leave his jobs' histories there (`HISTORY_INTERMEDIATE_DONE_DIR_PERMISSIONS`).
const INTERMEDIATE: u16 = 0o1777;
/// Between two looks at what others left, however often somebody asks.
const LOOK: Duration = Duration::from_secs(1);
/// Largest configuration of a job that is shown, in bytes.
const LARGEST_CONF: u64 = 64 << 20;
/// Users whose groups are remembered.
const MOST_USERS: usize = 10_000;

/// Who may see what, and give orders.
#[derive(Clone, Debug)]
struct Rights {
    /// `mapreduce.cluster.acls.enabled`
    acls: bool,
    /// `mapreduce.cluster.administrators`: they see every job.
    administrators: AccessControlList,
    /// `mapreduce.jobhistory.admin.acl`
    operators: AccessControlList,
}

impl Rights {
    fn read(conf: &Configuration, settings: &HistorySettings) -> Result<Self> {
        let administrators = conf.get_text("mapreduce.cluster.administrators")?;
        Ok(Self {
            acls: conf.get_bool("mapreduce.cluster.acls.enabled", false)?,
            administrators: administrators
                .map_or_else(AccessControlList::nobody, |text| AccessControlList::parse(&text)),
            operators: settings.admins.clone(),
        })
    }
}

/// The shared part of one history server.
#[derive(Debug)]
pub(super) struct Shelf {
    conf: Configuration,
    settings: Mutex<HistorySettings>,
    rights: Mutex<Rights>,
    files: FileSystems,
    done: DoneIndex,
    intermediate: Intermediate,
    looked: Mutex<Option<Instant>>,
    loaded: Mutex<VecDeque<(JobId, Arc<JobRecord>)>>,
    groups: Mutex<HashMap<String, (Instant, Vec<String>)>>,
    groups_kept: Duration,
    group_source: ConfiguredGroups,
    started: i64,
}

impl Shelf {
    pub(super) fn new(conf: Configuration, settings: HistorySettings) -> Result<Self> {
        let user = UserIdentity::new(crate::daemon::process_user());
        let files = FileSystems::new(&conf, user)?;
        let done = DoneIndex::new(files.clone(), settings.done_dir.clone(), settings.listed);
        let intermediate = Intermediate {
            files: files.clone(),
            directory: settings.intermediate_dir.clone(),
            done_dir: settings.done_dir.clone(),
        };
        let kept = conf.get_int("hadoop.security.groups.cache.secs", 300)?;
        Ok(Self {
            rights: Mutex::new(Rights::read(&conf, &settings)?),
            group_source: ConfiguredGroups::from_conf(&conf)?,
            conf,
            settings: Mutex::new(settings),
            files,
            done,
            intermediate,
            looked: Mutex::default(),
            loaded: Mutex::default(),
            groups: Mutex::default(),
            groups_kept: Duration::from_secs(u64::try_from(kept).unwrap_or(0)),
            started: wall(),
        })
    }

    /// When this server began, in milliseconds since 1970.
    pub(super) const fn started(&self) -> i64 {
        self.started
    }

    pub(super) fn settings(&self) -> HistorySettings {
        self.settings.lock().clone()
    }

    /// Makes both directories. Blocks.
    ///
    /// # Errors
    /// The file system is not there, in safe mode, or refuses.
    pub(super) fn make_directories(&self) -> Result<()> {
        let settings = self.settings();
        for (directory, permission) in
            [(settings.done_dir, DIRECTORY), (settings.intermediate_dir, INTERMEDIATE)]
        {
            let path = self.files.path(&directory)?;
            let fs = self.files.get(&path)?;
            if !fs.exists(&path)? {
                fs.mkdirs(&path, permission)?;
                fs.set_permission(&path, permission)?;
            }
        }
        Ok(())
    }

    /// Puts away what others left, unless that was done just now. Blocks.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub(super) fn put_away(&self, now: bool) -> Result<usize> {
        let mut looked = self.looked.lock();
        if !now && looked.is_some_and(|when| when.elapsed() < LOOK) {
            return Ok(0);
        }
        // Those that are known are no news.
        self.done.all()?;
        let time = wall();
        let oldest = time.saturating_sub(self.settings.lock().max_age);
        let moved = self.intermediate.put_away(&self.done, time, oldest)?;
        *looked = Some(Instant::now());
        Ok(moved)
    }

    /// Deletes what is too old; how many jobs. Blocks.
    ///
    /// # Errors
    /// A directory cannot be read, or a file not be deleted.
    pub(super) fn remove_old(&self) -> Result<usize> {
        let age = self.settings.lock().max_age;
        self.done.remove_before(wall().saturating_sub(age))
    }

    /// A user with his groups. Blocks.
    fn caller(&self, user: &str) -> Caller {
        if let Some((since, groups)) = self.groups.lock().get(user)
            && since.elapsed() < self.groups_kept
        {
            return Caller { user: user.to_owned(), groups: groups.clone() };
        }
        Caller { user: user.to_owned(), groups: self.groups_of(user) }
    }

    /// A user's groups, looked up now. Blocks.
    pub(super) fn groups_of(&self, user: &str) -> Vec<String> {
        let found = self.group_source.groups_of(user);
        let mut groups = self.groups.lock();
        if groups.len() >= MOST_USERS {
            groups.clear();
        }
        groups.insert(user.to_owned(), (Instant::now(), found.clone()));
        found
    }

    pub(super) fn forget_groups(&self) {
        self.groups.lock().clear();
    }

    /// Whether somebody may give orders. Blocks.
    pub(super) fn is_operator(&self, user: &str) -> bool {
        user == crate::daemon::process_user() || {
            let caller = self.caller(user);
            caller.is_on(&self.rights.lock().operators)
        }
    }

    /// Reads again how long histories stay.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(super) fn reread_retention(&self) -> Result<()> {
        let fresh = HistorySettings::read(&self.conf.reread()?)?;
        let mut settings = self.settings.lock();
        (settings.max_age, settings.clean_every) = (fresh.max_age, fresh.clean_every);
        Ok(())
    }

    /// Reads again how many jobs are kept as they were read.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(super) fn reread_loaded(&self) -> Result<()> {
        self.settings.lock().loaded = HistorySettings::read(&self.conf.reread()?)?.loaded;
        self.loaded.lock().clear();
        Ok(())
    }

    /// Reads again who may see what, and give orders.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(super) fn reread_rights(&self) -> Result<()> {
        let conf = self.conf.reread()?;
        *self.rights.lock() = Rights::read(&conf, &HistorySettings::read(&conf)?)?;
        Ok(())
    }
}

impl HistorySource for Shelf {
    fn finished(&self) -> Result<Vec<DoneName>> {
        self.put_away(false)?;
        Ok(self.done.all()?.into_iter().map(|done| done.name).collect())
    }

    fn record(&self, job: &JobId) -> Result<Option<Arc<JobRecord>>> {
        if let Some((_, record)) = self.loaded.lock().iter().find(|(known, _)| known == job) {
            return Ok(Some(Arc::clone(record)));
        }
        if !self.done.has(job) {
            self.put_away(false)?;
        }
        let Some(done) = self.done.find(job)? else { return Ok(None) };
        let record = Arc::new(self.done.record(&done)?);
        let most = self.settings.lock().loaded;
        let mut loaded = self.loaded.lock();
        loaded.push_back((job.clone(), Arc::clone(&record)));
        while loaded.len() > most {
            loaded.pop_front();
        }
        Ok(Some(record))
    }

    fn may_view(&self, user: &str, record: &JobRecord) -> bool {
        let rights = self.rights.lock().clone();
        if !rights.acls || user == record.user || user == crate::daemon::process_user() {
            return true;
        }
        let caller = self.caller(user);
        caller.is_on(&rights.administrators) || caller.is_on(&record.view_acl())
    }

    fn conf(&self, job: &JobId) -> Result<(String, Configuration)> {
        let done = self.done.find(job)?;
        let done = done.ok_or_else(|| Error::io(format!("{job} is not there any more")))?;
        let bytes = self.done.conf(&done, LARGEST_CONF)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| Error::io(error.to_string()))?;
        let mut conf = Configuration::new();
        conf.load_foreign("job.xml", text)?;
        Ok((done.conf_path()?.to_string(), conf))
    }
}

/// Milliseconds since 1970.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
