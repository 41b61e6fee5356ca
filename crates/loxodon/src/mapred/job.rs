//! `mapred job` (`org.apache.hadoop.mapreduce.tools.CLI`): what is asked for, and the answers.

use std::path::Path;

use loxodon_conf::Configuration;
use loxodon_console::{eprint, print, println};
use loxodon_mapreduce::builtin_classes;
use loxodon_mapreduce::error::{Error, ErrorKind, Result};
use loxodon_mapreduce::fs::FileSystems;
use loxodon_mapreduce::job::{AttemptId, JobId, JobPriority, JobState, TipStatus};
use loxodon_mapreduce::local::Terminal;
use loxodon_mapreduce::program::cluster::{self, counters_from};
use loxodon_mapreduce::protocol::{
    CompletionEvents, Empty, EventsRequest, JobCounters, JobStatusMessage, PriorityRequest,
    Trackers,
};

use super::connection::{Connection, failed, request};
use super::{FAILED, history, list, logs, usage};
use crate::shell::current_user;

/// The key with the program whose tasks a job's are; this is ours.
const PROGRAM: &str = "loxodon.job.program";
const OWN_PROGRAM: &str = "loxodon";
/// Longest configuration that is fetched, in bytes.
const LARGEST_CONF: u64 = 64 << 20;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Submit(&'a str),
    Status(&'a str),
    Counter(&'a str, &'a str, &'a str),
    Kill(&'a str),
    SetPriority(&'a str, &'a str),
    Events(&'a str, &'a str, &'a str),
    List { all: bool },
    ActiveTrackers,
    BlacklistedTrackers,
    AttemptIds(&'a str, &'a str, &'a str),
    KillTask(&'a str),
    FailTask(&'a str),
    Logs(&'a str, Option<&'a str>),
    Config(&'a str, &'a str),
    History(history::Asked<'a>),
}

/// A command line that is refused, with what is printed before its usage.
#[derive(Debug, PartialEq, Eq)]
struct Wrong<'a> {
    option: &'a str,
    first: Option<String>,
}

fn parse<'a>(words: &[&'a str]) -> std::result::Result<Asked<'a>, Wrong<'a>> {
    let option = words.first().copied().unwrap_or("");
    let wrong = Wrong { option, first: None };
    Ok(match *words {
        ["-submit", file] => Asked::Submit(file),
        ["-status", job] => Asked::Status(job),
        ["-counter", job, group, name] => Asked::Counter(job, group, name),
        ["-kill", job] => Asked::Kill(job),
        ["-set-priority", job, priority] => {
            let named = JobPriority::from_name(priority).is_some_and(|p| p.name() == priority);
            if !named && priority.parse::<i32>().is_err() {
                return Err(wrong);
            }
            Asked::SetPriority(job, priority)
        }
        ["-events", job, from, count] => Asked::Events(job, from, count),
        ["-history", ref rest @ ..] => match history::Asked::parse(rest) {
            Some(asked) => Asked::History(asked),
            None => return Err(wrong),
        },
        ["-list"] => Asked::List { all: false },
        ["-list", "all"] => Asked::List { all: true },
        ["-list-active-trackers"] => Asked::ActiveTrackers,
        ["-list-blacklisted-trackers"] => Asked::BlacklistedTrackers,
        ["-list-attempt-ids", job, kind, state] => {
            let is =
                |one: &str, all: &[&str]| all.iter().any(|known| one.eq_ignore_ascii_case(known));
            if !is(kind, &["MAP", "REDUCE"]) {
                let first = Some(format!("Error: Invalid task-type: {kind}"));
                return Err(Wrong { option, first });
            }
            if !is(state, &["pending", "running", "completed", "failed", "killed"]) {
                let first = Some(format!("Error: Invalid task-state: {state}"));
                return Err(Wrong { option, first });
            }
            Asked::AttemptIds(job, kind, state)
        }
        ["-kill-task", attempt] => Asked::KillTask(attempt),
        ["-fail-task", attempt] => Asked::FailTask(attempt),
        ["-logs", job] => Asked::Logs(job, None),
        ["-logs", job, attempt] => Asked::Logs(job, Some(attempt)),
        ["-config", job, file] => Asked::Config(job, file),
        _ => return Err(wrong),
    })
}

/// Runs `mapred job`; its exit code.
pub(super) fn run(conf: Configuration, args: &[String]) -> i32 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let asked = match parse(&words) {
        Ok(asked) => asked,
        Err(wrong) => {
            if let Some(first) = wrong.first {
                println!("{first}");
            }
            let text = usage::job(wrong.option);
            eprint!("{text}");
            if text.starts_with("Usage: job <command>") && !args.is_empty() || args.is_empty() {
                print!("{}", usage::GENERIC);
            }
            return FAILED;
        }
    };
    answer(conf, &asked).unwrap_or_else(|error| failed(&error))
}

fn answer(conf: Configuration, asked: &Asked<'_>) -> Result<i32> {
    match *asked {
        Asked::Submit(file) => return submit(conf, file),
        Asked::History(ref asked) => return history::print(&conf, asked),
        Asked::Events(_, from, count) => [from, count].into_iter().try_for_each(check_number)?,
        _ => {}
    }
    let connection = Connection::of(&conf)?;
    match *asked {
        Asked::Submit(_) | Asked::History(_) => Ok(FAILED),
        Asked::List { all } => {
            let mut jobs = connection.all()?;
            jobs.retain(|job| all || !is_over(job));
            print!("{}", list::table(&jobs));
            Ok(0)
        }
        Asked::ActiveTrackers => {
            let found: Trackers = connection.call("getActiveTrackers", &Empty {})?;
            found.trackers.iter().for_each(|t| println!("{}", t.name));
            Ok(0)
        }
        Asked::BlacklistedTrackers => {
            let found: Trackers = connection.call("getBlacklistedTrackers", &Empty {})?;
            if !found.trackers.is_empty() {
                println!("BlackListedNode \t Reason");
            }
            for tracker in found.trackers {
                println!("{}\t{}", tracker.name, tracker.blacklist_reason);
            }
            Ok(0)
        }
        Asked::KillTask(attempt) | Asked::FailTask(attempt) => {
            of_attempt(&connection, attempt, matches!(asked, Asked::FailTask(_)))
        }
        Asked::Status(job)
        | Asked::Counter(job, ..)
        | Asked::Kill(job)
        | Asked::SetPriority(job, _)
        | Asked::Events(job, ..)
        | Asked::AttemptIds(job, ..)
        | Asked::Logs(job, _)
        | Asked::Config(job, _) => {
            check::<JobId>(job)?;
            match connection.status(job)? {
                Some(status) => of_job(&conf, &connection, asked, &status),
                None => {
                    println!("Could not find job {job}");
                    Ok(FAILED)
                }
            }
        }
    }
}

fn check<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<()> {
    text.parse::<T>().map(drop).map_err(|error| Error::argument(error.to_string()))
}

/// As Java's `Integer.parseInt` refuses what is no number.
fn check_number(text: &str) -> Result<()> {
    if text.parse::<i32>().is_ok() {
        return Ok(());
    }
    let class = "java.lang.NumberFormatException".to_owned();
    Err(Error::new(ErrorKind::Remote(class), format!("For input string: \"{text}\"")))
}

/// Events are counted from 0 on.
fn number_of(text: &str) -> u32 {
    text.parse().unwrap_or(0)
}

fn is_over(job: &JobStatusMessage) -> bool {
    JobState::from_number(job.state).is_some_and(JobState::is_over)
}

/// A job whose whole configuration is a file: its classes are those of streaming and the examples.
fn submit(mut conf: Configuration, file: &str) -> Result<i32> {
    conf.load_file(Path::new(file))?;
    conf.set(PROGRAM, OWN_PROGRAM, "mapred job -submit");
    let submitted = cluster::submit(&conf, &builtin_classes(), &mut Terminal::default())?;
    println!("Created job {}", submitted.job);
    Ok(0)
}

fn of_attempt(connection: &Connection, attempt: &str, fail: bool) -> Result<i32> {
    check::<AttemptId>(attempt)?;
    let method = if fail { "failTask" } else { "killTask" };
    let done = connection.of_attempt(method, attempt)?;
    let text = match (done, fail) {
        (true, false) => format!("Killed task {attempt}\n"),
        (true, true) => format!("Killed task {attempt} by failing it\n"),
        (false, false) => format!("Could not kill task {attempt}\n"),
        (false, true) => format!("Could not fail task {attempt}\n"),
    };
    print!("{text}");
    Ok(if done { 0 } else { FAILED })
}

fn of_job(
    conf: &Configuration,
    connection: &Connection,
    asked: &Asked<'_>,
    status: &JobStatusMessage,
) -> Result<i32> {
    let job = status.job_id.as_str();
    match *asked {
        Asked::Status(_) => print_status(connection, status)?,
        Asked::Counter(_, group, name) => {
            let counters: JobCounters = connection.call("getJobCounters", &request(job))?;
            let Some(total) = counters.total else {
                println!("Counters not available for retired job {job}");
                return Ok(FAILED);
            };
            println!("{}", counters_from(total).get(group, name));
        }
        Asked::Kill(_) => return kill(connection, status),
        Asked::SetPriority(_, priority) => {
            let order = PriorityRequest { job_id: job.to_owned(), priority: priority.to_owned() };
            let _: Empty = connection.call("setJobPriority", &order)?;
            println!("Changed job priority.");
        }
        Asked::Events(_, from, max) => {
            print_events(connection, job, number_of(from), number_of(max))?;
        }
        Asked::AttemptIds(_, kind, state) => print_attempts(connection, job, kind, state)?,
        Asked::Logs(_, attempt) => {
            if let Some(attempt) = attempt {
                check::<AttemptId>(attempt)?;
            }
            logs::print(connection, job, attempt)?;
        }
        Asked::Config(_, file) => fetch_conf(conf, status, file)?,
        _ => {}
    }
    Ok(0)
}

fn print_status(connection: &Connection, status: &JobStatusMessage) -> Result<()> {
    let job = status.job_id.as_str();
    let counters: JobCounters = connection.call("getJobCounters", &request(job))?;
    let state = JobState::from_number(status.state).map_or("", JobState::name);
    let reason = if state == "FAILED" { status.failure_info.as_str() } else { " " };
    let text = format!(
        "\nJob: {job}\nJob File: {}\nJob Tracking URL : {}\nUber job : false\n\
         Number of maps: {}\nNumber of reduces: {}\nmap() completion: {:?}\n\
         reduce() completion: {:?}\nJob state: {state}\nretired: {}\nreason for failure: {reason}\n",
        status.job_file,
        status.tracking_url,
        status.maps,
        status.reduces,
        status.map_progress,
        status.reduce_progress,
        status.retired,
    );
    print!("{text}");
    match counters.total {
        Some(total) => println!("{}", counters_from(total)),
        None => println!("Counters not available. Job is retired."),
    }
    Ok(())
}

fn kill(connection: &Connection, status: &JobStatusMessage) -> Result<i32> {
    let job = status.job_id.as_str();
    let refused = match JobState::from_number(status.state) {
        Some(JobState::Failed) => {
            Some(format!("Could not mark the job {job} as killed, as it has already failed."))
        }
        Some(JobState::Killed) => Some(format!("The job {job} has already been killed.")),
        Some(JobState::Succeeded) => {
            Some(format!("Could not kill the job {job}, as it has already succeeded."))
        }
        _ => None,
    };
    if let Some(text) = refused {
        println!("{text}");
        return Ok(FAILED);
    }
    let _: Empty = connection.call("killJob", &request(job))?;
    println!("Killed job {job}");
    Ok(0)
}

fn print_events(connection: &Connection, job: &str, from: u32, max: u32) -> Result<()> {
    let request = EventsRequest { job_id: job.to_owned(), from, max };
    let found: CompletionEvents = connection.call("getTaskCompletionEvents", &request)?;
    let mut text = format!(
        "Task completion events for {job}\nNumber of events (from {from}) are: {}\n",
        found.events.len()
    );
    for event in found.events {
        let status = loxodon_mapreduce::job::CompletionStatus::from_number(event.status);
        text.push_str(&format!(
            "{} {} {}/tasklog?plaintext=true&attemptid={}\n",
            status.map_or("", loxodon_mapreduce::job::CompletionStatus::name),
            event.attempt_id,
            event.tracker_http,
            event.attempt_id
        ));
    }
    print!("{text}");
    Ok(())
}

fn print_attempts(connection: &Connection, job: &str, kind: &str, state: &str) -> Result<()> {
    let wanted = match state.to_ascii_lowercase().as_str() {
        "pending" => TipStatus::Pending,
        "running" => TipStatus::Running,
        "completed" => TipStatus::Complete,
        "failed" => TipStatus::Failed,
        _ => TipStatus::Killed,
    };
    let mut text = String::new();
    for report in connection.tasks(job, &kind.to_ascii_uppercase(), false)? {
        if TipStatus::from_number(report.status) != Some(wanted) {
            continue;
        }
        // Hadoop too names attempts of complete and of running tasks only.
        match wanted {
            TipStatus::Complete => text.push_str(&format!("{}\n", report.successful_attempt)),
            TipStatus::Running => {
                report.running_attempts.iter().for_each(|id| text.push_str(&format!("{id}\n")));
            }
            _ => {}
        }
    }
    print!("{text}");
    Ok(())
}

fn fetch_conf(conf: &Configuration, status: &JobStatusMessage, file: &str) -> Result<()> {
    let files = FileSystems::new(conf, current_user())?;
    let path = files.path(&status.job_file)?;
    let bytes = files.get(&path)?.read_all(&path, LARGEST_CONF)?;
    std::fs::write(file, bytes).map_err(|e| Error::system(format_args!("writing {file}"), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> std::result::Result<Asked<'_>, Wrong<'_>> {
        parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn sub_options_and_their_arguments() {
        assert_eq!(parsed("-list all"), Ok(Asked::List { all: true }));
        assert_eq!(parsed("-counter j g n"), Ok(Asked::Counter("j", "g", "n")));
        assert_eq!(parsed("-events j 1 20"), Ok(Asked::Events("j", "1", "20")));
        assert!(check_number("7").is_ok());
        assert_eq!(
            check_number("many").unwrap_err().java_class(),
            "java.lang.NumberFormatException"
        );
        assert_eq!(parsed("-set-priority j VERY_HIGH"), Ok(Asked::SetPriority("j", "VERY_HIGH")));
        assert_eq!(parsed("-set-priority j 7"), Ok(Asked::SetPriority("j", "7")));
        assert_eq!(parsed("-logs j a"), Ok(Asked::Logs("j", Some("a"))));
        for wrong in ["", "-kill", "-status a b", "-list some", "-set-priority j urgent", "-dance"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        let first = parsed("-list-attempt-ids j MAP lost").unwrap_err().first;
        assert_eq!(first.as_deref(), Some("Error: Invalid task-state: lost"));
    }
}
