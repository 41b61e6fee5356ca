//! The NameNode daemon: start, serve, stop.

mod activity;
mod address;
mod beans;
mod clock;
mod counters;
mod directories;
mod door;
mod format;
mod fsck;
mod groups;
mod hosts;
mod image;
mod inotify;
mod lifeline;
mod lost_found;
mod own_keys;
mod progress;
mod racks;
mod reconfigure;
mod recover;
mod start;
mod store;
mod tasks;
mod timers;
mod topology;
mod transfer;
mod trash;
mod upkeep;
mod web;

pub use clock::Clock;
pub use format::{FormatOptions, format};
pub(crate) use groups::proxy_users;
pub use groups::{ConfiguredGroups, GroupMapping, SystemGroups};
#[cfg(feature = "fuzzing")]
pub(crate) use hosts::parse_combined;
pub(crate) use loxodon_namenode::proxy_users::ProxyUsers;
pub(crate) use racks::Racks;
#[cfg(feature = "fuzzing")]
pub(crate) use racks::parse_table;
pub use start::{RunningNameNode, StartError, StartOptions};

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

const USAGE: &str = "Usage: hdfs namenode [-format [-clusterid cid ] [-force] [-nonInteractive] ] \
                     |\n\t[-recover [ -force] ] |\n\t[-genclusterid] |\n\t[-metadataVersion] ";

/// Options of Hadoop's NameNode that this one does not have.
const OF_HADOOP: [&str; 10] = [
    "-observer",
    "-backup",
    "-checkpoint",
    "-upgrade",
    "-upgradeOnly",
    "-rollback",
    "-rollingUpgrade",
    "-importCheckpoint",
    "-initializeSharedEdits",
    "-bootstrapStandby",
];

/// Options that nothing follows.
const ALONE: [&str; 3] = ["-regular", "-genclusterid", "-metadataVersion"];

/// What the command line asks for.
enum Action {
    Start,
    Format(FormatOptions),
    Recover { force: bool },
    NewClusterId,
    MetadataVersion,
    Usage,
}

/// Runs a NameNode until it ends; the process's exit code. Messages go to standard error.
pub fn run(mut conf: Configuration, args: &[String]) -> i32 {
    if let Err(error) = own_keys::take(&mut conf) {
        return failed(&error);
    }
    match parse(args) {
        Action::Usage => {
            eprintln!("{USAGE}");
            1
        }
        Action::Format(options) => match format(&conf, &options) {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => failed(&error),
        },
        Action::Recover { force } => match recover::recover(&conf, force) {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!("RECOVERY FAILED: {error}");
                failed(&error)
            }
        },
        Action::NewClusterId => {
            eprintln!("Generating new cluster id:");
            println!("{}", format::new_cluster_id());
            0
        }
        Action::MetadataVersion => metadata_version(&conf),
        Action::Start => serve(conf),
    }
}

fn parse(args: &[String]) -> Action {
    let mut words = args.iter().map(String::as_str);
    if let [alone, more, ..] = args
        && ALONE.iter().any(|known| alone.eq_ignore_ascii_case(known))
    {
        eprintln!("namenode {alone}: unknown option {more}");
        return Action::Usage;
    }
    match words.next() {
        None => Action::Start,
        Some(word) if word.eq_ignore_ascii_case("-regular") => Action::Start,
        Some(word) if word.eq_ignore_ascii_case("-genclusterid") => Action::NewClusterId,
        Some(word) if word.eq_ignore_ascii_case("-recover") => {
            let mut force = false;
            for word in words {
                if !word.eq_ignore_ascii_case("-force") {
                    eprintln!("Error parsing recovery options: can't understand option \"{word}\"");
                    return Action::Usage;
                }
                force = true;
            }
            Action::Recover { force }
        }
        Some(word) if word.eq_ignore_ascii_case("-format") => {
            let mut options = FormatOptions::default();
            while let Some(word) = words.next() {
                match word.to_ascii_lowercase().as_str() {
                    "-clusterid" => match words.next() {
                        Some(id) if !id.is_empty() && !id.starts_with('-') => {
                            options.cluster_id = Some(id.to_owned());
                        }
                        _ => {
                            eprintln!("Must specify a valid cluster ID after the -clusterid flag");
                            return Action::Usage;
                        }
                    },
                    "-force" => options.force = true,
                    "-noninteractive" => options.non_interactive = true,
                    _ => {
                        eprintln!("namenode -format: unknown option {word}");
                        return Action::Usage;
                    }
                }
            }
            Action::Format(options)
        }
        Some(word) if word.eq_ignore_ascii_case("-metadataVersion") => Action::MetadataVersion,
        Some(word) if OF_HADOOP.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
            eprintln!(
                "namenode: java.lang.UnsupportedOperationException: {word} is not supported by \
                 Loxodon"
            );
            Action::Usage
        }
        Some(word) => {
            eprintln!("namenode: unknown option {word}");
            Action::Usage
        }
    }
}

fn metadata_version(conf: &Configuration) -> i32 {
    let found = directories::configured(conf).map_err(StartError::from).and_then(|settings| {
        let limit = directories::max_op_size(conf)?;
        Ok(crate::disk::StorageSet::open(settings, &owner(), limit)?)
    });
    match found {
        Ok(storage) => {
            println!("HDFS Image Version: {}", storage.info().layout_version);
            println!("Software format version: {}", loxodon_wire::editlog::LAYOUT_VERSION);
            0
        }
        Err(error) => failed(&error),
    }
}

/// Threads for all but calls: timers, pages, what the shell does. Calls have their own.
const THREADS: usize = 2;

fn serve(conf: Configuration) -> i32 {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.worker_threads(THREADS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Failed to start namenode.\n{error}");
            return 1;
        }
    };
    let code = runtime.block_on(async {
        // Heard from the first moment on, so that the edit log is always closed in order.
        let mut told = std::pin::pin!(crate::daemon::told_to_end());
        let started = tokio::select! {
            started = RunningNameNode::start(conf, StartOptions::default()) => started,
            () = &mut told => return 0,
        };
        let namenode = match started {
            Ok(namenode) => namenode,
            Err(error) => return failed(&error),
        };
        let code = tokio::select! {
            code = namenode.wait() => code,
            () = told => 0,
        };
        namenode.stop().await;
        code
    });
    // A start that was broken off may still be loading.
    runtime.shutdown_background();
    code
}

fn failed(error: &StartError) -> i32 {
    tracing::error!("Failed to start namenode.");
    eprintln!("Failed to start namenode.\n{}: {error}", error.java_class());
    1
}

/// What the lock file of a storage directory says: who holds it.
pub(crate) fn owner() -> String {
    format!("{}@{}", std::process::id(), crate::daemon::host_name())
}
