//! `hdfs groups`: a user's groups as the NameNode knows them (`GetGroups`).

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use super::FAILED;
use super::cluster::Cluster;
use crate::shell::{Failure, current_user};

/// Runs `groups`; its exit code.
pub(crate) fn run(conf: Configuration, args: &[String]) -> i32 {
    if matches!(args, [only] if matches!(only.as_str(), "-h" | "-help" | "--help")) {
        println!("Usage: hdfs groups [username ...]");
        return 0;
    }
    match print(conf, args) {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("groups: {failure}");
            FAILED
        }
    }
}

fn print(conf: Configuration, args: &[String]) -> Result<(), Failure> {
    let cluster = Cluster::of(conf)?;
    let own = [current_user().effective];
    for user in if args.is_empty() { &own } else { args } {
        let groups = cluster.wait(cluster.client.user_groups(user))?;
        let line = groups.iter().fold(format!("{user} :"), |line, group| line + " " + group);
        println!("{line}");
    }
    Ok(())
}
