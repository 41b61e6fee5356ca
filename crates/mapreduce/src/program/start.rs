//! A program's `main`: it hands a job in, or runs one of its tasks.

use std::process::ExitCode;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_console::eprintln;

use super::job::Job;
use super::options;
use super::registry::Program;
use crate::error::{Error, ErrorKind, Result};
use crate::local::{self, JobResult};
use crate::settings::Settings;
use crate::task::Classes;

/// The first argument with which a TaskTracker starts a program: its address and an attempt follow.
const TASK_OPTION: &str = "--loxodon-task";

/// Key in which a job keeps its program's arguments, for its tasks.
const ARGUMENTS: &str = "loxodon.job.arguments";

/// What the arguments of a job are joined with.
const SEPARATOR: char = '\u{1f}';

/// The whole `main` of a program with one job.
///
/// `define` says what the job is, from the arguments that are not Hadoop's generic options. It is called where the
/// job is handed in and again, with the same arguments, in every task: it must say the same each time and do nothing
/// else. The exit code is 0 where the job succeeded.
pub fn run(define: impl Fn(&mut Job, &[String]) -> Result<()>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&define, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", error.java_class());
            ExitCode::FAILURE
        }
    }
}

fn start(define: &dyn Fn(&mut Job, &[String]) -> Result<()>, arguments: &[String]) -> Result<bool> {
    if let [option, address, attempt] = arguments
        && option == TASK_OPTION
    {
        return crate::task::remote::run(address, attempt, &|conf| {
            let own = conf.get(ARGUMENTS)?.unwrap_or_default();
            let own: Vec<String> = match own.as_str() {
                "" => Vec::new(),
                own => own.split(SEPARATOR).map(str::to_owned).collect(),
            };
            Ok(Arc::new(defined(define, conf.clone(), &own)?.1))
        });
    }
    let mut conf = options::of_machine(None)?;
    let rest = options::parse(&mut conf, arguments)?;
    let (mut conf, program) = defined(define, conf, &rest)?;
    conf.set(ARGUMENTS, &rest.join(&SEPARATOR.to_string()), "the program");
    Ok(run_job(conf, program)?.succeeded)
}

fn defined(
    define: &dyn Fn(&mut Job, &[String]) -> Result<()>,
    conf: Configuration,
    arguments: &[String],
) -> Result<(Configuration, Program)> {
    let mut job = Job::new(conf);
    // A program that indexes arguments which were not given shall say how it is used, not where it broke.
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| define(&mut job, arguments)));
    match result {
        Ok(defined) => defined?,
        Err(_) => {
            let text = format!("the job could not be defined from {} arguments", arguments.len());
            return Err(Error::new(ErrorKind::IllegalArgument, text));
        }
    }
    Ok(job.into_parts())
}

/// Runs a job where its configuration says: in this process (`mapreduce.framework.name` is `local` or not set), or on
/// the cluster of `mapreduce.jobtracker.address`. Progress goes to the standard error stream, as Hadoop's client
/// prints it.
///
/// # Errors
/// The job cannot be handed in. One that fails is a result.
pub fn run_job(conf: Configuration, classes: impl Classes + 'static) -> Result<JobResult> {
    for notice in conf.misspelt() {
        eprintln!("WARN conf.Configuration: {notice}");
    }
    let framework = conf.get_text("mapreduce.framework.name")?;
    match framework.as_deref().unwrap_or("local") {
        "local" => local::run(&conf, Arc::new(classes), &mut local::Terminal::default()),
        "classic" | "loxodon" => {
            super::cluster::run(&conf, &classes, &mut local::Terminal::default())
        }
        other => Err(Error::io(format!(
            "Cannot initialize Cluster. Please check your configuration for \
             mapreduce.framework.name and the correspond server addresses: {other}"
        ))),
    }
}
