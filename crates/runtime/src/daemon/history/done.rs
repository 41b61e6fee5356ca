//! Which histories are in the done directory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use loxodon_mapreduce::error::{Error, ErrorKind, Result};
use loxodon_mapreduce::fs::{FileStatus, FileSystem, FileSystems, Path};
use loxodon_mapreduce::history::{
    DoneName, HistoryEvent, HistoryReader, JobRecord, Story, conf_file_name, done_subdirectory,
};
use loxodon_mapreduce::job::{JobId, JobState};
use loxodon_mapreduce::protocol::JobStatusMessage;
use parking_lot::Mutex;

/// Directories above the files: year, month, day, thousands of jobs.
const DEPTH: usize = 4;
/// Longest history that is read, in bytes.
const LARGEST: u64 = 1 << 30;
/// Added between two looks at most; more are found by the next one.
const MOST_FRESH: usize = 10_000;
/// Between two looks at the whole directory.
const LOOK: Duration = Duration::from_secs(3);

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Done {
    /// What its name tells.
    pub(in crate::daemon) name: DoneName,
    /// Where it is.
    pub(in crate::daemon) path: Path,
}

impl Done {
    /// Where the job's configuration is.
    ///
    /// # Errors
    /// The history is no file.
    pub(in crate::daemon) fn conf_path(&self) -> Result<Path> {
        let directory = self.path.parent();
        let directory = directory.ok_or_else(|| Error::io(format!("{}: no file", self.path)))?;
        Ok(directory.child(&conf_file_name(&self.name.job)))
    }

    /// What the name alone tells of the job.
    pub(in crate::daemon) fn status(&self) -> JobStatusMessage {
        let name = &self.name;
        let count = |number: i64| u32::try_from(number).unwrap_or(0);
        let state = JobState::from_name(&name.status).unwrap_or(JobState::Failed);
        let (maps, reduces) = (count(name.maps), count(name.reduces));
        JobStatusMessage {
            job_id: name.job.to_string(),
            setup_progress: 1.0,
            map_progress: 1.0,
            reduce_progress: 1.0,
            cleanup_progress: 1.0,
            state: state.number(),
            start_time: name.submit_time,
            launch_time: name.start_time,
            finish_time: name.finish_time,
            user: name.user.clone(),
            queue: name.queue.clone(),
            scheduling_info: "NA".into(),
            failure_info: "NA".into(),
            job_name: name.job_name.clone(),
            history_file: self.path.to_string(),
            retired: true,
            maps,
            reduces,
            finished_maps: maps,
            finished_reduces: reduces,
            ..JobStatusMessage::default()
        }
    }
}

/// The done directory, as far as it was looked at.
#[derive(Debug)]
pub(in crate::daemon) struct DoneIndex {
    files: FileSystems,
    directory: String,
    /// Jobs in lists at most.
    most: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    jobs: BTreeMap<JobId, Done>,
    looked: Option<Instant>,
    /// Added since the last look began, which may have missed them.
    fresh: Vec<Done>,
}

impl DoneIndex {
    pub(in crate::daemon) fn new(files: FileSystems, directory: String, most: usize) -> Self {
        Self { files, directory, most, known: Mutex::default() }
    }

    /// Whether the history of a job is known to be there.
    pub(in crate::daemon) fn has(&self, job: &JobId) -> bool {
        self.known.lock().jobs.contains_key(job)
    }

    /// Adds one that was put there just now.
    pub(in crate::daemon) fn insert(&self, name: DoneName, path: Path) {
        let done = Done { name, path };
        let mut known = self.known.lock();
        if known.fresh.len() < MOST_FRESH {
            known.fresh.push(done.clone());
        }
        known.jobs.insert(done.name.job.clone(), done);
    }

    /// The newest, as many as lists show, oldest job first. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(in crate::daemon) fn all(&self) -> Result<Vec<Done>> {
        self.look(false)?;
        Ok(self.known.lock().jobs.values().cloned().collect())
    }

    /// The history of a job. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(in crate::daemon) fn find(&self, job: &JobId) -> Result<Option<Done>> {
        if let Some(found) = self.known.lock().jobs.get(job) {
            return Ok(Some(found.clone()));
        }
        self.look(false)?;
        let found = self.known.lock().jobs.get(job).cloned();
        if found.is_some() {
            return Ok(found);
        }
        self.search(job)
    }

    /// Looks for a job that is too old for lists.
    fn search(&self, job: &JobId) -> Result<Option<Done>> {
        let root = self.files.path(&self.directory)?;
        let fs = self.files.get(&root)?;
        let group = done_subdirectory(0, 0, 0, job);
        let group = group.rsplit('/').next().unwrap_or_default();
        for day in below(&*fs, root, DEPTH - 1)? {
            for status in list(&*fs, &day.child(group))? {
                let name = DoneName::parse(status.path.name()).filter(|name| name.job == *job);
                if let Some(name) = name {
                    return Ok(Some(Done { name, path: status.path }));
                }
            }
        }
        Ok(None)
    }

    /// Looks at the directory, unless that was done just now or `all` are wanted.
    fn look(&self, all: bool) -> Result<()> {
        let recent = |known: &Known| known.looked.is_some_and(|when| when.elapsed() < LOOK);
        if !all && recent(&self.known.lock()) {
            return Ok(());
        }
        self.known.lock().fresh.clear();
        let mut found = BTreeMap::new();
        let root = self.files.path(&self.directory)?;
        let fs = self.files.get(&root)?;
        for directory in below(&*fs, root, DEPTH)? {
            for status in list(&*fs, &directory)?.into_iter().filter(|s| !s.is_directory) {
                if let Some(name) = DoneName::parse(status.path.name()) {
                    found.insert(name.job.clone(), Done { name, path: status.path });
                    if !all && found.len() > self.most {
                        found.pop_first();
                    }
                }
            }
        }
        let mut known = self.known.lock();
        found.extend(known.fresh.iter().map(|done| (done.name.job.clone(), done.clone())));
        known.jobs = found;
        known.looked = Some(Instant::now());
        Ok(())
    }

    /// Everything that a history tells of its job. Blocks.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub(in crate::daemon) fn story(&self, done: &Done) -> Result<Story> {
        let mut story = Story::read(&self.events(done)?);
        story.status.history_file = done.path.to_string();
        story.status.job_file = done.conf_path()?.to_string();
        story.status.retired = true;
        Ok(story)
    }

    /// What Hadoop's own parser makes of a history. Blocks.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub(in crate::daemon) fn record(&self, done: &Done) -> Result<JobRecord> {
        let mut record = JobRecord::default();
        self.events(done)?.iter().for_each(|event| record.take(event));
        Ok(record)
    }

    /// A job's events. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or is no history.
    fn events(&self, done: &Done) -> Result<Vec<HistoryEvent>> {
        let bytes = self.files.get(&done.path)?.read_all(&done.path, LARGEST)?;
        let wrong = |error| Error::io(format!("{}: {error}", done.path));
        HistoryReader::new(&bytes).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
    }

    /// The bytes of a job's configuration. Blocks.
    ///
    /// # Errors
    /// The file is not there, or cannot be read.
    pub(in crate::daemon) fn conf(&self, done: &Done, most: u64) -> Result<Vec<u8>> {
        let path = done.conf_path()?;
        self.files.get(&path)?.read_all(&path, most)
    }

    /// Deletes histories of jobs that ended before a time; how many. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read, or one cannot be deleted.
    pub(in crate::daemon) fn remove_before(&self, time: i64) -> Result<usize> {
        self.look(true)?;
        let old: Vec<Done> = {
            let known = self.known.lock();
            known.jobs.values().filter(|done| done.name.finish_time < time).cloned().collect()
        };
        for done in &old {
            let fs = self.files.get(&done.path)?;
            fs.delete(&done.path, false)?;
            if let Some(directory) = done.path.parent() {
                fs.delete(&directory.child(&conf_file_name(&done.name.job)), false)?;
                remove_empty(&*fs, directory)?;
            }
            let mut known = self.known.lock();
            known.jobs.remove(&done.name.job);
            known.fresh.retain(|one| one.name.job != done.name.job);
        }
        Ok(old.len())
    }
}

/// The directories so many levels below one.
fn below(fs: &dyn FileSystem, root: Path, levels: usize) -> Result<Vec<Path>> {
    let mut level = vec![root];
    for _ in 0..levels {
        let mut below = Vec::new();
        for directory in &level {
            let children = list(fs, directory)?.into_iter().filter(|s| s.is_directory);
            below.extend(children.map(|status| status.path));
        }
        level = below;
    }
    Ok(level)
}

/// Removes directories that nothing is left in, up to the done directory.
fn remove_empty(fs: &dyn FileSystem, directory: Path) -> Result<()> {
    let mut at = Some(directory);
    for _ in 0..DEPTH {
        let Some(directory) = at else { break };
        if !list(fs, &directory)?.is_empty() {
            break;
        }
        fs.delete(&directory, false)?;
        at = directory.parent();
    }
    Ok(())
}

/// What is in a directory; nothing where there is none.
pub(super) fn list(fs: &dyn FileSystem, directory: &Path) -> Result<Vec<FileStatus>> {
    match fs.list(directory) {
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}
