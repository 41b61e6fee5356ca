//! `mapred queue` (`org.apache.hadoop.mapred.JobQueueClient`).

use loxodon_conf::Configuration;
use loxodon_console::{eprint, print, println};
use loxodon_mapreduce::error::Result;
use loxodon_mapreduce::protocol::{Empty, QueueAcls, QueueMessage, QueueRequest, Queues};

use super::connection::{Connection, failed};
use super::{FAILED, list, usage};
use crate::shell::current_user;

/// Runs `mapred queue`; its exit code.
pub(super) fn run(conf: Configuration, args: &[String]) -> i32 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["-list", ..] => print_list(&conf),
        ["-showacls", ..] => print_acls(&conf),
        ["-info", "-showJobs"] => return wrong(),
        ["-info", queue] => print_info(&conf, queue, false),
        ["-info", queue, "-showJobs"] => print_info(&conf, queue, true),
        _ => return wrong(),
    };
    done.map_or_else(|error| failed(&error), |()| 0)
}

fn wrong() -> i32 {
    eprint!("{}", usage::QUEUE);
    print!("{}", usage::GENERIC);
    FAILED
}

fn print_list(conf: &Configuration) -> Result<()> {
    let queues: Queues = Connection::of(conf)?.call("getRootQueues", &Empty {})?;
    let mut text = String::new();
    queues.queues.iter().for_each(|queue| describe(queue, "", &mut text));
    print!("{text}");
    Ok(())
}

fn describe(queue: &QueueMessage, prefix: &str, text: &mut String) {
    text.push_str(&format!("{prefix}======================\n"));
    text.push_str(&format!("{prefix}Queue Name : {} \n", queue.name));
    text.push_str(&format!("{prefix}Queue State : {} \n", queue.state));
    text.push_str(&format!("{prefix}Scheduling Info : {} \n", queue.scheduling_info));
    let below = format!("    {prefix}");
    queue.children.iter().for_each(|child| describe(child, &below, text));
}

fn print_info(conf: &Configuration, name: &str, with_jobs: bool) -> Result<()> {
    let request = QueueRequest { name: name.to_owned() };
    let found: Queues = Connection::of(conf)?.call("getQueue", &request)?;
    let Some(queue) = found.queues.first() else {
        println!("Queue \"{name}\" does not exist.");
        return Ok(());
    };
    let mut text = String::new();
    describe(queue, "", &mut text);
    if with_jobs && queue.children.is_empty() {
        text.push_str(&list::table(&queue.jobs));
    }
    print!("{text}");
    Ok(())
}

fn print_acls(conf: &Configuration) -> Result<()> {
    let found: QueueAcls = Connection::of(conf)?.call("getQueueAclsForCurrentUser", &Empty {})?;
    let user = current_user().effective;
    if found.acls.is_empty() {
        println!("User {user} does not have access to any queue. \n");
        return Ok(());
    }
    let mut text =
        format!("Queue acls for user :  {user}\n\nQueue  Operations\n=====================\n");
    for acl in found.acls {
        let mut operations = acl.operations;
        operations.sort();
        let shown: Vec<String> =
            operations.iter().map(|operation| operation.replacen("acl-", "", 1)).collect();
        text.push_str(&format!("{}  {}\n", acl.queue, shown.join(",")));
    }
    print!("{text}");
    Ok(())
}
