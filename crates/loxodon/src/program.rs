//! From a command line to the command: `argv[0]`, the launcher's options, the word.

use std::path::Path;
use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_console::{eprint, eprintln, print};

use crate::admin;
use loxodon_mapreduce::builtin_classes;
use loxodon_mapreduce::task::Classes;
use loxodon_runtime::daemon;
use loxodon_wire::version;
use tracing_subscriber::filter::LevelFilter;

use crate::embedded::{demo, minicluster};
use crate::environment;
use crate::generic::{self, Launch};
use crate::mapred;
use crate::offline;
use crate::shell;

/// With it a TaskTracker starts this program: its address and an attempt follow.
const TASK_OPTION: &str = "--loxodon-task";

/// Exit code of a wrong command line.
const WRONG_USAGE: i32 = 255;

/// Words of Hadoop's `hdfs` and `hadoop` that this program knows of and does not do.
const UNSUPPORTED: &[&str] = &[
    "archive",
    "archive-logs",
    "balancer",
    "cacheadmin",
    "crypto",
    "debug",
    "dfsrouter",
    "dfsrouteradmin",
    "diskbalancer",
    "distch",
    "distcp",
    "dtutil",
    "ec",
    "fedbalance",
    "fetchdt",
    "gridmix",
    "httpfs",
    "jmxget",
    "jnipath",
    "journalnode",
    "kerbname",
    "kdiag",
    "kms",
    "mover",
    "nfs3",
    "oiv_legacy",
    "portmap",
    "registrydns",
    "s3guard",
    "sps",
    "trace",
    "zkfc",
];

/// Runs a command line, `argv[0]` first; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let (called, args) = args.split_first().map_or(("loxodon", args), |(first, rest)| {
        (Path::new(first).file_name().and_then(|name| name.to_str()).unwrap_or("loxodon"), rest)
    });
    if let [option, tracker, attempt] = args
        && option == TASK_OPTION
    {
        return run_task(tracker, attempt);
    }
    let launch = match Launch::parse(args) {
        Ok(launch) => launch,
        Err(message) => return refuse(&message),
    };
    match launch.rest.split_first() {
        None => {
            let text = usage(called);
            eprint!("{}", if called == "mapred" { mapred::launcher_usage() } else { &text });
            1
        }
        // `loxodon hdfs dfs ...` is what a link named `hdfs` makes of `hdfs dfs ...`.
        Some((word, rest))
            if called != "hdfs"
                && matches!(word.as_str(), "hdfs" | "hadoop" | "mapred" | "yarn") =>
        {
            let mut inner = vec![word.clone()];
            inner.extend_from_slice(rest);
            run(&inner)
        }
        Some((word, rest)) => dispatch(called, word, rest, &launch),
    }
}

/// Runs one attempt of a built-in job for the TaskTracker that started this process.
fn run_task(tracker: &str, attempt: &str) -> i32 {
    let classes = |_: &Configuration| -> loxodon_mapreduce::error::Result<Arc<dyn Classes>> {
        Ok(Arc::new(builtin_classes()))
    };
    match loxodon_mapreduce::task::remote::run(tracker, attempt, &classes) {
        // One that was told to end has nothing to say.
        Ok(_) => 0,
        Err(error) => {
            eprintln!("{}: {error}", error.java_class());
            1
        }
    }
}

fn refuse(message: &str) -> i32 {
    eprintln!("{message}");
    WRONG_USAGE
}

fn dispatch(called: &str, word: &str, args: &[String], launch: &Launch) -> i32 {
    let configured = || generic::configure(launch.directory.as_deref(), args);
    if let Err(message) = start_log(word, launch) {
        return refuse(&message);
    }
    if (called == "mapred" || mapred::is_own(word))
        && let Some(code) = mapred::run(word, args, launch)
    {
        return code;
    }
    match word {
        "version" | "-version" => {
            print!("{}", version());
            0
        }
        "help" | "-h" | "-help" => {
            print!("{}", usage(called));
            0
        }
        "dfs" | "fs" => with(configured(), shell::run),
        "dfsadmin" => with(configured(), admin::dfsadmin),
        "fsck" => with(configured(), admin::fsck),
        "getconf" => with(configured(), |conf, args| admin::getconf(&conf, args)),
        "groups" => with(configured(), admin::groups),
        "storagepolicies" => with(configured(), admin::storage_policies),
        "lsSnapshottableDir" => with(configured(), admin::snapshottable),
        "lsSnapshot" => with(configured(), admin::snapshots),
        "snapshotDiff" => with(configured(), admin::difference),
        "haadmin" => with(configured(), |conf, args| admin::ha_admin(&conf, args)),
        "daemonlog" => with(configured(), |_, args| admin::daemon_log(args)),
        "conftest" => with(configured(), |_, args| environment::conf_test(args)),
        "credential" => with(configured(), |conf, args| environment::credential(&conf, args)),
        "key" => with(configured(), |conf, args| environment::key(&conf, args)),
        "checknative" => environment::check_native(args),
        "classpath" => environment::class_path(launch.directory.as_deref(), args),
        "envvars" => environment::variables(called, launch.directory.as_deref()),
        "namenode" => with(configured(), daemon::namenode::run),
        "datanode" => with(configured(), daemon::datanode::run),
        "minicluster" => minicluster::run(args),
        "demo" => demo::run(args),
        "oiv" => offline::oiv(args),
        "oev" => offline::oev(args),
        "secondarynamenode" => refuse(
            "secondarynamenode: java.lang.UnsupportedOperationException: the NameNode writes its own \
             checkpoints; Apache Hadoop's secondarynamenode works against it where one is wanted",
        ),
        other if UNSUPPORTED.contains(&other) => refuse(&format!(
            "{other}: java.lang.UnsupportedOperationException: {called} {other} is not supported by Loxodon"
        )),
        other => {
            eprintln!("ERROR: {other} is not COMMAND nor fully qualified CLASSNAME.");
            eprint!("{}", usage(called));
            1
        }
    }
}

/// Daemons log from the start; other commands say what they have to say themselves, and log
/// only when they are told to.
fn start_log(word: &str, launch: &Launch) -> Result<(), String> {
    let is_daemon = matches!(word, "namenode" | "datanode") || mapred::is_daemon(word);
    match launch.log_level {
        Some(level) => daemon::log::start(level),
        None if is_daemon => daemon::log::start(LevelFilter::INFO),
        None => Ok(()),
    }
}

fn with(
    configured: Result<(Configuration, Vec<String>), String>,
    command: impl FnOnce(Configuration, &[String]) -> i32,
) -> i32 {
    match configured {
        Ok((conf, args)) => command(conf, &args),
        Err(message) => refuse(&message),
    }
}

fn version() -> String {
    // Scripts take the second word of the first line for the version.
    format!("Hadoop {}\nLoxodon {}\n", version::HADOOP, env!("CARGO_PKG_VERSION"))
}

fn usage(called: &str) -> String {
    format!(
        "Usage: {called} [--config DIR] [--loglevel LEVEL] COMMAND [options]\n\n\
         Client commands:\n  \
         dfs          the file system shell (also: fs)\n  \
         groups       a user's groups\n  \
         getconf      what the configuration says\n  \
         conftest     whether configuration files are well-formed\n  \
         classpath, envvars, checknative  what Java programs and scripts ask for\n  \
         credential, key  stores of passwords and keys, of which there are none\n  \
         version      print the version\n\n\
         Admin commands:\n  \
         dfsadmin     state and orders of the cluster\n  \
         fsck         check files and blocks\n  \
         haadmin      state of highly available NameNodes\n  \
         daemonlog    how much a daemon logs\n  \
         storagepolicies  on which storage files lie\n  \
         oiv          an image as text\n  \
         oev          an edit log as text, and back\n\n\
         Commands for jobs: job, queue, jobtracker, tasktracker; mapred tells more\n\n\
         Daemon commands:\n  \
         namenode     keeps the names and tells where blocks are\n  \
         datanode     keeps the blocks\n  \
         minicluster  both in one process, for tests\n  \
         demo         shows what they do\n"
    )
}
