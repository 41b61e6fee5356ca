//! `hdfs dfs`, `hadoop fs`: Hadoop's file system shell.

mod acl;
mod adjust;
mod avro;
mod command;
mod delete;
mod destination;
mod directories;
mod display;
mod failure;
mod filesystem;
mod find;
mod help;
mod inspect;
mod item;
mod local;
mod location;
mod ls;
mod merge;
mod mode;
mod options;
mod progress;
pub(crate) mod quota;
mod sequence_file;
mod session;
pub(crate) mod size;
mod status;
mod stream;
mod table;
mod text;
mod transfer;
mod trash;
mod usage;
mod xattr;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print};
use tokio::runtime::{Builder, Runtime};

pub(crate) use failure::Failure;
pub(crate) use help::GENERIC as GENERIC_OPTIONS;
pub(crate) use location::normalize;
pub(crate) use loxodon_mapreduce::user::current_user;
pub(crate) use session::require_known_host;

use session::Session;
use table::Entry;

/// Exit code of a wrong command line, -1 in Java.
const WRONG_USAGE: i32 = 255;
/// Exit code where a server did not answer in time.
const INTERRUPTED: i32 = 130;

/// Runs one command of the shell; its exit code.
pub(crate) fn run(conf: Configuration, args: &[String]) -> i32 {
    let Some((word, rest)) = args.split_first() else {
        eprintln!("{}", help::overview(false));
        return WRONG_USAGE;
    };
    let name = word.strip_prefix('-').unwrap_or_default();
    match (name, table::find(name)) {
        ("help" | "usage", _) => show(word, rest, name == "help"),
        (_, Some(entry)) => run_entry(conf, entry, word, rest),
        (_, None) => unknown(word, None, "Unknown command"),
    }
}

fn show(word: &str, names: &[String], with_help: bool) -> i32 {
    if names.is_empty() {
        print!("{}", (help::overview(with_help) + "\n"));
    }
    for name in names {
        let Some(entry) = table::find(name) else {
            let own = table::find(word.trim_start_matches('-'));
            return unknown(word, own, &format!("`{name}': Unknown command"));
        };
        print!("{}", help::about(entry, with_help));
    }
    0
}

/// A wrong command line: what is wrong, and how commands are written.
fn unknown(word: &str, entry: Option<&Entry>, message: &str) -> i32 {
    for line in message.lines() {
        eprintln!("{word}: {line}");
        if !word.starts_with('-') && table::find(word).is_some() {
            eprintln!("Did you mean -{word}?  This command begins with a dash.");
        }
    }
    eprintln!("{}", help::overview(false));
    if let Some(entry) = entry {
        eprintln!("{}", help::usage_of(entry));
    }
    WRONG_USAGE
}

fn run_entry(conf: Configuration, entry: &Entry, word: &str, args: &[String]) -> i32 {
    let Some(make) = entry.make else {
        eprintln!("{}: {}", entry.name, unsupported(entry));
        return 1;
    };
    let mut session =
        match runtime(args).and_then(|runtime| Session::new(conf, runtime, entry.name)) {
            Ok(session) => session,
            Err(failure) => {
                eprintln!("{word}: {failure}");
                return WRONG_USAGE;
            }
        };
    if let Some(other) = entry.replaced_by {
        eprintln!("{}: DEPRECATED: Please use '{other}' instead.", entry.name);
    }
    let done = command::execute(&mut session, make().as_mut(), args.to_vec());
    let flushed = session.flush();
    match done.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => code,
        Err(Failure::Fatal { class, message }) => {
            eprintln!("{word}: Fatal internal error\n{class}: {message}");
            WRONG_USAGE
        }
        Err(failure) if failure.is_timeout() => {
            eprintln!("{}: Interrupted", entry.name);
            INTERRUPTED
        }
        // The reader of our output has seen enough.
        Err(Failure::OutputClosed) => 0,
        Err(failure) => unknown(word, Some(entry), &failure.to_string()),
    }
}

/// Runs a command that walks over paths as the shell's do, for another tool; how many paths failed.
///
/// # Errors
/// A wrong argument, or what ends the walk.
pub(crate) fn walk(
    conf: Configuration,
    name: &str,
    command: &mut dyn command::Command,
    args: &[String],
) -> Result<u32, Failure> {
    let mut session = Session::new(conf, runtime(args)?, name)?;
    command::execute(&mut session, command, args.to_vec())?;
    Ok(session.errors())
}

fn unsupported(entry: &Entry) -> String {
    if entry.name == "moveToLocal" {
        return "Option '-moveToLocal' is not implemented yet.".into();
    }
    format!("java.lang.UnsupportedOperationException: -{} is not supported", entry.name)
}

/// One thread, which starts faster; as many as there are processors where copies run beside each other.
fn runtime(args: &[String]) -> Result<Runtime, Failure> {
    let several = args.iter().any(|arg| arg == "-t");
    let mut builder =
        if several { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build().map_err(|e| Failure::io(format!("cannot start: {e}")))
}
