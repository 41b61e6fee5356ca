//! Hadoop's YARN, with our HDFS as its file system: jobs are staged, localised, run, told of and logged there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;
use loxodon_interop::yarn::Yarn;

const TEXT: &str = "one fish two fish\nred fish blue fish\n";

#[test]
fn a_job_on_yarn_has_everything_here() {
    in_fresh_directory(|root| {
        let cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        let yarn = Yarn::configure(&cluster.site().conf(), root)?;
        let _daemons = yarn.start()?;
        let input = root.join("input");
        std::fs::write(&input, TEXT)?;
        shell(&cluster, &["-mkdir", "/in"])?;
        shell(&cluster, &["-put", &input.display().to_string(), "/in/text"])?;
        let job = yarn
            .java("examples.ExampleDriver")
            // No history server runs. Asked late, the client would look for the finished job there.
            .args(["wordcount", "-D", "mapreduce.jobhistory.address=", "/in", "/out"])
            .current_dir(root)
            .output()?;
        if !job.status.success() {
            let said = String::from_utf8_lossy(&job.stderr);
            return Err(io::Error::other(format!("{}\n{said}\n{}", job.status, yarn.logs())));
        }
        assert_eq!(shell(&cluster, &["-cat", "/out/part-r-00000"])?, counted(TEXT));
        // Its application master goes when its client is told already.
        let mut files = String::new();
        eventually("the staging directory goes", Duration::from_secs(180), || {
            files = shell(&cluster, &["-ls", "-R", "-C", "/tmp"]).ok()?;
            (!files.contains("/.staging/job_")).then_some(())
        })?;
        let ends = |suffix: &str| files.lines().any(|name| name.ends_with(suffix));
        assert!(ends(".jhist") && ends("_conf.xml"), "no history in {files}");
        reads_its_history(&cluster, root, &files)
    });
}

/// Our own command shows what the job's application master wrote.
fn reads_its_history(cluster: &Cluster, root: &Path, files: &str) -> io::Result<()> {
    let history = files.lines().find(|name| name.ends_with(".jhist")).unwrap_or_default();
    let local = root.join(Path::new(history).file_name().unwrap_or_default());
    let local = local.display().to_string();
    shell(cluster, &["-get", history, &local])?;
    let told = cluster.ours(&["mapred", "job", "-history", &format!("file://{local}")])?;
    assert_eq!(told.exit, 0, "{}", told.stderr);
    assert!(told.stdout.contains("Status: SUCCEEDED"), "{}", told.stdout);
    Ok(())
}

fn shell(cluster: &Cluster, args: &[&str]) -> io::Result<String> {
    let outcome = cluster.ours(&[&["hdfs", "dfs"], args].concat())?;
    match outcome.exit {
        0 => Ok(outcome.stdout),
        exit => Err(io::Error::other(format!("{args:?}: exit {exit}\n{}", outcome.stderr))),
    }
}

/// Words and how often they are there, as WordCount writes them.
fn counted(text: &str) -> String {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts.into_iter().fold(String::new(), |mut lines, (word, count)| {
        let _ = writeln!(lines, "{word}\t{count}");
        lines
    })
}
