//! `hadoop jar`: the Java archives whose programs are built in.

use std::path::Path;

use loxodon_console::eprintln;
use loxodon_mapreduce::{examples, streaming};

use crate::embedded::minicluster;

/// What an archive is, by its name: it need not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Archive {
    /// `hadoop-streaming*.jar`.
    Streaming,
    /// `hadoop-mapreduce-examples*.jar`.
    Examples,
    /// `hadoop-mapreduce-client-jobclient*-tests.jar`, from which clients' tests start clusters.
    Tests,
}

fn archive(jar: &str) -> Option<Archive> {
    let name = Path::new(jar).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.contains("streaming") {
        Some(Archive::Streaming)
    } else if name.contains("examples") {
        Some(Archive::Examples)
    } else if name.contains("jobclient") && name.contains("tests") {
        Some(Archive::Tests)
    } else {
        None
    }
}

/// Runs `jar FILE ARGUMENTS`; its exit code.
pub(crate) fn run(directory: Option<&Path>, args: &[String]) -> i32 {
    let Some((jar, args)) = args.split_first() else {
        eprintln!("RunJar jarFile [mainClass] args...");
        return super::FAILED;
    };
    match archive(jar) {
        Some(Archive::Streaming) => streaming::run(directory, args),
        Some(Archive::Examples) => examples::run(directory, args),
        Some(Archive::Tests) => tests_program(jar, args),
        None => {
            eprintln!(
                "jar: java.lang.UnsupportedOperationException: {jar}: Java programs are not run by Loxodon; the \
                 programs of hadoop-streaming*.jar and hadoop-mapreduce-examples*.jar are built in, and \
                 `minicluster` of hadoop-mapreduce-client-jobclient*-tests.jar"
            );
            super::FAILED
        }
    }
}

/// `MapredTestDriver`'s programs, of which one does not need Java.
fn tests_program(jar: &str, args: &[String]) -> i32 {
    match args.split_first() {
        Some((program, args)) if program == "minicluster" => minicluster::run(args),
        Some((program, _)) => {
            eprintln!(
                "jar: java.lang.UnsupportedOperationException: {program} of {jar} is a Java program: Loxodon \
                 has `minicluster` of them"
            );
            super::FAILED
        }
        None => {
            eprintln!(
                "An example program must be given as the first argument.\nValid program names are:\n  \
                 minicluster: Single process HDFS and MR cluster."
            );
            super::FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Archive, archive};

    #[test]
    fn archives_are_known_by_their_names() {
        for (jar, expected) in [
            ("/opt/hadoop/hadoop-streaming-3.5.0.jar", Some(Archive::Streaming)),
            ("hadoop-mapreduce-examples-3.5.0.jar", Some(Archive::Examples)),
            ("share/hadoop-mapreduce-client-jobclient-3.5.0-tests.jar", Some(Archive::Tests)),
            ("hadoop-mapreduce-client-jobclient-3.5.0.jar", None),
            ("mine.jar", None),
        ] {
            assert_eq!(archive(jar), expected, "{jar}");
        }
    }
}
