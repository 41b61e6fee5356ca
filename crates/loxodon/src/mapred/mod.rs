//! `mapred`: jobs, queues, and the daemons that run them.

mod connection;
mod history;
mod jar;
mod job;
mod list;
mod logs;
mod operators;
mod queue;
mod usage;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print};
use loxodon_mapreduce::program::options;
use loxodon_runtime::daemon;

use crate::generic::Launch;

/// Exit code of what failed, -1 in Java.
const FAILED: i32 = 255;

/// Words of Hadoop's `mapred` that this program knows of and does not do.
const UNSUPPORTED: &[&str] = &[
    "archive",
    "archive-logs",
    "classpath",
    "distcp",
    "envvars",
    "frameworkuploader",
    "pipes",
    "sampler",
    "successfile",
];

/// Words that are daemons, which log from their start.
pub(crate) fn is_daemon(word: &str) -> bool {
    matches!(word, "jobtracker" | "tasktracker" | "historyserver")
}

/// Runs `mapred WORD ARGUMENTS`; its exit code. `None` where the word is not one of `mapred`'s own.
pub(crate) fn run(word: &str, args: &[String], launch: &Launch) -> Option<i32> {
    let command: fn(Configuration, &[String]) -> i32 = match word {
        "job" => job::run,
        "queue" => queue::run,
        "jobtracker" => daemon::jobtracker::run,
        "tasktracker" => daemon::tasktracker::run,
        "historyserver" => daemon::history::run,
        "mradmin" => operators::mradmin,
        "hsadmin" => operators::hsadmin,
        "streaming" => {
            return Some(loxodon_mapreduce::streaming::run(launch.directory.as_deref(), args));
        }
        "jar" => return Some(jar::run(launch.directory.as_deref(), args)),
        "help" | "-h" | "-help" => {
            print!("{}", usage::LAUNCHER);
            return Some(0);
        }
        word if UNSUPPORTED.contains(&word) => {
            eprintln!(
                "{word}: java.lang.UnsupportedOperationException: mapred {word} is not supported by \
                 Loxodon"
            );
            return Some(FAILED);
        }
        _ => return None,
    };
    let configured = options::of_machine(launch.directory.as_deref()).and_then(|mut conf| {
        let rest = options::parse(&mut conf, args)?;
        Ok((conf, rest))
    });
    Some(match configured {
        Ok((conf, rest)) => command(conf, &rest),
        Err(error) => {
            eprintln!("{word}: {error}");
            FAILED
        }
    })
}

/// The words that only `mapred` has: they are understood without it too.
pub(crate) fn is_own(word: &str) -> bool {
    is_daemon(word) || matches!(word, "jar" | "job" | "queue" | "streaming" | "mradmin" | "hsadmin")
}

/// What a link named `mapred` says without a word.
pub(crate) const fn launcher_usage() -> &'static str {
    usage::LAUNCHER
}
