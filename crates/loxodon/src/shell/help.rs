//! `usage` and `help`.

use std::fmt::Write as _;

use super::table::{COMMANDS, Entry};

/// First line of every usage.
pub(crate) const PREFIX: &str = "Usage: hadoop fs [generic options]";

/// The options that every command takes, as Hadoop prints them.
pub(crate) const GENERIC: &str = "\
Generic options supported are:
-conf <configuration file>        specify an application configuration file
-D <property=value>               define a value for a given property
-fs <file:///|hdfs://namenode:port> specify default filesystem URL to use, overrides 'fs.defaultFS' property from configurations.
-jt <local|resourcemanager:port>  specify a ResourceManager
-files <file1,...>                specify a comma-separated list of files to be copied to the map reduce cluster
-libjars <jar1,...>               specify a comma-separated list of jar files to be included in the classpath
-archives <archive1,...>          specify a comma-separated list of archives to be unarchived on the compute machines

The general command line syntax is:
command [genericOptions] [commandOptions]
";

/// `-name options`.
pub(crate) fn syntax(entry: &Entry) -> String {
    let usage = if entry.replaced_by.is_some() { "" } else { entry.usage };
    if usage.is_empty() { format!("-{}", entry.name) } else { format!("-{} {usage}", entry.name) }
}

/// The usage of one command.
pub(crate) fn usage_of(entry: &Entry) -> String {
    format!("{PREFIX} {}", syntax(entry))
}

/// Usage of all commands, with or without what they do.
pub(crate) fn overview(with_help: bool) -> String {
    let current = || COMMANDS.iter().filter(|entry| entry.replaced_by.is_none());
    let mut text = format!("{PREFIX}\n");
    for entry in current() {
        let _ = writeln!(text, "\t[{}]", syntax(entry));
    }
    if with_help {
        for entry in current() {
            let _ = write!(text, "\n{}", help_of(entry));
        }
    }
    let _ = write!(text, "\n{GENERIC}");
    text
}

/// What one command does.
pub(crate) fn help_of(entry: &Entry) -> String {
    let mut text = format!("{} :\n", syntax(entry));
    match entry.replaced_by {
        Some(other) => {
            let _ = writeln!(text, "  (DEPRECATED) Same as '{other}'");
        }
        None => {
            for line in entry.help.lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

/// Usage or help of one command.
pub(crate) fn about(entry: &Entry, with_help: bool) -> String {
    if with_help { help_of(entry) } else { usage_of(entry) + "\n" }
}
