//! Hands a job to a JobTracker and follows it to its end (Hadoop's `JobSubmitter` and `Job.monitorAndPrintJob`).

use std::io::Write;
use std::thread;
use std::time::Duration;

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;

use crate::cache;
use crate::counters::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystems, Path};
use crate::input::{input_files, split_file};
use crate::job::{JobId, JobState};
use crate::local::{JobResult, Progress};
use crate::protocol::{
    BlockingCaller, CountersMessage, Empty, JOB_CLIENT, JobCounters, JobRequest, JobStatusMessage,
    MaybeJobStatus, SubmitRequest, Text,
};
use crate::settings::Settings;
use crate::task::{Classes, input_format_of, output_format_of};

/// Key of the JobTracker's address.
const ADDRESS: &str = "mapreduce.jobtracker.address";

/// Directories of jobs that are handed in are their owner's alone.
const STAGING_PERMISSION: u16 = 0o700;

/// A job that was handed in.
pub struct Submitted {
    caller: BlockingCaller,
    /// Its id.
    pub job: JobId,
}

/// Hands a job in.
///
/// # Errors
/// Its input or output is wrong, its files cannot be written, or the JobTracker refuses it.
pub fn submit(
    conf: &Configuration,
    classes: &dyn Classes,
    progress: &mut dyn Progress,
) -> Result<Submitted> {
    let address = conf.get_text(ADDRESS)?;
    let address = address.ok_or_else(|| Error::argument(format!("{ADDRESS} is not set")))?;
    let user = crate::local::user_name();
    let files = FileSystems::new(conf, UserIdentity::new(&user))?;
    output_format_of(classes, conf)?.check(conf, &files)?;
    let caller = BlockingCaller::new(&address, &user, &JOB_CLIENT)?;
    let area: Text = caller.call("getStagingAreaDir", &Empty {})?;
    let id: Text = caller.call("getNewJobID", &Empty {})?;
    let job: JobId = id.value.parse().map_err(|e: crate::job::IdError| Error::io(e.to_string()))?;
    let directory = files.path(&format!("{}/{job}", area.value.trim_end_matches('/')))?;
    let staged = stage(conf, classes, &files, &directory, &user, progress).and_then(|()| {
        progress.line(&format!("Submitting tokens for job: {job}"));
        let request = SubmitRequest {
            job_id: job.to_string(),
            submit_dir: directory.to_string(),
            credentials: Vec::new(),
        };
        caller.call::<_, JobStatusMessage>("submitJob", &request)
    });
    if let Err(error) = staged {
        // The error is what the user is to hear; what was written is in his staging directory.
        let _ = files.get(&directory).and_then(|fs| fs.delete(&directory, true));
        return Err(error);
    }
    Ok(Submitted { caller, job })
}

fn stage(
    conf: &Configuration,
    classes: &dyn Classes,
    files: &FileSystems,
    directory: &Path,
    user: &str,
    progress: &mut dyn Progress,
) -> Result<()> {
    let fs = files.get(directory)?;
    fs.mkdirs(directory, STAGING_PERMISSION)?;
    let mut splits = input_format_of(classes, conf)?.splits(conf, files)?;
    splits.sort_by_key(|split| std::cmp::Reverse(split.length()));
    progress.line(&format!("number of splits:{}", splits.len()));
    let mut conf = conf.clone();
    cache::ship(&mut conf, files, directory)?;
    let mut set = |name: &str, value: &str| conf.set(name, value, "the job client");
    set("mapreduce.job.user.name", user);
    set("mapreduce.job.maps", &splits.len().to_string());
    set("mapreduce.job.dir", &directory.to_string());
    if let Some(count) = input_files(&splits) {
        set("mapreduce.input.fileinputformat.numinputfiles", &count.to_string());
    }
    let own = std::env::current_exe();
    let own = own.map_err(|e| Error::system("finding this program's own file", &e))?;
    if Settings::get_text(&conf, PROGRAM)?.is_none() {
        let program = directory.child("program");
        let bytes = std::fs::read(&own)
            .map_err(|e| Error::system(format_args!("reading {}", own.display()), &e))?;
        put(files, &program, &bytes)?;
        conf.set(PROGRAM, &program.to_string(), "the job client");
    }
    let most = conf.get_int("mapreduce.job.max.split.locations", 15)?;
    let (split, meta) = split_file::write(&splits, usize::try_from(most).unwrap_or(0));
    put(files, &directory.child("job.split"), &split)?;
    put(files, &directory.child("job.splitmetainfo"), &meta)?;
    put(files, &directory.child("job.xml"), job_xml(&conf).as_bytes())
}

/// Key of the binary that TaskTrackers start for the job's tasks.
const PROGRAM: &str = "loxodon.job.program";

fn put(files: &FileSystems, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut stream = files.get(path)?.create(path, CreateOptions::overwriting())?;
    stream.write_all(bytes).map_err(|e| Error::system(format_args!("writing {path}"), &e))?;
    stream.close()
}

/// A configuration as a job's file has it.
pub fn job_xml(conf: &Configuration) -> String {
    let escaped = |text: &str| {
        let mut to = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => to.push_str("&amp;"),
                '<' => to.push_str("&lt;"),
                '>' => to.push_str("&gt;"),
                c if (c as u32) < 32 => to.push_str(&format!("&#{};", c as u32)),
                c => to.push(c),
            }
        }
        to
    };
    let mut xml = String::from(
        "<?xml version=\"1.1\" encoding=\"UTF-8\" standalone=\"no\"?>\n<configuration>\n",
    );
    for (name, entry) in conf.entries() {
        let (name, value) = (escaped(name), escaped(&entry.value));
        xml.push_str(&format!("<property><name>{name}</name><value>{value}</value></property>\n"));
    }
    xml.push_str("</configuration>\n");
    xml
}

impl Submitted {
    /// Follows the job to its end; `progress` hears how it goes.
    ///
    /// # Errors
    /// The JobTracker cannot be reached, or has forgotten the job.
    pub fn follow(self, progress: &mut dyn Progress) -> Result<JobResult> {
        let job = self.job.clone();
        progress.line(&format!("Running job: {job}"));
        let request = JobRequest { job_id: job.to_string() };
        let (mut said, mut pause) = (None, Duration::from_millis(20));
        let status = loop {
            let answer: MaybeJobStatus = self.caller.ask("getJobStatus", &request)?;
            let status = answer.status.ok_or_else(|| {
                Error::new(ErrorKind::Io, format!("The job {job} is not known any more"))
            })?;
            let percent = |part: f32| (part * 100.0 + 0.001) as u32;
            let now = (percent(status.map_progress), percent(status.reduce_progress));
            if said != Some(now) {
                said = Some(now);
                progress.percent(now.0, now.1);
            }
            let state = JobState::from_number(status.state);
            if matches!(state, Some(JobState::Succeeded | JobState::Failed | JobState::Killed)) {
                break status;
            }
            thread::sleep(pause);
            pause = (pause * 3 / 2).min(Duration::from_millis(1000));
        };
        let succeeded = status.state == JobState::Succeeded.number();
        let diagnostics: Vec<String> =
            Some(status.failure_info.clone()).filter(|d| !d.is_empty()).into_iter().collect();
        if succeeded {
            progress.line(&format!("Job {job} completed successfully"));
        } else {
            let state = JobState::from_number(status.state).map_or("FAILED", JobState::name);
            let why = &status.failure_info;
            progress.line(&format!("Job {job} failed with state {state} due to: {why}"));
        }
        let answer: JobCounters = self.caller.ask("getJobCounters", &request)?;
        let counters = answer.total.map(counters_from).unwrap_or_default();
        progress.line(&counters.to_string());
        Ok(JobResult { job, succeeded, counters, diagnostics })
    }
}

/// Counters of a message.
pub fn counters_from(message: CountersMessage) -> Counters {
    let mut counters = Counters::default();
    for group in message.groups {
        for counter in group.counters {
            counters.set(&group.name, &counter.name, counter.value);
        }
    }
    counters
}

/// Hands a job in and follows it.
pub(super) fn run(
    conf: &Configuration,
    classes: &dyn Classes,
    progress: &mut dyn Progress,
) -> Result<JobResult> {
    submit(conf, classes, progress)?.follow(progress)
}
