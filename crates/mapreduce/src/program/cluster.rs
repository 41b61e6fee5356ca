//! Hands a job to a JobTracker (Hadoop's `JobSubmitter`).

use std::io::Write;

use loxodon_conf::Configuration;

use super::follow::OutputFilter;
use crate::cache;
use crate::counters::Counters;
use crate::error::{Error, Result};
use crate::fs::{CreateOptions, FileSystems, Path};
use crate::input::{input_files, split_file};
use crate::job::JobId;
use crate::local::{JobResult, Progress};
use crate::protocol::{
    BlockingCaller, CountersMessage, Empty, JOB_CLIENT, JobStatusMessage, SubmitRequest, Text,
};
use crate::settings::Settings;
use crate::task::{Classes, input_format_of, output_format_of};
use crate::user::current_user;

/// Key of the JobTracker's address.
const ADDRESS: &str = "mapreduce.jobtracker.address";

/// Directories of jobs that are handed in are their owner's alone.
const STAGING_PERMISSION: u16 = 0o700;

/// A job that was handed in.
pub struct Submitted {
    pub(super) caller: BlockingCaller,
    pub(super) filter: OutputFilter,
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
    let filter = OutputFilter::read(conf)?;
    let user = current_user();
    let files = FileSystems::new(conf, user.clone())?;
    output_format_of(classes, conf)?.check(conf, &files)?;
    let caller = BlockingCaller::new(&address, user.clone(), &JOB_CLIENT)?;
    let area: Text = caller.call("getStagingAreaDir", &Empty {})?;
    let id: Text = caller.call("getNewJobID", &Empty {})?;
    let job: JobId = id.value.parse().map_err(|e: crate::job::IdError| Error::io(e.to_string()))?;
    let directory = files.path(&format!("{}/{job}", area.value.trim_end_matches('/')))?;
    let staged =
        stage(conf, classes, &files, &directory, &user.effective, progress).and_then(|()| {
            progress.line(&format!("Submitting tokens for job: {job}"));
            let request = SubmitRequest {
                job_id: job.to_string(),
                submit_dir: directory.to_string(),
                credentials: Vec::new(),
            };
            caller.call::<_, JobStatusMessage>("submitJob", &request)
        });
    match staged {
        Ok(status) => {
            progress.line(&format!("The url to track the job: {}", status.tracking_url));
        }
        Err(error) => {
            // The error is what the user is to hear; what was written is in his staging directory.
            let _ = files.get(&directory).and_then(|fs| fs.delete(&directory, true));
            return Err(error);
        }
    }
    Ok(Submitted { caller, filter, job })
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
    if let Some(notice) = cache::notice(&conf) {
        progress.line(&notice);
    }
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
        let is_final = entry.is_final;
        xml.push_str(&format!(
            "<property><name>{name}</name><value>{value}</value><final>{is_final}</final>"
        ));
        for source in entry.earlier.iter().map(String::as_str).chain([&*entry.source]) {
            xml.push_str(&format!("<source>{}</source>", escaped(source)));
        }
        xml.push_str("</property>\n");
    }
    xml.push_str("</configuration>\n");
    xml
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

/// Hands a job in and follows it, until Ctrl-C is pressed.
pub(super) fn run(
    conf: &Configuration,
    classes: &dyn Classes,
    progress: &mut dyn Progress,
) -> Result<JobResult> {
    submit(conf, classes, progress)?.follow_until_interrupted(progress)
}
