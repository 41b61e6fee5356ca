//! Every exception class that our daemons name in an answer is one that Java's clients can make.

use std::fs;
use std::io;
use std::path::Path;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, whoami};
use loxodon_interop::repository;

/// Hadoop has it no more, and only our TaskTrackers hear it.
const OF_TRACKERS: &str = "org.apache.hadoop.mapred.DisallowedTaskTrackerException";

#[test]
fn java_has_every_exception_that_we_name() {
    in_fresh_directory(|root| {
        let mut names = Vec::new();
        collect(&repository().join("crates"), &mut names)?;
        names.sort();
        names.dedup();
        names.retain(|name| name != OF_TRACKERS);
        if names.len() < 20 {
            return Err(io::Error::other(format!("too few to be all: {names:?}")));
        }
        let mut java = JavaHost::start(&root.join("java.log"))?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        java.run(root, &whoami(), "classes", &names)?.succeeded().map(drop)
    });
}

/// Names in quotes like those of Java's exceptions, in the sources below `folder`.
fn collect(folder: &Path, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path)?;
            let quoted = text.split('"').filter(|word| {
                word.starts_with("org.apache.hadoop.")
                    && word.ends_with("Exception")
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || ".$".contains(c))
            });
            names.extend(quoted.map(str::to_owned));
        }
    }
    Ok(())
}
