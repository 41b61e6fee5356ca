//! Output that is seen when its job has succeeded, and once (`FileOutputCommitter`).
//!
//! An attempt writes below `_temporary/<job attempt>/_temporary/<attempt>`. With algorithm 1 its commit renames
//! that to `_temporary/<job attempt>/<task>`, and the job's commit moves what all tasks committed to the output
//! directory. With algorithm 2, the default, the task's commit moves it there at once. `_SUCCESS` comes last.

use std::sync::Arc;

use loxodon_conf::Configuration;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileStatus, FileSystem, FileSystems, Path};
use crate::job::AttemptId;
use crate::settings::Settings;

const PENDING: &str = "_temporary";
const SUCCEEDED: &str = "_SUCCESS";
const JOB_ATTEMPT: &str = "mapreduce.job.application.attempt.id";
const ALGORITHM: &str = "mapreduce.fileoutputcommitter.algorithm.version";
const MARK_SUCCESS: &str = "mapreduce.fileoutputcommitter.marksuccessfuljobs";
const SKIP_CLEANUP: &str = "mapreduce.fileoutputcommitter.cleanup.skipped";
const IGNORE_CLEANUP_FAILURES: &str = "mapreduce.fileoutputcommitter.cleanup-failures.ignored";
const FAILURE_ATTEMPTS: &str = "mapreduce.fileoutputcommitter.failures.attempts";
const TASK_CLEANUP: &str = "mapreduce.fileoutputcommitter.task.cleanup.enabled";
/// Names of other committers, with those that are this one.
const CLASSES: [(&str, &[&str]); 2] = [
    (
        "mapreduce.outputcommitter.factory.class",
        &[
            "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory",
            "org.apache.hadoop.mapreduce.lib.output.PathOutputCommitterFactory",
        ],
    ),
    ("mapred.output.committer.class", &["org.apache.hadoop.mapred.FileOutputCommitter"]),
];

/// Sets up, commits and aborts the output of a job and of its attempts (Hadoop's `OutputCommitter`).
pub trait OutputCommitter: Send + Sync {
    /// Before any task.
    ///
    /// # Errors
    /// The output cannot be written.
    fn setup_job(&self) -> Result<()>;

    /// After all tasks were committed.
    ///
    /// # Errors
    /// The output cannot be written.
    fn commit_job(&self) -> Result<()>;

    /// After a job failed or was killed.
    ///
    /// # Errors
    /// The output cannot be written.
    fn abort_job(&self) -> Result<()>;

    /// Before an attempt.
    ///
    /// # Errors
    /// The output cannot be written.
    fn setup_task(&self, attempt: &AttemptId) -> Result<()>;

    /// Whether an attempt has something to commit.
    ///
    /// # Errors
    /// The output cannot be read.
    fn needs_task_commit(&self, attempt: &AttemptId) -> Result<bool>;

    /// Makes an attempt's output its task's; only the attempt that was allowed to may call it.
    ///
    /// # Errors
    /// The output cannot be written.
    fn commit_task(&self, attempt: &AttemptId) -> Result<()>;

    /// Removes an attempt's output.
    ///
    /// # Errors
    /// The output cannot be written.
    fn abort_task(&self, attempt: &AttemptId) -> Result<()>;

    /// Where an attempt writes what its commit makes seen (`mapreduce.task.output.dir`); `None` where that is no
    /// directory.
    fn work_path(&self, attempt: &AttemptId) -> Option<Path> {
        let _ = attempt;
        None
    }

    /// Whether tasks that a former attempt at the job committed need not run again.
    fn is_recovery_supported(&self) -> bool;

    /// Whether a job's commit that failed half-way may be tried again.
    fn is_commit_job_repeatable(&self) -> bool;

    /// Takes over what a task committed in the job's former attempt.
    ///
    /// # Errors
    /// The output cannot be written.
    fn recover_task(&self, attempt: &AttemptId) -> Result<()>;
}

/// The committer of output in files. Without an output directory it does nothing.
pub struct FileOutputCommitter {
    target: Option<(Path, Arc<dyn FileSystem>)>,
    algorithm: i64,
    job_attempt: i64,
    mark_success: bool,
    skip_cleanup: bool,
    ignore_cleanup_failures: bool,
    failure_attempts: i64,
    task_cleanup: bool,
}

impl std::fmt::Debug for FileOutputCommitter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let output = self.target.as_ref().map(|(output, _)| output);
        f.debug_struct("FileOutputCommitter").field("output", &output).finish_non_exhaustive()
    }
}

impl FileOutputCommitter {
    /// As a job's settings say.
    ///
    /// # Errors
    /// Another algorithm or committer; an output directory on an unknown file system.
    pub fn new(job: &Configuration, files: &FileSystems) -> Result<Self> {
        for (key, ours) in CLASSES {
            if let Some(class) = job.get_text(key)?
                && !ours.contains(&class.as_str())
            {
                let message = format!("Class {class} (of {key}) not found");
                return Err(Error::new(ErrorKind::ClassNotFound, message));
            }
        }
        let algorithm = job.get_int(ALGORITHM, 2)?;
        if algorithm != 1 && algorithm != 2 {
            return Err(Error::io("Only 1 or 2 algorithm version is supported"));
        }
        let target = match super::output_path(job, files)? {
            Some(output) => {
                let fs = files.get(&output)?;
                Some((output, fs))
            }
            None => None,
        };
        Ok(Self {
            target,
            algorithm,
            job_attempt: job.get_int(JOB_ATTEMPT, 0)?,
            mark_success: job.get_bool(MARK_SUCCESS, true)?,
            skip_cleanup: job.get_bool(SKIP_CLEANUP, false)?,
            ignore_cleanup_failures: job.get_bool(IGNORE_CLEANUP_FAILURES, false)?,
            failure_attempts: job.get_int(FAILURE_ATTEMPTS, 1)?,
            task_cleanup: job.get_bool(TASK_CLEANUP, false)?,
        })
    }

    fn job_path(&self, output: &Path, job_attempt: i64) -> Path {
        output.child(PENDING).child(&job_attempt.to_string())
    }

    fn attempt_path(&self, output: &Path, attempt: &AttemptId) -> Path {
        self.job_path(output, self.job_attempt).child(PENDING).child(&attempt.to_string())
    }

    fn committed_path(&self, output: &Path, job_attempt: i64, attempt: &AttemptId) -> Path {
        self.job_path(output, job_attempt).child(&attempt.task.to_string())
    }

    fn cleanup(&self, output: &Path, fs: &dyn FileSystem) -> Result<()> {
        fs.delete(&output.child(PENDING), true).map(drop)
    }

    fn commit_job_once(&self, output: &Path, fs: &dyn FileSystem) -> Result<()> {
        if self.algorithm == 1 {
            for task in fs.list(&self.job_path(output, self.job_attempt))? {
                if task.path.name() != PENDING {
                    self.merge(fs, &task, output)?;
                }
            }
        }
        if !self.skip_cleanup
            && let Err(error) = self.cleanup(output, fs)
        {
            if !self.ignore_cleanup_failures {
                return Err(error);
            }
            tracing::error!(%output, %error, "temporary files of the job are left behind");
        }
        if self.mark_success {
            let overwrite = self.is_commit_job_repeatable();
            let options = CreateOptions { overwrite, ..CreateOptions::default() };
            fs.create(&output.child(SUCCEEDED), options)?.close()?;
        }
        Ok(())
    }

    /// Moves a file or directory to a place where there may be something already.
    fn merge(&self, fs: &dyn FileSystem, from: &FileStatus, to: &Path) -> Result<()> {
        let there = status(fs, to)?;
        if from.is_directory {
            return match there {
                Some(there) if there.is_directory => self.merge_children(fs, from, to),
                Some(_) => {
                    delete(fs, to)?;
                    self.rename_or_merge(fs, from, to)
                }
                None => self.rename_or_merge(fs, from, to),
            };
        }
        if there.is_some_and(|there| there.is_directory) {
            delete(fs, to)?;
        }
        // In one step: another attempt may have moved its file there, and removed this one.
        fs.move_to(&from.path, to, true)
    }

    fn merge_children(&self, fs: &dyn FileSystem, from: &FileStatus, to: &Path) -> Result<()> {
        for child in fs.list(&from.path)? {
            self.merge(fs, &child, &to.child(child.path.name()))?;
        }
        Ok(())
    }

    /// With algorithm 2 other tasks may be making the same directory.
    fn rename_or_merge(&self, fs: &dyn FileSystem, from: &FileStatus, to: &Path) -> Result<()> {
        if self.algorithm == 1 {
            return fs.move_to(&from.path, to, false);
        }
        fs.mkdirs(to, 0o755)?;
        self.merge_children(fs, from, to)
    }

    fn recover(&self, output: &Path, fs: &dyn FileSystem, attempt: &AttemptId) -> Result<()> {
        let former = self.job_attempt.saturating_sub(1);
        if former < 0 {
            return Err(Error::io("Cannot recover task output for first attempt..."));
        }
        let old = self.committed_path(output, former, attempt);
        let Some(from) = status(fs, &old)? else {
            tracing::warn!(%attempt, "no output to recover");
            return Ok(());
        };
        if self.algorithm == 2 {
            return self.merge(fs, &from, output);
        }
        let new = self.committed_path(output, self.job_attempt, attempt);
        if !fs.delete(&new, true)? && fs.exists(&new)? {
            return Err(Error::io(format!("Could not delete {new}")));
        }
        fs.mkdirs(&self.job_path(output, self.job_attempt), 0o755)?;
        move_committed(fs, &old, &new)
    }
}

fn status(fs: &dyn FileSystem, path: &Path) -> Result<Option<FileStatus>> {
    match fs.status(path) {
        Ok(status) => Ok(Some(status)),
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn delete(fs: &dyn FileSystem, path: &Path) -> Result<()> {
    if fs.delete(path, true)? { Ok(()) } else { Err(Error::io(format!("Failed to delete {path}"))) }
}

fn move_committed(fs: &dyn FileSystem, from: &Path, to: &Path) -> Result<()> {
    fs.move_to(from, to, false)
        .map_err(|error| error.during(format_args!("Could not rename {from} to {to}")))
}

/// Puts an attempt's directory in the place of what another attempt committed, which comes back where that fails:
/// this attempt may have been taken for lost, and its directory removed, while it stood still.
fn replace_committed(
    fs: &dyn FileSystem,
    work: &Path,
    committed: &Path,
    attempt: &AttemptId,
) -> Result<()> {
    if !fs.exists(committed)? {
        return move_committed(fs, work, committed);
    }
    let pending = work.parent().unwrap_or_else(|| work.clone());
    let aside = pending.child(&format!("{attempt}.replaced"));
    move_committed(fs, committed, &aside)?;
    let moved = move_committed(fs, work, committed);
    match &moved {
        Ok(()) => delete(fs, &aside)?,
        Err(_) => move_committed(fs, &aside, committed)?,
    }
    moved
}

impl OutputCommitter for FileOutputCommitter {
    fn setup_job(&self) -> Result<()> {
        match &self.target {
            Some((output, fs)) => fs.mkdirs(&self.job_path(output, self.job_attempt), 0o755),
            None => Ok(()),
        }
    }

    fn commit_job(&self) -> Result<()> {
        let Some((output, fs)) = &self.target else { return Ok(()) };
        let tries = if self.is_commit_job_repeatable() { self.failure_attempts.max(1) } else { 1 };
        let mut tried = 1;
        loop {
            match self.commit_job_once(output, &**fs) {
                Err(error) if tried < tries => {
                    tracing::warn!(%output, %error, tried, "the job's commit is tried again");
                    tried = tried.saturating_add(1);
                }
                outcome => return outcome,
            }
        }
    }

    fn abort_job(&self) -> Result<()> {
        match &self.target {
            Some((output, fs)) => self.cleanup(output, &**fs),
            None => Ok(()),
        }
    }

    /// The attempt's directory is made with its first file.
    fn setup_task(&self, _attempt: &AttemptId) -> Result<()> {
        Ok(())
    }

    fn needs_task_commit(&self, attempt: &AttemptId) -> Result<bool> {
        match &self.target {
            Some((output, fs)) => fs.exists(&self.attempt_path(output, attempt)),
            None => Ok(false),
        }
    }

    fn commit_task(&self, attempt: &AttemptId) -> Result<()> {
        let Some((output, fs)) = &self.target else { return Ok(()) };
        let work = self.attempt_path(output, attempt);
        let Some(from) = status(&**fs, &work)? else {
            tracing::warn!(%attempt, "no output to commit");
            return Ok(());
        };
        if self.algorithm == 1 {
            let committed = self.committed_path(output, self.job_attempt, attempt);
            return replace_committed(&**fs, &work, &committed, attempt);
        }
        self.merge(&**fs, &from, output)?;
        if self.task_cleanup && !fs.delete(&work, true)? {
            tracing::warn!(%work, "the attempt's directory could not be deleted");
        }
        Ok(())
    }

    fn abort_task(&self, attempt: &AttemptId) -> Result<()> {
        match &self.target {
            Some((output, fs)) => fs.delete(&self.attempt_path(output, attempt), true).map(drop),
            None => Ok(()),
        }
    }

    fn work_path(&self, attempt: &AttemptId) -> Option<Path> {
        let (output, _) = self.target.as_ref()?;
        Some(self.attempt_path(output, attempt))
    }

    fn is_recovery_supported(&self) -> bool {
        true
    }

    fn is_commit_job_repeatable(&self) -> bool {
        self.algorithm == 2
    }

    fn recover_task(&self, attempt: &AttemptId) -> Result<()> {
        match &self.target {
            Some((output, fs)) => self.recover(output, &**fs, attempt),
            None => Ok(()),
        }
    }
}
