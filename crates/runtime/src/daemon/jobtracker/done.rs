//! Which histories are in the done directory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use loxodon_mapreduce::error::{Error, ErrorKind, Result};
use loxodon_mapreduce::fs::{FileStatus, FileSystem, FileSystems, Path};
use loxodon_mapreduce::history::{DoneName, HistoryEvent, HistoryReader, conf_file_name};
use loxodon_mapreduce::job::{JobId, JobState};
use loxodon_mapreduce::protocol::JobStatusMessage;
use parking_lot::Mutex;

/// Directories above the files: year, month, day, thousands of jobs.
const DEPTH: usize = 4;
/// Longest history that is read, in bytes.
const LARGEST: u64 = 1 << 30;
/// Between two looks at the whole directory.
const LOOK: Duration = Duration::from_secs(3);

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// What its name tells.
    pub(super) name: DoneName,
    /// Where it is.
    pub(super) path: Path,
}

impl Done {
    /// What the name alone tells of the job.
    pub(super) fn status(&self) -> JobStatusMessage {
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
pub(super) struct DoneIndex {
    files: FileSystems,
    directory: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    jobs: BTreeMap<JobId, Done>,
    looked: Option<Instant>,
}

impl DoneIndex {
    pub(super) fn new(files: FileSystems, directory: String) -> Self {
        Self { files, directory, known: Mutex::default() }
    }

    /// Adds one that was put there just now.
    pub(super) fn insert(&self, name: DoneName, path: Path) {
        self.known.lock().jobs.insert(name.job.clone(), Done { name, path });
    }

    /// All that are there, oldest job first. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn all(&self) -> Result<Vec<Done>> {
        self.look(false)?;
        Ok(self.known.lock().jobs.values().cloned().collect())
    }

    /// The history of a job. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn find(&self, job: &JobId) -> Result<Option<Done>> {
        if let Some(found) = self.known.lock().jobs.get(job) {
            return Ok(Some(found.clone()));
        }
        self.look(false)?;
        Ok(self.known.lock().jobs.get(job).cloned())
    }

    /// Looks at the directory, unless that was done just now.
    fn look(&self, now: bool) -> Result<()> {
        let recent = |known: &Known| known.looked.is_some_and(|when| when.elapsed() < LOOK);
        if !now && recent(&self.known.lock()) {
            return Ok(());
        }
        let mut found = BTreeMap::new();
        let root = self.files.path(&self.directory)?;
        let fs = self.files.get(&root)?;
        let mut level = vec![root];
        for _ in 0..DEPTH {
            let mut below = Vec::new();
            for directory in &level {
                let children = list(&*fs, directory)?.into_iter().filter(|s| s.is_directory);
                below.extend(children.map(|status| status.path));
            }
            level = below;
        }
        for directory in &level {
            for status in list(&*fs, directory)?.into_iter().filter(|s| !s.is_directory) {
                if let Some(name) = DoneName::parse(status.path.name()) {
                    found.insert(name.job.clone(), Done { name, path: status.path });
                }
            }
        }
        let mut known = self.known.lock();
        known.jobs = found;
        known.looked = Some(Instant::now());
        Ok(())
    }

    /// A job's events. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or is no history.
    pub(super) fn events(&self, done: &Done) -> Result<Vec<HistoryEvent>> {
        let bytes = self.files.get(&done.path)?.read_all(&done.path, LARGEST)?;
        let wrong = |error| Error::io(format!("{}: {error}", done.path));
        HistoryReader::new(&bytes).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
    }

    /// The bytes of a job's configuration. Blocks.
    ///
    /// # Errors
    /// The file is not there, or cannot be read.
    pub(super) fn conf(&self, done: &Done, most: u64) -> Result<Vec<u8>> {
        let directory = done.path.parent();
        let directory = directory.ok_or_else(|| Error::io(format!("{}: no file", done.path)))?;
        let path = directory.child(&conf_file_name(&done.name.job));
        self.files.get(&path)?.read_all(&path, most)
    }

    /// Deletes histories of jobs that ended before a time; how many. Blocks.
    ///
    /// # Errors
    /// The directory cannot be read, or one cannot be deleted.
    pub(super) fn remove_before(&self, time: i64) -> Result<usize> {
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
            self.known.lock().jobs.remove(&done.name.job);
        }
        Ok(old.len())
    }
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
fn list(fs: &dyn FileSystem, directory: &Path) -> Result<Vec<FileStatus>> {
    match fs.list(directory) {
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}
