//! Parsers that only this crate needs, opened for `fuzz/` (feature `fuzzing`).

use loxodon_namenode::Now;

use crate::daemon::{jobtracker, namenode, tasktracker};
use crate::web::{NamePattern, Request, escape_html};

/// What a browser or a script asks for.
pub fn query(text: &str) {
    let request = Request::get("/jmx", text);
    let _ = escape_html(request.parameter("qry").unwrap_or(text));
    if let Some(pattern) = NamePattern::parse(request.parameter("qry").unwrap_or(text)) {
        let _ = pattern.matches("Hadoop:service=NameNode,name=FSNamesystemState");
    }
}

/// Lists of hosts, in JSON and as words, and tables of racks.
pub fn hosts(text: &str) {
    let _ = namenode::parse_combined(text, Now::default());
    let _ = namenode::parse_table(text, "table");
    let _ = jobtracker::parse_hosts(text);
}

/// What a job's client and the JobTracker itself leave in a file system.
pub fn job_files(bytes: &[u8]) {
    let _ = jobtracker::JobInfo::parse(bytes);
    let _ = jobtracker::parse_conf(bytes);
}

/// The system's words on control groups.
pub fn control_groups(mounts: &str, groups: &str) {
    let _ = tasktracker::own_group(mounts, groups);
}
