//! Whole jobs: on Hadoop's YARN, on its local runner, with Spark in local mode, on our cluster and in one
//! process of ours.

mod cluster;
mod job;
mod text;

use std::path::Path;

use crate::daemon::Maker;
use crate::process::run;
use crate::{Plan, Result};
use cluster::Cluster;
use job::{Input, Job, LOCAL_RUNNERS, Place, Runner};

/// Megabytes of a job's input where the command line names none.
const MEGABYTES: u64 = 1024;
/// Megabytes whose words are counted with commands.
const STREAMED: u64 = 256;

/// One run of a job.
struct Row {
    runner: Runner,
    wall_seconds: f64,
    cpu_seconds: f64,
    /// Of the process of a runner that is one.
    most_bytes: Option<f64>,
    digest: Option<String>,
}

/// Measures all runners, one after the other; the number is megabytes of the larger jobs.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let root = tempfile::tempdir()?;
    let large = plan.size.unwrap_or(MEGABYTES);
    let input = Input::make(root.path(), large, STREAMED.min(large))?;
    let jobs = Job::all(large, STREAMED.min(large));
    let mut tables: Vec<(&Job, Vec<Row>)> = jobs.iter().map(|job| (job, Vec::new())).collect();
    for runner in LOCAL_RUNNERS.into_iter().filter(|r| plan.makers.contains(&r.maker())) {
        for (job, rows) in &mut tables {
            if let Some(row) = locally(runner, job, &input, root.path())? {
                rows.push(row);
            }
        }
    }
    for maker in &plan.makers {
        on_a_cluster(*maker, &input, root.path(), &mut tables)?;
    }
    for (job, rows) in &tables {
        print(job, rows);
        agree(job, rows)?;
    }
    Ok(())
}

/// Runs a job in one process; `None` where this runner has no such job.
fn locally(runner: Runner, job: &Job, input: &Input, root: &Path) -> Result<Option<Row>> {
    let output = root.join(format!("{runner:?}-{}", job.id()));
    let place = Place { conf: None, input: input.path(job), output: output.clone(), root };
    let Some(mut command) = runner.command(job, &place)? else { return Ok(None) };
    let used = run(&mut command)?;
    let digest = job.is_compared(runner).then(|| job::digest(&output)).transpose()?;
    std::fs::remove_dir_all(&output)?;
    Ok(Some(Row {
        runner,
        wall_seconds: used.wall_seconds,
        cpu_seconds: used.cpu_seconds,
        most_bytes: Some(used.most_bytes),
        digest,
    }))
}

/// Starts HDFS and the daemons of a maker's MapReduce, and runs all jobs there.
fn on_a_cluster(
    maker: Maker,
    input: &Input,
    root: &Path,
    tables: &mut [(&Job, Vec<Row>)],
) -> Result<()> {
    let folder = root.join(format!("cluster-{maker:?}"));
    let cluster = Cluster::start(maker, &folder)?;
    let runner = if maker == Maker::Java { Runner::Yarn } else { Runner::Cluster };
    for (job, rows) in tables {
        let local = input.path(job);
        let stored = format!("/input-{}", job.id());
        cluster.put(&local, &stored)?;
        let place = Place {
            conf: Some(cluster.conf()),
            input: stored.into(),
            output: format!("/output-{}", job.id()).into(),
            root,
        };
        let Some(mut command) = runner.command(job, &place)? else { continue };
        let before = cluster.cpu_seconds()?;
        let used = run(&mut command)?;
        let cpu_seconds = used.cpu_seconds + cluster.cpu_seconds()? - before;
        let output = folder.join("output");
        cluster.get(&place.output, &output)?;
        let digest = job.is_compared(runner).then(|| job::digest(&output)).transpose()?;
        std::fs::remove_dir_all(&output)?;
        cluster.remove(&[&place.output, &place.input])?;
        let wall_seconds = used.wall_seconds;
        rows.push(Row { runner, wall_seconds, cpu_seconds, most_bytes: None, digest });
    }
    Ok(())
}

/// Prints a Markdown table; ratios are to ours of the same kind, a cluster or one process.
fn print(job: &Job, rows: &[Row]) {
    println!(
        "\n| {} | seconds | CPU seconds | MB resident at most | ratio, seconds | ratio, CPU |",
        job.title()
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let ours = rows.iter().find(|r| r.runner == row.runner.ours());
        let ratio = |of: fn(&Row) -> f64| match ours {
            // Times are counted in hundredths.
            Some(ours) if row.runner.maker() == Maker::Java && of(ours) >= 0.02 => {
                format!("{:.1} ×", of(row) / of(ours))
            }
            _ => String::new(),
        };
        println!(
            "| {} | {:.2} | {:.2} | {} | {} | {} |",
            row.runner.title(),
            row.wall_seconds,
            row.cpu_seconds,
            row.most_bytes.map_or_else(String::new, |bytes| format!("{:.0}", bytes / 1e6)),
            ratio(|r| r.wall_seconds),
            ratio(|r| r.cpu_seconds),
        );
    }
}

/// All runners whose output has the same form wrote the same.
fn agree(job: &Job, rows: &[Row]) -> Result<()> {
    let mut digests = rows.iter().filter_map(|row| Some((row.runner, row.digest.as_ref()?)));
    let Some((first, expected)) = digests.next() else { return Ok(()) };
    match digests.find(|(_, digest)| *digest != expected) {
        None => Ok(()),
        Some((other, _)) => {
            let (title, a, b) = (job.title(), first.title(), other.title());
            Err(format!("{title}: the outputs of {a} and {b} differ").into())
        }
    }
}
