//! The command `mapred streaming`.

use std::path::Path;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print};

use super::usage::{DETAILS, GENERIC_USAGE, USAGE};
use super::{StreamOptions, configure, typed_files};
use crate::builtin::builtin_classes;
use crate::error::{Error, ErrorKind, Result};
use crate::local::Terminal;
use crate::program::{cluster, options, run_job};
use crate::settings::Settings;

/// Runs a command line; its exit code. `directory` has the configuration, where `HADOOP_CONF_DIR` does not say.
pub fn run(directory: Option<&Path>, arguments: &[String]) -> i32 {
    let code = match arguments.split_first() {
        None => {
            eprintln!("No Arguments Given!");
            print!("{USAGE}");
            return 1;
        }
        Some((word, rest)) if word.eq_ignore_ascii_case("dumptb") => {
            typed_files::run(directory, true, rest)
        }
        Some((word, rest)) if word.eq_ignore_ascii_case("loadtb") => {
            typed_files::run(directory, false, rest)
        }
        Some((word, rest)) if word.eq_ignore_ascii_case("streamjob") => job(directory, rest),
        Some(_) => job(directory, arguments),
    };
    if code != 0 {
        eprintln!("Streaming Command Failed!");
    }
    code
}

fn fail(message: &str) -> i32 {
    eprintln!("{message}");
    eprintln!("Try -help for more information");
    1
}

fn job(directory: Option<&Path>, arguments: &[String]) -> i32 {
    let parsed = options::of_machine(directory).and_then(|mut conf| {
        let rest = options::parse(&mut conf, arguments)?;
        Ok((conf, rest))
    });
    let (mut conf, rest) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("{}: {error}", error.java_class());
            return 1;
        }
    };
    let options = match StreamOptions::parse(&rest) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("ERROR streaming.StreamJob: {message}");
            print!("{USAGE}{GENERIC_USAGE}");
            return fail("");
        }
    };
    if options.help || options.info {
        let details = if options.info {
            DETAILS
        } else {
            "For more details about these options:\nUse mapred streaming -info\n"
        };
        print!("{USAGE}{GENERIC_USAGE}{details}");
        return 0;
    }
    if let Err(message) = configure(&options, &mut conf) {
        return fail(&message);
    }
    let output = options.output.as_deref().unwrap_or_default();
    match submit(conf, options.background) {
        Ok(true) => {
            eprintln!("INFO streaming.StreamJob: Output directory: {output}");
            0
        }
        Ok(false) => {
            eprintln!("ERROR streaming.StreamJob: Job not successful!");
            1
        }
        Err(error) => refused(&error),
    }
}

/// Says why a job could not be handed in; the exit code.
fn refused(error: &Error) -> i32 {
    let (what, code) = match error.kind() {
        ErrorKind::NotFound => ("launching job , bad input path", 2),
        ErrorKind::InvalidJobConf => ("launching job , Invalid job conf", 3),
        ErrorKind::Interrupted => ("monitoring job", 6),
        // Java's has a code of its own for an output that is there, but looks for another exception.
        _ => ("Launching job", 5),
    };
    eprintln!("ERROR streaming.StreamJob: Error {what} : {error}");
    code
}

/// Whether the job succeeded, or was handed in to go on by itself. A job in one process cannot: it is waited for.
fn submit(conf: Configuration, background: bool) -> Result<bool> {
    let framework = conf.get_text("mapreduce.framework.name")?;
    let local = framework.as_deref().unwrap_or("local") == "local";
    if background && !local {
        let job = cluster::submit(&conf, &builtin_classes(), &mut Terminal::default())?;
        eprintln!("INFO streaming.StreamJob: Job {} is running in background.", job.job);
        return Ok(true);
    }
    Ok(run_job(conf, builtin_classes())?.succeeded)
}
