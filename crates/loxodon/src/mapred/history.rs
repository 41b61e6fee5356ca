//! `mapred job -history` (`org.apache.hadoop.mapreduce.jobhistory.HistoryViewer`).

use std::path::Path as LocalPath;

use jiff::tz::TimeZone;
use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print, println};
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::fs::FileSystems;
use loxodon_mapreduce::history::{JobRecord, ViewFormat, view};
use loxodon_mapreduce::job::JobId;

use super::FAILED;
use super::connection::Connection;
use crate::shell::current_user;

/// Longest history that is shown, in bytes.
const LARGEST: u64 = 1 << 30;
const WRONG: &str = "Unable to initialize History Viewer";

/// What `-history` is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    /// A job, or a file whose name ends in `.jhist`.
    pub(super) of: &'a str,
    /// Whether what succeeded is listed too.
    pub(super) all: bool,
    /// A local file instead of the standard output.
    pub(super) out: Option<&'a str>,
    /// `human` or `json`.
    pub(super) format: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads `[all] <jobHistoryFile|jobId> [-outfile <file>] [-format <human|json>]`.
    pub(super) fn parse(words: &[&'a str]) -> Option<Self> {
        let (all, rest) = match words {
            ["all", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (of, rest) = rest.split_first()?;
        let (out, rest) = match rest {
            ["-outfile", file, rest @ ..] => (Some(*file), rest),
            rest => (None, rest),
        };
        let format = match rest {
            [] => "human",
            ["-format", format] => format,
            _ => return None,
        };
        Some(Self { of, all, out, format })
    }
}

/// Prints a history; the exit code.
///
/// # Errors
/// No such file, no history, or a format that is none.
pub(super) fn print(conf: &Configuration, asked: &Asked<'_>) -> Result<i32> {
    let file = if asked.of.ends_with(".jhist") {
        asked.of.to_owned()
    } else {
        let job = asked.of;
        job.parse::<JobId>().map_err(|error| Error::argument(error.to_string()))?;
        let Some(status) = Connection::of(conf)?.status(job)? else {
            println!("Could not find job {job}");
            return Ok(FAILED);
        };
        if status.history_file.is_empty() {
            println!("History file for job {job} is currently unavailable.");
            return Ok(FAILED);
        }
        status.history_file
    };
    let record = read(conf, &file)?;
    let Some(format) = ViewFormat::from_name(asked.format) else {
        eprintln!("Invalid format specified: {}", asked.format);
        return Err(Error::argument(WRONG));
    };
    let zone = TimeZone::system();
    let text = view(&record, asked.all, format, &zone)
        .ok_or_else(|| Error::io(format!("{WRONG}\nCaused by: {file} tells of no job")))?;
    match asked.out {
        Some(out) => std::fs::write(LocalPath::new(out), text)
            .map_err(|e| Error::system(format_args!("writing {out}"), &e))?,
        None => print!("{text}"),
    }
    Ok(0)
}

fn read(conf: &Configuration, file: &str) -> Result<JobRecord> {
    let wrong = |class: &str, why: &dyn std::fmt::Display| {
        Error::io(format!("{WRONG}\nCaused by: {class}: {why}"))
    };
    let name = file.rsplit('/').next().unwrap_or_default();
    if !name.trim_end_matches('_').contains('_') {
        eprintln!("Ignore unrecognized file: {name}");
        return Err(Error::io(WRONG));
    }
    let bytes = || -> Result<Vec<u8>> {
        let files = FileSystems::new(conf, current_user())?;
        let path = files.path(file)?;
        files.get(&path)?.read_all(&path, LARGEST)
    };
    let bytes = bytes().map_err(|error| wrong(error.java_class(), &error))?;
    JobRecord::read(&bytes).map_err(|error| wrong("java.io.IOException", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_in_javas_order() {
        let parse = |line: &'static str| {
            Asked::parse(&line.split_whitespace().collect::<Vec<_>>())
                .map(|a| (a.of, a.all, a.out, a.format))
        };
        assert_eq!(parse("job_1_1"), Some(("job_1_1", false, None, "human")));
        assert_eq!(
            parse("all f.jhist -outfile o -format json"),
            Some(("f.jhist", true, Some("o"), "json"))
        );
        assert_eq!(parse("j -format json"), Some(("j", false, None, "json")));
        for wrong in ["", "all", "j -outfile", "j -format", "j -format json -outfile o", "a b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
