//! Runs an attempt from its description to its commit, and says how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use loxodon_client::UserIdentity;

use super::formats::output_format_of;
use super::umbilical::Answer;
use super::{Classes, LocalDirs, TaskContext, TaskDescription, Umbilical, Work, map, reduce};
use crate::collect::MapOutput;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
use crate::input::InputSplit;
use crate::job::{AttemptId, JobState, TaskKind};
use crate::output::OutputCommitter;
use crate::settings::Settings;

/// Reports in a row that may fail before the attempt gives up.
const REPORT_RETRIES: u32 = 3;

/// Pause between two questions whether the attempt may commit.
const COMMIT_PAUSE: Duration = Duration::from_millis(100);

/// What an attempt that ended well leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// Where a map's output is, for its reduces.
    pub output: Option<MapOutput>,
}

/// Runs an attempt to its end: its work, its commit, and its last report. A panic of the program is an error.
///
/// # Errors
/// Whatever made it fail, after the tracker heard of it; [`ErrorKind::Interrupted`] where it was told to end.
pub fn run(
    description: TaskDescription,
    classes: &dyn Classes,
    umbilical: Arc<dyn Umbilical>,
) -> Result<Finished> {
    let attempt = description.attempt.clone();
    let ran = catch_unwind(AssertUnwindSafe(|| prepare_and_work(description, classes, &umbilical)));
    let ran = ran.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    if let Err(error) = &ran
        && *error.kind() != ErrorKind::Interrupted
    {
        tracing::warn!(%attempt, error = %error, "task failed");
        let for_all = matches!(error.kind(), ErrorKind::ClassNotFound);
        let told = umbilical.failed(&format!("Error: {}: {error}", error.java_class()), for_all);
        if let Err(untold) = told {
            tracing::warn!(%attempt, error = %untold, "the tracker did not hear of it");
        }
    }
    ran
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "the program panicked".into());
    Error::new(ErrorKind::Runtime, format!("the program panicked: {text}"))
}

fn prepare_and_work(
    mut description: TaskDescription,
    classes: &dyn Classes,
    umbilical: &Arc<dyn Umbilical>,
) -> Result<Finished> {
    localize(&mut description);
    let user = UserIdentity::new(&description.user);
    let files = FileSystems::new(&description.conf, user)?;
    name_output(&mut description, classes, &files);
    let conf = description.conf.clone();
    let dirs = LocalDirs::new(description.attempt.to_string(), description.local_dirs.clone());
    let task = TaskContext::new(description.attempt.clone(), conf, files, Arc::new(dirs))?;
    let task = Arc::new(task);
    let reporter = Reporter::start(Arc::clone(&task), Arc::clone(umbilical))?;
    let finished = work(&description, classes, &task, umbilical);
    let lost = reporter.end();
    let finished = finished?;
    if let Some(error) = lost {
        return Err(error);
    }
    task.set_progress(1.0);
    umbilical.done(&task.status())?;
    Ok(finished)
}

/// Puts what an attempt knows about itself into its configuration (`Task.localizeConfiguration`).
fn localize(description: &mut TaskDescription) {
    let attempt = &description.attempt;
    let is_map = attempt.kind() == TaskKind::Map;
    let conf = &mut description.conf;
    let mut set = |name: &str, value: &str| conf.set(name, value, "the task");
    set("mapreduce.task.attempt.id", &attempt.to_string());
    set("mapreduce.task.id", &attempt.task.to_string());
    set("mapreduce.job.id", &attempt.job().to_string());
    set("mapreduce.task.ismap", if is_map { "true" } else { "false" });
    set("mapreduce.task.partition", &attempt.task.number.to_string());
    set("mapreduce.job.application.attempt.id", &description.job_attempt.to_string());
    match &description.work {
        Work::Map { split } => {
            if let InputSplit::File(split) = &**split {
                set("mapreduce.map.input.file", &split.path.to_string());
                set("mapreduce.map.input.start", &split.start.to_string());
                set("mapreduce.map.input.length", &split.length.to_string());
            }
        }
        Work::Reduce { maps } => set("mapreduce.job.maps", &maps.to_string()),
        Work::JobSetup | Work::JobCleanup { .. } | Work::TaskCleanup => {}
    }
}

/// Says where the attempt's output is until it is committed, for programs that write files of their own there. An
/// output format or committer that is not known is told of where it is needed.
fn name_output(description: &mut TaskDescription, classes: &dyn Classes, files: &FileSystems) {
    let conf = &mut description.conf;
    let committer =
        output_format_of(classes, conf).and_then(|format| format.committer(conf, files));
    if let Ok(Some(path)) = committer.map(|committer| committer.work_path(&description.attempt)) {
        conf.set("mapreduce.task.output.dir", &path.to_string(), "the task");
    }
}

fn work(
    description: &TaskDescription,
    classes: &dyn Classes,
    task: &Arc<TaskContext>,
    umbilical: &Arc<dyn Umbilical>,
) -> Result<Finished> {
    let conf = task.conf();
    let format = || output_format_of(classes, conf);
    let attempt = &description.attempt;
    let committer = || format()?.committer(conf, task.files());
    let output = match &description.work {
        Work::Map { split } => {
            if map::reduces(task)? == 0 {
                committer()?.setup_task(attempt)?;
            }
            map::run(description, split, classes, task)?
        }
        Work::Reduce { maps } => {
            committer()?.setup_task(attempt)?;
            reduce::run(description, *maps, classes, task, umbilical)?;
            None
        }
        Work::JobSetup => {
            task.set_state("setup");
            committer()?.setup_job()?;
            return Ok(Finished::default());
        }
        Work::JobCleanup { end } => {
            task.set_state("cleanup");
            let committer = committer()?;
            match end {
                JobState::Succeeded => committer.commit_job()?,
                _ => committer.abort_job()?,
            }
            return Ok(Finished::default());
        }
        Work::TaskCleanup => {
            task.set_state("cleanup");
            committer()?.abort_task(attempt)?;
            return Ok(Finished::default());
        }
    };
    if output.is_none() {
        commit(&*committer()?, attempt, task, &**umbilical)?;
    }
    Ok(Finished { output })
}

/// Commits what the attempt wrote, once the tracker lets it.
fn commit(
    committer: &dyn OutputCommitter,
    attempt: &AttemptId,
    task: &TaskContext,
    umbilical: &dyn Umbilical,
) -> Result<()> {
    if !committer.needs_task_commit(attempt)? {
        return Ok(());
    }
    if umbilical.commit_pending(&task.status())? == Answer::Die {
        task.stop();
    }
    loop {
        task.check()?;
        if umbilical.can_commit()? {
            break;
        }
        task.alive();
        thread::sleep(COMMIT_PAUSE);
    }
    let committed = committer.commit_task(attempt);
    if committed.is_err() {
        // The first error is the one to report.
        let _ = committer.abort_task(attempt);
    }
    committed
}

/// The thread that reports while the task works.
struct Reporter {
    shared: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<Option<Error>>>,
}

impl Reporter {
    fn start(task: Arc<TaskContext>, umbilical: Arc<dyn Umbilical>) -> Result<Self> {
        let interval = task.conf().get_int("mapreduce.task.progress-report.interval", 3000)?;
        let interval = Duration::from_millis(u64::try_from(interval).unwrap_or(0).max(10));
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let own = Arc::clone(&shared);
        let run = move || report(&task, &*umbilical, interval, &own);
        let thread = thread::Builder::new()
            .name("task reporter".into())
            .spawn(run)
            .map_err(|e| Error::system("starting the task's reporter", &e))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ends the reports; the error is why the tracker could not be reached any more.
    fn end(mut self) -> Option<Error> {
        self.stop()
    }

    fn stop(&mut self) -> Option<Error> {
        let (over, wake) = &*self.shared;
        *over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        self.thread.take().and_then(|thread| thread.join().ok().flatten())
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        // Left by a panic: the thread must not report a task that is gone.
        self.stop();
    }
}

fn report(
    task: &TaskContext,
    umbilical: &dyn Umbilical,
    interval: Duration,
    (over, wake): &(Mutex<bool>, Condvar),
) -> Option<Error> {
    let mut failures = 0;
    let mut ended = over.lock().unwrap_or_else(PoisonError::into_inner);
    while !*ended {
        drop(ended);
        match umbilical.report(&task.status()) {
            Ok(Answer::Continue) => failures = 0,
            Ok(Answer::Die) => task.stop(),
            Err(error) => {
                failures += 1;
                tracing::info!(error = %error, "the tracker could not be reached");
                if failures > REPORT_RETRIES {
                    task.stop();
                    return Some(error.during("Last retry, killing the task"));
                }
            }
        }
        ended = over.lock().unwrap_or_else(PoisonError::into_inner);
        if !*ended {
            let waited = wake.wait_timeout(ended, interval);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    None
}
