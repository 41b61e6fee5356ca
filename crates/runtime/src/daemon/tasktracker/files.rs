//! The tracker's local directories: several disks, of which some may fail.
//!
//! `<dir>/taskTracker/<user>/jobcache/<job>/{job.xml,program,<attempt>/…}` as Hadoop 1 lays them out;
//! the distributed cache is beside that, in `distcache`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use loxodon_mapreduce::job::{AttemptId, JobId};
use parking_lot::Mutex;

/// What of a local directory is the tracker's.
const OWN: &str = "taskTracker";

/// The directories that work.
#[derive(Debug)]
pub(super) struct LocalDirectories {
    good: Mutex<Vec<PathBuf>>,
    all: Vec<PathBuf>,
}

impl LocalDirectories {
    /// Makes them, and removes whatever an earlier tracker left there. Some may fail.
    ///
    /// # Errors
    /// None can be used; the error names each with its reason.
    pub(super) fn open(all: Vec<PathBuf>) -> io::Result<Self> {
        let (mut good, mut reasons) = (Vec::new(), Vec::new());
        for dir in &all {
            match prepare(dir) {
                Ok(()) => good.push(dir.clone()),
                Err(error) => {
                    tracing::warn!("local directory {} is not used: {error}", dir.display());
                    reasons.push(format!("{}: {error}", dir.display()));
                }
            }
        }
        if good.is_empty() {
            let text = format!(
                "No space available in any of the local directories (mapreduce.cluster.local.dir): {}",
                reasons.join("; ")
            );
            return Err(io::Error::other(text));
        }
        Ok(Self { good: Mutex::new(good), all })
    }

    /// The directories that work now. One that cannot be written any more leaves, by name in the log.
    pub(super) fn good(&self) -> Vec<PathBuf> {
        self.good.lock().clone()
    }

    /// Looks at each directory again: those that fail are not used until they can be written to again, as a disk
    /// that was full. Gives those that have just failed.
    pub(super) fn check(&self) -> Vec<PathBuf> {
        let mut good = self.good.lock();
        let (mut now, mut failed) = (Vec::new(), Vec::new());
        for dir in &self.all {
            match (writable(dir), good.contains(dir)) {
                (Ok(()), known) => {
                    if !known {
                        tracing::info!("local directory {} is used again", dir.display());
                    }
                    now.push(dir.clone());
                }
                (Err(error), true) => {
                    tracing::error!("local directory {} has failed: {error}", dir.display());
                    failed.push(dir.clone());
                }
                (Err(_), false) => {}
            }
        }
        *good = now;
        failed
    }

    /// The first directory as configured: it marks this tracker's processes.
    pub(super) fn mark(&self) -> String {
        self.all.first().map(|dir| dir.display().to_string()).unwrap_or_default()
    }

    /// Where a user's private things are, on each disk that works.
    pub(super) fn of_user(&self, user: &str) -> Vec<PathBuf> {
        self.good().into_iter().map(|dir| dir.join(OWN).join(user)).collect()
    }

    /// A job's directory on each disk that works, to write to.
    pub(super) fn of_job(&self, user: &str, job: &JobId) -> Vec<PathBuf> {
        self.good().iter().map(|dir| job_below(dir, user, job)).collect()
    }

    /// An attempt's directory on each disk that works; the clean-up after it has its own.
    pub(super) fn of_attempt(
        &self,
        user: &str,
        attempt: &AttemptId,
        is_cleanup: bool,
    ) -> Vec<PathBuf> {
        let name = attempt_name(attempt, is_cleanup);
        self.of_job(user, attempt.job()).into_iter().map(|dir| dir.join(&name)).collect()
    }

    /// Where a job's files may lie, to be found or removed: also on disks that can only be read by now.
    pub(super) fn anywhere_of_job(&self, user: &str, job: &JobId) -> Vec<PathBuf> {
        self.all.iter().map(|dir| job_below(dir, user, job)).collect()
    }

    /// The same of an attempt.
    pub(super) fn anywhere_of_attempt(
        &self,
        user: &str,
        attempt: &AttemptId,
        is_cleanup: bool,
    ) -> Vec<PathBuf> {
        let name = attempt_name(attempt, is_cleanup);
        let jobs = self.anywhere_of_job(user, attempt.job());
        jobs.into_iter().map(|dir| dir.join(&name)).collect()
    }

    /// Where what everybody may read is kept, on each disk.
    pub(super) fn public(&self) -> Vec<PathBuf> {
        self.good().into_iter().map(|dir| dir.join(OWN).join("distcache")).collect()
    }
}

fn job_below(dir: &Path, user: &str, job: &JobId) -> PathBuf {
    dir.join(OWN).join(user).join("jobcache").join(job.to_string())
}

fn attempt_name(attempt: &AttemptId, is_cleanup: bool) -> String {
    if is_cleanup { format!("{attempt}.cleanup") } else { attempt.to_string() }
}

fn prepare(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let own = dir.join(OWN);
    if own.exists() {
        // Renamed first: a tree that takes long to remove is out of the way at once.
        let old = dir.join(format!("toBeDeleted.{}", uuid::Uuid::new_v4()));
        fs::rename(&own, &old)?;
    }
    for entry in fs::read_dir(dir)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("toBeDeleted.") {
            let path = entry.path();
            std::thread::spawn(move || remove_tree(&path));
        }
    }
    fs::create_dir_all(&own)?;
    writable(dir)
}

fn writable(dir: &Path) -> io::Result<()> {
    let own = dir.join(OWN);
    fs::create_dir_all(&own)?;
    let probe = own.join(".probe");
    fs::write(&probe, b"x")?;
    fs::remove_file(&probe)
}

/// Opens a file that a task may have put there, to read it. Only a plain one: whoever opens a pipe waits for ever,
/// and a link leads anywhere.
///
/// # Errors
/// It is not there, is no plain file, or cannot be opened.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is no plain file", path.display())));
    }
    Ok(file)
}

/// Removes a tree, directories without permissions included; what cannot go is named in the log.
pub(super) fn remove_tree(path: &Path) {
    if fs::remove_dir_all(path).is_ok() || !path.exists() {
        return;
    }
    open_up(path);
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("{} cannot be removed: {error}", path.display());
    }
}

/// A task may have taken permissions away from itself.
fn open_up(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(about) = fs::symlink_metadata(path) else { return };
    if !about.is_dir() {
        return;
    }
    // Tried for the removal that follows, which tells.
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_directory_may_fail_and_what_was_left_goes() {
        let root = tempfile::tempdir().unwrap();
        let (good, bad) = (root.path().join("good"), root.path().join("bad"));
        fs::write(&bad, "a file").unwrap();
        fs::create_dir_all(good.join("taskTracker/u/jobcache/job_1_0001/x")).unwrap();
        let dirs = LocalDirectories::open(vec![bad.clone(), good.clone()]).unwrap();
        assert_eq!(dirs.good(), std::slice::from_ref(&good));
        assert!(!good.join("taskTracker/u").exists());
        fs::remove_dir_all(good.join("taskTracker")).unwrap();
        fs::write(good.join("taskTracker"), "in the way").unwrap();
        assert_eq!(dirs.check(), std::slice::from_ref(&good));
        assert!(dirs.good().is_empty() && dirs.check().is_empty());
        let job = JobId::new("1", 1);
        assert_eq!(dirs.anywhere_of_job("u", &job).len(), 2);
        assert!(dirs.of_job("u", &job).is_empty());
        fs::remove_file(good.join("taskTracker")).unwrap();
        assert!(dirs.check().is_empty());
        assert_eq!(dirs.good(), [good]);
        let error = LocalDirectories::open(vec![bad]).unwrap_err();
        assert!(error.to_string().contains("/bad: "), "{error}");
    }
}
