//! `hadoop jar`: the two Java archives whose programs are built in.

use std::path::Path;

use loxodon_mapreduce::{examples, streaming};

/// Runs `jar FILE ARGUMENTS`; its exit code. What counts is the file's name: it need not be there.
pub(crate) fn run(directory: Option<&Path>, args: &[String]) -> i32 {
    let Some((jar, args)) = args.split_first() else {
        eprintln!("RunJar jarFile [mainClass] args...");
        return super::FAILED;
    };
    let name = Path::new(jar).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.contains("streaming") {
        streaming::run(directory, args)
    } else if name.contains("examples") {
        examples::run(directory, args)
    } else {
        eprintln!(
            "jar: java.lang.UnsupportedOperationException: {jar}: Java programs are not run by Loxodon; the \
             programs of hadoop-streaming*.jar and hadoop-mapreduce-examples*.jar are built in"
        );
        super::FAILED
    }
}
