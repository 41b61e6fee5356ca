//! Runs a job in one process, with the same code as on a cluster (Hadoop's `LocalJobRunner`).

mod board;
mod terminal;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use loxodon_conf::Configuration;

use self::board::{Board, Line};
use crate::cache;
use crate::counters::Counters;
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::input::{InputSplit, input_files};
use crate::job::{AttemptId, JobId, JobState, TaskKind};
use crate::settings::Settings;
use crate::task::{self, Classes, TaskDescription, Work, input_format_of, output_format_of};
use crate::user::current_user;

pub use terminal::{Progress, Terminal};

/// How a job ended.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// Its id.
    pub job: JobId,
    /// Whether its output is there.
    pub succeeded: bool,
    /// What it counted.
    pub counters: Counters,
    /// Why it failed.
    pub diagnostics: Vec<String>,
}

struct Local<'a> {
    job: JobId,
    conf: Configuration,
    classes: Arc<dyn Classes>,
    user: String,
    directory: &'a std::path::Path,
    board: Arc<Board>,
}

/// A task to be run, in line for a thread.
type Attempt = (AttemptId, Work);

/// Runs a job to its end; `progress` hears how it goes.
///
/// Maps run side by side (`mapreduce.local.map.tasks.maximum`, else one for each core), then reduces
/// (`mapreduce.local.reduce.tasks.maximum`).
///
/// # Errors
/// The job cannot start: its input or output is wrong. One that fails later is a result.
pub fn run(
    conf: &Configuration,
    classes: Arc<dyn Classes>,
    progress: &mut dyn Progress,
) -> Result<JobResult> {
    let mut conf = conf.clone();
    let user = current_user();
    let files = FileSystems::new(&conf, user.clone())?;
    let format = output_format_of(&*classes, &conf)?;
    format.check(&conf, &files)?;
    let mut splits = input_format_of(&*classes, &conf)?.splits(&conf, &files)?;
    splits.sort_by_key(|split| std::cmp::Reverse(split.length()));
    progress.line(&format!("number of splits:{}", splits.len()));
    let job = JobId::new(format!("local{}", fastrand::u32(..)), 1);
    conf.set("mapreduce.job.id", &job.to_string(), "the local runner");
    conf.set("mapreduce.framework.name", "local", "the local runner");
    if let Some(count) = input_files(&splits) {
        let key = "mapreduce.input.fileinputformat.numinputfiles";
        conf.set(key, &count.to_string(), "the local runner");
    }
    let directory = directory(&conf)?.join(job.to_string());
    let made = std::fs::create_dir_all(&directory);
    made.map_err(|e| Error::system(format_args!("creating {}", directory.display()), &e))?;
    let reduces = u32::try_from(conf.get_int("mapreduce.job.reduces", 1)?)
        .map_err(|_| Error::argument("mapreduce.job.reduces is no number of reduces"))?;
    let board = Arc::new(Board::new(splits.len(), reduces as usize));
    let user = user.effective;
    let local = Local { job, conf, classes, user, directory: &directory, board };
    if let Some(notice) = cache::notice(&local.conf) {
        progress.line(&notice);
    }
    let linked = cache::link_here(&local.conf, &files, &directory);
    let result = linked.and_then(|_links| local.run(splits, reduces, progress));
    // What stays is in the directory for temporary files.
    let _ = std::fs::remove_dir_all(&directory);
    result
}

/// The first of `mapreduce.cluster.local.dir`.
fn directory(conf: &Configuration) -> Result<PathBuf> {
    let first = conf.get_list("mapreduce.cluster.local.dir")?.into_iter().next();
    match first {
        Some(directory) => Ok(PathBuf::from(directory)),
        None => {
            let base = conf.get_text("hadoop.tmp.dir")?.unwrap_or_else(|| "/tmp/hadoop".into());
            Ok(PathBuf::from(base).join("mapred/local"))
        }
    }
}

impl Local<'_> {
    fn run(
        &self,
        splits: Vec<InputSplit>,
        reduces: u32,
        progress: &mut dyn Progress,
    ) -> Result<JobResult> {
        let job = &self.job;
        progress.line(&format!("Running job: {job}"));
        let maps = splits.len() as u32;
        let ran = thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let ran = self.run_tasks(splits, maps, reduces);
                self.board.end();
                ran
            });
            self.watch(progress);
            worker.join().unwrap_or_else(|_| Err(Error::io("the job's thread panicked")))
        });
        let end = if ran.is_ok() { JobState::Succeeded } else { JobState::Failed };
        let setup = job.task(TaskKind::JobCleanup, 0).attempt(0);
        let cleaned = self.attempt((setup, Work::JobCleanup { end }));
        let failure = ran.err().or_else(|| cleaned.err());
        let counters = self.board.counters();
        match &failure {
            None => progress.line(&format!("Job {job} completed successfully")),
            Some(error) => {
                progress.line(&format!("Job {job} failed with state FAILED due to: {error}"));
            }
        }
        progress.line(&counters.to_string());
        let diagnostics = failure.iter().map(ToString::to_string).collect();
        Ok(JobResult { job: job.clone(), succeeded: failure.is_none(), counters, diagnostics })
    }

    /// Says how far the job is, until its tasks are done.
    fn watch(&self, progress: &mut dyn Progress) {
        let mut said = None;
        loop {
            let over = self.board.wait(Duration::from_millis(250));
            let (maps, reduces) = self.board.progress();
            if said != Some((maps, reduces)) {
                said = Some((maps, reduces));
                progress.percent(maps, reduces);
            }
            if over {
                return;
            }
        }
    }

    fn run_tasks(&self, splits: Vec<InputSplit>, maps: u32, reduces: u32) -> Result<()> {
        let setup = self.job.task(TaskKind::JobSetup, 0).attempt(0);
        self.attempt((setup, Work::JobSetup))?;
        let map = |(number, split): (usize, InputSplit)| {
            let task = self.job.task(TaskKind::Map, number as u32);
            (task.attempt(0), Work::Map { split: Box::new(split) })
        };
        let tasks = splits.into_iter().enumerate().map(map).collect();
        self.side_by_side(tasks, "mapreduce.local.map.tasks.maximum")?;
        let reduce =
            |number| (self.job.task(TaskKind::Reduce, number).attempt(0), Work::Reduce { maps });
        let tasks = (0..reduces).map(reduce).collect();
        self.side_by_side(tasks, "mapreduce.local.reduce.tasks.maximum")
    }

    /// Runs tasks on some threads; after the first failure no other is begun.
    fn side_by_side(&self, tasks: Vec<Attempt>, limit: &str) -> Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = self.conf.get_int(limit, cores as i64)?;
        let threads = usize::try_from(threads).unwrap_or(1).clamp(1, tasks.len().max(1));
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || -> Result<()> {
            while failed.load(Ordering::Relaxed) == 0 {
                let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Err(error) = self.attempt(task.clone()) {
                    failed.fetch_add(1, Ordering::Relaxed);
                    self.board.stop();
                    return Err(error.during(&task.0));
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut result = work();
            for other in others {
                let ended =
                    other.join().unwrap_or_else(|_| Err(Error::io("a task's thread panicked")));
                // The first failure stopped the others: theirs says less.
                let told =
                    matches!(&result, Err(e) if *e.kind() != crate::error::ErrorKind::Interrupted);
                if !told && ended.is_err() {
                    result = ended;
                }
            }
            result
        })
    }

    fn attempt(&self, (attempt, work): Attempt) -> Result<()> {
        let line = Arc::new(Line::new(attempt.clone(), Arc::clone(&self.board)));
        let directory = self.directory.join(attempt.to_string());
        let description = TaskDescription {
            attempt: attempt.clone(),
            work,
            conf: self.conf.clone(),
            local_dirs: vec![directory],
            shuffle_key: Vec::new(),
            user: self.user.clone(),
            job_attempt: 0,
        };
        let umbilical = Arc::clone(&line);
        let finished = task::run(description, &*self.classes, umbilical)?;
        if let Some(output) = finished.output {
            self.board.map_done(attempt, output);
        }
        Ok(())
    }
}
